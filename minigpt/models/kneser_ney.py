"""Kneser-Ney: the n-gram that asks, when it leans on a shorter context, after how many different words a token came.

Shapes: T time, V vocabulary.
Sources: Kneser and Ney 1995; the interpolated form, with one discount for each order, of Chen and Goodman 1999.
(Their "modified" Kneser-Ney has three discounts for each order.)
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from minigpt.models.ngram import NGram

Context = tuple[int, ...]
TOO_FEW = 0.75
"""The discount where there is no n-gram seen once or none seen twice to estimate it from."""


class Lowered(NamedTuple):
    """Counts as Kneser and Ney use them."""

    counts: dict[Context, Counter[int]]
    """Context -> next token -> how often; for all but the longest contexts, after how many different tokens."""
    sums: dict[Context, int]
    discounts: list[float]
    """D of each length of context, from 0 to n - 1."""


class KneserNey(NGram):
    """Counts of contexts up to n - 1 tokens long, each lowered by D; what that frees goes to the next shorter context.

    p(w | context) = (max(count(context, w) - D, 0) + D · kinds(context) · p(w | shorter context)) / count(context)

    `kinds` is how many different tokens came after the context. For the longest contexts `count` is how often. For
    shorter ones it is the number of different tokens that stood before: "Francisco" is frequent, but comes after
    "San" alone, so it is not likely after something new. Below the empty context all V tokens are equally likely.
    The beginning of a text counts as one more token that something may come after.
    """

    def __init__(self, n: int, n_vocab: int, discount: float | None = None):
        super().__init__(n, n_vocab)
        if discount is not None and not 0 < discount <= 1:
            raise ValueError(f"discount={discount}: take a number above 0 and up to 1, or None to estimate it")
        self.discount = discount
        self.starts: set[Context] = set()

    def fit(self, ids: Sequence[int]) -> "KneserNey":
        """Count a text. Counts add up over several calls; each text has its own beginning."""
        ids = [int(token) for token in ids]
        super().fit(ids)
        self.starts.update(tuple(ids[:length]) for length in range(1, min(self.n, len(ids) + 1)))
        vars(self).pop("lowered", None)  # counted anew when the next probability is asked for
        return self

    @cached_property
    def lowered(self) -> "Lowered":
        """What the formula needs, from the counts of all texts."""
        used = self.count_kinds_before()
        used.update((context, counter) for context, counter in self.counts.items() if len(context) == self.n - 1)
        sums = {context: sum(counter.values()) for context, counter in used.items()}
        return Lowered(used, sums, [self.estimate_discount(used, length) for length in range(self.n)])

    def count_kinds_before(self) -> dict[Context, Counter[int]]:
        """For each context shorter than n - 1 and the token after it: how many different tokens stood before both."""
        kinds: defaultdict[Context, Counter[int]] = defaultdict(Counter)
        for context, counter in self.counts.items():
            if context:
                kinds[context[1:]].update(counter.keys())  # each key counts once
        for *context, token in self.starts:
            kinds[tuple(context)][token] += 1
        return dict(kinds)

    def estimate_discount(self, used: dict[Context, Counter[int]], length: int) -> float:
        """D = n1 / (n1 + 2·n2), n1 and n2 how many (context, token) of this length have a count of 1 and of 2."""
        if self.discount is not None:
            return self.discount
        sizes = Counter(n for context, counter in used.items() if len(context) == length for n in counter.values())
        return sizes[1] / (sizes[1] + 2 * sizes[2]) if sizes[1] and sizes[2] else TOO_FEW

    def prob(self, token: int, context: Sequence[int] = ()) -> float:
        """The probability of a token after a context, of which the last n - 1 tokens count."""
        p, (used, sums, discounts) = 1 / self.n_vocab, self.lowered
        for shorter in self.contexts(context):
            if shorter in used:
                counter, D = used[shorter], discounts[len(shorter)]
                p = (max(counter[token] - D, 0.0) + D * len(counter) * p) / sums[shorter]
        return p

    def probs(self, context: Sequence[int] = ()) -> np.ndarray:
        """The whole distribution after a context: (V,), sums to 1."""
        p, (used, sums, discounts) = np.full(self.n_vocab, 1 / self.n_vocab), self.lowered
        for shorter in self.contexts(context):
            if shorter in used:
                counter, D = used[shorter], discounts[len(shorter)]
                kept = np.zeros(self.n_vocab)
                kept[list(counter)] = np.array(list(counter.values())) - D
                p = (kept + D * len(counter) * p) / sums[shorter]
        return p
