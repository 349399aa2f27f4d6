"""Laid out for generation a model is the same model: names, shapes, values, files, and what it computes."""

import copy

import torch
from small_models import IDS, close, same_weights, small_gpt

from minigpt.models.layout import lay_out_for_generation
from minigpt.sampling import generate
from minigpt.weights import load_pretrained, save_pretrained


def test_the_longer_side_of_each_matrix_is_together_in_memory_and_the_values_are_the_same():
    model = small_gpt()
    before = copy.deepcopy(model)
    assert lay_out_for_generation(model) is model
    same_weights(model, before)
    for block in model.h:
        assert block.attn.c_attn.weight.stride() == (1, 36)
        assert block.mlp.c_fc.weight.stride() == (1, 48)
        assert block.mlp.c_proj.weight.is_contiguous()
    assert model.wte.weight.stride() == (1, 23)
    assert model.wpe.weight.is_contiguous()


def test_it_computes_learns_and_generates_the_same():
    model = small_gpt()
    laid_out = lay_out_for_generation(copy.deepcopy(model))
    close(laid_out(IDS), model(IDS), 1e-5)
    for one in (model, laid_out):
        one.loss(IDS, IDS.roll(-1, 1)).backward()
        torch.optim.AdamW(one.parameters(), lr=0.01).step()
    close(laid_out(IDS), model(IDS), 1e-4)
    options = {"max_new_tokens": 20, "temperature": 0}
    assert list(generate(laid_out, [1, 2], **options)) == list(generate(model, [1, 2], **options))


def test_twice_is_the_same_as_once():
    model = lay_out_for_generation(small_gpt())
    places = [parameter.data_ptr() for parameter in model.parameters()]
    strides = [parameter.stride() for parameter in model.parameters()]
    lay_out_for_generation(model)
    assert [parameter.stride() for parameter in model.parameters()] == strides
    assert [parameter.data_ptr() for parameter in model.parameters()] == places


def test_the_file_holds_the_same(tmp_path):
    model = small_gpt()
    before = copy.deepcopy(model)
    save_pretrained(lay_out_for_generation(model), tmp_path / "laid_out")
    save_pretrained(before, tmp_path / "plain")
    same_weights(load_pretrained(tmp_path / "laid_out"), before)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("laid_out", "plain")]
    assert sizes[0] == sizes[1]
