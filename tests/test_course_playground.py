import pytest
import torch

from minigpt.config import GPTConfig
from minigpt.course.playground import Playground, try_model
from minigpt.models.gpt import GPT
from minigpt.text.tokenizers import BPETokenizer


@pytest.fixture
def model():
    torch.manual_seed(0)
    return GPT(GPTConfig(n_vocab=257, n_ctx=32, n_embd=12, n_head=3, n_layer=2)).eval()


def test_typing_moves_the_heads(model):
    playground = Playground(model, BPETokenizer([]), "abc")
    playground.prompt.value = "abcde"
    assert playground.heads.tokens == list("abcde")


def test_an_empty_or_too_long_text_is_said_in_words_and_leaves_the_heads(model):
    playground = Playground(model, BPETokenizer([]), "abc")
    playground.prompt.value = ""
    assert "begin with a word" in playground.output.value
    playground.prompt.value = "x" * 33
    assert "do not fit into n_ctx=32" in playground.output.value
    assert playground.heads.tokens == list("abc")


def test_the_button_writes_on_and_shows_markup_as_text(model):
    playground = Playground(model, BPETokenizer([]), "<b>")
    playground.write.click()
    assert "&lt;b&gt;" in playground.output.value
    assert "<b>" not in playground.output.value


def test_in_a_page_that_is_only_read_there_is_one_example(model, monkeypatch, capsys):
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    view = try_model(model, BPETokenizer([]), "abc")
    assert view.tokens == list("abc")
    assert capsys.readouterr().out.startswith("abc")
