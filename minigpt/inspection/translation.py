"""Recordings of a translator: three kinds of attention, between two sentences.

The encoder looks from source to source, (S, S), the decoder from target to target, (T, T), cross-attention from target
to source, (T, S). These never stack, and each has its own pair of labels: so a translation is three recordings, each
fit for whatever takes a recording, and not one with exceptions.

Shapes: T time (target), S source time, C channels (n_embd), H heads, V vocabulary.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn

from minigpt.inspection.interventions import attention_layers, n_heads
from minigpt.inspection.record import Recording, one_text, record

SIDE = re.compile(r"\b(en|de)coder\b")
CROSS = re.compile(r"cross|encoder_attn|encdec", re.I)  # ours and BERT's, BART's and Marian's, T5's
PARTS = ("encoder", "decoder", "cross")


@dataclass(frozen=True, eq=False)
class TranslationRecording:
    """What went on inside a translator while it read one sentence and was given its translation word by word."""

    encoder: Recording
    """Source tokens looking at source tokens, names such as `encoder.0.attn`; activations of the encoder."""
    decoder: Recording
    """Target tokens looking at those before them, `decoder.0.attn`; all other activations, and the logits."""
    cross: Recording
    """Target tokens looking at source tokens, `decoder.0.cross`."""
    written: tuple[str, ...]
    """What follows each position of the target: the decoder reads `bos w1 … wm`, and is to write `w1 … wm eos`."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all three to one .npz file, numbers and text only, which `load` reads."""
        whole = replace(
            self.decoder,
            tokens=(*self.decoder.tokens, *self.written[-1:]),
            source_tokens=self.encoder.tokens,
            attention={**self.encoder.attention, **self.decoder.attention, **self.cross.attention},
            activations={**self.encoder.activations, **self.decoder.activations},
        )
        whole.save(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "TranslationRecording":
        """Read what `save` wrote; nothing is unpickled. Raises ValueError for a torn file, or one of another kind."""
        whole = Recording.load(path)
        if whole.source_tokens is None or len({part_of(name) for name in whole.attention}) < len(PARTS):
            raise ValueError(f"{path} is no recording of a translator: read it with Recording.load")
        return divided(whole, whole.source_tokens, whole.tokens)


def record_translation(
    model: nn.Module,
    source: Tensor | Sequence[int],
    target: Tensor | Sequence[int],
    source_tokens: Iterable[str] | None = None,
    target_tokens: Iterable[str] | None = None,
    names: str | Iterable[str] = (),
) -> TranslationRecording:
    """Run a translator once over a sentence and its translation, and keep what went on inside, as `record` does.

    `source`: `w1 … wn eos`, `target`: `bos w1 … wm eos`, ids, (S,) and (T+1,) or with a batch of 1. The decoder reads
    all but the last, each position to write the one after. `source_tokens`, `target_tokens`: a label for each id.
    `names`: modules whose outputs to keep, see `record`.

    The model is called as `model(source, target=target)`; what belongs to its encoder has `encoder` in its name, and
    cross-attention has `cross`. Raises ValueError for labels that do not fit and where one
    of the three kinds of attention is not found.
    """
    ids = one_text(model, target)
    labels = tuple(map(str, ids[0].tolist())) if target_tokens is None else tuple(target_tokens)
    if len(labels) != ids.size(1) or len(labels) < 2:
        raise ValueError(
            f"{len(labels)} labels for a target of {ids.size(1)} tokens: give one for each, and at least bos and eos"
        )
    whole = record(model, source, source_tokens, names, labels[:-1], target=ids[:, :-1])
    found = {part_of(name) for name in whole.attention}
    if missing := [part for part in PARTS if part not in found]:
        raise ValueError(
            f"no {' and no '.join(missing)} attention was found in {whole.model}, only {', '.join(whole.attention)}: "
            "names of the encoder's modules have `encoder` in them, those of cross-attention `cross`"
        )
    return divided(whole, whole.tokens, labels)


def part_of(name: str) -> str:
    """Which part a module belongs to, by its name: `decoder.bert.encoder.layer.0` is the decoder's."""
    side = SIDE.search(name)
    return "encoder" if side and side[1] == "en" else "cross" if CROSS.search(name) else "decoder"


def divided(whole: Recording, source: tuple[str, ...], target: tuple[str, ...]) -> TranslationRecording:
    """Three recordings out of one that has all; `target` from bos to eos."""

    def those(arrays, *parts: str):
        return {name: array for name, array in arrays.items() if part_of(name) in parts}

    att, act, read = whole.attention, whole.activations, target[:-1]
    return TranslationRecording(
        encoder=Recording(source, None, those(att, "encoder"), those(act, "encoder"), None, whole.model),
        decoder=Recording(read, None, those(att, "decoder"), those(act, "decoder", "cross"), whole.logits, whole.model),
        cross=Recording(read, source, those(att, "cross"), {}, None, whole.model),
        written=target[1:],
    )


def heads_of(model: nn.Module, part: str) -> nn.ModuleList:
    """The attention layers of one part of a translator, "encoder", "decoder" or "cross", for the interventions.

    `ablate_head(heads_of(model, "cross"), layer=1, head=0)`: of a part, a head is `(layer, head)` as of any model.
    """
    if part not in PARTS:
        raise ValueError(f"part={part!r}: take one of {', '.join(PARTS)}")
    layers = set(map(id, attention_layers(model)))
    found = [module for name, module in model.named_modules() if id(module) in layers and part_of(name) == part]
    if not found or not n_heads(found[0]):
        raise ValueError(f"{type(model).__name__} has no {part} attention whose heads can be told apart")
    return nn.ModuleList(found)
