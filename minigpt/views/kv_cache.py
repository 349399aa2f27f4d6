"""Writing with and without a key-value cache, step by step: which positions are computed, what is kept, how long."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from traitlets import Float, Int, List, TraitError, validate

from minigpt.views import plain, static
from minigpt.views.view import View

MOST_NEW = 1_024  # steps: more are no rows that anyone tells apart
MOST_PROMPT = 100_000
ROWS = 8  # of the table in a saved notebook
WAYS = ("without a cache", "with a cache")


class CacheSteps(View):
    """See `kv_cache`. `step` is how many tokens are written, 0 to `n_new`; `seconds` a list for each way, or none."""

    name = "kv_cache"
    _esm = static.module("kv_cache")
    _css = static.style("kv_cache")
    n_prompt = Int(1).tag(sync=True)
    n_new = Int(1).tag(sync=True)
    bytes_per_token = Int(1).tag(sync=True)
    seconds = List(List(Float())).tag(sync=True)
    step = Int(0).tag(sync=True)

    @validate("step")
    def _valid(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] <= self.n_new:
            raise TraitError(f"step={proposal['value']}: it goes from 0, nothing is written, to n_new={self.n_new}")
        return proposal["value"]

    def positions(self, step: int, *, cached: bool) -> int:
        """How many positions this step computes, counted from 1: all so far, or with the cache only what is new."""
        return 1 if cached and step > 1 else self.n_prompt + step - 1

    def total(self, step: int, *, cached: bool) -> int:
        """How many positions all steps up to this one compute."""
        return sum(self.positions(n, cached=cached) for n in range(1, step + 1))

    def n_bytes(self, step: int) -> int:
        """What the cache holds after this step; the token that the step writes is not read yet."""
        return self.bytes_per_token * (self.n_prompt + step - 1) if step else 0

    def describe(self) -> str:
        """Positions and memory, and seconds where they are measured, at the last step."""
        n = self.n_new
        anew, kept = (self.total(n, cached=cached) for cached in (False, True))
        text = (
            f"Writing {n:,} token{'s' * (n > 1)} after a prompt of {self.n_prompt:,}: without a cache {anew:,} "
            f"positions are computed, with a cache {kept:,}, and it then holds {in_bytes(self.n_bytes(n))}."
        )
        if self.seconds:
            slow, fast = (in_time(sum(way)) for way in self.seconds)
            text += f" Measured: {slow} without, {fast} with."
        return text

    def face(self) -> str:
        """Both triangles, and where seconds are given their sums over the steps; some of the steps as a table."""
        from minigpt.views import figures
        from minigpt.views.kv_cache_figure import picture

        image = static.image(figures.to_svg(picture(self)), self.describe())
        steps = np.unique(np.linspace(1, self.n_new, min(ROWS, self.n_new)).round().astype(int)).tolist()
        header = ["token", *(f"positions {way}: this step, all so far" for way in WAYS), "in the cache"]
        header += [f"time {way}, all so far" for way in WAYS] if self.seconds else []
        return image + static.table(header, [self._row(step) for step in steps])

    def _row(self, step: int) -> list[str]:
        cells = [f"{step:,}"]
        for cached in (False, True):
            cells.append(f"{self.positions(step, cached=cached):,}, {self.total(step, cached=cached):,}")
        return [*cells, in_bytes(self.n_bytes(step)), *(in_time(sum(way[:step])) for way in self.seconds)]


def kv_cache(
    n_prompt: int,
    n_new: int,
    bytes_per_token: int,
    seconds: tuple[Sequence[float], Sequence[float]] | None = None,
    *,
    step: int | None = None,
) -> CacheSteps:
    """Show what a key-value cache saves and what it costs while `n_new` tokens are written after `n_prompt`.

    A row of the picture is a step that writes one token, a column is a position. Without a cache step t computes all
    n_prompt + t - 1 positions; with one, the first step computes the prompt and each later step one position.
    `bytes_per_token`: what a position takes in the cache, 2 · n_layer · n_embd · bytes a number. `seconds`: how long
    each step took, without a cache and with it. `step` is shown first; if not given, the last. Raises ValueError for
    numbers that make no such picture, and TraitError for a step that there is not.
    """
    check_sizes(n_prompt, n_new, bytes_per_token)
    taken = [] if seconds is None else _seconds(seconds, n_new)
    view = CacheSteps(n_prompt=int(n_prompt), n_new=int(n_new), bytes_per_token=int(bytes_per_token), seconds=taken)
    view.step = view.n_new if step is None else step
    return view


def in_bytes(n: int) -> str:
    """A size in memory: 387072 -> "378.0 KiB"."""
    if n < 1024:
        return f"{n} bytes"
    power = min((n.bit_length() - 1) // 10, 3)
    return f"{n / 1024**power:,.1f} {' KMG'[power]}iB"


def in_time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def check_sizes(n_prompt: int, n_new: int, bytes_per_token: int) -> None:
    """Raise ValueError for numbers that `kv_cache` cannot draw."""
    _check(n_prompt, "n_prompt", MOST_PROMPT, "give the number of tokens in the prompt")
    _check(n_new, "n_new", MOST_NEW, "write fewer, rows of more are too thin to see")
    _check(bytes_per_token, "bytes_per_token", 2**40, "take 2 * n_layer * n_embd * 4 for float32")


def _check(value: Any, name: str, most: int, advice: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 1 <= value <= most:
        raise ValueError(f"{name}={value!r}: a whole number, 1 to {most:,}; {advice}")


def _seconds(seconds: Any, n_new: int) -> list[list[float]]:
    if len(seconds) != 2:
        raise ValueError(f"seconds has {len(seconds)} entries: give two sequences, without a cache and with it")
    ways = [plain.numbers(one, f"seconds {way}", ndim=1) for one, way in zip(seconds, WAYS, strict=True)]
    for one, way in zip(ways, WAYS, strict=True):
        if len(one) != n_new:
            raise ValueError(f"seconds {way}: {len(one)} numbers for n_new={n_new} steps; give one for each step")
        if (one <= 0).any():
            raise ValueError(f"seconds {way}: {one.min():g} is no duration; measure with time.perf_counter()")
    return [[float(f"{value:.4g}") for value in one] for one in ways]
