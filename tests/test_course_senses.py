"""How senses are measured for notebook 03: by hand, against the package's separation, and what is shipped for it."""

import json

import numpy as np
import pytest

from minigpt.assets import asset
from minigpt.config import EncoderConfig, GPTConfig
from minigpt.course import senses
from minigpt.course.senses import mean, measure, measure_minilm, measure_words, told_before
from minigpt.inspection.senses import separation
from minigpt.models.encoder import MaskedLM
from minigpt.models.gpt import GPT
from minigpt.text.senses import Use, natural_uses, uses
from minigpt.text.storyland import LANGUAGES, Storyland
from minigpt.weights.minilm import INSTALL, minilm_folder
from minigpt.weights.recorded import load_run


def test_one_word_measured_by_hand():
    """0° and 60° of one sense, 90° and 90° of the other; then all the same, but for the last."""
    first = [[2, 0], [0.5, np.sqrt(3) / 2], [0, 1], [0, 7]]
    one = measure(np.array([first, [[1, 0], [1, 0], [1, 0], [0, 1]]]), ["a", "a", "b", "b"])
    np.testing.assert_allclose(one.same, [(0.5 + 1) / 2, 1 / 2])
    np.testing.assert_allclose(one.different, [np.sqrt(3) / 4, 1 / 2], atol=1e-12)
    np.testing.assert_allclose(one.gap, one.same - one.different)
    assert one.nearest[0] == 3 / 4  # 60° is nearer to 90° than to 0°


def test_the_gap_is_the_packages_and_no_sentence_is_nearest_to_itself():
    layers = np.random.default_rng(0).normal(size=(3, 7, 5))
    names = list("aabbbaa")
    one = measure(layers, names)
    np.testing.assert_allclose(one.gap, [separation(vectors, names) for vectors in layers])
    twins = np.repeat(np.eye(4), 2, axis=0)[None]  # each has one other of its direction, of the other sense
    assert measure(twins, list("abababab")).nearest == [0]
    assert measure(np.ones((1, 4, 3)), list("aabb")).nearest == pytest.approx([1 / 3])  # all three are equally near


def test_words_are_measured_each_by_itself_and_then_averaged():
    found = {word: [Use((word,), 0, sense) for sense in "aabb"] for word in ("bank", "bat")}
    vectors = {"bank": np.ones((1, 4, 2)), "bat": np.array([[[1, 0], [1, 0], [0, 1], [0, 1]]])}
    by_word = measure_words(found, lambda group: vectors[group[0].word])
    np.testing.assert_allclose([by_word["bank"].gap[0], by_word["bat"].gap[0], mean(by_word).gap[0]], [0, 1, 0.5])


def test_the_judge_knows_what_the_words_before_tell_and_tosses_a_coin_otherwise():
    def group(*texts):
        return [Use(tuple(text.split()), text.split().index("bank"), sense) for sense, text in texts]

    told = group(("m", "in the bank"), ("m", "in the bank ."), ("r", "on the bank"), ("r", "so on the bank"))
    assert told_before(told) == 1
    later = group(*((sense, f"saw the bank of {n}") for n, sense in enumerate("mmmrrr")))
    assert told_before(later) == told_before(later, n_parts=2) == 0.5  # as many of each sense: it is left open
    assert told_before(told, n_words=1) == 0.5
    assert told_before(group(("m", "a b bank"), ("r", "c d bank"))) == 0.5  # nobody else has seen these words


def test_the_judge_goes_by_the_share_of_a_sense_and_never_by_what_it_is_asked():
    def group(sense, *texts):
        return [Use(tuple(f"{text} bank".split()), len(text.split()), sense) for text in texts]

    # money: 3 of 4 have "the" before; river: 4 of 8. Of two parts, the first has m0, m2 and r0, r2, r4, r6.
    uses_ = group("m", "the", "a", "the", "the") + group("r", *["the", "a"] * 4)
    # judged by the second part (the 1/2 m, 0/4 r; a 1/2 m, 4/4 r): both m right, all four r, which have "the", wrong;
    # by the first (the 2/2 m, 4/4 r; a none): the m with "the" is a coin, as is the one with "a", and so are all four r
    assert told_before(uses_, n_parts=2) == (2 + 0 + 0.5 + 0.5 + 4 * 0.5) / 12


@pytest.mark.slow
def test_of_played_nothing_is_told_before():
    found = uses(Storyland(seed=3), "en", m=30, n_sentences=6000)
    assert told_before(found["bank"]) > 0.9
    assert told_before(found["played"]) < 0.7


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_record_of_minilm_has_each_word_and_layer_and_says_that_it_is_one(language, monkeypatch):
    monkeypatch.setattr(senses, "minilm_folder", lambda: None)
    by_word, source = measure_minilm(language)
    assert list(by_word) == list(natural_uses(language))
    assert "recorded" in source
    assert INSTALL in source
    for one in by_word.values():
        assert one.same.shape == one.different.shape == one.nearest.shape == (7,)
        assert (np.abs(one.gap) < 0.3).all()
        assert ((one.nearest[1:] * 16) % 1 == 0).all()  # sixteen sentences each, and none equally near


@pytest.mark.skipif(minilm_folder() is None, reason="the extra `encoder` is not installed")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_record_of_minilm_is_what_is_measured(language):
    by_word, source = measure_minilm(language)
    assert source == "measured here"
    recorded = json.loads(asset(senses.RECORD).read_text(encoding="utf-8"))["words"][language]
    for word, one in by_word.items():
        np.testing.assert_allclose(one.same, recorded[word]["same"], atol=1e-3)
        np.testing.assert_allclose(one.different, recorded[word]["different"], atol=1e-3)


def test_the_shipped_models_of_portuguese_fit():
    n = 4 + len(Storyland().vocabulary("pt"))
    config = EncoderConfig(n, 16, n_embd=64, n_head=4, n_layer=2, cls_id=1, sep_id=2, mask_id=3)
    for model, name in ((MaskedLM(config), "encoder"), (GPT(GPTConfig(n, 16, 64, 4, 2)), "decoder")):
        weights, losses = load_run(f"embeddings/{name}_pt")
        model.load_state_dict(weights)
        assert len(losses) == 800
        assert np.mean(losses[-50:]) < 0.4 * losses[0]
        assert f"{model.n_params():,} parameters" in asset("embeddings/README.md").read_text(encoding="utf-8")
