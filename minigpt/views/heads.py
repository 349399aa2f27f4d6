"""All attention heads of a model at once, and any one of them enlarged."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from traitlets import Bool, Bytes, Dict, Float, Int, List, TraitError, Tuple, Unicode, observe, validate

from minigpt.views import head_options, static
from minigpt.views.attention import (
    MAX_BYTES,
    Recording,
    Weights,
    as_pandas,
    attention_traits,
    check_head,
    checked,
    dequantised,
    pooled,
    quantised,
    uneven_rows,
)
from minigpt.views.view import View

LONGEST = 256  # tokens: up to here every head is sent whole; of longer texts the kernel sends heads as they are opened
QUANTITIES = ("weights", "scores", "by value", "rollout")
ASKED = ("scores", "rollout")  # quantities that the kernel sends a head at a time
POOL = 32  # cells a side of the thumbnails of a longer text


class Heads(View):
    """See `heads`. Each trait may be set from Python, and is set from the page.

    `layer`, `head`: the enlarged head. `lines`: is it drawn as lines instead of a matrix? `overlay`: heads (layer,
    head) that are drawn with it as lines. `row`: the pinned token that looks, -1 for none; `column`: without a pinned
    row, the pinned token that is looked at. `score`, `smallest`, `threshold`: the order of the grid, and its filter.
    `quantity`: what the enlarged head shows, of those in `quantities`: "weights", "scores" before the softmax, weights
    times the size of the value ("by value"), or the "rollout" of all heads up to this layer.
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
    whole = Bytes(b"").tag(sync=True)  # what `data` lacks of the heads that are drawn large, …
    whole_heads = List(Int()).tag(sync=True)  # … which these are, as layer * H + head, …
    whole_of = Unicode("").tag(sync=True)  # … of which quantity, …
    whole_ranges = List(List(Float())).tag(sync=True)  # … and, of scores, what the bytes 0 and 255 stand for
    padding = List(Bool()).tag(sync=True)  # for each token that is looked at; empty: there is none
    hidden = Bytes(b"").tag(sync=True)  # a bit for each cell (T, S) that is masked, besides the causal ones
    warning = Unicode("").tag(sync=True)
    norms = Bytes(b"").tag(sync=True)  # float32 (L, H, S): the size of each value
    quantity = Unicode("weights").tag(sync=True)
    quantities = List(Unicode(), ["weights"]).tag(sync=True)
    _weights: Weights | None = None  # the exact numbers stay in the kernel
    _raw: np.ndarray | None = None
    _rollout: np.ndarray | None = None
    _undefined = ""  # the warning of scores that no head has

    def __init__(self, recording: Recording, layer: int | None = None, head: int | None = None, **options: Any) -> None:
        scores, score = options.pop("scores", None), options.pop("sort", "")
        traits = self._read(recording, **options)
        traits["scores"], undefined = head_options.head_scores(scores, traits["shape"]), head_options.undefined(scores)
        self._undefined = head_options.undefined_in_words(undefined)
        traits["warning"] = f"{traits['warning']} {self._undefined}".strip()
        if layer is None and head is None:
            layer, head = divmod(int(np.argmax(traits["scores"].get(score, 0))), traits["shape"][1])
        layer, head = layer or 0, head or 0
        check_head(traits["shape"], layer, head)
        super().__init__(layer=layer, head=head, score="" if score in undefined else score, **traits)

    def show(self, recording: Recording, **options: Any) -> None:
        """Show another recording, with `padding`, `mask`, `values`, `raw`, `rollout` of its own, as `heads` takes them.

        The enlarged head stays where it is, if the new model has it, and so do the scores that sort the heads.
        """
        traits = self._read(recording, **options)
        n_layer, n_head, T, S = traits["shape"]
        with self.hold_sync():  # one message, so that no half-changed state is drawn
            self.overlay = [(n, h) for n, h in self.overlay if n < n_layer and h < n_head]
            if [n_layer, n_head] != self.shape[:2]:
                self.score, self.scores, self._undefined = "", {}, ""
            traits["warning"] = f"{traits['warning']} {self._undefined}".strip()
            self.set_trait("layer", min(self.layer, n_layer - 1))
            self.set_trait("head", min(self.head, n_head - 1))
            self.row = self.row if self.row < T else -1
            self.column = self.column if self.column < S else -1
            self.quantity = self.quantity if self.quantity in traits["quantities"] else "weights"
            for name, value in traits.items():
                self.set_trait(name, value)
            self._send_whole()
            self.version += 1

    def _read(
        self,
        recording: Recording,
        padding: Any = None,
        mask: Any = None,
        values: Any = None,
        raw: Any = None,
        rollout: Any = None,
    ) -> dict[str, Any]:
        if all(hasattr(recording, part) for part in ("encoder", "cross", "decoder")):
            raise TypeError(
                "this is the recording of a translation, which has three kinds of attention: give one of them, "
                "recording.cross, .encoder or .decoder, to views.heads, or the whole recording to views.translation"
            )
        weights = checked(recording)
        raw, rollout = head_options.raw_scores(raw, weights), head_options.rollouts(rollout, weights)
        traits = dict(whole=b"", whole_heads=[], whole_of="", whole_ranges=[])
        traits |= attention_traits(weights) | dict(pool=[]) if is_short(weights) else _pooled_traits(weights)
        traits["warning"] = uneven_rows(weights)
        if traits["warning"]:
            warnings.warn(traits["warning"], stacklevel=4)  # the line that called `heads`
        traits["padding"] = head_options.padded(padding, weights)
        traits["hidden"] = head_options.hidden(mask, traits["padding"], raw, weights)
        traits["norms"] = head_options.norms(values, weights)
        given = (True, raw is not None, values is not None, rollout is not None)
        traits["quantities"] = [name for name, there in zip(QUANTITIES, given, strict=True) if there]
        self._weights, self._raw, self._rollout = weights, raw, rollout
        return traits

    @observe("layer", "head", "overlay", "quantity")
    def _send_whole(self, change: Any = None) -> None:
        """Give the page what it lacks of the heads that it draws large: of a long text, and of scores and rollout."""
        if self._weights is None or not (self.pool or self.quantity in ASKED):
            return
        n_head = self.shape[1]
        wanted = dict.fromkeys([(self.layer, self.head), *self.overlay])
        packed, ranges = zip(*(self._packed(n, h) for n, h in wanted), strict=True)
        with self.hold_sync():
            self.whole, self.whole_ranges = b"".join(packed), [list(limits) for limits in ranges if limits]
            self.whole_heads = [n * n_head + h for n, h in wanted]
            self.whole_of = self.quantity

    def _packed(self, layer: int, head: int) -> tuple[bytes, list[float]]:
        """One head as bytes, and what 0 and 255 stand for; nothing for weights and shares, which go from 0 to 1."""
        quantity = "weights" if self.quantity == "by value" else self.quantity  # the page does the product
        numbers = self._numbers(quantity, layer, head)
        if quantity == "scores":
            return head_options.in_range(numbers, self.causal)
        return quantised([numbers[None]], self.causal), []

    def _numbers(self, quantity: str, layer: int, head: int) -> np.ndarray:
        """The exact numbers of a head, (T, S)."""
        assert self._weights is not None
        if quantity == "scores" and self._raw is not None:
            return self._raw[layer, head]
        if quantity == "rollout" and self._rollout is not None:
            return self._rollout[layer]
        weights = self._weights.layers[layer][head]
        if quantity == "by value":
            return weights * np.frombuffer(self.norms, "<f4").reshape(*self.shape[:2], -1)[layer, head]
        return weights

    def stored(self) -> dict[str, Any]:
        """A saved page offers what it holds."""
        return {"quantities": [name for name in self.quantities if name not in ASKED or name == self.quantity]}

    @validate("quantity")
    def _valid_quantity(self, proposal: Any) -> str:
        if proposal["value"] not in self.quantities:
            options = {"scores": "raw=", "by value": "values=", "rollout": "rollout="}
            option = options.get(proposal["value"])
            raise TraitError(
                f"no quantity {proposal['value']!r}: there are {', '.join(self.quantities)}"
                + (f"; views.heads(…, {option}…) adds it" if option else "")
            )
        return proposal["value"]

    @validate("layer", "head", "overlay")
    def _valid_head(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        pairs = value if name == "overlay" else [(value, 0) if name == "layer" else (0, value)]
        for layer, head in pairs if self.shape else []:
            try:
                check_head(self.shape, layer, head)
            except ValueError as error:
                raise TraitError(str(error)) from error
        return value

    @validate("score")
    def _valid_score(self, proposal: Any) -> str:
        if proposal["value"] and proposal["value"] not in self.scores:
            raise TraitError(f"no score {proposal['value']!r}: there are {', '.join(self.scores) or 'none'}")
        return proposal["value"]

    def to_pandas(self) -> Any:
        """What is shown of the enlarged head, exact, as a pandas DataFrame: a row for each token that looks."""
        return as_pandas(self._numbers(self.quantity, self.layer, self.head), self.tokens, self.source_tokens)

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
    layer: int | None = None,
    head: int | None = None,
    scores: Mapping[str, Any] | None = None,
    sort: str = "",
    padding: Any = None,
    mask: Any = None,
    values: Any = None,
    raw: Any = None,
    rollout: Any = None,
) -> Heads:
    """Show the attention of every head; click, or Enter, enlarges one; its rows tell in words who looks at whom.

    `layer`, `head`: which is enlarged at first; without them the first in the order.
    `recording` has `tokens` and `attention_stack() -> (L, H, T, S)`, weights from 0 to 1: see `inspection.record`.
    Weights travel as one byte each, the square root in 255 steps, so that what is shown is off by at most 0.004. Of
    more than 256 tokens the page gets thumbnails, and a head as a whole when it is enlarged.

    `scores`: name -> (L, H), to sort and filter the heads by; `sort` names the one to begin with. A score that is NaN
    for every head is left out, and the view says so; the heads then begin in the order of the model. `padding`: (S,) of
    bool, True for a token that only fills the row. `mask`: (T, S) of bool, True = may look, drawn where it is False as
    masked; a causal mask is seen in the weights. `values`: sizes ‖v‖ of each head's values, (L, H, S) or a mapping of
    L arrays (H, S) in the order of the layers, to show the weights times them. `raw`: the scores before the softmax,
    (L, H, T, S) or such a mapping, -inf where masked; `inspection.scores.attention_scores` gives both. `rollout`:
    (L, T, S), as `inspection.rollout.attention_rollout` gives. The view then lets its reader choose what it shows.

    Rows that do not sum to 1 are shown, with a warning. Raises TypeError for another object, ValueError for weights
    that are none, that stand where `mask` is False, or that are too many to show.
    """
    options = dict(padding=padding, mask=mask, values=values, raw=raw, rollout=rollout)
    return Heads(recording, layer, head, scores=scores, sort=sort, **options)


def is_short(weights: Weights) -> bool:
    """Are there so few tokens that every head is sent whole?"""
    return max(weights.shape[2:]) <= LONGEST


def _pooled_traits(weights: Weights) -> dict[str, Any]:
    tokens, sources, layers, causal = weights
    T, S = weights.shape[2:]
    if T * S > MAX_BYTES:
        raise ValueError(f"a head of {T:,} by {S:,} weights is too large to show: shorten the text")
    thumbs = [pooled(layer, POOL) for layer in layers]
    data, pool = quantised(thumbs, causal), list(thumbs[0].shape[1:])
    return dict(tokens=tokens, source_tokens=sources, shape=weights.shape, causal=causal, data=data, pool=pool)
