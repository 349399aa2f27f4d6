"""Exercises of notebook 15: scores of heads from their attention; looking and intervening is in nb15_streams.py.

Shapes: H heads, T time.
"""

import math

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def attention(H, T, seed=0):
    """Causal weights of H heads, (H, T, T)."""
    scores = 2 * numbers(H, T, T, seed=seed)
    return scores.masked_fill(~torch.ones(T, T, dtype=torch.bool).tril(), -math.inf).softmax(-1)


def beside(att, offset):
    """What each row gives to the position `offset` further, as (H, T - |offset|)."""
    return att.diagonal(offset, dim1=-2, dim2=-1)


def previous(att):
    return beside(att, -1).mean(-1)


def previous_inputs():
    yield (torch.tensor([[[1.0, 0, 0], [0.75, 0.25, 0], [0.125, 0.5, 0.375]]]),)
    yield (attention(2, 4),)
    yield (attention(3, 7, seed=1),)


def share_of_rows(att):
    rows = torch.arange(1, att.size(-1))
    return (att[:, 1:].argmax(-1) == rows - 1).float().mean(-1)


PREVIOUS = Exercise(
    id="15.previous",
    title="Does this head look one token back?",
    difficulty=1,
    minutes=6,
    contract="my_previous_score(att) takes the attention weights of H heads, a tensor (H, T, T), and returns for each "
    "head, (H,), the mean weight that a position gives to the one before it, over all positions that have one.",
    returns="(H,)",
    reference=previous,
    inputs=previous_inputs,
    misconceptions=(
        Misconception(
            "to itself",
            lambda att: beside(att, 0).mean(-1),
            "This is what positions give to themselves: the diagonal, and you need the one beside it.",
        ),
        Misconception(
            "the token after",
            lambda att: beside(att, 1).mean(-1),
            "This is the weight on the token that comes after, which a causal head may not see: on which side of the "
            "diagonal is the past?",
        ),
        Misconception(
            "divided by T",
            lambda att: beside(att, -1).sum(-1) / att.size(-1),
            "The first position counts among those that were averaged: it has nothing before it.",
        ),
        Misconception(
            "sum instead of mean",
            lambda att: beside(att, -1).sum(-1),
            "It grows with the length of the text: the contract asks for a mean.",
        ),
        Misconception(
            "the first token",
            lambda att: att[:, 1:, 0].mean(-1),
            "This is the weight on the first token, a score of its own: which column stands before position t?",
        ),
        Misconception(
            "share of rows",
            share_of_rows,
            "This is the share of rows whose largest weight stands there: the contract asks for the weight itself.",
        ),
        Misconception(
            "the last row only",
            lambda att: att[:, -1, -2],
            "Only the last position was asked: the mean runs over all that have one before them.",
        ),
        Misconception(
            "the largest",
            lambda att: beside(att, -1).max(-1).values,
            "This is the largest of these weights: the contract asks for their mean.",
        ),
        Misconception(
            "all heads together",
            lambda att: beside(att, -1).mean().expand(att.size(0)),
            "All heads got the same number: the mean runs over positions, each head keeps its own.",
        ),
    ),
)


def induction(att, n):
    rows = torch.arange(n, 2 * n)
    return att[:, rows, rows - n + 1].mean(-1)


def induction_inputs():
    yield attention(1, 4, seed=2), 2
    yield attention(2, 6, seed=3), 3
    yield attention(3, 10, seed=4), 5


def at_distance(att, n, shift, end=None):
    rows = torch.arange(n, end or 2 * n)
    return att[:, rows, rows - n + shift].mean(-1)


