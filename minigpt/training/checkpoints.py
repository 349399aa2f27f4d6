"""Checkpoints that survive a kill at any moment: written beside their place, synced, renamed, and the last two kept.

One safetensors file holds everything: weights, the optimiser's averages, and a JSON of the rest. Nothing is unpickled.
"""

import errno
import hashlib
import json
import logging
import os
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from minigpt.training.distributed import as_spread, whole

log = logging.getLogger(__name__)
FORMAT = "minigpt checkpoint 1"
KEPT = 2


def checkpoint_files(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(Path(folder).glob("step-*.safetensors"))


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Tensor], meta: dict) -> Path:
    """Write `step-NNNNNNNN.safetensors` so that it is there whole or not at all; older ones but the last are removed.

    Raises OSError when it cannot be written (a full disk, say), naming the file and what is still safe.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:08d}.safetensors"
    part = path.with_suffix(".part")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"format": FORMAT, "sha256": digest(tensors), "meta": json.dumps({**meta, "step": step})}
    try:
        save_file(tensors, part, metadata=header)
        sync(part)
        os.replace(part, path)
        sync(folder)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise not_written(path, tensors, error) from error
    for old in checkpoint_files(folder)[:-KEPT]:
        old.unlink()
    return path


def not_written(path: Path, tensors: dict[str, Tensor], error: Exception) -> OSError:
    needed = sum(tensor.nbytes for tensor in tensors.values())
    free = shutil.disk_usage(path.parent).free
    before = checkpoint_files(path.parent)
    safe = f"the one before it, {before[-1].name}, is whole" if before else "there is none before it"
    return OSError(
        getattr(error, "errno", None) or errno.EIO,
        f"could not be written ({error}); it needs {needed / 1e6:.1f} MB and {free / 1e6:.1f} MB are free: make room "
        f"or choose another folder and save again. The model in memory is untouched and {safe}",
        str(path),
    )


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict]:
    """Tensors and meta of one file. Raises ValueError, naming the file, if it is torn, changed, or no checkpoint."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise ValueError(
                    f"{path} is a safetensors file but no checkpoint of a run: load it with minigpt.weights"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    except SafetensorError as error:
        raise ValueError(
            f"{path} is torn or no checkpoint ({error}): delete it, the one before it is used then"
        ) from error
    if digest(tensors) != header["sha256"]:
        raise ValueError(f"{path} has changed since it was written: delete it, the one before it is used then")
    return tensors, json.loads(header["meta"])


def load_latest(folder: Path) -> tuple[dict[str, Tensor], dict] | None:
    """The newest whole checkpoint of a run, None if it has none yet. Broken ones are named in the log and passed over.

    Raises ValueError if there are checkpoints and none is whole.
    """
    files = checkpoint_files(folder)
    for path in reversed(files):
        try:
            return load_checkpoint(path)
        except ValueError as error:
            log.warning("%s", error)
    if files:
        raise ValueError(f"none of the {len(files)} checkpoints in {folder} is whole: start again in another folder")
    return None


def pack(model: nn.Module, optimizers: list[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """All tensors of a run under names: `model.NAME` and `optimizer.NAME.STATE`.

    Each is in one piece, however many processes hold parts of it, so that any number of them can go on from there.
    """
    tensors = {f"model.{name}": whole(p) for name, p in model.state_dict().items()}
    for name, p, optimizer in named_states(optimizers):
        for key, value in optimizer.state[p].items():
            tensors[f"optimizer.{name}.{key}"] = whole(value)
    return tensors


def unpack(tensors: dict[str, Tensor], model: nn.Module, optimizers: list[torch.optim.Optimizer]) -> None:
    """The reverse of `pack`, into a model and optimisers of the same shape."""
    own = model.state_dict()
    weights = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
    model.load_state_dict({name: as_spread(t, own[name]) if name in own else t for name, t in weights.items()})
    for name, p, optimizer in named_states(optimizers):
        prefix = f"optimizer.{name}."
        states = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        optimizer.state[p] = {key: as_spread(value, p) for key, value in states.items()}


def named_states(optimizers: list[torch.optim.Optimizer]):
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for name, p in zip(group["names"], group["params"], strict=True):
                yield name, p, optimizer


def digest(tensors: dict[str, Tensor]) -> str:
    """sha256 over names, types, shapes and bytes."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def sync(path: Path) -> None:
    """Ask the system to put a file, or a folder's entries, on the disk now. Windows cannot sync folders."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
