from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt.models.kneser_ney import KneserNey
from minigpt.models.ngram import NGram

texts = st.lists(st.integers(0, 4), min_size=1, max_size=40)
A, B, C, D = range(4)
TEXT = [A, B, A, C, A, B, A, D]


def F(over: int, under: int) -> Fraction:
    return Fraction(over, under)


def test_a_bigram_worked_by_hand():
    """Text: a b a c a b a d, V = 4, ^ its beginning.

    Bigrams: ab 2, ba 2, ac 1, ca 1, ad 1.        n1 = 3, n2 = 2: D = 3 / (3 + 2·2) = 3/7
    Before a stood ^ b c, before b, c, d only a.  Kinds: a 3, b 1, c 1, d 1, together 6; n1 = 3, n2 = 0: D = 3/4.
    Unigram, 4 kinds, 1/4 each below it:  p(a) = (3 - 3/4 + 3/4·4·1/4) / 6 = 3/6,  p(b) = (1/4 + 3/4) / 6 = 1/6.
    After a, 4 times, came 3 kinds:       p(b|a) = (2 - 3/7 + 3/7·3·1/6) / 4 = (11/7 + 3/14) / 4 = 25/56.
    """
    model = KneserNey(2, n_vocab=4).fit(TEXT)
    assert model.lowered.discounts == [0.75, 3 / 7]
    np.testing.assert_allclose(model.probs(), [3 / 6, 1 / 6, 1 / 6, 1 / 6])
    p_c = (F(4, 7) + F(3, 14)) / 4
    expected = [F(3, 7) * 3 * F(1, 2) / 4, F(25, 56), p_c, p_c]  # a never came after a
    assert sum(expected) == 1
    np.testing.assert_allclose(model.probs([A]), np.array(expected, dtype=float))
    # After b, twice, came a alone: (2 - 3/7 + 3/7·1·1/2) / 2 = 25/28
    assert model.prob(A, [B]) == pytest.approx(25 / 28)
    # After d came nothing: lean on the unigram
    np.testing.assert_allclose(model.probs([D]), model.probs())


def test_a_trigram_worked_by_hand():
    """The same text with D = 1/2. Trigrams: aba 2, bac 1, aca 1, cab 1, bad 1. The middle order counts kinds:

    before ab stood ^ c: 2; before ba: a: 1; ac: b: 1; ca: a: 1; ad: b: 1.     So after a: b 2, c 1, d 1, together 4.
    Unigram: p(b) = (1 - 1/2 + 1/2·4·1/4) / 6 = 1/6.    p(b|a) = (2 - 1/2 + 1/2·3·1/6) / 4 = (3/2 + 1/4) / 4 = 7/16.
    After ca, once, came b alone: p(b|ca) = (1 - 1/2 + 1/2·1·7/16) / 1 = 23/32.
    After ba, twice, came c and d: p(b|ba) = (0 + 1/2·2·7/16) / 2 = 7/32.
    """
    model = KneserNey(3, n_vocab=4, discount=0.5).fit(TEXT)
    assert model.prob(B, [A]) == pytest.approx(7 / 16)
    assert model.prob(B, [C, A]) == pytest.approx(23 / 32)
    assert model.prob(B, [B, A]) == pytest.approx(7 / 32)


def test_a_token_that_follows_one_word_alone_is_unlikely_after_a_new_one():
    """Chen and Goodman's example: "Francisco" is as frequent as "glasses", but comes after "San" alone."""
    san, francisco, glasses, *others, new = range(8)
    text = [san, francisco] * 4 + [token for other in others for token in (other, glasses)]
    kneser_ney, plain = KneserNey(2, 8).fit(text), NGram(2, 8).fit(text)
    assert text.count(francisco) == text.count(glasses)
    assert plain.prob(francisco, [new]) == pytest.approx(plain.prob(glasses, [new]))
    assert kneser_ney.prob(francisco, [new]) < 0.5 * kneser_ney.prob(glasses, [new])


@given(texts, texts, st.integers(1, 4), st.sampled_from([None, 0.1, 0.75, 1.0]))
@settings(max_examples=100, deadline=None)
def test_probabilities_sum_to_one_and_none_is_zero(text, context, n, discount):
    model = KneserNey(n, 5, discount).fit(text)
    p = model.probs(context)
    assert p.sum() == pytest.approx(1)
    assert p.min() > 0
    np.testing.assert_allclose(p, [model.prob(token, context) for token in range(5)])


@given(texts, texts, st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_two_texts_are_counted_as_one_with_a_wall_between(one, other, n):
    both = KneserNey(n, 5).fit(one).fit(other)
    assert both.lowered == KneserNey(n, 5).fit(other).fit(one).lowered
    longest = sum(sum(counter.values()) for context, counter in both.lowered.counts.items() if len(context) == n - 1)
    assert longest == max(0, len(one) - n + 1) + max(0, len(other) - n + 1)


def test_it_can_stand_wherever_the_other_n_gram_stands():
    model = KneserNey(2, 3).fit([0, 1, 2, 0, 1])
    expected = -np.mean([np.log(model.prob(0)), np.log(model.prob(1, [0])), np.log(model.prob(1, [1]))])
    assert model.loss([0, 1, 1]) == pytest.approx(expected)
    assert model.generate(20, context=[0], seed=1) == model.generate(20, context=[0], seed=1)
    assert model.n_params() == NGram(2, 3).fit([0, 1, 2, 0, 1]).n_params() == 6
    assert KneserNey(3, n_vocab=7).loss([0, 1, 2, 3]) == pytest.approx(np.log(7))  # untrained


def test_a_text_that_is_counted_later_counts_too():
    model = KneserNey(2, 4).fit(TEXT)
    before = model.probs([A])
    model.fit([D, C, D, C])
    assert not np.allclose(model.probs([A]), before)
    np.testing.assert_allclose(model.probs([A]), KneserNey(2, 4).fit([D, C, D, C]).fit(TEXT).probs([A]))


def test_it_predicts_new_storyland_text_better_than_the_other_n_gram():
    from minigpt.text.storyland import Storyland

    land = Storyland()
    ids = {word: i for i, word in enumerate(land.vocabulary())}
    train, new = [[ids[w] for s in Storyland(seed).sentences(n) for w in s.words()] for seed, n in ((0, 800), (1, 80))]
    ours, plain = KneserNey(3, len(ids)).fit(train).loss(new), NGram(3, len(ids)).fit(train).loss(new)
    assert ours < plain - 0.03


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: KneserNey(0, 3), "at least 1"),
        (lambda: KneserNey(2, 3, discount=0), "above 0"),
        (lambda: KneserNey(2, 3, discount=1.5), "up to 1"),
        (lambda: KneserNey(2, 3).fit([0, 3]), "outside the vocabulary"),
        (lambda: KneserNey(2, 3).loss([]), "empty"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
