"""The still picture of a roofline."""

from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from minigpt.views.figures import DASHES
from minigpt.views.ink import COLOURS, INK, MARKERS, STYLE, canvas, plain_text

if TYPE_CHECKING:
    from minigpt.views.roofline import Roofline


@matplotlib.rc_context(STYLE)
def picture(view: "Roofline") -> Figure:
    """Roofs as lines, one for each number format; points by kind, hollow in any but the first format."""
    figure, axes = canvas(6.5, 4.2)
    bandwidth = view.bandwidth[0]
    ridges = [peak / bandwidth for peak in view.peaks.values()]
    places = [point["intensity"] for point in view.points] + ridges
    low, high = min(places) / 2, max(places) * 4
    first = next(iter(view.peaks))
    for k, (name, peak) in enumerate(view.peaks.items()):
        x = np.array([low, peak / bandwidth, high])
        axes.plot(x, np.minimum(peak, x * bandwidth), DASHES[k], color=INK, label=f"roof, {name}", linewidth=2)
    kinds = list(dict.fromkeys(point["kind"] for point in view.points))
    for k, kind in enumerate(kinds):
        colour, marker = COLOURS[k % len(COLOURS)], (MARKERS + "P")[k]
        for solid in (True, False):
            some = [p for p in view.points if p["kind"] == kind and (p["format"] == first) == solid]
            x, y = [point["intensity"] for point in some], [point["speed"] for point in some]
            fill = colour if solid else "none"
            label = kind if solid or not any(p["kind"] == kind and p["format"] == first for p in view.points) else None
            axes.plot(x, y, marker, color=colour, markerfacecolor=fill, markersize=7, label=label)
    axes.set(xscale="log", yscale="log", xlabel="operations per byte", ylabel="operations a second (FLOP/s)")
    axes.grid(color=INK, alpha=0.25)
    plain_text(axes.legend(labelcolor=INK, loc="upper left", bbox_to_anchor=(1, 1)).get_texts())
    return figure
