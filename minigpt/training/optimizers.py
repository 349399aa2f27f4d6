"""AdamW as GPT-2's successors describe it, Muon for the impatient, and the learning rate of a step.

Sources: Loshchilov and Hutter 2019 (AdamW); Brown et al. 2020, appendix B (betas, decay, clipping, cosine);
Jordan et al. 2024 (Muon). GPT-2's paper does not say how it was optimised; its predecessor used Adam with a cosine.
"""

import math

import torch
from torch import Tensor, nn

MANY = 1 << 20
"""Parameters from which on a processor takes the fused step of AdamW."""


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
    """AdamW over `decay_groups`; the rate is set at each step from `learning_rate`.

    Fused, it reads and writes each number once, not once for each operation: a tenth of the time on a processor. There
    a small model takes PyTorch's plain loop, whose rounding is that of the algorithm as it is written down.
    """
    kinds = {p.device.type for _, p in named_parameters}
    is_large = sum(p.numel() for _, p in named_parameters) >= MANY
    fused = "cuda" in kinds or (kinds == {"cpu"} and is_large)
    return torch.optim.AdamW(decay_groups(named_parameters, weight_decay), lr=0.0, betas=betas, fused=fused or None)


def is_hidden_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Matrices inside the blocks, for which Muon is meant: not the tables, not gains, not biases."""
    return parameter.dim() == 2 and ".h." in f".{name}"  # GPT's "h.0.…", and "encoder.h.0.…" of what holds a stack


class Muon(torch.optim.Optimizer):
    """Momentum whose matrix is replaced by the nearest one with all singular values near 1, then a step along it.

    The products that find it are computed in `dtype`: bfloat16 is good enough, as Jordan et al. say, and several times
    as fast where the processor has units for it; `torch.optim.Muon` takes it everywhere, and then some seconds a step
    where there are none. `c_attn` is three matrices in one and treated as three.
    """

    def __init__(
        self,
        named_parameters: list[tuple[str, nn.Parameter]],
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ):
        group = {"params": [p for _, p in named_parameters], "names": [name for name, _ in named_parameters]}
        super().__init__([group], {"lr": 0.0, "momentum": momentum, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure=None):
        assert closure is None, "Muon takes no closure"
        for group in self.param_groups:
            moved = [(name, p) for name, p in zip(group["names"], group["params"], strict=True) if p.grad is not None]
            parts = [
                self.direction(p, group["momentum"]).chunk(3 if name.endswith("c_attn.weight") else 1)
                for name, p in moved
            ]
            steps = iter(orthogonalise_all([part for some in parts for part in some], self.dtype))
            for (_, p), some in zip(moved, parts, strict=True):
                step = torch.cat([next(steps) * shape_factor(part) for part in some])
                p.mul_(1 - group["lr"] * group["weight_decay"]).add_(step, alpha=-group["lr"])

    def direction(self, p: nn.Parameter, momentum: float) -> Tensor:
        """The mean of the gradients so far, and a look ahead to where it will be after the next (Nesterov)."""
        assert p.grad is not None
        state = self.state[p]
        if not state:
            state["momentum"] = torch.zeros_like(p)
        average = state["momentum"].lerp_(p.grad, 1 - momentum)
        return p.grad.lerp(average, momentum)


def shape_factor(matrix: Tensor) -> float:
    """√max(1, rows / columns): gives steps of all shapes the same effect on the output."""
    return math.sqrt(max(1.0, matrix.size(0) / matrix.size(1)))


def orthogonalise_all(matrices: list[Tensor], dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Each of the matrices orthogonalised, with products in `dtype`.

    Where products are fast, calling them takes longer than computing them: all matrices of one shape are one batch. In
    float32 on a processor they are not, and a matrix by itself stays in its caches.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, matrix in enumerate(matrices):
        together = matrix.is_cuda or dtype is torch.bfloat16
        groups.setdefault(tuple(matrix.shape) if together else (i,), []).append(i)
    result = list(matrices)
    for some in groups.values():
        batch = orthogonalise(torch.stack([matrices[i] for i in some]).to(dtype))
        for i, one in zip(some, batch, strict=True):
            result[i] = one.to(matrices[i].dtype)
    return result


def orthogonalise(matrices: Tensor, n_steps: int = 5) -> Tensor:
    """Matrices with the same singular vectors and all singular values pushed to about 1 (0.7 to 1.2).

    Newton-Schulz iteration with the quintic coefficients of Jordan et al. 2024: each step applies the polynomial
    3.4445 s - 4.7750 s³ + 2.0315 s⁵ to every singular value s, by matrix products alone. One matrix (rows, columns), or
    several (n, rows, columns); the result has the same shape.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrices.size(-2) > matrices.size(-1)
    x = matrices.mT if tall else matrices
    x = x.reshape(-1, *x.shape[-2:])
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(n_steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).reshape(matrices.shape)
