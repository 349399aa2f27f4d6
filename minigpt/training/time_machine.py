"""The recipe of the time machine: a small model, kept at many steps of its training, and what was measured meanwhile.

    python -m minigpt.training.time_machine --data DATA --folder runs/time_machine

DATA is a folder with the TinyStories of `minigpt.training.story` under train/. Their people get new names, others in
each story (`text.names`), which can be copied and cannot be known. Run it again to go on after a stop. The folder then
holds the tokenizer, a snapshot of each step in `Settings.snapshots`, measures.jsonl with what `inspection.birth`
measures, and levels.json with what counting reaches: `load_snapshots` and `course.time_machine(folder=…)` take it.
"""

import argparse
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from minigpt.config import GPTConfig
from minigpt.inspection.birth import make_probe, measure
from minigpt.models.gpt import GPT
from minigpt.models.ngram import NGram
from minigpt.text.batches import Batches, encode_documents
from minigpt.text.names import find_names, renamed
from minigpt.text.tokenizers import BPETokenizer, load_tokenizer
from minigpt.training.loop import TrainConfig, Trainer
from minigpt.training.story import SOURCES, read_documents
from minigpt.training.telemetry import Telemetry
from minigpt.weights.snapshots import save_snapshot

log = logging.getLogger(__name__)

TEXT = SOURCES[0]
HELD_OUT = 20
"""One in so many stories, the last ones of the file, is not trained on."""
MEASURES, LEVELS = "measures.jsonl", "levels.json"
MODEL = GPTConfig(n_vocab=512, n_ctx=128, n_embd=128, n_head=4, n_layer=2)
TRAIN = TrainConfig(
    n_steps=3000,
    optimizer="muon",
    learning_rate=0.01,
    min_learning_rate=3e-4,
    muon_learning_rate=0.02,
    n_warmup=100,
    eval_every=100,
    save_every=250,
)


@dataclass(frozen=True)
class Settings:
    """A run of the time machine. The defaults are those of the model that comes with the course."""

    model: GPTConfig = MODEL
    train: TrainConfig = TRAIN
    batch_size: int = 16
    snapshots: tuple[int, ...] = (0, 50, 100, 200, 400, 600, 700, 800, 900, 1000, 1500, 3000)
    """Steps after which the model is kept."""
    measure_every: int = 25
    """Steps between two measurements; the snapshots are always measured."""

    def __post_init__(self):
        if not self.snapshots or not 0 <= min(self.snapshots) <= max(self.snapshots) <= self.train.n_steps:
            raise ValueError(f"snapshots={self.snapshots}: give steps from 0 to n_steps={self.train.n_steps}")
        if self.measure_every < 1:
            raise ValueError(f"measure_every={self.measure_every}: must be at least 1")


def train_snapshots(
    folder: Path | str, data: Path | str, device: str | torch.device = "cpu", settings: Settings | None = None
) -> list[dict]:
    """Train, keep the snapshots in `folder`, and return the measures: dicts of `inspection.birth.measure` and `step`.

    Goes on where an earlier call on the same folder stopped. `data`: see the head of this module. Raises
    FileNotFoundError where its texts are missing, and what `Trainer` raises.
    """
    folder, settings = Path(folder), settings or Settings()
    prepare(Path(data), folder, settings.model.n_vocab)
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    config, held_out = settings.model, np.load(folder / "valid.npy")
    batches = Batches(np.load(folder / "train.npy"), config.n_ctx, settings.batch_size, seed=1)
    valid = Batches(held_out, config.n_ctx, settings.batch_size, seed=2)
    torch.manual_seed(0)
    trainer = Trainer(GPT(config).to(device), batches, settings.train, valid, folder)
    probe, measures = make_probe(held_out, config.n_ctx, tokenizer), Telemetry(folder / MEASURES)
    measures.rewind(trainer.step + 1)  # what comes after the checkpoint will be measured again
    if not (folder / LEVELS).exists():
        counted = levels(np.load(folder / "train.npy"), probe.windows.numpy(), config.n_vocab)
        (folder / LEVELS).write_text(json.dumps(counted, indent=1) + "\n", encoding="utf-8")

    def look() -> None:
        step = trainer.step
        if step in settings.snapshots:
            save_snapshot(trainer.model, step, folder)
        if step in settings.snapshots or step % settings.measure_every == 0:
            found = {"step": step} | measure(trainer.model, probe)
            measures.write(found)
            log.info(summary(found))

    if not measures.read():
        look()
    for _ in trainer.steps():
        look()
    return measures.read()


def prepare(data: Path, folder: Path, n_vocab: int) -> None:
    """The folder's tokenizer, and the ids of stories to learn from and of others that are held out, made once."""
    files = [folder / name for name in ("tokenizer.json", "train.npy", "valid.npy")]
    if not all(file.exists() for file in files):
        documents = read_documents(data, TEXT)
        documents = renamed(documents, find_names(documents), seed=0)
        n = len(documents) - len(documents) // HELD_OUT
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer = BPETokenizer.train(documents[:n], n_vocab)
        np.save(files[1], encode_documents(tokenizer, documents[:n]))
        np.save(files[2], encode_documents(tokenizer, documents[n:]))
        tokenizer.save(files[0])


def levels(ids: np.ndarray, windows: np.ndarray, n_vocab: int) -> dict[str, float]:
    """Losses that counting reaches on the probe's windows, in nats per token: name of an n-gram of `ids` -> loss."""
    found = {}
    for n, name in enumerate(("unigram", "bigram", "trigram"), start=1):
        model = NGram(n, n_vocab).fit(ids.tolist())
        places = [(row[i], row[max(0, i - n + 1) : i]) for row in windows.tolist() for i in range(1, len(row))]
        found[name] = round(float(np.mean([-np.log(model.prob(token, before)) for token, before in places])), 4)
    return found


def summary(found: dict) -> str:
    """One line about a measurement: the head that scores best for induction, and what it does for the loss."""
    scores = np.array(found["induction"])
    layer, head = (int(i) for i in np.unravel_index(scores.argmax(), scores.shape))
    return (
        f"step {found['step']}: loss {found['valid_loss']:.3f}, late - early {found['in_context']:+.3f}, repeat "
        f"{found['repeat']:.2f} of {found['first']:.2f}, induction {scores.max():.2f} by layer {layer}, head {head}, "
        f"without it repeat {found['ablated'][layer][head]:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train_snapshots(arguments.folder, arguments.data, "cuda" if torch.cuda.is_available() else "cpu")


if __name__ == "__main__":
    main()
