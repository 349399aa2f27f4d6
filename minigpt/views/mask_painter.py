"""A mask to paint: who may look at whom, and what each token can know of after so many layers."""

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from traitlets import Bool, Int, List, Unicode

from minigpt.views import plain, static
from minigpt.views.view import View

MOST = 32  # tokens a side: smaller cells could not be painted
LISTED = 10  # tokens that a sentence names


class MaskPainter(View):
    """See `mask_painter`. `mask` is what is painted now, `row` the chosen token, `depth` the layers taken."""

    name = "mask_painter"
    _esm = static.module("mask_painter")
    _css = static.style("mask_painter")
    tokens = List(Unicode()).tag(sync=True)
    sources = List(Unicode()).tag(sync=True)
    cross = Bool(False).tag(sync=True)  # are the columns another text?
    padding = List(Bool()).tag(sync=True)  # of the columns
    cells = List(List(Bool())).tag(sync=True)
    n_layer = Int(1).tag(sync=True)
    depth = Int(1).tag(sync=True)
    row = Int(0).tag(sync=True)

    @property
    def mask(self) -> np.ndarray:
        """The mask (T, S) as it is painted now, bool, True = may look: a copy. Assign a whole one to change it."""
        return np.array(self.cells, dtype=bool)

    @mask.setter
    def mask(self, mask: Any) -> None:
        self.cells = _checked(mask, self.tokens, self.sources).tolist()

    def describe(self) -> str:
        """How much the mask allows, and what the chosen token can know of."""
        T, S = self.mask.shape
        allowed = f"Attention mask, {T} tokens that look at {S}: {self.mask.sum()} of {T * S} pairs are allowed."
        token, known = self.tokens[self.row], self._known(self.row, self.depth)
        return f"{allowed} {self._after(self.depth)} “{plain.shortened(token, 20)}” can know of {known}."

    def face(self) -> str:
        """The mask as a picture, and row by row in a table."""
        from minigpt.views import figures

        words = dict(title="1: may look; struck through: may not", xlabel="looked at", ylabel="looks")
        figure = figures.matrix(self.mask, self.tokens, self.sources, mask=self.mask, **words)
        rows = [
            [token, self._listed(looks, itself=-1), self._known(i, self.n_layer)]
            for i, (token, looks) in enumerate(zip(self.tokens, self.mask, strict=True))
        ]
        header = ["token", "may look at", f"can know of {self._after(self.n_layer).lower()}"]
        return static.image(figures.to_svg(figure), self.describe()) + static.table(header, rows)

    def _after(self, n: int) -> str:
        return "In one step" if self.cross else f"After {n} layer{'s' if n > 1 else ''}"

    def _known(self, row: int, n: int) -> str:
        if self.cross:
            return self._listed(self.mask[row], itself=-1)
        return self._listed(reachable(self.mask, n)[row], itself=row)

    def _listed(self, among: np.ndarray, itself: int) -> str:
        """The sources that are True, as mask_painter.js lists them, each name keeping its direction to itself."""
        names = [plain.shortened(name, 20) for name in self.sources]
        leftwards = [{"R", "AL"} & set(map(unicodedata.bidirectional, name)) for name in names]
        shown = [f"\u2068{name}\u2069" if turns else name for name, turns in zip(names, leftwards, strict=True)]
        number = [f" ({j})" if names.count(name) > 1 else "" for j, name in enumerate(names)]
        named = [f"“{shown[j]}”{number[j]}" for j in np.flatnonzero(among) if j != itself]
        more = [f"{len(named) - LISTED} more"] if len(named) > LISTED else []
        return ", ".join([*named[:LISTED], *more, *(["itself"] if itself >= 0 else [])]) or "nothing"


def mask_painter(
    tokens: Sequence[str], mask: Any, *, sources: Sequence[str] | None = None, n_layer: int = 1, padding: Any = None
) -> MaskPainter:
    """A mask to paint, (T, S): a row is a token that looks, a column one looked at, True = may look.

    The view says what kind of mask it is, where a decoder would cheat, and what a token can know of after 1 to
    `n_layer` layers; `.mask` is what the reader has painted. With `sources` the tokens look at another text (cross-
    attention), in one step: what they know of each other is another mask's matter. `padding` (S,) is True where a token
    looked at only fills up the batch. A mask that is not bool raises TypeError, one that does not fit ValueError.
    """
    names = plain.labels(tokens, "tokens")
    seen = names if sources is None else plain.labels(sources, "sources")
    if max(len(names), len(seen)) > MOST:
        raise ValueError(f"{max(len(names), len(seen))} tokens are too many to paint: show at most {MOST}")
    if n_layer < 1 or (n_layer > 1 and sources is not None):
        raise ValueError(f"n_layer={n_layer}: at least 1, and no more with `sources`, whose mask is one step")
    fill = np.zeros(len(seen), dtype=bool) if padding is None else np.asarray(padding)
    if fill.dtype != bool or fill.shape != (len(seen),):
        raise ValueError(f"padding should be {len(seen)} bools, True = padding, not {fill.dtype} of shape {fill.shape}")
    where = dict(tokens=names, sources=seen, cross=sources is not None, padding=fill.tolist())
    return MaskPainter(cells=_checked(mask, names, seen).tolist(), n_layer=n_layer, row=len(names) - 1, **where)


def reachable(mask: np.ndarray, n: int) -> np.ndarray:
    """What each token can know of after n layers of self-attention under one mask, (T, T) bool -> (T, T) bool.

    In a layer a token hears from all that it may look at, and keeps what it knows (the residual stream): the n-th
    power of (mask or identity), with "and" for times and "or" for plus.
    """
    return np.linalg.matrix_power(mask | np.eye(len(mask), dtype=bool), n)


def _checked(mask: Any, tokens: Sequence[str], sources: Sequence[str]) -> np.ndarray:
    array, fitting = np.asarray(mask), (len(tokens), len(sources))
    if array.shape != fitting:
        advice = "; tokens that look at another text need sources=[…]" if tokens == sources else ""
        raise ValueError(f"mask of shape {array.shape} should be (looking, looked at) = {fitting}{advice}")
    if array.dtype != bool:
        raise TypeError(f"mask should be bool, True = may look, not {array.dtype}: compare, as in mask == 1")
    return array
