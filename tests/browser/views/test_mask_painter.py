"""The mask painter in JupyterLab: painted by mouse and by keys, read by the kernel, and alive without one."""

import copy

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_notebook
from page import eventually, page_of, prints, run, wear

from minigpt.course.execute import KERNEL, execute

pytestmark = pytest.mark.browser

CELLS = [
    """import numpy as np
from minigpt import views
tokens = ["The", " cat", "sat", "on", "the", "mat"]
window = np.tril(np.ones((6, 6), dtype=bool)) & ~np.tril(np.ones((6, 6), dtype=bool), -2)""",
    "painter = views.mask_painter(tokens, window, n_layer=4)\npainter",
    """cross = views.mask_painter(["O", "gato", "<b>"], np.ones((3, 5), dtype=bool),
    sources=["the", "black", "cat", "<pad>", "<pad>"], padding=[False] * 3 + [True] * 2)
cross""",
    """many = views.mask_painter([f"a long token {n}" if n % 3 else " שלום" for n in range(32)],
    np.tril(np.ones((32, 32), dtype=bool)), n_layer=2)
many""",
]


def write(path) -> nbformat.NotebookNode:
    made = new_notebook(cells=[new_code_cell(source) for source in CELLS], metadata=KERNEL)
    nbformat.write(made, path)
    return made


@pytest.fixture(scope="module")
def opened(lab):
    with page_of(lab, "mask_painter", CELLS) as page:
        yield page


@pytest.fixture
def painter(opened):
    """The first painter, with its window of 2 as at the start."""
    run(opened, "painter.mask = window; painter.depth = 1; painter.row = 5")
    view = opened.page.locator(".minigpt-mask_painter").first
    eventually(view.locator(".knows"), "After 1 layer, “mat” can know of “the”, itself.")
    eventually(view.locator(".kind"), "Window of 2")
    return view


def cell(view, row: int, column: int, n_columns: int = 6):
    return view.locator(".cell").nth(row * n_columns + column)


def test_keys_alone_walk_the_grid_choose_a_token_and_paint(painter, opened) -> None:
    keyboard = opened.page.keyboard
    painter.get_by_label("How many tokens the prefix has").focus()
    keyboard.press("Tab")  # into the grid, to the one cell that Tab reaches
    assert opened.page.evaluate("() => document.activeElement.className.startsWith('cell')")
    cell(painter, 5, 0).focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowRight", "ArrowRight", "ArrowRight"):
        keyboard.press(key)
    eventually(painter.locator(".knows"), "After 1 layer, “sat” can know of “ cat”, itself.")
    keyboard.press("Space")
    eventually(painter.locator("li"), "⚠ In a decoder this is cheating: “sat” looks at “on”, which comes later.")
    eventually(painter.locator(".kind"), "A mask of your own: 12 of 36 pairs may look.")
    prints(opened, "print(painter.mask[2].astype(int))", "[0 1 1 1 0 0]")
    keyboard.press("Enter")
    eventually(painter.locator("li"), "✓ No decoder would cheat")
    assert opened.page.locator(".minigpt-mask_painter").count() == 3  # no key went to JupyterLab


def test_more_layers_reach_further_in_words_and_in_marks(painter, opened) -> None:
    assert painter.locator(".cell.known").count() == 2
    painter.get_by_role("slider").focus()
    opened.page.keyboard.press("ArrowRight")
    opened.page.keyboard.press("ArrowRight")
    eventually(painter.locator(".knows"), "After 3 layers, “mat” can know of “sat”, “on”, “the”, itself.")
    assert painter.locator(".cell.known").count() == 4
    assert cell(painter, 5, 2).get_attribute("aria-label") == "“mat” may look at “sat”; can know of it"
    assert cell(painter, 5, 2).get_attribute("aria-pressed") == "false"
    prints(opened, "print(painter.depth)", "3")


def test_a_click_on_a_name_chooses_a_token_and_paints_nothing(painter, opened) -> None:
    painter.get_by_role("button", name="cat", exact=True).click()
    eventually(painter.locator(".knows"), "“ cat” can know of “The”, itself.")
    prints(opened, "print((painter.mask == window).all(), painter.row)", "True 1")


