"""GPT-2: token and position embeddings, blocks under a causal mask, a last LayerNorm, and the embedding table again.

Shapes: B batch, T time, C channels (n_embd), V vocabulary.
Sources: Radford et al. 2019, section 2.3; Radford et al. 2018 for the 0.02.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.config import GPTConfig, Readable
from minigpt.models.attention import Mask
from minigpt.models.blocks import Block
from minigpt.models.cache import KVCache
from minigpt.models.language_model import LanguageModel


class GPT(LanguageModel):
    """A decoder-only transformer with GPT-2's names, so that official weights load by name."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.n_vocab, config.n_embd)  # token embeddings, and the output matrix
        self.wpe = nn.Embedding(config.n_ctx, config.n_embd)  # position embeddings, learned
        self.drop = nn.Dropout(config.dropout)
        self.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        initialise(self, config.n_layer)

    def forward(self, ids: Tensor, cache: KVCache | None = None, mask: Mask = "causal") -> Tensor:
        """Logits of the token that follows each position: (B, T) -> (B, T, V).

        With a cache, `ids` are the positions after those already in it. `mask` is GPT-2's unless an experiment
        says otherwise. Raises ValueError when the text is longer than n_ctx or holds ids outside the vocabulary.
        """
        return self.head(self.hidden(ids, cache, mask))  # (B, T, V)

    def hidden(self, ids: Tensor, cache: KVCache | None = None, mask: Mask = "causal") -> Tensor:
        """The residual stream after the last LayerNorm: (B, T) -> (B, T, C)."""
        start = 0 if cache is None else cache.length
        end = start + ids.size(-1)
        check_ids(ids, end, self.config)
        x = self.drop(self.wte(ids) + self.wpe.weight[start:end])  # (B, T, C)
        for i, block in enumerate(self.h):
            x = block(x, mask, None if cache is None else cache.layers[i])  # (B, T, C)
        return self.ln_f(x)  # (B, T, C)

    def head(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, V): the score of a token is the dot product with its own embedding."""
        return F.linear(x, self.wte.weight)  # (B, T, V)

    def new_cache(self, batch_size: int = 1, n_ctx: int | None = None) -> KVCache:
        """An empty cache on the model's device and in its number format."""
        weight = self.wte.weight
        return KVCache(self.config, batch_size, n_ctx, dtype=weight.dtype, device=weight.device)


def initialise(model: nn.Module, n_layer: int) -> None:
    """Normal with deviation 0.02, zero biases; what a block adds to the stream is scaled by 1/√(2·n_layer).

    Each block adds twice, so the stream's variance would grow with depth: section 2.3 of the paper scales the
    residual layers by 1/√N, N the number of residual layers.
    """
    residual = 0.02 / math.sqrt(2 * n_layer)
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=residual if name.endswith("c_proj") else 0.02)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)


def check_ids(ids: Tensor, n: int, config: Readable) -> None:
    """Refuse what the tables have no row for. Ids on a GPU are not looked at: that would wait for the GPU."""
    if ids.dim() != 2:
        raise ValueError(f"ids of shape {tuple(ids.shape)}, expected (B, T): for one text ids.unsqueeze(0)")
    if n > config.n_ctx:
        raise ValueError(
            f"{n:,} tokens do not fit into n_ctx={config.n_ctx}: shorten the text or keep its end, "
            f"ids[:, -{config.n_ctx}:]"
        )
    if torch.compiler.is_compiling() or ids.device.type != "cpu" or not ids.numel():
        return
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= config.n_vocab:
        raise ValueError(
            f"token id {low if low < 0 else high} is outside the vocabulary, 0 to {config.n_vocab - 1}: encode the "
            "text with the tokenizer that belongs to this model"
        )
