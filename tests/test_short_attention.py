"""Attention over short texts in bfloat16: the same as PyTorch's, and only where it is meant to be."""

import pytest
import torch
import torch.nn.functional as F

from minigpt.training import short_attention
from minigpt.training.precision import computing
from minigpt.training.short_attention import Short, ShortAttention, is_short

B, T, H, D = 2, 7, 3, 5


def heads(dtype=torch.bfloat16, requires_grad=True):
    """Queries, keys and values as a model has them: views of one product."""
    torch.manual_seed(0)
    x = torch.randn(B, T, 3 * H * D).to(dtype).requires_grad_(requires_grad)
    return x, [part.view(B, T, H, D).transpose(1, 2) for part in x.split(H * D, dim=-1)]


@pytest.fixture
def calls(monkeypatch):
    """How often ours was taken."""
    found, apply = [], Short.apply
    monkeypatch.setattr(short_attention.Short, "apply", lambda *args: (found.append(1), apply(*args))[1])
    return found


def test_ours_and_its_gradients_are_pytorchs_up_to_rounding(calls):
    found = {}
    for name, dtype in (("ours", torch.bfloat16), ("theirs", torch.float32)):
        x, (q, k, v) = heads(torch.bfloat16)
        q, k, v = (part.to(dtype) for part in (q, k, v))
        with ShortAttention():
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        assert y.dtype == dtype
        (y.float() ** 2).sum().backward()
        found[name] = y.detach().float(), x.grad.float()
    assert len(calls) == 1
    for ours, theirs in zip(found["ours"], found["theirs"], strict=True):
        assert (ours - theirs).norm() < 0.015 * theirs.norm()


def test_its_gradient_is_that_of_the_formula():
    """In float64, where finite differences tell every digit that matters."""
    q, k, v = (part.detach().clone().requires_grad_() for part in heads(torch.float64)[1])
    assert torch.autograd.gradcheck(Short.apply, (q, k, v))


@pytest.mark.parametrize(
    "changes",
    [
        {"is_causal": False},
        {"dropout_p": 0.1},
        {"scale": 0.5},
        {"is_causal": False, "attn_mask": torch.ones(T, T, dtype=torch.bool).tril()},
    ],
)
def test_what_ours_does_not_know_is_left_to_pytorch(calls, changes):
    _, (q, k, v) = heads()
    with ShortAttention():
        F.scaled_dot_product_attention(q, k, v, **{"is_causal": True, **changes})
    assert not calls


def test_float32_other_lengths_and_long_texts_are_left_to_pytorch(monkeypatch):
    _, (q, k, v) = heads()
    assert is_short(q, k, v, is_causal=True)
    assert not is_short(q.float(), k.float(), v.float(), is_causal=True)
    assert not is_short(q[:, :, -1:], k, v, is_causal=True)
    for name, limit in (("MOST_WEIGHTS", B * H * T * T), ("LONGEST", T)):
        monkeypatch.setattr(short_attention, name, limit)
        assert is_short(q, k, v, is_causal=True)
        monkeypatch.setattr(short_attention, name, limit - 1)
        assert not is_short(q, k, v, is_causal=True)
        monkeypatch.setattr(short_attention, name, limit)


def test_a_run_in_bfloat16_takes_it_and_others_do_not(calls):
    _, (q, k, v) = heads()
    with computing(torch.float32, torch.device("cpu")):
        F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert not calls
    with computing(torch.bfloat16, torch.device("cpu")):
        F.scaled_dot_product_attention(q, k, v, is_causal=True)
    F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert len(calls) == 1
