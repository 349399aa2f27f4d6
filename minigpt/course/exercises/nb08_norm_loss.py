"""Exercises of notebook 08: LayerNorm, and the loss of the next token.

Shapes: T time, C channels (n_embd), V vocabulary.
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
    yield torch.tensor([[1.0, 3.0], [2.0, 8.0]]), torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.5]), 0.25
    yield 3 + 2 * numbers(4, 3), numbers(3, seed=1), numbers(3, seed=2), 0.1
    yield numbers(3, 5), torch.ones(5), torch.zeros(5), 1e-5


NORM = Exercise(
    id="08.norm",
    title="LayerNorm",
    difficulty=2,
    minutes=10,
    contract="my_layer_norm(x, weight, bias, eps) takes x (T, C), weight (C,), bias (C,) and a small number; it "
    "gives each position mean 0 and variance 1 over its channels (the variance divides by C; eps is added to it), "
    "then scales by weight and shifts by bias: (T, C).",
    returns="(T, C)",
    reference=layer_norm,
    inputs=layer_norm_inputs,
    misconceptions=(
        Misconception(
            "over the batch",
            lambda x, w, b, eps: normed(x, w, b, eps, dim=0),
            "Each channel was normalised over the positions, as BatchNorm does: a position must not depend on the "
            "others.",
        ),
        Misconception(
            "over everything",
            lambda x, w, b, eps: normed(x, w, b, eps, dim=(0, 1)),
            "One mean was taken of all positions together: each position has its own.",
        ),
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
            "no bias",
            lambda x, w, b, eps: normed(x, w, 0, eps),
            "Mean, variance and weight are right, but bias plays no part yet.",
        ),
        Misconception(
            "means along the wrong axis",
            without_keepdim,
            "The means of the rows were laid along the channels: each row has one mean, so it needs the shape (T, 1).",
        ),
        Misconception(
            "bias before weight",
            lambda x, w, b, eps: w * (normed(x, 1, 0, eps) + b),
            "The bias was scaled by the weight too: in which order do they come?",
        ),
    ),
)


def next_token_loss(logits, ids):
    return F.cross_entropy(logits[:-1], ids[1:])


def picked(logits, targets):
    return logits.softmax(-1)[torch.arange(len(targets)), targets]


def next_token_loss_inputs():
    yield 2 * numbers(2, 3), torch.tensor([2, 0])
    yield 2 * numbers(5, 7), torch.tensor([3, 1, 6, 1, 0])
    yield 2 * numbers(4, 5, seed=1), torch.tensor([4, 4, 2, 0])


LOSS = Exercise(
    id="08.loss",
    title="The loss of the next token",
    difficulty=2,
    minutes=10,
    contract="my_next_token_loss(logits, ids) takes a model's logits (T, V) for the text ids (T,), and returns the "
    "mean cross-entropy, in nats, of the T - 1 predictions that the text itself can answer.",
    returns="a number in a tensor",
    reference=next_token_loss,
    inputs=next_token_loss_inputs,
    misconceptions=(
        Misconception(
            "targets not shifted",
            lambda logits, ids: F.cross_entropy(logits, ids),
            "Each position was asked for its own token, which it has seen: what should it predict?",
        ),
        Misconception(
            "shifted the wrong way",
            lambda logits, ids: F.cross_entropy(logits[1:], ids[:-1]),
            "Each position was asked for the token before it: look at which of the two loses its first element.",
        ),
        Misconception(
            "not shifted, one shorter",
            lambda logits, ids: F.cross_entropy(logits[:-1], ids[:-1]),
            "Both lost their last element, so each position is still asked for its own token.",
        ),
        Misconception(
            "softmax over the positions",
            lambda logits, ids: -logits[:-1].log_softmax(0)[torch.arange(len(ids) - 1), ids[1:]].mean(),
            "The softmax ran over the positions: at each of them the V tokens share one probability of 1.",
        ),
        Misconception(
            "around the end",
            lambda logits, ids: F.cross_entropy(logits, ids.roll(-1)),
            "The last position was asked for the first token: nothing in the text says what follows the last one.",
        ),
        Misconception(
            "sum instead of mean",
            lambda logits, ids: F.cross_entropy(logits[:-1], ids[1:], reduction="sum"),
            "It grows with the length of the text: the contract asks for a mean.",
        ),
        Misconception(
            "divided by T",
            lambda logits, ids: F.cross_entropy(logits[:-1], ids[1:], reduction="sum") / len(ids),
            "The sum was divided by T: how many predictions does a text of T tokens answer?",
        ),
        Misconception(
            "mean of the probabilities",
            lambda logits, ids: -picked(logits[:-1], ids[1:]).mean().log(),
            "The probabilities were averaged before the logarithm: the mean is taken of the logarithms.",
        ),
        Misconception(
            "bits",
            lambda logits, ids: F.cross_entropy(logits[:-1], ids[1:]) / math.log(2),
            "These are bits: the contract asks for nats, with the natural logarithm.",
        ),
        Misconception(
            "softmax twice",
            lambda logits, ids: F.cross_entropy(logits[:-1].softmax(-1), ids[1:]),
            "`cross_entropy` takes logits and does the softmax itself: here it was done twice.",
        ),
        Misconception(
            "the sign",
            lambda logits, ids: -F.cross_entropy(logits[:-1], ids[1:]),
            "A cross-entropy is never negative: look at the sign.",
        ),
    ),
)

EXERCISES = (NORM, LOSS)
