"""The models from before the transformer beside a GPT of equal size: loss, speed, and how far they remember a name.

    python benchmarks/before_transformers.py                    Storyland, word by word
    python benchmarks/before_transformers.py --recall           recall after k words, learned at all distances
    python benchmarks/before_transformers.py --recall --far     … and learned at the far ones alone
    python benchmarks/before_transformers.py --record FILE      all that notebook 04 shows as recorded, in JSON Lines

Same data, same batches, same trainer, one thread. Seconds are CPU time, which a busy machine disturbs less.
"""

import argparse
import copy
import itertools
import json
import math
import platform
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch

from minigpt.config import GPTConfig
from minigpt.evaluation.recall import recall_by_distance
from minigpt.inspection.gradients import gradient_by_distance
from minigpt.models.baselines import KINDS, of_equal_size
from minigpt.models.gpt import GPT
from minigpt.models.kneser_ney import KneserNey
from minigpt.text.batches import Batches
from minigpt.text.recall import RecallBatches, RecallTask
from minigpt.text.storyland import Storyland
from minigpt.training.loop import TrainConfig, Trainer

DISTANCES = [1, 2, 4, 8, 16, 32, 64, 100, 150, 200]
FAR = [k for k in DISTANCES if k >= 100]
RATES = (0.003, 0.01, 0.03)
SHORT, LONG, TAUGHT = 600, 2000, 400
"""Steps: of the notebook's own run on Storyland, of a longer one, and of the recall task."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, help=f"{SHORT} on Storyland and {TAUGHT} for recall where not given")
    parser.add_argument("--models", nargs="+", default=[*KINDS, "gpt"], choices=[*KINDS, "gpt"])
    parser.add_argument("--recall", action="store_true")
    parser.add_argument("--far", action="store_true", help="with --recall: learn from k = 100, 150 and 200 alone")
    parser.add_argument("--record", type=Path, metavar="FILE", help="some 12 minutes; other options do not count then")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.record:
        record(arguments.record)
    elif arguments.recall:
        show_recall(arguments.models, arguments.steps or TAUGHT, FAR if arguments.far else DISTANCES)
    else:
        show_storyland(arguments.models, arguments.steps or SHORT)


def new_model(kind: str, config: GPTConfig, seed: int = 0):
    torch.manual_seed(seed)
    return GPT(config) if kind == "gpt" else KINDS[kind](of_equal_size(kind, config))


@cache
def storyland_texts() -> tuple[np.ndarray, np.ndarray, int]:
    """Ids of 20,000 sentences to learn from, of 1,000 others, and how many different words there are."""
    index = {word: i for i, word in enumerate(Storyland().vocabulary())}
    sentences = Storyland(0).sentences(20_000), Storyland(1).sentences(1_000)
    train, new = (np.array([index[word] for sentence in some for word in sentence.words()]) for some in sentences)
    return train, new, len(index)


def storyland(kind: str, n_steps: int, rate: float = 0.01, seed: int = 0) -> dict:
    """Train on Storyland; loss on new sentences, in nats per word, and words a second of CPU time."""
    train, new, n_vocab = storyland_texts()
    model = new_model(kind, GPTConfig(n_vocab, n_ctx=64, n_embd=64, n_head=4, n_layer=2), seed)
    config = TrainConfig(n_steps, learning_rate=rate, n_warmup=n_steps // 10)
    start = time.process_time()
    Trainer(model, Batches(train, 64, 16, seed=seed), config).run()
    speed = n_steps * 16 * 64 / (time.process_time() - start)
    row = {"task": "storyland", "model": kind, "n_steps": n_steps, "rate": rate, "seed": seed}
    return {**row, "n_params": model.n_params(), "nats": round(loss_on(model, new), 4), "words_per_second": int(speed)}


def counted(n: int) -> dict:
    """The same of an n-gram with Kneser and Ney's counts, which reads the text once."""
    train, new, n_vocab = storyland_texts()
    start = time.process_time()
    model = KneserNey(n, n_vocab).fit(train)
    nats = round(model.loss(new), 4)
    speed = int((len(train) + len(new)) / (time.process_time() - start))
    row = {"task": "storyland", "model": f"{n}-gram", "n_steps": 0, "n_params": model.n_params()}
    return {**row, "nats": nats, "words_per_second": speed}


