"""Ship what the recipe made: weights in half precision, tokenizer, and a card whose numbers come from the run itself.

python -m minigpt.training.story_card --run runs/story --out assets/checkpoints/story --machine "2 cores of …"
"""

import argparse
import json
import math
import shutil
from pathlib import Path

import numpy as np
import torch

from minigpt.models.gpt import GPT
from minigpt.sampling import complete
from minigpt.text.tokenizers import BPETokenizer
from minigpt.training.story import END, FINISH, VALID, trained_model
from minigpt.training.telemetry import read_telemetry
from minigpt.weights import load_pretrained, save_shipped

PROMPTS = ("Once upon a time", "The little dog was sad because", "The king said to the fisherman,")

LIMITS = """\
## Limits
It knows short sentences in the manner of the texts above and nothing else: no facts, no arithmetic, no other language.
It loses names and plots after a few sentences. Old children's books are among its texts, and so are their views of
people; do not use it for anything but study.
"""


def card(run: Path, model: GPT, tokenizer: BPETokenizer, machine: str, note: str) -> str:
    """The card, in Markdown: data, training, losses, samples, limits. One section for each stage of the run."""
    finish = run / "finish"
    records = read_telemetry(finish / "telemetry.jsonl")
    valid = [record for record in records if "valid_loss" in record][-1]
    held_out = np.load(run / "valid.npy")
    n_bytes = len(tokenizer.decode(held_out.tolist()).replace(END, "").encode())
    bits_per_byte = valid["valid_loss"] / math.log(2) * len(held_out) / n_bytes
    return f"""\
# story

A small GPT-2 that writes children's stories, trained for this course with its own loop. It is here to be opened,
looked into and changed, and writes at once on any machine.

## Training
On {machine}. {note}
All settings are in `minigpt/training/story.py`; every step is in `assets/runs/`. The tokenizer, byte-level BPE with
{tokenizer.n_vocab:,} tokens, was trained on the texts of the first stage. Losses are in nats per token.

### First stage: everything
{stage(run, "", "story.jsonl")}

### Second stage: what is easiest to read, from the first one's weights
{stage(finish, " --finish", "story-finish.jsonl")}

Held out is {VALID.what.removeprefix("held-out ")}, {len(held_out):,} tokens. The last loss on it is
{bits_per_byte:.3f} bits per byte, a perplexity of {math.exp(valid["valid_loss"]):.1f} per token of this vocabulary.

## Samples
Temperature 0.8, top-k 40, seed 1, first try, cut after 120 tokens.

{samples(model, tokenizer)}

{LIMITS}"""


def stage(run: Path, option: str, telemetry: str) -> str:
    """What one stage read, how it was run, and its losses."""
    _, meta = trained_model(run)
    records = read_telemetry(run / "telemetry.jsonl")
    valid = [record for record in records if "valid_loss" in record][-1]
    n_tokens = records[-1]["n_tokens"]
    hours = sum(record["seconds"] for record in records) / 3600
    settings = {"n_steps": meta["step"], "batch": meta["batches"]["batch_size"], "n_ctx": meta["batches"]["n_ctx"]}
    settings |= {key: meta["train_config"][key] for key in ("optimizer", "learning_rate", "muon_learning_rate")}
    return f"""\
`python -m minigpt.training.story --data DATA --folder runs/story{option}`: {n_tokens:,} tokens in {hours:.1f} hours
({", ".join(f"{key} {value}" for key, value in settings.items())}), recorded in `{telemetry}`.

{mixture_table(run, n_tokens)}

Loss in training, mean of the last 100 steps: {np.mean([record["loss"] for record in records[-100:]]):.3f}. On held-out
text, at the end: {valid["valid_loss"]:.3f}."""


def mixture_table(run: Path, n_tokens: int) -> str:
    """Each text with its size, its share of the mixture, and how often the run went through it."""
    return shares(json.loads((run / "mixture.json").read_text(encoding="utf-8")), n_tokens)


def shares(sources: list[dict], n_tokens: int) -> str:
    """The table of a mixture: `sources` as in mixture.json, `n_tokens` read in all."""
    total = sum(source["n_tokens"] * source["repeat"] for source in sources)
    rows = []
    for source in sources:
        drawn = source["n_tokens"] * source["repeat"] / total
        times = n_tokens * source["repeat"] / total
        rows.append(f"| {source['what']} | {source['n_tokens']:,} | {drawn:.0%} | {times:.1f} |")
    return "\n".join(["| text | tokens | share | times read |", "|---|---:|---:|---:|", *rows])


def samples(model: GPT, tokenizer: BPETokenizer) -> str:
    texts = [
        complete(model, tokenizer, prompt, max_new_tokens=120, temperature=0.8, top_k=40, seed=1) for prompt in PROMPTS
    ]
    return "\n\n".join("> " + text.split(END)[0].replace("\n", "\n> ") for text in texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--machine", required=True, help="what it was trained on, in words, for the card")
    parser.add_argument("--note", default="", help="what else a reader of the card should know about the run")
    arguments = parser.parse_args()
    finish = arguments.run / "finish"
    model, meta = trained_model(finish)
    if meta["step"] < FINISH.n_steps:
        print(f"note: the second stage is at step {meta['step']} of {FINISH.n_steps}")
    tokenizer = BPETokenizer.load(arguments.run / "tokenizer.json")
    save_shipped(model, tokenizer, arguments.out, torch.float16, "")
    shipped = load_pretrained(arguments.out)  # samples come from what is shipped, rounded to half precision
    text = card(arguments.run, shipped, tokenizer, arguments.machine, arguments.note)
    save_shipped(model, tokenizer, arguments.out, torch.float16, text)
    runs = arguments.out.parents[1] / "runs"
    runs.mkdir(exist_ok=True)
    shutil.copy(arguments.run / "telemetry.jsonl", runs / "story.jsonl")
    shutil.copy(finish / "telemetry.jsonl", runs / "story-finish.jsonl")


if __name__ == "__main__":
    main()
