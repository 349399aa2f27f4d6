"""Weights from folders, shards, lone files and the hub."""

import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file
from small_models import CONFIG, IDS, close, same_weights, transformers_model

from minigpt.config import GPTConfig
from minigpt.weights import load_pretrained, save_pretrained
from minigpt.weights.official import (
    guess_config,
    official_shapes,
    to_official,
)


def test_a_loaded_model_is_ready_for_use_and_for_training(folder):
    loaded = load_pretrained(str(folder))
    assert not loaded.training
    loaded.train()
    loaded.loss(IDS, IDS).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in loaded.parameters())


@pytest.mark.slow
def test_loading_does_not_wait_for_pytorchs_compiler(folder):
    """Drawing or copying on the meta device imports it with all of sympy: one to two seconds before the first word."""
    program = f"import sys, minigpt.weights as w; w.load_pretrained({str(folder)!r}); print('sympy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert run.stdout.strip() == "False", run.stderr


def test_loaded_weights_do_not_depend_on_the_file_any_more(folder, model):
    loaded = load_pretrained(folder)
    path = folder / "model.safetensors"
    path.write_bytes(bytes(path.stat().st_size))
    same_weights(loaded, model)


def test_prefix_head_and_mask_buffers_change_nothing(model, folder):
    tensors = {f"transformer.{name}": tensor for name, tensor in to_official(model).items()}
    tensors["lm_head.weight"] = model.wte.weight.detach().clone()
    for i in range(2):
        tensors[f"transformer.h.{i}.attn.bias"] = torch.ones(1, 1, 13, 13).tril()
        tensors[f"transformer.h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(tensors, folder / "model.safetensors")
    same_weights(load_pretrained(folder), model)


def test_shards_are_read_through_their_index(tmp_path):
    theirs = transformers_model()
    theirs.save_pretrained(tmp_path, max_shard_size="8KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    close(load_pretrained(tmp_path)(IDS), theirs(IDS).logits, 1e-5)
    shards[0].unlink()
    with pytest.raises(FileNotFoundError, match=f"lacks {shards[0].name}, which model.safetensors.index.json names"):
        load_pretrained(tmp_path)
    for content in ("{}", '{"weight_map": ["a"]}', '{"weight_map": {"wte.weight": 1}}'):
        (tmp_path / "model.safetensors.index.json").write_text(content)
        with pytest.raises(ValueError, match="has no weight_map of names"):
            load_pretrained(tmp_path)


def test_a_tensor_that_comes_twice_is_refused(model, folder):
    tensors = to_official(model)
    save_file({**tensors, "transformer.wpe.weight": tensors["wpe.weight"].clone()}, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"holds wpe\.weight, which came before"):
        load_pretrained(folder)


def test_a_lone_file_finds_its_config_in_its_header_beside_it_or_in_the_call(model, folder, tmp_path):
    alone = tmp_path / "alone" / "any name.safetensors"
    alone.parent.mkdir()
    shutil.copy(folder / "model.safetensors", alone)
    same_weights(load_pretrained(alone), model)
    save_file(to_official(model), alone)  # without our header
    same_weights(load_pretrained(alone, config=CONFIG), model)
    with pytest.raises(ValueError, match=r"n_embd=12 and n_layer=2, which is no published size.* config=GPTConfig"):
        load_pretrained(alone)
    shutil.copy(folder / "config.json", alone.parent)
    same_weights(load_pretrained(alone), model)


@pytest.mark.parametrize("size", ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"])
def test_bare_tensors_of_a_published_size_need_no_config(size):
    assert guess_config(official_shapes(GPTConfig.named(size)), "file") == GPTConfig.named(size)


@pytest.fixture
def no_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("MINIGPT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_name_is_fetched_from_the_hub_by_its_repository(monkeypatch, no_cache, model, folder):
    asked = []

    def snapshot_download(repository, allow_patterns):
        asked.append((repository, allow_patterns))
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    for name in ("gpt2", "gpt2-xl", "somebody/some-gpt2"):
        same_weights(load_pretrained(name), model)
    wanted = ["config.json", "model*.safetensors*"]
    assert asked == [
        (name, wanted) for name in ("openai-community/gpt2", "openai-community/gpt2-xl", "somebody/some-gpt2")
    ]


def test_without_a_connection_the_error_says_what_to_fetch_and_where_to_put_it(monkeypatch, no_cache, model):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(no_cache / "hub"))
    with pytest.raises(ConnectionError) as caught:
        load_pretrained("gpt2")
    message = str(caught.value)
    assert "fetch config.json and model.safetensors from https://huggingface.co/openai-community/gpt2" in message
    place = no_cache / "gpt2"
    assert message.endswith(f"and put them into {place}")
    save_pretrained(model, place)  # put there, the same call works
    same_weights(load_pretrained("gpt2"), model)


def test_without_huggingface_hub_the_error_says_what_to_install(monkeypatch, no_cache):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"pip install huggingface_hub; or fetch config\.json and model\.safetensors"):
        load_pretrained("gpt2-medium")
