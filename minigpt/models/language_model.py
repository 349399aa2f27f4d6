"""What every language model of the package can do, whatever is inside.

Shapes: B batch, T time, V vocabulary.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class LanguageModel(nn.Module):
    """A module whose forward gives logits of the next token, (B, T) -> (B, T, V)."""

    def loss(self, x: Tensor, y: Tensor, **options) -> Tensor:
        """Mean cross-entropy, in nats per token, of the targets y (B, T): x shifted by one; -100 is left out.

        `options` go to the model's forward.
        """
        logits = self(x, **options)  # (B, T, V)
        return F.cross_entropy(logits.flatten(0, 1), y.flatten())

    def n_params(self) -> int:
        """Parameters, counted from the tensors themselves; a tensor that is used twice counts once."""
        return sum(parameter.numel() for parameter in self.parameters())
