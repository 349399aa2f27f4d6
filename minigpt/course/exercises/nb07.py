"""Exercises of notebook 07: LayerNorm and GELU; others are in nb07_at_random.py and nb07_block.py.

Shapes: B batch, T time, C channels (n_embd).
"""

import math

import torch
import torch.nn.functional as F

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def layer_norm(x, weight, bias, eps):
    return F.layer_norm(x, x.shape[-1:], weight, bias, eps)


def normed(x, weight, bias, eps, dim: int | tuple[int, ...] = -1, unbiased=False):
    mean, var = x.mean(dim, keepdim=True), x.var(dim, unbiased=unbiased, keepdim=True)
    return weight * (x - mean) / (var + eps).sqrt() + bias


def without_keepdim(x, weight, bias, eps):
    return weight * (x - x.mean(-1)) / (x.var(-1, unbiased=False) + eps).sqrt() + bias


def layer_norm_inputs():
    x = torch.tensor([[[1.0, 3.0], [2.0, 8.0]], [[0.0, 1.0], [4.0, 2.0]]])
    yield x, torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.5]), 0.25
    yield 3 + 2 * numbers(2, 4, 3), numbers(3, seed=1), numbers(3, seed=2), 0.1
    yield numbers(3, 2, 5), torch.ones(5), torch.zeros(5), 1e-5


OTHER_AXES: dict[str, tuple[int | tuple[int, ...], str]] = {
    "over the batch": (
        0,
        "Each channel was normalised over the texts of the batch: a text must not depend on the others.",
    ),
    "over time": (
        1,
        "Each channel was normalised over the positions: one must not depend on the others, some of which lie ahead.",
    ),
    "over batch and time": (
        (0, 1),
        "Each channel was normalised over all positions of all texts, as BatchNorm does: look at each position alone.",
    ),
    "over time and channels": ((1, 2), "One mean was taken of a whole text: each of its positions has its own."),
    "over everything": ((0, 1, 2), "One mean was taken of all positions together: each position has its own."),
}


def over_other_axes():
    """Each of the wrong axes, with the variance of the contract and with the one that torch has by default."""
    for name, (dim, message) in OTHER_AXES.items():
        yield Misconception(name, lambda x, w, b, eps, dim=dim: normed(x, w, b, eps, dim), message)
        yield Misconception(
            f"{name}, unbiased",
            lambda x, w, b, eps, dim=dim: normed(x, w, b, eps, dim, unbiased=True),
            f"{message} Then look at what the variance divides by.",
        )


NORM = Exercise(
    id="07.norm",
    title="LayerNorm",
    difficulty=2,
    minutes=10,
    contract="my_layer_norm(x, weight, bias, eps) takes x (B, T, C), weight (C,), bias (C,) and a small number; it "
    "gives each position mean 0 and variance 1 over its channels (the variance divides by C; eps is added to it), "
    "then scales by weight and shifts by bias: (B, T, C).",
    returns="(B, T, C)",
    reference=layer_norm,
    inputs=layer_norm_inputs,
    misconceptions=(
        *over_other_axes(),
        Misconception(
            "unbiased variance",
            lambda x, w, b, eps: normed(x, w, b, eps, unbiased=True),
            "The variance divides by C - 1, as torch's does if nothing is said: the contract divides by C.",
        ),
        Misconception(
            "eps outside the root",
            lambda x, w, b, eps: (
                w * (x - x.mean(-1, keepdim=True)) / (x.std(-1, unbiased=False, keepdim=True) + eps) + b
            ),
            "eps was added to the standard deviation: it belongs to the variance, under the root.",
        ),
        Misconception(
            "unbiased, eps outside the root",
            lambda x, w, b, eps: w * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + eps) + b,
            "This is `std` as torch has it, plus eps: look at what it divides by, and at where eps belongs.",
        ),
        Misconception(
            "no eps",
            lambda x, w, b, eps: normed(x, w, b, 0.0),
            "eps plays no part yet: without it, a position whose channels are all equal would divide by zero.",
        ),
        Misconception(
            "mean not subtracted",
            lambda x, w, b, eps: w * x / ((x**2).mean(-1, keepdim=True) + eps).sqrt() + b,
            "The mean is still there: this is RMSNorm, which later models use.",
        ),
        Misconception(
            "divided by the variance",
            lambda x, w, b, eps: (
                w * (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + eps) + b
            ),
            "It was divided by the variance: which power of it has the units of x?",
        ),
        Misconception(
            "no weight and bias",
            lambda x, w, b, eps: normed(x, 1, 0, eps),
            "Mean and variance are right, but weight and bias play no part yet.",
        ),
        Misconception(
            "no weight and bias, unbiased",
            lambda x, w, b, eps: normed(x, 1, 0, eps, unbiased=True),
            "Weight and bias play no part yet; and look at what the variance divides by.",
        ),
        Misconception(
            "no bias",
            lambda x, w, b, eps: normed(x, w, 0, eps),
            "Mean, variance and weight are right, but bias plays no part yet.",
        ),
        Misconception(
            "means along the wrong axis",
            without_keepdim,
            "The means of the positions were laid along the channels: each position has one mean, so it needs the "
            "shape (B, T, 1).",
        ),
        Misconception(
            "bias before weight",
            lambda x, w, b, eps: w * (normed(x, 1, 0, eps) + b),
            "The bias was scaled by the weight too: in which order do they come?",
        ),
    ),
)


