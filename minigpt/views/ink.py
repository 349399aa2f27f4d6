"""What all figures share: ink and colours for a white and for a dark page, and text that is taken as it stands."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from minigpt.views import plain

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


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def name_ticks(axis: Any, at: Sequence[int], names: Sequence[str], size: float = 10) -> None:
    axis.set_ticks(list(at), [plain.shortened(name, 14) for name in names], fontsize=size)
    plain_text(axis.get_ticklabels())


def plain_text(texts: Sequence[Any]) -> None:
    for text in texts:
        text.set_parse_math(False)  # a token "$" is a dollar sign


@contextmanager
def any_script() -> Iterator[None]:
    """No warnings of scripts that matplotlib's font lacks: the browser, not matplotlib, draws the text."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield
