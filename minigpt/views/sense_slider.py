"""One word with several senses, in many sentences, layer by layer: do its vectors part by their sense?"""

import html
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from traitlets import Bool, Bytes, Float, Int, List, TraitError, Unicode, validate

from minigpt.views import plain, plane, static
from minigpt.views.view import View

MOST = 1_000  # sentences

Sentence = str | tuple[Sequence[str], int]


class SenseSlider(View):
    """See `sense_slider`. `layer` is where the slider stands, 0 for the vectors before the first block."""

    name = "sense_slider"
    _esm = static.module("sense_slider")
    _css = static.style("sense_slider")
    word = Unicode().tag(sync=True)
    layer = Int(0).tag(sync=True)
    names = List(Unicode()).tag(sync=True)  # of the layers
    sentences = List(List(Unicode())).tag(sync=True)  # each as what stands before the word, the word, what follows
    senses = List(Unicode()).tag(sync=True)
    sense_of = List(Int()).tag(sync=True)  # for each sentence
    positions = Bytes(b"").tag(sync=True)  # (L + 1, n, 2) of float32
    shares = List(Float()).tag(sync=True)  # of the variance, that each layer's picture keeps
    one_point = List(Bool()).tag(sync=True)  # for each layer: are all vectors the same?
    gaps = List(Float()).tag(sync=True)

    @validate("layer")
    def _valid_layer(self, proposal: Any) -> int:
        layer, last = proposal["value"], len(self.names) - 1
        if self.names and not 0 <= layer <= last:
            raise TraitError(f"layer={layer}: layers go from 0, {self.names[0]}, to {last}, {self.names[-1]}")
        return layer

    def describe(self) -> str:
        """How the gap goes from the first layer to the last, and what their pictures keep."""
        counts = [f"{self.sense_of.count(k)} of “{sense}”" for k, sense in enumerate(self.senses)]
        best = int(np.argmax(self.gaps))
        return (
            f"“{self.word}” in {len(self.sentences)} sentences, {', '.join(counts)}. The gap, mean cosine of pairs of "
            f"the same sense minus mean cosine of pairs of different senses, is {self.gaps[0]:z.2f} at "
            f"{self.names[0]}, {self.gaps[-1]:z.2f} at {self.names[-1]}, and largest, {self.gaps[best]:z.2f}, at "
            f"{self.names[best]}. {self._kept(0)} {self._kept(-1)}"
        )

    def _kept(self, layer: int) -> str:
        if self.one_point[layer]:
            return f"At {self.names[layer]} all vectors are the same: there is no picture to draw."
        kept = f"At {self.names[layer]} the picture keeps {self.shares[layer]:.0%} of the variance."
        spots, n = plane.spots(self._points[layer], self.sense_of), len(self.sentences)
        if len(spots) == n:
            return kept
        mixed = sum(len({self.sense_of[k] for k in spot}) > 1 for spot in spots)
        return (
            f"{kept} There the {n} sentences lie on {len(spots)} spot{'s' * (len(spots) > 1)}; {mixed or 'none'} of "
            f"them hold{'s' * (mixed < 2)} more than one sense. (Points within a circle share one spot.)"
        )

    @property
    def _points(self) -> np.ndarray:
        return np.frombuffer(self.positions, "<f4").reshape(len(self.names), -1, 2)

    def face(self) -> str:
        """The pictures of some layers, the curve of the gap, and all numbers in a table."""
        from minigpt.views import figures, scatter_figures

        n_layers = len(self.names)
        some = sorted({round(step) for step in np.linspace(0, n_layers - 1, 4)})
        shown = [(self.names[layer], None if self.one_point[layer] else self._points[layer]) for layer in some]
        figure = scatter_figures.layers(shown, self.senses, self.sense_of, self.names, self.gaps)
        rows = [
            [name, "all the same" if same else f"{share:.0%}", f"{gap:z.3f}"]
            for name, same, share, gap in zip(self.names, self.one_point, self.shares, self.gaps, strict=True)
        ]
        table = static.table(["layer", "variance in the picture", "gap"], rows)
        text = f"<p>{html.escape(self.describe())}</p>"
        return f"{static.image(figures.to_svg(figure), self.describe())}{text}{table}"


