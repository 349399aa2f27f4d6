"""Text to token ids and back: by characters, and by GPT-2's byte-pair encoding.

Both share one surface: `n_vocab`, `encode`, `decode`, `token_bytes`, `labels`, `end_of_text`, `save`, `load`.
"""

import codecs
import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import regex

from minigpt.assets import asset
from minigpt.text.bpe import BYTE_ORDER, PRE_SPLIT, Merge, count_words, learn_merges, to_tokens

if TYPE_CHECKING:
    import tiktoken

log = logging.getLogger(__name__)

END_OF_TEXT = "<|endoftext|>"
FORMAT = "minigpt tokenizer 1"


class Tokenizer:
    """What all tokenizers share. A subclass gives each id its bytes, and says how to encode."""

    kind: str
    special_tokens: dict[str, int]
    _bytes: list[bytes]  # id -> bytes

    @property
    def n_vocab(self) -> int:
        """How many tokens there are; ids run from 0 to n_vocab - 1."""
        return len(self._bytes)

    @property
    def end_of_text(self) -> int | None:
        """Id of the token that ends a document, if there is one."""
        return self.special_tokens.get(END_OF_TEXT)

    def encode(self, text: str, allowed_special: str | Iterable[str] = ()) -> list[int]:
        """The ids of a text."""
        raise NotImplementedError

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that one token stands for. Raises ValueError if there is no such id."""
        if not 0 <= token_id < self.n_vocab:
            raise ValueError(f"{token_id} is no token id of this tokenizer: ids run from 0 to {self.n_vocab - 1}")
        return self._bytes[token_id]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids; bytes that are no UTF-8, such as half a character, become U+FFFD, as in tiktoken."""
        return b"".join(map(self.token_bytes, ids)).decode("utf-8", errors="replace")

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Text piece by piece as ids arrive; a character whose bytes are spread over tokens waits for its last byte."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for token_id in ids:
            if piece := decoder.decode(self.token_bytes(token_id)):
                yield piece
        if piece := decoder.decode(b"", final=True):
            yield piece

    def labels(self, ids: Iterable[int]) -> list[str]:
        r"""A readable label for each id: its text, with bytes that are no UTF-8 by themselves as \xNN."""
        return [self.token_bytes(token_id).decode("utf-8", errors="backslashreplace") for token_id in ids]

    def _state(self) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def _from_state(cls, state: dict[str, Any]) -> Self:
        raise NotImplementedError

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tokenizer as JSON. The file appears at once and whole, or not at all."""
        path = Path(path)
        beside = path.with_name(path.name + ".part")
        content = {"format": FORMAT, "kind": self.kind, **self._state()}
        beside.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")
        os.replace(beside, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote. Raises ValueError if the file is torn, or no tokenizer of this kind."""
        tokenizer = load_tokenizer(path)
        if not isinstance(tokenizer, cls):
            raise ValueError(f"{path} holds a tokenizer of kind {tokenizer.kind!r}: load it with load_tokenizer(path)")
        return tokenizer


class CharTokenizer(Tokenizer):
    """One token a character, of those given."""

    kind = "char"

    def __init__(self, chars: Iterable[str]):
        self.chars = "".join(chars)
        if not self.chars or len(set(self.chars)) < len(self.chars):
            raise ValueError(f"a CharTokenizer needs characters, each once; these came: {self.chars!r}")
        self.special_tokens = {}
        self._ids = {char: i for i, char in enumerate(self.chars)}
        self._bytes = [char.encode("utf-8", errors="replace") for char in self.chars]

    @classmethod
    def train(cls, text: str) -> Self:
        """All characters of a text, in order of their code points."""
        if not text:
            raise ValueError("the text to train on is empty: give some text")
        return cls(sorted(set(text)))

    def encode(self, text: str, allowed_special: str | Iterable[str] = ()) -> list[int]:
        """The id of each character. Raises ValueError for a character that was not seen in training."""
        check_special(self, allowed_special)
        try:
            return [self._ids[char] for char in text]
        except KeyError as error:
            char = error.args[0]
            raise ValueError(
                f"{char!r} (U+{ord(char):04X}) at position {text.index(char)} is unknown to this tokenizer, which has "
                f"{self.n_vocab} characters: {self.chars!r}. Remove it, or train on a text that has it"
            ) from None

    def _state(self) -> dict[str, Any]:
        return {"chars": self.chars}

    @classmethod
    def _from_state(cls, state: dict[str, Any]) -> Self:
        return cls(state["chars"])


