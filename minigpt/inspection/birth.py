"""The signs by which one sees an induction head being born, measured on the same texts all along a training run.

Olsson et al. 2022, "In-context Learning and Induction Heads", watch three things change together: heads begin to look
at what came after the same token before; the loss late in a text falls further below the loss early in it; and what is
repeated is predicted. A fourth is asked here of each head: how much worse is the repeat predicted without it?
What is repeated are lists of made-up names (`text.names`). Olsson et al. take any tokens at random, which a large model
copies, too; a small one that met nothing of the kind has learned to copy names and little else.

Shapes: B batch of texts, T time, L layers, H heads, V vocabulary.
"""

import random
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from minigpt.inspection.heads import head_scores
from minigpt.inspection.interventions import ablate_head
from minigpt.inspection.record import evaluating, record
from minigpt.models.gpt import GPT
from minigpt.text.names import new_name
from minigpt.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class Probe:
    """The texts of all measurements of a run, as ids."""

    windows: Tensor
    """Held-out text, (B, T + 1): each row is read and predicted."""
    repeats: Tensor
    """Lists of made-up names, each list said twice, (B, 2n)."""


def make_probe(
    ids: np.ndarray, n_ctx: int, tokenizer: Tokenizer, n_windows: int = 64, n_texts: int = 32, n_tokens: int = 25
) -> Probe:
    """Windows at even distances in the held-out `ids`, and lists of names of up to `n_tokens` tokens, said twice.

    Raises ValueError for too short a text.
    """
    if len(ids) <= n_ctx:
        raise ValueError(f"{len(ids):,} held-out tokens are no window of n_ctx + 1 = {n_ctx + 1}: give more text")
    starts = np.linspace(0, len(ids) - n_ctx - 1, n_windows).astype(int)
    windows = np.stack([ids[start : start + n_ctx + 1] for start in starts]).astype(np.int64)
    rng, n = random.Random(0), min(n_tokens, n_ctx // 2)
    lists = [tokenizer.encode("".join(f" {new_name(rng)}" for _ in range(n)))[:n] for _ in range(n_texts)]
    return Probe(torch.from_numpy(windows), torch.tensor([one * 2 for one in lists]))


def measure(model: GPT, probe: Probe) -> dict:
    """All signs at one point of a run, in values that JSON keeps; losses in nats per token, lower is better.

    valid_loss: over all of the windows. early, late: over their second eighth, and over their last quarter; in_context
    is late - early, below 0 where more text helps (Olsson et al. take token 500 - token 50). first, repeat: over a list
    of names at first, which nothing could tell, and over its repeat, which copying would. induction, previous: each
    head's scores on these lists, (L, H). ablated: the loss over the repeat without that head, (L, H).
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
