"""Storyland itself: sentences, stories and texts by seed and index, and the exact numbers about them."""

import math
import random
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import NamedTuple

from minigpt.text.storyland.grammar import Rule
from minigpt.text.storyland.reader import Expansions, Reader, Stacks
from minigpt.text.storyland.rules import storyland_grammar
from minigpt.text.storyland.sentences import (
    GENDER_OF_NAME,
    Sentence,
    Story,
    ambiguous_words,
    as_words,
    join,
    known,
    make_sentence,
)

SHORTEST = 4  # words in the shortest sentence without a name: "the dog slept ."
RECALL_LIMITS = (12, 200)


class Entropy(NamedTuple):
    """Exact entropy of Storyland's text, in bits, and the expected lengths that it is shared out over.

    Tokens are words, with "," and "." counted as words. Characters are those of `Storyland.text`.
    """

    per_sentence_bits: float
    per_token_bits: float
    per_char_bits: float
    mean_tokens: float
    mean_chars: float


class Recall(NamedTuple):
    """A text that names its hero at `words[introduced]`; k words later, at `words[position]`, the name is due again.

    `candidates` are the names that fit the hero's gender: whoever has forgotten can do no better than 1 in 12.
    """

    words: tuple[str, ...]
    introduced: int
    position: int
    answer: str
    candidates: tuple[str, ...]


class Storyland:
    """A stream of sentences for each seed. Whatever it gives depends on the seed and the arguments alone.

    The same on every platform and Python version; seeds are whole numbers from 0 up.
    """

    def __init__(self, seed: int = 0):
        if seed < 0:
            raise ValueError(f"seed {seed} is negative: give a whole number from 0 up")
        self.seed = seed
        self.grammar = storyland_grammar()

    def _rng(self, kind: int, index: int) -> random.Random:
        """A generator of its own for each item: `kind` 0 sentences, 1 stories, 2 recall."""
        if not 0 <= index < 2**40:
            raise ValueError(f"index {index} does not fit: give a whole number from 0 up")
        return random.Random((self.seed * 4 + kind) << 40 | index)

    # Sentences

    def sentence(self, index: int = 0) -> Sentence:
        """The sentence number `index` of this seed."""
        return self._sample("sentence", self._rng(0, index))

    def sentences(self, n: int, start: int = 0) -> list[Sentence]:
        """The sentences number `start` to `start + n - 1`: independent draws, so short ones may come twice."""
        return [self.sentence(index) for index in range(start, start + counted(n))]

    def pairs(self, n: int, unseen: bool = False, start: int = 0) -> list[Sentence]:
        """n sentences to learn translation from, or, with `unseen`, to test it on.

        A tenth of all possible sentences is set apart (`Sentence.is_unseen`, by a checksum of the English words), so
        that no pair of the one kind is ever one of the other, whatever the seeds. The distribution of either part is
        not quite the whole's: compare losses with `entropy` on `sentences`, and exact match on these.
        """
        found = (sentence for sentence in self._endless(start) if sentence.is_unseen == unseen)
        return list(islice(found, counted(n)))

    def text(self, n_sentences: int, language: str = "en", start: int = 0) -> str:
        """n independent sentences, one a line."""
        known(language)
        lines = []
        for index in range(start, start + counted(n_sentences)):
            derivation = self.grammar.sample("sentence", self._rng(0, index))
            lines.append(join(self.grammar.words(derivation, language)) + "\n")
        return "".join(lines)

    def _endless(self, start: int) -> Iterator[Sentence]:
        while True:
            yield self.sentence(start)
            start += 1

    def _sample(self, symbol: str, rng: random.Random) -> Sentence:
        return make_sentence(self.grammar.read(self.grammar.sample(symbol, rng)))

    # Stories

    def story(self, n_sentences: int = 6, index: int = 0) -> Story:
        """A story: the first sentence names the hero, the middle tells of her or him and others, the last names again.

        Raises ValueError for fewer than 2 sentences.
        """
        rng = self._rng(1, index)
        stacks = list(story_start(n_sentences))
        stack = stacks[int(rng.random() * len(stacks))]
        sentences = tuple(self._sample(symbol, rng) for symbol in stack)
        log_prob = -math.log(len(stacks)) + math.fsum(sentence.log_prob for sentence in sentences)
        return Story(sentences, stack[0].partition(".")[2], log_prob)

    def recall(self, k: int, language: str = "en", index: int = 0) -> Recall:
        """A text in one language that must remember a name over k words, 12 to 200; no other name comes between.

        Between the two there are sentences of the past, without names, drawn until they fill the distance exactly.
        """
        known(language)
        if not RECALL_LIMITS[0] <= k <= RECALL_LIMITS[1]:
            raise ValueError(
                f"k={k} does not fit: the name can come back after {RECALL_LIMITS[0]} to {RECALL_LIMITS[1]}"
            )
        rng = self._rng(2, index)
        names = sorted(GENDER_OF_NAME)
        hero = names[int(rng.random() * len(names))]
        first = self._sample(f"opening.{hero}", rng).words(language)
        last = self._sample(f"closing.{hero}", rng).words(language)
        introduced = first.index(hero)
        between = self._filler(k - (len(first) - introduced) - last.index(hero), language, rng)
        words = (*first, *between, *last)
        candidates = tuple(name for name in names if GENDER_OF_NAME[name] == GENDER_OF_NAME[hero])
        return Recall(words, introduced, introduced + k, hero, candidates)

    def _filler(self, n_words: int, language: str, rng: random.Random) -> list[str]:
        """Whole sentences without names, n words together."""
        words: list[str] = []
        while len(words) < n_words:
            sentence = self._sample("past", rng).words(language)
            left = n_words - len(words) - len(sentence)
            if (left == 0 or left >= SHORTEST) and not GENDER_OF_NAME.keys() & set(sentence):
                words += sentence
        return words

    # Exact numbers

    def entropy(self, language: str = "en", story: int | None = None) -> Entropy:
        """The entropy of independent sentences, or of stories of that many sentences (then averages per sentence)."""
        bits, tokens, chars = expectations(known(language))
        start = self._start(story)
        n_sentences = story or 1

        def mean(value: dict[str, float]) -> float:
            return (
                math.fsum(p * math.fsum(value[symbol] for symbol in stack) for stack, p in start.items()) / n_sentences
            )

        choice = -math.fsum(p * math.log2(p) for p in start.values()) / n_sentences
        h, n_tokens, n_chars = choice + mean(bits), mean(tokens), mean(chars)
        return Entropy(h, h / n_tokens, h / n_chars, n_tokens, n_chars)

    @property
    def n_sentences(self) -> int:
        """How many different sentences there are."""
        return self.grammar.n_derivations()["sentence"]

    def vocabulary(self, language: str = "en") -> tuple[str, ...]:
        """All words of sentences and stories, sorted; "." and "," are among them."""
        return tuple(sorted(expansions(known(language)).words))

    def ambiguous(self, language: str = "en") -> dict[str, tuple[str, ...]]:
        """The word forms with more than one sense, and the names of their senses."""
        return dict(ambiguous_words(known(language)))

    def reader(self, language: str = "en", story: int | None = None) -> Reader:
        """The ideal model, to be fed word by word: `reader.next_words()`, `reader.read(word)`.

        It reads independent sentences, or stories of that many sentences, one after another.
        """
        return Reader(expansions(known(language)), self._start(story))

    def next_words(
        self, prefix: str | Sequence[str] = (), language: str = "en", story: int | None = None
    ) -> dict[str, float]:
        """The exact probability of each word that may follow a text, which may end within a sentence; they sum to 1.

        Raises ValueError for a word that Storyland does not have, and for a text that it never writes.
        """
        reader, words = self.reader(language, story), as_words(prefix)
        for i, word in enumerate(words):
            if reader.read(word) == 0.0:
                raise ValueError(f"Storyland never writes {word!r} after {' '.join(words[:i])!r}: nothing can follow")
        return reader.next_words()

    def log_probs(self, words: str | Sequence[str], language: str = "en", story: int | None = None) -> list[float]:
        """The log-probability in nats of each word after those before it: the ideal model's, exactly.

        From the first impossible word on, -inf. Raises ValueError for a word that Storyland does not have.
        """
        reader, result, possible = self.reader(language, story), [], True
        for word in as_words(words):
            prob = reader.read(word)
            possible = possible and prob > 0.0
            result.append(math.log(prob) if possible else -math.inf)
        return result

    def log_prob(self, words: str | Sequence[str], language: str = "en", story: int | None = None) -> float:
        """The log-probability in nats of a text, whole sentences or a beginning; -inf if Storyland never writes it."""
        return math.fsum(self.log_probs(words, language, story))

    def _start(self, story: int | None) -> Stacks:
        return {("sentence",): 1.0} if story is None else story_start(story)


