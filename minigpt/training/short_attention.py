"""Causal attention over short texts in bfloat16 on a processor: by whole products of matrices, there and back.

Shapes: B batch, T time, H heads, D channels per head.

PyTorch's fused attention goes through a text in blocks, so that the (T, T) weights need never be stored. For a batch of
short texts on a CPU these blocks are tiny, and its backward pass in bfloat16 takes a multiple of what the products of
all texts and heads at once take, whose weights find room in a moment's memory. They are computed anew in the backward
pass, so that no more is kept than before: queries, keys and values. `benchmarks/train.py` measures what that is worth.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

LONGEST, MOST_WEIGHTS = 512, 1 << 23
"""T, and weights of all texts and heads, B·H·T², above which the fused attention's blocks are better: 16 MB of them."""


class ShortAttention(TorchFunctionMode):
    """Within the block, in this thread, `scaled_dot_product_attention` is ours where ours is the faster one."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func is F.scaled_dot_product_attention and is_short(*args, **(kwargs or {})):
            with torch.autocast("cpu", enabled=False):  # which would have the softmax in float32
                return Short.apply(*args[:3])
        return func(*args, **(kwargs or {}))


def is_short(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **others: Any,
) -> bool:
    """Ours knows causal self-attention without dropout, in bfloat16, and is for texts that are not long."""
    if attn_mask is not None or dropout_p or others or not is_causal or q.dim() != 4:
        return False
    B, H, T, _ = q.shape
    fits = T <= LONGEST and B * H * T * T <= MOST_WEIGHTS
    return fits and q.shape == k.shape == v.shape and q.dtype is torch.bfloat16


class Short(torch.autograd.Function):
    """softmax(q·kᵀ / √D)·v for all texts and heads at once, (B, H, T, D), and its gradients."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        ctx.save_for_backward(q, k, v)
        B, H, T, D = q.shape
        return (weights(q, k) @ v.flatten(0, 1)).view(B, H, T, D)  # (B, H, T, D)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = ctx.saved_tensors
        B, H, T, D = q.shape
        att, g = weights(q, k), gradients[0].flatten(0, 1)  # (B·H, T, T), (B·H, T, D)
        to_att = g @ v.flatten(0, 1).mT  # (B·H, T, T)
        to_scores = torch.ops.aten._softmax_backward_data(to_att, att, -1, att.dtype) / math.sqrt(D)  # (B·H, T, T)
        found = to_scores @ k.flatten(0, 1), to_scores.mT @ q.flatten(0, 1), att.mT @ g  # (B·H, T, D)
        to_q, to_k, to_v = (one.view(B, H, T, D) for one in found)
        return to_q, to_k, to_v


def weights(q: Tensor, k: Tensor) -> Tensor:
    """(B, H, T, D), (B, H, T, D) -> (B·H, T, T), the later positions hidden; the mask is added within the product."""
    B, H, T, D = q.shape
    hidden = torch.full((T, T), -math.inf, dtype=q.dtype).triu(1)  # (T, T)
    q, k = q.reshape(B * H, T, D), k.reshape(B * H, T, D)
    scores = torch.baddbmm(hidden, q, k.mT, alpha=1 / math.sqrt(D))  # (B·H, T, T)
    return scores.softmax(dim=-1)
