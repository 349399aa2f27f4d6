import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from minigpt.assets import ASSETS
from minigpt.config import GPTConfig
from minigpt.course.real_model import with_class
from minigpt.inspection.follow import follow
from minigpt.models.attention import causal_mask
from minigpt.models.gpt import GPT
from minigpt.text.tokenizers import BPETokenizer
from minigpt.weights import load_shipped


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


# A learner's parts in the place of the model's own


class OwnAttention(nn.Module):
    """A loop over heads, causal by itself."""

    def __init__(self, n_embd, n_head, dropout=0.0):
        super().__init__()
        self.n_head = n_head
        self.c_attn, self.c_proj = nn.Linear(n_embd, 3 * n_embd), nn.Linear(n_embd, n_embd)

    def weights(self, scores):
        return scores.softmax(-1)

    def forward(self, x):
        heads = [part.chunk(self.n_head, -1) for part in self.c_attn(x).chunk(3, -1)]
        found = []
        for q, k, v in zip(*heads, strict=True):
            scores = q @ k.transpose(1, 2) / math.sqrt(q.size(-1))
            found.append(self.weights(scores.masked_fill(~causal_mask(x.size(1)), -math.inf)) @ v)
        return self.c_proj(torch.cat(found, -1))


class OwnMLP(nn.Module):
    """GELU is called as a function: no module of the MLP puts out what is inside it."""

    def __init__(self, n_embd, dropout=0.0):
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(n_embd, 4 * n_embd), nn.Linear(4 * n_embd, n_embd)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class OwnBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(config.n_embd), nn.LayerNorm(config.n_embd)
        self.attn, self.mlp = OwnAttention(config.n_embd, config.n_head), OwnMLP(config.n_embd)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class WrittenOut(OwnAttention):
    """Its softmax is not PyTorch's."""

    def weights(self, scores):
        powers = scores.exp()
        return powers / powers.sum(-1, keepdim=True)


class ByWeights(OwnMLP):
    """Multiplies by the weights of its second layer, without calling it."""

    def forward(self, x):
        return F.linear(F.gelu(self.c_fc(x)), self.c_proj.weight, self.c_proj.bias)


class APositionAtATime(OwnMLP):
    def forward(self, x):
        return torch.stack([self.c_proj(F.gelu(one)) for one in self.c_fc(x).unbind(1)], 1)


class NormByWeights(OwnBlock):
    """Normalises by a function, with the weights of its second LayerNorm."""

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(F.layer_norm(x, x.shape[-1:], self.ln_2.weight, self.ln_2.bias))


@pytest.mark.parametrize(("cls", "part"), [(OwnAttention, "attn"), (OwnMLP, "mlp"), (OwnBlock, "block")])
@pytest.mark.skipif(not (ASSETS / "checkpoints/story/model.safetensors").exists(), reason="no shipped model here yet")
def test_a_learners_part_in_the_shipped_model_goes_through_the_same_stages(cls, part):
    model, tokenizer = load_shipped()
    ours = follow(model, tokenizer, "Once upon a time")
    theirs = follow(with_class(model, cls, part), tokenizer, "Once upon a time")
    assert [(stage.name, stage.shape) for stage in theirs] == [(stage.name, stage.shape) for stage in ours]
    for one, other in zip(ours, theirs, strict=True):
        largest = np.abs(one.array).max()
        np.testing.assert_allclose(other.array, one.array, atol=1e-4 * largest, err_msg=one.name)


def test_inside_the_mlp_is_what_its_gelu_puts_out(model):
    stages = {stage.name: stage.array for stage in follow(model, TOKENIZER, "a cat")}
    mlp = model.h[1].mlp
    with torch.no_grad():
        expected = mlp.gelu(mlp.c_fc(torch.tensor(stages["block 1: normalised again"]))).numpy()
    np.testing.assert_allclose(stages["block 1: inside the MLP"], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("cls", "part", "unseen"),
    [
        (WrittenOut, "attn", "attention weights"),
        (ByWeights, "mlp", "inside the MLP"),
        (APositionAtATime, "mlp", "inside the MLP"),
        (NormByWeights, "block", "normalised again"),
    ],
)
def test_what_a_learners_part_does_not_show_is_left_out(cls, part, unseen, model):
    ours = [stage.name for stage in follow(model, TOKENIZER, "a cat")]
    theirs = [stage.name for stage in follow(with_class(model, cls, part), TOKENIZER, "a cat")]
    assert theirs == [name for name in ours if name not in (f"block 0: {unseen}", f"block 1: {unseen}")]
    assert len(theirs) == len(ours) - 2


def test_the_model_keeps_no_hook(model):
    follow(model, TOKENIZER, "a cat")
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())
