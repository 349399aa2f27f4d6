"""The roofline: how fast operations go, beside what arithmetic and memory allow (Williams et al. 2009)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from traitlets import Dict, Int, List, Unicode, validate

from minigpt.views import plain, static
from minigpt.views.view import View

MOST_KINDS = 6  # as many colours and shapes are told apart
NUMBERS = ("operations", "n_bytes", "seconds")
SLOW, OVER = 0.5, 1.02  # shares of the roof below and above which a word is said
SIZES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


class Roofline(View):
    """See `roofline`. `chosen` is the number of the point that the reader looks at, -1 for none."""

    name = "roofline"
    _esm = static.module("roofline")
    _css = static.style("roofline")
    machine = Unicode().tag(sync=True)
    points = List(Dict()).tag(sync=True)  # name, kind, format, intensity, speed, bound, words
    peaks = Dict().tag(sync=True)  # number format -> operations a second
    bandwidth = List().tag(sync=True)  # [bytes a second], as measured
    others = List(Dict()).tag(sync=True)  # name, peaks, bandwidth, source
    shown = List(Int()).tag(sync=True)  # which of the others are drawn
    chosen = Int(-1).tag(sync=True)

    @validate("chosen")
    def _valid(self, proposal: Any) -> int:
        if not -1 <= proposal["value"] < len(self.points):
            raise ValueError(f"chosen={proposal['value']}: 0 to {len(self.points) - 1} is a point, -1 is none")
        return proposal["value"]

    def describe(self) -> str:
        """The roof, and the operations that come nearest to it and stay farthest from it."""
        roofs = " and ".join(f"{si(peak)} in {name}" for name, peak in self.peaks.items())
        text = f"Roofline of {self.machine}: at most {roofs}, {si(self.bandwidth[0], 'B/s')} from memory."
        if self.points:
            low, high = (pick(self.points, key=share) for pick in (min, max))
            text += f" {len(self.points)} operations, from {share(low):.0%} of what is possible ({low['name']})"
            text += f" to {share(high):.0%} ({high['name']})."
        return text

    def face(self) -> str:
        """The picture, and all points in a table."""
        from minigpt.views import figures
        from minigpt.views.roofline_figure import picture

        rows = [
            [
                one["name"],
                one["format"],
                f"{one['intensity']:.3g}",
                si(one["speed"]),
                si(one["bound"]),
                f"{share(one):.0%}",
                limit(one),
            ]
            for one in self.points
        ]
        head = ["operation", "numbers", "operations per byte", "measured", "roof", "reached", "what limits"]
        return static.image(figures.to_svg(picture(self)), self.describe()) + static.table(head, rows)


def roofline(
    points: Sequence[Mapping[str, Any]],
    peaks: Mapping[str, float],
    bandwidth: float,
    *,
    machine: str = "this machine",
    others: Iterable[Mapping[str, Any]] = (),
) -> Roofline:
    """Operations per byte against operations a second, both logarithmic, under the roof of a machine.

    `peaks`: operations a second for each number format, and `bandwidth` in bytes a second, both measured. Each of
    `points` has a `name`, a `kind`, its `number_format` (one of those of `peaks`), `operations`, `n_bytes` and the
    `seconds` that it took. `others` are machines that may be drawn beside it, from their data sheets: `name`, `peaks`,
    `bandwidth` and `source`. Raises ValueError for numbers that cannot be, and for more than six kinds.
    """
    machine = plain.label(machine)
    _check_roof(peaks, bandwidth, machine)
    drawn = [_checked(point, peaks, bandwidth, n) for n, point in enumerate(points)]
    kinds = list(dict.fromkeys(one["kind"] for one in drawn))
    if len(kinds) > MOST_KINDS:
        raise ValueError(f"{len(kinds)} kinds of operations: at most {MOST_KINDS} can be told apart; join some")
    machines = [_machine(other) for other in others]
    limits = {"peaks": dict(peaks), "bandwidth": [float(bandwidth)]}
    return Roofline(machine=machine, points=drawn, others=machines, **limits)


def si(value: float, unit: str = "FLOP/s") -> str:
    """Three digits and a letter: 1.2e12 -> "1.2 TFLOP/s"."""
    for size, letter in SIZES:
        if value >= size:
            return f"{value / size:.3g} {letter}{unit}"
    return f"{value:.3g} {unit}"


def share(one: Mapping[str, Any]) -> float:
    """How much of what is possible was reached."""
    return one["speed"] / one["bound"]


def limit(one: Mapping[str, Any]) -> str:
    """What sets the roof over a point."""
    return "arithmetic" if one["is_under_peak"] else "bytes"


def in_words(one: Mapping[str, Any], operations: float, n_bytes: float, seconds: float) -> str:
    """A point in sentences."""
    text = f"{one['name']}, {one['format']}: {si(operations, 'FLOP')} on {si(n_bytes, 'B')}, "
    sets = "arithmetic sets" if one["is_under_peak"] else "bytes set"
    text += f"{one['intensity']:.3g} operations a byte. There {sets} the limit, {si(one['bound'])}; measured "
    text += f"{si(one['speed'])}, {share(one):.0%} of it, in {1000 * seconds:.3g} ms."
    if share(one) < SLOW:
        text += " Something else slows it: too little work to fill the machine, a program that could be better, or"
        text += " other programs that were running."
    if share(one) > OVER:
        text += " More than the roof: its numbers came from a cache, or the roof was measured in a busy moment."
    return text


def _checked(point: Mapping[str, Any], peaks: Mapping[str, float], bandwidth: float, n: int) -> dict[str, Any]:
    missing = {"name", "kind", "number_format", *NUMBERS} - set(point)
    if missing:
        raise ValueError(f"points[{n}] lacks {', '.join(sorted(missing))}")
    number_format = point["number_format"]
    if number_format not in peaks:
        raise ValueError(f"points[{n}] is in {number_format!r}, and there is a peak for {', '.join(peaks)}")
    _above_zero([point[name] for name in NUMBERS], f"{', '.join(NUMBERS)} of points[{n}]")
    intensity = point["operations"] / point["n_bytes"]
    one = {
        "name": plain.label(point["name"]),
        "kind": plain.label(point["kind"]),
        "format": number_format,
        "intensity": intensity,
        "speed": point["operations"] / point["seconds"],
        "bound": min(peaks[number_format], intensity * bandwidth),
        "is_under_peak": intensity * bandwidth >= peaks[number_format],
    }
    return one | {"words": in_words(one, *(point[name] for name in NUMBERS))}


def _machine(other: Mapping[str, Any]) -> dict[str, Any]:
    if missing := {"name", "peaks", "bandwidth", "source"} - set(other):
        raise ValueError(f"a machine of `others` lacks {', '.join(sorted(missing))}: say where its numbers come from")
    _check_roof(other["peaks"], other["bandwidth"], other["name"])
    named = {name: plain.label(other[name]) for name in ("name", "source")}
    return {**named, "peaks": dict(other["peaks"]), "bandwidth": float(other["bandwidth"])}


def _check_roof(peaks: Mapping[str, float], bandwidth: float, machine: str) -> None:
    if len(peaks) not in (1, 2):
        raise ValueError(f"peaks of {machine} in {len(peaks)} number formats: one or two can be told apart")
    _above_zero([bandwidth, *peaks.values()], f"peaks and bandwidth of {machine}")


def _above_zero(values: Sequence[Any], what: str) -> None:
    if plain.numbers(values, what, ndim=1).min() <= 0:
        raise ValueError(f"{what} are {list(values)}: all above 0")
