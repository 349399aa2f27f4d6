"""The live lab in JupyterLab: heads changed where they are seen, two sides compared, pictures and numbers kept."""

import json
from xml.etree import ElementTree

import nbformat
import pytest
from lab_page import CELL, PROMPT, as_at_the_start, compare_with, first_grid, saved, settle, thumb
from nbformat.v4 import new_code_cell, new_notebook
from page import eventually, page_of, prints, run

from minigpt.course.execute import KERNEL

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def opened(lab):
    """One page for all tests here, and one kernel."""
    with page_of(lab, "lab_changes", [CELL]) as page:
        page.page.set_viewport_size({"width": 1600, "height": 2400})
        yield page


@pytest.fixture
def view(opened):
    """The lab, as it was at the start."""
    return as_at_the_start(opened)


def test_heads_are_switched_by_keys_on_their_pictures(view, opened) -> None:
    thumb = first_grid(view).get_by_label("layer 1, head 2", exact=True)
    thumb.focus()
    opened.page.keyboard.press("0")
    settle(opened)
    prints(opened, "print(view.request['changes'])", "[[1, 2, 0]]")
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
    prints(opened, "print(view.request['changes'], view.request['head'])", "[[0, 3, 2]] 3")
    assert view.get_by_role("button", name="twice", exact=True).get_attribute("aria-pressed") == "true"
    view.get_by_role("button", name="all heads as they are").press("Enter")
    settle(opened)
    prints(opened, "print(view.request['changes'])", "[]")


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
    prints(opened, "print(view.request['changes'])", "[]")


def test_the_keys_work_on_the_enlarged_head_too(view, opened) -> None:
    view.get_by_label("Enlarged head", exact=True).focus()
    opened.page.keyboard.press("m")
    settle(opened)
    eventually(view.locator("strong"), "Layer 0, head 0: set to its mean over the positions of this text")
    opened.page.keyboard.press("Control+z")
    settle(opened)
    prints(opened, "print(view.request['changes'])", "[]")


def test_a_click_can_be_told_to_change_heads_and_a_second_one_takes_it_back(view, opened) -> None:
    clicks = view.get_by_label("A click on a head")
    clicks.select_option(label="enlarges it, and: off")
    for layer, head in ((1, 1), (4, 2)):
        thumb(view, layer, head).click()
    settle(opened)
    prints(opened, "print(view.request['changes'])", "[[1, 1, 0], [4, 2, 0]]")
    eventually(view.locator("strong"), "Layer 4, head 2: switched off")
    thumb(view, 1, 1).press("Enter")
    settle(opened)
    prints(opened, "print(view.request['changes'])", "[[4, 2, 0]]")
    clicks.select_option(label="enlarges it")
    thumb(view, 4, 2).click()
    settle(opened)
    prints(opened, "print(view.request['changes'])", "[[4, 2, 0]]")


def test_a_head_is_scaled_by_a_slider_and_one_undo_takes_the_drag_back(view, opened) -> None:
    times = view.get_by_label("times")
    times.focus()
    for _ in range(3):
        opened.page.keyboard.press("ArrowRight")
    settle(opened)
    prints(opened, "print(view.request['changes'])", "[[0, 0, 1.15]]")
    assert thumb(view, 0, 0).get_attribute("data-mark") == "\u00d71.15"
    view.get_by_role("button", name="undo").click()
    settle(opened)
    prints(opened, "print(view.request['changes'])", "[]")


def test_a_patch_that_cannot_be_made_is_told_and_made_as_soon_as_it_can(view, opened) -> None:
    view.get_by_role("button", name="patched").click()
    eventually(view.locator(".error[role=alert]"), "compare with one, and type it")
    assert thumb(view, 0, 0).get_attribute("data-mark") == "patch?"
    compare_with(view, opened, "The dog")
    eventually(
        view.locator(".error[role=alert]"),
        "second prompt, 2 tokens, takes the place of what it does in the first, 5 tokens",
    )
    assert set(view.locator("table.next td:last-child").all_text_contents()) == {"0"}
    compare_with(view, opened, "The dog sat on the")
    assert view.locator(".error[role=alert]").text_content() == ""
    assert thumb(view, 0, 0).get_attribute("data-mark") == "patch"
    assert set(view.locator("table.next td:last-child").all_text_contents()) != {"0"}


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
    eventually(view.locator(".error[role=alert]"), "The second prompt: Nothing is typed yet")
    view.get_by_label("Compare with a second prompt").uncheck()
    settle(opened)
    prints(opened, "print(view.request['other_prompt'])", "None")


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


def test_the_marked_row_of_the_difference_is_a_table(view, opened) -> None:
    compare_with(view, opened, "The dog sat on the")
    panel = view.locator(".compare")
    eventually(panel.locator("strong"), "Layer 0, head 0: first minus second")
    panel.get_by_label("Difference of the enlarged head").focus()
    for key in 4 * ["ArrowUp"] + 2 * ["ArrowDown"]:
        opened.page.keyboard.press(key)
    panel.get_by_text("The marked row as a table").press("Enter")
    panel.locator(".numbers tbody tr").nth(2).wait_for()
    assert panel.locator("caption").text_content() == "“ sat” (2) looks at"
    rows = [row.locator("th, td").all_text_contents() for row in panel.locator(".numbers tr").all()]
    assert rows[0] == ["token", "first", "second", "difference"]
    assert [row[0] for row in rows[1:]] == ["“The” (0)", "“ cat” (1)", "“ sat” (2)"]  # the others come later
    run(opened, "from minigpt.views.attention import dequantised")
    sides = [f"dequantised(view.{name}data, view.shape, True, 0)[2, :3]" for name in ("", "other_")]
    exact = json.loads(run(opened, f"import json; print(json.dumps([[*{sides[0]}], [*{sides[1]}]]))"))
    for row, first, second in zip(rows[1:], *exact, strict=True):
        assert row[1:3] == [f"{first:.3f}", f"{second:.3f}"]
        assert abs(float(row[3].replace("\u2212", "-")) - (first - second)) < 0.0006
    assert {row[3] for row in rows[1:]} != {"0.000"}
    view.get_by_label("Second prompt", exact=True).fill("The dog")
    eventually(panel.locator(".words"), "No difference to show: 5 and 2 tokens.")
    eventually(panel.locator("caption"), "“ dog” (1) looks at")
    assert panel.locator(".numbers tbody tr").count() == 2
    panel.get_by_text("The marked row as a table").press("Enter")


def test_two_models_stand_side_by_side_and_a_head_of_one_is_patched_from_the_other(lab, tmp_path) -> None:
    cells = [
        "import torch\nfrom minigpt import course\nfrom minigpt.models.gpt import GPT\n"
        "from minigpt.weights.shipped import load_shipped\nmodel, tokenizer = load_shipped()\ntorch.manual_seed(0)",
        f"view = course.lab(model, tokenizer, {PROMPT!r}, other=GPT(model.config))\nview",
    ]
    path = tmp_path / "two_models.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=KERNEL), path)
    with lab.open(path) as opened:
        opened.run_all()
        view = opened.page.locator(".minigpt-lab")
        assert view.get_by_label("Compare with the second model").is_checked()
        eventually(view.locator(".compare strong"), "Layer 0, head 0: first minus second")
        assert view.locator("table.both tbody tr").count() == 12
        view.get_by_role("button", name="patched").click()
        settle(opened)
        assert view.locator(".error[role=alert]").text_content() == ""
        assert thumb(view, 0, 0).get_attribute("data-mark") == "patch"
        assert set(view.locator("table.next td:last-child").all_text_contents()) != {"0"}
        opened.screenshot()
