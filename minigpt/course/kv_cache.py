"""The key-value cache on the clock: what writing costs with it and without it, on this machine."""

import time
from collections.abc import Sequence
from itertools import pairwise

from minigpt import views
from minigpt.models.gpt import GPT
from minigpt.sampling import generate
from minigpt.views.kv_cache import CacheSteps, check_sizes

REPEATS = 2  # of which each step's fastest counts: what else the machine does makes steps slower, never faster


def measure_cache(model: GPT, ids: Sequence[int], n_new: int) -> CacheSteps:
    """Write `n_new` tokens after `ids` without a cache and with one, always the likeliest, and show both step by step.

    The seconds of a step are those of `minigpt.sampling`: reading, and choosing the token. Raises ValueError for tokens
    that do not fit into n_ctx together, as then positions move and the cache starts anew, for an empty prompt and where
    nothing is to be written.
    """
    if not len(ids):
        raise ValueError("the prompt has no token: give ids of one at least, e.g. those of tokenizer.encode(text)")
    if n_new < 1:
        raise ValueError(f"n_new={n_new!r}: write one token at least")
    cache, n_ctx = model.new_cache(1), model.config.n_ctx
    numbers = (len(ids), n_new, cache.n_bytes // n_ctx)
    check_sizes(*numbers)
    if (n_read := len(ids) + n_new - 1) > n_ctx:
        raise ValueError(
            f"the last of {n_new:,} steps reads {n_read:,} positions, and n_ctx={n_ctx:,} fit: write at most "
            f"{max(0, n_ctx - len(ids) + 1):,} tokens, or shorten the {len(ids):,} of the prompt"
        )
    runs = [[seconds_of(model, ids, n_new, use_cache) for use_cache in (False, True)] for _ in range(REPEATS)]
    without, kept = ([min(same) for same in zip(*way, strict=True)] for way in zip(*runs, strict=True))
    return views.kv_cache(*numbers, seconds=(without, kept))


def seconds_of(model: GPT, ids: Sequence[int], n_new: int, use_cache: bool) -> list[float]:
    """How long each step of writing takes."""
    ticks = [time.perf_counter()]
    for _ in generate(model, ids, max_new_tokens=n_new, temperature=0, use_cache=use_cache, overflow="error"):
        ticks.append(time.perf_counter())
    return [end - start for start, end in pairwise(ticks)]
