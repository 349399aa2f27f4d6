"""How fast our trainer is on this machine, beside a plain loop and transformers' GPT-2, at the same loss.

    python benchmarks/train.py                 6 layers, 384 wide, 256 tokens, batch 8, 65 characters
    python benchmarks/train.py --shape 124m    GPT-2's smallest, 256 tokens, batch 1
    python benchmarks/train.py --shape cpu --steps 300 --names plain "plain, seed 1" "plain, seed 2" "ours, auto"

All train on the same batches, transformers and other seeds from weights of their own and the others from the same, and
take turns step by step in one process, so that a busy moment of the machine hits them alike. Printed: milliseconds a
step (median and best), how many times the base line's speed each is, the mean loss of the last tenth of the steps, and
the memory that ours needs at most, as foretold. With other seeds of the plain loop: does ours stay as near to it as
they do?
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median

import numpy as np
import torch
from plain_gpt import PlainGPT, plain_step
from torch import nn

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.text.batches import Batches
from minigpt.text.storyland import Storyland
from minigpt.training.costs import memory
from minigpt.training.loop import TrainConfig, Trainer
from minigpt.training.precision import choose

SHAPES = {
    "small": (GPTConfig(n_vocab=65, n_ctx=256, n_embd=384, n_head=6, n_layer=6), 8),
    "124m": (GPTConfig(n_ctx=256), 1),
    "cpu": (GPTConfig(n_vocab=65, n_ctx=64, n_embd=128, n_head=4, n_layer=4), 12),
}
TARGETS = {"small": {"plain": 1.6, "transformers": 1.7}, "124m": {"plain": 1.8}, "cpu": {}}
RATE = 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--names", nargs="+", choices=MAKERS, default=USUAL, help="who takes part, the base line first")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    config, batch_size = SHAPES[arguments.shape]
    batches = Batches(text_ids(config), config.n_ctx, batch_size)
    print(choose("auto", torch.device("cpu")).why, flush=True)
    chosen = {name: MAKERS[name] for name in arguments.names}
    runners = {name: make(config, batches, arguments.steps) for name, make in chosen.items()}
    seconds, losses = take_turns(runners, batches, arguments.steps)
    rows = [row(name, seconds[name], losses[name], seconds[arguments.names[0]]) for name in runners]
    print_table(rows, arguments.shape)
    print_band(losses)
    print(f"foretold peak of ours in float32: {memory(config, batch_size).peak / 1e6:,.0f} MB")
    if arguments.json:
        about = {"shape": arguments.shape, "threads": arguments.threads, "torch": torch.__version__}
        about |= {"processor": platform.processor() or platform.machine(), "steps": arguments.steps}
        arguments.json.write_text(json.dumps({**about, "rows": rows}, indent=1), encoding="utf-8")


def text_ids(config: GPTConfig) -> np.ndarray:
    """Storyland in characters, as ids below 65; for other vocabularies random ids, which cost the same."""
    if config.n_vocab != 65:
        return np.random.default_rng(0).integers(config.n_vocab, size=100_000)
    text = Storyland().text(20_000)
    index = {letter: i for i, letter in enumerate(sorted(set(text)))}
    return np.array([min(index[letter], 64) for letter in text])


def plain(seed: int):
    def make(config: GPTConfig, batches: Batches, n_steps: int) -> Callable[[int], float]:
        model = PlainGPT(config.n_vocab, config.n_ctx, config.n_embd, config.n_head, config.n_layer)
        torch.manual_seed(seed)
        copy_weights(GPT(config), model)
        optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1)
        return lambda step: plain_step(model, optimizer, *batches.batch(step))

    return make


def copy_weights(source: GPT, target: PlainGPT) -> None:
    """The same start: both count their parameters in the same order inside a block, but for the LayerNorms."""
    state = source.state_dict()
    names = {"ln_1": "ln_1", "ln_2": "ln_2", "qkv": "attn.c_attn", "proj": "attn.c_proj", "up": "mlp.c_fc"}
    names |= {"down": "mlp.c_proj"}
    with torch.no_grad():
        for name, parameter in target.named_parameters():
            if name.startswith("blocks."):
                _, layer, part, kind = name.split(".")
                name = f"h.{layer}.{names[part]}.{kind}"
            parameter.copy_(state[name])


def transformers(config: GPTConfig, batches: Batches, n_steps: int) -> Callable[[int], float]:
    from transformers import GPT2Config, GPT2LMHeadModel

    shape = {name: getattr(config, name) for name in ("n_embd", "n_head", "n_layer")}
    dropout = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    torch.manual_seed(0)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=config.n_vocab, n_positions=config.n_ctx, bos_token_id=0, eos_token_id=0, **shape, **dropout
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1)
    return lambda step: plain_step(Logits(model), optimizer, *batches.batch(step))


class Logits(nn.Module):
    """A model of transformers as one that gives logits."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.model(ids).logits


