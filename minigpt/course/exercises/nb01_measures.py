"""Exercises of notebook 01: perplexity, and from nats per token to bits per character."""

import math

from minigpt.course.exercise import Exercise, Misconception


def perplexity(probs):
    return math.exp(-sum(math.log(p) for p in probs) / len(probs))


def perplexity_inputs():
    yield ([0.5, 0.25],)
    yield ([0.1, 0.9, 0.4],)
    yield ([0.3] * 7,)
    yield ([0.1] * 1000,)


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
            "the product of all",
            lambda probs: math.prod(probs) ** (-1 / len(probs)),
            "Right for short texts, but the product of 1,000 probabilities is too small for a float: which sum is not?",
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
            "one token for all",
            lambda nats, n_tokens, n_characters: nats / math.log(2) / n_characters,
            "The price of a single token was shared out to the characters: how many tokens has the text?",
        ),
        Misconception(
            "the whole text",
            lambda nats, n_tokens, n_characters: nats / math.log(2) * n_tokens,
            "This is what the whole text costs, in bits: one character's share is asked for.",
        ),
        Misconception(
            "base 10",
            lambda nats, n_tokens, n_characters: nats * n_tokens / n_characters / math.log(10),
            "This is in decimal digits: the logarithm that turns nats into bits is not the one of 10.",
        ),
    ),
)

EXERCISES = (PERPLEXITY, BITS)
