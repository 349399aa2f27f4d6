"""Pictures of plain numbers, drawn by matplotlib, readable on a white and on a dark page.

Lines and letters are a grey in the middle between the two, the ground stays transparent, colours are Okabe and Ito's,
which every eye tells apart. Each function returns a Figure; `show(figure, alt="…")` puts it into the notebook as a
small SVG inside an `<img>` with its description, which untrusted notebooks show, too.
"""

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from IPython.display import display
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from minigpt.views import plain, static

INK = "#7b7b7b"  # contrast 4.2 to 1 on white and 4.4 to 1 on JupyterLab's dark ground
BLUE, ORANGE, GREEN, RED, PURPLE = "#2f86c1", "#c87800", "#009e73", "#d55e00", "#b5699b"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, RED)
MARKERS = "osD^v"  # lines differ by more than colour
HEAT = LinearSegmentedColormap.from_list("heat", ["#f4f7fb", "#9fc6e3", "#2f86c1", "#08306b"])
SIGNED = LinearSegmentedColormap.from_list("signed", ["#8f4300", "#eda659", "#f5f5f5", "#6aaed8", "#08306b"])
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 10,
    "svg.fonttype": "none",  # text stays text: small, and the browser shapes every script and emoji
    "svg.hashsalt": "minigpt",  # the same picture, the same bytes
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def show(figure: Figure, alt: str) -> None:
    """Put the figure into the notebook as one `text/html`: an image with this description, for every reader."""
    display({"text/html": static.image(to_svg(figure), alt), "text/plain": alt}, raw=True)
    pyplot.close(figure)  # or Jupyter's matplotlib would show a figure of pyplot's a second time


@matplotlib.rc_context(STYLE)
def to_svg(figure: Figure) -> str:
    """The figure as an SVG document: the same figure gives the same text."""
    file = io.StringIO()
    with warnings.catch_warnings():
        # The browser, not matplotlib, draws the text: it matters not which scripts matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure.savefig(file, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    return re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.S)


