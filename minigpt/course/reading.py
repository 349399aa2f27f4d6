"""How a typed text becomes the ids that a model reads, and a label for each, whichever tokenizer the model has."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from minigpt.config import EncoderConfig
from minigpt.course.blanks import BLANK, not_among
from minigpt.inspection import adapters
from minigpt.text.storyland import split

Read = Callable[[str], tuple[Sequence[int], Sequence[str]]]
"""From a text to its ids, and a label for each."""
Encode = Callable[[str], Iterable[int]]
Labels = Callable[[list[int]], Sequence[str]]


def reader(model: Any, tokenizer: Any) -> Read:
    """How texts are read for this model: by an object with `encode(text)`, a list of words, or a function that does it.

    What our encoders read gets its first and its last token, where the tokenizer gives none. Raises TypeError for
    anything else; what comes back raises ValueError for a text that is empty or longer than the model says it reads.
    """
    config, most = getattr(model, "config", None), longest(model)
    read = read_by(tokenizer, config)

    def fitting(text: str) -> tuple[Sequence[int], Sequence[str]]:
        if not text.strip():
            raise ValueError("Nothing is typed yet: begin with a word.")
        ids, labels = read(text)
        if most is not None and len(ids) > most:
            raise ValueError(f"This text has {len(ids):,} tokens, and {most:,} fit: take away {len(ids) - most:,}.")
        return ids, labels

    return fitting


def read_by(tokenizer: Any, config: Any) -> Read:
    """The same without a look at lengths."""
    if hasattr(tokenizer, "encode"):
        return partial(encoded, *coders(tokenizer), config)
    if isinstance(tokenizer, Sequence) and not isinstance(tokenizer, str):
        return partial(encoded, partial(word_ids, tokenizer, config), lambda ids: [tokenizer[i] for i in ids], config)
    if callable(tokenizer):
        return partial(told, tokenizer)
    raise TypeError(
        f"{type(tokenizer).__name__} is no tokenizer: give an object with encode(text), a list with the word of each "
        "id, or a function from a text to (ids, labels)"
    )


def coders(tokenizer: Any) -> tuple[Encode, Labels]:
    """From a text to its ids, and from ids to labels: of a tokenizer of ours, of transformers, or with `decode`."""
    if hasattr(tokenizer, "convert_ids_to_tokens"):  # of transformers
        return partial(adapters.encoded, tokenizer), partial(adapters.labels, tokenizer)
    return tokenizer.encode, getattr(tokenizer, "labels", lambda ids: [tokenizer.decode([i]) for i in ids])


def encoded(encode: Encode, labels: Labels, config: Any, text: str) -> tuple[list[int], Sequence[str]]:
    """Ids and labels; between the first and the last token of an encoder, if its config names them."""
    ids = list(encode(text))
    if isinstance(config, EncoderConfig) and ids[:1] != [config.cls_id]:
        ids = [config.cls_id, *ids, config.sep_id]
    return ids, labels(ids)


def told(read: Callable[[str], Any], text: str) -> tuple[Sequence[int], Sequence[str]]:
    """What the reader's own function gives. Raises TypeError where that is no pair."""
    pair = read(text)
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise TypeError(f"the function for texts gave {type(pair).__name__}: a pair (ids, labels) is what fits")
    return pair


def word_ids(words: Sequence[str], config: Any, text: str) -> list[int]:
    """The id of each word, and the mask's for `___`. Raises ValueError for a word that is not in the list."""
    number = {word: i for i, word in enumerate(words)}
    mask, parts = getattr(config, "mask_id", None), split(text)
    ids = [mask if BLANK.fullmatch(part) else number.get(part) for part in parts]
    if None in ids:
        raise ValueError(not_among(words, parts[ids.index(None)]))
    return [i for i in ids if i is not None]


def longest(model: Any) -> int | None:
    """How many tokens the model reads at most, where it says so."""
    config = getattr(model, "config", model)
    found = (getattr(config, name, None) for name in ("n_ctx", "max_position_embeddings"))
    return next((n for n in found if isinstance(n, int)), None)
