"""What a training run of a notebook left, in one file: the weights, and the loss of each step.

Notebooks 09 and 10 train for minutes. Where their training is cut short they go on from these, so that what follows is
worth reading: `assets/blanks`, `assets/translation`.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from minigpt.assets import ASSETS, asset

LOSSES = "losses"


def save_run(model: nn.Module, losses: Sequence[float], path: Path, dtype: torch.dtype = torch.float16) -> None:
    """Write the weights in half precision, and the losses, to a .safetensors file."""
    tensors = {f"model.{name}": tensor.to(dtype).contiguous() for name, tensor in model.state_dict().items()}
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise ValueError(f"the weights are not finite numbers in {dtype}: nothing was written, take torch.float32")
    save_file({**tensors, LOSSES: torch.tensor(losses, dtype=torch.float32)}, path)


def load_run(name: str) -> tuple[dict[str, Tensor], list[float]]:
    """Weights, for `load_state_dict`, and losses of a run that comes with the course, e.g. "translation/decoder"."""
    folder = name.partition("/")[0]
    names = sorted(f"{folder}/{file.stem}" for file in ASSETS.glob(f"{folder}/*.safetensors"))
    if names and name not in names:
        raise ValueError(f"no run {name!r} comes with the course, only {', '.join(names)}")
    tensors = load_file(asset(f"{name}.safetensors"))
    losses = tensors.pop(LOSSES).tolist()
    return {key.removeprefix("model."): tensor.float() for key, tensor in tensors.items()}, losses
