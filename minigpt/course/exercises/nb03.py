"""Exercises of notebook 03: a row of a table, and the pairs of a window.

Others are in nb03_loss.py, nb03_vectors.py and nb03_vectors_gap.py.

Shapes: B batch, T time, C channels (n_embd), V vocabulary.
"""

import torch
import torch.nn.functional as F

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def lookup(table, ids):
    return table[ids]


def one_hot(table, ids):
    return F.one_hot(ids, len(table)).to(table.dtype)


def lookup_inputs():
    for B, T, V, C, seed in ((1, 3, 4, 2, 0), (2, 4, 6, 3, 1), (3, 5, 7, 4, 2)):
        ids = torch.randint(V, (B, T), generator=torch.Generator().manual_seed(seed))
        ids[0, :3] = torch.tensor([V - 1, 1, V - 1])  # the last row, and a token that comes twice
        yield numbers(V, C, seed=seed), ids
    yield numbers(6, 3, seed=3), torch.tensor([[1, 2, 0, 1, 4], [0, 3, 3, 1, 2]])  # and none with the last row


LOOKUP = Exercise(
    id="03.lookup",
    title="From ids to vectors",
    difficulty=1,
    minutes=6,
    contract="my_lookup(table, ids) takes a table (V, C) and token ids (B, T), and returns a vector for each token, "
    "(B, T, C): the row of the table that its id names.",
    returns="(B, T, C)",
    reference=lookup,
    inputs=lookup_inputs,
    misconceptions=(
        Misconception(
            "one-hot vectors without the table",
            one_hot,
            "These are the one-hot vectors, V numbers each: the product with the table is still to come.",
        ),
        Misconception(
            "one-hot as long as the largest id asks",
            lambda table, ids: F.one_hot(ids).float() @ table,
            "The one-hot vectors are as long as the largest id that comes up: in a text without the last word they do "
            "not fit the table. Say how many words there are.",
        ),
        Misconception(
            "positions instead of tokens",
            lambda table, ids: table[torch.arange(ids.size(1)) % len(table)].expand(*ids.shape, -1),
            "Place t got row t of the table, whatever token stands there: the id names the row.",
        ),
        Misconception(
            "counted from 1",
            lambda table, ids: table[ids - 1],
            "Each token got the row above its own: ids count from 0, as rows do.",
        ),
        Misconception(
            "ids taken as amounts",
            lambda table, ids: ids[..., None] * table[0],
            "The id was multiplied with a row, as if it were an amount: it is a name.",
        ),
        Misconception(
            "added up over the text",
            lambda table, ids: one_hot(table, ids).sum(1) @ table,
            "The vectors of a text were added up to one: each token keeps its own.",
        ),
        Misconception(
            "averaged over the text",
            lambda table, ids: table[ids].mean(1),
            "The vectors of a text were averaged to one: each token keeps its own.",
        ),
        Misconception(
            "channels before time",
            lambda table, ids: table[ids].transpose(1, 2),
            "The last two axes have changed places: time comes before channels, a row for each token.",
        ),
        Misconception(
            "batch and time in one",
            lambda table, ids: table[ids.flatten()],
            "The texts were joined into one: keep the two axes of the ids, and add one behind them.",
        ),
        Misconception(
            "only the first text",
            lambda table, ids: table[ids[0]],
            "Only the first text of the batch was looked up.",
        ),
        Misconception(
            "rows made one long",
            lambda table, ids: F.normalize(table, dim=-1)[ids],
            "The rows were brought to length 1: a table hands out what it holds.",
        ),
    ),
)


def pairs(ids, window):
    return [
        (ids[i], ids[j])
        for i in range(len(ids))
        for j in range(max(0, i - window), min(len(ids), i + window + 1))
        if j != i
    ]


def pairs_where(wanted):
    """All pairs of places that are wanted, left to right: wanted(i, j, ids, window)."""

    def found(ids, window):
        n = range(len(ids))
        return [(ids[i], ids[j]) for i in n for j in n if wanted(i, j, ids, window)]

    return found


def around_the_start(ids, window):
    reach = range(-window, window + 1)
    return [(ids[i], ids[i + d]) for i in range(len(ids)) for d in reach if d and i + d < len(ids)]


def left_side_cut(ids, window):
    near = [ids[i - window : i] + ids[i + 1 : i + window + 1] for i in range(len(ids))]
    return [(ids[i], other) for i in range(len(ids)) for other in near[i]]


def from_the_nearest_out(ids, window):
    steps = [step for d in range(1, window + 1) for step in (-d, d)]
    return [(ids[i], ids[i + step]) for i in range(len(ids)) for step in steps if 0 <= i + step < len(ids)]


