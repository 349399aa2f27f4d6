"""The still picture of a dashboard: losses of all its runs, each over its own steps."""

from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from minigpt.views.ink import COLOURS, INK, STYLE, canvas, plain_text

if TYPE_CHECKING:
    from minigpt.views.dashboard import Dashboard

DASHES = ("-", "--", "-.", ":")
SMOOTH = 0.9  # as in dashboard.js


def smoothed(values: list[float | None], share: float = SMOOTH) -> list[float]:
    """A running mean that forgets: 0.9 of what it was and 0.1 of what comes, without the pull of its beginning at 0."""
    total = weight = 0.0
    result = []
    for value in values:
        if value is not None:
            total, weight = share * total + (1 - share) * value, share * weight + 1 - share
        result.append(total / weight if weight else np.nan)
    return result


@matplotlib.rc_context(STYLE)
def losses(view: "Dashboard") -> Figure:
    """Loss over steps: thin as measured, thick smoothed, squares on held-out text, the floor dashed."""
    figure, axes = canvas(6.5, 3.6)
    if view.band:
        axes.fill_between(view.band["steps"], view.band["low"], view.band["high"], color=INK, alpha=0.25, label="band")
    for k, run in enumerate(view.runs):
        colour = COLOURS[k % len(COLOURS)]
        if k == 0:
            axes.plot(run["steps"], [np.nan if v is None else v for v in run["loss"]], color=colour, alpha=0.3)
        axes.plot(run["steps"], smoothed(run["loss"]), DASHES[k % len(DASHES)], color=colour, label=run["name"])
        if run["valid"]:
            name = f"{run['name']}, held-out text"
            axes.plot(*np.array(run["valid"]).T, "s", color=colour, markersize=4, label=name, markerfacecolor="none")
    if view.floor is not None:
        axes.axhline(view.floor, color=INK, linestyle="--", label=f"floor ({view.floor:.3g})")
    title = f"Recording: {view.title}" if view.is_recording else ""
    plain_text([axes.set_title(title)])
    axes.set(xlabel="step", ylabel="loss, nats per token")
    axes.grid(color=INK, alpha=0.25)
    plain_text(axes.legend(labelcolor=INK).get_texts())
    return figure
