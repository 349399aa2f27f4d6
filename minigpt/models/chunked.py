"""The loss of a large vocabulary a chunk of positions at a time, so that all logits are never there at once.

Shapes: B batch, T time, C channels (n_embd), V vocabulary.

GPT-2's 50,257 scores for each of 8 · 1,024 positions are 1.6 GB in float32; their log-probabilities and their gradient
are as much again each. But no position
needs another's scores: a chunk's loss and its gradient with respect to x and the table can be had at once, and then its
scores are forgotten. No product is computed twice. The idea is that of Liger Kernel (Hsu et al. 2024), section 3.2.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

MOST_LOGITS = 1 << 27
"""Losses of more logits than this, 0.5 GB in float32, are computed in chunks of about so many."""
LEFT_OUT = -100
"""A target that is not asked for, as in `F.cross_entropy`."""


def chunked_cross_entropy(
    x: Tensor, table: Tensor, y: Tensor, n_rows: int | None = None, multiple: int | None = None
) -> Tensor:
    """Mean cross-entropy, in nats per token, of logits x·tableᵀ: (B, T, C), (V, C), (B, T) -> scalar.

    The same as `F.cross_entropy`, gradients too, up to rounding. `n_rows`: positions of a chunk, by default as many as
    make `MOST_LOGITS` logits. `multiple`: the products are computed with a vocabulary padded to a multiple of this, by
    default of 64 on a GPU, whose matrix units are slow for odd sizes such as 50,257. The tokens that this adds have no
    probability, and the table keeps its size. The loss can be differentiated once.
    """
    multiple = multiple or (64 if x.is_cuda else 1)
    n_rows = n_rows or rows_of_a_chunk(len(table))
    needed = torch.is_grad_enabled() and (x.requires_grad or table.requires_grad)
    return ChunkedLoss.apply(x.flatten(0, -2), table, y.flatten(), n_rows, multiple, needed)  # type: ignore[return-value]


def rows_of_a_chunk(n_vocab: int) -> int:
    """Positions whose scores are `MOST_LOGITS` at most, a multiple of 128, which matrix units like."""
    return max(128, MOST_LOGITS // n_vocab // 128 * 128)


def pad_table(table: Tensor, multiple: int) -> Tensor:
    """The table with rows of zeros below, so that their number is a multiple: itself where it is one already."""
    n_extra = -len(table) % multiple
    return F.pad(table, (0, 0, 0, n_extra)) if n_extra else table


class ChunkedLoss(torch.autograd.Function):
    """Forward computes the gradients too, for an incoming gradient of 1; backward has them multiplied."""

    @staticmethod
    def forward(ctx, x: Tensor, table: Tensor, y: Tensor, n_rows: int, multiple: int, needed: bool) -> Tensor:
        autocast = torch.is_autocast_enabled(x.device.type)
        dtype = torch.get_autocast_dtype(x.device.type) if autocast else x.dtype
        precise = torch.promote_types(x.dtype, torch.float32)  # softmax, sums and the loss
        rows, weight = x.to(dtype), pad_table(table.to(dtype), multiple)
        words = torch.arange(len(weight), device=x.device)
        is_extra = words >= len(table)
        n_asked = (y != LEFT_OUT).sum()
        loss = torch.zeros((), dtype=precise, device=x.device)
        x_grads, table_grad = [], torch.zeros_like(table, dtype=precise) if needed else None
        for row, target in zip(rows.split(n_rows), y.split(n_rows), strict=True):
            logits = F.linear(row, weight).to(precise)  # (..., V)
            if len(weight) > len(table):
                logits = logits.masked_fill_(is_extra, -torch.inf)
            log_probs = logits.log_softmax(-1)  # (..., V)
            del logits
            is_asked = (target != LEFT_OUT).unsqueeze(-1)
            at = target.clamp(min=0).unsqueeze(-1)
            loss = loss - (log_probs.gather(1, at) * is_asked).sum()
            if table_grad is None:
                continue
            # The loss's gradient with respect to a score is the probability, less 1 for the token that came.
            slope = log_probs.exp_().add_(words == at, alpha=-1).mul_(is_asked / n_asked).to(dtype)  # (..., V)
            x_grads.append((slope @ weight).to(x.dtype))
            table_grad = table_grad + (slope.T @ row)[: len(table)].to(precise)
        if table_grad is not None:
            ctx.save_for_backward(torch.cat(x_grads), table_grad.to(table.dtype))
        return loss / n_asked

    @staticmethod
    def backward(ctx, *gradients: Tensor):
        (gradient,) = gradients
        x_grad, table_grad = ctx.saved_tensors
        return x_grad * gradient, table_grad * gradient, None, None, None, None
