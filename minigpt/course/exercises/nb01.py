"""Exercises of notebook 01: counting, smoothing, drawing; its measures are in nb01_measures.py."""

from collections import Counter
from itertools import accumulate, pairwise

import numpy as np

from minigpt.course.exercise import Exercise, Misconception


def pair_counts(text):
    return dict(Counter(a + b for a, b in pairwise(text)))


def around(text):
    return dict(Counter(a + b for a, b in zip(text, text[1:] + text[:1], strict=True)))


def pair_counts_inputs():
    yield ("aba",)
    yield ("aaa b",)
    yield ("Banana bandana",)


PAIRS = Exercise(
    id="01.pairs",
    title="Count pairs of characters",
    difficulty=1,
    minutes=6,
    contract="my_pair_counts(text) returns a dictionary: each pair of neighbouring characters, as a text of two, "
    "with how often it occurs; pairs that never occur are left out.",
    returns="a dictionary",
    reference=pair_counts,
    inputs=pair_counts_inputs,
    misconceptions=(
        Misconception(
            "steps of two",
            lambda text: dict(Counter(text[i : i + 2] for i in range(0, len(text) - 1, 2))),
            "Every second pair is missing: a character in the middle is the end of one pair and the start of the next.",
        ),
        Misconception(
            "str.count",
            lambda text: {pair: text.count(pair) for pair in pair_counts(text)},
            "In “aaa” the pair “aa” occurs at two places, but `str.count` looks only for places that do not overlap.",
        ),
        Misconception(
            "each pair once",
            lambda text: dict.fromkeys(pair_counts(text), 1),
            "Each pair counts as one however often it comes: what happens when a pair is met again?",
        ),
        Misconception(
            "the text as a ring",
            around,
            "The last character was paired with the first: after the last one nothing follows.",
        ),
        Misconception(
            "single characters",
            lambda text: dict(Counter(text)),
            "These are counts of single characters: the contract asks for pairs.",
        ),
        Misconception(
            "small letters only",
            lambda text: pair_counts(text.lower()),
            "Capitals were made small: “B” and “b” are two characters.",
        ),
        Misconception(
            "tuples as keys",
            lambda text: dict(Counter(pairwise(text))),
            "The counts are right, but a key is a tuple of two characters: the contract asks for a text of two.",
        ),
        Misconception(
            "the last one forgotten",
            lambda text: pair_counts(text[:-1]),
            "The last pair is missing: how many pairs does a text of n characters have, and where does the loop end?",
        ),
    ),
)


def smoothed(counts, alpha):
    return (counts + alpha) / (counts.sum() + alpha * len(counts))


def smoothed_inputs():
    yield np.array([3.0, 0.0, 1.0]), 1.0
    yield np.array([0.0, 7.0, 2.0, 0.0, 1.0]), 0.5
    yield np.array([1.0, 0.0, 0.0, 0.0]), 2.0


def zeros_filled(counts, alpha):
    return np.where(counts == 0, alpha, counts)


SMOOTH = Exercise(
    id="01.smooth",
    title="No probability of zero",
    difficulty=1,
    minutes=6,
    contract="my_smoothed(counts, alpha) takes how often each of V characters followed, a NumPy array (V,), adds "
    "alpha to every count, and returns probabilities, (V,), that sum to 1.",
    returns="(V,)",
    reference=smoothed,
    inputs=smoothed_inputs,
    misconceptions=(
        Misconception(
            "divided by the old total",
            lambda counts, alpha: (counts + alpha) / counts.sum(),
            "These do not sum to 1: the counts above the line grew, the total below it did not.",
        ),
        Misconception(
            "alpha only once in the total",
            lambda counts, alpha: (counts + alpha) / (counts.sum() + alpha),
            "These do not sum to 1: alpha was added to each count above the line, but how often below it?",
        ),
        Misconception(
            "smoothed after dividing",
            lambda counts, alpha: (counts / counts.sum() + alpha) / (1 + alpha * len(counts)),
            "Alpha was added to the probabilities: it counts as so many sightings, so it belongs to the counts.",
        ),
        Misconception(
            "only the zeros",
            lambda counts, alpha: zeros_filled(counts, alpha) / zeros_filled(counts, alpha).sum(),
            "Only the counts of zero got alpha: smoothing adds it to every count, seen or not.",
        ),
        Misconception(
            "alpha shared out",
            lambda counts, alpha: (counts + alpha / len(counts)) / (counts.sum() + alpha),
            "Alpha was shared out among the characters, as section 2 does with k: here each of them gets all of it.",
        ),
        Misconception(
            "still counts",
            lambda counts, alpha: counts + alpha,
            "These are the smoothed counts: probabilities sum to 1, so one step is missing.",
        ),
        Misconception(
            "no smoothing",
            lambda counts, alpha: counts / counts.sum(),
            "What was never seen still has probability zero: alpha plays no part yet.",
        ),
        Misconception(
            "softmax",
            lambda counts, alpha: np.exp(counts + alpha) / np.exp(counts + alpha).sum(),
            "A softmax takes scores to probabilities: counts need only be divided by their total.",
        ),
    ),
)


