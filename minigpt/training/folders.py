"""One run at a time in a folder: two would write over each other's checkpoints and telemetry."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from filelock import FileLock, Timeout

_owners: WeakValueDictionary[Path, Any] = WeakValueDictionary()
"""Which trainer of this process writes to a folder: the one that was made last."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out while this one writes. Raises ValueError where one is there already.

    The operating system holds the lock, so a process that is killed leaves none behind. Locks of one process add up.
    """
    lock = FileLock(folder / "lock", timeout=0, thread_local=False, is_singleton=True)
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


def take(folder: Path, trainer: Any) -> None:
    """From now on this trainer writes to the folder, and no older one of this process."""
    _owners[folder.resolve()] = trainer


def check_owner(folder: Path, trainer: Any) -> None:
    """Raises ValueError where a newer trainer of this process has taken the folder."""
    if _owners.get(folder.resolve()) is not trainer:
        raise ValueError(f"a newer trainer of this program writes to {folder}: go on with that one, this one is behind")
