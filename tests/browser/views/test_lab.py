"""The live lab in JupyterLab: typed in, walked by keys and mouse; without its kernel, and in a saved notebook."""

import copy

import nbformat
import pytest
from lab_page import PROMPT, as_at_the_start, first_grid, notebook, opened_lab, saved, settle
from nbformat.sign import NotebookNotary
from page import SHADES, eventually, prints, run, wear

from minigpt.course.execute import execute

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def opened(lab, tmp_path_factory):
    """One page for all tests here, and one kernel."""
    with opened_lab(lab, tmp_path_factory.mktemp("lab")) as page:
        yield page


@pytest.fixture
def view(opened):
    """The lab, as it was at the start."""
    return as_at_the_start(opened)


def test_every_head_has_a_picture_and_every_panel_its_numbers(view) -> None:
    thumbs = view.locator(".thumb canvas")
    assert thumbs.count() == 36
    assert all(len(thumbs.nth(n).evaluate(SHADES)) > 3 for n in range(0, 36, 7))
    assert view.locator("table.next tbody tr").count() == 12
    assert view.locator("table.lens tbody tr").count() == 7
    eventually(view.locator(".sum"), "The 32 products sum to q·k = ")


def test_typing_moves_everything(view, opened) -> None:
    before = view.locator("table.next").text_content()
    view.get_by_label("Prompt", exact=True).focus()
    opened.page.keyboard.press("Control+End")
    opened.page.keyboard.type(" mat. Then")
    settle(opened)
    eventually(view.get_by_role("status"), "9 tokens")
    eventually(view.locator(".words"), "“ Then” (8) looks at ")
    assert view.locator("table.next").text_content() != before
    prints(opened, "print(view.request['prompt'])", f"{PROMPT} mat. Then")


def test_fast_typing_ends_in_what_was_typed_and_asks_less_often(view, opened) -> None:
    first = int(run(opened, "print(view.answered)"))
    text = "One day a little girl went to the park to play with her friend." * 2
    view.get_by_label("Prompt", exact=True).fill("")
    opened.page.keyboard.type(text)
    settle(opened)
    prints(opened, "print(view.request['prompt'])", text)
    assert int(run(opened, "print(view.answered)")) - first < len(text)


def test_an_empty_prompt_and_a_long_one_are_told_and_the_last_heads_stay(view, opened) -> None:
    prompt = view.get_by_label("Prompt", exact=True)
    prompt.fill("")
    eventually(view.locator(".error[role=alert]"), "Nothing is typed yet: begin with a word.")
    prompt.fill("one " * 300)
    eventually(view.locator(".error[role=alert]"), "fit (n_ctx=256): take away ")
    assert view.locator(".thumb").count() == 36
    eventually(view.get_by_role("status"), "5 tokens")
    prompt.fill("a")
    eventually(view.get_by_role("status"), "1 token")
    assert view.locator(".error[role=alert]").text_content() == ""


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script><img src=x onerror=alert(1)>", "שלום עולם \u202eabc", "👩\u200d🚀 e\u0301", "x" * 300],
)
def test_strange_text_stays_text(view, opened, text: str) -> None:
    view.get_by_label("Prompt", exact=True).fill(text)
    settle(opened)
    assert view.locator(".error[role=alert]").text_content() in ("", run(opened, "print(view.error)"))
    assert view.locator("script, img").count() == 0
    prints(opened, f"print(view.request['prompt'] == {text!r})", "True")


def test_the_sliders_follow_the_rule_of_sampling(view, opened) -> None:
    view.get_by_label("top-k").fill("2")  # the third stop: 5
    eventually(view.locator(".panel"), "5 of 4,096 tokens can be drawn.")
    view.get_by_label("temperature").fill("0")
    eventually(view.locator(".panel"), "1 of 4,096 tokens can be drawn.")
    shares = view.locator("table.next tbody tr").first.locator("td").first
    assert shares.text_content() == "100 %"


def test_the_lens_is_moved_to_another_position(view, opened) -> None:
    position = view.get_by_label("position")
    position.focus()
    opened.page.keyboard.press("Home")
    settle(opened)
    prints(opened, "print(view.lens['position'], view.request['position'])", "0 0")
    assert position.get_attribute("aria-valuetext") == "0: “The”"
    first = view.locator("table.lens tbody tr").first.locator("td").first
    eventually(first, run(opened, "print(view.lens['rows'][0][1])"))


def test_the_cursor_chooses_the_pair_whose_product_is_drawn(view, opened) -> None:
    view.get_by_label("Enlarged head", exact=True).focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowRight", "ArrowRight"):
        opened.page.keyboard.press(key)
    settle(opened)
    eventually(view.locator(".pair"), "Layer 0, head 0: “ sat” (2) looks at “ cat” (1)")
    prints(opened, "print(view.pair['row'], view.pair['column'])", "2 1")
    bars = view.get_by_label("Bars of the D numbers")
    assert bars.locator("rect").count() == 4 * 32
    bars.focus()
    opened.page.keyboard.press("ArrowRight")
    eventually(view.locator(".pair"), "Number 0: q ")
    view.get_by_text("All numbers").press("Enter")
    view.locator(".pair tbody tr").nth(31).wait_for()  # the page tells a moment later that it is open
    assert view.locator(".pair tbody tr").count() == 32


