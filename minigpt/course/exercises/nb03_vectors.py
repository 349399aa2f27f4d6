"""Exercise of notebook 03: what is to c as b is to a?

Shapes: C channels (n_embd), V vocabulary.
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


def with_scores(change):
    """The analogy with other scores: change(cosines)."""

    def found(vectors, a, b, c):
        unit = F.normalize(vectors, dim=-1)
        return best(change(cosines(vectors, unit[b] - unit[a] + unit[c])), a, b, c)

    return found


def place_among_the_others(vectors, a, b, c):
    unit = F.normalize(vectors, dim=-1)
    kept = [i for i in range(len(vectors)) if i not in (a, b, c)]
    return (unit[kept] @ (unit[b] - unit[a] + unit[c])).argmax().item()


def columns_made_one_long(vectors, a, b, c):
    unit = F.normalize(vectors, dim=0)
    return best(unit @ (unit[b] - unit[a] + unit[c]), a, b, c)


def scores_set_to_0(vectors, a, b, c):
    unit = F.normalize(vectors, dim=-1)
    scores = unit @ (unit[b] - unit[a] + unit[c])
    scores[[a, b, c]] = 0
    return scores.argmax().item()


def fourth_of_the_order(vectors, a, b, c):
    unit = F.normalize(vectors, dim=-1)
    return (unit @ (unit[b] - unit[a] + unit[c])).argsort(descending=True)[3].item()


def analogy_inputs():
    yield torch.tensor([[1, 0], [1, 0.2], [1, 0.1], [-1, 0.3], [-1, -2]]), 0, 1, 2  # all that may be are behind
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
            with_scores(torch.neg),
            "This is the word furthest away: near is where the cosine is large.",
        ),
        Misconception(
            "only a and b left out",
            with_target(lambda a, b, c: b - a + c, left_out="ab"),
            "Only a and b are left out: c may still win, and mostly does.",
        ),
        Misconception(
            "scores set to 0",
            scores_set_to_0,
            "a, b and c got the score 0, which beats negative cosines: what is below all of them?",
        ),
        Misconception(
            "fourth of the order",
            fourth_of_the_order,
            "This is the fourth of the order: a, b and c need not be the first three.",
        ),
        Misconception(
            "b and c added",
            with_target(lambda a, b, c: b + c),
            "a plays no part in this target: the step goes from a to b.",
        ),
        Misconception(
            "from c to a",
            with_target(lambda a, b, c: a + b - c),
            "Here the step from c to a is taken from b: a and c have changed places.",
        ),
        Misconception(
            "without the sign",
            with_scores(torch.abs),
            "The sign of the cosines is gone: the opposite direction is the furthest there is.",
        ),
        Misconception(
            "columns made one long",
            columns_made_one_long,
            "Columns were brought to length 1: each word's row is to have that length.",
        ),
        Misconception(
            "place among the others",
            place_among_the_others,
            "The place was counted after a, b and c were taken out: which id has that word in the whole table?",
        ),
    ),
)

EXERCISES = (ANALOGY,)
