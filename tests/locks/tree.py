"""What holds for every file of the repository: no package registry by name, no symbolic link, nothing huge."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAX_BYTES = 30_000_000

HOSTS = (
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("yarnpkg", "com"),
    ("deb.debian", "org"),
    ("security.debian", "org"),
    ("packages.debian", "org"),
    ("archive.ubuntu", "com"),
    ("conda.anaconda", "org"),
    ("repo.anaconda", "com"),
    ("crates", "io"),
    ("rubygems", "org"),
    ("proxy.golang", "org"),
)
"""In pieces, so that this file does not name them either."""

REGISTRY = re.compile("|".join(rf"\b{re.escape(name)}\.{domain}\b" for name, domain in HOSTS).encode())


def files(root: Path = ROOT) -> list[Path]:
    """What git keeps or would keep; in a folder that is no repository, all files."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    if listed.returncode == 0:
        names = [name for name in listed.stdout.split("\0") if name]
        return [root / name for name in names if os.path.lexists(root / name)]
    return [path for path in root.rglob("*") if path.is_symlink() or path.is_file()]


def complaints(root: Path = ROOT) -> Iterator[str]:
    """One sentence for each file that breaks a rule."""
    for path in files(root):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            yield f"{name}: a symbolic link, which Windows checkouts and archives lose: copy or import instead"
        elif (size := path.stat().st_size) > MAX_BYTES:
            yield f"{name}: {size:,} bytes, the limit is {MAX_BYTES:,}"
        elif match := REGISTRY.search(path.read_bytes()):
            yield f"{name}: names a package registry, {match[0].decode()}: say the package's name only"
