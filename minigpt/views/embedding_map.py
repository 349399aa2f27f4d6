"""A map of word vectors: two principal axes, what they lose, and who is near whom in all dimensions."""

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from traitlets import Bytes, Float, Int, List, TraitError, Unicode, observe, validate

from minigpt.views import plain, plane, static
from minigpt.views.view import View

MOST = 3_000  # points; about 2,000 still move without a stutter


class EmbeddingMap(View):
    """See `embedding_map`. `word` is the chosen word, "" for none, and `k` how many neighbours are shown; both may be
    set from Python, and `word` is set from the page."""

    name = "embedding_map"
    _esm = static.module("embedding_map")
    _css = static.style("embedding_map")
    words = List(Unicode()).tag(sync=True)
    word = Unicode("").tag(sync=True)
    k = Int(8).tag(sync=True)
    positions = Bytes(b"").tag(sync=True)  # (n, 2) of float32
    shares = List(Float()).tag(sync=True)  # of the variance, that each axis keeps
    dimensions = Int().tag(sync=True)
    groups = List(Unicode()).tag(sync=True)
    group_of = List(Int()).tag(sync=True)  # for each word; -1: in none
    near = Bytes(b"").tag(sync=True)  # (n, k) of uint16: the nearest by cosine …
    near_cosines = Bytes(b"").tag(sync=True)  # … with their cosines in hundredths, int8
    seen = Bytes(b"").tag(sync=True)  # the same for those that look nearest
    seen_cosines = Bytes(b"").tag(sync=True)
    agreeing = Float().tag(sync=True)  # mean number of the k nearest that also look nearest
    _vectors: np.ndarray
    _points: np.ndarray
    _found: plane.Neighbours

    def __init__(self, vectors: np.ndarray, **traits: Any) -> None:
        points, shares = plane.to_plane(vectors)
        self._vectors, self._points = vectors, points.astype(np.float32)
        super().__init__(shares=shares.tolist(), dimensions=vectors.shape[1], **traits)
        self.positions = self._points.astype("<f4").tobytes()
        self._find()

    @observe("k")
    def _find(self, _: object = None) -> None:
        if not self.positions:
            return  # not yet: the widget is being made
        found = plane.neighbours(self._vectors, self._points.astype(float), self.k)
        self._found = found
        with self.hold_sync():  # one message, so that no half-changed state is drawn
            for name in ("near", "seen"):
                cosines = np.round(100 * getattr(found, f"{name}_cosines"))
                self.set_trait(name, getattr(found, name).astype("<u2").tobytes())
                self.set_trait(f"{name}_cosines", cosines.astype(np.int8).tobytes())
            self.agreeing = float(found.agreeing.mean())

    @validate("k")
    def _valid_k(self, proposal: Any) -> int:
        k = proposal["value"]
        if k < 1:
            raise TraitError(f"k={k}: ask for at least one neighbour")
        return min(k, len(self.words) - 1) if self.words else k

    @validate("word")
    def _valid_word(self, proposal: Any) -> str:
        given = proposal["value"]
        if not given or not self.words:
            return given
        word = plain.label(given)
        if word not in self.words:
            near = get_close_matches(word, self.words, n=3)
            advice = f"did you mean {' or '.join(map(repr, near))}?" if near else "none is spelt like it"
            raise TraitError(f"{given!r} is not on the map of {len(self.words):,} words: {advice}")
        return word

    def describe(self) -> str:
        """What the two axes keep of all dimensions, and how far the picture's neighbours are the true ones."""
        n, k = len(self.words), self.k
        if n == 1:
            return f"A map of one word, “{self.words[0]}”: there is no other to compare it with."
        if not sum(self.shares):
            return f"A map of {n:,} words whose vectors are all the same: they lie on one point."
        text = (
            f"A map of {n:,} words: two principal axes keep {sum(self.shares):.0%} of the variance of "
            f"{self.dimensions} dimensions. On average {self.agreeing:.1f} of a word's {k} nearest by cosine are among "
            f"the {k} that look nearest in the picture; chance alone would give {k * k / (n - 1):.2f}."
        )
        if not self.word:
            return text
        return f"{text} Chosen is “{self.word}”, with {self._found.agreeing[self.words.index(self.word)]} of {k}."

    def face(self) -> str:
        """The map, and the neighbours of the chosen word in a table."""
        from minigpt.views import figures, scatter_figures

        chosen = self.words.index(self.word) if self.word else -1
        near = self._found.near[chosen].tolist() if self.word else []
        figure = scatter_figures.word_map(self._points, self.words, self.groups, self.group_of, chosen, near)
        picture = static.image(figures.to_svg(figure), self.describe())
        return f"{picture}<p>{html.escape(self.describe())}</p>{self._table(chosen) if self.word else ''}"

    def _table(self, chosen: int) -> str:
        found = [rows[chosen] for rows in self._found]
        lines = [
            [rank, self.words[near], f"{cosine:.2f}", self.words[seen], f"{seen_cosine:.2f}"]
            for rank, (near, cosine, seen, seen_cosine) in enumerate(zip(*found, strict=True), 1)
        ]
        header = ["", "nearest by cosine", "cosine", "looks nearest", "cosine"]
        return static.table(header, lines)


def embedding_map(
    words: Sequence[str],
    vectors: Any,
    *,
    groups: Sequence[str | None] | Mapping[str, Sequence[str]] | None = None,
    k: int = 8,
) -> EmbeddingMap:
    """A map of word vectors to zoom and drag; choose a word and see which others are near, and which only look so.

    `vectors`, (n, C), has a row for each of the `words`. They are drawn on their two principal axes, and the view says
    which share of the variance these keep. For the chosen word it lists the `k` nearest by cosine in all C dimensions
    beside the k that look nearest in the picture, and how many are the same. A zero vector has the cosine 0 to all.

    `groups` gives colours and shapes: a name, or None, for each word, or a list of words for each name; at most 8.
    Give the words in order of importance: the first get their labels first. Raises ValueError for words that are there
    twice, for numbers that do not fit, and beyond 3,000 words.
    """
    names, table = plain.labels(words, "words"), plain.numbers(vectors, "vectors", ndim=2)
    if len(names) != len(table):
        raise ValueError(f"{len(names):,} words and vectors of shape {table.shape}: give one row for each word")
    if len(names) > MOST:
        raise ValueError(f"{len(names):,} words are too many for a map: at most {MOST:,}, say the most frequent ones")
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise ValueError(f"{len(twice):,} word(s) are there twice, {twice[0]!r} the first: give each word one vector")
    if k < 1:
        raise ValueError(f"k={k}: ask for at least one neighbour")
    given = list(words)
    of_each = plane.group_of_each(given, groups) if isinstance(groups, Mapping) else list(groups or [None] * len(names))
    if len(of_each) != len(names):
        raise ValueError(f"{len(names):,} words and {len(of_each):,} groups: give a name, or None, for each word")
    group_names, group_of = plane.numbered(of_each, "groups", groups if isinstance(groups, Mapping) else None)
    return EmbeddingMap(table, words=names, k=k, groups=group_names, group_of=group_of)
