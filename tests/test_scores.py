"""Scores before the softmax and sizes of values, against a hand computation and the recorded weights."""

import numpy as np
import pytest
import torch
from torch import nn

from minigpt.config import GPTConfig
from minigpt.inspection.record import record
from minigpt.inspection.scores import attention_scores
from minigpt.models.attention import project, split_heads
from minigpt.models.gpt import GPT

IDS = [3, 1, 4, 1, 5]


@pytest.fixture(scope="module")
def model() -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(n_vocab=7, n_ctx=8, n_embd=12, n_head=3, n_layer=2))


def softmax(scores: np.ndarray) -> np.ndarray:
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_the_softmax_of_the_scores_is_the_recorded_attention(model: GPT) -> None:
    scores, recording = attention_scores(model, IDS), record(model, IDS)
    assert list(scores.raw) == list(recording.attention)
    for name, raw in scores.raw.items():
        np.testing.assert_allclose(softmax(raw), recording.attention[name], atol=1e-6)


def test_scores_are_q_times_k_over_the_root_of_d_and_minus_infinity_above_the_diagonal(model: GPT) -> None:
    block = model.h[0]
    with torch.no_grad():
        x = block.ln_1(model.wte(torch.tensor([IDS])) + model.wpe.weight[: len(IDS)])
        q, k, v = (split_heads(part, 3)[0] for part in project(block.attn.c_attn, x))
    scores = attention_scores(model, IDS)
    raw = scores.raw["h.0.attn"]
    np.testing.assert_allclose(raw[2, 4, 1], (q[2, 4] @ k[2, 1] / 4**0.5).item(), rtol=1e-5)
    assert np.isneginf(raw[:, ~np.tri(5, dtype=bool)]).all()
    np.testing.assert_allclose(scores.values["h.0.attn"], v.norm(dim=-1).numpy(), rtol=1e-5)


def test_a_softmax_written_in_the_open_gives_its_scores_and_no_values() -> None:
    class Own(nn.Module):
        def forward(self, x):
            scores = x @ x.transpose(-2, -1)
            return scores.softmax(-1) @ x

    x = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    scores = attention_scores(Own(), x)
    assert scores.raw["Own"].tolist() == [[[1.0, 0.0], [0.0, 4.0]]]
    assert scores.values == {}


def test_heads_that_share_keys_have_the_sizes_of_the_value_that_each_uses() -> None:
    class Shared(nn.Module):
        def forward(self, x):
            q = torch.randn(1, 4, 3, 2, generator=torch.Generator().manual_seed(0))
            v = torch.stack([torch.ones(3, 2), 2 * torch.ones(3, 2)])[None]
            return nn.functional.scaled_dot_product_attention(q, q[:, :2], v, enable_gqa=True)

    sizes = attention_scores(Shared(), torch.zeros(3, 2)).values["Shared"]
    np.testing.assert_allclose(sizes[:, 0] / 2**0.5, [1, 1, 2, 2])
