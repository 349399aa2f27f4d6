"""Weights and configs from transformers and to transformers."""

import json

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from small_models import CONFIG, IDS, close, rounded, same_weights, transformers_model
from transformers import GPT2Config, GPT2LMHeadModel, GPT2Model

from minigpt.config import GPTConfig
from minigpt.models.attention import attention_weights, project, split_heads
from minigpt.models.gpt import GPT
from minigpt.weights import load_pretrained, save_pretrained
from minigpt.weights.official import (
    empty_model,
    from_official_config,
    official_shapes,
    to_official_config,
)


@pytest.mark.parametrize("changes", [{}, {"activation_function": "gelu_pytorch_tanh", "layer_norm_epsilon": 0.1}])
@torch.no_grad()
def test_what_transformers_saves_gives_its_logits_hidden_states_and_attention(tmp_path, changes):
    theirs = transformers_model(**changes)
    theirs.save_pretrained(tmp_path)
    ours = load_pretrained(tmp_path)
    hidden, attention = [], []

    def watch_attention(module, inputs, output):
        q, k, _ = (split_heads(part, 3) for part in project(module.c_attn, inputs[0]))
        attention.append(attention_weights(q, k, "causal"))

    for block in ours.h:
        block.register_forward_hook(lambda module, inputs, output: hidden.append(inputs[0]))
        block.attn.register_forward_hook(watch_attention)
    ours.ln_f.register_forward_hook(lambda module, inputs, output: hidden.append(output))
    expected = theirs(IDS, output_hidden_states=True, output_attentions=True)
    close(ours(IDS), expected.logits, 1e-5)
    for mine, reference in zip(hidden, expected.hidden_states, strict=True):
        close(mine, reference, 1e-5)
    for mine, reference in zip(attention, expected.attentions, strict=True):
        close(mine, reference, 1e-5)


@pytest.fixture
def warnings_of_transformers(caplog):
    transformers.utils.logging.enable_propagation()
    transformers.utils.logging.warning_once.cache_clear()  # a test before this one may have heard the warning already
    yield caplog
    transformers.utils.logging.disable_propagation()


def test_transformers_warns_where_it_has_reason_to(warnings_of_transformers):
    transformers_model(bos_token_id=50256)  # so that the next test could fail
    assert warnings_of_transformers.records


@torch.no_grad()
def test_transformers_loads_what_we_save(model, folder, warnings_of_transformers):
    theirs, report = GPT2LMHeadModel.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    assert not warnings_of_transformers.records
    assert theirs.dtype == torch.float32
    close(theirs(IDS).logits, model(IDS), 1e-5)
    theirs, report = GPT2Model.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    close(theirs(IDS).last_hidden_state, model.hidden(IDS), 1e-5)


def test_the_way_through_transformers_and_back_changes_no_bit(model, folder, tmp_path):
    GPT2LMHeadModel.from_pretrained(folder).save_pretrained(tmp_path / "theirs")
    same_weights(load_pretrained(tmp_path / "theirs"), model)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_stored_rounded_and_widened_when_loaded(model, tmp_path, dtype):
    save_pretrained(model, tmp_path, dtype)
    assert {tensor.dtype for tensor in load_file(tmp_path / "model.safetensors").values()} == {dtype}
    loaded = load_pretrained(tmp_path)
    same_weights(loaded, rounded(model, dtype))
    assert GPT2LMHeadModel.from_pretrained(tmp_path).dtype == dtype
    same_weights(load_pretrained(tmp_path, dtype=dtype), rounded(model, dtype).to(dtype))


