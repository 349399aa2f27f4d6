"""Recognise a mistake by what it returns: each wrong implementation runs on the same inputs as the reader's code."""

from collections.abc import Sequence

from torch import Tensor

from minigpt.course.exercise import Call, Exercise, Misconception
from minigpt.course.run import Outcome, run


def recognise(
    exercise: Exercise,
    calls: Sequence[Call],
    states: Sequence[dict[str, Tensor] | None],
    expected: Sequence[Outcome],
    got: Sequence[Outcome],
) -> Misconception | None:
    """The misconception whose results are the reader's on all inputs and differ from the reference's on some."""
    for misconception in exercise.misconceptions:
        wrong = [run(misconception.wrong, call, state) for call, state in zip(calls, states, strict=True)]
        if agree(wrong, got, exercise.tolerance) and not agree(wrong, expected, exercise.tolerance):
            return misconception
    return None


def agree(some: Sequence[Outcome], others: Sequence[Outcome], tolerance: float) -> bool:
    """True if they have the same results on all inputs, and not errors alone."""
    both = list(zip(some, others, strict=True))
    return all(a.equals(b, tolerance) for a, b in both) and any(a.error is None for a, _ in both)
