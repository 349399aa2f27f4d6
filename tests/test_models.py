"""Block, cache and GPT: against transformers' own, and by what must always hold."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import CONFIG, close, randomised
from transformers import GPT2Config
from transformers.models.gpt2.modeling_gpt2 import GPT2Block

from minigpt.config import GPTConfig
from minigpt.models.attention import causal_mask
from minigpt.models.blocks import MLP, Block
from minigpt.models.gpt import GPT

B, T, C, H = 2, 5, 12, 3


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
    difference = (model(ids, mask=None) - model(changed, mask=None)).abs()
    assert (difference[:, :5].amax(-1) > 1e-3).all()


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
