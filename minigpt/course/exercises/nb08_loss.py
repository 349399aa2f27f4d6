"""Exercise of notebook 08: the loss of the next token.

Shapes: T time, V vocabulary.
"""

import math

import torch
import torch.nn.functional as F

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def next_token_loss(logits, ids):
    return F.cross_entropy(logits[:-1], ids[1:])


def picked(logits, targets):
    return logits.softmax(-1)[torch.arange(len(targets)), targets]


def next_token_loss_inputs():
    yield 2 * numbers(2, 3), torch.tensor([2, 0])
    yield 2 * numbers(5, 7), torch.tensor([3, 1, 6, 1, 0])
    yield 2 * numbers(4, 5, seed=1), torch.tensor([4, 4, 2, 0])


LOSS = Exercise(
    id="08.loss",
    title="The loss of the next token",
    difficulty=2,
    minutes=10,
    contract="my_next_token_loss(logits, ids) takes a model's logits (T, V) for the text ids (T,), and returns the "
    "mean cross-entropy, in nats, of the T - 1 predictions that the text itself can answer.",
    returns="a number in a tensor",
    reference=next_token_loss,
    inputs=next_token_loss_inputs,
    misconceptions=(
        Misconception(
            "targets not shifted",
            lambda logits, ids: F.cross_entropy(logits, ids),
            "Each position was asked for its own token, which it has seen: what should it predict?",
        ),
        Misconception(
            "shifted the wrong way",
            lambda logits, ids: F.cross_entropy(logits[1:], ids[:-1]),
            "Each position was asked for the token before it: look at which of the two loses its first element.",
        ),
        Misconception(
            "not shifted, one shorter",
            lambda logits, ids: F.cross_entropy(logits[:-1], ids[:-1]),
            "Both lost their last element, so each position is still asked for its own token.",
        ),
        Misconception(
            "softmax over the positions",
            lambda logits, ids: -logits[:-1].log_softmax(0)[torch.arange(len(ids) - 1), ids[1:]].mean(),
            "The softmax ran over the positions: at each of them the V tokens share one probability of 1.",
        ),
        Misconception(
            "around the end",
            lambda logits, ids: F.cross_entropy(logits, ids.roll(-1)),
            "The last position was asked for the first token: nothing in the text says what follows the last one.",
        ),
        Misconception(
            "sum instead of mean",
            lambda logits, ids: F.cross_entropy(logits[:-1], ids[1:], reduction="sum"),
            "It grows with the length of the text: the contract asks for a mean.",
        ),
        Misconception(
            "divided by T",
            lambda logits, ids: F.cross_entropy(logits[:-1], ids[1:], reduction="sum") / len(ids),
            "The sum was divided by T: how many predictions does a text of T tokens answer?",
        ),
        Misconception(
            "mean of the probabilities",
            lambda logits, ids: -picked(logits[:-1], ids[1:]).mean().log(),
            "The probabilities were averaged before the logarithm: the mean is taken of the logarithms.",
        ),
        Misconception(
            "bits",
            lambda logits, ids: F.cross_entropy(logits[:-1], ids[1:]) / math.log(2),
            "These are bits: the contract asks for nats, with the natural logarithm.",
        ),
        Misconception(
            "softmax twice",
            lambda logits, ids: F.cross_entropy(logits[:-1].softmax(-1), ids[1:]),
            "`cross_entropy` takes logits and does the softmax itself: here it was done twice.",
        ),
        Misconception(
            "the sign",
            lambda logits, ids: -F.cross_entropy(logits[:-1], ids[1:]),
            "A cross-entropy is never negative: look at the sign.",
        ),
    ),
)

EXERCISES = (LOSS,)
