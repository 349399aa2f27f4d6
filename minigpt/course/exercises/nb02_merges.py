"""Exercises of notebook 02 about merges: one of them, and all in the order in which they were learnt."""

from collections import Counter
from itertools import pairwise

from minigpt.course.exercise import Exercise, Misconception


def merged(ids, pair, new):
    result, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == tuple(pair):
            result.append(new)
            i += 2
        else:
            result.append(ids[i])
            i += 1
    return result


def overlapping(ids, pair, new):
    result, covered = [], False
    for i, token in enumerate(ids):
        found = tuple(ids[i : i + 2]) == tuple(pair)
        if found:
            result.append(new)
        elif not covered:
            result.append(token)
        covered = found
    return result


def only_first(ids, pair, new):
    for i in range(len(ids) - 1):
        if (ids[i], ids[i + 1]) == tuple(pair):
            return [*ids[:i], new, *ids[i + 2 :]]
    return list(ids)


def right_half_kept(ids, pair, new):
    return [new if tuple(ids[i : i + 2]) == tuple(pair) else token for i, token in enumerate(ids)]


def in_any_order(ids, pair, new):
    result, i = [], 0
    while i < len(ids):
        found = sorted(ids[i : i + 2]) == sorted(pair)
        result.append(new if found else ids[i])
        i += 2 if found else 1
    return result


def last_lost(ids, pair, new):
    result, i = [], 0
    while i < len(ids) - 1:
        found = (ids[i], ids[i + 1]) == tuple(pair)
        result.append(new if found else ids[i])
        i += 2 if found else 1
    return result


def added(ids, pair, new):
    return [sum(pair) if token is None else token for token in merged(ids, pair, None)]


def from_the_right(ids, pair, new):
    return merged(ids[::-1], pair[::-1], new)[::-1]


def merged_inputs():
    yield [1, 2, 3], (1, 2), 9
    yield [2, 1, 2, 1], (1, 2), 9
    yield [4, 4, 4], (4, 4), 9
    yield [1, 2, 3, 1, 2, 2, 1], (1, 2), 7
    yield [4, 4, 4, 5, 4, 4, 4, 4], (4, 4), 8
    yield [11, 2, 1, 22], (1, 2), 9


MERGE = Exercise(
    id="02.merge",
    title="One merge",
    difficulty=1,
    minutes=8,
    contract="my_merged(ids, pair, new) returns a new list in which each occurrence of the pair, from left to right "
    "and without overlap, is replaced by the id `new`.",
    returns="a list",
    reference=merged,
    inputs=merged_inputs,
    misconceptions=(
        Misconception(
            "overlapping merges",
            overlapping,
            "An id took part in two merges: in “aaa” the pair “aa” can be merged only once, so where does the search "
            "go on after a merge?",
        ),
        Misconception(
            "only the first",
            only_first,
            "Only the first occurrence was merged: what ends the loop?",
        ),
        Misconception(
            "right half kept",
            right_half_kept,
            "The right half of the pair is still there after its merge: how far does the position move on?",
        ),
        Misconception(
            "left and right alike",
            in_any_order,
            "The pair was merged the other way round too: which of the two stands left matters.",
        ),
        Misconception(
            "the last one lost",
            last_lost,
            "The last id went missing where it is part of no pair: where does the loop end?",
        ),
        Misconception(
            "the two ids added",
            added,
            "The two ids were added, as letters were joined in section 3: ids are names, and the merged one is `new`.",
        ),
        Misconception(
            "from the right",
            from_the_right,
            "In a run such as “aaa” the merge began at the right end: the contract asks for left to right.",
        ),
        Misconception(
            "nothing merged",
            lambda ids, pair, new: list(ids),
            "Nothing was merged: is a list compared with a tuple somewhere? They are never equal.",
        ),
    ),
)


def encoded(ids, merges):
    for pair, new in merges.items():
        ids = merged(ids, pair, new)
    return ids


def last_rank_first(ids, merges):
    while found := [pair for pair in merges if pair in pairwise(ids)]:
        ids = merged(ids, found[-1], merges[found[-1]])
    return ids


def leftmost_first(ids, merges):
    while found := [pair for pair in pairwise(ids) if pair in merges]:
        i = list(pairwise(ids)).index(found[0])
        ids = [*ids[:i], merges[found[0]], *ids[i + 2 :]]
    return ids


