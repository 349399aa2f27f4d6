"""The reader's class in a trained model: the same text and numbers if it is right, the layer where they part if not."""

import copy
import math

import pytest
import torch
from torch import nn

from minigpt import course
from minigpt.assets import ASSETS
from minigpt.config import GPTConfig
from minigpt.course.exercises import nb05_attention, nb07_block, nb08_mlp
from minigpt.models.attention import Attention, causal_mask
from minigpt.models.blocks import MLP, Block
from minigpt.models.gpt import GPT
from minigpt.text.tokenizers import CharTokenizer

TOKENIZER = CharTokenizer("abcdefghijk ")
PROMPT = "a bad cab"


@pytest.fixture
def model():
    """Random, with weights large enough to write something of its own."""
    model = GPT(GPTConfig(n_vocab=TOKENIZER.n_vocab, n_ctx=32, n_embd=24, n_head=3, n_layer=3, dropout=0.1))
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if "ln_" not in name:
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return model


def run(cls, part="attn", **options):
    return course.run_in_model(cls, part, PROMPT, tokenizer=TOKENIZER, **options)


class Own(nn.Module):
    """Attention as a reader writes it: a loop over heads, and causal by itself."""

    def __init__(self, n_embd, n_head, dropout):
        super().__init__()
        self.n_head = n_head
        self.c_attn, self.c_proj = nn.Linear(n_embd, 3 * n_embd), nn.Linear(n_embd, n_embd)

    def forward(self, x):
        heads = [part.chunk(self.n_head, -1) for part in self.c_attn(x).chunk(3, -1)]
        found = []
        for q, k, v in zip(*heads, strict=True):
            scores = q @ k.transpose(1, 2) / math.sqrt(q.size(-1))
            found.append(scores.masked_fill(~causal_mask(x.size(1)), -math.inf).softmax(-1) @ v)
        return self.c_proj(torch.cat(found, -1))


class OwnBlock(nn.Module):
    """A block as a reader writes it, which is given no mask."""

    def __init__(self, config):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(config.n_embd), nn.LayerNorm(config.n_embd)
        self.attn, self.mlp = Attention(config.n_embd, config.n_head), MLP(config.n_embd)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x), mask="causal")
        return x + self.mlp(self.ln_2(x))


@pytest.mark.parametrize(
    ("cls", "part"),
    [
        (Attention, "attn"),
        (nb05_attention.Wrong, "attn"),
        (Own, "attn"),
        (MLP, "mlp"),
        (nb08_mlp.Wrong, "mlp"),
        (Block, "block"),
        (nb07_block.Wrong, "block"),
        (OwnBlock, "block"),
    ],
)
def test_a_right_class_writes_the_same_text_and_all_layers_agree(cls, part, model):
    result = run(cls, part, model=model)
    assert result.passed, result
    assert result.theirs == result.yours
    assert result.theirs.startswith(PROMPT)
    assert len(result.theirs) == len(PROMPT) + 40, "beyond n_ctx too"
    ends = [""] if part == "block" else [f".{part}", ""]
    assert [name for name, _ in result.differences] == [f"h.{i}{end}" for i in range(3) for end in ends]
    assert result.message == "Your class writes the same text, and all 3 layers compute the same numbers."
    assert "below 0.0001" in repr(result)


@pytest.mark.parametrize(
    "cls", [nb05_attention.NoScale, nb05_attention.MaskAfter, nb05_attention.SplitByView, nb05_attention.NoMask]
)
def test_a_wrong_class_is_seen_to_part_at_the_first_layer(cls, model):
    result = run(cls, model=model)
    assert not result.passed
    assert result.theirs != result.yours
    assert "the two models part at h.0.attn" in result.message


@pytest.mark.parametrize("cls", [nb07_block.PostNorm, nb07_block.NoResidual, nb07_block.NoMask])
def test_a_wrong_block_is_seen_to_part_at_the_first_block(cls, model):
    result = run(cls, "block", model=model)
    assert not result.passed
    assert result.theirs != result.yours
    assert "the two models part at h.0," in result.message


