"""The first cell of a notebook, guesses, and what is remembered of them."""

import json
import logging
import random
import stat
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch

from minigpt import course, doctor
from minigpt.course import machine
from minigpt.course.exercises import find
from minigpt.course.progress import home, note_guess, read, stored_guess
from minigpt.views.figures import STYLE

PASS = find("05.mask").reference


@pytest.fixture(autouse=True)
def clean_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    for name in ("MINIGPT_STATIC", "MINIGPT_FAST", "MINIGPT_PROGRESS"):
        monkeypatch.delenv(name, raising=False)
    with matplotlib.rc_context():
        yield


@pytest.fixture
def with_gpu(monkeypatch):
    monkeypatch.setattr(machine, "doctor_device", lambda: ("cuda", "A Large GPU, 80 GB"))


# ---- start


def test_start_seeds_all_three_sources_of_random_numbers():
    course.start("05", seed=7)
    first = random.random(), np.random.rand(), torch.rand(1).item()
    course.start("05", seed=7)
    assert (random.random(), np.random.rand(), torch.rand(1).item()) == first
    course.start("05")
    assert (random.random(), np.random.rand(), torch.rand(1).item()) != first


def test_start_says_in_one_line_what_computes_and_returns_nothing(capsys):
    assert course.start("05") is None
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert line.startswith("Notebook 05. Random numbers start from seed 0. This machine: ")
    assert f"{doctor.n_cores()} cores" in line
    assert " GB of memory" in line


def test_in_static_mode_all_machines_say_and_compute_the_same(capsys, monkeypatch, with_gpu):
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    course.start("05")
    assert capsys.readouterr().out == ("Notebook 05. Random numbers start from seed 0. Everything runs on the CPU.\n")
    assert course.device() == torch.device("cpu")
    assert course.budget(300, gpu=3000) == 300


def test_start_gives_figures_the_courses_look():
    course.start("05")
    assert matplotlib.rcParams["svg.hashsalt"] == STYLE["svg.hashsalt"]


def test_a_number_of_no_notebook_is_refused():
    with pytest.raises(ValueError, match=r'e\.g\. course\.start\("05"\)'):
        course.start("5")


def test_budgets_fit_the_machine(with_gpu, monkeypatch):
    assert course.budget(300, gpu=3000, fast=5) == 3000
    assert course.budget(300) == 300
    monkeypatch.setenv("MINIGPT_FAST", "1")
    assert course.budget(300, gpu=3000, fast=5) == 5
    assert course.budget(300, gpu=3000) == 3000


def test_a_budget_skips_nothing():
    with pytest.raises(ValueError, match="at least 1"):
        course.budget(300, fast=0)


def test_fast_mode_is_announced(monkeypatch, capsys):
    monkeypatch.setenv("MINIGPT_FAST", "1")
    course.start("05")
    assert "MINIGPT_FAST=1: training is cut short" in capsys.readouterr().out


# ---- progress


def test_checks_are_counted_and_once_passed_stays_passed():
    course.check("05.mask", ...)
    assert not (home() / "progress.json").exists(), "a stub is no attempt"
    course.check("05.mask", lambda queries, keys: 0)
    assert read()["exercises"] == {"05.mask": {"checks": 1, "passed": False}}
    course.check("05.mask", PASS)
    course.check("05.mask", lambda queries, keys: 0)
    assert read()["exercises"] == {"05.mask": {"checks": 3, "passed": True}}


def test_progress_is_shown_as_a_table():
    course.check("05.mask", PASS)
    course.check("05.row", lambda q, k: 0)
    table = course.progress()
    rows = {row[0]: row for row in table.rows}
    assert "✓ passed" in rows["05.mask"]
    assert "… tried" in rows["05.row"]
    assert "○ not started" in rows["08.mlp"]
    assert repr(table).startswith(f"1 of {len(table.rows)} exercises passed. Guesses made: 0.")
    assert ">1 of " in table._repr_html_()
    assert ">✓ passed</td>" in table._repr_html_()


