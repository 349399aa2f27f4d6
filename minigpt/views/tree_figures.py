"""A picture of a tree that grows from left to right."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib
from matplotlib.figure import Figure

from minigpt.views import plain
from minigpt.views.ink import INK, ORANGE, STYLE, canvas, plain_text


@matplotlib.rc_context(STYLE)
def tree(
    at: Mapping[int, tuple[int, float]],
    names: Mapping[int, str],
    edges: Sequence[tuple[int, int]],
    way: Sequence[int] = (),
    widths: Mapping[tuple[int, int], float] | None = None,
) -> Figure:
    """Nodes at (column, row), the first row on top, each with its name; edges between them; one way stands out.

    `widths`: how thick each edge is, in points; without it all are alike, and names are cut to fit narrower columns.
    """
    on_way = {*pairwise(way)}
    width, height = (1 + max(place[axis] for place in at.values()) for axis in (0, 1))
    column, longest = (0.95, 12) if widths is None else (1.5, 18)
    figure, axes = canvas(column * width, 0.4 + 0.34 * height)
    for edge in edges:
        (x1, y1), (x2, y2) = (at[end] for end in edge)
        colour, thick = (ORANGE, 3) if edge in on_way else (INK, 1)
        thick = thick if widths is None else widths[edge]
        axes.plot([x1 + 0.4, x2 - 0.4], [y1, y2], color=colour, linewidth=thick)
    for node, (x, y) in at.items():
        weight = "bold" if node in way else "normal"
        name = plain.shortened(names[node], longest)
        plain_text([axes.text(x, y, name, ha="center", va="center", fontsize=9, fontweight=weight)])
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.set_axis_off()
    return figure
