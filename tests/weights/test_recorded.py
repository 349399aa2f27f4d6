"""Runs that a notebook goes on from: written and read again, and those that are shipped fit what it builds."""

import numpy as np
import pytest
import torch

from minigpt.assets import asset
from minigpt.config import GPTConfig, TranslatorConfig
from minigpt.evaluation.alignment import alignment_error_rate, mutual_links, shared_out, sure_links
from minigpt.inspection.record import record
from minigpt.models.gpt import GPT
from minigpt.models.translator import Translator
from minigpt.text.pairs import WordVocabulary
from minigpt.text.storyland import Storyland
from minigpt.translating import greedy
from minigpt.weights import recorded

WORDS = WordVocabulary.load(asset("translation/words.json"))


def test_a_run_survives_its_file(model, tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "ASSETS", tmp_path)
    monkeypatch.setattr(recorded, "asset", lambda name: tmp_path / name)
    (tmp_path / "runs").mkdir()
    recorded.save_run(model, [2.0, 1.5], tmp_path / "runs" / "small.safetensors")
    weights, losses = recorded.load_run("runs/small")
    assert losses == [2.0, 1.5]
    assert weights.keys() == model.state_dict().keys()
    assert all(torch.equal(weights[name], tensor.half().float()) for name, tensor in model.state_dict().items())
    with pytest.raises(ValueError, match="only runs/small"):
        recorded.load_run("runs/large")


def test_weights_that_are_no_numbers_are_refused(model, tmp_path):
    model.ln_f.bias.data[0] = 1e6  # too large for half precision
    with pytest.raises(ValueError, match="not finite"):
        recorded.save_run(model, [], tmp_path / "x.safetensors")
    assert not list(tmp_path.glob("*.safetensors"))


def test_the_shipped_translator_translates_sentences_that_it_has_never_seen():
    model = Translator(TranslatorConfig(WORDS.n_vocab, n_ctx=40, n_embd=128, n_head=4, n_layer=2, dropout=0.0))
    weights, losses = recorded.load_run("translation/translator")
    model.load_state_dict(weights)
    unseen = Storyland(0).pairs(40, unseen=True)
    translations = greedy(model, [WORDS.source(sentence.en) for sentence in unseen], max_new_tokens=39)
    exact = sum(ids == WORDS.target(sentence.pt)[1:] for ids, sentence in zip(translations, unseen, strict=True))
    assert exact >= 36, f"{exact} of 40 are exact"
    assert losses[-1] < 0.3 * losses[0]


def test_the_shipped_decoder_fits():
    model = GPT(GPTConfig(WORDS.n_vocab, n_ctx=80, n_embd=128, n_head=4, n_layer=3))
    weights, losses = recorded.load_run("translation/decoder")
    model.load_state_dict(weights)
    assert losses[-1] < 0.1 * losses[0]


def test_the_shipped_decoders_attention_aligns_what_place_alone_does_not():
    model = GPT(GPTConfig(WORDS.n_vocab, n_ctx=80, n_embd=128, n_head=4, n_layer=3))
    model.load_state_dict(recorded.load_run("translation/decoder")[0])
    sentences = Storyland(0).pairs(100, unseen=True)
    possible = [set(sentence.alignment) for sentence in sentences]
    sure = [sure_links(links) for links in possible]

    def error_rate(weights):
        return alignment_error_rate([mutual_links(shared_out(w)) for w in weights], sure, possible)

    corners = []
    for sentence in sentences:
        source, target = WORDS.source(sentence.en), WORDS.target(sentence.pt)[1:]
        stack = record(model.eval(), source + target).attention_stack()  # (L, H, n, n)
        rows = slice(len(source) - 1, len(source) - 1 + len(sentence.pt))
        corners.append(stack[0, :, rows, : len(sentence.en)].mean(axis=0))  # (T, S)
    assert error_rate(corners) <= 0.05
    assert error_rate([np.ones_like(corner) for corner in corners]) > 0.25
