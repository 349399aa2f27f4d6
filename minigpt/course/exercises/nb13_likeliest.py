"""Exercise of notebook 13: top-k, the k likeliest.

Shapes: V vocabulary.
"""

import math

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers
from minigpt.sampling import next_token_probs


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


def indices(logits, k):
    """What topk names, which fails where k is larger than V."""
    keep = torch.zeros_like(logits, dtype=torch.bool)
    keep[logits.topk(k).indices] = True
    return keep


def no_end(logits, k):
    """The limit one too far along the sorted ones, which has an end."""
    return logits.sort(descending=True).values[k]


def on_zeros(logits, k):
    """The logits of k tokens, and 0 for all others."""
    return torch.where(exactly(logits, k), logits, 0.0).softmax(-1)


def at_the_front(logits, k):
    """The k probabilities by themselves."""
    chosen = logits.topk(min(k, len(logits))).values.softmax(-1)
    return torch.cat([chosen, torch.zeros(len(logits) - len(chosen))])


def smallest_removed(logits, k):
    """Without the k smallest."""
    keep = ~exactly(-logits, k)
    return logits.masked_fill(~keep, -math.inf).softmax(-1)


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
        (numbers(6, seed=6), 6),
        (numbers(4, seed=7), 1),
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
        Misconception(
            "k indices, and no more than V",
            kept(indices),
            "Some that tie for the last place are dropped; and where k is larger than V, topk fails.",
        ),
        Misconception(
            "argsort taken for ranks",
            kept(lambda logits, k: logits.argsort(descending=True) < k),
            "argsort says which token stands at each rank, and was read as the rank of each token.",
        ),
        Misconception(
            "one too few",
            kept(lambda logits, k: logits >= logits.sort(descending=True).values[min(k, len(logits)) - 2]),
            "One token too few is left: counted from 0, the k-th likeliest has the index k - 1.",
        ),
        Misconception(
            "k - 1 tokens",
            kept(lambda logits, k: logits >= logits.topk(min(k - 1, len(logits))).values[-1]),
            "You take k - 1 tokens, and none where k is 1: topk counts from 1, its k is how many there are.",
        ),
        Misconception(
            "one too many, and no end",
            kept(lambda logits, k: logits >= no_end(logits, k)),
            "One token too many is left, and there is no index k where k is V or more: the k-th likeliest has k - 1.",
        ),
        Misconception(
            "above the one behind",
            kept(lambda logits, k: logits > no_end(logits, k)),
            "You compare with the one behind the k-th: where they tie both go, and it may not exist.",
        ),
        Misconception(
            "only the likeliest",
            kept(lambda logits, k: logits == logits.max()),
            "Only the likeliest is left: the limit is the last of the k, not the first.",
        ),
        Misconception(
            "never all",
            kept(lambda logits, k: logits >= kth(logits, min(k, len(logits) - 1))),
            "Where k is larger than V one token is missing: the last of V has the index V - 1, and is the V-th.",
        ),
        Misconception(
            "the others",
            kept(lambda logits, k: logits < kth(logits, k)),
            "The k likeliest are gone and the others left: see where the mask is True.",
        ),
        Misconception(
            "the k smallest removed",
            smallest_removed,
            "k tokens were removed, the least likely: k is how many stay.",
        ),
        Misconception(
            "divided by k",
            lambda logits, k: not_renormalised(logits, k) / k,
            "The probabilities were divided by k: what do those that are left sum to?",
        ),
        Misconception(
            "the likeliest has 1",
            lambda logits, k: top_k(logits, k) / top_k(logits, k).max(),
            "The probabilities were divided by the largest: it is their sum that has to be 1.",
        ),
        Misconception(
            "a second softmax over the left",
            lambda logits, k: logits.softmax(-1).masked_fill(logits < kth(logits, k), -math.inf).softmax(-1),
            "A softmax of the probabilities that are left makes them more alike: what keeps proportions?",
        ),
        Misconception(
            "k logits on zeros",
            on_zeros,
            "The others have a logit of 0, which is no small one: after the softmax they have a probability again.",
        ),
        Misconception(
            "raised to the limit",
            lambda logits, k: logits.clamp(min=kth(logits, k).item()).softmax(-1),
            "Logits below the limit were raised to it, and tie with the last of the k: they should have 0.",
        ),
        Misconception(
            "lowered to the smallest",
            lambda logits, k: logits.masked_fill(logits < kth(logits, k), logits.min().item()).softmax(-1),
            "Logits below the limit were set to the smallest one, which still has a probability: which logit has none?",
        ),
        Misconception(
            "k probabilities at the front",
            at_the_front,
            "The k probabilities stand at the front, sorted: each belongs at its own token's place.",
        ),
        Misconception(
            "logarithms",
            lambda logits, k: top_k(logits, k).log(),
            "These are the logarithms of probabilities: the contract asks for the probabilities.",
        ),
    ),
)

EXERCISES = (TOP_K,)
