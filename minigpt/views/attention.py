"""Attention weights on their way to a page: checked, and packed to one byte each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from minigpt.views import plain

MAX_BYTES = 64_000_000  # 144 causal heads of about 940 tokens: what a browser still takes well
ROW_TOLERANCE = 0.01  # a row of softmax in half precision sums to 1 within this


class Recording(Protocol):
    """What is shown: anything with the token labels and the attention weights of one forward pass.

    `source_tokens`, where present and not None, are the labels of the keys; otherwise the tokens look at themselves.
    `attention`, where present, maps names to each layer's (H, T, S): long texts are then read without a copy.
    """

    @property
    def tokens(self) -> Iterable[str]:
        """A label for each of the T tokens that look."""
        ...

    def attention_stack(self) -> np.ndarray:
        """Weights of all heads, (L, H, T, S): layers, heads, tokens that look, tokens looked at."""
        ...


class Weights(NamedTuple):
    """Checked weights: `layers` are L arrays (H, T, S) of float32; causal ones are 0 right of the diagonal."""

    tokens: list[str]
    sources: list[str]
    layers: Sequence[np.ndarray]
    causal: bool

    @property
    def shape(self) -> list[int]:
        """[L, H, T, S]"""
        return [len(self.layers), *self.layers[0].shape]


def attention_traits(weights: Weights) -> dict[str, Any]:
    """What a view of attention tells its page: labels, shape, whether it is causal, and the weights as bytes."""
    tokens, sources, layers, causal = weights
    data = quantised(layers, causal)
    if len(data) > MAX_BYTES:
        n_weights = np.prod(weights.shape)
        raise ValueError(f"{n_weights:,} weights are too many to show at once: shorten the text ({len(tokens)} tokens)")
    return dict(tokens=tokens, source_tokens=sources, shape=weights.shape, causal=causal, data=data)


def checked(recording: Recording) -> Weights:
    """The weights of a recording and their labels. Raises TypeError and ValueError for what cannot be shown."""
    if not hasattr(recording, "tokens") or not hasattr(recording, "attention_stack"):
        raise TypeError(
            f"shown is a recording with `tokens` and `attention_stack()`, not {type(recording).__name__}: "
            "record(model, ids, tokens) of minigpt.inspection.record makes one, and in minigpt.inspection.adapters "
            "from_transformers(model, tokenizer, text), or from_outputs(outputs, tokens) of what a model returned"
        )
    tokens = plain.labels(recording.tokens, "tokens")
    given = getattr(recording, "source_tokens", None)
    sources = tokens if given is None else plain.labels(given, "source_tokens")
    layers = _layers(recording)
    shape = (len(layers), *layers[0].shape)
    if shape[2:] != (len(tokens), len(sources)):
        raise ValueError(
            f"attention_stack() of shape {shape} does not fit {len(tokens)} tokens that look at {len(sources)}"
        )
    _check_range(layers, tokens, sources)
    return Weights(tokens, sources, layers, _is_causal(layers))


def _layers(recording: Recording) -> Sequence[np.ndarray]:
    attention = getattr(recording, "attention", None)
    if isinstance(attention, Mapping) and len({np.shape(layer) for layer in attention.values()}) == 1:
        stack = list(attention.values())  # not copied, as attention_stack() would
    else:
        stack = recording.attention_stack()
    try:
        layers = [np.asarray(layer, dtype=np.float32) for layer in stack]
    except (TypeError, ValueError) as error:
        raise TypeError(f"attention_stack() should be numbers in an even shape: {error}") from error
    if not layers or layers[0].ndim != 3 or layers[0].size == 0:
        shape = (len(layers), *(layers[0].shape if layers else ()))
        raise ValueError(f"attention_stack() should have 4 dimension(s), none of them 0, not the shape {shape}")
    return layers


def _check_range(layers: Sequence[np.ndarray], tokens: list[str], sources: list[str]) -> None:
    """Weights are finite and between 0 and 1; the error says where the first stands that is not finite."""
    ranges = [(layer.min(), layer.max()) for layer in layers]  # a NaN spreads to both
    for n, layer in enumerate(layers):
        if not np.isfinite(ranges[n]).all():
            head, i, j = (int(at) for at in np.argwhere(~np.isfinite(layer))[0])
            raise ValueError(
                f"attention holds values that are not finite (NaN or infinity), the first in layer {n}, head {head}: "
                f"{tokens[i]!r} (position {i}) looks at {sources[j]!r} (position {j}). Look where they come from; a "
                "row whose scores are all -inf becomes NaN in a softmax"
            )
    least, most = min(low for low, _ in ranges), max(high for _, high in ranges)
    if least < 0 or most > 1 + 1e-3:
        raise ValueError(
            f"attention weights lie between 0 and 1, these between {least:.3g} and {most:.3g}: "
            "are they scores, before the softmax?"
        )


def _is_causal(layers: Sequence[np.ndarray]) -> bool:
    _, T, S = layers[0].shape
    return T == S and not any(layer[:, i, i + 1 :].any() for layer in layers for i in range(T))


def uneven_rows(weights: Weights) -> str:
    """Says in a sentence which rows do not sum to 1, or "" where all do. Rows of zeros look nowhere, and may.

    A mask that is applied after the softmax leaves such rows, as do dropout and weights that somebody made by hand.
    """
    n_off, first = 0, ""
    for n, layer in enumerate(weights.layers):
        sums = layer.sum(-1)  # one for each row
        off = (np.abs(sums - 1) > ROW_TOLERANCE) & (sums != 0)
        n_off += int(off.sum())
        if off.any() and not first:
            head, i = (int(at) for at in np.argwhere(off)[0])
            first = f"layer {n}, head {head}, {weights.tokens[i]!r} (position {i}), sums to {sums[head, i]:.3g}"
    if not n_off:
        return ""
    n_rows = np.prod(weights.shape[:3])
    return f"{n_off:,} of {n_rows:,} rows of attention do not sum to 1; the first, {first}. They are shown as they are."


def check_head(shape: Sequence[int], layer: int, head: int) -> None:
    """Raises ValueError for a head that is not there; `shape` is [L, H, …]."""
    if not (0 <= layer < shape[0] and 0 <= head < shape[1]):
        raise ValueError(
            f"no layer {layer}, head {head}: layers go from 0 to {shape[0] - 1}, heads from 0 to {shape[1] - 1}"
        )


def as_pandas(numbers: np.ndarray, tokens: list[str], sources: list[str]) -> Any:
    """The numbers of a head, (T, S), as a pandas DataFrame: a row for each token that looks."""
    try:
        import pandas  # pyright: ignore[reportMissingImports]: an optional package
    except ImportError as error:
        raise ImportError("to_pandas() needs pandas, which is not installed: pip install pandas") from error
    rows, columns = pandas.Index(tokens, name="token"), pandas.Index(sources, name="looks at")
    return pandas.DataFrame(numbers, index=rows, columns=columns)


def pooled(layer: np.ndarray, size: int) -> np.ndarray:
    """(H, T, S) -> (H, P, Q), at most `size` cells a side, each the largest weight of what falls into it."""
    for axis in (2, 1):
        n = layer.shape[axis]
        if n > size:
            starts = -(-np.arange(size) * n // size)  # cell b holds the positions i with i * size // n == b
            layer = np.maximum.reduceat(layer, starts, axis=axis)
    return layer


def quantised(stack: np.ndarray | Sequence[np.ndarray], causal: bool) -> bytes:
    """(L, H, T, S) weights -> a byte each: the square root in 255 steps; of causal heads the lower triangle only."""
    mask = np.tri(stack[0].shape[1], dtype=bool) if causal else None
    packed = []
    for layer in stack:  # one after the other: the floats in between would take four times the room of the bytes
        steps = np.clip(layer, 0, 1, dtype=np.float32)
        np.sqrt(steps, out=steps)
        bytes_ = np.rint(steps * 255).astype(np.uint8)
        packed.append((bytes_ if mask is None else bytes_[:, mask]).tobytes())  # causal: (H, T(T + 1)/2)
    return b"".join(packed)


def dequantised(data: bytes, shape: list[int], causal: bool, n: int) -> np.ndarray:
    """Weights of head n of all heads, (T, S)."""
    _, _, T, S = shape
    size = T * (T + 1) // 2 if causal else T * S
    values = (np.frombuffer(data, np.uint8, size, n * size) / 255) ** 2
    if not causal:
        return values.reshape(T, S)
    weights = np.zeros((T, S))
    weights[np.tril_indices(T)] = values
    return weights
