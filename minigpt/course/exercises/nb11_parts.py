"""Exercise of notebook 11: the gradient of a big batch from those of its parts."""

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def accumulate(grads, sizes):
    return (grads * sizes[:, None]).sum(0) / sizes.sum()


def halved(grads, sizes):
    mean = grads[0]
    for g in grads[1:]:
        mean = (mean + g) / 2
    return mean


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
        Misconception(
            "returned within the loop",
            lambda grads, sizes: grads[0] * sizes[0] / sizes.sum(),
            "Only the first part's share came back: does `return` stand within the loop?",
        ),
        Misconception(
            "only the first part",
            lambda grads, sizes: grads[0],
            "This is the first part's gradient: the others have rows, too.",
        ),
        Misconception(
            "only the last share",
            lambda grads, sizes: grads[-1] * sizes[-1] / sizes.sum(),
            "Only the last part's share is left: += adds to what was there, = writes over it.",
        ),
        Misconception(
            "the last part dropped",
            lambda grads, sizes: accumulate(grads[:-1], sizes[:-1]),
            "The last part is missing: it may be small, and its rows belong to the batch all the same.",
        ),
        Misconception(
            "the last part dropped, its rows counted",
            lambda grads, sizes: (grads[:-1] * sizes[:-1, None]).sum(0) / sizes.sum(),
            "The last part is missing from the sum, and its rows are among those that it is divided by.",
        ),
        Misconception(
            "half and half",
            halved,
            "Each part was averaged with the mean so far, half and half: the first ones shrink again and again.",
        ),
        Misconception(
            "all parts as large as the first",
            lambda grads, sizes: (grads * sizes[:, None]).sum(0) / (len(sizes) * sizes[0]),
            "You divide as if each part had as many rows as the first: how many are there?",
        ),
        Misconception(
            "divided by the mean size",
            lambda grads, sizes: (grads * sizes[:, None]).sum(0) / sizes.mean(),
            "You divide by the mean number of rows in a part: how many do all parts have?",
        ),
        Misconception(
            "divided by all numbers",
            lambda grads, sizes: (grads * sizes[:, None]).sum(0) / grads.numel(),
            "You divide by how many numbers the gradients hold: the mean runs over the rows of the batch.",
        ),
        Misconception(
            "divided by the sizes",
            lambda grads, sizes: (grads / sizes[:, None]).sum(0),
            "Each gradient was divided by its rows, which the mean loss has done before: a sum over rows multiplies.",
        ),
        Misconception(
            "mean over the wrong axis",
            lambda grads, sizes: grads.mean(1),
            "The mean runs along each gradient: there should be a number for each weight, not for each part.",
        ),
        Misconception(
            "the product the wrong way round",
            lambda grads, sizes: grads @ sizes / sizes.sum(),
            "grads @ sizes runs along each gradient, which has D numbers: which axis of grads has n?",
        ),
        Misconception(
            "softmax of the sizes",
            lambda grads, sizes: sizes.softmax(0) @ grads,
            "The shares came from a softmax, which exaggerates: twice the rows have twice the share.",
        ),
    ),
)

EXERCISES = (ACCUMULATE,)
