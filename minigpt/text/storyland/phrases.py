"""From the tables to rules, up to the phrase: words, noun phrases and what else does not depend on a subject.

`Thing.fs` stands for the feminine singular nouns of the class Thing, `Thing+.fs` for these with an adjective perhaps,
`the-Thing` for the noun phrase with its article, `V-go.p.past` for a verb form. Features are gender (m, f) and number
(s, p) of a noun; number and tense of a verb.
"""

import re
from collections.abc import Iterator

from minigpt.text.storyland.frames import AGREEING, OWNED, PHRASES, PLURAL_ONLY, PREFIXES, SINGULAR_ONLY
from minigpt.text.storyland.words import (
    ADJECTIVES,
    INFINITIVES,
    NAMES,
    NOUNS,
    VERBS,
    adjective_forms,
    entries,
    linked,
    noun_forms,
    verb_forms,
)

FEATURES = ("ms", "fs", "mp", "fp")
VERB_FEATURES = ("s.present", "p.present", "s.past", "p.past")
OWNERS = ("his", "her", "its", "their")

# Which adjectives a class of nouns takes: (behind the noun in Portuguese, before it in both languages).
ADJECTIVES_OF = {
    noun_class: kinds
    for kinds, noun_classes in {
        ("creature", "good"): "Child",
        ("creature", "great"): "Royal",
        ("creature", None): "Animal Pet Dog Bird Bat",
        ("thing", None): "Thing Jewel Worn Toy Instrument Vehicle Club Hittable Garment Sail Match Candle",
        ("place", None): "Area Landmark Water Room",
        ("food", None): "Food",
        ("plant", None): "Plant",
        ("long", None): "Letter Song Game",
        ("colour", None): "Feather Sign Leaf",
        ("new", None): "Language",
    }.items()
    for noun_class in noun_classes.split()
}

Line = tuple[str, int, str, str]  # left-hand side, weight, English, Portuguese


def words() -> Iterator[Line]:
    """Names, bare nouns, adjectives and verb forms."""
    for gender, names in NAMES.items():
        yield from ((f"Name.{gender}", 1, name, name) for name in names.split())
        yield "Name", 1, f"Name.{gender}", f"Name.{gender}"
    for kind, table in NOUNS.items():
        for gender, en, pt in entries(table, 3):
            for number, en_form, pt_form in zip("sp", noun_forms(en), noun_forms(pt), strict=True):
                if en_form != "-":
                    yield f"{kind}.{gender}{number}", 1, *linked(en_form, pt_form)
    for kind, table in ADJECTIVES.items():
        for en, pt in entries(table, 2):
            for features, pt_form in zip(FEATURES, adjective_forms(pt), strict=True):
                yield f"{kind.replace(' ', '-')}.{features}", 1, *linked(en, pt_form)
    for kind, table in VERBS.items():
        for en, pt in entries(table, 2):
            for features, pair in zip(VERB_FEATURES, verb_forms(en, pt), strict=True):
                yield f"V-{kind.replace(' ', '-')}.{features}", 1, *linked(*pair)
    for en, pt in entries(INFINITIVES, 2):
        yield "to-Verb", 1, f"to^1 {en}^1", f"{pt}^1"


def genders_and_numbers(kind: str) -> list[tuple[str, int]]:
    """The features that a class of nouns has, each with how many nouns have it."""
    counts: dict[str, int] = dict.fromkeys(FEATURES, 0)
    for gender, en, _ in entries(NOUNS[kind], 3):
        for number, form in zip("sp", noun_forms(en), strict=True):
            counts[gender + number] += form != "-"
    return [(features, count) for features, count in counts.items() if count]


def with_adjective(kind: str, mark: str = "") -> Iterator[Line]:
    """`Thing+.fs`: a noun, alone or with an adjective that changes sides. `Thing!.fs`: the same, the noun marked."""
    after, before = ADJECTIVES_OF.get(kind, (None, None))
    for features, _ in genders_and_numbers(kind):
        left, noun = f"{kind}{'!' if mark else '+'}.{features}", f"{kind}.{features}{mark}"
        yield left, 6, noun, noun
        if after:
            yield left, 2, f"{after}.{features} {noun}", f"{noun} {after}.{features}"
        if before:
            yield left, 1, f"{before}.{features} {noun}", f"{before}.{features} {noun}"


def agreeing(template: str, features: str) -> str:
    """A Portuguese template with its articles, contractions and so on in the form for these features."""
    at = FEATURES.index(features)
    return template.format(**{word: table.split()[at] for word, table in AGREEING.items()})


def noun_phrase(left: str, template: str, kind: str, numbers: str = "sp") -> Iterator[Line]:
    """Rules for what stands before a noun, "in^1 the^1 | {no}^1", and the noun in each gender and number."""
    en, pt = template.split("|")
    for features, count in genders_and_numbers(kind):
        if features[1] in numbers:
            weight = count * (3 if features[1] == "s" else 1)
            yield left, weight, f"{en} {kind}+.{features}", f"{agreeing(pt, features)} {kind}+.{features}"


def noun_phrases(lines: list[Line]) -> Iterator[Line]:
    """The rules of every `the-Thing`, `in-the-Area` and so on that the lines mention."""
    defined = {line[0] for line in lines}
    mentioned = {symbol for line in lines for symbol in line[2].split()} - defined
    kinds = set()
    for symbol in sorted(mentioned):
        prefix, _, kind = symbol.rpartition("-")
        if prefix in PREFIXES and kind in NOUNS:
            numbers = "s" if prefix in SINGULAR_ONLY else "p" if prefix in PLURAL_ONLY else "sp"
            yield from noun_phrase(symbol, PREFIXES[prefix], kind, numbers)
            kinds.add(kind)
    kinds |= {symbol.partition("+")[0] for symbol in mentioned if "+." in symbol}
    for kind in sorted(kinds):
        yield from with_adjective(kind)


def rules_of(left: str, text: str, number: str = "s", **features: str) -> Iterator[Line]:
    """Rules from lines of a table in frames.py, for a subject of this number and these features."""
    for line in filter(str.strip, text.splitlines()):
        weight, rule = re.findall(r"^\s*(\d+ )?(.+)", line)[0]
        en, pt = (chosen(side.format(n=number, **features), number) for side in (rule.split("|") * 2)[:2])
        yield left, int(weight or 1), en, pt


def chosen(side: str, number: str) -> str:
    """Of each `singular/plural` the one for this number."""
    return re.sub(r"([^\s/#^]+)/([^\s/#^]+)", r"\1" if number == "s" else r"\2", side)


def phrases() -> Iterator[Line]:
    """The phrases of frames.py that stand by themselves."""
    for left, text in PHRASES.items():
        yield from rules_of(left, text)
    for owner in OWNERS:
        yield from rules_of(f"Owned.{owner}", OWNED, his=owner)
