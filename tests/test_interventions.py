"""Interventions do what a computation by hand does, reach nothing else, and are gone afterwards, whatever happens."""

import contextlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from minigpt.config import GPTConfig
from minigpt.inspection.interventions import (
    ablate_head,
    freeze_attention,
    head_outputs,
    patch,
    patch_head,
    scale_head,
    scale_heads,
)
from minigpt.inspection.record import record
from minigpt.models.attention import Attention, attention_weights, causal_mask, project, split_heads
from minigpt.models.gpt import GPT
from minigpt.sampling import generate

CONFIG = GPTConfig(n_vocab=23, n_ctx=11, n_embd=12, n_head=3, n_layer=2)
IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2]])
OTHER = torch.tensor([[3, 1, 8, 1, 7, 9, 6]])
T, D = IDS.size(1), CONFIG.n_embd // CONFIG.n_head
UNIFORM = causal_mask(T) / causal_mask(T).sum(-1, keepdim=True)


def larger(model):
    for parameter in model.parameters():  # larger than at the start, so that each head matters
        nn.init.normal_(parameter, std=0.5)
    return model.eval().requires_grad_(False)


@pytest.fixture
def model():
    return larger(GPT(CONFIG))


def transformers_twin(model, implementation="sdpa"):
    """GPT-2 of transformers with the same weights."""
    transformers = pytest.importorskip("transformers")
    sizes = {"vocab_size": 23, "n_positions": 11, "n_embd": 12, "n_head": 3, "n_layer": 2}
    config = transformers.GPT2Config(**sizes, bos_token_id=None, eos_token_id=None)
    twin = transformers.GPT2LMHeadModel._from_config(config, attn_implementation=implementation).eval()
    linear = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    state = {f"transformer.{n}": (p.T if n.endswith(linear) else p) for n, p in model.state_dict().items()}
    twin.load_state_dict(state | {"lm_head.weight": model.wte.weight})
    return twin.requires_grad_(False)


def logits_by_hand(model, ids, change):
    """The forward pass written out; `change(layer, y)` is what c_proj of a layer gets in place of y, (B, H, T, D)."""
    x = model.wte(ids) + model.wpe.weight[: ids.size(1)]
    for layer, block in enumerate(model.h):
        q, k, v = (split_heads(part, CONFIG.n_head) for part in project(block.attn.c_attn, block.ln_1(x)))
        y = change(layer, attention_weights(q, k, "causal") @ v)
        x = x + block.attn.c_proj(y.transpose(1, 2).flatten(2))
        x = x + block.mlp(block.ln_2(x))
    return model.head(model.ln_f(x))


def changing(layer, head, edit):
    def change(at, y):
        return torch.stack([edit(y[:, h]) if (at, h) == (layer, head) else y[:, h] for h in range(y.size(1))], 1)

    return change


def is_untouched(model):
    hooks = any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    return not hooks and torch.overrides._get_current_function_mode() is None


KINDS = ("scale", "ablate", "patch", "patch head", "freeze")


def every_intervention(model):
    recording = record(model, OTHER, names="h.0.mlp")
    return {
        "scale": scale_heads(model, {(0, 1): 0.5, (1, 2): 0}),
        "ablate": ablate_head(model, 1, 0, to="mean"),
        "patch": patch(model, "h.0.mlp", recording.activations["h.0.mlp"], positions=[2, 4]),
        "patch head": patch_head(model, 0, 2, head_outputs(model, OTHER)[0, 2]),
        "freeze": freeze_attention(model, recording.attention),
    }


# Heads


@pytest.mark.parametrize("head", range(3))
@pytest.mark.parametrize("layer", range(2))
def test_an_ablated_head_is_its_slice_of_the_input_of_c_proj_set_to_zero(model, layer, head):
    expected = logits_by_hand(model, IDS, changing(layer, head, torch.zeros_like))
    with ablate_head(model, layer, head):
        torch.testing.assert_close(model(IDS), expected)
    assert not torch.allclose(model(IDS), expected, atol=1e-2)


