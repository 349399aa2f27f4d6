"""Guess first: the views' widgets, with what the reader guessed kept from one day to the next."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minigpt.course.progress import note_guess, stored_guess

if TYPE_CHECKING:
    from minigpt.views.guess import Guess


def guess(key: str, question: str, options: Sequence[str], answer: int | None, why: str = "") -> "Guess":
    """Let the reader choose before the experiment: `course.guess("05.g1", "Which …?", ["a", "b", "c"], answer=1)`.

    `answer` is the position of the right option, None where the experiment will tell: set `.answer` then.
    """
    from minigpt.views.guess import guess as widget

    return widget(key, question, options, answer, why, stored=stored_guess(key), on_guess=note_guess)


def guess_number(key: str, question: str, answer: float | None, why: str = "", **options: Any) -> "Guess":
    """Let the reader guess a number: `course.guess_number("01.g2", "How many …?", 27, unit="characters")`.

    `options`: `unit`, `within` and `factor` of `minigpt.views.guess.guess_number`.
    """
    from minigpt.views.guess import guess_number as widget

    return widget(key, question, answer, why, stored=stored_guess(key), on_guess=note_guess, **options)
