"""Attention of a translator as one translation is read: encoder, cross-attention and decoder side by side."""

import warnings
from typing import Any

import numpy as np
from traitlets import Bool, Bytes, Dict, Int, List, TraitError, Tuple, Unicode, validate

from minigpt.views import plain, static
from minigpt.views.attention import Weights, as_pandas, attention_traits, checked, uneven_rows
from minigpt.views.view import View

PARTS = ("encoder", "cross", "decoder")
LONGEST = 128  # tokens a sentence: longer ones are no sentences, and their lines a grey cloth


class Translation(View):
    """See `translation`. Each trait may be set from Python, and is set from the page.

    `encoder_head`, `cross_head`, `decoder_head`: the head (layer, head) that each panel draws. `target`, `source`: the
    pinned token, its position; -1 for none, and one of them at most is set. `by_written`: do the rows of the target
    bear the words that are written there, instead of those that are read?
    """

    name = "translation"
    _esm = static.module("translation")
    _css = static.style("translation")
    source_tokens = List(Unicode()).tag(sync=True)
    tokens = List(Unicode()).tag(sync=True)  # what the decoder reads at each position, …
    written = List(Unicode()).tag(sync=True)  # … and what it is to write there; empty if not known
    warning = Unicode("").tag(sync=True)  # of rows that do not sum to 1
    padding = List(Bool()).tag(sync=True)  # for each source token; empty: there is none
    shapes = Dict().tag(sync=True)  # part -> [L, H, T, S]
    causal = Dict().tag(sync=True)  # part -> is it packed as a triangle?
    encoder = Bytes(b"").tag(sync=True)  # weights as in views.heads
    cross = Bytes(b"").tag(sync=True)
    decoder = Bytes(b"").tag(sync=True)
    version = Int(0).tag(sync=True)  # counts recordings: equal bytes alone would fire no change
    encoder_head = Tuple(Int(), Int(), default_value=(0, 0)).tag(sync=True)
    cross_head = Tuple(Int(), Int(), default_value=(0, 0)).tag(sync=True)
    decoder_head = Tuple(Int(), Int(), default_value=(0, 0)).tag(sync=True)
    target = Int(-1).tag(sync=True)
    source = Int(-1).tag(sync=True)
    by_written = Bool(False).tag(sync=True)
    _stacks: dict[str, np.ndarray]  # the exact weights stay in the kernel

    def __init__(self, recording: Any, heads: dict[str, tuple[int, int]], padding: Any = None) -> None:
        traits, stacks = _read(recording, padding)
        if traits["warning"]:
            warnings.warn(traits["warning"], stacklevel=3)  # the line that called `translation`
        last = traits["shapes"]["cross"][0] - 1
        chosen = {f"{part}_head": heads.get(part, (last, 0)) for part in PARTS}
        self._stacks = stacks
        super().__init__(**traits, **chosen, by_written=bool(traits["written"]))

    def show(self, recording: Any, *, padding: Any = None) -> None:
        """Show another translation, by the same model or by another; heads that it has too stay chosen."""
        traits, self._stacks = _read(recording, padding)
        with self.hold_sync():  # one message, so that no half-changed state is drawn
            self.target = self.source = -1
            self.shapes = traits.pop("shapes")
            for part in PARTS:
                layer, head = getattr(self, f"{part}_head")
                n_layer, n_head = self.shapes[part][:2]
                self.set_trait(f"{part}_head", (min(layer, n_layer - 1), min(head, n_head - 1)))
            for name, value in traits.items():
                self.set_trait(name, value)
            self.by_written = self.by_written and bool(self.written)
            self.version += 1

    @validate("encoder_head", "cross_head", "decoder_head")
    def _valid_head(self, proposal: Any) -> tuple[int, int]:
        part, (layer, head) = proposal["trait"].name.removesuffix("_head"), proposal["value"]
        n_layer, n_head = self.shapes.get(part, [0, 0])[:2]
        if self.shapes and not (0 <= layer < n_layer and 0 <= head < n_head):
            raise TraitError(
                f"the {part} has no layer {layer}, head {head}: its layers go from 0 to {n_layer - 1}, its heads from "
                f"0 to {n_head - 1}"
            )
        return layer, head

    @validate("target", "source")
    def _valid_token(self, proposal: Any) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        n = len(self.tokens if name == "target" else self.source_tokens)
        if n and not -1 <= value < n:
            raise TraitError(f"{name}={value}: positions go from 0 to {n - 1}, -1 frees the pinned token")
        return value

    def chosen(self, part: str) -> np.ndarray:
        """The exact weights, (T, S), of the head that a panel draws."""
        return self._stacks[part][getattr(self, f"{part}_head")]

    def to_pandas(self) -> dict[str, Any]:
        """The exact weights of the three heads, part -> a pandas DataFrame: a row for each token that looks."""
        return {part: as_pandas(self.chosen(part), *labels) for part, labels in self._labels().items()}

    def _labels(self) -> dict[str, tuple[list[str], list[str]]]:
        """For each part what its rows and its columns are called."""
        source, reads, rows = self.source_tokens, self.tokens, self.written if self.by_written else self.tokens
        return {"encoder": (source, source), "cross": (rows, source), "decoder": (rows, reads)}

    def describe(self) -> str:
        """What is translated into what, and where each word of the translation looks most."""
        rows = self.written or self.tokens
        looks = [
            f"{row!r} at {self.source_tokens[int(weights.argmax())]!r}"
            for row, weights in zip(rows, self.chosen("cross"), strict=True)
        ]
        layer, head = self.cross_head
        return (
            f"Attention of a translator that reads {' '.join(self.source_tokens)!r} and writes {' '.join(rows)!r}. "
            f"Layer {layer}, head {head} of its cross-attention looks most, word by word: {', '.join(looks)}."
        )

    def face(self) -> str:
        """The three chosen heads as matrices: a row looks, a column is looked at."""
        from minigpt.views import figures

        labels = self._labels()
        titles = {
            part: "{}, layer {}, head {}".format(part.capitalize(), *getattr(self, f"{part}_head")) for part in PARTS
        }
        named = {titles[part]: (self.chosen(part), *labels[part]) for part in PARTS}
        masks = {titles["decoder"]: np.tri(len(self.tokens), dtype=bool)} if self.causal["decoder"] else None
        return static.image(figures.to_svg(figures.matrices(named, masks=masks)), self.describe())


