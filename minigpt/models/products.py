"""Products of a matrix with one vector, or a few, on all cores of a processor: most of the work of writing a token.

Shapes: B batch, T time.

A new token sends one vector per text through each weight matrix, so each weight is fetched from memory for one or a few
multiplications, and fetching takes the time. One core alone cannot fetch as fast as the memory gives, and MKL, with
which PyTorch computes on most PCs, leaves such a product to one core or shares it out badly. The products of a batch it
shares out well. So here each core gets its share of the matrix's rows, as one product of a batch.
`benchmarks/generate.py` measures what that is worth.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

LINEAR = F.linear
SMALL = 1 << 18
"""Matrices of fewer numbers lie in the processor's caches, where sharing costs more than it saves."""


def shared_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x·Wᵀ + b as `F.linear` computes it, with the rows of W shared out to the cores: (B, T, n_in) -> (B, T, n_out)."""
    n_out, n_in = weight.shape
    n_cores = torch.get_num_threads()
    if n_cores == 1 or weight.numel() < SMALL or weight.dtype != torch.float32 or weight.device.type != "cpu":
        return LINEAR(x, weight, bias)
    if n_left := n_out % n_cores:  # a few rows by themselves, so that all cores get the same number
        most = shared_linear(x, weight[:-n_left], None if bias is None else bias[:-n_left])
        rest = LINEAR(x, weight[-n_left:], None if bias is None else bias[-n_left:])
        return torch.cat([most, rest], dim=-1)
    shares = weight.reshape(n_cores, -1, n_in).transpose(1, 2)  # for each core: n_in, its part of n_out
    same = x.reshape(1, -1, n_in).expand(n_cores, -1, -1)  # for each core: B·T, n_in
    y = torch.bmm(same, shares) if bias is None else torch.baddbmm(bias.view(n_cores, 1, -1), same, shares)
    return y.transpose(0, 1).reshape(*x.shape[:-1], n_out)


@contextmanager
def sharing_products() -> Iterator[None]:
    """Within the block `F.linear` is `shared_linear`, and so are all `nn.Linear` of any model: they call it.

    Other threads see it too, which does no harm: the results are the same up to rounding. Where `F.linear` is not
    PyTorch's own already, or products are not MKL's, nothing is done. (A `TorchFunctionMode` would do it for one
    thread, but is asked at each call of any function, which costs a good part of what sharing saves.)
    """
    if F.linear is not LINEAR or not torch.backends.mkl.is_available():
        yield
        return
    F.linear = shared_linear
    try:
        yield
    finally:
        F.linear = LINEAR
