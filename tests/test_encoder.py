"""The encoder: against transformers' BERT, by hand, and by what padding must leave as it is."""

import math

import numpy as np
import pytest
import torch
from small_models import close, randomised
from transformers import BertConfig, BertForMaskedLM, BertModel

from minigpt.config import EncoderConfig
from minigpt.models.encoder import Encoder, MaskedLM
from minigpt.models.masking import MaskedBatches, fill_mask, mask_tokens
from minigpt.weights.bert import from_bert_config, load_encoder, load_masked_lm

SPECIAL = {"pad_id": 0, "cls_id": 1, "sep_id": 2, "mask_id": 3}
CONFIG = EncoderConfig(n_vocab=23, n_ctx=13, n_embd=12, n_head=3, n_layer=2, n_types=2, **SPECIAL)
IDS = torch.tensor([[1, 7, 8, 3, 9, 2, 10, 2], [1, 11, 12, 2, 0, 0, 0, 0]])
TYPES = torch.tensor([[0, 0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0, 0, 0]])


def berts_own(cls, **changes):
    sizes = {"vocab_size": 23, "max_position_embeddings": 13, "hidden_size": 12, "num_attention_heads": 3}
    sizes |= {"num_hidden_layers": 2, "intermediate_size": 48, "pad_token_id": 0}
    return randomised(cls(BertConfig(**{**sizes, **changes})))


@torch.no_grad()
def test_the_encoder_loads_what_transformers_saves_and_agrees_with_padding_and_types(tmp_path):
    theirs = berts_own(BertModel)
    theirs.save_pretrained(tmp_path)
    ours = load_encoder(tmp_path, cls_id=1, sep_id=2, mask_id=3)
    assert ours.config == CONFIG
    expected = theirs(IDS, attention_mask=(IDS != 0).long(), token_type_ids=TYPES).last_hidden_state
    assert expected.std() > 0.1
    close(ours(IDS, TYPES)[IDS != 0], expected[IDS != 0], 1e-5)


@torch.no_grad()
def test_the_masked_language_model_loads_what_transformers_saves_and_agrees(tmp_path):
    theirs = berts_own(BertForMaskedLM)
    theirs.save_pretrained(tmp_path)
    ours = load_masked_lm(tmp_path, cls_id=1, sep_id=2, mask_id=3)
    expected = theirs(IDS, attention_mask=(IDS != 0).long(), token_type_ids=TYPES).logits
    close(ours(IDS, TYPES)[IDS != 0], expected[IDS != 0], 1e-5)
    assert ours.n_params() == theirs.num_parameters()
    targets = torch.where(IDS == 3, 5, -100)
    close(ours.loss(IDS, targets, types=TYPES), theirs(IDS, (IDS != 0).long(), TYPES, labels=targets).loss, 1e-5)
    close(load_encoder(tmp_path, cls_id=1, sep_id=2, mask_id=3)(IDS), ours.encoder(IDS), 1e-6)  # the head left out


def test_what_is_no_bert_that_fits_is_told_by_name(tmp_path):
    berts_own(BertModel).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"cls.predictions.bias \(23,\) is missing"):
        load_masked_lm(tmp_path, cls_id=1, sep_id=2, mask_id=3)
    values = BertConfig(hidden_act="relu", intermediate_size=99).to_dict()
    with pytest.raises(ValueError, match=r"(?s)2 problems.*hidden_act='relu'.*intermediate_size=99.*3072"):
        from_bert_config(values)


def test_the_published_base_model_is_counted_rightly():
    """`bert-base-uncased` has 109,482,240 parameters, 590,592 of them in the pooler that ours does without."""
    assert EncoderConfig().n_params() == 109_482_240 - 590_592
    assert CONFIG.n_params() == Encoder(CONFIG).n_params()


def test_every_token_sees_every_token_but_no_padding():
    model, embedded = randomised(Encoder(CONFIG)), []

    def watch(module, inputs, output):
        output.retain_grad()
        embedded.append(output)

    model.wte.register_forward_hook(watch)
    for t in range(4):
        model(IDS[1:])[0, t].square().sum().backward()
        influence = embedded.pop().grad[0].abs().sum(-1)
        assert (influence[:4] > 0).all()
        assert (influence[4:] == 0).all()


@torch.no_grad()
def test_padding_changes_nothing_and_may_be_told_instead():
    model = randomised(MaskedLM(CONFIG))
    close(model(IDS)[1, :4], model(IDS[1:, :4])[0], 1e-5)
    other = torch.where(IDS == 0, 5, IDS)
    close(model(other, is_token=IDS != 0)[1, :4], model(IDS)[1, :4], 1e-5)


