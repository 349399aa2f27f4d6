"""Sentence pairs for a translator: words as tokens of one vocabulary for both languages, and batches of them.

Shapes: B batch, T time (target), S source time.
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from minigpt.text.storyland import join, split

PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"
FORMAT = "minigpt words 1"

Pair = tuple[Sequence[str], Sequence[str]]
"""A sentence and its translation: their words, or, with pieces as tokens, their texts."""


class WordVocabulary:
    """Words of both languages in one list, behind the special tokens pad, bos and eos: ids 0, 1 and 2.

    Whole words suit a closed language such as Storyland; other text needs the tokenizers of `minigpt.text.tokenizers`.
    """

    pad_id, bos_id, eos_id = 0, 1, 2

    def __init__(self, words: Iterable[str]):
        self.words = (PAD, BOS, EOS, *words)
        self.ids = {word: i for i, word in enumerate(self.words)}
        if len(self.ids) < len(self.words):
            raise ValueError("a word stands in the vocabulary twice: give each once, none of them a special token")

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> "WordVocabulary":
        """All words of these sentences, in alphabetical order."""
        return cls(sorted({word for pair in pairs for words in pair for word in words}))

    @property
    def n_vocab(self) -> int:
        return len(self.words)

    def source(self, words: str | Sequence[str]) -> list[int]:
        """What the encoder reads: `w1 … wn eos`. Text is split first. Raises ValueError for words it does not know."""
        words = split(words) if isinstance(words, str) else words
        if unknown := [word for word in words if word not in self.ids]:
            raise ValueError(
                f"{', '.join(map(repr, dict.fromkeys(unknown)))}: not in the vocabulary of {self.n_vocab - 3:,} words; "
                "use words of the training text, spelled as there"
            )
        return [*(self.ids[word] for word in words), self.eos_id]

    def target(self, words: str | Sequence[str]) -> list[int]:
        """What the decoder reads and is to write: `bos w1 … wm eos`."""
        return [self.bos_id, *self.source(words)]

    def labels(self, ids: Iterable[int]) -> list[str]:
        """A word for each id, special tokens too."""
        return [self.words[i] for i in ids]

    def decode(self, ids: Iterable[int]) -> str:
        """The sentence as one writes it, without special tokens."""
        return join(self.words[i] for i in ids if i > self.eos_id)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the words to a JSON file."""
        content = {"format": FORMAT, "words": self.words[3:]}
        Path(path).write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "WordVocabulary":
        """Read what `save` wrote. Raises ValueError for another file."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            found = content["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is no vocabulary ({error}): write it with vocabulary.save") from error
        if found != FORMAT:
            raise ValueError(f"{path} has the format {found!r}, not {FORMAT!r}: write it with vocabulary.save")
        return cls(content["words"])


class Vocabulary(Protocol):
    """What a batch asks of tokens: `WordVocabulary`, or `minigpt.text.pieces.PieceVocabulary`."""

    pad_id: int
    eos_id: int

    @property
    def n_vocab(self) -> int: ...

    def source(self, words: Any, /) -> list[int]: ...

    def target(self, words: Any, /) -> list[int]: ...


class PairBatches:
    """Random batches of sentence pairs, filled up with pad: sources (B, S) and targets (B, T), as `Translator` reads.

    As with `Batches`, that of a step is drawn from (seed, step) alone. All pairs are encoded once, into two tables.
    """

    def __init__(self, vocabulary: Vocabulary, pairs: Iterable[Pair], batch_size: int, seed: int = 0):
        pairs = list(pairs)
        if not pairs or batch_size < 1:
            raise ValueError(f"{len(pairs)} pairs, batch_size={batch_size}: both must be at least 1")
        self.vocabulary, self.batch_size, self.seed = vocabulary, batch_size, seed
        self.sources = padded([vocabulary.source(source) for source, _ in pairs], vocabulary.pad_id)
        self.targets = padded([vocabulary.target(target) for _, target in pairs], vocabulary.pad_id)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of this step: int64 tensors (B, S) and (B, T), no wider than their longest sentences."""
        rows = np.random.default_rng((self.seed, step)).integers(len(self.sources), size=self.batch_size)
        return self.trimmed(self.sources[rows]), self.trimmed(self.targets[rows])

    def meta(self) -> dict[str, int]:
        """What tells one run's batches from another's, in values that JSON keeps."""
        n_vocab = self.vocabulary.n_vocab
        return {"n_pairs": len(self.sources), "n_vocab": n_vocab, "batch_size": self.batch_size, "seed": self.seed}

    def trimmed(self, rows: np.ndarray) -> Tensor:
        longest = (rows != self.vocabulary.pad_id).sum(axis=1).max()
        return torch.from_numpy(rows[:, :longest].astype(np.int64))


def padded(rows: list[list[int]], pad: int) -> np.ndarray:
    """Rows of one length, filled up at their ends."""
    table = np.full((len(rows), max(map(len, rows))), pad, dtype=np.int32)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return table
