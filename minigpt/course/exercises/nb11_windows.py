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


def one_too_long(*given):
    x, y = batch(*given)
    return torch.cat([x, y[:, -1:]], 1), y


def padded(*given):
    x, y = batch(*given)
    return x, torch.cat([y[:, :-1], torch.zeros_like(y[:, -1:])], 1)


def written_over(*given):
    x, _ = batch(*given)
    x = x.clone()
    x[:, :-1] = x[:, 1:].clone()
    return x, x


def places_themselves(ids, *given):
    return batch(np.arange(len(ids)), *given)


def drawn_twice(ids, n_ctx, n_rows, seed, step):
    rng = np.random.default_rng((seed, step))
    first, second = (windows(ids, rng.integers(len(ids) - n_ctx, size=n_rows), n_ctx) for _ in "xy")
    return first[:, :-1], second[:, 1:]


def started(seed_of):
    """The batch of a generator that starts from seed_of(seed, step)."""
    return lambda ids, n_ctx, n_rows, seed, step: split(
        windows(ids, drawn(ids, n_ctx, n_rows, seed_of(seed, step)), n_ctx)
    )


def placed(change, less=0):
    """The batch of places that were changed."""
    return lambda ids, n_ctx, n_rows, seed, step: split(
        windows(ids, change(drawn(ids, n_ctx, n_rows, (seed, step), less)), n_ctx)
    )


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
            started(lambda seed, step: seed + step),
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
            placed(list, less=1),
            "The places were drawn below len(ids) - n_ctx - 1: integers() leaves its upper end out already.",
        ),
        Misconception(
            "places up to the end",
            lambda ids, n_ctx, n_rows, seed, step: split(
                windows(ids, drawn(ids, n_ctx, n_rows, (seed, step), less=-n_ctx), n_ctx)
            ),
            "The places were drawn from the whole text: a window that begins near its end is cut short.",
        ),
        Misconception(
            "one too many places",
            placed(list, less=-1),
            "The places were drawn up to len(ids) - n_ctx, itself included: from there the last id has no target.",
        ),
        Misconception(
            "the seed forgotten",
            started(lambda seed, step: step),
            "Every run gets the same batches: the generator should start from the seed and the step, as a pair.",
        ),
        Misconception(
            "seed times step",
            started(lambda seed, step: seed * step),
            "Seed and step were multiplied: at step 0 all seeds then see the same. A pair keeps them apart.",
        ),
        Misconception(
            "the next step's batch",
            started(lambda seed, step: (seed, step + 1)),
            "This is the batch of the next step: the first step is 0.",
        ),
        Misconception(
            "the same window in each row",
            lambda ids, n_ctx, n_rows, seed, step: split(
                windows(ids, [drawn(ids, n_ctx, 1, (seed, step))[0]] * n_rows, n_ctx)
            ),
            "All rows hold the same window: a generator that starts anew for each row draws the same place again.",
        ),
        Misconception(
            "places sorted",
            placed(sorted),
            "The windows are right, and sorted by where they begin: leave them in the order in which they were drawn.",
        ),
        Misconception(
            "places drawn twice",
            drawn_twice,
            "The targets belong to other windows: their places were drawn a second time.",
        ),
        Misconception(
            "the places themselves",
            places_themselves,
            "These are places in the text: which ids stand there?",
        ),
        Misconception(
            "the id plus one",
            lambda *given: (batch(*given)[0], batch(*given)[0] + 1),
            "The targets are the ids plus 1: what is wanted is the id at the next place.",
        ),
        Misconception(
            "targets padded",
            padded,
            "The last target of each row is a 0 that was put there: the text goes on behind the window.",
        ),
        Misconception(
            "targets rolled through the batch",
            lambda *given: (batch(*given)[0], batch(*given)[0].roll(-1)),
            "The last target of each row is the first id of the next row: which one comes after it in the text?",
        ),
        Misconception(
            "inputs written over",
            written_over,
            "Inputs and targets are one tensor, and shifting one has shifted the other: make two.",
        ),
        Misconception(
            "inputs one too long",
            one_too_long,
            "The inputs are n_ctx + 1 ids long: the last of them is only a target.",
        ),
        Misconception(
            "only the last target",
            lambda *given: (batch(*given)[0], batch(*given)[1][:, -1]),
            "There is one target for each row: each id of a window has its own.",
        ),
        Misconception(
            "time first",
            lambda *given: tuple(ids.T for ids in batch(*given)),
            "Each window stands in a column: they are the rows, (B, T).",
        ),
        Misconception(
            "rows and ids exchanged",
            lambda ids, n_ctx, n_rows, seed, step: batch(ids, n_rows, n_ctx, seed, step),
            "You made n_ctx windows of n_rows ids: the two changed places.",
        ),
    ),
    tolerance=0.0,
)

EXERCISES = (BATCH,)
