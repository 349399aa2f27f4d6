"""What this machine has, what the course will do with it, and what to do about each problem.

Shown by `minigpt doctor`. Each check is a function that returns findings; none of them changes anything.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from packaging.requirements import Requirement
from packaging.version import Version

from minigpt.assets import ASSETS

ROOT = Path(__file__).resolve().parents[1]
CHECKSUMS = "SHA256SUMS"
GB = 1e9


@dataclass(frozen=True)
class Finding:
    """One line of the report: `problem` says what is wrong ("" if nothing), `advice` what to do about it."""

    name: str
    value: str
    problem: str = ""
    advice: str = ""
    fatal: bool = False
    """The course cannot run before this is mended."""


def examine() -> list[Finding]:
    """All findings, in reading order. A check that itself fails is a finding too: the others still report."""
    findings = []
    for check in CHECKS:
        try:
            findings += check()
        except Exception as error:
            name = check.__name__.removeprefix("check_")
            findings.append(
                Finding(name, "?", f"the check itself failed: {error!r}", "please report this", fatal=False)
            )
    return findings


def check_python() -> Iterator[Finding]:
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding(
        "Python",
        f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "" if fits else "the course needs Python 3.11, 3.12 or 3.13",
        "" if fits else "install one of them, then `python3.12 course.py lab`",
        fatal=True,
    )


def check_packages() -> Iterator[Finding]:
    """The versions that are here against those of requirements.lock."""
    locked = locked_versions(ROOT / "requirements.lock")
    missing, other = [], []
    for name, version in locked.items():
        try:
            found = Version(importlib.metadata.version(name)).public
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
        else:
            if Version(found) != Version(version):
                other.append(f"{name} {found} (not {version})")
    advice = "run `python course.py lab`, which installs the pinned ones"
    if missing:
        yield Finding("packages", f"{len(missing)} missing", "not installed: " + some(missing), advice, fatal=True)
    elif other:
        yield Finding("packages", f"{len(other)} other than pinned", some(other), advice + ", if something fails")
    else:
        yield Finding("packages", f"{len(locked)} as pinned")


def locked_versions(lock: Path) -> dict[str, str]:
    """Name and version of each package that a reader of the notebooks needs on this platform."""
    study = lock.read_text(encoding="utf-8").split("# Only for the tests:")[0]
    requirements = [Requirement(line) for line in study.splitlines() if line and not line.startswith("#")]
    return {r.name: next(iter(r.specifier)).version for r in requirements if not r.marker or r.marker.evaluate()}


def check_torch() -> Iterator[Finding]:
    advice = "run `python course.py lab`, which installs the build for this machine"
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding("PyTorch", "none", f"cannot be imported: {error}", advice, fatal=True)
        return
    yield Finding("PyTorch", torch.__version__)
    kind, description = device()
    unused = kind == "cpu" and shutil.which("nvidia-smi") is not None
    yield Finding(
        "device",
        description,
        "there is an NVIDIA driver, but this PyTorch does not use it" if unused else "",
        "for the GPU, install the build that PyTorch's own page names for your driver" if unused else "",
    )


def device() -> tuple[str, str]:
    """Kind ("cuda", "mps" or "cpu") and description of what the course computes on."""
    import torch

    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory
        return "cuda", f"{torch.cuda.get_device_name(0)}, {memory / GB:.0f} GB"
    if torch.backends.mps.is_available():
        return "mps", "Apple GPU"
    n = torch.get_num_threads()
    return "cpu", f"CPU, {n} thread{'s' * (n > 1)}"


def n_cores() -> int:
    """Cores that this process may use, which in a container or under a scheduler are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_machine() -> Iterator[Finding]:
    cores, memory, free = n_cores(), psutil.virtual_memory(), shutil.disk_usage(ROOT).free
    yield note("cores", str(cores), cores < 2, "one core only", "it works, at half the speed")
    yield note(
        "memory",
        f"{memory.total / GB:.1f} GB, {memory.available / GB:.1f} GB of it free",
        memory.available < 2 * GB,
        "less than 2 GB free",
        "close other programs and notebooks that you no longer use",
    )
    yield note(
        "disk",
        f"{free / GB:.0f} GB free",
        free < 1 * GB,
        "less than 1 GB free",
        "make room: checkpoints and corpora are kept there",
    )


def note(name: str, value: str, wrong: bool, problem: str, advice: str) -> Finding:
    """A finding with which the course still runs."""
    return Finding(name, value, problem, advice) if wrong else Finding(name, value)


