"""From files to a model, tensor by tensor: what does not fit is named before anything is read."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from minigpt.assets import ASSETS
from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.text.corpora import cache_folder
from minigpt.weights.files import CONFIG, CONFIG_KEY, MODEL, Stored, TensorFiles, open_tensors, read_json, tensor_files
from minigpt.weights.official import (
    BUFFERS,
    empty_model,
    from_official_config,
    guess_config,
    is_conv1d,
    listing,
    official_shapes,
)

HUB = {
    "gpt2": "openai-community/gpt2",
    "gpt2-medium": "openai-community/gpt2-medium",
    "gpt2-large": "openai-community/gpt2-large",
    "gpt2-xl": "openai-community/gpt2-xl",
    "distilgpt2": "distilbert/distilgpt2",
}
"""Where the published models are on the Hugging Face hub."""

HEAD = "lm_head.weight"
FLOATS = ("F64", "F32", "F16", "BF16")


def load_pretrained(
    path_or_name: str | os.PathLike[str], *, config: GPTConfig | None = None, dtype: torch.dtype = torch.float32
) -> GPT:
    """A GPT-2 with trained weights, in evaluation mode and in main memory; numbers of half precision are widened.

    - a folder with config.json and model.safetensors (or its shards and their index), as transformers writes it;
    - one safetensors file, with its config.json beside it unless it is of a published size, or with `config`;
    - a name: "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2", or "owner/model" on the hub.

    Raises ValueError naming up to ten tensors or entries that do not fit, FileNotFoundError for a path that is not
    there, ConnectionError when the hub cannot be reached, ImportError when huggingface_hub is needed and missing.
    """
    if not dtype.is_floating_point:
        raise ValueError(f"dtype={dtype}: weights are floating-point numbers, take torch.float32 or torch.bfloat16")
    path = find(path_or_name)
    with open_tensors(tensor_files(path)) as files:
        config = config or config_of(path, files)
        if problems := misfits(files.tensors, config):
            advice = "Weights and config must come from one model, whole: fetch or save both again"
            raise ValueError(listing(f"{path} does not fit {config}", problems, advice))
        weights = read_weights(files.tensors, list(official_shapes(config)), dtype, path)
    model = empty_model(config)
    model.load_state_dict(weights, assign=True)
    return model.eval()


def read_weights(tensors: dict[str, Stored], names: list[str], dtype: torch.dtype, path: Path) -> dict[str, Tensor]:
    """Our tensors by name, in memory of their own; of the file, never more than one is in memory as well."""
    weights = {}
    for name in names:
        tensor = tensors[name].read()
        tensor = tensor.t() if is_conv1d(name) else tensor
        weights[name] = tensor.to(dtype, copy=True, memory_format=torch.contiguous_format)
    if problems := not_finite(weights):
        advice = "Take a checkpoint from before the training broke; numbers over 65,504 do not fit into torch.float16"
        raise ValueError(listing(f"{path} holds weights that are not finite numbers", problems, advice))
    if HEAD in tensors and not torch.equal(tensors[HEAD].read().to(dtype), weights["wte.weight"]):
        raise ValueError(
            f"{path}: {HEAD} is not wte.weight, but GPT-2 has one table for both (tie_word_embeddings): this model "
            "was trained untied, which our GPT cannot be"
        )
    return weights


def not_finite(tensors: dict[str, Tensor]) -> list[str]:
    """Names of the tensors with NaN or infinity in them, and how much of it."""
    # The extremes are NaN or infinite if anything is; unlike isfinite() on all, finding them takes no memory.
    bad = {name: tensor for name, tensor in tensors.items() if not torch.stack(tensor.aminmax()).isfinite().all()}
    return [
        f"{name}: {int((~tensor.isfinite()).sum()):,} of {tensor.numel():,} are NaN or infinite"
        for name, tensor in bad.items()
    ]


def misfits(tensors: dict[str, Stored], config: GPTConfig) -> list[str]:
    """One sentence for each tensor that is missing, too many, of another shape, transposed, or no floating point.

    A square matrix that lies the wrong way cannot be seen; the oblong ones of the same file can.
    """
    expected = official_shapes(config)
    problems = [f"{name} {shape} is missing" for name, shape in expected.items() if name not in tensors]
    expected[HEAD] = expected["wte.weight"]
    for name, stored in tensors.items():
        if name not in expected:
            if not BUFFERS.fullmatch(name):
                problems.append(f"{name} {stored.shape} is one too many: GPT-2 has none of that name")
        elif stored.shape != expected[name]:
            problems.append(f"{name} is {stored.shape}, expected {expected[name]}{why(stored.shape, expected[name])}")
        elif stored.number_format not in FLOATS:
            problems.append(f"{name} holds {stored.number_format}, expected one of {', '.join(FLOATS)}")
    return problems


def why(shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if shape == expected[::-1]:
        return ": transposed, official files have (in, out); write them with save_pretrained(model, folder)"
    if len(shape) == len(expected) and shape[1:] == expected[1:]:
        return f": {abs(expected[0] - shape[0]):,} too {'few' if shape[0] < expected[0] else 'many'} in the first axis"
    return ""


def config_of(path: Path, files: TensorFiles) -> GPTConfig:
    """The config beside the tensors; for a lone file the one in its header, or the published size of this shape."""
    place = path / CONFIG if path.is_dir() else path.with_name(CONFIG)
    in_header = files.metadata.get(CONFIG_KEY)
    saved = from_official_config(json.loads(in_header), path) if in_header else None
    if not place.exists():
        if path.is_dir():
            raise ValueError(f"{path} has {MODEL} but no {CONFIG}, which tells the number of heads: put it there")
        return saved or guess_config({name: stored.shape for name, stored in files.tensors.items()}, path)
    config = from_official_config(read_json(place), place)
    if saved and replace(saved, dropout=0.0) != replace(config, dropout=0.0):
        raise ValueError(f"{place} ({config}) is not of the model beside it ({saved}): save or copy both again")
    return config


def find(path_or_name: str | os.PathLike[str]) -> Path:
    """A folder or file on this machine: the path itself, or what the hub has under this name."""
    path, name = Path(path_or_name).expanduser(), str(path_or_name)
    if path.exists():
        return path
    if (ASSETS / "checkpoints" / name / CONFIG).exists():
        raise ValueError(f"{name!r} comes with the course: load_shipped({name!r}) gives it with its tokenizer")
    is_hub_name = name in HUB or re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name)
    if isinstance(path_or_name, Path) or name.endswith((".safetensors", ".bin")) or not is_hub_name:
        raise FileNotFoundError(
            f"there is no file or folder {path.absolute()}: give a folder with {CONFIG} and {MODEL}, a "
            f"safetensors file, a name ({', '.join(HUB)}), or owner/model as on the hub"
        )
    local = cache_folder() / name
    return local if local.exists() else download(name, local)


def download(name: str, local: Path) -> Path:
    """The model from the Hugging Face hub, through its own cache: fetched once."""
    repository = HUB.get(name, name)
    by_hand = f"fetch {CONFIG} and {MODEL} from https://huggingface.co/{repository} and put them into {local}"
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ImportError(f"{name!r} comes from the hub: pip install huggingface_hub; or {by_hand}") from error
    try:
        return Path(snapshot_download(repository, allow_patterns=[CONFIG, "model*.safetensors*"]))
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"{name!r} is no file or folder here, and the hub did not give it ({type(error).__name__}: {error}). "
            f"Check the name and the connection; or, where there is none, {by_hand}"
        ) from error
