"""Saved models are there whole or not at all; the models that come with the course."""

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from small_models import IDS, close, randomised, rounded, same_weights
from transformers import GPT2LMHeadModel

from minigpt import assets
from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.text.tokenizers import BPETokenizer, CharTokenizer
from minigpt.weights import load_pretrained, load_shipped, save_pretrained, save_shipped


def test_saving_over_a_model_replaces_it(model, folder):
    (folder / "notes.txt").write_text("mine")
    other = randomised(GPT(GPTConfig.named("tiny", n_layer=1)))
    save_pretrained(other, folder)
    same_weights(load_pretrained(folder), other)
    assert sorted(file.name for file in folder.iterdir()) == ["config.json", "model.safetensors", "notes.txt"]


def test_saving_keeps_the_models_number_format_and_leaves_the_model_alone(model, tmp_path):
    before = {name: p.clone() for name, p in model.to(torch.bfloat16).named_parameters()}
    save_pretrained(model, tmp_path)
    assert all(torch.equal(p, before[name]) and p.dtype == torch.bfloat16 for name, p in model.named_parameters())
    same_weights(load_pretrained(tmp_path, dtype=torch.bfloat16), model)
    assert json.loads((tmp_path / "config.json").read_text())["torch_dtype"] == "bfloat16"


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_whoever_may_read_the_config_may_read_the_weights(folder):
    assert (folder / "model.safetensors").stat().st_mode == (folder / "config.json").stat().st_mode


@pytest.mark.parametrize(
    ("spoil", "dtype", "complaint"),
    [
        (lambda p: p.fill_(float("nan")), None, r"ln_f\.bias: 12 of 12 are NaN or infinite"),
        (lambda p: p[:2].fill_(1e5), torch.float16, r"(?s)ln_f\.bias: 2 of 12 .* torch\.float16 is too small"),
    ],
)
def test_weights_that_are_no_numbers_are_not_saved(model, tmp_path, spoil, dtype, complaint):
    spoil(model.ln_f.bias.data)
    with pytest.raises(ValueError, match=complaint):
        save_pretrained(model, tmp_path / "new", dtype)
    assert not (tmp_path / "new").exists()


def content(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_disk_that_is_full_leaves_everything_as_it_was(model, folder, tmp_path):
    resource = pytest.importorskip("resource", reason="only Unix can limit the size of a file")
    before, limits = content(folder), resource.getrlimit(resource.RLIMIT_FSIZE)
    big = GPT(GPTConfig.named("tiny"))
    for place in (folder, tmp_path / "new"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # as good as a full disk after 100 kB
        try:
            with pytest.raises(OSError, match=r"could not be written .* MB are free there.* untouched") as caught:
                save_pretrained(big, place)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert caught.value.errno == errno.EFBIG
        assert caught.value.filename == str(place)
    assert content(folder) == before
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_saving_that_is_broken_off_leaves_everything_as_it_was(monkeypatch, model, folder, tmp_path, error):
    def half_written(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise error

    before = content(folder)
    monkeypatch.setattr("minigpt.weights.save.save_file", half_written)
    for place in (folder, tmp_path / "new"):
        with pytest.raises(type(error)) as caught:
            save_pretrained(model, place)
        assert getattr(caught.value, "errno", None) == getattr(error, "errno", None)
    assert content(folder) == before
    assert not (tmp_path / "new").exists()


def test_a_file_in_the_place_of_the_folder_is_not_overwritten(model, tmp_path):
    place = tmp_path / "taken"
    place.write_text("mine")
    with pytest.raises(FileExistsError, match="choose another folder"):
        save_pretrained(model, place)
    assert place.read_text() == "mine"


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    """An assets folder of the test's own; returns where its checkpoints go."""
    for module in ("assets", "weights.load", "weights.shipped"):
        monkeypatch.setattr(f"minigpt.{module}.ASSETS", tmp_path / "assets")
    return tmp_path / "assets/checkpoints"


TOKENIZER = CharTokenizer("abcdefghijklmnopqrstuvw")


def test_a_shipped_model_comes_with_its_tokenizer_and_card(model, shelf):
    save_shipped(model, TOKENIZER, shelf / "story", card="# The story model\nTrained on stories.")
    loaded, tokenizer = load_shipped("story")
    same_weights(loaded, rounded(model, torch.float16))
    assert tokenizer.encode("abw") == [0, 1, 22]
    card = (shelf / "story/README.md").read_text(encoding="utf-8")
    assert card.startswith("# The story model\nTrained on stories.\n\n## Files\nA GPT-2 of ")
    assert f"{model.n_params():,} parameters: 2 blocks, 3 heads, width 12, context 13, vocabulary 23" in card
    check_card(shelf / "story")
    assert sorted(content(shelf / "story")) == ["README.md", "config.json", "model.safetensors", "tokenizer.json"]


def check_card(folder):
    card = (folder / "README.md").read_text(encoding="utf-8")
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        data = (folder / name).read_bytes()
        assert f"| {name} | {len(data):,} | {hashlib.sha256(data).hexdigest()} |" in card


@torch.no_grad()
def test_the_shipped_folder_loads_in_transformers_too(model, shelf):
    tokenizer = BPETokenizer.train("the cat sat on the mat, the cat sat on the hat", 260)
    model = randomised(GPT(GPTConfig(n_vocab=260, n_ctx=13, n_embd=12, n_head=3, n_layer=2)))
    save_shipped(model, tokenizer, shelf / "story")
    theirs = GPT2LMHeadModel.from_pretrained(shelf / "story", dtype=torch.float32)
    close(theirs(IDS).logits, load_shipped()[0](IDS), 1e-5)
    assert theirs.config.eos_token_id == tokenizer.end_of_text == 259


def test_a_tokenizer_of_another_size_is_refused_both_ways(model, shelf):
    with pytest.raises(ValueError, match="the tokenizer has 2 tokens and the model n_vocab=23: they belong together"):
        save_shipped(model, CharTokenizer("ab"), shelf / "story")
    assert not (shelf / "story").exists()
    save_shipped(model, TOKENIZER, shelf / "story")
    CharTokenizer("ab").save(shelf / "story/tokenizer.json")
    with pytest.raises(ValueError, match="the tokenizer has 2 tokens"):
        load_shipped()


def test_names_that_do_not_fit_are_told_which_do(model, shelf):
    with pytest.raises(FileNotFoundError, match=r"restore it with `git checkout assets/checkpoints/story`"):
        load_shipped()
    save_shipped(model, TOKENIZER, shelf / "story")
    with pytest.raises(ValueError, match="no model 'poem' comes with the course, only story"):
        load_shipped("poem")
    with pytest.raises(ValueError, match="'story' comes with the course: load_shipped"):
        load_pretrained("story")


@pytest.mark.parametrize("folder", sorted(file.parent for file in assets.ASSETS.glob("checkpoints/*/config.json")))
def test_what_is_shipped_is_what_its_card_says_and_loads(folder):
    check_card(folder)
    model, tokenizer = load_shipped(folder.name)
    ids = torch.tensor([tokenizer.encode("Once upon a time")])
    assert model.loss(ids[:, :-1], ids[:, 1:]).item() < 0.7 * torch.tensor(tokenizer.n_vocab).log().item()
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert file.get_slice("wte.weight").get_dtype() == "F16"