def check_widgets() -> Iterator[Finding]:
    """A widget lives in two halves, a Python package and a JupyterLab extension; if they do not fit, nothing shows."""
    advice = "run `python course.py lab`, then restart JupyterLab and reload the page"
    for owner in ("ipywidgets", "anywidget"):
        for need in map(Requirement, importlib.metadata.requires(owner) or []):
            name = need.name.replace("_", "-")
            if name not in ("ipywidgets", "jupyterlab-widgets", "widgetsnbextension"):
                continue
            found = importlib.metadata.version(name)
            if not need.specifier.contains(found):
                yield Finding(owner, f"with {name} {found}", f"it needs {need}", advice, fatal=True)
    for package, extension in (
        ("jupyterlab_widgets", "@jupyter-widgets/jupyterlab-manager"),
        ("anywidget", "anywidget"),
    ):
        used, shipped = extension_in_use(extension), extension_shipped(package, extension)
        version = importlib.metadata.version(package)
        if used is None:
            yield Finding(package, version, f"JupyterLab has no extension {extension}", advice, fatal=True)
        elif used != shipped:
            problem = f"JupyterLab takes {extension} {used} from another place, the package brings {shipped}"
            yield Finding(
                package, version, problem, "remove the other one (`jupyter labextension list` shows it)", True
            )
        else:
            yield Finding(package, f"{version}, extension {used}")


def extension_in_use(name: str) -> str | None:
    """Version of the first JupyterLab extension of this name on Jupyter's path, which is the one that is loaded."""
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("labextensions"):
        if (file := Path(folder) / name / "package.json").is_file():
            return json.loads(file.read_text(encoding="utf-8"))["version"]
    return None


def extension_shipped(package: str, name: str) -> str | None:
    """Version of the extension among the files that the package installed."""
    for file in importlib.metadata.files(package) or []:
        path = Path(str(file.locate()))
        if file.as_posix().endswith(f"labextensions/{name}/package.json") and path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))["version"]
    return None


def check_assets() -> Iterator[Finding]:
    """Shipped files against their checksums: a torn download or a half-done checkout is told apart from the file."""
    advice = "restore them: `git checkout assets`, or clone again"
    if not (ASSETS / CHECKSUMS).is_file():
        yield Finding("assets", str(ASSETS), f"no {CHECKSUMS} there", advice, fatal=True)
        return
    listed = read_checksums()
    missing = [name for name in listed if not (ASSETS / name).is_file()]
    changed = [name for name in listed if name not in missing and sha256(ASSETS / name) != listed[name]]
    if missing or changed:
        problem = "; ".join(
            f"{word} {some(names)}" for word, names in (("missing:", missing), ("changed:", changed)) if names
        )
        yield Finding("assets", f"{len(listed)} files", problem, advice, fatal=True)
    else:
        yield Finding("assets", f"{len(listed)} files, as shipped")


def read_checksums() -> dict[str, str]:
    lines = (ASSETS / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def write_checksums() -> Path:
    """Write the checksums of all files in assets/, in the format of `sha256sum`, and return the list's path."""
    files = sorted(p for p in ASSETS.rglob("*") if p.is_file() and p.name != CHECKSUMS and not p.name.startswith("."))
    lines = [f"{sha256(path)}  {path.relative_to(ASSETS).as_posix()}\n" for path in files]
    (ASSETS / CHECKSUMS).write_text("".join(lines), encoding="utf-8", newline="\n")
    return ASSETS / CHECKSUMS


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def some(names: list[str], n: int = 4) -> str:
    return ", ".join(names[:n]) + (f" and {len(names) - n} more" if len(names) > n else "")


CHECKS: list[Callable[[], Iterator[Finding]]] = [
    check_python,
    check_packages,
    check_torch,
    check_machine,
    check_widgets,
    check_assets,
]


def plan() -> list[str]:
    """What the course will do on this machine, in sentences."""
    try:
        kind, description = device()
    except ImportError:
        return []
    training = {
        "cuda": "Notebooks train on it; longer runs use more steps and larger models than on a CPU.",
        "mps": "Notebooks train on it where PyTorch supports every step, else on the CPU.",
        "cpu": "Notebooks train small models, none for longer than a minute; nothing is skipped for want of a GPU.",
    }[kind]
    return [
        f"Computing on: {description}. {training}",
        "The network is not needed, except for texts you ask for by name.",
    ]


def report(as_json: bool = False) -> int:
    """Print the report; 1 if the course cannot run, else 0."""
    findings = examine()
    broken = any(finding.problem and finding.fatal for finding in findings)
    if as_json:
        print(json.dumps({"ok": not broken, "findings": [asdict(f) for f in findings], "plan": plan()}, indent=2))
        return int(broken)
    for finding in findings:
        mark = "ok  " if not finding.problem else ("FAIL" if finding.fatal else "note")
        print(f"{mark}  {finding.name:20} {finding.value}")
        if finding.problem:
            print(f"{'':26} {finding.problem}\n{'':26} -> {finding.advice}")
    print("\n" + "\n".join(plan()))
    print("The course cannot run yet: see FAIL above." if broken else "The course can run.")
    return int(broken)
