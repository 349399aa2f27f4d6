"""Exercises of notebook 04: a discounted probability and a causal filter; nb04_memory.py and nb04_path.py have others.

Shapes: T time, K weights of a filter, V vocabulary.
"""

import numpy as np
import torch.nn.functional as F

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def discounted(counts, discount, shorter):
    kinds = (counts > 0).sum()
    return (np.maximum(counts - discount, 0) + discount * kinds * shorter) / counts.sum()


def discount_inputs():
    yield np.array([3, 0, 1]), 0.5, np.array([0.2, 0.5, 0.3])
    yield np.array([1, 0, 0, 4, 2, 0]), 0.75, np.array([0.1, 0.3, 0.1, 0.2, 0.25, 0.05])
    yield np.array([0, 7, 1, 1, 0, 2, 5]), 0.4, np.array([0.05, 0.35, 0.1, 0.1, 0.2, 0.15, 0.05])


def kept(counts, discount):
    return np.maximum(counts - discount, 0)


DISCOUNT = Exercise(
    id="04.discount",
    title="Lower the counts, pass on what is freed",
    difficulty=2,
    minutes=10,
    contract="my_discounted(counts, discount, shorter) takes how often each of V words followed a context, an array "
    "(V,), a discount between 0 and 1, and the V probabilities after the shorter context; it returns the V "
    "probabilities of Kneser and Ney: each count that is not 0 lowered by the discount, all that was freed shared out "
    "as the shorter context says, divided by the sum of the counts.",
    returns="(V,)",
    reference=discounted,
    inputs=discount_inputs,
    misconceptions=(
        Misconception(
            "what was freed is lost",
            lambda counts, discount, shorter: kept(counts, discount) / counts.sum(),
            "The probabilities sum to less than 1: who gets what the counts were lowered by?",
        ),
        Misconception(
            "freed once instead of once for each word seen",
            lambda counts, discount, shorter: (kept(counts, discount) + discount * shorter) / counts.sum(),
            "The discount was shared out once, but it was taken from every word that came after the context.",
        ),
        Misconception(
            "freed from words that never came",
            lambda counts, discount, shorter: (
                (kept(counts, discount) + discount * len(counts) * shorter) / counts.sum()
            ),
            "As much was shared out as if all V words had been lowered: words with a count of 0 have nothing to give.",
        ),
        Misconception(
            "freed once for each time",
            lambda counts, discount, shorter: kept(counts, discount) / counts.sum() + discount * shorter,
            "The discount was shared out once for each time that a word came: each different word gives it once.",
        ),
        Misconception(
            "zeros lowered too",
            lambda counts, discount, shorter: (
                (counts - discount + discount * (counts > 0).sum() * shorter) / counts.sum()
            ),
            "Counts of 0 were lowered below 0: a word that never came has nothing to give.",
        ),
        Misconception(
            "shared out in equal parts",
            lambda counts, discount, shorter: (
                (kept(counts, discount) + discount * (counts > 0).sum() / len(counts)) / counts.sum()
            ),
            "What was freed was shared out evenly: the shorter context knows better.",
        ),
        Misconception(
            "only for words that never came",
            lambda counts, discount, shorter: (
                (kept(counts, discount) + (counts == 0) * discount * (counts > 0).sum() * shorter) / counts.sum()
            ),
            "Only words with a count of 0 got a share of what was freed: here all words get theirs, and the sum is 1.",
        ),
        Misconception(
            "no discount",
            lambda counts, discount, shorter: (
                (counts + discount * (counts > 0).sum() * shorter) / (counts.sum() + discount * (counts > 0).sum())
            ),
            "Words were added, none was lowered: that is the smoothing of notebook 01.",
        ),
        Misconception(
            "counts as they are",
            lambda counts, discount, shorter: counts / counts.sum(),
            "These are the shares of the counts as they are: nothing was lowered, and the shorter context has no say.",
        ),
        Misconception(
            "only what was shared out is divided",
            lambda counts, discount, shorter: (
                kept(counts, discount) + discount * (counts > 0).sum() * shorter / counts.sum()
            ),
            "Only what was shared out was divided: first add, then divide all by the sum (a pair of brackets).",
        ),
        Misconception(
            "only what was kept is divided",
            lambda counts, discount, shorter: (
                kept(counts, discount) / counts.sum() + discount * (counts > 0).sum() * shorter
            ),
            "Only what the words kept was divided: what was freed is counts, too, and has the same sum under it.",
        ),
        Misconception(
            "stretched to 1 again",
            lambda counts, discount, shorter: kept(counts, discount) / kept(counts, discount).sum(),
            "What was left was stretched until it sums to 1: what was freed should go where the shorter context says.",
        ),
        Misconception(
            "divided by the lowered counts",
            lambda counts, discount, shorter: (
                (kept(counts, discount) + discount * (counts > 0).sum() * shorter) / kept(counts, discount).sum()
            ),
            "The sum of the lowered counts divides here, and the result sums to more than 1: it is that of all counts.",
        ),
    ),
)


