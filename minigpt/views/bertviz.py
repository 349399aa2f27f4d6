"""Attention in the views of the package bertviz, as its author made them, without a network.

bertviz 1.4.1 expects require.js, which JupyterLab 4 does not have, and fetches d3 and jQuery from the internet. Its
page runs unchanged in a frame of its own, where bertviz.js gives it what it asks for: d3 from the package mpld3, jQuery
from sphinxcontrib-jquery. Only the tag that would fetch require.js is left out, and the random name of its part of the
page becomes a fixed one, so that the same numbers give the same notebook.

It writes every weight as text and draws a line for each: hence the limits of length. `views.heads` has none so low.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from minigpt.views import plain, static
from minigpt.views.attention import Recording, checked, uneven_rows
from minigpt.views.bertviz_page import libraries, page_parts

MAX_TOKENS = {"head": 64, "model": 32, "neuron": 32}  # longer ones keep the page busy for many seconds
TOKENS = {
    "": ["tokens"],
    "Encoder": ["encoder_tokens"],
    "Decoder": ["decoder_tokens"],
    "Cross": ["decoder_tokens", "encoder_tokens"],
}
"""For each kind of attention bertviz's names for the tokens that look and those that they look at."""


class Bertviz:
    """One of bertviz's views for a notebook: a picture with a description, and over it, where scripts run, the view."""

    def __init__(self, kind: str, html: str, title: str, face: Callable[[], str], saved: str = "view") -> None:
        if saved not in ("view", "picture"):
            raise ValueError(f"saved is {saved!r}: a saved notebook can keep the 'view', or its 'picture' alone")
        self.kind, self.html, self.title, self.face, self.saved = kind, html, title, face, saved

    def state(self) -> dict[str, Any]:
        """What bertviz.js needs: the libraries, and bertviz's page in pieces."""
        return {"kind": self.kind, **libraries(), **page_parts(self.html)}

    def _repr_html_(self) -> str:
        if self.saved == "picture" and static.is_static():
            return f"{self.face()}<p><small>A picture: run the cell for bertviz's {self.kind} view itself.</small></p>"
        return static.embed("bertviz", self.title, self.face(), self.state())

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": self.title}


def bertviz(
    recording: Any = None,
    view: str = "head",
    layers: Iterable[int] | None = None,
    heads: Iterable[int] | None = None,
    *,
    encoder: Recording | None = None,
    decoder: Recording | None = None,
    cross: Recording | None = None,
    saved: str = "view",
) -> Bertviz:
    """Attention in bertviz's head view (one layer, lines between tokens) or model view (all heads, small).

    `recording`: attention of one text, or of one to another; see `views.heads`. A translator's has three of them as its
    `encoder`, `decoder` and `cross`, which can be given by name too, or some of them: the view switches between.
    `layers`, `heads`: those to show, counted from 0, in this order; all if not given. In the head view `heads` are only
    those switched on at first. A double click on a colour there shows that head alone. `saved`: what a notebook keeps
    that is executed in static mode, the "view" with d3 and jQuery (some 150 kB) or only its "picture".

    Weights are rounded to three decimals, finer than the shades of a screen; of rows that do not sum to 1 it warns.
    Raises ValueError for more than 64 tokens (head view) or 32 (model view), ImportError without bertviz.
    """
    if view not in ("head", "model"):
        raise ValueError(
            f"view is {view!r}: there are 'head' and 'model', and views.bertviz_neuron for queries and keys"
        )
    if encoder is decoder is cross is None and hasattr(recording, "cross"):
        recording, encoder, decoder, cross = None, recording.encoder, recording.decoder, recording.cross
    parts = {"Encoder": encoder, "Decoder": decoder, "Cross": cross}
    given = {name: part for name, part in parts.items() if part is not None}
    if (recording is None) == (not given):
        raise ValueError("give one recording, or those of a translator by name: encoder=, decoder=, cross=")
    if recording is not None:
        given = {"" if getattr(recording, "source_tokens", None) is None else "Cross": recording}
    shown = {name: _Part(part, view) for name, part in given.items()}
    for part in shown.values():
        if part.warning:
            warnings.warn(part.warning, stacklevel=2)
    inputs, n_layer, n_head = _inputs(shown)
    layers, heads = _chosen(layers, n_layer, "layer"), _chosen(heads, n_head, "head")
    inputs |= {"include_layers": layers, "prettify_tokens": False}  # labels are pretty already
    if view == "head":
        html = _page(_package().head_view, **inputs, layer=layers[0], heads=heads)
    else:
        html = _page(_package().model_view, **inputs, include_heads=heads, display_mode="light")
    title = " ".join(
        [f"bertviz, {view} view.", *(part.describe(name, layers[0], heads[0]) for name, part in shown.items())]
    )
    drawn = layers[:1] if view == "head" else layers
    face = lambda: "".join(part.face(name, drawn, heads) for name, part in shown.items())  # noqa: E731
    return Bertviz(view, html, title, face, saved)


