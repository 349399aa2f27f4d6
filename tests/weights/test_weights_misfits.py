"""Files that are no model, and tensors that do not fit: each is named, with what to do."""

import re
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from small_models import CONFIG, same_weights

from minigpt.models.gpt import GPT
from minigpt.training.checkpoints import save_checkpoint
from minigpt.weights import load_pretrained, save_pretrained
from minigpt.weights.official import (
    is_conv1d,
    to_official,
)

NAN, INF = float("nan"), float("inf")


def set_number(tensors, name, value):
    tensors[name].view(-1)[4] = value


def transpose(tensors, name):
    tensors[name] = tensors[name].t().contiguous()


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda t: t.pop("h.1.mlp.c_fc.bias"), r"h\.1\.mlp\.c_fc\.bias \(48,\) is missing"),
        (lambda t: t.update(extra=torch.ones(2, 3)), r"extra \(2, 3\) is one too many: GPT-2 has none of that name"),
        (lambda t: t.update({"h.2.ln_1.bias": torch.ones(12)}), r"h\.2\.ln_1\.bias \(12,\) is one too many"),
        (
            lambda t: transpose(t, "h.0.attn.c_attn.weight"),
            r"h\.0\.attn\.c_attn\.weight is \(36, 12\), expected \(12, 36\): transposed, .* save_pretrained",
        ),
        (lambda t: transpose(t, "wte.weight"), r"wte\.weight is \(12, 23\), expected \(23, 12\): transposed"),
        (
            lambda t: t.update({"wte.weight": t["wte.weight"][:20]}),
            r"wte\.weight is \(20, 12\), expected \(23, 12\): 3 too few in the first axis",
        ),
        (
            lambda t: t.update({"wpe.weight": torch.ones(14, 12)}),
            r"wpe\.weight is \(14, 12\), expected \(13, 12\): 1 too many in the first axis",
        ),
        (lambda t: t.update({"wpe.weight": torch.ones(13)}), r"wpe\.weight is \(13,\), expected \(13, 12\)$"),
        (
            lambda t: t.update({"ln_f.bias": torch.ones(12, dtype=torch.int8)}),
            "ln_f.bias holds I8, expected one of F64, F32, F16, BF16",
        ),
        (lambda t: set_number(t, "h.0.ln_2.weight", NAN), r"h\.0\.ln_2\.weight: 1 of 12 are NaN or infinite"),
        (lambda t: set_number(t, "h.1.mlp.c_fc.weight", INF), r"h\.1\.mlp\.c_fc\.weight: 1 of 576 are NaN"),
        (lambda t: t["wte.weight"].fill_(NAN), r"wte\.weight: 276 of 276 are NaN"),
        (lambda t: t.update({"lm_head.weight": t["wte.weight"] + 1}), "lm_head.weight is not wte.weight, .* untied"),
        (lambda t: t.update({"lm_head.weight": torch.ones(12, 23)}), r"lm_head\.weight is \(12, 23\), expected"),
    ],
)
def test_each_tensor_that_does_not_fit_is_named(model, folder, spoil, complaint):
    tensors = to_official(model)
    spoil(tensors)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ValueError, match=rf"(?m){complaint}") as caught:
        load_pretrained(folder)
    assert str(folder) in str(caught.value)


def test_up_to_ten_problems_are_named_at_once(model, folder):
    tensors = {name: tensor for name, tensor in to_official(model).items() if not name.startswith("h.1.")}
    save_file({**tensors, "extra": torch.ones(1)}, folder / "model.safetensors")
    with pytest.raises(ValueError, match="13 problems") as caught:
        load_pretrained(folder)
    lines = str(caught.value).splitlines()
    assert sum(line.startswith("- h.1.") for line in lines) == 10
    assert "- and 3 more" in lines
    assert lines[-1].endswith("fetch or save both again")


