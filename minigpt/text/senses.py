"""Sentences with a word that has two senses: which word, where, and in which sense it is meant.

From Storyland, whose grammar knows the sense, or our own natural sentences in assets/senses.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from minigpt.assets import asset
from minigpt.text.storyland import Storyland, join, split
from minigpt.text.storyland.sentences import known


class Use(NamedTuple):
    """One use of a word: ("he", "sat", "on", "the", "bank", "."), 4, "river"."""

    words: tuple[str, ...]
    position: int
    sense: str

    @property
    def word(self) -> str:
        """The word that has several senses."""
        return self.words[self.position]

    @property
    def text(self) -> str:
        """The sentence as one writes it."""
        return join(self.words)


def uses(land: Storyland, language: str = "en", m: int = 15, n_sentences: int = 20_000) -> dict[str, list[Use]]:
    """For each ambiguous word up to m different sentences of each sense, those of one sense together.

    Storyland's first `n_sentences` are looked through. Words of which some sense comes up less than twice are left
    out: nothing could be compared. Raises ValueError for m < 2 and for a language that Storyland does not speak.
    """
    if m < 2:
        raise ValueError(f"m={m} sentences of each sense: senses are compared in pairs, take 2 or more")
    found = {word: {sense: {} for sense in senses} for word, senses in land.ambiguous(language).items()}
    for sentence in map(land.sentence, range(n_sentences)):
        for sense in sentence.senses:
            if sense.language == language and len(kept := found[sense.word][sense.name]) < m:
                use = Use(sentence.words(language), sense.position, sense.name)
                kept.setdefault(use.text, use)  # a sentence that comes up again is no other sentence
    enough = {word: senses for word, senses in found.items() if min(map(len, senses.values())) > 1}
    return {word: [use for kept in senses.values() for use in kept.values()] for word, senses in enough.items()}


def natural_uses(language: str = "en") -> dict[str, list[Use]]:
    """The same of sentences that we wrote, as one writes them: 8 words, 2 senses each, 8 sentences of each sense."""
    found: dict[str, list[Use]] = {}
    word = sense = ""
    for line in filter(None, asset(f"senses/{known(language)}.txt").read_text(encoding="utf-8").splitlines()):
        if line.startswith("# "):
            word, sense = line[2:].split(": ")
        else:
            words = tuple(split(line))
            found.setdefault(word, []).append(Use(words, words.index(word), sense))
    return found


def as_rows(
    uses: Iterable[Use],
    encode: Callable[[str], Sequence[int]],
    before: Sequence[int] = (),
    after: Sequence[int] = (),
    pad_id: int = 0,
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Ids of the sentences, (n, T), and for each the positions (start, stop) of its word: all its pieces.

    `encode`: text to ids, e.g. `tokenizer.encode`; `before` and `after`: special tokens at both ends; rows are filled
    up with `pad_id`. Raises ValueError where a piece holds parts of the word and of a neighbour.
    """
    rows, places = [], []
    for use in uses:
        start, stop = (join(use.words[:end]) for end in (use.position, use.position + 1))
        ids, *parts = (list(encode(text)) for text in (use.text, start, stop))
        if any(ids[: len(part)] != part for part in parts):
            raise ValueError(f"the pieces of {use.word!r} in {use.text!r} cannot be told from those of its neighbours")
        rows.append([*before, *ids, *after])
        places.append(tuple(len(before) + len(part) for part in parts))
    longest = max(map(len, rows), default=0)
    padded = [row + [pad_id] * (longest - len(row)) for row in rows]
    return np.array(padded, dtype=np.int64).reshape(len(rows), longest), places
