"""Attention against PyTorch's own, by hand, and by what must always hold."""

import math

import pytest
import torch
from small_models import close, randomised
from torch import nn

from minigpt.models.attention import Attention, attend, attention_weights, causal_mask

B, T, S, C, H, D = 2, 5, 7, 12, 3, 4


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
