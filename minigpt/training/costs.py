"""What a run costs before it is run: floating-point operations, memory, hours.

    memory(GPTConfig.named("gpt2"), batch_size=8).peak / 1e9       # GB

T is the length of a text in tokens; C, L, V are n_embd, n_layer, n_vocab. Sources: Kaplan et al. 2020, "Scaling Laws
for Neural Language Models", section 2.1, and Chowdhery et al. 2022, "PaLM", appendix B, for the operations and for
"model FLOPs utilisation". What is kept for the backward pass is counted from this package's own model.
"""

from dataclasses import dataclass

from minigpt.config import GPTConfig
from minigpt.models.chunked import MOST_LOGITS, rows_of_a_chunk
from minigpt.training.optimizers import MANY

FLOAT = 4
"""Bytes of a number in float32, in which weights, gradients and the optimiser's averages are kept."""


@dataclass(frozen=True)
class Memory:
    """Bytes in each process of a run."""

    weights: int
    gradients: int
    optimizer: int
    """Two averages for each parameter that AdamW moves, one for each that Muon does."""
    activations: int
    """What the forward pass keeps for the backward pass."""
    passing: int
    """What lives for a moment when the backward pass begins: the scores, all or a chunk of them, with their gradient,
    or the table's gradient, or both."""
    carried: int = 0
    """Gradients of the parts of the batch that came before, where it is computed in parts."""
    beside: int = 0
    """What lives beside all gradients for a moment: when the backward pass ends, the table's gradient as embedding, the
    last one, and its sum with that as output matrix; or, if more, what the optimiser takes to make its step."""

    @property
    def is_most_at_first(self) -> bool:
        """Whether more is there when the backward pass begins than when it has ended."""
        first, last = self.moments()
        return first >= last

    @property
    def peak(self) -> int:
        """The most at one time."""
        return self.weights + self.optimizer + max(self.moments())

    def moments(self) -> tuple[int, int]:
        """Bytes beside weights and averages: as the backward pass begins, all activations; later, all gradients."""
        return self.carried + self.activations + self.passing, self.gradients + self.beside


def matrix_params(config: GPTConfig) -> int:
    """Parameters that multiply: 12C² in a block, and the table as the output matrix. Looking up a row is free."""
    return 12 * config.n_layer * config.n_embd**2 + config.n_vocab * config.n_embd


def flops_per_token(config: GPTConfig, n_ctx: int | None = None, training: bool = True) -> int:
    """Floating-point operations for one token of a text of n_ctx tokens.

    A multiplication and an addition for each parameter that multiplies, and 4·T·C in each layer for the scores and the
    weighted sum, all T positions counted, masked or not, as is usual; training costs three times as much, as the
    backward pass has two products for each one of the forward pass.
    """
    T = n_ctx or config.n_ctx
    forward = 2 * matrix_params(config) + 4 * config.n_layer * T * config.n_embd
    return 3 * forward if training else forward