def test_an_activation_that_is_nearly_right_is_seen(model):
    result = run(nb08_mlp.ExactGELU, "mlp", model=model)
    assert not result.passed
    assert "not the same numbers: from h.0.mlp on" in result.message


@pytest.mark.parametrize(("cls", "part"), [(nb05_attention.NoScale, "attn"), (Own, "attn"), (OwnBlock, "block")])
def test_the_model_is_never_changed(cls, part, model):
    model.train()
    model.h[1].eval()
    before, weights = copy.deepcopy(model), {name: p.clone() for name, p in model.state_dict().items()}
    run(cls, part, model=model)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert [type(module) for module in model.modules()] == [type(module) for module in before.modules()]
    assert [module.training for module in model.modules()] == [module.training for module in before.modules()]
    assert not any(module._forward_hooks for module in model.modules())


def test_a_class_cannot_write_into_the_models_weights(model):
    class Vandal(MLP):
        def __init__(self, n_embd, dropout):
            super().__init__(n_embd, dropout)

        def forward(self, x):
            self.c_fc.weight.data.zero_()
            return super().forward(x)

    before = model.h[0].mlp.c_fc.weight.clone()
    run(Vandal, "mlp", model=model)
    assert torch.equal(model.h[0].mlp.c_fc.weight, before)


def test_a_stub_is_not_started(model):
    class Dots(nn.Module):
        def __init__(self, n_embd, n_head, dropout=0.0):
            super().__init__()
            ...

        def forward(self, x, mask=None):
            return ...

    class Half(Own):
        def forward(self, x):
            return None

    for cls in (Dots, Half):
        result = run(cls, model=model)
        assert result.tone == "todo", result
        assert "not started" in result.message


def test_wrong_parameter_names_are_named(model):
    class Named(Own):
        def __init__(self, n_embd, n_head, dropout):
            super().__init__(n_embd, n_head, dropout)
            self.projection = self.c_proj
            del self.c_proj

    result = run(Named, model=model)
    assert "missing are c_proj.weight, c_proj.bias; not asked for are projection.weight" in result.message


def test_an_error_is_shown_with_its_line(model):
    class Broken(Own):
        def forward(self, x):
            return x @ x

    result = run(Broken, model=model)
    assert result.tone == "bad"
    assert result.message.startswith("RuntimeError")
    assert result.details[0][1].endswith("return x @ x")


def test_a_wrong_shape_and_nan_are_named(model):
    class Tall(MLP):
        def forward(self, x):
            return super().forward(x)[:, :1]

    class NaN(MLP):
        def forward(self, x):
            return super().forward(x) * math.nan

    assert "h.0.mlp put out the shape (1, 24), the model's own (9, 24)" in run(Tall, "mlp", model=model).message
    assert run(NaN, "mlp", model=model).message == "Your class puts out NaN, not a number, at h.0.mlp."


def test_an_object_in_place_of_the_class_is_refused(model):
    assert "Give the class itself, MLP" in run(MLP(24), "mlp", model=model).message


def test_what_cannot_be_run_is_refused_with_the_way_out(model):
    with pytest.raises(ValueError, match="'attn', 'mlp', 'block'"):
        run(Attention, "norm", model=model)
    with pytest.raises(ValueError, match="at least one token"):
        course.run_in_model(Attention, prompt="", model=model, tokenizer=TOKENIZER)
    with pytest.raises(ValueError, match="ids where the model has no tokenizer"):
        course.run_in_model(Attention, prompt="a text", model=model)


def test_without_a_tokenizer_ids_go_in_and_come_out(model):
    result = course.run_in_model(Attention, prompt=[1, 2, 3], model=model, max_new_tokens=4)
    assert len(result.theirs.split()) == 7


def test_texts_stand_side_by_side_in_html(model):
    page = run(Attention, model=model)._repr_html_()
    assert 'role="status"' in page
    assert "The model as it is" in page
    assert "With your class in it" in page
    assert ">h.2.attn</td>" in page


@pytest.mark.skipif(not (ASSETS / "checkpoints/story/model.safetensors").exists(), reason="no shipped model here yet")
def test_a_right_class_runs_the_shipped_model():
    result = course.run_in_model(Own, max_new_tokens=20)
    assert result.passed, result
