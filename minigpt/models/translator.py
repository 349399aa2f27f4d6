"""The transformer of 2017: an encoder reads the source sentence, a decoder writes the target, looking at both.

Shapes: B batch, T time (target), S source time, C channels (n_embd), H heads, D channels per head, V vocabulary.
Sources: Vaswani et al. 2017, "Attention Is All You Need", section 3, with LayerNorm after each sum ("post-norm");
Xiong et al. 2020, "On Layer Normalization in the Transformer Architecture", for LayerNorm before each part.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.config import TranslatorConfig
from minigpt.models.attention import Attention, Mask, attend, project, split_heads
from minigpt.models.cache import LayerCache
from minigpt.models.gpt import check_ids


class Translator(nn.Module):
    """An encoder-decoder. A row of source ids is `w1 … wn eos pad …`, a row of target ids `bos w1 … wm eos pad …`.

    One table embeds the tokens of both languages and is the output matrix too (section 3.4).
    """

    def __init__(self, config: TranslatorConfig):
        super().__init__()
        self.config = config
        C, pre = config.n_embd, config.norm == "pre"
        self.wte = nn.Embedding(config.n_vocab, C)
        self.wpe = nn.Embedding(config.n_ctx, C) if config.positions == "learned" else Sinusoids(config.n_ctx, C)
        self.drop = nn.Dropout(config.dropout)
        self.encoder = nn.ModuleList(EncoderBlock(config) for _ in range(config.n_layer))
        self.decoder = nn.ModuleList(DecoderBlock(config) for _ in range(config.n_layer))
        # Pre-norm leaves the sums as they are, so each stack ends in a LayerNorm; post-norm has just had one.
        self.ln_encoder = nn.LayerNorm(C, eps=config.layer_norm_epsilon) if pre else nn.Identity()
        self.ln_decoder = nn.LayerNorm(C, eps=config.layer_norm_epsilon) if pre else nn.Identity()
        initialise(self)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Logits of the target token that follows each position: (B, S) and (B, T) -> (B, T, V)."""
        memory = self.encode(source)  # (B, S, C)
        return self.decode(target, memory, self.source_mask(source))  # (B, T, V)

    def encode(self, source: Tensor) -> Tensor:
        """What the encoder makes of the source sentences: (B, S) -> (B, S, C)."""
        x = self.embed(source)  # (B, S, C)
        mask = self.source_mask(source)  # (B, 1, 1, S)
        for block in self.encoder:
            x = block(x, mask)  # (B, S, C)
        return self.ln_encoder(x)  # (B, S, C)

    def decode(
        self, target: Tensor, memory: Tensor, source_mask: Tensor, cache: "TranslatorCache | None" = None
    ) -> Tensor:
        """Logits of the tokens after these, given the encoder's output `memory` (B, S, C): (B, T) -> (B, T, V).

        With a cache, `target` holds the tokens after those already in it. Padding at the end of a target needs no
        mask: what stands before it may not look that far.
        """
        x = self.embed(target, 0 if cache is None else cache.length)  # (B, T, C)
        for i, block in enumerate(self.decoder):
            past, cross = (None, None) if cache is None else (cache.past[i], cache.cross[i])
            x = block(x, memory, source_mask, past, cross)  # (B, T, C)
        return F.linear(self.ln_decoder(x), self.wte.weight)  # (B, T, V)

    def embed(self, ids: Tensor, start: int = 0) -> Tensor:
        """Tokens and positions, the tokens' vectors times √C (section 3.4): (B, T) -> (B, T, C)."""
        end = start + ids.size(-1)
        check_ids(ids, end, self.config)
        return self.drop(self.wte(ids) * math.sqrt(self.config.n_embd) + self.wpe.weight[start:end])

    def source_mask(self, source: Tensor) -> Tensor:
        """True where there is a token, False at padding: (B, S) -> (B, 1, 1, S), the same for all heads and rows."""
        return (source != self.config.pad_id)[:, None, None, :]  # (B, 1, 1, S)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Mean cross-entropy in nats per target token, with teacher forcing: x sources (B, S), y targets (B, T).

        At each position the decoder reads the true target so far, whatever it would have written itself. In training
        mode labels are smoothed (section 5.4), so this is larger than the same in evaluation mode.
        """
        logits = self(x, y[:, :-1])
        smoothing = self.config.label_smoothing if self.training else 0.0
        return F.cross_entropy(
            logits.flatten(0, 1), y[:, 1:].flatten(), ignore_index=self.config.pad_id, label_smoothing=smoothing
        )

    def new_cache(self, batch_size: int, n_source: int) -> "TranslatorCache":
        """An empty cache for sources of n_source tokens, on the model's device and in its number format."""
        weight = self.wte.weight
        return TranslatorCache(self.config, batch_size, n_source, dtype=weight.dtype, device=weight.device)

    def n_params(self) -> int:
        """Parameters, counted from the tensors themselves."""
        return sum(parameter.numel() for parameter in self.parameters())


