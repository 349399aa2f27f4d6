"""Attention weights on their way to a page: checked, and packed to one byte each."""

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from minigpt.views import plain

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


def attention_traits(recording: Recording) -> dict[str, Any]:
    """What a view of attention tells its page: labels, shape, whether it is causal, and the weights as bytes."""
    if not hasattr(recording, "tokens") or not hasattr(recording, "attention_stack"):
        raise TypeError(
            f"shown is a recording with `tokens` and `attention_stack()`, not {type(recording).__name__}: "
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
    data = quantised(stack, causal)
    if len(data) > MAX_BYTES:
        raise ValueError(
            f"{stack.size:,} weights are too many to show at once: shorten the text ({len(tokens)} tokens)"
        )
    return dict(tokens=tokens, source_tokens=sources, shape=list(stack.shape), causal=causal, data=data)


def quantised(stack: np.ndarray, causal: bool) -> bytes:
    """(L, H, T, S) weights -> a byte each: the square root in 255 steps; of causal heads the lower triangle only."""
    bytes_ = np.rint(255 * np.sqrt(np.clip(stack, 0, 1))).astype(np.uint8)
    if causal:
        bytes_ = bytes_[:, :, *np.tril_indices(stack.shape[2])]  # (L, H, T(T + 1)/2)
    return bytes_.tobytes()


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
