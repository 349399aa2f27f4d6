"""Exercises of notebook 13: temperature and top-k; others are in nb13_nucleus.py and nb13_repeats.py.

Shapes: V vocabulary.
"""

import math

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers
from minigpt.sampling import next_token_probs


def temperature(logits, t):
    return next_token_probs(logits, t)


def at_zero(zero, above):
    """A temperature whose two cases are given: at 0, and above."""
    return lambda logits, t: zero(logits) if t == 0 else above(logits, t)


def first(logits):
    return next_token_probs(logits, 0)


def shared(logits):
    """All that tie for the first place get the same."""
    best = logits == logits.max()
    return best / best.sum()


def after_softmax(logits, t):
    shares = logits.softmax(-1) / t
    return shares / shares.sum()


def heated(logits, t):
    return (logits / t).softmax(-1)


TEMPERATURE = Exercise(
    id="13.temperature",
    title="Temperature, down to 0",
    difficulty=1,
    minutes=8,
    contract="my_temperature(logits, t) takes logits (V,) and a temperature t of 0 or above, and returns the "
    "probabilities (V,): the softmax of the logits divided by t; at t = 0, where one cannot divide, all of it on the "
    "largest logit, on the first of several that are equal.",
    returns="(V,)",
    reference=temperature,
    inputs=lambda: [
        (torch.tensor([1.0, 3.0, 2.0]), 0.5),
        (torch.tensor([1.0, 3.0, 2.0, -1.0]), 2.0),
        (torch.tensor([0.5, 2.0, 2.0, -1.0]), 0),
        (3 * numbers(7), 0.8),
        (100 * numbers(9, seed=1), 0.05),
    ],
    misconceptions=(
        Misconception(
            "multiplied by the temperature",
            at_zero(first, lambda logits, t: (logits * t).softmax(-1)),
            "The logits were multiplied: yours grow more alike below 1, and surer above.",
        ),
        Misconception(
            "multiplied, at 0 too",
            lambda logits, t: (logits * t).softmax(-1),
            "The logits were multiplied by t, which makes all tokens equal at 0: it should be the other way round.",
        ),
        Misconception(
            "divided after the softmax",
            at_zero(first, after_softmax),
            "The probabilities were divided, and dividing all by one number changes nothing once they sum to 1 again.",
        ),
        Misconception(
            "probabilities divided, the sum left",
            at_zero(first, lambda logits, t: logits.softmax(-1) / t),
            "The probabilities were divided, and no longer sum to 1: the temperature comes before the softmax.",
        ),
        Misconception(
            "softmax twice",
            at_zero(first, lambda logits, t: (logits.softmax(-1) / t).softmax(-1)),
            "A softmax of a softmax: the temperature divides the logits, not the probabilities.",
        ),
        Misconception(
            "divided by 0",
            heated,
            "Above 0 it is right; at 0 the division leaves NaN: this case is a choice, not a division.",
        ),
        Misconception(
            "0 taken for 1",
            at_zero(lambda logits: logits.softmax(-1), heated),
            "At 0 yours is the distribution as it was: what does it come near to as t gets smaller and smaller?",
        ),
        Misconception(
            "0 taken for endless heat",
            at_zero(lambda logits: torch.full_like(logits, 1 / len(logits)), heated),
            "At 0 all tokens are equal with you: that is the limit of a large temperature.",
        ),
        Misconception(
            "0 mended by a small number",
            lambda logits, t: heated(logits, t + 1e-3),
            "A small number was added to every temperature: that changes those above 0, too.",
        ),
        Misconception(
            "equal ones share",
            at_zero(shared, heated),
            "Where several logits are the largest, yours share: that is the limit, but the contract takes the first.",
        ),
        Misconception(
            "each of the equal ones whole",
            at_zero(lambda logits: (logits == logits.max()).float(), heated),
            "At 0 each logit that is the largest has a whole 1: where several are, what is their sum?",
        ),
        Misconception(
            "no softmax",
            at_zero(first, lambda logits, t: logits / t),
            "These are still logits: probabilities are not negative and sum to 1.",
        ),
    ),
)


def top_k(logits, k):
    return next_token_probs(logits, top_k=k)


def kept(choose):
    """A cut that keeps what a function of (logits, k) chooses, renormalised."""
    return lambda logits, k: logits.masked_fill(~choose(logits, k), -math.inf).softmax(-1)


def kth(logits, k):
    return logits.sort(descending=True).values[min(k, len(logits)) - 1]


def exactly(logits, k):
    keep = torch.zeros_like(logits, dtype=torch.bool)
    keep[logits.argsort(descending=True, stable=True)[:k]] = True
    return keep


