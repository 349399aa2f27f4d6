import numpy as np
import pytest
import torch

from minigpt.config import GPTConfig
from minigpt.inspection.follow import follow
from minigpt.models.gpt import GPT
from minigpt.text.tokenizers import BPETokenizer


@pytest.fixture
def model():
    torch.manual_seed(0)
    return GPT(GPTConfig(n_vocab=257, n_ctx=16, n_embd=12, n_head=3, n_layer=2)).eval()


TOKENIZER = BPETokenizer([])
SIZES = {"T": 5, "C": 12, "4C": 48, "H": 3, "V": 257, "bytes": 5}


def test_each_stage_has_the_shape_that_it_says(model):
    for stage in follow(model, TOKENIZER, "a cat"):
        letters = stage.shape.strip("()").split(", ")
        assert stage.array.shape == tuple(SIZES[letter] for letter in letters), stage.name


def test_the_stages_lead_from_the_text_to_the_models_own_prediction(model):
    stages = {stage.name: stage.array for stage in follow(model, TOKENIZER, "a cat")}
    ids = torch.tensor([TOKENIZER.encode("a cat")])
    assert stages["token ids"].tolist() == ids[0].tolist()
    expected = model(ids)[0, -1].softmax(dim=-1).detach().numpy()
    np.testing.assert_allclose(stages["probabilities"], expected, atol=1e-6)


def test_what_a_block_adds_is_the_difference_that_it_makes(model):
    stages = {stage.name: stage.array for stage in follow(model, TOKENIZER, "a cat")}
    before = stages["residual stream"]
    for i in range(2):
        added = stages[f"block {i}: attention adds"] + stages[f"block {i}: the MLP adds"]
        np.testing.assert_allclose(stages[f"block {i}: after the MLP"], before + added, atol=1e-5)
        before = stages[f"block {i}: after the MLP"]


def test_an_empty_text_cannot_be_followed(model):
    with pytest.raises(ValueError, match="at least one token"):
        follow(model, TOKENIZER, "")