def test_a_head_ablated_to_the_mean_says_at_each_position_what_it_says_on_average(model):
    ids = torch.cat([IDS, OTHER])  # each text of a batch has its own mean
    expected = logits_by_hand(model, ids, changing(0, 1, lambda y: y.mean(1, keepdim=True).expand_as(y)))
    with ablate_head(model, 0, 1, to="mean"):
        torch.testing.assert_close(model(ids), expected)


def test_a_head_ablated_to_an_array_says_that(model):
    array = head_outputs(model, OTHER)[1, 2].mean(0)
    expected = logits_by_hand(model, IDS, changing(1, 2, lambda y: torch.from_numpy(array).expand_as(y)))
    with ablate_head(model, 1, 2, to=array):
        torch.testing.assert_close(model(IDS), expected)


def test_many_heads_are_scaled_at_once_each_by_its_own_factor(model):
    factors = {(0, 1): 0.5, (1, 0): -2.0, (1, 2): 0}
    table = torch.ones(2, 1, 3, 1, 1)
    for (layer, head), factor in factors.items():
        table[layer, 0, head] = factor
    expected = logits_by_hand(model, IDS, lambda layer, y: y * table[layer])
    with scale_heads(model, factors):
        torch.testing.assert_close(model(IDS), expected)


def test_only_layers_with_a_head_to_scale_get_a_hook(model):
    with scale_heads(model, {(1, 0): 0.5, (1, 2): 0.0}):
        hooks = {name: len(m._forward_pre_hooks) for name, m in model.named_modules() if m._forward_pre_hooks}
    assert hooks == {"h.1.attn.c_proj": 1}


def test_a_factor_of_one_changes_no_bit(model):
    before = model(IDS)
    with scale_heads(model, {(layer, head): 1 for layer in range(2) for head in range(3)}):
        assert torch.equal(model(IDS), before)


def test_all_heads_switched_off_leave_only_the_bias_of_attention(model):
    with scale_heads(model, {(1, head): 0 for head in range(3)}):
        attention = record(model, IDS, names="h.1.attn").activations["h.1.attn"]
    np.testing.assert_array_equal(attention, np.tile(model.h[1].attn.c_proj.bias, (T, 1)))


def test_what_heads_put_out_adds_up_to_the_attention_that_is_recorded(model):
    outputs = head_outputs(model, IDS)
    assert outputs.shape == (2, 3, T, D)
    assert outputs.dtype == np.float32
    recording = record(model, IDS, names="h.*.attn")
    for layer, block in enumerate(model.h):
        columns = block.attn.c_proj.weight.numpy().reshape(CONFIG.n_embd, 3, D)
        added = sum(outputs[layer, head] @ columns[:, head].T for head in range(3)) + block.attn.c_proj.bias.numpy()
        np.testing.assert_allclose(added, recording.activations[f"h.{layer}.attn"], atol=1e-5)


def test_what_a_head_puts_out_is_its_weights_times_its_values(model):
    outputs, recording = head_outputs(model, IDS[0]), record(model, IDS, names="h.1.attn.c_attn")
    values = recording.activations["h.1.attn.c_attn"][:, 2 * CONFIG.n_embd :].reshape(T, 3, D).swapaxes(0, 1)
    np.testing.assert_allclose(outputs[1], recording.attention["h.1.attn"] @ values, atol=1e-5)


def test_what_heads_put_out_is_seen_as_interventions_left_it(model):
    plain = head_outputs(model, IDS)
    with scale_head(model, 0, 1, 3.0):
        scaled = head_outputs(model, IDS)
    np.testing.assert_array_equal(scaled[0], plain[0] * np.array([1, 3, 1], np.float32)[:, None, None])
    assert not np.allclose(scaled[1], plain[1])


# Values from another run


