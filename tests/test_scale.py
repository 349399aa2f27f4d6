"""docs/scale.md holds what our own calculators say; `python -m tests.test_scale --write` writes the table anew."""

import sys
from pathlib import Path

from minigpt.config import GPTConfig
from minigpt.training.costs import hours, memory

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scale.md"
BEGIN, END = "<!-- table: written by `python -m tests.test_scale --write` -->\n", "<!-- end of table -->\n"
MODEL = GPTConfig.named("gpt2-xl")
PER_GPU, SPEED = 8, 989e12
WAYS = [(1, "ddp"), (8, "ddp"), (2, "fsdp"), (8, "fsdp"), (64, "fsdp")]


def table() -> str:
    lines = [
        "| GPUs | way | weights, gradients, averages | activations | logits | peak | days |",
        "|---|---|---|---|---|---|---|",
    ]
    for n, way in WAYS:
        m = memory(MODEL, n * PER_GPU, activation_bytes=2, n_processes=n, parallel=way)
        held = m.weights + m.gradients + m.optimizer
        days = hours(MODEL, 20 * MODEL.n_params(), n * SPEED) / 24
        numbers = " | ".join(f"{part / 1e9:.1f}" for part in (held, m.activations, m.passing, m.peak))
        lines.append(f"| {n} | {way} | {numbers} | {days:.1f} |")
    return "\n".join(lines) + "\n"


def parts(page: str) -> tuple[str, str, str]:
    before, rest = page.split(BEGIN)
    found, after = rest.split(END)
    return before, found, after


def test_the_page_says_what_the_calculators_say():
    assert parts(PAGE.read_text(encoding="utf-8"))[1] == table(), "run `python -m tests.test_scale --write`"


def test_its_commands_have_the_options_that_there_are():
    from minigpt.cli import parser

    words = ["train", "tokens", "--folder", "run", "--parallel", "fsdp", "--precision", "auto", "--save-every", "100"]
    options = parser().parse_args(words)
    assert (options.parallel, options.precision, options.save_every) == ("fsdp", "auto", 100)
    assert parser().parse_args(["data", "prepare", "wikipedia.txt", "--folder", "TOKENS"]).what == "prepare"


if __name__ == "__main__":
    assert sys.argv[1:] == ["--write"], __doc__
    before, _, after = parts(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(before + BEGIN + table() + END + after, encoding="utf-8", newline="\n")
