"""What the tests of the live lab share: its notebook, how it is opened and reset, and what they do with it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from page import eventually, run

from minigpt.course.execute import KERNEL

PROMPT = "The cat sat on the"
CELL = f"from minigpt import course\nview = course.lab(prompt={PROMPT!r})\nview"


def notebook() -> nbformat.NotebookNode:
    return new_notebook(cells=[new_code_cell(CELL)], metadata=KERNEL)


@contextlib.contextmanager
def opened_lab(lab, folder: Path) -> Iterator:
    """A page with the lab, and its kernel."""
    path = folder / "lab.ipynb"
    nbformat.write(notebook(), path)
    with lab.open(path) as page:
        page.run_all()
        page.page.set_viewport_size({"width": 1600, "height": 2400})
        yield page


def as_at_the_start(opened):
    """The lab, with nothing chosen, changed or compared."""
    root = opened.page.locator(".minigpt-lab")
    reset = "changes=[], layer=0, head=0, row=None, column=None, position=None, temperature=1.0, top_k=None, top_p=None"
    run(opened, f"view.ask(prompt={PROMPT!r}, other_prompt=None, {reset})")
    eventually(root.get_by_role("status"), "5 tokens")
    opened.page.wait_for_timeout(100)
    return root


def settle(opened) -> None:
    """Wait until the page shows the answer to all that was asked."""
    opened.page.locator(".minigpt-lab[aria-busy=false]").wait_for(timeout=10_000)


def first_grid(view):
    return view.get_by_label("All heads: a row is a layer")


def thumb(view, layer: int, head: int):
    return first_grid(view).locator(".thumb").nth(6 * layer + head)


def compare_with(view, opened, text: str) -> None:
    view.get_by_label("Compare with a second prompt").check()
    view.get_by_label("Second prompt", exact=True).fill(text)
    settle(opened)


def saved(opened, button) -> bytes:
    with opened.page.expect_download() as download:
        button.press("Enter")
    return download.value.path().read_bytes()
