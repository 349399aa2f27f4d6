"""The two heads that make induction are found by their weights, and by cutting the way between them."""

import numpy as np
import pytest
import torch

from minigpt.config import GPTConfig
from minigpt.inspection.heads import induction_scores, repeated_tokens
from minigpt.inspection.paths import induction_drops, k_composition, random_composition
from minigpt.models.gpt import GPT
from tests import handmade

PAIR = (*handmade.PREVIOUS_HEAD, *handmade.INDUCTION_HEAD)


def by_definition(model: GPT, earlier, later):
    """The formula of Elhage et al. 2021, written out with whole matrices (C, C)."""

    def seen(block, rows):  # through ln_1, without its scale and bias
        C = rows.shape[-1]
        return rows.double() @ torch.diag(block.ln_1.weight.double()) @ (torch.eye(C).double() - 1 / C)

    D = model.config.n_embd // model.config.n_head
    first, second = model.h[earlier[0]], model.h[later[0]]
    own, other = (slice(h * D, (h + 1) * D) for h in (earlier[1], later[1]))
    q, k, _ = (seen(second, w[other]) for w in second.attn.c_attn.weight.chunk(3))
    v = seen(first, first.attn.c_attn.weight.chunk(3)[2][own])
    w_qk, w_ov = q.T @ k, first.attn.c_proj.weight[:, own].double() @ v
    return ((w_qk @ w_ov).norm() / (w_qk.norm() * w_ov.norm())).item()


@torch.no_grad()
def test_k_composition_is_the_formula_for_every_pair():
    model = handmade.random_gpt()
    scores = k_composition(model)
    assert scores.shape == (2, 3, 2, 3)
    for earlier in range(3):
        for later in range(3):
            expected = by_definition(model, (0, earlier), (1, later))
            assert scores[0, earlier, 1, later] == pytest.approx(expected, rel=1e-5)


def test_heads_that_do_not_follow_each_other_have_no_composition():
    scores = k_composition(handmade.random_gpt())
    assert np.isnan(scores[1]).all()
    assert np.isnan(scores[0, :, 0]).all()
    assert not np.isnan(scores[0, :, 1]).any()


@torch.no_grad()
def test_the_pair_set_by_hand_stands_out_and_idle_heads_score_0():
    model = handmade.induction_gpt()
    scores = k_composition(model)
    assert np.unravel_index(np.nanargmax(scores), scores.shape) == PAIR
    assert scores[PAIR] == pytest.approx(by_definition(model, PAIR[:2], PAIR[2:]), rel=1e-5)
    assert scores[PAIR] > 1.4 * random_composition(model)
    others = np.delete(scores.ravel(), np.ravel_multi_index(PAIR, scores.shape))
    assert np.nanmax(others) == 0


def test_reading_what_was_written_scores_1_and_reading_beside_it_0():
    model = handmade.idle_gpt(n_ones=2)
    column, other = torch.zeros(handmade.D, handmade.C), torch.zeros(handmade.D, handmade.C)
    column[0, :2] = torch.tensor([1.0, -1.0])  # sums to 0, as LayerNorm takes the mean away
    other[0, 2:4] = torch.tensor([1.0, -1.0])
    handmade.set_head(model, (0, 0), column, column, value=column, output=column.T)
    handmade.set_head(model, (1, 0), column, column)
    handmade.set_head(model, (1, 1), column, other)
    scores = k_composition(model)
    assert scores[0, 0, 1, 0] == pytest.approx(1)
    assert scores[0, 0, 1, 1] == pytest.approx(0, abs=1e-6)


def test_heads_with_random_weights_score_what_chance_gives():
    model = GPT(GPTConfig(n_vocab=23, n_ctx=13, n_embd=96, n_head=3, n_layer=3))
    assert np.nanmean(k_composition(model)) == pytest.approx(random_composition(model), rel=0.1)


def test_without_the_previous_token_head_the_induction_head_is_blind():
    model = handmade.induction_gpt()
    drops = induction_drops(model, handmade.INDUCTION_HEAD, n_tokens=10, n_texts=2)
    score = induction_scores(model, n_tokens=10)[handmade.INDUCTION_HEAD]
    # It looks then at all places but the first alike: at place t, 1/t.
    blind = np.mean([1 / t for t in range(10, 20)])
    assert drops[handmade.PREVIOUS_HEAD] == pytest.approx(score - blind, rel=1e-5)
    assert drops[0, 0] == pytest.approx(0, abs=1e-6)
    assert np.isnan(drops[1:]).all()


def test_the_model_is_whole_again_afterwards_and_only_the_named_heads_were_tried():
    model = handmade.induction_gpt()
    ids = torch.tensor([repeated_tokens(16, 10)])
    before = model(ids)
    drops = induction_drops(model, handmade.INDUCTION_HEAD, [handmade.PREVIOUS_HEAD], n_tokens=10, n_texts=1)
    assert torch.equal(model(ids), before)
    assert np.isnan(drops).sum() == drops.size - 1


@pytest.mark.parametrize(
    ("later", "earlier", "complaint"),
    [
        ((1, 0), [(1, 1)], r"\(1, 1\) is not before \(1, 0\): name heads of the layers 0 to 0"),
        ((0, 0), None, r"no head comes before \(0, 0\)"),
        ((3, 0), None, r"\(3, 0\), or it is not there"),
    ],
)
def test_heads_that_are_not_there_or_not_before_are_refused(later, earlier, complaint):
    with pytest.raises(ValueError, match=complaint):
        induction_drops(handmade.induction_gpt(), later, earlier)
