"""Models of transformers, tiny and random: recorded in one call, as they report their attention themselves."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from minigpt import views
from minigpt.config import GPTConfig
from minigpt.inspection.adapters import from_outputs, from_transformers
from minigpt.inspection.record import Recording
from minigpt.inspection.translation import PARTS, TranslationRecording
from minigpt.models.gpt import GPT

transformers = pytest.importorskip("transformers")
IDS, TARGET = torch.tensor([[3, 1, 4, 1, 5]]), torch.tensor([[2, 7, 8]])
SIZES = {
    "GPT2LMHeadModel": dict(n_embd=12, n_head=3, n_layer=2, n_positions=16),
    "LlamaForCausalLM": dict(
        hidden_size=16, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2, intermediate_size=16
    ),
    "BertModel": dict(hidden_size=12, num_attention_heads=3, num_hidden_layers=2, intermediate_size=16),
    "DistilBertModel": dict(dim=12, n_heads=3, n_layers=2, hidden_dim=16),
    "T5ForConditionalGeneration": dict(d_model=12, d_kv=4, d_ff=16, num_layers=2, num_heads=3),
}
SIZES["BartForConditionalGeneration"] = SIZES["MarianMTModel"] = dict(
    d_model=12,
    encoder_layers=2,
    decoder_layers=2,
    encoder_attention_heads=3,
    decoder_attention_heads=3,
    encoder_ffn_dim=16,
    decoder_ffn_dim=16,
    max_position_embeddings=16,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    decoder_start_token_id=2,
    forced_eos_token_id=2,
)
TRANSLATORS = ["BartForConditionalGeneration", "MarianMTModel", "T5ForConditionalGeneration"]
OTHERS = [name for name in SIZES if name not in TRANSLATORS]


def make(name: str, implementation: str = "sdpa"):
    """The same random model, however it computes attention."""
    torch.manual_seed(0)
    cls = getattr(transformers, name)
    model = cls._from_config(cls.config_class(vocab_size=23, **SIZES[name]), attn_implementation=implementation)
    for parameter in model.parameters():  # larger than at the start, so that weights are far from uniform
        torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


@pytest.fixture(scope="module")
def tokenizer():
    """A byte-level tokenizer of GPT-2's kind, of a few words."""
    from tokenizers import ByteLevelBPETokenizer

    made = ByteLevelBPETokenizer()
    made.train_from_iterator(["the cat sat on the mat"] * 3, vocab_size=280, special_tokens=["<|endoftext|>"])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made._tokenizer, eos_token="<|endoftext|>")


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("name", OTHERS)
def test_one_text_is_recorded_as_the_model_reports_its_attention(name: str, implementation: str) -> None:
    said = make(name, "eager")(IDS, output_attentions=True)
    recording = from_transformers(make(name, implementation), None, IDS)
    np.testing.assert_allclose(recording.attention_stack(), torch.cat(said.attentions).detach(), atol=1e-6)
    assert recording.attention_stack().std() > 0.05
    assert recording.tokens == ("3", "1", "4", "1", "5")
    again = from_outputs(said, recording.tokens)
    np.testing.assert_allclose(again.attention_stack(), recording.attention_stack(), atol=1e-6)
    if recording.logits is not None:
        np.testing.assert_allclose(again.logits, recording.logits, atol=1e-5)
    assert (recording.logits is None) == ("logits" not in said) == (again.logits is None)


