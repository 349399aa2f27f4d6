"""Exercises of notebook 03: what is to c as b is to a, and how far a model tells two senses apart.

Shapes: C channels (n_embd), N sentences, V vocabulary.
"""

import torch
import torch.nn.functional as F

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def analogy(vectors, a, b, c):
    unit = F.normalize(vectors, dim=-1)
    return best(unit @ (unit[b] - unit[a] + unit[c]), a, b, c)


def best(scores, *left_out):
    """The place of the largest score, but for those that are left out."""
    scores = scores.clone()
    scores[list(left_out)] = -torch.inf
    return scores.argmax().item()


def cosines(vectors, target):
    return F.normalize(vectors, dim=-1) @ target / target.norm()


def with_target(formula, left_out="abc"):
    """The analogy with another target, or with other words left out."""

    def found(vectors, a, b, c):
        unit, given = F.normalize(vectors, dim=-1), {"a": a, "b": b, "c": c}
        return best(cosines(vectors, formula(unit[a], unit[b], unit[c])), *(given[name] for name in left_out))

    return found


def place_among_the_others(vectors, a, b, c):
    unit = F.normalize(vectors, dim=-1)
    kept = [i for i in range(len(vectors)) if i not in (a, b, c)]
    return (unit[kept] @ (unit[b] - unit[a] + unit[c])).argmax().item()


def analogy_inputs():
    for V, C, seed in ((5, 2, 1), (8, 3, 3), (9, 4, 2), (12, 3, 5), (15, 4, 8), (20, 3, 9), (25, 5, 4)):
        lengths = 0.4 + 2 * torch.rand(V, 1, generator=torch.Generator().manual_seed(seed))
        yield numbers(V, C, seed=seed) * lengths, 2, 0, 3 + seed % 2


ANALOGY = Exercise(
    id="03.analogy",
    title="What is to c as b is to a?",
    difficulty=2,
    minutes=10,
    contract="my_analogy(vectors, a, b, c) takes a table (V, C) and the ids of three words. Each row is first brought "
    "to length 1; with these rows, it returns the id of the word whose cosine with b - a + c is largest, a, b and c "
    "left out.",
    returns="a whole number",
    reference=analogy,
    inputs=analogy_inputs,
    misconceptions=(
        Misconception(
            "question words not left out",
            with_target(lambda a, b, c: b - a + c, left_out=""),
            "The answer is at times one of the three words that were given: they are to be left out.",
        ),
        Misconception(
            "only c left out",
            with_target(lambda a, b, c: b - a + c, left_out="c"),
            "Only c is left out: a and b were given, too.",
        ),
        Misconception(
            "lengths left as they were",
            lambda vectors, a, b, c: best(vectors @ (vectors[b] - vectors[a] + vectors[c]), a, b, c),
            "These are dot products of rows as they came: a long row wins with the wrong direction.",
        ),
        Misconception(
            "target from rows of any length",
            lambda vectors, a, b, c: best(cosines(vectors, vectors[b] - vectors[a] + vectors[c]), a, b, c),
            "The target was made of rows as they came: bring them to length 1 before they are added.",
        ),
        Misconception(
            "scores of rows of any length",
            lambda vectors, a, b, c: best(
                vectors @ (F.normalize(vectors, dim=-1)[b] - F.normalize(vectors, dim=-1)[a])
                + vectors @ F.normalize(vectors, dim=-1)[c],
                a,
                b,
                c,
            ),
            "The target is right, but it met rows of any length: a cosine is of two directions.",
        ),
        Misconception(
            "a and b swapped",
            with_target(lambda a, b, c: a - b + c),
            "The step goes from b to a: what leads from a to b?",
        ),
        Misconception(
            "all three added",
            with_target(lambda a, b, c: a + b + c),
            "All three were added: the step from a to b is a difference.",
        ),
        Misconception(
            "c taken away",
            with_target(lambda a, b, c: b - a - c),
            "The step was taken away from c: go on from c, c plus the step.",
        ),
        Misconception(
            "nearest to the step alone",
            with_target(lambda a, b, c: b - a),
            "The step leads from the origin here: it should start at c.",
        ),
        Misconception(
            "nearest to c alone",
            with_target(lambda a, b, c: c),
            "These are the neighbours of c: the step from a to b has no say.",
        ),
        Misconception(
            "the least alike",
            lambda vectors, a, b, c: best(
                -cosines(vectors, (u := F.normalize(vectors, dim=-1))[b] - u[a] + u[c]), a, b, c
            ),
            "This is the word furthest away: near is where the cosine is large.",
        ),
        Misconception(
            "place among the others",
            place_among_the_others,
            "The place was counted after a, b and c were taken out: which id has that word in the whole table?",
        ),
    ),
)


def gap(vectors, senses):
    return pooled(similarities(vectors), senses)


