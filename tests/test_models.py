"""Attention, block, cache and GPT: against PyTorch's and transformers' own, by hand, and by what must always hold."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import GPT2Config
from transformers.models.gpt2.modeling_gpt2 import GPT2Block

from minigpt.config import SIZES, GPTConfig
from minigpt.models.attention import Attention, attend, attention_weights, causal_mask
from minigpt.models.blocks import MLP, Block
from minigpt.models.gpt import GPT

CONFIG = GPTConfig(n_vocab=23, n_ctx=13, n_embd=12, n_head=3, n_layer=2)
B, T, S, C, H, D = 2, 5, 7, 12, 3, 4


def randomised(module, std=0.3):
    """The module in evaluation mode with weights so large that a mistake shows; LayerNorms and biases too."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=std)
    return module.eval()


def close(ours, theirs, tolerance=1e-6):
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


# Attention


def masks(T, S):
    """Every kind of mask for T queries and S positions; each row may look somewhere."""
    somewhere = torch.rand(B, H, T, S) < 0.4
    somewhere[..., 0] = True
    padding = torch.arange(S).expand(B, 1, 1, S) < torch.tensor([S, S - 2]).view(B, 1, 1, 1)
    kinds = {"none": None, "(T, S)": somewhere[0, 0], "(B, 1, 1, S)": padding, "(B, H, T, S)": somewhere}
    return kinds | ({"causal": "causal"} if T <= S else {})


@pytest.mark.parametrize(("T", "S"), [(5, 5), (5, 7), (7, 5), (1, 7), (1, 1)])
def test_the_fused_and_the_open_path_agree(T, S):
    q, k, v = torch.randn(B, H, T, D), torch.randn(B, H, S, D), torch.randn(B, H, S, D)
    for mask in masks(T, S).values():
        close(attend(q, k, v, mask, fused=True), attend(q, k, v, mask, fused=False))


def test_a_position_that_may_look_nowhere_gathers_nothing_on_both_paths():
    q, k, v = torch.randn(3, B, H, T, D).unbind()
    mask = causal_mask(T)
    mask[2] = False
    for fused in (True, False):
        y = attend(q, k, v, mask, fused=fused)
        assert y.isfinite().all()
        assert (y[:, :, 2] == 0).all()
        assert (y[:, :, 3] != 0).all()


@pytest.mark.parametrize(("T", "S"), [(5, 5), (3, 5), (1, 5)])
def test_the_causal_mask_lets_each_of_the_last_positions_see_itself_and_all_before(T, S):
    allowed = [[column <= row for column in range(S)] for row in range(S - T, S)]
    assert causal_mask(T, S).tolist() == allowed


def test_more_queries_than_positions_have_no_causal_mask():
    with pytest.raises(ValueError, match="5 queries cannot be the last of 3 positions: give S >= T"):
        causal_mask(5, 3)


def test_attention_weights_are_shares():
    weights = attention_weights(torch.randn(B, H, T, D), torch.randn(B, H, S, D), "causal")
    close(weights.sum(-1), torch.ones(B, H, T))
    assert (weights >= 0).all()


def test_attention_equals_the_example_worked_by_hand():
    """Three tokens (1, 0), (0, 1), (1, 1), one head; keys and values are the tokens, queries √2·ln 2 times as long.

    Then the scores are ln 2 · (x·x'), so that the weights before they are shared out are 2 to the dot product:
    token 0 sees itself; token 1 sees 2⁰ : 2¹; token 2 sees 2¹ : 2¹ : 2². Without a mask token 0 sees 2¹ : 2⁰ : 2¹.
    """
    attention = Attention(2, 1)
    one = torch.eye(2)
    with torch.no_grad():
        attention.c_attn.weight.copy_(torch.cat([math.sqrt(2) * math.log(2) * one, one, one]))
        attention.c_proj.weight.copy_(one)
        nn.init.zeros_(attention.c_attn.bias)
        nn.init.zeros_(attention.c_proj.bias)
    x = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
    masked = [[1, 0], [1 / 3, 2 / 3], [1 / 4 + 1 / 2, 1 / 4 + 1 / 2]]
    close(attention(x, mask="causal"), torch.tensor([masked]))
    close(attention(x)[0, 0], torch.tensor([2 / 5 + 2 / 5, 1 / 5 + 2 / 5]))


