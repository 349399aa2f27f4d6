"""Hiding words and guessing them: what a BERT learns from, and what it can be asked.

Shapes: B batch, T time, V vocabulary.
Source: Devlin et al. 2019, section 3.1, task 1: 15 % of the tokens are chosen; of these 80 % become the mask token,
10 % a random token and 10 % stay, as masks never come when the model is used.
"""

import numpy as np
import torch
from torch import Tensor

from minigpt.config import EncoderConfig
from minigpt.models.encoder import MaskedLM

NOT_ASKED = -100  # what cross_entropy leaves out


def special_ids(config: EncoderConfig) -> list[int]:
    """Ids that are no words: they are neither hidden nor put in place of a word."""
    return [config.pad_id, config.cls_id, config.sep_id, config.mask_id]


def mask_tokens(
    ids: Tensor, config: EncoderConfig, seed: int | tuple[int, ...], share: float = 0.15
) -> tuple[Tensor, Tensor]:
    """Choose tokens and hide them: (B, T) -> inputs (B, T) and targets (B, T), -100 where nothing is asked.

    Each token is chosen by itself with probability `share`, so that a text may come out with none; the draw depends
    on `seed` alone. Random tokens come from the whole vocabulary without the special ids.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share={share!r}: must be above 0 and at most 1, BERT took 0.15")
    words = np.setdiff1d(np.arange(config.n_vocab), special_ids(config))
    if not len(words):
        raise ValueError(
            f"a vocabulary of {config.n_vocab} tokens has nothing but special ones: there is no word to hide"
        )
    rng = np.random.default_rng(seed)
    old = ids.cpu().numpy()
    is_chosen = (rng.random(old.shape) < share) & ~np.isin(old, special_ids(config))
    lot = rng.random(old.shape)
    new = np.where(lot < 0.8, config.mask_id, np.where(lot < 0.9, rng.choice(words, old.shape), old))
    inputs = torch.from_numpy(np.where(is_chosen, new, old)).to(ids)
    targets = torch.from_numpy(np.where(is_chosen, old, NOT_ASKED)).to(ids)
    return inputs, targets


class MaskedBatches:
    """Random texts with tokens hidden, as `MaskedLM.loss` reads them. As with `Batches`, from (seed, step) alone.

    `rows`: (N, T), each a text `cls w1 … wn sep pad …`. Each time a text comes, other tokens are hidden.
    """

    def __init__(self, rows: np.ndarray, config: EncoderConfig, batch_size: int, seed: int = 0, share: float = 0.15):
        rows = np.asarray(rows)
        if rows.ndim != 2 or not rows.size or rows.dtype.kind not in "ui" or batch_size < 1:
            raise ValueError(
                f"rows of {rows.dtype} and shape {rows.shape}, batch_size={batch_size}: give whole numbers (N, T), at "
                "least one text, and a batch of at least 1"
            )
        self.rows, self.config, self.batch_size, self.seed, self.share = rows, config, batch_size, seed, share

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of this step: inputs and targets, two int64 tensors (B, T)."""
        chosen = np.random.default_rng((self.seed, step)).integers(len(self.rows), size=self.batch_size)
        ids = torch.from_numpy(self.rows[chosen].astype(np.int64))
        return mask_tokens(ids, self.config, (self.seed, step, 1), self.share)

    def meta(self) -> dict[str, float]:
        """What tells one run's batches from another's, in values that JSON keeps."""
        n, batch_size = len(self.rows), self.batch_size
        return {"n_texts": n, "batch_size": batch_size, "seed": self.seed, "share": self.share}


def fill_mask(model: MaskedLM, ids: Tensor | list[int], n_best: int = 5) -> list[list[tuple[int, float]]]:
    """The likeliest tokens at each mask in one text, with their probabilities: a list for each mask, best first.

    Several masks are guessed each by itself, none knowing what the others became. Raises ValueError where there is no
    mask, for more than one text, and for n_best below 1.
    """
    row = torch.as_tensor(ids, device=model.bias.device)
    row = row.unsqueeze(0) if row.ndim == 1 else row
    if row.ndim != 2 or len(row) != 1:
        raise ValueError(f"ids of shape {tuple(row.shape)}: give one text, (T,) or (1, T)")
    places = (row[0] == model.config.mask_id).nonzero().flatten()
    if not len(places):
        raise ValueError(
            f"there is no mask in the text: put mask_id={model.config.mask_id} where a word is to be guessed"
        )
    if n_best < 1:
        raise ValueError(f"n_best={n_best}: must be at least 1")
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            probs = model(row)[0, places].softmax(-1)
    finally:
        model.train(was_training)
    best = probs.topk(min(n_best, probs.size(-1)))
    return [
        list(zip(tokens, shares, strict=True))
        for tokens, shares in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
