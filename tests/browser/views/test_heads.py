"""All heads in JupyterLab: enlarged, drawn as lines, sorted, pinned, saved, by keys alone; long texts; mean input."""

import pytest
from page import eventually, page_of, prints, run, wear

pytestmark = pytest.mark.browser

SETUP = """import numpy as np
from minigpt import views

class Recording:
    def __init__(self, tokens, n_layer, n_head, sources=None, share=1.0, seed=0):
        T, S = len(tokens), len(sources or tokens)
        weights = np.exp(3 * np.random.default_rng(seed).standard_normal((n_layer, n_head, T, S), dtype=np.float32))
        weights *= 1 if sources else np.tri(T, dtype=np.float32)
        self.stack = share * weights / weights.sum(-1, keepdims=True)
        self.tokens, self.source_tokens = tokens, sources

    def attention_stack(self):
        return self.stack

raw = np.where(np.tri(14, dtype=bool), np.arange(14.0), -np.inf) * np.ones((4, 4, 1, 1))  # the last wins
shares = np.eye(14) * np.ones((4, 1, 1))
words = "The cat sat on the mat because it was tired of the long day".split()
long = [f"{words[k % 14]}{k}" for k in range(1024)]
scores = {"previous token": np.arange(16).reshape(4, 4) / 16, "entropy": np.arange(16)[::-1].reshape(4, 4)}
mean = ["<script>alert(1)</script>", " שלום", "e\\u0301", "😀" * 40, "x" * 10_000, "\\u202eabc", "$x$", "”“"]"""
CELLS = {
    "own": "more = dict(scores=scores, values=np.ones((4, 4, 14)), raw=raw, rollout=shares)\n"
    "own = views.heads(Recording(words, 4, 4), **more)\nown",
    "cross": "cross = views.heads(Recording(list('abc'), 1, 2, list('uvwxyz')), padding=np.arange(6) > 3)\ncross",
    "padded": "padded = views.heads(Recording(list('abcde'), 1, 2), padding=np.arange(5) > 2)\npadded",
    "large": "large = views.heads(Recording(long, 2, 2))\nlarge",
    "odd": "import warnings\nwarnings.simplefilter('ignore')\nodd = views.heads(Recording(mean, 1, 2, share=0.5))\nodd",
    "many": "ranks = np.arange(144).reshape(12, 12) / 160\n"
    "many = views.heads(Recording(words, 12, 12), scores={'rank': ranks}, sort='rank')\nmany",
    "single": "single = views.heads(Recording(['I'], 1, 1))\nsingle",
}
VIEW = {name: n for n, name in enumerate(CELLS)}
TALL = {"width": 1280, "height": 6_000}  # all views are in sight
CUT = "spans => spans.filter(span => span.scrollWidth > span.clientWidth).map(span => span.textContent)"
SPILLS = "node => [...node.querySelectorAll('*')].some(one => one.getBoundingClientRect().right > innerWidth)"


@pytest.fixture(scope="module")
def opened(lab):
    """One page for all tests here, and one kernel."""
    with page_of(lab, "heads", [SETUP, *CELLS.values()], TALL["height"]) as page:
        page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield page


@pytest.fixture
def view(opened):
    return lambda name: opened.page.locator(".minigpt-heads").nth(VIEW[name])


@pytest.fixture(autouse=True)
def as_at_first(opened):
    """Each test finds the first view as it was."""
    run(
        opened, "own.layer = own.head = 0; own.lines = own.smallest = False; own.quantity = 'weights'; own.overlay = []"
    )
    run(opened, "own.score = ''; own.threshold = None; own.row = own.column = -1")
    opened.page.wait_for_timeout(300)


def picture(view):
    return view.get_by_role("application")


def test_by_keys_alone_a_head_is_drawn_as_lines_with_another_and_a_token_is_pinned(view, opened) -> None:
    own, keys = view("own"), opened.page.keyboard
    own.locator(".thumb").first.focus()
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        keys.press(key)
    eventually(own.locator("strong"), "Layer 1, head 1")
    for key in ("ArrowRight", "Space"):
        keys.press(key)
    eventually(own.locator(".legend"), "Layer 1, head 2")
    prints(opened, "print(own.lines, own.layer, own.head, own.overlay)", "True 1 1 [(1, 2)]")
    picture(own).focus()
    for key in ("Home", "ArrowDown", "ArrowDown", "Enter"):
        keys.press(key)
    eventually(own.locator(".words"), "Layer 1, head 2: “sat” (2) looks at ")
    eventually(own.locator("button[aria-pressed=true]"), "Pin")
    prints(opened, "print(own.row)", "2")
    opened.screenshot("-lines")
    keys.press("ArrowRight")  # to the other side
    eventually(own.locator(".words"), "“sat” (2) is looked at by ")
    keys.press("Escape")
    own.get_by_role("button", name="Take out Layer 1, head 2").press("Enter")
    own.locator(".legend").get_by_text("Layer 1, head 2").wait_for(state="detached")
    prints(opened, "print(own.row, own.overlay)", "-1 []")


