"""The map of word vectors and the slider through layers in JupyterLab: pointer, keys, search, zoom, and both themes."""

import pytest
from page import SHADES, eventually, page_of, prints, run, wear

pytestmark = pytest.mark.browser

SETUP = """import numpy as np
from minigpt import views
rng = np.random.default_rng(0)
kinds = rng.normal(size=(4, 16))
words = [f"{kind}{n}" for n in range(20) for kind in ("cat", "red", "sing", "oak")]
vectors = np.concatenate([kinds + 0.5 * rng.normal(size=(4, 16)) for n in range(20)])
groups = {kind: [word for word in words if word.startswith(kind)] for kind in ("cat", "red", "sing")}
mean = ["<script>alert(1)</script>", " שלום", "e\\u0301", "😀" * 40, "x" * 10_000, "\\u202eabc", "$x$", ""]
senses = ["money", "river"] * 6
apart = np.where(np.array(senses) == "money", 1, -1)[:, None] * rng.normal(size=8)
layers = np.stack([np.ones((12, 8)), *(rng.normal(size=(12, 8)) + by * apart for by in (0.2, 1, 3))])
sentences = [f"{n} sat at the bank of <i>{n}</i>." for n in range(12)]"""
CELLS = {
    "map": "m = views.embedding_map(words, vectors, groups=groups, k=5)\nm",
    "odd": "odd = views.embedding_map(mean, rng.normal(size=(8, 3)), groups=mean)\nodd",
    "large": "views.embedding_map([str(n) for n in range(2000)], rng.normal(size=(2000, 8)))",
    "slider": "s = views.sense_slider(layers, sentences, senses, word='bank')\ns",
    "shared": "views.sense_slider(layers[1:, [0, 0, 0, 0, 4, 5, 6, 6, 8, 9, 10, 11]], sentences, senses, word='bank')",
}
SPILLS = "node => [...node.querySelectorAll('*')].some(one => one.getBoundingClientRect().right > innerWidth)"


@pytest.fixture(scope="module")
def opened(lab):
    """One page for all tests here, and one kernel."""
    with page_of(lab, "word_vectors", [SETUP, *CELLS.values()], 3_400) as page:
        yield page


@pytest.fixture
def view(opened):
    return lambda name: opened.page.locator(".minigpt-embedding_map, .minigpt-sense_slider").nth([*CELLS].index(name))


@pytest.fixture(autouse=True)
def as_at_first(opened):
    run(opened, "m.word = odd.word = ''; s.layer = 0")
    opened.page.wait_for_timeout(200)


def picture(view):
    return view.get_by_role("application")


def settled(opened, view) -> str:
    """The picture once its next frames are drawn."""
    opened.page.wait_for_timeout(300)
    return picture(view).evaluate("canvas => canvas.toDataURL()")


def test_every_picture_is_drawn_but_of_vectors_that_are_all_the_same(view) -> None:
    for name in ("map", "odd", "large"):
        assert len(picture(view(name)).evaluate(SHADES)) > 3, name
    eventually(view("slider").locator(".words"), "All 12 vectors are the same here: there is no picture to draw.")


def test_what_the_picture_loses_stands_beside_it(view, opened) -> None:
    share = float(run(opened, "print(100 * sum(m.shares))"))
    agreeing = run(opened, "print(f'{m.agreeing:.1f}')")
    eventually(view("map"), f"The picture keeps {share:.0f} % of the variance of 16 dimensions")
    eventually(view("map"), f"On average {agreeing} of a word’s 5 nearest by cosine are among the")  # noqa: RUF001


def test_a_word_is_found_by_typing_and_its_neighbours_are_listed_with_their_cosines(view, opened) -> None:
    box = view("map").get_by_label("Find a word")
    box.fill("red7")
    box.press("Enter")
    prints(opened, "print(m.word)", "red7")
    eventually(view("map").locator(".chosen"), "“red7” (red): ")
    row = view("map").locator("tbody tr").first.locator("td").all_text_contents()
    unit = "units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True); c = units @ units[words.index('red7')]"
    best = run(opened, f"{unit}; best = np.argsort(-c)[1]; print(words[best], f'{{c[best]:.2f}}')").split()
    assert [row[0].removesuffix(" ✓"), row[1]] == best
    assert view("map").locator("tbody tr").count() == 5
    box.fill("zebra")
    box.press("Enter")
    eventually(view("map"), "No word begins with “zebra”.")
    box.fill("")
    box.press("Enter")


