"""Two results compared as a patient reader would: numbers up to rounding, whatever holds them."""

import math
import textwrap
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor


def same(expected: Any, got: Any, tolerance: float) -> bool:
    """True if `got` is what was expected: of a fitting type, of the same shape, and equal up to the tolerance."""
    if misfit(expected, got):
        return False
    if isinstance(expected, Tensor | np.ndarray):
        a, b = as_tensor(expected), as_tensor(got)
        assert a is not None, "misfit has looked"
        assert b is not None, "misfit has looked"
        return torch.allclose(b.double(), a.double(), rtol=tolerance, atol=tolerance, equal_nan=True)
    if isinstance(expected, float):
        return close(expected, float(got), tolerance)
    if isinstance(expected, Mapping):
        return expected.keys() == got.keys() and all(same(expected[key], got[key], tolerance) for key in expected)
    if isinstance(expected, list | tuple):
        return all(same(a, b, tolerance) for a, b in zip(expected, got, strict=True))
    return bool(expected == got)


def close(a: float, b: float, tolerance: float) -> bool:
    """As torch.allclose has it, with NaN equal to NaN."""
    return a == b or abs(a - b) <= tolerance + tolerance * abs(a) < math.inf or (a != a and b != b)


def misfit(expected: Any, got: Any, letters: str = "") -> str:
    """What is wrong with the kind or the shape of `got`, as a sentence; "" if nothing is."""
    if isinstance(expected, Tensor | np.ndarray):
        wanted, tensor = as_tensor(expected), as_tensor(got)
        assert wanted is not None
        if tensor is None:
            return f"The result is {kind(got)}, the contract asks for a tensor."
        if tensor.shape != wanted.shape:
            asked = f"{letters} = {tuple(wanted.shape)}" if letters.startswith("(") else f"{tuple(wanted.shape)}"
            asked = asked if wanted.ndim else "a single number"
            return f"The result has the shape {tuple(tensor.shape)}, the contract asks for {asked}."
        if (tensor.dtype == torch.bool) != (wanted.dtype == torch.bool):
            return f"The result holds {tensor.dtype}, the contract asks for {wanted.dtype}."
        if tensor.is_floating_point() and not wanted.is_floating_point():
            return f"The result holds {tensor.dtype}, the contract asks for whole numbers."
        if tensor.dtype in (torch.float16, torch.bfloat16) and wanted.dtype in (torch.float32, torch.float64):
            return f"The result holds {tensor.dtype}, which has too few digits: the contract asks for {wanted.dtype}."
        return ""
    if fits(expected, got):
        return misfit_inside(expected, got) if isinstance(expected, list | tuple) else ""
    return f"The result is {kind(got)}, the contract asks for {kind(expected)}."


def misfit_inside(expected: list | tuple, got: list | tuple) -> str:
    """What is wrong with the length, or with the first element that does not fit."""
    if len(expected) != len(got):
        elements, were = "element" if len(got) == 1 else "elements", "was" if len(expected) == 1 else "were"
        return f"The result has {len(got)} {elements}, {len(expected)} {were} expected."
    for place, pair in enumerate(zip(expected, got, strict=True)):
        if text := misfit(*pair):
            return text.replace("The result", f"Element {place} of the result", 1)
    return ""


def fits(expected: Any, got: Any) -> bool:
    """True if `got` is of a kind that can stand for `expected`: any whole number for an int, any list for a tuple."""
    if isinstance(expected, bool):
        return isinstance(got, bool | np.bool_)
    if isinstance(expected, int | float):
        allowed = Integral if isinstance(expected, int) else Real
        if isinstance(got, Tensor | np.ndarray):
            number = torch.as_tensor(got)
            return number.ndim == 0 and (isinstance(expected, float) or not number.is_floating_point())
        return isinstance(got, allowed)
    for kinds in (Mapping, list | tuple):
        if isinstance(expected, kinds):
            return isinstance(got, kinds)
    return isinstance(got, type(expected))


def as_tensor(value: Any) -> Tensor | None:
    """The value as a tensor without a gradient, from tensors, arrays and lists of numbers; None from all else."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    try:
        return torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray | Real | list | tuple) else None
    except (TypeError, ValueError):  # text, or rows of different lengths
        return None


def has_nan(value: Any) -> bool:
    """True if there is a NaN in a tensor, a number or a list of them."""
    if isinstance(value, float):
        return value != value
    tensor = as_tensor(value)
    return tensor is not None and bool(tensor.isnan().any())


def kind(value: Any) -> str:
    """The type in words."""
    if isinstance(value, Tensor | np.ndarray):
        name = "a tensor" if isinstance(value, Tensor) else "a NumPy array"
        return f"a number in {name}" if value.ndim == 0 else f"{name} of shape {tuple(value.shape)}"
    names = {str: "text", bool: "True or False", int: "a whole number", float: "a number", dict: "a dictionary"}
    names |= {list: "a list", tuple: "a tuple"}
    name = names.get(type(value), type(value).__name__)
    return f"{name}, {value!r}" if isinstance(value, str | int | float) and len(repr(value)) < 20 else name


def short(value: Any, width: int = 400) -> str:
    """The value as text that fits into a message: tensors rounded, what is long shortened."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        text = np.array2string(value, precision=4, suppress_small=True, threshold=60, edgeitems=3, max_line_width=100)
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif callable(value):
        text = getattr(value, "__name__", repr(value))
    else:
        text = repr(value)
    return text if "\n" in text and len(text) < 2 * width else textwrap.shorten(text, width, placeholder=" …")