def bertviz_neuron(
    q: Any, k: Any, tokens: Iterable[str], layer: int = 0, head: int = 0, *, saved: str = "view"
) -> Bertviz:
    """Queries and keys in bertviz's neuron view: choose a token, then "+", and see the dot products number by number.

    `q`, `k`: (T, D) of one head, (H, T, D) of a layer's heads or (L, H, T, D), with D channels per head; `layer` and
    `head` are shown first. The weights are GPT's: softmax of q·k / sqrt(D) over the tokens up to and with one's own.
    `saved` as in `bertviz`.

    Raises ValueError for more than 32 tokens or for shapes that do not fit, ImportError where bertviz is missing.
    """
    labels = plain.labels(tokens, "tokens")
    _check_length("neuron", len(labels))
    queries, keys = (plain.numbers(x, name) for x, name in ((q, "q"), (k, "k")))
    if queries.shape != keys.shape or not 2 <= queries.ndim <= 4 or queries.shape[-2] != len(labels):
        raise ValueError(
            f"q of shape {queries.shape} and k of shape {keys.shape} with {len(labels)} tokens: both are (T, D), "
            f"(H, T, D) or (L, H, T, D), with T={len(labels)}"
        )
    queries, keys = (x.reshape(*[1] * (4 - x.ndim), *x.shape) for x in (queries, keys))
    (layer,), (head,) = _chosen([layer], len(queries), "layer"), _chosen([head], queries.shape[1], "head")
    weights = causal_weights(queries, keys)
    recording: Any = SimpleNamespace(tokens=labels, attention_stack=lambda: weights)
    part, known = _Part(recording, "neuron"), _Known(labels, weights, queries, keys)
    _package()
    from bertviz.neuron_view import show

    # "gpt2" is bertviz's word for attention that does not see the future; no GPT-2 of its own is run
    html = _page(show, known, "gpt2", known, "known", display_mode="light", layer=layer, head=head)
    title = f"bertviz, neuron view. {part.describe('', layer, head)}"
    return Bertviz("neuron", html, title, lambda: part.face("", [layer], [head]), saved)