def test_ctrl_and_click_adds_a_head_to_the_lines_and_removes_it(view, opened) -> None:
    own = view("own")
    for overlay in ("[(2, 3)]", "[]"):
        own.locator(".thumb[aria-label^='layer 2, head 3']").click(modifiers=["ControlOrMeta"])
        prints(opened, "print(own.overlay, own.layer, own.head)", f"{overlay} 0 0")


def test_a_pinned_row_stays_while_the_pointer_moves_on(view, opened) -> None:
    own = view("own")
    box = picture(own).bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 8)
    eventually(own.locator(".words"), "“day” (13) looks at ")
    opened.page.mouse.down()
    opened.page.mouse.up()
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    prints(opened, "print(own.row)", "13")
    eventually(own.locator(".words"), "“day” (13) looks at ")
    picture(own).press("Escape")
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 30)
    eventually(own.locator(".words"), "“long” (12) looks at ")


def test_heads_are_sorted_and_filtered_by_a_score_that_each_shows(view) -> None:
    own = view("own")
    own.get_by_label("Sort by").select_option("previous token")
    eventually(own.get_by_role("status"), "All 16 heads, sorted by “previous token”, largest first.")
    thumbs = own.locator(".thumb")
    assert thumbs.first.text_content() == "L3H3\n0.938"
    assert thumbs.first.get_attribute("aria-label") == "layer 3, head 3: 0.938"
    own.get_by_role("slider").press("End")
    eventually(own.get_by_role("status"), "1 of 16 heads with at least ")
    own.get_by_label("smallest first").press("Space")
    eventually(own.get_by_role("status"), "All 16 heads, sorted by “previous token”, smallest first.")
    assert thumbs.first.text_content() == "L0H0\n0"
    own.get_by_label("Sort by").select_option("")
    eventually(own.get_by_role("status"), "a row is a layer")


@pytest.mark.parametrize("width", [700, 1600])
def test_of_144_sorted_heads_each_shows_its_whole_name_and_score_and_arrows_walk_in_what_is_seen(
    view, opened, width: int
) -> None:
    opened.page.set_viewport_size({**TALL, "width": width})
    opened.page.wait_for_timeout(300)
    thumbs = view("many").locator(".thumb")
    assert thumbs.first.text_content() == "L11H11\n0.894"
    assert not thumbs.locator(".edge").evaluate_all(CUT)
    thumbs.first.press("ArrowDown")
    left, top = (thumbs.first.bounding_box()[side] for side in ("x", "y"))
    below = opened.page.locator(":focus").bounding_box()
    assert below["x"] == pytest.approx(left, abs=1)
    assert below["y"] > top + 20
    opened.page.set_viewport_size(TALL)


def test_the_table_of_numbers_has_those_of_the_chosen_row(view, opened) -> None:
    own = view("own")
    picture(own).focus()
    for key in ("Home", "ArrowDown"):
        picture(own).press(key)
    own.locator("summary").press("Enter")
    table = own.locator(".numbers")
    eventually(table.locator("caption"), "“cat” (1) looks at")
    shown = [float(table.locator("tr").nth(n).locator("td").last.text_content()) for n in (1, 2)]
    exact = [float(number) for number in run(opened, "print(*own._weights.layers[0][0][1, :2])").split()]
    assert shown == pytest.approx(exact, abs=0.004)
    assert table.locator("tr").nth(3).locator("td").last.text_content() == "masked"
    own.locator("summary").press("Enter")