@pytest.mark.parametrize("name", ["drop", "h.0", "h.1", "ln_f", "GPT"])
def test_the_whole_stream_of_another_run_gives_the_other_runs_logits_to_the_bit(model, name):
    values = record(model, OTHER, names=["drop", "h.*", "ln_f"])
    values = {**values.activations, "GPT": values.logits}[name]
    with patch(model, name, values):
        assert torch.equal(model(IDS), model_without_hooks(model)(OTHER))


def model_without_hooks(model):
    fresh = GPT(CONFIG)
    fresh.load_state_dict(model.state_dict())
    return fresh.eval().requires_grad_(False)


def test_all_heads_of_another_run_give_what_the_other_attention_adds(model):
    outputs, other = head_outputs(model, OTHER), record(model, OTHER, names="h.*.attn")
    with contextlib.ExitStack() as patches:
        for layer in range(2):
            for head in range(3):
                patches.enter_context(patch_head(model, layer, head, outputs[layer, head]))
        patched = record(model, IDS, names="h.*.attn")
        np.testing.assert_array_equal(head_outputs(model, IDS), outputs)
    for name, values in other.activations.items():
        np.testing.assert_array_equal(patched.activations[name], values)


@pytest.mark.parametrize(
    ("positions", "meant"),
    [
        (2, [2]),
        (-1, [6]),
        ([2, -1], [2, 6]),
        ((1, 2), [1, 2]),
        (range(3), [0, 1, 2]),
        (slice(4, None), [4, 5, 6]),
        ([], []),
    ],
)
def test_only_the_named_positions_are_patched(model, positions, meant):
    here, there = (record(model, ids, names="h.0").activations["h.0"] for ids in (IDS, OTHER + 1))
    expected = here.copy()
    expected[meant] = there[meant]
    with patch(model, "h.0", there, positions):
        np.testing.assert_array_equal(record(model, IDS, names="h.0").activations["h.0"], expected)


def test_a_patch_at_a_position_leaves_the_past_as_it_was(model):
    values = record(model, OTHER, names="h.0.mlp").activations["h.0.mlp"]
    with patch(model, "h.0.mlp", values, positions=4):
        patched = model(IDS)
    assert (patched == model(IDS)).all(-1)[0].tolist() == [True] * 4 + [False] * 3


def test_one_head_is_patched_at_one_position(model):
    here, there = head_outputs(model, IDS), head_outputs(model, OTHER)
    expected = here[1].copy()
    expected[2, 4] = there[1, 2, 4]
    with patch_head(model, 1, 2, there[1, 2], positions=[4]):
        np.testing.assert_array_equal(head_outputs(model, IDS)[1], expected)


def test_a_shorter_run_is_patched_into_a_longer_one_where_positions_are_named(model):
    values = record(model, OTHER[:, :3], names="h.0").activations["h.0"]
    with patch(model, "h.0", values, positions=slice(None)):
        patched = record(model, IDS, names="h.0").activations["h.0"]
    np.testing.assert_array_equal(patched[:3], values)
    np.testing.assert_array_equal(patched[3:], record(model, IDS, names="h.0").activations["h.0"][3:])


def test_gradients_flow_through_interventions_but_not_into_what_was_replaced():
    model = larger(GPT(CONFIG)).requires_grad_(True)
    values = torch.randn(T, CONFIG.n_embd, requires_grad=True)
    with patch(model, "h.0", values, positions=[2]), scale_head(model, 1, 0, 0.5), ablate_head(model, 1, 1, "mean"):
        model(IDS).square().sum().backward()
    assert values.grad is not None
    assert values.grad.abs().sum(-1).gt(0).tolist() == [position == 2 for position in range(T)]
    with patch(model, "h.0", values.detach()):
        model.zero_grad()
        model(IDS).square().sum().backward()
    assert not model.wpe.weight.grad.any()


# Frozen attention


