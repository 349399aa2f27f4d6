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

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.sampling import complete
from minigpt.text.tokenizers import BPETokenizer
from minigpt.training.checkpoints import load_latest
from minigpt.training.story import END, TRAIN, VALID
from minigpt.training.telemetry import read_telemetry
from minigpt.weights import load_pretrained, save_shipped

PROMPTS = ("Once upon a time", "The little dog was sad because", "The king said to the fisherman,")


def trained_model(run: Path) -> tuple[GPT, dict]:
    """The model of the newest checkpoint of a run, and the checkpoint's meta."""
    found = load_latest(run)
    if found is None:
        raise FileNotFoundError(f"there is no checkpoint in {run}: run python -m minigpt.training.story first")
    tensors, meta = found
    model = GPT(GPTConfig.from_dict(json.loads((run / "config.json").read_text(encoding="utf-8"))))
    model.load_state_dict({name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")})
    return model.eval(), meta


def card(run: Path, model: GPT, tokenizer: BPETokenizer, meta: dict, machine: str, note: str) -> str:
    """The card, in Markdown: data, training, losses, samples, limits."""
    records = read_telemetry(run / "telemetry.jsonl")
    last, valid = records[-1], [record for record in records if "valid_loss" in record][-1]
    hours = sum(record["seconds"] for record in records) / 3600
    held_out = np.load(run / "valid.npy")
    n_bytes = len(tokenizer.decode(held_out.tolist()).replace(END, "").encode())
    bits_per_byte = valid["valid_loss"] / math.log(2) * len(held_out) / n_bytes
    settings = {"n_steps": meta["step"], "batch": meta["batches"]["batch_size"], "n_ctx": meta["batches"]["n_ctx"]}
    settings |= {key: meta["train_config"][key] for key in ("optimizer", "learning_rate", "muon_learning_rate")}
    return f"""\
# story

A small GPT-2 that writes children's stories, trained for this course with its own loop. It is here to be opened,
looked into and changed, and writes at once on any machine.

## Data
{mixture_table(run, last["n_tokens"])}

Held out for the loss below: {VALID.what}, {len(held_out):,} tokens. The tokenizer, byte-level BPE with
{tokenizer.n_vocab:,} tokens, was trained on the same texts.

## Training
`python -m minigpt.training.story --data DATA --folder runs/story` on {machine}:
{last["n_tokens"]:,} tokens in {hours:.1f} hours ({", ".join(f"{key} {value}" for key, value in settings.items())};
all settings are in `minigpt/training/story.py`). {note}

| loss | nats per token |
|---|---:|
| training, mean of the last 100 steps | {np.mean([record["loss"] for record in records[-100:]]):.3f} |
| held-out TinyStories, at the end | {valid["valid_loss"]:.3f} |

The held-out loss is {bits_per_byte:.3f} bits per byte, a perplexity of {math.exp(valid["valid_loss"]):.1f} per token of
this vocabulary.

## Samples
Temperature 0.8, top-k 40, seed 1, first try, cut after 120 tokens.

{samples(model, tokenizer)}

## Limits
It knows short sentences in the manner of the texts above and nothing else: no facts, no arithmetic, no other language.
It loses names and plots after a few sentences. Old children's books are among its texts, and so are their views of
people; do not use it for anything but study.
"""


def mixture_table(run: Path, n_tokens: int) -> str:
    """Each text with its size, its share of the mixture, and how often the run went through it."""
    sources = json.loads((run / "mixture.json").read_text(encoding="utf-8"))
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
    model, meta = trained_model(arguments.run)
    if meta["step"] < TRAIN.n_steps:
        print(f"note: the run is at step {meta['step']} of {TRAIN.n_steps}")
    tokenizer = BPETokenizer.load(arguments.run / "tokenizer.json")
    save_shipped(model, tokenizer, arguments.out, torch.float16, "")
    shipped = load_pretrained(arguments.out)  # samples come from what is shipped, rounded to half precision
    save_shipped(
        model,
        tokenizer,
        arguments.out,
        torch.float16,
        card(arguments.run, shipped, tokenizer, meta, arguments.machine, arguments.note),
    )
    runs = arguments.out.parents[1] / "runs"
    runs.mkdir(exist_ok=True)
    shutil.copy(arguments.run / "telemetry.jsonl", runs / "story.jsonl")


if __name__ == "__main__":
    main()
