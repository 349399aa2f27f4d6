"""The block: attention lets positions talk, the MLP lets each think, and both only add to the residual stream.

Shapes: B batch, T time, C channels (n_embd).
Source: Radford et al. 2019, section 2.3: LayerNorm stands before each part ("pre-norm") and once more at the end.
"""

from torch import Tensor, nn

from minigpt.config import GPTConfig
from minigpt.models.attention import Attention, Mask
from minigpt.models.cache import LayerCache


class MLP(nn.Module):
    """The position-wise network: four times wider, GELU, and back. It sees one position at a time.

    GPT-2's GELU is the tanh approximation of Hendrycks and Gimpel 2016, not the exact one; they differ by up to 5e-4.
    """

    def __init__(self, n_embd: int, dropout: float = 0.0):
        super().__init__()
        self.c_fc = nn.Linear(n_embd, 4 * n_embd)
        self.gelu = nn.GELU(approximate="tanh")
        self.c_proj = nn.Linear(4 * n_embd, n_embd)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)"""
        x = self.gelu(self.c_fc(x))  # (B, T, 4C)
        return self.dropout(self.c_proj(x))  # (B, T, C)


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = Attention(config.n_embd, config.n_head, config.dropout)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = MLP(config.n_embd, config.dropout)

    def forward(self, x: Tensor, mask: Mask = "causal", cache: LayerCache | None = None) -> Tensor:
        """(B, T, C) -> (B, T, C)"""
        x = x + self.attn(self.ln_1(x), mask=mask, cache=cache)  # (B, T, C)
        return x + self.mlp(self.ln_2(x))  # (B, T, C)