@pytest.mark.parametrize("crossed", [False, True])
@pytest.mark.parametrize("kind", ["none", "causal", "(T, S)", "padding"])
def test_attention_equals_pytorchs_multihead_attention(crossed, kind):
    ours, theirs = randomised(Attention(C, H)), nn.MultiheadAttention(C, H, batch_first=True).eval()
    names = {"c_attn": "in_proj_", "c_proj": "out_proj."}
    theirs.load_state_dict(
        {name.replace(f"{n}.", names[n]): p for name, p in ours.state_dict().items() for n in [name[:6]]}
    )
    x = torch.randn(B, T, C)
    source = torch.randn(B, S, C) if crossed else x
    allowed = torch.rand(T, source.size(1)) < 0.5
    allowed[:, 0] = True
    padding = torch.arange(source.size(1)) < torch.tensor([[3], [source.size(1)]])  # (B, S)
    our_mask = {"none": None, "causal": "causal", "(T, S)": allowed, "padding": padding[:, None, None]}[kind]
    their_mask = {  # theirs is True where a position may not look
        "none": {},
        "causal": {"attn_mask": ~causal_mask(T, source.size(1))},
        "(T, S)": {"attn_mask": ~allowed},
        "padding": {"key_padding_mask": ~padding},
    }[kind]
    expected, _ = theirs(x, source, source, need_weights=False, **their_mask)
    close(ours(x, source if crossed else None, our_mask), expected)


def test_what_padding_hides_changes_nothing():
    attention, x, source = randomised(Attention(C, H)), torch.randn(B, T, C), torch.randn(B, S, C)
    mask = (torch.arange(S) < 4).expand(B, 1, 1, S)
    changed = source.clone()
    changed[:, 4:] = 1e3 * torch.randn(B, S - 4, C)
    close(attention(x, changed, mask), attention(x, source, mask))
    close(attention(x, source, mask), attention(x, source[:, :4]))


def test_attention_without_a_mask_does_not_know_the_order():
    attention, x, order = randomised(Attention(C, H)), torch.randn(B, T, C), torch.randperm(T)
    close(attention(x[:, order]), attention(x)[:, order])


def test_attention_dropout_acts_in_training_only():
    attention, x = randomised(Attention(C, H, dropout=0.5)), torch.randn(B, T, C)
    close(attention(x), attention(x), 0)
    attention.train()
    assert not torch.equal(attention(x), attention(x))


def test_heads_that_do_not_share_out_the_channels_are_refused():
    with pytest.raises(ValueError, match="n_embd=12 cannot be shared out to 5 heads"):
        Attention(12, 5)


def test_real_gpt2_weighs_as_our_attention_does():
    """Scaled scores and weights of all 144 heads of the 124M model on five prompts."""
    if not os.environ.get("MINIGPT_DATA"):
        pytest.skip("MINIGPT_DATA names no folder with reference/gpt2_transformer_explainer.npz")
    facts = np.load(Path(os.environ["MINIGPT_DATA"], "reference/gpt2_transformer_explainer.npz"))
    for i in range(5):
        scores, weights = (torch.tensor(facts[f"ex{i}_attn_{part}"]) for part in ("scaled", "softmax"))
        n = scores.size(-1)  # with keys 1, 0, 0, ... and so on, and queries √n times the scores, q·k/√n is the score
        close(attention_weights(scores * math.sqrt(n), torch.eye(n).expand_as(scores), "causal"), weights, 1e-5)


# Block and GPT


def test_the_mlp_uses_the_tanh_gelu():
    mlp, x = randomised(MLP(C)), torch.randn(B, T, C)
    hidden = F.linear(x, mlp.c_fc.weight, mlp.c_fc.bias)
    gelu = 0.5 * hidden * (1 + torch.tanh(math.sqrt(2 / math.pi) * (hidden + 0.044715 * hidden**3)))
    close(mlp(x), F.linear(gelu, mlp.c_proj.weight, mlp.c_proj.bias))


def test_a_block_equals_transformers_block():
    config = GPT2Config(n_embd=C, n_head=H, attn_implementation="eager")
    ours, theirs = randomised(Block(CONFIG)), GPT2Block(config, layer_idx=0).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            weight = ours.get_parameter(name)
            parameter.copy_(weight.t() if weight.dim() == 2 else weight)
    x = torch.randn(B, T, C)
    forbidden = torch.zeros(1, 1, T, T).masked_fill(~causal_mask(T), -math.inf)
    output = theirs(x, attention_mask=forbidden)
    close(ours(x), output[0] if isinstance(output, tuple) else output)


def test_a_token_cannot_see_the_future():
    """The gradient of position t's logits is exactly zero at all later tokens, and at no earlier one."""
    model, ids, embedded = randomised(GPT(CONFIG)), torch.randint(23, (1, 6)), []

    def watch(module, inputs, output):
        output.retain_grad()
        embedded.append(output)

    model.wte.register_forward_hook(watch)
    for t in range(6):
        model(ids)[0, t].square().sum().backward()
        influence = embedded.pop().grad[0].abs().sum(-1)
        assert (influence[: t + 1] > 0).all()
        assert (influence[t + 1 :] == 0).all()


