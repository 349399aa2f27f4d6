"""The key-value cache's picture in JupyterLab: by pointer and by keys, in light and dark, narrow and wide."""

import pytest
from page import SHADES, eventually, page_of, prints, run, wear

pytestmark = pytest.mark.browser

CELLS = [
    "from minigpt import views",
    "own = views.kv_cache(5, 20, 3 * 2**10, seconds=([0.02] * 20, [0.005] * 20))\nown",
    "views.kv_cache(1, 1, 8)",
    "views.kv_cache(100_000, 1024, 2**20)",
]
OUTSIDE = "one => !one.closest('.scroll') && one.getBoundingClientRect().right > innerWidth"
SPILLS = f"node => [...node.querySelectorAll('*')].some({OUTSIDE})"


@pytest.fixture(scope="module")
def opened(lab):
    """One page for all tests here, and one kernel."""
    with page_of(lab, "kv_cache", CELLS) as page:
        yield page


@pytest.fixture
def view(opened):
    run(opened, "own.step = 20")
    own = opened.page.locator(".minigpt-kv_cache").first
    eventually(own.locator(".words"), "Token 20 of 20")
    return own


def test_both_triangles_are_drawn_and_counted(view) -> None:
    canvases = view.locator("canvas")
    assert canvases.count() == 2
    assert all(len(canvases.nth(n).evaluate(SHADES)) > 3 for n in range(2))
    assert canvases.first.get_attribute("aria-label") == "Without a cache: 290 positions computed in 20 steps"
    row = view.locator("table.counts tr").nth(2).locator("td").all_text_contents()
    assert row == ["5 + 6 + … + 24 = 290", "5 + 19 · 1 = 24", "12.1 times"]
    assert view.locator(".seconds path").count() == 2


def test_steps_are_walked_by_keys_and_chosen_by_a_click(view, opened) -> None:
    board, keys = view.get_by_role("application"), opened.page.keyboard
    board.focus()
    keys.press("Home")
    prints(opened, "print(own.step)", "0")
    eventually(view.locator(".words"), "Nothing is written yet")
    for key in ("ArrowDown", "PageDown", "ArrowUp"):
        keys.press(key)
    prints(opened, "print(own.step)", "10")
    eventually(view.locator(".words"), "Token 10 of 20: without a cache all 14 positions are computed anew")
    view.locator("canvas").nth(1).click(position={"x": 30, "y": 22})
    prints(opened, "print(own.step)", "1")
    keys.press("Tab")
    assert board.evaluate("node => document.activeElement !== node")


def test_it_plays_to_its_end(view, opened) -> None:
    run(opened, "own.step = 18")
    eventually(view.locator(".words"), "Token 18 of 20")
    view.get_by_role("button", name="Play").press("Enter")
    eventually(view.locator(".words"), "Token 20 of 20")
    prints(opened, "print(own.step)", "20")


def test_the_numbers_of_all_steps_stand_in_a_table(view) -> None:
    view.locator("summary").press("Enter")
    eventually(view.locator("table.numbers th").first, "token")
    assert view.locator("table.numbers tr").count() == 21
    last = view.locator("table.numbers tr").last.locator("td").all_text_contents()
    assert last == ["24", "290", "1", "24", "73,728", "400.0 ms", "100.0 ms"]
    view.locator("summary").press("Enter")


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_fits_into_any_width_in_light_and_dark(opened, theme, width) -> None:
    wear(opened.page, theme)
    opened.page.set_viewport_size({"width": width, "height": 3_000})
    opened.page.wait_for_timeout(400)
    for one in opened.page.locator(".minigpt-kv_cache").all():
        assert not one.evaluate(SPILLS)
        assert len(one.locator("canvas").first.evaluate(SHADES)) > 2
    opened.screenshot(f"-kv-cache-{theme}-{width}")
    wear(opened.page, "Light")
