"""The signs by which one sees an induction head being born, measured on the same texts all along a training run.

Olsson et al. 2022, "In-context Learning and Induction Heads", watch three things change together: heads begin to look
at what came after the same token before; the loss late in a text falls further below the loss early in it; and what is
repeated is predicted. A fourth is asked here of each head: how much worse is the repeat predicted without it?

Shapes: B batch of texts, T time, L layers, H heads, V vocabulary.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from minigpt.inspection.heads import head_scores, repeated_tokens
from minigpt.inspection.interventions import ablate_head
from minigpt.inspection.record import evaluating, record
from minigpt.models.gpt import GPT


@dataclass(frozen=True)
class Probe:
    """The texts of all measurements of a run, as ids."""

    windows: Tensor
    """Held-out text, (B, T + 1): each row is read and predicted."""
    repeats: Tensor
    """Different random tokens, and all of them once more, (B, 2n)."""


def make_probe(ids: np.ndarray, n_ctx: int, n_windows: int = 64, n_texts: int = 16, n_tokens: int = 25) -> Probe:
    """Windows at even distances in the held-out `ids`, and repeats of random tokens that occur in them.

    Olsson et al. leave out the most and the least common tokens; here those that occur less than once in 20,000 go, as
    a vocabulary that begins with all bytes has many that a model never met. Raises ValueError for too short a text.
    """
    if len(ids) <= n_ctx:
        raise ValueError(f"{len(ids):,} held-out tokens are no window of n_ctx + 1 = {n_ctx + 1}: give more text")
    starts = np.linspace(0, len(ids) - n_ctx - 1, n_windows).astype(int)
    windows = np.stack([ids[start : start + n_ctx + 1] for start in starts]).astype(np.int64)
    values, counts = np.unique(ids, return_counts=True)
    known = values[counts * 20_000 >= len(ids)].astype(np.int64)
    n = min(n_tokens, len(known), n_ctx // 2)
    repeats = np.stack([known[repeated_tokens(len(known), n, seed=seed)] for seed in range(n_texts)])
    return Probe(torch.from_numpy(windows), torch.from_numpy(repeats))


def measure(model: GPT, probe: Probe) -> dict:
    """All signs at one point of a run, in values that JSON keeps; losses in nats per token, lower is better.

    valid_loss: over all of the windows. early, late: over their second eighth, and over their last quarter; in_context
    is late - early, below 0 where more text helps (Olsson et al. take token 500 - token 50). first, repeat: over random
    tokens at first, which nothing could tell, and over their repeat, which copying would. induction, previous: each
    head's scores on these texts, (L, H). ablated: the loss over the repeat without that head, (L, H).
    """
    windows = position_losses(model, probe.windows)
    T = len(windows)
    early, late = windows[T // 8 : T // 4].mean(), windows[3 * T // 4 :].mean()
    repeats = position_losses(model, probe.repeats)
    n = probe.repeats.size(1) // 2
    scores = [head_scores(record(model, ids)) for ids in probe.repeats]
    found = {
        "valid_loss": windows.mean(),
        "early": early,
        "late": late,
        "in_context": late - early,
        "first": repeats[: n - 1].mean(),
        "repeat": repeats[n:].mean(),  # without the first repeated token: before it nothing tells that a repeat begins
        "induction": np.mean([one["induction"] for one in scores], axis=0),
        "previous": np.mean([one["previous token"] for one in scores], axis=0),
        "ablated": repeat_without_each(model, probe.repeats),
    }
    return {name: np.round(value, 4).tolist() for name, value in found.items()}


@torch.no_grad()
def position_losses(model: GPT, rows: Tensor) -> np.ndarray:
    """The loss at each position, mean over the rows: (B, T + 1) -> (T,). In nats."""
    rows = rows.to(model.wte.weight.device)
    with evaluating(model):
        logits = model(rows[:, :-1])
    losses = F.cross_entropy(logits.flatten(0, 1).float(), rows[:, 1:].flatten(), reduction="none")
    return losses.view(len(rows), -1).mean(dim=0).double().cpu().numpy()


def repeat_without_each(model: GPT, repeats: Tensor) -> np.ndarray:
    """The loss over the repeat with one head switched off, for each head: (B, 2n) -> (L, H)."""
    n = repeats.size(1) // 2
    losses = np.empty((model.config.n_layer, model.config.n_head))
    for layer, head in np.ndindex(losses.shape):
        with ablate_head(model, layer, head):
            losses[layer, head] = position_losses(model, repeats)[n:].mean()
    return losses
