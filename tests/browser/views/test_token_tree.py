"""The tree of next tokens in JupyterLab: by pointer and by keys, in light and dark, narrow and wide, and saved."""

import pytest
from page import eventually, page_of, prints, run, wear

pytestmark = pytest.mark.browser

SETUP = """import os
from minigpt import course, views
from minigpt.weights.shipped import load_shipped
from IPython.display import HTML

def ask(path, temperature, top_k, top_p):
    # Three tokens each time; the third ends the text, and top_k cuts.
    if path[-1:] == [5]:
        return {"rows": [], "note": "The text has ended here."}
    shares = {3: ("a", 0.5), 4: (" b", 0.25), 5: ("\\n", 0.125)}
    kept = list(shares)[: top_k or 3]
    total = sum(shares[token][1] for token in kept)
    rows = [(token, label, p, p / total if token in kept else 0) for token, (label, p) in shares.items()]
    return {"rows": rows, "kept": len(kept), "of": 9, "held": total}

mean = ["<script>window.ran = 1</script>", " שלום", "\\u202eabc", "😀" * 40, "x" * 10_000, "$x$"]
def odd(path, *rule):
    return {"rows": [(k, label, 0.1, 0.1) for k, label in enumerate(mean)], "kept": 6, "of": 6}

model, tokenizer = load_shipped()"""
CELLS = {
    "own": "own = views.token_tree(ask, 'Once')\nown",
    "odd": "views.token_tree(odd, mean[0] + mean[4])",
    "box": "box = course.write_tree(model, tokenizer, 'Once upon a time there was a little')\nbox",
}
SAVED = "HTML(own.static_html())"
VIEW = {name: n for n, name in enumerate(CELLS)}


@pytest.fixture(scope="module")
def opened(lab):
    """One page for all tests here, and one kernel."""
    with page_of(lab, "token_tree", [SETUP, *CELLS.values(), SAVED]) as page:
        yield page


@pytest.fixture
def view(opened):
    return lambda name: opened.page.locator(".minigpt-token_tree").nth(VIEW[name])


@pytest.fixture(autouse=True)
def as_at_first(opened):
    run(opened, "own.path, own.top_k = [], 0")
    opened.page.wait_for_timeout(200)


def test_a_click_goes_on_and_another_jumps_back(view, opened) -> None:
    own = view("own")
    assert own.locator(".node.open").count() == 3
    assert own.locator(".node.ahead").count() == 6  # nothing follows the one that ends
    own.locator(".node.open").nth(1).click()
    eventually(own.locator(".written"), "Once b")
    prints(opened, "print(own.path)", "[4]")
    own.locator(".node.ahead").first.click()  # two at once
    prints(opened, "print(own.path)", "[4, 3, 3]")
    own.locator(".node.past").first.click()  # what was not taken at first
    prints(opened, "print(own.path)", "[3]")
    own.get_by_role("button", name="Take the likeliest").click()
    eventually(own.locator(".likely"), "0.69 a token. It is the greedy path.")
    own.get_by_role("button", name="To the beginning").click()
    prints(opened, "print(own.path)", "[]")


def test_by_keys_alone_a_path_is_picked_and_left(view, opened) -> None:
    own, keys = view("own"), opened.page.keyboard
    own.get_by_role("application").focus()
    for key in ("ArrowDown", "ArrowDown"):
        keys.press(key)
    eventually(own.locator(".words"), "“␣b”: 25 % in the model")
    keys.press("Enter")
    eventually(own.locator(".likely"), "1.39 a token. The greedy path, “a”: ")
    prints(opened, "print(own.path)", "[4]")
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Enter"):
        keys.press(key)
    eventually(own.locator(".words"), "The text has ended here.")
    keys.press("Backspace")
    prints(opened, "print(own.path)", "[4]")
    keys.press("Home")
    prints(opened, "print(own.path)", "[]")


def test_sliders_show_what_is_cut_and_the_probabilities_that_are_left(view, opened) -> None:
    own = view("own")
    slider = own.get_by_role("slider", name="top-k")
    slider.press("Home")
    slider.press("ArrowRight")
    eventually(own.locator(".words"), "2 of 9 tokens can be drawn here; in the model they have 75 %.")
    shares = own.locator(".node.open .share").all_text_contents()
    assert shares == ["67 %", "33 %", "cut"]
    assert own.locator(".edge.open.cut").count() == 1


def test_mean_labels_stay_text(view, opened) -> None:
    odd = view("odd")
    assert odd.locator("script").count() == 0
    assert opened.page.evaluate("() => window.ran") is None
    wide = odd.locator(".node.open").evaluate_all(
        "all => all.map(one => one.getBBox().width - one.querySelector('rect').getBBox().width)"
    )
    assert max(wide) < 1, "a label runs out of its box"


def test_the_box_begins_anew_and_says_what_does_not_fit(view, opened) -> None:
    page = opened.page
    typed = page.get_by_label("Beginning")
    for text, said in (("", "Nothing is typed yet"), ("one " * 300, "fit (n_ctx=256)")):
        typed.fill(text)
        typed.press("Enter")
        eventually(page.get_by_role("status"), said)
    typed.fill("One day 😀, Tom")
    typed.press("Enter")
    eventually(view("box").locator(".written"), "Tom")
    assert view("box").locator(".node.open").count() == 5


def test_a_saved_tree_is_walked_without_a_kernel_until_it_ends(opened) -> None:
    frame = opened.page.frame_locator("iframe").first
    likeliest = frame.get_by_role("button", name="Take the likeliest")
    likeliest.click()
    likeliest.click()
    assert frame.get_by_role("slider").count() == 0
    frame.locator(".node.open").first.click()
    eventually(frame.locator(".words"), "Here the stored tree ends")


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_fits_into_any_width_in_light_and_dark(view, opened, theme, width) -> None:
    wear(opened.page, theme)
    run(opened, "own.path, own.top_k = [4, 4, 3, 3], 2")
    opened.page.set_viewport_size({"width": width, "height": 3_000})
    opened.page.wait_for_timeout(700)
    for name in VIEW:
        right = view(name).evaluate("node => node.closest('.jp-OutputArea-output').getBoundingClientRect().right")
        assert view(name).evaluate("node => node.getBoundingClientRect().right") <= right + 1, name
    opened.screenshot(f"-token-tree-{theme}-{width}")
    wear(opened.page, "Light")
