"""Guess first: the reader predicts before an experiment, and compares afterwards."""

import html
from collections.abc import Callable, Sequence
from typing import Any

from traitlets import Bool, Float, List, Unicode

from minigpt.views import plain, static
from minigpt.views.view import View

OnGuess = Callable[[str, Any], None]


class Guess(View):
    """See `guess` and `guess_number`. `guess` is what the reader chose, None before; `answer` may be set later."""

    name = "guess"
    _esm = static.module("guess")
    _css = static.style("guess")
    question = Unicode().tag(sync=True)
    options = List(Unicode()).tag(sync=True)  # empty: a number is asked for
    unit = Unicode().tag(sync=True)
    within = Float(0.0).tag(sync=True)  # a number is close when it is off by at most this share of the answer …
    factor = Float(0.0).tag(sync=True)  # … or, where this is given, by at most this factor
    answer = Float(None, allow_none=True).tag(sync=True)  # of options: the position of the right one
    why = Unicode().tag(sync=True)
    guess = Float(None, allow_none=True).tag(sync=True)
    revealed = Bool(False).tag(sync=True)

    def __init__(self, key: str, on_guess: OnGuess | None, **traits: Any) -> None:
        if not key.strip() or not traits["question"].strip():
            raise ValueError("a guess needs a key, under which it is stored, and a question")
        self.key = key
        super().__init__(**traits)
        if on_guess is not None:
            self.observe(lambda change: self._store(on_guess, change["new"]), "guess")

    def _store(self, on_guess: OnGuess, guess: float | None) -> None:
        if guess is not None:
            self.guarded(on_guess, self.key, int(guess) if self.options else guess)

    def stored(self) -> dict[str, Any]:
        """A saved notebook is everyone's: it begins without the guess of whoever ran it."""
        return {"guess": None, "revealed": False}

    def describe(self) -> str:
        """The question with its options."""
        options = f" {'; '.join(self.options)}." if self.options else ""
        return f"Guess first: {self.question}{options}"

    def face(self) -> str:
        """The question as text, its answer folded away."""
        options = "".join(f"<li>{html.escape(option)}</li>" for option in self.options)
        face = f"<p><strong>Guess first.</strong> {html.escape(self.question)}</p>" + (
            options and f"<ul>{options}</ul>"
        )
        if self.answer is None:
            return face
        answer = self.options[int(self.answer)] if self.options else f"{self.answer:,.12g} {self.unit}".strip()
        text = html.escape(f"{answer}. {self.why}".strip())
        return f"{face}<details><summary>Answer</summary><p>{text}</p></details>"


def guess(
    key: str,
    question: str,
    options: Sequence[str],
    answer: int | None,
    why: str = "",
    *,
    stored: int | None = None,
    on_guess: OnGuess | None = None,
) -> Guess:
    """Ask the reader to choose one of the options before an experiment shows which is right.

    `answer` is the position of the right option; None where the experiment will tell: set `view.answer` then. `why` is
    shown with the comparison. `on_guess(key, position)` is called when the reader stores a guess, and `stored` is what
    it kept from an earlier session.
    """
    choices = plain.labels(options, "options")
    if len(choices) < 2 or len(set(choices)) < len(choices):
        raise ValueError(f"options should be at least two different ones, not {choices}")
    if answer is not None and answer not in range(len(choices)):
        raise ValueError(f"answer={answer} is no position in {len(choices)} options: they count from 0")
    if stored not in range(len(choices)):
        stored = None  # kept for an earlier wording of the question
    return Guess(key, on_guess, question=question, options=choices, answer=answer, why=why, guess=stored)


def guess_number(
    key: str,
    question: str,
    answer: float | None,
    why: str = "",
    *,
    unit: str = "",
    within: float = 0.1,
    factor: float | None = None,
    stored: float | None = None,
    on_guess: OnGuess | None = None,
) -> Guess:
    """Ask the reader for a number. It is close when off by at most the share `within` of the answer.

    With `factor`, numbers are compared on a logarithmic scale, as fits orders of magnitude: close means at most
    `factor` times too large or too small. `answer`, `why`, `stored` and `on_guess` as in `guess`.
    """
    known = [] if answer is None else plain.numbers([answer], "answer")
    if within <= 0 or (factor is not None and factor <= 1):
        raise ValueError(f"within={within} should be above 0 and factor={factor} above 1, or nobody guesses right")
    if factor is not None and any(value <= 0 for value in known):
        raise ValueError(
            f"answer={answer} cannot be compared by a factor: leave factor out, or ask for a positive number"
        )
    traits = dict(question=question, answer=answer, why=why, unit=unit, within=within, factor=factor or 0.0)
    return Guess(key, on_guess, guess=stored, **traits)
