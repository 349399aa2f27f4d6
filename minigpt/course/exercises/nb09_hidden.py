"""Exercise of notebook 09: the loss of what was hidden.

Shapes: B batch, T time, V vocabulary.
"""

import torch
import torch.nn.functional as F

from minigpt.course.exercise import Exercise, Misconception

NOT_ASKED = -100


def masked_loss(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def every_place(logits, targets):
    """-log p of the target at each place, 0 where none is asked."""
    return F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")


def picked(numbers, targets):
    """The number of the target at each place that has one: (n,)"""
    asked = targets != NOT_ASKED
    return numbers[asked].gather(1, targets[asked][:, None]).squeeze(1)


def of_picked(change):
    """The mean of -log p(target), where `change` makes something else than log-probabilities of the logits."""
    return lambda logits, targets: -picked(change(logits), targets).mean()


def loss_inputs():
    for B, T, V, seed in ((1, 3, 4, 0), (2, 6, 5, 1), (3, 7, 6, 2)):
        rng = torch.Generator().manual_seed(seed)
        logits = 2 * torch.randn(B, T, V, generator=rng)
        targets = torch.randint(V, (B, T), generator=rng)
        asked = torch.rand(B, T, generator=rng) < 0.4
        asked[:, 1], asked[0, 2], asked[:, 0] = True, True, False
        yield logits, torch.where(asked, targets, NOT_ASKED)


LOSS = Exercise(
    id="09.loss",
    title="The loss of the hidden words",
    difficulty=2,
    minutes=10,
    contract="my_masked_loss(logits, targets) takes logits (B, T, V) and targets (B, T), ids or -100, and returns the "
    "mean of -log p(target), in nats, over the places whose target is not -100, all texts together.",
    returns="a number in a tensor",
    reference=masked_loss,
    inputs=loss_inputs,
    misconceptions=(
        Misconception(
            "loss over all positions",
            lambda logits, targets: every_place(logits, targets).mean(),
            "The sum was divided by the number of all places: those where nothing is asked do not count.",
        ),
        Misconception(
            "-100 taken as an index",
            lambda logits, targets: masked_loss(logits, targets.where(targets != NOT_ASKED, 0)),
            "Places with -100 count as if token 0 were asked there: they have to be left out.",
        ),
        Misconception(
            "a sum instead of a mean",
            lambda logits, targets: every_place(logits, targets).sum(),
            "The losses were added up: the contract asks for their mean, so that it does not grow with the batch.",
        ),
        Misconception(
            "mean of the texts' means",
            lambda logits, targets: (every_place(logits, targets).sum(1) / (targets != NOT_ASKED).sum(1)).mean(),
            "Each text got the same weight, however many words are asked in it: here each asked word weighs the same.",
        ),
        Misconception(
            "in bits",
            lambda logits, targets: masked_loss(logits, targets) / torch.log(torch.tensor(2.0)),
            "This is in bits: the contract asks for nats, the natural logarithm.",
        ),
        Misconception(
            "no minus sign",
            lambda logits, targets: -masked_loss(logits, targets),
            "The sign is missing: logs of probabilities are negative, a loss is not.",
        ),
        Misconception(
            "softmax without a log",
            of_picked(lambda logits: logits.softmax(-1)),
            "Probabilities were averaged, not their logs.",
        ),
        Misconception(
            "log without a softmax",
            of_picked(lambda logits: logits),
            "Logits were taken for log-probabilities: they do not add up to 1 before a softmax over the vocabulary.",
        ),
        Misconception(
            "the next place's target",
            lambda logits, targets: masked_loss(logits[:, :-1], targets[:, 1:]),
            "Each place was compared with the target of the next one: so does a decoder, here nothing is shifted.",
        ),
        Misconception(
            "softmax over the places",
            of_picked(lambda logits: logits.log_softmax(1)),
            "The softmax went over the places of a text: at each place the probabilities of all words add up to 1.",
        ),
        Misconception(
            "softmax twice",
            of_picked(lambda logits: logits.softmax(-1).log_softmax(-1)),
            "A softmax was taken of a softmax: cross-entropy begins with logits and takes its own.",
        ),
        Misconception(
            "token 0 left out",
            lambda logits, targets: masked_loss(logits, targets.where(targets > 0, NOT_ASKED)),
            "Places whose target is token 0 were left out: only -100 means that nothing is asked.",
        ),
        Misconception(
            "a loss for each place",
            lambda logits, targets: -picked(logits.log_softmax(-1), targets),
            "This is a loss for each asked place: the contract asks for their mean, one number.",
        ),
        Misconception(
            "divided by the texts",
            lambda logits, targets: every_place(logits, targets).sum() / len(targets),
            "The sum was divided by the number of texts: the mean is over the words that are asked for.",
        ),
        Misconception(
            "log of the mean",
            lambda logits, targets: -picked(logits.softmax(-1), targets).mean().log(),
            "The probabilities were averaged first: take the log of each, and then the mean.",
        ),
        Misconception(
            "perplexity",
            lambda logits, targets: masked_loss(logits, targets).exp(),
            "This is the perplexity, e to the loss.",
        ),
        Misconception(
            "all words for the target",
            lambda logits, targets: -logits[targets != NOT_ASKED].log_softmax(-1).mean(),
            "The log-probabilities of all words were averaged: only that of the target counts at each place.",
        ),
        Misconception(
            "the likeliest word",
            lambda logits, targets: -logits[targets != NOT_ASKED].log_softmax(-1).amax(-1).mean(),
            "The probability of the likeliest word was taken, whatever the target is.",
        ),
    ),
)

EXERCISES = (LOSS,)
