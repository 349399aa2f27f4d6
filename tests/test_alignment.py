"""Links from attention weights and their error rate, against examples worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt.evaluation.alignment import alignment_error_rate, best_links, mutual_links, shared_out, sure_links
from minigpt.text.storyland import Storyland

LINKS = st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)))


def test_each_target_word_is_linked_to_the_source_word_it_looks_at_most():
    weights = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])  # (T, S)
    assert best_links(weights) == {(0, 0), (2, 1)}


def test_a_mutual_link_is_the_largest_weight_of_its_row_and_of_its_column():
    weights = np.array([[0.6, 0.3, 0.1], [0.5, 0.1, 0.4], [0.1, 0.2, 0.7]])  # rows 0 and 1 both look at column 0
    assert best_links(weights) == {(0, 0), (0, 1), (2, 2)}
    assert mutual_links(weights) == {(0, 0), (2, 2)}
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        mutual_links(weights[0])


def test_what_is_shared_out_has_rows_of_1_and_columns_of_their_share():
    plan = shared_out(np.random.default_rng(0).random((6, 8)))
    np.testing.assert_allclose(plan.sum(axis=1), 1)
    np.testing.assert_allclose(plan.sum(axis=0), 6 / 8, rtol=1e-6)


def test_of_two_words_alike_the_nearer_one_is_linked():
    # "the cat saw the dog": both articles look at both, as a model does that cannot tell them apart
    weights = np.array([[0.4, 0, 0, 0.6, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0.6, 0, 0, 0.4, 0], [0, 0, 0, 0, 1]])
    true = {(word, word) for word in range(5)}
    assert best_links(weights) != true
    assert best_links(shared_out(weights)) == true


def test_a_word_that_looks_nowhere_gets_what_the_others_leave():
    weights = np.array([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.4, 0.4, 0.2]])  # the full stop needs no look
    assert best_links(weights) == {(0, 0), (1, 1), (0, 2)}
    assert best_links(shared_out(weights, tension=0)) == {(0, 0), (1, 1), (2, 2)}


def test_without_weights_all_that_is_left_is_the_place():
    assert best_links(shared_out(np.full((4, 4), 0.25))) == {(word, word) for word in range(4)}
    np.testing.assert_allclose(shared_out(np.full((4, 5), 0.2), tension=0), 0.2)


@pytest.mark.parametrize("weights", [np.zeros(3), np.zeros((2, 3, 3)), np.full((2, 2), np.nan), np.full((2, 2), -0.1)])
def test_what_are_no_weights_cannot_be_shared_out(weights):
    with pytest.raises(ValueError, match="finite ones from 0 on"):
        shared_out(weights)


def test_a_tension_below_0_is_refused():
    with pytest.raises(ValueError, match="tension=-1"):
        shared_out(np.ones((2, 2)), tension=-1)


def test_weights_of_several_heads_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 3, 3\)"):
        best_links(np.zeros((2, 3, 3)))


def test_a_word_with_two_links_has_no_sure_one():
    # gostam do coelho, like the rabbit: "do" is "de" of "gostam de" and "o" of "o coelho"
    assert sure_links({(0, 0), (0, 1), (1, 1), (2, 2)}) == {(0, 0), (2, 2)}


def test_the_error_rate_is_the_one_worked_by_hand():
    sure, possible = {(0, 0), (1, 1)}, {(0, 0), (1, 1), (1, 2)}
    assert alignment_error_rate([{(0, 0), (1, 1), (1, 2)}], [sure], [possible]) == 0  # possible links are no mistakes
    found = {(0, 0), (2, 1)}  # one of two right: 1 - (1 + 1) / (2 + 2)
    assert alignment_error_rate([found], [sure], [possible]) == pytest.approx(0.5)
    missing = {(0, 0)}  # nothing wrong, one sure link missing: 1 - (1 + 1) / (1 + 2)
    assert alignment_error_rate([missing], [sure], [possible]) == pytest.approx(1 / 3)


def test_counts_are_summed_over_sentences_not_rates_averaged():
    sure = [{(0, 0)}, {(0, 0), (1, 1), (2, 2)}]
    found = [{(1, 0)}, {(0, 0), (1, 1), (2, 2)}]
    assert alignment_error_rate(found, sure, sure) == pytest.approx(1 - 6 / 8)


@given(LINKS.filter(len), LINKS.filter(len))
def test_with_all_links_sure_it_is_one_minus_f1(found, true):
    hits = len(found & true)
    precision, recall = hits / len(found), hits / len(true)
    f1 = 2 * precision * recall / (precision + recall) if hits else 0
    assert alignment_error_rate([found], [true], [true]) == pytest.approx(1 - f1)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="no link"):
        alignment_error_rate([set()], [set()], [set()])
    with pytest.raises(ValueError, match="sure but not possible"):
        alignment_error_rate([{(0, 0)}], [{(0, 1)}], [{(0, 0)}])


def test_the_truth_makes_no_error():
    true = [set(sentence.alignment) for sentence in Storyland(0).pairs(50, unseen=True)]
    assert alignment_error_rate(true, [sure_links(links) for links in true], true) == 0
