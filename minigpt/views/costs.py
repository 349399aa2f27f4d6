"""What a run would cost: parameters, operations, memory and hours, computed again with every number that is changed."""

from collections.abc import Callable, Mapping
from typing import Any

from traitlets import Dict, Int, List, Unicode, observe

from minigpt.views import plain, static
from minigpt.views.roofline import si
from minigpt.views.view import View

Ask = Callable[[dict[str, Any]], Mapping[str, Any]]
COUNTS = {
    "n_layer": "blocks",
    "n_head": "heads in each",
    "n_embd": "width",
    "n_ctx": "tokens of a text",
    "n_vocab": "tokens of the vocabulary",
    "batch_size": "texts of a step, of all processes",
    "n_processes": "processes, each with a GPU",
}
SHARES = {
    "billion_tokens": "tokens to train on, in billions",
    "teraflops": "operations a second of a GPU, in TFLOP/s",
    "utilisation": "share of them that is reached",
}
CHOICES = {"precision": ["float32", "bfloat16"], "parallel": ["ddp", "fsdp"]}
MOST = 1e9
MODEL = ("n_layer", "n_head", "n_embd", "n_ctx", "n_vocab")
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
MOST_PARTS = 6  # as many colours are told apart


class Costs(View):
    """See `costs`. `settings` is what the reader has set, `result` what was computed of it."""

    name = "costs"
    _esm = static.module("costs")
    _css = static.style("costs")
    labels = Dict({**COUNTS, **SHARES}).tag(sync=True)
    counts = List(list(COUNTS)).tag(sync=True)  # the whole numbers
    choices = Dict(CHOICES).tag(sync=True)
    presets = Dict().tag(sync=True)  # name -> the numbers of `MODEL`
    preset = Unicode().tag(sync=True)
    settings = Dict().tag(sync=True)
    result = Dict().tag(sync=True)  # words, parts [[name, bytes, in words]], later
    answers = Dict().tag(sync=True)  # in a static view: preset -> result
    version = Int(0).tag(sync=True)  # counts answers, failed ones too

    def __init__(self, ask: Ask, **traits: Any) -> None:
        self._ask = ask
        super().__init__(**traits)
        self.result = self._answer(self.settings)  # a mistake in the first numbers belongs to the caller

    @observe("settings")
    def _again(self, _: object) -> None:
        if not self.result:
            return
        with self.hold_sync():
            self.result = self.guarded(self._answer, self.settings) or self.result
            self.version += 1

    def _answer(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        found = self._ask(_checked(settings))
        parts = [[plain.label(name), n_bytes, si(n_bytes, "B")] for name, n_bytes in found["parts"].items()]
        if len(parts) > MOST_PARTS or plain.numbers([part[1] for part in parts], "bytes of the parts").min() < 0:
            raise ValueError(f"parts: at most {MOST_PARTS}, none of them below 0")
        return {"words": _in_words(found), "parts": parts, "later": si(found["later"], "B") if found["later"] else ""}

    def stored(self) -> dict[str, Any]:
        """The answer for each preset, on a machine as it is set now."""
        return {"answers": {name: self._answer({**self.settings, **model}) for name, model in self.presets.items()}}

    def describe(self) -> str:
        """The result in sentences."""
        return f"What a run costs. {self.result['words']}"

    def face(self) -> str:
        """The result of each preset."""
        machine = [f"{label}: {self.settings[name]}" for name, label in self.labels.items() if name not in MODEL]
        machine += [f"{name}: {self.settings[name]}" for name in self.choices]
        rows = [[name, answer["words"]] for name, answer in self.stored()["answers"].items()]
        return static.table(["model", "; ".join(machine)], rows or [["", self.result["words"]]])


def costs(ask: Ask, settings: Mapping[str, Any], presets: Mapping[str, Mapping[str, int]], preset: str = "") -> Costs:
    """A calculator: boxes for the numbers of a run, and what it costs.

    `settings` has all of `COUNTS`, `SHARES` and `CHOICES`; a preset has those of `MODEL`. `ask(settings)` returns
    `n_params`, `per_token` (operations), `in_all` (operations of the run), `hours`, `parts` (name -> bytes at the peak
    of each process), `later` (bytes of gradients that come when what was kept goes, not in `parts`). Raises ValueError
    for numbers that cannot be; what the reader sets wrong later is told in the view.
    """
    for name, model in presets.items():
        if set(model) != set(MODEL):
            raise ValueError(f"preset {name!r} has {', '.join(model)}: it needs {', '.join(MODEL)}")
    if preset and preset not in presets:
        raise ValueError(f"there is no preset {preset!r}: {', '.join(presets) or 'none'}")
    start = {**settings, **presets.get(preset, {})}
    return Costs(ask, settings=start, presets={name: dict(model) for name, model in presets.items()}, preset=preset)


def _checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    known = {**COUNTS, **SHARES, **CHOICES}
    if set(settings) != set(known):
        raise ValueError(f"settings are {', '.join(settings)}: they should be {', '.join(known)}")
    for name, options in CHOICES.items():
        if settings[name] not in options:
            raise ValueError(f"{name}={settings[name]!r}: take {' or '.join(options)}")
    for name in COUNTS:
        if not isinstance(settings[name], int) or not 1 <= settings[name] <= MOST:
            raise ValueError(f"{COUNTS[name]}: a whole number from 1 to {MOST:,.0f}, not {settings[name]!r}")
    for name in SHARES:
        most = 1 if name == "utilisation" else MOST
        if not isinstance(settings[name], int | float) or not 0 < settings[name] <= most:
            raise ValueError(f"{SHARES[name]}: a number above 0 and at most {most:,.0f}, not {settings[name]!r}")
    return dict(settings)


def _in_words(found: Mapping[str, Any]) -> str:
    """The answer in sentences."""
    peak = sum(found["parts"].values())
    text = f"{found['n_params']:,} parameters; {si(found['per_token'], 'FLOP')} for each token of training. "
    text += f"At most {si(peak, 'B')} of memory in each process. All tokens: {_power(found['in_all'])} operations, "
    return text + _duration(found["hours"]) + "."


def _power(value: float) -> str:
    """8.5e18 -> "8.5 · 10¹⁸"."""
    digits, power = f"{value:.3g}".split("e") if value >= 1000 else (f"{value:.3g}", "")
    return f"{digits} · 10{str(int(power)).translate(RAISED)}" if power else digits


def _duration(hours: float) -> str:
    for name, size in (("years", 24 * 365), ("days", 24), ("hours", 1), ("minutes", 1 / 60)):
        if hours >= 2 * size:
            return f"{hours / size:,.0f} {name}" if hours >= 10 * size else f"{hours / size:.1f} {name}"
    return f"{hours * 3600:.3g} seconds"
