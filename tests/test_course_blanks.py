"""Fill the blank: what the reader types is read as meant, and what cannot be read is said in words."""

import ipywidgets
import pytest
import torch

from minigpt import course
from minigpt.config import EncoderConfig
from minigpt.course.blanks import ALONE, NO_STOP, guessed, read_blanks
from minigpt.models.encoder import MaskedLM

WORDS = ["<pad>", "<cls>", "<sep>", "<mask>", ".", "the", "cat", "drank", "milk", "Ana"]
CONFIG = EncoderConfig(len(WORDS), n_ctx=8, n_embd=8, n_head=2, n_layer=1, cls_id=1, sep_id=2, mask_id=3)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MaskedLM(CONFIG)


def test_a_blank_becomes_a_mask_between_the_special_tokens():
    assert read_blanks("The ___ drank milk.", WORDS, CONFIG) == ([1, 5, 3, 7, 8, 4, 2], [])


@pytest.mark.parametrize(
    ("text", "ids", "notes"),
    [
        ("___ drank milk.", [1, 3, 7, 8, 4, 2], []),
        ("Ana drank _", [1, 9, 7, 3, 4, 2], [NO_STOP]),
        ("The __ drank ___.", [1, 5, 3, 7, 3, 4, 2], [ALONE]),
    ],
)
def test_blanks_may_stand_at_the_ends_and_there_may_be_two(text, ids, notes):
    assert read_blanks(text, WORDS, CONFIG) == (ids, notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  ", "Nothing is typed yet"),
        ("The cat drank milk.", "no blank"),
        ("The cats drank ___.", "“cats” is not among the 10 words of the model: near it are cat"),
        ("The xyzzy drank ___.", "take another word"),
        ("The cat drank the milk the ___.", "8 words and signs are too many: the model reads 6"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(text, message):
    with pytest.raises(ValueError, match=message):
        read_blanks(text, WORDS, CONFIG)


def test_each_blank_has_a_column_of_guesses_best_first(model):
    (caption, header, rows), notes = guessed(model, WORDS, "The ___ drank ___.", n_best=3)
    assert (caption, notes) == ("The ___ drank ___.", [ALONE])
    assert header == ["blank 1", "blank 2"]
    shares = [int(row[0].split()[1].removesuffix("%")) for row in rows]
    assert len(rows) == 3
    assert shares == sorted(shares, reverse=True)


def test_the_box_follows_what_is_typed_and_survives_what_it_cannot_read(model, monkeypatch):
    monkeypatch.delenv("MINIGPT_STATIC", raising=False)
    box = course.fill_in(model, WORDS, "The ___ drank milk.")
    assert isinstance(box, ipywidgets.VBox)
    sentence, answer = box.children
    assert "in the blank" in answer.value
    sentence.value = ""
    assert "Nothing is typed yet" in answer.value
    sentence.value = "<b>cat</b> ___"
    assert "<b>cat" not in answer.value
    sentence.value = "___ drank milk."
    assert "in the blank" in answer.value


def test_a_page_that_is_only_read_has_the_example_as_a_table(model, monkeypatch):
    shown = []
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    monkeypatch.setattr("minigpt.course.blanks.display", lambda data, raw: shown.append(data))
    assert course.fill_in(model, WORDS, "The ___ drank milk.") is None
    assert "in the blank" in shown[0]["text/plain"]
    assert "<table" in shown[0]["text/html"]