def causal(x, w, dilation=1):
    reach = (len(w) - 1) * dilation
    return F.conv1d(F.pad(x, (reach, 0))[None, None], w[None, None], dilation=dilation)[0, 0]


def causal_inputs():
    for T, K, dilation, seed in ((5, 3, 1, 0), (9, 3, 2, 1), (11, 5, 2, 2)):
        yield numbers(T, seed=seed), numbers(K, seed=10 + seed), dilation


def padded(x, w, dilation, left, right, **how):
    return F.conv1d(F.pad(x[None, None], (left, right), **how), w[None, None], dilation=dilation)[0, 0]


def both_sides(x, w, dilation):
    half = (len(w) - 1) * dilation // 2
    return padded(x, w, dilation, half, half)


def only_whole_filters(x, w, dilation):
    y = causal(x, w, dilation)
    y[: (len(w) - 1) * dilation] = 0
    return y


def without_the_present(x, w, dilation):
    return causal(F.pad(x, (1, 0))[:-1], w, dilation)


CAUSAL = Exercise(
    id="04.causal",
    title="A filter that looks back",
    difficulty=2,
    minutes=12,
    contract="my_causal(x, w, dilation) takes numbers x (T,), weights w (K,) and a dilation d, and returns y (T,): "
    "y[t] = w[K-1]·x[t] + w[K-2]·x[t-d] + w[K-3]·x[t-2d] + …, the last weight for the present, with 0 for what lies "
    "before the text.",
    returns="(T,)",
    reference=causal,
    inputs=causal_inputs,
    misconceptions=(
        Misconception(
            "padding on both sides",
            both_sides,
            "Zeros stand on both sides, so the middle of the filter lies on the present: half of it sees the future.",
        ),
        Misconception(
            "padding behind",
            lambda x, w, dilation: padded(x, w, dilation, 0, (len(w) - 1) * dilation),
            "The zeros stand behind the text, so each position sees itself and what comes after it.",
        ),
        Misconception(
            "no padding",
            lambda x, w, dilation: padded(x, w, dilation, 0, 0),
            "The result is shorter than the text: what do the first positions look at?",
        ),
        Misconception(
            "filter the other way round",
            lambda x, w, dilation: causal(x, w.flip(0), dilation),
            "The first weight met the present: in this contract it is the last one that does.",
        ),
        Misconception(
            "dilation left out",
            lambda x, w, dilation: causal(x, w),
            "The filter looks at neighbours: with dilation d the positions it sees are d apart.",
        ),
        Misconception(
            "the present left out",
            without_the_present,
            "Every position sees its past alone: y[t] may see x[t], it is the target that is the next token.",
        ),
        Misconception(
            "the first number repeated",
            lambda x, w, dilation: padded(x, w, dilation, (len(w) - 1) * dilation, 0, mode="replicate"),
            "The first number was repeated in front of the text: there the contract has zeros.",
        ),
        Misconception(
            "the end in front of the beginning",
            lambda x, w, dilation: sum(w[len(w) - 1 - k] * x.roll(k * dilation) for k in range(len(w))),
            "The beginning sees the end of the text, as if it were a ring: that is the future, too.",
        ),
        Misconception(
            "nothing before the filter is whole",
            only_whole_filters,
            "The first results are 0: the weights that meet a number of the text count there, too.",
        ),
        Misconception(
            "a zero too many",
            lambda x, w, dilation: causal(F.pad(x, (dilation, 0))[: len(x)], w, dilation),
            "All comes d places late: K weights reach back (K - 1)·d places, so that many zeros stand in front.",
        ),
        Misconception(
            "two weights only",
            lambda x, w, dilation: causal(x, w[:2], dilation),
            "Only the first two weights had a say, as in section 4's filter of two: here there are K of them.",
        ),
    ),
)


EXERCISES = (DISCOUNT, CAUSAL)
