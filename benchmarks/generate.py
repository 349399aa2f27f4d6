"""How fast our generation with a cache is, beside transformers' `generate` with its cache.

    python benchmarks/generate.py

GPT-2's 124M shape with random weights, the same in both, float32, greedy, prompt of 32 tokens and 128 new ones, at
batch 1 and 8. They take turns token by token in one process, so that a busy moment of the machine hits them alike; the
tokens are compared. Ours runs twice, with its matrices laid out for generation and as they were made.
"""

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Iterator

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel, StoppingCriteria, StoppingCriteriaList
from transformers.utils import logging

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.models.layout import lay_out_for_generation
from minigpt.sampling import generate_batch
from minigpt.weights import save_pretrained

N_PROMPT, N_NEW = 32, 128
TARGETS = {1: 1.3, 8: 1.1}  # batch size -> how many times transformers' speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", default="gpt2", help="a name of minigpt.config.SIZES")
    parser.add_argument("--batch", type=int, nargs="+", default=list(TARGETS))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    as_made, theirs = same_model_twice(arguments.size)
    models = {"ours": lay_out_for_generation(copy.deepcopy(as_made)), "ours, as made": as_made}
    for batch_size in arguments.batch:
        seconds: dict[str, list[float]] = {"transformers": [], **{name: [] for name in models}}
        compete(theirs, models, batch_size, {name: [] for name in seconds})  # not counted: the first is always slow
        bandwidth, same = 0.0, True
        for _ in range(arguments.rounds):
            bandwidth = max(bandwidth, read_bandwidth())
            same = same and compete(theirs, models, batch_size, seconds)
        print(f"batch {batch_size}, {arguments.threads} threads, {'the same' if same else 'OTHER'} tokens")
        report(seconds, bandwidth, sum(p.nbytes for p in as_made.parameters()), TARGETS.get(batch_size))


def same_model_twice(size: str) -> tuple[GPT, GPT2LMHeadModel]:
    """The same weights in our model and in transformers' model."""
    torch.manual_seed(0)
    logging.disable_progress_bar()
    ours = GPT(GPTConfig.named(size)).eval()
    with tempfile.TemporaryDirectory() as folder:
        save_pretrained(ours, f"{folder}/model")
        theirs = GPT2LMHeadModel.from_pretrained(f"{folder}/model").eval()
    return ours, theirs


def compete(theirs: GPT2LMHeadModel, models: dict[str, GPT], batch_size: int, seconds: dict[str, list[float]]) -> bool:
    """All write N_NEW tokens after the same prompts; the time of each step goes into `seconds`. True if all agree."""
    prompts = torch.randint(0, theirs.config.vocab_size, (batch_size, N_PROMPT))
    options = {"do_sample": False, "max_new_tokens": N_NEW, "eos_token_id": None, "pad_token_id": 0}
    writers = {
        name: generate_batch(model, prompts, max_new_tokens=N_NEW, temperature=0) for name, model in models.items()
    }
    turns = Turns(writers, seconds)
    mask = torch.ones_like(prompts)
    ids = theirs.generate(prompts, attention_mask=mask, stopping_criteria=StoppingCriteriaList([turns]), **options)
    expected = ids[:, N_PROMPT:].T.tolist()
    return all(tokens == expected for tokens in turns.tokens.values())


class Turns(StoppingCriteria):
    """transformers asks after each step whether to stop. It is not to, but now each of the others writes a token."""

    def __init__(self, writers: dict[str, Iterator[list[int | None]]], seconds: dict[str, list[float]]):
        self.writers, self.seconds = writers, seconds
        self.tokens: dict[str, list[list[int | None]]] = {name: [] for name in writers}
        self.since = time.perf_counter()

    def __call__(self, input_ids: Tensor, scores, **kwargs) -> Tensor:
        self.take("transformers")
        for name, steps in self.writers.items():
            self.tokens[name].append(next(steps))
            self.take(name)
        return torch.zeros(len(input_ids), dtype=torch.bool)

    def take(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name].append(now - self.since)
        self.since = now


def report(seconds: dict[str, list[float]], bandwidth: float, n_bytes: int, target: float | None) -> None:
    for name, steps in seconds.items():
        line = f"  {name:14} {1000 * statistics.median(steps):6.1f} ms a step, {1000 * min(steps):.1f} at best"
        if name != "transformers":
            theirs = seconds["transformers"]
            line += (
                f"; times transformers' speed: {statistics.median(theirs) / statistics.median(steps):.2f} by medians, "
                f"{min(theirs) / min(steps):.2f} by the best, {sum(theirs) / sum(steps):.2f} in all"
            )
        print(line + (f" (target {target})" if name == "ours" and target else ""))
    limit, best = n_bytes / bandwidth, min(seconds["ours"])
    print(
        f"  Each step reads all weights: {1000 * limit:.1f} ms at {bandwidth / 1e9:.1f} GB/s, the fastest reading seen "
        f"here; our best step has {limit / best:.0%} of that speed"
    )


def read_bandwidth(n_bytes: int = 1 << 28) -> float:
    """Bytes a second that go to or from memory: the most of a sum, a matrix times a vector, and a copy."""
    matrix = torch.ones(n_bytes // 4 // 1024, 1024)
    columns, vector, to = matrix.t(), torch.ones(len(matrix)), torch.empty_like(matrix)
    best = 0.0
    for way, n_times in ((matrix.sum, 1), (lambda: columns @ vector, 1), (lambda: to.copy_(matrix), 2)):
        for _ in range(5):
            start = time.perf_counter()
            way()
            best = max(best, n_times * n_bytes / (time.perf_counter() - start))
    return best


if __name__ == "__main__":
    main()
