"""The live lab in JupyterLab: typed in, switched, compared, by keys; without its kernel, and in a saved notebook."""

import copy
import json
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_notebook
from page import SHADES, eventually, run, wear

from minigpt.course.execute import KERNEL, execute

pytestmark = pytest.mark.browser

PROMPT = "The cat sat on the"
CELL = f"from minigpt import course\nview = course.lab(prompt={PROMPT!r})\nview"


def notebook() -> nbformat.NotebookNode:
    return new_notebook(cells=[new_code_cell(CELL)], metadata=KERNEL)


@pytest.fixture(scope="module")
def opened(lab, tmp_path_factory):
    """One page for all tests here, and one kernel."""
    path = tmp_path_factory.mktemp("lab") / "lab.ipynb"
    nbformat.write(notebook(), path)
    with lab.open(path) as page:
        page.run_all()
        page.page.set_viewport_size({"width": 1600, "height": 2400})
        yield page


@pytest.fixture
def view(opened):
    """The lab, as it was at the start."""
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
    assert run(opened, "print(view.request['prompt'])") == f"{PROMPT} mat. Then"


def test_fast_typing_ends_in_what_was_typed_and_asks_less_often(view, opened) -> None:
    first = int(run(opened, "print(view.answered)"))
    text = "One day a little girl went to the park to play with her friend." * 2
    view.get_by_label("Prompt", exact=True).fill("")
    opened.page.keyboard.type(text)
    settle(opened)
    assert run(opened, "print(view.request['prompt'])") == text
    assert int(run(opened, "print(view.answered)")) - first < len(text)


def test_an_empty_prompt_and_a_long_one_are_told_and_the_last_heads_stay(view, opened) -> None:
    prompt = view.get_by_label("Prompt", exact=True)
    prompt.fill("")
    eventually(view.locator(".error"), "Nothing is typed yet: begin with a word.")
    prompt.fill("one " * 300)
    eventually(view.locator(".error"), "fit (n_ctx=256): take away ")
    assert view.locator(".thumb").count() == 36
    eventually(view.get_by_role("status"), "5 tokens")
    prompt.fill("a")
    eventually(view.get_by_role("status"), "1 token")
    assert view.locator(".error").text_content() == ""


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script><img src=x onerror=alert(1)>", "שלום עולם \u202eabc", "👩\u200d🚀 e\u0301", "x" * 300],
)
def test_strange_text_stays_text(view, opened, text: str) -> None:
    view.get_by_label("Prompt", exact=True).fill(text)
    settle(opened)
    assert view.locator(".error").text_content() in ("", run(opened, "print(view.error)"))
    assert view.locator("script, img").count() == 0
    assert run(opened, f"print(view.request['prompt'] == {text!r})") == "True"


def test_heads_are_switched_by_keys_on_their_pictures(view, opened) -> None:
    thumb = first_grid(view).get_by_label("layer 1, head 2", exact=True)
    thumb.focus()
    opened.page.keyboard.press("0")
    settle(opened)
    assert run(opened, "print(view.request['changes'])") == "[[1, 2, 0]]"
    assert (
        first_grid(view).get_by_label("layer 1, head 2, switched off", exact=True).get_attribute("data-mark") == "off"
    )
    changes = view.locator("table.next td:last-child").all_text_contents()
    assert any(change[0] in "+\u2212" for change in changes)
    for key, mark in (("2", "\u00d72"), ("5", "\u00d7½"), ("1", "")):
        opened.page.keyboard.press(key)
        assert view.locator(".thumb").nth(8).get_attribute("data-mark") == mark
    settle(opened)
    assert set(view.locator("table.next td:last-child").all_text_contents()) == {"0"}


def test_the_enlarged_head_has_the_same_switches_as_buttons(view, opened) -> None:
    first_grid(view).get_by_label("layer 0, head 3", exact=True).click()
    view.get_by_role("button", name="twice", exact=True).press("Enter")
    settle(opened)
    assert run(opened, "print(view.request['changes'], view.request['head'])") == "[[0, 3, 2]] 3"
    assert view.get_by_role("button", name="twice", exact=True).get_attribute("aria-pressed") == "true"
    view.get_by_role("button", name="all heads as they are").press("Enter")
    settle(opened)
    assert run(opened, "print(view.request['changes'])") == "[]"


def thumb(view, layer: int, head: int):
    return first_grid(view).locator(".thumb").nth(6 * layer + head)


