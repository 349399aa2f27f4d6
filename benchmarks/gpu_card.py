"""The story model that came from a GPU as a folder for `load_shipped`, with a card made from what the run wrote."""

import json
import math
from pathlib import Path

import torch

from minigpt.models.gpt import GPT
from minigpt.text.tokenizers import Tokenizer
from minigpt.training.story_card import LIMITS, samples, shares
from minigpt.weights import load_pretrained, save_shipped


def ship(out: Path, to: Path, tokenizer: Tokenizer) -> None:
    """Write `to` from a folder in which gpu.jsonl and story.safetensors lie, put together by `join`.

    Raises ValueError where no run of part a was recorded.
    """
    lines = [json.loads(line) for line in (out / "gpu.jsonl").read_text(encoding="utf-8").splitlines()]
    stories = [line for line in lines if line["kind"] == "story" and "best_of" in line]
    if not stories:
        raise ValueError(f"{out / 'gpu.jsonl'} records no run of part a: run it first")
    first = max(i for i, line in enumerate(lines) if line["kind"] == "machine" and line_of_part_a(lines, i))
    model = load_pretrained(out / "story.safetensors")
    save_shipped(model, tokenizer, to, torch.float16, card(lines[first], stories, model, tokenizer))


def line_of_part_a(lines: list[dict], i: int) -> bool:
    """Did the call that line i begins train a story model?"""
    for line in lines[i + 1 :]:
        if line["kind"] == "machine":
            return False
        if line["kind"] == "story":
            return True
    return False


def card(machine: dict, stories: list[dict], model: GPT, tokenizer: Tokenizer) -> str:
    """The card, in Markdown. Only the stages of the plan that was best are told; the record has all."""
    last = stories[-1]
    best, _, at = last["best_of"].partition(", ")
    plan = best.rpartition("-")[0]
    stages = [line for line in stories if line["name"].rpartition("-")[0] == plan]
    stages = stages[: next(i for i, line in enumerate(stages) if line["name"] == best) + 1]
    loss, command = last["best_so_far"], " ".join(machine["command"])
    return f"""\
# story

A small GPT-2 that writes children's stories, trained for this course with its own loop. It is here to be opened,
looked into and changed, and writes at once on any machine.

## Training
On one {machine["device"]}, with PyTorch {machine["versions"]["torch"]}: `{command}`.
Of {len(stories)} stages in all the weights with the lowest loss on held-out stories were kept, those of {at} of {best}:
{loss:.3f} nats per token, a perplexity of {math.exp(loss):.1f} per token of this vocabulary of {tokenizer.n_vocab:,}.
They were chosen by that loss, so it is a little better than it would be on other stories.

{chr(10).join(stage(line) for line in stages)}
## Samples
Temperature 0.8, top-k 40, seed 1, first try, cut after 120 tokens.

{samples(model, tokenizer)}

{LIMITS}"""


def stage(line: dict) -> str:
    settings = {key: line["settings"][key] for key in ("optimizer", "learning_rate", "muon_learning_rate", "precision")}
    told = ", ".join(f"{key} {value}" for key, value in settings.items())
    return f"""\
### {line["name"]}
{line["n_tokens"]:,} tokens in {line["steps"]:,} steps and {line["seconds"]:,.0f} seconds ({told}, dropout \
{line["config"]["dropout"]}). On held-out text, at its end: {line["valid_loss"]:.3f}.

{shares(line["mixture"], line["n_tokens"])}
"""
