"""Attention read as word alignment, and measured against the true one.

Shapes: T time (target), S source time.
Sources: Och and Ney 2003, "A Systematic Comparison of Various Statistical Alignment Models", section 6, for sure and
possible links and the error rate; Chen et al. 2020, "Accurate Word Alignment Induction from Neural Machine
Translation", for reading the row of a word that is read, not of one that is written; Jalili Sabet et al. 2020,
"SimAlign", for links that both directions agree on.
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
