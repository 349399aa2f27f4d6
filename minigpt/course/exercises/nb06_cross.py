"""Exercise of notebook 06: cross-attention, T vectors that look at S others.

Shapes: T time, S source time, C channels (n_embd), D channels per head.
"""

import math

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers
from minigpt.course.exercises.nb05 import scores_of
from minigpt.models.attention import attention_weights, causal_mask


def cross(x, source, W_q, W_k, W_v, real):
    return attention_weights(x @ W_q, source @ W_k, real) @ (source @ W_v)


def cross_inputs():
    def words_and_matrices(T, S, C, D, real):
        vectors = numbers(T, C), numbers(S, C, seed=1)
        matrices = [numbers(C, D, seed=seed) for seed in (2, 3, 4)]
        return (*vectors, *matrices, torch.tensor(real))

    yield words_and_matrices(2, 2, 2, 2, [True, True])
    yield words_and_matrices(3, 3, 4, 2, [True, True, False])
    yield words_and_matrices(3, 5, 4, 3, [False, True, True, True, False])


def taken_from(queries, keys, values):
    """Cross-attention with its parts from the wrong texts: 0 stands for x, 1 for the source."""

    def wrong(x, source, W_q, W_k, W_v, real):
        texts = x, source
        return attention_weights(texts[queries] @ W_q, texts[keys] @ W_k, real) @ (texts[values] @ W_v)

    return wrong


def weighted_by(weights):
    """Cross-attention whose weights come from scores (T, S) and `real` in a wrong way."""

    def wrong(x, source, W_q, W_k, W_v, real):
        return weights(scores_of(x @ W_q, source @ W_k), real) @ (source @ W_v)

    return wrong


def no_values(x, source, W_q, W_k, W_v, real):
    return attention_weights(x @ W_q, source @ W_k, real) @ source


def divided_by(divisor):
    """Cross-attention whose scores are divided by something else than √D: a function of the matrices' C and D."""

    def wrong(x, source, W_q, W_k, W_v, real):
        scores = (x @ W_q) @ (source @ W_k).T / divisor(*W_q.shape)
        return masked(scores, real) @ (source @ W_v)

    return wrong


def weights_alone(x, source, W_q, W_k, W_v, real):
    return attention_weights(x @ W_q, source @ W_k, real)


def masked(scores, mask):
    return scores.masked_fill(~mask, -math.inf).softmax(-1)


def causal_like(scores):
    return torch.ones_like(scores, dtype=torch.bool).tril()


CROSS = Exercise(
    id="06.cross",
    title="Look at another text",
    difficulty=2,
    minutes=12,
    contract="my_cross(x, source, W_q, W_k, W_v, real) takes T vectors x (T, C) that look, S vectors source (S, C) "
    "that are looked at, three matrices (C, D), and real (S,), True where the source is no padding, and returns what "
    "each of the T gathers from the real ones of the S, (T, D): the softmax of q·k / √D, times the values.",
    returns="(T, D)",
    reference=cross,
    inputs=cross_inputs,
    misconceptions=(
        Misconception(
            "roles swapped",
            taken_from(1, 0, 0),
            "The source asks, and x answers: whose is the result, and so whose are the queries?",
        ),
        Misconception(
            "x looks at itself",
            taken_from(0, 0, 0),
            "x looks at itself: what is found and what is handed over should come from the source.",
        ),
        Misconception(
            "the source looks at itself",
            taken_from(1, 1, 1),
            "The source looks at itself: who asks here, and how many answers are wanted?",
        ),
        Misconception(
            "values from x",
            taken_from(0, 1, 0),
            "The weights are those over the source, but the values are those of x: who hands something over?",
        ),
        Misconception(
            "keys from x",
            taken_from(0, 0, 1),
            "Queries and keys are both of x: a key is what somebody of the source can be found by.",
        ),
        Misconception(
            "cross mask wrongly causal",
            weighted_by(lambda scores, real: masked(scores, real & causal_like(scores))),
            "A triangle hides a part of the source: it is a text of its own that is known as a whole, and no future.",
        ),
        Misconception(
            "cross mask of a cache",
            weighted_by(lambda scores, real: masked(scores, real & causal_mask(*scores.shape))),
            "x was taken for the end of the source: that text is another one, known as a whole, and no future in it.",
        ),
        Misconception(
            "padding attended to",
            weighted_by(lambda scores, real: scores.softmax(-1)),
            "The padding of the source gets weight: where does `real` enter?",
        ),
        Misconception(
            "mask of queries instead of keys",
            weighted_by(lambda scores, real: masked(scores, real[:, None])),
            "`real` hid rows of the scores: it speaks of those who are looked at, the columns.",
        ),
        Misconception(
            "mask the other way round",
            weighted_by(lambda scores, real: masked(scores, ~real)),
            "The text is hidden, and its padding shown: what does True mean in `real`?",
        ),
        Misconception(
            "a score of 0 for the padding",
            weighted_by(lambda scores, real: scores.masked_fill(~real, 0).softmax(-1)),
            "The padding has the score 0 and still gets weight, as e to the 0 is 1: which score has a weight of 0?",
        ),
        Misconception(
            "mask after softmax",
            weighted_by(lambda scores, real: scores.softmax(-1) * real),
            "The padding was taken out after the softmax, so rows no longer sum to 1: hide it before they are shared "
            "out.",
        ),
        Misconception(
            "softmax over the wrong axis",
            weighted_by(lambda scores, real: scores.masked_fill(~real, -math.inf).softmax(0)),
            "The columns of your weights sum to 1: along which axis does one query share out its attention?",
        ),
        Misconception(
            "no division by sqrt(D)",
            divided_by(lambda C, D: 1),
            "The weights are too sharp: the scores grow with D, and nothing makes up for it.",
        ),
        Misconception(
            "divided by D",
            divided_by(lambda C, D: D),
            "The weights are too even: the scores were divided by D, and they spread by the root of D.",
        ),
        Misconception(
            "divided by sqrt(C)",
            divided_by(lambda C, D: math.sqrt(C)),
            "The scores were divided by the root of C: they are sums over the D numbers of a query.",
        ),
        Misconception(
            "weights without values",
            weights_alone,
            "These are the weights, (T, S): what is gathered with them is still missing.",
        ),
        Misconception(
            "the source without W_v",
            no_values,
            "The vectors of the source were averaged as they are: which of the three matrices is left over?",
        ),
    ),
)

EXERCISES = (CROSS,)