def sense_slider(
    layers: Any,
    sentences: Sequence[Sentence],
    senses: Sequence[str],
    *,
    word: str,
    names: Sequence[str] | None = None,
    gaps: Any = None,
) -> SenseSlider:
    """Slide through the layers of a model and see the vectors of one ambiguous word part by sense, or not.

    `layers`, (L + 1, n, C), has the word's vector in each of the n sentences, after the embedding and after each block.
    A sentence is a string that holds `word` once, or a pair (tokens, position of the word among them): tokens are
    joined as they are if one begins or ends with a space, else with spaces. `senses` has a name for each sentence, two
    to eight different ones. `names` names the layers; if not given, "the embedding", "block 0", and so on.

    Each layer is drawn on its own two principal axes, turned or mirrored so that points move as little as possible from
    the layer before it (orthogonal Procrustes), and to its own scale; distances in two layers are not comparable.
    Points on one spot stand side by side within a circle. The gap is the mean cosine of pairs with the same sense minus
    that of pairs with different senses, in all C dimensions; its size depends on how alike all uses are in a layer,
    too. `gaps`, (L + 1,), if not given, is computed by `separation`.
    """
    table = plain.numbers(layers, "layers", ndim=3)
    shown = [_marked(sentence, word, n) for n, sentence in enumerate(sentences)]
    labels = plain.labels(senses, "senses")
    sense_names, sense_of = plane.numbered(labels, "senses")
    n_layers, n, _ = table.shape
    if not n == len(shown) == len(sense_of):
        raise ValueError(
            f"{len(shown)} sentences, {len(sense_of)} senses and layers of shape {table.shape}, which is "
            f"(L + 1, n, C): n should be the same in all three"
        )
    if n > MOST:
        raise ValueError(f"{n:,} sentences are too many to look at: at most {MOST:,}")
    layer_names = plain.labels(_default_names(n_layers) if names is None else names, "names")
    values = [separation(vectors, labels) for vectors in table] if gaps is None else gaps
    numbers = plain.numbers(values, "gaps", ndim=1)
    for what, given in (("names", layer_names), ("gaps", numbers)):
        if len(given) != n_layers:
            raise ValueError(f"{len(given)} {what} for {n_layers} layers: give one for each, the embedding first")
    points, shares = aligned(table)
    return SenseSlider(
        word=plain.label(word),
        names=layer_names,
        sentences=shown,
        senses=sense_names,
        sense_of=sense_of,
        positions=points.astype("<f4").tobytes(),
        shares=shares.tolist(),
        one_point=[plane.is_one_point(vectors) for vectors in table],
        gaps=(np.round(numbers, 12) + 0.0).tolist(),  # 0, not -1e-17, where all vectors are the same
    )


def separation(vectors: np.ndarray, senses: Sequence[str]) -> float:
    """Mean cosine of pairs of vectors (n, C) with the same sense minus that of pairs with different senses.

    A pair is two different sentences; a vector and itself are none. 0: the sense makes no difference; 2: the most that
    there is. Raises ValueError if there is no pair of the same sense, or none of different senses.
    """
    cosines = plane.directions(vectors) @ plane.directions(vectors).T
    names = np.array(list(senses), dtype=object)
    same = names[:, None] == names
    first, second = np.triu_indices(len(names), k=1)
    same, cosines = same[first, second], cosines[first, second]
    if same.all() or not same.any():
        raise ValueError(
            f"{len(names)} sentences of {len(set(names))} sense(s): the gap compares pairs of the same sense with "
            "pairs of different senses, so give two senses or more, and of one of them two sentences or more"
        )
    return float(cosines[same].mean() - cosines[~same].mean())


def aligned(layers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Layers (L + 1, n, C) as pictures (L + 1, n, 2) that resemble one another, and the variance each keeps, (L + 1,).

    The mean squared distance of the points from their middle is 1 in each, or 0 where all vectors are the same.
    """
    pictures, shares, before = np.zeros((*layers.shape[:2], 2)), np.zeros(len(layers)), None
    for layer, vectors in enumerate(layers):
        points, kept = plane.to_plane(vectors)
        shares[layer] = kept.sum()
        if not shares[layer]:
            continue
        points /= np.sqrt(np.square(points).sum(axis=1).mean())
        if before is not None:
            left, _, right = np.linalg.svd(points.T @ before)
            points = points @ left @ right  # the turn or reflection that comes nearest to the picture before
        pictures[layer] = before = points
    return pictures, shares


def _default_names(n_layers: int) -> list[str]:
    return ["the embedding", *(f"block {n}" for n in range(n_layers - 1))]


def _marked(sentence: Sentence, word: str, n: int) -> list[str]:
    """What stands before the word, the word itself, and what follows it."""
    if isinstance(sentence, str):
        found = list(re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", sentence, flags=re.IGNORECASE))
        if len(found) != 1:
            raise ValueError(
                f"sentence {n} holds {word!r} {len(found)} times, not once: {plain.shortened(sentence, 60)!r}; give a "
                "pair (tokens, position) instead"
            )
        start, end = found[0].span()
        parts = [sentence[:start], sentence[start:end], sentence[end:]]
    else:
        tokens, at = list(sentence[0]), sentence[1]
        if not 0 <= at < len(tokens):
            raise ValueError(f"sentence {n} has {len(tokens)} tokens, and no position {at}")
        between = "" if any(token[:1] == " " or token[-1:] == " " for token in tokens) else " "
        parts = [between.join(tokens[:at]), tokens[at], between.join(tokens[at + 1 :])]
        if between:
            parts = [parts[0] + between * bool(parts[0]), parts[1], between * bool(parts[2]) + parts[2]]
            parts = [re.sub(r" (?=[.,;:!?](\s|$))", "", part) for part in parts]  # no space before a stop
    marked = parts[1].lstrip(" ")  # GPT-2's tokens begin with their space: it is not marked
    parts[:2] = parts[0] + parts[1][: len(parts[1]) - len(marked)], marked
    return [plain.label(part) if part else "" for part in parts]
