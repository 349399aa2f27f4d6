"""What Storyland hands out: sentences with all that is known about them, and stories; and words to text and back."""

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from minigpt.text.storyland.frames import DEEDS
from minigpt.text.storyland.grammar import LANGUAGES, Grammar, Reading
from minigpt.text.storyland.rules import storyland_grammar
from minigpt.text.storyland.words import NAMES, VERBS, VERBS_WITH_DE, entries, verb_forms

GENDER_OF_NAME = {name: gender for gender, names in NAMES.items() for name in names.split()}
ROLES = ("subject", "verb")  # marks that name no sense


class Sense(NamedTuple):
    """The word at `position` is ambiguous, and here it has the sense `name`: ("en", 4, "bank", "river")."""

    language: str
    position: int
    word: str
    name: str


class Agreement(NamedTuple):
    """The verb at position `verb` agrees with the noun, name or pronoun at position `subject`.

    `other` is the verb in the other number, the mistake to compare with: "sleep" for "sleeps". English does not show
    number in the past: there `other` is the verb itself.
    """

    language: str
    subject: int
    verb: int
    other: str


@dataclass(frozen=True)
class Sentence:
    """One sentence in both languages.

    `alignment`: pairs (i, j), sorted: English word i belongs to Portuguese word j; a word may have several links.
    `log_prob`: log of the sentence's probability, in nats; the same in both languages.
    """

    en: tuple[str, ...]
    pt: tuple[str, ...]
    alignment: tuple[tuple[int, int], ...]
    senses: tuple[Sense, ...]
    agreements: tuple[Agreement, ...]
    log_prob: float

    def words(self, language: str = "en") -> tuple[str, ...]:
        """The words, "." at the end."""
        return self.en if known(language) == "en" else self.pt

    def text(self, language: str = "en") -> str:
        """The sentence as one writes it: "The dog sleeps." """
        return join(self.words(language))

    @property
    def is_unseen(self) -> bool:
        """Whether it belongs to the tenth of all sentences that `Storyland.pairs` keeps for testing."""
        return zlib.crc32(" ".join(self.en).encode()) % 10 == 0


@dataclass(frozen=True)
class Story:
    """A hero is introduced by name in the first sentence, and named again at the end of the last."""

    sentences: tuple[Sentence, ...]
    hero: str
    log_prob: float

    def words(self, language: str = "en") -> tuple[str, ...]:
        """The words of all sentences."""
        return tuple(word for sentence in self.sentences for word in sentence.words(language))

    def text(self, language: str = "en") -> str:
        """The story as one paragraph."""
        return " ".join(sentence.text(language) for sentence in self.sentences)


def known(language: str) -> str:
    """The language, if Storyland speaks it. Raises ValueError otherwise."""
    if language not in LANGUAGES:
        raise ValueError(f"unknown language {language!r}: Storyland speaks {' and '.join(map(repr, LANGUAGES))}")
    return language


def make_sentence(reading: Reading) -> Sentence:
    """A sentence from what the grammar read out."""
    senses, agreements = [], []
    for language, words, marks in zip(LANGUAGES, (reading.en, reading.pt), reading.marks, strict=True):
        roles = {}
        for mark, at in marks:
            if mark in ROLES:
                roles[mark] = at
            elif len(ambiguous_words(language).get(words[at], ())) > 1:
                senses.append(Sense(language, at, words[at], mark))
        if len(roles) == len(ROLES):
            verb = words[roles["verb"]]
            agreements.append(Agreement(language, roles["subject"], roles["verb"], other_number(language)[verb]))
    return Sentence(
        tuple(reading.en),
        tuple(reading.pt),
        tuple(reading.alignment),
        tuple(senses),
        tuple(agreements),
        reading.log_prob,
    )


@cache
def ambiguous_words(language: str) -> dict[str, tuple[str, ...]]:
    """Word forms with two senses or more, and the senses' names."""
    return senses_in(storyland_grammar(), LANGUAGES.index(language))


def senses_in(grammar: Grammar, side: int) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for rules in grammar.rules.values():
        for symbol in (symbol for rule in rules for symbol in rule.sides[side]):
            if symbol.mark and symbol.child < 0 and symbol.mark not in ROLES:
                found.setdefault(symbol.text, set()).add(symbol.mark)
    return {word: tuple(sorted(found[word])) for word in sorted(found) if len(found[word]) > 1}


@cache
def other_number(language: str) -> dict[str, str]:
    """Each verb form in the other number and the same tense; of "looks for" the first word."""
    at = LANGUAGES.index(language)
    pairs = []
    for table in (*VERBS.values(), VERBS_WITH_DE):
        for en, pt in entries(table, 2):
            present_s, present_p, past_s, past_p = (forms[at] for forms in verb_forms(en, pt))
            pairs += [(present_s, present_p), (past_s, past_p)]
    for line in filter(str.strip, DEEDS.splitlines()):
        verb = line.split("|")[at].lstrip(" 0123456789").split()[0].partition("^")[0].partition("#")[0]
        pairs.append(verb.split("/") if "/" in verb else (verb, verb))
    result = {}
    for pair in pairs:
        singular, plural = (form.partition("#")[0].partition("_")[0] for form in pair)
        result[singular], result[plural] = plural, singular
    return result


# Words and text


def join(words: Iterable[str]) -> str:
    """Words as text: spaces between them, none before "." and ",", a capital at the beginning of each sentence."""
    text = re.sub(r" (?=[.,])", "", " ".join(words))
    return re.sub(r"(^|\. )(\w)", lambda match: match[1] + match[2].upper(), text)


def split(text: str) -> list[str]:
    """Text as words: undoes `join`. "The dog sleeps." becomes the, dog, sleeps and "."; names keep their capital."""
    words = re.findall(r"[^\s.,]+|[.,]", text)
    for i, word in enumerate(words):
        if word not in GENDER_OF_NAME and (i == 0 or words[i - 1] == "."):
            words[i] = word[0].lower() + word[1:]
    return words


def as_words(words: str | Sequence[str]) -> Sequence[str]:
    """Words as they are; text is split first."""
    return split(words) if isinstance(words, str) else words
