"""Byte-pair encoding from scratch: split a text into words, learn merges from them, apply the merges to a word.

In training a word is a Python string with *one character a token*: the token with id 297 is the character `chr(297)`.
At first each byte is a token. To merge the pair `ab` into a new token `X` is then `word.replace("ab", "X")`: from left
to right and without overlap, as the algorithm asks, and at the speed of C.

Sennrich, Haddow and Birch 2016 (section 3.2) brought byte-pair encoding to words. Radford et al. 2019 (section 2.2)
start from bytes, so that any text has tokens, and keep merges from joining letters with digits or other signs.
"""

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import NamedTuple


class UnicodePattern:
    """A pattern that knows the letters of all scripts, by the package `regex`, which is loaded when it is used."""

    def __init__(self, pattern: str):
        self.pattern = pattern

    def findall(self, text: str) -> list[str]:
        import regex  # not above: whoever trains on ready tokens does without it

        return regex.findall(self.pattern, text)


# GPT-2's own pattern: endings such as 's; letters, digits or other signs, with at most one space before them; white
# space, of which the last space is left to the word that follows. No merge crosses the edge of what it finds.
PRE_SPLIT = UnicodePattern(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")

# The same for text that is all ASCII, where Python's own `re` can say it, and takes half the time.
PRE_SPLIT_ASCII = re.compile(
    r"'(?:s|t|re|ve|m|ll|d)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", flags=re.ASCII
)

# GPT-2's order of the 256 bytes, and so the ids of its first 256 tokens: those that Latin-1 can print come first.
BYTE_ORDER = bytes(sorted(range(256), key=lambda byte: not (chr(byte).isprintable() and chr(byte) != " ")))
BYTE_TO_ID = bytes(BYTE_ORDER.index(byte) for byte in range(256))

# GPT-2's files print each byte as one letter: itself where Latin-1 can print it, else the next letter from U+0100 on.
BYTE_LETTERS = {byte: chr(byte) if i < 188 else chr(256 + i - 188) for i, byte in enumerate(BYTE_ORDER)}
LETTER_BYTES = {letter: byte for byte, letter in BYTE_LETTERS.items()}

NO_MERGE = 1 << 30  # greater than any id


class Merge(NamedTuple):
    """One step of training: `left` and `right`, neighbours `count` times in the text, become one token."""

    left: bytes
    right: bytes
    count: int


def split_words(text: str) -> list[str]:
    """Cut a text into the words of GPT-2's pattern; joined together they are the text again."""
    return (PRE_SPLIT_ASCII if text.isascii() else PRE_SPLIT).findall(text)


def words_of(text: str) -> Iterator[str]:
    """The same words one by one: a long text is cut piece by piece, which spares memory, and most pieces are ASCII."""
    return chain.from_iterable(map(split_words, pieces(text)))


def pieces(text: str, size: int = 1000) -> Iterator[str]:
    """Cut a text into pieces of `size` characters or some more, where white space follows something else.

    No word has such a place inside, so the words stay the same.
    """
    import regex

    edge = regex.compile(r"\S(?=\s)")  # not `re`: there \s means more
    start = 0
    while start < len(text):
        cut = edge.search(text, start + size)
        end = cut.end() if cut else len(text)
        yield text[start:end]
        start = end


def split_special(text: str, names: Iterable[str]) -> list[str]:
    """Cut a text at special tokens into [text, special, text, ..., text]; of two that begin alike the longer counts."""
    import regex

    pattern = "|".join(regex.escape(name) for name in sorted(names, key=len, reverse=True))
    return regex.split(f"({pattern})", text) if pattern else [text]


def count_words(texts: str | Iterable[str]) -> Counter[str]:
    """How often each word occurs in a text, or in several, in order of first appearance."""
    return Counter(chain.from_iterable(map(words_of, [texts] if isinstance(texts, str) else texts)))


def to_tokens(word: str) -> str:
    """The bytes of a word as tokens, one character each."""
    return word.encode().translate(BYTE_TO_ID).decode("latin-1")


def pairs(tokens: str) -> Iterator[str]:
    """Each token with its right neighbour: "abc" gives "ab", "bc"."""
    return map(str.__add__, tokens, tokens[1:])


def learn_merges(word_counts: Mapping[str, int]) -> Iterator[Merge]:
    """Yield merges, the most frequent pair of neighbours first, until no pair is left.

    Of pairs that occur equally often the one with the smaller ids wins, as in Hugging Face's trainer.
    """
    token_bytes = [bytes([byte]) for byte in BYTE_ORDER]
    table = PairTable(word_counts)
    while pair := table.most_frequent():
        left, right = (token_bytes[ord(token)] for token in pair)
        yield Merge(left, right, table.counts[pair])
        table.merge(pair, chr(len(token_bytes)))
        token_bytes.append(left + right)


class PairTable:
    """The distinct words of a text, and how often each pair of neighbours occurs in them, kept true merge by merge.

    What makes it fast: a word weighs as much as it occurs and is looked at once; a merge touches only the words that
    hold the pair, and in them only the pairs beside it.
    """

    def __init__(self, word_counts: Mapping[str, int]):
        self.words = [to_tokens(word) for word in word_counts]
        self.weights = list(word_counts.values())
        self.counts: defaultdict[str, int] = defaultdict(int)  # pair -> how often it occurs
        self.places: defaultdict[str, list[int]] = defaultdict(list)  # pair -> words that hold it, or once did
        for i, word in enumerate(self.words):
            for pair in pairs(word):
                self.counts[pair] += self.weights[i]
                self.places[pair].append(i)
        self.queue = [(-count, pair) for pair, count in self.counts.items()]  # the smallest is the most frequent
        heapq.heapify(self.queue)

    def most_frequent(self) -> str | None:
        """Take the most frequent pair out of the queue, or None when no pair is left."""
        while self.queue:
            count, pair = heapq.heappop(self.queue)
            if -count == self.counts[pair]:
                return pair
            if self.counts[pair] > 0:  # other merges took some of its places: back into the queue as it is now
                heapq.heappush(self.queue, (-self.counts[pair], pair))
        return None

    def merge(self, pair: str, new: str) -> None:
        """Replace a pair by a new token in all words."""
        first, second = pair
        gained: defaultdict[str, int] = defaultdict(int)
        for i in self.places.pop(pair):
            if pair not in self.words[i]:  # an earlier merge took it, or this word was noted twice
                continue
            word = self.words[i] = self.words[i].replace(pair, new)
            weight = self.weights[i]
            at = word.find(new)
            while at >= 0:
                before, after = word[at - 1 : at], word[at + 1 : at + 2]
                if before:
                    self.counts[(second if before == new else before) + first] -= weight
                    gained[before + new] += weight
                    self.places[before + new].append(i)
                if after and after != new:  # if it is `new` again, that one's turn counts the pair
                    self.counts[second + after] -= weight
                    gained[new + after] += weight
                    self.places[new + after].append(i)
                at = word.find(new, at + 1)
        del self.counts[pair]
        self.counts.update(gained)
        for new_pair, count in gained.items():
            heapq.heappush(self.queue, (-count, new_pair))


def merge_steps(word: str, after: Sequence[Mapping[int, int]]) -> Iterator[list[int]]:
    """Yield the ids of a word: first of its bytes, then after each merge (one list, changed in place).

    `after[left]` gives, for each right neighbour with which `left` merges, the id of what they become. Of all merges
    that fit, the one that was learnt first, and so has the smallest new id, goes first, from the left.
    """
    ids = list(word.encode().translate(BYTE_TO_ID))
    yield ids
    waiting = [after[left].get(right, NO_MERGE) for left, right in pairwise(ids)]  # what each pair would become
    while waiting and (new := min(waiting)) < NO_MERGE:
        i = waiting.index(new)
        ids[i] = new
        del ids[i + 1], waiting[i]
        yield ids
        if i > 0:
            waiting[i - 1] = after[ids[i - 1]].get(new, NO_MERGE)
        if i < len(waiting):
            waiting[i] = after[new].get(ids[i + 1], NO_MERGE)


def merge_long(word: str, after: Sequence[Mapping[int, int]], pair_of: Mapping[int, str]) -> list[int]:
    """The end of `merge_steps`, in time that grows little faster than the length: for words such as 100,000 dots.

    Each merge is done at all its places at once, and those that may come next wait in a heap. `pair_of[new]` is the
    pair that becomes `new`, as two characters.
    """
    tokens = to_tokens(word)
    waiting = [after[ord(left)].get(ord(right), NO_MERGE) for left, right in pairwise(tokens)]
    heapq.heapify(waiting)
    new = NO_MERGE
    while waiting and waiting[0] < NO_MERGE:
        last, new = new, heapq.heappop(waiting)
        if new == last or pair_of[new] not in tokens:  # done already, or another merge took its places
            continue
        tokens = tokens.replace(pair_of[new], chr(new))
        at = tokens.find(chr(new))
        while at >= 0:
            if at > 0:
                heapq.heappush(waiting, after[ord(tokens[at - 1])].get(new, NO_MERGE))
            if at + 1 < len(tokens):
                heapq.heappush(waiting, after[new].get(ord(tokens[at + 1]), NO_MERGE))
            at = tokens.find(chr(new), at + 1)
    return list(map(ord, tokens))


def to_letters(token: bytes) -> str:
    """A token in GPT-2's printable letters, a letter a byte: b" the" gives "Ġthe"."""
    return "".join(BYTE_LETTERS[byte] for byte in token)


def from_letters(letters: str) -> bytes:
    """The bytes that `to_letters` printed. Raises KeyError for a letter that stands for no byte."""
    return bytes(LETTER_BYTES[letter] for letter in letters)


def format_merge(merge: tuple[bytes, bytes]) -> str:
    """A merge as a line of GPT-2's `vocab.bpe`: (b" t", b"he") gives "Ġt he"."""
    return " ".join(map(to_letters, merge))


def parse_merge(line: str) -> tuple[bytes, bytes]:
    """The merge in a line of `vocab.bpe`. Raises ValueError or KeyError where it is none."""
    left, right = line.split(" ")
    return from_letters(left), from_letters(right)
