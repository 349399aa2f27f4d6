"""Attention read as word alignment, and measured against the true one.

Shapes: T time (target), S source time.
Sources: Och and Ney 2003, "A Systematic Comparison of Various Statistical Alignment Models", section 6, for sure and
possible links and the error rate; Chen et al. 2020, "Accurate Word Alignment Induction from Neural Machine
Translation", for reading the row of a word that is read, not of one that is written; Jalili Sabet et al. 2020,
"SimAlign", for links that both directions agree on; Dyer et al. 2013, "A Simple, Fast, and Effective
Reparameterization of IBM Model 2", for words that lie near the diagonal; Sinkhorn 1964 for rows and columns with given
sums.
"""

from collections import Counter
from collections.abc import Iterable, Set

import numpy as np

Link = tuple[int, int]
"""(i, j): the source's word i belongs to the target's word j."""


def best_links(weights: np.ndarray) -> set[Link]:
    """Each row's largest weight as a link, (T, S) -> T of them: which source word does target word j look at most?"""
    if np.ndim(weights) != 2:
        raise ValueError(f"weights of shape {np.shape(weights)}: give those of one head or a mean over heads, (T, S)")
    return {(int(i), j) for j, i in enumerate(np.argmax(weights, axis=1))}


def mutual_links(weights: np.ndarray) -> set[Link]:
    """The links of `best_links` whose weight is the largest of its column, too, (T, S) -> at most T of them.

    A target word that looks most at a source word which another target word looks at more gets none.
    """
    weights = np.asarray(weights)
    return {(i, j) for i, j in best_links(weights) if np.argmax(weights[:, i]) == j}


def shared_out(weights: np.ndarray, tension: float = 4.0, n_rounds: int = 100) -> np.ndarray:
    """The weights, bent to what is true of most pairs of sentences: (T, S) -> (T, S), each row of which sums to 1.

    Word i of S and word j of T lie at like places, so each weight counts exp(-tension·|i/S - j/T|) times, and no word
    is translated twice, so each column gets the same share, T/S. Of two words alike the nearer one is then linked, and
    a target word that needs no look gets what the others leave. 4 is the tension that fast_align begins with, 0 asks
    nothing of places. Weights of 0 count as one in a million. Raises ValueError for weights that are no (T, S) of
    finite numbers from 0 on, and for a negative tension.
    """
    weights = np.asarray(weights, dtype=float)
    if weights.ndim != 2 or not weights.size or not np.isfinite(weights).all() or weights.min() < 0:
        raise ValueError(f"weights of shape {weights.shape}: give finite ones from 0 on of one head or a mean, (T, S)")
    if not 0 <= tension < np.inf:
        raise ValueError(f"tension={tension!r}: give 0, which asks nothing of places, or more; 4 is usual")
    T, S = weights.shape
    j, i = np.arange(1, T + 1)[:, None] / T, np.arange(1, S + 1) / S  # (T, 1), (S,)
    plan = np.maximum(weights, 1e-6) * np.exp(-tension * abs(i - j))  # (T, S)
    for _ in range(n_rounds):
        plan = plan / plan.sum(axis=0) * T / S
        plan = plan / plan.sum(axis=1, keepdims=True)
    return plan


def sure_links(links: Iterable[Link]) -> set[Link]:
    """Those of the links whose target word has no other: "do" belongs to "of" and to "the", so neither is sure."""
    links = set(links)
    n_links = Counter(j for _, j in links)
    return {(i, j) for i, j in links if n_links[j] == 1}


def alignment_error_rate(found: Iterable[Set[Link]], sure: Iterable[Set[Link]], possible: Iterable[Set[Link]]) -> float:
    """1 - (|A∩S| + |A∩P|) / (|A| + |S|), the counts summed over all sentences: 0 is best, 1 worst.

    For each sentence the links that were found (A), those that have to be found (S, sure), and those that may be (P,
    possible), which include the sure ones. With S = P it is 1 - F1. Raises ValueError where nothing is to be compared.
    """
    hits = total = 0
    for a, s, p in zip(found, sure, possible, strict=True):
        if not s <= p:
            raise ValueError(f"{sorted(s - p)[:3]} are sure but not possible: possible links include the sure ones")
        hits += len(a & s) + len(a & p)
        total += len(a) + len(s)
    if not total:
        raise ValueError("there is no link, neither found nor sure: give at least one sentence that has some")
    return 1 - hits / total
