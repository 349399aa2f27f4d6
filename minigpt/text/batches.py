"""Token ids in a row, and batches cut out of them.

Shapes: B batch, T time (n_ctx).
"""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from minigpt.text.shards import TokenShards


def encode_documents(tokenizer, documents: Iterable[str]) -> np.ndarray:
    """All documents in one row of ids, each followed by the end-of-text token (if the tokenizer has one).

    uint16 when the vocabulary fits into it, else int32: half the memory of int32, a quarter of int64.
    """
    end = [] if tokenizer.end_of_text is None else [tokenizer.end_of_text]
    dtype = np.uint16 if tokenizer.n_vocab <= 1 << 16 else np.int32
    rows = [np.asarray(tokenizer.encode(document) + end, dtype=dtype) for document in documents]
    return np.concatenate(rows) if rows else np.empty(0, dtype=dtype)


class Drawn(Protocol):
    """Batches that can be drawn anew: `Batches` of a text, `PairBatches`, `MaskedBatches`, or the reader's own."""

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """What `model.loss` takes at this step; the same each time."""
        ...

    def meta(self) -> dict:
        """What tells one run's batches from another's, in values that JSON keeps."""
        ...


class Batches:
    """Random windows of n_ctx tokens with their targets, the same windows shifted by one.

    The batch of a step is drawn from (seed, step) alone: a run that is resumed, or shared out to several processes,
    sees the same batches as one that is not.
    """

    def __init__(self, ids: "np.ndarray | TokenShards", n_ctx: int, batch_size: int, seed: int = 0):
        ids = ids if isinstance(ids, TokenShards) else np.asarray(ids)  # shards stay on the disk
        if ids.ndim != 1 or ids.dtype.kind not in "ui":
            raise ValueError(f"ids are {ids.dtype} of shape {ids.shape}: give whole numbers in one row")
        if len(ids) < n_ctx + 1:
            raise ValueError(
                f"{len(ids):,} tokens are fewer than one window of n_ctx + 1 = {n_ctx + 1}: give more text or a "
                "shorter n_ctx"
            )
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size}: must be at least 1")
        self.ids, self.n_ctx, self.batch_size, self.seed = ids, n_ctx, batch_size, seed

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of this step, x and its targets y: two int64 tensors (B, T) with y[:, t] = x[:, t + 1]."""
        starts = np.random.default_rng((self.seed, step)).integers(len(self.ids) - self.n_ctx, size=self.batch_size)
        windows = np.stack([self.ids[start : start + self.n_ctx + 1] for start in starts]).astype(np.int64)
        rows = torch.from_numpy(windows)  # (B, T+1)
        return rows[:, :-1], rows[:, 1:]

    def meta(self) -> dict[str, int]:
        """What tells one run's batches from another's, in values that JSON keeps."""
        return {
            "n_tokens": len(self.ids),
            "n_ctx": self.n_ctx,
            "batch_size": self.batch_size,
            "seed": self.seed,
        }

    @property
    def tokens_per_batch(self) -> int:
        return self.batch_size * self.n_ctx

    def epochs(self, n_steps: int) -> float:
        """How many times as many tokens as there are does a run of n_steps draw."""
        return n_steps * self.tokens_per_batch / len(self.ids)