def test_by_keys_alone_a_word_is_reached_pinned_left_and_freed(view, opened) -> None:
    own, keys = view("map"), opened.page.keyboard
    picture(own).focus()
    keys.press("ArrowRight")
    eventually(own.locator(".chosen"), "nearest by cosine")
    prints(opened, "print(repr(m.word))", "''")
    keys.press("Enter")
    first = own.locator(".chosen strong").text_content().strip("“”")
    prints(opened, "print(m.word)", first)
    keys.press("ArrowLeft")
    eventually(own.locator(".chosen"), "nearest by cosine")
    prints(opened, f"print(m.word not in ('', {first!r}))", "True")
    keys.press("Escape")
    prints(opened, "print(repr(m.word))", "''")


def test_a_click_pins_the_word_that_is_there_and_a_second_frees_it(view, opened) -> None:
    own = view("large")
    box = picture(own).bounding_box()
    middle = {"x": box["width"] / 2, "y": box["height"] / 2}  # of 2,000 words one is near
    picture(own).click(position=middle)
    eventually(own.locator(".chosen"), "nearest by cosine")
    pinned = own.locator(".chosen strong").text_content()
    assert own.get_by_label("Find a word").input_value() == pinned.strip("“”")
    picture(own).click(position=middle)
    picture(own).hover(position={"x": 3, "y": 3})
    eventually(own.locator(".chosen"), "Choose a word")


def test_keys_buttons_wheel_and_dragging_move_the_picture_and_0_shows_all(view, opened) -> None:
    own, page = view("map"), opened.page
    picture(own).focus()
    page.keyboard.press("0")
    whole = settled(opened, own)
    page.keyboard.press("+")
    nearer = settled(opened, own)
    assert nearer != whole
    own.get_by_role("button", name="Zoom out").click()
    picture(own).focus()
    assert settled(opened, own) == whole
    box = picture(own).bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.wheel(0, -300)
    wheeled = settled(opened, own)
    assert wheeled not in (whole, nearer)
    page.mouse.down()
    page.mouse.move(box["x"] + 65, box["y"] + 45, steps=3)
    page.mouse.up()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    prints(opened, "print(repr(m.word))", "''")
    page.keyboard.press("0")
    page.mouse.move(5, 5)
    assert settled(opened, own) == whole


def test_a_chosen_word_stays_in_sight_however_near_one_goes(view, opened) -> None:
    own = view("map")
    run(opened, "m.word = 'oak18'")
    picture(own).focus()
    marked = picture(own).evaluate(SHADES)
    for _ in range(9):
        opened.page.keyboard.press("+")
        opened.page.wait_for_timeout(40)  # a frame
    colour = own.evaluate("node => getComputedStyle(node).getPropertyValue('--mg-mark')").strip()
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    ring = 0xFF000000 | blue << 16 | green << 8 | red  # as SHADES reads it
    assert ring in [shade % 2**32 for shade in marked]
    assert ring in [shade % 2**32 for shade in picture(own).evaluate(SHADES)]
    run(opened, "m.word = 'cat3'")
    opened.page.wait_for_timeout(300)
    assert ring in [shade % 2**32 for shade in picture(own).evaluate(SHADES)]
    opened.page.keyboard.press("0")


# Two fingers go apart. Playwright has one.
PINCH = """canvas => {
  const touch = (type, pointerId, x) => {
    const { left, top } = canvas.getBoundingClientRect();
    const at = { clientX: left + x, clientY: top + 90, pointerId, pointerType: 'touch', bubbles: true };
    canvas.dispatchEvent(new PointerEvent(type, at));
  };
  touch('pointerdown', 1, 100);
  touch('pointerdown', 2, 120);
  touch('pointermove', 2, 200);
  touch('pointerup', 1, 100);
  touch('pointerup', 2, 200);
}"""