@pytest.mark.parametrize("kind", ["PNG", "SVG"])
def test_the_picture_is_saved(view, opened, kind: str) -> None:
    own = view("own")
    with opened.page.expect_download() as waited:
        own.get_by_role("button", name=kind).click()
    assert waited.value.suggested_filename == f"L0H0.{kind.lower()}"
    content = waited.value.path().read_bytes()
    if kind == "PNG":
        assert content.startswith(b"\x89PNG")
        assert len(content) > 5_000
    else:
        opened.page.evaluate(
            """async svg => {
              const image = new Image();
              image.src = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
              await image.decode();
            }""",
            content.decode(),
        )
        assert all(f">{word}</text>".encode() in content for word in ("Layer 0, head 0", "because", "tired"))


def test_the_enlarged_head_is_copied_as_a_table(view, opened) -> None:
    own = view("own")
    own.get_by_role("button", name="Copy").press("Enter")
    eventually(own.locator(".tools"), "Copied: Layer 0, head 0, 14 rows.")
    lines = opened.page.evaluate("() => navigator.clipboard.readText()").splitlines()
    assert lines[0].split("\t")[:3] == ["", "The", "cat"]
    assert lines[1].split("\t")[:3] == ["The", "1.000", ""]
    assert len(lines) == 15


@pytest.mark.parametrize(
    ("key", "words", "note"),
    [
        ("w", "“The” (0) looks at “The” (0): 1.00", "a weight times the size of the value"),
        ("s", "“cat” (1) gives its highest scores to “cat” (1): 1.02, “The” (0): 0", "before the softmax"),
        ("r", "“cat” (1) has gathered from “cat” (1): 100 %", "Rollout: the share of each position"),
    ],
)
def test_the_reader_chooses_what_is_shown_of_the_head(view, opened, key: str, words: str, note: str) -> None:
    own = view("own")
    choice = own.get_by_label("Show")
    choice.focus()
    choice.press(key)  # the first letter of the next choice
    eventually(own.locator(".panel"), note)
    picture(own).press("Home")
    if "cat" in words:
        picture(own).press("ArrowDown")
    eventually(own.locator(".words"), words)
    opened.screenshot(f"-{key}")


def test_padding_is_called_so_and_masked_cells_say_why(view) -> None:
    cross = view("cross")
    picture(cross).focus()
    for key in ("Home", *["ArrowRight"] * 5):
        picture(cross).press(key)
    eventually(cross.locator(".words"), "Marked: “padding y” (4): ")
    eventually(view("padded").locator(".words"), "“c” (2)")  # the last token that is there is looked at first
    own = view("own")
    picture(own).focus()
    for key in ("Home", *["ArrowLeft"] * 14, "ArrowRight", "ArrowRight"):
        picture(own).press(key)
    eventually(own.locator(".words"), "It may not look at “cat” (1): that comes later.")


def test_of_a_long_text_a_head_comes_when_it_is_enlarged_and_the_rest_is_pooled(view, opened) -> None:
    large = view("large")
    eventually(large, "Pooled: each picture is 32 ")
    large.get_by_label("layer 1, head 1").press("Enter")
    eventually(large.locator("strong"), "Layer 1, head 1")
    eventually(large.locator(".words"), "(1023) looks at ")
    prints(opened, "print(large.whole_heads)", "[3]")


def test_mean_tokens_stay_text_and_rows_that_do_not_sum_to_1_are_told(view) -> None:
    odd = view("odd")
    eventually(odd.locator(".error"), "16 of 16 rows of attention do not sum to 1")
    picture(odd).focus()
    picture(odd).press("Home")
    eventually(odd.locator(".words"), "“<script>alert(1)</script>” (0) looks at “<script>alert(1)</script>” (0): 50 %")
    assert odd.locator("script").count() == 0
    picture(odd).press("End")
    eventually(odd.locator(".words"), "“”“” (7) looks at ")


def test_one_token_and_one_head_are_a_picture_too(view) -> None:
    single = view("single")
    eventually(single, "The only head.")
    eventually(single.locator(".words"), "“I” (0) looks at “I” (0): 100 %")


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_views_fit_into_narrow_and_wide_pages_in_light_and_dark(view, opened, width: int, theme: str) -> None:
    page = opened.page
    run(opened, "own.lines = True; own.overlay = [(1, 1), (2, 2), (3, 3)]; own.row = 9; own.score = 'entropy'")
    wear(page, theme)
    page.set_viewport_size({"width": width, "height": 6_000})
    page.wait_for_timeout(500)
    opened.screenshot(f"-{theme.lower()}-{width}")
    assert not any(view(name).evaluate(SPILLS) for name in CELLS)
    page.set_viewport_size(TALL)
    wear(page, "Light")
