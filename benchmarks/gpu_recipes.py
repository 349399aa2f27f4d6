"""The recipes of `benchmarks/gpu.py`: the story model larger and on more text, and the model of the time machine.

`pack` makes one file of token ids for both, on a machine that has the texts; the GPU's machine needs that file alone.
"""

import io
import json
import logging
import lzma
import shutil
import tarfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from minigpt.assets import asset
from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.text.batches import Batches, encode_documents
from minigpt.text.tokenizers import load_tokenizer
from minigpt.training import story, time_machine
from minigpt.training.loop import TrainConfig, Trainer
from minigpt.training.story import SOURCES, VALID, Source, read_documents
from minigpt.training.telemetry import read_telemetry
from minigpt.weights.save import write_weights

log = logging.getLogger(__name__)
PIECE = 15_000_000
"""Bytes of a piece: files may have to travel through a door of 16 MB."""
EXTRA = (
    Source("classic_novels.txt.xz", 1, 0, "novels and stories, public domain"),
    Source("wikipedia_en_2018_30mb.txt.xz", 1, 0, "Wikipedia articles of 2018, CC BY-SA 3.0"),
)
STORY = GPTConfig(n_vocab=4096, n_ctx=512, n_embd=384, n_head=6, n_layer=6)
"""12.4 million parameters: 24.8 MB in half precision. The tokenizer is that of the model that is shipped now."""


def pack(data: Path, to: Path) -> None:
    """Write the ids of all texts and what the time machine needs to one file, packed with xz."""
    tokenizer = load_tokenizer(asset("checkpoints/story") / "tokenizer.json")
    rows = {}
    for source in (*SOURCES, *EXTRA, VALID):
        if not (data / "train" / source.file).exists():
            print(f"{source.file} is not there and is left out")
            continue
        rows[source.file] = encode_documents(tokenizer, read_documents(data, source))
        print(f"{source.file}: {len(rows[source.file]):,} tokens", flush=True)
    machine = to.with_name(to.name + ".time_machine")
    time_machine.prepare(data, machine, time_machine.MODEL.n_vocab)
    for file in sorted(machine.iterdir()):
        rows[f"time_machine/{file.name}"] = np.frombuffer(file.read_bytes(), np.uint8)
    shutil.rmtree(machine)
    with lzma.open(to, "wb") as file:
        np.savez(file, **rows)
    print(f"{to}: {to.stat().st_size / 1e6:.1f} MB")


def unpack(file: Path) -> dict[str, np.ndarray]:
    """The rows of ids by name."""
    with np.load(io.BytesIO(lzma.decompress(file.read_bytes())), allow_pickle=False) as found:
        return dict(found)


@dataclass(frozen=True)
class Plan:
    """One try at the story model."""

    name: str
    extra: bool
    """Read `EXTRA`, too, in the first stage."""
    times: float
    """How often a stage reads its TinyStories at most: what is read too often is learned by heart."""
    dropout: float


PLANS = (
    Plan("all-8", True, 8, 0.1),
    Plan("all-16", True, 16, 0.2),
    Plan("stories-16", False, 16, 0.2),
    Plan("all-32", True, 32, 0.2),
)


class Best:
    """Keeps the weights with the lowest loss on held-out text: `out` has them in half precision, in pieces, at once."""

    def __init__(self, out: Path, work: Path):
        self.out, self.path, self.loss, self.of = out, work / "story.safetensors", float("inf"), ""

    def look(self, name: str) -> Callable[[Trainer, dict], None]:
        """A callback for the run of this name."""

        def callback(trainer: Trainer, record: dict) -> None:
            if record.get("valid_loss", float("inf")) < self.loss:
                self.loss, self.of = record["valid_loss"], f"{name}, step {record['step']}"
                write_weights(trainer.model, self.path, torch.float16)
                split(self.path, self.out)

        return callback


@dataclass(frozen=True)
class StorySettings:
    """The sizes of part a."""

    config: GPTConfig = STORY
    batch_size: int = 64
    plans: tuple[Plan, ...] = PLANS
    first: TrainConfig = story.TRAIN
    finish: TrainConfig = story.FINISH
    most_steps: int = 10**6