def test_without_the_mask_a_token_sees_the_future():
    model, ids = randomised(GPT(CONFIG)), torch.arange(6).unsqueeze(0)
    changed = torch.tensor([[0, 1, 2, 3, 4, 9]])
    assert torch.equal(model(ids)[:, :5], model(changed)[:, :5])
    assert not torch.isclose(model(ids, mask=None)[:, :5], model(changed, mask=None)[:, :5]).any(-1).all()


@settings(deadline=None, max_examples=50)
@given(cuts=st.sets(st.integers(1, CONFIG.n_ctx - 1)), batch_size=st.integers(1, 3))
def test_with_the_cache_a_text_in_pieces_gives_the_same_logits(cuts, batch_size):
    torch.manual_seed(len(cuts))
    model, ids = randomised(GPT(CONFIG)), torch.randint(23, (batch_size, CONFIG.n_ctx))
    cache = model.new_cache(batch_size)
    with torch.no_grad():
        pieces = [model(piece, cache) for piece in ids.tensor_split(sorted(cuts), dim=1)]
        close(torch.cat(pieces, dim=1), model(ids), 1e-5)
    assert cache.length == CONFIG.n_ctx


def test_the_cache_takes_the_memory_that_it_says_in_the_models_number_format():
    cache = GPT(CONFIG).to(torch.bfloat16).new_cache(batch_size=5)
    assert cache.n_bytes == 2 * CONFIG.n_layer * 5 * CONFIG.n_ctx * CONFIG.n_embd * 2
    assert cache.layers[0].k.dtype == torch.bfloat16


def test_a_cache_that_is_full_says_so():
    model = GPT(CONFIG)
    cache = model.new_cache(n_ctx=4)
    model(torch.zeros(1, 3, dtype=torch.long), cache)
    with pytest.raises(ValueError, match="5 positions do not fit into a cache of 4: start a new cache"):
        model(torch.zeros(1, 2, dtype=torch.long), cache)


def test_text_that_is_too_long_is_refused_with_and_without_a_cache():
    model, cache = GPT(CONFIG), GPT(CONFIG).new_cache()
    with pytest.raises(ValueError, match=r"14 tokens do not fit into n_ctx=13: .* keep its end, ids\[:, -13:\]"):
        model(torch.zeros(1, 14, dtype=torch.long))
    model(torch.zeros(1, 13, dtype=torch.long), cache)
    with pytest.raises(ValueError, match="14 tokens do not fit into n_ctx=13"):
        model(torch.zeros(1, 1, dtype=torch.long), cache)


@pytest.mark.parametrize("bad", [-1, 23, 50256])
def test_an_id_outside_the_vocabulary_is_named(bad):
    with pytest.raises(ValueError, match=f"token id {bad} is outside the vocabulary, 0 to 22"):
        GPT(CONFIG)(torch.tensor([[0, bad, 22]]))


@pytest.mark.parametrize("shape", [(5,), (1, 2, 3)])
def test_ids_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"ids of shape \(.*\), expected \(B, T\): for one text ids.unsqueeze\(0\)"):
        GPT(CONFIG)(torch.zeros(shape, dtype=torch.long))


def test_no_tokens_give_no_logits():
    assert GPT(CONFIG)(torch.zeros(2, 0, dtype=torch.long)).shape == (2, 0, 23)


def test_input_and_output_share_one_table():
    model, ids = GPT(CONFIG), torch.tensor([[4, 7]])
    assert model.n_params() == CONFIG.n_params()
    assert sum(p.shape == (23, 12) for p in model.parameters()) == 1
    before = model(ids)
    with torch.no_grad():
        model.wte.weight[20] *= 2  # not in the text: its own logit changes, nothing else
    after = model(ids)
    close(after[..., 20], 2 * before[..., 20])
    close(after[..., :20], before[..., :20])


def test_the_loss_is_the_mean_surprise_at_the_targets_that_count():
    model, x = randomised(GPT(CONFIG)), torch.randint(23, (B, T))
    y = torch.randint(23, (B, T))
    y[0, 2:] = -100
    probabilities = model(x).softmax(-1).detach()
    counted = [-math.log(probabilities[b, t, y[b, t]]) for b in range(B) for t in range(T) if y[b, t] >= 0]
    assert model.loss(x, y).item() == pytest.approx(sum(counted) / len(counted), rel=1e-5)


def test_an_untrained_model_finds_all_tokens_about_equally_likely():
    model, ids = GPT(GPTConfig.named("tiny")), torch.randint(512, (4, 64))
    assert model.loss(ids, ids.roll(-1, 1)).item() == pytest.approx(math.log(512), rel=0.02)


