"""Exercise of notebook 11: the batch of a step.

Shapes: B batch, T time.
"""

import numpy as np
import torch

from minigpt.course.exercise import Exercise, Misconception


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


def as_floats(*given):
    return tuple(ids.float() for ids in batch(*given))


def targets_of_the_inputs(*given):
    return split(batch(*given)[0])


def rolled(*given):
    x, _ = batch(*given)
    return x, x.roll(-1, 1)


def batch_inputs():
    for n, n_ctx, n_rows, seed, step in ((9, 2, 2, 3, 0), (30, 3, 2, 1, 5), (50, 4, 3, 2, 7), (60, 5, 4, 5, 2)):
        ids = np.random.default_rng(n).permutation(n)
        yield ids + (2**24 if n == 60 else 0), n_ctx, n_rows, seed, step  # too large for a float32 to be exact


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
            "targets rolled round",
            rolled,
            "The last target of each row is the row's first id: which one comes after the last in the text?",
        ),
        Misconception(
            "targets cut out of the inputs",
            targets_of_the_inputs,
            "Each row is one id short: inputs and targets were cut out of n_ctx ids, and the last has no target there.",
        ),
        Misconception(
            "floats",
            as_floats,
            "The ids are floats, of which not every whole number above 2²⁴ is one: which kind of number was asked for?",
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
    tolerance=0.0,
)

EXERCISES = (BATCH,)
