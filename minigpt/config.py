"""The numbers that say which GPT-2 it is, which translator or which encoder, and the sizes that have a name."""

from dataclasses import asdict, dataclass, fields
from typing import Protocol, Self


class Readable(Protocol):
    """What every model's config says of the texts that it can read."""

    @property
    def n_vocab(self) -> int:
        """Token ids are below this."""
        ...

    @property
    def n_ctx(self) -> int:
        """The longest text, in tokens."""
        ...


@dataclass(frozen=True)
class Config:
    """What the configs below share: they are frozen, refuse what cannot be, and survive JSON."""

    n_vocab: int
    n_ctx: int
    n_embd: int
    n_head: int
    n_layer: int
    dropout: float
    layer_norm_epsilon: float

    def __post_init__(self):
        check_counts(self, "n_vocab", "n_ctx", "n_embd", "n_head", "n_layer")
        check_dropout(self.dropout)
        if self.n_embd % self.n_head:
            fits = [n for n in range(1, self.n_embd + 1) if self.n_embd % n == 0]
            nearest = sorted(fits, key=lambda n: abs(n - self.n_head))[:4]
            raise ValueError(
                f"n_embd={self.n_embd} cannot be shared out to n_head={self.n_head} heads: take a number of heads that "
                f"divides it, e.g. {', '.join(map(str, sorted(nearest)))}"
            )
        if not self.layer_norm_epsilon > 0:
            raise ValueError(
                f"layer_norm_epsilon={self.layer_norm_epsilon!r}: must be above 0, GPT-2 has 1e-5, BERT 1e-12"
            )

    @classmethod
    def from_dict(cls, values: dict) -> Self:
        """A config from `to_dict`'s dictionary; unknown and missing entries are named."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown entries {', '.join(unknown)}: a config has {', '.join(sorted(known))}")
        return cls(**values)

    def to_dict(self) -> dict:
        """The fields as a dictionary that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class GPTConfig(Config):
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

    @classmethod
    def named(cls, name: str, **changes) -> "GPTConfig":
        """The config of a size in `SIZES`, with fields changed at will: `GPTConfig.named("gpt2", n_ctx=256)`."""
        if name not in SIZES:
            raise ValueError(f"there is no size named {name!r}: the names are {', '.join(SIZES)}")
        return cls(**{**SIZES[name], **changes})

    def n_params(self) -> int:
        """Parameters of the model, counted as they are stored: the embedding table serves as output matrix too.

        Two tables, then per block two LayerNorms (2·2C), attention (C·3C + 3C and C·C + C) and the MLP
        (C·4C + 4C and 4C·C + C), then the last LayerNorm (2C): 12C² + 13C a block.
        """
        C = self.n_embd
        return (self.n_vocab + self.n_ctx) * C + self.n_layer * (12 * C * C + 13 * C) + 2 * C


@dataclass(frozen=True)
class TranslatorConfig(Config):
    """Shape of an encoder-decoder. The defaults are the base model of Vaswani et al. 2017, table 3.

    Source and target share one vocabulary and one table, which is the output matrix too: section 3.4 of the paper.
    """

    n_vocab: int = 37000
    """Tokens of both languages together."""
    n_ctx: int = 512
    """Longest sentence, in tokens. The paper's sinusoids have no end; here their table has."""
    n_embd: int = 512
    """Width of both residual streams."""
    n_head: int = 8
    """Heads per attention; a decoder block has two attentions."""
    n_layer: int = 6
    """Blocks of the encoder, and as many of the decoder."""
    dropout: float = 0.1
    """Share of activations set to zero while training."""
    layer_norm_epsilon: float = 1e-5
    """Added to the variance in LayerNorm."""
    norm: str = "post"
    """`"post"`, LayerNorm after each sum, as in the paper; `"pre"`, before each part, as in GPT-2 and in most since."""
    positions: str = "sinusoidal"
    """`"sinusoidal"`, the paper's fixed waves; `"learned"`, a table of n_ctx rows: "nearly identical" there (3.5)."""
    label_smoothing: float = 0.1
    """While training this share of each target is spread over the whole vocabulary."""
    pad_id: int = 0
    """Fills rows up to the longest sentence; never looked at, never counted in the loss."""
    bos_id: int = 1
    """Begins each target: what the decoder reads before it has written anything."""
    eos_id: int = 2
    """Ends each sentence."""

    def __post_init__(self):
        super().__post_init__()
        check_choice("norm", self.norm, ("post", "pre"))
        check_choice("positions", self.positions, ("sinusoidal", "learned"))
        check_special_ids(self, ("pad_id", "bos_id", "eos_id"))
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing={self.label_smoothing!r}: must be at least 0 and below 1, e.g. 0.1")

    def n_params(self) -> int:
        """Parameters, the shared table once.

        A block of the encoder is as large as GPT-2's, 12C² + 13C; one of the decoder has cross-attention and its
        LayerNorm on top, 4C² + 6C.
        """
        C = self.n_embd
        tables = self.n_vocab * C + (self.n_ctx * C if self.positions == "learned" else 0)
        last_norms = 2 * 2 * C if self.norm == "pre" else 0
        return tables + self.n_layer * (28 * C * C + 32 * C) + last_norms


