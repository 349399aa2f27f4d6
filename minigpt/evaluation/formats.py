"""What fewer bits for each weight cost: the loss of one model in several number formats, on the same text.

    for row in losses_in(model, texts):
        print(row.precision, row.perplexity, row.more, row.error)

The differences are small, so they are measured on the same tokens, and come with a standard error.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from minigpt.inference import FORMATS, prepared
from minigpt.models.gpt import GPT


@dataclass(frozen=True)
class FormatLoss:
    """The loss in one format, and how much more it is than in float32."""

    precision: str
    """The format that was taken: not the one asked for where the machine cannot do that one."""
    loss: float
    """Mean over all tokens, in nats."""
    more: float
    """Loss above that of the model as it is, in nats a token."""
    error: float
    """Standard error of `more`."""

    @property
    def perplexity(self) -> float:
        return math.exp(self.loss)


def losses_in(model: GPT, texts: Iterable[Sequence[int]], formats: Iterable[str] = FORMATS) -> list[FormatLoss]:
    """The loss on texts, given as token ids, in each format; each text by itself, from its second token on.

    The dropout of the model is off meanwhile. Raises ValueError for texts with fewer than two tokens together, and what
    `prepared` raises.
    """
    rows = [torch.as_tensor(text)[: model.config.n_ctx + 1] for text in texts]
    rows = [row for row in rows if len(row) > 1]
    if sum(len(row) - 1 for row in rows) < 2:
        raise ValueError("the texts have nothing to foretell: give at least three tokens in one of them")
    base = token_losses(prepared(model, "float32"), rows)
    found = []
    for name in formats:
        ready = prepared(model, name)
        losses = token_losses(ready, rows)
        more = losses - base
        error = float(more.std()) / math.sqrt(len(more))
        found.append(FormatLoss(ready.precision, float(losses.mean()), float(more.mean()), error))
    return found


@torch.inference_mode()
def token_losses(model: GPT, rows: list[Tensor]) -> Tensor:
    """-log p of each token but the first of each text, all in one row."""
    parts = []
    for row in rows:
        log_probs = model(row[None, :-1]).log_softmax(-1)[0]  # of T positions, for V tokens
        parts.append(-log_probs.gather(-1, row[1:, None])[:, 0])
    return torch.cat(parts).double()