def translation(
    recording: Any,
    *,
    encoder_head: tuple[int, int] | None = None,
    cross_head: tuple[int, int] | None = None,
    decoder_head: tuple[int, int] | None = None,
    padding: Any = None,
) -> Translation:
    """Show one translation: choose a token of the target, and see where it looks in the source and in its own past.

    `recording` has `encoder`, `decoder` and `cross`, each a recording as for `views.heads`, and may have `written`:
    what each position of the target is to write, as `inspection.translation.record_translation` gives. A choice of a
    source token shows where that one looks, and which positions of the target look at it.

    `encoder_head`, `cross_head`, `decoder_head`: the heads (layer, head) to begin with; if not given, the first of the
    last layer. `padding`: (S,) of bool, True for a source token that only fills the row. Raises TypeError for another
    object, ValueError for parts that do not belong together and for sentences beyond 128 tokens.
    """
    heads = {"encoder": encoder_head, "cross": cross_head, "decoder": decoder_head}
    return Translation(recording, {part: head for part, head in heads.items() if head is not None}, padding)


def _read(recording: Any, padding: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Traits of the three parts, checked, and their exact weights."""
    weights: dict[str, Weights] = {}
    for part in PARTS:
        if not hasattr(recording, part):
            raise TypeError(
                f"shown is a recording with `encoder`, `decoder` and `cross`, not {type(recording).__name__}: "
                "minigpt.inspection.translation.record_translation makes one; views.heads shows any single one"
            )
        weights[part] = checked(getattr(recording, part))
    packed = {part: attention_traits(one) for part, one in weights.items()}
    source, target = packed["cross"]["source_tokens"], packed["cross"]["tokens"]
    if packed["encoder"]["tokens"] != source or packed["decoder"]["tokens"] != target:
        raise ValueError(
            "the parts are not of one translation: cross looks from the decoder's tokens to the encoder's, here are "
            f"{len(target)} and {len(source)} tokens, and {len(packed['decoder']['tokens'])} and "
            f"{len(packed['encoder']['tokens'])}"
        )
    if max(len(source), len(target)) > LONGEST:
        raise ValueError(f"{max(len(source), len(target))} tokens are no sentence: at most {LONGEST}, or views.heads")
    given = getattr(recording, "written", None)
    written = plain.labels(given, "written") if given else []
    if written and len(written) != len(target):
        raise ValueError(f"{len(written)} tokens written at {len(target)} positions: give one for each")
    padded = [] if padding is None else np.asarray(padding, dtype=bool).tolist()
    if padded and len(padded) != len(source):
        raise ValueError(f"padding for {len(padded)} tokens, and the source has {len(source)}: give a bool for each")
    traits = {part: one["data"] for part, one in packed.items()}
    traits |= {
        name: {part: one[key] for part, one in packed.items()}
        for name, key in (("shapes", "shape"), ("causal", "causal"))
    }
    uneven = [f"{part.capitalize()}: {text}" for part, one in weights.items() if (text := uneven_rows(one))]
    traits |= dict(source_tokens=source, tokens=target, written=written, padding=padded, warning=" ".join(uneven))
    return traits, {part: np.stack(one.layers) for part, one in weights.items()}
