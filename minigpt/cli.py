"""The command `minigpt`, thin: each verb imports the part that does the work when it is asked for."""

import argparse
import ast
import dataclasses
import inspect
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; what the user can mend is said without a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    top = parser(with_training="train" in arguments[:1])
    options, rest = top.parse_known_args(arguments)
    if rest and options.verb != "lab":
        top.error(f"unknown: {' '.join(rest)}")
    try:
        return options.run(options, rest) or 0
    except (ValueError, OSError, ImportError) as error:
        print(f"minigpt {options.verb}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def parser(with_training: bool = True) -> argparse.ArgumentParser:
    """All verbs. The options of training come from its own module, which imports torch: only `train` pays for that."""
    top = argparse.ArgumentParser(prog="minigpt", description="Build a small GPT-2, look inside it, train it.")
    verbs = top.add_subparsers(dest="verb", required=True)

    def verb(run, text: str) -> argparse.ArgumentParser:
        formatter = argparse.ArgumentDefaultsHelpFormatter
        added = verbs.add_parser(run.__name__, help=text, description=text, formatter_class=formatter)
        added.set_defaults(run=run)
        return added

    added = verb(doctor, "say what this machine has, what the course will do with it, what to mend")
    added.add_argument("--json", action="store_true", help="the report as JSON")
    added.add_argument("--write-checksums", action="store_true", help="store those of assets/, which has changed")

    verb(lab, "open JupyterLab on the first notebook; further words go to JupyterLab")
    verb(course, "show which exercises you have passed")

    added = verb(data, "prepare: encode a text of any size to files of tokens, for train; goes on where it was stopped")
    added.add_argument("what", choices=["prepare"])
    added.add_argument("text", type=Path, help="a UTF-8 file, or one in .xz")
    added.add_argument("--folder", type=Path, required=True, help="where the tokens go")
    added.add_argument("--tokenizer", help="a tokenizer.json; GPT-2's if none")
    added.add_argument("--file-tokens", type=int, default=10_000_000, help="tokens in a file")

    added = verb(train, "train a model on a text; a run that was stopped goes on where it was")
    added.add_argument("text", help="a corpus by name, such as storyland, a file, or a folder that `data prepare` made")
    added.add_argument("--folder", type=Path, required=True, help="where checkpoints, telemetry and the model go")
    added.add_argument("--size", default="tiny", help="a named size, see minigpt.config.SIZES")
    added.add_argument("--batch-size", type=int, default=16, help="windows of n_ctx tokens in a step")
    if with_training:
        add_fields(added)

    added = verb(sample, "let a model continue a text")
    added.add_argument("prompt")
    added.add_argument("--model", help="a folder, or a name such as gpt2; the model that comes with the course if none")
    added.add_argument("--tokens", type=int, default=200, help="at most so many")
    added.add_argument("--temperature", type=float, default=0.8, help="0: always the likeliest token")
    added.add_argument("--top-k", type=int, default=40, help="draw from the k likeliest tokens")
    added.add_argument("--top-p", type=float, help="draw from the likeliest tokens that have this probability together")
    added.add_argument("--seed", type=int, help="the same seed draws the same text")
    fewer = "float32, bfloat16, int8 or auto: weights laid out to write faster, in fewer bits; as they are if none"
    added.add_argument("--precision", help=fewer)
    return top


def add_fields(added: argparse.ArgumentParser) -> None:
    """An option for each field of TrainConfig, with its doc line as help."""
    from minigpt.training.loop import TrainConfig

    (definition,) = ast.parse(inspect.getsource(TrainConfig)).body
    assert isinstance(definition, ast.ClassDef)
    docs = {
        field.target.id: doc.value.value
        for field, doc in zip(definition.body, definition.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant)
    }
    for field in dataclasses.fields(TrainConfig):
        name, text = f"--{field.name.replace('_', '-')}", str(docs[field.name]).replace("%", "%%")
        if isinstance(field.default, bool):
            added.add_argument(name, help=text, action="store_true")
        else:
            added.add_argument(name, help=text, type=type(field.default), default=field.default)


def doctor(options, rest) -> int:
    from minigpt.doctor import report, write_checksums

    if options.write_checksums:
        print(f"wrote {write_checksums()}")
        return 0
    return report(options.json)


def lab(options, rest) -> int:
    import subprocess

    return subprocess.call([sys.executable, str(ROOT / "course.py"), "lab", *rest], cwd=ROOT)


def course(options, rest) -> None:
    from minigpt.course.progress import Progress

    print(Progress())


def data(options, rest) -> None:
    import shutil

    from minigpt.text.shards import prepare
    from minigpt.text.tokenizers import BPETokenizer, load_tokenizer

    tokenizer = load_tokenizer(options.tokenizer) if options.tokenizer else BPETokenizer.gpt2()
    size = options.text.stat().st_size
    whole = f" of {size / 1e6:,.1f}" if options.text.suffix != ".xz" else ""

    def show(n_bytes: int, n_tokens: int) -> None:
        print(f"{n_bytes / 1e6:,.1f}{whole} MB of text, {n_tokens:,} tokens", flush=True)

    shards = prepare(options.text, options.folder, tokenizer, options.file_tokens, show)
    if options.tokenizer:
        shutil.copy(options.tokenizer, options.folder / "tokenizer.json")
    print(f"{len(shards):,} tokens: minigpt train {options.folder} --folder …")


def train(options, rest) -> None:
    from minigpt.training import distributed

    with distributed.joined():  # with others, where torchrun has started several
        train_share(options)


def train_share(options) -> None:
    """What each process of a run does; one of them talks."""
    import torch

    from minigpt.config import GPTConfig
    from minigpt.doctor import device
    from minigpt.models.gpt import GPT
    from minigpt.text.batches import Batches
    from minigpt.training import distributed
    from minigpt.training.loop import TrainConfig, Trainer
    from minigpt.training.peak import in_words

    config = GPTConfig.named(options.size)
    settings = TrainConfig(**{field.name: getattr(options, field.name) for field in dataclasses.fields(TrainConfig)})
    with distributed.first_alone():
        tokenizer, ids, held_out = tokens_of(options, config.n_vocab)
    config = dataclasses.replace(config, n_vocab=tokenizer.n_vocab)
    torch.manual_seed(settings.seed)
    kind, description = device()
    batches = Batches(ids, config.n_ctx, options.batch_size, seed=settings.seed)
    valid = Batches(held_out, config.n_ctx, options.batch_size, seed=settings.seed)
    model = GPT(config).to(kind)
    talks = distributed.rank() == 0
    if talks:
        together = f", in {distributed.count()} processes" if distributed.count() > 1 else ""
        print(f"{config.n_params():,} parameters, {len(ids):,} tokens, on {description}{together}")
    trainer = Trainer(model, batches, settings, valid, options.folder, callbacks=(show_step,) if talks else ())
    records = trainer.run()
    if talks and records and (memory := in_words(records[-1])):
        print(memory)
    if trainer.step < settings.n_steps:
        if talks:
            print(f"stopped after step {trainer.step} of {settings.n_steps}; the same command goes on from there")
        return
    keep_model(model, tokenizer, options.folder / "model")


def tokens_of(options, n_vocab: int):
    """The tokenizer, the tokens to train on, and the last tenth, which is held out."""
    from minigpt.text.batches import encode_documents
    from minigpt.text.shards import INDEX, TokenShards
    from minigpt.text.tokenizers import BPETokenizer, load_tokenizer

    folder = Path(options.text)
    if (folder / INDEX).exists():
        own = folder / "tokenizer.json"
        shards = TokenShards(folder)
        border = len(shards) * 9 // 10
        tokenizer = load_tokenizer(own) if own.exists() else BPETokenizer.gpt2()
        return tokenizer, shards.part(0, border), shards.part(border, len(shards))
    text = read_text(options.text)
    tokenizer = tokenizer_of(options.folder, text, n_vocab)
    border = len(text) * 9 // 10
    return tokenizer, *(encode_documents(tokenizer, [part]) for part in (text[:border], text[border:]))


def keep_model(model, tokenizer, folder: Path) -> None:
    """Save what was trained, in one piece, and say how to use it."""
    import torch

    from minigpt.models.gpt import GPT
    from minigpt.training import distributed
    from minigpt.weights import save_shipped

    weights = {name: distributed.whole(tensor).cpu() for name, tensor in model.state_dict().items()}
    if distributed.rank() == 0:
        trained = GPT(model.config)
        trained.load_state_dict(weights)
        save_shipped(trained, tokenizer, folder, dtype=torch.float32)
        print(f'trained: minigpt sample --model {folder} "…"')


def read_text(name: str) -> str:
    from minigpt.text import corpora

    if Path(name).is_file():
        return Path(name).read_text(encoding="utf-8")
    text = corpora.load(name)
    if not isinstance(text, str):
        raise ValueError(f"{name} is not one text: take another of {', '.join(corpora.names())}")
    return text


def tokenizer_of(folder: Path, text: str, n_vocab: int):
    """The folder's tokenizer, trained on the text the first time."""
    from minigpt.text.tokenizers import BPETokenizer

    path = folder / "tokenizer.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        BPETokenizer.train(text, n_vocab).save(path)
    return BPETokenizer.load(path)


def show_step(trainer, record: dict) -> None:
    if "valid_loss" in record:
        losses = f"loss {record['loss']:.3f}, held out {record['valid_loss']:.3f} nats per token"
        print(f"step {trainer.step:6,}  {losses}  {record['tokens_per_second']:,.0f} tokens/s", flush=True)


def sample(options, rest) -> None:
    from minigpt.sampling import stream
    from minigpt.text.tokenizers import BPETokenizer, load_tokenizer
    from minigpt.weights import load_pretrained, load_shipped

    if options.model is None:
        model, tokenizer = load_shipped()
    else:
        model, path = load_pretrained(options.model), Path(options.model) / "tokenizer.json"
        tokenizer = BPETokenizer.gpt2() if model.config.n_vocab == 50257 else load_tokenizer(path)
    if options.precision:
        from minigpt.inference import prepared

        model = prepared(model, options.precision)
        print(model.why, file=sys.stderr)
    rule = {name: getattr(options, name) for name in ("temperature", "top_k", "top_p", "seed")}
    pieces = stream(model, tokenizer, options.prompt, max_new_tokens=options.tokens, **rule)  # refuses at once
    print(options.prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


if __name__ == "__main__":
    sys.exit(main())
