"""The time machine: a small model that is kept at many steps of its training, under a slider.

course.time_machine()
course.time_machine("Rodulo had a ball. One day, Ro", step=1000)
"""

import os
from typing import Any

import numpy as np

from minigpt import views
from minigpt.inspection.record import record
from minigpt.sampling import complete
from minigpt.training.telemetry import read_telemetry
from minigpt.views.time_machine import TimeMachine
from minigpt.weights.files import read_json
from minigpt.weights.snapshots import Snapshots, load_snapshots

PROMPT = "There was a boy named Bovito. Bovito had a friend named Tumela. One day, Bo"
SAMPLING: dict[str, Any] = {"max_new_tokens": 60, "temperature": 0.5, "top_k": 20, "seed": 0}
MEASURES, LEVELS = "measures.jsonl", "levels.json"


def time_machine(
    prompt: str = PROMPT, *, step: int | None = None, folder: str | os.PathLike[str] | None = None
) -> TimeMachine:
    """Slide through a training run: its losses, what it writes after a prompt, its heads, and the birth of one of them.

    `step`: the snapshot to begin with. `folder`: a run of `minigpt.training.time_machine`, in place of the course's
    own. Raises ValueError for a prompt that is empty or too long, FileNotFoundError where there is no such run.
    """
    snapshots = load_snapshots(folder)
    measures = read_telemetry(snapshots.folder / MEASURES)
    levels = snapshots.folder / LEVELS
    compare = read_json(levels) if levels.exists() else None
    return views.time_machine(snapshots.steps, measures, Reader(snapshots), prompt, levels=compare, step=step)


class Reader:
    """What all snapshots make of a prompt: `views.time_machine` asks it."""

    def __init__(self, snapshots: Snapshots):
        self.snapshots = snapshots

    def __call__(self, prompt: str) -> dict[str, Any]:
        """Labels of the tokens; the attention of all snapshots, (S, L, H, T, T); and what each writes."""
        tokenizer = self.snapshots.tokenizer
        ids = tokenizer.encode(prompt)
        if not ids:
            raise ValueError("Nothing is typed yet: begin with a word.")
        models = [self.snapshots.model(step) for step in self.snapshots.steps]
        n_ctx = models[0].config.n_ctx
        if len(ids) > n_ctx:
            raise ValueError(f"This text has {len(ids):,} tokens, and {n_ctx:,} fit: shorten it.")
        labels = tokenizer.labels(ids)
        attention = np.stack([record(model, ids, labels).attention_stack() for model in models])
        written = [complete(model, tokenizer, prompt, **SAMPLING)[len(prompt) :] for model in models]
        return {"tokens": labels, "attention": attention, "written": written}
