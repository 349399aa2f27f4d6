"""Words and their vectors, and what can be asked of them: which are near, how near, and what is to c as b is to a."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np


class AnalogyScore(NamedTuple):
    """How many analogies come out right."""

    n_right: int
    """The expected word is the nearest of all but the three that were given, as papers count."""
    n_right_of_all: int
    """The expected word is the nearest of all. The word that was given is often nearer: then nothing was found out."""
    n: int
    """Questions whose four words are all known."""
    n_left_out: int


class WordVectors:
    """A table of vectors, one for each word: of word2vec, or the embeddings of any other model."""

    def __init__(self, words: Sequence[str], vectors: np.ndarray):
        vectors = np.asarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(words) or not len(words):
            raise ValueError(f"{len(words)} words and vectors of shape {vectors.shape}: give a row for each word")
        if len(set(words)) < len(words):
            raise ValueError("a word is there twice: give each word one vector")
        self.words, self.vectors = tuple(words), vectors
        self.index = {word: i for i, word in enumerate(words)}
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        self.directions = vectors / np.maximum(lengths, 1e-12)

    def place(self, word: str) -> int:
        """The row of a word. Raises ValueError for one that it does not have, with those of similar spelling."""
        if word in self.index:
            return self.index[word]
        near = get_close_matches(word, self.words, n=4, cutoff=0.6)
        if word.lower() in self.index and word.lower() not in near:
            near.insert(0, word.lower())
        advice = f"did you mean {' or '.join(map(repr, near))}?" if near else "no word is spelt like it"
        raise ValueError(f"{word!r} is not among the {len(self.words):,} words that have a vector: {advice}")

    def __contains__(self, word: str) -> bool:
        return word in self.index

    def __getitem__(self, word: str) -> np.ndarray:
        """The vector of a word."""
        return self.vectors[self.place(word)]

    def similarity(self, a: str, b: str) -> float:
        """Cosine of the angle between two words: 1 the same direction, 0 at right angles, -1 opposite."""
        return float(self.directions[self.place(a)] @ self.directions[self.place(b)])

    def neighbours(self, word: str, k: int = 10) -> list[tuple[str, float]]:
        """The k most similar other words with their cosines, the nearest first."""
        return self.nearest(self.directions[self.place(word)], k, leave_out=(word,))

    def analogy(self, a: str, b: str, c: str, k: int = 5, of_all: bool = False) -> list[tuple[str, float]]:
        """What is to c as b is to a: the k words nearest to b - a + c, directions alone, with their cosines.

        a, b and c are left out, as papers do it. With `of_all` they stay in: often the nearest is then b or c itself,
        so that "king - man + woman = queen" owes much to the leaving out (Linzen 2016).
        """
        a_, b_, c_ = (self.directions[self.place(word)] for word in (a, b, c))
        return self.nearest(b_ - a_ + c_, k, leave_out=() if of_all else (a, b, c))

    def analogy_score(self, questions: Iterable[tuple[str, str, str, str]]) -> AnalogyScore:
        """How many of the questions (a, b, c, expected) come out right; those with an unknown word are left out."""
        questions = list(questions)
        known = [question for question in questions if all(word in self for word in question)]
        right = sum(self.analogy(a, b, c, 1)[0][0] == expected for a, b, c, expected in known)
        right_of_all = sum(self.analogy(a, b, c, 1, of_all=True)[0][0] == expected for a, b, c, expected in known)
        return AnalogyScore(right, right_of_all, len(known), len(questions) - len(known))

    def nearest(self, vector: np.ndarray, k: int, leave_out: Iterable[str] = ()) -> list[tuple[str, float]]:
        """The k words nearest in direction to any vector, with their cosines."""
        if k < 1:
            raise ValueError(f"k={k}: ask for at least one word")
        cosines = self.directions @ (vector / max(float(np.linalg.norm(vector)), 1e-12))
        excluded = {self.place(word) for word in leave_out}
        order = [int(i) for i in np.argsort(-cosines, kind="stable") if int(i) not in excluded]
        return [(self.words[i], float(cosines[i])) for i in order[:k]]
