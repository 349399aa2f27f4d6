"""What may enter a view: labels that cannot harm the page, numbers that can be drawn."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt.views import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" the", " the"),
        ("a\n", "a⏎"),
        ("\t", "⇥"),
        ("", "∅"),
        ("<b>", "<b>"),
        ("\u202eabc", "\\u{202e}abc"),  # would turn the text after it around
        ("\u0301", "◌\u0301"),  # an accent without a letter
        ("\ud800", "\\u{d800}"),  # half a surrogate pair cannot be sent to a browser
        ("\u0645\u200c", "\u0645\u200c"),  # Persian needs its joiners
        ("\x00", "\\u{0}"),
    ],
)
def test_a_label_shows_what_has_no_picture(text: str, shown: str) -> None:
    assert plain.label(text) == shown


@given(st.text(st.characters()))
def test_a_label_is_one_line_that_any_browser_takes(text: str) -> None:
    shown = plain.label(text)
    assert len(shown.splitlines()) == 1
    shown.encode()  # no lone surrogate is left
    assert not any(unicodedata.bidirectional(letter) in ("RLO", "LRO", "RLI", "LRI", "FSI") for letter in shown)


def test_ids_are_refused_as_labels() -> None:
    with pytest.raises(TypeError, match=r"labels\(ids\)"):
        plain.labels([464, 3797], "tokens")  # type: ignore[list-item]


def test_one_string_is_refused_as_a_list_of_labels() -> None:
    with pytest.raises(TypeError, match="list of strings"):
        plain.labels("the cat", "tokens")


def test_an_empty_list_of_labels_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match="tokens is empty"):
        plain.labels([], "tokens")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_counted(bad: float) -> None:
    with pytest.raises(ValueError, match=r"values holds 2 value\(s\) that are not finite"):
        plain.numbers([1.0, bad, bad], "values")


def test_numbers_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"2 dimension\(s\), not the shape \(3,\)"):
        plain.numbers([1, 2, 3], "values", ndim=2)
    with pytest.raises(TypeError, match="even shape"):
        plain.numbers([[1, 2], [3]], "values")
    with pytest.raises(ValueError, match="empty"):
        plain.numbers([], "values")


def test_a_long_text_is_shortened_to_its_width() -> None:
    assert plain.shortened("abcdef", 4) == "abc…"
    assert plain.shortened("abcd", 4) == "abcd"
