"""What `import minigpt` costs over `import torch`: time and memory, and the same for all of the package's core.

    python benchmarks/imports.py

Each row is the median over fresh processes that first import torch and then what is measured; the rows take turns, so
that a busy moment of the machine hits them alike. The course promises at most 0.3 s and 30 MB for `import minigpt`.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path

N_PROCESSES = 7
SECONDS, MEGABYTES = 0.3, 30
ROOT = Path(__file__).resolve().parents[1]

MEASURE = """
import json, sys, time
import psutil
def now():
    return time.perf_counter(), psutil.Process().memory_info().rss
start = now()
import torch
between = now()
for name in sys.argv[1:]:
    __import__(name)
end = now()
print(json.dumps({"torch": [b - a for a, b in zip(start, between)], "more": [b - a for a, b in zip(between, end)]}))
"""


def core_modules() -> list[str]:
    """All modules but those for the reader's eyes and hands."""
    files = sorted((ROOT / "minigpt").rglob("*.py"))
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files]
    return [name for name in names if name.split(".")[1:2] not in (["views"], ["course"], ["cli"], ["doctor"])]


def main() -> None:
    rows = {"minigpt": ["minigpt"], "minigpt, all from text to evaluation": core_modules()}
    results: dict[str, list[dict]] = {name: [] for name in rows}
    for _ in range(N_PROCESSES):
        for name, modules in rows.items():
            command = [sys.executable, "-c", MEASURE, *modules]
            results[name].append(json.loads(subprocess.check_output(command, cwd=ROOT, text=True)))
    everything = [run["torch"] for runs in results.values() for run in runs]
    print(f"{'':48} seconds    MB")
    print(row("torch alone", everything))
    for name, runs in results.items():
        print(row(f"over that: {name}", [run["more"] for run in runs]))
    print(f"{'promised for minigpt, at most':48} {SECONDS:7.3f} {MEGABYTES:5.0f}")


def row(name: str, runs: list[list[float]]) -> str:
    seconds, n_bytes = (statistics.median(values) for values in zip(*runs, strict=True))
    return f"{name:48} {seconds:7.3f} {n_bytes / 1e6:5.1f}"


if __name__ == "__main__":
    main()