def test_a_pinch_zooms_and_chooses_no_word(view, opened) -> None:
    own = view("map")
    picture(own).focus()
    opened.page.keyboard.press("0")
    whole = settled(opened, own)
    picture(own).evaluate(PINCH)
    assert settled(opened, own) != whole
    prints(opened, "print(repr(m.word))", "''")
    opened.page.keyboard.press("0")
    assert settled(opened, own) == whole


def test_the_wheel_scrolls_the_notebook_while_the_picture_has_no_focus(view, opened) -> None:
    own = view("map")
    whole = settled(opened, own)
    own.get_by_label("Find a word").focus()
    opened.page.mouse.move(*[picture(own).bounding_box()[side] + 5 for side in ("x", "y")])
    opened.page.mouse.wheel(0, -200)
    assert settled(opened, own) == whole


def test_mean_words_stay_text(view, opened) -> None:
    odd = view("odd")
    run(opened, "odd.word = mean[0]")
    eventually(odd.locator(".chosen"), "“<script>alert(1)</script>” (<script>alert(1)</script>): ")
    run(opened, "odd.word = mean[4]")
    eventually(odd.locator(".chosen"), "xxx…”")
    assert odd.locator("script").count() == 0


def test_the_slider_goes_through_the_layers_by_keys_and_from_python(view, opened) -> None:
    own = view("slider")
    own.get_by_role("slider").focus()
    opened.page.keyboard.press("ArrowRight")
    prints(opened, "print(s.layer)", "1")
    gap = run(opened, "print(f'{s.gaps[3]:.2f}', round(100 * s.shares[3]))").split()
    run(opened, "s.layer = 3")
    eventually(
        own.locator(".words"), f"After block 2: the gap is {gap[0]}. The picture keeps {gap[1]} % of the variance."
    )
    assert own.get_by_role("slider").input_value() == "3"
    own.locator("svg .touch").nth(2).click()
    prints(opened, "print(s.layer)", "2")


def test_a_point_tells_its_sentence_with_the_word_marked_and_is_kept_through_the_layers(view, opened) -> None:
    own = view("slider")
    run(opened, "s.layer = 1")
    opened.page.wait_for_timeout(600)
    picture(own).focus()
    opened.page.keyboard.press("ArrowRight")
    eventually(own.locator(".sentence"), "sat at the bank of <i>")
    assert own.locator(".sentence mark").text_content() == "bank"
    told = own.locator(".sentence").text_content()
    assert told.endswith(("(money)", "(river)"))
    run(opened, "s.layer = 2")
    eventually(own.locator(".words"), "After block 1")
    assert own.locator(".sentence").text_content() == told
    opened.page.keyboard.press("Escape")
    eventually(own.locator(".sentence"), "to read its sentence")


def test_sentences_on_one_spot_are_told_and_each_of_them_is_reached(view, opened) -> None:
    own = view("shared")
    eventually(own.locator(".words"), "The 12 sentences lie on 8 spots; 2 of them hold more than one sense.")
    picture(own).focus()
    met = set()
    for key in ("ArrowUp", "ArrowLeft", "ArrowDown", "ArrowRight") * 6:
        opened.page.keyboard.press(key)
        met.add(own.locator(".sentence").text_content())
    met = [told for told in met if "On the same spot: 3 more, in its circle." in told]
    assert sorted(told[0] for told in met) == list("0123")
    opened.page.keyboard.press("Escape")


def test_all_numbers_stand_in_a_table(view, opened) -> None:
    own = view("slider")
    own.locator("summary").click()
    rows = own.locator("tbody tr")
    assert rows.count() == 4
    assert rows.first.locator("td").all_text_contents() == ["0", "the embedding", "all the same", "0"]
    own.locator("summary").click()


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_they_fit_into_any_width_in_light_and_dark(view, opened, theme, width) -> None:
    wear(opened.page, theme)
    run(opened, "m.word = 'cat3'; odd.word = mean[3]; s.layer = 2")
    opened.page.set_viewport_size({"width": width, "height": 3_400})
    opened.page.wait_for_timeout(700)
    for name in CELLS:
        assert not view(name).evaluate(SPILLS), name
    opened.screenshot(f"-{theme}-{width}")
    wear(opened.page, "Light")
