"""The box to type a sentence in: the translation comes word by word, and what cannot be translated is said in words."""

import pytest
import torch

from minigpt import course
from minigpt.config import TranslatorConfig
from minigpt.course import translate
from minigpt.models.translator import Translator
from minigpt.text.pairs import WordVocabulary
from minigpt.translating import beam_search

PAIRS = [(("the", "dog", "sleeps", "."), ("o", "cachorro", "dorme", ".")), (("the", "man", "."), ("o", "homem", "."))]
WORDS = WordVocabulary.of(PAIRS)


@pytest.fixture
def model(monkeypatch):
    monkeypatch.setattr(translate, "PAUSE", 0.0)
    torch.manual_seed(3)
    return Translator(TranslatorConfig(WORDS.n_vocab, n_ctx=9, n_embd=8, n_head=2, n_layer=1)).eval()


def test_each_word_is_shown_with_its_lines_as_it_comes(model, monkeypatch):
    monkeypatch.delenv("MINIGPT_STATIC", raising=False)
    box = translate.TranslationBox(model, WORDS, "The dog sleeps.", {})
    shown = []
    box.view.observe(lambda change: shown.append((change["new"], list(box.view.written))), names="target")
    box.sentence.value = "The man."
    box.button.click()
    pinned = [(at, words) for at, words in shown if at >= 0]
    assert [at for at, _ in pinned] == list(range(len(pinned)))
    assert [len(words) for _, words in pinned] == list(range(1, len(pinned) + 1))
    assert box.view.source_tokens == ["the", "man", ".", "<eos>"]


def test_unknown_words_and_an_empty_sentence_leave_the_picture_as_it_was(model, monkeypatch):
    monkeypatch.delenv("MINIGPT_STATIC", raising=False)
    box = translate.TranslationBox(model, WORDS, "The dog sleeps.", {})
    for text, said in (("The cat sleeps.", "cat"), ("   ", "Nothing is typed yet"), ("the " * 12, "n_ctx=9")):
        box.sentence.value = text
        box.button.click()
        assert said in box.output.value
        assert box.view.source_tokens == ["the", "dog", "sleeps", ".", "<eos>"]


def test_a_page_that_is_read_shows_one_example(model, monkeypatch, capsys):
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    view = course.try_translator(model, WORDS, "The man.", cross_head=(0, 1))
    lines = capsys.readouterr().out.splitlines()
    assert [len(line.split()) for line in lines] == list(range(1, len(lines) + 1))
    assert list(view.written) == lines[-1].split()
    assert view.cross_head == (0, 1)


def test_the_tree_of_a_beam_has_the_hypotheses_of_the_search(model, monkeypatch):
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    view = course.try_beam(model, WORDS, "The man.", beam=3, alpha=1.0)
    best = beam_search(model, WORDS.source("The man."), beam=3, alpha=1.0)
    assert view.text_of(view.winner) == " ".join(WORDS.labels(best[0].ids))
    assert view.nodes[view.winner]["score"] == pytest.approx(best[0].score, abs=1e-5)
    assert any(not node["kept"] for node in view.nodes)
    assert not view.searches


def test_the_sliders_and_the_sentence_of_the_box_search_anew(model, monkeypatch):
    monkeypatch.delenv("MINIGPT_STATIC", raising=False)
    box = translate.BeamBox(model, WORDS, "The dog sleeps.", beam=2)
    n_kept = sum(node["kept"] for node in box.view.nodes)
    box.view.beam = 4
    assert sum(node["kept"] for node in box.view.nodes) > n_kept
    box.sentence.value = "The man."
    assert box.view.source == "The man."
    assert box.output.value == ""
    for text, said in (("The cat sleeps.", "cat"), ("   ", "Nothing is typed yet")):
        box.sentence.value = text
        assert said in box.output.value
        assert box.view.source == "The man."
    box.view.beam = 3
    assert box.view.source == "The man."
