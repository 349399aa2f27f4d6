"""Fetch a published file so that it is there, whole and checked, or not there at all.

Bytes go to `NAME.part` beside the target and are renamed only when they have been checked. A `.part` that stays behind
after a cut line, a full disk or Ctrl-C is continued by the next call (HTTP Range).
"""

import errno
import hashlib
import http.client
import logging
import lzma
import os
import shutil
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and the bytes of the whole file, None when the server does not say."""

CHUNK = 1 << 18  # bytes between two calls of the progress callback
TRIES = 3  # how often a line may be cut before the address counts as failed
TIMEOUT = 20.0  # seconds without a byte after which the line counts as cut

log = logging.getLogger(__name__)
checked: set[tuple[Path, int, int]] = set()
"""Files, with time and size, whose checksum this process has compared already."""


@dataclass(frozen=True)
class File:
    """A file as its publisher gives it."""

    name: str
    """Its name in the cache folder."""
    mirror: str
    """Where it lies below a mirror folder; there it may be compressed, with `.xz` after its name."""
    urls: tuple[str, ...] = ()
    """Addresses, the best first. None at all: it exists in mirror folders only."""
    n_bytes: int | None = None
    """Its size, where somebody states it."""
    sha256: str | None = None
    """None: nobody states it, so it is noted at the first use and holds from then on."""


def fetch(file: File, cache: Path, mirror: Path | None = None, progress: Progress | None = None) -> Path:
    """Where the file lies on this machine: in the mirror folder, in the cache, or in the cache after a download.

    Raises FileNotFoundError for a file without an address that no mirror has, ConnectionError when no address works,
    ValueError for a file with another checksum, OSError (ENOSPC) when the disk is full. In each case nothing that is
    not the file lies in its place.
    """
    copies = [mirror / file.mirror, mirror / f"{file.mirror}.xz"] if mirror else []
    for place in [*copies, cache / file.name]:
        if place.exists():
            check(file, place, cache)
            return place
    if not file.urls:
        raise FileNotFoundError(
            f"{file.mirror} has no public address: point MINIGPT_DATA to a mirror folder that holds it"
        )
    cache.mkdir(parents=True, exist_ok=True)
    download(file, cache, progress)
    return cache / file.name


def download(file: File, cache: Path, progress: Progress | None = None) -> None:
    """Put the file into the cache folder, from the first address that gives it."""
    part = cache / f"{file.name}.part"
    failures: list[Exception] = []
    # Bytes of last time may be at fault: then every address gets a second chance, which begins at the first byte.
    for url in file.urls * 2 if part.exists() else file.urls:
        log.info("downloading %s from %s", file.name, url)
        try:
            fill(part, url, progress)
            if file.sha256 is None:
                check_archive(part)
            check(file, part, cache)
        except (ConnectionError, ValueError) as failure:
            failures.append(failure)
        else:
            os.replace(part, cache / file.name)
            return
    kind = ValueError if all(isinstance(failure, ValueError) for failure in failures) else ConnectionError
    raise kind(
        f"could not get {file.name} ({'; '.join(map(str, failures))}). Fetch {file.urls[0]} in some other way and put "
        f"it into {cache} under the name {file.name}; or call again later, what is there already is continued"
    )


def fill(part: Path, url: str, progress: Progress | None) -> None:
    """Bring `part` to its full length, asking again when the line is cut."""
    for attempt in range(TRIES):
        try:
            return append(part, url, progress)
        except urllib.error.HTTPError as refusal:
            refusal.close()
            raise ConnectionError(f"{url} answers {refusal.code} {refusal.reason}") from refusal
        except DiskFull:
            raise
        except (OSError, http.client.HTTPException) as failure:
            if getattr(failure, "errno", None) == errno.ENOSPC:
                raise DiskFull(part.parent) from failure
            if attempt == TRIES - 1:
                raise ConnectionError(f"{url}: {getattr(failure, 'reason', failure)}") from failure
            log.info("%s: %s, trying again", url, failure)


def append(part: Path, url: str, progress: Progress | None) -> None:
    """Ask for what `part` lacks and add it; start over where the server knows no ranges."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "minigpt-course"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as refusal:
        if refusal.code != 416 or not have:
            raise
        with refusal:  # 416: the file has nothing after `have` bytes
            if refusal.headers.get("Content-Range") != f"bytes */{have}":
                start_over(part)
        return
    with response:
        if response.status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            start_over(part)
        have = have if response.status == 206 else 0
        if (length := response.headers.get("Content-Length")) is None:
            raise ConnectionError("the server does not say how long the file is, so a torn one would go unnoticed")
        total = have + int(length)
        if total - have > shutil.disk_usage(part.parent).free:
            raise DiskFull(part.parent, total - have)
        with open(part, "ab" if have else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                have += len(chunk)
                if progress:
                    progress(have, total)
            file.flush()
            os.fsync(file.fileno())
    if part.stat().st_size > total:  # another process wrote to it as well
        start_over(part)
    if have < total:  # `read` reports a cut line as the end of the file
        raise ConnectionResetError(f"cut off after {have:,} of {total:,} bytes")


def start_over(part: Path) -> NoReturn:
    """Throw `part` away, so that the next try begins at the first byte."""
    part.unlink()
    raise ConnectionResetError(f"{part.name} does not fit to what the server has, starting over")


class DiskFull(OSError):
    """The disk is full, or would be after `n_bytes` more."""

    def __init__(self, folder: Path, n_bytes: int | None = None):
        need = f"{n_bytes:,} bytes are still to come and " if n_bytes else ""
        room = f"{folder} has room for {shutil.disk_usage(folder).free:,} bytes"
        advice = "free some space, or point MINIGPT_CACHE to a folder on another disk, and call again: it continues"
        super().__init__(errno.ENOSPC, f"{need}{room}: {advice}")


def check(file: File, place: Path, notes: Path) -> None:
    """Raise ValueError unless `place` holds the published bytes; a `.part` that does not is deleted.

    Where no sha256 is known, the first one seen is written to `notes/NAME.sha256` and expected from then on.
    """
    state = (place, place.stat().st_mtime_ns, place.stat().st_size)
    if state in checked:
        return
    note = notes / f"{file.name}.sha256"
    found = sha256(place)
    expected = file.sha256 or (note.read_text().strip() if note.exists() else found)
    if found != expected:
        source = file.urls[0] if file.urls else "the owner of the mirror folder"
        if place.suffix == ".part":
            place.unlink()
            raise ValueError(f"what came has sha256 {found}, expected {expected}")
        raise ValueError(f"{place} has sha256 {found}, expected {expected}: delete it and get it from {source}")
    if not file.sha256:
        notes.mkdir(parents=True, exist_ok=True)
        note.write_text(found + "\n")
    checked.add(state)


def check_archive(part: Path) -> None:
    """A file without a known checksum has to be an archive that passes its own."""
    try:
        with zipfile.ZipFile(part) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile as failure:
        damaged = failure
    if damaged:
        part.unlink()
        raise ValueError(f"what came is no sound zip archive: {damaged}")


def sha256(place: Path) -> str:
    """Checksum of a file, in hexadecimal; of what is in it, where it is compressed as `.xz`."""
    with lzma.open(place) if place.suffix == ".xz" else open(place, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