@matplotlib.rc_context(STYLE)
def bars(
    labels: Sequence[str], values: Any, *, title: str = "", xlabel: str = "", highlight: Sequence[int] = ()
) -> Figure:
    """One horizontal bar a label, its value beside it; the bars at the positions in `highlight` stand out."""
    names, lengths = plain.labels(labels, "labels"), plain.numbers(values, "values", ndim=1)
    _same_length(names, lengths, "labels", "values")
    figure, axes = _canvas(6, 0.6 + 0.28 * len(names))
    colours = [ORANGE if k in highlight else BLUE for k in range(len(names))]
    drawn = axes.barh(range(len(names)), lengths, color=colours)
    beside = [f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" for value in lengths]
    axes.bar_label(drawn, beside, padding=3, color=INK)
    axes.margins(x=0.12)
    axes.invert_yaxis()
    axes.set(title=title, xlabel=xlabel)
    _name_ticks(axes.yaxis, range(len(names)), names)
    return figure


@matplotlib.rc_context(STYLE)
def matrix(
    values: Any,
    rows: Sequence[str],
    columns: Sequence[str] | None = None,
    *,
    mask: Any = None,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
) -> Figure:
    """A matrix (T, S) in colours, with its numbers where they fit; negative values get a second colour.

    `rows` and `columns` are labels, `columns` the same as `rows` if not given. Cells where `mask` is False (as in
    `minigpt.models.attention`: True = may look), or where the value is -inf or NaN, are hatched: masked, not small.
    """
    cells = np.array(values, dtype=np.float64)
    row_names = plain.labels(rows, "rows")
    column_names = row_names if columns is None else plain.labels(columns, "columns")
    if cells.shape != (len(row_names), len(column_names)):
        raise ValueError(f"values of shape {cells.shape} do not fit {len(row_names)} rows, {len(column_names)} columns")
    if mask is not None:
        cells[~np.broadcast_to(np.asarray(mask, dtype=bool), cells.shape)] = np.nan
    side = 0.5 if max(cells.shape) <= 12 else 0.22
    figure, axes = _canvas(1.2 + side * cells.shape[1], 1.2 + side * cells.shape[0])
    _draw_matrix(axes, cells, row_names, column_names)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
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
) -> Figure:
    """Lines over the same x, each a name with its values; `floor` is a level that no line can go under."""
    at = plain.numbers(x, "x", ndim=1)
    if not lines:
        raise ValueError("lines is empty: there is nothing to show")
    figure, axes = _canvas(6.5, 3.6)
    for k, (name, values) in enumerate(lines.items()):
        heights = plain.numbers(values, f"lines[{name!r}]", ndim=1)
        _same_length(at, heights, "x", f"lines[{name!r}]")
        marker = MARKERS[k % len(MARKERS)] if len(at) <= 30 else ""
        style = "-" if marker else ("-", "--", "-.", ":")[k % 4]
        axes.plot(at, heights, style, marker=marker, color=COLOURS[k % len(COLOURS)], label=plain.label(name))
    if floor is not None:
        axes.axhline(floor, color=INK, linestyle="--", linewidth=1.8, label=f"{floor_label} ({floor:.3g})")
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.set_xscale("log" if log_x else "linear")
    axes.set_yscale("log" if log_y else "linear")
    for axis in [axes.xaxis] * log_x + [axes.yaxis] * log_y:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # 1, 2, 5, 10, 20, …
        axis.set_major_formatter("{x:g}")  # "20", not a power of ten
        axis.set_minor_locator(NullLocator())
    if len(at) <= 12:
        axes.set_xticks(at, [f"{value:g}" for value in at])
    axes.grid(color=INK, alpha=0.25)
    _plain_text(axes.legend(labelcolor=INK).get_texts())
    return figure


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
    figure, axes = _canvas(4.2, 4.2)
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.axvline(0, color=INK, linewidth=0.6)
    for k, (name, end) in enumerate(ends.items()):
        colour = COLOURS[k % len(COLOURS)]
        axes.annotate("", tuple(end), (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 2})
        x, y = end + 0.07 * reach * np.sign(end)
        _plain_text([axes.text(x, y, name, color=colour, ha="center", va="center")])
    axes.set(title=title, xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    return figure


@matplotlib.rc_context(STYLE)
def all_heads(
    weights: Sequence[np.ndarray],
    n_head: int,
    large: np.ndarray,
    tokens: Sequence[str],
    sources: Sequence[str],
    causal: bool,
    title: str,
) -> Figure:
    """The static face of views.heads: thumbnails of all heads (a row is a layer), and `large` with its labels."""
    mask = np.tril(np.ones(large.shape, dtype=bool)) if causal else np.ones(large.shape, dtype=bool)
    small = [_thumbnail(np.where(mask, np.sqrt(head), np.nan)) for head in weights]
    mosaic = np.vstack([np.hstack(small[start : start + n_head]) for start in range(0, len(small), n_head)])
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    grid, axes = figure.subplots(1, 2)
    steps = np.round(10 * np.ma.masked_invalid(mosaic)) / 10  # few shades make a small file
    grid.imshow(HEAT(steps), interpolation="none")
    side = small[0].shape
    grid.set(title="All heads", xlabel="head", ylabel="layer")
    grid.set_xticks(np.arange(n_head) * side[1] + side[1] / 2, [str(k) for k in range(n_head)])
    n_layer = len(small) // n_head
    grid.set_yticks(np.arange(n_layer) * side[0] + side[0] / 2, [str(k) for k in range(n_layer)])
    grid.tick_params(length=0, labelsize=7)
    _draw_matrix(axes, np.where(mask, np.round(20 * np.sqrt(large)) / 20, np.nan), tokens, sources, numbers=False)
    axes.set(title=title)
    return figure


def _thumbnail(head: np.ndarray, size: int = 20) -> np.ndarray:
    """At most `size` cells a side, each the largest of what falls into it, NaN where all is masked, and an edge."""
    rows, columns = (np.arange(n) * min(n, size) // n for n in head.shape)
    cells = np.full((rows[-1] + 1, columns[-1] + 1), -1.0)
    np.maximum.at(cells, (rows[:, None], columns[None, :]), np.nan_to_num(head, nan=-1.0))
    return np.pad(np.where(cells < 0, np.nan, cells), 1, constant_values=np.nan)


def _draw_matrix(
    axes: Axes, cells: np.ndarray, rows: Sequence[str], columns: Sequence[str], numbers: bool = True
) -> None:
    masked = ~np.isfinite(cells)
    shown = np.where(masked, 0.0, cells)
    top = np.abs(shown).max() or 1.0
    signed = shown.min() < 0
    colours = SIGNED((shown / top + 1) / 2) if signed else HEAT(shown / top)
    colours[masked] = 0  # transparent
    axes.imshow(colours, interpolation="none")
    for edge in axes.spines.values():
        edge.set_visible(False)
    i, j = np.nonzero(masked)
    if 0 < len(i) <= 1024:  # one stroke through each masked cell, all of them one line
        gaps = np.full(len(i), np.nan)
        x, y = np.stack([j - 0.5, j + 0.5, gaps], 1).ravel(), np.stack([i + 0.5, i - 0.5, gaps], 1).ravel()
        axes.plot(x, y, color=INK, linewidth=0.6, alpha=0.6)
    if numbers and max(cells.shape) <= 12:
        for i, j in np.argwhere(~masked):
            light = colours[i, j, :3] @ (0.2126, 0.7152, 0.0722) > 0.5
            axes.text(
                j, i, f"{cells[i, j]:.2f}", color="#111111" if light else "white", size=8, ha="center", va="center"
            )
    axes.xaxis.tick_top()
    for axis, names in ((axes.yaxis, rows), (axes.xaxis, columns)):
        step = -(-len(names) // 48)
        _name_ticks(axis, range(0, len(names), step), names[::step], size=9 if len(names) <= 24 else 6)
    axes.tick_params(length=0)
    axes.tick_params(axis="x", rotation=90 if max(map(len, columns)) > 2 else 0)


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _name_ticks(axis: Any, at: Sequence[int], names: Sequence[str], size: float = 10) -> None:
    axis.set_ticks(list(at), [plain.shortened(name, 14) for name in names], fontsize=size)
    _plain_text(axis.get_ticklabels())


def _plain_text(texts: Sequence[Any]) -> None:
    for text in texts:
        text.set_parse_math(False)  # a token "$" is a dollar sign


def _same_length(a: Sequence[Any] | np.ndarray, b: Sequence[Any] | np.ndarray, name_a: str, name_b: str) -> None:
    if len(a) != len(b):
        raise ValueError(f"{name_a} has {len(a)} entries, {name_b} has {len(b)}: they go in pairs")
