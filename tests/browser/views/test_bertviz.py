"""bertviz's own views in JupyterLab: they draw, answer, ask no other machine, and stay drawn in a saved notebook."""

import copy

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_notebook
from page import wear

from minigpt.course.execute import KERNEL, execute

pytestmark = pytest.mark.browser

SETUP = """from types import SimpleNamespace
import numpy as np
from minigpt import views

rng = np.random.default_rng(0)

def recording(tokens, sources=None, causal=False):
    scores = 2 * rng.normal(size=(2, 3, len(tokens), len(sources or tokens)))
    if causal:
        scores[..., np.triu(np.ones(scores.shape[-2:], dtype=bool), 1)] = -np.inf
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    return SimpleNamespace(tokens=tokens, source_tokens=sources, attention_stack=lambda: weights)

mean = ["</script><script>alert(1)</script>", "<b>x</b>", " שלום", " e\\u0301", "\\u202eabc", "$x$"]
english, french = [" the", " black", " cat"], [" le", " chat", " noir", "."]"""
CELLS = {
    "head": "views.bertviz(recording(mean, causal=True))",
    "model": "views.bertviz(recording(mean, causal=True), 'model')",
    "translator": "views.bertviz(encoder=recording(english), decoder=recording(french), "
    "cross=recording(french, english))",
    "neuron": "views.bertviz_neuron(rng.normal(size=(3, 6, 8)), rng.normal(size=(3, 6, 8)), mean, head=1)",
}
N_LINES = {"head": 3 * 6 * 6, "model": 2 * 3 * 6 * 6, "translator": 3 * 3 * 3, "neuron": 1}


def notebook() -> nbformat.NotebookNode:
    return new_notebook(cells=[new_code_cell(source) for source in (SETUP, *CELLS.values())], metadata=KERNEL)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> nbformat.NotebookNode:
    """The notebook as it would be committed."""
    made = notebook()
    execute(made, tmp_path_factory.mktemp("saved"))
    return made


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    def write(made: nbformat.NotebookNode, name: str):
        path = tmp_path_factory.mktemp("bertviz") / f"bertviz-{name}.ipynb"
        nbformat.write(made, path)
        return path

    return write


# The frame is as high as its view, and the picture has made way.
IN_PLACE = """frame => {
  const fits = frame.style.position === 'static' && frame.clientHeight > 60;
  return fits && [...frame.parentElement.querySelectorAll('img')].every(image => !image.offsetParent);
}"""


def drawn(page) -> dict:
    """The four frames' insides, each drawn and in its face's place."""
    frames = page.locator("iframe[srcdoc]")
    assert frames.count() == len(CELLS)
    inside = {}
    for n, name in enumerate(CELLS):
        frames.nth(n).scroll_into_view_if_needed()
        inside[name] = frames.nth(n).content_frame
        inside[name].locator("svg line").nth(N_LINES[name] - 1).wait_for(state="attached", timeout=10_000)
        page.wait_for_function(IN_PLACE, arg=frames.nth(n).element_handle(), timeout=10_000)
    return inside


def use(view: dict) -> None:
    """Each view answers as bertviz made it."""
    head = view["head"]
    labels = head.locator("svg text")
    assert labels.all_text_contents() == 2 * ["</script><scr…", "<b>x</b>", " שלום", " e\u0301", "\\u{202e}abc", "$x$"]
    before = opacities(head)
    assert len(before) == N_LINES["head"]
    head.locator("#layer").select_option("1")
    assert opacities(head) != before
    view["model"].locator("svg g > rect:last-child").nth(4).click()
    view["model"].get_by_text("Layer 1, Head 1").wait_for()
    view["translator"].locator("#filter").select_option(label="Cross")
    assert len(opacities(view["translator"])) == 3 * 4 * 3
    assert view["translator"].locator("svg text").all_text_contents()[4:] == [" the", " black", " cat"]
    assert view["neuron"].locator("#att_head").input_value() == "1"
    plus = view["neuron"].locator("#collapsed #leftText rect:last-child").nth(3)
    plus.hover()
    plus.click()
    view["neuron"].locator("#expanded[visibility=visible]").wait_for()
    products = view["neuron"].locator("#expanded .dotproduct")
    values = products.evaluate_all("marks => marks.map(mark => Number(mark.getAttribute('data-value')))")
    assert len(set(values) - {0}) == 6