def test_freezing_a_runs_own_attention_changes_only_the_rounding(model):
    before, recording = model(IDS), record(model, IDS)
    with freeze_attention(model, recording.attention):
        torch.testing.assert_close(model(IDS), before, atol=1e-4, rtol=1e-4)


def test_frozen_attention_moves_the_values_of_this_run_by_the_weights_of_the_other(model):
    frozen = record(model, OTHER).attention
    expected = head_outputs_with(model, IDS, frozen)
    with freeze_attention(model, frozen):
        np.testing.assert_allclose(head_outputs(model, IDS), expected, atol=1e-4)
    assert not np.allclose(head_outputs(model, IDS), expected, atol=1e-2)


def head_outputs_with(model, ids, attention):
    """What heads put out under given weights, by hand."""
    x, outputs = model.wte(ids) + model.wpe.weight[: ids.size(1)], []
    for layer, block in enumerate(model.h):
        v = split_heads(project(block.attn.c_attn, block.ln_1(x))[2], 3)
        y = torch.from_numpy(attention[f"h.{layer}.attn"].copy()) @ v
        outputs.append(y[0].numpy())
        x = x + block.attn.c_proj(y.transpose(1, 2).flatten(2))
        x = x + block.mlp(block.ln_2(x))
    return np.stack(outputs)


def test_a_recording_under_frozen_attention_shows_what_is_frozen(model):
    frozen = record(model, OTHER).attention
    with freeze_attention(model, {"h.1.attn": frozen["h.1.attn"]}):
        recording = record(model, IDS)
    np.testing.assert_array_equal(recording.attention["h.1.attn"], frozen["h.1.attn"])
    np.testing.assert_array_equal(recording.attention["h.0.attn"], record(model, IDS).attention["h.0.attn"])


def test_a_batch_attends_as_frozen_in_each_row(model):
    uniform = {"h.0.attn": UNIFORM.expand(3, T, T)}
    with freeze_attention(model, uniform):
        both = model(torch.cat([IDS, OTHER]))
        torch.testing.assert_close(both, torch.cat([model(IDS), model(OTHER)]))


def test_attention_in_the_open_is_frozen_like_the_fused_path(model):
    frozen = record(model, OTHER).attention
    with freeze_attention(model, frozen):
        expected = model(IDS)
    for block in model.h:
        block.attn.__class__ = OpenAttention
    with freeze_attention(model, frozen):
        torch.testing.assert_close(model(IDS), expected)


class OpenAttention(Attention):
    def forward(self, x, source=None, mask=None, cache=None):
        q, k, v = (split_heads(part, self.n_head) for part in project(self.c_attn, x))
        return self.c_proj((attention_weights(q, k, mask) @ v).transpose(1, 2).flatten(2))


def test_attention_on_its_own_is_frozen_under_its_class_name():
    attention, x = larger(Attention(8, 2)), torch.randn(1, 5, 8)
    weights = torch.rand(2, 5, 5)
    expected = attention.c_proj((weights @ split_heads(project(attention.c_attn, x)[2], 2)).transpose(1, 2).flatten(2))
    with freeze_attention(attention, {"Attention": weights}):
        torch.testing.assert_close(attention(x), expected)


def test_attention_without_a_batch_is_frozen():
    class Plain(nn.Module):
        def forward(self, x):
            heads = x.view(5, 2, 4).transpose(0, 1)
            return (heads @ heads.mT).softmax(-1) @ heads

    x, weights = torch.randn(5, 8), torch.rand(2, 5, 5)
    model = Plain()
    with freeze_attention(model, {"Plain": weights}):
        torch.testing.assert_close(model(x), weights @ x.view(5, 2, 4).transpose(0, 1))


def test_softmax_elsewhere_is_left_alone(model):
    with freeze_attention(model, record(model, OTHER).attention):
        model(IDS)
        torch.testing.assert_close(F.softmax(UNIFORM.expand(1, 3, T, T), -1).sum(-1), torch.ones(1, 3, T))


