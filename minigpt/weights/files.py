"""Safetensors files: opened without reading the tensors, and told apart from what only looks like them."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from minigpt.weights.official import PREFIX

MODEL, INDEX, CONFIG = "model.safetensors", "model.safetensors.index.json", "config.json"
CONFIG_KEY = "minigpt.config"
"""In the header of our own files: the content of config.json once more, so that the file can stand alone."""
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
REFUSED = (
    "a pickle file, and opening a pickle can run any program that its author put in. Take model.safetensors from where "
    "it came from; or, if you trust it, let transformers write one: "
    "GPT2LMHeadModel.from_pretrained(folder).save_pretrained(new_folder)"
)


@dataclass(frozen=True)
class Stored:
    """A tensor in a file: its header has been read, its numbers not yet."""

    shape: tuple[int, ...]
    number_format: str
    """As safetensors writes it: F32, F16, BF16, I8, ..."""
    read: Callable[[], Tensor]


@dataclass(frozen=True)
class TensorFiles:
    """All tensors of one model, by official name, and what the files say about themselves."""

    tensors: dict[str, Stored]
    metadata: dict[str, str]


@contextmanager
def open_tensors(paths: list[Path]) -> Iterator[TensorFiles]:
    """Open the files of one model. Raises ValueError for a file that is torn, no safetensors, or holds a name twice."""
    with ExitStack() as opened:
        found = TensorFiles({}, {})
        for path in paths:
            file = opened.enter_context(open_file(path))
            found.metadata.update(file.metadata() or {})
            for stored_name in file.keys():  # noqa: SIM118 - it is no dict
                name = stored_name.removeprefix(PREFIX)
                if name in found.tensors:
                    raise ValueError(f"{path} holds {name}, which came before: each tensor once, take one copy out")
                header = file.get_slice(stored_name)
                found.tensors[name] = Stored(
                    tuple(header.get_shape()), header.get_dtype(), reader(file, path, stored_name)
                )
        yield found


def reader(file: Any, path: Path, name: str) -> Callable[[], Tensor]:
    def read() -> Tensor:
        try:
            return file.get_tensor(name)
        except SafetensorError as error:
            raise ValueError(f"{path}: {name} cannot be read ({error})") from error

    return read


def open_file(path: Path) -> Any:
    try:
        file = safe_open(path, framework="pt")
    except SafetensorError as error:
        raise ValueError(f"{path} is {what_it_is(path, error)}") from error
    if (file.metadata() or {}).get("format", "").startswith("minigpt checkpoint"):
        raise ValueError(
            f"{path} is a checkpoint of a training run, with the optimiser's tensors: read it with "
            "minigpt.training.checkpoints.load_latest(folder), or save the trained model with save_pretrained"
        )
    return file


def what_it_is(path: Path, error: Exception) -> str:
    """Of a file that is no whole safetensors file, what it is and what to do."""
    with open(path, "rb") as file:
        start = file.read(64)
    if start.startswith((b"PK\x03\x04", b"\x80")):  # PyTorch's zip, or a bare pickle
        return REFUSED
    if start.startswith(b"version https://git-lfs"):
        return "the pointer that Git LFS leaves in place of a large file: run `git lfs pull` in its folder"
    size = path.stat().st_size
    return f"torn or no safetensors file ({size:,} bytes; {error}): copy or download it again"


def tensor_files(path: Path) -> list[Path]:
    """The safetensors files of a model: the one given, or a folder's `model.safetensors`, or the shards of its index.

    Raises ValueError, with what the folder holds instead, when there is none; FileNotFoundError for missing shards.
    """
    if path.is_file():
        if any(path.match(pattern) for pattern in PICKLES):
            raise ValueError(f"{path} is {REFUSED}")
        return [path]
    if (path / MODEL).exists():
        return [path / MODEL]
    if (path / INDEX).exists():
        places = read_json(path / INDEX).get("weight_map")  # tensor name -> file name
        if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
            raise ValueError(f"{path / INDEX} has no weight_map of names: download it again")
        shards = [path / name for name in sorted(set(places.values()))]
        if missing := [shard.name for shard in shards if not shard.exists()]:
            raise FileNotFoundError(f"{path} lacks {', '.join(missing)}, which {INDEX} names: fetch them too")
        return shards
    if pickles := [file.name for pattern in PICKLES for file in sorted(path.glob(pattern))]:
        raise ValueError(f"{path} has no {MODEL}, and {pickles[0]} is {REFUSED}")
    raise ValueError(f"{path} is no model: it needs {CONFIG} and {MODEL}, {what_is_in(path)}")


def what_is_in(folder: Path) -> str:
    if any(folder.glob("step-*.safetensors")):
        return (
            "and is the folder of a training run: read it with minigpt.training.checkpoints.load_latest(folder), or "
            "save the trained model with save_pretrained"
        )
    names = sorted(file.name for file in folder.iterdir())
    if deeper := next((name for name in names if (folder / name / CONFIG).exists()), None):
        return f"which are in the folder {deeper} below it: give that one"
    return f"and holds {', '.join(names[:5]) + ', ...' * (len(names) > 5)}" if names else "and is empty"


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises ValueError that names the file if it is torn or something else."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is torn or no JSON ({error}): write or download it again") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds a {type(values).__name__}, no JSON object: write or download it again")
    return values