class BPETokenizer(Tokenizer):
    """Byte-level byte-pair encoding: ids are the 256 bytes, then one for each merge, then the special tokens."""

    kind = "bpe"

    def __init__(self, merges: Iterable[tuple[bytes, bytes]], special_tokens: Sequence[str] = (END_OF_TEXT,)):
        self.merges = [(left, right) for left, right in merges]
        self._bytes = [bytes([byte]) for byte in BYTE_ORDER]
        ids = {token: i for i, token in enumerate(self._bytes)}
        self._merged: dict[str, str] = {}  # pair -> new token, each token a character as in minigpt.text.bpe
        for left, right in self.merges:
            if left not in ids or right not in ids or left + right in ids:
                raise ValueError(
                    f"merge {len(self._merged)} joins {left!r} and {right!r}: both must be tokens by then, and what "
                    "they make must be a new one"
                )
            ids[left + right] = len(ids)
            self._merged[chr(ids[left]) + chr(ids[right])] = chr(ids[left + right])
            self._bytes.append(left + right)
        self._pair = {new: pair for pair, new in self._merged.items()}
        self.special_tokens = {name: len(ids) + i for i, name in enumerate(special_tokens)}
        self._bytes += [name.encode() for name in special_tokens]
        self._words = _WordCache(self._encode_word)

    @classmethod
    def train(
        cls, text: str | Iterable[str], n_vocab: int, special_tokens: Sequence[str] = (END_OF_TEXT,)
    ) -> "BPETokenizer":
        """Learn merges from a text, or several, until there are `n_vocab` tokens or no pair is left to merge."""
        n_merges = n_vocab - 256 - len(special_tokens)
        if n_merges < 0:
            raise ValueError(
                f"n_vocab={n_vocab} is too small: 256 bytes and {len(special_tokens)} special tokens need "
                f"{256 + len(special_tokens)}"
            )
        steps = islice(cls.train_steps(text, special_tokens), n_merges)
        tokenizer = cls(((step.left, step.right) for step in steps), special_tokens)
        if tokenizer.n_vocab < n_vocab:
            log.warning("the text gives only %d of %d tokens: no pair is left", tokenizer.n_vocab, n_vocab)
        return tokenizer

    @staticmethod
    def train_steps(text: str | Iterable[str], special_tokens: Sequence[str] = (END_OF_TEXT,)) -> Iterator[Merge]:
        """The merges of `train` one by one, as they are found, each with the count that won."""
        counts = count_words(_without(special_tokens, text))
        if not counts:
            raise ValueError("the text to train on is empty: give some text")
        return learn_merges(counts)

    @classmethod
    def gpt2(cls) -> "BPETokenizer":
        """GPT-2's own vocabulary: 256 bytes, 50,000 merges, one end of text."""
        lines = asset("gpt2/vocab.bpe").read_text(encoding="utf-8").splitlines()[1:]
        return cls(map(_parse_merge, lines))

    def encode(self, text: str, allowed_special: str | Iterable[str] = ()) -> list[int]:
        """The ids of a text, equal to tiktoken's `encode_ordinary`.

        A special token in the text counts as such only if `allowed_special` names it ("all" for all of them); otherwise
        it is text like any other, so that nobody's input can end a document. (tiktoken's `encode` raises instead.)
        Lone surrogates, which no UTF-8 can hold, become U+FFFD, as in tiktoken.
        """
        allowed = check_special(self, allowed_special)
        if not allowed:
            return self._encode_ordinary(text)
        ids: list[int] = []
        for part in _splitter(allowed).split(text):
            ids += [self.special_tokens[part]] if part in allowed else self._encode_ordinary(part)
        return ids

    def _encode_ordinary(self, text: str) -> list[int]:
        try:
            return list(chain.from_iterable(map(self._words.__getitem__, PRE_SPLIT.findall(text))))
        except UnicodeEncodeError:
            return self._encode_ordinary(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))

    def _encode_word(self, word: str) -> list[int]:
        tokens = to_tokens(word)
        while candidates := [
            self._merged[pair] for pair in map(str.__add__, tokens, tokens[1:]) if pair in self._merged
        ]:
            new = min(candidates)
            tokens = tokens.replace(self._pair[new], new)
        return [ord(token) for token in tokens]

    def as_tiktoken(self, name: str = "minigpt") -> "tiktoken.Encoding":
        """The same tokenizer in tiktoken's engine, which is written in Rust."""
        import tiktoken

        ranks = {token: i for i, token in enumerate(self._bytes[: 256 + len(self.merges)])}
        return tiktoken.Encoding(
            name, pat_str=PRE_SPLIT.pattern, mergeable_ranks=ranks, special_tokens=self.special_tokens
        )

    def _state(self) -> dict[str, Any]:
        return {"special_tokens": list(self.special_tokens), "merges": [_format_merge(*merge) for merge in self.merges]}

    @classmethod
    def _from_state(cls, state: dict[str, Any]) -> Self:
        return cls(map(_parse_merge, state["merges"]), state["special_tokens"])