def residual(x: Tensor, norm: nn.LayerNorm, part: Callable[[Tensor], Tensor], pre: bool) -> Tensor:
    """What a part of a block adds to the stream, with LayerNorm before the part or after the sum."""
    return x + part(norm(x)) if pre else norm(x + part(x))


class EncoderBlock(nn.Module):
    """Self-attention to the whole sentence, then the position-wise network."""

    def __init__(self, config: TranslatorConfig):
        super().__init__()
        self.pre = config.norm == "pre"
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = Attention(config.n_embd, config.n_head, config.dropout)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = FeedForward(config.n_embd, config.dropout)

    def forward(self, x: Tensor, mask: Mask) -> Tensor:
        """(B, S, C) -> (B, S, C)"""
        x = residual(x, self.ln_1, lambda x: self.attn(x, mask=mask), self.pre)  # (B, S, C)
        return residual(x, self.ln_2, self.mlp, self.pre)  # (B, S, C)


class DecoderBlock(nn.Module):
    """Masked self-attention to what is written, cross-attention to the source, then the position-wise network."""

    def __init__(self, config: TranslatorConfig):
        super().__init__()
        self.pre = config.norm == "pre"
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = Attention(config.n_embd, config.n_head, config.dropout)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.cross = CrossAttention(config.n_embd, config.n_head, config.dropout)
        self.ln_3 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = FeedForward(config.n_embd, config.dropout)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        source_mask: Mask,
        past: LayerCache | None = None,
        cross: LayerCache | None = None,
    ) -> Tensor:
        """(B, T, C) -> (B, T, C)"""
        x = residual(x, self.ln_1, lambda x: self.attn(x, mask="causal", cache=past), self.pre)  # (B, T, C)
        x = residual(x, self.ln_2, lambda x: self.cross(x, memory, source_mask, cross), self.pre)  # (B, T, C)
        return residual(x, self.ln_3, self.mlp, self.pre)  # (B, T, C)


class CrossAttention(Attention):
    """Attention to the source. With a cache, the source's keys and values are computed once, not at each new word."""

    def forward(
        self, x: Tensor, source: Tensor | None = None, mask: Mask = None, cache: LayerCache | None = None
    ) -> Tensor:
        """(B, T, C) -> (B, T, C), with keys and values from the source (B, S, C)."""
        if cache is None:
            return super().forward(x, source, mask)  # (B, T, C)
        B, T, C = x.shape
        if cache.length:
            q = F.linear(x, self.c_attn.weight[:C], self.c_attn.bias[:C])  # (B, T, C)
        else:
            q, k, v = project(self.c_attn, x, source)
            cache.append(split_heads(k, self.n_head), split_heads(v, self.n_head))
        y = attend(split_heads(q, self.n_head), cache.k, cache.v, mask)  # (B, H, T, D)
        return self.c_proj(y.transpose(1, 2).reshape(B, T, C))  # (B, T, C)


class FeedForward(nn.Module):
    """The position-wise network of the paper's section 3.3: four times wider, ReLU, and back."""

    def __init__(self, n_embd: int, dropout: float = 0.0):
        super().__init__()
        self.c_fc = nn.Linear(n_embd, 4 * n_embd)
        self.c_proj = nn.Linear(4 * n_embd, n_embd)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)"""
        return self.dropout(self.c_proj(F.relu(self.c_fc(x))))  # (B, T, C)


class Sinusoids(nn.Module):
    """Positions as waves, nothing learned: section 3.5. Channels 2i and 2i + 1 turn by 1/10000^(2i/C) a position."""

    weight: Tensor

    def __init__(self, n_ctx: int, n_embd: int):
        super().__init__()
        channel = torch.arange(n_embd)
        turn = 10000.0 ** (-2 * (channel // 2) / n_embd)
        angle = torch.arange(n_ctx)[:, None] * turn
        table = torch.where(channel % 2 == 0, angle.sin(), angle.cos())
        self.register_buffer("weight", table, persistent=False)


class TranslatorCache:
    """For each block of the decoder the keys and values of what is written, and those of the source."""

    def __init__(self, config: TranslatorConfig, batch_size: int, n_source: int, **tensor_options):
        H, D = config.n_head, config.n_embd // config.n_head
        layers = range(config.n_layer)
        self.past = [LayerCache(batch_size, H, config.n_ctx, D, **tensor_options) for _ in layers]
        self.cross = [LayerCache(batch_size, H, n_source, D, **tensor_options) for _ in layers]

    @property
    def length(self) -> int:
        """Target tokens read so far."""
        return self.past[0].length

    def select(self, rows: Tensor) -> None:
        """Go on with these rows of the batch, in this order."""
        for layer in (*self.past, *self.cross):
            layer.select(rows)


def initialise(model: nn.Module) -> None:
    """Xavier's uniform for matrices, as `torch.nn.Transformer` has it (the paper does not say), zero biases.

    Vectors get deviation 1/√C, so that those of tokens, times √C, are about as large as the sinusoids.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
