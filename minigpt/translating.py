"""From a source sentence to its translation: the likeliest word each time, or several beginnings side by side.

Shapes: B batch, T time (target), S source time, C channels (n_embd), V vocabulary.
Sources: Wu et al. 2016, "Google's Neural Machine Translation System", section 7, for the length penalty; Vaswani et
al. 2017, section 6.1, for a beam of 4 with alpha = 0.6.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any

import torch
from torch import Tensor

from minigpt.models.translator import Translator
from minigpt.sampling import evaluating


@dataclass(frozen=True)
class Hypothesis:
    """A translation, or the beginning of one."""

    ids: tuple[int, ...]
    """The target tokens written so far, without bos; a finished one ends in eos."""
    log_prob: float
    """log P(ids | source), in nats: the sum over its tokens."""
    score: float
    """log_prob divided by the length penalty: what translations of different lengths are compared by."""
    finished: bool
    """Whether it ends in eos; a translation that was cut off does not."""


def length_penalty(n: int, alpha: float) -> float:
    """((5 + n) / 6)^alpha, equation 14 of Wu et al. 2016, for n tokens, eos counted.

    Each token lowers log P, so that without a penalty (alpha = 0) short translations win.
    """
    return ((5 + n) / (5 + 1)) ** alpha


@torch.inference_mode()
def greedy(
    model: Translator, sources: Iterable[Iterable[int]], *, max_new_tokens: int | None = None, use_cache: bool = True
) -> list[list[int]]:
    """Translate sentences together, each time by the likeliest next token: ids without bos, up to eos if it came.

    `sources`: ids of each sentence, `w1 … wn eos`. A row that has ended is filled up while others still write, so each
    gets what it would get alone. Raises ValueError for a sentence that is empty or does not fit into n_ctx.
    """
    config = model.config
    n = check_length(model, max_new_tokens)
    step = Decoder(model, check_sources(model, sources), use_cache)
    rows = torch.full((len(step.source), 1), config.bos_id, device=step.source.device)
    ended = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    for _ in range(n):
        token = step.next_log_probs(rows).argmax(-1).masked_fill(ended, config.pad_id)
        rows = torch.cat([rows, token[:, None]], dim=1)
        ended |= token == config.eos_id
        if ended.all():
            break
    return [cut_after(row, config.eos_id) for row in rows[:, 1:].tolist()]


def beam_search(model: Translator, source: Iterable[int], **options) -> list[Hypothesis]:
    """The translations of one sentence that a beam finds, the best score first; `options` are those of `beam_steps`."""
    *_, hypotheses = beam_steps(model, source, **options)
    return sorted(hypotheses, key=lambda one: one.score, reverse=True)


def beam_steps(
    model: Translator,
    source: Iterable[int],
    *,
    beam: int = 4,
    alpha: float = 0.6,
    max_new_tokens: int | None = None,
    use_cache: bool = True,
) -> Iterator[list[Hypothesis]]:
    """The beam after each token, finished ones first, for whoever wants to watch it grow.

    Each step continues every beginning by every token and keeps the likeliest of all; one that ends in eos is finished
    and keeps its place, so that the beam holds `beam` hypotheses in all. `beam=1` is greedy. Raises ValueError, at
    once, for a beam below 1, an alpha below 0, and a sentence that is empty or does not fit into n_ctx.
    """
    options: dict[str, Any] = dict(beam=beam, alpha=alpha, max_new_tokens=max_new_tokens, use_cache=use_cache)
    return (kept for kept, _ in beam_choices(model, source, n_dropped=0, **options))


def beam_choices(
    model: Translator,
    source: Iterable[int],
    *,
    beam: int = 4,
    alpha: float = 0.6,
    n_dropped: int = 3,
    max_new_tokens: int | None = None,
    use_cache: bool = True,
) -> Iterator[tuple[list[Hypothesis], list[Hypothesis]]]:
    """The beams of `beam_steps`, each with the likeliest `n_dropped` continuations that found no place in it."""
    if isinstance(n_dropped, bool) or not isinstance(n_dropped, int) or n_dropped < 0:
        raise ValueError(f"n_dropped={n_dropped!r}: must be a whole number of at least 0")
    if isinstance(beam, bool) or not isinstance(beam, int) or beam < 1:
        raise ValueError(f"beam={beam!r}: must be a whole number of at least 1; 1 is greedy, the paper took 4")
    if not 0 <= alpha < math.inf:
        raise ValueError(f"alpha={alpha!r}: must be 0 (no length penalty) or above, the paper took 0.6")
    n = check_length(model, max_new_tokens)
    return search(Decoder(model, check_sources(model, [source]), use_cache), beam, alpha, n, n_dropped)


def search(
    step: "Decoder", beam: int, alpha: float, n: int, n_dropped: int
) -> Iterator[tuple[list[Hypothesis], list[Hypothesis]]]:
    """The steps of `beam_choices`."""
    config = step.model.config
    finished: list[Hypothesis] = []
    alive = [Hypothesis((), 0.0, 0.0, False)]
    while alive and len(alive[0].ids) < n:
        rows = torch.tensor([[config.bos_id, *one.ids] for one in alive], device=step.source.device)
        log_probs = step.next_log_probs(rows).cpu()
        totals = torch.tensor([one.log_prob for one in alive], dtype=torch.float64)[:, None] + log_probs
        room = beam - len(finished)
        best = totals.flatten().topk(min(room + n_dropped, totals.numel()))
        kept, chosen, dropped = [], [], []
        for rank, (total, place) in enumerate(zip(best.values.tolist(), best.indices.tolist(), strict=True)):
            if total == -math.inf:  # the beam has more places than there are continuations
                break
            row, token = divmod(place, totals.size(1))
            ids = (*alive[row].ids, token)
            one = Hypothesis(ids, total, total / length_penalty(len(ids), alpha), token == config.eos_id)
            if rank >= room:
                dropped.append(one)
            elif one.finished:
                finished.append(one)
            else:
                kept.append(row)
                chosen.append(one)
        alive = chosen
        step.select(kept)
        yield [*finished, *alive], dropped


class Decoder:
    """Reads targets of equal length and gives the log-probabilities of what comes next; the source is encoded once."""

    @torch.inference_mode()
    def __init__(self, model: Translator, source: Tensor, use_cache: bool):
        self.model = model
        self.source = source
        self.modules = list(model.modules())
        with evaluating(self.modules):
            self.memory = model.encode(source)
        self.mask = model.source_mask(source)
        self.cache: Any = model.new_cache(*source.shape) if use_cache else None

    @torch.inference_mode()
    def next_log_probs(self, target: Tensor) -> Tensor:
        """(B, T) -> (B, V)"""
        n_read = 0 if self.cache is None else self.cache.length
        with evaluating(self.modules):
            logits = self.model.decode(target[:, n_read:], self.memory, self.mask, self.cache)[:, -1]  # (B, V)
        logits[:, [self.model.config.pad_id, self.model.config.bos_id]] = -math.inf  # no words, never written
        return logits.double().log_softmax(-1)  # (B, V)

    @torch.inference_mode()
    def select(self, rows: Sequence[int]) -> None:
        """Go on with these rows."""
        chosen = torch.tensor(rows, dtype=torch.long, device=self.source.device)
        self.memory, self.mask = self.memory[chosen], self.mask[chosen]
        if self.cache is not None:
            self.cache.select(chosen)


def check_sources(model: Translator, sources: Iterable[Iterable[int]]) -> Tensor:
    """The sentences as rows filled up with pad, (B, S), where the model is."""
    rows = [[index(token) for token in source] for source in sources]
    pad, n_ctx = model.config.pad_id, model.config.n_ctx
    for i, row in enumerate(rows):
        if not any(token != pad for token in row):
            raise ValueError(f"sentence {i} is empty: give at least one token, e.g. [{model.config.eos_id}], the eos")
        if len(row) > n_ctx:
            raise ValueError(
                f"sentence {i} has {len(row):,} tokens, which do not fit into n_ctx={n_ctx}: translate it in parts, or "
                "train a model with a larger n_ctx"
            )
    if not rows:
        raise ValueError("there is no sentence to translate: give a list with the ids of at least one")
    longest = max(map(len, rows))
    return torch.tensor([row + [pad] * (longest - len(row)) for row in rows], device=model.wte.weight.device)


def check_length(model: Translator, max_new_tokens: int | None) -> int:
    """How many tokens may be written: bos and all but the last are read again, so n_ctx of them."""
    n_ctx = model.config.n_ctx
    if max_new_tokens is None:
        return n_ctx
    if not 1 <= max_new_tokens <= n_ctx:
        raise ValueError(f"max_new_tokens={max_new_tokens}: must be 1 to n_ctx={n_ctx}; None writes until eos or n_ctx")
    return max_new_tokens


def cut_after(ids: list[int], end: int) -> list[int]:
    """The ids up to the first `end`, with it."""
    return ids[: ids.index(end) + 1] if end in ids else ids
