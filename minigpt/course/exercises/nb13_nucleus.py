"""Exercise of notebook 13: top-p, the nucleus.

Shapes: V vocabulary.
"""

import math

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers
from minigpt.course.exercises.nb13 import heated
from minigpt.sampling import next_token_probs


def top_p(logits, t, p):
    return next_token_probs(logits, t, top_p=p)


def nucleus(probs, keep):
    """Those that `keep` chooses, by (ordered probabilities, their cumulative sum), in their places and renormalised."""
    ordered, places = probs.sort(descending=True, stable=True)
    left = ordered * keep(ordered, ordered.cumsum(-1))
    return torch.zeros_like(probs).scatter(0, places, left / left.sum())


def ascending(logits, t, keep):
    """As `nucleus`, from the least likely on."""
    ordered, places = heated(logits, t).sort(stable=True)
    left = ordered * keep(ordered, ordered.cumsum(-1))
    return torch.zeros_like(ordered).scatter(0, places, left / left.sum())


def divided_and_summed(logits, t, p):
    return nucleus(logits.softmax(-1) / t, lambda ordered, sums: sums - ordered < p)


def unsorted(logits, t, p):
    probs = heated(logits, t)
    left = probs * (probs.cumsum(-1) - probs < p)
    return left / left.sum()


def cut_before_temperature(logits, t, p):
    keep = next_token_probs(logits, top_p=p) > 0
    return logits.masked_fill(~keep, -math.inf).div(t).softmax(-1)


def softmax_of_the_left(logits, t, p):
    kept = top_p(logits, t, p) > 0
    return heated(logits, t).masked_fill(~kept, -math.inf).softmax(-1)


def read_back(logits, t, p):
    """The sorted probabilities indexed by their places, in place of written to them."""
    places = heated(logits, t).sort(descending=True, stable=True).indices
    return sorted_only(logits, t, p)[places]


def sorted_mask(logits, t, p):
    probs = heated(logits, t)
    left = probs * (sorted_only(logits, t, p) > 0)
    return left / left.sum()


def summed_logits(logits, t, p):
    ordered, places = (logits / t).sort(descending=True, stable=True)
    left = ordered.masked_fill(ordered.cumsum(-1) - ordered >= p, -math.inf).softmax(-1)
    return torch.zeros_like(logits).scatter(0, places, left)


def sorted_only(logits, t, p):
    return top_p(logits, t, p).sort(descending=True).values


def first_not_freed(ordered, sums, p):
    """The mask of what goes, moved on by one; the first keeps what it had."""
    gone = sums > p
    gone[1:] = gone[:-1].clone()
    return ~gone


def a_share_of_the_vocabulary(rounding):
    return lambda logits, t, p: nucleus(
        heated(logits, t), lambda ordered, sums: torch.arange(len(sums)) < rounding(p * len(sums))
    )


