"""Pictures of points in a plane by matplotlib, for the static faces: groups in colour and shape, labels with room."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from minigpt.views import plain, plane
from minigpt.views.ink import BLUE, COLOURS, INK, ORANGE, STYLE, any_script, canvas, plain_text

SHAPES = "osD^vPX*"  # in the order of scatter.js
MANY = 400  # from here on points are a picture in the picture: as single marks they would fill the notebook
LETTER, LINE = 5.6, 11.0  # of a label, in points


@matplotlib.rc_context(STYLE)
def word_map(
    points: np.ndarray,
    words: Sequence[str],
    groups: Sequence[str],
    group_of: Sequence[int],
    chosen: int = -1,
    near: Sequence[int] = (),
) -> Figure:
    """Words at their points (n, 2), labels where there is room; `chosen` with lines to `near`."""
    figure, axes = canvas(7, 5)
    _marks(axes, points, group_of)
    _legend(figure, groups, group_of)
    for other in near:
        axes.plot(*points[[chosen, other]].T, color=BLUE, linewidth=1.2, zorder=1)
    axes.set(xlabel="first principal axis", ylabel="second principal axis", aspect="equal")
    axes.set_adjustable("datalim")
    first = [chosen, *near] if chosen >= 0 else []
    order = [*first, *(n for n in range(len(words)) if n not in first)]
    axes.apply_aspect()
    with any_script():
        figure.draw_without_rendering()  # the layout decides how much room there is
    for n in _with_room(axes.transData.transform(points) * 72 / figure.dpi, words, order, len(first)):
        text = axes.annotate(
            plain.shortened(words[n], 16),
            tuple(points[n]),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=ORANGE if n == chosen else INK,
            annotation_clip=False,
        )
        plain_text([text])
    return figure


@matplotlib.rc_context(STYLE)
def layers(
    shown: Sequence[tuple[str, np.ndarray | None]],
    senses: Sequence[str],
    sense_of: Sequence[int],
    names: Sequence[str],
    gaps: Sequence[float],
) -> Figure:
    """The points of some layers, (title, (n, 2)) each, side by side, and under them the gap in all layers.

    None instead of points: all vectors are the same. Points of one spot stand in a ring around it, within a circle.
    """
    figure = Figure(figsize=(2.6 * max(len(shown), 3), 5.2), layout="constrained")
    grid = figure.add_gridspec(2, len(shown))
    for column, (title, points) in enumerate(shown):
        axes = figure.add_subplot(grid[0, column])
        if points is None:
            axes.text(0.5, 0.5, "all the same", ha="center", va="center", transform=axes.transAxes)
        else:
            shared = [spot for spot in plane.spots(points, sense_of) if len(spot) > 1]
            alone = sorted(set(range(len(points))).difference(*shared))
            _marks(axes, points[alone], [sense_of[n] for n in alone])
            for spot in shared:
                _ring(axes, points[spot].mean(axis=0), [sense_of[n] for n in spot])
            axes.margins(0.2 if shared else 0.05)
        axes.set(xticks=[], yticks=[], aspect="equal")
        axes.set_adjustable("datalim")
        axes.set_title(title, fontsize=9)
        plain_text([axes.title])
    _legend(figure, senses, sense_of)
    axes = figure.add_subplot(grid[1, :])
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.plot(range(len(gaps)), gaps, "o-", color=BLUE)
    axes.set(ylabel="gap between cosines")
    axes.grid(color=INK, alpha=0.25)
    step = -(-len(names) // 13)
    axes.set_xticks(range(0, len(names), step), [plain.shortened(name, 14) for name in names[::step]], fontsize=8)
    plain_text(axes.get_xticklabels())
    return figure


def _look(group: int) -> dict[str, Any]:
    if group < 0:
        return {"color": INK, "marker": "o", "s": 9}
    return {"color": COLOURS[group % len(COLOURS)], "marker": SHAPES[group], "s": 26}


def _marks(axes: Axes, points: np.ndarray, group_of: Sequence[int]) -> None:
    number = np.array(group_of)
    many = {"rasterized": True} if len(points) > MANY else {}
    for group in sorted(set(group_of)):
        axes.scatter(*points[number == group].T, linewidths=0, zorder=2, **_look(group), **many)


def _ring(axes: Axes, spot: np.ndarray, group_of: Sequence[int]) -> None:
    """Points of one spot side by side around it, with a circle around them that says so."""
    radius = min(3.1 / np.sin(np.pi / len(group_of)), 14)  # of the ring, in points; a mark is some 5 wide
    for k, group in enumerate(group_of):
        turn = 2 * np.pi * k / len(group_of)
        aside = ScaledTranslation(radius * np.sin(turn) / 72, radius * np.cos(turn) / 72, axes.figure.dpi_scale_trans)
        axes.scatter(*spot, transform=axes.transData + aside, linewidths=0, zorder=2, clip_on=False, **_look(group))
    circle = {"facecolors": "none", "edgecolors": INK, "linewidths": 0.8, "zorder": 1}
    axes.scatter(*spot, s=(2 * (radius + 4.5)) ** 2, clip_on=False, **circle)


def _legend(figure: Figure, groups: Sequence[str], group_of: Sequence[int]) -> None:
    """Which shape is which group, below the picture."""
    names = {group: plain.shortened(name, 24) for group, name in enumerate(groups)}
    names |= {-1: "in no group"} if names and -1 in group_of else {}
    if names:
        looks = {name: _look(group) for group, name in names.items()}
        signs = [Line2D([], [], ls="", color=look["color"], marker=look["marker"]) for look in looks.values()]
        place: Any = "outside lower center"
        legend = figure.legend(signs, list(looks), labelcolor=INK, fontsize=8, loc=place, ncols=min(5, len(names)))
        plain_text(legend.get_texts())


def _with_room(spots: np.ndarray, words: Sequence[str], order: Sequence[int], n_first: int) -> list[int]:
    """Which labels to write, on the right of their spots, so that none covers a label or a point.

    The first ones may cover points.
    """
    boxes = np.hstack([spots - 2.5, spots + 2.5])  # left, low, right, high
    kept = []
    for rank, n in enumerate(order):
        x, y = spots[n]
        box = np.array([x + 3, y - LINE / 2, x + 8 + LETTER * min(len(words[n]), 16), y + LINE / 2])
        meets = np.all((box[:2] < boxes[:, 2:]) & (boxes[:, :2] < box[2:]), axis=1)
        if not meets[len(spots) if rank < n_first else 0 :].any():
            kept.append(n)
            boxes = np.vstack([boxes, box])
    return kept