@pytest.mark.parametrize(("name", "value"), [("MINIGPT_PROGRESS", "0"), ("MINIGPT_STATIC", "1")])
def test_nothing_is_kept_or_shown_when_so_asked(name, value, monkeypatch):
    course.check("05.mask", PASS)
    note_guess("05.g1", 1)
    before = (home() / "progress.json").read_text()
    monkeypatch.setenv(name, value)
    assert course.check("05.row", find("05.row").reference).passed
    note_guess("05.g1", 0)
    assert (home() / "progress.json").read_text() == before
    assert stored_guess("05.g1") is None
    assert repr(course.progress()).startswith("0 of ")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"exercises": {',
        b"[1]",
        b"\xff\xfe",
        b'{"exercises": {"05.row": 3}, "guesses": {}}',
        b'{"exercises": {}}',
    ],
)
def test_a_file_that_cannot_be_understood_is_set_aside_not_lost(content, caplog):
    home().mkdir()
    for n in (1, 2):
        (home() / "progress.json").write_bytes(content)
        assert read() == {"exercises": {}, "guesses": {}}
        assert (home() / f"progress.damaged-{n}.json").read_bytes() == content
    assert "is kept as progress.damaged-1.json" in caplog.text
    course.check("05.mask", PASS)
    assert read()["exercises"]["05.mask"]["passed"]


def test_the_file_is_replaced_as_a_whole_and_leaves_nothing_beside_it():
    for _ in range(3):
        course.check("05.mask", PASS)
    assert [path.name for path in home().iterdir()] == ["progress.json"]
    assert set(json.loads((home() / "progress.json").read_text())) == {"exercises", "guesses"}


@pytest.mark.parametrize("place", ["a file", "read only"])
def test_a_check_works_where_nothing_can_be_stored(place, tmp_path, monkeypatch, caplog):
    folder = tmp_path / "no place"
    if place == "a file":
        folder.write_text("")
    else:
        folder.mkdir()
        monkeypatch.setattr("os.replace", refuse)
    monkeypatch.setenv("MINIGPT_HOME", str(folder / "deeper" if place == "a file" else folder))
    with caplog.at_level(logging.WARNING):
        assert course.check("05.mask", PASS).passed
    assert "progress" in caplog.text
    assert not folder.is_dir() or not list(folder.iterdir())


def refuse(*arguments):
    raise PermissionError(stat.S_IRUSR, "read only")


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_DATA_HOME": "/data"}, Path("/data/minigpt")),
        ("linux", {}, Path("/home/ana/.local/share/minigpt")),
        ("darwin", {}, Path("/home/ana/Library/Application Support/minigpt")),
        ("win32", {"LOCALAPPDATA": "/local"}, Path("/local/minigpt")),
        ("win32", {}, Path("/home/ana/AppData/Local/minigpt")),
        ("linux", {"MINIGPT_HOME": "/mine"}, Path("/mine")),
    ],
)
def test_progress_lies_where_the_system_keeps_such_data(platform, variables, expected, monkeypatch):
    for name in ("MINIGPT_HOME", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", classmethod(lambda cls: cls("/home/ana")))
    assert home() == expected


# ---- guesses


def test_a_guess_is_kept_and_comes_back():
    question = ("05.g1", "Which is larger?", ["this", "that"], 1)
    view = course.guess(*question, why="It has more.")
    assert (view.guess, view.answer, view.why) == (None, 1, "It has more.")
    view.guess = 0
    assert course.guess(*question).guess == 0
    assert "Guesses made: 1." in repr(course.progress())


def test_a_number_is_guessed_and_comes_back():
    view = course.guess_number("01.g2", "How many letters?", 26, unit="letters", within=0.2)
    view.guess = 30.0
    assert course.guess_number("01.g2", "How many letters?", 26, unit="letters").guess == 30


def test_in_static_mode_a_guess_is_a_question_with_its_answer_folded(monkeypatch):
    note_guess("05.g1", 0)
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    view = course.guess("05.g1", "Which?", ["this", "that"], answer=1)
    assert view.guess is None
    page = view._repr_mimebundle_()["text/html"]
    assert "<summary>Answer</summary><p>that." in page
