"""The logit lens ends in the model's logits, and the parts of a logit sum to it."""

import numpy as np
import pytest
import torch

from minigpt.config import GPTConfig
from minigpt.inspection.interventions import ablate_head
from minigpt.inspection.lens import STREAM, attribution, logit_lens
from minigpt.inspection.record import record
from minigpt.models.gpt import GPT
from tests import handmade

IDS = [3, 22, 0, 7, 7]


@pytest.fixture
def model():
    return handmade.random_gpt()


def test_the_last_of_the_lens_are_the_models_logits_and_the_others_are_not(model):
    lens = logit_lens(model, IDS)
    logits = record(model, IDS).logits
    assert lens.shape == (3, 5, 23)
    np.testing.assert_allclose(lens[-1], logits, rtol=0, atol=1e-5)
    assert all(np.abs(early - logits).max() > 0.1 for early in lens[:-1])


def test_the_lens_after_a_block_is_what_a_model_without_the_later_blocks_predicts(model):
    shorter = GPT(GPTConfig(**{**model.config.to_dict(), "n_layer": 1})).eval()
    shorter.load_state_dict({name: p for name, p in model.state_dict().items() if not name.startswith("h.1.")})
    np.testing.assert_allclose(logit_lens(model, IDS)[1], record(shorter, IDS).logits, rtol=0, atol=1e-5)


def test_a_recording_of_the_stream_spares_the_run(model):
    recording = record(model, IDS, names=STREAM)
    assert np.array_equal(logit_lens(model, recording), logit_lens(model, IDS))


def test_a_recording_without_the_stream_is_refused_with_what_to_record(model):
    with pytest.raises(ValueError, match=r"lacks drop, h\.0: .*names=STREAM"):
        logit_lens(model, record(model, IDS, names="h.1"))


@pytest.mark.parametrize("read", [lambda model: logit_lens(model, IDS), lambda model: attribution(model, IDS, 1)])
def test_another_model_is_refused_with_how_to_read_it(model, read):
    with pytest.raises(TypeError, match=r"a minigpt GPT, not Sequential.*load_pretrained.*record\(model, ids, names"):
        read(torch.nn.Sequential(model))


def test_the_lens_sees_the_induction_model_decide_in_block_1():
    ids = handmade.repeated(7)
    best = logit_lens(handmade.induction_gpt(), ids)[:, 7:13].argmax(-1)
    assert best[0].tolist() == best[1].tolist() == ids[7:13]  # until then each place says its own token
    assert best[2].tolist() == best[3].tolist() == ids[8:14]


@pytest.mark.parametrize("against", [None, 5])
@pytest.mark.parametrize("position", [0, 2, -1])
def test_the_parts_sum_to_the_logit(model, against, position):
    parts = attribution(model, IDS, 9, against, position)
    logits = record(model, IDS).logits[position]
    assert parts.logit == pytest.approx(logits[9] - (0 if against is None else logits[against]), abs=1e-6)
    assert parts.heads.shape == (2, 3)
    assert parts.mlps.shape == (2,)
    assert sum(parts.parts().values()) == pytest.approx(parts.logit, abs=1e-4)
    assert parts.embedding + parts.heads.sum() + parts.mlps.sum() + parts.biases == pytest.approx(parts.logit, abs=1e-4)


def test_a_head_of_the_last_block_adds_what_its_removal_takes_away_but_for_the_scale(model):
    """With its MLP silent, nothing after a head of the last block depends on it but the last LayerNorm's scale."""
    with torch.no_grad():
        model.h[1].mlp.c_proj.weight.zero_()
        model.ln_f.bias.zero_()  # which is not scaled
    before = attribution(model, IDS, 9)
    with ablate_head(model, 1, 2):
        after = attribution(model, IDS, 9)
    assert after.heads[1, 2] == 0
    scale = before.heads[1, 1] / after.heads[1, 1]  # another head, which wrote the same in both
    assert before.heads[1, 2] == pytest.approx(before.logit - after.logit * scale, abs=1e-4)


def test_only_the_head_that_copies_adds_to_what_the_induction_model_predicts():
    ids = handmade.repeated(7)
    parts = attribution(handmade.induction_gpt(), ids, token=ids[7], against=ids[-1])  # after the last token, the first
    assert parts.heads[handmade.INDUCTION_HEAD] > 0
    others = np.delete(parts.heads.ravel(), np.ravel_multi_index(handmade.INDUCTION_HEAD, (3, 2)))
    np.testing.assert_allclose(others, 0, atol=1e-6)
    np.testing.assert_allclose(parts.mlps, 0)
    # The head writes 4 times the predicted token's vector; the embedding says the present token once.
    assert parts.heads[handmade.INDUCTION_HEAD] == pytest.approx(-4 * parts.embedding)


def test_parts_are_named_in_the_order_of_the_forward_pass(model):
    names = list(attribution(model, IDS, 9).parts())
    assert names[:5] == ["embedding", "head (0, 0)", "head (0, 1)", "head (0, 2)", "MLP 0"]
    assert names[-2:] == ["MLP 1", "biases"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"token": 23}, r"tokens \[23\]: give ids from 0 to 22"),
        ({"token": 1, "against": -1}, r"tokens \[1, -1\]"),
        ({"token": 1, "position": 5}, "position 5 in a text of 5 tokens: give -5 to 4"),
    ],
)
def test_what_is_not_there_is_refused(model, arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        attribution(model, IDS, **arguments)
