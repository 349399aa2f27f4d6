"""How strongly a prediction depends on a token, by how long ago it was read: the gradient against the distance.

Shapes: B batch, T time, C channels (n_embd).
Source: Bengio, Simard and Frasconi 1994, "Learning long-term dependencies with gradient descent is difficult".
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.inspection.record import evaluating
from minigpt.text.batches import Drawn


def gradient_by_distance(model: nn.Module, batches: Drawn, n_batches: int = 4) -> np.ndarray:
    """‖∂ loss of the last prediction / ∂ embedding of a token‖, a Euclidean norm, by the distance of the two: (T,).

    Entry 0 belongs to the last token, entry d to the one d before it; means over all texts of the first n_batches. The
    model, any language model with a table of embeddings `wte`, is left as it was. What an untrained model shows is its
    architecture; what a trained one shows is also what it has learned to need: a memory that holds on to a thing hardly
    answers to small changes of it. Below about 1e-45 float32 has only 0: `model.double()` shows how small it is.
    Raises ValueError for a model without such a table.
    """
    if n_batches < 1:
        raise ValueError(f"n_batches={n_batches}: a mean needs at least one")
    norms = torch.cat([gradient_norms(model, *batches.batch(step)) for step in range(n_batches)])  # (B, T)
    return norms.mean(dim=0).flip(0).cpu().numpy()


def gradient_norms(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """(B, T), targets (B, T) -> (B, T): of each text's last loss, in nats, with respect to each embedding."""
    table: Any = getattr(model, "wte", None)
    if not isinstance(table, nn.Module):
        raise ValueError(f"{type(model).__name__} has no table `wte`: give a GPT, or a model of models/baselines.py")
    device = next(table.parameters()).device
    x, y = x.to(device), y.to(device)
    embeddings: list[Tensor] = []

    def cut(module, inputs, output):
        embeddings.append(output.detach().requires_grad_())  # gradients go no further, so that no parameter gets one
        return embeddings[-1]

    handle = table.register_forward_hook(cut)
    try:
        # cuDNN's recurrent layers give no gradient in evaluation mode, PyTorch's own do.
        with torch.enable_grad(), evaluating(model), torch.backends.cudnn.flags(enabled=False):
            loss = F.cross_entropy(model(x)[:, -1], y[:, -1], reduction="sum")  # a sum: each text keeps its own
            (grad,) = torch.autograd.grad(loss, embeddings[:1])  # (B, T, C)
    finally:
        handle.remove()
    return grad.norm(dim=-1)  # (B, T)
