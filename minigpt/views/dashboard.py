"""The dashboard of a training run: loss over its floor, rate, gradient, speed, samples, and buttons to pause and stop.

It takes records as `minigpt.training.telemetry` writes them, dicts with `step`, `loss` and what else was measured, and
knows nothing of training: whoever trains appends them in small batches and answers its buttons.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from traitlets import Bool, Dict, Float, List, Unicode

from minigpt.views import plain, static
from minigpt.views.view import View

POINTS = 1000  # at most about so many of a curve reach the page
COLUMNS = ("loss", "grad_norm", "learning_rate", "tokens_per_second", "seconds", "valid_loss")
STATES = ("waiting", "running", "paused", "stopped", "finished", "failed")
RECENT = 20  # steps that the time left is estimated from
KEPT_SAMPLES = 100

Records = Iterable[Mapping[str, Any]]


class Dashboard(View):
    """See `dashboard`. `append` adds records, `write` a sample; `on_request` answers the buttons."""

    name = "dashboard"
    _esm = static.module("dashboard")
    _css = static.style("dashboard")
    title = Unicode().tag(sync=True)
    is_recording = Bool(False).tag(sync=True)
    state = Unicode("waiting").tag(sync=True)
    note = Unicode("").tag(sync=True)  # a sentence beside the state
    runs = List().tag(sync=True)  # the own run first: name, thinned columns, steps a point stands for
    numbers = Dict().tag(sync=True)  # step, n_steps, tokens_per_second, seconds_left, memory_gb
    floor = Float(None, allow_none=True).tag(sync=True)
    band = Dict().tag(sync=True)  # steps, low, high
    samples = List().tag(sync=True)  # [step, text], the newest last
    controls = List().tag(sync=True)  # of "pause" and "stop"

    def __init__(self, others: Mapping[str, Records], n_steps: int | None, **traits: Any) -> None:
        self._n_steps = n_steps
        self._table = np.empty((0, 1 + len(COLUMNS)))
        self._others = [thinned(name, table_of(records)) for name, records in others.items()]
        self._answers: list[Callable[[str], None]] = []
        super().__init__(**traits)
        # A message, not a trait: ipywidgets keeps a trait's next change back while a cell runs.
        self.on_msg(lambda _, message, __: self.ask(message["request"]))
        self._show({})

    def append(self, records: Records) -> None:
        """Add records to the run's curves. What begins again, as a resumed run does, replaces its own past."""
        records = list(records)
        if records:
            fresh = table_of(records)
            self._table = np.concatenate([self._table[self._table[:, 0] < fresh[0, 0]], fresh])
            self._show(records[-1])

    def write(self, step: int, text: str) -> None:
        """Show a sample of what the model writes after this step."""
        self.samples = [*self.samples, [int(step), plain_lines(text)]][-KEPT_SAMPLES:]

    def say(self, state: str, note: str | None = None) -> None:
        """Change the state, one of STATES, and the sentence beside it, if there is another."""
        if state not in STATES:
            raise ValueError(f"state={state!r}: take one of {', '.join(STATES)}")
        with self.hold_sync():
            self.state, self.note = state, self.note if note is None else note

    def on_request(self, answer: Callable[[str], None]) -> None:
        """Call `answer("pause")`, "resume" or "stop" when the reader asks for it."""
        self._answers.append(answer)

    def ask(self, wish: str) -> None:
        """What a click on a button does: "pause", "resume" or "stop"."""
        for answer in self._answers:
            self.guarded(answer, wish)

    def _show(self, last: Mapping[str, Any]) -> None:
        table = self._table
        numbers: dict[str, Any] = {"n_steps": self._n_steps, "step": int(table[-1, 0]) + 1 if len(table) else 0}
        for name in ("tokens_per_second", "memory_gb"):
            if np.isfinite(last.get(name, np.nan)):
                numbers[name] = float(last[name])
        seconds = table[-RECENT:, 1 + COLUMNS.index("seconds")]
        if self._n_steps and not self.is_recording and len(table) and np.isfinite(seconds).all():
            numbers["seconds_left"] = float(seconds.mean() * max(0, self._n_steps - numbers["step"]))
        with self.hold_sync():
            self.runs = [thinned(self.title, table), *self._others]
            self.numbers = numbers

    def describe(self) -> str:
        """The losses at both ends, in words; of a recording, that it is one."""
        kind = "A recording, not a run on this machine" if self.is_recording else "A training run"
        table = self._table
        if not len(table):
            return f"{kind}, {self.title}: no step yet."
        losses, valid = table[:, 1], table[np.isfinite(table[:, -1]), -1]
        text = f"{kind}, {self.title}: {len(table):,} steps, loss from {losses[0]:.1f} to {losses[-RECENT:].mean():.1f}"
        text += f" nats per token, {valid[-1]:.1f} on held-out text" if len(valid) else " nats per token"
        text += f"; the floor is {self.floor:.2f}" if self.floor is not None else ""
        text += f"; beside it {', '.join(run['name'] for run in self._others)}" if self._others else ""
        return f"{text}. It {'failed: ' + self.error if self.error else 'is ' + self.state}."

    def face(self) -> str:
        """The loss curves, and the last sample."""
        from minigpt.views import dashboard_figure, figures

        image = static.image(figures.to_svg(dashboard_figure.losses(self)), self.describe())
        return image + (static.table(["step", "the model writes"], self.samples[-1:]) if self.samples else "")

    def stored(self) -> dict[str, Any]:
        """A failure is part of what happened; nobody is there to pause."""
        return {"error": self.error, "controls": []}


