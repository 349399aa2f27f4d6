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

from minigpt.assets import asset
from minigpt.text.bpe import (
    BYTE_ORDER,
    PRE_SPLIT,
    Merge,
    count_words,
    format_merge,
    learn_merges,
    merge_long,
    merge_steps,
    parse_merge,
    split_special,
    words_of,
)

if TYPE_CHECKING:
    import tiktoken

log = logging.getLogger(__name__)

END_OF_TEXT = "<|endoftext|>"
LONG_WORD = 100  # characters; beyond, the time of `merge_steps` grows with the square of the length
FORMAT = "minigpt tokenizer 1"


class Tokenizer:
    """What all tokenizers share. A subclass gives each id its bytes, and says how to encode."""

    kind: str
    special_tokens: dict[str, int]
    _bytes: list[bytes]  # id -> bytes

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n_vocab={self.n_vocab})"

    @property
    def n_vocab(self) -> int:
        """How many tokens there are; ids run from 0 to n_vocab - 1."""
        return len(self._bytes)

    @property
    def end_of_text(self) -> int | None:
        """Id of the token that ends a document, if there is one."""
        return self.special_tokens.get(END_OF_TEXT)

    def encode(self, text: str, allowed_special: str | Iterable[str] = ()) -> list[int]:
        """The ids of a text. What a special token's name in it means, `BPETokenizer.encode` says."""
        raise NotImplementedError

    def _allowed(self, allowed_special: str | Iterable[str]) -> set[str]:
        """The names of allowed special tokens as a set. Raises ValueError for one that there is not."""
        if allowed_special == "all":
            return set(self.special_tokens)
        allowed = {allowed_special} if isinstance(allowed_special, str) else set(allowed_special)
        if unknown := allowed - set(self.special_tokens):
            raise ValueError(
                f"{sorted(unknown)} cannot be allowed: this tokenizer's special tokens are {list(self.special_tokens)}"
            )
        return allowed

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that one token stands for. Raises ValueError if there is no such id."""
        if not 0 <= token_id < self.n_vocab:
            raise ValueError(
                f"{token_id} is no token id here: ids run from 0 to {self.n_vocab - 1}. Is it another tokenizer's?"
            )
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
        content = {"format": FORMAT, "kind": self.kind, **self._state()}
        write_whole(Path(path), (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())

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
            raise ValueError(f"a CharTokenizer needs characters, each once; what came: {self.chars!r}")
        self.special_tokens = {}
        self._ids = {char: i for i, char in enumerate(self.chars)}
        self._bytes = [char.encode() for char in self.chars]

    @classmethod
    def train(cls, text: str) -> Self:
        """All characters of a text, in order of their code points."""
        if not text:
            raise ValueError("the text to train on is empty: give some text")
        return cls(sorted(set(text)))

    def encode(self, text: str, allowed_special: str | Iterable[str] = ()) -> list[int]:
        """The id of each character. Raises ValueError for a character that was not seen in training."""
        self._allowed(allowed_special)
        try:
            return [self._ids[char] for char in text]
        except KeyError as error:
            char = error.args[0]
            known = self.chars if self.n_vocab <= 100 else self.chars[:100] + "…"
            raise ValueError(
                f"{char!r} (U+{ord(char):04X}) at position {text.index(char)} is unknown to this tokenizer, which has "
                f"{self.n_vocab} characters: {known!r}. Remove it, or train on a text that has it"
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
        """Merges in the order in which they were learnt, each as the bytes of its left and of its right token."""
        self.merges = list(merges)
        self._bytes = [bytes([byte]) for byte in BYTE_ORDER]
        self._ids = {token: i for i, token in enumerate(self._bytes)}
        self._pair_of: dict[int, str] = {}  # new id -> its pair, as two characters
        self._after: list[dict[int, int]] = [{} for _ in self._bytes]  # left id -> right id -> new id
        for left, right in self.merges:
            if left not in self._ids or right not in self._ids or left + right in self._ids:
                raise ValueError(
                    f"merge {len(self._pair_of)} joins {left!r} and {right!r}: both must be tokens by then, and what "
                    "they make must be a new one"
                )
            first, second, new = self._ids[left], self._ids[right], len(self._bytes)
            self._after[first][second] = new
            self._after.append({})
            self._pair_of[new] = chr(first) + chr(second)
            self._ids[left + right] = new
            self._bytes.append(left + right)
        names = check_names(special_tokens)
        self.special_tokens = {name: len(self._bytes) + i for i, name in enumerate(names)}
        self._bytes += [name.encode() for name in names]
        self._word_ids: dict[str, list[int]] = _WordIds(self)

    @classmethod
    def train(
        cls, text: str | Iterable[str], n_vocab: int, special_tokens: Sequence[str] = (END_OF_TEXT,)
    ) -> "BPETokenizer":
        """Learn merges from a text, or from several, until there are `n_vocab` tokens.

        Logs a warning and stops early when no pair is left. Raises ValueError for an empty text or a small `n_vocab`.
        """
        n_fixed = 256 + len(check_names(special_tokens))
        if n_vocab < n_fixed:
            raise ValueError(f"n_vocab={n_vocab} is too small: 256 bytes and the special tokens alone make {n_fixed}")
        steps = islice(cls.train_steps(text, special_tokens), n_vocab - n_fixed)
        tokenizer = cls([(step.left, step.right) for step in steps], special_tokens)
        if tokenizer.n_vocab < n_vocab:
            log.warning("stopped at %d of %d tokens: the text has no pair left", tokenizer.n_vocab, n_vocab)
        return tokenizer

    @staticmethod
    def train_steps(text: str | Iterable[str], special_tokens: Sequence[str] = (END_OF_TEXT,)) -> Iterator[Merge]:
        """The merges of `train`, one by one as they are found, each with its count: `Merge(left, right, count)`."""
        texts = [text] if isinstance(text, str) else text
        names = check_names(special_tokens)
        between = chain.from_iterable(split_special(one, names)[::2] for one in texts)  # special tokens are not learnt
        word_counts = count_words(between)
        if not word_counts:
            raise ValueError("the text to train on is empty: give some text")
        return learn_merges(word_counts)

    @classmethod
    def gpt2(cls) -> "BPETokenizer":
        """GPT-2's own vocabulary of 50,257: 256 bytes, 50,000 merges, one end of text."""
        return cls(map(parse_merge, asset("gpt2/vocab.bpe").read_text(encoding="utf-8").splitlines()[1:]))

    def encode(self, text: str, allowed_special: str | Iterable[str] = ()) -> list[int]:
        """The ids of a text, equal to those of tiktoken (`as_tiktoken` names the exception).

        A special token in the text is one only if `allowed_special` names it ("all" names all); otherwise it is text
        like any other, so that nobody's input can end a document. (tiktoken's `encode` refuses such a text,
        its `encode_ordinary` does as here.) Lone surrogates, which UTF-8 cannot hold, become U+FFFD, as in tiktoken.
        """
        first, *rest = split_special(text, self._allowed(allowed_special))
        ids = self._encode_ordinary(first)
        for special, ordinary in zip(rest[::2], rest[1::2], strict=True):
            ids += [self.special_tokens[special], *self._encode_ordinary(ordinary)]
        return ids

    def _encode_ordinary(self, text: str) -> list[int]:
        try:
            return list(chain.from_iterable(map(self._word_ids.__getitem__, words_of(text))))
        except UnicodeEncodeError:  # this way pairs of surrogates become the character they stand for, lone ones U+FFFD
            return self._encode_ordinary(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))

    def _encode_word(self, word: str) -> list[int]:
        if (token := word.encode()) in self._ids:
            return [self._ids[token]]
        if len(word) > LONG_WORD:
            return merge_long(word, self._after, self._pair_of)
        *_, ids = merge_steps(word, self._after)
        return ids

    def encode_steps(self, word: str) -> Iterator[list[int]]:
        """How one word is encoded: first its bytes, then the ids after each merge; the last are its encoding."""
        return map(list, merge_steps(word, self._after))

    def as_tiktoken(self, name: str = "minigpt") -> "tiktoken.Encoding":
        """The same tokenizer in tiktoken's engine, which is written in Rust.

        The ids are the same, but for one thing: a character so new to Unicode that only one of the two knows it as a
        letter or digit (`regex` and tiktoken bring their own tables) may be joined with its neighbours in one only.
        """
        import tiktoken

        return tiktoken.Encoding(
            name, pat_str=PRE_SPLIT.pattern, mergeable_ranks=self._ids, special_tokens=self.special_tokens
        )

    def _state(self) -> dict[str, Any]:
        return {"special_tokens": list(self.special_tokens), "merges": [format_merge(merge) for merge in self.merges]}

    @classmethod
    def _from_state(cls, state: dict[str, Any]) -> Self:
        return cls(map(parse_merge, state["merges"]), state["special_tokens"])


