"""BERT: the block without a causal mask reads a text from both sides, and learns by guessing words that are hidden.

Shapes: B batch, T time, C channels (n_embd), V vocabulary.
Source: Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding".
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.config import EncoderConfig
from minigpt.models.attention import Attention, Mask
from minigpt.models.blocks import MLP
from minigpt.models.gpt import check_ids


class Encoder(nn.Module):
    """Tokens, positions and types added, then blocks that look both ways: a vector for each token, in its context."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.n_vocab, config.n_embd)  # tokens
        self.wpe = nn.Embedding(config.n_ctx, config.n_embd)  # positions, learned
        self.wse = nn.Embedding(config.n_types, config.n_embd)  # types: the first sentence, or the second
        self.ln_e = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.drop = nn.Dropout(config.dropout)
        self.h = nn.ModuleList(EncoderBlock(config) for _ in range(config.n_layer))
        initialise(self)

    def forward(self, ids: Tensor, types: Tensor | None = None, is_token: Tensor | None = None) -> Tensor:
        """(B, T) -> (B, T, C): what each token means here.

        `types`: 0 or 1 for each token, the sentence that it belongs to; all 0 if not given. `is_token`: (B, T) of
        bool, False where nobody may look; without it, wherever the token is pad. What comes out there means nothing.
        """
        check_ids(ids, ids.size(-1), self.config)
        types = torch.zeros_like(ids) if types is None else types
        if types.shape != ids.shape:
            raise ValueError(f"types of shape {tuple(types.shape)} for ids {tuple(ids.shape)}: give one for each token")
        mask = (ids != self.config.pad_id if is_token is None else is_token.bool())[:, None, None, :]  # (B, 1, 1, T)
        x = self.wte(ids) + self.wpe.weight[: ids.size(1)] + self.wse(types)  # (B, T, C)
        x = self.drop(self.ln_e(x))  # (B, T, C)
        for block in self.h:
            x = block(x, mask)  # (B, T, C)
        return x

    def n_params(self) -> int:
        """Parameters, counted from the tensors themselves."""
        return sum(parameter.numel() for parameter in self.parameters())


class EncoderBlock(nn.Module):
    """norm(x + attention(x)), then norm(x + mlp(x)): LayerNorm after each sum, as in 2017."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.attn = Attention(config.n_embd, config.n_head, config.dropout)
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = MLP(config.n_embd, config.dropout)
        self.mlp.gelu = nn.GELU()  # BERT's is the exact one
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """(B, T, C) -> (B, T, C)"""
        x = self.ln_1(x + self.attn(x, mask=mask))  # (B, T, C)
        return self.ln_2(x + self.mlp(x))  # (B, T, C)


class MaskedLM(nn.Module):
    """An encoder that says which word stands at each place, for hidden ones a guess from both sides."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.dense = nn.Linear(config.n_embd, config.n_embd)
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.bias = nn.Parameter(torch.zeros(config.n_vocab))
        initialise(self)

    def forward(self, ids: Tensor, types: Tensor | None = None, is_token: Tensor | None = None) -> Tensor:
        """Logits of the token that belongs at each position: (B, T) -> (B, T, V). `types`, `is_token`: see Encoder."""
        return self.head(self.encoder(ids, types, is_token))  # (B, T, V)

    def head(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, V): one more layer, then the dot product with each token's embedding, plus a bias."""
        x = self.ln_f(F.gelu(self.dense(x)))  # (B, T, C)
        return F.linear(x, self.encoder.wte.weight, self.bias)  # (B, T, V)

    def loss(self, x: Tensor, y: Tensor, **options: Tensor) -> Tensor:
        """Mean cross-entropy, in nats per hidden token: x with tokens hidden, y the truth there and -100 elsewhere."""
        logits = self(x, **options)  # (B, T, V)
        return F.cross_entropy(logits.flatten(0, 1), y.flatten())

    def n_params(self) -> int:
        """Parameters, counted from the tensors themselves; the embedding table serves twice and counts once."""
        return sum(parameter.numel() for parameter in self.parameters())


def initialise(model: nn.Module) -> None:
    """Normal with deviation 0.02, zero biases, as in BERT's published code."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
