"""The views in a saved notebook: a face where scripts are dropped, the living view in a locked frame where they run."""

import copy

import nbformat
import pytest
from every_view import WIDGETS, notebook
from nbconvert import HTMLExporter
from nbformat.sign import NotebookNotary
from page import wear

from minigpt.course.execute import execute

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> nbformat.NotebookNode:
    """The notebook as it would be committed."""
    made = notebook()
    execute(made, tmp_path_factory.mktemp("saved"))
    return made


@pytest.fixture
def write(tmp_path, saved):
    def write(name: str):
        path = tmp_path / f"{name}.ipynb"
        nbformat.write(saved, path)
        return path

    return write


def test_a_saved_notebook_holds_no_widget_and_no_state(saved) -> None:
    kinds = {kind for cell in saved.cells for output in cell.outputs for kind in output.data}
    assert kinds == {"text/html", "text/plain"}
    assert "widgets" not in saved.metadata


def test_an_untrusted_notebook_shows_faces_and_runs_nothing(lab, write) -> None:
    with lab.open(write("untrusted")) as opened:
        opened.show_all()
        page = opened.page
        assert page.locator("iframe").count() == 0
        pictures = page.locator(".jp-OutputArea img")
        assert pictures.count() == 16
        assert all(pictures.evaluate_all("images => images.map(image => image.naturalWidth > 100)"))
        assert all(pictures.evaluate_all("images => images.map(image => image.alt.length > 5)"))
        assert page.get_by_text("Guess first.").count() == 2
        assert page.get_by_text("lo|w").first.is_visible()  # merges, as a table
        assert page.get_by_text("“a” 75%").first.is_visible()  # n-grams
        opened.screenshot()


def test_a_trusted_notebook_runs_the_views_without_a_kernel(lab, write, saved) -> None:
    path = write("trusted")
    NotebookNotary(data_dir=str(lab.root.parent / "DATA_DIR")).sign(copy.deepcopy(saved))
    with lab.open(path) as opened:
        opened.show_all()
        page = opened.page
        frames = page.locator("iframe[srcdoc]")
        frames.nth(len(WIDGETS) - 1).wait_for(timeout=20_000)
        assert frames.count() == len(WIDGETS)
        for n in range(len(WIDGETS)):
            frames.nth(n).scroll_into_view_if_needed()
            frames.nth(n).content_frame.locator("section.minigpt").wait_for(timeout=10_000)
            page.wait_for_function(FITS, arg=n, timeout=5_000)
        use_without_a_kernel(page)
        body = frames.first.content_frame.locator("body")
        for theme, ink in (("Dark", "rgb(255, 255, 255)"), ("Light", "rgba(0, 0, 0, 0.87)")):
            wear(page, theme)
            assert body.evaluate("node => getComputedStyle(node.querySelector('.minigpt')).color") == ink
            opened.screenshot(f"-{theme.lower()}")


# The frame is as high as its view, and the face has made way.
FITS = """n => {
  const frame = document.querySelectorAll('iframe[srcdoc]')[n];
  return frame.previousElementSibling.hidden && frame.clientHeight > 60 && frame.style.position === 'static';
}"""


def use_without_a_kernel(page) -> None:
    """Each answers from its stored state, or says that it needs a kernel."""
    frame = {name: page.locator("iframe[srcdoc]").nth(n).content_frame for n, name in enumerate(WIDGETS)}
    frame["heads"].get_by_label("layer 1, head 2").click()
    frame["heads"].get_by_text("Layer 1, head 2").wait_for()
    with page.expect_download() as download:
        frame["heads"].get_by_role("button", name="SVG").click()
    assert download.value.suggested_filename == "L1H2.svg"
    frame["guess"].get_by_label("that").check()
    frame["guess"].get_by_role("button", name="Store").click()
    frame["guess"].get_by_text("a running kernel would store it").wait_for()
    frame["tokens"].get_by_label("Example").select_option(label="doggy")
    frame["tokens"].get_by_text("5 tokens for 5 characters").wait_for()
    frame["tokens"].get_by_text("needs a running kernel").wait_for()
    frame["ngrams"].get_by_role("slider").fill("0")
    frame["ngrams"].get_by_text("n=1 the").wait_for()
    frame["next_tokens"].get_by_label("temperature").fill("0")
    frame["next_tokens"].get_by_text("1 of 3 tokens can be drawn").wait_for()
    frame["embedding_map"].get_by_label("Find a word").fill("cat")
    frame["embedding_map"].get_by_label("Find a word").press("Enter")
    frame["embedding_map"].get_by_text("of its 5 nearest by cosine").wait_for()
    frame["sense_slider"].get_by_role("slider").fill("2")
    frame["sense_slider"].get_by_text("After block 1: the gap is").wait_for()
    frame["token_tree"].get_by_role("button", name="Take the likeliest").click()
    frame["token_tree"].get_by_text("It is the greedy path").wait_for()
    frame["dashboard"].get_by_label("Look at").fill("3")
    frame["dashboard"].get_by_text("<b>, step 3: loss 2.25").wait_for()
    frame["costs"].get_by_label("model").select_option(label="gpt2")
    frame["costs"].get_by_text("124,439,808 parameters").wait_for()
    frame["time_machine"].get_by_role("slider").fill("1")
    frame["time_machine"].get_by_text("After 9 steps: loss 3").wait_for()
    frame["roofline"].get_by_role("application").press("Home")
    frame["roofline"].get_by_text("<b>, float32: 9 FLOP on 3 B, 3 operations a byte").wait_for()


def test_an_html_export_runs_the_views_and_asks_nobody(browser, saved, tmp_path) -> None:
    html, _ = HTMLExporter(theme="dark").from_notebook_node(saved)
    path = tmp_path / "export.html"
    path.write_text(html, encoding="utf-8")
    page = browser.new_page()
    asked, errors = [], []
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    page.on("request", lambda request: asked.append(request) if request.frame != page.main_frame else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri(), wait_until="commit")
    frames = page.locator("iframe[srcdoc]")
    frames.first.wait_for()
    for n in range(len(WIDGETS)):
        frames.nth(n).scroll_into_view_if_needed()
        frames.nth(n).content_frame.locator("section.minigpt").wait_for(timeout=10_000)
    use_without_a_kernel(page)
    assert [request.url for request in asked if not request.url.startswith(("about:", "data:", "blob:"))] == []
    assert errors == []
    page.close()
