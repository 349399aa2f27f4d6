"""Recording from outside: right weights for every kind of attention, and nothing about the model changed."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from minigpt.config import GPTConfig
from minigpt.inspection.record import Recording, record
from minigpt.models.attention import (
    Attention,
    attention_weights,
    causal_mask,
    project,
    split_heads,
)
from minigpt.models.gpt import GPT

CONFIG = GPTConfig(n_vocab=23, n_ctx=11, n_embd=12, n_head=3, n_layer=2)
IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2]])
T = IDS.size(1)


@pytest.fixture
def model():
    model = GPT(CONFIG)
    for parameter in model.parameters():  # larger than at the start, so that weights are far from uniform
        nn.init.normal_(parameter, std=0.5)
    return model.eval()


class LoopAttention(Attention):
    """A learner's first version: a loop over heads, softmax as a function, as a method or as a module."""

    kind = "method"

    def forward(self, x, source=None, mask=None, cache=None):
        q, k, v = (split_heads(part, self.n_head) for part in project(self.c_attn, x))
        outputs = []
        for h in range(self.n_head):
            scores = q[:, h] @ k[:, h].transpose(-2, -1) / math.sqrt(q.size(-1))
            scores = scores.masked_fill(~causal_mask(x.size(1)), -math.inf)
            if self.kind == "no batch":
                att = torch.softmax(scores[0], -1)[None]
            elif self.kind == "module":
                att = self.softmax(scores)
            else:
                att = scores.softmax(-1) if self.kind == "method" else F.softmax(scores, dim=-1)
            outputs.append(att @ v[:, h])
        return self.c_proj(torch.cat(outputs, -1))


class OpenAttention(Attention):
    def forward(self, x, source=None, mask=None, cache=None):
        q, k, v = (split_heads(part, self.n_head) for part in project(self.c_attn, x))
        return self.c_proj((attention_weights(q, k, mask) @ v).transpose(1, 2).flatten(2))


def with_attention(model, cls, **attributes):
    """The same weights, another class."""
    for block in model.h:
        new = cls(CONFIG.n_embd, CONFIG.n_head)
        new.load_state_dict(block.attn.state_dict())
        for name, value in attributes.items():
            setattr(new, name, value)
        block.attn = new
    return model


def test_recording_changes_no_bit_of_the_output(model):
    before = model(IDS)
    recording = record(model, IDS)
    assert recording.logits is not None
    assert np.array_equal(recording.logits, before[0].detach().numpy())
    assert torch.equal(model(IDS), before)


def test_weights_are_causal_and_rows_sum_to_one(model):
    stack = record(model, IDS[0]).attention_stack()
    assert stack.shape == (2, 3, T, T)
    assert stack.dtype == np.float32
    np.testing.assert_allclose(stack.sum(-1), 1, atol=1e-6)
    assert (np.triu(stack, 1) == 0).all()
    assert stack[0].std() > 0.1


def test_names_are_the_modules_in_the_order_of_the_forward_pass(model):
    assert list(record(model, IDS).attention) == ["h.0.attn", "h.1.attn"]


@pytest.mark.parametrize("kind", ["method", "function", "no batch", "module"])
def test_a_learners_loop_over_heads_is_recorded_like_the_fused_path(model, kind):
    expected = record(model, IDS).attention_stack()
    recorded = record(with_attention(model, LoopAttention, kind=kind, softmax=nn.Softmax(-1)), IDS)
    assert list(recorded.attention) == ["h.0.attn", "h.1.attn"]
    np.testing.assert_allclose(recorded.attention_stack(), expected, atol=1e-6)


def test_softmax_over_all_heads_is_recorded_like_the_fused_path(model):
    expected = record(model, IDS).attention_stack()
    np.testing.assert_allclose(record(with_attention(model, OpenAttention), IDS).attention_stack(), expected, atol=1e-6)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_a_model_of_transformers_is_recorded_as_it_reports_itself(implementation):
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(vocab_size=23, n_positions=11, n_embd=12, n_head=3, n_layer=2)
    models = {
        name: transformers.GPT2LMHeadModel._from_config(config, attn_implementation=name) for name in ("sdpa", "eager")
    }
    models["sdpa"].load_state_dict(models["eager"].state_dict())
    said = models["eager"].eval()(IDS, output_attentions=True, output_hidden_states=True)

    recording = record(models[implementation], IDS, names="transformer.h.*")

    assert list(recording.attention) == ["transformer.h.0.attn", "transformer.h.1.attn"]
    np.testing.assert_allclose(recording.attention_stack(), torch.cat(said.attentions).detach(), atol=1e-6)
    np.testing.assert_allclose(recording.logits, said.logits[0].detach(), atol=1e-6)
    np.testing.assert_allclose(recording.activations["transformer.h.0"], said.hidden_states[1][0].detach(), atol=1e-6)


