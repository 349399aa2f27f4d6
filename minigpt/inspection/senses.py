"""Does a word's vector know in which sense the word is meant? The vectors of the same word in many sentences tell.

Shapes: n sentences, T time, C channels (n_embd), L layers.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from minigpt.inspection.record import evaluating, to_numpy
from minigpt.models.encoder import Encoder
from minigpt.models.gpt import GPT

Place = int | tuple[int, int]
"""Where a word stands in its row: its position, or (start, stop) where it is several pieces."""


def word_layers(model: GPT | Encoder, ids: Tensor | np.ndarray, places: Sequence[Place]) -> np.ndarray:
    """The vector of one word in each text, after the embeddings and after each block: (L+1, n, C).

    `ids`: (n, T), a text each row, filled up on the right: with the model's pad_id for an encoder, with anything for a
    GPT, where nothing looks to the right. `places`: for each text where its word stands; of a word of several pieces,
    the mean of their vectors is taken. Row 0 is what enters the first block: the token's embedding with that of its
    position added (and normalised, in an encoder), so that it knows the place and nothing of the context.
    Raises ValueError for places that do not fit.
    """
    ids = torch.as_tensor(ids)
    spans = [place if isinstance(place, tuple) else (place, place + 1) for place in places]
    if ids.ndim != 2 or len(spans) != len(ids):
        raise ValueError(f"ids of shape {tuple(ids.shape)} and {len(spans)} places: give (n, T) and a place for each")
    for row, (start, stop) in enumerate(spans):
        if not 0 <= start < stop <= ids.size(1):
            raise ValueError(f"row {row}: the word at {start} to {stop} is empty or outside the {ids.size(1)} tokens")
    layers: list[np.ndarray] = []

    def keep(module: torch.nn.Module, inputs: tuple, x: Tensor) -> None:
        means = [x[row, start:stop].mean(dim=0) for row, (start, stop) in enumerate(spans)]
        layers.append(to_numpy(torch.stack(means)))

    hooks = [module.register_forward_hook(keep) for module in (model.drop, *model.h)]
    try:
        with torch.no_grad(), evaluating(model):
            model(ids.to(model.wte.weight.device))
    finally:
        for hook in hooks:
            hook.remove()
    return np.stack(layers)


def separation(vectors: np.ndarray, senses: Sequence[str]) -> float:
    """How much nearer vectors of the same sense lie than those of different senses: (n, C), n -> -2 to 2.

    The mean cosine over all pairs of different sentences with the same sense, minus the mean over all pairs with
    different senses. 0: the sense makes no difference, as where all vectors are the same. Raises ValueError for fewer
    than two senses, a sense of one sentence only, and vectors that have no direction.
    """
    vectors, senses = np.asarray(vectors, dtype=np.float64), list(senses)
    if vectors.ndim != 2 or len(vectors) != len(senses):
        raise ValueError(
            f"vectors of shape {vectors.shape} and {len(senses)} senses: give (n, C), a sense for each row"
        )
    names, numbers, counts = np.unique(senses, return_inverse=True, return_counts=True)
    if len(names) < 2 or counts.min() < 2:
        listed = ", ".join(f"{name}: {n}" for name, n in zip(names, counts, strict=True))
        raise ValueError(
            f"sentences of each sense ({listed}): give two senses or more, each with two sentences or more"
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        row = int(np.argmin(np.isfinite(lengths) & (lengths > 0)))
        raise ValueError(f"vector {row} has no direction: it is zero, or holds a number that is not finite")
    directions = vectors / lengths
    cosines = directions @ directions.T  # one for each pair of sentences
    same = numbers[:, None] == numbers
    different_sentences = ~np.eye(len(senses), dtype=bool)
    return float(cosines[same & different_sentences].mean() - cosines[~same].mean())


def separation_by_layer(layers: np.ndarray, senses: Sequence[str]) -> np.ndarray:
    """`separation` after the embeddings and after each block: (L+1, n, C) -> (L+1,)."""
    return np.array([separation(vectors, senses) for vectors in layers])
