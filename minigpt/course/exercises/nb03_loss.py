"""Exercise of notebook 03: the loss of negative sampling.

Shapes: B batch, C channels (n_embd), K noise words per pair.
"""

import torch
import torch.nn.functional as F

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


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
    minutes=10,
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
            "minus outside the sigmoid",
            with_products(lambda true, drawn: -(F.logsigmoid(true) - F.logsigmoid(drawn).sum(-1)).mean()),
            "The minus of the noise belongs inside the sigmoid: log s(-x) is not -log s(x).",
        ),
        Misconception(
            "only the true part has its minus",
            with_products(lambda true, drawn: (-F.logsigmoid(true) + F.logsigmoid(-drawn).sum(-1)).mean()),
            "The noise part lacks the minus in front of its log: both parts are losses.",
        ),
        Misconception(
            "noise added up before the sigmoid",
            with_products(lambda true, drawn: -(F.logsigmoid(true) + F.logsigmoid(-drawn.sum(-1))).mean()),
            "The noise products were added up before the sigmoid: each goes through it by itself.",
        ),
        Misconception(
            "noise of all pairs",
            with_products(lambda true, drawn: -(F.logsigmoid(true) + F.logsigmoid(-drawn).sum()).mean()),
            "Each pair got the noise of all pairs: sum over K alone.",
        ),
        Misconception(
            "true product once per noise word",
            with_products(lambda true, drawn: -(F.logsigmoid(true)[:, None] + F.logsigmoid(-drawn)).sum(-1).mean()),
            "The true product was counted once per noise word: add it after the sum over K.",
        ),
        Misconception(
            "shapes of one pair only",
            with_products(lambda true, drawn: -(F.logsigmoid(true) + F.logsigmoid(-drawn)).sum(-1).mean()),
            "(B,) was added to (B, K), which no batch but one of a single pair bears well: sum over K first.",
        ),
        Misconception(
            "every word with every neighbour",
            lambda v, near, noise: (
                -(F.logsigmoid(v @ near.T) + F.logsigmoid(-products(v, near, noise)[1]).sum(-1)).mean()
            ),
            "Each word met the neighbours of all pairs, (B, B) products: a pair has one neighbour.",
        ),
        Misconception(
            "both signs swapped",
            with_products(lambda true, drawn: -(F.logsigmoid(-true) + F.logsigmoid(drawn).sum(-1)).mean()),
            "Both signs within the sigmoids are swapped: this pushes the true word away and pulls noise near.",
        ),
        Misconception(
            "base 2",
            with_products(lambda true, drawn: -(true.sigmoid().log2() + (-drawn).sigmoid().log2().sum(-1)).mean()),
            "The logarithm has base 2: the loss is in nats, the natural logarithm.",
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

EXERCISES = (LOSS,)
