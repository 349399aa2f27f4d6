"""Byte-pair encoding from scratch: learn merges from text, apply them to a word.

A text is first split into words (`PRE_SPLIT`), and no merge ever crosses a word's edge. Inside this module a word is a
Python string with *one character a token*: the token with id 297 is the character `chr(297)`. It starts as one
character a byte; to merge the pair `ab` into a new token `X` is then `word.replace("ab", "X")`, from left to right
and without overlap, as the algorithm asks, and at the speed of C.

Sennrich, Haddow and Birch 2016 (section 3.2) brought byte-pair encoding to words; Radford et al. 2019 (section 2.2)
start it from bytes, so that every text has tokens, and split the text first, so that no merge joins two kinds of
characters.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import regex

# GPT-2's own pattern: endings such as 's, then letters, digits or other signs with at most one space before them,
# then white space, which leaves its last space to the word that follows.
PRE_SPLIT = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")

# GPT-2's order of the 256 bytes, and so the ids of its first 256 tokens: those that Latin-1 can print come first.
BYTE_ORDER = bytes(sorted(range(256), key=lambda byte: not (chr(byte).isprintable() and chr(byte) != " ")))
BYTE_TO_ID = bytes(BYTE_ORDER.index(byte) for byte in range(256))


class Merge(NamedTuple):
    """One step of training: `left` and `right`, neighbours `count` times in the text, become one token."""

    left: bytes
    right: bytes
    count: int


def count_words(texts: str | Iterable[str]) -> Counter[str]:
    """How often each word of the texts occurs; words as `PRE_SPLIT` cuts them, in order of first appearance."""
    counts: Counter[str] = Counter()
    for text in [texts] if isinstance(texts, str) else texts:
        for block in blocks(text):
            counts.update(PRE_SPLIT.findall(block))
    return counts


def blocks(text: str, size: int = 1 << 20) -> Iterator[str]:
    """Cut a long text into blocks of about `size` characters, to spare memory, without changing its words.

    A cut stands where a space follows something that is none: no word has such a place inside.
    """
    gap = regex.compile(r"\S(?=\s)")
    start = 0
    while start < len(text):
        cut = gap.search(text, start + size)
        end = cut.end() if cut else len(text)
        yield text[start:end]
        start = end


def to_tokens(word: str) -> str:
    """The bytes of a word as tokens, one character each."""
    return word.encode().translate(BYTE_TO_ID).decode("latin-1")


def learn_merges(word_counts: Mapping[str, int]) -> Iterator[Merge]:
    """Yield merges, best first, until no pair is left: always the pair that occurs most often in all words.

    Of pairs that occur equally often the one with the smaller ids wins, as in Hugging Face's trainer. Each distinct
    word is looked at once and weighs as much as it occurs; after a merge only the words that hold the pair change,
    and in them only the pairs next to it.
    """
    words = [to_tokens(word) for word in word_counts]
    weights = list(word_counts.values())
    counts: defaultdict[str, int] = defaultdict(int)  # pair -> how often it occurs in all words
    places: defaultdict[str, list[int]] = defaultdict(list)  # pair -> the words that hold it, or held it once
    for i, word in enumerate(words):
        for pair in map(str.__add__, word, word[1:]):
            counts[pair] += weights[i]
            places[pair].append(i)

    token_bytes = [bytes([byte]) for byte in BYTE_ORDER]
    queue = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(queue)
    while queue:
        count, pair = heapq.heappop(queue)
        if count != -counts[pair]:  # other merges took some of its places since it was queued: queue it again
            if counts[pair] > 0:
                heapq.heappush(queue, (-counts[pair], pair))
            continue
        left, right = (token_bytes[ord(token)] for token in pair)
        yield Merge(left, right, -count)
        new = chr(len(token_bytes))
        token_bytes.append(left + right)
        born = merge_everywhere(words, weights, counts, places, pair, new)
        for new_pair in born:
            heapq.heappush(queue, (-counts[new_pair], new_pair))


def merge_everywhere(
    words: list[str],
    weights: list[int],
    counts: defaultdict[str, int],
    places: defaultdict[str, list[int]],
    pair: str,
    new: str,
) -> set[str]:
    """Replace `pair` by `new` in all words, keep `counts` and `places` true, and return the pairs that arose."""
    first, second = pair
    born: set[str] = set()
    for i in places.pop(pair):
        if pair not in words[i]:
            continue
        word = words[i] = words[i].replace(pair, new)
        weight = weights[i]
        at = word.find(new)
        while at >= 0:
            if at > 0:
                before = word[at - 1]
                counts[(second if before == new else before) + first] -= weight
                counts[before + new] += weight
                places[before + new].append(i)
                born.add(before + new)
            after = word[at + 1 : at + 2]
            if after and after != new:
                counts[second + after] -= weight
                counts[new + after] += weight
                places[new + after].append(i)
                born.add(new + after)
            at = word.find(new, at + 1)
    del counts[pair]
    return born
