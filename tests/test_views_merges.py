"""The merge animation: numbered symbols that stand for the same text as the trainer's."""

import pytest

from minigpt import views
from minigpt.text.bpe import split_words
from minigpt.text.tokenizers import BPETokenizer

TEXT = "low lower lowest, new newer newest: não é só isso"


def test_all_merges_cut_the_text_as_the_trained_tokenizer_does() -> None:
    steps = [step for step, _ in zip(BPETokenizer.train_steps(TEXT * 3), range(12), strict=False)]
    tokenizer = BPETokenizer([(left, right) for left, right, _ in steps])
    view = views.merges(split_words(TEXT), steps)
    shown = [view.labels[symbol] for word in view._after(len(steps)) for symbol in word]
    assert shown == tokenizer.labels(tokenizer.encode(TEXT))


def test_symbols_of_strings_start_as_characters() -> None:
    view = views.merges(["low", "lot"], [("l", "o", 2)])
    assert view.labels == ["l", "o", "w", "t", "lo"]
    assert view.words == [[0, 1, 2], [0, 1, 3]]
    assert view.steps == [[0, 1, 4, 2]]
    assert view.base == 4


def test_bytes_that_are_no_letter_by_themselves_are_shown_as_codes() -> None:
    view = views.merges(["é"], [(b"\xc3", b"\xa9", 1)])
    assert view.labels == ["\\xc3", "\\xa9", "é"]
    assert view.base == 256


def test_the_face_tells_the_steps_with_the_text_cut_after_each() -> None:
    face = views.merges(["low", "lot"], [("l", "o", 2), ("lo", "<", 1)]).face()
    assert "l|o|w  l|o|t" in face
    assert "lo|w  lo|t" in face
    assert "“lo” + “&lt;”" in face


def test_a_long_list_of_steps_has_a_short_table_that_ends_with_the_last() -> None:
    steps = [("a" * n, "a", 1) for n in range(1, 100)]
    face = views.merges(["a" * 50], steps).face()
    assert face.count("<tr>") <= 13
    assert ">99</td>" in face


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("low lot", [("l", "o", 2)]), TypeError, "split_words"),
        (([], [("l", "o", 2)]), ValueError, "words is empty"),
        ((["low"], []), ValueError, "steps is empty"),
        ((["low"], [("l", "o")]), TypeError, r"\(left, right, count\)"),
        ((["low"], [("l", b"o", 1)]), TypeError, "two strings or two bytes"),
        ((["a" * 5000], [("a", "a", 1)]), ValueError, "5,000 symbols"),
    ],
)
def test_steps_and_texts_that_do_not_fit_are_refused(arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        views.merges(*arguments)


def test_a_step_beyond_the_last_is_refused() -> None:
    with pytest.raises(ValueError, match="step=2"):
        views.merges(["low"], [("l", "o", 1)], step=2)
