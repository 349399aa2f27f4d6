"""How often a model recalls a name, by how long ago it was told."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from minigpt.sampling import evaluating, last_logits
from minigpt.text.recall import Question, RecallTask


@dataclass(frozen=True)
class Recalled:
    """A count of right answers, to be compared with what forgetting would give."""

    n_right: int
    n: int
    chance: float
    """Share that is right by chance, on average over the questions."""

    @property
    def share(self) -> float:
        return self.n_right / self.n

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """Where the model's true share lies with 95 % confidence (Wilson 1927). Above `chance`: it remembers."""
        center = self.share + z * z / (2 * self.n)
        half = z * math.sqrt(self.share * (1 - self.share) / self.n + z * z / (4 * self.n * self.n))
        scale = 1 + z * z / self.n
        return (center - half) / scale, (center + half) / scale


def recall_by_distance(model: Any, task: RecallTask, ks: Iterable[int], n: int = 200) -> dict[int, Recalled]:
    """For each k, how many of the task's first n questions the model answers. Deterministic."""
    return {k: recall(model, task.questions(k, n)) for k in ks}


def recall(model: Any, questions: Sequence[Question], batch_size: int = 100) -> Recalled:
    """Count the questions whose answer is the likeliest of the candidates, to a language model or an n-gram.

    The candidates alone are compared, so that a model which knows that a name is due, and not which, gets `chance`.
    Raises ValueError without questions, and what the model raises for texts that it cannot read.
    """
    if not questions:
        raise ValueError("there are no questions: a share needs at least one")
    by_length: defaultdict[int, list[Question]] = defaultdict(list)
    for question in questions:
        by_length[len(question.ids)].append(question)
    n_right = 0
    for group in by_length.values():
        for start in range(0, len(group), batch_size):
            part = group[start : start + batch_size]
            n_right += sum(
                question.candidates[int(np.argmax(row[list(question.candidates)]))] == question.answer
                for question, row in zip(part, next_scores(model, [question.ids for question in part]), strict=True)
            )
    return Recalled(n_right, len(questions), sum(question.chance for question in questions) / len(questions))


def next_scores(model: Any, texts: Sequence[Sequence[int]]) -> np.ndarray:
    """A score of each token of the vocabulary after each text, all of the same length: an array (B, V)."""
    if not isinstance(model, torch.nn.Module):
        return np.stack([model.probs(text) for text in texts])
    device = next(model.parameters()).device
    with torch.inference_mode(), evaluating(list(model.modules())):
        return last_logits(model, torch.tensor(texts, device=device)).float().cpu().numpy()
