"""Exercises of notebook 02: bytes, pairs, and what tokens cost; those about merges are in nb02_merges.py."""

from collections import Counter
from itertools import pairwise

from minigpt.course.exercise import Exercise, Misconception


def utf8(text):
    return list(text.encode())


def utf8_inputs():
    yield ("hi",)
    yield ("é!",)
    yield ("a€😀",)


BYTES = Exercise(
    id="02.bytes",
    title="The bytes of a text",
    difficulty=1,
    minutes=4,
    contract="my_utf8(text) returns the bytes of the text in UTF-8, as a list of whole numbers from 0 to 255.",
    returns="a list",
    reference=utf8,
    inputs=utf8_inputs,
    misconceptions=(
        Misconception(
            "code points",
            lambda text: [ord(letter) for letter in text],
            "These are Unicode's numbers of the characters, which go beyond 255: UTF-8 writes them as one to four "
            "bytes.",
        ),
        Misconception(
            "UTF-16",
            lambda text: list(text.encode("utf-16")),
            "These are bytes of UTF-16, two or four for each character and a mark in front: look at the encoding's "
            "name.",
        ),
        Misconception(
            "Latin-1",
            lambda text: list(text.encode("latin-1", errors="replace")),
            "There is one byte for each character, and “?” (63) where Latin-1 has none: UTF-8 loses no character.",
        ),
        Misconception(
            "Latin-1, where it can",
            lambda text: list(text.encode("latin-1")),
            "This is Latin-1, one byte for each character that it knows, and an error for all others: look at the "
            "encoding's name.",
        ),
        Misconception(
            "ASCII only",
            lambda text: list(text.encode("ascii", errors="ignore")),
            "All that is not English went missing: UTF-8 has bytes for every character.",
        ),
        Misconception(
            "length in bytes",
            lambda text: [len(letter.encode()) for letter in text],
            "This is how many bytes each character takes: the contract asks for the bytes themselves.",
        ),
    ),
)


def top_pair(ids):
    counts = Counter(pairwise(ids))
    return min(counts, key=lambda pair: (-counts[pair], pair))


def of_counts(ids, choose):
    counts = Counter(pairwise(ids))
    return choose(counts)


def largest_of_equals(ids):
    return of_counts(ids, lambda counts: max(counts, key=lambda pair: (counts[pair], pair)))


def every_second(ids):
    counts = Counter((ids[i], ids[i + 1]) for i in range(0, len(ids) - 1, 2))
    return min(counts, key=lambda pair: (-counts[pair], pair))


def without_order(ids):
    counts = Counter(tuple(sorted(pair)) for pair in pairwise(ids))
    return min(counts, key=lambda pair: (-counts[pair], pair))


def without_overlap(ids):
    counts, i = Counter(), 0
    while i < len(ids) - 1:
        pair = (ids[i], ids[i + 1])
        counts[pair] += 1
        overlaps = ids[i + 2 : i + 3] == [ids[i + 1]] and ids[i] == ids[i + 1]
        i += 2 if overlaps else 1
    return min(counts, key=lambda pair: (-counts[pair], pair))


def top_pair_inputs():
    yield ([1, 2, 1, 2],)
    yield ([1, 9, 2, 3],)
    yield ([1, 1, 1, 4, 3, 4, 3],)
    yield ([7, 5, 8, 7, 5],)
    yield ([9, 3, 4, 3, 9, 3],)
    yield ([5, 6, 2, 3, 9, 5, 6, 2, 3],)
    yield ([0, 8, 1, 4, 1, 4, 1, 8, 2, 8, 2, 0, 8, 1],)


