"""AdamW as GPT-2's successors describe it, Muon for the impatient, and the learning rate of a step.

Sources: Loshchilov and Hutter 2019 (AdamW); Brown et al. 2020, appendix B (betas, decay, clipping, cosine);
Jordan et al. 2024 (Muon). GPT-2's paper does not say how it was optimised; its predecessor used Adam with a cosine.
"""

import math

import torch
from torch import Tensor, nn


def learning_rate(step: int, n_steps: int, peak: float, n_warmup: int, floor: float = 0.0) -> float:
    """The rate of a step: a straight line up to `peak` in n_warmup steps, then half a cosine down to `floor`."""
    if step < n_warmup:
        return peak * (step + 1) / n_warmup
    progress = min(1.0, (step - n_warmup) / max(1, n_steps - n_warmup))
    return floor + (peak - floor) * (1 + math.cos(math.pi * progress)) / 2


def decay_groups(named_parameters: list[tuple[str, nn.Parameter]], weight_decay: float) -> list[dict]:
    """Two groups: matrices and tables, which are decayed, and gains and biases, which are not."""
    decayed = [(name, p) for name, p in named_parameters if p.dim() >= 2]
    others = [(name, p) for name, p in named_parameters if p.dim() < 2]
    return [
        {"params": [p for _, p in group], "names": [name for name, _ in group], "weight_decay": decay}
        for group, decay in ((decayed, weight_decay), (others, 0.0))
        if group
    ]


def adamw(
    named_parameters: list[tuple[str, nn.Parameter]],
    weight_decay: float = 0.1,
    betas: tuple[float, float] = (0.9, 0.95),
) -> torch.optim.AdamW:
    """AdamW over `decay_groups`; the rate is set at each step from `learning_rate`."""
    on_gpu = any(p.is_cuda for _, p in named_parameters)
    groups = decay_groups(named_parameters, weight_decay)
    return torch.optim.AdamW(groups, lr=0.0, betas=betas, fused=on_gpu or None)


def is_hidden_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Matrices inside the blocks, for which Muon is meant: not the tables, not gains, not biases."""
    return parameter.dim() == 2 and ".h." in f".{name}"  # GPT's "h.0.…", and "encoder.h.0.…" of what holds a stack


class Muon(torch.optim.Optimizer):
    """Momentum whose matrix is replaced by the nearest one with all singular values near 1, then a step along it.

    `torch.optim.Muon` is the same idea but computes in bfloat16, which a CPU without bfloat16 units takes some
    seconds a step for; this one computes in the number format of the weights. `c_attn` is three matrices in one and
    treated as three.
    """

    def __init__(
        self, named_parameters: list[tuple[str, nn.Parameter]], momentum: float = 0.95, weight_decay: float = 0.0
    ):
        group = {"params": [p for _, p in named_parameters], "names": [name for name, _ in named_parameters]}
        super().__init__([group], {"lr": 0.0, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        assert closure is None, "Muon takes no closure"
        for group in self.param_groups:
            for name, p in zip(group["names"], group["params"], strict=True):
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                average = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                direction = p.grad.lerp(average, group["momentum"])  # Nesterov's look ahead
                parts = direction.chunk(3) if name.endswith("c_attn.weight") else (direction,)
                step = torch.cat([orthogonalise(part) * shape_factor(part) for part in parts])
                p.mul_(1 - group["lr"] * group["weight_decay"]).add_(step, alpha=-group["lr"])


def shape_factor(matrix: Tensor) -> float:
    """√max(1, rows / columns): gives steps of all shapes the same effect on the output."""
    return math.sqrt(max(1.0, matrix.size(0) / matrix.size(1)))


def orthogonalise(matrix: Tensor, n_steps: int = 5) -> Tensor:
    """A matrix with the same singular vectors and all singular values pushed to about 1 (0.7 to 1.2).

    Newton-Schulz iteration with the quintic coefficients of Jordan et al. 2024: each step applies the polynomial
    3.4445 s - 4.7750 s³ + 2.0315 s⁵ to every singular value s, by matrix products alone.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.size(0) > matrix.size(1)
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(n_steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
