"""The key-value cache: keys and values of positions already read never change under a causal mask, so keep them.

Shapes: B batch, T time (new positions), S source time (all positions so far), H heads, D channels per head.
"""

import torch
from torch import Tensor

from minigpt.config import GPTConfig


class LayerCache:
    """Keys and values of one attention layer, in memory that is taken once: (B, H, n_ctx, D) each."""

    def __init__(self, batch_size: int, n_head: int, n_ctx: int, d_head: int, **tensor_options):
        self.k = torch.empty(batch_size, n_head, n_ctx, d_head, **tensor_options)
        self.v = torch.empty_like(self.k)
        self.length = 0

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store T new positions and return all S so far, as views: (B, H, T, D) twice -> (B, H, S, D) twice."""
        start, end = self.length, self.length + k.size(2)
        if end > self.k.size(2):
            raise ValueError(f"{end:,} positions do not fit into a cache of {self.k.size(2):,}: start a new cache")
        self.k[:, :, start:end], self.v[:, :, start:end] = k, v
        self.length = end
        return self.k[:, :, :end], self.v[:, :, :end]

    def select(self, rows: Tensor) -> None:
        """Keep these rows of the batch, in this order; a row may come twice, as when two texts go on from one."""
        self.k, self.v = self.k[rows], self.v[rows]


class KVCache:
    """One `LayerCache` per block. It takes 2·n_layer·B·n_ctx·n_embd numbers: see `n_bytes`."""

    def __init__(self, config: GPTConfig, batch_size: int = 1, n_ctx: int | None = None, **tensor_options):
        d_head = config.n_embd // config.n_head
        n_ctx = n_ctx or config.n_ctx
        self.layers = [
            LayerCache(batch_size, config.n_head, n_ctx, d_head, **tensor_options) for _ in range(config.n_layer)
        ]

    @property
    def length(self) -> int:
        """Positions read so far."""
        return self.layers[0].length

    @property
    def n_bytes(self) -> int:
        """Memory taken, in bytes, whether filled or not."""
        return sum(layer.k.nbytes + layer.v.nbytes for layer in self.layers)
