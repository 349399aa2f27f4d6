"""The three panels of a translation in JupyterLab: by pointer and by keys, in light and dark, narrow and wide."""

import pytest
from page import SHADES, eventually, page_of, prints, run, wear

pytestmark = pytest.mark.browser

SETUP = """import numpy as np
from types import SimpleNamespace
from minigpt import views

class Recording:
    def __init__(self, tokens, stack, source_tokens=None):
        self.tokens, self.stack, self.source_tokens = tokens, stack, source_tokens

    def attention_stack(self):
        return self.stack

def made_up(source, written, n_layer=2, n_head=3):
    reads, rng = ["<bos>", *written[:-1]], np.random.default_rng(0)
    T, S = len(reads), len(source)
    def weights(*shape, mask=1.0):
        chances = np.exp(3 * rng.standard_normal((n_layer, n_head, *shape))) * mask
        return chances / chances.sum(-1, keepdims=True)
    encoder, decoder = Recording(source, weights(S, S)), Recording(reads, weights(T, T, mask=np.tri(T)))
    cross = Recording(reads, weights(T, S), source)
    return SimpleNamespace(encoder=encoder, decoder=decoder, cross=cross, written=written)

source = "the red dog sees Rita in the old house . <eos>".split()
target = "o cachorro vermelho vê a Rita na casa velha . <eos>".split()
mean = ["<script>alert(1)</script>", " שלום", "e\\u0301", "😀" * 40, "x" * 10_000, "\\u202eabc", "$x$", "”“"]"""
CELLS = {
    "own": "own = views.translation(made_up(source, target))\nown",
    "odd": "odd = views.translation(made_up(mean, mean[::-1]), padding=np.arange(8) > 5)\nodd",
    "single": "views.translation(made_up(['I'], ['eu'], 1, 1))",
    "unwritten": "unwritten = made_up(['I'], ['eu'], 1, 1)\nunwritten.written = None\nviews.translation(unwritten)",
}
VIEW = {name: n for n, name in enumerate(CELLS)}
SPILLS = "node => [...node.querySelectorAll('*')].some(one => one.getBoundingClientRect().right > innerWidth)"


@pytest.fixture(scope="module")
def opened(lab):
    """One page for all tests here, and one kernel."""
    with page_of(lab, "translation", [SETUP, *CELLS.values()]) as page:
        page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield page


@pytest.fixture
def view(opened):
    return lambda name: opened.page.locator(".minigpt-translation").nth(VIEW[name])


@pytest.fixture(autouse=True)
def as_at_first(opened):
    run(opened, "own.target = own.source = -1; own.cross_head = (1, 0); own.by_written = True")
    opened.page.wait_for_timeout(200)


def panel(view, part):
    return view.locator(f"figure.{part}").get_by_role("application")


def test_three_panels_are_drawn(view) -> None:
    for name in VIEW:
        for part in ("encoder", "cross", "decoder"):
            assert len(panel(view(name), part).evaluate(SHADES)) > 3, (name, part)


def test_by_keys_alone_a_target_token_and_a_source_token_are_pinned_and_told(view, opened) -> None:
    own, keys = view("own"), opened.page.keyboard
    panel(own, "cross").focus()
    for key in ("Home", "ArrowDown", "ArrowDown", "Enter"):
        keys.press(key)
    eventually(
        own.locator(".words"), "Having read “cachorro” (2), the decoder is to write “vermelho”. In the source it"
    )
    eventually(own.locator(".words"), "In its own past it looks at ")
    prints(opened, "print(own.target, own.source)", "2 -1")
    keys.press("ArrowRight")
    eventually(own.locator(".words"), "In the source “dog” (2) looks at ")
    prints(opened, "print(own.target, own.source)", "-1 2")
    keys.press("Escape")
    prints(opened, "print(own.target, own.source)", "-1 -1")


def test_the_pointer_shows_and_pins_the_same_token_in_all_panels(view, opened) -> None:
    own = view("own")
    canvas = panel(own, "decoder")
    before = [panel(own, part).screenshot() for part in ("cross", "encoder")]
    canvas.hover(position={"x": 20, "y": 70})  # the fourth row
    eventually(own.locator(".words"), "Having read “vermelho” (3)")
    cross, encoder = (panel(own, part).screenshot() for part in ("cross", "encoder"))
    assert cross != before[0], "the token that is chosen in the decoder stands out in cross-attention too"
    assert encoder == before[1]
    canvas.click(position={"x": 20, "y": 70})
    prints(opened, "print(own.target)", "3")


