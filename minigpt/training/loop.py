"""The training loop: draw a batch, measure the loss, step against its gradient, write down what happened.

    trainer = Trainer(model, batches, TrainConfig(n_steps=500))
    for record in trainer.steps():      # one step at a time, for whoever wants to look
        ...
    trainer.run()                       # or all that is left

Shapes: B batch, T time.
"""

import contextlib
import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from minigpt.text.batches import Drawn
from minigpt.training import distributed
from minigpt.training.around import Ahead, reproducible_dropout, stop_between_steps
from minigpt.training.checkpoints import load_latest, pack, save_checkpoint, unpack
from minigpt.training.folders import check_owner, locked, take
from minigpt.training.optimizers import Muon, adamw, is_hidden_matrix, learning_rate
from minigpt.training.peak import Peak, foretold
from minigpt.training.precision import CHOICES, choose, computing
from minigpt.training.telemetry import Telemetry

log = logging.getLogger(__name__)
Callback = Callable[["Trainer", dict], None]


@dataclass(frozen=True)
class TrainConfig:
    """How to train. The defaults suit small models for a few minutes on a CPU."""

    n_steps: int = 1000
    """Steps of the whole run; the learning rate ends its cosine there."""
    learning_rate: float = 1e-3
    """Peak rate of AdamW."""
    min_learning_rate: float = 1e-4
    """Rate at the end."""
    n_warmup: int = 100
    """Steps in which the rate climbs to its peak."""
    weight_decay: float = 0.1
    """Share of a matrix, times the rate, that each step takes away."""
    max_grad_norm: float = 1.0
    """Gradients longer than this, all parameters together, are scaled down to it."""
    n_accumulate: int = 1
    """Parts that a batch is computed in: the same step as in one, in less memory."""
    optimizer: str = "adamw"
    """`"adamw"`, or `"muon"`: Muon on the matrices inside the blocks, AdamW on the rest."""
    muon_learning_rate: float = 0.02
    """Peak rate of Muon; it follows the same curve."""
    muon_momentum: float = 0.95
    """Share of Muon's mean of the gradients that each step keeps; short runs like less."""
    eval_every: int = 100
    """Steps between two measurements of the validation loss."""
    n_eval_batches: int = 8
    """Validation batches, the same ones each time."""
    save_every: int = 200
    """Steps between two checkpoints, where the trainer has a folder."""
    compile: bool = False
    """Let torch.compile fuse the model first: takes up to a minute, pays for itself in long runs."""
    precision: str = "float32"
    """`"float32"`, `"bfloat16"` for products of matrices, or `"auto"`: bfloat16 where the hardware is faster in it."""
    parallel: str = "ddp"
    """Where several processes train: `"ddp"`, each has the whole model, or `"fsdp"`, each a part; see `distributed`."""
    seed: int = 0
    """Of dropout; batches have their own."""

    def __post_init__(self):
        for name in ("n_steps", "n_accumulate", "eval_every", "n_eval_batches", "save_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r}: must be at least 1")
        if self.optimizer not in ("adamw", "muon"):
            raise ValueError(f"optimizer={self.optimizer!r}: take 'adamw' or 'muon'")
        if self.precision not in CHOICES:
            raise ValueError(f"precision={self.precision!r}: take one of {', '.join(CHOICES)}")
        if self.parallel not in distributed.WAYS:
            raise ValueError(f"parallel={self.parallel!r}: take 'ddp' or 'fsdp'")
        for name in ("learning_rate", "muon_learning_rate", "max_grad_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)!r}: must be above 0")
        if not 0 <= self.muon_momentum < 1:
            raise ValueError(f"muon_momentum={self.muon_momentum!r}: must be at least 0 and below 1")


