"""The tokenizer's playground: type a text, see its tokens, their ids, bytes and counts; two tokenizers side by side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from traitlets import Dict, List, Unicode

from minigpt.views import plain, static
from minigpt.views.view import View

Encode = Callable[[str], Iterable[tuple[str, int, bytes]]]
MOST = 2_000  # characters that a reader may still want to see as chips


class Tokens(View):
    """See `tokens`. `texts` holds one text for all panes, or one for each."""

    name = "tokens"
    _esm = static.module("tokens")
    _css = static.style("tokens")
    names = List(Unicode()).tag(sync=True)
    texts = List(Unicode()).tag(sync=True)
    results = List(Dict()).tag(sync=True)  # one a pane: the text, and its tokens as [label, id, bytes in hex]
    examples = List(Unicode()).tag(sync=True)
    answers = Dict().tag(sync=True)  # in a static view: example -> results, for no kernel is there to encode

    def __init__(self, encoders: Sequence[Encode], **traits: Any) -> None:
        self._encoders = encoders
        super().__init__(**traits)
        self._encode_texts()
        self.observe(self._encode_texts, "texts")

    def _encode_texts(self, _: object = None) -> None:
        results = self.guarded(self._encoded, self.texts)
        if results is not None:
            self.results = results

    def _encoded(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        each = texts if len(texts) > 1 else [texts[0]] * len(self._encoders)
        return [
            {"text": text, "tokens": _tokens_of(encode, text)}
            for encode, text in zip(self._encoders, each, strict=True)
        ]

    def stored(self) -> dict[str, Any]:
        """The answers that the examples need, where one text is shared by all panes."""
        return {"answers": {example: self._encoded([example]) for example in self.examples}}

    def describe(self) -> str:
        """How many tokens each tokenizer needs."""
        counts = [
            f"{name}: {len(result['tokens'])} tokens for {len(result['text'])} characters"
            for name, result in zip(self.names, self.results, strict=True)
        ]
        return "; ".join(counts) + "."

    def face(self) -> str:
        """Each pane as a table: its tokens and their ids."""
        rows = [
            [name, len(result["tokens"]), "|".join(label for label, _, _ in result["tokens"]), _ids(result["tokens"])]
            for name, result in zip(self.names, self.results, strict=True)
        ]
        return static.table(["tokenizer", "tokens", "the text, cut into tokens", "ids"], rows)


def tokens(
    encoders: Any, text: str | Sequence[str] = "The cat sat on the mat.", *, examples: Sequence[str] = ()
) -> Tokens:
    """Type a text and see its tokens as chips, with ids, bytes and counts.

    `encoders` is one tokenizer or several by name, shown side by side; a tokenizer is one of `minigpt.text.tokenizers`,
    or a function `encode(text) -> list of (label, id, bytes)`. One `text` is shared by all of them; a list gives each
    its own, e.g. the same sentence in two languages. `examples` are texts to choose from, which also work in a saved
    notebook, where no kernel encodes what is typed.
    """
    named = encoders if isinstance(encoders, Mapping) else {"tokens": encoders}
    if not named:
        raise ValueError("encoders is empty: give at least one tokenizer")
    texts = [text] if isinstance(text, str) else list(text)
    if len(texts) not in (1, len(named)):
        raise ValueError(f"{len(texts)} texts do not fit {len(named)} tokenizers: give one text, or one for each")
    if examples and len(texts) > 1:
        raise ValueError(
            "examples replace the one text that all tokenizers share: with a text for each, leave them out"
        )
    for one in (*texts, *examples):
        if len(one) > MOST:
            raise ValueError(f"a text of {len(one):,} characters is too long to look at: show at most {MOST:,}")
    view = Tokens(
        [_encoder(name, given) for name, given in named.items()],
        names=plain.labels(named, "the tokenizers' names"),
        texts=texts,
        examples=list(examples),
    )
    if view.error:
        raise ValueError(f"the tokenizer does not encode this text: {view.error}")
    return view


def _encoder(name: str, given: Any) -> Encode:
    if all(hasattr(given, method) for method in ("encode", "labels", "token_bytes")):

        def encode(text: str) -> list[tuple[str, int, bytes]]:
            ids = given.encode(text)
            return list(zip(given.labels(ids), ids, map(given.token_bytes, ids), strict=True))

        return encode
    if callable(given):
        return cast(Encode, given)
    raise TypeError(f"{name} is neither a tokenizer nor a function encode(text) -> list of (label, id, bytes)")


def _tokens_of(encode: Encode, text: str) -> list[tuple[str, int, str]]:
    return [(plain.label(label), int(number), bytes(raw).hex(" ")) for label, number, raw in encode(text)]


def _ids(tokens: Sequence[tuple[str, int, str]]) -> str:
    return plain.shortened(" ".join(str(number) for _, number, _ in tokens), 400)
