"""How fast this machine is, and what a run would cost: the measurements of notebook 12, put into its views."""

from dataclasses import asdict
from functools import cache
from typing import Any

from minigpt import views
from minigpt.config import SIZES, GPTConfig
from minigpt.course.machine import budget, device, on_gpu
from minigpt.training import costs
from minigpt.training.data_sheets import DATA_SHEETS
from minigpt.training.roofline import Point, Roof, gpt_work, measure, raised, time_work
from minigpt.views.costs import MODEL, Costs
from minigpt.views.roofline import Roofline

RUN = {
    "batch_size": 8,
    "n_processes": 1,
    "billion_tokens": 10,
    "teraflops": 100,
    "utilisation": 0.4,
    "precision": "float32",
    "parallel": "ddp",
}
"""A run to begin with, round numbers that the reader changes."""


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


def cost_calculator(preset: str = "gpt2") -> Costs:
    """What a run would cost, for numbers that the reader sets. `preset`: a name in `minigpt.config.SIZES`."""
    presets = {}
    for name in SIZES:
        values = GPTConfig.named(name).to_dict()
        presets[name] = {field: values[field] for field in MODEL}
    return views.costs(run_costs, RUN, presets, preset)


def run_costs(settings: dict[str, Any]) -> dict[str, Any]:
    """What `views.costs` asks: the formulas of `minigpt.training.costs`. Raises ValueError for what cannot be."""
    config = GPTConfig(**{name: settings[name] for name in MODEL})
    n_processes, n_tokens = settings["n_processes"], settings["billion_tokens"] * 1e9
    need = costs.memory(
        config,
        settings["batch_size"],
        activation_bytes=2 if settings["precision"] == "bfloat16" else costs.FLOAT,
        n_processes=n_processes,
        parallel=settings["parallel"],
    )
    parts = {"weights": need.weights, "averages of AdamW": need.optimizer}
    if need.is_most_at_first:
        parts |= {"kept for the backward pass": need.activations, "scores and gradients, for a moment": need.passing}
    else:
        parts |= {"gradients": need.gradients, "beside them, for a moment": need.beside}
    per_token = costs.flops_per_token(config)
    return {
        "n_params": config.n_params(),
        "per_token": per_token,
        "in_all": per_token * n_tokens,
        "hours": costs.hours(config, n_tokens, settings["teraflops"] * 1e12 * n_processes, settings["utilisation"]),
        "parts": parts,
        "later": need.gradients if need.is_most_at_first else 0,
    }
