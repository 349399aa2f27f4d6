"""The views of notebook 12 in JupyterLab: by pointer and by keys, in light and dark, narrow and wide."""

import pytest
from page import eventually, page_of, prints, run, wear

pytestmark = pytest.mark.browser

SETUP = "from minigpt import course, views"
CELLS = [
    """def point(name, operations, seconds, number_format="float32"):
    numbers = dict(operations=operations, n_bytes=1e8, seconds=seconds)
    return dict(name=name, kind="matrix product", number_format=number_format, **numbers)
roof = views.roofline(
    [point("one token", 5e7, 0.02), point("many", 9e9, 0.1), point("in bfloat16", 9e9, 0.03, "bfloat16")],
    {"float32": 1e11, "bfloat16": 4e11}, 1e10, machine="this CPU",
    others=[dict(name="Sold", peaks={"float32": 6e13}, bandwidth=3e12, source="a data sheet")],
)
roof""",
    "calculator = course.cost_calculator('gpt2')\ncalculator",
]
SPILLS = "node => [...node.querySelectorAll('*')].some(one => one.getBoundingClientRect().right > innerWidth)"


@pytest.fixture(scope="module")
def opened(lab):
    """One page for all tests here, and one kernel."""
    with page_of(lab, "gpu_run", [SETUP, *CELLS]) as page:
        yield page


def test_a_point_is_chosen_by_keys_and_by_pointer_and_told_in_words(opened) -> None:
    view = opened.page.locator(".minigpt-roofline")
    picture, words = view.get_by_role("application"), view.locator(".words")
    picture.press("Home")
    eventually(words, "one token, float32: 50 MFLOP on 100 MB, 0.5 operations a byte. There bytes set the limit")
    picture.press("ArrowRight")
    eventually(words, "many, float32")
    prints(opened, "print(roof.chosen)", "1")
    picture.press("Escape")
    eventually(words, "Measured on this CPU. Choose an operation")
    view.locator(".point").nth(2).click()
    eventually(words, "in bfloat16, bfloat16")
    prints(opened, "print(roof.chosen)", "2")
    run(opened, "roof.chosen = 0")
    eventually(words, "one token, float32")


def test_a_machine_from_a_data_sheet_is_put_beside_it(opened) -> None:
    view = opened.page.locator(".minigpt-roofline")
    assert view.locator(".other").count() == 0
    view.get_by_label("Sold").check()
    eventually(view.locator("text.other"), "Sold, float32: 60 TFLOP/s")
    prints(opened, "print(roof.shown)", "[0]")


def test_the_calculator_answers_numbers_that_are_typed_and_tells_those_that_cannot_be(opened) -> None:
    view = opened.page.locator(".minigpt-costs")
    eventually(view.locator(".words"), "124,439,808 parameters")
    view.get_by_label("blocks").fill("24")
    eventually(view.locator(".words"), "209,494,272 parameters")
    prints(opened, "print(calculator.preset, calculator.settings['n_layer'])", "24")
    view.get_by_label("width").fill("769")
    eventually(view.locator(".error"), "n_embd=769 cannot be shared out to n_head=12 heads")
    view.get_by_label("width").fill("")
    eventually(view.locator(".error"), "width: a whole number")
    view.get_by_label("model").select_option("gpt2-medium")
    eventually(view.locator(".words"), "354,823,168 parameters")
    assert view.locator(".error").text_content() == ""
    view.get_by_label("precision").select_option("bfloat16")
    prints(opened, "print(calculator.settings['precision'])", "bfloat16")
    assert "weights" in view.get_by_role("img").get_attribute("aria-label")


@pytest.mark.parametrize("width", [700, 1600])
def test_nothing_spills_and_both_themes_wear(opened, width: int) -> None:
    page = opened.page
    size = page.viewport_size
    page.set_viewport_size({"width": width, "height": size["height"]})
    for theme in ("Dark", "Light"):
        wear(page, theme)
        for view in page.locator("section.minigpt").all():
            assert not view.evaluate(SPILLS)
    page.set_viewport_size(size)
