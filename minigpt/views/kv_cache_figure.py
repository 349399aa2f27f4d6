"""The still picture of writing with and without a key-value cache."""

from itertools import accumulate
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.figure import Figure

from minigpt.views.ink import BLUE, INK, ORANGE, STYLE

if TYPE_CHECKING:
    from minigpt.views.kv_cache import CacheSteps


@matplotlib.rc_context(STYLE)
def picture(view: "CacheSteps") -> Figure:
    """Rows are steps, columns positions: computed ones are full, kept ones hatched; below, the seconds so far."""
    figure = Figure(figsize=(7, 5.6 if view.seconds else 3.4), layout="constrained")
    heights = [3, 2] if view.seconds else [1]
    grid: Any = figure.add_gridspec(len(heights), 2, height_ratios=heights)
    steps = range(1, view.n_new + 1)
    for k, cached in enumerate((False, True)):
        axes = figure.add_subplot(grid[0, k])
        ends = [view.n_prompt + step - 1 for step in steps]
        new = [view.positions(step, cached=cached) for step in steps]
        kept = [end - n for end, n in zip(ends, new, strict=True)]
        rows = [step - 0.5 for step in steps]
        bands(axes, rows, [0] * view.n_new, kept, facecolor="none", edgecolor=INK, hatch="////", linewidth=0)
        bands(axes, rows, kept, ends, facecolor=BLUE, linewidth=0)
        axes.axvline(view.n_prompt, color=INK, linestyle=":", linewidth=1)
        name = "with a cache" if cached else "without a cache"
        axes.set_title(f"{name}: {view.total(view.n_new, cached=cached):,} positions")
        axes.set(xlim=(0, ends[-1]), ylim=(view.n_new, 0), xlabel="position, the prompt up to the dots")
        axes.set_ylabel("token written" if k == 0 else "")
    if view.seconds:
        sums = [list(accumulate(way)) for way in view.seconds]
        axes = figure.add_subplot(grid[1, :])
        axes.plot(steps, sums[0], color=BLUE, label="without a cache")
        axes.plot(
            steps, sums[1], "-s", color=ORANGE, label="with a cache", markersize=4, markevery=1 + view.n_new // 12
        )
        axes.set_title(f"measured: {sums[0][-1] / sums[1][-1]:.1f} times as fast with the cache")
        axes.set(xlabel="tokens written", ylabel="seconds so far", ylim=(0, None))
        axes.grid(color=INK, alpha=0.25)
        axes.legend(labelcolor=INK)
    return figure


def bands(axes: Any, rows: list[float], starts: list[int], ends: list[int], **look: Any) -> None:
    """One area whose row k goes from starts[k] to ends[k]: as one path it stays small, whatever the number of rows."""
    edges = [row + by for row in rows for by in (-0.5, 0.5)]
    twice = [[value for value in side for _ in range(2)] for side in (starts, ends)]
    axes.fill_betweenx(edges, *twice, **look)