def test_our_model_and_that_of_transformers_attend_alike_with_the_same_weights(model):
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(vocab_size=23, n_positions=11, n_embd=12, n_head=3, n_layer=2)
    theirs = transformers.GPT2LMHeadModel._from_config(config, attn_implementation="eager").eval()
    linear = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    state = {f"transformer.{n}": (p.T if n.endswith(linear) else p) for n, p in model.state_dict().items()}
    theirs.load_state_dict(state | {"lm_head.weight": model.wte.weight})
    attentions = torch.cat(theirs(IDS, output_attentions=True).attentions).detach()
    np.testing.assert_allclose(record(model, IDS).attention_stack(), attentions, atol=1e-5)


def test_a_head_built_by_hand_to_look_at_the_previous_token_is_seen_to_do_so():
    attention = Attention(T, 1)
    with torch.no_grad():  # channel t says "I am position t"; the query of t asks for the key of t - 1
        attention.c_attn.weight.zero_()
        attention.c_attn.bias.zero_()
        attention.c_attn.weight[:T] = 100 * torch.eye(T).roll(-1, dims=0)
        attention.c_attn.weight[T : 2 * T] = torch.eye(T)
    weights = record(attention, torch.eye(T), mask="causal").attention["Attention"]
    assert weights.shape == (1, T, T)
    np.testing.assert_allclose(weights[0, 1:], np.eye(T)[:-1], atol=1e-6)
    np.testing.assert_allclose(weights[0, 0], np.eye(T)[0])  # the first has only itself to look at


@pytest.mark.parametrize("mask", [None, "causal", causal_mask(T).logical_and(torch.arange(T) != 2)])
def test_each_mask_is_recorded_as_the_open_path_computes_it(mask):
    attention, x = Attention(8, 2), torch.randn(T, 8)
    expected = attention_weights(
        *(split_heads(part, attention.n_head) for part in project(attention.c_attn, x[None])[:2]), mask
    )[0].detach()
    np.testing.assert_allclose(record(attention, x, mask=mask).attention["Attention"], expected, atol=1e-6)


def test_a_float_mask_a_scale_and_shared_key_heads_are_understood():
    class Grouped(nn.Module):
        def forward(self, x, **arguments):
            q = x.view(1, 5, 4, 2).transpose(1, 2)
            return F.scaled_dot_product_attention(q, q[:, :2], q[:, :2], enable_gqa=True, **arguments)

    x, bias = torch.randn(1, 5, 8), torch.randn(5, 5)
    weights = record(Grouped(), x, attn_mask=bias, scale=0.3).attention["Grouped"]
    q = x.view(1, 5, 4, 2).transpose(1, 2)
    values = q[:, :2].repeat_interleave(2, dim=1)
    np.testing.assert_allclose(
        torch.from_numpy(weights.copy()) @ values, Grouped()(x, attn_mask=bias, scale=0.3), atol=1e-6
    )


def test_cross_attention_has_a_column_for_each_source_token():
    attention, x, source = Attention(8, 2), torch.randn(1, 3, 8), torch.randn(1, 5, 8)
    recording = record(attention, x, tokens="abc", source_tokens="vwxyz", source=source)
    assert recording.attention["Attention"].shape == (2, 3, 5)
    assert recording.source_tokens == tuple("vwxyz")


def test_a_softmax_that_is_no_attention_is_left_out(model):
    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = model

        def forward(self, ids):
            return self.body(ids).softmax(-1)

    assert list(record(Classifier(), IDS).attention) == ["body.h.0.attn", "body.h.1.attn"]


def test_a_module_that_runs_twice_is_recorded_twice():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.attn = Attention(8, 2)

        def forward(self, x):
            return self.attn(self.attn(x))

    recording = record(Twice(), torch.randn(4, 8), names="attn")
    assert list(recording.attention) == list(recording.activations) == ["attn", "attn@2"]


def test_hidden_states_and_any_named_module_are_kept(model):
    recording = record(model, IDS, names=["h.*", "h.1.mlp.c_fc"])
    assert list(recording.activations) == ["h.0", "h.1.mlp.c_fc", "h.1"]
    assert recording.activations["h.1.mlp.c_fc"].shape == (T, 4 * CONFIG.n_embd)
    last = torch.from_numpy(recording.activations["h.1"].copy())
    np.testing.assert_allclose(model.head(model.ln_f(last)).detach(), recording.logits, atol=1e-5)


