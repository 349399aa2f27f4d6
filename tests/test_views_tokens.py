"""The tokenizer's playground: what is typed is encoded, what fails is told."""

import pytest

from minigpt import views
from minigpt.text.tokenizers import CharTokenizer


def encode(text: str) -> list[tuple[str, int, bytes]]:
    return [(letter, ord(letter), letter.encode()) for letter in text]


def test_a_typed_text_is_encoded_for_every_pane() -> None:
    view = views.tokens({"letters": encode, "twice": lambda text: encode(text * 2)}, "a")
    view.texts = ["é"]  # as the browser sets it
    assert view.results == [
        {"text": "é", "tokens": [("é", 233, "c3 a9")]},
        {"text": "é", "tokens": [("é", 233, "c3 a9"), ("é", 233, "c3 a9")]},
    ]


def test_each_pane_can_have_a_text_of_its_own() -> None:
    view = views.tokens({"English": encode, "Portuguese": encode}, ["cat", "gato"])
    assert [len(result["tokens"]) for result in view.results] == [3, 4]


def test_a_tokenizer_of_the_package_is_taken_as_it_is() -> None:
    view = views.tokens(CharTokenizer("ab\n"), "b\na")
    assert view.results[0]["tokens"] == [("b", 1, "62"), ("⏎", 2, "0a"), ("a", 0, "61")]


def test_a_text_that_cannot_be_encoded_is_told_and_the_last_result_stays() -> None:
    view = views.tokens(CharTokenizer("ab"), "ab")
    before = view.results
    view.texts = ["abc"]
    assert view.error
    assert view.results == before
    view.texts = ["a"]
    assert view.error == ""


def test_examples_have_their_answers_in_a_saved_notebook() -> None:
    view = views.tokens(encode, "a", examples=["b", "<script>"])
    assert view.stored()["answers"]["b"] == [{"text": "b", "tokens": [("b", 98, "62")]}]


def test_the_face_shows_markup_as_text() -> None:
    face = views.tokens(encode, "<b>").face()
    assert "&lt;|b|&gt;" in face
    assert ">60 98 62</td>" in face


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(encoders={}), ValueError, "at least one"),
        (dict(encoders=encode, text=["a", "b"]), ValueError, "2 texts do not fit 1"),
        (dict(encoders="gpt2"), TypeError, "neither a tokenizer nor a function"),
        (dict(encoders=encode, text="a" * 2001), ValueError, "2,001 characters"),
        (dict(encoders=CharTokenizer("a"), text="b"), ValueError, "does not encode"),
        (dict(encoders={"a": encode, "b": encode}, text=["a", "b"], examples=["c"]), ValueError, "leave them out"),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        views.tokens(**arguments)
