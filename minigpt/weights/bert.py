"""BERT as it was published: names of its tensors and its config.json, read into our encoder.

Ours keep queries, keys and values in one matrix, theirs in three; all else is a matter of names.
"""

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minigpt.config import EncoderConfig
from minigpt.models.encoder import Encoder, MaskedLM
from minigpt.weights.files import CONFIG, Stored, open_tensors, read_json, tensor_files
from minigpt.weights.official import NothingDrawn, listing

COUNTS = {
    "n_vocab": "vocab_size",
    "n_ctx": "max_position_embeddings",
    "n_embd": "hidden_size",
    "n_head": "num_attention_heads",
    "n_layer": "num_hidden_layers",
    "n_types": "type_vocab_size",
}
FIXED = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute", "is_decoder": False}
"""Switches of transformers' BERT, each as the published models have it, which is the only way that ours works."""

SPECIAL = ("pad_id", "cls_id", "sep_id", "mask_id")
OUTSIDE = {"wte": "word_embeddings", "wpe": "position_embeddings", "wse": "token_type_embeddings", "ln_e": "LayerNorm"}
INSIDE = {
    "attn.c_proj": "attention.output.dense",
    "ln_1": "attention.output.LayerNorm",
    "mlp.c_fc": "intermediate.dense",
    "mlp.c_proj": "output.dense",
    "ln_2": "output.LayerNorm",
}
HEAD = {"dense": "transform.dense", "ln_f": "transform.LayerNorm"}
UNUSED = ("pooler.", "cls.seq_relationship.", "embeddings.position_ids", "cls.predictions.decoder.")
"""The head for the next sentence, which later work dropped; a buffer; and the output matrix, which is the table."""


def load_encoder(folder: str | os.PathLike[str], **special_ids: int) -> Encoder:
    """The encoder of a BERT in a folder with config.json and model.safetensors, in evaluation mode.

    `special_ids`: cls_id, sep_id, mask_id and pad_id where they are not those of `bert-base-uncased`. Raises
    ValueError naming up to ten tensors or entries that do not fit.
    """
    return _load(Encoder, folder, special_ids)


def load_masked_lm(folder: str | os.PathLike[str], **special_ids: int) -> MaskedLM:
    """The same with the head that guesses words, as `BertForMaskedLM` is saved."""
    return _load(MaskedLM, folder, special_ids)


def _load(cls: type, folder: str | os.PathLike[str], special_ids: dict[str, int]) -> Any:
    folder = Path(folder)
    config = from_bert_config(read_json(folder / CONFIG), folder / CONFIG, **special_ids)
    with torch.device("meta"), NothingDrawn():
        model = cls(config)
    with open_tensors(tensor_files(folder)) as files:
        theirs = {name.removeprefix("bert."): stored for name, stored in files.tensors.items()}
        weights = from_bert(theirs, model)
    model.load_state_dict(weights, assign=True)
    return model.eval()


def bert_names(name: str) -> list[str]:
    """Their names for one of our tensors: three for queries, keys and values, else one."""
    name = name.removeprefix("encoder.")
    head, _, kind = name.rpartition(".")
    if not head:
        return [f"cls.predictions.{name}"]
    if head in OUTSIDE:
        return [f"embeddings.{OUTSIDE[head]}.{kind}"]
    if head in HEAD:
        return [f"cls.predictions.{HEAD[head]}.{kind}"]
    _, layer, part = head.split(".", 2)
    prefix = f"encoder.layer.{layer}"
    if part == "attn.c_attn":
        return [f"{prefix}.attention.self.{one}.{kind}" for one in ("query", "key", "value")]
    return [f"{prefix}.{INSIDE[part]}.{kind}"]


def from_bert(tensors: dict[str, Stored], model: Encoder | MaskedLM) -> dict[str, Tensor]:
    """Our tensors by name, from theirs (without "bert."). Raises ValueError that names what is missing or misshapen."""
    wanted = {name: bert_names(name) for name, _ in model.named_parameters()}
    problems, used = [], set()
    for name, parameter in model.named_parameters():
        names = wanted[name]
        shape = (parameter.size(0) // len(names), *parameter.shape[1:])
        for one in names:
            used.add(one)
            if one not in tensors:
                problems.append(f"{one} {shape} is missing")
            elif tensors[one].shape != shape:
                problems.append(f"{one} is {tensors[one].shape}, expected {shape}")
    known = (*UNUSED, "cls.") if isinstance(model, Encoder) else UNUSED
    problems += [f"{name} is one too many" for name in tensors if name not in used and not name.startswith(known)]
    if problems:
        raise ValueError(listing(f"these tensors are not of a BERT of {model.config}", problems))
    return {name: torch.cat([tensors[one].read().float() for one in names]) for name, names in wanted.items()}


def from_bert_config(values: dict[str, Any], where: object = CONFIG, **special_ids: int) -> EncoderConfig:
    """Our config for a config.json of transformers' BERT. Raises ValueError that names each entry that does not fit."""
    problems = [
        f"{key}={values[key]!r}, our encoder has {key}={fixed!r} only"
        for key, fixed in FIXED.items()
        if values.get(key, fixed) != fixed
    ]
    problems += [f"{theirs} is missing" for theirs in COUNTS.values() if values.get(theirs) is None]
    n_embd, n_inner = values.get("hidden_size"), values.get("intermediate_size")
    if isinstance(n_embd, int) and n_inner != 4 * n_embd:
        problems.append(f"intermediate_size={n_inner!r}, our MLP is 4 times as wide as the stream: {4 * n_embd}")
    if problems:
        raise ValueError(listing(f"{where} describes no BERT that our encoder can be", problems))
    counts = {ours: values[theirs] for ours, theirs in COUNTS.items()}
    pad = {} if values.get("pad_token_id") is None else {"pad_id": values["pad_token_id"]}
    epsilon = values.get("layer_norm_eps", 1e-12)
    return EncoderConfig(**counts, layer_norm_epsilon=epsilon, **{**pad, **special_ids})
