"""Turn the weight of a memory of one number, and see what is left of a word after k steps: a product of k slopes."""

import math
from typing import Any

import ipywidgets
import numpy as np
from IPython.display import display

from minigpt.course.machine import is_static
from minigpt.views import figures, static

STEPS = 100
STRONGEST = 1.6


def try_weight(weight: float = 0.5, k: int = 20) -> Any:
    """Sliders for the weight and for how many steps back, and a curve: how far a change of one word still reaches.

    In a page that is only read there is the picture for this weight and k.
    """
    if is_static():
        display({"text/plain": said(weight, k), "text/html": as_html(weight, k)}, raw=True)
        return None
    wide = {"layout": ipywidgets.Layout(width="90%"), "style": {"description_width": "7em"}}
    turned = ipywidgets.FloatSlider(weight, min=0, max=STRONGEST, step=0.05, description="Weight u", **wide)
    back = ipywidgets.IntSlider(k, min=1, max=STEPS, description="Steps k", **wide)
    answer = ipywidgets.HTML()

    def look(change: Any = None) -> None:
        answer.value = as_html(round(turned.value, 2), back.value)

    for slider in (turned, back):
        slider.observe(look, names="value")
    look()
    return ipywidgets.VBox([turned, back, answer])


def slopes(weight: float, n: int = STEPS, start: float = 1.0) -> dict[str, np.ndarray]:
    """What is left of a small change after 0 to n steps of h = u h and of h = tanh(u h), from h = start: (n + 1,) each.

    The derivative of one step is u, or u (1 - h²) at the new h; that of k steps is their product.
    """
    h, left = start, [1.0]
    for _ in range(n):
        h = math.tanh(weight * h)
        left.append(left[-1] * weight * (1 - h * h))
    return {"without tanh": weight ** np.arange(n + 1.0), "with tanh": np.array(left)}


def said(weight: float, k: int) -> str:
    """The two products at k, in words."""
    left = slopes(weight)
    values = [f"times {float(line[k]):.2g} {name}" for name, line in left.items()]
    return f"Weight {weight:g}, {k} step{'s' * (k > 1)} back: a small change arrives {', '.join(values)}."


def as_html(weight: float, k: int) -> str:
    """The sentence, and both curves up to step k."""
    left = {name: line[: k + 1] for name, line in slopes(weight, max(k, 1)).items()}
    x, y = "steps k", "left of a change"
    figure = figures.curves(np.arange(k + 1), left, xlabel=x, ylabel=y, log_y=True, direct=True)
    figure.axes[0].set_xticks(range(0, k + 1, math.ceil(k / 10)))  # there are no half steps
    picture = static.image(figures.to_svg(figure), f"Two curves over {k} steps, logarithmic. {said(weight, k)}")
    return f'<div role="status">{said(weight, k)}</div>{picture}'