def dashboard(
    records: Records = (),
    *,
    title: str = "this run",
    n_steps: int | None = None,
    floor: float | None = None,
    others: Mapping[str, Records] | None = None,
    band: tuple[Sequence[int], Sequence[float], Sequence[float]] | None = None,
    is_recording: bool = False,
    controls: Sequence[str] = (),
) -> Dashboard:
    """Curves of a run that goes on, or has gone on: append records as they come.

    `floor` is a loss, in nats per token, that no model can go under. `others` are runs to compare with, by name;
    `band` is steps with the lowest and the highest loss that other runs had there. `is_recording` says on the view and
    in its description that nothing is training. Of more than 1,000 steps, each point is a mean of neighbours (of the
    gradient norm, the largest).
    """
    if unknown := set(controls) - {"pause", "stop"}:
        raise ValueError(f"controls={list(controls)!r}: 'pause' and 'stop' are there, {sorted(unknown)} is not")
    if n_steps is not None and n_steps < 1:
        raise ValueError(f"n_steps={n_steps}: at least 1, or None where it is not known")
    traits: dict[str, Any] = {"title": plain.label(title), "is_recording": is_recording, "controls": list(controls)}
    if floor is not None:
        traits["floor"] = float(plain.numbers([floor], "floor")[0])
    if band is not None:
        steps, low, high = (plain.numbers(part, f"band[{k}]", ndim=1).tolist() for k, part in enumerate(band))
        if not len(steps) == len(low) == len(high):
            raise ValueError(f"band has {len(steps)} steps, {len(low)} low and {len(high)} high losses: one each")
        traits["band"] = {"steps": steps, "low": low, "high": high}
    view = Dashboard(others or {}, n_steps, **traits)
    view.append(records)
    return view


def table_of(records: Records) -> np.ndarray:
    """A row for each record: step, then COLUMNS, NaN where one was not measured."""
    rows = []
    for record in records:
        if not isinstance(record, Mapping) or "step" not in record or "loss" not in record:
            raise ValueError(f"{str(record)[:60]} is no record: a dict with at least `step` and `loss`, as Trainer's")
        try:
            rows.append([float(record["step"]), *(float(record.get(name, np.nan)) for name in COLUMNS)])
        except (TypeError, ValueError):
            raise ValueError(f"the record of step {record['step']} holds what is no number: {record}") from None
    return np.array(rows).reshape(-1, 1 + len(COLUMNS))


def thinned(name: str, table: np.ndarray) -> dict[str, Any]:
    """Columns of at most POINTS points, as the page draws them, each a mean of `each` steps; validation stays whole."""
    each = max(1, -(-len(table) // POINTS))
    starts = np.arange(0, len(table), each)
    run: dict[str, Any] = {"name": plain.label(name), "each": each, "steps": table[starts, 0].astype(int).tolist()}
    for k, column in enumerate(COLUMNS[:4], start=1):
        values = table[:, k]
        if not len(table):
            run[column] = []
        elif column == "grad_norm":
            run[column] = sendable(np.maximum.reduceat(values, starts))  # one leap among a hundred is news
        else:
            run[column] = sendable(np.add.reduceat(values, starts) / np.diff(starts, append=len(table)))
    measured = table[np.isfinite(table[:, -1])]
    measured = measured[:: max(1, -(-len(measured) // POINTS))]
    run["valid"] = [[int(row[0]), float(f"{row[-1]:.5g}")] for row in measured]
    return run


def sendable(values: np.ndarray) -> list[float | None]:
    """Five digits are more than a curve shows; JSON has no NaN."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values]


def plain_lines(text: str) -> str:
    """The text with its line breaks, and all else that cannot be shown as `plain.label` writes it."""
    return "\n".join(plain.label(line) if line else "" for line in str(text)[:2000].split("\n"))
