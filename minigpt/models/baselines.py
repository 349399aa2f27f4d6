"""Language models from before the transformer, each with GPT's interface: two with a window, two with a memory.

Shapes: B batch, T time, C channels (n_embd), N hidden units, W window, V vocabulary.
Sources: Bengio et al. 2003 (MLP); van den Oord et al. 2016, "WaveNet" (dilated CNN); Elman 1990 (RNN);
Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000 (LSTM).
"""

import math
from bisect import bisect_left
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.config import GPTConfig, check_counts, check_dropout
from minigpt.models.gpt import check_ids
from minigpt.models.language_model import LanguageModel


@dataclass(frozen=True)
class BaselineConfig:
    """Shape of a model from before the transformer."""

    n_vocab: int
    """Tokens in the vocabulary."""
    n_ctx: int = 128
    """Tokens that a batch shows it and that generation looks back; these models could read on without end."""
    n_embd: int = 64
    """Numbers that stand for a token, on the way in and, in the same table, on the way out."""
    n_hidden: int = 128
    """Units of the hidden layer; of the RNN and the LSTM it is the memory."""
    n_layer: int = 1
    """Layers on top of one another; the MLP always has one, and of the CNN 2**n_layer is the window."""
    window: int = 8
    """Tokens that the MLP sees, the last one included."""
    dropout: float = 0.0
    """Share of activations set to zero while training, behind the table and before the output."""

    def __post_init__(self):
        check_counts(self, "n_vocab", "n_ctx", "n_embd", "n_hidden", "n_layer", "window")
        check_dropout(self.dropout)


class Baseline(LanguageModel):
    """What the four share with GPT: a table of embeddings, which is the output matrix too, and its interface.

    GPT normalises what it reads; these do not. So that a number of about 1 comes in, and logits of moderate size come
    out of the same table, a vector is multiplied by √C on the way in, as in Vaswani et al. 2017, section 3.4.
    """

    def __init__(self, config: BaselineConfig):
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.n_vocab, config.n_embd)
        self.drop = nn.Dropout(config.dropout)
        nn.init.normal_(self.wte.weight, std=1 / math.sqrt(config.n_embd))

    def forward(self, ids: Tensor, cache: "Memory | None" = None) -> Tensor:
        """Logits of the token that follows each position: (B, T) -> (B, T, V). Texts may be longer than n_ctx.

        With a cache (RNN and LSTM), `ids` are the positions after those already read.
        Raises ValueError for ids outside the vocabulary.
        """
        return self.head(self.hidden(ids, cache))  # (B, T, V)

    def hidden(self, ids: Tensor, cache: "Memory | None" = None) -> Tensor:
        """What the model makes of each position and those before it: (B, T) -> (B, T, C)."""
        check_ids(ids, 0, self.config)
        x = self.drop(self.wte(ids) * math.sqrt(self.config.n_embd))  # (B, T, C)
        return self.drop(self.read(x) if cache is None else self.read(x, cache))  # (B, T, C)

    def read(self, x: Tensor, *memory: "Memory") -> Tensor:
        """(B, T, C) -> (B, T, C): the part that differs from model to model."""
        raise NotImplementedError

    def head(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, V): the score of a token is the dot product with its own embedding."""
        return F.linear(x, self.wte.weight)  # (B, T, V)

    def path_length(self, distance: int) -> float:
        """Fewest steps from one position to another by which a token reaches the prediction, this far back.

        The last token is at distance 0. Infinite where no way leads; in a GPT it is 1 for all but the last, 0 for it.
        """
        raise NotImplementedError


class WindowMLP(Baseline):
    """The last W embeddings side by side, one hidden layer: tanh. Nothing before the window exists for it.

    Where the text has no W tokens yet, zeros stand. Left out: the paper's direct connections to the output, which it
    makes optional.
    """

    def __init__(self, config: BaselineConfig):
        super().__init__(config)
        self.c_fc = nn.Linear(config.window * config.n_embd, config.n_hidden)
        self.c_proj = nn.Linear(config.n_hidden, config.n_embd)

    def read(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)"""
        W = self.config.window
        x = F.pad(x, (0, 0, W - 1, 0))  # (B, T+W-1, C)
        windows = x.unfold(1, W, 1)  # (B, T, C, W)
        x = torch.tanh(self.c_fc(windows.flatten(2)))  # (B, T, N)
        return self.c_proj(x)  # (B, T, C)

    def path_length(self, distance: int) -> float:
        return math.inf if distance >= self.config.window else min(distance, 1)


class DilatedCNN(Baseline):
    """Layers that each look at two positions, 1, 2, 4, … apart, so that n_layer of them see 2**n_layer tokens.

    As in WaveNet, a layer is gated and adds to what came in; left out are its skip connections to the output.
    """

    def __init__(self, config: BaselineConfig):
        super().__init__(config)
        self.layers = nn.ModuleList(DilatedLayer(config, 2**i) for i in range(config.n_layer))

    def read(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)"""
        for layer in self.layers:
            x = layer(x)  # (B, T, C)
        return x

    def path_length(self, distance: int) -> float:
        """Each layer goes back by its dilation or not at all, so the layers it takes are the distance's binary ones."""
        return math.inf if distance >= 2**self.config.n_layer else distance.bit_count()


