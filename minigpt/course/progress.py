"""What the reader has tried, solved and guessed: one small JSON file of theirs, on this machine only.

It lies in MINIGPT_HOME, or where the system keeps such data. MINIGPT_PROGRESS=0 keeps nothing; neither does static
mode, in which notebooks are executed for a page. The file holds ids of exercises and guesses and no code.
"""

import contextlib
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from minigpt.course import show
from minigpt.course.exercises import all_exercises

log = logging.getLogger(__name__)


def home() -> Path:
    """The folder of this reader's data."""
    if folder := os.environ.get("MINIGPT_HOME"):
        return Path(folder)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "minigpt"


def is_kept() -> bool:
    """Whether anything is stored."""
    return os.environ.get("MINIGPT_PROGRESS") != "0" and os.environ.get("MINIGPT_STATIC") != "1"


def note_check(exercise_id: str, passed: bool) -> None:
    """Remember that an exercise was checked. Once passed, it stays passed."""
    kept = read()
    entry = kept["exercises"].setdefault(exercise_id, {"checks": 0, "passed": False})
    entry["checks"] += 1
    entry["passed"] = entry["passed"] or passed
    write(kept)


def note_guess(key: str, guess: Any) -> None:
    """Remember a guess; a later one takes its place."""
    kept = read()
    kept["guesses"][key] = guess
    write(kept)


def stored_guess(key: str) -> Any:
    """What was guessed before, or None."""
    return read()["guesses"].get(key)


def read() -> dict[str, dict[str, Any]]:
    """What is kept; nothing when nothing is. A file that cannot be understood is set aside, not lost."""
    empty: dict[str, dict[str, Any]] = {"exercises": {}, "guesses": {}}
    if not is_kept():
        return empty
    path = home() / "progress.json"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return empty
    except UnicodeDecodeError:
        text = ""
    except OSError as error:
        log.warning("your progress cannot be read: %s", error)
        return empty
    try:
        kept = json.loads(text)
        exercises = {
            id: {"checks": int(entry["checks"]), "passed": bool(entry["passed"])}
            for id, entry in kept["exercises"].items()
        }
        return {"exercises": exercises, "guesses": dict(kept["guesses"])}
    except (ValueError, LookupError, TypeError, AttributeError):
        set_aside(path)
        return empty


def set_aside(path: Path) -> None:
    """Rename to the first free name."""
    n = 1
    while (aside := path.with_name(f"progress.damaged-{n}.json")).exists():
        n += 1
    try:
        os.replace(path, aside)
        log.warning("%s could not be understood: it is kept as %s, and a new one is begun", path, aside.name)
    except OSError as error:
        log.warning("%s could not be understood, nor set aside: %s", path, error)


def write(kept: dict[str, dict[str, Any]]) -> None:
    """Replace the file as a whole. An exercise must not fail because the disk is full: that is logged only."""
    if not is_kept():
        return
    path = home() / "progress.json"
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        log.warning("your progress could not be stored: %s", error)
        with contextlib.suppress(OSError):
            part.unlink()


class Progress:
    """A table of all exercises with what the reader has done about them."""

    def __init__(self):
        kept = read()
        self.rows: list[tuple[str, ...]] = []
        for exercise in all_exercises().values():
            entry = kept["exercises"].get(exercise.id, {"checks": 0, "passed": False})
            state = "✓ passed" if entry["passed"] else "… tried" if entry["checks"] else "○ not started"
            level = "●" * exercise.difficulty + "○" * (3 - exercise.difficulty)
            self.rows.append((exercise.id, exercise.title, level, f"{exercise.minutes}", state, str(entry["checks"])))
        n_passed = sum(row[4].startswith("✓") for row in self.rows)
        self.caption = f"{n_passed} of {len(self.rows)} exercises passed. Guesses made: {len(kept['guesses'])}."
        if os.environ.get("MINIGPT_PROGRESS") == "0":
            self.caption += " MINIGPT_PROGRESS=0: nothing is kept."

    header = ("exercise", "what", "difficulty", "minutes", "state", "checks")

    def __repr__(self) -> str:
        return show.table_text(self.caption, self.header, self.rows)

    def _repr_html_(self) -> str:
        return show.table_html(self.caption, self.header, self.rows)


def progress() -> Progress:
    """What you have tried, passed and guessed so far, as a table."""
    return Progress()