PAIR = Exercise(
    id="02.pair",
    title="The most frequent pair",
    difficulty=1,
    minutes=6,
    contract="my_top_pair(ids) returns the pair (left, right) of neighbouring ids that occurs most often; pairs may "
    "overlap, so [1, 1, 1] holds (1, 1) twice; of several that occur equally often, the smallest, as Python orders "
    "tuples.",
    returns="a pair",
    reference=top_pair,
    inputs=top_pair_inputs,
    misconceptions=(
        Misconception(
            "the first of equals",
            lambda ids: of_counts(ids, lambda counts: counts.most_common(1)[0][0]),
            "Of pairs that occur equally often the first one won: the contract asks for another of them.",
        ),
        Misconception(
            "the largest of equals",
            largest_of_equals,
            "Of pairs that occur equally often the largest won: the contract asks for the other end.",
        ),
        Misconception(
            "equals by their sum",
            lambda ids: of_counts(ids, lambda counts: min(counts, key=lambda pair: (-counts[pair], sum(pair)))),
            "Of pairs that occur equally often the one with the smallest sum won: tuples are compared element by "
            "element.",
        ),
        Misconception(
            "equals by the right one",
            lambda ids: of_counts(ids, lambda counts: min(counts, key=lambda pair: (-counts[pair], pair[::-1]))),
            "Of pairs that occur equally often the right ids were compared first: Python begins with the left ones.",
        ),
        Misconception(
            "the pair with its count",
            lambda ids: of_counts(ids, lambda counts: counts.most_common(1)[0]),
            "This is a pair together with its count: the pair alone is asked for, and the smallest of equals.",
        ),
        Misconception(
            "no overlap",
            without_overlap,
            "In a run such as 2, 2, 2 the pair (2, 2) was counted once: its two places overlap, and both count.",
        ),
        Misconception(
            "steps of two",
            every_second,
            "Every second pair went uncounted: an id in the middle is the right of one pair and the left of the next.",
        ),
        Misconception(
            "left and right alike",
            without_order,
            "(a, b) and (b, a) were counted as one: which of the two stands left matters.",
        ),
        Misconception(
            "the smallest pair",
            lambda ids: of_counts(ids, min),
            "This is the smallest of all pairs: counts come first, and size decides only between equals.",
        ),
        Misconception(
            "the rarest pair",
            lambda ids: of_counts(ids, lambda counts: min(counts, key=lambda pair: (counts[pair], pair))),
            "This pair is the rarest: look at which end of the counts you take.",
        ),
        Misconception(
            "the two most frequent ids",
            lambda ids: tuple(id for id, _ in sorted(Counter(ids).items(), key=lambda item: (-item[1], item[0]))[:2]),
            "These are the two most frequent ids, which need not be neighbours.",
        ),
    ),
)


def fertility(encode, text):
    return len(encode(text)) / len(text.split())


def pieces_of_three(text):
    return [text[i : i + 3] for i in range(0, len(text), 3)]


def single_bytes(text):
    return list(text.encode())


def fertility_inputs():
    yield pieces_of_three, "o gato"
    yield single_bytes, "São  João"
    yield pieces_of_three, "one\ntwo  three four\n"
    yield single_bytes, "I don't see, I don't hear"


FERTILITY = Exercise(
    id="02.fertility",
    title="Fertility: tokens for a word",
    difficulty=1,
    minutes=5,
    contract="my_fertility(encode, text) returns how many tokens encode(text) has for each word of the text on "
    "average; words are what white space of any length separates, and the text has at least one.",
    returns="a number",
    reference=fertility,
    inputs=fertility_inputs,
    misconceptions=(
        Misconception(
            "words for each token",
            lambda encode, text: len(text.split()) / len(encode(text)),
            "The ratio stands on its head: these are words for each token.",
        ),
        Misconception(
            "characters for each token",
            lambda encode, text: len(text) / len(encode(text)),
            "These are characters for each token, another useful measure: fertility counts words.",
        ),
        Misconception(
            "tokens for each character",
            lambda encode, text: len(encode(text)) / len(text),
            "These are tokens for each character: `len(text)` counts characters, not words.",
        ),
        Misconception(
            "different words",
            lambda encode, text: len(encode(text)) / len(set(text.split())),
            "Words that come twice were counted once: each of them cost its tokens.",
        ),
        Misconception(
            "whole tokens",
            lambda encode, text: len(encode(text)) // len(text.split()),
            "The ratio was cut to a whole number: `//` throws the rest away.",
        ),
        Misconception(
            "empty words",
            lambda encode, text: len(encode(text)) / len(text.split(" ")),
            "Two spaces in a row made an empty word, and a line end none: look at what `split` was told.",
        ),
        Misconception(
            "each word by itself",
            lambda encode, text: sum(len(encode(word)) for word in text.split()) / len(text.split()),
            "Each word was encoded by itself, without the space before it: the text has to be encoded as it is.",
        ),
    ),
)

EXERCISES = (BYTES, PAIR, FERTILITY)