def counted(n: int) -> int:
    """How many, if one can ask for so many. Raises ValueError for fewer than none."""
    if n < 0:
        raise ValueError(f"{n} sentences: give a whole number from 0 up")
    return n


def story_start(n_sentences: int) -> Stacks:
    """What a story of n sentences may be, one stack for each hero, all equally likely."""
    if n_sentences < 2:
        raise ValueError(f"a story of {n_sentences} sentences: it needs 2 or more, a first and a last")
    stacks = {}
    for name, gender in GENDER_OF_NAME.items():
        middle = [f"middle.{gender}"] * (n_sentences - 2)
        stacks[f"opening.{name}", *middle, f"closing.{name}"] = 1 / len(GENDER_OF_NAME)
    return stacks


@cache
def expansions(language: str) -> Expansions:
    starts = ["sentence", *(symbol for stack in story_start(3) for symbol in stack)]
    return Expansions(storyland_grammar(), language, starts)


@cache
def expectations(language: str) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """For each symbol: entropy in bits, expected tokens, expected characters with the space or line break behind."""
    grammar = storyland_grammar()

    def n_chars(rule: Rule) -> int:
        return sum(1 if word in ".," else len(word) + 1 for word in rule.words(language))

    return grammar.entropy(), grammar.expected(lambda rule: len(rule.words(language))), grammar.expected(n_chars)
