"""How fast this machine is, and what a run would cost: the measurements of notebook 12, put into its views."""

from dataclasses import asdict
from functools import cache

from minigpt import views
from minigpt.course.machine import budget, device, on_gpu
from minigpt.training.data_sheets import DATA_SHEETS
from minigpt.training.roofline import Point, Roof, gpt_work, measure, raised, time_work
from minigpt.views.roofline import Roofline


@cache
def measured() -> tuple[Roof, list[Point]]:
    """The roof of this machine and a GPT's operations under it, measured once for each kernel, in some ten seconds."""
    where, seconds = device(), budget(300, fast=30) / 1000
    roof = measure(where, seconds)
    points = [time_work(work, where, seconds) for work in gpt_work(where)]
    return raised(roof, points), points


def show_roofline() -> Roofline:
    """The roofline of this machine, with what some GPUs could do by their data sheets to put beside it."""
    roof, points = measured()
    return views.roofline(
        [asdict(point) for point in points],
        roof.peaks,
        roof.bandwidth,
        machine="this GPU" if on_gpu() else "this CPU",
        others=[asdict(sheet) for sheet in DATA_SHEETS],
    )
