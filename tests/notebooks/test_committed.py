"""What holds for each notebook that is committed; nbval runs them beside this file (`course.py test`)."""

from pathlib import Path

import nbformat
import pytest
from nbval.plugin import find_comment_markers, find_metadata_tags

from minigpt.course.execute import NOTEBOOKS, as_text, clean

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])


def code_cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def is_compared(cell) -> bool:
    options = dict(find_metadata_tags(cell.metadata)) | dict(find_comment_markers(cell.source))
    return options.get("check", True) and not options.get("skip", False)


@each_notebook
def test_nine_outputs_in_ten_are_compared(path):
    cells = code_cells(path)
    ignored = [cell.source for cell in cells if not is_compared(cell)]
    assert len(ignored) <= 0.1 * len(cells), f"{len(ignored)} of {len(cells)} are ignored:\n" + "\n---\n".join(ignored)


@each_notebook
def test_it_was_run_and_no_cell_shows_an_error_that_is_not_announced(path):
    cells = code_cells(path)
    assert any(cell.outputs for cell in cells), "run `python course.py notebooks`"
    for cell in cells:
        errors = [output.evalue for output in cell.outputs if output.output_type == "error"]
        assert not errors or "raises-exception" in cell.metadata.get("tags", []), errors


@each_notebook
def test_it_is_clean(path):
    notebook = nbformat.read(path, as_version=4)
    clean(notebook)
    assert path.read_text(encoding="utf-8") == as_text(notebook), "run `python course.py notebooks --clean`"