@pytest.mark.parametrize("name", ["BertModel", "T5ForConditionalGeneration"])
def test_the_mask_and_the_kinds_that_a_tokenizer_gives_beside_the_ids_reach_the_model(name: str) -> None:
    given = transformers.BatchEncoding(dict(input_ids=IDS, attention_mask=torch.tensor([[1, 1, 1, 0, 0]])))
    more = {} if name in TRANSLATORS else dict(token_type_ids=torch.tensor([[0, 1, 1, 0, 0]]))
    target = TARGET if name in TRANSLATORS else None
    model = make(name)
    found = from_transformers(model, None, transformers.BatchEncoding({**given, **more}), target)
    parts = [found.encoder, found.cross] if name in TRANSLATORS else [found]
    for part in parts:
        assert not part.attention_stack()[..., 3:].any()
    if more:
        kinds = from_transformers(model, None, given).attention_stack() - found.attention_stack()
        assert np.abs(kinds).max() > 0.01


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("name", TRANSLATORS)
def test_an_encoder_decoder_is_recorded_in_its_three_parts_as_it_reports_them(name: str, implementation: str) -> None:
    said = make(name, "eager")(IDS, decoder_input_ids=TARGET, output_attentions=True)
    recording = from_transformers(make(name, implementation), None, IDS, [*TARGET[0], 9])
    again = from_outputs(said, ["2", "7", "8"], ["3", "1", "4", "1", "5"])
    for kind in PARTS:
        one, other = getattr(recording, kind), getattr(again, kind)
        expected = torch.cat(getattr(said, f"{kind}_attentions")).detach()
        np.testing.assert_allclose(one.attention_stack(), expected, atol=1e-6)
        np.testing.assert_allclose(other.attention_stack(), expected, atol=1e-6)
        assert (one.tokens, one.source_tokens) == (other.tokens, other.source_tokens)
    assert (recording.cross.tokens, recording.cross.source_tokens) == (("2", "7", "8"), ("3", "1", "4", "1", "5"))
    assert recording.cross.attention_stack().shape == (2, 3, 3, 5)
    assert (recording.written, again.written) == (("7", "8", "9"), ("7", "8", ""))
    np.testing.assert_allclose(recording.decoder.logits, said.logits[0].detach(), atol=1e-5)
    assert views.bertviz(recording).face().count("<img") == 3


def test_kinds_are_told_apart_by_name_even_where_both_texts_are_of_one_length() -> None:
    model = make("T5ForConditionalGeneration")
    recording = from_transformers(model, None, [3, 1, 4], [0, 7, 8, 1], names="*.block.0")
    parts = [getattr(recording, kind) for kind in PARTS]
    assert [len(part.attention) for part in parts] == [2, 2, 2]
    assert not np.triu(recording.decoder.attention_stack(), 1).any()
    assert np.triu(recording.cross.attention_stack(), 1).any()
    assert [list(part.activations) for part in parts] == [["encoder.block.0"], ["decoder.block.0"], []]


def test_an_encoder_inside_of_a_decoder_is_the_decoders() -> None:
    config = dict(vocab_size=23, **SIZES["BertModel"])
    both = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.BertConfig(**config), transformers.BertConfig(**config, is_decoder=True, add_cross_attention=True)
    )
    recording = from_transformers(transformers.EncoderDecoderModel(both), None, [3, 1, 4, 1], [2, 7, 8])
    stacks = [getattr(recording, kind).attention_stack() for kind in PARTS]
    assert [stack.shape for stack in stacks] == [(2, 3, 4, 4), (2, 3, 2, 2), (2, 3, 2, 4)]


def test_a_text_is_encoded_and_its_tokens_are_readable(tokenizer) -> None:
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(vocab_size=len(tokenizer), n_embd=12, n_head=3, n_layer=1, n_positions=16)
    )
    for text in ("the cat sat", tokenizer("the cat sat"), tokenizer("the cat sat", return_tensors="pt")):
        recording = from_transformers(model, tokenizer, text, names="transformer.h.*")
        assert recording.tokens == ("the", " cat", " sat")
        assert recording.activations["transformer.h.0"].shape == (3, 12)
        assert views.heads(recording).tokens == ["the", " cat", " sat"]


