"""What stands behind attention weights: the scores before the softmax, and the sizes of the values they fetch.

Both are read as the weights are, from outside and during one forward pass: see `inspection.record`.

Shapes: T time, S source time, D channels per head, H heads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minigpt.inspection.record import Watch, evaluating, one_text, scores_of


@dataclass(frozen=True)
class Scores:
    """Module name -> numbers of its heads, in the order of the forward pass, the names as in a `Recording`."""

    raw: Mapping[str, np.ndarray]
    """q·k/√D before the softmax, (H, T, S); -inf where a mask forbids to look."""
    values: Mapping[str, np.ndarray]
    """‖v‖ of each value, (H, S), a Euclidean length; empty where the model writes its softmax itself, for then the
    values are not seen."""


def attention_scores(
    model: nn.Module, ids: Tensor | Sequence[int], source_tokens: Sequence[str] | None = None, **inputs: Any
) -> Scores:
    """Run a model once over one text, as `record` does, and keep its scores and the sizes of its values.

    A weight says how much of a value is fetched, not how much there is to fetch: a head that looks at a word whose
    value is small takes little from it (Kobayashi et al. 2020, "Attention is Not Only a Weight"). Arguments and errors
    are those of `record`; `views.heads(recording, raw=scores.raw, values=scores.values)` shows both.
    """
    x = one_text(model, ids)
    lengths = {x.size(1)} | ({len(source_tokens)} if source_tokens else set())
    watch = ScoreWatch(set(), lengths)
    with torch.no_grad(), evaluating(model), watch.modules(model), watch:
        model(x, **inputs)
    return Scores(joined(watch.raw), joined(watch.sizes))


class ScoreWatch(Watch):
    """Keeps scores and sizes of values in place of weights."""

    def __init__(self, keep: set[str], lengths: set[int]):
        super().__init__(keep, lengths)
        self.raw: dict[str, list[np.ndarray]] = {}
        self.sizes: dict[str, list[np.ndarray]] = {}

    def see_attention(
        self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
    ):
        sizes = value.float().norm(dim=-1)  # (…, S)
        if enable_gqa:
            sizes = sizes.repeat_interleave(query.size(-3) // key.size(-3), dim=-2)
        self.keep_heads(self.raw, scores_of(query, key, attn_mask, is_causal, scale, enable_gqa))
        self.keep_heads(self.sizes, sizes, n_dims=1)

    def see_softmax(self, scores: Tensor, att: Tensor) -> None:
        self.keep_heads(self.raw, scores)


def joined(parts: Mapping[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate(heads) for name, heads in parts.items()}
