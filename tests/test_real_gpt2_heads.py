"""Head scores on attention of the published 124M model, as the Transformer Explainer recorded it for five prompts."""

import os
from pathlib import Path

import numpy as np
import pytest

from minigpt import views
from minigpt.inspection.heads import head_scores, positional_scores, uniform_score
from minigpt.inspection.record import Recording
from minigpt.inspection.rollout import attention_rollout
from minigpt.text.tokenizers import BPETokenizer

PROMPTS = range(5)
PREVIOUS_TOKEN_HEAD = (4, 11)


@pytest.fixture(scope="module")
def recordings():
    path = Path(os.environ.get("MINIGPT_DATA", ""), "reference/gpt2_transformer_explainer.npz")
    if not path.exists():
        pytest.skip("MINIGPT_DATA names no folder with reference/gpt2_transformer_explainer.npz")
    facts, tokenizer = np.load(path), BPETokenizer.gpt2()
    return [
        Recording(
            tokens=tuple(tokenizer.labels(facts[f"ex{i}_ids"].tolist())),
            source_tokens=None,
            attention={f"h.{layer}.attn": heads for layer, heads in enumerate(facts[f"ex{i}_attn_softmax"])},
            activations={},
            logits=None,
            model="GPT-2",
        )
        for i in PROMPTS
    ]


@pytest.mark.parametrize("i", PROMPTS)
def test_a_prompt_is_a_recording_of_144_heads(recordings, i):
    stack = recordings[i].attention_stack()
    assert stack.shape == (12, 12, len(recordings[i].tokens), len(recordings[i].tokens))
    np.testing.assert_allclose(stack.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("i", PROMPTS)
def test_head_11_of_layer_4_is_the_previous_token_head_in_every_prompt(recordings, i):
    score = head_scores(recordings[i])["previous token"]
    assert np.unravel_index(score.argmax(), score.shape) == PREVIOUS_TOKEN_HEAD
    assert score[PREVIOUS_TOKEN_HEAD] > 0.99
    assert np.sort(score.ravel())[-2] < 0.75  # no other comes near


@pytest.mark.parametrize("i", PROMPTS)
def test_the_view_of_real_attention_sorts_the_previous_token_head_to_the_front(recordings, i):
    view = views.heads(recordings[i], scores=head_scores(recordings[i]), sort="previous token")
    assert view.score == "previous token"
    best = int(np.argmax(view.scores[view.score]))  # of the heads of all layers, layer after layer
    assert divmod(best, view.shape[1]) == PREVIOUS_TOKEN_HEAD


@pytest.mark.parametrize("i", PROMPTS)
def test_most_heads_from_layer_5_on_rest_on_the_first_token(recordings, i):
    score = head_scores(recordings[i])["first token"]
    chance = uniform_score("first token", recordings[i].tokens)
    assert score[5:].mean() > 0.7 > 2 * chance
    assert score[0].mean() < score[5:].mean() - 0.2


@pytest.mark.parametrize("i", PROMPTS)
def test_the_head_that_looks_at_the_token_itself_is_in_layer_0(recordings, i):
    score = head_scores(recordings[i])["current token"]
    assert np.unravel_index(score.argmax(), score.shape) == (0, 1)
    assert score[0, 1] > 0.85


def test_the_previous_token_head_goes_by_distance_alone_and_is_of_one_mind(recordings):
    assert positional_scores(recordings)[PREVIOUS_TOKEN_HEAD] > 0.99
    assert max(head_scores(text)["spread"][PREVIOUS_TOKEN_HEAD] for text in recordings) < 0.02


@pytest.mark.parametrize("i", PROMPTS)
def test_rollout_of_real_attention_keeps_its_rows_and_gathers_at_the_first_token(recordings, i):
    rollout = attention_rollout(recordings[i])
    np.testing.assert_allclose(rollout.sum(-1), 1, rtol=1e-4)
    to_first = rollout[:, 1:, 0].mean(-1)
    assert (np.diff(to_first) > 0).all()  # layer by layer more of what a position holds
