"""Exercise of notebook 13: temperature; the others are in nb13_likeliest.py, nb13_nucleus.py and nb13_repeats.py.

Shapes: V vocabulary.
"""

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


def powers(logits, t):
    shares = logits.softmax(-1) ** t
    return shares / shares.sum()


def last_of_equals(logits):
    return first(logits.flip(0)).flip(0)


def exponentials(logits, t):
    return (logits / t).exp()


def by_their_sum(logits, t):
    return logits / t / (logits / t).sum()


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
            "The temperature has no effect: what is done alike to all probabilities, or all logits, falls out again.",
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
        Misconception(
            "no temperature at all",
            lambda logits, t: logits.softmax(-1),
            "The temperature has no effect in yours, at 0 neither: this is the softmax of the logits.",
        ),
        Misconception(
            "always the likeliest",
            lambda logits, t: first(logits),
            "At every temperature yours has all on the largest logit: that is t = 0 alone.",
        ),
        Misconception(
            "the power t of the probabilities",
            at_zero(first, powers),
            "The probabilities were raised to the power t, which is a product with the logits: it should be 1 / t.",
        ),
        Misconception(
            "the power t, at 0 too",
            powers,
            "The probabilities were raised to the power t, which makes all of them equal at 0: it should be 1 / t.",
        ),
        Misconception(
            "powers that do not sum to 1",
            at_zero(first, lambda logits, t: logits.softmax(-1) ** (1 / t)),
            "The powers of probabilities no longer sum to 1: what makes them do so?",
        ),
        Misconception(
            "exponentials alone",
            at_zero(first, exponentials),
            "These are exponentials, and do not sum to 1: the softmax divides them by their sum.",
        ),
        Misconception(
            "logits divided by their sum",
            at_zero(first, by_their_sum),
            "The logits themselves were divided by their sum: they may be negative, so exp comes first.",
        ),
        Misconception(
            "logarithms",
            at_zero(first, lambda logits, t: (logits / t).log_softmax(-1)),
            "These are the logarithms of probabilities: the contract asks for the probabilities.",
        ),
        Misconception(
            "each by itself",
            at_zero(first, lambda logits, t: (logits / t).sigmoid()),
            "Each probability was made of its own logit, by a sigmoid: in a softmax all share what there is.",
        ),
        Misconception(
            "turned upside down",
            at_zero(first, lambda logits, t: heated(-logits, t)),
            "The smallest logit has become the likeliest: see the signs.",
        ),
        Misconception(
            "logits in whole numbers",
            at_zero(first, lambda logits, t: (logits // t).softmax(-1)),
            "// cuts what is behind the point, and logits that differ become equal: which division keeps it?",
        ),
        Misconception(
            "the last of the equal ones",
            at_zero(last_of_equals, heated),
            "Where several logits are the largest, yours takes the last: the contract takes the first.",
        ),
        Misconception(
            "the smallest at 0",
            at_zero(lambda logits: first(-logits), heated),
            "At 0 yours has all on the smallest logit: it is the largest that wins.",
        ),
        Misconception(
            "nothing at 0",
            at_zero(torch.zeros_like, heated),
            "At 0 every token has 0 in yours, and nothing can be drawn: which token has all?",
        ),
        Misconception(
            "the logit itself at 0",
            at_zero(lambda logits: first(logits) * logits, heated),
            "At 0 the largest place holds the logit itself: the probability there is 1.",
        ),
        Misconception(
            "its own share at 0",
            at_zero(lambda logits: first(logits) * logits.softmax(-1), heated),
            "At 0 the likeliest keeps its own share, and the rest is lost: all of it should stand there.",
        ),
        Misconception(
            "the logits at 0",
            at_zero(lambda logits: logits, heated),
            "At 0 the logits came back as they were: they are no probabilities.",
        ),
    ),
)

EXERCISES = (TEMPERATURE,)