@pytest.mark.parametrize("size", ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"])
def test_names_and_shapes_of_the_published_sizes_are_transformers_own(size):
    config = GPTConfig.named(size)
    with torch.device("meta"):
        theirs = GPT2Model(GPT2Config(n_embd=config.n_embd, n_head=config.n_head, n_layer=config.n_layer))
    assert official_shapes(config) == {name: tuple(p.shape) for name, p in theirs.named_parameters()}
    assert empty_model(config).n_params() == theirs.num_parameters() == config.n_params()


def test_a_model_without_memory_has_what_a_real_one_has():
    empty, real = empty_model(CONFIG), GPT(CONFIG)
    assert [(n, p.shape) for n, p in empty.named_parameters()] == [(n, p.shape) for n, p in real.named_parameters()]
    assert all(p.is_meta for p in empty.parameters())
    assert not list(real.buffers())  # these would need loading too


def test_loading_draws_no_random_weights_first(folder):
    before = torch.get_rng_state()
    load_pretrained(folder)
    assert torch.equal(torch.get_rng_state(), before)


@given(
    st.builds(
        lambda heads, width, **rest: GPTConfig(n_head=heads, n_embd=heads * width, **rest),
        st.integers(1, 9),
        st.integers(1, 9),
        n_vocab=st.integers(1, 60000),
        n_ctx=st.integers(1, 5000),
        n_layer=st.integers(1, 60),
        dropout=st.floats(0, 1, exclude_max=True),
        layer_norm_epsilon=st.floats(1e-12, 1),
    )
)
def test_a_config_survives_the_way_into_transformers_and_back(config):
    values = to_official_config(config, torch.float32, end_of_text=0)
    theirs = GPT2Config(**values)
    assert from_official_config(json.loads(theirs.to_json_string(use_diff=False))) == config
    assert from_official_config(values) == config


def test_transformers_keeps_every_entry_of_our_config():
    values = to_official_config(CONFIG, torch.float16, end_of_text=5)
    theirs = GPT2Config(**values).to_dict()
    dtype = values.pop("torch_dtype")
    assert theirs["dtype"] in (dtype, torch.float16)
    assert {key: theirs[key] for key in values} == values


def test_the_published_config_is_gpt2():
    """The entries that count of openai-community/gpt2, whose file leaves the newer ones out."""
    values = {"model_type": "gpt2", "n_ctx": 1024, "n_positions": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12}
    values |= {"vocab_size": 50257, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}
    values |= {"attn_pdrop": 0.1, "embd_pdrop": 0.1, "resid_pdrop": 0.1, "summary_type": "cls_index"}
    assert from_official_config(values) == GPTConfig.named("gpt2", dropout=0.1)
    del values["n_positions"]
    assert from_official_config(values).n_ctx == 1024
    assert to_official_config(GPTConfig(), torch.float32)["eos_token_id"] == 50256


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"model_type": "llama"}, "model_type='llama', our GPT has model_type='gpt2' only"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx=True"),
        ({"reorder_and_upcast_attn": True}, "reorder_and_upcast_attn=True"),
        ({"scale_attn_weights": False}, "scale_attn_weights=False"),
        ({"add_cross_attention": True}, "add_cross_attention=True"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings=False"),
        ({"activation_function": "relu"}, "activation_function='relu', our GPT has 'gelu_new' only"),
        ({"activation_function": "gelu"}, "activation_function='gelu'"),
        ({"n_inner": 47}, "n_inner=47, our MLP is 4 times as wide as the stream: 48"),
        ({"attn_pdrop": 0.5}, "attn_pdrop=0.5: our GPT has one dropout"),
        ({"n_ctx": 12}, "n_ctx=12 is not n_positions=13"),
        ({"n_head": None}, "n_head is missing"),
        ({"n_head": 5}, "cannot be shared out to n_head=5"),
        ({"n_layer": "2"}, "n_layer='2': must be a whole number"),
        ({"layer_norm_epsilon": "tiny"}, "not supported between"),
    ],
)
def test_a_config_that_our_gpt_cannot_be_is_refused(folder, changes, complaint):
    edit_config(folder, **changes)
    with pytest.raises(ValueError, match=complaint) as caught:
        load_pretrained(folder)
    assert "config.json describes no GPT-2 that our GPT can be: 1 problem" in str(caught.value)


def test_all_problems_of_a_config_are_named_at_once(folder):
    edit_config(folder, n_inner=5, activation_function="silu", n_layer=None)
    with pytest.raises(ValueError, match=r"(?s)3 problems.*n_layer.*silu.*n_inner"):
        load_pretrained(folder)


def test_n_inner_written_out_is_the_same_model(folder, model):
    edit_config(folder, n_inner=48)
    same_weights(load_pretrained(folder), model)


def test_a_config_of_another_model_is_noticed_even_where_shapes_fit(folder):
    edit_config(folder, n_head=4)
    with pytest.raises(ValueError, match=r"(?s)config.json .*n_head=4.* is not of the model beside it .*n_head=3"):
        load_pretrained(folder)


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
