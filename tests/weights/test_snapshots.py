"""Snapshots of a run: written one by one, read when they are asked for."""

import pytest
import torch
from small_models import close, rounded, same_weights, small_gpt

from minigpt.text.tokenizers import CharTokenizer
from minigpt.weights import load_pretrained
from minigpt.weights.snapshots import load_snapshots, save_snapshot


@pytest.fixture
def run(tmp_path):
    """A folder with snapshots of steps 0, 5 and 1200, and their models."""
    models = {step: small_gpt() for step in (1200, 0, 5)}
    for step, model in models.items():
        save_snapshot(model, step, tmp_path)
    CharTokenizer("abcdefghijklmnopqrstuvw").save(tmp_path / "tokenizer.json")
    return tmp_path, models


def test_each_snapshot_comes_back_in_half_precision(run):
    folder, models = run
    snapshots = load_snapshots(folder)
    assert snapshots.steps == (0, 5, 1200)
    assert snapshots.tokenizer.n_vocab == 23
    for step, model in models.items():
        same_weights(snapshots.model(step), rounded(model, torch.float16))
        assert not snapshots.model(step).training


def test_a_snapshot_is_an_ordinary_file_that_knows_its_config(run):
    folder, models = run
    model = load_pretrained(folder / "snapshot-000005.safetensors")
    assert model.config == models[5].config
    ids = torch.tensor([[3, 22, 0, 7]])
    close(model(ids), models[5](ids), 0.05)


def test_files_are_read_when_they_are_asked_for(run):
    folder, _ = run
    (folder / "snapshot-000005.safetensors").write_bytes(b"torn")
    snapshots = load_snapshots(folder)
    snapshots.model(0)
    with pytest.raises(ValueError, match="torn or no safetensors file"):
        snapshots.model(5)


def test_a_step_without_a_snapshot_is_told_with_those_that_there_are(run):
    with pytest.raises(ValueError, match="there is no snapshot of step 6: take one of 0, 5, 1200"):
        load_snapshots(run[0]).model(6)


def test_a_folder_without_snapshots_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no snapshots of a run .* give the folder"):
        load_snapshots(tmp_path)
