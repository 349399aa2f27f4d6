"""Exercise of notebook 10: a loss with smoothed labels that leaves padding out.

Shapes: B batch, T time (target), V vocabulary.
"""

import math

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def smoothed_loss(logits, y, pad, eps):
    return mean(per_token(logits, y, eps)[y != pad])


def per_token(logits, y, eps, others=None):
    """Cross-entropy of each token, (B, T); `others` is how many tokens share eps, all V if not given."""
    log_probs = logits.log_softmax(-1)
    if others is None:
        return smoothed(log_probs, y, eps)
    right = log_probs.gather(-1, y[..., None])[..., 0]
    return -(1 - eps) * right - eps * (log_probs.sum(-1) - right) / others


def smoothed(log_probs, y, eps):
    """Of each token, (B, T), whatever stands in for log-probabilities."""
    return -(1 - eps) * log_probs.gather(-1, y[..., None])[..., 0] - eps * log_probs.mean(-1)


def mean(losses):
    return losses.mean()


def weighted(right, each):
    """The loss where the right token has `right(eps)` of the target, and each token `each(eps, V)` besides."""

    def wrong(logits, y, pad, eps):
        log_probs = logits.log_softmax(-1)
        chosen = log_probs.gather(-1, y[..., None])[..., 0]
        return mean(-(right(eps) * chosen + each(eps, logits.size(-1)) * log_probs.sum(-1))[y != pad])

    return wrong


def mixed_before_the_log(logits, y, pad, eps):
    chosen = logits.softmax(-1).gather(-1, y[..., None])[..., 0]
    return mean(-((1 - eps) * chosen + eps / logits.size(-1)).log()[y != pad])


def without_entropy(logits, y, pad, eps):
    """KL divergence: the cross-entropy less what no model can do better than."""
    V = logits.size(-1)
    p = 1 - eps + eps / V
    return smoothed_loss(logits, y, pad, eps) + p * math.log(p) + (V - 1) * eps / V * math.log(eps / V)


def loss_inputs():
    yield numbers(1, 2, 4), torch.tensor([[3, 0]]), 0, 0.1
    yield 2 * numbers(2, 4, 5), torch.tensor([[3, 0, 2, 4], [4, 2, 1, 1]]), 1, 0.2
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
        Misconception(
            "pad taken to be 0",
            lambda logits, y, pad, eps: mean(per_token(logits, y, eps)[y != 0]),
            "Token 0 is left out whatever pad is: pad is an argument, and 0 may be a word.",
        ),
        Misconception(
            "eps taken to be 0.1",
            lambda logits, y, pad, eps: smoothed_loss(logits, y, pad, 0.1),
            "This is right for an eps of 0.1 alone: eps is an argument.",
        ),
        Misconception(
            "the right token has no share of eps",
            weighted(lambda eps: 1 - eps, lambda eps, V: 0),
            "The right token has its 1 - eps, and nobody has eps: it is to be shared out.",
        ),
        Misconception(
            "the right token keeps 1",
            weighted(lambda eps: 1, lambda eps, V: eps / V),
            "The target adds up to more than 1: what all share, eps, is taken from the right token.",
        ),
        Misconception(
            "eps times the sum",
            weighted(lambda eps: 1 - eps, lambda eps, V: eps),
            "Every token got a whole eps, the right one too: all V share one.",
        ),
        Misconception(
            "eps / V for the others alone",
            lambda logits, y, pad, eps: mean(per_token(logits, y, eps, logits.size(-1))[y != pad]),
            "The target adds up to less than 1: the right token has a share of eps, too, besides its 1 - eps.",
        ),
        Misconception(
            "shared by V - 2",
            lambda logits, y, pad, eps: mean(per_token(logits, y, eps, logits.size(-1) - 2)[y != pad]),
            "Neither the right token nor padding has a share of eps, as in some programs: here all V have the same.",
        ),
        Misconception(
            "mixed before the log",
            mixed_before_the_log,
            "The probabilities were mixed before the log: labels are smoothed, the model's probabilities stay.",
        ),
        Misconception(
            "less the entropy",
            without_entropy,
            "This is the divergence from the labels, which is the cross-entropy less a constant, their entropy.",
        ),
        Misconception(
            "softmax over the places",
            lambda logits, y, pad, eps: mean(smoothed(logits.log_softmax(1), y, eps)[y != pad]),
            "The softmax went over the places of a sentence: at each place the probabilities of all V add up to 1.",
        ),
        Misconception(
            "softmax twice",
            lambda logits, y, pad, eps: smoothed_loss(logits.softmax(-1), y, pad, eps),
            "A softmax was taken of a softmax: cross-entropy begins with logits and takes its own.",
        ),
        Misconception(
            "no softmax",
            lambda logits, y, pad, eps: mean(smoothed(logits, y, eps)[y != pad]),
            "Logits were taken for log-probabilities: a softmax over the vocabulary comes first.",
        ),
        Misconception(
            "the next place's target",
            lambda logits, y, pad, eps: smoothed_loss(logits[:, :-1], y[:, 1:], pad, eps),
            "Each place was compared with the target of the next one: y already has what each place is to write.",
        ),
        Misconception(
            "divided by the sentences",
            lambda logits, y, pad, eps: per_token(logits, y, eps)[y != pad].sum() / len(y),
            "The sum was divided by the number of sentences: the mean is over the words.",
        ),
        Misconception(
            "a loss for each word",
            lambda logits, y, pad, eps: per_token(logits, y, eps)[y != pad],
            "This is a loss for each word: the contract asks for their mean, one number.",
        ),
        Misconception(
            "perplexity",
            lambda logits, y, pad, eps: smoothed_loss(logits, y, pad, eps).exp(),
            "This is a perplexity, e to the loss.",
        ),
    ),
)

EXERCISES = (LOSS,)
