"""The five numbers that say which GPT-2 it is, and the sizes that have a name."""

from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class GPTConfig:
    """Shape of a GPT-2. Frozen: a model and its config cannot drift apart.

    The defaults are the smallest of the four models of Radford et al. 2019 (table 2), which the paper counts as 117M
    parameters and which has 124,439,808.
    """

    n_vocab: int = 50257
    """Tokens in the vocabulary: rows of the embedding table and width of the logits."""
    n_ctx: int = 1024
    """Longest text, in tokens, that the model can read at once: rows of the position table."""
    n_embd: int = 768
    """Width of the residual stream: the numbers that stand for one token."""
    n_head: int = 12
    """Attention heads per block; each works on n_embd / n_head numbers."""
    n_layer: int = 12
    """Blocks on top of one another."""
    dropout: float = 0.0
    """Share of activations set to zero while training; GPT-2 used 0.1, and 0 changes nothing when the text is new."""
    layer_norm_epsilon: float = 1e-5
    """Added to the variance in LayerNorm so that nothing is divided by zero."""

    def __post_init__(self):
        for name in ("n_vocab", "n_ctx", "n_embd", "n_head", "n_layer"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}={value!r}: must be a whole number of at least 1")
        if self.n_embd % self.n_head:
            fits = [n for n in range(1, self.n_embd + 1) if self.n_embd % n == 0]
            nearest = sorted(fits, key=lambda n: abs(n - self.n_head))[:4]
            raise ValueError(
                f"n_embd={self.n_embd} cannot be shared out to n_head={self.n_head} heads: take a number of heads that "
                f"divides it, e.g. {', '.join(map(str, sorted(nearest)))}"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout!r}: must be at least 0 and below 1, e.g. 0.1")
        if not self.layer_norm_epsilon > 0:
            raise ValueError(f"layer_norm_epsilon={self.layer_norm_epsilon!r}: must be above 0, GPT-2 has 1e-5")

    @classmethod
    def named(cls, name: str, **changes) -> "GPTConfig":
        """The config of a size in `SIZES`, with fields changed at will: `GPTConfig.named("gpt2", n_ctx=256)`."""
        if name not in SIZES:
            raise ValueError(f"there is no size named {name!r}: the names are {', '.join(SIZES)}")
        return cls(**{**SIZES[name], **changes})

    @classmethod
    def from_dict(cls, values: dict) -> "GPTConfig":
        """A config from `to_dict`'s dictionary; unknown and missing entries are named."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown entries {', '.join(unknown)}: a config has {', '.join(sorted(known))}")
        return cls(**values)

    def to_dict(self) -> dict:
        """The fields as a dictionary that JSON can hold."""
        return asdict(self)

    def n_params(self) -> int:
        """Parameters of the model, counted as they are stored: the embedding table serves as output matrix too.

        Two tables, then per block two LayerNorms (2·2C), attention (C·3C + 3C and C·C + C) and the MLP
        (C·4C + 4C and 4C·C + C), then the last LayerNorm (2C): 12C² + 13C a block.
        """
        C = self.n_embd
        return (self.n_vocab + self.n_ctx) * C + self.n_layer * (12 * C * C + 13 * C) + 2 * C


SIZES: dict[str, dict] = {
    "gpt2": {"n_embd": 768, "n_head": 12, "n_layer": 12},
    "gpt2-medium": {"n_embd": 1024, "n_head": 16, "n_layer": 24},
    "gpt2-large": {"n_embd": 1280, "n_head": 20, "n_layer": 36},
    "gpt2-xl": {"n_embd": 1600, "n_head": 25, "n_layer": 48},
    "story": {"n_vocab": 4096, "n_ctx": 256, "n_embd": 192, "n_head": 6, "n_layer": 6},
    "tiny": {"n_vocab": 512, "n_ctx": 64, "n_embd": 64, "n_head": 4, "n_layer": 2},
}
"""The four models of the paper, then ours: `story` is shipped trained, `tiny` trains while you wait."""
