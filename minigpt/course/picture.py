"""Draw the picture of the README: all heads of the shipped model over one sentence.

python -m minigpt.course.picture
"""

import numpy as np
from matplotlib.figure import Figure

from minigpt.assets import ASSETS
from minigpt.inspection.record import record
from minigpt.views import figures
from minigpt.weights import load_shipped

SENTENCE = "Tom had a red ball. Lily saw the ball."


def heads() -> Figure:
    """All heads of the shipped model over one sentence; enlarged, the one that looks most at the token before."""
    model, tokenizer = load_shipped()
    ids = tokenizer.encode(SENTENCE)
    recording = record(model, ids, tokenizer.labels(ids))
    stack = recording.attention_stack()
    one_back = np.diagonal(stack, offset=-1, axis1=2, axis2=3).mean(axis=-1)
    layer, head = (int(i) for i in np.unravel_index(one_back.argmax(), one_back.shape))
    small = list(stack.reshape(-1, *stack.shape[2:]))
    title = f"Layer {layer}, head {head}"
    return figures.all_heads(small, stack.shape[1], stack[layer, head], recording.tokens, recording.tokens, True, title)


def main() -> None:
    path = ASSETS / "figures" / "heads.svg"
    path.parent.mkdir(exist_ok=True)
    path.write_text(figures.to_svg(heads()), encoding="utf-8")


if __name__ == "__main__":
    main()