INDUCTION = Exercise(
    id="15.induction",
    title="Does this head continue what came before?",
    difficulty=2,
    minutes=10,
    contract="my_induction_score(att, n) takes the weights (H, 2n, 2n) over n random tokens that come twice, and "
    "returns for each head, (H,), the mean weight that a token of the second half gives to the token that followed its "
    "first occurrence.",
    returns="(H,)",
    reference=induction,
    inputs=induction_inputs,
    misconceptions=(
        Misconception(
            "the same token",
            lambda att, n: at_distance(att, n, 0),
            "This is the weight on the first occurrence itself, the score of a duplicate-token head: what followed it?",
        ),
        Misconception(
            "the token before",
            lambda att, n: beside(att, -n - 1).mean(-1),
            "This is the token that came before the first occurrence: an induction head looks at the one after it.",
        ),
        Misconception(
            "the token before, with a place that is not there",
            lambda att, n: at_distance(att, n, -1),
            "This is the token before the first occurrence, and the first token has none: what stood after it?",
        ),
        Misconception(
            "rows and columns swapped",
            lambda att, n: att[:, torch.arange(1, n + 1), torch.arange(n, 2 * n)].mean(-1),
            "Here the first half looks at the second, which comes later: rows look, columns are looked at.",
        ),
        Misconception(
            "one token back",
            lambda att, n: torch.stack([att[:, t, t - 1] for t in range(n, 2 * n)]).mean(0),
            "This is the weight on the token before, in the second half: the first occurrence is n positions back.",
        ),
        Misconception(
            "the first half too",
            lambda att, n: beside(att, 1 - n).sum(-1) / (2 * n),
            "Positions of the first half were counted, too: nothing repeats there yet.",
        ),
        Misconception(
            "one row too many",
            lambda att, n: beside(att, 1 - n).mean(-1),
            "The last position of the first half was counted, too: its token comes for the first time.",
        ),
        Misconception(
            "sum instead of mean",
            lambda att, n: n * induction(att, n),
            "It grows with n: the contract asks for a mean.",
        ),
        Misconception(
            "the whole block",
            lambda att, n: att[:, n:, 1 : n + 1].mean((-1, -2)),
            "Each row of the second half was averaged over a whole block of columns: for each row there is one column.",
        ),
        Misconception(
            "the last one left out",
            lambda att, n: at_distance(att, n, 1, end=2 * n - 1),
            "The last position of the second half is missing: what followed its first occurrence is position n.",
        ),
        Misconception(
            "one too far",
            lambda att, n: at_distance(att, n, 2),
            "This is the second token after the first occurrence: look at the one that follows it at once.",
        ),
        Misconception(
            "share of rows",
            lambda att, n: (att[:, n:].argmax(-1) == torch.arange(1, n + 1)).float().mean(-1),
            "This is the share of rows whose largest weight stands there: the contract asks for the weight itself.",
        ),
    ),
)


def entropy(att):
    return torch.special.entr(att).sum(-1).mean(-1) / math.log(2)


def entropy_inputs():
    yield (torch.tensor([[[1.0, 0.0], [0.5, 0.5]]]),)
    yield (attention(2, 4, seed=5),)
    yield (attention(3, 6, seed=6),)


ENTROPY = Exercise(
    id="15.entropy",
    title="How spread is a head?",
    difficulty=2,
    minutes=8,
    contract="my_entropy(att) takes weights (H, T, T) and returns for each head, (H,), the mean entropy of its rows in "
    "bits: of a row, minus the sum of p · log₂ p, where a weight of 0 adds nothing.",
    returns="(H,)",
    reference=entropy,
    inputs=entropy_inputs,
    misconceptions=(
        Misconception(
            "0 · log 0",
            lambda att: -(att * att.log2()).sum(-1).mean(-1),
            "0 times the logarithm of 0 is not a number: such cells have to add 0.",
        ),
        Misconception(
            "nats",
            lambda att: torch.special.entr(att).sum(-1).mean(-1),
            "These are nats: the contract asks for bits.",
        ),
        Misconception(
            "the sign",
            lambda att: -entropy(att),
            "An entropy is never negative: look at the sign.",
        ),
        Misconception(
            "sum over the rows",
            lambda att: torch.special.entr(att).sum((-1, -2)) / math.log(2),
            "The entropies of all rows were added: the contract asks for their mean.",
        ),
        Misconception(
            "mean over the cells",
            lambda att: torch.special.entr(att).mean((-1, -2)) / math.log(2),
            "Within a row the terms were averaged: an entropy is their sum.",
        ),
        Misconception(
            "entropy of the mean row",
            lambda att: torch.special.entr(att.mean(-2)).sum(-1) / math.log(2),
            "The rows were averaged before the entropy: a head may be sharp in each row, and in each at another place.",
        ),
        Misconception(
            "without the first row",
            lambda att: torch.special.entr(att[:, 1:]).sum(-1).mean(-1) / math.log(2),
            "The first row is missing: its one weight has 0 bits, and it counts in the mean.",
        ),
        Misconception(
            "a share of the largest",
            lambda att: entropy(att) / math.log2(att.size(-1)),
            "It was divided by the bits of T tokens that all get the same: the contract asks for bits.",
        ),
    ),
)

EXERCISES = (PREVIOUS, INDUCTION, ENTROPY)
