"""Batches of sentence pairs of like length, for a translator, and as one sequence for a decoder alone.

Shapes: B batch, T time (target, or the whole sequence), S source time.
Source: Vaswani et al. 2017, section 5.1: "Sentence pairs were batched together by approximate sequence length."
"""

from collections.abc import Iterable

import numpy as np
from torch import Tensor

from minigpt.text.pairs import Pair, PairBatches, Vocabulary, padded

LEFT_OUT = -100
"""A target that the loss does not count, as PyTorch's cross-entropy has it."""


class PairsByLength(PairBatches):
    """`PairBatches` whose pairs lie in the order of their length; a batch is a piece of it that begins anywhere.

    So next to nothing is padding, which costs as much time as words do.
    """

    def __init__(self, vocabulary: Vocabulary, pairs: Iterable[Pair], batch_size: int, seed: int = 0):
        pairs = sorted(pairs, key=lambda pair: (len(pair[1]), len(pair[0])))
        super().__init__(vocabulary, pairs, min(batch_size, len(pairs)), seed)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of this step: int64 tensors (B, S) and (B, T)."""
        rows = self.rows(step)
        return self.trimmed(self.sources[rows]), self.trimmed(self.targets[rows])

    def rows(self, step: int) -> slice:
        """Which pairs are drawn, from (seed, step) alone."""
        first = np.random.default_rng((self.seed, step)).integers(len(self.sources) - self.batch_size + 1)
        return slice(first, first + self.batch_size)


class OneSequence(PairsByLength):
    """The same pairs for a decoder alone: `w1 … wn eos v1 … vm eos`, source and target in one row.

    Only what follows the first eos is to be learned: the targets before it are left out of the loss, as padding is.
    """

    def __init__(self, vocabulary: Vocabulary, pairs: Iterable[Pair], batch_size: int, seed: int = 0):
        super().__init__(vocabulary, pairs, batch_size, seed)
        rows = [joined(*row, vocabulary.pad_id) for row in zip(self.sources, self.targets, strict=True)]
        self.sequences = padded(rows, vocabulary.pad_id)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets, the inputs shifted by one: (B, T) and (B, T)."""
        sequences = self.trimmed(self.sequences[self.rows(step)])
        x, y = sequences[:, :-1], sequences[:, 1:].clone()
        eos, pad = self.vocabulary.eos_id, self.vocabulary.pad_id
        in_source = (x == eos).cumsum(dim=1) == 0
        return x, y.masked_fill(in_source | (y == pad), LEFT_OUT)


def joined(source: np.ndarray, target: np.ndarray, pad: int) -> list[int]:
    """Source and target as one row, without padding and without the target's bos: the source's eos says "now you"."""
    return [*source[source != pad].tolist(), *target[target != pad].tolist()[1:]]
