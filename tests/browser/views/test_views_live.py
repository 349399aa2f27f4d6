"""The views in JupyterLab with a kernel: each draws, each answers to the keyboard, none listens to mean input."""

import pytest
from every_view import CELLS, SETUP, WIDGETS
from page import SHADES, eventually, page_of, prints, run, wear

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def opened(lab):
    """One page for all tests here, and one kernel."""
    with page_of(lab, "views", [SETUP, *CELLS.values()], 16_000) as page:
        page.screenshot()
        yield page


@pytest.fixture
def view(opened):
    """The n-th view of a kind, as a locator."""
    return lambda name, n=0: opened.page.locator(f".minigpt-{name}").nth(n)


def test_every_view_is_drawn_once(opened) -> None:
    assert opened.page.locator("section.minigpt").count() == len(WIDGETS)


def test_all_heads_have_a_picture_and_one_is_enlarged_by_the_keyboard(view, opened) -> None:
    heads = view("heads")
    thumbs = heads.locator(".thumb")
    assert thumbs.count() == 2 * 3
    assert all(len(thumbs.nth(n).locator("canvas").evaluate(SHADES)) > 3 for n in range(6))
    thumbs.first.focus()
    opened.page.keyboard.press("ArrowDown")
    opened.page.keyboard.press("ArrowRight")
    opened.page.keyboard.press("Enter")
    eventually(heads.locator("strong"), "Layer 1, head 1")
    prints(opened, "print(heads.layer, heads.head)", "1 1")


def test_the_row_under_the_keys_is_told_in_words_and_markup_stays_text(view, opened) -> None:
    heads = view("heads")
    heads.get_by_role("application").focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp"):
        opened.page.keyboard.press(key)
    words = heads.locator(".words")
    eventually(words, "“ שלום” (1) looks at ")
    assert "“<script>alert(1)</script>” (0): " in words.text_content()


def test_another_recording_replaces_the_first_on_the_page(view, opened) -> None:
    run(opened, "r = Recording(); r.tokens = list('uvwxyz'); heads.show(r)")
    eventually(view("heads").locator(".words"), "“v” (1) looks at ")


def test_a_guess_is_stored_by_the_kernel_and_then_compared(view, opened) -> None:
    guess = view("guess")
    guess.get_by_label("this").focus()
    opened.page.keyboard.press("Space")
    guess.get_by_role("button", name="Store").press("Enter")
    eventually(guess.get_by_role("status"), "Stored.")
    guess.get_by_role("button", name="Compare").press("Enter")
    eventually(guess.locator(".result"), "You guessed “this”, it is “that”. So it is.")
    prints(opened, "print(kept)", "[('g1', 0)]")


def test_a_guessed_number_is_compared_by_its_factor(view) -> None:
    guess = view("guess", 1)
    guess.get_by_role("button", name="Store").click()
    eventually(guess.get_by_role("status"), "Type a number first.")
    guess.get_by_label("Your number").fill("40000")
    guess.get_by_role("button", name="Store").click()
    guess.get_by_role("button", name="Compare").click()
    eventually(guess.locator(".result"), "✓ 1.26 times too small.")


def test_merges_go_forwards_and_back_and_play_to_the_end(view) -> None:
    merges = view("merges")
    merges.get_by_role("button", name="Forward").press("Enter")
    assert merges.locator(".chip").all_text_contents() == ["lo", "w", "lo", "t"]
    merges.get_by_role("button", name="Back").press("Enter")
    assert merges.locator(".chip").all_text_contents() == list("lowlot")
    merges.get_by_role("button", name="Play").press("Enter")
    eventually(merges.locator("output"), "2 of 2")
    assert merges.locator(".chip").all_text_contents() == ["low", "lo", "t"]
    eventually(merges.get_by_role("button"), "Play")  # it stops by itself


def test_a_typed_text_is_encoded_by_the_kernel(view) -> None:
    tokens = view("tokens")
    tokens.get_by_label("Text").fill("é")
    eventually(tokens.locator(".pane"), "1 token for 1 character, 2 bytes")
    tokens.get_by_label("bytes (hexadecimal)").check()
    assert tokens.locator(".chip").text_content() == "é233c3 a9"


def test_n_is_changed_by_arrow_keys_that_jupyterlab_also_knows(view, opened) -> None:
    ngrams = view("ngrams")
    cell = opened.page.evaluate("() => jupyterapp.shell.currentWidget.content.activeCellIndex")
    ngrams.get_by_role("slider").focus()
    opened.page.keyboard.press("ArrowRight")
    eventually(ngrams.locator(".sample"), "n=3 the")
    opened.page.keyboard.press("d")
    opened.page.keyboard.press("d")  # in a cell: delete it
    assert opened.page.locator("section.minigpt").count() == len(WIDGETS)
    assert opened.page.evaluate("() => jupyterapp.shell.currentWidget.content.activeCellIndex") >= cell


def test_a_vector_moves_by_arrow_keys_and_by_the_mouse(view, opened) -> None:
    plane = view("query_key")
    tip = plane.locator(".query circle[tabindex='0']")
    tip.focus()
    opened.page.keyboard.press("ArrowLeft")
    eventually(plane.locator("p"), "Query (1.90, 1.00).")
    box = tip.bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] - 40, box["y"] + 20, steps=4)
    opened.page.mouse.up()
    prints(opened, "x, y = plane.query; print(x < 1.9 and y < 1)", "True")


def test_sliders_cut_off_tokens(view) -> None:
    bars = view("next_tokens")
    bars.get_by_label("top-p").fill("0.75")
    eventually(bars.locator("p"), "2 of 3 tokens can be drawn, with 80 % of the probability before the cut")
    assert bars.locator(".faded").all_text_contents() == ["<i>20 %"]


def test_a_stage_opens_and_its_cells_are_walked(view, opened) -> None:
    follow = view("follow")
    follow.get_by_role("button", name="Next").press("Enter")
    follow.get_by_role("application").focus()
    opened.page.keyboard.press("ArrowDown")
    opened.page.keyboard.press("ArrowRight")
    eventually(follow.locator("p"), "“y” (1), “y” (1): 1.00")


def test_the_canvases_follow_the_theme(view, opened) -> None:
    canvas = view("heads").locator(".thumb canvas").first
    light = canvas.evaluate(SHADES)
    wear(opened.page, "Dark")
    opened.screenshot("-dark")
    dark = canvas.evaluate(SHADES)
    wear(opened.page, "Light")
    assert not set(light) & set(dark)
    assert canvas.evaluate(SHADES) == light


def test_every_control_has_a_name(opened) -> None:
    controls = opened.page.locator(".minigpt").locator("button, input, select, textarea, [role=application]")
    nameless = controls.evaluate_all(
        """nodes => {
          const name = node => node.getAttribute('aria-label') || node.textContent || node.labels?.[0]?.textContent;
          return nodes.filter(node => !name(node)?.trim()).map(node => node.outerHTML);
        }"""
    )
    assert nameless == []
