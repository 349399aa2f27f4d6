"""Head scores find, in models that are set by hand, the heads that were put there, and no others."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from minigpt.inspection import heads
from minigpt.inspection.heads import head_scores, induction_scores, positional_scores, repeated_tokens, uniform_score
from minigpt.inspection.record import Recording, record
from minigpt.inspection.translation import TranslationRecording
from minigpt.models.attention import Attention
from tests import handmade

TEXT = handmade.repeated(7)
IDLE = (2, 0)  # looks everywhere alike in all models


def recording(*attention, tokens=None):
    """A recording of one head from rows of weights."""
    weights = np.array(attention, dtype=np.float32)
    labels = tuple(tokens or map(str, range(len(weights))))
    return Recording(labels, None, {"attn": weights[None]}, {}, None, "by hand")


def scores_of(*attention, tokens=None):
    return {name: score.item() for name, score in head_scores(recording(*attention, tokens=tokens)).items()}


@pytest.fixture(scope="module")
def many():
    return head_scores(record(handmade.many_heads_gpt(), TEXT))


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("current token", handmade.CURRENT_HEAD),
        ("previous token", handmade.PREVIOUS_HEAD),
        ("first token", handmade.FIRST_HEAD),
    ],
)
def test_the_head_of_each_kind_scores_1_and_is_the_only_one(many, name, head):
    assert many[name].shape == (3, 2)
    assert many[name][head] == pytest.approx(1)
    assert (many[name] > 0.99).sum() == 1


def test_the_duplicate_head_shares_its_weight_between_the_earlier_place_and_its_own(many):
    assert many["duplicate token"][handmade.DUPLICATE_HEAD] == pytest.approx(0.5)
    assert many["duplicate token"].argmax() == np.ravel_multi_index(handmade.DUPLICATE_HEAD, (3, 2))


@pytest.mark.parametrize("name", [*heads.PATTERNS, "entropy", "spread"])
def test_a_head_that_looks_everywhere_alike_scores_what_uniform_attention_scores(many, name):
    assert many[name][IDLE] == pytest.approx(uniform_score(name, TEXT), rel=1e-5)


def test_uniform_scores_of_three_tokens_worked_by_hand():
    tokens = "aba"
    assert uniform_score("previous token", tokens) == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert uniform_score("first token", tokens) == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert uniform_score("current token", tokens) == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert uniform_score("duplicate token", tokens) == pytest.approx(1 / 3)
    assert uniform_score("induction", tokens) == pytest.approx(1 / 3)
    assert uniform_score("entropy", tokens) == pytest.approx((0 + 1 + np.log2(3)) / 3)
    assert uniform_score("spread", tokens) == pytest.approx(1)


def test_an_encoder_may_look_everywhere_so_chance_is_lower():
    assert uniform_score("previous token", "abcd", causal=False) == pytest.approx(1 / 4)
    assert uniform_score("entropy", "abcd", causal=False) == pytest.approx(2)
    encoder = record(Attention(8, 2), torch.zeros(4, 8))  # queries of zero: every position alike
    np.testing.assert_allclose(head_scores(encoder)["spread"], 1, rtol=1e-6)


def test_scores_of_one_head_worked_by_hand():
    scores = scores_of([1, 0, 0, 0], [0.25, 0.75, 0, 0], [0, 0.5, 0.5, 0], [0.5, 0.25, 0.125, 0.125], tokens="aaba")
    assert scores["previous token"] == pytest.approx((0.25 + 0.5 + 0.125) / 3)
    assert scores["first token"] == pytest.approx((0.25 + 0 + 0.5) / 3)
    assert scores["current token"] == pytest.approx((0.75 + 0.5 + 0.125) / 3)
    assert scores["duplicate token"] == pytest.approx((0.25 + 0.75) / 2)  # the last a has two earlier places
    # The second a comes right after the first: what followed the first is itself. The last a: a and b followed.
    assert scores["induction"] == pytest.approx(0.25 + 0.125)
    bits = [0, 0.25 * 2 + 0.75 * np.log2(4 / 3), 1, 0.5 + 0.25 * 2 + 2 * 0.125 * 3]
    assert scores["entropy"] == pytest.approx(np.mean(bits))
    assert scores["spread"] == pytest.approx(np.mean([bits[1] / 1, bits[2] / np.log2(3), bits[3] / 2]))


def test_a_text_without_repeats_says_nothing_about_induction():
    scores = scores_of([1, 0], [0.5, 0.5], tokens="ab")
    assert np.isnan(scores["induction"])
    assert np.isnan(scores["duplicate token"])


def test_a_single_token_says_only_that_there_was_no_choice():
    scores = scores_of([1], tokens="a")
    assert scores.pop("entropy") == 0
    assert np.isnan(list(scores.values())).all()


def test_the_induction_head_looks_behind_the_earlier_place_and_predicts_what_it_finds():
    model = handmade.induction_gpt()
    scores = induction_scores(model, n_tokens=10, n_repeats=3)
    assert scores[handmade.INDUCTION_HEAD] == pytest.approx(1)
    assert (scores > 0.2).sum() == 1
    assert scores[IDLE] == pytest.approx(uniform_score("induction", repeated_tokens(16, 10, 3)), rel=1e-5)
    ids = repeated_tokens(16, 10, seed=5)
    probs = torch.tensor(record(model, ids).logits).softmax(-1)
    assert (probs[range(10, 19), ids[11:]] > 0.99).all()


def test_a_model_of_another_kind_is_scored_on_as_many_ids_as_it_or_the_caller_says():
    model = handmade.induction_gpt()
    scores = induction_scores(model, n_tokens=10)
    plain = nn.Sequential(model)  # without a config
    with pytest.raises(ValueError, match="Sequential does not say how many tokens it knows: give n_vocab"):
        induction_scores(plain, n_tokens=10)
    assert np.array_equal(induction_scores(plain, n_tokens=10, n_vocab=16), scores)
    plain.config = SimpleNamespace(vocab_size=16)  # as models of transformers say it
    assert np.array_equal(induction_scores(plain, n_tokens=10), scores)


def test_the_previous_token_head_alone_makes_no_induction():
    scores = induction_scores(handmade.previous_token_gpt(), n_tokens=10)
    assert scores.max() < 0.1


def test_repeated_tokens_differ_within_a_repeat_and_start_with_what_is_asked():
    ids = repeated_tokens(20, 8, n_repeats=3, seed=1, start=19)
    assert ids[0] == 19
    assert ids[1:9] == ids[9:17] == ids[17:]
    assert len(set(ids)) == 9
    assert ids == repeated_tokens(20, 8, n_repeats=3, seed=1, start=19)
    assert ids != repeated_tokens(20, 8, n_repeats=3, seed=2, start=19)


@pytest.mark.parametrize(("n_tokens", "n_repeats"), [(1, 2), (6, 2), (3, 1)])
def test_what_cannot_be_drawn_or_repeated_is_refused(n_tokens, n_repeats):
    with pytest.raises(ValueError, match=f"n_tokens={n_tokens}.*take 2 to 5 tokens"):
        repeated_tokens(5, n_tokens, n_repeats)


def test_heads_that_follow_the_place_are_positional_and_those_that_follow_the_words_are_not():
    model = handmade.many_heads_gpt()
    texts = [record(model, [*torch.randperm(16)[:12].tolist(), 3]) for _ in range(5)]
    scores = positional_scores(texts)
    assert scores[handmade.PREVIOUS_HEAD] == pytest.approx(1)
    assert scores[handmade.CURRENT_HEAD] == pytest.approx(1)
    assert scores[IDLE] == pytest.approx(uniform_score("positional", texts[0].tokens), rel=1e-5)
    assert scores[handmade.FIRST_HEAD] < 0.4  # always at another distance
    assert scores[handmade.FIRST_HEAD] < scores[handmade.DUPLICATE_HEAD] < 1


def test_a_positional_score_worked_by_hand():
    # Distance 0 has the weights 1 and 0, distance 1 has 0 and 0.6, distance 2 has 0.4. Means 0.5, 0.3, 0.4.
    score = positional_scores(recording([1, 0, 0], [0, 1, 0], [0.4, 0.6, 0]))
    second, third = 0.5 / 0.8, 0.3 / 1.2 + 0.4 / 1.2
    assert score.item() == pytest.approx((second + third) / 2)


def test_an_encoder_head_that_looks_at_the_next_token_is_positional():
    later = np.roll(np.eye(5), 1, axis=1)[:4, :5]
    rows = np.vstack([later, np.eye(5)[4]])  # the last has no next one, and looks at itself
    n_right, spoiled = 3, 1 / (1 + 1 / 4)  # distance 0 has the mean 1/4, distance -1 the mean 1
    expected = (n_right * spoiled + 1) / 4
    assert positional_scores(recording(*rows)).item() == pytest.approx(expected)


@pytest.mark.parametrize("texts", [[], [recording([1])]])
def test_positional_scores_need_a_distance(texts):
    with pytest.raises(ValueError, match="at least one recording of two tokens"):
        positional_scores(texts)


def test_padding_is_left_out_of_the_scores_wherever_it_stands():
    rows = [[0.5, 0.5, 0], [0.9, 0.1, 0], [0.3, 0.7, 0]]
    padded = recording(*rows, tokens=["a", "b", "pad"])
    short = head_scores(recording(*(row[:2] for row in rows[:2]), tokens=["a", "b"]))
    for name, score in head_scores(padded, torch.tensor([False, False, True])).items():
        np.testing.assert_array_equal(score, short[name])
    assert short["previous token"].item() == pytest.approx(0.9)
    assert head_scores(padded)["previous token"].item() == pytest.approx(0.8)


@pytest.mark.parametrize("padding", [[0, 0, 1], [False, True], [True, True, True]])
def test_padding_that_does_not_fit_is_refused_with_what_does(padding):
    with pytest.raises(ValueError, match="give a bool for each of the 3 tokens"):
        head_scores(recording(*np.eye(3)), padding)


def test_cross_attention_has_no_head_scores():
    cross = Recording(("a",), ("x", "y"), {"attn": np.full((1, 1, 2), 0.5)}, {}, None, "by hand")
    with pytest.raises(ValueError, match="looks at another text"):
        head_scores(cross)


def test_a_translation_has_head_scores_for_each_of_its_texts():
    own, cross = recording(*np.eye(2)), replace(recording(*np.eye(2)), source_tokens=("x", "y"))
    both = TranslationRecording(encoder=own, decoder=own, cross=cross, written=("b", "c"))
    with pytest.raises(TypeError, match="take its encoder or its decoder"):
        head_scores(both)
    assert head_scores(both.encoder)["current token"].item() == 1


def test_an_unknown_score_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"'prev'.*previous token, first token"):
        uniform_score("prev", "abc")


def test_the_number_in_the_modules_docstring_is_right():
    assert f"puts {uniform_score('previous token', 'abcde'):.2f} on the token before" in heads.__doc__
