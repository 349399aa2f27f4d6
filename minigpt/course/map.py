"""The map of the course, drawn: which notebook comes after which."""

from itertools import pairwise
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from minigpt.views import figures

MAP = {
    "text becomes numbers": ("01 Language models", "02 Tokens", "03 Embeddings", "04 Before\ntransformers"),
    "numbers look at\none another": ("05 Attention", "06 Three masks", "07 The block", "08 GPT-2"),
    "its relatives": ("", "09 The encoder:\nBERT", "10 Encoder and\ndecoder", ""),
    "trained and used": ("11 Training", "12 The GPU run", "13 Writing text", "14 Zero-shot"),
    "looked into": ("15 Inside the heads", "16 Bias, limits,\nand after", "", ""),
}
"""The notebooks in rows, each row with what happens in it."""
WIDTH, HEIGHT = 1.7, 0.62
"""Of a box, in inches."""


def show() -> None:
    """Put the map into the notebook."""
    rows = [f"{label}: {', '.join(filter(None, boxes))}" for label, boxes in MAP.items()]
    figures.show(course_map(), alt=f"The notebooks in rows. {'; '.join(rows)}.".replace("\n", " "))


@matplotlib.rc_context(figures.STYLE)
def course_map() -> Figure:
    """The notebooks as boxes; the main way goes through rows one, two, four and five, the third is a branch."""
    figure = Figure(figsize=(10, 5))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 10), ylim=(5, 0))
    axes.axis("off")
    place: dict[str, tuple[float, float]] = {}
    for row, (label, boxes) in enumerate(MAP.items()):
        axes.text(0.1, 0.5 + row, label, va="center", color=figures.INK, fontsize=11, fontstyle="italic")
        for column, name in enumerate(boxes):
            if name:
                place[name[:2]] = (2.1 + 2 * column, 0.5 + row)
                draw_box(axes, *place[name[:2]], name, figures.COLOURS[row % len(figures.COLOURS)])
    way = ["01", "02", "03", "04", "05", "06", "07", "08", "11", "12", "13", "14", "15", "16"]
    for start, end in [*pairwise(way), ("06", "09"), ("07", "10"), ("09", "10")]:
        draw_arrow(axes, place[start], place[end])
    return figure


def draw_box(axes: Any, x: float, y: float, name: str, colour: str) -> None:
    """A rounded box whose left edge's middle is (x, y)."""
    axes.add_patch(
        FancyBboxPatch(
            (x, y - HEIGHT / 2),
            WIDTH,
            HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.1",
            facecolor="none",  # any tint would take contrast from the letters
            edgecolor=colour,
            linewidth=2,
        )
    )
    axes.text(x + WIDTH / 2, y, name, ha="center", va="center", color=figures.INK, fontsize=11)


def draw_arrow(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From one box to the next: along a row, straight down, or round the end of a row to the start of another."""
    (x, y), (x_end, y_end) = start, end
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 12, "color": figures.INK, "linewidth": 1.2}
    style |= {"shrinkA": 0, "shrinkB": 0}
    if y == y_end:
        axes.add_patch(FancyArrowPatch((x + WIDTH, y), (x_end, y_end), **style))
    elif x == x_end:
        axes.add_patch(
            FancyArrowPatch((x + WIDTH / 2, y + HEIGHT / 2), (x_end + WIDTH / 2, y_end - HEIGHT / 2), **style)
        )
    else:
        between = y_end - 0.5
        right, left = x + WIDTH / 2, x_end + WIDTH / 2
        corners = [(right, y + HEIGHT / 2), (right, between), (left, between), (left, y_end - HEIGHT / 2)]
        axes.plot(*zip(*corners[:3], strict=True), color=figures.INK, linewidth=1.2)
        axes.add_patch(FancyArrowPatch(corners[2], corners[3], **style))