def test_a_drag_paints_what_its_first_cell_became(painter, opened) -> None:
    mouse = opened.page.mouse
    boxes = [cell(painter, 0, column).bounding_box() for column in (1, 5)]
    start, end = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]
    mouse.move(*start)
    mouse.down()
    mouse.move(*end, steps=12)
    mouse.up()
    eventually(painter.locator(".kind"), "A mask of your own: 16 of 36")
    prints(opened, "print(painter.mask[0].astype(int))", "[1 1 1 1 1 1]")
    cell(painter, 0, 0).click()
    eventually(painter.locator(".kind"), "A mask of your own: 15 of 36")


def test_each_button_makes_its_mask_and_is_pressed_while_it_stands(painter, opened) -> None:
    for name, words in (
        ("Everything (encoder)", "Everything: as in an encoder."),
        ("Causal (decoder)", "Causal: itself and what came before"),
        ("Window of", "Window of 2: itself and 1 before it."),
        ("Prefix of", "Prefix of 2: the first 2 see each other"),
    ):
        button = painter.get_by_role("button", name=name)
        button.press("Enter")
        eventually(painter.locator(".kind"), words)
        assert button.get_attribute("aria-pressed") == "true"
    assert painter.locator(".row [aria-pressed=true]").count() == 1
    painter.get_by_label("How many tokens a window has").fill("3")
    eventually(painter.locator(".kind"), "Window of 3: itself and 2 before it.")
    painter.get_by_label("How many tokens a window has").fill("99")  # out of range: the mask stays
    prints(opened, "print(painter.mask.sum())", str(1 + 2 + 3 + 3 + 3 + 3))


def test_a_cross_mask_hides_its_padding_and_knows_no_future(opened) -> None:
    cross = opened.page.locator(".minigpt-mask_painter").nth(1)
    eventually(cross.locator("li"), "⚠ Padding is visible to “O”, “gato”, “<b>”.")
    cross.get_by_role("button", name="Padding hidden").press("Enter")
    eventually(cross.locator(".kind"), "Everything: cross-attention, each token sees the whole source; padding hidden.")
    eventually(cross.locator(".knows"), "In one step, “<b>” can know of “the”, “black”, “cat”.")
    assert cross.locator("li").count() == 0
    assert cross.get_by_role("slider").count() == 0
    prints(opened, "print(cross.mask.sum())", "9")


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_keeps_inside_its_width_in_both_themes(opened, width: int, theme: str) -> None:
    run(opened, "painter.mask = window; painter.mask = window | (np.arange(36).reshape(6, 6) == 9); painter.depth = 2")
    eventually(opened.page.locator(".minigpt-mask_painter").first.locator("li"), "⚠ Through layers, too")
    opened.page.set_viewport_size({"width": width, "height": 2600})
    wear(opened.page, theme)
    opened.screenshot(f"-{width}-{theme.lower()}")
    wear(opened.page, "Light")
    views = opened.page.locator(".minigpt-mask_painter")
    over = views.evaluate_all("nodes => nodes.map(node => node.scrollWidth - node.clientWidth)")
    opened.page.set_viewport_size({"width": 1280, "height": 2600})
    assert over == [0, 0, 0]


def test_a_saved_painter_shows_its_face_and_paints_without_a_kernel(lab, tmp_path) -> None:
    path = tmp_path / "mask_painter_saved.ipynb"
    made = write(path)
    execute(made, tmp_path)
    nbformat.write(made, path)
    with lab.open(path) as untrusted:
        untrusted.show_all()
        pictures = untrusted.page.locator(".jp-OutputArea img")
        assert pictures.count() == 3
        assert "“mat” can know of “the”, itself." in pictures.first.get_attribute("alt")
        untrusted.screenshot("-face")
    NotebookNotary(data_dir=str(lab.root.parent / "DATA_DIR")).sign(copy.deepcopy(made))
    with lab.open(path) as trusted:
        trusted.show_all()
        frame = trusted.page.locator("iframe[srcdoc]").first
        frame.scroll_into_view_if_needed()
        view = frame.content_frame.locator(".minigpt-mask_painter")
        view.get_by_role("slider").fill("3")
        eventually(view.locator(".knows"), "After 3 layers, “mat” can know of “sat”, “on”, “the”, itself.")
        cell(view, 0, 5).click()
        eventually(view.locator("li"), "⚠ In a decoder this is cheating: “The” looks at “mat”")
        trusted.screenshot("-alive")
