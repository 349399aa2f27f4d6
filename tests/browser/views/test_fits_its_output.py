"""The playground of queries and keys and the pass followed stage by stage, narrow and wide, in light and dark."""

import pytest
from page import page_of, run, wear

pytestmark = pytest.mark.browser

SETUP = """import numpy as np
from minigpt import views

names = ["a token of many letters " * 3, " \\u05e9\\u05dc\\u05d5\\u05dd", "x" * 10_000, "I", "a", "b", "c", "d"]
vectors = -3 + np.arange(16).reshape(8, 2) / 5
numbers = np.random.default_rng(0).normal(size=(4, 8, 24))
stages = [
    dict(name="ids", shape="(T)", explanation="Ids. " * 40, array=np.arange(8) + 50_000),
    dict(name="a stage with a name of many words", shape="(H, T, D)", explanation="Numbers.", array=numbers),
    *(dict(name=f"stage {n}", shape="(T, C)", explanation="Numbers.", array=numbers[0]) for n in range(30)),
]"""
CELLS = {
    "query_key": "views.query_key()",
    "query_key, full": "views.query_key((-2, -2), vectors, vectors, names)",
    "follow": "follow = views.follow(stages, names)\nfollow",
}
# How far anything in a view goes beyond the output that holds it, and beyond the view itself, in pixels.
BEYOND = """view => {
  const output = view.closest('.jp-OutputArea-output');
  const edge = Math.min(output.getBoundingClientRect().right, view.getBoundingClientRect().right);
  const rights = [...view.querySelectorAll('*')].map(one => one.getBoundingClientRect().right);
  return Math.max(...rights) - edge;
}"""


@pytest.fixture(scope="module")
def opened(lab):
    with page_of(lab, "fits_its_output", [SETUP, *CELLS.values()]) as page:
        yield page


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_nothing_is_cut_off_in_narrow_and_wide_pages_in_light_and_dark(opened, theme: str, width: int) -> None:
    page = opened.page
    wear(page, theme)
    page.set_viewport_size({"width": width, "height": 5_000})
    views = page.locator("section.minigpt")
    assert views.count() == len(CELLS)
    for stage in (0, 1):
        run(opened, f"follow.stage = {stage}")
        page.wait_for_timeout(500)
        opened.screenshot(f"-{theme.lower()}-{width}-{stage}")
        beyond = views.evaluate_all(f"views => views.map({BEYOND})")
        assert [pixels for pixels in beyond if pixels > 1] == [], dict(zip(CELLS, beyond, strict=True))
    wear(page, "Light")
