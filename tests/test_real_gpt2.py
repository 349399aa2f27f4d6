"""Facts about the published 124M model, as the Transformer Explainer recorded them for five prompts."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from minigpt.models.attention import attention_weights
from minigpt.text.tokenizers import BPETokenizer

PROMPTS = range(5)


@pytest.fixture(scope="module")
def facts():
    path = Path(os.environ.get("MINIGPT_DATA", ""), "reference/gpt2_transformer_explainer.npz")
    if not path.exists():
        pytest.skip("MINIGPT_DATA names no folder with reference/gpt2_transformer_explainer.npz")
    return np.load(path)


@pytest.mark.parametrize("i", PROMPTS)
def test_our_tokenizer_gives_the_ids_that_the_model_was_given(facts, i):
    assert BPETokenizer.gpt2().encode(str(facts[f"ex{i}_prompt"])) == facts[f"ex{i}_ids"].tolist()


@pytest.mark.parametrize("i", PROMPTS)
def test_its_144_heads_weigh_their_scores_as_our_attention_does(facts, i):
    scores, weights = (torch.tensor(facts[f"ex{i}_attn_{part}"]) for part in ("scaled", "softmax"))
    n = scores.size(-1)
    # Against the unit vectors as keys, √n times the scores as queries give q·k/√n = the scores.
    ours = attention_weights(scores * math.sqrt(n), torch.eye(n).expand_as(scores), "causal")
    torch.testing.assert_close(ours, weights, rtol=0, atol=1e-6)