def memory(
    config: GPTConfig,
    batch_size: int,
    n_ctx: int | None = None,
    *,
    optimizer: str = "adamw",
    activation_bytes: int = FLOAT,
    compiled: bool = False,
    n_accumulate: int = 1,
    n_processes: int = 1,
    parallel: str = "ddp",
) -> Memory:
    """What training takes, without dropout. `batch_size` is that of all processes and parts together; `parallel` as in
    `TrainConfig`: under "fsdp" each holds its share of weights, gradients and averages.

    `activation_bytes`: 2 where products are computed in bfloat16: the stream, the softmax and the loss are in float32
    even so. What the libraries take for themselves is not counted. Raises ValueError for sizes that make no sense.
    """
    T, C, V = n_ctx or config.n_ctx, config.n_embd, config.n_vocab
    n_parts = n_processes * n_accumulate
    if min(batch_size, n_processes, n_accumulate) < 1 or batch_size % n_parts:
        raise ValueError(
            f"batch_size={batch_size}, n_processes={n_processes}, n_accumulate={n_accumulate}: all at least 1, and "
            "the batch can be shared out to the processes and parts, so that one divides the other"
        )
    if config.n_ctx < T:
        raise ValueError(f"n_ctx={T} is more than the model's {config.n_ctx}: take a config with a larger n_ctx")
    n_params = config.n_params()
    hidden = 12 * config.n_layer * C**2 if optimizer == "muon" else 0
    sharing = n_processes if parallel == "fsdp" else 1
    n_tokens = batch_size // n_parts * T
    block = sum(activations_of_a_block(config, activation_bytes).values())
    outside, passing = bytes_of_the_loss(config, n_tokens, activation_bytes, compiled, FLOAT * V * C // sharing)
    copies = (
        activation_bytes * matrix_params(config) if activation_bytes < FLOAT else 0
    )  # of the matrices, whole in each process
    # In bfloat16 autograd adds the table's second gradient to the first, in float32 it makes a new one of both.
    n_tables = (1 if activation_bytes < FLOAT and not compiled else 2) + (n_accumulate > 1)
    beside = max(n_tables * FLOAT * V * C, bytes_of_a_step(config, n_params - hidden, hidden))
    return Memory(
        weights=FLOAT * n_params // sharing,
        gradients=FLOAT * n_params // sharing,
        optimizer=FLOAT * (2 * n_params - hidden) // sharing,
        activations=n_tokens * (config.n_layer * block + outside) + copies,
        passing=passing,
        carried=FLOAT * n_params // sharing if n_accumulate > 1 else 0,
        beside=beside // sharing,
    )


def bytes_of_a_step(config: GPTConfig, n_adamw: int, n_muon: int) -> int:
    """What moving so many parameters takes for a moment: tensors of the size of the largest, one after the other.

    A fused AdamW takes nothing. Muon has the directions of all its matrices at once, as they are and orthogonalised.
    """
    C = config.n_embd
    rows = max(config.n_vocab, config.n_ctx, 0 if n_muon else 4 * C)  # of the largest that AdamW moves
    of_adamw = 0 if n_adamw >= MANY else 3 * FLOAT * rows * C
    of_muon = 2 * FLOAT * n_muon + 3 * FLOAT * 4 * C**2 if n_muon else 0
    return max(of_adamw, of_muon)


def bytes_of_the_loss(
    config: GPTConfig, n_tokens: int, activation_bytes: int, compiled: bool, table: int
) -> tuple[int, int]:
    """What the last LayerNorm and the loss keep for each token, and what lives besides for a moment when the backward
    pass begins, with the table's gradient, of `table` bytes.
    """
    C, V = config.n_embd, config.n_vocab
    norm = FLOAT * (C + 2) + 16  # what comes in, its mean and deviation; and the ids x and y, of 8 bytes
    if n_tokens * V > MOST_LOGITS:  # in chunks: the gradient of what comes out; scores and log-probabilities of a chunk
        return norm + FLOAT * C, 2 * FLOAT * min(rows_of_a_chunk(V), n_tokens) * V + table
    if compiled:  # the scores as they came from the product, then their gradient
        return norm + activation_bytes * (C + V), activation_bytes * n_tokens * V + table
    # Log-probabilities; then two gradients, which are gone, as are the log-probabilities, when the table's comes.
    return norm + activation_bytes * C + FLOAT * V, max(2 * FLOAT * n_tokens * V, table)


def activations_of_a_block(config: GPTConfig, activation_bytes: int = FLOAT) -> dict[str, int]:
    """Bytes that a block keeps for each token until its backward pass, by what they are.

    What goes into and comes out of a product of matrices has `activation_bytes`, all else is in float32.
    """
    C, products = config.n_embd, activation_bytes * config.n_embd
    return {
        "stream into ln_1": FLOAT * C,
        "ln_1's mean and deviation": FLOAT * 2,
        "ln_1 to c_attn": products,
        "queries, keys, values": 3 * products,
        "attention's softmax: its logarithm of the sum": FLOAT * config.n_head,
        "what was gathered, to c_proj": products,
        "stream into ln_2": FLOAT * C,
        "ln_2's mean and deviation": FLOAT * 2,
        "ln_2 to c_fc": products,
        "c_fc to GELU": 4 * products,
        "GELU to c_proj": 4 * products,
    }


def hours(config: GPTConfig, n_tokens: float, flops_per_second: float, utilisation: float = 0.4) -> float:
    """Hours to train on so many tokens, where the machine could do so many operations a second and does this share."""
    if not 0 < utilisation <= 1:
        raise ValueError(f"utilisation={utilisation}: a share of the machine's speed, above 0 and at most 1")
    return n_tokens * flops_per_token(config) / (flops_per_second * utilisation) / 3600