def test_a_cell_beyond_the_diagonal_is_masked_in_words(view, opened) -> None:
    run(opened, "view.ask(row=1, column=3)")
    eventually(view.locator(".sum"), "masked, for it comes later: weight 0.")
    eventually(view.locator(".words"), "It may not look at “ on” (3): that comes later.")


def test_the_mouse_looks_and_a_click_chooses(view, opened) -> None:
    canvas = view.get_by_label("Enlarged head", exact=True)
    box = canvas.bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] - 10, box["y"] + box["height"] - 40)
    chosen = view.locator(".words").first.text_content()
    assert "“ the” (4) looks" not in chosen
    prints(opened, "print(view.request['row'])", "None")
    opened.page.mouse.down()
    opened.page.mouse.up()
    settle(opened)
    prints(opened, "print(view.request['row'])", "3")
    opened.page.mouse.move(box["x"] - 50, box["y"] - 50)
    assert view.locator(".words").first.text_content().startswith("“ on” (3) looks at")


def test_every_control_has_a_name_and_the_grid_is_one_stop(view) -> None:
    controls = view.locator("button, input, select, textarea, [role=application]")
    nameless = controls.evaluate_all(
        """nodes => {
          const name = node => node.getAttribute('aria-label') || node.textContent || node.labels?.[0]?.textContent;
          return nodes.filter(node => !name(node)?.trim()).map(node => node.outerHTML);
        }"""
    )
    assert nameless == []
    assert first_grid(view).locator(".thumb[tabindex='0']").count() == 1


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_fits_into_narrow_and_wide_pages_in_both_themes(view, opened, theme: str, width: int) -> None:
    view.get_by_label("Compare with a second prompt").check()
    settle(opened)
    wear(opened.page, theme)
    opened.page.set_viewport_size({"width": width, "height": 2400})
    opened.page.wait_for_timeout(400)
    opened.screenshot(f"-{theme.lower()}-{width}")
    too_wide = view.evaluate("node => node.scrollWidth - node.clientWidth")
    opened.page.set_viewport_size({"width": 1600, "height": 2400})
    wear(opened.page, "Light")
    assert too_wide <= 0


@pytest.mark.parametrize("end", ["restart", "death"])
def test_a_lost_kernel_is_told_heads_stay_and_the_cell_brings_it_back(opened, view, end: str) -> None:
    page = opened.page
    if end == "restart":
        page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    else:
        page.evaluate(
            """() => jupyterapp.shell.currentWidget.sessionContext.session.kernel
              .requestExecute({ code: 'import os; os._exit(1)' }).done.catch(() => {})"""
        )
    eventually(view.locator(".state"), "run this cell again")
    assert view.get_by_label("Prompt", exact=True).is_disabled()
    assert view.get_by_label("temperature").is_disabled()
    if page.get_by_role("button", name="Ok").count():
        page.get_by_role("button", name="Ok").click()
    first_grid(view).get_by_label("layer 3, head 1", exact=True).click()
    eventually(view.locator("strong"), "Layer 3, head 1")
    assert view.get_by_role("button", name="patched").is_disabled()
    assert saved(opened, view.locator(".panel").first.get_by_role("button", name="SVG")).startswith(b"<svg")
    page.wait_for_timeout(1500)
    if page.locator(".jp-Dialog button").count():
        page.locator(".jp-Dialog button").first.click()
    opened.run_all()
    again = page.locator(".minigpt-lab")
    again.get_by_label("Prompt", exact=True).fill("Once more")
    eventually(again.get_by_role("status"), "2 tokens")


def test_without_a_kernel_heads_can_be_chosen_and_the_rest_says_what_it_needs(lab, tmp_path) -> None:
    made = notebook()
    execute(made, tmp_path)
    path = tmp_path / "saved_lab.ipynb"
    nbformat.write(made, path)
    with lab.open(path) as opened:  # not trusted: the picture and the tables
        opened.show_all()
        assert opened.page.locator("iframe").count() == 0
        assert "The live attention lab: 6 layers" in opened.page.locator(".jp-OutputArea img").get_attribute("alt")
        assert opened.page.locator(".jp-OutputArea table").count() == 2
        opened.screenshot("-untrusted")
    NotebookNotary(data_dir=str(lab.root.parent / "DATA_DIR")).sign(copy.deepcopy(made))
    with lab.open(path) as opened:
        opened.show_all()
        frame = opened.page.locator("iframe[srcdoc]").content_frame
        frame.locator(".state").filter(has_text="need a running kernel").wait_for(timeout=10_000)
        assert frame.get_by_label("Prompt", exact=True).is_disabled()
        frame.get_by_label("layer 5, head 5").click()
        frame.locator("strong").filter(has_text="Layer 5, head 5").wait_for()
        assert frame.get_by_role("button", name="patched").is_disabled()
        svg = frame.locator(".panel").first.get_by_role("button", name="SVG")
        assert saved(opened, svg).startswith(b"<svg")  # its frame allows downloads
        png = frame.locator(".panel").first.get_by_role("button", name="PNG")
        assert saved(opened, png).startswith(b"\x89PNG")
        opened.screenshot("-trusted")
