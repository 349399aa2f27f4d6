"""The most memory that a run takes, as the machine says, and as `costs` foretells it."""

import contextlib
import sys
from pathlib import Path
from typing import Any

import torch

from minigpt.config import GPTConfig
from minigpt.training import distributed
from minigpt.training.costs import FLOAT, Memory, memory


class Peak:
    """The most bytes since it was made, weights included.

    On a GPU those of all tensors there, as PyTorch counts them. On a CPU how much the process has grown, and the
    weights, which were there before: so what else the program loads meanwhile counts too, and what the system has
    given before and gets used again does not. On Linux, malloc keeps some of what is freed: where tensors are smaller
    than 32 MB, up to a third more than all of them ever took at once. With MALLOC_MMAP_THRESHOLD_=1000000 in the
    environment it keeps none, and steps take a fifth to a half longer.
    """

    def __init__(self, model: torch.nn.Module):
        self.device = next(model.parameters()).device
        self.weights = sum(parameter.nbytes for parameter in model.parameters())
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


def in_words(record: dict) -> str:
    """The two numbers of a record, in MB; empty where it has none. What is foretold are the tensors."""
    mb = {name: f"{record[name] / 1e6:,.0f} MB" for name in ("peak_bytes", "foretold_bytes") if name in record}
    foretold = f", foretold {mb['foretold_bytes']} of tensors" if "foretold_bytes" in mb else ""
    return f"peak of memory {mb.get('peak_bytes', 'unknown')}{foretold}" if mb else ""


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
