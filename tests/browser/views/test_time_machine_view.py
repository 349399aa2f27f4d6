"""The time machine in JupyterLab: through the course's own snapshots by pointer and by keys, and on another prompt."""

import pytest
from page import SHADES, eventually, page_of, prints, run, wear

pytestmark = pytest.mark.browser

CELLS = ["from minigpt import course\nmachine = course.time_machine('One day, Ravuki saw Ra', step=0)\nmachine"]
SPILLS = "node => [...node.querySelectorAll('*')].some(one => one.getBoundingClientRect().right > innerWidth)"


@pytest.fixture(scope="module")
def opened(lab):
    """One page for all tests here, and one kernel."""
    with page_of(lab, "time_machine", CELLS, 1_800) as page:
        yield page


@pytest.fixture
def view(opened):
    run(opened, "machine.at, machine.head = 0, machine.best")
    eventually(opened.page.locator(".minigpt-time_machine .words").first, "After 0 steps: loss 6.")
    return opened.page.locator(".minigpt-time_machine")


def test_the_slider_moves_words_curves_and_heads(view, opened) -> None:
    words, large = view.locator(".words").first, view.locator(".large canvas")
    before = large.evaluate(SHADES)
    assert len(before) > 3
    view.get_by_role("slider").focus()
    opened.page.keyboard.press("End")
    prints(opened, "print(machine.at == len(machine.steps) - 1)", "True")
    eventually(words, "After 3,000 steps: loss 1.")
    eventually(view.locator(".text"), run(opened, "print(machine.written[-1].split()[0])").strip())
    assert large.evaluate(SHADES) != before
    assert view.locator("circle.now").count() == 7
    assert view.locator("figure").count() == 4


def test_play_walks_on_until_it_is_paused(view, opened) -> None:
    view.get_by_role("button", name="Play").click()
    prints(opened, "print(machine.at >= 2)", "True")  # waits: a step takes most of a second
    view.get_by_role("button", name="Pause").click()
    at = run(opened, "print(machine.at)")
    opened.page.wait_for_timeout(2_500)
    assert run(opened, "print(machine.at)") == at
    assert view.get_by_role("button", name="Play").count() == 1


def test_a_click_into_a_chart_goes_to_the_nearest_snapshot(view, opened) -> None:
    chart = view.locator("figure > svg").nth(1)
    box = chart.bounding_box()
    chart.click(position={"x": box["width"] - 9, "y": 60})
    prints(opened, "print(machine.steps[machine.at])", "3000")
    chart.click(position={"x": 42, "y": 60})
    prints(opened, "print(machine.steps[machine.at])", "0")


def test_a_head_is_chosen_and_its_rows_are_read_by_keys(view, opened) -> None:
    view.get_by_label("layer 0, head 1").click()
    prints(opened, "print(machine.head)", "1")
    eventually(view.locator(".large strong"), "Layer 0, head 1: induction score 0.0")
    view.locator(".large canvas").focus()
    opened.page.keyboard.press("ArrowUp")
    eventually(view.locator(".large .words"), "“R” (12) looks at")


def test_another_prompt_is_read_and_what_cannot_be_read_is_told(view, opened) -> None:
    field, error = view.get_by_label("The text that all snapshots read"), view.locator(".error")
    field.fill("Tumela met Tum")
    field.press("Enter")
    eventually(view.locator(".text .soft"), "Tumela met Tum")
    prints(opened, "print(machine.prompt)", "Tumela met Tum")
    field.fill("a b c d e f g h i j" * 20)
    view.get_by_role("button", name="Read this").click()
    eventually(error, "shorten it")
    prints(opened, "print(machine.prompt)", "Tumela met Tum")
    field.fill("Bovito")
    field.press("Enter")
    eventually(view.locator(".text .soft"), "Bovito")
    assert error.text_content() == ""


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_fits_into_any_width_in_light_and_dark(view, opened, theme, width) -> None:
    wear(opened.page, theme)
    opened.page.set_viewport_size({"width": width, "height": 1_800})
    opened.page.wait_for_timeout(300)
    assert not view.evaluate(SPILLS)
    assert len(view.locator(".large canvas").evaluate(SHADES)) > 3
    opened.screenshot(f"-time-machine-{theme}-{width}")
    wear(opened.page, "Light")
