"""All attention heads of a model at once, and any one of them enlarged."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from traitlets import Bool, Bytes, Dict, Float, Int, List, TraitError, Tuple, Unicode, observe, validate

from minigpt.views import plain, static
from minigpt.views.attention import (
    MAX_BYTES,
    Recording,
    Weights,
    attention_traits,
    checked,
    dequantised,
    pooled,
    quantised,
    uneven_rows,
)
from minigpt.views.view import View

LONGEST = 256  # tokens: up to here every head is sent whole; of longer texts the kernel sends heads as they are opened
POOL = 32  # cells a side of the thumbnails of a longer text


class Heads(View):
    """See `heads`. Each trait may be set from Python, and is set from the page.

    `layer`, `head`: the enlarged head. `lines`: is it drawn as lines instead of a matrix? `overlay`: heads (layer,
    head) that are drawn with it as lines. `row`: the pinned token that looks, -1 for none; `column`: without a pinned
    row, the pinned token that is looked at. `score`, `smallest`, `threshold`: the order of the grid, and its filter.
    `by_value`: are weights times the size of the value shown?
    """

    name = "heads"
    _esm = static.module("heads")
    _css = static.style("heads")
    tokens = List(Unicode()).tag(sync=True)
    source_tokens = List(Unicode()).tag(sync=True)
    shape = List(Int()).tag(sync=True)
    causal = Bool(False).tag(sync=True)
    data = Bytes(b"").tag(sync=True)
    version = Int(0).tag(sync=True)  # counts recordings: equal bytes alone would fire no change
    layer = Int(0).tag(sync=True)
    head = Int(0).tag(sync=True)
    lines = Bool(False).tag(sync=True)
    overlay = List(Tuple(Int(), Int())).tag(sync=True)
    row = Int(-1).tag(sync=True)
    column = Int(-1).tag(sync=True)
    scores = Dict().tag(sync=True)  # name -> a number for each head, layer after layer
    score = Unicode("").tag(sync=True)
    smallest = Bool(False).tag(sync=True)
    threshold = Float(None, allow_none=True).tag(sync=True)
    pool = List(Int()).tag(sync=True)  # [P, Q]: `data` holds thumbnails of this size only; empty: it holds all
    whole = Bytes(b"").tag(sync=True)  # where `data` holds thumbnails: the heads that are drawn large, …
    whole_heads = List(Int()).tag(sync=True)  # … and which these are, as layer * H + head
    padding = List(Bool()).tag(sync=True)  # for each token that is looked at; empty: there is none
    hidden = Bytes(b"").tag(sync=True)  # a bit for each cell (T, S) that is masked, besides the causal ones
    warning = Unicode("").tag(sync=True)
    norms = Bytes(b"").tag(sync=True)  # float32 (L, H, S): the size of each value
    by_value = Bool(False).tag(sync=True)
    _weights: Weights | None = None  # the exact weights stay in the kernel

    def __init__(self, recording: Recording, layer: int = 0, head: int = 0, **options: Any) -> None:
        scores, score = options.pop("scores", None), options.pop("sort", "")
        traits = self._read(recording, **options)
        _check_head(traits["shape"], layer, head)
        traits["scores"] = _scores(scores, traits["shape"])
        super().__init__(layer=layer, head=head, score=score, **traits)

    def show(self, recording: Recording, *, padding: Any = None, mask: Any = None, values: Any = None) -> None:
        """Show another recording; the enlarged head stays where it is, if the new model has it, and so do scores."""
        traits = self._read(recording, padding, mask, values)
        n_layer, n_head, T, S = traits["shape"]
        with self.hold_sync():  # one message, so that no half-changed state is drawn
            self.overlay = [(n, h) for n, h in self.overlay if n < n_layer and h < n_head]
            if [n_layer, n_head] != self.shape[:2]:
                self.score, self.scores = "", {}
            self.set_trait("layer", min(self.layer, n_layer - 1))
            self.set_trait("head", min(self.head, n_head - 1))
            self.row = self.row if self.row < T else -1
            self.column = self.column if self.column < S else -1
            for name, value in traits.items():
                self.set_trait(name, value)
            self._send_whole()
            self.version += 1

    def _read(self, recording: Recording, padding: Any = None, mask: Any = None, values: Any = None) -> dict[str, Any]:
        weights = checked(recording)
        if max(weights.shape[2:]) <= LONGEST:
            traits = attention_traits(recording) | dict(pool=[], whole=b"", whole_heads=[])
        else:
            traits = _pooled_traits(weights)
        traits["warning"] = uneven_rows(weights)
        if traits["warning"]:
            warnings.warn(traits["warning"], stacklevel=4)  # the line that called `heads`
        traits["padding"] = _padding(padding, weights)
        traits["hidden"] = _hidden(mask, traits["padding"], weights)
        traits["norms"] = _norms(values, weights)
        self._weights = weights
        return traits

    @observe("layer", "head", "overlay")
    def _send_whole(self, change: Any = None) -> None:
        """Of a long text: give the page the heads that it draws large."""
        if not self.pool or self._weights is None:
            return
        n_head = self.shape[1]
        wanted = dict.fromkeys([(self.layer, self.head), *self.overlay])
        with self.hold_sync():
            self.whole = b"".join(quantised([self._weights.layers[n][h, None]], self.causal) for n, h in wanted)
            self.whole_heads = [n * n_head + h for n, h in wanted]

    @validate("layer", "head", "overlay")
    def _valid_head(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        pairs = value if name == "overlay" else [(value, 0) if name == "layer" else (0, value)]
        for layer, head in pairs if self.shape else []:
            try:
                _check_head(self.shape, layer, head)
            except ValueError as error:
                raise TraitError(str(error)) from error
        return value

    @validate("score")
    def _valid_score(self, proposal: Any) -> str:
        if proposal["value"] and proposal["value"] not in self.scores:
            raise TraitError(f"no score {proposal['value']!r}: there are {', '.join(self.scores) or 'none'}")
        return proposal["value"]

    def to_pandas(self) -> Any:
        """The exact weights of the enlarged head as a pandas DataFrame: a row for each token that looks."""
        try:
            import pandas  # pyright: ignore[reportMissingImports]: an optional package
        except ImportError as error:
            raise ImportError("to_pandas() needs pandas, which is not installed: pip install pandas") from error
        assert self._weights is not None
        weights = self._weights.layers[self.layer][self.head]
        rows, columns = pandas.Index(self.tokens, name="token"), pandas.Index(self.source_tokens, name="looks at")
        return pandas.DataFrame(weights, index=rows, columns=columns)

    def describe(self) -> str:
        """Size of the model and the text, and where the last token of the enlarged head looks most."""
        assert self._weights is not None
        n_layer, n_head, n_tokens, _ = self.shape
        last = self._weights.layers[self.layer][self.head][-1]
        most = int(last.argmax())
        padded = f" {sum(self.padding)} of the tokens looked at are padding." if any(self.padding) else ""
        return (
            f"Attention weights of {n_layer} layers with {n_head} heads each over {n_tokens} tokens; enlarged: "
            f"layer {self.layer}, head {self.head}, whose last token, {self.tokens[-1]!r}, looks most at "
            f"{self.source_tokens[most]!r}, position {most}: {last[most]:.0%}.{padded}"
        )

    def face(self) -> str:
        """A small picture of every head, and the enlarged one with its labels; of a long text, coarse ones."""
        from minigpt.views import figures

        n_layer, n_head, T, S = self.shape
        P, Q = self.pool or (T, S)
        cells = [dequantised(self.data, [n_layer, n_head, P, Q], self.causal, n) for n in range(n_layer * n_head)]
        if self.hidden and not self.pool:
            masked = np.unpackbits(np.frombuffer(self.hidden, np.uint8), count=T * S).reshape(T, S) == 1
            cells = [np.where(masked, np.nan, head) for head in cells]
        coarse = [(np.rint(5 * np.sqrt(head)) / 5) ** 2 for head in cells]  # few shades make a small file
        rows = [self.tokens[-(-k * T // P)] for k in range(P)]  # the first token of each cell
        columns = [self.source_tokens[-(-k * S // Q)] for k in range(Q)]
        title = f"Layer {self.layer}, head {self.head}" + (", pooled: the largest of each cell" if self.pool else "")
        large = cells[self.layer * n_head + self.head]
        figure = figures.all_heads(coarse, n_head, large, rows, columns, self.causal, title)
        return static.image(figures.to_svg(figure), self.describe())


def heads(
    recording: Recording,
    *,
    layer: int = 0,
    head: int = 0,
    scores: Mapping[str, Any] | None = None,
    sort: str = "",
    padding: Any = None,
    mask: Any = None,
    values: Any = None,
) -> Heads:
    """Show the attention of every head; click, or Enter, enlarges one; its rows tell in words who looks at whom.

    `recording` has `tokens` and `attention_stack() -> (L, H, T, S)`, weights from 0 to 1, as `inspection.record` gives.
    Weights travel as one byte each, the square root in 255 steps, so that what is shown is off by at most 0.004. Of
    more than 256 tokens the page gets thumbnails, and a head as a whole when it is enlarged.

    `scores`: name -> (L, H), to sort and filter the heads by; `sort` names the one to begin with. `padding`: (S,) of
    bool, True for a token that only fills the row. `mask`: (T, S) of bool, True = may look, drawn where it is False as
    masked; a causal mask is seen in the weights. `values`: sizes ‖v‖ of each head's values, (L, H, S) or a mapping of
    L arrays (H, S) in the order of the layers, to show the weights times them.

    Rows that do not sum to 1 are shown, with a warning. Raises TypeError for another object, ValueError for weights
    that are none, that stand where `mask` is False, or that are too many to show.
    """
    return Heads(recording, layer, head, scores=scores, sort=sort, padding=padding, mask=mask, values=values)


def _pooled_traits(weights: Weights) -> dict[str, Any]:
    tokens, sources, layers, causal = weights
    T, S = weights.shape[2:]
    if T * S > MAX_BYTES:
        raise ValueError(f"a head of {T:,} by {S:,} weights is too large to show: shorten the text")
    thumbs = [pooled(layer, POOL) for layer in layers]
    data, pool = quantised(thumbs, causal), list(thumbs[0].shape[1:])
    return dict(tokens=tokens, source_tokens=sources, shape=weights.shape, causal=causal, data=data, pool=pool)


def _padding(padding: Any, weights: Weights) -> list[bool]:
    if padding is None:
        return []
    given = np.asarray(padding)
    if given.shape != (len(weights.sources),) or given.dtype != bool:
        raise ValueError(
            f"padding of {given.dtype} and shape {given.shape}: give a bool for each of the {len(weights.sources)} "
            "tokens that are looked at, True where it is padding"
        )
    return given.tolist()


def _hidden(mask: Any, padding: list[bool], weights: Weights) -> bytes:
    """The masked cells as bits, (T, S): where the mask forbids to look, and padding that no head gives any weight."""
    T, S = weights.shape[2:]
    hidden = np.zeros((T, S), dtype=bool)
    largest = None
    if mask is not None:
        given = np.asarray(mask)
        if given.shape != (T, S) or given.dtype != bool:
            raise ValueError(
                f"mask of {given.dtype} and shape {given.shape}: give a bool for each cell, {(T, S)}, True = may look"
            )
        hidden |= ~given
    if mask is not None or any(padding):
        largest = np.maximum.reduce([layer.max(0) for layer in weights.layers])  # (T, S), of all heads
        if (largest[hidden] > 0).any():
            i, j = (int(at) for at in np.argwhere(hidden & (largest > 0))[0])
            raise ValueError(
                f"mask[{i}, {j}] is False, yet a head gives {largest[i, j]:.3g} there: is it another mask, or turned "
                "over? True = may look"
            )
        hidden[:, np.array(padding or [False] * S) & (largest == 0).all(0)] = True
    if weights.causal:
        hidden &= np.tri(T, dtype=bool)  # the page knows of the rest
    return np.packbits(hidden).tobytes() if hidden.any() else b""


def _norms(values: Any, weights: Weights) -> bytes:
    if values is None:
        return b""
    arrays = list(values.values()) if isinstance(values, Mapping) else values
    sizes = plain.numbers(arrays, "values", ndim=3)
    L, H, _, S = weights.shape
    if sizes.shape != (L, H, S) or sizes.min() < 0:
        raise ValueError(f"values of shape {sizes.shape}: give a size, 0 or more, for each value, {(L, H, S)}")
    return sizes.astype("<f4").tobytes()


def _scores(scores: Mapping[str, Any] | None, shape: list[int]) -> dict[str, list[float]]:
    kept = {}
    for name, given in (scores or {}).items():
        array = plain.numbers(given, f"scores[{name!r}]", ndim=2)
        if list(array.shape) != shape[:2]:
            raise ValueError(f"scores[{name!r}] of shape {array.shape}: give one for each head, {tuple(shape[:2])}")
        kept[plain.label(name)] = array.ravel().tolist()
    return kept


def _check_head(shape: list[int], layer: int, head: int) -> None:
    if not (0 <= layer < shape[0] and 0 <= head < shape[1]):
        raise ValueError(
            f"no layer {layer}, head {head}: layers go from 0 to {shape[0] - 1}, heads from 0 to {shape[1] - 1}"
        )
