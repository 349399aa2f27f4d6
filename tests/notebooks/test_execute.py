import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import offline
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbval.plugin import get_sanitize_patterns

from minigpt.course import execute

SUPPORT = Path(offline.__file__).parent
SANITISE = Path(__file__).parent / "sanitise.cfg"


def ran(*sources: str, tags: tuple[str, ...] = (), timeout: float = 60) -> list:
    notebook = new_notebook(cells=[new_code_cell(source, metadata={"tags": list(tags)}) for source in sources])
    execute.execute(notebook, Path.cwd(), timeout)
    return [cell.outputs for cell in notebook.cells]


@pytest.mark.slow
def test_outputs_are_what_a_front_end_shows():
    streams, result, updated, cleared = ran(
        "print('a'); print('b')",
        "6 * 7",
        "h = display('old', display_id=True); h.update('new')",
        "from IPython.display import clear_output\nprint('old'); clear_output(wait=True); print('new')",
    )
    assert [(output.name, output.text) for output in streams] == [("stdout", "a\nb\n")]
    assert result[0].data == {"text/plain": "42"}
    assert [output.data["text/plain"] for output in updated] == ["'new'"]
    assert [output.text for output in cleared] == ["new\n"]


@pytest.mark.slow
def test_interact_does_not_block_and_leaves_what_it_printed_but_no_slider():
    source = "from ipywidgets import interact\ninteract(lambda n: print(n * n), n=3);"
    notebook = new_notebook(cells=[new_code_cell(source)])
    execute.execute(notebook, Path.cwd())
    execute.clean(notebook)
    assert [output.get("text") for output in notebook.cells[0].outputs] == ["9\n"]


@pytest.mark.slow
def test_kernels_know_that_they_run_for_a_page():
    assert ran("import os; os.environ['MINIGPT_STATIC']")[0][0].data["text/plain"] == "'1'"


@pytest.mark.slow
def test_a_cell_that_fails_is_named_unless_its_tag_announces_it():
    with pytest.raises(execute.CellError, match=r"(?s)cell 0 failed.*1 / 0.*ZeroDivisionError"):
        ran("1 / 0")
    assert ran("1 / 0", tags=("raises-exception",))[0][0].ename == "ZeroDivisionError"


@pytest.mark.slow
def test_a_cell_that_takes_too_long_is_stopped():
    with pytest.raises(execute.CellError, match="cell 0 took longer than 1 s"):
        ran("import time; time.sleep(30)", timeout=1)


def test_cleaning_strips_counts_and_metadata_and_keeps_ids_and_tags():
    cell = new_code_cell("1", execution_count=7, metadata={"tags": ["x"], "ExecuteTime": {"start": 1}})
    cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "1"}, execution_count=7)]
    notebook = new_notebook(cells=[new_markdown_cell("text"), cell], metadata={"widgets": {"state": 1}})
    ids = [cell.id for cell in notebook.cells]
    execute.clean(notebook)
    assert [cell.id for cell in notebook.cells] == ids
    assert cell.execution_count is None
    assert cell.outputs[0].execution_count is None
    assert cell.metadata == {"tags": ["x"]}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_the_stored_form_does_not_change_when_it_is_read_and_written_again():
    notebook = new_notebook(cells=[new_markdown_cell("Olá"), new_code_cell("1")])
    execute.clean(notebook)
    text = execute.as_text(notebook)
    assert execute.as_text(nbformat.reads(text, as_version=4)) == text
    assert "Olá" in text


def test_what_is_taken_out_is_pictures_times_and_addresses_and_nothing_else():
    patterns = get_sanitize_patterns(SANITISE.read_text(encoding="utf-8"))

    def sanitise(text: str) -> str:
        for pattern, replacement in patterns:
            text = re.sub(pattern, replacement, text)
        return text

    view = '<img alt="12 heads" src="data:image/svg+xml,%3Csvg"><iframe title="12 heads" srcdoc="&lt;p&gt;"></iframe>'
    assert sanitise(view) == '<img alt="12 heads" src="PICTURE"><iframe title="12 heads" srcdoc=""></iframe>'
    assert sanitise("<svg width='1'>\n<path/>\n</svg> 3 heads") == "PICTURE 3 heads"
    assert sanitise("loss 3.21 after 12 steps, 1.5 s, 12,300 tokens/s") == "loss 3.21 after 12 steps, TIME, SPEED"
    assert sanitise("<GPT at 0x7f31c0ffee00>") == "<GPT at ADDRESS>"
    assert sanitise("shape (2, 3), 124,439,808 parameters, 0x1F") == "shape (2, 3), 124,439,808 parameters, 0x1F"


def compare_with_nbval(path: Path) -> subprocess.CompletedProcess:
    options = ["--nbval", "--nbval-current-env", "-p", "committed_notebooks", f"--nbval-sanitize-with={SANITISE}"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(path.parent), str(path)],
        capture_output=True,
        text=True,
        cwd=path.parent,
        env={**os.environ, "PYTHONPATH": str(SUPPORT), "MINIGPT_STATIC": "1"},
    )


@pytest.mark.slow
def test_nbval_compares_what_was_stored_with_what_is_computed_now(tmp_path):
    path = tmp_path / "n.ipynb"
    interact = "from ipywidgets import interact\ninteract(lambda n: print(n * n), n=3);"
    timed = "print('42 tokens in 0.13 s')"
    notebook = new_notebook(cells=[new_code_cell(source) for source in ("6 * 7", interact, timed)])
    execute.execute(notebook, tmp_path)
    execute.clean(notebook)
    notebook.cells[2].outputs[0].text = "42 tokens in 9.87 s\n"  # another machine's time, the same count
    path.write_text(execute.as_text(notebook), encoding="utf-8")
    same = compare_with_nbval(path)
    assert "3 passed" in same.stdout, same.stdout

    notebook.cells[0].outputs[0].data["text/plain"] = "43"
    notebook.cells[2].outputs[0].text = "41 tokens in 9.87 s\n"
    path.write_text(execute.as_text(notebook), encoding="utf-8")
    other = compare_with_nbval(path)
    assert "2 failed, 1 passed" in other.stdout, other.stdout