def test_the_initial_weights_are_gpt2s():
    """Deviation 0.02, but 0.02/√(2·n_layer) for what a block adds; zero biases; LayerNorms that change nothing.

    The deviation of n numbers is off by about 1/√(2n) of itself: with 7 times that, chance fails no test.
    """
    config = GPTConfig(n_vocab=512, n_ctx=64, n_embd=64, n_head=4, n_layer=8)
    for name, p in GPT(config).named_parameters():
        if "ln_" in name or name.endswith("bias"):
            assert (p == (1 if name.endswith("weight") else 0)).all(), name
        else:
            std = 0.02 / math.sqrt(2 * 8) if name.endswith("c_proj.weight") else 0.02
            assert p.std().item() == pytest.approx(std, rel=7 / math.sqrt(2 * p.numel())), name
            assert p.mean().item() == pytest.approx(0, abs=7 * std / math.sqrt(p.numel())), name


def test_deeper_models_do_not_start_louder():
    """The scaling's purpose: the variance that all blocks together add does not grow with their number."""
    ids, added = torch.randint(50, (4, 64)), []
    for n_layer in (2, 32):
        model = GPT(GPTConfig(n_vocab=50, n_ctx=64, n_embd=64, n_head=4, n_layer=n_layer)).eval()
        x = start = model.wte(ids) + model.wpe.weight
        for block in model.h:
            x = block(x)
        added.append((x - start).var().item())
    assert added[1] == pytest.approx(added[0], rel=0.5)


def test_dropout_acts_in_training_only():
    model, ids = GPT(GPTConfig.named("tiny", dropout=0.5)), torch.arange(8).unsqueeze(0)
    assert not torch.equal(model(ids), model(ids))
    model.eval()
    assert torch.equal(model(ids), model(ids))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_the_model_works_in_other_number_formats(dtype):
    model, ids = randomised(GPT(CONFIG)), torch.randint(23, (B, T))
    expected = model(ids)
    logits = model.to(dtype)(ids, model.new_cache(B))
    assert logits.dtype == dtype
    scale = expected.abs().max().item()
    assert (logits.float() - expected).abs().max().item() < (0.05 if dtype == torch.bfloat16 else 1e-5) * scale


# Config


def test_the_published_sizes_have_as_many_parameters_as_published():
    counts = {"gpt2": 124_439_808, "gpt2-medium": 354_823_168, "gpt2-large": 774_030_080, "gpt2-xl": 1_557_611_200}
    assert {name: GPTConfig.named(name).n_params() for name in counts} == counts


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 5), st.integers(1, 6), st.integers(1, 4))
def test_the_config_counts_what_the_model_has(n_vocab, n_ctx, n_head, d_head, n_layer):
    config = GPTConfig(n_vocab, n_ctx, n_head * d_head, n_head, n_layer)
    assert config.n_params() == GPT(config).n_params()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"n_vocab": 0}, "n_vocab=0: must be a whole number of at least 1"),
        ({"n_ctx": -1}, "n_ctx=-1: must be a whole number"),
        ({"n_layer": 2.0}, "n_layer=2.0: must be a whole number"),
        ({"n_layer": True}, "n_layer=True: must be a whole number"),
        ({"n_head": "12"}, "n_head='12': must be a whole number"),
        ({"n_embd": 768, "n_head": 5}, "cannot be shared out to n_head=5 heads: .* e.g. 2, 3, 4, 6"),
        ({"dropout": 1.0}, "dropout=1.0: must be at least 0 and below 1"),
        ({"dropout": -0.1}, "dropout=-0.1"),
        ({"layer_norm_epsilon": 0}, "layer_norm_epsilon=0: must be above 0"),
        ({"layer_norm_epsilon": math.nan}, "layer_norm_epsilon=nan"),
    ],
)
def test_a_config_refuses_what_cannot_be_and_says_what_can(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        GPTConfig(**changes)


def test_a_config_cannot_be_changed_afterwards():
    with pytest.raises(AttributeError):
        GPTConfig().n_layer = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", SIZES)
def test_a_named_config_survives_its_dictionary(name):
    config = GPTConfig.named(name, dropout=0.25)
    assert GPTConfig.from_dict(config.to_dict()) == config
    assert config.dropout == 0.25


def test_unknown_names_and_entries_are_named():
    with pytest.raises(ValueError, match="no size named 'gpt3': the names are gpt2, gpt2-medium"):
        GPTConfig.named("gpt3")
    with pytest.raises(ValueError, match=r"unknown entries n_layers: a config has dropout, .*n_layer"):
        GPTConfig.from_dict({"n_layers": 2})
