"""Pictures of matrices: one with its numbers, several side by side, all heads of a model. `figures` offers them."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minigpt.views import plain
from minigpt.views.ink import HEAT, INK, SIGNED, STYLE, canvas, name_ticks, plain_text


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
    cells, row_names, column_names = _labelled(values, rows, columns, mask)
    side = 0.5 if max(cells.shape) <= 12 else 0.22
    figure, axes = canvas(1.2 + side * cells.shape[1], 1.2 + side * cells.shape[0])
    _draw_matrix(axes, cells, row_names, column_names)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    return figure


@matplotlib.rc_context(STYLE)
def matrices(
    named: Mapping[str, Sequence[Any]],
    *,
    masks: Mapping[str, Any] | None = None,
    xlabel: str = "",
    ylabel: str = "",
    numbers: bool = False,
) -> Figure:
    """Small matrices side by side, at most 4 in a row: title -> (values, rows), or (values, rows, columns).

    Values and labels are as for `matrix`, and one scale of colours holds for all. `masks` has the masks of those that
    have one, by title; a matrix of bool is a mask itself. `numbers` writes the value into each cell.
    """
    if not named:
        raise ValueError("named is empty: there is nothing to show")
    if unknown := set(masks or {}) - set(named):
        raise ValueError(f"masks has {sorted(unknown)}, and there is no such matrix: {list(named)}")
    parts = {}
    for title, (values, rows, *columns) in named.items():
        own = values if np.asarray(values).dtype == bool else None
        mask = (masks or {}).get(title, own)
        parts[title] = _labelled(values, rows, columns[0] if columns else None, mask, title)
    scale = _scale(np.concatenate([cells.ravel() for cells, _, _ in parts.values()]), 1.3)  # nowhere as dark as a page
    n_down = -(-len(parts) // 4)
    n_across = -(-len(parts) // n_down)
    figure = Figure(figsize=(3.2 * n_across, 3.4 * n_down), layout="constrained")
    grid = figure.subplots(n_down, n_across, squeeze=False).ravel()
    for axes, (title, (cells, row_names, column_names)) in zip(grid, parts.items(), strict=False):
        _draw_matrix(axes, cells, row_names, column_names, numbers, scale)
        (n_rows, n_columns), thin = cells.shape, {"colors": INK, "linewidth": 0.5}
        axes.hlines(np.arange(1, n_rows) - 0.5, -0.5, n_columns - 0.5, **thin)
        axes.vlines(np.arange(1, n_columns) - 0.5, -0.5, n_rows - 0.5, **thin)
        axes.set(title=textwrap.fill(plain.label(title), 34), xlabel=xlabel, ylabel=ylabel)
        plain_text([axes.title])
    for axes in grid[len(parts) :]:
        axes.set_axis_off()
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
    names: tuple[Sequence[int], Sequence[int]] | None = None,
) -> Figure:
    """The static face of views.heads: thumbnails of all heads (a row is a layer), and `large` with its labels.

    `names`: the numbers of the layers and of the heads, where not all are shown.
    """
    mask = np.tril(np.ones(large.shape, dtype=bool)) if causal else np.ones(large.shape, dtype=bool)
    small = [_thumbnail(np.where(mask, np.sqrt(head), np.nan)) for head in weights]
    mosaic = np.vstack([np.hstack(small[start : start + n_head]) for start in range(0, len(small), n_head)])
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    grid, axes = figure.subplots(1, 2)
    steps = np.round(10 * np.ma.masked_invalid(mosaic)) / 10  # few shades make a small file
    grid.imshow(HEAT(steps), interpolation="none")
    side = small[0].shape
    layers, heads = names or (range(len(small) // n_head), range(n_head))
    grid.set(title="All heads" if names is None else "Heads", xlabel="head", ylabel="layer")
    grid.set_xticks(np.arange(len(heads)) * side[1] + side[1] / 2, [str(k) for k in heads])
    grid.set_yticks(np.arange(len(layers)) * side[0] + side[0] / 2, [str(k) for k in layers])
    grid.tick_params(length=0, labelsize=7)
    _draw_matrix(axes, np.where(mask, np.round(20 * np.sqrt(large)) / 20, np.nan), tokens, sources, numbers=False)
    axes.set(title=title)
    return figure


def _labelled(
    values: Any, rows: Sequence[str], columns: Sequence[str] | None, mask: Any, what: str = "values"
) -> tuple[np.ndarray, list[str], list[str]]:
    """The cells, NaN where they are masked, and the labels of rows and columns."""
    cells = np.array(values, dtype=np.float64)
    row_names = plain.labels(rows, "rows")
    column_names = row_names if columns is None else plain.labels(columns, "columns")
    if cells.shape != (len(row_names), len(column_names)):
        raise ValueError(f"{what} of shape {cells.shape} do not fit {len(row_names)} rows, {len(column_names)} columns")
    if mask is not None:
        cells[~np.broadcast_to(np.asarray(mask, dtype=bool), cells.shape)] = np.nan
    return cells, row_names, column_names


def _thumbnail(head: np.ndarray, size: int = 20) -> np.ndarray:
    """At most `size` cells a side, each the largest of what falls into it, NaN where all is masked, and an edge."""
    rows, columns = (np.arange(n) * min(n, size) // n for n in head.shape)
    cells = np.full((rows[-1] + 1, columns[-1] + 1), -1.0)
    np.maximum.at(cells, (rows[:, None], columns[None, :]), np.nan_to_num(head, nan=-1.0))
    return np.pad(np.where(cells < 0, np.nan, cells), 1, constant_values=np.nan)


def _draw_matrix(
    axes: Axes,
    cells: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    numbers: bool = True,
    scale: Callable[[np.ndarray], np.ndarray] | None = None,
) -> None:
    masked = ~np.isfinite(cells)
    colours = (scale or _scale(cells))(np.where(masked, 0.0, cells))
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
        name_ticks(axis, range(0, len(names), step), names[::step], size=9 if len(names) <= 24 else 6)
    axes.tick_params(length=0)
    axes.tick_params(axis="x", rotation=90 if max(map(len, columns)) > 2 else 0)


def _scale(cells: np.ndarray, room: float = 1.0) -> Callable[[np.ndarray], np.ndarray]:
    """From values to colours: the strongest is for `room` times the largest value; negative ones get others."""
    finite = cells[np.isfinite(cells)]
    top = room * np.abs(finite).max(initial=0) or 1.0
    if finite.min(initial=0) < 0:
        return lambda shown: SIGNED((shown / top + 1) / 2)
    return lambda shown: HEAT(shown / top)
