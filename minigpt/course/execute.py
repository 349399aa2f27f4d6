"""Run notebooks and store what they show, in the form in which they are committed.

    python -m minigpt.course.execute              all of notebooks/
    python -m minigpt.course.execute 05 08        those whose names begin so
    python -m minigpt.course.execute --clean      run nothing, only strip what changes from run to run
    python -m minigpt.course.execute --check      change nothing, name those that are not clean; exit 1 if there are any

The cells are sent to a kernel one by one. nbclient, which others use for this, at times waits for ever on `interact`.
Widgets show their static face (MINIGPT_STATIC=1): a page that is only read has no kernel to ask.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from jupyter_client.manager import start_new_kernel
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
CELL_METADATA = ("tags", "jupyter", "slideshow")
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


class CellError(Exception):
    """A cell raised an exception that its tags do not announce (`raises-exception`), or ran out of time."""


def execute(notebook: NotebookNode, folder: Path, timeout: float = 60) -> None:
    """Run all cells in a fresh kernel that works in `folder`; outputs are replaced in place.

    Raises CellError, with the cell's text, at the first cell that fails or takes longer than `timeout` seconds.
    """
    environment = {**os.environ, "MINIGPT_STATIC": "1", "MINIGPT_FAST": "1"}  # cells that train go on from kept runs
    quiet = subprocess.DEVNULL  # what the kernel itself has to say; what cells write comes as messages
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder), env=environment, stderr=quiet)
    try:
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                run_cell(client, cell, number, timeout)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run_cell(client, cell: NotebookNode, number: int, timeout: float) -> None:
    outputs = Outputs()
    try:
        reply = client.execute_interactive(
            cell.source, allow_stdin=False, timeout=timeout, output_hook=outputs.take, store_history=True
        )
    except TimeoutError:
        raise CellError(f"cell {number} took longer than {timeout:g} s:\n{cell.source}") from None
    cell.outputs = outputs.list
    if reply["content"]["status"] == "error" and "raises-exception" not in cell.metadata.get("tags", []):
        traceback = "\n".join(reply["content"]["traceback"])
        raise CellError(f"cell {number} failed:\n{cell.source}\n{traceback}")


class Outputs:
    """What one cell shows, gathered from the kernel's messages as a front end would show it."""

    def __init__(self):
        self.list: list[NotebookNode] = []
        self.by_display_id: dict[str, NotebookNode] = {}
        self.clear_before_next = False

    def take(self, message: dict) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind == "clear_output":
            self.clear_before_next = True
            if not content.get("wait"):
                self.clear()
        elif kind == "update_display_data":
            shown = self.by_display_id.get(content["transient"]["display_id"])
            if shown is not None:
                shown.update(nbformat.from_dict({"data": content["data"], "metadata": content["metadata"]}))
        elif kind in ("stream", "display_data", "execute_result", "error"):
            if self.clear_before_next:
                self.clear()
            self.add(nbformat.v4.output_from_msg(message), content.get("transient", {}).get("display_id"))

    def add(self, output: NotebookNode, display_id: str | None) -> None:
        last = self.list[-1] if self.list else None
        if output.output_type == "stream" and last is not None and last.get("name") == output.name:
            last.text += output.text
            return
        self.list.append(output)
        if display_id is not None:
            self.by_display_id[display_id] = output

    def clear(self) -> None:
        self.list.clear()
        self.clear_before_next = False


def clean(notebook: NotebookNode) -> None:
    """Strip what changes from run to run or is of no use without a kernel; cell ids and tags stay."""
    notebook.metadata = nbformat.from_dict({**KERNEL, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in CELL_METADATA})
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = [output for output in cell.outputs if not is_live_widget(output)]
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = None


def is_live_widget(output: NotebookNode) -> bool:
    """Whether an output is nothing without a kernel, such as the slider of `interact`; what it printed stays."""
    return "application/vnd.jupyter.widget-view+json" in output.get("data", {})


def as_text(notebook: NotebookNode) -> str:
    """The file's text, in the one form that is committed."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def find(names: list[str]) -> list[Path]:
    """The notebooks that are meant: paths, beginnings of names in notebooks/, or nothing for all of them."""
    if not names:
        return sorted(NOTEBOOKS.glob("*.ipynb"))
    found = []
    for name in names:
        matches = [Path(name)] if Path(name).is_file() else sorted(NOTEBOOKS.glob(f"{name}*.ipynb"))
        if not matches:
            raise SystemExit(f"no notebook begins with {name!r} in {NOTEBOOKS}")
        found += matches
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="course.py notebooks", description="Run notebooks, store their outputs.")
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 05, or paths; all when none are given")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--clean", action="store_true", help="only strip execution counts and volatile metadata")
    mode.add_argument("--check", action="store_true", help="only say which notebooks are not clean")
    options = parser.parse_args()

    failed = 0
    for path in find(options.names):
        before = path.read_text(encoding="utf-8")
        notebook = nbformat.reads(before, as_version=4)
        start = time.monotonic()
        try:
            if not (options.clean or options.check):
                execute(notebook, path.parent)
        except CellError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            failed += 1
            continue
        clean(notebook)
        after = as_text(notebook)
        if options.check:
            failed += after != before
            if after != before:
                print(f"{path.name} is not clean: run `python course.py notebooks --clean {path.stem}`")
        else:
            path.write_text(after, encoding="utf-8", newline="\n")
            print(f"{path.name}: {time.monotonic() - start:.1f} s, {len(after.encode()) / 1000:.0f} kB")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
