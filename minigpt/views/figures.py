"""Pictures of plain numbers, drawn by matplotlib, readable on a white and on a dark page.

Lines and letters are a grey in the middle between the two, the ground stays transparent, colours are Okabe and Ito's,
which every eye tells apart. Each function returns a Figure; `show(figure, alt="…")` puts it into the notebook as a
small SVG inside an `<img>` with its description, which untrusted notebooks show, too.
"""

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from IPython.display import display
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import LogLocator, NullLocator

from minigpt.views import plain, static
from minigpt.views.ink import (
    BLUE,
    COLOURS,
    HEAT,
    INK,
    MARKERS,
    ORANGE,
    STYLE,
    any_script,
    canvas,
    name_ticks,
    plain_text,
)
from minigpt.views.matrix_figures import all_heads, matrices, matrix

__all__ = [
    "COLOURS",
    "HEAT",
    "INK",
    "STYLE",
    "all_heads",
    "bars",
    "curves",
    "matrices",
    "matrix",
    "show",
    "stacked",
    "to_svg",
    "vectors",
]

DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))  # lines differ by more than colour
HATCHES = ("", "//", "..", "xx", "--")
NAME_WIDTH, NAME_HEIGHT = 0.2, 0.075  # of a name beside a line, as shares of the picture


def show(figure: Figure, alt: str) -> None:
    """Put the figure into the notebook as one `text/html`: an image with this description, for every reader."""
    display({"text/html": static.image(to_svg(figure), alt), "text/plain": alt}, raw=True)
    pyplot.close(figure)  # or Jupyter's matplotlib would show a figure of pyplot's a second time


@matplotlib.rc_context(STYLE)
def to_svg(figure: Figure) -> str:
    """The figure as an SVG document: the same figure gives the same text."""
    file = io.StringIO()
    with any_script():
        figure.savefig(file, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None})
    return _compact(file.getvalue())


def _compact(svg: str) -> str:
    """A third smaller and the same to see: a font said once, hundredths of a point, no names that nobody calls."""
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.S)
    fonts = re.findall(r"font-family: ([^;\"]*)", svg)
    if fonts:
        svg = re.sub(rf";? ?font-family: {re.escape(fonts[0])}", "", svg)
        svg = svg.replace('<style type="text/css">', f'<style type="text/css">text{{font-family: {fonts[0]}}}', 1)
    svg = re.sub(r' id="[a-z]+(\.[a-z]+)?_\d+"', "", svg)  # text_3, matplotlib.axis_1; ids that are used hold a hash
    svg = re.sub(r"<g/>\s*", "", svg)
    return re.sub(r"<[^>]*>", lambda tag: re.sub(r"\d+\.\d{3,}", _hundredths, tag[0]), svg)


def _hundredths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


@matplotlib.rc_context(STYLE)
def bars(
    labels: Sequence[str],
    values: Any,
    *,
    title: str = "",
    xlabel: str = "",
    highlight: Sequence[int] = (),
    form: str = "",
) -> Figure:
    """One horizontal bar a label, its value beside it; the bars at the positions in `highlight` stand out.

    `form` is how values are written, such as ".2f"; if not given, with three digits.
    """
    names, lengths = plain.labels(labels, "labels"), plain.numbers(values, "values", ndim=1)
    _same_length(names, lengths, "labels", "values")
    figure, axes = canvas(6, 0.6 + 0.28 * len(names))
    colours = [ORANGE if k in highlight else BLUE for k in range(len(names))]
    drawn = axes.barh(range(len(names)), lengths, color=colours)
    beside = [format(value, form or (",.0f" if abs(value) >= 1000 else ".3g")) for value in lengths]
    axes.bar_label(drawn, beside, padding=3, color=INK)
    axes.margins(x=0.12)
    axes.invert_yaxis()
    axes.set(title=title, xlabel=xlabel)
    name_ticks(axes.yaxis, range(len(names)), names)
    return figure


