"""Vectors in a plane: what two principal axes keep of them, who is near whom, and who belongs to which group."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from minigpt.views import plain

MOST_GROUPS = 8  # as many shapes are told apart
CHUNK = 256  # rows of a table of all pairs that are in memory at once


class Neighbours(NamedTuple):
    """For each of n vectors its k nearest, nearest first, all (n, k)."""

    near: np.ndarray
    """By cosine, in all dimensions."""
    near_cosines: np.ndarray
    seen: np.ndarray
    """By distance in the picture."""
    seen_cosines: np.ndarray

    @property
    def agreeing(self) -> np.ndarray:
        """(n,) how many of the k nearest by cosine are among the k that look nearest."""
        return (self.near[:, :, None] == self.seen[:, None, :]).any(2).sum(1)


def to_plane(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (n, C) on their two principal axes, (n, 2), and the share of the variance that each axis keeps, (2,).

    Principal component analysis: singular value decomposition of the centred vectors. An axis may point either way;
    here the one of its C numbers that is furthest from 0 is positive, so that the same vectors give the same picture.
    Vectors that are all the same have no variance and come to lie on (0, 0), with shares of 0.
    """
    points, shares = np.zeros((len(vectors), 2)), np.zeros(2)
    if is_one_point(vectors):
        return points, shares
    centred = vectors - vectors.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)  # (min(n, C),), (min(n, C), C)
    for axis, direction in enumerate(axes[:2]):
        largest = direction[np.abs(direction).argmax()]
        points[:, axis] = centred @ direction * np.sign(largest)
        shares[axis] = sizes[axis] ** 2 / np.square(sizes).sum()
    return points, shares


def is_one_point(vectors: np.ndarray) -> bool:
    """Whether all vectors are the same, but for the rounding of float32."""
    spread = np.abs(vectors - vectors[0]).max()
    return bool(spread <= 1e-6 * np.abs(vectors).max())


def spots(points: np.ndarray, group_of: Sequence[int], tolerance: float = 1e-4) -> list[list[int]]:
    """The points (n, 2) on each spot, by number, those of one group together; most spots have one point."""
    found: list[list[int]] = []
    firsts = np.zeros((0, 2))
    for n, point in enumerate(points):
        near = np.flatnonzero(np.hypot(*(firsts - point).T) < tolerance)
        if len(near):
            found[near[0]].append(n)
        else:
            found.append([n])
            firsts = np.vstack([firsts, point])
    return [sorted(spot, key=lambda n: (group_of[n], n)) for spot in found]


def directions(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1: their dot products are cosines. The zero vector has no direction and stays: cosine 0."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def neighbours(vectors: np.ndarray, points: np.ndarray, k: int) -> Neighbours:
    """The k nearest of each vector by cosine (n, C), and of each point by distance (n, 2); itself left out."""
    n, units = len(vectors), directions(vectors)
    found = Neighbours(*(np.zeros((n, k), dtype) for dtype in (int, float, int, float)))
    for start in range(0, n, CHUNK):
        rows = np.arange(start, min(start + CHUNK, n))
        cosines = np.round(units[rows] @ units.T, 9)  # equal vectors tie, whatever the rounding
        away = np.square(points[rows, None] - points).sum(axis=2)
        for distances, order, own in (
            (-cosines, found.near, found.near_cosines),
            (away, found.seen, found.seen_cosines),
        ):
            distances = distances.copy()
            distances[np.arange(len(rows)), rows] = np.inf
            order[rows] = np.argsort(distances, axis=1, kind="stable")[:, :k]
            own[rows] = np.take_along_axis(cosines, order[rows], axis=1)
    return found


def numbered(names: Sequence[str | None], what: str, order: Iterable[str] | None = None) -> tuple[list[str], list[int]]:
    """Group names, in this order or that of their first appearance, and for each entry its number; -1 for None."""
    cleaned = [None if name is None else plain.label(name) for name in names]
    found = [name for name in cleaned if name is not None]
    groups = list(dict.fromkeys(found if order is None else [*map(plain.label, order)]))
    if len(groups) > MOST_GROUPS:
        raise ValueError(
            f"{what} has {len(groups)} different names: at most {MOST_GROUPS} can be told apart; join some"
        )
    return groups, [-1 if name is None else groups.index(name) for name in cleaned]


def group_of_each(words: Sequence[str], groups: Mapping[str, Sequence[str]]) -> list[str | None]:
    """{"animals": ["cat"]} as the name of each word's group, None for a word in none."""
    of: dict[str, str] = {}
    for name, members in groups.items():
        if isinstance(members, str):
            raise TypeError(f"groups[{name!r}] is a list of words, not one string")
        for word in members:
            if word not in words:
                raise ValueError(f"groups[{name!r}] has {word!r}, and it is none of the {len(words):,} words")
            if of.setdefault(word, name) != name:
                raise ValueError(f"{word!r} is in the groups {of[word]!r} and {name!r}: one for each word")
    return [of.get(word) for word in words]
