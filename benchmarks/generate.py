"""How fast our generation is in each number format, beside transformers' `generate` with its cache in float32.

    python benchmarks/generate.py

GPT-2's 124M shape with random weights, the same in all, greedy, a prompt of 32 tokens and 128 new ones, at batch 1 and
8. All take turns in one process, some tokens each (`--turn`), so that a busy moment of the machine hits them alike; the
tokens are compared. A turn is not one token, since the first step after the others' turns finds nothing of its own in
the processor's caches, as no step does when a text is written in one go. What a format costs in perplexity is measured
on the shipped model. `benchmarks/README.md` says more.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from statistics import median

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel, StoppingCriteria, StoppingCriteriaList
from transformers.utils import logging

from minigpt.assets import asset
from minigpt.config import GPTConfig
from minigpt.evaluation.formats import losses_in
from minigpt.inference import FORMATS, prepared
from minigpt.models.gpt import GPT
from minigpt.sampling import generate_batch
from minigpt.training.roofline import bandwidth
from minigpt.training.story import VALID, read_documents
from minigpt.weights import load_shipped, save_pretrained

N_PROMPT, N_NEW = 32, 128
AS_IT_IS = "as it is"
TARGETS = {"float32": {1: 1.4, 8: 1.2}, "bfloat16": {1: 1.8, 8: 2.8}, "int8": {1: 4.5, 8: 5.5}}
"""Format -> batch size -> how many times transformers' speed, on 2 cores with units for bfloat16 and int8."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--new", type=int, default=N_NEW, help="new tokens; fewer are for a quick look")
    parser.add_argument("--turn", type=int, default=16, help="tokens that one writes before the next one's turn")
    parser.add_argument("--size", default="gpt2", help="a name of minigpt.config.SIZES")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--format", nargs="+", default=[AS_IT_IS, *FORMATS], choices=[AS_IT_IS, *FORMATS])
    parser.add_argument("--json", type=Path, help="write the results here, too")
    arguments = parser.parse_args()
    if arguments.turn < 1:
        parser.error(f"--turn {arguments.turn}: one token at least, else nobody's turn ends")
    torch.set_num_threads(arguments.threads)
    model, theirs = same_model_twice(arguments.size)
    ours = {name: model if name == AS_IT_IS else prepared(model, name) for name in arguments.format}
    for name, one in ours.items():
        print(f"{name}: {getattr(one, 'why', 'float32, the model as it was loaded')}")
    results = [result for batch_size in arguments.batch for result in race(ours, theirs, batch_size, arguments)]
    costs = perplexities()
    if arguments.json:
        arguments.json.write_text(json.dumps({"speed": results, "perplexity": costs}, indent=1), encoding="utf-8")


def same_model_twice(size: str) -> tuple[GPT, GPT2LMHeadModel]:
    """The same weights in our model and in transformers' model."""
    torch.manual_seed(0)
    logging.disable_progress_bar()
    ours = GPT(GPTConfig.named(size)).eval()
    with tempfile.TemporaryDirectory() as folder:
        save_pretrained(ours, f"{folder}/model")
        theirs = GPT2LMHeadModel.from_pretrained(f"{folder}/model").eval()
    return ours, theirs


def race(ours: dict[str, GPT], theirs: GPT2LMHeadModel, batch_size: int, arguments) -> list[dict]:
    """Some rounds at one batch size, the first not counted: it is always slow."""
    compete(ours, theirs, batch_size, arguments)
    rounds, bytes_per_second = [], 0.0
    for _ in range(arguments.rounds):
        bytes_per_second = max(bytes_per_second, bandwidth())
        rounds.append(compete(ours, theirs, batch_size, arguments))
    their_seconds = [seconds for one in rounds for seconds in one.their_seconds]
    print(
        f"\nbatch {batch_size}, {arguments.threads} threads; {bytes_per_second / 1e9:.1f} GB/s, the fastest seen here"
    )
    print(f"  transformers {spoken(their_seconds)}")
    results = []
    for name, model in ours.items():
        seconds = [second for one in rounds for second in one.our_seconds[name]]
        limit = n_bytes(model) / bytes_per_second
        result = {
            "format": getattr(model, "precision", AS_IT_IS),
            "batch": batch_size,
            "threads": arguments.threads,
            "times_transformers": {
                "middle": median(their_seconds) / median(seconds),
                "best": min(their_seconds) / min(seconds),
                "all": sum(their_seconds) / sum(seconds),
            },
            "target": TARGETS.get(name, {}).get(batch_size) if arguments.threads == 2 else None,
            "same_tokens": sum(one.same[name] for one in rounds) / len(rounds),
            "milliseconds": {"middle": 1000 * median(seconds), "best": 1000 * min(seconds), "limit": 1000 * limit},
            "share_of_limit": limit / min(seconds),
        }
        report(name, result, seconds)
        results.append(result)
    return results


