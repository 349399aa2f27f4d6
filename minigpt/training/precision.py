"""In which number format a run computes: float32, or bfloat16 where the hardware multiplies it faster.

bfloat16 has float32's range and 8 bits of precision, of which one is not stored. Products of matrices and attention are
computed in it; weights, their averages, LayerNorm, the residual stream and the loss stay in float32: each step changes
a weight by less than bfloat16 could tell apart. Sources: Micikevicius et al. 2018, "Mixed Precision Training", section
3.1, for float32 master weights; Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning Training".
"""

import contextlib
from collections.abc import Iterator
from contextlib import nullcontext
from typing import NamedTuple

import torch

from minigpt.training.short_attention import ShortAttention

CHOICES = ("float32", "bfloat16", "auto")


class Precision(NamedTuple):
    """What was chosen, and why, in words."""

    dtype: torch.dtype
    why: str


def choose(precision: str, device: torch.device) -> Precision:
    """The format of a run. "auto" takes bfloat16 where the device has units for it, and float32 elsewhere.

    Raises ValueError for another name.
    """
    if precision not in CHOICES:
        raise ValueError(f"precision={precision!r}: take one of {', '.join(CHOICES)}")
    if precision != "auto":
        return Precision(getattr(torch, precision), f"{precision}, as asked")
    units = bfloat16_units(device)
    if units:
        return Precision(torch.bfloat16, f"bfloat16 for products of matrices: this {device.type.upper()} has {units}")
    return Precision(torch.float32, f"float32: this {device.type.upper()} has no units for bfloat16")


def bfloat16_units(device: torch.device) -> str:
    """What the device multiplies bfloat16 with; empty where that would be slower than float32."""
    if device.type == "cuda":
        return "bfloat16 tensor cores" if torch.cuda.get_device_capability(device) >= (8, 0) else ""
    if device.type != "cpu":
        return ""
    for name, supported in (("AMX", "_is_amx_tile_supported"), ("AVX-512 BF16", "_is_avx512_bf16_supported")):
        if getattr(torch.cpu, supported, lambda: False)():
            return name
    return ""


@contextlib.contextmanager
def computing(dtype: torch.dtype, device: torch.device) -> Iterator[None]:
    """What the forward pass and the loss are computed in."""
    if dtype is not torch.bfloat16:
        yield
        return
    with torch.autocast(device.type, dtype=dtype), ShortAttention() if device.type == "cpu" else nullcontext():
        yield