class DilatedLayer(nn.Module):
    """x + proj(tanh(filter) * sigmoid(gate)), both convolutions over this position and the one `dilation` before."""

    def __init__(self, config: BaselineConfig, dilation: int):
        super().__init__()
        self.dilation = dilation
        self.conv = nn.Conv1d(config.n_embd, 2 * config.n_hidden, kernel_size=2, dilation=dilation)
        self.c_proj = nn.Linear(config.n_hidden, config.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)"""
        past = F.pad(x, (0, 0, self.dilation, 0))  # zeros in front: otherwise the last position would look ahead
        values, gate = self.conv(past.transpose(1, 2)).transpose(1, 2).chunk(2, dim=-1)  # (B, T, N), (B, T, N)
        return x + self.c_proj(torch.tanh(values) * torch.sigmoid(gate))  # (B, T, C)


class Memory:
    """All that an RNN keeps of what it has read. It is as large after a million tokens as after one."""

    def __init__(self):
        self.state: Tensor | tuple[Tensor, Tensor] | None = None


class Recurrent(Baseline):
    """A memory of N numbers that each token changes, by the same rule at each step."""

    layer: type[nn.RNN | nn.LSTM]

    def __init__(self, config: BaselineConfig):
        super().__init__(config)
        self.rnn = self.layer(config.n_embd, config.n_hidden, config.n_layer, batch_first=True)
        self.c_proj = nn.Linear(config.n_hidden, config.n_embd)

    def read(self, x: Tensor, memory: Memory | None = None) -> Tensor:
        """(B, T, C) -> (B, T, C)"""
        x, state = self.rnn(x, None if memory is None else memory.state)
        if memory is not None:
            memory.state = state
        return self.c_proj(x)  # (B, T, C)

    def new_cache(self, batch_size: int = 1, n_ctx: int | None = None) -> Memory:
        """A memory that has read nothing. Its size is the same for any number of texts and tokens."""
        return Memory()

    def path_length(self, distance: int) -> float:
        return distance


class RNN(Recurrent):
    """h = tanh(W x + U h_before + b): Elman's network, with tanh for his units between 0 and 1."""

    layer = nn.RNN


class LSTM(Recurrent):
    """A second memory, c, to which gates add and from which they take: see `lstm` for the formulas."""

    layer = nn.LSTM

    def __init__(self, config: BaselineConfig):
        super().__init__(config)
        # Begin by remembering: a bias of 1 for the forget gate (Jozefowicz et al. 2015).
        for layer in range(config.n_layer):
            bias = getattr(self.rnn, f"bias_ih_l{layer}")
            nn.init.ones_(bias[config.n_hidden : 2 * config.n_hidden])


def lstm(x: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor) -> Tensor:
    """One layer of an LSTM as a loop over time, from an empty memory: (B, T, C) -> (B, T, N).

    w_ih (4N, C) and w_hh (4N, N) hold the rows of four parts in nn.LSTM's order: what to let in (i), what to keep (f),
    what to write (g), what to show (o). nn.LSTM has its bias (4N,) as two summands; it computes the same, faster.
    """
    h = c = x.new_zeros(x.size(0), w_hh.size(1))  # (B, N)
    shown = []
    for x_t in x.unbind(dim=1):  # (B, C)
        parts = x_t @ w_ih.T + h @ w_hh.T + bias  # (B, 4N)
        i, f, g, o = parts.chunk(4, dim=-1)  # (B, N)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)  # (B, N)
        h = torch.sigmoid(o) * torch.tanh(c)  # (B, N)
        shown.append(h)
    return torch.stack(shown, dim=1)  # (B, T, N)


KINDS: dict[str, type[Baseline]] = {"mlp": WindowMLP, "cnn": DilatedCNN, "rnn": RNN, "lstm": LSTM}


def of_equal_size(kind: str, config: GPTConfig, **changes: int | float) -> BaselineConfig:
    """The config of a baseline with as many parameters as that GPT, as nearly as the number of hidden units allows.

    Vocabulary, n_ctx, n_embd and dropout are GPT's. The CNN gets as many layers as it needs to see n_ctx tokens.
    `changes` fix other fields: `of_equal_size("lstm", config, n_layer=2)`.
    Raises ValueError for another kind, and for a GPT so small that not even one hidden unit fits.
    """
    if kind not in KINDS:
        raise ValueError(f"there is no baseline {kind!r}: take {', '.join(KINDS)}")
    if "n_hidden" in changes:
        raise ValueError("n_hidden is what makes the size equal: leave it out, or make a BaselineConfig of your own")
    n_layer = max(1, math.ceil(math.log2(config.n_ctx))) if kind == "cnn" else 1
    shared = {"n_vocab": config.n_vocab, "n_ctx": config.n_ctx, "n_embd": config.n_embd, "dropout": config.dropout}
    start = BaselineConfig(**{**shared, "n_layer": n_layer, "n_hidden": 1, **changes})

    def excess(n_hidden: int) -> int:
        return count_params(kind, replace(start, n_hidden=n_hidden)) - config.n_params()

    if excess(1) > 0:
        raise ValueError(
            f"{kind} with one hidden unit has {excess(1):,} parameters more than the GPT's {config.n_params():,}: take "
            "a larger GPT or a smaller window"
        )
    high = 2
    while excess(high) <= 0:
        high *= 2
    first_above = bisect_left(range(high + 1), 1, lo=1, key=excess)
    n_hidden = min((first_above - 1, first_above), key=lambda n: abs(excess(n)))
    return replace(start, n_hidden=n_hidden)


def count_params(kind: str, config: BaselineConfig) -> int:
    """Parameters of the model that the config describes; its numbers are not made for that."""
    with torch.device("meta"):
        return KINDS[kind](config).n_params()
