"""How fast our generation with a cache is, beside transformers' `generate` with its cache.

    python benchmarks/generate.py

GPT-2's 124M shape with random weights, the same in both, float32, greedy, prompt of 32 tokens and 128 new ones, at
batch 1 and 8. Both take turns token by token in one process, so that a busy moment of the machine hits them alike; the
tokens are compared.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from statistics import median

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel, StoppingCriteria, StoppingCriteriaList
from transformers.utils import logging

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.sampling import generate_batch
from minigpt.training.roofline import bandwidth
from minigpt.weights import save_pretrained

N_PROMPT, N_NEW = 32, 128
TARGETS = {1: 1.3, 8: 1.1}  # batch size -> how many times transformers' speed, on 2 cores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", default="gpt2", help="a name of minigpt.config.SIZES")
    parser.add_argument("--batch", type=int, nargs="+", default=list(TARGETS))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    ours, theirs = same_model_twice(arguments.size)
    for batch_size in arguments.batch:
        compete(ours, theirs, batch_size)  # not counted: the first is always slow
        rounds, fastest = [], 0.0
        for _ in range(arguments.rounds):
            fastest = max(fastest, bandwidth())
            rounds.append(compete(ours, theirs, batch_size))
        same = all(one.tokens_are_the_same for one in rounds)
        print(f"batch {batch_size}, {arguments.threads} threads, {'the same' if same else 'OTHER'} tokens")
        our_seconds = [seconds for one in rounds for seconds in one.our_seconds]
        their_seconds = [seconds for one in rounds for seconds in one.their_seconds]
        n_bytes = sum(parameter.nbytes for parameter in ours.parameters())
        report(
            our_seconds,
            their_seconds,
            n_bytes / fastest,
            fastest,
            TARGETS.get(batch_size) if arguments.threads == 2 else None,
        )


def same_model_twice(size: str) -> tuple[GPT, GPT2LMHeadModel]:
    """The same weights in our model and in transformers' model."""
    torch.manual_seed(0)
    logging.disable_progress_bar()
    ours = GPT(GPTConfig.named(size)).eval()
    with tempfile.TemporaryDirectory() as folder:
        save_pretrained(ours, f"{folder}/model")
        theirs = GPT2LMHeadModel.from_pretrained(f"{folder}/model").eval()
    return ours, theirs


def compete(ours: GPT, theirs: GPT2LMHeadModel, batch_size: int) -> "Turns":
    """Both write N_NEW tokens after the same prompts."""
    prompts = torch.randint(0, ours.config.n_vocab, (batch_size, N_PROMPT))
    turns = Turns(generate_batch(ours, prompts, max_new_tokens=N_NEW, temperature=0))
    options = {"do_sample": False, "max_new_tokens": N_NEW, "eos_token_id": None, "pad_token_id": 0}
    mask, criteria = torch.ones_like(prompts), StoppingCriteriaList([turns])
    ids = theirs.generate(prompts, attention_mask=mask, stopping_criteria=criteria, **options)
    turns.tokens_are_the_same = turns.tokens == ids[:, N_PROMPT:].T.tolist()
    return turns


class Turns(StoppingCriteria):
    """transformers asks after each step whether to stop. It is not to, but now it is our turn to write a token."""

    def __init__(self, steps: Iterator[list[int | None]]):
        self.steps = steps
        self.tokens: list[list[int | None]] = []
        self.our_seconds: list[float] = []
        self.their_seconds: list[float] = []
        self.since = time.perf_counter()

    def __call__(self, input_ids: Tensor, scores, **kwargs) -> Tensor:
        start = time.perf_counter()
        self.their_seconds.append(start - self.since)
        self.tokens.append(next(self.steps))
        self.since = time.perf_counter()
        self.our_seconds.append(self.since - start)
        return torch.zeros(len(input_ids), dtype=torch.bool)


def report(ours: list[float], theirs: list[float], limit: float, fastest: float, target: float | None) -> None:
    for name, seconds in (("transformers", theirs), ("ours", ours)):
        print(f"  {name:12} {1000 * median(seconds):6.1f} ms a step in the middle, {1000 * min(seconds):.1f} at best")
    print(
        f"  ours has {median(theirs) / median(ours):.2f} times transformers' speed by the middle step, "
        f"{min(theirs) / min(ours):.2f} by the best, {sum(theirs) / sum(ours):.2f} in all"
        + (f"; target {target}" if target else "")
    )
    print(
        f"  reading all weights once takes {1000 * limit:.1f} ms at {fastest / 1e9:.1f} GB/s, the fastest seen here; "
        f"our best step has {limit / min(ours):.0%} of that speed"
    )


if __name__ == "__main__":
    main()
