"""One forward pass as a strip of stages, from bytes to the next token's probability; each opens."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from traitlets import Bytes, Dict, Int, List, Unicode

from minigpt.views import plain, static
from minigpt.views.view import View

LISTED = 64  # numbers that are listed one by one
LARGEST = 16  # of a longer list
MOST = (16, 24, 64)  # heads, rows, columns of a matrix that are shown
STEPS = 32_767  # a cell takes two bytes, as a share of the stage's largest


class Follow(View):
    """See `follow`. `stage` is the open one."""

    name = "follow"
    _esm = static.module("follow")
    _css = static.style("follow")
    tokens = List(Unicode()).tag(sync=True)
    stages = List(Dict()).tag(sync=True)
    data = Bytes().tag(sync=True)  # the cells of all matrices, one after the other, each as two bytes
    stage = Int(0).tag(sync=True)

    def describe(self) -> str:
        """Where the way begins and ends, and how long it is."""
        first, last = self.stages[0]["name"], self.stages[-1]["name"]
        return f"One forward pass in {len(self.stages)} stages, from “{first}” to “{last}”."

    def face(self) -> str:
        """The stages as a table."""
        rows = [[one["name"], one["letters"], one["sizes"], one["explanation"]] for one in self.stages]
        return static.table(["stage", "shape", "sizes", "what happens"], rows)


def follow(
    stages: Iterable[Any],
    tokens: Sequence[str] = (),
    *,
    labels: Callable[[list[int]], Sequence[str]] | None = None,
    stage: int = 0,
) -> Follow:
    """Follow a text through a model, stage by stage.

    A stage has `name`, `shape` (in letters), `explanation` and `array`, as attributes or as keys: what
    `minigpt.inspection.follow` gives. Its array is a list of strings, or numbers: a single row is listed (of a long
    one, such as the logits, the largest), a matrix (T, C) or several, (H, T, S), become a picture. `tokens` are labels
    of the T positions; `labels` names the entries of the vocabulary, as a tokenizer's `labels` does. Large matrices are
    shown from their beginning, and say so.
    """
    names = plain.labels(tokens, "tokens") if tokens else []
    shown, data = [], []
    for one in stages:
        name, letters, explanation, array = (_part(one, key) for key in ("name", "shape", "explanation", "array"))
        content, cells = _content(array, name, names, labels)
        shown.append({"name": plain.label(name), "letters": str(letters), "explanation": str(explanation), **content})
        data.append(cells)
    if not shown:
        raise ValueError("stages is empty: there is nothing to follow")
    if stage not in range(len(shown)):
        raise ValueError(f"stage={stage} is not one of the {len(shown)} stages, which count from 0")
    return Follow(tokens=names, stages=shown, data=b"".join(data), stage=stage)


def _part(stage: Any, key: str) -> Any:
    try:
        return stage[key] if isinstance(stage, Mapping) else getattr(stage, key)
    except (KeyError, AttributeError) as error:
        raise TypeError(f"a stage needs name, shape, explanation and array; {key} is missing in {stage!r}") from error


def _content(array: Any, name: str, tokens: Sequence[str], labels: Callable | None) -> tuple[dict, bytes]:
    """What is shown of a stage's array, and the cells of its picture, if it has one."""
    if isinstance(array, (list, tuple)) and array and isinstance(array[0], str):
        return {"items": [[label, ""] for label in plain.labels(array, name)], "sizes": f"({len(array)})"}, b""
    values = np.atleast_1d(plain.numbers(array, f"the array of “{name}”"))
    content, cells = _listed(values, tokens, labels) if values.ndim == 1 else _pictured(values, name)
    return {"sizes": f"({', '.join(map(str, values.shape))})", **content}, cells


def _listed(array: np.ndarray, tokens: Sequence[str], labels: Callable | None) -> tuple[dict, bytes]:
    """A row of numbers as [label, number] each; of a long one the largest, with their places or names."""
    if len(array) <= LISTED:
        names = tokens if len(tokens) == len(array) else [""] * len(array)
        return {"items": [[name, f"{value:.6g}"] for name, value in zip(names, array, strict=True)]}, b""
    places = [int(place) for place in np.argsort(-array, kind="stable")[:LARGEST]]
    names = plain.labels(labels(places), "labels") if labels else [f"entry {place}" for place in places]
    items = [[name, f"{array[place]:.4g}"] for name, place in zip(names, places, strict=True)]
    return {"items": items, "note": f"The {LARGEST} largest of {len(array):,}."}, b""


def _pictured(array: np.ndarray, name: str) -> tuple[dict, bytes]:
    """One matrix or several as cells of two bytes each, cut to what can be looked at."""
    if array.ndim > 3:
        raise ValueError(f"the array of “{name}” has the shape {array.shape}: give one text's, array[0]")
    cells = (array if array.ndim == 3 else array[None])[: MOST[0], : MOST[1], : MOST[2]]
    top = float(np.abs(cells).max()) or 1.0
    picture: dict[str, Any] = {"dims": list(cells.shape), "top": top}
    if cells.size < array.size:
        picture["note"] = f"Shown is the beginning: {cells.shape[3 - array.ndim :]} of {array.shape}."
    return picture, np.rint(cells / top * STEPS).astype("<i2").tobytes()
