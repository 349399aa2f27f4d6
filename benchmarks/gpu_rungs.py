"""The rungs of the ladder of `benchmarks/gpu.py`: ways to make the same training step, each one trick more."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
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
    """The rungs, each the one before and one trick more."""
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
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def cudnn_first():
    return sdpa_kernel([SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.MATH], set_priority=True)


def random_batches(config: GPTConfig, batch_size: int, device: torch.device, n: int = 4) -> list[tuple[Tensor, Tensor]]:
    """Random ids, which cost what text costs."""
    rows = torch.randint(config.n_vocab, (n, batch_size, config.n_ctx + 1), device=device)
    return [(row[:, :-1].contiguous(), row[:, 1:].contiguous()) for row in rows]
