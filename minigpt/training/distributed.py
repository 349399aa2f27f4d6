"""One run shared out to several processes, each with a GPU or some cores of its own.

    torchrun --nproc_per_node=4 -m minigpt train storyland --folder run

Every process draws the same batch and takes its share of the rows; the mean of their gradients is the gradient of the
whole batch, so one process and four print the same losses. How the work is shared (`TrainConfig.parallel`):

- "ddp", data parallel: everybody holds the whole model and the optimiser's averages, and gradients are averaged.
- "fsdp", fully sharded: everybody holds a part of each tensor, and a block is gathered while it computes. For models
  that do not fit into one GPU's memory.

Sources: Li et al. 2020, "PyTorch Distributed" (DDP); Rajbhandari et al. 2020, "ZeRO", stage 3 (FSDP).
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.rendezvous import rendezvous
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

WAYS = ("ddp", "fsdp")


@contextlib.contextmanager
def joined() -> Iterator[None]:
    """Join the other processes that torchrun has started; without torchrun, nothing happens.

    The processes talk by nccl between NVIDIA GPUs and by gloo otherwise. `"cuda"` then means a GPU of one's own.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 or dist.is_initialized():
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    store, number, n_processes = next(rendezvous("env://"))
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    # A place of their own in the store: else processes that are started again find the addresses of the dead.
    store = dist.PrefixStore(f"attempt-{attempt}", store)  # pyright: ignore[reportPrivateImportUsage]
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, store=store, rank=number, world_size=n_processes)
    try:
        yield
        dist.barrier()  # whoever is done first waits, since the others may still ask for an answer
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """The number of this process, from 0; the one with 0 writes."""
    return dist.get_rank() if dist.is_initialized() else 0


def count() -> int:
    """How many processes share the run."""
    return dist.get_world_size() if dist.is_initialized() else 1


@contextlib.contextmanager
def first_alone() -> Iterator[None]:
    """Process 0 does what stands inside before the others do: what it has written then, they can read."""
    if rank() > 0:
        dist.barrier()
    yield
    if rank() == 0 and count() > 1:
        dist.barrier()


def share(rows: Tensor) -> Tensor:
    """This process's rows of a batch (B, …). Raises ValueError where they cannot be shared out equally."""
    if len(rows) % count():
        raise ValueError(
            f"a batch of {len(rows)} rows cannot be shared out to {count()} processes: take a batch_size that "
            f"{count()} divides, such as {-(-len(rows) // count()) * count()}"
        )
    return rows[rank() :: count()]


def mean(value: float) -> float:
    """The mean over the processes, the same in all of them."""
    if count() == 1:
        return value
    total = torch.tensor(value, dtype=torch.float64, device="cuda" if dist.get_backend() == "nccl" else "cpu")
    dist.all_reduce(total)
    return total.item() / count()


def anywhere(claim: bool) -> bool:
    """Is it true in any of the processes?"""
    return mean(float(claim)) > 0


class Loss(nn.Module):
    """The loss as a module's forward, which is what `DistributedDataParallel` listens to."""

    def __init__(self, model: nn.Module, loss: Callable[..., Tensor]):
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(B, T), (B, T) -> scalar"""
        return self.loss(x, y)


def spread(model: Any, loss: Callable[..., Tensor], way: str) -> Callable[..., Tensor]:
    """Prepare the model for several processes and return its loss; for one process, the loss as it is."""
    if count() == 1:
        return loss
    if way == "ddp":
        return DistributedDataParallel(Loss(model, loss))
    for module in model.modules():
        if isinstance(module, nn.ModuleList):
            for block in module:
                fully_shard(block)
    fully_shard(model)
    if hasattr(model, "hidden"):
        register_fsdp_forward_method(model, "hidden")  # a loss in chunks calls it without the model's forward
    return loss


def whole(tensor: Tensor) -> Tensor:
    """A tensor in one piece, gathered from the processes if it is spread over them: all have to ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def as_spread(tensor: Tensor, like: Tensor) -> Tensor:
    """The reverse: a whole tensor, laid out as `like` is."""
    if isinstance(like, DTensor) and tensor.shape == like.shape:
        return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements)
    return tensor.to(like.device) if tensor.dim() else tensor