@matplotlib.rc_context(STYLE)
def stacked(labels: Sequence[str], parts: Mapping[str, Any], *, xlabel: str = "", title: str = "") -> Figure:
    """One horizontal bar a label, of parts that follow each other; the sum stands beside it.

    `parts`: a name for each part, with its length in each bar, none below 0. Parts differ by hatching, not by colour
    alone.
    """
    names = plain.labels(labels, "labels")
    if not parts:
        raise ValueError("parts is empty: there is nothing to show")
    figure, axes = canvas(6.5, 0.9 + 0.34 * len(names))
    ends = np.zeros(len(names))
    for k, (part, values) in enumerate(parts.items()):
        lengths = plain.numbers(values, f"parts[{part!r}]", ndim=1)
        _same_length(names, lengths, "labels", f"parts[{part!r}]")
        if (lengths < 0).any():
            raise ValueError(f"parts[{part!r}] has {lengths.min():g}: a part of a whole is 0 or more")
        colour, hatch = COLOURS[k % len(COLOURS)], HATCHES[k % len(HATCHES)]
        axes.barh(
            range(len(names)),
            lengths,
            left=ends,
            color=colour,
            hatch=hatch,
            edgecolor="#f4f7fb",
            label=plain.label(part),
        )
        ends += lengths
    for k, end in enumerate(ends):
        axes.annotate(f"{end:.3g}", (end, k), xytext=(3, 0), textcoords="offset points", va="center", color=INK)
    axes.margins(x=0.12)
    axes.invert_yaxis()
    axes.set(title=title, xlabel=xlabel)
    name_ticks(axes.yaxis, range(len(names)), names)
    legend = figure.legend(loc="outside upper center", ncols=min(len(parts), 5), labelcolor=INK)
    plain_text(legend.get_texts())
    return figure


@matplotlib.rc_context(STYLE)
def curves(
    x: Any,
    lines: Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    log_x: bool = False,
    log_y: bool = False,
    floor: float | None = None,
    floor_label: str = "floor",
    lowest: float | None = None,
    between: Mapping[str, Any] | None = None,
    direct: bool = False,
) -> Figure:
    """Lines over the same x, each a name with its values; `floor` is a level that no line can go under.

    `lowest`: where the vertical axis begins. `between`: for some names an interval (low, high) at each x, drawn as a
    bar. `direct`: names stand at the ends of the lines instead of in a legend. A logarithmic axis has no place for 0:
    a line is broken there, and ends where only zeros follow.
    """
    at = plain.numbers(x, "x", ndim=1)
    if not lines:
        raise ValueError("lines is empty: there is nothing to show")
    figure, axes = canvas(6.5, 3.6)
    for k, (name, values) in enumerate(lines.items()):
        heights = plain.numbers(values, f"lines[{name!r}]", ndim=1)
        _same_length(at, heights, "x", f"lines[{name!r}]")
        heights = np.where(heights > 0, heights, np.nan) if log_y else heights
        marker = MARKERS[k % len(MARKERS)] if len(at) <= 30 else ""
        style = "-" if marker else DASHES[k % len(DASHES)]
        colour = COLOURS[k % len(COLOURS)]
        above = 2 + np.isnan(heights).mean()  # what is short lies on top, or a longer line would hide it
        axes.plot(at, heights, linestyle=style, marker=marker, color=colour, label=plain.label(name), zorder=above)
        if between and name in between:
            ends = plain.numbers(between[name], f"between[{name!r}]", ndim=2)
            _same_length(at, ends, "x", f"between[{name!r}]")
            axes.vlines(at, *ends.T, color=colour, linewidth=3, alpha=0.5)
    if floor is not None:
        axes.axhline(floor, color=INK, linestyle="--", linewidth=1.8, label=f"{floor_label} ({floor:.3g})")
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    _scale(axes, log_x, log_y)
    if len(at) <= 12:
        axes.set_xticks(at, _tick_names(axes, at))
    axes.set_ylim(bottom=lowest)
    axes.grid(color=INK, alpha=0.25)
    plain_text(_name_lines(axes) if direct else axes.legend(labelcolor=INK).get_texts())
    return figure


