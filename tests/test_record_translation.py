"""Recordings and interventions for an encoder, with padding, and for a translator, in three parts."""

import numpy as np
import pytest
import torch
from small_models import randomised
from transformers import BertConfig, BertModel

from minigpt.config import EncoderConfig, TranslatorConfig
from minigpt.inspection.interventions import ablate_head, freeze_attention, head_outputs, patch, scale_head
from minigpt.inspection.record import Recording, record
from minigpt.inspection.translation import TranslationRecording, heads_of, record_translation
from minigpt.models.attention import attention_weights, project, split_heads
from minigpt.models.encoder import MaskedLM
from minigpt.models.gpt import GPT
from minigpt.models.translator import Translator
from minigpt.weights.bert import load_encoder

SOURCE, TARGET = [5, 6, 7, 8, 2], [1, 9, 10, 2]
TEXT = torch.tensor([[1, 7, 8, 3, 2, 0, 0]])
L, H, C = 2, 3, 12


@pytest.fixture
def translator():
    return randomised(Translator(TranslatorConfig(23, 11, C, H, L)))


@pytest.fixture
def masked_lm():
    return randomised(MaskedLM(EncoderConfig(23, 11, C, H, L, pad_id=0, cls_id=1, sep_id=2, mask_id=3)))


def test_the_three_kinds_of_attention_are_told_apart_by_name_and_have_their_own_shapes(translator):
    recording = record_translation(translator, SOURCE, TARGET, list("abcd."), ["<bos>", "x", "y", "<eos>"])
    assert list(recording.encoder.attention) == ["encoder.0.attn", "encoder.1.attn"]
    assert list(recording.decoder.attention) == ["decoder.0.attn", "decoder.1.attn"]
    assert list(recording.cross.attention) == ["decoder.0.cross", "decoder.1.cross"]
    assert recording.encoder.attention_stack().shape == (L, H, 5, 5)
    assert recording.decoder.attention_stack().shape == (L, H, 3, 3)
    assert recording.cross.attention_stack().shape == (L, H, 3, 5)
    assert recording.cross.tokens == recording.decoder.tokens == ("<bos>", "x", "y")
    assert recording.cross.source_tokens == recording.encoder.tokens == tuple("abcd.")
    assert recording.written == ("x", "y", "<eos>")
    assert (np.triu(recording.decoder.attention_stack(), 1) == 0).all()
    assert (recording.cross.attention_stack() > 0).all()


def test_recorded_cross_attention_is_what_queries_and_keys_give(translator):
    seen = {}
    cross = translator.decoder[1].cross
    handle = cross.register_forward_hook(lambda module, args, output: seen.update(x=args[0], memory=args[1]))
    recording = record_translation(translator, SOURCE, TARGET)
    handle.remove()
    q, k, _ = (split_heads(part, H) for part in project(cross.c_attn, seen["x"], seen["memory"]))
    expected = attention_weights(q, k)[0].detach()
    np.testing.assert_allclose(recording.cross.attention["decoder.1.cross"], expected, atol=1e-6)
    logits = translator(torch.tensor([SOURCE]), torch.tensor([TARGET[:-1]]))[0].detach()
    np.testing.assert_array_equal(recording.decoder.logits, logits)


def test_activations_go_with_their_part(translator):
    recording = record_translation(translator, SOURCE, TARGET, names=["encoder.*", "decoder.*", "decoder.0.cross"])
    assert {name: x.shape for name, x in recording.encoder.activations.items()} == {
        "encoder.0": (5, C),
        "encoder.1": (5, C),
    }
    assert {name: x.shape[0] for name, x in recording.decoder.activations.items()} == {
        "decoder.0.cross": 3,
        "decoder.0": 3,
        "decoder.1": 3,
    }


def test_a_recorded_translation_survives_its_file(translator, tmp_path):
    recording = record_translation(translator, SOURCE, TARGET, names=["encoder.0", "decoder.0.cross"])
    recording.save(tmp_path / "translation.npz")
    loaded = TranslationRecording.load(tmp_path / "translation.npz")
    assert loaded.written == recording.written
    for part in ("encoder", "decoder", "cross"):
        one, other = getattr(recording, part), getattr(loaded, part)
        assert (one.tokens, one.source_tokens, one.model) == (other.tokens, other.source_tokens, other.model)
        for arrays, others in ((one.attention, other.attention), (one.activations, other.activations)):
            assert list(arrays) == list(others)
            assert all(np.array_equal(arrays[name], others[name]) for name in arrays)
    np.testing.assert_array_equal(loaded.decoder.logits, recording.decoder.logits)


def test_a_recording_of_one_text_is_not_taken_for_a_translation(tmp_path, masked_lm):
    record(masked_lm, TEXT).save(tmp_path / "text.npz")
    with pytest.raises(ValueError, match=r"no recording of a translator: read it with Recording.load"):
        TranslationRecording.load(tmp_path / "text.npz")


