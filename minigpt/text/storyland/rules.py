"""The grammar of Storyland: subjects, predicates, sentences, stories. Agreement holds because symbols are split by it.

`subject-animal.fp` and `does-animal.fp.past` have the same kind, gender and number, so they can only meet in a clause
where they agree, however many words stand between them.
"""

from collections.abc import Iterator
from functools import cache

from minigpt.text.storyland.frames import DEEDS, DOES, IS
from minigpt.text.storyland.grammar import Grammar
from minigpt.text.storyland.phrases import (
    FEATURES,
    VERB_FEATURES,
    Line,
    agreeing,
    genders_and_numbers,
    noun_phrase,
    noun_phrases,
    phrases,
    rules_of,
    with_adjective,
    words,
)
from minigpt.text.storyland.words import NAMES, VERBS_WITH_DE, entries, verb_forms

TENSES = ("present", "past")

# Subjects: kind -> (weight, classes of its nouns).
SUBJECTS = {
    "person": (12, ("Child", "Royal")),
    "animal": (6, ("Animal",)),
    "thing": (4, ("Thing",)),
    "flyer": (2, ("Bird", "Bat")),
    "dog": (1, ("Dog",)),
    "bell": (1, ("Bell",)),
    "leaf": (1, ("Leaf",)),
    "club": (1, ("Club",)),
}
CREATURES = ("person", "animal")


@cache
def storyland_grammar() -> Grammar:
    """The grammar. A text begins at `sentence`; a story at `opening.NAME`, then `middle.m` or `.f`, `closing.NAME`."""
    lines = [*words(), *phrases(), *predicates(), *subjects(), *clauses(), *stories()]
    return Grammar([*lines, *noun_phrases(lines)])


def owner(kind: str, features: str) -> str:
    """The possessive of a subject: English looks at the owner, Portuguese at what is owned."""
    if features[1] == "p":
        return "their"
    return {"m": "his", "f": "her"}[features[0]] if kind == "person" else "its"


def features_of_subjects(kind: str) -> list[str]:
    """Which genders and numbers subjects of this kind have."""
    found = {features for noun_class in SUBJECTS[kind][1] for features, _ in genders_and_numbers(noun_class)}
    return [features for features in FEATURES if features in found]


def predicates() -> Iterator[Line]:
    """`does-person.fs.past` and `is-person.fs.past`, for every kind of subject, with what they are made of."""
    for kind in SUBJECTS:
        for features in features_of_subjects(kind):
            for tense in TENSES:
                given = {"c": kind, "gn": features, "t": tense, "his": owner(kind, features)}
                for verb, table in (("does", DOES), ("is", IS)):
                    text = table.get(kind, "") + (table["creature"] if kind in CREATURES else "")
                    yield from rules_of(f"{verb}-{kind}.{features}.{tense}", text, features[1], **given)
    for features in FEATURES:
        yield f"does-person.{features}.past", 30, f"Deed.{features}", f"Deed.{features}"
        yield from rules_of(f"Deed.{features}", DEEDS, features[1], his=owner("person", features))
    yield from verbs_with_de()


def verbs_with_de() -> Iterator[Line]:
    """like and need: "gosta da bola", "precisa de um mapa". One English word, two Portuguese ones."""
    for en, pt in entries(VERBS_WITH_DE, 2):
        for features, (en_form, pt_form) in zip(VERB_FEATURES, verb_forms(en, pt), strict=True):
            for his in ("his", "her", "its") if features[0] == "s" else ("their",):
                left = f"V-de.{features}.{his}"
                for kind in ("Thing", "Animal"):
                    yield from noun_phrase(left, f"{en_form}^1 the^2 | {pt_form}^1 {{do}}^12", kind)
                    yield from noun_phrase(left, f"{en_form}^1 a^2 | {pt_form}^1 de^1 {{um}}^2", kind, "s")
                yield from noun_phrase(left, f"{en_form}^1 {his}^2 | {pt_form}^1 de^1 {{seu}}^2", "Pet", "s")


