"""Which corpora there are: address, checksum, licence, splits. `corpora.load` reads them.

Addresses and checksums were confirmed in public sources that state them; each address names a fixed revision where
its host has revisions.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from minigpt.text.download import File


@dataclass(frozen=True)
class Part:
    """Where a split lies: in a file or in members of an archive, from one thousandth of its bytes to another."""

    file: File | None = None
    members: tuple[str, ...] = ()
    start: int = 0
    stop: int = 1000


@dataclass(frozen=True)
class Corpus:
    """What is known about a corpus."""

    about: str
    licence: str
    home: str
    """Page that describes it."""
    citation: str
    splits: dict[str, Part] = field(repr=False)
    default: str = "all"
    """The split that `load(name)` gives."""
    kind: Literal["text", "passages", "pairs"] = "text"
    """What `load` returns: a string, a list of strings, or a list of (English, Portuguese)."""
    make: Callable[[str], str] | None = field(default=None, repr=False)
    """Writes the text of a split, where there is no file."""

    @property
    def n_bytes(self) -> int | None:
        """Bytes to fetch for all splits together: 0 for what is made here, None where nobody states it."""
        sizes = {part.file.name: part.file.n_bytes for part in self.splits.values() if part.file}
        return None if None in sizes.values() else sum(size or 0 for size in sizes.values())

    @property
    def is_excerpt(self) -> bool:
        """True for beginnings and selections that have no public address and lie in some mirror folders only."""
        return any(part.file and not part.file.urls for part in self.splits.values())


def make_storyland(split: str) -> str:
    """20,000 sentences to train on, 2,000 others to validate and 2,000 to test on."""
    seed, n_sentences = {"train": (0, 20_000), "valid": (1, 2_000), "test": (2, 2_000)}[split]
    storyland = importlib.import_module("minigpt.text.storyland")
    return storyland.Storyland(seed=seed).text(n_sentences, "en")


def make_python_docs(split: str) -> str:
    """The help texts of the running Python's `help()`, one after another."""
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise ImportError(
            "this Python was packed without `pydoc_data.topics`: run the course with a Python that has its whole "
            "standard library, or take another corpus"
        ) from error
    return "\n\n".join(f"{topic}\n\n{topics[topic].strip()}" for topic in sorted(topics)) + "\n"


def tenths(file: File | None, member: str = "") -> dict[str, Part]:
    """Nine tenths to train on and the last one to validate."""
    members = (member,) if member else ()
    return {"all": Part(file, members), "train": Part(file, members, 0, 900), "valid": Part(file, members, 900, 1000)}


def twentieths(file: File, member: str) -> dict[str, Part]:
    """The split that papers use for enwik8 and text8: 90, 5 and 5 of 100 million bytes."""
    borders = {"all": (0, 1000), "train": (0, 900), "valid": (900, 950), "test": (950, 1000)}
    return {split: Part(file, (member,), start, stop) for split, (start, stop) in borders.items()}


HUB = "https://huggingface.co/datasets"
TINYSTORIES = f"{HUB}/roneneldan/TinyStories"
TINYSTORIES_REVISION = f"{TINYSTORIES}/resolve/f54c09fd23315a6f9c86f9dc80f725de7d8f9c64"
WIKIPEDIA = "GFDL, since 2009 also CC BY-SA 3.0"
LTCB = "Mahoney 2011, About the Test Data (Large Text Compression Benchmark)"
ELDAN = "Eldan and Li 2023, TinyStories: How Small Can Language Models Be and Still Speak Coherent English?"
MERITY = "Merity, Xiong, Bradbury and Socher 2016, Pointer Sentinel Mixture Models"
TIEDEMANN = "Tiedemann 2012, Parallel Data, Tools and Interfaces in OPUS"