# All of them


@pytest.mark.parametrize("kind", KINDS)
def test_an_intervention_holds_inside_and_is_gone_afterwards(model, kind):
    before = model(IDS)
    with every_intervention(model)[kind]:
        assert not torch.allclose(model(IDS), before, atol=1e-2)
    assert is_untouched(model)
    assert torch.equal(model(IDS), before)


@pytest.mark.parametrize("kind", ["scale", "ablate", "patch head", "patch"])
def test_what_a_module_was_given_is_not_written_to(kind):
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.n_head, self.c_proj = 2, nn.Identity()

        def forward(self, x):
            return self.c_proj(x)

    model, x, zeros = Heads(), torch.ones(1, 5, 8), torch.zeros(5, 8)
    interventions = {
        "scale": scale_head(model, 0, 1, 0.0),
        "ablate": ablate_head(model, 0, 1),
        "patch head": patch_head(model, 0, 1, zeros[:, 4:]),
        "patch": patch(model, "c_proj", zeros),
    }
    with interventions[kind]:
        assert not model(x)[..., 4:].any()
    assert x.all()


@pytest.mark.parametrize("kind", KINDS)
def test_an_intervention_is_gone_after_an_error_outside_the_model(model, kind):
    with pytest.raises(ZeroDivisionError), every_intervention(model)[kind]:
        1 / 0  # noqa: B018
    assert is_untouched(model)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["attn.c_proj", "ln_2"])
def test_an_intervention_is_gone_after_an_error_inside_the_model(model, kind, place):
    class Broken(nn.Module):
        def forward(self, x):
            raise RuntimeError("broken inside")

    intervention = every_intervention(model)[kind]
    model.h[1].set_submodule(place, Broken())
    with pytest.raises(RuntimeError, match="broken inside"), intervention:
        model(IDS)
    assert is_untouched(model)


def test_a_run_that_fails_in_frozen_attention_leaves_the_next_one_right(model):
    frozen = record(model, OTHER).attention
    with freeze_attention(model, frozen):
        expected = model(IDS)
        with pytest.raises(ValueError, match="take it from a run over as many tokens"):
            model(IDS[:, :4])
        torch.testing.assert_close(F.softmax(torch.zeros(1, 3, 4, 4), -1), torch.full((1, 3, 4, 4), 0.25))
        assert torch.equal(model(IDS), expected)


def test_nested_interventions_all_hold_and_the_inner_comes_last(model):
    before, values = model(IDS), record(model, OTHER, names="h.1").activations["h.1"]
    with scale_head(model, 0, 1, 0.5):
        with scale_head(model, 0, 1, 4.0), scale_head(model, 1, 0, 0.0):
            nested = model(IDS)
        halved = model(IDS)
        with patch(model, "h.1", values * 2), patch(model, "h.1", values):
            patched = model(IDS)
    with scale_heads(model, {(0, 1): 2.0, (1, 0): 0.0}):
        assert torch.equal(model(IDS), nested)
    with scale_head(model, 0, 1, 0.5):
        assert torch.equal(model(IDS), halved)
    assert torch.equal(patched, model(OTHER))
    assert torch.equal(model(IDS), before)


def test_of_two_frozen_attentions_the_inner_holds(model):
    one, other = record(model, OTHER).attention, {"h.0.attn": UNIFORM.expand(3, T, T)}
    with freeze_attention(model, one), freeze_attention(model, other):
        recording = record(model, IDS)
    np.testing.assert_array_equal(recording.attention["h.0.attn"], other["h.0.attn"])
    np.testing.assert_array_equal(recording.attention["h.1.attn"], one["h.1.attn"])


def test_all_at_once_can_be_recorded(model):
    with contextlib.ExitStack() as stack:
        for intervention in every_intervention(model).values():
            stack.enter_context(intervention)
        recording = record(model, IDS, names="h.*")
        np.testing.assert_array_equal(recording.logits, model(IDS)[0])
    assert not np.allclose(recording.logits, model(IDS)[0])
    assert is_untouched(model)


