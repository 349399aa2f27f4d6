"""Byte-pair encoding as it learns: merge after merge, forwards and back, with the text cut anew each time."""

from collections.abc import Iterable, Sequence

import numpy as np
from traitlets import Int, List, Unicode

from minigpt.views import plain, static
from minigpt.views.view import View

Symbol = str | bytes
MOST = 4_000  # symbols of text that a reader may still want to look at
ROWS = 12  # of the table in a saved notebook


class Merges(View):
    """See `merges`. `step` is how many merges are applied; symbols are positions in `labels`."""

    name = "merges"
    _esm = static.module("merges")
    _css = static.style("merges")
    labels = List(Unicode()).tag(sync=True)
    words = List(List(Int())).tag(sync=True)  # the text before any merge
    steps = List(List(Int())).tag(sync=True)  # left, right, the new symbol, how often it was counted in training
    base = Int().tag(sync=True)  # size of the vocabulary before any merge
    step = Int(0).tag(sync=True)

    def describe(self) -> str:
        """How many merges there are, and how much shorter they make the text."""
        before = sum(map(len, self.words))
        after = sum(map(len, self._after(len(self.steps))))
        return f"{len(self.steps)} merges of byte-pair encoding cut this text into {after} tokens instead of {before}."

    def face(self) -> str:
        """Some of the steps, each with the text as it is cut after it; a bar stands between two tokens."""
        picked = np.unique(np.linspace(0, len(self.steps), min(ROWS, len(self.steps) + 1)).round().astype(int))
        rows = [[step, *self._words_of(step), self._cut(step)] for step in picked]
        return static.table(["step", "merged", "times", "text afterwards"], rows)

    def _words_of(self, step: int) -> tuple[str, str]:
        if step == 0:
            return "nothing yet", ""
        left, right, _, count = self.steps[step - 1]
        return f"“{self.labels[left]}” + “{self.labels[right]}”", f"{count:,}"

    def _cut(self, step: int) -> str:
        return "  ".join("|".join(self.labels[symbol] for symbol in word) for word in self._after(step))

    def _after(self, step: int) -> list[list[int]]:
        words = [list(word) for word in self.words]
        for left, right, new, _ in self.steps[:step]:
            words = [_merged(word, left, right, new) for word in words]
        return words


def merges(words: Iterable[str], steps: Iterable[tuple[Symbol, Symbol, int]], *, step: int = 0) -> Merges:
    """Show how byte-pair encoding learns: step forwards, back, or play, and see the words cut anew.

    `words` is the text to show, as pre-splitting cuts it. `steps` are the merges in order, each (left, right, how often
    the pair was counted in training), as `BPETokenizer.train_steps` yields them: the symbols are bytes (the text starts
    as its UTF-8 bytes, 256 kinds), or strings (it starts as its characters).
    """
    if isinstance(words, str):
        raise TypeError("words is a list of strings, not one text: cut it, e.g. minigpt.text.bpe.split_words(text)")
    texts, learnt = list(words), [tuple(one) for one in steps]
    if not texts or not all(texts):
        raise ValueError("words is empty, or one of them is: there is nothing to merge")
    if not learnt:
        raise ValueError("steps is empty: give at least one merge (left, right, count)")
    of_bytes = _are_bytes(learnt)
    symbols = [[bytes([b]) for b in word.encode()] if of_bytes else list(word) for word in texts]
    if sum(map(len, symbols)) > MOST:
        raise ValueError(f"{sum(map(len, symbols)):,} symbols are too many to look at: show at most {MOST:,}")
    if step not in range(len(learnt) + 1):
        raise ValueError(f"step={step} is not between 0 and the {len(learnt)} merges")
    place: dict[Symbol, int] = {}  # each symbol's place in `labels`
    cut = [[place.setdefault(symbol, len(place)) for symbol in word] for word in symbols]
    base = 256 if of_bytes else len(place)
    numbered = [
        [*(place.setdefault(symbol, len(place)) for symbol in (left, right, left + right)), int(count)]  # type: ignore[operator]
        for left, right, count in learnt
    ]
    return Merges(labels=list(map(_label, place)), words=cut, steps=numbered, base=base, step=step)


def _are_bytes(steps: Sequence[tuple]) -> bool:
    kinds = {type(symbol) for one in steps for symbol in one[:2]}
    if any(len(one) != 3 for one in steps) or kinds not in ({bytes}, {str}):
        raise TypeError(f"a step is (left, right, count) with two strings or two bytes, not e.g. {steps[0]!r}")
    return kinds == {bytes}


def _label(symbol: Symbol) -> str:
    text = symbol.decode("utf-8", errors="backslashreplace") if isinstance(symbol, bytes) else symbol
    return plain.label(text)


def _merged(word: list[int], left: int, right: int, new: int) -> list[int]:
    """The word with each pair of neighbours (left, right), from left to right, as one symbol."""
    merged: list[int] = []
    for symbol in word:
        if symbol == right and merged and merged[-1] == left:
            merged[-1] = new
        else:
            merged.append(symbol)
    return merged