def test_another_head_is_chosen_from_the_lists(view, opened) -> None:
    own = view("own")
    lists = own.locator("figure.cross select")
    assert lists.nth(0).locator("option").count() == 2
    assert own.get_by_label("cross, head").count() == 1
    before = panel(own, "cross").screenshot()
    lists.nth(1).select_option("2")
    prints(opened, "print(own.cross_head)", "(1, 2)")
    assert panel(own, "cross").screenshot() != before


def test_the_numbers_stand_in_a_table(view, opened) -> None:
    own = view("own")
    run(opened, "own.target = 0")
    own.locator("summary").click()
    eventually(own.locator("caption"), "“<bos>” (0)")
    cells = own.locator(".numbers tr").nth(1).locator("td").all_text_contents()
    assert cells[:3] == ["looks at, in the source", "0", "the"]
    exact = float(run(opened, "print(own.chosen('cross')[0, 0])"))
    assert float(cells[3]) == pytest.approx(exact, abs=0.005)
    own.locator("summary").click()


@pytest.mark.parametrize("kind", ["PNG", "SVG"])
def test_the_three_panels_are_saved_as_one_picture(view, opened, kind: str) -> None:
    own = view("own")
    own.get_by_label("cross, head").select_option("2")
    prints(opened, "print(own.cross_head)", "(1, 2)")
    with opened.page.expect_download() as waited:
        own.get_by_role("button", name=kind).press("Enter")
    assert waited.value.suggested_filename == f"translation.{kind.lower()}"
    content = waited.value.path().read_bytes()
    if kind == "PNG":
        assert content.startswith(b"\x89PNG")
        assert len(content) > 20_000
        return
    width, shown = opened.page.evaluate(
        """async svg => {
          const image = new Image();
          image.src = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
          await image.decode();
          return [image.width, svg];
        }""",
        content.decode(),
    )
    assert width > 3 * 260
    names = ("Encoder, layer 1, head 0", "Cross-attention, layer 1, head 2", "Decoder, layer 1, head 0")
    assert all(f">{word}</text>" in shown for word in (*names, "house", "cachorro", "&lt;bos&gt;"))


def test_the_three_heads_are_copied_as_tables(view, opened) -> None:
    own = view("own")
    own.get_by_role("button", name="Copy").press("Enter")
    eventually(own.locator(".tools"), "Copied: three tables, one below the other.")
    encoder, cross, decoder = opened.page.evaluate("() => navigator.clipboard.readText()").split("\n\n")
    assert encoder.splitlines()[0] == "Encoder, layer 1, head 0"
    name, header, first, *others = cross.splitlines()
    assert (name, len(others)) == ("Cross-attention, layer 1, head 0", 10)
    assert header.split("\t")[:3] == ["", "the", "red"]
    assert first.split("\t")[0] == "o"  # named by what is written there
    exact = [float(number) for number in run(opened, "print(*own.chosen('cross')[0])").split()]
    assert [float(number) for number in first.split("\t")[1:]] == pytest.approx(exact, abs=0.004)
    assert decoder.splitlines()[2].split("\t")[2:] == [""] * 10  # the future has no weight, not one of 0
    run(opened, "own.cross_head = (0, 0)")
    own.locator(".tools").filter(has_text="Copied").wait_for(state="detached")  # no longer what is drawn


def test_where_nothing_is_written_no_row_can_be_named_by_it(view) -> None:
    assert view("own").get_by_role("checkbox").is_visible()
    assert not view("unwritten").get_by_role("checkbox").is_visible()


def test_mean_tokens_stay_text(view, opened) -> None:
    odd = view("odd")
    panel(odd, "encoder").focus()
    opened.page.keyboard.press("Home")
    eventually(odd.locator(".words"), "“<script>alert(1)</script>” (0) looks at ")
    assert odd.locator("script").count() == 0
    opened.page.keyboard.press("End")
    eventually(odd.locator(".words"), "In the source “padding ")


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_fits_into_any_width_in_light_and_dark(view, opened, theme, width) -> None:
    wear(opened.page, theme)
    run(opened, "own.target = 2")
    opened.page.set_viewport_size({"width": width, "height": 3_000})
    opened.page.wait_for_timeout(700)
    for name in VIEW:
        assert not view(name).evaluate(SPILLS), name
    opened.screenshot(f"-translation-{theme}-{width}")
    wear(opened.page, "Light")


def test_another_translation_takes_the_place_of_the_first(view, opened) -> None:
    run(opened, "own.show(made_up(['a', 'cat'], ['um', 'gato', 'preto']))")
    panel(view("own"), "cross").focus()
    opened.page.keyboard.press("Home")
    eventually(view("own").locator(".words"), "the decoder is to write “um”")
    run(opened, "own.show(made_up(source, target))")
