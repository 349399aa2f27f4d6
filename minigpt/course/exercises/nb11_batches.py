"""Exercises of notebook 11: clipping and accumulation."""

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def length(grads):
    """The norm of all of them together."""
    return torch.stack([g.norm() for g in grads]).norm()


def scaled(grads, factor):
    return [g * factor for g in grads]


def clip(grads, max_norm):
    return scaled(grads, min(1.0, max_norm / length(grads)))


def all_numbers(grads):
    return torch.cat([g.flatten() for g in grads])


def clip_inputs():
    for seed, size, max_norm in ((0, 0.01, 1.0), (1, 3.0, 1.0), (2, 1.0, 2.5)):
        yield [size * numbers(2, seed=seed), size * 2 * numbers(2 + seed, 3, seed=seed + 5)], max_norm


CLIP = Exercise(
    id="11.clip",
    title="Clip the gradient",
    difficulty=2,
    minutes=10,
    contract="my_clip(grads, max_norm) takes the gradients of all parameters, a list of tensors of any shapes, and"
    " returns a list of the same: if they are, taken together as one long vector, longer than max_norm, "
    "all are scaled by the same factor so that it has this length; else they stay.",
    returns="a list of tensors",
    reference=clip,
    inputs=clip_inputs,
    misconceptions=(
        Misconception(
            "each tensor by its own norm",
            lambda grads, max_norm: [g * min(1.0, max_norm / g.norm()) for g in grads],
            "Each tensor was clipped by itself, which turns the step: there is one length, of all together.",
        ),
        Misconception(
            "short gradients scaled up",
            lambda grads, max_norm: scaled(grads, max_norm / length(grads)),
            "Short gradients were made longer: they should stay as they are.",
        ),
        Misconception(
            "each number cut off",
            lambda grads, max_norm: [g.clamp(-max_norm, max_norm) for g in grads],
            "Each number was cut off by itself, which turns the step: the whole vector is scaled.",
        ),
        Misconception(
            "length one",
            lambda grads, max_norm: scaled(grads, 1 / length(grads)) if length(grads) > max_norm else grads,
            "Long gradients come out with length 1: it should be max_norm.",
        ),
        Misconception(
            "root forgotten",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / length(grads) ** 2)),
            "The sum of squares was taken for the length: its root is missing.",
        ),
        Misconception(
            "norms added up",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / sum(g.norm() for g in grads))),
            "The norms of the tensors were added: lengths at right angles add by their squares.",
        ),
        Misconception(
            "mean of the norms",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / torch.stack([g.norm() for g in grads]).mean())),
            "The mean of the tensors' norms was compared: it is the length of all of them in one vector that counts.",
        ),
        Misconception(
            "sizes added up",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / sum(g.abs().sum() for g in grads))),
            "The sizes of the numbers were added, the 1-norm: length is the root of the sum of squares.",
        ),
        Misconception(
            "max in place of min",
            lambda grads, max_norm: scaled(grads, max(1.0, max_norm / length(grads))),
            "Short gradients were made longer and long ones left: of 1 and the ratio, which should win?",
        ),
        Misconception(
            "ratio upside down",
            lambda grads, max_norm: scaled(grads, min(1.0, length(grads) / max_norm)),
            "Short gradients were made shorter and long ones left: the ratio stands on its head.",
        ),
        Misconception(
            "long gradients made longer",
            lambda grads, max_norm: scaled(grads, max(1.0, length(grads) / max_norm)),
            "Long gradients came out longer still: which of the two lengths belongs below the line?",
        ),
        Misconception(
            "mean of the squares",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / all_numbers(grads).square().mean().sqrt())),
            "The root of the squares' mean was compared: a vector of more numbers is longer.",
        ),
        Misconception(
            "the longest tensor's norm",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / max(g.norm() for g in grads))),
            "Only the longest of the tensors was measured: the others make the whole vector longer.",
        ),
        Misconception(
            "the largest number",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / all_numbers(grads).abs().max())),
            "The largest number was taken for the length: all of them have a part in it.",
        ),
        Misconception(
            "long gradients set to 0",
            lambda grads, max_norm: scaled(grads, 0.0) if length(grads) > max_norm else grads,
            "Long gradients were thrown away: their direction is still wanted.",
        ),
    ),
)


def accumulate(grads, sizes):
    return (grads * sizes[:, None]).sum(0) / sizes.sum()


def accumulate_inputs():
    for seed, d, sizes in ((0, 2, (3, 1)), (1, 4, (4, 4, 2)), (2, 3, (8, 8, 8, 3))):
        yield numbers(len(sizes), d, seed=seed), torch.tensor(sizes).float()  # so that sizes @ grads works, too


ACCUMULATE = Exercise(
    id="11.accumulate",
    title="A big batch in parts",
    difficulty=1,
    minutes=6,
    contract="my_accumulate(grads, sizes) takes the gradients (n, D) of the mean losses of n parts of a batch, and"
    " how many rows each part has, (n,). It returns the gradient (D,) of the mean loss over all rows of "
    "the batch.",
    returns="(D,)",
    reference=accumulate,
    inputs=accumulate_inputs,
    misconceptions=(
        Misconception(
            "not divided",
            lambda grads, sizes: grads.sum(0),
            "The gradients were added: n parts then give a step n times too long.",
        ),
        Misconception(
            "unequal parts weighed the same",
            lambda grads, sizes: grads.mean(0),
            "Each part has the same weight, but the last is smaller: its rows then count more than others.",
        ),
        Misconception(
            "times the rows, not divided",
            lambda grads, sizes: (grads * sizes[:, None]).sum(0),
            "This is the gradient of the sum over all rows: the contract asks for their mean.",
        ),
        Misconception(
            "divided by the parts",
            lambda grads, sizes: (grads * sizes[:, None]).sum(0) / len(sizes),
            "The sum over all rows was divided by the number of parts: how many rows are there?",
        ),
        Misconception(
            "divided by the rows, not weighed",
            lambda grads, sizes: grads.sum(0) / sizes.sum(),
            "A part's gradient is already a mean: before all are divided by the number of rows, what is missing?",
        ),
        Misconception(
            "only the last part",
            lambda grads, sizes: grads[-1],
            "Only the last part's gradient is left: they should be added up, not written over one another.",
        ),
        Misconception(
            "weighed, then averaged",
            lambda grads, sizes: accumulate(grads, sizes) / len(sizes),
            "The parts were weighed by their shares and then averaged: what do the shares add up to already?",
        ),
        Misconception(
            "summed over the gradient",
            lambda grads, sizes: (grads * (sizes / sizes.sum())[:, None]).sum(1),
            "The sum runs along each gradient: one over the parts leaves a number for each weight.",
        ),
        Misconception(
            "every share 0",
            lambda grads, sizes: 0 * grads[0],
            "All is 0, as it is with shares cut down to whole numbers: which division keeps what is behind the point?",
        ),
        Misconception(
            "shares along the wrong axis",
            lambda grads, sizes: (grads * (sizes / sizes.sum())).sum(0),
            "The shares lie along the gradient, not along the parts: which axis does a tensor of shape (n,) meet?",
        ),
        Misconception(
            "small parts weigh more",
            lambda grads, sizes: (grads / sizes[:, None]).sum(0) / (1 / sizes).sum(),
            "Small parts weigh more than large ones: it should be the other way round.",
        ),
    ),
)

EXERCISES = (CLIP, ACCUMULATE)
