"""The time machine: a slider through the training of a model, and what it could do at each of its snapshots."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from traitlets import Bytes, Dict, Float, Int, List, TraitError, Unicode, observe, validate

from minigpt.views import plain, static
from minigpt.views.attention import checked, quantised
from minigpt.views.dashboard import plain_lines
from minigpt.views.view import View

Ask = Callable[[str], Mapping[str, Any]]
LONGEST = 64  # tokens of a prompt: all heads of all snapshots are sent
NUMBERS = ("valid_loss", "early", "late", "first", "repeat")  # of a measure


class TimeMachine(View):
    """See `time_machine`. `at` is the number of the snapshot that is shown, `head` that of the enlarged head of all."""

    name = "time_machine"
    _esm = static.module("time_machine")
    _css = static.style("time_machine")
    steps = List(Int()).tag(sync=True)
    at = Int(0).tag(sync=True)
    curves = Dict().tag(sync=True)  # steps, loss, induction, previous, first, repeat, without, gain
    levels = List().tag(sync=True)  # [name, loss] of what the loss is compared with
    scores = List(List(Float())).tag(sync=True)  # for each snapshot the induction score of each head
    best = Int(0).tag(sync=True)  # the head that scores best at the last snapshot
    head = Int(0).tag(sync=True)
    prompt = Unicode("").tag(sync=True)
    tokens = List(Unicode()).tag(sync=True)
    shape = List(Int()).tag(sync=True)  # [L, H, T, T]
    data = Bytes(b"").tag(sync=True)  # the weights of each snapshot, one after the other, as attention.js reads them
    written = List(Unicode()).tag(sync=True)  # for each snapshot
    wish = List().tag(sync=True)  # [version, the prompt that the reader asks for]: the same one again is a new wish
    version = Int(0).tag(sync=True)  # counts answers
    _ask: Ask | None = None

    def show(self, prompt: str) -> None:
        """Let all snapshots read another prompt. Raises what `ask` raises, and ValueError for what cannot be shown."""
        assert self._ask is not None
        traits = _read(self._ask(prompt), self.steps, len(self.scores[0]))
        with self.hold_sync():  # one message, so that no half-changed state is drawn
            self.prompt = prompt
            for name, value in traits.items():
                self.set_trait(name, value)
            self.version += 1

    @observe("wish")
    def _again(self, change: Any) -> None:
        self.guarded(self.show, change["new"][1])
        self.version += 1  # the page stops waiting, for an error too

    @validate("at", "head")
    def _valid(self, proposal: Any) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        n = len(self.steps if name == "at" else self.scores[0] if self.scores else [])
        if n and not 0 <= value < n:
            raise TraitError(f"{name}={value}: it goes from 0 to {n - 1}")
        return value

    def go_to(self, step: int) -> None:
        """Show the snapshot of this step. Raises ValueError where there is none."""
        if step not in self.steps:
            raise ValueError(f"there is no snapshot of step {step}: take one of {', '.join(map(str, self.steps))}")
        self.at = self.steps.index(step)

    def describe(self) -> str:
        """How loss and induction scores go from the first snapshot to the last, and where the scores leap."""
        loss, n_head = self.curves["loss"], self.shape[1]
        layer, head = divmod(self.best, n_head)
        before, after = self.birth()
        scores = [found[self.best] for found in self.scores]
        return (
            f"A model at {len(self.steps)} steps of its training, {self.steps[0]} to {self.steps[-1]:,}: its loss goes "
            f"from {loss[0]:.2f} to {loss[-1]:.2f} nats per token. The best induction score at the end is "
            f"{scores[-1]:.2f}, of layer {layer}, head {head}; it rises most between steps {before:,} and {after:,}, "
            f"from {scores[self.steps.index(before)]:.2f} to {scores[self.steps.index(after)]:.2f}."
        )

    def birth(self) -> tuple[int, int]:
        """The two neighbouring snapshots between which the best head's induction score rises most."""
        scores = np.array([found[self.best] for found in self.scores])
        k = int(np.diff(scores).argmax())
        return self.steps[k], self.steps[k + 1]

    def face(self) -> str:
        """The curves, and what some of the snapshots write."""
        from minigpt.views import figures, time_machine_figure

        image = static.image(figures.to_svg(time_machine_figure.curves(self)), self.describe())
        before, after = (self.steps.index(step) for step in self.birth())
        some = sorted({0, before, after, len(self.steps) - 1})
        rows = [
            [f"{self.steps[k]:,}", f"{max(self.scores[k]):.2f}", plain.shortened(self.prompt + self.written[k], 240)]
            for k in some
        ]
        return image + static.table(["step", "best induction score", "what the model writes"], rows)