def opacities(frame) -> list[str]:
    return frame.locator("#attention line").evaluate_all(
        "lines => lines.map(line => line.getAttribute('stroke-opacity'))"
    )


def test_bertviz_runs_in_jupyterlab_on_a_white_ground(lab, write) -> None:
    with lab.open(write(notebook(), "live")) as opened:
        opened.run_all()
        view = drawn(opened.page)
        picture(opened, "")
        use(view)
        wear(opened.page, "Dark")
        for frame in view.values():
            ground = frame.locator(".minigpt-bertviz").evaluate("root => getComputedStyle(root).backgroundColor")
            assert ground == "rgb(255, 255, 255)"
        assert nothing_is_cut_off(view)
        picture(opened, "-dark")
        picture(opened, "-wide", 1600)
        assert nothing_is_cut_off(view)
        picture(opened, "-narrow", 700)
        assert nothing_is_cut_off({name: view[name] for name in ("head", "translator")})
        assert all(what_is_too_wide_scrolls(view[name]) for name in ("model", "neuron"))
        wear(opened.page, "Light")


def picture(opened, suffix: str, width: int = 1280) -> None:
    """All of the notebook, from its top."""
    opened.page.set_viewport_size({"width": width, "height": 2000})
    opened.page.locator("iframe[srcdoc]").first.scroll_into_view_if_needed()
    opened.page.wait_for_timeout(500)
    opened.screenshot(suffix)


def nothing_is_cut_off(view: dict) -> bool:
    widths = "root => [root.scrollWidth, root.clientWidth]"
    sizes = [frame.locator(".minigpt-bertviz").evaluate(widths) for frame in view.values()]
    return all(content <= shown for content, shown in sizes)


def what_is_too_wide_scrolls(frame) -> bool:
    return frame.locator(".minigpt-bertviz").evaluate("root => getComputedStyle(root).overflowX") == "auto"


def test_an_untrusted_notebook_shows_pictures_and_runs_nothing(lab, write, saved) -> None:
    with lab.open(write(saved, "untrusted")) as opened:
        opened.show_all()
        assert opened.page.locator("iframe").count() == 0
        pictures = opened.page.locator(".jp-OutputArea img")
        assert pictures.count() == 6
        assert all(pictures.evaluate_all("images => images.map(image => image.naturalWidth > 100 && image.alt)"))
        opened.screenshot()


def test_a_trusted_notebook_runs_bertviz_without_running_a_cell(lab, write, saved) -> None:
    path = write(saved, "trusted")
    NotebookNotary(data_dir=str(lab.root.parent / "DATA_DIR")).sign(copy.deepcopy(saved))
    with lab.open(path) as opened:
        opened.show_all()
        use(drawn(opened.page))
        picture(opened, "")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_html_export_runs_bertviz_offline(browser, saved, tmp_path, theme) -> None:
    html, _ = HTMLExporter(theme=theme).from_notebook_node(saved)
    path = tmp_path / "export.html"
    path.write_text(html, encoding="utf-8")
    page = browser.new_page()
    asked, problems = [], []
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    page.on("request", lambda request: asked.append(request.url) if request.frame != page.main_frame else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.goto(path.as_uri(), wait_until="commit")
    page.locator("iframe[srcdoc]").nth(len(CELLS) - 1).wait_for()
    use(drawn(page))
    assert [url for url in asked if not url.startswith(("about:", "data:", "blob:"))] == []
    assert problems == []
    page.close()