def test_everything_is_undone_even_after_an_error(model):
    class Broken(nn.Module):
        def forward(self, x):
            raise RuntimeError("broken inside")

    model.train()
    model.h[1].eval()
    modes = [module.training for module in model.modules()]
    gelu, model.h[1].mlp.gelu = model.h[1].mlp.gelu, Broken()
    with pytest.raises(RuntimeError, match="broken inside"):
        record(model, IDS, names="h.*")
    model.h[1].mlp.gelu = gelu
    assert [module.training for module in model.modules()] == modes
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert torch.overrides._get_current_function_mode() is None
    assert torch.is_grad_enabled()
    model(IDS).sum().backward()


def test_dropout_is_off_while_recording():
    model = GPT(GPTConfig(**{**CONFIG.to_dict(), "dropout": 0.5})).train()
    assert np.array_equal(record(model, IDS).logits, record(model, IDS).logits)
    assert model.training


def test_a_recording_cannot_be_changed(model):
    recording = record(model, IDS, names="h.*")
    for array in (recording.attention["h.0.attn"], recording.activations["h.0"], recording.logits):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(TypeError):
        recording.attention["h.0.attn"] = None
    with pytest.raises(AttributeError):
        recording.logits = None


def test_a_recording_is_saved_and_loaded_whole(model, tmp_path):
    recording = record(model, IDS, tokens=["a", "é", " ", "", "\n", "日", "x\0y"], names="h.*")
    recording.save(tmp_path / "text.npz")
    loaded = Recording.load(tmp_path / "text.npz")
    assert (loaded.tokens, loaded.source_tokens, loaded.model) == (recording.tokens, None, "GPT")
    assert np.array_equal(loaded.logits, recording.logits)
    for kind in ("attention", "activations"):
        before, after = getattr(recording, kind), getattr(loaded, kind)
        assert list(before) == list(after)
        assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("damage", ["half", "text", "foreign", "pickled"])
def test_a_torn_or_foreign_file_is_no_recording(model, tmp_path, damage):
    path = tmp_path / "text.npz"
    record(model, IDS).save(path)
    if damage == "half":
        path.write_bytes(path.read_bytes()[:-200])
    elif damage == "text":
        path.write_text("hello")
    elif damage == "foreign":
        np.savez(path, header=np.array('{"format": "another"}'))
    else:
        np.savez(path, header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="no recording, or a torn one"):
        Recording.load(path)


def test_a_file_that_is_not_there_is_said_not_to_be_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        Recording.load(tmp_path / "none.npz")


def test_several_texts_are_refused_with_the_way_out(model):
    with pytest.raises(ValueError, match=r"2 texts came.*choose a row, e\.g\. ids\[:1\]"):
        record(model, IDS.repeat(2, 1))


@pytest.mark.parametrize("ids", [[], torch.zeros(1, 0, dtype=torch.long), torch.tensor(3), torch.zeros(1, 1, 2, 3)])
def test_what_is_no_text_is_refused(model, ids):
    with pytest.raises(ValueError, match="give the ids of one text"):
        record(model, ids)


@pytest.mark.parametrize(("text", "way"), [("the cat", "tokenizer.encode"), ({"input_ids": IDS}, "from_transformers")])
def test_a_text_and_what_a_tokenizer_of_transformers_gives_are_refused_with_the_way_out(model, text, way):
    with pytest.raises(TypeError, match=way):
        record(model, text)


def test_attention_that_pytorch_hides_is_named_where_none_is_found():
    hidden = nn.TransformerEncoderLayer(8, 2, dim_feedforward=8, batch_first=True)
    with pytest.raises(ValueError, match=r"nn\.MultiheadAttention.* hides"):
        record(hidden, torch.randn(3, 8)).attention_stack()


def test_labels_that_do_not_fit_are_refused(model):
    with pytest.raises(ValueError, match="2 labels for 7 positions"):
        record(model, IDS, tokens=["a", "b"])


def test_an_unknown_module_is_refused_with_the_nearest_names(model):
    with pytest.raises(ValueError, match=r"no module 'h\.0\.atn': near it are .*h\.0\.attn"):
        record(model, IDS, names=["h.0.atn"])


def test_a_model_without_attention_says_so_when_asked(model):
    recording = record(model.h[0].mlp, torch.randn(4, CONFIG.n_embd), names="c_fc")
    assert recording.activations["c_fc"].shape == (4, 4 * CONFIG.n_embd)
    with pytest.raises(ValueError, match="no attention was found in MLP"):
        recording.attention_stack()


def test_layers_of_different_shape_are_not_stacked():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = Attention(8, 2), Attention(8, 4)

        def forward(self, x):
            return self.b(self.a(x))

    with pytest.raises(ValueError, match=r"do not stack.*a \(2, 3, 3\), b \(4, 3, 3\)"):
        record(Two(), torch.randn(3, 8)).attention_stack()


def test_ids_may_be_a_list_and_label_themselves(model):
    assert record(model, [3, 1, 4]).tokens == ("3", "1", "4")