def compare_with(view, opened, text: str) -> None:
    view.get_by_label("Compare with a second prompt").check()
    view.get_by_label("Second prompt", exact=True).fill(text)
    settle(opened)


def test_a_head_is_set_to_its_mean_and_patched_by_keys_and_undone(view, opened) -> None:
    compare_with(view, opened, "The dog sat on the")
    thumb(view, 2, 1).focus()
    for key, mark in (("m", "mean"), ("p", "patch"), ("0", "off")):
        opened.page.keyboard.press(key)
        settle(opened)
        assert thumb(view, 2, 1).get_attribute("data-mark") == mark
        changes = view.locator("table.next td:last-child").all_text_contents()
        assert any(change[0] in "+\u2212" for change in changes)
    eventually(view.locator(".changed"), "Changed: layer 2, head 1 is switched off.")
    for mark in ("patch", "mean", ""):
        opened.page.keyboard.press("Control+z")
        settle(opened)
        assert thumb(view, 2, 1).get_attribute("data-mark") == mark
    eventually(view.locator(".changed"), "No head is changed.")
    assert run(opened, "print(view.request['changes'])") == "[]"


def test_the_keys_work_on_the_enlarged_head_too(view, opened) -> None:
    view.get_by_label("Enlarged head", exact=True).focus()
    opened.page.keyboard.press("m")
    settle(opened)
    eventually(view.locator("strong"), "Layer 0, head 0: set to its mean over the text")
    opened.page.keyboard.press("Control+z")
    settle(opened)
    assert run(opened, "print(view.request['changes'])") == "[]"


def test_a_click_can_be_told_to_change_heads_and_a_second_one_takes_it_back(view, opened) -> None:
    clicks = view.get_by_label("A click on a head")
    clicks.select_option(label="enlarges it, and: off")
    for layer, head in ((1, 1), (4, 2)):
        thumb(view, layer, head).click()
    settle(opened)
    assert run(opened, "print(view.request['changes'])") == "[[1, 1, 0], [4, 2, 0]]"
    eventually(view.locator("strong"), "Layer 4, head 2: switched off")
    thumb(view, 1, 1).press("Enter")
    settle(opened)
    assert run(opened, "print(view.request['changes'])") == "[[4, 2, 0]]"
    clicks.select_option(label="enlarges it")
    thumb(view, 4, 2).click()
    settle(opened)
    assert run(opened, "print(view.request['changes'])") == "[[4, 2, 0]]"


def test_a_head_is_scaled_by_a_slider_and_one_undo_takes_the_drag_back(view, opened) -> None:
    times = view.get_by_label("times")
    times.focus()
    for _ in range(3):
        opened.page.keyboard.press("ArrowRight")
    settle(opened)
    assert run(opened, "print(view.request['changes'])") == "[[0, 0, 1.15]]"
    assert thumb(view, 0, 0).get_attribute("data-mark") == "\u00d71.15"
    view.get_by_role("button", name="undo").click()
    settle(opened)
    assert run(opened, "print(view.request['changes'])") == "[]"


def test_a_patch_that_cannot_be_made_is_told_and_made_as_soon_as_it_can(view, opened) -> None:
    view.get_by_role("button", name="patched").click()
    eventually(view.locator(".error"), "compare with one, and type it")
    assert thumb(view, 0, 0).get_attribute("data-mark") == "patch?"
    compare_with(view, opened, "The dog")
    eventually(
        view.locator(".error"), "second prompt, 2 tokens, takes the place of what it does in the first, 5 tokens"
    )
    assert set(view.locator("table.next td:last-child").all_text_contents()) == {"0"}
    compare_with(view, opened, "The dog sat on the")
    assert view.locator(".error").text_content() == ""
    assert thumb(view, 0, 0).get_attribute("data-mark") == "patch"
    assert set(view.locator("table.next td:last-child").all_text_contents()) != {"0"}


def test_the_next_tokens_of_both_sides_stand_side_by_side(view, opened) -> None:
    assert view.locator("table.both").is_hidden()
    compare_with(view, opened, "The dog ran to the")
    rows = view.locator("table.both tbody tr")
    assert rows.count() == 12
    shown = rows.first.locator("td").all_text_contents()
    _, first, second = json.loads(run(opened, "import json; print(json.dumps(view.both['rows'][0]))"))
    assert shown[0] == f"{100 * first:.1f} %" if first < 0.1 else f"{100 * first:.0f} %"
    assert (shown[2][0] == "+") == (first - second > 0)
    compare_with(view, opened, PROMPT)
    eventually(view.locator(".compare .words"), "the same in both")
    assert set(view.locator("table.both td:last-child").all_text_contents()) == {"0"}


