"""Stands for `filelock` where that is not installed: nobody is kept out then, and a warning says so."""

import logging
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


class Timeout(Exception):
    """Another process has the lock. Nothing here raises it."""


class FileLock:
    """What `training.folders` uses of a lock, locking nothing."""

    is_locked = False

    def __init__(self, path: Path, **options: Any):
        self.path = path

    def acquire(self) -> None:
        log.warning("filelock is not installed: start no second run in %s", Path(self.path).parent)

    def release(self) -> None:
        """Nothing to release."""

    def __enter__(self) -> None:
        """Nothing to wait for."""

    def __exit__(self, *error: Any) -> None:
        """Nothing to release."""
