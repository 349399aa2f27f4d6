"""The n-gram: the next token's probability from counts of what followed the same n - 1 tokens before.

Shapes: T time, V vocabulary.
Source: the smoothing is the hierarchical Dirichlet prior of MacKay and Peto 1995 with one strength for all orders.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np


class NGram:
    """Counts of contexts up to n - 1 tokens long, each leaning on the next shorter one.

    p(w | context) = (count(context, w) + k · p(w | shorter context)) / (count(context) + k)

    With k = 0 these are plain relative frequencies. With k > 0 each context starts with k imagined tokens, shared out
    as the shorter context would, down to no context at all, where all V tokens are equally likely.
    """

    def __init__(self, n: int, n_vocab: int, k: float = 1.0):
        if n < 1:
            raise ValueError(f"n={n}: must be at least 1; a bigram has n=2, one token of context")
        if n_vocab < 1 or k < 0:
            raise ValueError(f"n_vocab={n_vocab}, k={k}: there must be at least one token, and k cannot be negative")
        self.n, self.n_vocab, self.k = n, n_vocab, k
        self.counts: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)  # context -> next token -> count
        self.totals: Counter[tuple[int, ...]] = Counter()  # context -> how often it was seen

    def fit(self, ids: Sequence[int]) -> "NGram":
        """Count every token with its contexts of 0 to n - 1 tokens. Counts add up over several calls."""
        ids = [int(token) for token in ids]
        if ids and not 0 <= min(ids) <= max(ids) < self.n_vocab:
            raise ValueError(f"ids run from {min(ids)} to {max(ids)}, outside the vocabulary, 0 to {self.n_vocab - 1}")
        for i, token in enumerate(ids):
            for length in range(min(self.n, i + 1)):
                context = tuple(ids[i - length : i])
                self.counts[context][token] += 1
                self.totals[context] += 1
        return self

    def prob(self, token: int, context: Sequence[int] = ()) -> float:
        """The probability of a token after a context, of which the last n - 1 tokens count."""
        p = 1 / self.n_vocab
        for shorter in self.contexts(context):
            if shorter in self.counts:
                p = (self.counts[shorter][token] + self.k * p) / (self.totals[shorter] + self.k)
        return p

    def probs(self, context: Sequence[int] = ()) -> np.ndarray:
        """The whole distribution after a context: (V,), sums to 1."""
        p = np.full(self.n_vocab, 1 / self.n_vocab)
        for shorter in self.contexts(context):
            if shorter in self.counts:
                seen = np.zeros(self.n_vocab)
                seen[list(self.counts[shorter])] = list(self.counts[shorter].values())
                p = (seen + self.k * p) / (self.totals[shorter] + self.k)
        return p

    def contexts(self, context: Sequence[int]) -> list[tuple[int, ...]]:
        """The contexts that count, from none to the last n - 1 tokens."""
        context = tuple(int(token) for token in context)
        return [context[len(context) - length :] for length in range(min(self.n, len(context) + 1))]

    def loss(self, ids: Sequence[int]) -> float:
        """Mean surprise, in nats per token, over a text; infinite if a token that follows has probability 0."""
        ids = [int(token) for token in ids]
        if not ids:
            raise ValueError("the text is empty: a mean needs at least one token")
        probabilities = [self.prob(token, ids[max(0, i - self.n + 1) : i]) for i, token in enumerate(ids)]
        return float(np.mean([-np.log(p) if p > 0 else np.inf for p in probabilities]))

    def generate(self, n_tokens: int, context: Sequence[int] = (), seed: int = 0) -> list[int]:
        """Draw n_tokens after a context, one at a time, each from the distribution after all before it."""
        rng = np.random.default_rng(seed)
        ids = [int(token) for token in context]
        for _ in range(n_tokens):
            ids.append(int(rng.choice(self.n_vocab, p=self.probs(ids))))
        return ids[len(context) :]

    def n_params(self) -> int:
        """How many counts it keeps: one for each (context, token) that it has seen."""
        return sum(map(len, self.counts.values()))
