"""What may enter a view: plain labels and finite numbers, checked and cleaned at the edge."""

import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np

SEEN = {"\n": "⏎", "\r": "␍", "\t": "⇥"}
JOINERS = "\u200c\u200d"  # they shape letters and emoji: harmless, and needed


def label(text: str) -> str:
    """The text as it can be shown in one line: "a\\n" -> "a⏎".

    A space stays a space. What has no picture or would rearrange the text around it (control characters, marks of
    writing direction, lone surrogates) is written as its code, a leading combining mark gets a circle to sit on, and
    nothing at all becomes "∅".
    """
    if not isinstance(text, str):
        raise TypeError(f"a label is a string, not {text!r}: a tokenizer's labels(ids) makes them from ids")
    if not text:
        return "∅"
    shown = "".join(map(_shown, text))
    return "◌" + shown if unicodedata.combining(shown[0]) else shown


def _shown(letter: str) -> str:
    if letter in SEEN:
        return SEEN[letter]
    if letter in JOINERS or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return letter
    return f"\\u{{{ord(letter):x}}}"


def labels(texts: Iterable[str], what: str) -> list[str]:
    """Each text as a label; `what` names the argument in the error. A bare string is refused: is it one or many?"""
    if isinstance(texts, str):
        raise TypeError(f"{what} is a list of strings, not one string: [{texts[:20]!r}, …]")
    cleaned = [label(text) for text in texts]
    if not cleaned:
        raise ValueError(f"{what} is empty: there is nothing to show")
    return cleaned


def numbers(values: Any, what: str, ndim: int | None = None) -> np.ndarray:
    """The values as a float array of `ndim` dimensions, all finite and at least one; `what` names them in the error."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} should be numbers in an even shape: {error}") from error
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{what} should have {ndim} dimension(s), not the shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{what} is empty: there is nothing to show")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise ValueError(
            f"{what} holds {bad} value(s) that are not finite (NaN or infinity): look where they come from"
        )
    return array


def shortened(text: str, width: int) -> str:
    """At most `width` characters, the last of them "…" where some are missing."""
    return text if len(text) <= width else text[: width - 1] + "…"
