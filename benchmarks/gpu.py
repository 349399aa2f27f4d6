"""Everything that the course wants from a machine with a GPU, in two or three calls of ten minutes.

    python benchmarks/gpu.py pack --data DATA --to tokens.xz                # before, where the texts are
    python benchmarks/gpu.py run --parts c --minutes 9 --out OUT
    python benchmarks/gpu.py run --parts a --minutes 9 --out OUT --tokens tokens.xz
    python benchmarks/gpu.py run --parts b --minutes 9 --out OUT --tokens tokens.xz
    python benchmarks/gpu.py join --out OUT                                 # after: files that came in pieces
    python benchmarks/gpu.py ship --out OUT --to assets/checkpoints/story   # the model of part a, with a card
    python benchmarks/gpu.py run --toy --parts a b c --out OUT              # all of it, tiny, on a CPU

Parts: a, the story model larger and on more text; b, the small model of the time machine with its snapshots; c, what
each trick is worth in training GPT-2's 124M shape, and writing with it. It runs from the source tree with torch, numpy
and safetensors. OUT gets gpu.jsonl, where each line says its `kind` and the first the machine, the versions and the
command, the telemetry of runs, and models in pieces of 15 MB. All is written as it comes, and each part ends in time.
"""

import argparse
import json
import logging
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import gpu_recipes
import numpy as np
import torch
from gpu_rungs import BASE, TRAINER
from gpu_speed import race
from gpu_writing import copy_bandwidth, writing

from minigpt.assets import asset
from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.text.names import CONSONANTS, VOWELS
from minigpt.text.tokenizers import CharTokenizer, load_tokenizer
from minigpt.training import story, time_machine

TOY_SHEET = SimpleNamespace(name="no GPU: made up for the toy", peaks={"bfloat16": 1e12}, bandwidth=1e10, source="none")
TARGETS = {"utilisation": 0.55, "times_base": 1.2, "measured_by_foretold": (0.85, 1.15)}


