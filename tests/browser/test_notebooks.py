"""Each notebook runs in JupyterLab, in a browser, without an error and without the network."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from minigpt.course.execute import KERNEL, NOTEBOOKS

pytestmark = pytest.mark.browser
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_a_notebook_runs_in_the_browser(lab, path):
    with lab.open(path) as notebook:
        notebook.run_all(seconds=240)
        notebook.screenshot()


# The instrument itself: it sees widgets, and it catches what it is there to catch.

INTERACT = "from ipywidgets import interact\ninteract(lambda n: print('square', n * n), n=(0, 9));"
ANYWIDGET = """import anywidget, traitlets
class Counter(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
      const button = document.createElement('button');
      const draw = () => { button.textContent = `count ${model.get('n')}` };
      button.onclick = () => { model.set('n', model.get('n') + 1); model.save_changes() };
      model.on('change:n', draw); draw(); el.append(button);
    } }'''
    n = traitlets.Int(3).tag(sync=True)
counter = Counter()
counter"""


def write(tmp_path, name, *sources):
    path = tmp_path / f"{name}.ipynb"
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources], metadata=KERNEL)
    nbformat.write(notebook, path)
    return path


def test_the_kernel_answers_sliders_and_widgets(lab, tmp_path):
    with lab.open(write(tmp_path, "widgets", INTERACT, ANYWIDGET)) as notebook:
        notebook.run_all()
        notebook.page.get_by_role("slider").first.press("End")
        notebook.page.get_by_text("square 81").wait_for()
        notebook.page.get_by_role("button", name="count 3").click()
        notebook.page.get_by_role("button", name="count 4").wait_for()
        assert notebook.screenshot().stat().st_size > 10_000


MISBEHAVIOUR = {
    "console.error('something broke')": "console error: something broke",
    "setTimeout(() => { throw new Error('late') })": "uncaught error: late",
    "fetch('http://example.org/d3.js').catch(() => 0)": "request leaves the machine: http://example.org/d3.js",
    "new WebSocket('ws://example.org/')": "websocket leaves the machine: ws://example.org/",
}


def test_a_page_that_misbehaves_is_caught(lab, tmp_path):
    cells = [f"from IPython.display import HTML\nHTML({f'<script>{script}</script>'!r})" for script in MISBEHAVIOUR]
    with pytest.raises(AssertionError) as caught, lab.open(write(tmp_path, "bad", *cells)) as notebook:
        notebook.run_all()
    for message in MISBEHAVIOUR.values():
        assert message in str(caught.value)


def test_a_cell_that_fails_is_caught(lab, tmp_path):
    with (
        pytest.raises(AssertionError, match="ZeroDivisionError"),
        lab.open(write(tmp_path, "zero", "1 / 0")) as notebook,
    ):
        notebook.run_all()


def test_a_shared_notebook_leaves_nothing_to_the_next_even_if_it_fails(lab):
    shows = ["print('still here:', 'left' in globals())"]
    with lab.cells("one", ["left = 1\nprint(left)"]):
        pass
    with lab.cells("two", shows) as two:
        two.page.get_by_text("still here: False").wait_for()
        assert two.page.locator(".jp-Cell").count() == 1
    with (
        pytest.raises(AssertionError, match="ZeroDivisionError"),
        lab.cells("zero", ["left = 1", "1 / 0"]),
    ):
        pass
    with lab.cells("three", shows) as three:
        three.page.get_by_text("still here: False").wait_for()