def _scale(axes: Axes, log_x: bool, log_y: bool) -> None:
    """Logarithmic axes with ticks that are numbers, not powers of ten."""
    axes.set_xscale("log" if log_x else "linear")
    axes.set_yscale("log" if log_y else "linear")
    for axis in [axes.xaxis] * log_x + [axes.yaxis] * log_y:
        decades = np.ptp(np.log10(np.abs(axis.get_view_interval())))
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 4 else (1,)))  # 1, 2, 5, 10, 20, …
        axis.set_major_formatter("{x:g}")  # "20", not a power of ten
        axis.set_minor_locator(NullLocator())


def _tick_names(axes: Axes, at: np.ndarray) -> list[str]:
    """A number for each place on the x-axis, left out where the next to the right would touch it."""
    names, free = [f"{value:g}" for value in at], math.inf
    axes.get_xlim()  # or places would be those of an axis that has not seen its lines
    for k in reversed(np.argsort(at)):
        across = axes.transAxes.inverted().transform(axes.transData.transform((float(at[k]), 1.0)))[0]
        if across + 0.01 * len(names[k]) > free:
            names[k] = ""
        else:
            free = across - 0.01 * len(names[k])
    return names


def _name_lines(axes: Axes) -> list[Text]:
    """The names of the lines, each at its last point in the picture; what would overlap is moved apart."""
    (low, _), (_, right) = axes.get_ylim(), axes.dataLim.intervalx
    ends: list[tuple[float, float, Line2D]] = []
    for line in axes.lines:
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        x, y = x[y >= low], y[y >= low]  # False for NaN, too
        if len(x):
            across, up = axes.transAxes.inverted().transform(axes.transData.transform((x[-1], y[-1])))
            if x[-1] >= right or line.get_transform() != axes.transData:  # up to the side, as a level does
                across = 1.0
            else:
                up += 0.05  # above what goes on to the right
            ends.append((across, up, line))
    texts: list[Text] = []
    for across, up, line in sorted(ends, key=lambda end: end[1]):
        for x, y in [text.get_position() for text in texts]:  # from below
            if abs(x - across) < NAME_WIDTH:
                up = max(up, y + NAME_HEIGHT)
        say = {"color": line.get_color(), "va": "center", "transform": axes.transAxes}
        texts.append(axes.text(across + 0.015, up, str(line.get_label()), **say))
    return texts


@matplotlib.rc_context(STYLE)
def vectors(named: Mapping[str, Any], *, title: str = "") -> Figure:
    """Arrows from the origin of a plane, each a name with its (x, y)."""
    if not named:
        raise ValueError("named is empty: there is nothing to show")
    ends = {plain.label(name): plain.numbers(xy, f"named[{name!r}]", ndim=1) for name, xy in named.items()}
    for name, end in ends.items():
        if end.shape != (2,):
            raise ValueError(f"{name!r} has {len(end)} numbers: an arrow in a plane has two")
    reach = 1.25 * max(0.1, *(np.abs(end).max() for end in ends.values()))
    figure, axes = canvas(4.2, 4.2)
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.axvline(0, color=INK, linewidth=0.6)
    for k, (name, end) in enumerate(ends.items()):
        colour = COLOURS[k % len(COLOURS)]
        axes.annotate("", tuple(end), (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 2})
        x, y = end + 0.07 * reach * np.sign(end)
        plain_text([axes.text(x, y, plain.shortened(name, 20), color=colour, ha="center", va="center")])
    axes.set(title=title, xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    return figure


def _same_length(a: Sequence[Any] | np.ndarray, b: Sequence[Any] | np.ndarray, name_a: str, name_b: str) -> None:
    if len(a) != len(b):
        raise ValueError(f"{name_a} has {len(a)} entries, {name_b} has {len(b)}: they go in pairs")
