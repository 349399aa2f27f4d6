"""Attention rollout: from which words a position has gathered, counted through all layers below.

A late layer attends to positions, not to words: what stands at a position by then was itself gathered from others.

Shapes: T time, H heads, L layers.
"""

import numpy as np

from minigpt.inspection.heads import self_attention
from minigpt.inspection.record import Recording


def attention_rollout(recording: Recording, residual: float = 0.5) -> np.ndarray:
    """The share of each position's vector, after each layer, that came from each word of the text: (L, T, T).

    Heads are averaged and the residual connection counts as attention to oneself: A = 0.5·A + 0.5·I; then layer by
    layer, rollout = A · rollout of the layer before. Rows sum to 1. `residual` is the weight of I, 0 to 1.
    It is a rough count: MLPs, the size of the values, and how much a layer really adds to its stream are left out, and
    two heads that do opposite things are averaged. Raises ValueError for cross-attention, for rows that do not sum to 1
    and for a residual outside 0 to 1.

    Source: Abnar and Zuidema 2020, "Quantifying Attention Flow in Transformers".
    """
    if not 0 <= residual <= 1:
        raise ValueError(f"residual={residual} is a share: give 0 to 1, the paper takes 0.5")
    layers = self_attention(recording).mean(axis=1, dtype=np.float64)  # of each layer: (T, T)
    if not np.allclose(layers.sum(axis=-1), 1, atol=1e-3):
        raise ValueError("rows of attention do not sum to 1, so there are no shares to follow: record it after softmax")
    identity = np.eye(layers.shape[-1])
    rollout = [identity]
    for weights in layers:
        rollout.append(((1 - residual) * weights + residual * identity) @ rollout[-1])
    return np.stack(rollout[1:])