@dataclass
class Session:
    """What the parts share."""

    out: Path
    work: Path
    device: torch.device
    sheet: Any
    """Of `minigpt.training.data_sheets`."""
    end: float
    toy: bool
    tokens: Path | None

    def write(self, line: dict) -> None:
        with open(self.out / "gpu.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        logging.info("%s", {key: value for key, value in line.items() if key not in ("config", "settings", "mixture")})

    def time_left(self) -> float:
        return self.end - time.monotonic()

    def rows(self) -> dict[str, np.ndarray]:
        if self.tokens is None:
            raise ValueError("parts a and b need --tokens, the file that `pack` made")
        return gpu_recipes.unpack(self.tokens)


def main() -> None:
    options = parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    if options.what == "pack":
        gpu_recipes.pack(options.data, options.to)
    elif options.what == "join":
        print(*gpu_recipes.join(options.out), sep="\n")
    elif options.what == "ship":
        from gpu_card import ship  # only here: it splits text, for which a GPU's machine may lack a package

        ship(options.out, options.to, load_tokenizer(asset("checkpoints/story") / "tokenizer.json"))
    else:
        run(options)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = top.add_subparsers(dest="what", required=True)
    pack = verbs.add_parser("pack", help="the texts of the recipes as one file of token ids")
    pack.add_argument("--data", type=Path, required=True, help="a folder with the texts under train/")
    pack.add_argument("--to", type=Path, required=True)
    run = verbs.add_parser("run", help="train and measure")
    run.add_argument("--parts", nargs="+", choices=["a", "b", "c"], default=["c"])
    run.add_argument("--out", type=Path, required=True, help="results; what is not a result goes to --work")
    run.add_argument("--work", type=Path, help="checkpoints; a temporary folder if none is given")
    run.add_argument("--tokens", type=Path, help="the file that `pack` made")
    run.add_argument("--minutes", type=float, default=9.0, help="for all parts together, which get equal shares")
    run.add_argument("--batch-size", type=int, nargs=2, default=[8, 64], help="of part c: at first, and the larger one")
    run.add_argument("--toy", action="store_true", help="tiny, on a CPU, with made-up tokens: to see that it runs")
    join = verbs.add_parser("join", help="put files that came in pieces together")
    join.add_argument("--out", type=Path, required=True)
    ship = verbs.add_parser("ship", help="the best model of part a as a folder for load_shipped, with a card")
    ship.add_argument("--out", type=Path, required=True)
    ship.add_argument("--to", type=Path, required=True)
    return top


def run(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() and not options.toy else "cpu")
    sheet = TOY_SHEET if options.toy else sheet_of(device)
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        end = time.monotonic() + 60 * options.minutes
        session = Session(options.out, work, device, sheet, end, options.toy, options.tokens)
        session.write(about(session))
        for i, part in enumerate(options.parts):
            seconds = session.time_left() / (len(options.parts) - i)
            session.end, whole = time.monotonic() + seconds, session.end
            try:
                with stopped_after(seconds):
                    PARTS[part](session, options)
            except Exception as error:  # the other parts are still worth their time
                logging.exception("part %s", part)
                session.write({"kind": "stopped", "part": part, "why": f"{type(error).__name__}: {error}"[:500]})
            session.end = whole


def sheet_of(device: torch.device) -> Any:
    """The data sheet of the GPU in this machine. Raises ValueError for one that is not listed, and without one."""
    if device.type != "cuda":
        raise ValueError("there is no GPU that PyTorch can use: with --toy all runs tiny on a CPU")
    from minigpt.training.data_sheets import DATA_SHEETS

    name = torch.cuda.get_device_name(device)
    for sheet in DATA_SHEETS:
        if sheet.name.removesuffix(" 80 GB") in name and "bfloat16" in sheet.peaks:
            return sheet
    raise ValueError(f"no data sheet of {name} in minigpt.training.data_sheets: add its peak and bandwidth there")


def about(session: Session) -> dict:
    """The first line: machine, versions, command, data sheet."""
    is_gpu = session.device.type == "cuda"
    versions = {"python": platform.python_version(), "torch": torch.__version__, "cuda": torch.version.cuda}
    line = {"kind": "machine", "command": ["python", "benchmarks/gpu.py", *sys.argv[1:]], "versions": versions}
    line |= {"device": torch.cuda.get_device_name() if is_gpu else platform.processor() or platform.machine()}
    line |= {"system": platform.system(), "toy": session.toy, "data_sheet": vars(session.sheet)}
    n_bytes = 1 << 33 if is_gpu else 1 << 24
    return line | {"copy_bandwidth": copy_bandwidth(session.device, n_bytes)}


@contextmanager
def stopped_after(seconds: float):
    """Raise TimeoutError in what takes longer. The parts look at the clock themselves: this is for what hangs."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(signum, frame):
        raise TimeoutError(f"not done after {seconds:.0f} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(1.0, seconds))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def story_part(session: Session, options: argparse.Namespace) -> None:
    rows = toy_rows() if session.toy else session.rows()
    settings = gpu_recipes.StorySettings()
    if session.toy:
        config = GPTConfig(n_vocab=50, n_ctx=16, n_embd=12, n_head=3, n_layer=1)
        short = replace(story.TRAIN, n_warmup=2, n_eval_batches=1)
        settings = gpu_recipes.StorySettings(config, 4, gpu_recipes.PLANS[1:3], short, short, most_steps=12)
    gpu_recipes.train_story(rows, session.out, session.work, session.device, session.time_left, session.write, settings)


def time_machine_part(session: Session, options: argparse.Namespace) -> None:
    rows = toy_rows() if session.toy else session.rows()
    settings = None
    if session.toy:
        model = GPTConfig(n_vocab=50, n_ctx=64, n_embd=12, n_head=3, n_layer=1)
        train = replace(time_machine.TRAIN, n_steps=6, n_warmup=2, eval_every=3, save_every=3)
        settings = time_machine.Settings(model, train, 4, (0, 2, 6), 3)
    gpu_recipes.train_time_machine(rows, session.out, session.work, session.device, session.write, settings)


def speed_part(session: Session, options: argparse.Namespace) -> None:
    config, sizes, pace = GPTConfig.named("gpt2"), tuple(options.batch_size), {}
    if session.toy:
        config, sizes = GPTConfig(n_vocab=50, n_ctx=16, n_embd=12, n_head=3, n_layer=1), (2, 5)
        pace = {"n_rounds": 2, "seconds_a_turn": 0.01, "backend": "eager"}
    peak, n_new = session.sheet.peaks["bfloat16"], 8 if session.toy else 128
    lines = race(config, session.device, sizes, peak, session.write, lambda: session.time_left() - 45, **pace)
    torch.manual_seed(0)
    try:
        lines += writing(GPT(config).to(session.device), session.sheet.bandwidth, session.write, n_new)
    except Exception as error:  # what was measured before is still shown
        session.write({"kind": "stopped", "part": "c, writing", "why": f"{type(error).__name__}: {error}"[:500]})
    print(table(lines))


def table(lines: list[dict]) -> str:
    """What was measured, for the end of the output, and how it stands to the targets."""
    rows = ["", f"{'training':34} tokens/s  utilisation  times base  times before  peak GB  by foretold"]
    for line in (one for one in lines if one["kind"] == "rung"):
        numbers = f"{line['tokens_per_second']:>9,} {line['utilisation']:>12.1%}"
        numbers += f" {line['times_base'] or 0:>11.2f} {line.get('times_before') or 0:>13.2f}"
        numbers += f" {(line['peak_bytes'] or 0) / 1e9:>8.1f} {line.get('measured_by_foretold') or 0:>12.2f}"
        rows.append(f"{line['name']:34}{numbers}")
    rows.append("\nwriting, a text at a time          tokens/s  share of bandwidth")
    for line in (one for one in lines if one["kind"] == "writing"):
        name = f"{line['name']}, {line['format']}"
        rows.append(f"{name:34}{line['tokens_per_second']:>9,} {line['share_of_bandwidth']:>19.1%}")
    return "\n".join([*rows, f"0: not measured. Targets: {TARGETS}; base: {BASE}; the package itself: {TRAINER}"])


def toy_rows() -> dict[str, np.ndarray]:
    """Made-up tokens under the names of the texts, and what the time machine needs."""
    rng = np.random.default_rng(0)
    names = [source.file for source in (*story.SOURCES, *gpu_recipes.EXTRA, story.VALID)]
    rows = {name: rng.integers(50, size=400).astype(np.uint16) for name in names}
    for name in ("train.npy", "valid.npy"):
        with tempfile.TemporaryFile() as file:
            np.save(file, rng.integers(50, size=4000).astype(np.uint16))
            file.seek(0)
            rows[f"time_machine/{name}"] = np.frombuffer(file.read(), np.uint8)
    letters = CharTokenizer(" " + CONSONANTS.upper() + CONSONANTS + VOWELS)
    with tempfile.TemporaryDirectory() as folder:
        letters.save(file := Path(folder) / "tokenizer.json")
        rows[f"time_machine/{file.name}"] = np.frombuffer(file.read_bytes(), np.uint8)
    return rows


PARTS: dict[str, Callable[[Session, argparse.Namespace], None]] = {
    "a": story_part,
    "b": time_machine_part,
    "c": speed_part,
}

if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