TOP_P = Exercise(
    id="13.topp",
    title="The nucleus",
    difficulty=3,
    minutes=15,
    contract="my_top_p(logits, t, p) takes logits (V,), a temperature t above 0 and a share p, above 0 and below 1, "
    "and returns the probabilities (V,) of a draw from the nucleus: after the temperature, the fewest likeliest tokens "
    "that have at least p together keep their proportions and sum to 1; all others have 0.",
    returns="(V,)",
    reference=top_p,
    inputs=lambda: [
        (torch.tensor([0.1, 0.7, 0.2]).log(), 1.0, 0.5),
        (torch.tensor([1.0, 0.5, 0.5]).log(), 1.0, 0.5),  # the first has exactly p
        (torch.tensor([0.15, 0.5, 0.3, 0.05]).log(), 1.0, 0.7),
        (torch.tensor([0.2, 0.3, 0.45, 0.05]).log(), 2.0, 0.72),
        (2 * numbers(9, seed=4), 0.6, 0.8),
        (numbers(12, seed=5), 1.5, 0.6),
    ],
    misconceptions=(
        Misconception(
            "the one that crosses p dropped",
            lambda logits, t, p: nucleus(
                heated(logits, t), lambda ordered, sums: (sums <= p) | (torch.arange(len(sums)) == 0)
            ),
            "The token that takes the sum to p is missing: what is left has less than p together.",
        ),
        Misconception(
            "none left",
            lambda logits, t, p: nucleus(heated(logits, t), lambda ordered, sums: sums <= p),
            "Tokens stay only while their sum is within p: a first token larger than p leaves nothing, and a division "
            "by 0.",
        ),
        Misconception(
            "none left at exactly p",
            lambda logits, t, p: nucleus(heated(logits, t), lambda ordered, sums: sums < p),
            "Tokens stay only while their sum is below p: the one that takes it to p is missing. Where the first has p "
            "or more, nothing is left, and a division by 0.",
        ),
        Misconception(
            "one too many",
            lambda logits, t, p: nucleus(
                heated(logits, t), lambda ordered, sums: torch.cat([torch.tensor([0.0, 0.0]), sums])[: len(sums)] < p
            ),
            "One token more than needed is left: those before it have p already.",
        ),
        Misconception(
            "one more at an exact sum",
            lambda logits, t, p: nucleus(heated(logits, t), lambda ordered, sums: sums - ordered <= p),
            "Where some tokens have exactly p together, yours takes one more: does the contract ask for more than p?",
        ),
        Misconception(
            "a softmax in place of a division",
            softmax_of_the_left,
            "A second softmax, over the probabilities that are left, makes them more alike: what keeps proportions?",
        ),
        Misconception(
            "a softmax over zeros",
            lambda logits, t, p: top_p(logits, t, p).softmax(-1),
            "A second softmax, with a 0 for each token that was cut: exp(0) is 1, so all of them come back.",
        ),
        Misconception(
            "divided by p",
            lambda logits, t, p: heated(logits, t) * (top_p(logits, t, p) > 0) / p,
            "The right tokens were divided by p, and sum to more than 1: how much do they have together?",
        ),
        Misconception(
            "read from the places",
            read_back,
            "The way back goes the wrong way: places says where each sorted one came from, and yours reads from there.",
        ),
        Misconception(
            "the sorted mask on unsorted ones",
            sorted_mask,
            "What stays was chosen in sorted order and applied in the vocabulary's: whose place is the first?",
        ),
        Misconception(
            "logits summed",
            summed_logits,
            "The sum runs over logits: p is a share, and only probabilities are shares.",
        ),
        Misconception(
            "summed in the vocabulary's order",
            unsorted,
            "The sum runs over the tokens as they stand in the vocabulary: it should begin with the likeliest.",
        ),
        Misconception(
            "summed from the least likely",
            lambda logits, t, p: ascending(logits, t, lambda ordered, sums: sums - ordered < p),
            "The sum begins with the least likely: which way did the sorting go?",
        ),
        Misconception(
            "cut before the temperature",
            cut_before_temperature,
            "The nucleus was chosen before the temperature: then another number of tokens may reach p.",
        ),
        Misconception(
            "no temperature",
            lambda logits, t, p: top_p(logits, 1.0, p),
            "The temperature has no effect in yours.",
        ),
        Misconception(
            "not renormalised",
            lambda logits, t, p: heated(logits, t) * (top_p(logits, t, p) > 0),
            "The right tokens are left, but their probabilities no longer sum to 1.",
        ),
        Misconception(
            "in order of probability",
            sorted_only,
            "The numbers are right, but sorted: each token's probability belongs at its own place.",
        ),
        Misconception(
            "a threshold for each",
            lambda logits, t, p: nucleus(heated(logits, t), lambda ordered, sums: ordered >= (1 - p) * ordered[0]),
            "Each token was compared with the largest by itself: p is a share that they have together.",
        ),
        Misconception(
            "each at least 1 - p",
            lambda logits, t, p: nucleus(heated(logits, t), lambda ordered, sums: ordered >= 1 - p),
            "Each token was compared with 1 - p by itself: how likely all that stay are together is what p is about.",
        ),
        Misconception(
            "the temperature twice",
            lambda logits, t, p: top_p(logits / t, t, p),
            "The logits were divided by the temperature twice.",
        ),
        Misconception(
            "multiplied by the temperature",
            lambda logits, t, p: top_p(logits, 1 / t, p),
            "The logits were multiplied by the temperature instead of divided.",
        ),
        Misconception(
            "the first not freed",
            lambda logits, t, p: nucleus(heated(logits, t), lambda ordered, sums: first_not_freed(ordered, sums, p)),
            "The mask was moved on by one, and its first place left as it was: the likeliest token always stays.",
        ),
        Misconception(
            "p of the vocabulary",
            a_share_of_the_vocabulary(int),
            "p was taken for a share of the tokens, cut to a whole number: it is one of the probability.",
        ),
        Misconception(
            "p of the vocabulary, rounded up",
            a_share_of_the_vocabulary(math.ceil),
            "p was taken for a share of the tokens, rounded up: it is one of the probability.",
        ),
        Misconception(
            "the tail kept",
            lambda logits, t, p: nucleus(heated(logits, t), lambda ordered, sums: sums - ordered >= p),
            "The nucleus is gone and what lies behind it left: see where the mask is True.",
        ),
        Misconception(
            "1 - p in place of p",
            lambda logits, t, p: top_p(logits, t, 1 - p),
            "The likeliest tokens with 1 - p together are left: p is what they keep, not what they lose.",
        ),
        Misconception(
            "summed from the least likely, up to the end",
            lambda logits, t, p: ascending(logits, t, lambda ordered, sums: sums >= p),
            "The sum begins with the least likely, and what comes once it has p is left: from that end, what is p?",
        ),
        Misconception(
            "a share of the largest",
            lambda logits, t, p: nucleus(heated(logits, t), lambda ordered, sums: ordered >= p * ordered[0]),
            "Each token was compared with p times the largest, which is another rule, min-p: sum them up.",
        ),
        Misconception(
            "each at least p",
            lambda logits, t, p: nucleus(heated(logits, t), lambda ordered, sums: ordered >= p),
            "Each token was compared with p by itself, and where none has as much nothing is left: sum them up.",
        ),
        Misconception(
            "only the likeliest",
            lambda logits, t, p: top_p(logits, t, 1e-6),
            "Only the likeliest is left: tokens are added until they have p together.",
        ),
        Misconception(
            "nothing cut",
            lambda logits, t, p: heated(logits, t),
            "All tokens are left: p has no say in yours.",
        ),
        Misconception(
            "all equal",
            lambda logits, t, p: (top_p(logits, t, p) > 0) / (top_p(logits, t, p) > 0).sum(),
            "All that are left have the same probability: they should keep their proportions.",
        ),
        Misconception(
            "logits cut to 0",
            lambda logits, t, p: (logits / t).masked_fill(top_p(logits, t, p) == 0, 0.0).softmax(-1),
            "A logit of 0 is no small one: after the softmax the cut tokens have a probability again.",
        ),
        Misconception(
            "a softmax over zeros and what is left",
            lambda logits, t, p: (heated(logits, t) * (top_p(logits, t, p) > 0)).softmax(-1),
            "A softmax of probabilities, with a 0 for each that was cut: those come back, as exp(0) is 1.",
        ),
        Misconception(
            "the temperature of probabilities",
            lambda logits, t, p: top_p(logits.softmax(-1), t, p),
            "There are two softmaxes, and the temperature stands between them: it divides the logits.",
        ),
        Misconception(
            "probabilities divided and summed",
            divided_and_summed,
            "The probabilities were divided by the temperature, and so the sum grows faster or slower than it should.",
        ),
    ),
)

EXERCISES = (TOP_P,)
