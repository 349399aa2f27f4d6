"""All attention heads of a model at once, and any one of them enlarged."""

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from traitlets import Bool, Bytes, Int, List, Unicode

from minigpt.views import plain, static
from minigpt.views.view import View

MAX_BYTES = 64_000_000  # 144 causal heads of about 940 tokens: what a browser still takes well


class Recording(Protocol):
    """What is shown: anything with the token labels and the attention weights of one forward pass.

    `source_tokens`, where present and not None, are the labels of the keys; otherwise the tokens look at themselves.
    """

    @property
    def tokens(self) -> Iterable[str]:
        """A label for each of the T tokens that look."""
        ...

    def attention_stack(self) -> np.ndarray:
        """Weights of all heads, (L, H, T, S): layers, heads, tokens that look, tokens looked at."""
        ...


class Heads(View):
    """See `heads`. `layer` and `head` are the enlarged head; `show` puts another recording into the same view."""

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

    def __init__(self, recording: Recording, layer: int = 0, head: int = 0) -> None:
        traits = _traits(recording)
        _check_head(traits["shape"], layer, head)
        super().__init__(layer=layer, head=head, **traits)

    def show(self, recording: Recording) -> None:
        """Show another recording; the enlarged head stays where it is, if the new model has it."""
        traits = _traits(recording)
        n_layer, n_head = traits["shape"][:2]
        with self.hold_sync():  # one message, so that no half-changed state is drawn
            self.set_trait("layer", min(self.layer, n_layer - 1))
            self.set_trait("head", min(self.head, n_head - 1))
            for name, value in traits.items():
                self.set_trait(name, value)
            self.version += 1

    def describe(self) -> str:
        """Size of the model and the text, and where the last token of the enlarged head looks most."""
        n_layer, n_head, n_tokens, _ = self.shape
        weights = _dequantised(self.data, self.shape, self.causal, self.layer * n_head + self.head)
        most = int(weights[-1].argmax())
        return (
            f"Attention weights of {n_layer} layers with {n_head} heads each over {n_tokens} tokens; enlarged: "
            f"layer {self.layer}, head {self.head}, whose last token, {self.tokens[-1]!r}, looks most at "
            f"{self.source_tokens[most]!r}, position {most}: {weights[-1, most]:.0%}."
        )

    def face(self) -> str:
        """A small picture of every head, and the enlarged one with its labels."""
        from minigpt.views import figures

        n_layer, n_head = self.shape[:2]
        weights = [_dequantised(self.data, self.shape, self.causal, n) for n in range(n_layer * n_head)]
        title = f"Layer {self.layer}, head {self.head}"
        large = weights[self.layer * n_head + self.head]
        figure = figures.all_heads(weights, n_head, large, self.tokens, self.source_tokens, self.causal, title)
        return static.image(figures.to_svg(figure), self.describe())


def heads(recording: Recording, *, layer: int = 0, head: int = 0) -> Heads:
    """Show the attention of every head; click, or Enter, enlarges one; its rows tell in words who looks at whom.

    `recording` has `tokens` and `attention_stack() -> (L, H, T, S)`, weights from 0 to 1, as `inspection.record` gives.
    Weights travel as one byte each, the square root in 255 steps, so that what is shown is off by at most 0.004.
    Raises TypeError for another object, ValueError for weights that are none or too many to show.
    """
    return Heads(recording, layer, head)


def _traits(recording: Recording) -> dict[str, Any]:
    if not hasattr(recording, "tokens") or not hasattr(recording, "attention_stack"):
        raise TypeError(
            f"heads() shows a recording with `tokens` and `attention_stack()`, not {type(recording).__name__}: "
            "minigpt.inspection.record(model, ids, tokens) makes one"
        )
    tokens = plain.labels(recording.tokens, "tokens")
    given = getattr(recording, "source_tokens", None)
    sources = tokens if given is None else plain.labels(given, "source_tokens")
    stack = plain.numbers(recording.attention_stack(), "attention_stack()", ndim=4)
    if stack.shape[2:] != (len(tokens), len(sources)):
        raise ValueError(
            f"attention_stack() of shape {stack.shape} does not fit {len(tokens)} tokens that look at {len(sources)}"
        )
    if stack.min() < 0 or stack.max() > 1 + 1e-3:
        raise ValueError(
            f"attention weights lie between 0 and 1, these between {stack.min():.3g} and {stack.max():.3g}: "
            "are they scores, before the softmax?"
        )
    causal = stack.shape[2] == stack.shape[3] and not np.triu(stack, 1).any()
    data = _quantised(stack, causal)
    if len(data) > MAX_BYTES:
        raise ValueError(
            f"{stack.size:,} weights are too many to show at once: shorten the text ({len(tokens)} tokens)"
        )
    return dict(tokens=tokens, source_tokens=sources, shape=list(stack.shape), causal=causal, data=data)


def _quantised(stack: np.ndarray, causal: bool) -> bytes:
    """(L, H, T, S) weights -> a byte each: the square root in 255 steps; of causal heads the lower triangle only."""
    bytes_ = np.rint(255 * np.sqrt(np.clip(stack, 0, 1))).astype(np.uint8)
    if causal:
        bytes_ = bytes_[:, :, *np.tril_indices(stack.shape[2])]  # (L, H, T(T + 1)/2)
    return bytes_.tobytes()


def _dequantised(data: bytes, shape: list[int], causal: bool, n: int) -> np.ndarray:
    """Weights of head n of all heads, (T, S)."""
    _, _, T, S = shape
    size = T * (T + 1) // 2 if causal else T * S
    values = (np.frombuffer(data, np.uint8, size, n * size) / 255) ** 2
    if not causal:
        return values.reshape(T, S)
    weights = np.zeros((T, S))
    weights[np.tril_indices(T)] = values
    return weights


def _check_head(shape: list[int], layer: int, head: int) -> None:
    if not (0 <= layer < shape[0] and 0 <= head < shape[1]):
        raise ValueError(
            f"no layer {layer}, head {head}: layers go from 0 to {shape[0] - 1}, heads from 0 to {shape[1] - 1}"
        )
