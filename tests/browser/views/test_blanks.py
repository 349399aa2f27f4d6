"""The sentence with blanks, in JupyterLab: typed by keys alone, wrong and right again, in dark and narrow."""

import pytest
from page import eventually, page_of, prints, wear

pytestmark = pytest.mark.browser

WORDS = ["<pad>", "<cls>", "<sep>", "<mask>", ".", "the", "dog", "cat", "saw"]
CELLS = [
    "import torch\nfrom minigpt import course\nfrom minigpt.config import EncoderConfig\n"
    "from minigpt.models.encoder import MaskedLM\ntorch.manual_seed(0)\n"
    "bert = MaskedLM(EncoderConfig(9, 10, 12, 3, 2, cls_id=1, sep_id=2, mask_id=3))",
    f"box = course.fill_in(bert, {WORDS!r}, 'The ___ saw the cat.')\nbox",
]
FITS = "node => [...node.querySelectorAll('*')].every(one => one.getBoundingClientRect().right <= innerWidth)"


@pytest.fixture(scope="module")
def opened(lab):
    with page_of(lab, "blanks", CELLS, height=1_000) as page:
        yield page


def test_by_keys_alone_a_blank_is_moved_and_what_is_wrong_is_said_until_it_is_mended(opened) -> None:
    page = opened.page
    box = page.locator(".widget-vbox").filter(has=page.get_by_label("Sentence")).first
    field, said = box.get_by_label("Sentence"), box.get_by_role("status")
    eventually(said, "in the blank")
    first = said.inner_text()
    field.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("The dog ___ the bird.", delay=5)
    eventually(said, "“bird” is not among the 9 words of the model")
    for _ in "bird.":
        page.keyboard.press("Backspace")
    page.keyboard.type("___", delay=5)
    eventually(said, "blank 2")
    eventually(said, "There is no “.” at the end, so one was added")
    eventually(said, "Each blank is guessed by itself")
    assert said.get_by_role("row").count() == 6  # the header and five guesses for each blank
    prints(opened, "print(box.children[0].value)", "The dog ___ the ___")
    page.keyboard.press("Control+a")
    page.keyboard.press("Backspace")
    eventually(said, "Nothing is typed yet")
    page.keyboard.type("The ___ saw the cat.", delay=5)
    eventually(said, "The ___ saw the cat.")  # the table is of the whole sentence, not of what was typed on the way
    assert said.inner_text() == first


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_it_can_be_read_on_a_narrow_page_in_both_themes(opened, theme) -> None:
    page = opened.page
    page.set_viewport_size({"width": 700, "height": 1_000})
    wear(page, theme)
    said = page.locator(".widget-vbox").get_by_role("status").first
    assert said.evaluate(FITS)
    ink, paper = said.evaluate(
        """node => {
          const light = colour => colour.match(/[\\d.]+/g).slice(0, 3).reduce((sum, one) => sum + Number(one), 0) / 765;
          const layout = getComputedStyle(document.body).getPropertyValue('--jp-layout-color0').trim();
          const probe = Object.assign(document.createElement('i'), { style: `color: ${layout}` });
          document.body.append(probe);
          const paper = getComputedStyle(probe).color;
          probe.remove();
          return [light(getComputedStyle(node.querySelector('td')).color), light(paper)];
        }"""
    )
    assert abs(ink - paper) > 0.5, f"ink {ink:.2f} on paper {paper:.2f}"
