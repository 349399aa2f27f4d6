"""A model at several steps of its training: a file for each step, read when it is asked for.

    snapshots = load_snapshots()        # those that come with the course
    snapshots.steps                     # (0, …)
    model = snapshots.model(0)

A file is an ordinary safetensors file of GPT-2, with its config in the header: `load_pretrained(file)` reads it too.
"""

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from minigpt.assets import asset
from minigpt.models.gpt import GPT
from minigpt.text.tokenizers import Tokenizer, load_tokenizer
from minigpt.weights.load import load_pretrained
from minigpt.weights.save import all_or_nothing, write_weights
from minigpt.weights.shipped import TOKENIZER

KEPT = 32
"""Models that stay in memory once they are read: all of a usual run, a megabyte or two each."""


@dataclass(frozen=True)
class Snapshots:
    """See `load_snapshots`."""

    folder: Path
    steps: tuple[int, ...]
    """How many steps the model of each snapshot has made, rising."""
    tokenizer: Tokenizer

    def model(self, step: int) -> GPT:
        """The model after so many steps, in evaluation mode. Raises ValueError for a step without a snapshot."""
        if step not in self.steps:
            listed = ", ".join(map(str, self.steps))
            raise ValueError(f"there is no snapshot of step {step!r}: take one of {listed}")
        return _read(snapshot_file(self.folder, step))


def load_snapshots(folder: str | os.PathLike[str] | None = None) -> Snapshots:
    """The snapshots of a run: of the one that comes with the course, or of the folder that `train_snapshots` wrote.

    Nothing but the tokenizer is read before a model is asked for. Raises FileNotFoundError where there are none.
    """
    place = asset("checkpoints/time_machine") if folder is None else Path(folder)
    found = [re.fullmatch(r"snapshot-(\d+)\.safetensors", file.name) for file in place.glob("snapshot-*")]
    steps = sorted(int(match[1]) for match in found if match)
    if not steps or not (place / TOKENIZER).exists():
        raise FileNotFoundError(
            f"{place} has no snapshots of a run (snapshot-….safetensors and {TOKENIZER}): give the folder that "
            "python -m minigpt.training.time_machine wrote, or none for the course's own"
        )
    return Snapshots(place, tuple(steps), load_tokenizer(place / TOKENIZER))


def snapshot(step: int) -> GPT:
    """The course's own model after so many steps; `load_snapshots().steps` are those that there are."""
    return load_snapshots().model(step)


def save_snapshot(model: GPT, step: int, folder: str | os.PathLike[str]) -> Path:
    """Write the model as it is now, in half precision. Errors as in `save_pretrained`."""
    path = snapshot_file(Path(folder), step)
    with all_or_nothing(path.parent) as beside:
        write_weights(model, beside / path.name, torch.float16)
    return path


def snapshot_file(folder: Path, step: int) -> Path:
    """Where the snapshot of a step is."""
    return folder / f"snapshot-{step:06d}.safetensors"


@lru_cache(KEPT)
def _read(path: Path) -> GPT:
    return load_pretrained(path)