@torch.inference_mode()
def loss_on(model, ids: np.ndarray) -> float:
    """Nats per word over a text, in windows of 64 of which the second half counts: each word has 32 before it."""
    rows = torch.from_numpy(np.lib.stride_tricks.sliding_window_view(ids, 65)[::32].copy())  # (B, 65)
    y = rows[:, 1:].clone()
    y[:, :32] = -100
    return model.eval().loss(rows[:, :-1], y).item()


def recall(kind: str, n_steps: int, learned: list[int], seed: int = 0, with_gradients: bool = True) -> dict:
    """Teach a model to recall; how many of 200 questions it answers after k words, and gradients before and after."""
    task = RecallTask()
    model = new_model(kind, GPTConfig(task.n_vocab, n_ctx=202, n_embd=32, n_head=4, n_layer=2), seed)
    gradients = {"new": gradient(model, task)} if with_gradients else {}
    config = TrainConfig(n_steps, learning_rate=0.003, n_warmup=50, weight_decay=0.0)
    Trainer(model, RecallBatches(task, learned, 32, seed=seed), config).run()
    right = {k: found.n_right for k, found in recall_by_distance(model, task, DISTANCES, n=200).items()}
    if with_gradients:
        gradients["trained"] = gradient(model, task)
    row = {"task": "recall", "model": kind, "n_steps": n_steps, "taught": learned, "seed": seed}
    return {**row, "n_params": model.n_params(), "n": 200, "right": right, **gradients}


def gradient(model, task: RecallTask) -> list[float]:
    """By distance from 0 to 201: the gradient of the answer's loss, as a share of that at the last word."""
    model = copy.deepcopy(model).double()  # float32 has no numbers as small as an RNN's gradients
    norms = gradient_by_distance(model, RecallBatches(task, [200], 8), n_batches=1)
    return [float(f"{norm:.3g}") for norm in norms / norms[0]]


def show_storyland(kinds: list[str], n_steps: int) -> None:
    print(f"{len(storyland_texts()[0]):,} words to learn from, {n_steps} steps of 16 x 64")
    print(f"floor {Storyland().entropy().per_token_bits * math.log(2):.3f}")
    for row in map(counted, (2, 3, 4, 5)):
        about = f"{row['n_params']:9,} counts      loss {row['nats']:.3f}  {row['words_per_second']:7,} words/s"
        print(f"{row['model']} {about}")
    for kind in kinds:
        row = storyland(kind, n_steps)
        print(f"{kind:6} {row['n_params']:9,} parameters  loss {row['nats']:.3f}  {row['words_per_second']:7,} words/s")


def show_recall(kinds: list[str], n_steps: int, learned: list[int]) -> None:
    """Share of names recalled; then gradients 1, 10, 50, 200 words back over the last word's, before and after."""
    print(f"chance 0.08, learned at {learned} in {n_steps} steps of 32 texts\nk     ", *(f"{k:5}" for k in DISTANCES))
    for kind in kinds:
        row = recall(kind, n_steps, learned)
        new, trained = (" ".join(f"{row[when][d]:.0e}" for d in (1, 10, 50, 200)) for when in ("new", "trained"))
        shares = (f"{n / row['n']:5.2f}" for n in row["right"].values())
        print(f"{kind:6}", *shares, f"  new {new}, trained {trained}")


def record(path: Path) -> None:
    """Write every run as a line, behind one that says where and with what they were made."""
    about = {"machine": f"one core of {processor()}", "python": platform.python_version(), "torch": torch.__version__}
    about["command"] = f"python benchmarks/{Path(__file__).name} --record"
    with path.open("w", encoding="utf-8") as file:
        for row in itertools.chain([{"task": "about", **about}], rows()):
            file.write(json.dumps(row) + "\n")
            file.flush()
            print(*(f"{key} {value}" for key, value in row.items() if key not in ("new", "trained")))


def rows() -> Iterator[dict]:
    yield from map(counted, (2, 3, 4, 5))
    for kind in (*KINDS, "gpt"):
        yield from (storyland(kind, SHORT, rate) for rate in RATES)
        yield from (storyland(kind, SHORT, seed=seed) for seed in (1, 2))
        yield from (storyland(kind, LONG, seed=seed) for seed in (0, 1))
        for learned, seeds in ((DISTANCES, (0, 1, 2)), (FAR, (0, 1))):
            yield from (recall(kind, TAUGHT, learned, seed, with_gradients=seed == 0) for seed in seeds)


def processor() -> str:
    """What Linux calls the CPU, elsewhere what Python knows of it."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
