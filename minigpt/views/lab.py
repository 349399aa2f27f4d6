"""The live lab: type, and all heads, the next token, the lens and one dot product follow; switch heads, and compare."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from traitlets import Bool, Bytes, Dict, Int, List, Unicode

from minigpt.views import plain, static
from minigpt.views.attention import (
    Recording,
    Weights,
    as_pandas,
    attention_traits,
    check_head,
    checked,
    dequantised,
    uneven_rows,
)
from minigpt.views.view import View

Answer = Callable[[dict[str, Any]], Mapping[str, Any]]
REQUEST: dict[str, Any] = {
    "id": 0,  # counts requests
    "prompt": "",
    "other_prompt": None,  # None: nothing to compare with
    "changes": [],  # [layer, head, what] of each changed head: a factor (0: off), "mean", or "patch" from the second
    "layer": 0,
    "head": 0,
    "row": None,  # position of the token that looks; None: the last
    "column": None,  # position looked at; None: where the row looks most
    "position": None,  # of the logit lens; None: the last
    "temperature": 1.0,
    "top_k": None,
    "top_p": None,
}


class Lab(View):
    """See `lab`. `request` is what the reader asks for, with the fields of REQUEST; the other traits answer it."""

    name = "lab"
    _esm = static.module("lab")
    _css = static.style("lab")
    request = Dict().tag(sync=True)
    answered = Int(-1).tag(sync=True)  # counts answers: one that changes nothing else would not reach the page
    tokens = List(Unicode()).tag(sync=True)  # of the prompt; none before the first text
    shape = List(Int()).tag(sync=True)
    causal = Bool(True).tag(sync=True)
    data = Bytes(b"").tag(sync=True)
    other_tokens = List(Unicode()).tag(sync=True)  # of what it is compared with; none where there is nothing
    other_shape = List(Int()).tag(sync=True)
    other_causal = Bool(True).tag(sync=True)
    other_data = Bytes(b"").tag(sync=True)
    warning = Unicode("").tag(sync=True)
    idle = List().tag(sync=True)  # [layer, head] of changed heads whose change cannot be made
    next = Dict().tag(sync=True)
    both = Dict().tag(sync=True)  # the next tokens of both sides
    lens = Dict().tag(sync=True)
    pair = Dict().tag(sync=True)
    two_models = Bool(False).tag(sync=True)

    def __init__(self, answer: Answer, request: dict[str, Any], two_models: bool) -> None:
        self._answer_to = answer
        self._recording: Recording | None = None  # of the first prompt, as it was answered last
        super().__init__(request=request, two_models=two_models)
        self._answer()
        self.observe(self._answer, "request")

    def ask(self, **changes: Any) -> None:
        """Change the request from a cell, e.g. `view.ask(prompt="Once", changes=[[0, 1, 0.0]])`; the page follows."""
        if unknown := changes.keys() - REQUEST.keys():
            raise ValueError(f"a request has no {', '.join(sorted(unknown))}: it has {', '.join(REQUEST)}")
        self.request = {**self.request, **changes, "id": self.request["id"] + 1}

    def _answer(self, _: object = None) -> None:
        with self.hold_sync():  # one message, so that no half-changed state is drawn
            try:
                request = {**self.request, "changes": {(n, h): what for n, h, what in self.request["changes"]}}
                answer = self._answer_to(request)
                traits = _traits(answer)
            except Exception as error:  # whatever it is, it belongs in front of the reader; what was shown stays
                self.error = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            else:
                for name, value in traits.items():
                    self.set_trait(name, value)
                self._recording = answer["recording"]
            self.answered += 1

    def to_pandas(self) -> Any:
        """The exact weights of the enlarged head as a pandas DataFrame: a row for each token that looks."""
        if self._recording is None:
            raise ValueError("no text is typed yet, so there are no weights: type one, or view.ask(prompt=...)")
        layer, head, _ = self._enlarged()
        return as_pandas(self._recording.attention_stack()[layer, head], self.tokens, self.tokens)

    def describe(self) -> str:
        """Size of the model and the text, the likeliest next tokens, and what the enlarged head looks at."""
        if not self.tokens:
            return "The live attention lab, before a text is typed."
        n_layer, n_head, n_tokens, _ = self.shape
        layer, head, weights = self._enlarged()
        most = int(weights[-1].argmax())
        text = (
            f"The live attention lab: {n_layer} layers with {n_head} heads each over {n_tokens} tokens. Enlarged: "
            f"layer {layer}, head {head}, whose last token, {self.tokens[-1]!r}, looks most at {self.tokens[most]!r}, "
            f"position {most}: {weights[-1, most]:.0%}."
        )
        if rows := self.next.get("rows"):
            text += " Likeliest next tokens: " + ", ".join(f"“{label}” {now:.1%}" for label, _, now in rows[:3]) + "."
        return text

    def face(self) -> str:
        """Picture of all heads and the enlarged one, then next tokens and lens as tables."""
        from minigpt.views import figures

        if not self.tokens:
            return "<p>No text is typed yet: run this notebook, and type one.</p>"
        layer, head, large = self._enlarged()
        n_layer, n_head = self.shape[:2]
        weights = [dequantised(self.data, self.shape, self.causal, n) for n in range(n_layer * n_head)]
        title = f"Layer {layer}, head {head}"
        figure = figures.all_heads(weights, n_head, large, self.tokens, self.tokens, self.causal, title)
        face = static.image(figures.to_svg(figure), self.describe())
        if rows := self.next.get("rows"):
            face += static.table(["next token", "probability"], [[f"“{name}”", f"{now:.1%}"] for name, _, now in rows])
        if rows := self.lens.get("rows"):
            header = ["after", f"likeliest token after position {self.lens['position']}", "probability"]
            face += static.table(header, [[name, f"“{label}”", f"{share:.1%}"] for name, label, share in rows])
        return face

    def _enlarged(self) -> tuple[int, int, Any]:
        """The enlarged head, as far as the model has it, and its weights (T, T)."""
        n_layer, n_head = self.shape[:2]
        layer, head = min(self.request["layer"], n_layer - 1), min(self.request["head"], n_head - 1)
        return layer, head, dequantised(self.data, self.shape, self.causal, layer * n_head + head)


def lab(
    answer: Answer,
    prompt: str = "",
    *,
    layer: int = 0,
    head: int = 0,
    other_prompt: str | None = None,
    two_models: bool = False,
) -> Lab:
    """The live lab over `answer(request)`, which the kernel calls for whatever the reader types, moves and switches.

    `request` has the fields of REQUEST, with `changes` as a dict (layer, head) -> a factor, "mean" or "patch". The
    answer is a dict:
    - `recording`: tokens and attention of the prompt, as for `views.heads`; `other`: the same to compare with, or None;
    - `idle`: heads (layer, head) whose change cannot be made; `error` then says why;
    - `next`: `rows` of (label, probability in the untouched model, probability now), `kept` of `of` tokens that can be
      drawn; `both`: `rows` of (label, probability in the first, probability in what it is compared with);
    - `lens`: `position`, and `rows` of (after which part, likeliest token, its probability);
    - `pair`: `layer`, `head`, `row`, `column`, the D numbers each of `query`, `key` and `value`, and the row of
      attention `weights`.
    All but `recording` may be left out: that panel is then not shown. `error` is a message to the reader, and so is a
    ValueError, after which what was shown stays; rows of attention that do not sum to 1 are shown, with a warning.
    `layer`, `head`: what is enlarged at first. `two_models` says that `other` comes from another model. An empty prompt
    waits for a text. Raises ValueError when the first prompt cannot be answered, and for a head that is not there.
    """
    if not callable(answer):
        raise TypeError(f"answer is a function from a request to an answer, not {type(answer).__name__}")
    first = dict(prompt=prompt, other_prompt=other_prompt, layer=layer, head=head)
    view = Lab(answer, {**REQUEST, **first}, two_models)
    if view.error and prompt:
        raise ValueError(view.error)
    if view.shape:
        check_head(view.shape, layer, head)
    if view.warning:
        warnings.warn(view.warning, stacklevel=2)
    return view


def _traits(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer as the traits that tell the page."""
    if "recording" not in answer:
        raise KeyError("answer(request) should return a dict with `recording`")
    weights = checked(answer["recording"])
    other = checked(answer["other"]) if answer.get("other") else None
    nothing = dict(tokens=[], shape=[], causal=True, data=b"")
    traits = _attention(weights)
    traits |= {f"other_{name}": value for name, value in (_attention(other) if other else nothing).items()}
    second = uneven_rows(other) if other else ""
    traits["warning"] = " ".join(filter(None, [uneven_rows(weights), second and f"In the second: {second}"]))
    traits["error"] = str(answer.get("error", ""))
    traits["idle"] = [[int(layer), int(head)] for layer, head in answer.get("idle", [])]
    return traits | {name: clean(answer.get(name) or {}) for name, clean in CLEAN.items()}