# With a cache


@pytest.mark.parametrize("kind", ["scale", "zero", "array"])
def test_what_is_the_same_at_all_positions_works_with_a_cache_as_without(model, kind):
    interventions = {
        "scale": scale_heads(model, {(0, 1): -1.0, (1, 2): 3.0}),
        "zero": ablate_head(model, 0, 2),
        "array": ablate_head(model, 1, 0, torch.arange(D)),
    }
    with interventions[kind]:
        cache = model.new_cache()
        parts = [model(part, cache=cache) for part in IDS.split([3, 1, 3], dim=1)]
        torch.testing.assert_close(torch.cat(parts, 1), model(IDS))


@pytest.mark.parametrize("kind", ["ablate", "patch", "patch head", "freeze"])
def test_what_needs_positions_refuses_to_continue_a_cache(model, kind):
    cache, words = model.new_cache(), "run without a cache" if kind == "freeze" else "without a cache: use_cache=False"
    with every_intervention(model)[kind]:
        first = model(IDS, cache=cache)
        assert torch.equal(first, model(IDS))
        with pytest.raises(ValueError, match=words):
            model(IDS[:, :1], cache=cache)


def test_a_patched_prompt_is_continued_without_a_cache(model):
    values = record(model, OTHER, names="h.1").activations["h.1"]
    options = {"max_new_tokens": 2, "temperature": 0}
    with patch(model, "h.1", values, positions=slice(None)):
        first, _ = generate(model, IDS[0].tolist(), use_cache=False, **options)
        with pytest.raises(ValueError, match="use_cache=False"):
            list(generate(model, IDS[0].tolist(), **options))
    assert first == model(OTHER)[0, -1].argmax()


# The model of transformers


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_our_model_and_that_of_transformers_change_alike(model, implementation):
    twin = transformers_twin(model, implementation)
    np.testing.assert_allclose(head_outputs(twin, IDS), head_outputs(model, IDS), atol=1e-4)
    values, attention = head_outputs(model, OTHER)[1, 2], record(model, OTHER).attention["h.0.attn"]
    with (
        scale_head(model, 0, 1, 0.5),
        patch_head(model, 1, 2, values),
        freeze_attention(model, {"h.0.attn": attention}),
    ):
        expected = model(IDS)
    with (
        scale_head(twin, 0, 1, 0.5),
        patch_head(twin, 1, 2, values),
        freeze_attention(twin, {"transformer.h.0.attn": attention}),
    ):
        torch.testing.assert_close(twin(IDS).logits, expected, atol=1e-4, rtol=1e-4)


def test_a_module_of_transformers_that_puts_out_a_tuple_is_patched(model):
    twin = transformers_twin(model)
    name = "transformer.h.1.attn"
    values = record(twin, OTHER, names=name).activations[name]
    with patch(twin, name, values):
        np.testing.assert_array_equal(record(twin, IDS, names=name).activations[name], values)
        cache = twin(IDS).past_key_values
        with pytest.raises(ValueError, match="without a cache"):
            twin(IDS[:, :1], past_key_values=cache)


def test_what_puts_out_no_tensor_is_refused(model):
    twin = transformers_twin(model)
    with pytest.raises(ValueError, match=r"'transformer' put out .*, no tensor: choose another one"):  # noqa: SIM117
        with patch(twin, "transformer", np.zeros((T, 12))):
            twin(IDS)


# Bad input


