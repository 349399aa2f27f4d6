"""The recipe of the shipped model: which texts, in which shares, and how long.

    python -m minigpt.training.story --data DATA --folder runs/story
    python -m minigpt.training.story --data DATA --folder runs/story --finish

DATA is a folder with the texts named in `SOURCES` under train/. The first stage reads everything; the second goes on
from its weights with the texts that are easiest to read. Run a stage again to go on after a stop.
"""

import argparse
import json
import logging
import lzma
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.text.batches import Batches, encode_documents
from minigpt.text.tokenizers import BPETokenizer
from minigpt.training.checkpoints import load_latest
from minigpt.training.loop import TrainConfig, Trainer

END = "<|endoftext|>"


@dataclass(frozen=True)
class Source:
    """One text file: documents between end-of-text marks, and how often it stands in the mixture of each stage."""

    file: str
    repeat: int
    finish: int
    what: str


SOURCES = (
    Source("tinystories_train_head_4mb_recased.txt.xz", 8, 6, "TinyStories (Eldan and Li 2023), CDLA-Sharing-1.0"),
    Source("open_storybooks_en.txt.xz", 6, 3, "modern picture books, CC BY"),
    Source("fairytaleqa_stories.txt.xz", 5, 2, "fairy tales, public domain"),
    Source("children_books.txt.xz", 1, 0, "children's books, public domain"),
)
VALID = Source("tinystories_valid_0.8mb.txt", 1, 0, "held-out TinyStories")

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
FINISH = replace(TRAIN, n_steps=1800, learning_rate=3e-3, min_learning_rate=3e-5, muon_learning_rate=0.01)
"""The second stage: half the rates, since the weights are no longer random, and down to a hundredth at the end."""

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


def prepare(data: Path, folder: Path, n_vocab: int) -> None:
    """The first stage's folder: tokenizer, ids of the mixture and of the held-out text, made once."""
    files = [folder / name for name in ("tokenizer.json", "train.npy", "valid.npy")]
    if not all(file.exists() for file in files):
        folder.mkdir(parents=True, exist_ok=True)
        texts = {source: read_documents(data, source) for source in SOURCES}
        tokenizer = BPETokenizer.train([text for source in SOURCES for text in texts[source]], n_vocab)
        rows = {source: encode_documents(tokenizer, texts[source]) for source in SOURCES}
        mix(folder, rows, {source: source.repeat for source in SOURCES})
        np.save(files[2], encode_documents(tokenizer, read_documents(data, VALID)))
        tokenizer.save(files[0])


def prepare_finish(data: Path, first: Path, folder: Path) -> None:
    """The second stage's folder: the first one's tokenizer, configuration and held-out text, its own mixture."""
    if not (folder / "train.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("tokenizer.json", "config.json", "valid.npy"):
            shutil.copy(first / name, folder / name)
        tokenizer = BPETokenizer.load(folder / "tokenizer.json")
        repeats = {source: source.finish for source in SOURCES if source.finish}
        mix(folder, {source: encode_documents(tokenizer, read_documents(data, source)) for source in repeats}, repeats)


def mix(folder: Path, rows: dict[Source, np.ndarray], repeats: dict[Source, int]) -> None:
    """Write the mixture's ids as train.npy and what it is made of as mixture.json."""
    mixture = [
        {"what": source.what, "file": source.file, "repeat": repeats[source], "n_tokens": len(rows[source])}
        for source in repeats
    ]
    (folder / "mixture.json").write_text(json.dumps(mixture, indent=1), encoding="utf-8")
    np.save(folder / "train.npy", np.concatenate([rows[source] for source in repeats for _ in range(repeats[source])]))


def trained_model(run: Path) -> tuple[GPT, dict]:
    """The model of the newest checkpoint of a run, and the checkpoint's meta."""
    found = load_latest(run)
    if found is None:
        raise FileNotFoundError(f"there is no checkpoint in {run}: run python -m minigpt.training.story first")
    tensors, meta = found
    model = GPT(GPTConfig.from_dict(json.loads((run / "config.json").read_text(encoding="utf-8"))))
    model.load_state_dict({name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")})
    return model.eval(), meta


def new_model(folder: Path) -> GPT:
    """The first stage's model before its first step."""
    config = GPTConfig.named("story")
    (folder / "config.json").write_text(json.dumps(config.to_dict(), indent=1), encoding="utf-8")
    torch.manual_seed(0)
    return GPT(config)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--finish", action="store_true", help="the second stage, in FOLDER/finish")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    folder, config = arguments.folder, TRAIN
    if arguments.finish:
        folder, config = folder / "finish", FINISH
        model, _ = trained_model(arguments.folder)
        prepare_finish(arguments.data, arguments.folder, folder)
    else:
        prepare(arguments.data, folder, GPTConfig.named("story").n_vocab)
        model = new_model(folder)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu")
    seed = 3 if arguments.finish else 1  # other windows in the second stage
    train = Batches(np.load(folder / "train.npy"), model.config.n_ctx, arguments.batch_size, seed)
    valid = Batches(np.load(folder / "valid.npy"), model.config.n_ctx, arguments.batch_size, seed=2)
    logging.info("%s parameters, %.2f epochs of the mixture", f"{model.n_params():,}", train.epochs(config.n_steps))
    Trainer(model, train, config, valid, folder, callbacks=(report,)).run()


def report(trainer: Trainer, record: dict) -> None:
    if record["step"] % 20 == 0 or "valid_loss" in record:
        logging.info("%s", {key: round(value, 4) for key, value in record.items()})


if __name__ == "__main__":
    main()