def draw(probs, u):
    return next(i for i, total in enumerate(accumulate(probs)) if total > u)


def draw_inputs():
    probs = [0.25, 0.5, 0.25]  # sums of halves and quarters are exact
    yield from ((probs, u) for u in (0.1, 0.6, 0.9, 0.05, 0.2, 0.3, 0.7, 0.8, 0.95))
    yield [0.0, 0.125, 0.625, 0.0, 0.25], 0.0
    yield [0.0, 0.125, 0.625, 0.0, 0.25], 0.125
    yield [0.0, 0.125, 0.625, 0.0, 0.25], 0.8
    yield [0.5, 0.125, 0.375], 0.55


def compared_late(probs, u):
    total = 0.0
    for i, p in enumerate(probs):
        if u < total:
            return i
        total += p
    return None


def ordered_first(probs, u):
    return draw(sorted(probs, reverse=True), u)


DRAW = Exercise(
    id="01.draw",
    title="Draw a token",
    difficulty=2,
    minutes=8,
    contract="my_draw(probs, u) lays the probabilities, a list, end to end on the line from 0 to 1 and returns the "
    "position of the token in whose piece u lies, 0 ≤ u < 1; a piece holds its left end and not its right one.",
    returns="a whole number",
    reference=draw,
    inputs=draw_inputs,
    misconceptions=(
        Misconception(
            "the likeliest",
            lambda probs, u: probs.index(max(probs)),
            "The likeliest token comes out whatever u is: that is greedy choice, not drawing.",
        ),
        Misconception(
            "not cumulative",
            lambda probs, u: next((i for i, p in enumerate(probs) if p > u), len(probs) - 1),
            "u was compared with single probabilities: its place on the line depends on all pieces before it.",
        ),
        Misconception(
            "not cumulative, and nothing at the end",
            lambda probs, u: next((i for i, p in enumerate(probs) if p > u), None),
            "u was compared with single probabilities, and at times nothing is returned: where on the line does each "
            "piece end?",
        ),
        Misconception(
            "compared before adding",
            compared_late,
            "A token's piece is added only after u was compared with the total, so the next token comes out, or none.",
        ),
        Misconception(
            "counted from 1",
            lambda probs, u: draw(probs, u) + 1,
            "The piece is right, its position counts from 1: positions begin with 0.",
        ),
        Misconception(
            "right end included",
            lambda probs, u: next(i for i, total in enumerate(accumulate(probs)) if total >= u),
            "A token of probability 0 can be drawn this way: where a piece ends exactly at u, which one holds u?",
        ),
        Misconception(
            "one too far",
            lambda probs, u: min(draw(probs, u) + 1, len(probs) - 1),
            "This is the token after the right one: do positions count from 0, and is the piece of u counted too?",
        ),
        Misconception(
            "equal pieces",
            lambda probs, u: int(u * len(probs)),
            "All tokens got pieces of the same length: how long is a likely token's piece?",
        ),
        Misconception(
            "sorted first",
            ordered_first,
            "This is a position among the sorted probabilities, not in the list that was given.",
        ),
    ),
)

EXERCISES = (PAIRS, SMOOTH, DRAW)