wikitext_2 = File(
    "wikitext-2-raw-v1.zip",
    "eval/wikitext-2-raw-v1.zip",
    (
        f"{HUB}/ggml-org/ci/resolve/927b3642933080f1b0e811e2f916e14c292992f9/wikitext-2-raw-v1.zip",
        "https://wikitext.smerity.com/wikitext-2-raw-v1.zip",
    ),
    4_721_645,
    "ef7edb566e3e2b2d31b29c1fdb0c89a4cc683597484c3dc2517919c615435a11",
)
enwik8 = File(
    "enwik8.zip",
    "eval/enwik8.zip",
    ("https://mattmahoney.net/dc/enwik8.zip", "http://mattmahoney.net/dc/enwik8.zip"),
    36_445_475,
    "547994d9980ebed1288380d652999f38a14fe291a6247c157c3d33d4932534bc",
)
text8 = File(
    "text8.zip",
    "eval/text8.zip",
    ("https://mattmahoney.net/dc/text8.zip", "http://mattmahoney.net/dc/text8.zip"),
    31_344_016,
    "a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
)
tinyshakespeare = File(
    "tinyshakespeare.txt",
    "train/tinyshakespeare.txt",
    (
        "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
        "/data/tinyshakespeare/input.txt",
    ),
    1_115_394,
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)
lambada = File(
    "lambada_test_openai.jsonl",
    "eval/lambada_test_openai.jsonl",
    (
        "https://openaipublic.blob.core.windows.net/gpt-2/data/lambada_test.jsonl",
        f"{HUB}/EleutherAI/lambada_openai/resolve/900124bf3b8235c6daf21033af9948b3f07346c4/data/lambada_test.jsonl",
    ),
    1_819_752,
    "4aa8d02cd17c719165fc8a7887fddd641f43fcafa4b1c806ca8abc31fabdb226",
)
tinystories_train = File(
    "TinyStories-train.txt",
    "train/TinyStories-train.txt",
    (f"{TINYSTORIES_REVISION}/TinyStories-train.txt",),
    1_924_281_556,
    "c5cf5e22ff13614e830afbe61a99fbcbe8bcb7dd72252b989fa1117a368d401f",
)
tinystories_valid = File(
    "TinyStories-valid.txt",
    "train/TinyStories-valid.txt",
    (f"{TINYSTORIES_REVISION}/TinyStories-valid.txt",),
    19_447_282,
    "94e431816c4cce81ff71e4408ff8d3bda9a42e8d2663986697c3954288cb38b4",
)
tatoeba = File(  # a dated release; no publication states its checksum
    "tatoeba-en-pt.zip",
    "translation/tatoeba-en-pt.zip",
    ("https://object.pouta.csc.fi/OPUS-Tatoeba/v2023-04-12/moses/en-pt.txt.zip",),
)


def excerpt(mirror: str, sha256: str) -> dict[str, Part]:
    """One whole file that lies in mirror folders only."""
    return {"all": Part(File(Path(mirror).name, mirror, sha256=sha256))}


CORPORA = {
    "storyland": Corpus(
        "sentences without end from the course's own grammar, whose exact entropy is known",
        "CC BY 4.0",
        "minigpt/text/storyland",
        "this course",
        {"train": Part(), "valid": Part(), "test": Part()},
        default="train",
        make=make_storyland,
    ),
    "python-docs": Corpus(
        "the language reference that every Python carries, 0.5 MB; it differs a little from version to version",
        "PSF License 2",
        "https://docs.python.org/3/reference/",
        "Python Software Foundation, The Python Language Reference",
        tenths(None),
        make=make_python_docs,
    ),
    "tinyshakespeare": Corpus(
        "40,000 lines from Shakespeare's plays, 1.1 MB",
        "public domain",
        "https://github.com/karpathy/char-rnn",
        "Karpathy 2015, The Unreasonable Effectiveness of Recurrent Neural Networks",
        tenths(tinyshakespeare),
    ),
    "tinystories": Corpus(
        "short stories in the words of a small child, written by GPT-3.5 and GPT-4; 19 MB to validate, 1.9 GB to train",
        "CDLA-Sharing-1.0",
        TINYSTORIES,
        ELDAN,
        {"train": Part(tinystories_train), "valid": Part(tinystories_valid)},
        default="valid",
    ),
    "wikitext-2-raw": Corpus(
        "good and featured articles of Wikipedia, two million words, tokenised but with every word kept",
        "CC BY-SA 3.0 and GFDL",
        f"{HUB}/Salesforce/wikitext",
        MERITY,
        {split: Part(wikitext_2, (f"wikitext-2-raw/wiki.{split}.raw",)) for split in ("train", "valid", "test")},
        default="train",
    ),
    "enwik8": Corpus(
        "the first 100 million bytes of the English Wikipedia of 3 March 2006, with its XML",
        WIKIPEDIA,
        "https://mattmahoney.net/dc/textdata.html",
        LTCB,
        twentieths(enwik8, "enwik8"),
    ),
    "text8": Corpus(
        "100 million characters of the same Wikipedia, only a to z and spaces left",
        WIKIPEDIA,
        "https://mattmahoney.net/dc/textdata.html",
        LTCB,
        twentieths(text8, "text8"),
    ),
    "lambada": Corpus(
        "5,153 passages whose last word a reader guesses only from the whole, as OpenAI prepared them",
        "CC BY 4.0; the passages come from novels in copyright",
        f"{HUB}/EleutherAI/lambada_openai",
        "Paperno et al. 2016, The LAMBADA dataset: Word prediction requiring a broad discourse context",
        {"test": Part(lambada)},
        default="test",
        kind="passages",
    ),
    "tatoeba-en-pt": Corpus(
        "everyday sentences in English and Portuguese, translated by volunteers; release of 12 April 2023",
        "CC BY 2.0 FR",
        "https://opus.nlpl.eu/Tatoeba.php",
        TIEDEMANN,
        {"all": Part(tatoeba, ("Tatoeba.en-pt.en", "Tatoeba.en-pt.pt"))},
        kind="pairs",
    ),
}