def _attention(weights: Weights) -> dict[str, Any]:
    traits = attention_traits(weights)
    del traits["source_tokens"]
    if traits["shape"][2] != traits["shape"][3]:
        raise ValueError("the lab shows texts that look at themselves; for cross-attention there is views.heads")
    return traits


def _next(found: Mapping[str, Any]) -> dict[str, Any]:
    if not found:
        return {}
    return {**_both(found), "kept": int(found["kept"]), "of": int(found["of"])}


def _both(found: Mapping[str, Any]) -> dict[str, Any]:
    if not found:
        return {}
    return {"rows": [[plain.label(label), *_floats([one, other], "next")] for label, one, other in found["rows"]]}


def _lens(found: Mapping[str, Any]) -> dict[str, Any]:
    if not found:
        return {}
    rows = [[name, plain.label(label), *_floats([share], "lens")] for name, label, share in found["rows"]]
    return {"position": int(found["position"]), "rows": rows}


def _pair(found: Mapping[str, Any]) -> dict[str, Any]:
    if not found:
        return {}
    vectors = {name: _floats(found[name], name) for name in ("query", "key", "value", "weights")}
    places = {name: int(found[name]) for name in ("layer", "head", "row", "column")}
    return places | vectors


def _floats(values: Sequence[float], what: str) -> list[float]:
    return plain.numbers(values, what, ndim=1).tolist()


CLEAN = {"next": _next, "both": _both, "lens": _lens, "pair": _pair}
