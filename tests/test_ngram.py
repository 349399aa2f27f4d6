import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt.models.kneser_ney import KneserNey
from minigpt.models.ngram import NGram

texts = st.lists(st.integers(0, 4), min_size=1, max_size=40)


def test_a_bigram_without_smoothing_is_the_relative_frequency():
    model = NGram(2, n_vocab=3, k=0).fit([0, 1, 0, 2, 0, 1])
    np.testing.assert_allclose(model.probs([0]), [0, 2 / 3, 1 / 3])
    np.testing.assert_allclose(model.probs([1]), [1, 0, 0])


def test_smoothing_worked_by_hand():
    """k = 1, V = 2, text 0 0 1. Unigram: (2 + 1/2) / 4 and (1 + 1/2) / 4; after 0: one 0, one 1."""
    model = NGram(2, n_vocab=2, k=1).fit([0, 0, 1])
    np.testing.assert_allclose(model.probs(), [2.5 / 4, 1.5 / 4])
    np.testing.assert_allclose(model.probs([0]), [(1 + 2.5 / 4) / 3, (1 + 1.5 / 4) / 3])
    np.testing.assert_allclose(model.probs([1]), model.probs())  # nothing was seen after 1: lean on the unigram


@given(texts, texts, st.integers(1, 4), st.sampled_from([0.1, 1.0, 7.0]))
@settings(max_examples=60, deadline=None)
def test_probabilities_sum_to_one_and_none_is_zero(text, context, n, k):
    model = NGram(n, 5, k).fit(text)
    p = model.probs(context)
    assert p.sum() == pytest.approx(1)
    assert p.min() > 0
    np.testing.assert_allclose(p, [model.prob(token, context) for token in range(5)])


@given(texts, st.integers(2, 4), st.sampled_from([NGram, KneserNey]))
@settings(max_examples=120, deadline=None)
def test_only_the_last_n_minus_1_tokens_count(text, n, kind):
    model = kind(n, 5).fit(text)
    context = [1, 0, 2, *text]
    np.testing.assert_allclose(model.probs(context), model.probs(context[1 - n :]))


def test_an_untrained_model_loses_ln_v():
    assert NGram(3, n_vocab=7).loss([0, 1, 2, 3]) == pytest.approx(np.log(7))


def test_loss_is_the_mean_of_minus_log_probabilities():
    model = NGram(2, 3, k=0.5).fit([0, 1, 2, 0, 1])
    expected = -np.mean([np.log(model.prob(0)), np.log(model.prob(1, [0])), np.log(model.prob(1, [1]))])
    assert model.loss([0, 1, 1]) == pytest.approx(expected)


def test_without_smoothing_the_unseen_is_impossible():
    assert NGram(2, 3, k=0).fit([0, 1]).loss([0, 0]) == np.inf


def test_longer_contexts_fit_the_text_they_were_counted_on_better():
    text = np.random.default_rng(0).integers(5, size=300).tolist()
    losses = [NGram(n, 5, k=0.1).fit(text).loss(text) for n in (1, 2, 3, 4, 5)]
    assert losses == sorted(losses, reverse=True)


def test_each_count_that_is_kept_is_a_parameter():
    assert NGram(2, 3).fit([0, 1, 0, 1]).n_params() == 2 + 2  # two tokens; 1 after 0 and 0 after 1


def test_generation_follows_the_counts_and_the_seed():
    model = NGram(2, 3, k=0).fit([0, 1, 2, 0, 1, 2, 0])
    assert model.generate(5, context=[0], seed=3) == [1, 2, 0, 1, 2]
    smooth = NGram(2, 3).fit([0, 1, 2])
    assert smooth.generate(20, seed=1) == smooth.generate(20, seed=1)
    assert smooth.generate(20, seed=1) != smooth.generate(20, seed=2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NGram(0, 3), "at least 1"),
        (lambda: NGram(2, 3, k=-1), "negative"),
        (lambda: NGram(2, 3).fit([0, 3]), "outside the vocabulary"),
        (lambda: NGram(2, 3).loss([]), "empty"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