def test_a_file_of_linear_layers_as_pytorch_saves_them_is_told_what_it_is(model, folder):
    save_file({name: tensor.clone() for name, tensor in model.state_dict().items()}, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"6 problems") as caught:
        load_pretrained(folder)
    oblong = [name for name in model.state_dict() if is_conv1d(name) and "attn.c_proj" not in name]
    assert len(oblong) == 6
    for name in oblong:
        assert f"{name} is" in str(caught.value)


@settings(deadline=None, max_examples=40)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_off_anywhere_is_noticed(tmp_path_factory, share):
    folder = tmp_path_factory.mktemp("cut")
    save_pretrained(GPT(CONFIG), folder)
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"model\.safetensors is torn or no safetensors file .* copy or download it"):
        load_pretrained(folder)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "torn or no safetensors file"),
        (b"<!DOCTYPE html><html>Not found</html>", "torn or no safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 548105171\n", "run `git lfs pull`"),
        (b"\x80\x04\x95\x10\x00\x00\x00", "a pickle file, and opening a pickle can run any program"),
    ],
)
def test_what_only_bears_the_name_of_a_model_is_told_what_it_is(folder, content, complaint):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=complaint):
        load_pretrained(folder)


def test_a_pickle_is_refused_whatever_its_name(model, folder, tmp_path):
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    for path in (folder, folder / "pytorch_model.bin"):
        with pytest.raises(ValueError, match=r"a pickle file, .* let transformers write one"):
            load_pretrained(path)
    (folder / "pytorch_model.bin").rename(folder / "model.safetensors")
    with pytest.raises(ValueError, match="a pickle file"):
        load_pretrained(folder)


def test_a_safetensors_file_beside_a_pickle_is_taken(model, folder):
    (folder / "pytorch_model.bin").write_bytes(b"\x80 never opened")
    same_weights(load_pretrained(folder), model)


def test_a_folder_that_is_no_model_is_told_what_it_is(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match=r"is no model: it needs config\.json and model\.safetensors, and is empty"):
        load_pretrained(empty)
    (empty / "notes.txt").write_text("")
    with pytest.raises(ValueError, match=r"and holds notes\.txt"):
        load_pretrained(empty)
    with pytest.raises(ValueError, match="which are in the folder model below it: give that one"):
        load_pretrained(tmp_path)
    (folder / "config.json").unlink()
    with pytest.raises(ValueError, match=r"has model\.safetensors but no config\.json"):
        load_pretrained(folder)


@pytest.mark.parametrize("content", ["", "{", "[1]", '"gpt2"'])
def test_a_config_that_is_no_json_object_is_named(folder, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(ValueError, match=r"config\.json (is torn or no JSON|holds a (list|str), no JSON object)"):
        load_pretrained(folder)


def test_the_checkpoints_of_a_run_are_told_apart_from_models(model, tmp_path):
    path = save_checkpoint(tmp_path, 7, dict(model.state_dict()), {})
    for given_path in (path, tmp_path):
        with pytest.raises(ValueError, match=r"training run.* minigpt.training.checkpoints.load_latest"):
            load_pretrained(given_path)


def test_a_file_that_is_no_gpt2_is_told_what_it_holds(tmp_path):
    save_file({"encoder.weight": torch.ones(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"is no GPT-2: it needs wte\.weight.* and holds encoder\.weight"):
        load_pretrained(tmp_path / "other.safetensors")


@pytest.mark.parametrize("path", [Path("nowhere"), "/nowhere", "a/b/nowhere", "gpt5", "model.safetensors"])
def test_a_path_that_is_not_there_says_what_could_be(path):
    complaint = rf"there is no file or folder {re.escape(str(Path(path).absolute()))}: .* \(gpt2, gpt2-medium"
    with pytest.raises(FileNotFoundError, match=complaint):
        load_pretrained(path)


def test_whole_numbers_are_no_format_for_weights(folder):
    with pytest.raises(ValueError, match=r"dtype=torch\.int8: weights are floating-point numbers"):
        load_pretrained(folder, dtype=torch.int8)
