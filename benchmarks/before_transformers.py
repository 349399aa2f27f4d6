"""The models from before the transformer beside a GPT of equal size: loss, speed, and how far they remember a name.

    python benchmarks/before_transformers.py                    Storyland, word by word
    python benchmarks/before_transformers.py --recall           recall after k words, learned at all distances
    python benchmarks/before_transformers.py --recall --far     … and learned at the far ones alone

Same data, same batches, same trainer, one thread. Seconds are CPU time, which a busy machine disturbs less.
"""

import argparse
import copy
import math
import time

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--models", nargs="+", default=["gpt", *KINDS], choices=["gpt", *KINDS])
    parser.add_argument("--recall", action="store_true")
    parser.add_argument("--far", action="store_true", help="with --recall: learn from k = 100, 150 and 200 alone")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.recall:
        recall(arguments.models, arguments.steps, [k for k in DISTANCES if k >= 100 or not arguments.far])
    else:
        storyland(arguments.models, arguments.steps)


def new_model(kind: str, config: GPTConfig):
    torch.manual_seed(0)
    return GPT(config) if kind == "gpt" else KINDS[kind](of_equal_size(kind, config))


def storyland(kinds: list[str], n_steps: int) -> None:
    """Loss on new sentences, in nats per word; no model can be below the floor."""
    index = {word: i for i, word in enumerate(Storyland().vocabulary())}
    texts = [[index[w] for s in Storyland(seed).sentences(n) for w in s.words()] for seed, n in ((0, 8000), (1, 1000))]
    train, valid = map(np.array, texts)
    print(f"{len(train):,} words, {len(index)} different ones, {n_steps} steps of 16 x 64")
    print(f"floor {Storyland().entropy().per_token_bits * math.log(2):.3f}")
    for n in (2, 3, 4, 5):
        start = time.process_time()
        model = KneserNey(n, len(index)).fit(train)
        loss, seconds = model.loss(valid), time.process_time() - start
        n_words = len(train) + len(valid)
        print(f"{n}-gram {model.n_params():9,} counts      loss {loss:.3f}  {n_words / seconds:7,.0f} words/s")
    for kind in kinds:
        model = new_model(kind, GPTConfig(len(index), n_ctx=64, n_embd=64, n_head=4, n_layer=2))
        config = TrainConfig(n_steps=n_steps, learning_rate=3e-3, n_warmup=30)
        start = time.process_time()
        records = Trainer(model, Batches(train, 64, 16), config, Batches(valid, 64, 16, seed=1)).run()
        speed = n_steps * 16 * 64 / (time.process_time() - start)
        print(f"{kind:6} {model.n_params():9,} parameters  loss {records[-1]['valid_loss']:.3f}  {speed:7,.0f} words/s")


def recall(kinds: list[str], n_steps: int, learned: list[int]) -> None:
    """Share of names recalled; then gradients 1, 10, 50, 200 words back over the last word's, before and after."""
    task = RecallTask()
    print(f"chance 0.08, learned at {learned} in {n_steps} steps of 32 texts\nk     ", *(f"{k:5}" for k in DISTANCES))
    for kind in kinds:
        model = new_model(kind, GPTConfig(task.n_vocab, n_ctx=202, n_embd=32, n_head=4, n_layer=2))
        new = fading(model, task)
        config = TrainConfig(n_steps=n_steps, learning_rate=3e-3, n_warmup=50, weight_decay=0.0)
        Trainer(model, RecallBatches(task, learned, 32), config).run()
        shares = [found.share for found in recall_by_distance(model, task, DISTANCES, n=100).values()]
        print(f"{kind:6}", *(f"{share:5.2f}" for share in shares), f"  new {new}, trained {fading(model, task)}")


def fading(model, task: RecallTask) -> str:
    model = copy.deepcopy(model).double()  # float32 has no numbers as small as an RNN's gradients
    norms = gradient_by_distance(model, RecallBatches(task, [200], 8), n_batches=1)
    return " ".join(f"{norms[distance] / norms[0]:.0e}" for distance in (1, 10, 50, 200))


if __name__ == "__main__":
    main()
