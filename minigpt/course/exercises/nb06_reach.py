"""Exercises of notebook 06: what a position can know of through several layers, and whether it is too much.

Shapes: T time.
"""

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.models.attention import causal_mask


def with_itself(mask):
    return mask | torch.eye(len(mask), dtype=torch.bool)


def powered(steps, n):
    """Which positions n steps lead to, each along a True of `steps`."""
    return torch.linalg.matrix_power(steps.double(), n) > 0


def reach(mask, n):
    return powered(with_itself(mask), n)


def reach_inputs():
    yield torch.tensor([[False, False], [True, True]]), 1
    yield band(5, 0, 1), 2
    yield band(7, 1, 1), 3  # the token before, and not itself
    yield band(6, -1, 0), 2  # itself and the next one


def band(T, nearest, farthest):
    """The mask of those who look `nearest` to `farthest` positions back; negative numbers look ahead."""
    back = torch.arange(T)[:, None] - torch.arange(T)
    return (back >= nearest) & (back <= farthest)


def squared_each_time(mask, n):
    known = with_itself(mask)
    for _ in range(n - 1):
        known = powered(known, 2)
    return known


REACH = Exercise(
    id="06.reach",
    title="What can be known after n layers",
    difficulty=2,
    minutes=12,
    contract="my_reach(mask, n) takes a mask (T, T), True where row t may look at column s in each layer, and a number "
    "of layers, at least 1, and returns a (T, T) tensor of True and False: True where position t, after n layers, can "
    "know of what went in at s. Each position also keeps what it knows, whatever the mask says of the diagonal.",
    returns="(T, T)",
    reference=reach,
    inputs=reach_inputs,
    misconceptions=(
        Misconception(
            "one layer only",
            lambda mask, n: with_itself(mask),
            "This is what one layer allows: in the next one, those who are looked at have heard from others.",
        ),
        Misconception(
            "the mask as it came",
            lambda mask, n: mask,
            "This is the mask as it came: each position knows of itself too, and hears more in each further layer.",
        ),
        Misconception(
            "a window of n, whatever the mask",
            lambda mask, n: causal_mask(len(mask)).triu(-n),
            "This is right for one mask, a token and the one before it: here any cell may be True.",
        ),
        Misconception(
            "a position forgets itself",
            lambda mask, n: powered(mask, n),
            "What a position knew is lost unless the mask lets it look at itself: a layer adds to it, and it stays.",
        ),
        Misconception(
            "itself only at the end",
            lambda mask, n: with_itself(powered(mask, n)),
            "A position keeps what it knows in every layer: added once at the end, what it knew on the way is lost.",
        ),
        Misconception(
            "numbers instead of True and False",
            lambda mask, n: torch.linalg.matrix_power(with_itself(mask).double(), n),
            "These numbers count along how many ways something can be known: the question is whether there is one.",
        ),
        Misconception(
            "one layer too many",
            lambda mask, n: reach(mask, n + 1),
            "This is the reach of one layer more: after 1 layer it is the mask itself, and the diagonal.",
        ),
        Misconception(
            "one layer too few",
            lambda mask, n: reach(mask, n - 1),
            "This is the reach of one layer less: after 1 layer it is the mask itself, and the diagonal.",
        ),
        Misconception(
            "rows and columns swapped",
            lambda mask, n: reach(mask, n).T,
            "Row t says who can know of t here: it should say what t can know of.",
        ),
        Misconception(
            "as if there were always more layers",
            lambda mask, n: reach(mask, len(mask)),
            "This is what can be known when layers never end: n of them carry a message n steps far.",
        ),
        Misconception(
            "all that came before",
            lambda mask, n: causal_mask(len(mask)),
            "This is the triangle, whatever the mask: a narrow mask reaches less far, another one may look ahead.",
        ),
        Misconception(
            "reach doubled in each layer",
            squared_each_time,
            "The reach doubles in each layer here: a layer adds one step of the mask to what is known by then.",
        ),
    ),
)


def cheats(mask):
    return mask.triu(1).any()


def cheats_inputs():
    yield (torch.ones(2, 2, dtype=torch.bool),)
    yield (causal_mask(3),)
    yield (band(4, 0, 1),)
    yield (torch.eye(3, dtype=torch.bool),)
    yield (band(3, 1, 2),)  # strictly before
    for t, s, T in [(1, 2, 3), (0, 3, 4), (0, 1, 4)]:  # a triangle with one leak
        leaking = causal_mask(T)
        leaking[t, s] = True
        yield (leaking,)
    yield (band(3, -2, 0),)
    yield (~torch.eye(2, dtype=torch.bool),)  # each sees the other


CHEAT = Exercise(
    id="06.cheat",
    title="Does this mask let a model cheat?",
    difficulty=1,
    minutes=6,
    contract="my_cheats(mask) takes a mask (T, T), True where row t may look at column s in every layer of a model, "
    "and returns True if some position can know of a later one, in however many layers, else False.",
    returns="True or False",
    reference=cheats,
    inputs=cheats_inputs,
    misconceptions=(
        Misconception(
            "itself counted as the future",
            lambda mask: mask.triu().any(),
            "A position that sees itself does not cheat: its own token is known when the next one is predicted.",
        ),
        Misconception(
            "whatever is not the triangle",
            lambda mask: not torch.equal(mask, causal_mask(len(mask))),
            "A mask that hides more than the triangle does is called a cheat here: which cells give the future away?",
        ),
        Misconception(
            "only the full mask",
            lambda mask: mask.all(),
            "Only a mask that hides nothing is called a cheat here: one leak is enough.",
        ),
        Misconception(
            "all of the future",
            lambda mask: mask.triu(1).equal(torch.ones_like(mask).triu(1)),
            "A cheat is recognised only if the whole future can be seen: one leak is enough.",
        ),
        Misconception(
            "only the next position",
            lambda mask: mask.diagonal(1).any(),
            "Only the next position was looked at: something farther ahead is the future as well.",
        ),
        Misconception(
            "only the last position",
            lambda mask: mask[:-1, -1].any(),
            "Only looks at the last position count here: any later one is the future of those before it.",
        ),
        Misconception(
            "any True at all",
            lambda mask: mask.any(),
            "Every mask is called a cheat here: which of its cells let a row look ahead?",
        ),
        Misconception(
            "no mask at all",
            lambda mask: mask.triu(1).all(),
            "No mask is called a cheat here: one cell that looks ahead is enough, and it need not be all of them.",
        ),
        Misconception(
            "the past instead of the future",
            lambda mask: mask.tril(-1).any(),
            "Those who look back are called cheats here: columns to the left of the diagonal came before.",
        ),
        Misconception(
            "True where it is fair",
            lambda mask: not mask.triu(1).any(),
            "Fair masks are called cheats, and cheats fair: what should True mean?",
        ),
        Misconception(
            "counted instead of looked at",
            lambda mask: mask.sum() > len(mask) * (len(mask) + 1) / 2,
            "The number of cells does not tell where they stand: a mask may be as large as the triangle, and look "
            "ahead.",
        ),
    ),
)

EXERCISES = (REACH, CHEAT)
