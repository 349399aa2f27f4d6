"""The recipe of the shipped model: which texts, in which shares, and how long.

    python -m minigpt.training.story --data DATA --folder runs/story

DATA is a folder with the texts named in `SOURCES` under train/. Run it again to go on after a stop.
"""

import argparse
import json
import logging
import lzma
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.text.batches import Batches, encode_documents
from minigpt.text.tokenizers import BPETokenizer
from minigpt.training.loop import TrainConfig, Trainer

END = "<|endoftext|>"


@dataclass(frozen=True)
class Source:
    """One text file: documents between end-of-text marks, and how often each counts in the mixture."""

    file: str
    repeat: int
    what: str


SOURCES = (
    Source("tinystories_train_head_4mb_recased.txt.xz", 8, "TinyStories (Eldan and Li 2023), CDLA-Sharing-1.0"),
    Source("open_storybooks_en.txt.xz", 6, "modern picture books, CC BY"),
    Source("fairytaleqa_stories.txt.xz", 5, "fairy tales, public domain"),
    Source("children_books.txt.xz", 1, "children's books, public domain"),
)
VALID = Source("tinystories_valid_0.8mb.txt", 1, "held-out TinyStories")

TRAIN = TrainConfig(
    n_steps=2000,
    optimizer="muon",
    learning_rate=6e-3,
    min_learning_rate=2e-4,
    muon_learning_rate=0.02,
    n_warmup=100,
    weight_decay=0.1,
    eval_every=200,
    n_eval_batches=16,
    save_every=200,
)

REPAIRS = {
    "\u00e2\u20ac\u0153": '"',  # a left double quotation mark, decoded as Windows-1252
    "\u00e2\u20ac\x9d": '"',  # the right one
    "\u00e2\u20ac\u2122": "'",
    "\u00e2\u20ac\u02dc": "'",
    "\u00e2\u20ac\u00a6": "...",
    "\u00e2\u20ac\u201d": " - ",
    "\u00e2\u20ac\u201c": " - ",
    "\u00e2\u20ac": '"',
    **dict.fromkeys("\u201c\u201d", '"'),
    **dict.fromkeys("\u2018\u2019\u00b4", "'"),
    **dict.fromkeys("\u2013\u2014", " - "),
    "\u2026": "...",
    "\u00a0": " ",
    " n't": "n't",  # the books were once split into words
}
"""Text that was decoded wrongly, typographic signs that a keyboard lacks, and a tokeniser's traces."""


def clean(text: str) -> str:
    """One document with `REPAIRS` made, no blanks at line ends, and at most one empty line in a row."""
    for wrong, right in REPAIRS.items():
        text = text.replace(wrong, right)
    text = re.sub(r"[ \t]+\n", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def read_documents(data: Path, source: Source) -> list[str]:
    """The cleaned documents of one source. Raises FileNotFoundError if its file is not in the folder."""
    path = data / "train" / source.file
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        return [clean(document) for document in file.read().split(END) if document.strip()]


def prepare(data: Path, folder: Path, n_vocab: int) -> tuple[BPETokenizer, np.ndarray, np.ndarray]:
    """Tokenizer and ids of the mixture and of the held-out text, made once and kept in the folder."""
    files = [folder / name for name in ("tokenizer.json", "train.npy", "valid.npy")]
    if not all(file.exists() for file in files):
        folder.mkdir(parents=True, exist_ok=True)
        texts = {source: read_documents(data, source) for source in SOURCES}
        tokenizer = BPETokenizer.train([text for source in SOURCES for text in texts[source]], n_vocab)
        rows = {source: encode_documents(tokenizer, texts[source]) for source in SOURCES}
        mixture = [{**asdict(source), "n_tokens": len(rows[source])} for source in SOURCES]
        (folder / "mixture.json").write_text(json.dumps(mixture, indent=1), encoding="utf-8")
        np.save(files[1], np.concatenate([rows[source] for source in SOURCES for _ in range(source.repeat)]))
        np.save(files[2], encode_documents(tokenizer, read_documents(data, VALID)))
        tokenizer.save(files[0])
    return BPETokenizer.load(files[0]), np.load(files[1]), np.load(files[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--batch-size", type=int, default=16)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    config = GPTConfig.named("story")
    _, train, valid = prepare(arguments.data, arguments.folder, config.n_vocab)
    (arguments.folder / "config.json").write_text(json.dumps(config.to_dict(), indent=1), encoding="utf-8")
    torch.manual_seed(0)
    model = GPT(config).to("cuda" if torch.cuda.is_available() else "cpu")
    batches = Batches(train, config.n_ctx, arguments.batch_size, seed=1)
    held_out = Batches(valid, config.n_ctx, arguments.batch_size, seed=2)
    logging.info("%s parameters, %.2f epochs of the mixture", f"{model.n_params():,}", batches.epochs(TRAIN.n_steps))
    Trainer(model, batches, TRAIN, held_out, arguments.folder, callbacks=(report,)).run()


def report(trainer: Trainer, record: dict) -> None:
    if record["step"] % 20 == 0 or "valid_loss" in record:
        logging.info("%s", {key: round(value, 4) for key, value in record.items()})


if __name__ == "__main__":
    main()