def test_labels_that_do_not_fit_and_models_without_cross_attention_are_refused(translator):
    with pytest.raises(ValueError, match="3 labels for a target of 4 tokens"):
        record_translation(translator, SOURCE, TARGET, target_tokens="abc")
    with pytest.raises(ValueError, match="2 labels for 5 positions"):
        record_translation(translator, SOURCE, TARGET, source_tokens="ab")

    class OneText(GPT):
        def forward(self, ids, target=None):
            return super().forward(ids)

    from minigpt.config import GPTConfig

    with pytest.raises(ValueError, match=r"no encoder and no cross attention was found in OneText, only h.0.attn"):
        record_translation(OneText(GPTConfig(23, 11, C, H, 1)), SOURCE, TARGET)


def test_an_encoder_is_recorded_and_nobody_looks_at_padding(masked_lm):
    recording = record(masked_lm, TEXT)
    assert list(recording.attention) == ["encoder.h.0.attn", "encoder.h.1.attn"]
    stack = recording.attention_stack()
    np.testing.assert_allclose(stack.sum(-1), 1, atol=1e-6)
    assert (stack[..., 5:] == 0).all()
    assert (stack[..., :5] > 0).all()
    assert recording.logits.shape == (7, 23)


def test_an_encoder_without_a_head_has_activations_but_no_logits(masked_lm):
    recording = record(masked_lm.encoder, TEXT, names="h.1")
    assert recording.logits is None
    hidden = masked_lm.encoder(TEXT)[0].detach()
    np.testing.assert_array_equal(recording.activations["h.1"], hidden)


@torch.no_grad()
def test_a_bert_attends_as_transformers_says_with_padding(tmp_path):
    sizes = {"vocab_size": 23, "max_position_embeddings": 11, "hidden_size": C, "num_attention_heads": H}
    sizes |= {"num_hidden_layers": L, "intermediate_size": 4 * C, "attn_implementation": "eager"}
    theirs = randomised(BertModel(BertConfig(**sizes)))
    theirs.save_pretrained(tmp_path)
    ours = load_encoder(tmp_path, cls_id=1, sep_id=2, mask_id=3)
    said = torch.cat(theirs(TEXT, attention_mask=(TEXT != 0).long(), output_attentions=True).attentions)
    np.testing.assert_allclose(record(ours, TEXT).attention_stack()[:, :, :5], said[:, :, :5], atol=1e-5)


@pytest.mark.parametrize("part", ["encoder", "decoder", "cross"])
def test_a_head_of_each_part_is_switched_off_by_its_layer_and_number(translator, part):
    names = {"encoder": "encoder.1.attn", "decoder": "decoder.1.attn", "cross": "decoder.1.cross"}
    module = translator.get_submodule(names[part])
    before = record_translation(translator, SOURCE, TARGET).decoder.logits
    with ablate_head(heads_of(translator, part), 1, 2):
        ablated = record_translation(translator, SOURCE, TARGET).decoder.logits
    kept = module.c_proj.weight.detach().clone()
    with torch.no_grad():
        module.c_proj.weight[:, 8:] = 0  # the columns of head 2
        expected = record_translation(translator, SOURCE, TARGET).decoder.logits
        module.c_proj.weight.copy_(kept)
    np.testing.assert_allclose(ablated, expected, atol=1e-5)
    assert np.abs(ablated - before).max() > 1e-3
    np.testing.assert_array_equal(record_translation(translator, SOURCE, TARGET).decoder.logits, before)


def test_heads_that_are_not_there_are_refused(translator, masked_lm):
    with (
        pytest.raises(ValueError, match=r"no layer 2: its layers are 0 to 1"),
        ablate_head(heads_of(translator, "cross"), 2, 0),
    ):
        pass
    with pytest.raises(ValueError, match="take one of encoder, decoder, cross"):
        heads_of(translator, "self")
    with pytest.raises(ValueError, match="MaskedLM has no cross attention"):
        heads_of(masked_lm, "cross")


def test_values_and_attention_of_another_run_are_put_into_a_translator(translator):
    other = record_translation(translator, [9, 9, 9, 9, 2], TARGET, names="decoder.1")
    with patch(translator, "decoder.1", other.decoder.activations["decoder.1"]):
        patched = record_translation(translator, SOURCE, TARGET).decoder.logits
    np.testing.assert_allclose(patched, other.decoder.logits, atol=1e-5)
    with freeze_attention(translator, other.cross.attention):
        frozen = record_translation(translator, SOURCE, TARGET)
    np.testing.assert_allclose(frozen.cross.attention_stack(), other.cross.attention_stack(), atol=1e-6)
    assert np.abs(frozen.decoder.logits - other.decoder.logits).max() > 1e-3, "values are still those of this source"


def test_interventions_work_on_an_encoder(masked_lm):
    before = record(masked_lm, TEXT).logits
    outputs = head_outputs(masked_lm, TEXT)
    assert outputs.shape == (L, H, 7, C // H)
    with scale_head(masked_lm, 1, 0, 0):
        assert np.abs(record(masked_lm, TEXT).logits - before)[:5].max() > 1e-3
        np.testing.assert_array_equal(head_outputs(masked_lm, TEXT)[0], outputs[0])


def test_the_parts_are_recordings_like_any_other(translator):
    assert all(
        isinstance(part, Recording)
        for part in vars(record_translation(translator, SOURCE, TARGET)).values()
        if hasattr(part, "attention")
    )
