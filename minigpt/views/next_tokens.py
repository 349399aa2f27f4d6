"""The next token's probabilities as bars, with temperature, top-k and top-p to play with."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from traitlets import Bytes, Float, Int, List, Unicode

from minigpt.views import plain, static
from minigpt.views.view import View

STEPS = 65_535  # a logit takes two bytes: steps of about 0.001, which no eye sees in a bar


class NextTokens(View):
    """See `next_tokens`. `top_k` of 0 keeps all tokens."""

    name = "next_tokens"
    _esm = static.module("next_tokens")
    _css = static.style("next_tokens")
    text = Unicode().tag(sync=True)
    labels = List(Unicode()).tag(sync=True)  # of the largest logits, largest first
    data = Bytes().tag(sync=True)  # all logits, largest first, as two bytes between low and high
    low = Float().tag(sync=True)
    high = Float().tag(sync=True)
    temperature = Float(1.0).tag(sync=True)
    top_k = Int(0).tag(sync=True)
    top_p = Float(1.0).tag(sync=True)

    def describe(self) -> str:
        """The likeliest tokens at temperature 1."""
        shares = self._shares()
        parts = [f"“{label}” {share:.1%}" for label, share in zip(self.labels[:3], shares, strict=False)]
        after = f" after “{plain.label(self.text)}”" if self.text else ""
        return f"Likeliest next tokens{after}, of {len(shares):,}: {', '.join(parts)}."

    def face(self) -> str:
        """The bars, before any choice is made."""
        from minigpt.views import figures

        shares = self._shares()[: len(self.labels)]
        figure = figures.bars(self.labels, shares, xlabel="probability at temperature 1, nothing cut off")
        return static.image(figures.to_svg(figure), self.describe())

    def _shares(self) -> np.ndarray:
        logits = np.frombuffer(self.data, "<u2") / STEPS * (self.high - self.low)
        powers = np.exp(logits - logits.max())
        return powers / powers.sum()


def next_tokens(
    logits: Any,
    labels: Sequence[str] | Callable[[list[int]], Sequence[str]],
    *,
    text: str = "",
    show: int = 15,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> NextTokens:
    """Bars for the likeliest next tokens, and sliders that work in the browser, in a saved notebook too.

    `logits` are one position's, (V,); `labels` are the V tokens', or a function from ids to labels, as a tokenizer's
    `labels` is. `text` is what comes before. The rule is that of `minigpt.sampling`: temperature first, then top-k,
    then top-p; a temperature of 0 takes the likeliest token.
    """
    values = plain.numbers(logits, "logits", ndim=1)
    if not 1 <= show <= 50:
        raise ValueError(f"show={show} should be between 1 and 50 bars")
    if not 0 <= temperature <= 2 or not 0 < (1.0 if top_p is None else top_p) <= 1 or (top_k is not None and top_k < 1):
        raise ValueError(
            f"temperature={temperature} goes from 0 to 2, top_p={top_p} from above 0 to 1, top_k={top_k} from 1"
        )
    order = np.argsort(-values, kind="stable")
    shown = [int(token) for token in order[:show]]
    if not callable(labels) and len(labels) != len(values):
        raise ValueError(f"{len(labels)} labels do not fit {len(values)} logits: give one for each")
    names = labels(shown) if callable(labels) else [labels[token] for token in shown]
    low, high = float(values.min()), float(values.max())
    steps = np.rint((values[order] - low) / ((high - low) or 1.0) * STEPS).astype("<u2")
    return NextTokens(
        text=text,
        labels=plain.labels(names, "labels"),
        data=steps.tobytes(),
        low=low,
        high=high,
        temperature=float(temperature),
        top_k=top_k or 0,
        top_p=1.0 if top_p is None else float(top_p),
    )