def a_list_for_each(ids, window):
    n = range(len(ids))
    return [[(ids[i], ids[j]) for j in n if 0 < abs(i - j) <= window] for i in n]


def by_index(ids, window):
    return [(a, ids[j]) for a in ids for j in range(len(ids)) if 0 < abs(ids.index(a) - j) <= window]


def by_index_twice(ids, window):
    return [(a, b) for a in ids for b in ids if 0 < abs(ids.index(a) - ids.index(b)) <= window]


PAIRS = Exercise(
    id="03.pairs",
    title="The pairs of a window",
    difficulty=1,
    minutes=8,
    contract="my_pairs(ids, window) takes the ids of one sentence, a list, and returns a list of pairs (word, word "
    "near it), as ids: each place with each other place at most window places away, on either side. Places go from "
    "left to right, and those near a place too.",
    returns="a list of pairs",
    reference=pairs,
    inputs=lambda: iter((([4, 7, 4], 1), ([3, 8, 8, 5, 3], 2), ([1, 6, 2, 6, 9, 1, 2, 5], 3))),
    misconceptions=(
        Misconception(
            "paired with itself",
            pairs_where(lambda i, j, ids, window: abs(i - j) <= window),
            "Each place is paired with itself, too: a word says nothing about itself.",
        ),
        Misconception(
            "words compared instead of places",
            pairs_where(lambda i, j, ids, window: abs(i - j) <= window and ids[i] != ids[j]),
            "A word that stands twice is never paired with itself: compare places, not words.",
        ),
        Misconception(
            "only what follows",
            pairs_where(lambda i, j, ids, window: 0 < j - i <= window),
            "Only words to the right are near: the window has two sides.",
        ),
        Misconception(
            "only what comes before",
            pairs_where(lambda i, j, ids, window: 0 < i - j <= window),
            "Only words to the left are near: the window has two sides.",
        ),
        Misconception(
            "one short on the right",
            pairs_where(lambda i, j, ids, window: i != j and i - window <= j < i + window),
            "The furthest word on the right is missing: where does a range end?",
        ),
        Misconception(
            "one short on both sides",
            pairs_where(lambda i, j, ids, window: 0 < abs(i - j) < window),
            "The furthest words are missing on both sides: at most window places away includes window.",
        ),
        Misconception(
            "one too far",
            pairs_where(lambda i, j, ids, window: 0 < abs(i - j) <= window + 1),
            "The window is one place too wide on both sides.",
        ),
        Misconception(
            "window for both sides together",
            pairs_where(lambda i, j, ids, window: 0 < abs(i - j) <= window // 2),
            "The window was shared out between the two sides: it is that wide on each.",
        ),
        Misconception(
            "around the start to the end",
            around_the_start,
            "At the start, words of the end count as near: an index below 0 counts from the end of a list.",
        ),
        Misconception(
            "all pairs of the sentence",
            pairs_where(lambda i, j, ids, window: i != j),
            "The window plays no part: every word is paired with every other.",
        ),
        Misconception(
            "the two swapped",
            lambda ids, window: [(near, word) for word, near in pairs(ids, window)],
            "The two of each pair have changed places: first the word in the middle, then the one near it.",
        ),
        Misconception(
            "each pair once",
            lambda ids, window: list(dict.fromkeys(pairs(ids, window))),
            "A pair that comes twice is there once: what comes more often should be learnt more often.",
        ),
        Misconception(
            "places instead of ids",
            lambda ids, window: pairs(list(range(len(ids))), window),
            "These are pairs of places: a pair holds the ids that stand there.",
        ),
        Misconception(
            "left side cut at the start",
            left_side_cut,
            "At the start the left side is lost: a slice that begins below 0 counts from the end, and is empty here.",
        ),
        Misconception(
            "whole windows only",
            pairs_where(lambda i, j, ids, window: 0 < abs(i - j) <= window and window <= i < len(ids) - window),
            "Words near an end of the sentence are missing as middles: they have a window as well, a shorter one.",
        ),
        Misconception(
            "from the nearest out",
            from_the_nearest_out,
            "All pairs are there, in another order: those near a place go from left to right, not by distance.",
        ),
        Misconception(
            "sorted",
            lambda ids, window: sorted(pairs(ids, window)),
            "All pairs are there, sorted by their ids: places go from left to right.",
        ),
        Misconception(
            "a list for each place",
            a_list_for_each,
            "There is a list of pairs for each place: one list for the whole sentence is asked for.",
        ),
        Misconception(
            "places by index",
            by_index,
            "index finds the first place of a word only: a word that stands twice has two windows.",
        ),
        Misconception(
            "both places by index",
            by_index_twice,
            "Both places were looked up with index, which finds the first of a word only: loop over places.",
        ),
    ),
)


EXERCISES = (LOOKUP, PAIRS)