def exactly_from_the_end(logits, k):
    """Of two that tie it keeps the other, as topk does on some machines."""
    return exactly(logits.flip(0), k).flip(0)


def kth_value(logits, k):
    """The k-th largest, where equal ones count once."""
    values = logits.unique()
    return values[max(0, len(values) - k)]


def not_renormalised(logits, k):
    return logits.softmax(-1) * (logits >= kth(logits, k))


def divided_logits(logits, k):
    left = logits * (logits >= kth(logits, k))
    return left / left.sum()


def too_large(logits, k):
    return logits.masked_fill(logits < logits.topk(k).values[-1], -math.inf).softmax(-1)


TOP_K = Exercise(
    id="13.topk",
    title="The k likeliest",
    difficulty=2,
    minutes=10,
    contract="my_top_k(logits, k) takes logits (V,) and a number k of at least 1, and returns the probabilities (V,) "
    "of a draw from the k likeliest tokens: those, and all that tie for the last place, keep their proportions and sum "
    "to 1; all others have 0. Where k is larger than V, all stay.",
    returns="(V,)",
    reference=top_k,
    inputs=lambda: [
        (torch.tensor([2.0, 0.0, 1.0, -1.0]), 2),
        (torch.tensor([2.0, 2.0, 1.0, 0.0]), 2),
        (torch.tensor([0.0, 1.0, 3.0, 1.0, -1.0]), 2),  # two tie for the last place: "exactly k" has two results
        (torch.tensor([-3.0, -1.0, -2.0, -4.0, -1.5]), 3),
        (numbers(5, seed=2), 9),
        (2 * numbers(12, seed=3), 4),
    ],
    misconceptions=(
        Misconception(
            "exactly k",
            kept(exactly),
            "Where several tie for the last place, yours keeps some of them and drops others that are as likely.",
        ),
        Misconception(
            "exactly k, by their indices",
            kept(exactly_from_the_end),
            "A list of k indices has no room for a tie: a token as likely as the last of them may stand outside it.",
        ),
        Misconception(
            "k values",
            kept(lambda logits, k: logits >= kth_value(logits, k)),
            "Equal logits count as one in yours: it is the k likeliest tokens, not the k largest values.",
        ),
        Misconception(
            "softmax twice",
            lambda logits, k: not_renormalised(logits, k).softmax(-1),
            "A softmax of probabilities: those that were cut to 0 come back, and the others lose their proportions.",
        ),
        Misconception(
            "logits divided by their sum",
            divided_logits,
            "The logits themselves were divided by their sum: they have to become probabilities first.",
        ),
        Misconception(
            "the k-th smallest as the limit",
            kept(lambda logits, k: logits >= logits.sort().values[min(k, len(logits)) - 1]),
            "The limit is the k-th smallest logit: at which end of the sorted ones should you count to k?",
        ),
        Misconception(
            "not renormalised",
            not_renormalised,
            "The right tokens are left, but their probabilities no longer sum to 1.",
        ),
        Misconception(
            "logits cut to 0",
            lambda logits, k: logits.masked_fill(logits < kth(logits, k), 0.0).softmax(-1),
            "A logit of 0 is no small one: after the softmax the cut tokens have a probability again.",
        ),
        Misconception(
            "the last of the k cut, too",
            kept(lambda logits, k: logits > kth(logits, k)),
            "The last of the k is missing: compare with “at least as likely as the last”.",
        ),
        Misconception(
            "one too many",
            kept(lambda logits, k: logits >= kth(logits, k + 1)),
            "One token too many is left: the k-th likeliest has the index k - 1.",
        ),
        Misconception(
            "the least likely",
            kept(lambda logits, k: logits <= logits.sort().values[min(k, len(logits)) - 1]),
            "The k least likely are left: which way did the sorting go?",
        ),
        Misconception(
            "k larger than V not foreseen",
            too_large,
            "For a k larger than the vocabulary your code fails: all tokens should stay.",
        ),
        Misconception(
            "in order of probability",
            lambda logits, k: top_k(logits, k).sort(descending=True).values,
            "The numbers are right, but sorted: each token's probability belongs at its own place.",
        ),
        Misconception(
            "the first k of the vocabulary",
            kept(lambda logits, k: torch.arange(len(logits)) < k),
            "These are the first k tokens of the vocabulary, whatever their logits are.",
        ),
        Misconception(
            "all equal",
            lambda logits, k: (logits >= kth(logits, k)) / (logits >= kth(logits, k)).sum(),
            "All that are left have the same probability: they should keep their proportions.",
        ),
    ),
)

EXERCISES = (TEMPERATURE, TOP_K)