def causal_weights(queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """(…, T, D) queries and keys -> (…, T, T) weights: softmax of q·k / sqrt(D), the future masked."""
    scores = queries @ keys.swapaxes(-1, -2) / np.sqrt(queries.shape[-1])
    scores[..., np.triu(np.ones(scores.shape[-2:], dtype=bool), 1)] = -np.inf
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


class _Part:
    """One recording, checked: all that bertviz is told of it. `stack` has its weights, (L, H, T, S)."""

    def __init__(self, recording: Recording, view: str) -> None:
        weights = checked(recording)
        self.tokens, self.sources, layers, self.causal = weights
        _check_length(view, max(len(self.tokens), len(self.sources)))
        self.warning = uneven_rows(weights)
        self.is_cross = getattr(recording, "source_tokens", None) is not None
        self.stack = np.stack(layers, dtype=np.float64)  # 0.333 as a float32 would be written in 18 digits

    def describe(self, name: str, layer: int, head: int) -> str:
        """One sentence: how many heads, and where the last token looks most in one of them."""
        n_layer, n_head, n_tokens, n_sources = self.stack.shape
        row = self.stack[layer, head, -1]
        most = int(row.argmax())
        what = f"{name} attention".strip().capitalize()
        to = f" to {n_sources} others" if self.is_cross else ""
        return (
            f"{what}: {n_layer} layers with {n_head} heads each over {n_tokens} tokens{to}; in layer {layer}, head "
            f"{head} the last token, {self.tokens[-1]!r}, looks most at {self.sources[most]!r}, position {most}: "
            f"{row[most]:.0%}."
        )

    def face(self, name: str, layers: list[int], heads: list[int]) -> str:
        """A picture of these heads of these layers, the first of them with its labels."""
        from minigpt.views import figures

        weights = [self.stack[layer, head] for layer in layers for head in heads]
        title = f"{name and name + ', '}layer {layers[0]}, head {heads[0]}".capitalize()
        texts, names = (self.tokens, self.sources), (layers, heads)
        figure = figures.all_heads(weights, len(heads), weights[0], *texts, self.causal, title, names)
        return static.image(figures.to_svg(figure), self.describe(name, layers[0], heads[0]))


class _Known:
    """Stands in for the model and the tokenizer that bertviz's neuron view asks: all the answers are known.

    `weights` (L, H, T, T), `queries` and `keys` (L, H, T, D).
    """

    def __init__(self, tokens: list[str], weights: np.ndarray, queries: np.ndarray, keys: np.ndarray) -> None:
        self.tokens = _short(tokens)
        arrays = {"attn": weights, "queries": queries, "keys": keys}
        rounded = {name: np.round(array, 3) for name, array in arrays.items()}
        self.layers = [{name: array[n : n + 1] for name, array in rounded.items()} for n in range(len(queries))]

    def eval(self) -> None:
        """Nothing to prepare."""

    def __call__(self, ids: Any) -> tuple[list[dict[str, np.ndarray]]]:
        return (self.layers,)

    def tokenize(self, text: str) -> list[str]:
        return self.tokens

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        return list(range(len(tokens)))


def _inputs(shown: Mapping[str, _Part]) -> tuple[dict[str, Any], int, int]:
    """bertviz's arguments for attention and tokens, and how many layers and heads all parts have."""
    sizes = {part.stack.shape[:2] for part in shown.values()}
    if len(sizes) > 1:
        listed = ", ".join(f"{name} {part.stack.shape[:2]}" for name, part in shown.items())
        raise ValueError(
            f"bertviz shows the same layers and heads of each part, here are {listed}: show them one by one"
        )
    inputs: dict[str, Any] = {}
    labels: dict[str, list[str]] = {}
    for name, part in shown.items():
        if part.is_cross and name != "Cross":
            raise ValueError(f"{name.lower()}= looks at tokens of another text: give it as cross=")
        inputs[f"{name.lower()}_attention".lstrip("_")] = _tensors(part.stack)
        for key, tokens in zip(TOKENS[name], (part.tokens, part.sources), strict=False):
            if labels.setdefault(key, tokens) != tokens:
                raise ValueError(f"cross= has other {key} than {key[:7]}=: record all with the same two texts")
    inputs |= {key: _short(tokens) for key, tokens in labels.items()}
    return inputs, *sizes.pop()


def _tensors(stack: np.ndarray) -> list[Any]:
    """A tensor (1, H, T, S) for each layer: bertviz takes nothing else, and so has PyTorch, which no view imports."""
    _package()
    from bertviz.util import torch

    return [torch.from_numpy(np.round(layer, 3)[None]) for layer in stack]


def _package() -> Any:
    try:
        import bertviz as package
    except ImportError as error:
        raise ImportError(
            "views.bertviz needs the package bertviz: pip install bertviz; views.heads shows attention without it"
        ) from error
    return package


def _page(view: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    """The HTML that a function of bertviz returns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its .js file open
        return view(*arguments, **named, html_action="return").data


def _check_length(view: str, n_tokens: int) -> None:
    if n_tokens > MAX_TOKENS[view]:
        raise ValueError(
            f"{n_tokens:,} tokens are too many for bertviz's {view} view, which takes {MAX_TOKENS[view]}: shorten "
            "the text, or use views.heads"
        )


def _chosen(numbers: Iterable[int] | None, count: int, what: str) -> list[int]:
    if numbers is None:
        return list(range(count))
    if not isinstance(numbers, Iterable):
        raise TypeError(f"{what}s is a list of numbers, e.g. {what}s=[{numbers!r}], not {numbers!r} alone")
    chosen = [int(number) for number in numbers]
    if not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(range(count)):
        raise ValueError(f"{what}s {chosen}: choose different ones from 0 to {count - 1}, at least one")
    return chosen


def _short(tokens: list[str]) -> list[str]:
    """As many letters as bertviz has room for."""
    return [plain.shortened(token, 14) for token in tokens]