def test_of_fifteen_percent_eighty_are_masked_ten_swapped_and_ten_kept():
    config = EncoderConfig(n_vocab=1004, n_ctx=100, n_embd=8, n_head=2, n_layer=1, **SPECIAL)
    ids = torch.randint(4, 1004, (2000, 100))
    ids[:, 0], ids[:, -2], ids[:, -1] = 1, 2, 0
    inputs, targets = mask_tokens(ids, config, seed=0)
    asked = targets != -100
    assert not asked[:, [0, -2, -1]].any(), "special tokens are never hidden"
    assert torch.equal(targets[asked], ids[asked])
    assert torch.equal(inputs[~asked], ids[~asked])
    assert asked[:, 1:-2].float().mean().item() == pytest.approx(0.15, abs=0.005)
    masked, kept = inputs[asked] == 3, inputs[asked] == ids[asked]
    assert masked.float().mean().item() == pytest.approx(0.8, abs=0.01)
    assert kept.float().mean().item() == pytest.approx(0.1, abs=0.01)
    swapped = inputs[asked][~masked & ~kept]
    assert swapped.min() >= 4
    assert len(swapped.unique()) > 900, "any word may stand in for any other"


def test_what_is_hidden_depends_on_the_seed_alone():
    first, again = mask_tokens(IDS, CONFIG, 5, share=0.5), mask_tokens(IDS, CONFIG, 5, share=0.5)
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first[1], mask_tokens(IDS, CONFIG, 6, share=0.5)[1])
    batches = MaskedBatches(IDS.numpy(), CONFIG, batch_size=4)
    assert all(map(torch.equal, batches.batch(3), batches.batch(3)))
    assert batches.batch(3)[0].shape == (4, 8)


@pytest.mark.slow
def test_an_encoder_learns_to_fill_the_blank_from_both_sides():
    """Rows `cls a b c sep` where b = a + c: neither side alone tells it."""
    rng = np.random.default_rng(0)
    a, c = rng.integers(0, 4, (2, 256))
    rows = np.stack([np.full(256, 1), 4 + a, 10 + a + c, 4 + c, np.full(256, 2)], axis=1)
    model = MaskedLM(EncoderConfig(n_vocab=23, n_ctx=5, n_embd=24, n_head=3, n_layer=2, **SPECIAL))
    ids, hidden = torch.from_numpy(rows), torch.tensor([False, False, True, False, False])
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(120):
        optimizer.zero_grad()
        model.loss(ids.masked_fill(hidden, 3), ids.masked_fill(~hidden, -100)).backward()
        optimizer.step()
    for first in range(4):
        for last in range(4):
            ((best, probability), *_), *_ = fill_mask(model, [1, 4 + first, 3, 4 + last, 2])
            assert best == 10 + first + last
            assert probability > 0.5


def test_two_blanks_are_filled_and_probabilities_are_those_of_the_model():
    model = randomised(MaskedLM(CONFIG))
    first, second = fill_mask(model.train(), [1, 3, 7, 3, 2], n_best=23)
    assert model.training
    probs = model.eval()(torch.tensor([[1, 3, 7, 3, 2]]))[0].softmax(-1)
    for guesses, at in ((first, 1), (second, 3)):
        assert math.fsum(p for _, p in guesses) == pytest.approx(1, abs=1e-5)
        assert [p for _, p in guesses] == sorted((p for _, p in guesses), reverse=True)
        assert all(p == pytest.approx(probs[at, token].item(), abs=1e-6) for token, p in guesses)


def test_requests_that_make_no_sense_are_refused():
    model = MaskedLM(CONFIG)
    with pytest.raises(ValueError, match="there is no mask in the text: put mask_id=3"):
        fill_mask(model, [1, 5, 2])
    with pytest.raises(ValueError, match=r"give one text, \(T,\) or \(1, T\)"):
        fill_mask(model, IDS)
    with pytest.raises(ValueError, match="14 tokens do not fit into n_ctx=13"):
        fill_mask(model, [3] * 14)
    with pytest.raises(ValueError, match=r"types of shape \(1, 8\) for ids \(2, 8\)"):
        model(IDS, TYPES[:1])
    with pytest.raises(ValueError, match="share=0: must be above 0"):
        mask_tokens(IDS, CONFIG, 0, share=0)
    with pytest.raises(ValueError, match="nothing but special ones"):
        mask_tokens(IDS, EncoderConfig(4, 9, 6, 1, 1, **SPECIAL), 0)