class Trainer:
    """Trains a model that has `.loss(x, y)`, on batches that have `.batch(step)` and `.meta()`.

    With a folder, it keeps telemetry and checkpoints there, and a trainer made anew on the same folder goes on where
    the last one stopped, to the bit.
    """

    def __init__(
        self,
        model: Any,
        train: Drawn,
        config: TrainConfig | None = None,
        valid: Drawn | None = None,
        folder: Path | str | None = None,
        callbacks: tuple[Callback, ...] = (),
    ):
        self.model, self.train, self.valid = model, train, valid
        self.config = config or TrainConfig()
        self.callbacks = callbacks
        self.device = next(model.parameters()).device
        self.precision = choose(self.config.precision, self.device)
        log.info("%s", self.precision.why)
        loss: Any = model.loss
        self.loss = distributed.spread(
            model, torch.compile(loss) if self.config.compile else loss, self.config.parallel
        )
        self.optimizers = make_optimizers(model, self.config, self.precision.dtype)
        self.ahead = Ahead(self.draw, self.device)
        self.peak = Peak(model)
        self.step = 0
        self.records: list[dict] = []
        self.folder = Path(folder) if folder is not None else None
        self.telemetry = None
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.telemetry = Telemetry(self.folder / "telemetry.jsonl")
            with self.writing():
                take(self.folder, self)
                self.resume()

    def run(self) -> list[dict]:
        """All steps that are left. Ctrl-C stops after the step in hand, with everything kept. Returns the records."""
        with stop_between_steps() as stopped:
            for _ in self.steps():
                if distributed.anywhere(stopped()):
                    log.info("stopped after step %d of %d: run() goes on from here", self.step, self.config.n_steps)
                    self.save()
                    break
        return self.records

    def steps(self) -> Iterator[dict]:
        """The steps that are left, one at a time, each as its record. Raises ValueError if the folder is not ours."""
        with self.writing():
            yield from self.steps_left()

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """Keeps other programs out of the folder; of several processes of this run, the first one does."""
        if self.folder is None or distributed.rank() > 0:
            return contextlib.nullcontext()
        return locked(self.folder)

    def steps_left(self) -> Iterator[dict]:
        while self.step < self.config.n_steps:
            if self.folder is not None:
                check_owner(self.folder, self)
            with self.peak.counting(self):
                record = self.one_step()
            finished = self.step == self.config.n_steps
            if self.valid is not None and (self.step % self.config.eval_every == 0 or finished):
                record["valid_loss"] = self.evaluate()
            if finished or self.step % self.config.save_every == 0:
                record |= self.memory()
            self.records.append(record)
            if self.telemetry is not None and distributed.rank() == 0:
                self.telemetry.write(record)
            if self.step % self.config.save_every == 0 or finished:
                self.save()
            for callback in self.callbacks:
                callback(self, record)
            yield record

    def memory(self) -> dict[str, int]:
        """`peak_bytes`, the most memory so far, `tensor_bytes`, the part of tensors, both as `Peak` counts them, and
        `foretold_bytes`, what `costs.memory` says of tensors; without those that are not known.
        """
        expected = foretold(self)
        known = {
            "peak_bytes": self.peak.bytes(),
            "tensor_bytes": self.peak.tensor_bytes(),
            "foretold_bytes": expected and expected.peak,
        }
        return {name: n_bytes for name, n_bytes in known.items() if n_bytes}

    def draw(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """This process's rows of a batch."""
        x, y = self.train.batch(step)  # (B, T), (B, T)
        return distributed.share(x), distributed.share(y)

    def one_step(self) -> dict:
        """One batch, one step. Raises FloatingPointError, before anything is changed, if the loss is not a number."""
        start = time.perf_counter()
        config, step = self.config, self.step
        self.model.train()
        rates = self.set_rates(step)
        x, y = self.ahead.batch(step)
        n_tokens = x.numel() * distributed.count()
        with reproducible_dropout(self.model, config.seed, step):
            losses = self.accumulate_gradients(x, y)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.max_grad_norm)
        if step + 1 < config.n_steps:
            self.ahead.fetch(step + 1)
        loss = distributed.mean(sum(part.item() for part in losses))  # here, and not before, a GPU is waited for
        grad_norm = float(distributed.whole(norm))
        if not math.isfinite(loss) or not math.isfinite(grad_norm):
            self.zero_grad()
            if all(torch.isfinite(p).all() for p in self.model.parameters()):
                self.save()  # up to here all is well
            raise FloatingPointError(
                f"step {step}: loss {loss}, gradient norm {grad_norm}. The weights are those of the step before; look "
                f"at the batch, trainer.train.batch({step}), or lower the learning rate, {config.learning_rate}"
            )
        for optimizer in self.optimizers:
            optimizer.step()
        self.zero_grad()
        self.step += 1
        seconds = time.perf_counter() - start
        return {
            "step": step,
            "loss": loss,
            "grad_norm": grad_norm,
            "learning_rate": rates,
            "n_tokens": (step + 1) * n_tokens,
            "seconds": round(seconds, 4),
            "tokens_per_second": round(n_tokens / seconds, 1),
        }

    def accumulate_gradients(self, x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        """Leaves the gradient of the batch's mean loss in `.grad`; returns each part's share of this process's loss.

        Of several processes each gives its rows; the gradient is that of all rows together. Losses in nats per token.
        """
        losses = []
        for x_part, y_part in zip(x.chunk(self.config.n_accumulate), y.chunk(self.config.n_accumulate), strict=True):
            share = len(x_part) / len(x)
            with computing(self.precision.dtype, self.device):
                loss = self.loss(x_part, y_part) * share
            loss.backward()
            losses.append(loss.detach())
        return losses

    def set_rates(self, step: int) -> float:
        """Set the rate of this step in all optimisers and return AdamW's."""
        config = self.config
        rate = learning_rate(step, config.n_steps, config.learning_rate, config.n_warmup, config.min_learning_rate)
        for optimizer in self.optimizers:
            scale = config.muon_learning_rate / config.learning_rate if isinstance(optimizer, Muon) else 1.0
            for group in optimizer.param_groups:
                group["lr"] = rate * scale
        return rate

    def zero_grad(self) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    @torch.no_grad()
    def evaluate(self) -> float:
        """Mean loss, in nats per token, over the first n_eval_batches of the validation batches."""
        if self.valid is None:
            raise ValueError("there are no validation batches: give Trainer(valid=…)")
        self.model.eval()
        batches = (self.valid.batch(i) for i in range(self.config.n_eval_batches))
        shares = ((distributed.share(x), distributed.share(y)) for x, y in batches)
        with computing(self.precision.dtype, self.device):
            losses = [self.model.loss(x.to(self.device), y.to(self.device)).item() for x, y in shares]
        return distributed.mean(sum(losses) / len(losses))

    def save(self) -> Path | None:
        """Write a checkpoint now; None without a folder, and in all processes but the first.

        Raises OSError if it cannot be written: nothing is lost.
        """
        if self.folder is None:
            return None
        meta = {"train_config": asdict(self.config), "batches": self.train.meta()}
        tensors = pack(self.model, self.optimizers)  # all processes give their parts
        if distributed.rank() > 0:
            return None
        with self.writing():
            check_owner(self.folder, self)
            return save_checkpoint(self.folder, self.step, tensors, meta)

    def resume(self) -> None:
        """Take up the folder's newest whole checkpoint, if any. Raises ValueError if it is of another run."""
        assert self.folder is not None
        assert self.telemetry is not None
        if (found := load_latest(self.folder)) is None:
            self.rewind()
            return
        tensors, meta = found
        if meta["batches"] != self.train.meta():
            raise ValueError(
                f"{self.folder} holds a run on other batches, {meta['batches']}, and this one has "
                f"{self.train.meta()}: choose another folder, or delete that one to start again"
            )
        unpack(tensors, self.model, self.optimizers)
        self.step = meta["step"]
        self.rewind()
        log.info("resumed %s at step %d", self.folder, self.step)

    def rewind(self) -> None:
        """Forget what was written down after the checkpoint: it is about to happen again."""
        assert self.telemetry is not None
        with distributed.first_alone():
            if distributed.rank() == 0:
                self.telemetry.rewind(self.step)
            self.records = self.telemetry.read()


def make_optimizers(
    model: torch.nn.Module, config: TrainConfig, dtype: torch.dtype = torch.float32
) -> list[torch.optim.Optimizer]:
    """AdamW over everything, or Muon over the hidden matrices, with products in `dtype`, and AdamW over the rest."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if config.optimizer == "adamw":
        return [adamw(named, config.weight_decay)]
    hidden = [(name, p) for name, p in named if is_hidden_matrix(name, p)]
    rest = [(name, p) for name, p in named if not is_hidden_matrix(name, p)]
    muon = Muon(hidden, config.muon_momentum, config.weight_decay, dtype)
    return [muon, adamw(rest, config.weight_decay)]
