"""Exercises of notebook 01: counting, smoothing, cross-entropy and its units, sampling."""

import math
from collections import Counter
from itertools import accumulate, pairwise

import torch

from minigpt.course.exercise import Exercise, Misconception


def pair_counts(text):
    return dict(Counter(a + b for a, b in pairwise(text)))


def around(text):
    return dict(Counter(a + b for a, b in zip(text, text[1:] + text[:1], strict=True)))


def pair_counts_inputs():
    yield ("aba",)
    yield ("aaa b",)
    yield ("banana bandana",)


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
            "the last one forgotten",
            lambda text: pair_counts(text[:-1]),
            "The last pair is missing: how many pairs does a text of n characters have, and where does the loop end?",
        ),
    ),
)


def smoothed(counts, alpha):
    return (counts + alpha) / (counts.sum() + alpha * len(counts))


def smoothed_inputs():
    yield torch.tensor([3.0, 0.0, 1.0]), 1.0
    yield torch.tensor([0.0, 7.0, 2.0, 0.0, 1.0]), 0.5
    yield torch.tensor([0.0, 0.0, 0.0, 0.0]), 2.0


SMOOTH = Exercise(
    id="01.smooth",
    title="No probability of zero",
    difficulty=1,
    minutes=6,
    contract="my_smoothed(counts, alpha) takes how often each of V characters followed, (V,), adds alpha to every "
    "count, and returns probabilities, (V,), that sum to 1.",
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
            lambda counts, alpha: (
                torch.where(counts == 0, alpha, counts) / torch.where(counts == 0, alpha, counts).sum()
            ),
            "Only the counts of zero got alpha: smoothing adds it to every count, seen or not.",
        ),
        Misconception(
            "no smoothing",
            lambda counts, alpha: counts / counts.sum(),
            "What was never seen still has probability zero: alpha plays no part yet.",
        ),
        Misconception(
            "softmax",
            lambda counts, alpha: (counts + alpha).softmax(-1),
            "A softmax takes scores to probabilities: counts need only be divided by their total.",
        ),
    ),
)


def perplexity(probs):
    return math.exp(-sum(math.log(p) for p in probs) / len(probs))


def perplexity_inputs():
    yield ([0.5, 0.25],)
    yield ([0.1, 0.9, 0.4],)
    yield ([0.3] * 7,)


def mean_log(probs):
    return sum(math.log(p) for p in probs) / len(probs)


PERPLEXITY = Exercise(
    id="01.perplexity",
    title="Perplexity",
    difficulty=2,
    minutes=8,
    contract="my_perplexity(probs) takes the probabilities that a model gave to the tokens that really came, and "
    "returns e to the cross-entropy in nats, the mean of -ln p.",
    returns="a number",
    reference=perplexity,
    inputs=perplexity_inputs,
    misconceptions=(
        Misconception(
            "mean of the probabilities",
            lambda probs: len(probs) / sum(probs),
            "The probabilities were averaged: cross-entropy averages their logarithms, so one surprise weighs more.",
        ),
        Misconception(
            "mean of the inverse",
            lambda probs: sum(1 / p for p in probs) / len(probs),
            "The mean of 1/p came out: the mean has to be taken of the logarithms.",
        ),
        Misconception(
            "2 to a number of nats",
            lambda probs: 2 ** -mean_log(probs),
            "The logarithm was natural but the power is one of 2: both need the same base.",
        ),
        Misconception(
            "e to a number of bits",
            lambda probs: math.exp(-mean_log(probs) / math.log(2)),
            "The logarithm was to the base 2 but the power is one of e: both need the same base.",
        ),
        Misconception(
            "10 to a number of nats",
            lambda probs: 10 ** -mean_log(probs),
            "The logarithm was natural but the power is one of 10: both need the same base.",
        ),
        Misconception(
            "sum instead of mean",
            lambda probs: math.exp(-sum(math.log(p) for p in probs)),
            "It grows with the length of the text: cross-entropy is a mean, so that texts of all lengths compare.",
        ),
        Misconception(
            "cross-entropy",
            lambda probs: -mean_log(probs),
            "This is the cross-entropy itself, in nats: one step is missing to the perplexity.",
        ),
        Misconception(
            "the sign",
            lambda probs: math.exp(mean_log(probs)),
            "A perplexity is at least 1, this is at most 1: look at the sign in the exponent.",
        ),
    ),
)


def bits_per_character(nats_per_token, n_tokens, n_characters):
    return nats_per_token * n_tokens / (n_characters * math.log(2))


def bits_inputs():
    yield 2.0, 3, 8
    yield 3.1, 1000, 4200
    yield 0.9, 500, 600


BITS = Exercise(
    id="01.bits",
    title="From nats per token to bits per character",
    difficulty=2,
    minutes=6,
    contract="my_bits_per_character(nats_per_token, n_tokens, n_characters) takes a model's cross-entropy and the "
    "length of the same text in tokens and in characters, and returns bits per character.",
    returns="a number",
    reference=bits_per_character,
    inputs=bits_inputs,
    misconceptions=(
        Misconception(
            "still nats",
            lambda nats, n_tokens, n_characters: nats * n_tokens / n_characters,
            "These are nats per character: how many nats are one bit?",
        ),
        Misconception(
            "still per token",
            lambda nats, n_tokens, n_characters: nats / math.log(2),
            "These are bits per token: the two lengths play no part yet.",
        ),
        Misconception(
            "multiplied by ln 2",
            lambda nats, n_tokens, n_characters: nats * math.log(2) * n_tokens / n_characters,
            "A bit is smaller than a nat, so there are more bits than nats: look at how ln 2 enters.",
        ),
        Misconception(
            "lengths swapped",
            lambda nats, n_tokens, n_characters: nats / math.log(2) * n_characters / n_tokens,
            "A character carries less than a token, yet this is more: look at which length stands below the line.",
        ),
        Misconception(
            "base 10",
            lambda nats, n_tokens, n_characters: nats * n_tokens / n_characters / math.log(10),
            "This is in decimal digits: the logarithm that turns nats into bits is not the one of 10.",
        ),
    ),
)


def draw(probs, u):
    return next(i for i, total in enumerate(accumulate(probs)) if total > u)


def draw_inputs():
    probs = [0.25, 0.5, 0.25]  # sums of halves and quarters are exact
    yield from ((probs, u) for u in (0.1, 0.6, 0.9))
    yield [0.0, 0.125, 0.625, 0.0, 0.25], 0.0
    yield [0.0, 0.125, 0.625, 0.0, 0.25], 0.125
    yield [0.0, 0.125, 0.625, 0.0, 0.25], 0.8
    yield [0.5, 0.125, 0.375], 0.55


def ordered_first(probs, u):
    return draw(sorted(probs, reverse=True), u)


DRAW = Exercise(
    id="01.draw",
    title="Draw a token",
    difficulty=2,
    minutes=8,
    contract="my_draw(probs, u) lays the probabilities end to end on the line from 0 to 1 and returns the position "
    "of the token in whose piece u lies, 0 ≤ u < 1; a piece holds its left end and not its right one.",
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

EXERCISES = (PAIRS, SMOOTH, PERPLEXITY, BITS, DRAW)
