"""The most memory that a run takes, as the machine says, and as `costs` foretells it."""

import contextlib
import sys
import weakref
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from minigpt.config import GPTConfig
from minigpt.training import distributed
from minigpt.training.costs import FLOAT, Memory, memory


class Peak:
    """The most bytes since it was made, weights included.

    On a GPU those of all tensors there, as PyTorch counts them. On a CPU how much the process has grown, and the
    weights, which were there before: so what else the program loads meanwhile counts too, and what the system has
    given before and gets used again does not. On Linux, malloc keeps some of what is freed: where tensors are smaller
    than 32 MB, up to a third more than all of them ever took at once. With MALLOC_MMAP_THRESHOLD_=1000000 in the
    environment it keeps none, and steps take a fifth to a half longer. So the tensors are counted, too, in one step.
    """

    def __init__(self, model: torch.nn.Module):
        self.device = next(model.parameters()).device
        self.weights = sum(parameter.nbytes for parameter in model.parameters())
        self.counted: int | None = None
        self.is_to_count = self.device.type == "cpu"
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        forget_peak()
        self.before = resident()[0]

    def bytes(self) -> int | None:
        """The peak so far; None where nobody says."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        if self.device.type != "cpu" or not self.before:
            return None
        return max(0, resident()[1] - self.before) + self.weights  # Linux counts in a rough way

    def tensor_bytes(self) -> int | None:
        """The most that all tensors took; None where they were not counted."""
        return self.bytes() if self.device.type == "cuda" else self.counted

    @contextlib.contextmanager
    def counting(self, trainer: Any):
        """Counts the tensors of the step within, if it is the one to count: on a CPU, of what can be foretold, the
        first that finds the optimiser's averages there. It takes some milliseconds longer than others.
        """
        states = [state for one in trainer.optimizers for state in one.state.values()] if self.is_to_count else []
        if states and (trainer.config.compile or distributed.count() > 1 or foretold(trainer) is None):
            self.is_to_count = False
        if not states or not self.is_to_count:
            yield
            return
        tensors = [*trainer.model.parameters(), *trainer.model.buffers(), *tree_leaves(states)]
        with LiveTensors(tensor for tensor in tensors if isinstance(tensor, torch.Tensor)) as live:
            yield
        self.counted, self.is_to_count = live.most, False


class LiveTensors(TorchDispatchMode):
    """Counts the bytes of `held` tensors, and of all that operations return within, as long as they live.

        with LiveTensors(model.parameters()) as live:
            model.loss(x, y).backward()
        live.most

    What an operation takes for itself and gives back before it returns is not seen.
    """

    def __init__(self, held: Iterable[torch.Tensor] = ()):
        super().__init__()
        self.now = self.most = 0
        self.alive: dict[int, weakref.ref] = {}  # by address
        for tensor in held:
            self.see(tensor)

    def see(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()  # views share one
        address, n_bytes = storage.data_ptr(), storage.nbytes()
        if address not in self.alive:
            self.alive[address] = weakref.ref(storage, partial(self.forget, address, n_bytes))
            self.now += n_bytes
            self.most = max(self.most, self.now)

    def forget(self, address: int, n_bytes: int, _: weakref.ref) -> None:
        del self.alive[address]
        self.now -= n_bytes

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        returned = func(*args, **(kwargs or {}))
        for one in tree_leaves(returned):
            if isinstance(one, torch.Tensor):
                self.see(one)
        return returned


def in_words(record: dict) -> str:
    """The numbers of a record, in MB; empty where it has none. What is foretold are the tensors."""
    names = ("peak_bytes", "tensor_bytes", "foretold_bytes")
    peak, tensors, expected = (f"{record[name] / 1e6:,.0f} MB" if name in record else "" for name in names)
    if not peak and not tensors and not expected:
        return ""
    words = f"peak of memory {peak or 'unknown'}" + (f", tensors {tensors}" if tensors else "")
    return words + (f" (foretold {expected}{'' if tensors else ' of tensors'})" if expected else "")


def forget_peak() -> None:
    """Let `resident` count its most from now on, where the system can: what ran before may have taken more."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def resident() -> tuple[int, int]:
    """Bytes that this process has in memory: now, and at most until now. Zeros where that cannot be had."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        now, most = (1024 * int(lines.get(name, "0").split()[0]) for name in ("VmRSS", "VmHWM"))
        return now, max(now, most)
    try:
        import psutil
    except ImportError:
        return 0, 0
    info = psutil.Process().memory_info()
    if sys.platform == "win32":
        return info.rss, info.peak_wset
    import resource

    return info.rss, max(info.rss, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # macOS gives bytes


def foretold(trainer: Any) -> Memory | None:
    """What `costs.memory` says of a run; None for models or batches that it cannot count, and for dropout."""
    config, settings = getattr(trainer.model, "config", None), trainer.config
    batches = getattr(trainer.train, "meta", dict)()  # a reader's own batches need not describe themselves
    if type(config) is not GPTConfig or config.dropout or not {"batch_size", "n_ctx"} <= set(batches):
        return None
    n_parts = settings.n_accumulate * distributed.count()
    return memory(
        config,
        -(-batches["batch_size"] // n_parts) * n_parts,  # the largest part counts
        batches["n_ctx"],
        optimizer=settings.optimizer,
        activation_bytes=2 if trainer.precision.dtype is torch.bfloat16 else FLOAT,
        compiled=settings.compile,
        n_accumulate=settings.n_accumulate,
        n_processes=distributed.count(),
        parallel=settings.parallel,
    )