def most_frequent_first(ids, merges):
    while found := Counter(pair for pair in pairwise(ids) if pair in merges):
        pair = min(found, key=lambda pair: (-found[pair], merges[pair]))
        ids = merged(ids, pair, merges[pair])
    return ids


def longest_piece(ids, merges):
    pieces = {}
    for (left, right), new in merges.items():
        pieces[new] = pieces.get(left, (left,)) + pieces.get(right, (right,))
    pieces = {piece: new for new, piece in pieces.items()} | {(token,): token for token in ids}
    result, i = [], 0
    while i < len(ids):
        size = max(n for n in range(1, len(ids) - i + 1) if tuple(ids[i : i + n]) in pieces)
        result.append(pieces[tuple(ids[i : i + size])])
        i += size
    return result


def one_merge(ids, merges):
    found = [pair for pair in merges if pair in pairwise(ids)]
    return merged(ids, found[0], merges[found[0]]) if found else list(ids)


def backwards_once(ids, merges):
    for pair, new in reversed(merges.items()):
        ids = merged(ids, pair, new)
    return ids


def first_places_only(ids, merges):
    for pair, new in merges.items():
        ids = only_first(ids, pair, new)
    return ids


def by_size(ids, merges):
    for pair in sorted(merges):
        ids = merged(ids, pair, merges[pair])
    return ids


def encoded_inputs():
    yield [1, 2, 3], {(2, 3): 10, (1, 2): 11}
    yield [1, 2, 3], {(1, 2): 10, (2, 3): 11}
    yield [1, 2, 3], {(2, 3): 10, (1, 2): 11, (1, 10): 12}
    yield [1, 2, 3, 1], {(1, 2): 10, (10, 3): 11}
    yield [1, 2, 3, 4, 5, 1, 2], {(3, 4): 10, (1, 2): 11, (2, 10): 12, (11, 10): 13, (13, 5): 14}
    yield [1, 2, 1, 2, 3, 1, 2, 2, 3], {(2, 3): 10, (1, 2): 11, (11, 11): 12, (1, 10): 13}
    yield [4, 1, 2, 3], {(2, 3): 10, (1, 2): 11, (4, 1): 12}


ENCODE = Exercise(
    id="02.encode",
    title="Encode with learnt merges",
    difficulty=3,
    minutes=12,
    contract="my_encoded(ids, merges) takes ids and a dictionary pair → new id in the order in which the merges were "
    "learnt; while a pair of neighbours has a merge, the merge that was learnt first is done, everywhere. It returns "
    "the ids.",
    returns="a list",
    reference=encoded,
    inputs=encoded_inputs,
    misconceptions=(
        Misconception(
            "learnt last, done first",
            last_rank_first,
            "The merge that was learnt last went first: look at which end of the order you take.",
        ),
        Misconception(
            "learnt last, done first, once",
            backwards_once,
            "The merges were done in backward order, so that pairs of merged ids were not there yet.",
        ),
        Misconception(
            "from left to right",
            leftmost_first,
            "The leftmost pair went first: what decides is when a merge was learnt, not where its pair stands.",
        ),
        Misconception(
            "most frequent in this text",
            most_frequent_first,
            "The pair that is most frequent in this text went first: counts mattered in training, in encoding it is "
            "the order of learning.",
        ),
        Misconception(
            "longest piece",
            longest_piece,
            "From the left the longest known piece was taken, as WordPiece does: byte-pair encoding repeats its "
            "merges.",
        ),
        Misconception(
            "in the order of the pairs",
            by_size,
            "The merges were sorted by their ids: a dictionary keeps its order, here that of learning.",
        ),
        Misconception(
            "first places only",
            first_places_only,
            "Each merge was done at one place only: it belongs everywhere its pair stands.",
        ),
        Misconception(
            "nothing merged",
            lambda ids, merges: list(ids),
            "The ids came back as they went in: does each merge's result become the list of the next?",
        ),
        Misconception(
            "one merge only",
            one_merge,
            "It stopped after one merge: the ids that came out may hold further pairs.",
        ),
    ),
)

EXERCISES = (MERGE, ENCODE)
