"""GPT-2: token and position embeddings, blocks under a causal mask, a last LayerNorm, and the embedding table again.

Shapes: B batch, T time, C channels (n_embd), V vocabulary.
Sources: Radford et al. 2019, section 2.3; Radford et al. 2018 for the tied output matrix and the 0.02.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.config import GPTConfig
from minigpt.models.attention import Mask
from minigpt.models.blocks import Block
from minigpt.models.cache import KVCache


class GPT(nn.Module):
    """A decoder-only transformer with GPT-2's names, so that official weights load by name."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.n_vocab, config.n_embd)  # token embeddings, and the output matrix
        self.wpe = nn.Embedding(config.n_ctx, config.n_embd)  # position embeddings, learned
        self.drop = nn.Dropout(config.dropout)
        self.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.init_weights()

    def init_weights(self) -> None:
        """Normal with deviation 0.02, zero biases; what a block adds to the stream is scaled by 1/√(2·n_layer).

        Each block adds twice, so the stream's variance would grow with depth: section 2.3 of the paper scales the
        residual layers by 1/√N, N the number of residual layers.
        """
        residual = 0.02 / math.sqrt(2 * self.config.n_layer)
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=residual if name.endswith("c_proj") else 0.02)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, ids: Tensor, cache: KVCache | None = None, mask: Mask = "causal") -> Tensor:
        """Logits of the token that follows each position: (B, T) -> (B, T, V).

        With a cache, `ids` are the positions after those already in it. `mask` is GPT-2's unless an experiment
        says otherwise. Raises ValueError when the text is longer than n_ctx or holds ids outside the vocabulary.
        """
        x = self.hidden(ids, cache, mask)  # (B, T, C)
        return self.head(x)  # (B, T, V)

    def hidden(self, ids: Tensor, cache: KVCache | None = None, mask: Mask = "causal") -> Tensor:
        """The residual stream after the last LayerNorm: (B, T) -> (B, T, C)."""
        T = ids.size(1)
        start = cache.length if cache is not None else 0
        self.check_ids(ids, start + T)
        x = self.wte(ids)  # (B, T, C)
        x = self.drop(x + self.wpe.weight[start : start + T])  # (B, T, C)
        for i, block in enumerate(self.h):
            x = block(x, mask, cache.layers[i] if cache is not None else None)  # (B, T, C)
        return self.ln_f(x)  # (B, T, C)

    def head(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, V): the score of a token is the dot product with its own embedding."""
        return F.linear(x, self.wte.weight)  # (B, T, V)

    def loss(self, x: Tensor, y: Tensor, mask: Mask = "causal") -> Tensor:
        """Mean cross-entropy, in nats per token, of the targets y (B, T): x shifted by one; -100 is left out."""
        logits = self(x, mask=mask)  # (B, T, V)
        return F.cross_entropy(logits.flatten(0, 1), y.flatten())

    def new_cache(self, batch_size: int = 1, n_ctx: int | None = None) -> KVCache:
        """An empty cache on the model's device and in its number format."""
        weight = self.wte.weight
        return KVCache(self.config, batch_size, n_ctx, dtype=weight.dtype, device=weight.device)

    def n_params(self) -> int:
        """Parameters, counted from the tensors themselves; `GPTConfig.n_params` counts them from the shape."""
        return sum(parameter.numel() for parameter in self.parameters())

    def check_ids(self, ids: Tensor, n: int) -> None:
        """Refuse what the tables have no row for. Ids on a GPU are not looked at: that would wait for the GPU."""
        n_ctx, n_vocab = self.config.n_ctx, self.config.n_vocab
        if n > n_ctx:
            raise ValueError(
                f"{n:,} tokens do not fit into n_ctx={n_ctx}: shorten the text or keep its end, ids[:, -{n_ctx}:]"
            )
        if torch.compiler.is_compiling() or ids.device.type != "cpu" or not ids.numel():
            return
        low, high = int(ids.min()), int(ids.max())
        if low < 0 or high >= n_vocab:
            bad = low if low < 0 else high
            raise ValueError(
                f"token id {bad} is outside the vocabulary, 0 to {n_vocab - 1}: encode the text with the tokenizer "
                "that belongs to this model"
            )
