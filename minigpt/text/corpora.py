"""Texts by name: `load("tinyshakespeare", "train")` gives the same characters on every machine.

Two corpora are made here: `storyland`, and `python-docs`, which follows the Python that runs. The others are fetched
once from their public homes, checked against the sha256 in `corpus_table`, and kept in `data/` at the top of the
checkout, or in the folder that MINIGPT_CACHE names. A folder that MINIGPT_DATA names is looked through first: a local
copy, laid out as `File.mirror` says. One checksum could not be confirmed from a publication, Tatoeba's: it is noted
beside the file at the first use and holds from then on ("trust on first use"): a later change is seen, a wrong first
download is not.
"""

import json
import lzma
import os
import zipfile
from pathlib import Path
from typing import Literal, overload

from minigpt.text.corpus_table import CORPORA, Corpus, Part
from minigpt.text.download import Progress, fetch

Pairs = list[tuple[str, str]]
PairName = Literal["tatoeba-en-pt", "tatoeba-en-pt-13222"]


@overload
def load(name: Literal["lambada"], split: str | None = None, progress: Progress | None = None) -> list[str]: ...
@overload
def load(name: PairName, split: str | None = None, progress: Progress | None = None) -> Pairs: ...
@overload
def load(name: str, split: str | None = None, progress: Progress | None = None) -> str: ...
def load(name: str, split: str | None = None, progress: Progress | None = None) -> str | list[str] | Pairs:
    """A corpus, or one split of it, as text; `info(name)` says which splits there are and which is the default.

    Line ends are "\\n" whatever the file has. A character that the border between two splits cuts in half belongs to
    neither. Raises what `path` raises.
    """
    corpus, part = find(name, split)
    if corpus.make:
        columns = [corpus.make(split or corpus.default).encode()]
    else:
        columns = unpack(path(name, split, progress), part.members)
    texts = [decode(column, part) for column in columns]
    if corpus.kind == "text":
        return texts[0]
    lines = [text.removesuffix("\n").split("\n") for text in texts]
    if corpus.kind == "passages":
        return [json.loads(line)["text"] for line in lines[0]]
    rows = zip(*lines, strict=True) if len(lines) == 2 else (line.split("\t") for line in lines[0])
    return [(english, portuguese) for english, portuguese in rows]


def path(name: str, split: str | None = None, progress: Progress | None = None) -> Path:
    """The published file on this machine, fetched and checked if need be; it may be a `.zip` or `.xz`.

    `progress(bytes so far, bytes of the file)` is called while it downloads. Raises ValueError for unknown names and
    for a file that is not the published one, ConnectionError where a download fails, FileNotFoundError for an excerpt
    that no mirror has, OSError when the disk is full; each says what to do.
    """
    _, part = find(name, split)
    if part.file is None:
        raise ValueError(f"{name!r} is made by a program and has no file: take its text from load({name!r})")
    mirror = os.environ.get("MINIGPT_DATA")
    return fetch(part.file, cache_folder(), Path(mirror) if mirror else None, progress)


def info(name: str) -> Corpus:
    """Licence, size, home page, citation and splits of a corpus."""
    return find(name)[0]


def names() -> list[str]:
    """Names of the corpora that anybody can have: all but the excerpts."""
    return [name for name, corpus in CORPORA.items() if not corpus.is_excerpt]


def cache_folder() -> Path:
    """Where downloads are kept: MINIGPT_CACHE, or `data` at the top of the checkout."""
    return Path(os.environ.get("MINIGPT_CACHE") or Path(__file__).resolve().parents[2] / "data")


def find(name: str, split: str | None = None) -> tuple[Corpus, Part]:
    """The corpus of that name and its split, or an error that lists what exists."""
    if name not in CORPORA:
        raise ValueError(f"there is no corpus {name!r}: the names are {', '.join(names())}")
    corpus = CORPORA[name]
    if (split or corpus.default) not in corpus.splits:
        raise ValueError(f"{name!r} has no split {split!r}: it has {', '.join(map(repr, corpus.splits))}")
    return corpus, corpus.splits[split or corpus.default]


def unpack(file: Path, members: tuple[str, ...]) -> list[bytes]:
    """The bytes of a file, of what a `.xz` holds, or of some members of a `.zip`."""
    if members:
        with zipfile.ZipFile(file) as archive:
            return [archive.read(member) for member in members]
    data = file.read_bytes()
    return [lzma.decompress(data) if file.suffix == ".xz" else data]


def decode(data: bytes, part: Part) -> str:
    """The split's share of the bytes, as text."""
    n = len(data)
    share = data[n * part.start // 1000 : n * part.stop // 1000]
    return share.decode(errors="strict" if len(share) == n else "ignore").replace("\r\n", "\n")