def n_bytes(model: GPT) -> int:
    """Bytes of weights that a step reads: those of all products, the head's included."""
    named = getattr(model, "n_bytes", None)
    if named:
        return named()
    return sum(tensor.nbytes for name, tensor in model.named_parameters() if name != "wpe.weight")


def compete(ours: dict[str, GPT], theirs: GPT2LMHeadModel, batch_size: int, arguments) -> "Turns":
    """All write as many new tokens after the same prompts."""
    n_new = arguments.new
    prompts = torch.randint(0, theirs.config.vocab_size, (batch_size, N_PROMPT))
    steps = {k: generate_batch(m, prompts, max_new_tokens=n_new, temperature=0) for k, m in ours.items()}
    turns = Turns(steps, arguments.turn, n_new)
    options = {"do_sample": False, "max_new_tokens": n_new, "eos_token_id": None, "pad_token_id": 0}
    mask, criteria = torch.ones_like(prompts), StoppingCriteriaList([turns])
    ids = theirs.generate(prompts, attention_mask=mask, stopping_criteria=criteria, **options)
    for name, tokens in turns.tokens.items():
        turns.same[name] = float((torch.tensor(tokens) == ids[:, N_PROMPT:].T).float().mean())
    return turns


class Turns(StoppingCriteria):
    """transformers asks after each step whether to stop. It is not to, but after n_turn of them it is our turn."""

    def __init__(self, steps: dict[str, Iterator[list[int | None]]], n_turn: int, n_new: int):
        self.steps, self.n_turn, self.n_new = steps, n_turn, n_new
        self.tokens: dict[str, list[list[int | None]]] = {name: [] for name in steps}
        self.our_seconds: dict[str, list[float]] = {name: [] for name in steps}
        self.their_seconds: list[float] = []
        self.same: dict[str, float] = {}
        self.since = time.perf_counter()

    def __call__(self, input_ids: Tensor, scores, **kwargs) -> Tensor:
        self.their_seconds.append(time.perf_counter() - self.since)
        n_written = len(self.their_seconds)
        if n_written % self.n_turn == 0 or n_written == self.n_new:
            for name, steps in self.steps.items():
                while len(self.tokens[name]) < n_written:
                    start = time.perf_counter()
                    self.tokens[name].append(next(steps))
                    self.our_seconds[name].append(time.perf_counter() - start)
        self.since = time.perf_counter()
        return torch.zeros(len(input_ids), dtype=torch.bool)


def spoken(seconds: list[float]) -> str:
    return f"{1000 * median(seconds):6.1f} ms a step in the middle, {1000 * min(seconds):.1f} at best"


def report(name: str, result: dict, seconds: list[float]) -> None:
    times = result["times_transformers"]
    target = f"; target {result['target']}" if result["target"] else ""
    print(f"  {name:12} {spoken(seconds)}; {result['same_tokens']:.0%} of the tokens are transformers'")
    print(
        f"    {times['middle']:.2f} times transformers' speed by the middle step, {times['best']:.2f} by the best, "
        f"{times['all']:.2f} in all{target}"
    )
    print(
        f"    reading its weights once takes {result['milliseconds']['limit']:.1f} ms; the best step has "
        f"{result['share_of_limit']:.0%} of that speed"
    )


def perplexities() -> list[dict]:
    """What each format costs the shipped model, on text that it has not learned from."""
    model, tokenizer = load_shipped()
    data = Path(os.environ.get("MINIGPT_DATA", "nowhere"))
    if (data / "train" / VALID.file).exists():
        kind, ids = "held-out TinyStories", tokenizer.encode("\n".join(read_documents(data, VALID)))
        texts = [ids[i : i + 256] for i in range(0, len(ids), len(ids) // 64)]  # from all over the text
    else:
        lines = asset("senses/en.txt").read_text(encoding="utf-8").splitlines()
        kind, texts = "sentences of ours", [tokenizer.encode(line) for line in lines if line and line[0] != "#"]
    rows = losses_in(model, texts)
    print(f"\nthe shipped model on {sum(map(len, texts)):,} tokens of {kind}")
    for row in rows:
        print(
            f"  {row.precision:12} perplexity {row.perplexity:.3f}, loss {row.loss:.4f} nats a token, "
            f"{row.more:+.4f} ± {row.error:.4f} against float32"
        )
    return [asdict(row) | {"perplexity": row.perplexity, "text": kind} for row in rows]


if __name__ == "__main__":
    main()
