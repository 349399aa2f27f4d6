"""One run at a time in a folder: two would write over each other's checkpoints and telemetry."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from filelock import FileLock, Timeout  # PyTorch needs it too, so it is wherever one trains

_owners: WeakValueDictionary[Path, Any] = WeakValueDictionary()
"""Which trainer of this process writes to a folder: the one that was made last."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out while this one writes. Raises ValueError where one is there already.

    The operating system holds the lock, so a process that is killed leaves none behind. Locks of one process add up.
    """
    lock = lock_of(folder)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(
            f"another process is training in {folder}: follow it by its telemetry.jsonl, or stop it; for a run of your "
            "own choose another folder"
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_taken(folder: Path) -> bool:
    """Does a trainer write to this folder just now, of this process or of another?"""
    if not (folder / "lock").exists():
        return False
    if lock_of(folder).is_locked:
        return True
    try:
        with FileLock(folder / "lock", timeout=0):  # a lock of its own: the other counts how often it was taken
            return False
    except Timeout:
        return True


def lock_of(folder: Path) -> FileLock:
    """The folder's lock in this process. It is waited for a moment: `is_taken` may be holding it while it looks."""
    return FileLock(folder / "lock", timeout=0.2, thread_local=False, is_singleton=True)


def take(folder: Path, trainer: Any) -> None:
    """From now on this trainer writes to the folder, and no older one of this process."""
    _owners[folder.resolve()] = trainer


def check_owner(folder: Path, trainer: Any) -> None:
    """Raises ValueError where a newer trainer of this process has taken the folder."""
    if _owners.get(folder.resolve()) is not trainer:
        raise ValueError(f"a newer trainer of this program writes to {folder}: go on with that one, this one is behind")
