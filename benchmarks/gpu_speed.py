"""The ladder of `benchmarks/gpu.py`: GPT-2's 124M shape on a GPU, one trick after the other, and writing text.

Each rung is one way to make the same training step. All of them are made first, then they take turns, so that a slow
moment of the machine hits them alike. Model FLOPs utilisation: operations of `costs.flops_per_token` with the true
vocabulary, a second, as a share of what the data sheet gives for dense products in bfloat16.
"""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from plain_gpt import PlainGPT
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from minigpt.config import GPTConfig
from minigpt.models import attention, chunked
from minigpt.models.chunked import chunked_cross_entropy, rows_of_a_chunk
from minigpt.models.gpt import GPT
from minigpt.text.batches import Batches
from minigpt.training import costs
from minigpt.training.loop import TrainConfig, Trainer
from minigpt.training.optimizers import adamw

BASE, TRAINER = "nanoGPT-style", "our Trainer"
RATE = 6e-4


@dataclass(frozen=True)
class Rung:
    """How a step is made."""

    name: str
    batch_size: int
    precision: str = "float32"
    """float32, tf32, autocast (products in bfloat16), bfloat16 (all but the weights and the loss)."""
    attention: str = "open"
    """open (the T x T weights are stored), fused, or cudnn."""
    fused_adamw: bool = False
    is_compiled: bool = False
    chunk: int = 0
    """Positions of a chunk of the loss; 0: the loss in one piece."""
    multiple: int = 1
    """The vocabulary is padded to a multiple of this in the loss's products."""


def ladder(batch_size: int, large: int, n_vocab: int) -> list[Rung]:
    """The rungs, each the one before and one trick more; at the end two forks."""
    rungs = [Rung("float32, nothing fused", batch_size)]

    def add(name: str, **changes: Any) -> None:
        rungs.append(replace(rungs[-1], name=name, **changes))

    add("+ TF32", precision="tf32")
    add("+ bfloat16 products", precision="autocast")
    add("+ fused attention", attention="fused")
    add("+ fused AdamW", fused_adamw=True)
    add("+ compile", is_compiled=True)
    add("+ larger batch", batch_size=large)
    add("+ loss in chunks", chunk=rows_of_a_chunk(n_vocab))
    add("+ padded vocabulary", multiple=64)
    add("+ chunks four times as large", chunk=4 * rows_of_a_chunk(n_vocab))
    add("+ bfloat16 stream", precision="bfloat16")
    add("+ attention of cuDNN", attention="cudnn")
    return rungs


class Loss(nn.Module):
    """Ids to a loss, as a rung wants it."""

    def __init__(self, model: GPT, rung: Rung):
        super().__init__()
        self.model, self.rung = model, rung

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        hidden, table = self.model.hidden(x), self.model.wte.weight
        if self.rung.chunk:
            return chunked_cross_entropy(hidden, table, y, self.rung.chunk, self.rung.multiple)
        return F.cross_entropy(F.linear(hidden, table).flatten(0, 1), y.flatten())


class InBfloat16(nn.Module):
    """The same with all weights rounded to bfloat16 first; the optimiser still moves the float32 ones."""

    def __init__(self, loss: Loss):
        super().__init__()
        self.loss = loss

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        low = {name: p.to(torch.bfloat16) for name, p in self.loss.named_parameters()}
        return torch.func.functional_call(self.loss, low, (x, y))


class Competitor:
    """One rung, made: `step(i)` trains, `settings` says how."""

    def __init__(self, rung: Rung, config: GPTConfig, device: torch.device, backend: str):
        torch.manual_seed(0)
        self.rung, self.device, self.settings = rung, device, asdict(rung)
        self.batches = random_batches(config, rung.batch_size, device)
        model = GPT(config).to(device)
        loss = Loss(model, rung)
        step: nn.Module = InBfloat16(loss) if rung.precision == "bfloat16" else loss
        self.loss: Callable[..., Tensor] = compiled(step, backend) if rung.is_compiled else step
        self.parameters = list(model.parameters())
        named = list(model.named_parameters())
        self.optimizer = adamw(named) if rung.fused_adamw else torch.optim.AdamW(self.parameters, foreach=False)
        for group in self.optimizer.param_groups:
            group["lr"] = RATE
        self.kinds = {"open": nullcontext, "fused": nullcontext, "cudnn": cudnn_first}[rung.attention]
        is_open = rung.attention == "open"
        self.attend = functools.partial(attention.attend, fused=False) if is_open else attention.attend

    def step(self, i: int) -> Tensor:
        x, y = self.batches[i % len(self.batches)]
        autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=self.rung.precision == "autocast")
        with self.kinds(), autocast, patch.object(attention, "attend", self.attend), tf32(self.rung.precision):
            loss = self.loss(x, y)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach()

    def foretold(self, config: GPTConfig) -> int | None:
        """Bytes by `costs.memory`; None where attention stores what that does not count."""
        rung = self.rung
        if rung.attention == "open" or rung.precision == "bfloat16":
            return None
        numbers = rung.chunk * config.n_vocab if rung.chunk else 1 << 60
        low = 2 if rung.precision == "autocast" else 4
        with patch.object(chunked, "MOST_LOGITS", numbers), patch.object(costs, "MOST_LOGITS", numbers):
            return costs.memory(config, rung.batch_size, activation_bytes=low, compiled=rung.is_compiled).peak


