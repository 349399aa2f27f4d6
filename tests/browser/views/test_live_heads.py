"""Heads that follow a typed text, in JupyterLab: by pointer and by keys alone, in light and dark, narrow and wide."""

import pytest
from page import eventually, page_of, prints, run, wear

pytestmark = pytest.mark.browser

TEXT = "The cat sat on the mat. The cat"
WORDS = ["<pad>", "<cls>", "<sep>", "<mask>", "the", "dog", "cat", "sleeps", "."]
CELLS = [
    "import torch\nfrom minigpt import course\nfrom minigpt.config import EncoderConfig\n"
    "from minigpt.models.encoder import MaskedLM",
    f"box = course.live_heads(text={TEXT!r}, layer=1, head=4, sort='induction')\nview = box.children[-1]\nbox",
    "torch.manual_seed(0)\nbert = MaskedLM(EncoderConfig(9, 8, 12, 3, 2, cls_id=1, sep_id=2, mask_id=3))\n"
    f"course.live_heads(bert, {WORDS!r}, 'The dog sleeps.')",
]
SPILLS = "node => [...node.querySelectorAll('*')].some(one => one.getBoundingClientRect().right > innerWidth)"


@pytest.fixture(scope="module")
def opened(lab):
    """One page for all tests here, and one kernel."""
    with page_of(lab, "live-heads", CELLS) as page:
        yield page


@pytest.fixture
def box(opened):
    """A field, its message and its heads, as at first."""
    run(
        opened,
        f"box.children[0].value = ''; box.children[0].value = {TEXT!r}; view.quantity = 'weights'; view.row = -1",
    )
    box = opened.page.locator(".widget-vbox").filter(has=opened.page.locator(".minigpt-heads")).first
    eventually(said(box), "10 tokens.")
    return box


def said(box):
    return box.locator(".widget-html").get_by_role("status")


def drawn(box) -> str:
    """The enlarged head, dot by dot."""
    return box.get_by_role("application").evaluate("canvas => canvas.toDataURL()")


def test_typing_changes_the_picture_and_what_is_wrong_is_said(box, opened) -> None:
    run(opened, "view.row = 1")  # pinned: else the row under the cursor is another after a shorter text
    opened.page.wait_for_timeout(300)
    field, before = box.get_by_label("Text", exact=True), drawn(box)
    field.fill("Once there was a dog")
    eventually(said(box), "5 tokens.")
    prints(opened, "print(''.join(view.tokens))", "Once there was a dog")
    changed = drawn(box)
    assert changed != before
    field.fill("")
    eventually(said(box), "Nothing is typed yet: begin with a word. The heads are still those of the text before.")
    assert drawn(box) == changed
    field.fill(TEXT)
    eventually(said(box), "10 tokens.")
    assert drawn(box) == before


def test_by_keys_alone_one_types_and_walks_to_the_heads(box, opened) -> None:
    page = opened.page
    box.get_by_label("Text", exact=True).focus()
    page.keyboard.press("End")
    page.keyboard.type(" sat on the mat", delay=5)  # faster than the model runs
    eventually(said(box), "15 tokens.")
    prints(opened, "print(''.join(view.tokens))", f"{TEXT} sat on the mat")
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.evaluate("node => node.closest('label').textContent").startswith("Sort by")
    assert focused.input_value() == "induction"
    focused.press("p")  # previous token
    prints(opened, "print(view.score)", "previous token")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("End")
    page.keyboard.type(".")
    eventually(said(box), "16 tokens.")
    prints(opened, "print(view.score)", "previous token")
    run(opened, "view.score = 'induction'")


def test_other_quantities_follow_too(box, opened) -> None:
    box.get_by_label("Show").select_option("scores")
    prints(opened, "print(view.quantity, view.whole_of)", "scores scores")
    before = drawn(box)
    box.get_by_label("Text", exact=True).fill("The cat sat on the hat. The cat")
    eventually(said(box), "9 tokens.")
    prints(opened, "print(view.quantity, view.whole_of, ' hat' in ''.join(view.tokens))", "scores scores True")
    opened.page.wait_for_timeout(300)
    assert drawn(box) != before


def test_an_encoder_is_typed_to_as_well(opened) -> None:
    box = opened.page.locator(".widget-vbox").filter(has=opened.page.locator(".minigpt-heads")).nth(1)
    field = box.get_by_label("Text", exact=True)
    field.fill("The ___ sleeps.")
    eventually(box.locator(".plot text, .minigpt-heads"), "<mask>")
    field.fill("The dogs sleeps.")
    eventually(said(box), "“dogs” is not among the 9 words of the model: near it are dog")
    assert said(box).evaluate("node => node.scrollWidth <= node.clientWidth")


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_nothing_is_cut_off(theme: str, width: int, box, opened) -> None:
    wear(opened.page, theme)
    size = opened.page.viewport_size
    opened.page.set_viewport_size({"width": width, "height": 3_600})
    opened.page.wait_for_timeout(700)
    box.get_by_label("Text", exact=True).fill("")
    eventually(said(box), "Nothing is typed yet")
    opened.screenshot(f"-{theme.lower()}-{width}")
    assert not box.evaluate(SPILLS)
    opened.page.set_viewport_size(size)
    wear(opened.page, "Light")
