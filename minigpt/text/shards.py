"""Text of any size as files of token ids: made in little memory, and read without loading them.

    prepare("wikipedia.txt", "tokens", BPETokenizer.gpt2())     # goes on where it was stopped
    batches = Batches(TokenShards("tokens"), n_ctx=1024, batch_size=8)

A folder of tokens holds `tokens-00000.bin`, …, ids in a row as little-endian uint16 (uint32 for a vocabulary of more
than 65,536), and `tokens.json`, which says how many they are, what each file's sha256 is, how far the text is read.
"""

import codecs
import hashlib
import json
import lzma
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from minigpt.text.tokenizers import Tokenizer, write_whole

FORMAT = "minigpt tokens 1"
INDEX = "tokens.json"
BLOCK = 1 << 20
"""Bytes of text that are read at a time."""

Progress = Callable[[int, int], None]


def prepare(
    text: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    tokenizer: Tokenizer,
    n_tokens: int = 10_000_000,
    progress: Progress | None = None,
) -> "TokenShards":
    """Encode a UTF-8 text file, or one in `.xz`, to files of about n_tokens each. Returns them.

    The ids are those of `tokenizer.encode` on the whole text, its end-of-text token in the text being one. After each
    file `progress(bytes of text so far, tokens so far)` is called. Stopped or killed, the same call goes on after the
    last whole file and ends with the same files. Raises ValueError where the folder holds another text or another
    tokenizer's ids.
    """
    text, folder = Path(text), Path(folder)
    if n_tokens < 1:
        raise ValueError(f"n_tokens={n_tokens}: a file holds at least 1")
    index = begun(text, folder, tokenizer)
    if not text.stat().st_size:
        raise ValueError(f"{text} is empty: give some text")
    if not index["done"]:
        with opened(text) as file:
            skip(file, index["read"])
            write_shards(file, folder, tokenizer, n_tokens, index, progress)
    return TokenShards(folder)


def begun(text: Path, folder: Path, tokenizer: Tokenizer) -> dict[str, Any]:
    """The folder's index, a new one if there is none yet."""
    kind = hashlib.sha256(json.dumps(tokenizer._state(), sort_keys=True).encode()).hexdigest()
    about = {"text": text.name, "size": text.stat().st_size, "tokenizer": kind}
    path = folder / INDEX
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        dtype = "<u2" if tokenizer.n_vocab <= 1 << 16 else "<u4"
        return {"format": FORMAT, **about, "dtype": dtype, "files": [], "read": 0, "fetched": 0, "done": False}
    index = read_index(folder)
    if changed := [name for name, value in about.items() if index[name] != value]:
        raise ValueError(
            f"{folder} holds tokens of another run: {', '.join(changed)} differ{'s' if len(changed) == 1 else ''} from "
            f"what is asked for now; choose another folder, or delete that one to start again"
        )
    return index


def write_shards(
    file, folder: Path, tokenizer, n_tokens: int, index: dict[str, Any], progress: Progress | None
) -> None:
    """Write file after file, and after each the index: what is in the index is whole."""
    rows: list[np.ndarray] = []
    special = [] if tokenizer.end_of_text is None else "all"
    for piece, n_bytes, is_last in pieces(file, index["fetched"] - index["read"]):
        rows.append(np.array(tokenizer.encode(piece, allowed_special=special), dtype=index["dtype"]))
        index["read"], index["fetched"] = index["read"] + n_bytes, file.tell()
        if sum(map(len, rows)) >= n_tokens or is_last:
            ids = np.concatenate(rows)
            name = f"tokens-{len(index['files']):05d}.bin"
            write_whole(folder / name, ids.tobytes())
            sha256 = hashlib.sha256(ids.tobytes()).hexdigest()
            index["files"].append({"name": name, "n_tokens": len(ids), "sha256": sha256})
            index["done"] = is_last
            write_whole(folder / INDEX, (json.dumps(index, indent=1) + "\n").encode())
            rows = []
            if progress is not None:
                progress(index["read"], sum(entry["n_tokens"] for entry in index["files"]))


def opened(text: Path) -> BinaryIO:
    return lzma.open(text, "rb") if text.suffix == ".xz" else open(text, "rb")  # type: ignore[return-value]


