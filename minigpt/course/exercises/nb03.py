"""Exercises of notebook 03: a row of a table, pairs of a window, and their loss; others are in nb03_vectors.py.

Shapes: B batch, T time, C channels (n_embd), K noise words per pair, V vocabulary.
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


PAIRS = Exercise(
    id="03.pairs",
    title="The pairs of a window",
    difficulty=2,
    minutes=10,
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
    ),
)


def loss(v, near, noise):
    true, drawn = (v * near).sum(-1), (noise @ v[:, :, None]).squeeze(-1)
    return -(F.logsigmoid(true) + F.logsigmoid(-drawn).sum(-1)).mean()


def products(v, near, noise):
    """Both kinds of dot products: (B,), (B, K)"""
    return (v * near).sum(-1), (noise * v[:, None]).sum(-1)


def with_products(formula):
    return lambda v, near, noise: formula(*products(v, near, noise))


def loss_inputs():
    for B, K, C, seed in ((1, 2, 3, 0), (2, 3, 4, 1), (4, 5, 2, 2)):
        yield numbers(B, C, seed=seed), numbers(B, C, seed=seed + 10), numbers(B, K, C, seed=seed + 20)


LOSS = Exercise(
    id="03.loss",
    title="The loss of negative sampling",
    difficulty=2,
    minutes=12,
    contract="my_loss(v, near, noise) takes for each of B pairs the vector v of the word (B, C), that of the word near "
    "it (B, C) and those of K noise words (B, K, C), and returns the mean over pairs of -log s(v·near) minus the sum "
    "of log s(-v·noise) over the noise words; s is the sigmoid.",
    returns="a number in a tensor",
    reference=loss,
    inputs=loss_inputs,
    misconceptions=(
        Misconception(
            "noise pulled nearer",
            with_products(lambda true, drawn: -(F.logsigmoid(true) + F.logsigmoid(drawn).sum(-1)).mean()),
            "Noise is rewarded for being near, as the true word is: its products need the other sign.",
        ),
        Misconception(
            "true word pushed away",
            with_products(lambda true, drawn: -(F.logsigmoid(-true) + F.logsigmoid(-drawn).sum(-1)).mean()),
            "The true word is pushed away as noise is: only one of the two kinds has a minus within the sigmoid.",
        ),
        Misconception(
            "noise averaged",
            with_products(lambda true, drawn: -(F.logsigmoid(true) + F.logsigmoid(-drawn).mean(-1)).mean()),
            "The noise words of a pair were averaged: they are added up.",
        ),
        Misconception(
            "mean over all products",
            with_products(
                lambda true, drawn: -torch.cat([F.logsigmoid(true)[:, None], F.logsigmoid(-drawn)], 1).mean()
            ),
            "The sum was divided by the number of all products: the mean is over pairs, each with its noise.",
        ),
        Misconception(
            "a sum over pairs",
            with_products(lambda true, drawn: -(F.logsigmoid(true) + F.logsigmoid(-drawn).sum(-1)).sum()),
            "The pairs were added up: the contract asks for their mean, so that it does not grow with the batch.",
        ),
        Misconception(
            "no minus sign",
            with_products(lambda true, drawn: (F.logsigmoid(true) + F.logsigmoid(-drawn).sum(-1)).mean()),
            "The sign is missing: logs of numbers below 1 are negative, a loss is not.",
        ),
        Misconception(
            "sigmoid without a log",
            with_products(lambda true, drawn: -(true.sigmoid() + (-drawn).sigmoid().sum(-1)).mean()),
            "The sigmoids were added up, not their logs.",
        ),
        Misconception(
            "products without a sigmoid",
            with_products(lambda true, drawn: -(true - drawn.sum(-1)).mean()),
            "The products went into the loss as they are: without a sigmoid nothing keeps them from growing for ever.",
        ),
        Misconception(
            "softmax over the drawn words",
            with_products(lambda true, drawn: -torch.cat([true[:, None], drawn], 1).log_softmax(1)[:, 0].mean()),
            "This is a softmax over the true word and its noise: here each product is a question of its own.",
        ),
        Misconception(
            "without the noise",
            with_products(lambda true, drawn: -F.logsigmoid(true).mean()),
            "The noise words play no part: then the best is one long vector for all words.",
        ),
        Misconception(
            "noise against the near word",
            lambda v, near, noise: (
                -(F.logsigmoid((v * near).sum(-1)) + F.logsigmoid(-(noise * near[:, None]).sum(-1)).sum(-1)).mean()
            ),
            "Noise was multiplied with the word nearby: it is compared with the word in the middle.",
        ),
        Misconception(
            "number by number",
            lambda v, near, noise: (
                -(F.logsigmoid(v * near).sum(-1) + F.logsigmoid(-noise * v[:, None]).sum((1, 2))).mean()
            ),
            "Each number went through the sigmoid by itself: first the dot product, one number for two vectors.",
        ),
    ),
)

EXERCISES = (LOOKUP, PAIRS, LOSS)
