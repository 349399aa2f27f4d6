import errno
import logging

import pytest
import torch
from safetensors.torch import save_file

from minigpt.training import checkpoints
from minigpt.training.checkpoints import checkpoint_files, load_checkpoint, load_latest, save_checkpoint


def tensors(value: float) -> dict[str, torch.Tensor]:
    return {"model.w": torch.full((3, 5), value), "model.half": torch.ones(2, dtype=torch.bfloat16)}


def test_what_is_saved_comes_back_to_the_bit(tmp_path):
    path = save_checkpoint(tmp_path, 7, tensors(0.1), {"note": "ç"})
    loaded, meta = load_checkpoint(path)
    assert meta == {"note": "ç", "step": 7}
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors(0.1).items())
    assert loaded["model.half"].dtype == torch.bfloat16


def test_the_last_two_are_kept(tmp_path):
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, tensors(step), {})
    assert [path.name for path in checkpoint_files(tmp_path)] == [
        "step-00000002.safetensors",
        "step-00000003.safetensors",
    ]


def test_a_torn_checkpoint_is_named_and_the_one_before_it_used(tmp_path, caplog):
    save_checkpoint(tmp_path, 1, tensors(1), {})
    path = save_checkpoint(tmp_path, 2, tensors(2), {})
    whole = path.read_bytes()
    for n_bytes in (0, 5, 100, len(whole) - 1):
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(ValueError, match=r"step-00000002.*delete it"):
            load_checkpoint(path)
    with caplog.at_level(logging.WARNING):
        found = load_latest(tmp_path)
    assert found is not None
    assert found[1]["step"] == 1
    assert "step-00000002" in caplog.text


def test_a_flipped_bit_is_found(tmp_path):
    path = save_checkpoint(tmp_path, 2, tensors(2), {})
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="has changed since it was written"):
        load_checkpoint(path)


def test_a_foreign_file_is_told_apart(tmp_path):
    path = tmp_path / "step-00000001.safetensors"
    save_file({"w": torch.ones(2)}, path)
    with pytest.raises(ValueError, match="no checkpoint of a run"):
        load_checkpoint(path)
    with pytest.raises(ValueError, match="none of the 1 checkpoints"):
        load_latest(tmp_path)


def test_an_empty_folder_has_no_checkpoint(tmp_path):
    assert load_latest(tmp_path) is None


def test_a_full_disk_leaves_the_last_checkpoint_whole_and_says_so(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, 1, tensors(1), {})

    def disk_is_full(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", disk_is_full)
    with pytest.raises(OSError, match=r"make room.*step-00000001\.safetensors, is whole") as caught:
        save_checkpoint(tmp_path, 2, tensors(2), {})
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001.safetensors"]
