"""Attention: every position gathers, from the positions that it may see, a weighted average of what they offer.

Shapes: B batch, T time, S source time, C channels (n_embd), H heads, D channels per head (C = H·D).
Sources: Vaswani et al. 2017, section 3.2; GPT-2's names are those of the official checkpoint.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.models.cache import LayerCache

Mask = Tensor | str | None
"""`None`: every position sees every other. `"causal"`: itself and what came before it. A boolean tensor that
broadcasts to (B, H, T, S): True where the row's position may look at the column's."""


def causal_mask(T: int, S: int | None = None, device: torch.device | str | None = None) -> Tensor:
    """The mask of a decoder, (T, S): True where a position may look, at itself and at all before it.

    With S > T the T queries are the last of S positions, as in generation with a cache.
    """
    S = T if S is None else S
    if S < T:
        raise ValueError(f"{T} queries cannot be the last of {S} positions: give S >= T")
    return torch.ones(T, S, dtype=torch.bool, device=device).tril(S - T)


def attention_weights(q: Tensor, k: Tensor, mask: Mask = None) -> Tensor:
    """softmax(q·kᵀ / √D) with -∞ where the mask is False: equation 1 of Vaswani et al. 2017 without the values.

    (B, H, T, D), (B, H, S, D) -> (B, H, T, S); each row sums to 1. A row that may look nowhere is all zeros.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # (B, H, T, S)
    if mask is None:
        return scores.softmax(dim=-1)
    if isinstance(mask, str):
        mask = causal_mask(*scores.shape[-2:], device=scores.device)
    scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(dim=-1).nan_to_num(0.0)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask = None, dropout: float = 0.0, fused: bool = True) -> Tensor:
    """The weighted average of the values, (B, H, T, D).

    `fused=True` hands the work to PyTorch's `scaled_dot_product_attention`, which never stores the (T, S) matrix;
    `fused=False` is the same in the open. Both agree to rounding, and a test says so.
    """
    if not fused:
        att = F.dropout(attention_weights(q, k, mask), dropout)  # (B, H, T, S)
        return att @ v  # (B, H, T, D)
    T, S = q.size(-2), k.size(-2)
    if isinstance(mask, str):
        # One query is the last position and sees everything; PyTorch's own causal mask is for T = S.
        if T == S:
            return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        mask = None if T == 1 else causal_mask(T, S, device=q.device)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)


def split_heads(x: Tensor, n_head: int) -> Tensor:
    """(B, T, C) -> (B, H, T, D): each head gets its own D of the C channels."""
    B, T, C = x.shape
    return x.view(B, T, n_head, C // n_head).transpose(1, 2)  # (B, H, T, D)


def project(c_attn: nn.Linear, x: Tensor, source: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Queries of x, keys and values of the source (x itself if there is none): (B, T, C), (B, S, C), (B, S, C).

    `c_attn` is three matrices in one, so that the three products of self-attention are one.
    """
    C = x.size(-1)
    if source is None:
        q, k, v = c_attn(x).split(C, dim=-1)  # (B, T, C)
        return q, k, v
    q = F.linear(x, c_attn.weight[:C], c_attn.bias[:C])  # (B, T, C)
    k, v = F.linear(source, c_attn.weight[C:], c_attn.bias[C:]).split(C, dim=-1)  # (B, S, C)
    return q, k, v


class Attention(nn.Module):
    """Multi-head attention: one class for encoder, decoder and cross-attention. What differs is mask and source.

    - `Attention(C, H)(x)`: self-attention, as in an encoder;
    - `(x, mask="causal")`: masked self-attention, as in GPT-2;
    - `(x, source=y)`: cross-attention, queries from x, keys and values from y.
    """

    def __init__(self, n_embd: int, n_head: int, dropout: float = 0.0):
        super().__init__()
        if n_embd % n_head:
            raise ValueError(f"n_embd={n_embd} cannot be shared out to {n_head} heads: take a divisor of it")
        self.n_head, self.dropout = n_head, dropout
        self.c_attn = nn.Linear(n_embd, 3 * n_embd)  # queries, keys and values of all heads
        self.c_proj = nn.Linear(n_embd, n_embd)  # mixes what the heads found
        self.resid_dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, source: Tensor | None = None, mask: Mask = None, cache: LayerCache | None = None
    ) -> Tensor:
        """(B, T, C) -> (B, T, C). With a cache, x holds the new positions only."""
        B, T, C = x.shape
        q, k, v = (split_heads(part, self.n_head) for part in project(self.c_attn, x, source))
        if cache is not None:
            k, v = cache.append(k, v)  # (B, H, S, D)
        y = attend(q, k, v, mask, self.dropout if self.training else 0.0)  # (B, H, T, D)
        y = y.transpose(1, 2).reshape(B, T, C)  # (B, T, C)
        return self.resid_dropout(self.c_proj(y))  # (B, T, C)