class Nano(Competitor):
    """The base line: a plain GPT as nanoGPT trains it, with a table of 50,304 rows of which 47 mean nothing."""

    def __init__(self, name: str, batch_size: int, config: GPTConfig, device: torch.device, backend: str):
        torch.manual_seed(0)
        self.rung = Rung(name, batch_size, "autocast", "fused", True, True)
        self.device, self.settings = device, asdict(self.rung) | {"n_vocab": -(-config.n_vocab // 64) * 64}
        self.batches = random_batches(config, batch_size, device)
        n_vocab = self.settings["n_vocab"]
        model = PlainGPT(n_vocab, config.n_ctx, config.n_embd, config.n_head, config.n_layer).to(device)
        for p in model.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02)
        self.loss = compiled(lambda x, y: F.cross_entropy(model(x).flatten(0, 1), y.flatten()), backend)
        self.parameters, self.kinds = list(model.parameters()), nullcontext
        self.optimizer = adamw(list(model.named_parameters()))
        for group in self.optimizer.param_groups:
            group["lr"] = RATE
        self.attend = attention.attend

    def foretold(self, config: GPTConfig) -> int | None:
        return super().foretold(replace(config, n_vocab=self.settings["n_vocab"]))


class WithTrainer(Competitor):
    """What `minigpt train --precision bfloat16 --compile` does, with batches drawn and losses looked at."""

    def __init__(self, batch_size: int, config: GPTConfig, device: torch.device, backend: str):
        torch.manual_seed(0)
        self.rung = Rung(TRAINER, batch_size, "autocast", "fused", True, True, rows_of_a_chunk(config.n_vocab), 64)
        self.settings = asdict(self.rung)
        ids = torch.randint(config.n_vocab, (1_000_000,)).numpy()
        settings = TrainConfig(10**6, RATE, RATE, precision="bfloat16", compile=device.type == "cuda")
        self.trainer = Trainer(GPT(config).to(device), Batches(ids, config.n_ctx, batch_size), settings)
        self.parameters, self.optimizer = list(self.trainer.model.parameters()), self.trainer.optimizers[0]

    def step(self, i: int) -> Tensor:
        return torch.tensor(self.trainer.one_step()["loss"])

    def foretold(self, config: GPTConfig) -> int | None:
        return self.trainer.memory()["foretold_bytes"]


def compiled(function: Callable[..., Tensor], backend: str) -> Callable[..., Tensor]:
    """Compiled for the sizes that come, and not once for all: the rungs share code and have sizes of their own."""
    torch._dynamo.config.recompile_limit = 64  # type: ignore[attr-defined]
    return torch.compile(function, backend=backend, dynamic=False)


@contextmanager
def tf32(precision: str) -> Iterator[None]:
    """nanoGPT allows TF32 for what is left in float32, and so do all rungs but the first."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest" if precision == "float32" else "high")
    yield
    torch.set_float32_matmul_precision(before)


def cudnn_first():
    return sdpa_kernel([SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.MATH], set_priority=True)


def random_batches(config: GPTConfig, batch_size: int, device: torch.device, n: int = 4) -> list[tuple[Tensor, Tensor]]:
    """Random ids, which cost what text costs."""
    rows = torch.randint(config.n_vocab, (n, batch_size, config.n_ctx + 1), device=device)
    return [(row[:, :-1].contiguous(), row[:, 1:].contiguous()) for row in rows]


def makers(config: GPTConfig, device: torch.device, small: int, large: int, backend: str) -> dict[str, Callable]:
    """All competitors by name, the most important first, in case time runs out while they are made."""
    rungs = ladder(small, large, config.n_vocab)
    base_batch = small * 3 // 2  # 12 where ours begins with 8
    made: dict[str, Callable] = {BASE: lambda: Nano(BASE, base_batch, config, device, backend)}
    order = [rungs[-1], rungs[8], *rungs[5:8], *rungs[:5], *rungs[9:-1]]
    for rung in order[:2]:
        made[rung.name] = functools.partial(Competitor, rung, config, device, backend)
    made[TRAINER] = lambda: WithTrainer(large, config, device, backend)
    made[f"{BASE}, larger batch"] = lambda: Nano(f"{BASE}, larger batch", large, config, device, backend)
    for rung in order[2:]:
        made[rung.name] = functools.partial(Competitor, rung, config, device, backend)
    return made


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(competitor: Competitor, n_steps: int, device: torch.device) -> tuple[float, float]:
    """Seconds a step, and the last loss."""
    wait(device)
    start = time.perf_counter()
    for i in range(n_steps):
        loss = competitor.step(i)
    seconds = (time.perf_counter() - start) if device.type == "cpu" else 0.0
    value = loss.item()  # waits for the GPU
    return (seconds or time.perf_counter() - start) / n_steps, value


def peak_of(competitor: Competitor, device: torch.device) -> int | None:
    """Bytes of a step with this competitor's weights and averages, and nobody else's; None without a GPU."""
    if device.type != "cuda":
        return None
    own = [*competitor.parameters, *(t for s in competitor.optimizer.state.values() for t in s.values())]
    wait(device)
    others = torch.cuda.memory_allocated(device) - sum(t.nbytes for t in own if t.is_cuda)
    torch.cuda.reset_peak_memory_stats(device)
    competitor.step(0)
    wait(device)
    return torch.cuda.max_memory_allocated(device) - others


def race(
    config: GPTConfig,
    device: torch.device,
    sizes: tuple[int, int],
    peak: float,
    write: Callable[[dict], None],
    time_left: Callable[[], float],
    n_rounds: int = 7,
    seconds_a_turn: float = 0.4,
    backend: str = "inductor",
) -> list[dict]:
    """Make all competitors, let them take turns, write a line for each turn and at the end one for each competitor.

    `peak`: operations a second of the data sheet. What cannot be made, or for which no time is left, says why.
    """
    runners: dict[str, tuple[Competitor, int, dict]] = {}
    for name, make in makers(config, device, *sizes, backend).items():
        if runners and time_left() < 80 + 8 * len(runners) * seconds_a_turn:
            write({"kind": "rung", "name": name, "skipped": "no time was left"})
            continue
        start = time.perf_counter()
        try:
            competitor = make()
            for i in range(3):
                competitor.step(i)  # compiles, and tries what is fastest
            seconds, loss = timed(competitor, 2, device)
            memory = {"peak_bytes": peak_of(competitor, device), "foretold_bytes": competitor.foretold(config)}
        except Exception as error:
            write({"kind": "rung", "name": name, "skipped": f"{type(error).__name__}: {error}"[:400]})
            continue
        made_in = round(time.perf_counter() - start, 1)
        runners[name] = (competitor, max(1, round(seconds_a_turn / seconds)), memory)
        write({"kind": "made", "name": name, "seconds": made_in, "seconds_a_step": seconds, "loss": loss, **memory})
    turns: dict[str, list[float]] = {name: [] for name in runners}
    names = list(runners)
    for i in range(n_rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            competitor, n_steps, _ = runners[name]
            seconds, loss = timed(competitor, n_steps, device)
            turns[name].append(competitor.rung.batch_size * config.n_ctx / seconds)
            line = {"kind": "turn", "name": name, "round": i, "n_steps": n_steps, "loss": loss}
            write(line | {"tokens_per_second": round(turns[name][-1])})
        if time_left() < 20:
            break
    order = [BASE, f"{BASE}, larger batch", *(rung.name for rung in ladder(*sizes, config.n_vocab)), TRAINER]
    lines = summary([runners[name] for name in order if name in runners], turns, config, peak)
    for line in lines:
        write(line)
    return lines


def summary(
    runners: list[tuple[Competitor, int, dict]], turns: dict[str, list[float]], config: GPTConfig, peak: float
) -> list[dict]:
    """A line for each competitor: median speed, and how many times the base's and the rung's before it that is."""
    flops, lines = costs.flops_per_token(config), []
    speeds = {name: median(all_turns) for name, all_turns in turns.items() if all_turns}
    before = None
    for competitor, _, memory in runners:
        name = competitor.rung.name
        if name not in speeds:
            continue
        line = {"kind": "rung", **competitor.settings, **memory, "tokens_per_second": round(speeds[name])}
        line |= {"utilisation": speeds[name] * flops / peak}
        line |= {"times_base": speeds[name] / speeds[BASE] if BASE in speeds else None}
        if not name.startswith((BASE, TRAINER)):
            line |= {"before": before, "times_before": speeds[name] / speeds[before] if before else None}
            before = name
        if memory["peak_bytes"] and memory["foretold_bytes"]:
            line["measured_by_foretold"] = memory["peak_bytes"] / memory["foretold_bytes"]
        lines.append(line)
    return lines