def gelu(x):
    return F.gelu(x, approximate="tanh")


def inner(x):
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


def gelu_inputs():
    yield (torch.tensor([2.0]),)
    yield (torch.tensor([[-2.0, -1.0], [0.5, 3.0]]),)
    yield (numbers(3, 4),)


GELU = Exercise(
    id="07.gelu",
    title="GPT-2's GELU",
    difficulty=1,
    minutes=6,
    contract="my_gelu(x) takes a tensor of any shape and returns, in the same shape, the tanh approximation of GELU: "
    "x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).",
    returns="the shape of x",
    reference=gelu,
    inputs=gelu_inputs,
    misconceptions=(
        Misconception(
            "exact GELU",
            lambda x: F.gelu(x),
            "This is the exact GELU, with the error function: they differ by less than 0.0005, but GPT-2 was trained "
            "with the other one.",
        ),
        Misconception(
            "sigmoid approximation",
            lambda x: x * torch.sigmoid(1.702 * x),
            "This is another approximation, with a sigmoid: GPT-2 has the one with tanh.",
        ),
        Misconception("ReLU", lambda x: x.relu(), "This is ReLU: GELU has no corner at zero, and dips below it."),
        Misconception("SiLU", lambda x: F.silu(x), "This is SiLU, x·sigmoid(x), which is a relative of GELU's."),
        Misconception(
            "not halved",
            lambda x: 2 * gelu(x),
            "Everything is twice too large: 1 + tanh goes up to 2.",
        ),
        Misconception(
            "no cube",
            lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x))),
            "The second term is not the cube of x: look at its power.",
        ),
        Misconception(
            "the root on x alone",
            lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * x + 0.044715 * x**3)),
            "The root was multiplied with x alone: look at where its bracket closes.",
        ),
        Misconception(
            "the root of 2 alone",
            lambda x: 0.5 * x * (1 + torch.tanh(inner(x) / math.sqrt(math.pi))),
            "The factor in front is √2/π: the root is over the whole fraction.",
        ),
        Misconception(
            "tanh without 1",
            lambda x: 0.5 * x * torch.tanh(inner(x)),
            "Negative and positive x come out alike: what is added to the tanh?",
        ),
        Misconception(
            "square root of 2π",
            lambda x: 0.5 * x * (1 + torch.tanh(inner(x) * math.pi)),
            "The factor in front is too large by π: is it the root of 2/π or of 2π?",
        ),
        Misconception(
            "no root",
            lambda x: 0.5 * x * (1 + torch.tanh(inner(x) * math.sqrt(2 / math.pi))),
            "The factor in front is 2/π: a square root is missing.",
        ),
        Misconception(
            "1 + tanh without x",
            lambda x: 0.5 * (1 + torch.tanh(inner(x))),
            "This is the gate alone, between 0 and 1: GELU multiplies x by it.",
        ),
    ),
)


EXERCISES = (NORM, GELU)