def test_a_target_is_read_behind_the_start_token_and_a_sentencepiece_space_is_a_space() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {word: n for n, word in enumerate(["<pad>", "</s>", "▁le", "▁chat", "<unk>"])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", unk_token="<unk>")
    model = make("T5ForConditionalGeneration")
    with pytest.raises(ValueError, match="no decoder_start_token_id: give the target as ids"):
        from_transformers(model, tokenizer, "le chat", "le chat le")
    model.config.decoder_start_token_id = 0
    recording = from_transformers(model, tokenizer, "le chat", "le chat le")
    assert recording.encoder.tokens == (" le", " chat")
    assert recording.decoder.tokens == ("<pad>", " le", " chat")
    assert recording.written == (" le", " chat", " le")


def test_a_saved_recording_goes_into_each_view_as_it_was(tmp_path) -> None:
    recording = from_transformers(make("BartForConditionalGeneration"), None, IDS, TARGET)
    said = make("BartForConditionalGeneration", "eager")(IDS, decoder_input_ids=TARGET, output_attentions=True)
    for whole in (recording, from_outputs(said, "abc", "uvwxy")):
        whole.save(tmp_path / "translation.npz")
        loaded = TranslationRecording.load(tmp_path / "translation.npz")
        assert loaded.written == whole.written
        for kind in PARTS:
            before, after = (views.heads(getattr(one, kind)) for one in (whole, loaded))
            assert (after.data, after.tokens, after.source_tokens) == (before.data, before.tokens, before.source_tokens)
        assert views.bertviz(loaded)._repr_html_() == views.bertviz(whole)._repr_html_()
    recording.cross.save(tmp_path / "cross.npz")
    assert views.heads(Recording.load(tmp_path / "cross.npz")).data == views.heads(recording.cross).data


def refused(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_what_does_not_fit_a_model_is_refused_with_the_way_out() -> None:
    gpt2, bart = make("GPT2LMHeadModel"), make("BartForConditionalGeneration")
    ours = GPT(GPTConfig(n_vocab=23, n_ctx=8, n_embd=8, n_head=2, n_layer=1))
    refused(lambda: from_transformers(ours, None, IDS), TypeError, r"GPT is no model of transformers: record\(model")
    refused(lambda: from_transformers(bart, None, IDS), ValueError, "give target, the text that it writes")
    refused(lambda: from_transformers(gpt2, None, IDS, TARGET), ValueError, "has no use for a target")
    refused(lambda: from_transformers(gpt2, None, IDS.repeat(2, 1)), ValueError, r"2 texts came.*ids\[0\]")
    refused(lambda: from_transformers(gpt2, None, ["a", "b"]), ValueError, "2 texts came.*give one string")
    refused(lambda: from_transformers(gpt2, None, "a"), ValueError, "a text needs its tokenizer")
    refused(lambda: from_transformers(bart, None, IDS, [2]), ValueError, "at least its start and its end")
    refused(lambda: from_transformers(gpt2, None, []), ValueError, "no tokens: give at least one")


def test_outputs_that_hold_no_attention_say_how_to_get_it() -> None:
    labels = ["a"] * 5
    with torch.no_grad():
        sdpa = make("GPT2LMHeadModel")(IDS)
        eager = make("GPT2LMHeadModel", "eager")
        said = eager(IDS.repeat(2, 1), output_attentions=True)
        pair = make("BartForConditionalGeneration", "eager")(IDS, decoder_input_ids=TARGET, output_attentions=True)
        steps = eager.generate(
            IDS, max_new_tokens=2, pad_token_id=0, output_attentions=True, return_dict_in_generate=True
        )
    refused(lambda: from_outputs(sdpa, labels), ValueError, "attn_implementation='eager'")
    refused(lambda: from_outputs(sdpa.to_tuple(), labels), TypeError, "return_dict=True")
    refused(lambda: from_outputs(said, labels), ValueError, "2 texts came")
    refused(lambda: from_outputs(pair, ["a"] * 3), ValueError, "give source_tokens too")
    refused(lambda: from_outputs(pair, ["a"] * 3, ["b"] * 4), ValueError, r"\(1, 3, 5, 5\) need \(T, S\) = \(4, 4\)")
    refused(lambda: from_outputs(steps, labels), ValueError, r"of generate\(\).*one pass over the finished text")


def test_importing_the_adapters_does_not_import_transformers() -> None:
    code = "import sys, minigpt.inspection.adapters; print('transformers' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "False", run.stderr