def skip(file: BinaryIO, n_bytes: int) -> None:
    """Go on after n_bytes of the text; what is packed has to be read for that."""
    if not isinstance(file, lzma.LZMAFile):
        file.seek(n_bytes)
        return
    while n_bytes:
        n_bytes -= len(file.read(min(n_bytes, BLOCK)))


def pieces(file: BinaryIO, n_ahead: int = 0) -> Iterator[tuple[str, int, bool]]:
    """Cut a text where white space follows something else: the piece, its bytes, is it the last one?

    No word of the tokenizer has such a place inside, so the pieces' tokens are the whole text's. `n_ahead`: bytes that
    were read before the last cut, by a run that was stopped there; read first, they make the next cuts the same.
    """
    import regex

    edge = regex.compile(r"(?r)\S(?=\s)")  # from the right
    decoder = codecs.getincrementaldecoder("utf-8")()
    rest = decoder.decode(file.read(n_ahead))
    while block := file.read(BLOCK):
        rest += decoder.decode(block)
        if cut := edge.search(rest):
            piece, rest = rest[: cut.end()], rest[cut.end() :]
            yield piece, len(piece.encode()), False
    rest += decoder.decode(b"", final=True)
    yield rest, len(rest.encode()), True


class TokenShards:
    """The ids of a prepared folder in one row: slices of it are read from the disk when they are asked for."""

    ndim = 1

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        index = read_index(self.folder)
        if not index["done"]:
            raise ValueError(f"{folder} is not finished: run `minigpt data prepare` again, it goes on where it stopped")
        self.dtype = np.dtype(index["dtype"])
        self.sha256 = [entry["sha256"] for entry in index["files"]]
        self.files = [mapped(self.folder / e["name"], e["n_tokens"], self.dtype) for e in index["files"]]
        self.ends = np.cumsum([len(file) for file in self.files])
        self.start, self.stop = 0, int(self.ends[-1])

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)

    def __getitem__(self, part: slice) -> np.ndarray:
        """The ids of a slice, an array of their own."""
        first, last, step = part.indices(len(self))
        if step != 1:
            raise ValueError(f"a slice with step {step}: take one with step 1, and every {step}th of what it gives")
        at, last = first + self.start, max(first, last) + self.start
        found = [np.empty(0, self.dtype)]
        for k in range(int(np.searchsorted(self.ends, at, side="right")), len(self.files)):
            if at >= last:
                break
            begin = int(self.ends[k]) - len(self.files[k])
            found.append(np.asarray(self.files[k][at - begin : last - begin]))
            at = int(self.ends[k])
        return np.concatenate(found)

    def part(self, start: int, stop: int) -> Self:
        """The ids from start to stop as a row of their own, not loaded: to hold out a tenth, say."""
        if not 0 <= start < stop <= len(self):
            raise ValueError(f"part({start}, {stop}) of {len(self):,} tokens: 0 <= start < stop <= {len(self)}")
        other = object.__new__(type(self))
        other.__dict__ |= self.__dict__ | {"start": self.start + start, "stop": self.start + stop}
        return other

    def verify(self) -> None:
        """Read everything and compare. Raises ValueError, naming the file, where it has changed."""
        for entry in read_index(self.folder)["files"]:
            path = self.folder / entry["name"]
            with open(path, "rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != entry["sha256"]:
                raise ValueError(f"{path} has changed since it was written: prepare the folder again")


def mapped(path: Path, n_tokens: int, dtype: np.dtype) -> np.memmap:
    if not path.exists() or path.stat().st_size != n_tokens * dtype.itemsize:
        raise ValueError(f"{path} is not there or has another size than {INDEX} says: prepare the folder again")
    return np.memmap(path, dtype=dtype, mode="r")


def read_index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    if not path.exists():
        raise ValueError(f"{folder} holds no tokens: `minigpt data prepare TEXT --folder {folder}` makes them")
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        found = index["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no index of tokens ({error}): prepare the folder again") from error
    if found != FORMAT:
        raise ValueError(f"{path} has the format {found!r}, not {FORMAT!r}: prepare the folder again")
    return index
