"""Read the residual stream in the language of tokens: what would be predicted half-way, and which part said so.

Shapes: T time, C channels (n_embd), H heads, D channels per head, L layers, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from minigpt.inspection.interventions import head_outputs
from minigpt.inspection.record import Recording, record
from minigpt.models.gpt import GPT

STREAM = ("drop", "h.*")
"""The modules whose outputs are the residual stream: after the embedding, and after each block."""


def logit_lens(model: GPT, text: Recording | Tensor | Sequence[int]) -> np.ndarray:
    """Logits that the last LayerNorm and the head would give after the embedding and after each block: (L + 1, T, V).

    `text`: the ids, or a recording made with `names=STREAM`, so that the model need not run again. The last of the
    L + 1 are the model's own logits. Early ones are a reading, not what the model computes: nothing in training asks
    that the stream be in the head's language before the end. Takes L + 1 times the memory of the logits.
    Raises TypeError for another model, ValueError for a recording without the stream.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
    """
    check_gpt(model, "logit_lens")
    recording = text if isinstance(text, Recording) else record(model, text, names=STREAM)
    names = ["drop", *(f"h.{i}" for i in range(len(model.h)))]
    if missing := [name for name in names if name not in recording.activations]:
        raise ValueError(f"the recording lacks {', '.join(missing)}: make it with record(model, ids, names=STREAM)")
    stream = torch.tensor(np.stack([recording.activations[name] for name in names]))  # for each stage: (T, C)
    with torch.no_grad():
        return model.head(model.ln_f(stream.to(model.wte.weight))).float().cpu().numpy()


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each part of a model adds to one logit, or to the difference of two, in logits. The parts sum to it."""

    embedding: float
    """The vectors of the token and of its place."""
    heads: np.ndarray
    """(L, H): each head, with its share of c_proj."""
    mlps: np.ndarray
    """(L,): each MLP, with its biases."""
    biases: float
    """Of the attention layers' c_proj and of the last LayerNorm. A head's own, on its values, is with the head."""
    logit: float
    """The model's own logit, or difference of logits, to compare with the sum."""

    def parts(self) -> dict[str, float]:
        """All parts by name, in the order of the forward pass."""
        named = {"embedding": self.embedding}
        for layer, mlp in enumerate(self.mlps.tolist()):
            named |= {f"head ({layer}, {head})": x for head, x in enumerate(self.heads[layer].tolist())}
            named[f"MLP {layer}"] = mlp
        return named | {"biases": self.biases}


def attribution(
    model: GPT, ids: Tensor | Sequence[int], token: int, against: int | None = None, position: int = -1
) -> Attribution:
    """Direct logit attribution: how much each part of the model adds to a token's logit after a position.

    The stream before the head is a sum, of the embedding and of what each head and MLP wrote, and so is a logit, once
    the scale by which the last LayerNorm divides is held at what it is in this run. `against`: another token; then the
    parts of the difference of the two logits, which is mostly what one wants, as a part may raise all logits alike.
    Only the direct way to the logits counts: a previous-token head that an induction head needs may get nothing here.

    Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".
    Raises TypeError for another model, ValueError for a token outside the vocabulary or a position outside the text.
    """
    check_gpt(model, "attribution")
    tokens = [token] if against is None else [token, against]
    if not all(0 <= i < model.config.n_vocab for i in tokens):
        raise ValueError(f"tokens {tokens}: give ids from 0 to {model.config.n_vocab - 1}")
    recording = record(model, ids, names=(*STREAM, "h.*.mlp"))
    T = len(recording.tokens)
    if not -T <= position < T:
        raise ValueError(f"position {position} in a text of {T} tokens: give -{T} to {T - 1}")
    seen = {name: activation[position].astype(np.float64) for name, activation in recording.activations.items()}
    outputs = head_outputs(model, ids)[:, :, position]  # of each head: (D,)
    assert recording.logits is not None
    logits = recording.logits[position].astype(np.float64)
    logit, direction = logits[token], numbers(model.wte.weight[token])  # by its product with this row the logit is made
    if against is not None:
        logit, direction = logit - logits[against], direction - numbers(model.wte.weight[against])
    scale = np.sqrt(seen[f"h.{len(model.h) - 1}"].var() + model.ln_f.eps)
    toward = numbers(model.ln_f.weight) * direction / scale
    toward -= toward.mean()  # LayerNorm takes the mean from the stream; to take it from this vector gives the same
    blocks: list[Any] = list(model.h)
    biases = [numbers(block.attn.c_proj.bias) @ toward for block in blocks]
    return Attribution(
        embedding=float(seen["drop"] @ toward),
        heads=np.stack(
            [written(numbers(b.attn.c_proj.weight), x) @ toward for b, x in zip(blocks, outputs, strict=True)]
        ),
        mlps=np.array([seen[f"h.{i}.mlp"] @ toward for i in range(len(blocks))]),
        biases=float(sum(biases) + numbers(model.ln_f.bias) @ direction),
        logit=float(logit),
    )


def check_gpt(model: Any, what: str) -> None:
    """Raises TypeError, with the way out, for a model whose stream, last norm and head do not lie where a GPT's do."""
    if not all(hasattr(model, part) for part in ("drop", "h", "ln_f", "wte", "head")):
        raise TypeError(
            f"{what} reads a minigpt GPT, not {type(model).__name__}. A GPT-2 of transformers becomes one: "
            "model.save_pretrained(folder), then minigpt.weights.load_pretrained(folder). Of any other model, "
            'record(model, ids, names=...) keeps what its modules put out, e.g. names="layers.*", and its own norm '
            "and head turn that into logits"
        )


def written(c_proj: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """What each head of a layer adds to the stream, by its own columns of c_proj: (C, C), (H, D) -> (H, C)."""
    H, D = outputs.shape
    return np.einsum("chd,hd->hc", c_proj.reshape(-1, H, D), outputs)


def numbers(x: Tensor) -> np.ndarray:
    return x.detach().cpu().double().numpy()
