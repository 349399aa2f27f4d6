"""From a model to files that transformers loads: all of them written, or none."""

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from minigpt.models.gpt import GPT
from minigpt.weights.files import CONFIG, CONFIG_KEY, MODEL
from minigpt.weights.load import not_finite
from minigpt.weights.official import listing, to_official, to_official_config


def save_pretrained(model: GPT, folder: str | os.PathLike[str], dtype: torch.dtype | None = None) -> None:
    """Write `config.json` and `model.safetensors` for `transformers.GPT2LMHeadModel.from_pretrained(folder)`.

    `dtype` None keeps the model's number format. Raises OSError when the disk is full or the folder cannot be written:
    what was there before is untouched then. Raises ValueError for NaN, or numbers that overflow in `dtype`.
    """
    with all_or_nothing(Path(folder)) as beside:
        write_model(model, beside, dtype)


def write_model(model: GPT, folder: Path, dtype: torch.dtype | None, end_of_text: int | None = None) -> None:
    config = write_weights(model, folder / MODEL, dtype or model.wte.weight.dtype, end_of_text)
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8", newline="\n")


def write_weights(model: GPT, path: Path, dtype: torch.dtype, end_of_text: int | None = None) -> dict[str, Any]:
    """One file, with the config in its header; returns what a config.json beside it would hold."""
    tensors = to_official(model, dtype)
    if problems := not_finite(tensors):
        advice = f"Nothing was written. If they are finite in the model, {dtype} is too small: take torch.bfloat16"
        raise ValueError(listing(f"the model in {dtype} has weights that are not finite numbers", problems, advice))
    config = to_official_config(model.config, dtype, end_of_text)
    path.touch()  # with the rights of an ordinary file: safetensors lets nobody but the owner read
    mode = path.stat().st_mode
    save_file(tensors, path, metadata={"format": "pt", CONFIG_KEY: json.dumps(config)})
    path.chmod(mode)
    return config


@contextmanager
def all_or_nothing(folder: Path) -> Iterator[Path]:
    """A place to write files: they move into `folder` when the block ends well, and vanish when it does not."""
    existed = folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as beside:
            yield Path(beside)
            # The largest first: if Windows refuses because a program reads the old one, nothing has moved yet.
            files = sorted(Path(beside).iterdir(), key=lambda file: file.stat().st_size, reverse=True)
            for file in files:
                sync(file)
            for file in files:
                os.replace(file, folder / file.name)
    except BaseException as error:
        if not existed:
            with suppress(OSError):  # not empty: then it is somebody else's too
                folder.rmdir()
        if isinstance(error, OSError | SafetensorError):
            raise not_written(folder, error) from error
        raise


def not_written(folder: Path, error: Exception) -> OSError:
    """The error as OSError; safetensors tells the system's error number only in its text."""
    in_text = re.search(r"os error (\d+)", str(error))
    number = getattr(error, "errno", None) or (int(in_text[1]) if in_text else errno.EIO)
    place = next(p for p in [folder, *folder.parents] if p.is_dir())
    free = shutil.disk_usage(place).free
    return OSError(
        number,
        f"could not be written ({error}; {free / 1e6:,.1f} MB are free there): make room or choose another folder, and "
        "save again. The model in memory and what the folder held before are untouched",
        str(folder),
    )


def sync(file: Path) -> None:
    """Ask the system to put a file on the disk now, so that its name never outlives its content."""
    with open(file, "rb+") as opened:
        os.fsync(opened.fileno())
