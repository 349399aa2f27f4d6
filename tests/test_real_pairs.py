"""Real sentences for notebook 10: who is tested, what is recorded, and what is said where nothing can be measured."""

import json

import pytest

from minigpt.course import real_pairs
from minigpt.course.real_pairs import Recipe, kinds, measure, real_sentences, split
from minigpt.text.pairs import BOS, EOS, PAD
from minigpt.text.pieces import PieceVocabulary
from minigpt.text.tokenizers import BPETokenizer

NOUNS = {"dog": "cão", "cat": "gato", "horse": "cavalo", "king": "rei", "boy": "menino", "friend": "amigo"}
VERBS = {"sleeps": "dorme", "sings": "canta", "eats": "come", "runs": "corre", "falls": "cai"}
PAIRS = [(f"The {n} {v}.", f"O {NOUNS[n]} {VERBS[v]}.") for n in NOUNS for v in VERBS]
SMALL = Recipe(n_vocab=300, n_embd=24, n_head=2, n_layer=1, dropout=0.0, n_steps=2, batch_size=8)


def test_pieces_hold_any_text_of_both_languages():
    words = PieceVocabulary.of(PAIRS, 300)
    assert words.n_vocab == 300
    text = "Até ラーメン logo"
    ids = words.target(text)
    assert (ids[0], ids[-1], words.decode(ids)) == (words.bos_id, words.eos_id, text)
    assert words.labels([words.pad_id, ids[0], ids[-1]]) == [PAD, BOS, EOS]
    assert words.source(text) == ids[1:]


def test_a_special_token_that_somebody_types_stays_text():
    words = PieceVocabulary.of(PAIRS, 300)
    assert words.eos_id not in words.source(EOS)[:-1]


def test_a_tokenizer_without_special_tokens_is_refused():
    with pytest.raises(ValueError, match="has no <bos>, <eos>, <pad>: train it with PieceVocabulary"):
        PieceVocabulary(BPETokenizer.train("a b", 260))


def test_no_sentence_is_trained_on_and_tested_too():
    pairs = [*PAIRS, *((english.upper(), "outra tradução") for english, _ in PAIRS)]
    train, test = split(pairs, n_test=7)
    assert len(test) == 7
    assert len(train) == len(pairs) - 2 * 7  # both translations of a tested sentence
    assert not {english.lower() for english, _ in train} & {english.lower() for english, _ in test}
    assert split(pairs[::-1], n_test=7)[1][0][0].lower() == test[0][0].lower(), "the order of the file is no matter"


def test_too_few_sentences_to_split_are_told():
    with pytest.raises(ValueError, match="30 different sentences: more than n_test=30 are needed"):
        split(PAIRS, n_test=30)


def test_sentences_are_sorted_by_length_and_by_words_never_met():
    texts = ["The dog sleeps.", "The dog and the zebra sleep well.", " ".join(["dog"] * 10)]
    found = kinds({"the", "dog", "sleeps", "and", "sleep", "well"}, texts)
    assert found == {
        "all": [0, 1, 2],
        "up to 5 words": [0],
        "6 to 9 words": [1],
        "10 words or more": [2],
        "all words met before": [0, 2],
        "with a word never met": [1],
    }


@pytest.mark.slow
def test_a_translator_of_six_nouns_and_five_verbs_learns_them():
    result = measure(PAIRS * 3, Recipe(**{**vars(SMALL), "n_steps": 150, "learning_rate": 1e-2}), n_test=4)
    assert result["scores"]["all"]["n"] == 4
    assert result["scores"]["all"]["chrf"] > 60
    assert result["recipe"]["n_train"] == 3 * 26
    assert list(result["ours"]) == list(real_pairs.OURS)


def test_where_training_is_cut_short_the_recording_is_shown_and_called_so(monkeypatch, capsys):
    monkeypatch.setenv("MINIGPT_FAST", "1")
    result = real_sentences()
    assert capsys.readouterr().out.startswith("A recording, not measured now (MINIGPT_FAST=1")
    assert result == json.loads(real_pairs.RECORDED.read_text(encoding="utf-8"))
    assert {"machine", "scores", "ours"} <= set(result)
    assert result["scores"]["all"]["n"] == result["recipe"]["n_test"]


def test_without_the_pairs_the_recording_is_shown_with_the_reason(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("MINIGPT_FAST", raising=False)
    monkeypatch.delenv("MINIGPT_DATA", raising=False)
    monkeypatch.setenv("MINIGPT_CACHE", str(tmp_path))
    assert "machine" in real_sentences()
    assert "the pairs of Tatoeba: not at hand" in capsys.readouterr().out


def test_with_the_pairs_it_is_measured_now(monkeypatch, capsys):
    monkeypatch.delenv("MINIGPT_FAST", raising=False)
    monkeypatch.setattr(real_pairs.corpora, "load", lambda name: PAIRS)
    monkeypatch.setattr(real_pairs, "measure", lambda pairs: {"n": len(pairs)})
    assert real_sentences() == {"n": 30}
    assert "Measured now, on 30 pairs" in capsys.readouterr().out