class _WordIds(dict[str, list[int]]):
    """The encoding of each word met so far. Words repeat so much that most of a text is looked up here."""

    LIMIT = 1 << 18  # words, some 60 MB: then it starts anew

    def __init__(self, tokenizer: BPETokenizer):
        self._tokenizer = tokenizer

    def __missing__(self, word: str) -> list[int]:
        if len(self) >= self.LIMIT:
            self.clear()
        ids = self[word] = self._tokenizer._encode_word(word)
        return ids


def check_names(special_tokens: Sequence[str]) -> list[str]:
    """The names of special tokens as a list. Raises ValueError for a bare string, an empty name or one given twice."""
    names = list(special_tokens)
    if isinstance(special_tokens, str) or "" in names or len(set(names)) < len(names):
        raise ValueError(f"special_tokens={special_tokens!r}: give a list of names, none empty and none twice")
    return names


def load_tokenizer(path: str | os.PathLike[str]) -> Tokenizer:
    """Read a tokenizer of any kind. Raises ValueError if the file is torn, or no tokenizer."""
    kinds: dict[str, type[Tokenizer]] = {"char": CharTokenizer, "bpe": BPETokenizer}
    try:
        state = json.loads(Path(path).read_text(encoding="utf-8"))
        if state["format"] != FORMAT:
            raise ValueError(f"its format is {state['format']!r}, not {FORMAT!r}")
        return kinds[state["kind"]]._from_state(state)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is no tokenizer file of minigpt, or a torn one: {type(error).__name__}: {error}. "
            "Write it again with tokenizer.save(path)"
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears at once and whole, or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
