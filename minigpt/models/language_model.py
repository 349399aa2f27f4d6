"""What every language model of the package can do, whatever is inside.

Shapes: B batch, T time, V vocabulary.
"""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.models import chunked


class LanguageModel(nn.Module):
    """A module whose forward gives logits of the next token, (B, T) -> (B, T, V)."""

    def loss(self, x: Tensor, y: Tensor, **options) -> Tensor:
        """Mean cross-entropy, in nats per token, of the targets y (B, T): x shifted by one; -100 is left out.

        `options` go to the model's forward. Where all logits together would be more than `chunked.MOST_LOGITS`, the
        same loss is computed in chunks, by models whose logits are products of `hidden` and the table `wte`.
        """
        table: Any = getattr(self, "wte", None)
        if table is not None and x.numel() * table.num_embeddings > chunked.MOST_LOGITS:
            hidden: Any = self.hidden
            return chunked.chunked_cross_entropy(hidden(x, **options), table.weight, y)
        logits = self(x, **options)  # (B, T, V)
        return F.cross_entropy(logits.flatten(0, 1), y.flatten())

    def n_params(self) -> int:
        """Parameters, counted from the tensors themselves; a tensor that is used twice counts once."""
        return sum(parameter.numel() for parameter in self.parameters())