def saved(opened, button) -> bytes:
    with opened.page.expect_download() as download:
        button.press("Enter")
    return download.value.path().read_bytes()


def test_the_head_and_the_difference_are_saved_as_png_and_svg(view, opened) -> None:
    compare_with(view, opened, "The dog sat on the")
    for panel, name in (
        (view.locator(".panel").first, "Layer 0, head 0"),
        (view.locator(".compare"), "first minus second"),
    ):
        svg = saved(opened, panel.get_by_role("button", name="SVG"))
        root = ElementTree.fromstring(svg)
        assert any(name in (node.text or "") for node in root.iter() if node.tag.endswith("text"))
        assert any("cat" in (node.text or "") for node in root.iter())
        png = saved(opened, panel.get_by_role("button", name="PNG"))
        assert png.startswith(b"\x89PNG")
        assert len(png) > 2000


def test_the_chosen_row_is_a_table_and_the_head_is_copied_as_one(view, opened) -> None:
    opened.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel = view.locator(".panel").first
    panel.get_by_text("The chosen row as a table").press("Enter")
    panel.locator(".numbers tbody tr").nth(4).wait_for()
    assert "“ the” (4) looks at" in panel.locator("caption").text_content()
    total = sum(float(text) for text in panel.locator(".numbers td:last-child").all_text_contents())
    assert abs(total - 1) < 0.02
    panel.get_by_role("button", name="Copy").press("Enter")
    eventually(panel.get_by_role("status"), "Copied: Layer 0, head 0, 5 rows.")
    text = opened.page.evaluate("() => navigator.clipboard.readText()")
    assert text.split("\n")[0] == "\tThe\t cat\t sat\t on\t the"
    panel.get_by_text("The chosen row as a table").press("Enter")


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
    assert run(opened, "print(view.lens['position'], view.request['position'])") == "0 0"
    assert position.get_attribute("aria-valuetext") == "0: “The”"
    first = view.locator("table.lens tbody tr").first.locator("td").first.text_content()
    assert first == run(opened, "print(view.lens['rows'][0][1])")


def test_the_cursor_chooses_the_pair_whose_product_is_drawn(view, opened) -> None:
    view.get_by_label("Enlarged head", exact=True).focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowRight", "ArrowRight"):
        opened.page.keyboard.press(key)
    settle(opened)
    eventually(view.locator(".pair"), "Layer 0, head 0: “ sat” (2) looks at “ cat” (1)")
    assert run(opened, "print(view.pair['row'], view.pair['column'])") == "2 1"
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
    assert run(opened, "print(view.request['row'])") == "None"
    opened.page.mouse.down()
    opened.page.mouse.up()
    settle(opened)
    assert run(opened, "print(view.request['row'])") == "3"
    opened.page.mouse.move(box["x"] - 50, box["y"] - 50)
    assert view.locator(".words").first.text_content().startswith("“ on” (3) looks at")


def test_a_second_prompt_is_shown_with_the_difference(view, opened) -> None:
    view.get_by_label("Compare with a second prompt").check()
    settle(opened)
    assert view.locator(".thumb").count() == 72
    view.get_by_label("Second prompt", exact=True).fill("The dog sat on the")
    settle(opened)
    eventually(view.locator(".compare strong"), "Layer 0, head 0: first minus second")
    eventually(view.locator(".compare .words"), "in the first")
    view.get_by_label("Second prompt", exact=True).fill("The dog")
    eventually(view.locator(".compare .words"), "No difference to show: 5 and 2 tokens.")
    view.get_by_label("Second prompt", exact=True).fill("")
    eventually(view.locator(".error"), "The second prompt: Nothing is typed yet")
    view.get_by_label("Compare with a second prompt").uncheck()
    settle(opened)
    assert run(opened, "print(view.request['other_prompt'])") == "None"


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
    eventually(view.locator(".state"), "run its cell again")
    assert view.get_by_label("Prompt", exact=True).is_disabled()
    assert view.get_by_label("temperature").is_disabled()
    if page.get_by_role("button", name="Ok").count():
        page.get_by_role("button", name="Ok").click()
    first_grid(view).get_by_label("layer 3, head 1", exact=True).click()
    eventually(view.locator("strong"), "Layer 3, head 1")
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
        opened.screenshot("-trusted")
