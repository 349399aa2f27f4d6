"""Several processes train as one does: the same losses, the same checkpoints, and nothing lost when one is killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from minigpt.training import distributed
from minigpt.training.telemetry import read_telemetry

PROGRAM = Path(__file__).parent / "support" / "train_together.py"


def torchrun(n: int, folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess:
    """Train the tests' small model in n processes on this machine."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={n}", *options]
    command = command if n > 1 else [sys.executable]
    return subprocess.run(
        [*command, str(PROGRAM), str(folder)],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


def losses(folder: Path) -> list[float]:
    return [record["loss"] for record in read_telemetry(folder / "telemetry.jsonl")]


def valid_losses(folder: Path) -> list[float]:
    return [r["valid_loss"] for r in read_telemetry(folder / "telemetry.jsonl") if "valid_loss" in r]


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    assert torchrun(1, folder).returncode == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("n", "way", "most"), [(2, "ddp", 20), (4, "ddp", 9999), (2, "fsdp", 9999), (4, "fsdp", 20)])
def test_n_processes_print_the_losses_of_one_and_leave_its_checkpoint(n, way, most, alone, tmp_path):
    """With the loss in one piece and, where there are more than `most` logits, in chunks."""
    done = torchrun(n, tmp_path, PARALLEL=way, MOST_LOGITS=str(most))
    assert done.returncode == 0, done.stderr[-2000:]
    assert losses(tmp_path) == pytest.approx(losses(alone), abs=1e-6)
    assert valid_losses(tmp_path) == pytest.approx(valid_losses(alone), abs=1e-6)
    files = [sorted(folder.glob("step-*.safetensors"))[-1] for folder in (tmp_path, alone)]
    assert files[0].name == files[1].name
    ours, one = map(load_file, files)
    assert {name: tensor.shape for name, tensor in ours.items()} == {name: t.shape for name, t in one.items()}
    for name, tensor in one.items():
        torch.testing.assert_close(ours[name], tensor, atol=1e-5, rtol=1e-3, msg=lambda text, name=name: name + text)


@pytest.mark.slow
def test_a_run_of_four_goes_on_in_two_and_then_alone(alone, tmp_path):
    """Checkpoints know nothing of the number of processes."""
    for n, way, stop in ((4, "fsdp", "3"), (2, "ddp", "5"), (1, "ddp", "")):
        done = torchrun(n, tmp_path, PARALLEL=way, STOP=stop)
        assert done.returncode == 0, done.stderr[-2000:]
    assert losses(tmp_path) == pytest.approx(losses(alone), abs=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_worker_that_is_killed_is_started_again_and_the_run_goes_on(alone, tmp_path):
    done = torchrun(2, tmp_path, "--max-restarts=1", KILL_AT="4", KILLED=str(tmp_path / "killed"))
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "killed").exists(), "nobody was killed: the test tests nothing"
    assert losses(tmp_path) == pytest.approx(losses(alone), abs=1e-6)
    assert [record["step"] for record in read_telemetry(tmp_path / "telemetry.jsonl")] == list(range(8))


def test_one_process_alone_has_all_rows_and_its_own_mean():
    rows = torch.arange(6).view(3, 2)
    assert torch.equal(distributed.share(rows), rows)
    assert (distributed.rank(), distributed.count()) == (0, 1)
    assert distributed.mean(0.25) == 0.25
    assert distributed.anywhere(True)
    assert not distributed.anywhere(False)


def test_rows_that_cannot_be_shared_equally_are_refused(monkeypatch):
    monkeypatch.setattr(distributed, "count", lambda: 4)
    with pytest.raises(ValueError, match=r"a batch of 6 rows cannot be shared out to 4 processes.*such as 8"):
        distributed.share(torch.zeros(6, 2))


def test_rows_of_all_processes_together_are_the_batch(monkeypatch):
    rows = torch.arange(8).view(8, 1)
    monkeypatch.setattr(distributed, "count", lambda: 4)
    parts = []
    for rank in range(4):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        parts.append(distributed.share(rows))
    assert sorted(torch.cat(parts).flatten().tolist()) == list(range(8))
    assert [part.flatten().tolist() for part in parts] == [[0, 4], [1, 5], [2, 6], [3, 7]]
