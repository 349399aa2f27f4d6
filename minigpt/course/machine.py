"""The first cell of every notebook: seeds, the look of figures, and what this machine will do.

MINIGPT_FAST=1 shortens what `budget` names, for tests. MINIGPT_STATIC=1 is how notebooks are executed for a page: all
machines then say and compute the same, on the CPU.
"""

import os
import random
import re

import numpy as np
import psutil
import torch

from minigpt.doctor import device as doctor_device
from minigpt.doctor import n_cores

GB = 1e9


def start(notebook: str, seed: int = 0) -> None:
    """Begin a notebook: `course.start("05")`. Prints one line, which in static mode says nothing about the machine."""
    if not re.fullmatch(r"\d\d", str(notebook)):
        raise ValueError(f'course.start({notebook!r}): give the number in the file\'s name, e.g. course.start("05")')
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    style_figures()
    print(f"Notebook {notebook}. Random numbers start from seed {seed}. {machine()}")


def machine() -> str:
    """What computes, and what follows from it, in a sentence or two."""
    if is_static():
        text = "Everything runs on the CPU."
    else:
        _, name = doctor_device()
        memory = psutil.virtual_memory().total / GB
        text = f"This machine: {name}, {n_cores()} cores, {memory:.0f} GB of memory. "
        text += {
            "cuda": "Training uses the GPU, with more steps than on a CPU.",
            "mps": "Training uses Apple's GPU.",
            "cpu": "Training runs on the CPU, with a model that fits it.",
        }[device().type]
    if is_fast() and not is_static():  # a page says the same as after the full run, and shows what that run left
        text += " MINIGPT_FAST=1: training is cut short, so results are worse than the text says."
    return text


def device() -> torch.device:
    """Where notebooks compute: the GPU if there is one, the CPU otherwise and in static mode."""
    return torch.device("cpu" if is_static() else doctor_device()[0])


def on_gpu() -> bool:
    """Whether notebooks compute on an NVIDIA GPU; where not, their cells do less and say so."""
    return device().type == "cuda"


def budget(cpu: int, *, gpu: int | None = None, fast: int | None = None) -> int:
    """The number that fits where the notebook runs, e.g. of steps: `n_steps = course.budget(300, gpu=3000, fast=5)`.

    Whoever uses it says so in the notebook: training is made smaller, never skipped in silence.
    """
    for name, value in (("cpu", cpu), ("gpu", gpu), ("fast", fast)):
        if value is not None and value < 1:
            raise ValueError(f"budget({name}={value}): at least 1, nothing is skipped in silence")
    if is_fast() and fast is not None:
        return fast
    return gpu if gpu is not None and device().type != "cpu" else cpu


def is_static() -> bool:
    return os.environ.get("MINIGPT_STATIC") == "1"


def is_fast() -> bool:
    return os.environ.get("MINIGPT_FAST") == "1"


def style_figures() -> None:
    """Give figures that the reader draws the look of the course's own."""
    import matplotlib

    from minigpt.views.figures import STYLE

    matplotlib.rcParams.update(STYLE)
