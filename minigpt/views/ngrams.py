"""Counting n-grams: slide n, and see the next-token distribution, a sample, and two perplexities part ways."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from traitlets import Dict, Int, Unicode

from minigpt.views import plain, static
from minigpt.views.view import View

Compute = Callable[[int, str], Mapping[str, Any]]
SHOWN = 12  # bars


class Ngrams(View):
    """See `ngrams`. `n` and `context` are what the reader set, `result` what `compute` answered."""

    name = "ngrams"
    _esm = static.module("ngrams")
    _css = static.style("ngrams")
    n = Int().tag(sync=True)
    context = Unicode().tag(sync=True)
    draws = Int(0).tag(sync=True)  # how often another sample was asked for
    curves = Dict().tag(sync=True)  # n, train, held_out, floor
    result = Dict().tag(sync=True)
    answers = Dict().tag(sync=True)  # in a static view: n -> result for the first context

    def __init__(self, compute: Compute, **traits: Any) -> None:
        self._compute = compute
        super().__init__(**traits)
        self._ask()
        self.observe(self._ask, ["n", "context", "draws"])

    def _ask(self, _: object = None) -> None:
        result = self.guarded(self._answer, self.n)
        if result is not None:
            self.result = result

    def _answer(self, n: int) -> dict[str, Any]:
        answer = self._compute(n, self.context)
        if "next" not in answer:
            raise KeyError("compute(n, context) should return a dict with `next`: (label, probability) pairs")
        pairs = sorted(answer["next"], key=lambda pair: -pair[1])
        shares = plain.numbers([share for _, share in pairs], "probabilities", ndim=1) if pairs else np.zeros(0)
        if pairs and (shares.min() < 0 or shares.sum() > 1 + 1e-6):
            raise ValueError(f"probabilities lie between 0 and 1 and sum to 1 at most; these sum to {shares.sum():.3g}")
        shown = [[plain.label(label), float(share)] for label, share in pairs[:SHOWN]]
        extra = {key: str(answer.get(key, "")) for key in ("used", "sample", "note")}
        return {"next": shown, "more": max(0, len(pairs) - SHOWN), **extra}

    def stored(self) -> dict[str, Any]:
        """The answer for each n."""
        return {"answers": {str(n): self._answer(n) for n in self.curves["n"]}}

    def describe(self) -> str:
        """How far the two perplexities are apart, at the first and at the last n."""
        ends = [
            f"n = {self.curves['n'][k]}: {self.curves['train'][k]:.3g} on the training text, "
            f"{self.curves['held_out'][k]:.3g} on held-out text"
            for k in (0, -1)
        ]
        return f"Perplexity of n-gram models. {ends[0]}. {ends[1]}."

    def face(self) -> str:
        """The two curves, and the likeliest next tokens for each n."""
        from minigpt.views import figures

        lines = {"training text": self.curves["train"], "held-out text": self.curves["held_out"]}
        figure = figures.curves(
            self.curves["n"], lines, xlabel="n", ylabel="perplexity", log_y=True, floor=self.curves["floor"]
        )
        answers = self.stored()["answers"].items()
        rows = [[n, _in_words(answer["next"]) or answer["note"], answer["sample"]] for n, answer in answers]
        table = static.table(["n", f"after “{plain.label(self.context)}”", "a sample"], rows)
        return static.image(figures.to_svg(figure), self.describe()) + table


def ngrams(
    compute: Compute,
    train: Mapping[int, float],
    held_out: Mapping[int, float],
    *,
    context: str = "",
    n: int = 2,
    floor: float | None = None,
) -> Ngrams:
    """Slide n and edit the context: see the next-token distribution, a sample, and the perplexities.

    `compute(n, context)` answers with a dict: `next`, pairs (label, probability), and if wanted `sample`, a text that
    such a model writes, `used`, the part of the context that it looked at, and `note`, e.g. that the context was never
    seen. `train` and `held_out` map each n to a perplexity; `floor` is the lowest that any model can reach. A saved
    notebook holds the answers for the first context.
    """
    orders = sorted(train)
    if orders != sorted(held_out) or n not in orders:
        raise ValueError(f"train has n in {orders}, held_out in {sorted(held_out)}, and n={n}: they should agree")
    values = {
        what: plain.numbers([given[k] for k in orders], what, ndim=1)
        for what, given in (("train", train), ("held_out", held_out))
    }
    if min(array.min() for array in values.values()) < 1 or (floor is not None and floor < 1):
        raise ValueError("a perplexity is at least 1: are these losses? exp(loss in nats) is the perplexity")
    curves = {"n": orders, **{what: array.tolist() for what, array in values.items()}, "floor": floor}
    view = Ngrams(compute, n=n, context=context, curves=curves)
    if view.error:
        raise ValueError(f"compute({n}, {context!r}) failed: {view.error}")
    return view


def _in_words(pairs: list[list[Any]]) -> str:
    return ", ".join(f"“{label}” {share:.0%}" for label, share in pairs[:5])
