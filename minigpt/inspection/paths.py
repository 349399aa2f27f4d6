"""The path between two heads that make induction: what the weights allow, and what happens when it is cut.

An induction head finds the token that came after an earlier place of the present one. It can, because a head in an
earlier layer wrote into each position which token stood before it, and its keys read that: K-composition.

Shapes: C channels (n_embd), D channels per head, H heads, L layers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from minigpt.inspection.heads import induction_pattern, pattern_score, repeated_tokens
from minigpt.inspection.interventions import ablate_head
from minigpt.inspection.record import record
from minigpt.models.gpt import GPT

Head = tuple[int, int]
"""(layer, head), counted from 0."""


def k_composition(model: GPT) -> np.ndarray:
    """How much the keys of each head could read of what each earlier head writes, from the weights alone: (L, H, L, H).

    `scores[l1, h1, l2, h2]`, 0 to 1, for a head h1 in layer l1 and a head h2 in a later layer l2:

        ‖W_QK W_OV‖ / (‖W_QK‖ ‖W_OV‖),  W_QK = W_Qᵀ W_K of the later head,  W_OV = W_O W_V of the earlier,

    with Frobenius norms and W_Q, W_K, W_V (D, C), W_O (C, D). NaN where l2 does not come after l1; 0 for a head that
    writes nothing. What ln_1 does to every position alike, take the mean away and multiply by its gain, is part of
    W_Q, W_K and W_V; biases and its scale, which differs, are left out. The score is about what could be read, not
    about what is: compare with `random_composition`, and measure with `induction_drops`.

    Source: Elhage et al. 2021, "Analyzing a Two-Layer Model", and the correction at its end: the order of the four
    factors matters to the norm, and a product turned around measures something else.
    """
    weights = [head_weights(block) for block in model.h]
    L, H = len(weights), model.config.n_head
    scores = np.full((L, H, L, H), np.nan)
    for later in range(L):
        for earlier in range(later):
            reads = reading(*weights[later][:2])[None]  # for all heads of the earlier layer: (1, H, D, C)
            writes = writing(*weights[earlier][2:])[:, None]  # for all heads of the later layer: (H, 1, C, D)
            scores[earlier, :, later] = composition(reads, writes)
    return scores


def random_composition(model: GPT, n_pairs: int = 100, seed: int = 0) -> float:
    """The mean score of heads of this size with random weights: Elhage et al. 2021 subtract it from what they find."""
    C, D = model.config.n_embd, model.config.n_embd // model.config.n_head
    q, k, v, o = np.random.default_rng(seed).standard_normal((4, n_pairs, D, C))
    return float(composition(reading(q, k), writing(v, o.swapaxes(-1, -2))).mean())


def induction_drops(
    model: GPT,
    later: Head,
    earlier: Sequence[Head] | None = None,
    n_tokens: int = 25,
    n_texts: int = 4,
    seed: int = 0,
    start: int | None = None,
) -> np.ndarray:
    """By how much the induction score of a head falls when what an earlier head says is set to zero: (L, H).

    On the same texts of repeated random tokens as `induction_scores`. Near the score itself: without that head there
    is no induction here. Near 0: it is not needed. Below 0: it was in the way. `earlier`: only these heads, and NaN
    for the others; without it all heads of the layers before. This finds any way from the earlier head to the later,
    by its keys, its queries or through other heads; `k_composition` says whether the keys could be it. Raises
    ValueError for a head that is not before the later one.
    """
    if not (0 < later[0] < model.config.n_layer and 0 <= later[1] < model.config.n_head):
        raise ValueError(f"no head comes before {later}, or it is not there: name (layer, head) from layer 1 on")
    before = [(layer, head) for layer in range(later[0]) for head in range(model.config.n_head)]
    if wrong := [head for head in earlier or () if head not in before]:
        raise ValueError(f"{wrong[0]} is not before {later}: name heads of the layers 0 to {later[0] - 1}")
    texts = [repeated_tokens(model.config.n_vocab, n_tokens, seed=seed + i, start=start) for i in range(n_texts)]
    whole = mean_induction(model, later, texts)
    drops = np.full((model.config.n_layer, model.config.n_head), np.nan)
    for layer, head in before if earlier is None else earlier:
        with ablate_head(model, layer, head):
            drops[layer, head] = whole - mean_induction(model, later, texts)
    return drops


def mean_induction(model: GPT, head: Head, texts: Sequence[list[int]]) -> float:
    """The induction score of one head, mean over texts."""
    weights = [record(model, ids).attention_stack()[head] for ids in texts]
    return float(np.mean([pattern_score(w, induction_pattern(ids)) for w, ids in zip(weights, texts, strict=True)]))


def head_weights(block: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """W_Q, W_K, W_V, each (H, D, C), with what ln_1 does to every position alike, and W_O, (H, C, D)."""
    attn, H = block.attn, block.attn.n_head
    with torch.no_grad():
        c_attn = attn.c_attn.weight * block.ln_1.weight
        c_attn = (c_attn - c_attn.mean(dim=-1, keepdim=True)).float().cpu().numpy()  # the mean of a position counts not
        c_proj = attn.c_proj.weight.float().cpu().numpy()
    C = len(c_proj)
    q, k, v = c_attn.reshape(3, H, C // H, C)
    return q, k, v, c_proj.reshape(C, H, C // H).swapaxes(0, 1)


def reading(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    """R W_K instead of W_Qᵀ W_K, (D, C) instead of (C, C): the same but for a rotation, which no norm notices."""
    return triangle(q) @ k


def writing(v: np.ndarray, o: np.ndarray) -> np.ndarray:
    """W_O Rᵀ instead of W_O W_V, (C, D) instead of (C, C), for the same reason."""
    return o @ triangle(v).swapaxes(-1, -2)


def triangle(w: np.ndarray) -> np.ndarray:
    """R, where wᵀ = Q·R and Q is the rotation: (..., D, C) -> (..., D, D)."""
    return np.asarray(np.linalg.qr(w.swapaxes(-1, -2), mode="r"))


def composition(read: np.ndarray, write: np.ndarray) -> np.ndarray:
    """‖read · write‖ / (‖read‖ ‖write‖) for stacks of matrices (..., D, C) and (..., C, D); 0 where one is zero."""
    product, *norms = (np.linalg.norm(matrix, axis=(-2, -1)) for matrix in (read @ write, read, write))
    most = norms[0] * norms[1]
    return np.divide(product, most, out=np.zeros_like(product), where=most > 0)
