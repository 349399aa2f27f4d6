"""Give the people of a story names that nobody has met before, so that a name can be copied and cannot be known.

A collection of small stories has a handful of names, and a model soon knows them by heart. With a new one in each story
whoever wants to write it a second time has to look where it stood: what an induction head is for.
"""

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence

CONSONANTS, VOWELS = "bcdfghjklmnprstvwz", "aeiou"
INSIDE = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+\b")  # a capital within a sentence
PLAIN = re.compile(r"\b[a-z]+\b")
PEOPLE = re.findall(r"\w+", "Mom Mommy Mum Mummy Mama Dad Daddy Papa Grandma Grandpa Mr Mrs Miss")
NOT_NAMES = frozenset(["I", "Once", "One", "The", *PEOPLE])


def find_names(documents: Iterable[str], least: int = 3) -> set[str]:
    """Words that stand with a capital within a sentence, at least so often, and never more often without one."""
    capital, small = Counter[str](), Counter[str]()
    for document in documents:
        capital.update(INSIDE.findall(document))
        small.update(PLAIN.findall(document))
    return {word for word, n in capital.items() if n >= least and n > small[word.lower()]} - NOT_NAMES


def new_name(rng: random.Random) -> str:
    """Two or three syllables, such as "Tomika", sometimes with a consonant at the end."""
    syllables = [rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(rng.choice((2, 3)))]
    return "".join(syllables).capitalize() + rng.choice(("", rng.choice(CONSONANTS)))


def rename(document: str, names: set[str], rng: random.Random) -> str:
    """The document with another name for each of `names` in it, the same one throughout."""
    new: dict[str, str] = {}

    def other(match: re.Match[str]) -> str:
        word = match[0]
        if word not in names:
            return word
        if word not in new:
            new[word] = new_name(rng)
        return new[word]

    return re.sub(r"\b[A-Z][a-z]+\b", other, document)


def renamed(documents: Sequence[str], names: set[str], seed: int) -> list[str]:
    """All documents, each with names of its own."""
    rng = random.Random(seed)
    return [rename(document, names, rng) for document in documents]