@pytest.mark.parametrize(
    ("intervention", "message"),
    [
        (lambda m: scale_head(m, 2, 0, 1), "GPT has no layer 2: its layers are 0 to 1"),
        (lambda m: scale_head(m, -1, 0, 1), "GPT has no layer -1"),
        (lambda m: ablate_head(m, 1, 3), "layer 1 has no head 3: its heads are 0 to 2"),
        (lambda m: patch_head(m, 0, 7, np.zeros((T, D))), "layer 0 has no head 7"),
        (lambda m: scale_heads(m, {3: 0.0}), r"3 is no head: name it \(layer, head\)"),
        (lambda m: scale_heads(m.h[0].mlp, {(0, 0): 1.0}), "MLP has no heads"),
        (lambda m: ablate_head(m, 0, 0, to="median"), "to='median': give 'zero', 'mean' or an array"),
        (lambda m: patch(m, "h.0.mpl", np.zeros((T, 12))), r"no module 'h\.0\.mpl': near it are .*h\.0\.mlp"),
        (lambda m: patch(m, "h.*", np.zeros((T, 12))), r"'h\.\*' means 2 modules: choose one, e\.g\. 'h\.0'"),
        (lambda m: patch(m, "h.0", np.zeros((2, T, 12))), r"values \(2, 7, 12\) for what h\.0 puts out: give a row"),
        (lambda m: patch(m, "h.0", np.zeros((T, 12)), [7]), r"positions \[7\]: the values have positions 0 to 6"),
        (lambda m: patch(m, "h.0", np.zeros((T, 12)), "last"), "positions 'last': the values have positions 0 to 6"),
        (lambda m: freeze_attention(m, {"h.0.atn": np.zeros((3, T, T))}), r"no module 'h\.0\.atn'"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_runs(model, intervention, message):
    with pytest.raises(ValueError, match=message), intervention(model):
        pytest.fail("the intervention was entered")
    assert is_untouched(model)


@pytest.mark.parametrize(
    ("intervention", "message"),
    [
        (lambda m: patch(m, "h.0", np.zeros((5, 12))), r"values \(5, 12\) do not fit what h\.0 puts out, \(1, 7, 12\)"),
        (
            lambda m: patch(m, "h.0.mlp.c_fc", np.zeros((T, 12))),
            r"do not fit what h\.0\.mlp\.c_fc puts out, \(1, 7, 48\)",
        ),
        (lambda m: patch(m, "h.0", np.zeros((9, 12)), [8]), "a text of the same length, or name positions that both"),
        (lambda m: patch_head(m, 0, 1, np.zeros((T, 12))), r"do not fit what head \(0, 1\) puts out, \(1, 7, 4\)"),
        (lambda m: ablate_head(m, 0, 1, np.zeros((T, D))), r"\(7, 4\) for head \(0, 1\), .*give \(4,\)"),
        (
            lambda m: freeze_attention(m, {"h.0.attn": np.zeros((3, 5, 5))}),
            r"is \(3, 5, 5\), this run has .* \(3, 7, 7\)",
        ),
        (
            lambda m: freeze_attention(m, {"h.0.attn": np.zeros((2, T, T))}),
            r"is \(2, 7, 7\), this run has .* \(3, 7, 7\)",
        ),
        (lambda m: freeze_attention(m, {"h.0.mlp": np.zeros((3, T, T))}), r"nothing was frozen in h\.0\.mlp"),
        (lambda m: patch(m, "wpe", np.zeros((T, 12))), "wpe did not run, so nothing was patched"),
    ],
)
def test_what_does_not_fit_the_run_is_refused_and_undone(model, intervention, message):
    with pytest.raises(ValueError, match=message), intervention(model):
        model(IDS)
    assert is_untouched(model)


def test_a_loop_over_heads_cannot_be_frozen_and_says_so():
    class Loop(nn.Module):
        def forward(self, x):
            return torch.stack([(x @ x.mT).softmax(-1) @ x for _ in range(2)])

    model = Loop()
    with (
        pytest.raises(ValueError, match=r"nothing was frozen in Loop.*all heads at once"),
        freeze_attention(model, {"Loop": np.zeros((2, 5, 5))}),
    ):
        model(torch.randn(5, 4))
