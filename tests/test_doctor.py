import importlib.metadata
import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from minigpt import doctor
from minigpt.assets import ASSETS


@pytest.fixture(autouse=True)
def shipped(tmp_path, monkeypatch):
    """Assets of two files with their checksums, in a folder that may be broken."""
    monkeypatch.setattr(doctor, "ASSETS", tmp_path)
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "gpt2" / "vocab.bpe").write_bytes(b"a b\n")
    (tmp_path / "model.safetensors").write_bytes(b"\0\1")
    doctor.write_checksums()
    return tmp_path


def problems(check) -> list[doctor.Finding]:
    return [finding for finding in check() if finding.problem]


def fatal(check, words: str) -> bool:
    """Whether a check ends with one fatal problem that names these words, and with advice."""
    (finding,) = problems(check)
    assert words in finding.problem
    assert finding.advice
    return finding.fatal


def test_a_machine_that_is_whole_can_run_the_course(capsys):
    assert doctor.report() == 0
    shown = capsys.readouterr().out
    assert "FAIL" not in shown
    assert "The course can run." in shown


def test_the_report_as_json_says_the_same(capsys, shipped):
    assert doctor.report(as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    (shipped / "model.safetensors").unlink()
    assert doctor.report(as_json=True) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert [f["problem"] for f in report["findings"] if f["fatal"] and f["problem"]] == ["missing: model.safetensors"]


def test_a_changed_a_missing_and_an_unlisted_state_of_the_assets_are_named(shipped):
    assert problems(doctor.check_assets) == []
    (shipped / "gpt2" / "vocab.bpe").write_bytes(b"a b\r\n")
    assert fatal(doctor.check_assets, "changed: gpt2/vocab.bpe")
    (shipped / "gpt2" / "vocab.bpe").unlink()
    assert fatal(doctor.check_assets, "missing: gpt2/vocab.bpe")
    (shipped / doctor.CHECKSUMS).unlink()
    assert fatal(doctor.check_assets, "no SHA256SUMS")


def test_the_checksums_are_those_of_sha256sum(shipped):
    if shutil.which("sha256sum") is None:
        pytest.skip("there is no sha256sum here")
    result = subprocess.run(["sha256sum", "--check", doctor.CHECKSUMS], cwd=shipped, capture_output=True, text=True)
    assert result.stdout == "gpt2/vocab.bpe: OK\nmodel.safetensors: OK\n"


def test_the_committed_checksums_are_those_of_the_committed_files(monkeypatch):
    monkeypatch.setattr(doctor, "ASSETS", ASSETS)
    tracked = subprocess.run(["git", "ls-files", "."], cwd=ASSETS, capture_output=True, text=True, check=True)
    files = {name for name in tracked.stdout.splitlines() if name != doctor.CHECKSUMS}
    wrong = {name for name, digest in doctor.read_checksums().items() if doctor.sha256(ASSETS / name) != digest}
    differ = sorted((files ^ set(doctor.read_checksums())) | wrong)
    assert not differ, f"run `minigpt doctor --write-checksums`: {differ}"


@pytest.mark.parametrize("version", [(3, 10, 0), (3, 14, 0)])
def test_another_python_is_fatal(monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    assert fatal(doctor.check_python, "3.11, 3.12 or 3.13")


def pretend_versions(monkeypatch, **versions):
    """Lets packages have other versions, or none."""
    real = importlib.metadata.version

    def version(name):
        pretended = versions.get(name.replace("-", "_"), real)
        if pretended is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name) if pretended is real else pretended

    monkeypatch.setattr(importlib.metadata, "version", version)


def test_a_missing_package_is_fatal(monkeypatch):
    pretend_versions(monkeypatch, ipywidgets=None)
    assert fatal(doctor.check_packages, "not installed: ipywidgets")


def test_another_version_than_the_pinned_one_is_noted(monkeypatch):
    pretend_versions(monkeypatch, numpy="1.26.0")
    assert not fatal(doctor.check_packages, "numpy 1.26.0 (not ")


def test_a_local_build_of_torch_counts_as_the_pinned_version():
    assert "torch" in doctor.locked_versions(doctor.ROOT / "requirements.lock")
    assert not any("torch" in finding.problem for finding in doctor.check_packages())


def test_halves_of_a_widget_that_do_not_fit_are_fatal(monkeypatch):
    pretend_versions(monkeypatch, jupyterlab_widgets="1.1.0")
    assert fatal(doctor.check_widgets, "jupyterlab_widgets~=3.0")


def test_an_extension_that_jupyterlab_does_not_have_is_fatal(monkeypatch, tmp_path):
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *names: [str(tmp_path / "nowhere")])
    found = problems(doctor.check_widgets)
    assert [finding.fatal for finding in found] == [True, True]
    assert "no extension @jupyter-widgets/jupyterlab-manager" in found[0].problem


def test_an_older_extension_that_hides_the_right_one_is_fatal(monkeypatch, tmp_path):
    from jupyter_core.paths import jupyter_path

    (tmp_path / "anywidget").mkdir()
    (tmp_path / "anywidget" / "package.json").write_text('{"version": "0.1.0"}')
    folders = [str(tmp_path), *jupyter_path("labextensions")]
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *names: folders)
    assert fatal(doctor.check_widgets, "anywidget 0.1.0 from another place")


def test_without_torch_the_report_is_whole_and_the_course_cannot_run(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert fatal(doctor.check_torch, "cannot be imported")
    assert doctor.report() == 1
    assert "disk" in capsys.readouterr().out


def test_a_gpu_that_this_torch_cannot_use_is_noted(monkeypatch):
    monkeypatch.setattr(doctor, "device", lambda: ("cpu", "CPU, 2 threads"))
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    assert not fatal(doctor.check_torch, "NVIDIA driver")


def test_a_small_machine_is_noted_and_not_refused(monkeypatch):
    monkeypatch.setattr(doctor, "n_cores", lambda: 1)
    memory = SimpleNamespace(total=2e9, available=1e9)
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5e8))
    found = problems(doctor.check_machine)
    assert [finding.name for finding in found] == ["cores", "memory", "disk"]
    assert not any(finding.fatal for finding in found)
    assert all(finding.advice for finding in found)


def test_a_check_that_fails_itself_hides_no_other(monkeypatch):
    def check_moon():
        raise RuntimeError("no moon")

    monkeypatch.setattr(doctor, "CHECKS", [check_moon, doctor.check_python])
    moon, python = doctor.examine()
    assert (moon.name, python.name) == ("moon", "Python")
    assert "no moon" in moon.problem