class _WordCache(dict[str, list[int]]):
    def __init__(self, encode_word: Any):
        self._encode_word = encode_word

    def __missing__(self, word: str) -> list[int]:
        ids = self[word] = self._encode_word(word)
        return ids


def _letters() -> dict[int, str]:
    """GPT-2's way to print a byte: Latin-1 where that is printable, else the next letter from U+0100 on."""
    n_printable = sum(1 for byte in range(256) if chr(byte).isprintable() and byte != 32)
    return {byte: chr(byte) if i < n_printable else chr(256 + i - n_printable) for i, byte in enumerate(BYTE_ORDER)}


LETTERS = _letters()
BYTES = {letter: byte for byte, letter in LETTERS.items()}


def _format_merge(left: bytes, right: bytes) -> str:
    return "".join(LETTERS[byte] for byte in left) + " " + "".join(LETTERS[byte] for byte in right)


def _parse_merge(line: str) -> tuple[bytes, bytes]:
    left, right = line.split(" ")
    return bytes(BYTES[letter] for letter in left), bytes(BYTES[letter] for letter in right)


def _splitter(names: Iterable[str]) -> regex.Pattern[str]:
    return regex.compile("(" + "|".join(regex.escape(name) for name in sorted(names, key=len, reverse=True)) + ")")


def _without(special_tokens: Sequence[str], texts: str | Iterable[str]) -> Iterator[str]:
    """The texts between special tokens: these are given, not learnt."""
    for text in [texts] if isinstance(texts, str) else texts:
        yield from _splitter(special_tokens).split(text)[::2] if special_tokens else [text]


def check_special(tokenizer: Tokenizer, allowed_special: str | Iterable[str]) -> set[str]:
    """The names of allowed special tokens as a set. Raises ValueError for one that the tokenizer does not have."""
    if allowed_special == "all":
        return set(tokenizer.special_tokens)
    allowed = {allowed_special} if isinstance(allowed_special, str) else set(allowed_special)
    if unknown := allowed - set(tokenizer.special_tokens):
        raise ValueError(
            f"{sorted(unknown)} are no special tokens of this tokenizer, which has {list(tokenizer.special_tokens)}"
        )
    return allowed


def load_tokenizer(path: str | os.PathLike[str]) -> Tokenizer:
    """Read a tokenizer of any kind. Raises ValueError if the file is torn, or no tokenizer."""
    try:
        state = json.loads(Path(path).read_text(encoding="utf-8"))
        if state["format"] != FORMAT:
            raise ValueError(f"its format is {state['format']!r}")
        kinds: dict[str, type[Tokenizer]] = {"char": CharTokenizer, "bpe": BPETokenizer}
        return kinds[state["kind"]]._from_state(state)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is no tokenizer file of ours, or a torn one ({type(error).__name__}: {error}): save it again"
        ) from error
