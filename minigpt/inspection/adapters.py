"""Recordings of models that come from the library transformers, or of the attentions that they gave themselves.

`record` sees into such models from outside, whichever `attn_implementation` they have; here their texts are encoded,
their tokens made readable, and the three kinds of attention of an encoder-decoder told apart.

Shapes: B batch, T time, S source time, H heads, V vocabulary.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

import torch
from torch import Tensor, nn

from minigpt.inspection.record import Recording, record, to_numpy
from minigpt.inspection.translation import TranslationRecording, divided

Text = str | Sequence[int] | Tensor | Mapping[str, Any]


@overload
def from_transformers(
    model: nn.Module, tokenizer: Any, text: Text, target: None = None, *, names: str | Iterable[str] = ()
) -> Recording: ...
@overload
def from_transformers(
    model: nn.Module, tokenizer: Any, text: Text, target: Text, *, names: str | Iterable[str] = ()
) -> TranslationRecording: ...
def from_transformers(
    model: nn.Module, tokenizer: Any, text: Text, target: Text | None = None, *, names: str | Iterable[str] = ()
) -> Recording | TranslationRecording:
    """Run a model of transformers once over one text and keep what went on inside, as `record` does.

    `text`: a string, the ids of one text, or what the tokenizer made of it, whose `attention_mask` and `token_type_ids`
    the model then gets too; without a `tokenizer` (None) it is ids, which label themselves. `names`: modules whose
    outputs to keep, see `record`.

    An encoder-decoder (BART, T5, Marian, …) needs a `target` too: ids as `model.generate` gives them, from the start
    token to the end; a string is encoded, and the start token put before it. The decoder reads all but the last.

    Raises TypeError for another model, ValueError for more than one text, and for a target that is missing or unused.
    """
    is_translator = getattr(getattr(model, "config", None), "is_encoder_decoder", None)
    name = type(model).__name__
    if is_translator is None:
        raise TypeError(f"{name} is no model of transformers: record(model, ids, tokens) takes any module")
    if is_translator != (target is not None):
        raise ValueError(
            f"{name} reads one text and writes another: give target, the text that it writes"
            if is_translator
            else f"{name} reads one text and has no use for a target: leave it out"
        )
    ids, more = encoded(tokenizer, text), beside_ids(model, text)
    if target is None:
        return record(model, ids, labels(tokenizer, ids), names, **more)
    target_ids = encoded(tokenizer, target, "text_target")
    if isinstance(target, str):
        target_ids = [start_token(model), *target_ids]
    if len(target_ids) < 2:
        raise ValueError("the target has only one token: give at least its start and its end")
    source, written = labels(tokenizer, ids), labels(tokenizer, target_ids)
    read = torch.tensor([target_ids[:-1]], device=next(model.parameters()).device)
    whole = record(model, ids, source, names, written[:-1], decoder_input_ids=read, **more)
    return divided(whole, tuple(source), tuple(written))


def from_outputs(
    outputs: Any, tokens: Iterable[str], source_tokens: Iterable[str] | None = None
) -> Recording | TranslationRecording:
    """A recording of what a model of transformers has put out already, called with `output_attentions=True`.

    `tokens`: a label for each position. Of an encoder-decoder `tokens` are the decoder's, `source_tokens` the
    encoder's; what it writes after the last is not known from these and has an empty label. Raises ValueError where
    attentions are missing, of more than one text, or do not fit the labels.
    """
    kinds = ("encoder_attentions", "decoder_attentions", "cross_attentions")
    tokens = tuple(tokens)
    if not hasattr(outputs, kinds[0]):
        if not hasattr(outputs, "attentions"):
            what = type(outputs).__name__
            raise TypeError(f"no attentions in {what}: give what the model returns with return_dict=True")
        return layers_of(outputs, "attentions", tokens, None, getattr(outputs, "logits", None))
    if source_tokens is None:
        raise ValueError("these outputs are of an encoder-decoder: give source_tokens too, the labels of the encoder")
    sources = tuple(source_tokens)
    return TranslationRecording(
        encoder=layers_of(outputs, kinds[0], sources, None, name="encoder.{}"),
        decoder=layers_of(outputs, kinds[1], tokens, None, getattr(outputs, "logits", None), name="decoder.{}"),
        cross=layers_of(outputs, kinds[2], tokens, sources, name="decoder.{}.cross"),
        written=(*tokens[1:], ""),
    )


def layers_of(
    outputs: Any,
    kind: str,
    tokens: tuple[str, ...],
    sources: tuple[str, ...] | None,
    logits: Tensor | None = None,
    name: str = "layer {}",
) -> Recording:
    """A recording of one kind of attention: a tensor (B, H, T, S) for each layer, B = 1."""
    layers = getattr(outputs, kind, None)
    if not layers or any(layer is None for layer in layers):
        raise ValueError(
            f"the model returned no {kind}: call it with output_attentions=True, and load it with "
            "attn_implementation='eager', as sdpa keeps no weights; from_transformers needs neither"
        )
    if not isinstance(layers[0], Tensor):
        raise ValueError(
            "these outputs are of generate(), step by step: one pass over the finished text has all of its attention, "
            "from_transformers(model, tokenizer, ids)"
        )
    for layer in layers:
        if layer.size(0) > 1:
            raise ValueError(f"{layer.size(0)} texts came, a recording is of one: give the model one text")
        if layer.shape[2:] != (fitting := (len(tokens), len(sources or tokens))):
            raise ValueError(f"{kind} of shape {tuple(layer.shape)} need (T, S) = {fitting}, as there are labels")
    attention = {name.format(n): to_numpy(layer[0]) for n, layer in enumerate(layers)}
    kept = None if logits is None or logits.ndim != 3 else to_numpy(logits[0])
    return Recording(tokens, sources, attention, {}, kept, type(outputs).__name__)


def encoded(tokenizer: Any, text: Text, argument: str = "text") -> list[int]:
    """The ids of one text; as `text_target` a tokenizer of two languages takes the second."""
    if isinstance(text, str):
        if tokenizer is None:
            raise ValueError("a text needs its tokenizer; without one, give the ids of the text")
        text = tokenizer(**{argument: text})
    given = text["input_ids"] if isinstance(text, Mapping) else text
    if len(given) and isinstance(given[0], str):
        raise ValueError(f"{len(given)} texts came, a recording is of one: give one string")
    ids = torch.as_tensor(given)
    if ids.ndim == 2 and ids.size(0) > 1:
        raise ValueError(f"{ids.size(0)} texts came, a recording is of one: choose a row, e.g. ids[0]")
    if not ids.numel():
        raise ValueError("the text has no tokens: give at least one")
    return ids.flatten().tolist()


def beside_ids(model: nn.Module, text: Text) -> dict[str, Any]:
    """What a tokenizer made beside the ids of one text: which are padding, and which belong to a second sentence."""
    given = text if isinstance(text, Mapping) else {}
    device = next(model.parameters()).device
    return {
        name: torch.as_tensor(given[name], device=device).reshape(1, -1)
        for name in ("attention_mask", "token_type_ids")
        if name in given
    }


def labels(tokenizer: Any, ids: list[int]) -> list[str]:
    """Readable labels: what stands for a space before a word becomes one, so that "Ġcat" and "▁cat" are " cat"."""
    if tokenizer is None:
        return [str(i) for i in ids]
    tokens = tokenizer.convert_ids_to_tokens(ids)
    decoded = [tokenizer.decode([i], clean_up_tokenization_spaces=False) for i in ids]
    return [token.replace("▁", " ") if "▁" in token else text for token, text in zip(tokens, decoded, strict=True)]


def start_token(model: nn.Module) -> int:
    """The token before a target. Raises ValueError where the model names none."""
    start = getattr(model.config, "decoder_start_token_id", None)
    if start is None:
        raise ValueError("the model's config has no decoder_start_token_id: give the target as ids, its start first")
    return start
