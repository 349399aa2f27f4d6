"""What a run costs before it is run: floating-point operations, memory, hours.

    memory(GPTConfig.named("gpt2"), batch_size=8).peak / 1e9       # GB

T is the length of a text in tokens; C, L, V are n_embd, n_layer, n_vocab. Sources: Kaplan et al. 2020, "Scaling Laws
for Neural Language Models", section 2.1, and Chowdhery et al. 2022, "PaLM", appendix B, for the operations and for
"model FLOPs utilisation". What is kept for the backward pass is counted from this package's own model.
"""

from dataclasses import dataclass

from minigpt.config import GPTConfig

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
    """The logits and their gradient, both alive when the backward pass begins, and the table's gradient there."""

    @property
    def peak(self) -> int:
        """The most at one time: the backward pass begins with all activations and ends with all gradients."""
        return self.weights + self.optimizer + max(self.gradients, self.activations + self.passing)


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
    n_processes: int = 1,
    parallel: str = "ddp",
) -> Memory:
    """What training takes, without dropout. `batch_size` is that of all processes together; `parallel` as in
    `TrainConfig`: under "fsdp" each holds its share of weights, gradients and averages.

    `activation_bytes`: 2 for activations in bfloat16. What the libraries take for themselves is not counted. Raises
    ValueError for sizes that make no sense.
    """
    T, C, V = n_ctx or config.n_ctx, config.n_embd, config.n_vocab
    if batch_size < 1 or n_processes < 1 or batch_size % n_processes:
        raise ValueError(
            f"batch_size={batch_size}, n_processes={n_processes}: both at least 1, and one divides the other"
        )
    if config.n_ctx < T:
        raise ValueError(f"n_ctx={T} is more than the model's {config.n_ctx}: take a config with a larger n_ctx")
    n_params = config.n_params()
    hidden = 12 * config.n_layer * C**2 if optimizer == "muon" else 0
    sharing = n_processes if parallel == "fsdp" else 1
    n_tokens = batch_size // n_processes * T
    block = sum(activations_of_a_block(config).values())
    outside = 2 * C + V + 2 + 4  # last LayerNorm in and out, log-probabilities, its mean and deviation, x and y
    return Memory(
        weights=FLOAT * n_params // sharing,
        gradients=FLOAT * n_params // sharing,
        optimizer=FLOAT * (2 * n_params - hidden) // sharing,
        activations=activation_bytes * n_tokens * (config.n_layer * block + outside),
        passing=2 * activation_bytes * n_tokens * V + FLOAT * V * C // sharing,
    )


def activations_of_a_block(config: GPTConfig) -> dict[str, int]:
    """Numbers that a block keeps for each token until its backward pass, by what they are."""
    C = config.n_embd
    return {
        "stream into ln_1": C,
        "ln_1's mean and deviation": 2,
        "ln_1 to c_attn": C,
        "queries, keys, values": 3 * C,
        "attention's softmax: its logarithm of the sum": config.n_head,
        "what was gathered, to c_proj": C,
        "stream into ln_2": C,
        "ln_2's mean and deviation": 2,
        "ln_2 to c_fc": C,
        "c_fc to GELU": 4 * C,
        "GELU to c_proj": 4 * C,
    }


def hours(config: GPTConfig, n_tokens: float, flops_per_second: float, utilisation: float = 0.4) -> float:
    """Hours to train on so many tokens, where the machine could do so many operations a second and does this share."""
    if not 0 < utilisation <= 1:
        raise ValueError(f"utilisation={utilisation}: a share of the machine's speed, above 0 and at most 1")
    return n_tokens * flops_per_token(config) / (flops_per_second * utilisation) / 3600
