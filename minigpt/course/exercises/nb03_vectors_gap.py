"""Exercise of notebook 03: how far a model tells two senses of a word apart.

Shapes: C channels (n_embd), N sentences.
"""

import torch
import torch.nn.functional as F

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


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


def divided_by_all(vectors, senses):
    same, others = pairs_of(senses)
    cosines = similarities(vectors)
    return ((cosines * same).mean() - (cosines * (~same & others)).mean()).item()


def of_one_sense(vectors, senses):
    both = (senses[:, None] * senses).bool() & pairs_of(senses)[1]
    cosines = similarities(vectors)
    return (cosines[both].mean() - cosines[senses[:, None] != senses].mean()).item()


def sentence_by_sentence(vectors, senses):
    same, others = pairs_of(senses)
    cosines, different = similarities(vectors), ~same & others
    return ((cosines * same).sum(1) / same.sum(1) - (cosines * different).sum(1) / different.sum(1)).mean().item()


def summed(vectors, senses):
    same, others = pairs_of(senses)
    return (similarities(vectors)[same].sum() - similarities(vectors)[~same & others].sum()).item()


def itself_as_different(vectors, senses):
    same, _ = pairs_of(senses)
    return (similarities(vectors)[same].mean() - similarities(vectors)[~same].mean()).item()


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
            "divided by all cells",
            divided_by_all,
            "The sums were divided by the number of all cells, (N, N): a mean is over the cells in the mask alone.",
        ),
        Misconception(
            "itself as different",
            itself_as_different,
            "The diagonal went among the different senses: a sentence and itself belong to neither.",
        ),
        Misconception(
            "pairs of one sense only",
            of_one_sense,
            "Only pairs of sense 1 count as the same: two of sense 0 have the same sense, too.",
        ),
        Misconception(
            "sentence by sentence",
            sentence_by_sentence,
            "Each sentence got a gap of its own and then the same weight: here each pair weighs the same.",
        ),
        Misconception(
            "sums instead of means",
            summed,
            "The cosines were added up: there are more pairs of one kind than of the other, so take means.",
        ),
        Misconception(
            "only one side of length 1",
            lambda vectors, senses: pooled(F.normalize(vectors, dim=-1) @ vectors.T, senses),
            "Only one of the two vectors of a product has length 1: a cosine is divided by both lengths.",
        ),
        Misconception(
            "columns made one long",
            lambda vectors, senses: pooled(F.normalize(vectors, dim=0) @ F.normalize(vectors, dim=0).T, senses),
            "Columns were brought to length 1: a cosine needs each sentence's vector at length 1.",
        ),
    ),
)

EXERCISES = (GAP,)