# Beginnings and selections that lie in some mirror folders, for work without a network. Label what is measured on them.
CORPORA |= {
    "enwik8-first-4154517": Corpus(
        "the first 4,154,517 bytes of enwik8",
        WIKIPEDIA,
        "https://mattmahoney.net/dc/textdata.html",
        LTCB,
        excerpt(
            "eval/enwik8_first_4154517",
            "3f326db2753c31e7f0515b339b42e99473792f0ccec0b5b3361a3366e324008f",
        ),
    ),
    "text8-first-3010294": Corpus(
        "the first 3,010,294 bytes of text8",
        WIKIPEDIA,
        "https://mattmahoney.net/dc/textdata.html",
        LTCB,
        excerpt(
            "eval/text8_first_3010294",
            "f3413b8d00bc41ef9dda3f92d1c7d028545d385ed476e518fdb0491f57e5a137",
        ),
    ),
    "wikitext-2-raw-test-no-blank-lines": Corpus(
        "the test split of wikitext-2-raw without its blank lines",
        "CC BY-SA 3.0 and GFDL",
        f"{HUB}/Salesforce/wikitext",
        MERITY,
        excerpt(
            "eval/wikitext-2-raw.test.txt",
            "4f3e427e4aff23acff917a8a51aeae21bf12832256e26914c8fc250dcef4103c",
        ),
    ),
    "tatoeba-en-pt-13222": Corpus(
        "13,222 of Tatoeba's English-Portuguese pairs",
        "CC BY 2.0 FR",
        "https://tatoeba.org",
        "Tatoeba contributors",
        excerpt(
            "translation/tatoeba_en_pt.tsv",
            "816ffb82c7a14c5105a5035ebcca53bf6f3d1cbae6583d3a24147c83ce4b11b0",
        ),
        kind="pairs",
    ),
    "tinystories-train-2316": Corpus(
        "the first 2,316 stories to train on, without their blank lines",
        "CDLA-Sharing-1.0",
        TINYSTORIES,
        ELDAN,
        excerpt(
            "train/tinystories_train_head_2mb.txt",
            "2c8edb6ddae9ca65f90d7708b1c06869f4ecd87e793be3913ed7f33a3b58c2e2",
        ),
    ),
    "tinystories-valid-0.8mb": Corpus(
        "0.8 MB of the stories to validate, without separators",
        "CDLA-Sharing-1.0",
        TINYSTORIES,
        ELDAN,
        excerpt(
            "train/tinystories_valid_0.8mb.txt",
            "5fc1fb0113df62b567fb271806cd645ce8d75f59c58ca0b764c03d3b6ff34ca6",
        ),
    ),
}
