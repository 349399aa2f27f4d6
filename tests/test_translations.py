"""BLEU and chrF against values worked by hand, and what repeats."""

import math
import sys

import pytest

from minigpt.evaluation.translations import repeats, scores


def test_bleu_is_the_mean_of_four_precisions_times_the_penalty_for_shortness():
    found, wanted = "the small dog sleeps here", "the small dog sleeps here now"
    # every run of 1 to 4 words is right, and 5 words stand for 6: exp(1 - 6/5)
    assert scores([found], [wanted]).bleu == pytest.approx(100 * math.exp(1 - 6 / 5))
    one_wrong = scores(["the small dog sleeps now here"], ["the small dog sleeps here too"])
    assert one_wrong.bleu == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** (1 / 4))


def test_chrf_counts_half_a_word_and_recall_twice():
    assert scores(["um gato preto"], ["um gato preto"]).chrf == 100
    assert scores(["gata"], ["gato"]).chrf > 0
    # 1 letter of 2: precision 1, recall 1/2, F with beta 2: 5·1·½ / (4·1 + ½) for runs of one letter, the only ones
    assert scores(["a"], ["ab"]).chrf == pytest.approx(100 * 2.5 / 4.5)


def test_the_settings_say_how_it_was_computed():
    words, letters = scores(["a b"], ["a b"]).settings
    assert "tok:13a" in words
    assert "nc:6" in letters


def test_translations_without_references_are_refused():
    for found, wanted in ([], []), (["a"], []), (["a"], ["a", "b"]):
        with pytest.raises(ValueError, match=f"{len(found)} translations and {len(wanted)} references: give one for"):
            scores(found, wanted)


def test_without_sacrebleu_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.bleu", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install -e "\.\[scores\]"'):
        scores(["a"], ["a"])


@pytest.mark.parametrize(
    ("text", "answer"),
    [("o gato e o cão", False), ("o gato, o gato", True), ("Eu vou. Eu vou!", True), ("não, não", False), ("", False)],
)
def test_two_words_that_come_again_in_the_same_order_are_a_repetition(text, answer):
    assert repeats(text) is answer
