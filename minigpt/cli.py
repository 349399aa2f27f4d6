"""The command `minigpt`, thin: each verb imports the part that does the work when it is asked for."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; what the user can mend is said without a traceback."""
    options, rest = parser().parse_known_args(arguments)
    if rest and not options.takes_more:
        parser().error(f"unknown: {' '.join(rest)}")
    try:
        return options.run(options, rest) or 0
    except (ValueError, OSError, ImportError) as error:
        print(f"minigpt {options.verb}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="minigpt", description="Build a small GPT-2, look inside it, train it.")
    verbs = top.add_subparsers(dest="verb", required=True)

    def verb(name, run, text, takes_more=False):
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(run=run, takes_more=takes_more)
        return added

    doctor_verb = verb("doctor", doctor, "say what this machine has, what the course will do, what to mend")
    doctor_verb.add_argument("--json", action="store_true", help="the report as JSON")
    doctor_verb.add_argument("--write-checksums", action="store_true", help="after assets/ was changed on purpose")

    verb("lab", lab, "open JupyterLab on the first notebook; more words go to JupyterLab", takes_more=True)

    sample_verb = verb("sample", sample, "let a model continue a text")
    sample_verb.add_argument("prompt")
    sample_verb.add_argument("--model", help="folder of a model; the shipped one if not given")
    sample_verb.add_argument("--tokens", type=int, default=200, help="at most so many (%(default)s)")
    sample_verb.add_argument(
        "--temperature", type=float, default=0.8, help="0: always the likeliest token (%(default)s)"
    )
    sample_verb.add_argument("--top-k", type=int, default=40, help="draw from the k likeliest tokens (%(default)s)")
    sample_verb.add_argument("--top-p", type=float, help="draw from the likeliest tokens that together have this share")
    sample_verb.add_argument("--seed", type=int, help="the same seed draws the same text")
    return top


def doctor(options, rest) -> int:
    from minigpt.doctor import report, write_checksums

    if options.write_checksums:
        print(f"wrote {write_checksums()}")
        return 0
    return report(options.json)


def lab(options, rest) -> int:
    import subprocess

    return subprocess.call([sys.executable, str(ROOT / "course.py"), "lab", *rest], cwd=ROOT)


def sample(options, rest) -> int:
    from minigpt.sampling import stream
    from minigpt.text.tokenizers import load_tokenizer
    from minigpt.weights import load_pretrained, load_shipped

    if options.model:
        model = load_pretrained(options.model)
        tokenizer = load_tokenizer(Path(options.model) / "tokenizer.json")
    else:
        model, tokenizer = load_shipped()
    settings = {
        "temperature": options.temperature,
        "top_k": options.top_k,
        "top_p": options.top_p,
        "seed": options.seed,
    }
    print(options.prompt, end="", flush=True)
    for piece in stream(model, tokenizer, options.prompt, max_new_tokens=options.tokens, **settings):
        print(piece, end="", flush=True)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