def train_story(
    rows: dict[str, np.ndarray],
    out: Path,
    work: Path,
    device: torch.device,
    time_left: Callable[[], float],
    write: Callable[[dict], None],
    settings: StorySettings = StorySettings(),
) -> None:
    """Each plan in an equal share of the time that is left, in two stages as `minigpt.training.story` has them.

    `out` has at any time the best weights of all, and story.jsonl, the telemetry of all runs.
    """
    best = Best(out, work)
    for i, plan in enumerate(settings.plans):
        begin, share = time_left(), time_left() / (len(settings.plans) - i)
        torch.manual_seed(0)
        model = GPT(replace(settings.config, dropout=plan.dropout)).to(device)
        for stage, part in (("first", 0.65), ("finish", 1.0)):
            end = begin - part * share  # so much time has to be left when the stage is over
            one, train = stage_of(rows, plan, stage, settings, model)
            seconds = seconds_a_step(model, train, one)
            fits = int(0.85 * (time_left() - end) / seconds)
            if fits < 2:
                write({"kind": "story", "name": f"{plan.name}-{stage}", "skipped": "no time was left"})
                continue
            stories = len(rows[SOURCES[0].file])
            drawn = next(n for source, n in chosen(rows, stage, plan.extra) if source is SOURCES[0]) * stories
            enough = int(plan.times * stories / drawn * len(train.ids) / train.tokens_per_batch)
            n_steps = max(2, min(fits, enough, settings.most_steps))
            one = replace(one, n_steps=n_steps, eval_every=max(1, n_steps // 20), save_every=10**9)
            name = f"{plan.name}-{stage}"
            valid = Batches(rows[VALID.file], model.config.n_ctx, settings.batch_size, seed=2)
            trainer = Trainer(model, train, one, valid, work / name, callbacks=(best.look(name),))
            for record in trainer.steps():
                if "valid_loss" in record:
                    gather(work, out)
                    losses = f"{record['loss']:.3f}, held out {record['valid_loss']:.3f}"
                    log.info("%s step %d of %d: %s", name, trainer.step, n_steps, losses)
                if time_left() < end:
                    break
            about = {"kind": "story", "name": name, "config": model.config.to_dict(), "settings": asdict(one)}
            about |= {"steps": trainer.step, "n_tokens": trainer.records[-1]["n_tokens"]}
            about |= {"seconds": round(sum(r["seconds"] for r in trainer.records), 1)}
            about |= {"valid_loss": trainer.evaluate(), "mixture": sizes(rows, stage, plan.extra)} | trainer.memory()
            write(about | {"best_so_far": best.loss, "best_of": best.of})


def stage_of(
    rows: dict[str, np.ndarray], plan: Plan, stage: str, settings: StorySettings, model: GPT
) -> tuple[TrainConfig, Batches]:
    """How a stage trains, and on what: its texts in one row, each as often as it counts."""
    is_first = stage == "first"
    texts = [rows[source.file] for source, n in chosen(rows, stage, plan.extra) for _ in range(n)]
    train = Batches(np.concatenate(texts), model.config.n_ctx, settings.batch_size, seed=1 if is_first else 3)
    on_gpu = model.wte.weight.is_cuda
    return replace(settings.first if is_first else settings.finish, precision="auto", compile=on_gpu), train


def gather(work: Path, out: Path) -> None:
    """The telemetry of all runs so far in one file, each record with the name of its run."""
    lines = []
    for file in sorted(work.glob("*/telemetry.jsonl"), key=lambda file: file.stat().st_mtime):
        lines += [json.dumps({"run": file.parent.name, **record}) + "\n" for record in read_telemetry(file)]
    (out / "story.jsonl").write_text("".join(lines), encoding="utf-8")


def chosen(rows: dict[str, np.ndarray], stage: str, extra: bool) -> list[tuple[Source, int]]:
    """The texts of a stage and how often each stands in its mixture."""
    of = SOURCES + EXTRA if extra and stage == "first" else SOURCES
    repeats = [(source, source.repeat if stage == "first" else source.finish) for source in of]
    return [(source, n) for source, n in repeats if n and source.file in rows]


def sizes(rows: dict[str, np.ndarray], stage: str, extra: bool) -> list[dict]:
    return [
        {"what": s.what, "file": s.file, "repeat": n, "n_tokens": len(rows[s.file])}
        for s, n in chosen(rows, stage, extra)
    ]


def seconds_a_step(model: GPT, train: Batches, settings: TrainConfig, n: int = 8) -> float:
    """How long a step takes, by some steps of a copy of the model, of which the first ones compile."""
    copy = GPT(model.config).to(model.wte.weight.device)
    records = Trainer(copy, train, replace(settings, n_steps=n, n_warmup=1, eval_every=n)).run()
    return float(np.median([record["seconds"] for record in records[n // 2 :]]))


def train_time_machine(
    rows: dict[str, np.ndarray],
    out: Path,
    work: Path,
    device: torch.device,
    write: Callable[[dict], None],
    settings: time_machine.Settings | None = None,
) -> None:
    """Train with snapshots; whatever there is when it ends, or is stopped, goes to `out` as a tar file in pieces."""
    folder = work / "time_machine"
    folder.mkdir(parents=True, exist_ok=True)
    for name, row in rows.items():
        if name.startswith("time_machine/"):
            (work / name).write_bytes(row.tobytes())
    settings = settings or time_machine.Settings()
    start = time.perf_counter()
    try:
        # what it needs is in the folder: no text is read
        measures = time_machine.train_snapshots(folder, work, device, settings)
        write({"kind": "time machine", "settings": asdict(settings), "seconds": round(time.perf_counter() - start, 1)})
        write({"kind": "time machine, last measure", **measures[-1]})
    finally:
        kept = sorted(
            file for file in folder.iterdir() if not file.name.startswith(("step-", "train.npy", "valid.npy", "lock"))
        )
        with tarfile.open(work / "time_machine.tar", "w") as tar:
            for file in kept:
                tar.add(file, file.name)
        split(work / "time_machine.tar", out)
        write({"kind": "time machine, kept", "files": [file.name for file in kept]})


def split(path: Path, folder: Path, size: int = PIECE) -> None:
    """Cut a file into NAME.0, NAME.1, … in a folder; `join` puts them together."""
    data = path.read_bytes()
    for i in range(-(-len(data) // size)):
        (folder / f"{path.name}.{i}").write_bytes(data[i * size : (i + 1) * size])


def join(folder: Path) -> list[Path]:
    """Put all files that lie in pieces in a folder together again."""
    made = []
    for first in sorted(folder.glob("*.0")):
        path = first.with_suffix("")
        pieces = sorted(folder.glob(path.name + ".*"), key=lambda piece: int(piece.suffix[1:]))
        path.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
        made.append(path)
    return made
