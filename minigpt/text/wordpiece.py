"""WordPiece, BERT's tokenizer: text is split into words and signs, each word into the longest pieces that are known.

A piece that continues a word begins with "##": "embeddings" becomes em ##bed ##ding ##s. Unlike byte-pair encoding,
nothing is merged when it encodes: from the left, the longest piece of the vocabulary is taken each time.

Sources: Devlin et al. 2019, section 3, for the vocabulary of 30,000 pieces; Wu et al. 2016, section 4.1, for word
pieces; the code published with BERT for what counts as a sign, and for the longest piece first.
"""

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

SPECIAL = {"pad_id": "[PAD]", "unk_id": "[UNK]", "cls_id": "[CLS]", "sep_id": "[SEP]", "mask_id": "[MASK]"}
CONTINUES = "##"
LONGEST = 100  # characters; a longer word is unknown
BLANKS = "\t\n\r"  # control characters that separate words; all others are dropped
IDEOGRAPHS = (  # of Chinese, where each character is a word; the blocks are those that BERT's code lists
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F)),
    *((0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)


class WordPiece:
    """The pieces of a vocabulary, id by id, and the ids of a text; small letters only, accents taken off."""

    def __init__(self, vocabulary: Sequence[str]):
        self.vocabulary = tuple(vocabulary)
        self.index = {piece: i for i, piece in enumerate(self.vocabulary)}
        missing = [name for name in SPECIAL.values() if name not in self.index]
        if missing or len(self.index) < len(self.vocabulary):
            problem = f"lacks {', '.join(missing)}" if missing else "has a piece twice"
            raise ValueError(f"the vocabulary of {self.n_vocab:,} pieces {problem}: give BERT's, each piece once")
        self.special_ids = {field: self.index[name] for field, name in SPECIAL.items()}

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "WordPiece":
        """Read a `vocab.txt`: a piece a line, the first has id 0."""
        return cls(Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n"))

    @property
    def n_vocab(self) -> int:
        """How many pieces there are, special ones included."""
        return len(self.vocabulary)

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without [CLS] and [SEP], which `rows` adds.

        A special token's name in the text is text like any other. A word that no pieces make is one [UNK].
        """
        return [self.index[piece] for word in split_words(text) for piece in self.pieces(word)]

    def pieces(self, word: str) -> list[str]:
        """One word, as `split_words` gives it, cut from the left into the longest pieces that are known."""
        pieces, start = [], 0
        while start < len(word) <= LONGEST:
            prefix = CONTINUES if start else ""
            ends = (end for end in range(len(word), start, -1) if prefix + word[start:end] in self.index)
            if not (end := next(ends, 0)):
                break
            pieces.append(prefix + word[start:end])
            start = end
        return pieces if start == len(word) else [SPECIAL["unk_id"]]

    def labels(self, ids: Iterable[int]) -> list[str]:
        """The piece of each id."""
        return [self.vocabulary[i] for i in ids]

    def rows(self, texts: Iterable[str]) -> np.ndarray:
        """(n, T): for each text [CLS], its ids, [SEP], then padding up to the longest of them."""
        special = self.special_ids
        rows = [[special["cls_id"], *self.encode(text), special["sep_id"]] for text in texts]
        longest = max(map(len, rows), default=0)
        padded = [row + [special["pad_id"]] * (longest - len(row)) for row in rows]
        return np.array(padded, dtype=np.int64).reshape(len(rows), longest)


def split_words(text: str) -> list[str]:
    """Words and signs of a text: small letters, no accents, each sign and each Chinese character by itself."""
    return "".join(plain_characters(text)).split()


def plain_characters(text: str) -> Iterator[str]:
    """The text's characters without accents, small, with a space on both sides of what stands by itself."""
    spaced = "".join(f" {c} " if is_ideograph(c) else " " if is_blank(c) else c for c in text if not is_dropped(c))
    for char in unicodedata.normalize("NFD", spaced):  # é becomes e and an accent
        if unicodedata.category(char) != "Mn":
            yield from (f" {c} " if is_sign(c) else c for c in char.lower())


def is_dropped(char: str) -> bool:
    return char in "\0\ufffd" or (char not in BLANKS and unicodedata.category(char) in ("Cc", "Cf", "Co"))


def is_blank(char: str) -> bool:
    return char in BLANKS or char.isspace()


def is_sign(char: str) -> bool:
    """Punctuation; also what ASCII has that is neither letter, digit nor space, such as $ and ^."""
    is_ascii = char.isascii() and char.isprintable() and not char.isalnum() and char != " "
    return is_ascii or unicodedata.category(char).startswith("P")


def is_ideograph(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in IDEOGRAPHS)
