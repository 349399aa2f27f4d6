"""Exercises of notebook 11: clipping, accumulation and the batch of a step.

Shapes: B batch, T time.
"""

import numpy as np
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
            "long gradients set to 0",
            lambda grads, max_norm: scaled(grads, 0.0) if length(grads) > max_norm else grads,
            "Long gradients were thrown away: their direction is still wanted.",
        ),
    ),
)


def accumulate(grads, sizes):
    return (grads * sizes[:, None]).sum(0) / sizes.sum()


def accumulate_inputs():
    for seed, sizes in ((0, (3, 1)), (1, (4, 4, 2)), (2, (8, 8, 8, 3))):
        yield numbers(len(sizes), 2 + seed, seed=seed), torch.tensor(sizes)


ACCUMULATE = Exercise(
    id="11.accumulate",
    title="A big batch in parts",
    difficulty=1,
    minutes=6,
    contract="my_accumulate(grads, sizes) takes the gradients (n, D) of the mean losses of n parts of a batch, and"
    " how many rows each part has, (n,). It returns the gradient (D,) of the mean loss over all rows of "
    "the batch.",
    returns="(D)",
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
            "small parts weigh more",
            lambda grads, sizes: (grads / sizes[:, None]).sum(0) / (1 / sizes).sum(),
            "Small parts weigh more than large ones: it should be the other way round.",
        ),
    ),
)


def windows(ids, starts, n_ctx):
    return torch.from_numpy(np.stack([ids[start : start + n_ctx + 1] for start in starts]).astype(np.int64))


def drawn(ids, n_ctx, n_rows, seed, less=0):
    return np.random.default_rng(seed).integers(len(ids) - n_ctx - less, size=n_rows)


def split(rows):
    return rows[:, :-1], rows[:, 1:]


def batch(ids, n_ctx, n_rows, seed, step):
    return split(windows(ids, drawn(ids, n_ctx, n_rows, (seed, step)), n_ctx))


def one_stream(ids, n_ctx, n_rows, seed, step):
    rng = np.random.default_rng(seed)
    draws = [rng.integers(len(ids) - n_ctx, size=n_rows) for _ in range(step + 1)]
    return split(windows(ids, draws[-1], n_ctx))


def shifted_by_two(ids, n_ctx, n_rows, seed, step):
    starts = drawn(ids, n_ctx, n_rows, (seed, step), less=1)
    rows = windows(ids, starts, n_ctx + 1)
    return rows[:, :-2], rows[:, 2:]


def in_a_row(ids, n_ctx, n_rows, seed, step):
    starts = (step * n_rows + np.arange(n_rows)) * n_ctx % (len(ids) - n_ctx)
    return split(windows(ids, starts, n_ctx))


def batch_inputs():
    for n, n_ctx, n_rows, seed, step in ((9, 2, 2, 3, 0), (30, 3, 2, 1, 5), (50, 4, 3, 2, 7), (60, 5, 4, 5, 2)):
        yield np.random.default_rng(n).permutation(n), n_ctx, n_rows, seed, step


BATCH = Exercise(
    id="11.batch",
    title="The batch of a step",
    difficulty=2,
    minutes=12,
    contract="my_batch(ids, n_ctx, n_rows, seed, step) draws the places where windows begin with "
    "np.random.default_rng((seed, step)).integers(len(ids) - n_ctx, size=n_rows), and returns two tensors"
    " of whole numbers (B, T), n_rows windows of n_ctx ids and their targets: for each id the one after "
    "it.",
    returns="two tensors",
    reference=batch,
    inputs=batch_inputs,
    misconceptions=(
        Misconception(
            "targets not shifted",
            lambda *given: (batch(*given)[0], batch(*given)[0]),
            "The targets are the inputs: a model that copies would be perfect. Which id comes after each?",
        ),
        Misconception(
            "targets one too far",
            shifted_by_two,
            "The targets lie two places on: the one in between is never asked for.",
        ),
        Misconception(
            "targets before the inputs",
            lambda *given: batch(*given)[::-1],
            "Inputs and targets changed places: each target is the id before.",
        ),
        Misconception(
            "the step forgotten",
            lambda ids, n_ctx, n_rows, seed, step: batch(ids, n_ctx, n_rows, seed, 0),
            "Every step gets the batch of step 0: the generator should start from the seed and the step, as a pair.",
        ),
        Misconception(
            "one stream for all steps",
            one_stream,
            "One generator goes on from step to step: a run that resumes would have to draw all earlier batches again.",
        ),
        Misconception(
            "seed and step added",
            lambda ids, n_ctx, n_rows, seed, step: split(windows(ids, drawn(ids, n_ctx, n_rows, seed + step), n_ctx)),
            "Seed and step were added: seed 2 at step 3 then sees what seed 3 sees at step 2. A pair keeps them apart.",
        ),
        Misconception(
            "step before seed",
            lambda ids, n_ctx, n_rows, seed, step: batch(ids, n_ctx, n_rows, step, seed),
            "The pair is (seed, step), in this order.",
        ),
        Misconception(
            "one window in a row",
            in_a_row,
            "The windows follow one another through the text: in this contract their places are drawn.",
        ),
        Misconception(
            "the last window left out",
            lambda ids, n_ctx, n_rows, seed, step: split(
                windows(ids, drawn(ids, n_ctx, n_rows, (seed, step), less=1), n_ctx)
            ),
            "The places were drawn below len(ids) - n_ctx - 1: integers() leaves its upper end out already.",
        ),
    ),
)

EXERCISES = (CLIP, ACCUMULATE, BATCH)
