"""Sentence pairs: words to ids and back, rows filled up; and a translator learns Storyland from them."""

import pytest
import torch

from minigpt.config import TranslatorConfig
from minigpt.models.translator import Translator
from minigpt.text.pairs import PairBatches, WordVocabulary
from minigpt.text.storyland import Storyland
from minigpt.training.loop import TrainConfig, Trainer
from minigpt.translating import greedy

PAIRS = [(("the", "dog", "sleeps", "."), ("o", "cachorro", "dorme", ".")), (("Rita", "."), ("a", "Rita", "."))]


@pytest.fixture
def words():
    return WordVocabulary.of(PAIRS)


def test_the_vocabulary_holds_the_words_of_both_languages_once(words):
    assert words.words == ("<pad>", "<bos>", "<eos>", *sorted({w for pair in PAIRS for side in pair for w in side}))
    assert words.n_vocab == 3 + 9  # "." and "Rita" are words of both


def test_a_source_ends_in_eos_and_a_target_begins_with_bos_too(words):
    assert words.labels(words.source("Rita.")) == ["Rita", ".", "<eos>"]
    assert words.labels(words.target(("a", "Rita", "."))) == ["<bos>", "a", "Rita", ".", "<eos>"]


def test_text_survives(words):
    assert words.decode(words.target("O cachorro dorme.")) == "O cachorro dorme."


def test_unknown_words_are_named(words):
    with pytest.raises(ValueError, match="'cat', 'barks': not in the vocabulary of 9 words"):
        words.source("The cat barks.")


def test_a_vocabulary_survives_its_file(words, tmp_path):
    words.save(tmp_path / "words.json")
    assert WordVocabulary.load(tmp_path / "words.json").words == words.words
    (tmp_path / "words.json").write_text("[]")
    with pytest.raises(ValueError, match="is no vocabulary"):
        WordVocabulary.load(tmp_path / "words.json")


def test_rows_are_filled_up_to_the_longest_of_their_batch(words):
    x, y = PairBatches(words, PAIRS, batch_size=16).batch(0)
    assert x.shape == (16, 5)
    assert y.shape == (16, 6)
    assert set(map(tuple, x.tolist())) == {(*words.source(PAIRS[0][0]),), (*words.source(PAIRS[1][0]), 0, 0)}


def test_a_batch_of_short_sentences_is_narrow(words):
    widths = {PairBatches(words, PAIRS, batch_size=1, seed=seed).batch(0)[0].size(1) for seed in range(16)}
    assert widths == {3, 5}


def test_a_batch_of_pairs_depends_on_seed_and_step_alone(words):
    one, other = PairBatches(words, PAIRS, 8, seed=3), PairBatches(words, PAIRS, 8, seed=3)
    one.batch(5)
    assert torch.equal(one.batch(9)[0], other.batch(9)[0])
    assert not torch.equal(one.batch(9)[0], one.batch(8)[0])


@pytest.mark.slow
def test_a_small_translator_learns_storyland_within_a_minute():
    pairs = [(sentence.en, sentence.pt) for sentence in Storyland(0).pairs(4000)]
    unseen = [(sentence.en, sentence.pt) for sentence in Storyland(0).pairs(60, unseen=True)]
    words = WordVocabulary.of(pairs + unseen)
    model = Translator(TranslatorConfig(words.n_vocab, 40, 64, 4, 2, dropout=0.0, norm="pre"))
    config = TrainConfig(n_steps=250, learning_rate=3e-3, min_learning_rate=2e-4, n_warmup=50, weight_decay=0.01)
    losses = [record["loss"] for record in Trainer(model, PairBatches(words, pairs, 64), config).run()]
    assert losses[-1] < 0.3 * losses[0]
    translations = greedy(model, [words.source(en) for en, _ in unseen], max_new_tokens=39)
    exact = sum(ids == words.target(pt)[1:] for ids, (_, pt) in zip(translations, unseen, strict=True))
    assert exact >= 4, f"{exact} of {len(unseen)} unseen sentences are exact"


def test_a_run_on_pairs_is_resumed_to_the_bit_and_not_on_other_pairs(words, tmp_path):
    def trainer(folder, seed=0):
        torch.manual_seed(0)
        sizes = dict(n_ctx=8, n_embd=8, n_head=2, n_layer=1)
        model = Translator(TranslatorConfig(n_vocab=words.n_vocab, **sizes))
        return Trainer(model, PairBatches(words, PAIRS, 2, seed), TrainConfig(n_steps=4, n_warmup=1), folder=folder)

    whole, part = trainer(tmp_path / "whole"), trainer(tmp_path / "parts")
    whole.run()
    for _, record in zip(range(2), part.steps(), strict=False):
        assert record["loss"] > 0
    part.save()
    resumed = trainer(tmp_path / "parts")
    resumed.run()
    assert [record["loss"] for record in resumed.records] == [record["loss"] for record in whole.records]
    with pytest.raises(ValueError, match="holds a run on other batches"):
        trainer(tmp_path / "parts", seed=1)
