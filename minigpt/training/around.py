"""What stands around a step: dropout that is drawn anew, Ctrl-C that waits, the next batch on its way to the GPU.

Shapes: B batch, T time.
"""

import contextlib
import signal
import threading
from collections.abc import Callable

import torch
from torch import Tensor

Pair = tuple[Tensor, Tensor]


class Ahead:
    """The batches of a run on its device, the next one sent there while the GPU still computes.

    A GPU works through what it was told while Python goes on. `fetch` uses that time: it draws the batch and starts its
    copy from memory that the system cannot move, which is the only kind that is copied without waiting. A CPU computes
    in the same cores that draw, so nothing is won there, and nothing is fetched.
    """

    def __init__(self, draw: Callable[[int], Pair], device: torch.device):
        self.draw, self.device = draw, device
        self.is_worth_it = device.type == "cuda"
        self.fetched: dict[int, Pair] = {}

    def batch(self, step: int) -> Pair:
        """The batch of this step on the device: the same whether it was fetched or not."""
        found = self.fetched.pop(step, None)
        self.fetched.clear()  # of other steps, after a resumed or a failed one
        return self.send(step) if found is None else found

    def fetch(self, step: int) -> None:
        """Begin to bring the batch of this step, where that is worth it."""
        if self.is_worth_it:
            self.fetched = {step: self.send(step)}

    def send(self, step: int) -> Pair:
        x, y = self.draw(step)
        if self.device.type == "cuda":
            x, y = x.pin_memory(), y.pin_memory()
        return x.to(self.device, non_blocking=True), y.to(self.device, non_blocking=True)


@contextlib.contextmanager
def reproducible_dropout(model: torch.nn.Module, seed: int, step: int):
    """Draw dropout from (seed, step) alone, and leave the global random state as it was."""
    if not any(isinstance(module, torch.nn.Dropout) and module.p > 0 for module in model.modules()):
        yield
        return
    with torch.random.fork_rng():
        torch.manual_seed(seed * 1_000_003 + step)
        yield


@contextlib.contextmanager
def stop_between_steps():
    """Turn the first Ctrl-C into a wish that the loop asks for; a second one interrupts at once."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    wishes = []
    before = signal.getsignal(signal.SIGINT)

    def wish(signum, frame):
        wishes.append(signum)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, wish)
    try:
        yield lambda: bool(wishes)
    finally:
        signal.signal(signal.SIGINT, before)
