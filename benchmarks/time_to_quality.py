"""How soon a small GPT knows Shakespeare's letters as well as nanoGPT's recipe for a CPU teaches them.

    python benchmarks/time_to_quality.py              the recipe, and what ours changes, one thing after the other
    python benchmarks/time_to_quality.py --seeds 3    … and the last of them with two seeds more

The recipe stands in nanoGPT's README (github.com/karpathy/nanoGPT, "I only have a macbook"), with what its
config/train_shakespeare_char.py and train.py add: 4 layers, 4 heads, 128 wide, 64 characters, 12 texts a step, 2,000
steps, no dropout; AdamW with betas of 0.9 and 0.99 and a decay of 0.1, a rate of 1e-3 after 100 steps that falls along
a cosine to 1e-4, gradients clipped at 1. All are GPT-2 in this width, and those with four layers begin with the same
weights. What is judged is the loss on the whole last tenth of the text. It was looked at, too, when our settings were
chosen; nanoGPT's were left as they are.

All take turns in one process, each a hundredth of its steps a turn, so that a busy machine hits them alike. Only the
training is timed: by the clock, and in CPU time, which other programs disturb less.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import torch
from plain_gpt import PlainGPT, plain_step
from train import copy_weights

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.text import corpora
from minigpt.text.batches import Batches
from minigpt.training.loop import TrainConfig, Trainer
from minigpt.training.optimizers import decay_groups, learning_rate
from minigpt.training.precision import choose

N_CTX, N_TURNS, TARGET = 64, 100, 5.0
SHAPE = {"n_embd": 128, "n_head": 4}


@dataclass(frozen=True)
class Recipe:
    """How one of them trains: by the plain loop, or by our trainer where `ours` says how."""

    name: str
    n_steps: int
    ours: TrainConfig | None = None
    batch_size: int = 12
    n_layer: int = 4


def recipes(n_steps: int = 2000) -> list[Recipe]:
    """nanoGPT's, and the ladder from there to ours: each changes one thing more."""
    short, last = n_steps // 5, n_steps * 18 // 100
    adamw = TrainConfig(short, 6e-3, 6e-4, n_warmup=short // 20)
    muon = replace(adamw, optimizer="muon", muon_learning_rate=0.02, muon_momentum=0.95)
    faster = replace(muon, muon_learning_rate=0.05, muon_momentum=0.85)
    larger = replace(faster, n_steps=last, n_warmup=last // 20)
    return [
        Recipe("nanoGPT's recipe", n_steps),
        Recipe("a fifth of its steps", short),
        Recipe("AdamW's rate 6e-3, not 1e-3", short, adamw),
        Recipe("Muon for hidden matrices", short, muon),
        Recipe("its rate 0.05, momentum 0.85", short, faster),
        Recipe("texts a step: 16, fewer steps", last, larger, batch_size=16),
        Recipe("two blocks, not four", last, larger, batch_size=16, n_layer=2),
        Recipe("bfloat16 for products", last, replace(larger, precision="auto"), batch_size=16, n_layer=2),
    ]


def recipes_for_this_machine() -> list[Recipe]:
    """The ladder, without its last rung where the processor has no units for bfloat16."""
    ladder = recipes()
    return ladder if choose("auto", torch.device("cpu")).dtype is torch.bfloat16 else ladder[:-1]


@cache
def text() -> tuple[np.ndarray, np.ndarray, int]:
    """Ids of the first nine tenths and of the last, and how many different characters there are."""
    parts = [corpora.load("tinyshakespeare", split) for split in ("train", "valid")]
    index = {letter: i for i, letter in enumerate(sorted(set("".join(parts))))}
    train, valid = (np.array([index[letter] for letter in part], dtype=np.uint8) for part in parts)
    return train, valid, len(index)


class Run:
    """A recipe under way: its model, how far it is, and how long it took."""

    def __init__(self, recipe: Recipe, seed: int):
        train, _, n_vocab = text()
        self.recipe, self.seed, self.n_done, self.seconds, self.cpu_seconds = recipe, seed, 0, 0.0, 0.0
        shape = SHAPE | {"n_layer": recipe.n_layer}
        config = GPTConfig(n_vocab, N_CTX, **shape)
        torch.manual_seed(seed)
        self.model: torch.nn.Module = GPT(config)
        batches = Batches(train, N_CTX, recipe.batch_size, seed)
        if recipe.ours is not None:
            self.step: Callable[[int], object] = ours(self.model, batches, recipe.ours)
        else:
            plain = PlainGPT(n_vocab, N_CTX, **shape)
            copy_weights(self.model, plain)
            self.model, self.step = plain, nanogpt(plain, batches, recipe.n_steps)

    def until(self, n_steps: int) -> None:
        """Train up to that step, with the clock running."""
        start, cpu_start = time.perf_counter(), time.process_time()
        for step in range(self.n_done, n_steps):
            self.step(step)
        self.seconds += time.perf_counter() - start
        self.cpu_seconds += time.process_time() - cpu_start
        self.n_done = n_steps

    def result(self) -> dict:
        row = {"name": self.recipe.name, "seed": self.seed, "n_steps": self.n_done}
        times = {"seconds": round(self.seconds, 2), "cpu_seconds": round(self.cpu_seconds, 2)}
        return {**row, **times, "loss": round(valid_loss(self.model), 4)}


def nanogpt(model: PlainGPT, batches: Batches, n_steps: int) -> Callable[[int], object]:
    optimizer = torch.optim.AdamW(decay_groups(list(model.named_parameters()), 0.1), lr=1e-3, betas=(0.9, 0.99))

    def step(number: int) -> None:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(number, n_steps, 1e-3, n_warmup=min(100, n_steps // 4), floor=1e-4)
        plain_step(model, optimizer, *batches.batch(number))

    return step


def ours(model: torch.nn.Module, batches: Batches, config: TrainConfig) -> Callable[[int], object]:
    trainer = Trainer(model, batches, config)
    return lambda step: trainer.one_step()


@torch.inference_mode()
def valid_loss(model: torch.nn.Module) -> float:
    """Nats per character over the whole held-out text, in windows of 64 characters, in float32."""
    ids = torch.from_numpy(text()[1].astype(np.int64))
    n = (len(ids) - 1) // N_CTX
    x, y = (ids[k : k + n * N_CTX].view(n, N_CTX) for k in (0, 1))
    model.eval()
    total = 0.0
    for some_x, some_y in zip(x.split(64), y.split(64), strict=True):
        logits = model(some_x).flatten(0, 1)
        total += torch.nn.functional.cross_entropy(logits, some_y.flatten(), reduction="sum").item()
    return total / (n * N_CTX)


def take_turns(runs: list[Run]) -> Iterator[int]:
    """All runs from beginning to end, each a hundredth at a time; the number of the turn, after each."""
    for turn in range(1, N_TURNS + 1):
        for run in runs[turn % len(runs) :] + runs[: turn % len(runs)]:
            run.until(run.recipe.n_steps * turn // N_TURNS)
        yield turn


def compare(ladder: list[Recipe], n_seeds: int = 1) -> list[dict]:
    """The results of all recipes with seed 0, and of the last one with the other seeds."""
    runs = [Run(recipe, 0) for recipe in ladder] + [Run(ladder[-1], seed) for seed in range(1, n_seeds)]
    for turn in take_turns(runs):
        print(f"\rturn {turn} of {N_TURNS}", end="" if turn < N_TURNS else "\n", file=sys.stderr, flush=True)
    return [run.result() for run in runs]


def print_table(rows: list[dict]) -> None:
    """All results beside those of the first recipe, and whether the last one, with each seed, kept to the target."""
    base = rows[0]
    print(f"{'':<30} seed  steps  seconds  CPU s   share   loss")
    for row in rows:
        times = f"{row['seconds']:>8.1f} {row['cpu_seconds']:>6.1f} {row['cpu_seconds'] / base['cpu_seconds']:>7.1%}"
        print(f"{row['name']:<30} {row['seed']:>4} {row['n_steps']:>6} {times} {row['loss']:>6.3f}")
    for row in rows:
        if row["name"] == rows[-1]["name"]:
            reached = "reached" if row["loss"] <= base["loss"] else "NOT reached"
            faster = [base[key] / row[key] for key in ("cpu_seconds", "seconds")]
            print(
                f"seed {row['seed']}: the loss of nanoGPT's recipe is {reached}, {faster[0]:.1f} times as fast in CPU "
                f"time and {faster[1]:.1f} by the clock (target {TARGET:g})"
            )


def about(arguments: argparse.Namespace) -> dict:
    """Where, when, with what and how it was measured."""
    return {
        "command": "python benchmarks/time_to_quality.py" + f" --seeds {arguments.seeds}",
        "date": date.today().isoformat(),
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "threads": arguments.threads},
        "precision": choose("auto", torch.device("cpu")).why,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it there, too")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    ladder = recipes_for_this_machine()
    rows = compare(ladder, arguments.seeds)
    print_table(rows)
    if arguments.json:
        how = [asdict(recipe) for recipe in ladder]
        arguments.json.write_text(json.dumps(about(arguments) | {"recipes": how, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
