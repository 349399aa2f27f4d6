"""Exercises of notebook 09: hide words, and the loss of what was hidden; others are in nb09_look.py.

Shapes: B batch, T time, V vocabulary.
"""

import torch
import torch.nn.functional as F

from minigpt.course.exercise import Exercise, Misconception

MASK, NOT_ASKED = 3, -100


def hide(ids, chance, lot, other):
    return hidden(ids, (chance < 0.15) & (ids > MASK), lot, other)


def hidden(ids, asked, lot, other):
    return torch.where(asked, replaced(ids, lot, other), ids), torch.where(asked, ids, NOT_ASKED)


def replaced(ids, lot, other):
    return torch.where(lot < 0.8, MASK, torch.where(lot < 0.9, other, ids))


def hide_inputs():
    for B, T, seed in ((1, 8, 0), (3, 40, 1), (4, 60, 2)):
        rng = torch.Generator().manual_seed(seed)
        ids = torch.randint(4, 30, (B, T), generator=rng)
        ids[:, 0], ids[:, -3], ids[:, -2:] = 1, 2, 0  # <cls>, <sep>, padding
        chance, lot = torch.rand(2, B, T, generator=rng)
        chance[:, 0], chance[:, 2], chance[:, -1] = 0.1, 0.05, 0.01
        yield ids, chance, lot, torch.randint(4, 30, (B, T), generator=rng)


def over_the_whole_text(ids, chance, lot, other):
    asked = ids > MASK
    what = replaced(ids, lot, other)
    return torch.where(asked, what, ids), torch.where(asked & (chance < 0.15), ids, NOT_ASKED)


def one_die(ids, chance, lot, other):
    return hidden(ids, (chance < 0.15) & (ids > MASK), chance / 0.15, other)


def target_after_hiding(ids, chance, lot, other):
    asked = (chance < 0.15) & (ids > MASK)
    inputs = torch.where(asked, replaced(ids, lot, other), ids)
    return inputs, torch.where(asked, inputs, NOT_ASKED)


def targets_where_changed(ids, chance, lot, other):
    inputs, targets = hide(ids, chance, lot, other)
    return inputs, targets.masked_fill(inputs == ids, NOT_ASKED)


def targets_where_masked(ids, chance, lot, other):
    inputs, targets = hide(ids, chance, lot, other)
    return inputs, targets.masked_fill(inputs != MASK, NOT_ASKED)


HIDE = Exercise(
    id="09.hide",
    title="Hide words, keep the answers",
    difficulty=2,
    minutes=15,
    contract="my_hide(ids, chance, lot, other) takes token ids (B, T), two dice (B, T) of numbers from 0 to 1, and "
    "random words (B, T); ids 0 to 3 are special, 3 is the mask. It returns inputs and targets, both (B, T): a word "
    "whose chance is below 0.15 is asked for, and its target is its id; its lot decides what stands in inputs: below "
    "0.8 the mask, from there to below 0.9 the random word, else the word. All other targets are -100.",
    returns="two tensors",
    reference=hide,
    inputs=hide_inputs,
    misconceptions=(
        Misconception(
            "special tokens hidden too",
            lambda ids, chance, lot, other: hidden(ids, chance < 0.15, lot, other),
            "Special tokens were chosen as well: ids 0 to 3 are no words, there is nothing to learn from them.",
        ),
        Misconception(
            "only padding spared",
            lambda ids, chance, lot, other: hidden(ids, (chance < 0.15) & (ids > 0), lot, other),
            "Padding is left alone, other special tokens are not: which ids are words?",
        ),
        Misconception(
            "80/10/10 over the whole text",
            over_the_whole_text,
            "Words that nobody asks for were changed: 80, 10 and 10 % are shares of the 15 %, not of the text.",
        ),
        Misconception(
            "one die for both questions",
            one_die,
            "The shares are right, but chance decided both: in this contract the lot decides what becomes of a word.",
        ),
        Misconception(
            "always the mask",
            lambda ids, chance, lot, other: hidden(ids, (chance < 0.15) & (ids > MASK), torch.zeros_like(lot), other),
            "All chosen words became masks: their lot decides, and a chance below 0.15 is no lot.",
        ),
        Misconception(
            "80/20: none stays",
            lambda ids, chance, lot, other: hidden(
                ids, (chance < 0.15) & (ids > MASK), torch.where(lot < 0.8, lot, 0.85), other
            ),
            "No chosen word stays as it was: what happens to a lot of 0.95?",
        ),
        Misconception(
            "80/20: none random",
            lambda ids, chance, lot, other: hidden(
                ids, (chance < 0.15) & (ids > MASK), torch.where(lot < 0.8, lot, 0.95), other
            ),
            "No chosen word became a random one: what happens to a lot of 0.85?",
        ),
        Misconception(
            "target taken after hiding",
            target_after_hiding,
            "The targets are what stands in the inputs, the mask itself among them: the answer is what was hidden.",
        ),
        Misconception(
            "targets everywhere",
            lambda ids, chance, lot, other: (hide(ids, chance, lot, other)[0], ids),
            "Every place has a target: where nothing is asked it should be -100, or the model is paid for copying.",
        ),
        Misconception(
            "words that stay are not asked for",
            targets_where_changed,
            "A chosen word that stays has no target: it is asked for like the others, that is why it was chosen.",
        ),
        Misconception(
            "only masks are asked for",
            targets_where_masked,
            "Only masks have a target: the random words and those that stay are asked for too.",
        ),
        Misconception(
            "85 % chosen",
            lambda ids, chance, lot, other: hidden(ids, (chance >= 0.15) & (ids > MASK), lot, other),
            "The other 85 % were chosen: which side of 0.15 is asked for?",
        ),
        Misconception(
            "targets and inputs swapped",
            lambda ids, chance, lot, other: hide(ids, chance, lot, other)[::-1],
            "The two results stand in the other order: first the inputs, then the targets.",
        ),
    ),
)


def masked_loss(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def every_place(logits, targets):
    """-log p of the target at each place, 0 where none is asked."""
    return F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")


def picked(numbers, targets):
    """The number of the target at each place that has one: (n,)"""
    asked = targets != NOT_ASKED
    return numbers[asked].gather(1, targets[asked][:, None]).squeeze(1)


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
            lambda logits, targets: -picked(logits.softmax(-1), targets).mean(),
            "Probabilities were averaged, not their logs.",
        ),
        Misconception(
            "log without a softmax",
            lambda logits, targets: -picked(logits, targets).mean(),
            "Logits were taken for log-probabilities: they do not add up to 1 before a softmax over the vocabulary.",
        ),
    ),
)

EXERCISES = (HIDE, LOSS)