@dataclass(frozen=True)
class EncoderConfig(Config):
    """Shape of a BERT. The defaults are the base model of Devlin et al. 2019, with the ids of `bert-base-uncased`."""

    n_vocab: int = 30522
    """Tokens in the vocabulary."""
    n_ctx: int = 512
    """Longest text, in tokens."""
    n_embd: int = 768
    """Width of the residual stream."""
    n_head: int = 12
    """Attention heads per block."""
    n_layer: int = 12
    """Blocks on top of one another."""
    dropout: float = 0.0
    """Share of activations set to zero while training; BERT used 0.1."""
    layer_norm_epsilon: float = 1e-12
    """Added to the variance in LayerNorm."""
    n_types: int = 2
    """Kinds of token: BERT reads two sentences at once, and each token says which one it belongs to."""
    pad_id: int = 0
    """Fills rows up to the longest text; never looked at."""
    cls_id: int = 101
    """Begins each text."""
    sep_id: int = 102
    """Ends each sentence."""
    mask_id: int = 103
    """Stands where a word is to be guessed."""

    def __post_init__(self):
        super().__post_init__()
        check_counts(self, "n_types")
        check_special_ids(self, ("pad_id", "cls_id", "sep_id", "mask_id"))

    def n_params(self) -> int:
        """Parameters of the encoder without what guesses words: three tables, their LayerNorm, 12C² + 13C a block."""
        C = self.n_embd
        return (self.n_vocab + self.n_ctx + self.n_types) * C + 2 * C + self.n_layer * (12 * C * C + 13 * C)


def check_counts(config: object, *names: str) -> None:
    """Sizes are whole numbers of at least 1."""
    for name in names:
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}={value!r}: must be a whole number of at least 1")


def check_dropout(dropout: float) -> None:
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout={dropout!r}: must be at least 0 and below 1, e.g. 0.1")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}={value!r}: take {' or '.join(map(repr, choices))}")


def check_special_ids(config: Config, names: tuple[str, ...]) -> None:
    """Special tokens are tokens of the vocabulary, each another one."""
    ids = {name: getattr(config, name) for name in names}
    listed = ", ".join(f"{name}={value!r}" for name, value in ids.items())
    if len(set(ids.values())) < len(ids):
        raise ValueError(f"{listed}: two are the same, give each its own token")
    if not all(isinstance(value, int) and 0 <= value < config.n_vocab for value in ids.values()):
        raise ValueError(f"{listed}: they are tokens of the vocabulary, 0 to {config.n_vocab - 1}")


SIZES: dict[str, dict] = {
    "gpt2": {"n_embd": 768, "n_head": 12, "n_layer": 12},
    "gpt2-medium": {"n_embd": 1024, "n_head": 16, "n_layer": 24},
    "gpt2-large": {"n_embd": 1280, "n_head": 20, "n_layer": 36},
    "gpt2-xl": {"n_embd": 1600, "n_head": 25, "n_layer": 48},
    "story": {"n_vocab": 4096, "n_ctx": 256, "n_embd": 192, "n_head": 6, "n_layer": 6},
    "tiny": {"n_vocab": 512, "n_ctx": 64, "n_embd": 64, "n_head": 4, "n_layer": 2},
}
"""The four models of the paper, then ours: `story` is shipped trained, `tiny` trains while you wait."""
