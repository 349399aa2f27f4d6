"""Exercises of notebook 10: what the decoder reads and is to write, and what its loss counts.

Shapes: B batch, T time (target), V vocabulary.
"""

import math

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def teacher_forcing(ids, bos, eos):
    return [bos, *ids], [*ids, eos]


TEACHER = Exercise(
    id="10.teacher",
    title="What is read, what is to be written",
    difficulty=1,
    minutes=6,
    contract="my_teacher_forcing(ids, bos, eos) takes the tokens of a translation, a list without special tokens, and "
    "returns two lists of one length: what the decoder reads, and what it is to write at each place.",
    returns="two lists",
    reference=teacher_forcing,
    inputs=lambda: [([7], 1, 2), ([7, 8, 9], 1, 2), ([5, 5, 4, 6], 1, 2)],
    misconceptions=(
        Misconception(
            "targets not shifted",
            lambda ids, bos, eos: ([*ids, eos], [*ids, eos]),
            "Each place is to write the token that it reads: copying is all that can be learned from that.",
        ),
        Misconception(
            "targets not shifted, bos in both",
            lambda ids, bos, eos: ([bos, *ids], [bos, *ids]),
            "Each place is to write what it reads, the beginning included: which token follows the beginning?",
        ),
        Misconception(
            "shifted the wrong way",
            lambda ids, bos, eos: ([*ids, eos], [bos, *ids]),
            "Each place is to write the token before the one that it reads: which of the two runs ahead?",
        ),
        Misconception(
            "no beginning",
            lambda ids, bos, eos: (ids, [*ids[1:], eos]),
            "The first token of the translation is read, and nobody was asked to write it: what stands before it?",
        ),
        Misconception(
            "no end",
            lambda ids, bos, eos: ([bos, *ids[:-1]], ids),
            "Nothing tells the model when to stop: what is to be written after the last word?",
        ),
        Misconception(
            "the end is read",
            lambda ids, bos, eos: ([bos, *ids, eos], [*ids, eos, eos]),
            "The decoder reads the end and is to write something after it: its work is done there.",
        ),
    ),
)


def smoothed_loss(logits, y, pad, eps):
    return mean(per_token(logits, y, eps)[y != pad])


def per_token(logits, y, eps, others=None):
    """Cross-entropy of each token, (B, T); `others` is how many tokens share eps, all V if not given."""
    log_probs = logits.log_softmax(-1)
    right = log_probs.gather(-1, y[..., None])[..., 0]
    if others is None:
        return -(1 - eps) * right - eps * log_probs.mean(-1)
    return -(1 - eps) * right - eps * (log_probs.sum(-1) - right) / others


def mean(losses):
    return losses.mean()


def loss_inputs():
    yield numbers(1, 2, 4), torch.tensor([[3, 0]]), 0, 0.1
    yield 2 * numbers(2, 4, 5), torch.tensor([[3, 1, 2, 4], [4, 2, 0, 0]]), 0, 0.1
    yield 2 * numbers(3, 3, 6, seed=1), torch.tensor([[1, 2, 5], [5, 5, 0], [3, 0, 0]]), 0, 0.3


LOSS = Exercise(
    id="10.loss",
    title="A loss with smoothed labels and without padding",
    difficulty=2,
    minutes=12,
    contract="my_loss(logits, y, pad, eps) takes logits (B, T, V) and targets y (B, T), and returns the mean "
    "cross-entropy in nats over the targets that are not pad, where the right token has 1 - eps of the target, and eps "
    "is shared out evenly over all V tokens.",
    returns="a number",
    reference=smoothed_loss,
    inputs=loss_inputs,
    misconceptions=(
        Misconception(
            "loss counts padding",
            lambda logits, y, pad, eps: mean(per_token(logits, y, eps)),
            "The mean counts the padding too: the model is paid for writing it.",
        ),
        Misconception(
            "divided by all places",
            lambda logits, y, pad, eps: (per_token(logits, y, eps) * (y != pad)).mean(),
            "Padding adds nothing to the sum, and still counts among the places that it is divided by.",
        ),
        Misconception(
            "mean of the sentences' means",
            lambda logits, y, pad, eps: torch.stack(
                [mean(row[real != pad]) for row, real in zip(per_token(logits, y, eps), y, strict=True)]
            ).mean(),
            "Each sentence counts alike here, so a word of a short one counts more: each word should count alike.",
        ),
        Misconception(
            "sum",
            lambda logits, y, pad, eps: per_token(logits, y, eps)[y != pad].sum(),
            "This is the sum over the tokens: by how many is it to be divided?",
        ),
        Misconception(
            "padding alone",
            lambda logits, y, pad, eps: mean(per_token(logits, y, eps)[y == pad]),
            "The padding is counted, and the words are left out.",
        ),
        Misconception(
            "no smoothing",
            lambda logits, y, pad, eps: mean(per_token(logits, y, 0.0)[y != pad]),
            "The labels are not smoothed: where does eps enter?",
        ),
        Misconception(
            "eps to the right token",
            lambda logits, y, pad, eps: mean(per_token(logits, y, 1 - eps)[y != pad]),
            "The right token has eps, and all tokens together have the rest: it is the other way round.",
        ),
        Misconception(
            "eps shared by the wrong tokens only",
            lambda logits, y, pad, eps: mean(per_token(logits, y, eps, logits.size(-1) - 1)[y != pad]),
            "The wrong tokens share eps among themselves: the contract shares it out over all V, the right one too.",
        ),
        Misconception(
            "eps to each token",
            lambda logits, y, pad, eps: mean(per_token(logits, y, eps, 1)[y != pad]),
            "Each of the other tokens got eps: together they have eps.",
        ),
        Misconception(
            "bits",
            lambda logits, y, pad, eps: smoothed_loss(logits, y, pad, eps) / math.log(2),
            "This is in bits: the contract asks for nats, the natural logarithm.",
        ),
        Misconception(
            "minus forgotten",
            lambda logits, y, pad, eps: -smoothed_loss(logits, y, pad, eps),
            "The loss is negative: a probability below 1 has a negative logarithm.",
        ),
    ),
)

EXERCISES = (TEACHER, LOSS)
