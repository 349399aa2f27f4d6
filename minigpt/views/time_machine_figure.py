"""The still picture of the time machine: the loss, and the scores by which an induction head is seen."""

from typing import TYPE_CHECKING

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from minigpt.views.ink import BLUE, INK, ORANGE, STYLE, plain_text

if TYPE_CHECKING:
    from minigpt.views.time_machine import TimeMachine

EARLY = 20  # as in time_machine.js: evenly up to here, then logarithmic


@matplotlib.rc_context(STYLE)
def curves(view: "TimeMachine") -> Figure:
    """Loss with its levels above, the best scores below; dots are snapshots, the line is the one that is shown."""
    figure = Figure(figsize=(6.5, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    steps, kept = view.curves["steps"], [view.curves["steps"].index(step) for step in view.steps]
    dots = {"marker": "o", "markersize": 4, "markevery": kept}
    above.plot(steps, view.curves["loss"], color=BLUE, **dots)
    for name, loss in view.levels:
        above.axhline(loss, color=INK, linestyle=":")
        plain_text([above.text(steps[-1], loss, name, ha="right", va="bottom")])
    above.set(ylabel="loss, nats per token")
    below.plot(steps, view.curves["induction"], color=BLUE, label="induction", **dots)
    below.plot(steps, view.curves["previous"], "--", color=ORANGE, label="previous token")
    below.set(xlabel="step", ylabel="score of the best head", ylim=(0, 1))
    below.set_xscale("symlog", linthresh=EARLY)
    below.set_xlim(0, steps[-1])
    below.xaxis.set_major_locator(FixedLocator([0, *(10.0**n for n in range(1, 7))]))
    below.xaxis.set_major_formatter("{x:,.0f}")
    for axes in (above, below):
        axes.axvline(view.steps[view.at], color=INK, linewidth=1)
        axes.grid(color=INK, alpha=0.25)
    plain_text(below.legend(labelcolor=INK).get_texts())
    return figure
