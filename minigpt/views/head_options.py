"""What `views.heads` is told besides the weights: padding, masks and other quantities, checked and packed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minigpt.views import plain
from minigpt.views.attention import Weights


def padded(padding: Any, weights: Weights) -> list[bool]:
    """Is each token that is looked at padding? Empty: none is."""
    if padding is None:
        return []
    given = np.asarray(padding)
    if given.shape != (len(weights.sources),) or given.dtype != bool:
        raise ValueError(
            f"padding of {given.dtype} and shape {given.shape}: give a bool for each of the {len(weights.sources)} "
            "tokens that are looked at, True where it is padding"
        )
    return given.tolist()


def hidden(mask: Any, padding: list[bool], raw: np.ndarray | None, weights: Weights) -> bytes:
    """The masked cells as bits, (T, S): where the mask forbids to look or every raw score is -inf, and padding that no
    head gives any weight.
    """
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
    if raw is not None:
        hidden |= np.isneginf(raw).all((0, 1))
    if weights.causal:
        hidden &= np.tri(T, dtype=bool)  # the page knows of the rest
    return np.packbits(hidden).tobytes() if hidden.any() else b""


def norms(values: Any, weights: Weights) -> bytes:
    """The size of each value as float32, (L, H, S)."""
    if values is None:
        return b""
    arrays = list(values.values()) if isinstance(values, Mapping) else values
    sizes = plain.numbers(arrays, "values", ndim=3)
    L, H, _, S = weights.shape
    if sizes.shape != (L, H, S) or sizes.min() < 0:
        raise ValueError(f"values of shape {sizes.shape}: give a size, 0 or more, for each value, {(L, H, S)}")
    return sizes.astype("<f4").tobytes()


def head_scores(scores: Mapping[str, Any] | None, shape: list[int]) -> dict[str, list[float]]:
    """Name -> a number for each head, layer after layer, without those that are `undefined`."""
    kept = {}
    for name, given in (scores or {}).items():
        is_undefined = _is_all_nan(given)
        array = plain.numbers(np.zeros_like(given) if is_undefined else given, f"scores[{name!r}]", ndim=2)
        if list(array.shape) != shape[:2]:
            raise ValueError(f"scores[{name!r}] of shape {array.shape}: give one for each head, {tuple(shape[:2])}")
        if not is_undefined:
            kept[plain.label(name)] = array.ravel().tolist()
    return kept


def undefined(scores: Mapping[str, Any] | None) -> list[str]:
    """Names of the scores that are NaN for every head, and so cannot sort them."""
    return [plain.label(name) for name, given in (scores or {}).items() if _is_all_nan(given)]


def _is_all_nan(given: Any) -> bool:
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        return False  # no numbers at all
    return array.size > 0 and bool(np.isnan(array).all())


def undefined_in_words(names: list[str]) -> str:
    """Says which scores cannot sort the heads, or "" where all can."""
    if not names:
        return ""
    return (
        f"The heads cannot be sorted by {', '.join(names)}: NaN for every head. The text may lack what such a score "
        "looks for, for example a token that comes twice."
    )


def raw_scores(raw: Any, weights: Weights) -> np.ndarray | None:
    """Scores before the softmax, (L, H, T, S); -inf is a masked cell, and has no weight."""
    if raw is None:
        return None
    stack = np.asarray(list(raw.values()) if isinstance(raw, Mapping) else raw, dtype=np.float32)
    if list(stack.shape) != weights.shape:
        raise ValueError(f"raw scores of shape {stack.shape}: give one for each weight, {tuple(weights.shape)}")
    masked = np.isneginf(stack)
    if not np.isfinite(stack[~masked]).all():
        raise ValueError("raw scores are finite, or -inf where a cell is masked: these hold NaN or +inf")
    if any((layer[cells] > 0).any() for layer, cells in zip(weights.layers, masked, strict=True)):
        raise ValueError("a raw score is -inf where its weight is not 0: are the two of one forward pass?")
    return stack


def rollouts(rollout: Any, weights: Weights) -> np.ndarray | None:
    """Attention rollout up to each layer, (L, T, S), shares from 0 to 1."""
    if rollout is None:
        return None
    shares = plain.numbers(rollout, "rollout", ndim=3)
    L, _, T, S = weights.shape
    if shares.shape != (L, T, S) or shares.min() < 0 or shares.max() > 1 + 1e-3:
        raise ValueError(
            f"rollout of shape {shares.shape}: give shares from 0 to 1, {(L, T, S)}, as "
            "inspection.rollout.attention_rollout(recording) does"
        )
    return shares


def in_range(scores: np.ndarray, causal: bool) -> tuple[bytes, list[float]]:
    """Scores of one head (T, S) as a byte each, in 255 even steps from the lowest to the highest, and these two."""
    finite = scores[np.isfinite(scores) & (np.tri(*scores.shape, dtype=bool) | (not causal))]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    steps = np.rint(255 * (np.clip(scores, low, high) - low) / (high - low or 1)).astype(np.uint8)
    return (steps[np.tri(len(steps), dtype=bool)] if causal else steps).tobytes(), [low, high]
