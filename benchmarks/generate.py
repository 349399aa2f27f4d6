"""How fast our generation with a cache is, beside transformers' `generate` with its cache.

    python benchmarks/generate.py

GPT-2's 124M shape with random weights, the same in both, float32, greedy, prompt of 32 tokens and 128 new ones, at
batch 1 and 8. Both sides take turns in one process, and the tokens are compared.
"""

import argparse
import statistics
import tempfile
import time

import torch
from transformers import GPT2LMHeadModel

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.sampling import generate_batch
from minigpt.weights import save_pretrained

N_PROMPT, N_NEW = 32, 128
TARGETS = {1: 1.3, 8: 1.1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", default="gpt2", help="a name of minigpt.config.SIZES")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    ours, theirs = same_model_twice(arguments.size)
    bandwidth = read_bandwidth()
    print(f"{arguments.threads} threads, torch {torch.__version__}, memory reads at {bandwidth / 1e9:.1f} GB/s")
    for batch_size, target in TARGETS.items():
        compare(ours, theirs, batch_size, target, arguments.rounds, bandwidth)


def same_model_twice(size: str) -> tuple[GPT, GPT2LMHeadModel]:
    torch.manual_seed(0)
    ours = GPT(GPTConfig.named(size)).eval()
    with tempfile.TemporaryDirectory() as folder:
        save_pretrained(ours, f"{folder}/model")
        theirs = GPT2LMHeadModel.from_pretrained(f"{folder}/model").eval()
    return ours, theirs


def compare(
    ours: GPT, theirs: GPT2LMHeadModel, batch_size: int, target: float, n_rounds: int, bandwidth: float
) -> None:
    n_vocab = ours.config.n_vocab
    prompts = torch.randint(0, n_vocab, (batch_size, N_PROMPT), generator=torch.Generator().manual_seed(batch_size))
    our_seconds, their_seconds, same = [], [], True
    for _ in range(n_rounds):
        seconds, our_tokens = timed(lambda: with_ours(ours, prompts))
        our_seconds.append(seconds)
        seconds, their_tokens = timed(lambda: with_transformers(theirs, prompts))
        their_seconds.append(seconds)
        same = same and our_tokens == their_tokens
    ratios = [theirs / ours for ours, theirs in zip(our_seconds, their_seconds, strict=True)]
    per_token = min(our_seconds) / N_NEW
    limit = sum(p.nbytes for p in ours.parameters()) / bandwidth  # seconds to read all weights once
    print(
        f"batch {batch_size}: {statistics.median(ratios):.2f} times transformers' speed, target {target} "
        f"(rounds {min(ratios):.2f} to {max(ratios):.2f}); {'same' if same else 'OTHER'} tokens; "
        f"{1000 * per_token:.1f} ms a step, of which reading the weights takes at least {1000 * limit:.1f} ms"
    )


def with_ours(model: GPT, prompts: torch.Tensor) -> list[list[int]]:
    steps = list(generate_batch(model, prompts.tolist(), max_new_tokens=N_NEW, temperature=0))
    return [list(row) for row in zip(*steps, strict=True)]


def with_transformers(model: GPT2LMHeadModel, prompts: torch.Tensor) -> list[list[int]]:
    options = {"do_sample": False, "min_new_tokens": N_NEW, "max_new_tokens": N_NEW, "pad_token_id": 0}
    ids = model.generate(prompts, attention_mask=torch.ones_like(prompts), eos_token_id=None, **options)
    return ids[:, N_PROMPT:].tolist()


def timed(action) -> tuple[float, list[list[int]]]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def read_bandwidth(n_bytes: int = 1 << 28, n_rounds: int = 5) -> float:
    """Bytes a second that all threads together read, the best of some rounds."""
    data = torch.ones(n_bytes // 4)
    seconds = []
    for _ in range(n_rounds):
        start = time.perf_counter()
        data.sum()
        seconds.append(time.perf_counter() - start)
    return n_bytes / min(seconds)


if __name__ == "__main__":
    main()