def subjects() -> Iterator[Line]:
    """`subject-animal.fp`: short ones, and long ones that put other nouns between subject and verb."""
    for kind, (_, classes) in SUBJECTS.items():
        for noun_class in classes:
            yield from with_adjective(noun_class, mark="#subject")
            for features, count in genders_and_numbers(noun_class):
                yield from common_subjects(kind, f"{noun_class}!.{features}", features, count)
    for gender in "mf":
        left, name = f"subject-person.{gender}s", f"Name.{gender}#subject"
        yield left, 80, name, name
        yield left, 12, f"{name} , who lives Chain ,", f"{name} , que mora Chain ,"
        his = owner("person", gender + "s")
        for features, count in genders_and_numbers("Pet"):
            both = "m" if "m" in gender + features else "f"
            if features[1] == "s":
                seu = agreeing("{seu}", features)
                left, pet = f"subject-person.{both}p", f"Pet+.{features}"
                yield left, 2 * count, f"Name.{gender} and {his} {pet}", f"Name.{gender} e {seu} {pet}"


def common_subjects(kind: str, noun: str, features: str, count: int) -> Iterator[Line]:
    left, plural = f"subject-{kind}.{features}", features[1] == "p"
    en_of, pt_of = ("live", "moram") if plural else ("lives", "mora")
    the = agreeing("{o}", features)
    yield left, 5 * count, f"the {noun}", f"{the} {noun}"
    yield left, 4 * count, f"the {noun} Chain", f"{the} {noun} Chain"
    yield left, count, f"the {noun} that Name found Where", f"{the} {noun} que Name encontrou Where"
    if kind == "person":
        yield left, count, f"the {noun} with-the-Worn", f"{the} {noun} with-the-Worn"
    if kind in CREATURES:
        who = "who" if kind == "person" else "that"
        yield left, 2 * count, f"the {noun} {who} {en_of} Chain", f"{the} {noun} que {pt_of} Chain"
    if not plural:
        yield left, 2 * count, f"a {noun}", f"{agreeing('{um}', features)} {noun}"
    else:
        yield left, count, f"two {noun}", f"{agreeing('{dois}', features)} {noun}"
        yield left, count, f"many {noun}", f"{agreeing('{muitos}', features)} {noun}"


def clauses() -> Iterator[Line]:
    """`sentence`, `past` and `present`: subject and predicate, and a time before those who do something."""
    yield "sentence", 2, "past", "past"
    yield "sentence", 1, "present", "present"
    for tense in TENSES:
        yield tense, 4, f"does.{tense} .", f"does.{tense} ."
        yield tense, 2, f"Time.{tense} does.{tense} .", f"Time.{tense} does.{tense} ."
        yield tense, 3, f"is.{tense} .", f"is.{tense} ."
        for verb, table in (("does", DOES), ("is", IS)):
            for kind, (weight, _) in SUBJECTS.items():
                if kind in table or kind in CREATURES:
                    for features in features_of_subjects(kind):
                        side = f"subject-{kind}.{features} {verb}-{kind}.{features}.{tense}#verb"
                        yield f"{verb}.{tense}", weight * (2 if features[1] == "s" else 1), side, side


HEROES = {"m": ("boy he", "um menino chamado do ele"), "f": ("girl she", "uma menina chamada da ela")}


def stories() -> Iterator[Line]:
    """The parts of a story: its hero is introduced, followed through the past, and named again at the end."""
    for gender, (en, pt) in HEROES.items():
        girl, she = en.split()
        uma, menina, chamada, da, ela = pt.split()
        hero, features = f"hero.{gender}", gender + "s"
        yield hero, 1, girl, menina
        yield hero, 1, f"creature.{features} {girl}", f"{menina} creature.{features}"
        for name in NAMES[gender].split():
            yield (
                f"opening.{name}",
                1,
                f"once^1 upon^1 a^1 time^1 there^1 was#existence^1 a^2 {hero} called^3 {name}^4 .^5",
                f"era^1 uma^1 vez^1 {uma}^2 {hero} {chamada}^3 {name}^4 .^5",
            )
            yield (
                f"closing.{name}",
                1,
                f"the^1 name^2 of^3 the^3 {girl}^4 was#trait^5 {name}^6 .^7",
                f"o^1 nome^2 {da}^3 {menina}^4 era^5 {name}^6 .^7",
            )
        yield f"middle.{gender}", 3, f"told.{gender}", f"told.{gender}"
        yield f"middle.{gender}", 2, "past", "past"
        for weight, time, verb in ((4, "", "does"), (2, "Time.past ", "does"), (3, "", "is")):
            rest = f"{verb}-person.{features}.past#verb ."
            yield f"told.{gender}", weight, f"{time}{she}#subject {rest}", f"{time}{ela}#subject {rest}"