def ours(precision: str):
    def make(config: GPTConfig, batches: Batches, n_steps: int) -> Callable[[int], float]:
        torch.manual_seed(0)
        settings = TrainConfig(n_steps, RATE, RATE, n_warmup=0, precision=precision)
        trainer = Trainer(GPT(config), batches, settings)
        return lambda step: trainer.one_step()["loss"]

    return make


MAKERS = {"plain": plain(0), "plain, seed 1": plain(1), "plain, seed 2": plain(2), "transformers": transformers}
MAKERS |= {"ours, float32": ours("float32"), "ours, auto": ours("auto")}
USUAL = ["plain", "transformers", "ours, float32", "ours, auto"]


def take_turns(runners, batches, n_steps: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds and losses of each step of each; which goes first changes from step to step."""
    seconds, losses = ({name: [] for name in runners} for _ in range(2))
    names = list(runners)
    for step in range(n_steps):
        for name in names[step % len(names) :] + names[: step % len(names)]:
            start = time.perf_counter()
            losses[name].append(runners[name](step))
            seconds[name].append(time.perf_counter() - start)
    return seconds, losses


def row(name: str, seconds: list[float], losses: list[float], base: list[float]) -> dict:
    after = slice(len(seconds) // 10, None)  # the first steps warm up
    ratios = [b / s for b, s in zip(base[after], seconds[after], strict=True)]
    return {
        "name": name,
        "median_ms": 1000 * median(seconds[after]),
        "best_ms": 1000 * min(seconds),
        "speed": median(ratios),
        "loss": mean(losses[-max(10, len(losses) // 10) :]),
    }


def print_table(rows: list[dict], shape: str) -> None:
    print(f"{'':<14} median ms   best ms   times plain   loss at the end")
    for one in rows:
        times = f"{one['median_ms']:>9.1f} {one['best_ms']:>9.1f} {one['speed']:>13.2f}"
        print(f"{one['name']:<14} {times} {one['loss']:>17.3f}")
    fast = rows[-1]
    for peer, target in TARGETS[shape].items():
        other = next((one for one in rows if one["name"] == peer), None)
        if other is None or fast["name"] != "ours, auto":
            continue
        print(f"ours, auto, against {peer}: {fast['speed'] / other['speed']:.2f} (target {target})")


def print_band(losses: dict[str, list[float]], n_parts: int = 10) -> None:
    """How far each stays from the plain loop, tenth by tenth of the steps, beside how far its other seeds stay."""
    length = len(losses[next(iter(losses))]) // n_parts
    if "plain" not in losses or not length or not any("seed" in name for name in losses):
        return
    parts = {name: np.array(some[: n_parts * length]).reshape(n_parts, length).mean(1) for name, some in losses.items()}
    gaps = {name: part - parts["plain"] for name, part in parts.items() if name != "plain"}
    for name, gap in gaps.items():
        print(f"{name:<14} minus plain, each tenth:", *(f"{one:+.3f}" for one in gap))
    most = {name: np.abs(gap[n_parts // 2 :]).max() for name, gap in gaps.items()}  # at first, weights are far apart
    band = max(gap for name, gap in most.items() if "seed" in name)
    for name, gap in most.items():
        if "seed" not in name:
            claim = "is" if gap <= band else "is NOT"
            print(f"{name:<14} {claim} within the band of ±{band:.3f} nats in the second half")


if __name__ == "__main__":
    main()