def similarities(vectors):
    unit = F.normalize(vectors, dim=-1)
    return unit @ unit.T


def pooled(cosines, senses):
    same, others = pairs_of(senses)
    return (cosines[same].mean() - cosines[~same & others].mean()).item()


def pairs_of(senses):
    """Which pairs have the same sense, and which are of two different sentences: (N, N), (N, N)"""
    others = ~torch.eye(len(senses), dtype=torch.bool)
    return (senses[:, None] == senses) & others, others


def with_itself(vectors, senses):
    same = senses[:, None] == senses
    return (similarities(vectors)[same].mean() - similarities(vectors)[~same].mean()).item()


def same_minus_all(vectors, senses):
    same, others = pairs_of(senses)
    return (similarities(vectors)[same].mean() - similarities(vectors)[others].mean()).item()


def sense_by_sense(vectors, senses):
    same, _ = pairs_of(senses)
    cosines = similarities(vectors)
    means = [cosines[same & (senses == s)[:, None]].mean() for s in senses.unique()]
    return (torch.stack(means).mean() - cosines[senses[:, None] != senses].mean()).item()


def of_the_means(vectors, senses):
    means = torch.stack([vectors[senses == s].mean(0) for s in senses.unique()])
    return 1 - F.cosine_similarity(means[0], means[1], dim=0).item()


def distances(vectors, senses):
    return -pooled(torch.cdist(vectors, vectors), senses)


def part(of):
    """One of the two means alone."""

    def found(vectors, senses):
        same, others = pairs_of(senses)
        return similarities(vectors)[same if of == "same" else ~same & others].mean().item()

    return found


def ratio(vectors, senses):
    return part("same")(vectors, senses) / part("different")(vectors, senses)


def gap_inputs():
    for senses, C, seed in (([0, 1, 0, 1], 3, 0), ([0, 0, 1, 0, 1, 0], 4, 1), ([1, 1, 0, 1, 1, 1, 0, 0, 1], 5, 2)):
        which = torch.tensor(senses)
        lengths = 0.3 + 2 * torch.rand(len(which), 1, generator=torch.Generator().manual_seed(seed))
        yield lengths * (1 + numbers(len(which), C, seed=seed) + which[:, None] * numbers(C, seed=9)), which


GAP = Exercise(
    id="03.gap",
    title="How far apart two senses are",
    difficulty=3,
    minutes=12,
    contract="my_gap(vectors, senses) takes the vectors of one word in N sentences (N, C) and the number of its sense "
    "in each (N,), 0 or 1. It returns the mean cosine of all pairs of two different sentences with the same sense, "
    "minus that of all pairs with different senses.",
    returns="a number",
    reference=gap,
    inputs=gap_inputs,
    misconceptions=(
        Misconception(
            "each sentence with itself",
            with_itself,
            "Each sentence was compared with itself, too: that cosine is 1 and makes every model look good.",
        ),
        Misconception(
            "dot products instead of cosines",
            lambda vectors, senses: pooled(vectors @ vectors.T, senses),
            "These are dot products: they grow with the lengths, cosines do not.",
        ),
        Misconception(
            "distances instead of cosines",
            distances,
            "Distances were compared: they depend on the lengths, and the contract asks for cosines.",
        ),
        Misconception(
            "different minus same",
            lambda vectors, senses: -gap(vectors, senses),
            "The sign is the other way round: a model that tells senses apart has a gap above 0.",
        ),
        Misconception(
            "same sense alone",
            part("same"),
            "This is the mean within a sense alone: it is high in any model whose vectors all look one way.",
        ),
        Misconception(
            "different senses alone",
            part("different"),
            "This is the mean between the senses alone: without that within a sense it says little.",
        ),
        Misconception(
            "same minus all",
            same_minus_all,
            "The mean of all pairs was taken away: take that of pairs with different senses.",
        ),
        Misconception(
            "mean of the senses' means",
            sense_by_sense,
            "Each sense got the same weight, however many sentences it has: here each pair weighs the same.",
        ),
        Misconception(
            "cosine of the mean vectors",
            of_the_means,
            "One mean vector for each sense was compared with the other: that hides how scattered a sense is.",
        ),
        Misconception(
            "a ratio instead of a difference",
            ratio,
            "The two means were divided: take one from the other.",
        ),
        Misconception(
            "centred first",
            lambda vectors, senses: gap(vectors - vectors.mean(0), senses),
            "The mean of all vectors was taken away first: that is a useful step, but another measure.",
        ),
        Misconception(
            "columns made one long",
            lambda vectors, senses: pooled(F.normalize(vectors, dim=0) @ F.normalize(vectors, dim=0).T, senses),
            "Columns were brought to length 1: a cosine needs each sentence's vector at length 1.",
        ),
    ),
)

EXERCISES = (ANALOGY, GAP)