def time_machine(
    steps: Sequence[int],
    measures: Iterable[Mapping[str, Any]],
    ask: Ask,
    prompt: str,
    *,
    levels: Mapping[str, float] | None = None,
    step: int | None = None,
) -> TimeMachine:
    """Slide through the snapshots of a training run: losses and scores, what each writes, and where its heads look.

    `steps`: those of the S snapshots, rising. `measures`: dicts with `step`, the losses `valid_loss`, `early`, `late`,
    `first`, `repeat`, the scores `induction` and `previous`, (L, H), and the losses `ablated`, (L, H), as
    `inspection.birth.measure` gives; the snapshots' steps are among them. `ask(prompt)` says what the snapshots make
    of a prompt: a dict with `tokens`, T labels, `attention`, (S, L, H, T, T), causal, and `written`, the S texts that
    follow it. `levels`: name -> a loss to compare with. `step`: the snapshot to begin with, the first if not given.
    Raises ValueError for what does not fit together or cannot be shown, and what `ask` raises at first.
    """
    if not callable(ask):
        raise TypeError(f"ask is a function of a prompt, not {type(ask).__name__}")
    found = {int(one["step"]): one for one in measures}
    steps = [int(one) for one in steps]
    if len(steps) < 2 or sorted(set(steps)) != steps:
        raise ValueError(f"steps={steps}: give the steps of at least two snapshots, rising")
    if missing := [one for one in steps if one not in found]:
        raise ValueError(f"steps {missing} have a snapshot and were not measured: give measures of all snapshots")
    rows = [found[one] for one in sorted(found)]
    scores = [_flat(found[one]["induction"], one) for one in steps]
    best = int(np.argmax(scores[-1]))
    names = [[plain.label(name), float(plain.numbers([loss], name)[0])] for name, loss in (levels or {}).items()]
    view = TimeMachine(steps=steps, curves=_curves(rows, best), levels=names, scores=scores, best=best, head=best)
    view._ask = ask
    view.show(prompt)
    if step is not None:
        view.go_to(step)
    return view


def _flat(scores: Any, step: int) -> list[float]:
    return [round(score, 4) for score in plain.numbers(scores, f"scores of step {step}", ndim=2).ravel().tolist()]


def _curves(rows: Sequence[Mapping[str, Any]], head: int) -> dict[str, list[Any]]:
    """What the page draws, a value for each measure; `head` is the one that is switched off in `without`."""
    taken = {name: plain.numbers([row[name] for row in rows], name, ndim=1) for name in NUMBERS}
    best = {name: np.array([max(_flat(row[name], row["step"])) for row in rows]) for name in ("induction", "previous")}
    gain = taken["early"] - taken["late"]
    without = np.array([_flat(row["ablated"], row["step"])[head] for row in rows])
    shown = {name: taken[name] for name in ("first", "repeat")} | {"without": without, "gain": gain} | best
    shown["loss"] = taken["valid_loss"]
    return {"steps": [int(row["step"]) for row in rows]} | {
        name: [round(value, 4) for value in values.tolist()] for name, values in shown.items()
    }


class _Read:
    """What a snapshot did with the prompt, for `attention.checked`."""

    def __init__(self, tokens: Sequence[str], attention: Any):
        self.tokens, self.stack = tokens, attention

    def attention_stack(self) -> Any:
        return self.stack


def _causal(read: Any) -> bool:
    return read.causal or len(read.tokens) == 1  # a single token looks at itself, and at nothing that comes later


def _read(answer: Mapping[str, Any], steps: Sequence[int], n_heads: int) -> dict[str, Any]:
    """The traits of an answer."""
    attention, written = list(answer["attention"]), list(answer["written"])
    if not len(attention) == len(written) == len(steps):
        raise ValueError(
            f"{len(attention)} attentions and {len(written)} texts came for {len(steps)} snapshots: one for each"
        )
    if len(tokens := list(answer["tokens"])) > LONGEST:
        raise ValueError(f"this text has {len(tokens)} tokens, and {LONGEST} can be shown: shorten it")
    read = [checked(_Read(tokens, weights)) for weights in attention]
    shapes = {tuple(one.shape) for one in read}
    if len(shapes) > 1 or np.prod(read[0].shape[:2]) != n_heads or not all(_causal(one) for one in read):
        raise ValueError(
            f"attention of the shapes {sorted(shapes)} came for {n_heads} heads: causal weights of each, (L, H, T, T)"
        )
    data = b"".join(quantised(one.layers, causal=True) for one in read)
    texts = [plain_lines(text) for text in written]
    return {"tokens": read[0].tokens, "shape": list(read[0].shape), "data": data, "written": texts}
