"""Recall: a name is told, k other words follow, and the name is asked for. How far does a model remember?

    >>> task = RecallTask()
    >>> task.text(6)
    'Hugo tree door with far apple apple ? Hugo'

Shapes: B batch, T time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from minigpt.text.storyland import Recall

NAMES = ("Ana", "Bruno", "Clara", "Daniel", "Eva", "Hugo", "Lia", "Max", "Nora", "Oscar", "Rita", "Tom")
WORDS = """
    a the my old new red big small and or with on under behind near dog cat bird fish tree river hill stone wall door
    boat sun moon rain wind song bell lamp bread apple was is saw heard found lost took made ran sang slept far soon
"""
FILLERS = tuple(WORDS.split())
ASK = "?"
NOT_COUNTED = -100
"""A target that a model's loss leaves out."""


@dataclass(frozen=True)
class Question:
    """A text that ends where a name is due."""

    ids: tuple[int, ...]
    answer: int
    candidates: tuple[int, ...]
    """What it could be as far as one can know without remembering: all equally likely."""

    @property
    def chance(self) -> float:
        """The share that a model gets right which has forgotten."""
        return 1 / len(self.candidates)


class RecallTask:
    """Texts `name, k words, ?, name`. Names and words are drawn uniformly, so that nothing but the name tells.

    Each text depends on (seed, k, index) alone. Ids are places in `words`.
    """

    def __init__(self, seed: int = 0):
        if seed < 0:
            raise ValueError(f"seed {seed} is negative: give a whole number from 0 up")
        self.seed = seed
        self.words = (*NAMES, *FILLERS, ASK)
        self.n_vocab = len(self.words)

    def ids(self, k: int, index: int = 0) -> list[int]:
        """The text number `index` with k words between name and question: k + 3 ids, the name first and last."""
        if k < 0:
            raise ValueError(f"k={k}: there must be 0 words or more between the name and the question")
        return self.draw(np.random.default_rng((self.seed, k, index)), k, 1)[0].tolist()

    def draw(self, rng: np.random.Generator, k: int, n: int) -> np.ndarray:
        """n texts with k words between, one a row: (n, k + 3)."""
        names = rng.integers(len(NAMES), size=(n, 1))
        fillers = rng.integers(len(NAMES), len(NAMES) + len(FILLERS), size=(n, k))
        return np.hstack([names, fillers, np.full((n, 1), self.n_vocab - 1), names])

    def text(self, k: int, index: int = 0) -> str:
        """The same in words."""
        return " ".join(self.words[i] for i in self.ids(k, index))

    def questions(self, k: int, n: int, start: int = 0) -> list[Question]:
        """The texts number `start` to `start + n - 1`, each without its last word, which is the answer."""
        rows = (self.ids(k, index) for index in range(start, start + n))
        return [Question(tuple(row[:-1]), row[-1], tuple(range(len(NAMES)))) for row in rows]


class RecallBatches:
    """Batches of a recall task for `Trainer`: each has one k, drawn from `ks`, and counts the answer alone.

    The batch of a step is drawn from (seed, step) alone, and anew: that a text of the test comes up is all but
    impossible from k = 8 on (there are 12 · 48**k texts), and cannot be avoided for k = 0.
    """

    def __init__(self, task: RecallTask, ks: Sequence[int], batch_size: int, seed: int = 0):
        if not ks or min(ks) < 0:
            raise ValueError(f"ks={list(ks)}: give at least one distance, each 0 or more")
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size}: must be at least 1")
        self.task, self.ks, self.batch_size, self.seed = task, tuple(ks), batch_size, seed
        self.n_ctx = max(ks) + 2  # the longest x

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """x and its targets y: two int64 tensors (B, T), T = k + 2, with NOT_COUNTED in y but for the answer."""
        rng = np.random.default_rng((self.seed, step))
        k = self.ks[int(rng.integers(len(self.ks)))]
        rows = torch.from_numpy(self.task.draw(rng, k, self.batch_size))  # (B, T+1)
        y = torch.full_like(rows[:, 1:], NOT_COUNTED)  # (B, T)
        y[:, -1] = rows[:, -1]
        return rows[:, :-1], y

    def meta(self) -> dict:
        """What tells one run's batches from another's, in values that JSON keeps."""
        own = {"batch_size": self.batch_size, "seed": self.seed}
        return {"task_seed": self.task.seed, "ks": list(self.ks), **own}


def from_storyland(recall: Recall, ids: Mapping[str, int]) -> Question:
    """The same question about a text of Storyland, whose filler is whole sentences, with the ids of its words.

    `Storyland.recall(k)` counts differently: there the name is due at the k-th word after it was told.
    """
    if missing := sorted({*recall.words, *recall.candidates} - ids.keys()):
        raise ValueError(f"no id for {missing[0]!r}: give one for each word of Storyland.vocabulary()")
    words = recall.words[: recall.position]
    return Question(tuple(ids[w] for w in words), ids[recall.answer], tuple(ids[w] for w in recall.candidates))
