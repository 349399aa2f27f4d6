"""Tokens that are read from the right: each stands beside its own numbers, in every view that says it in a sentence."""

from itertools import pairwise

import pytest
from page import eventually, page_of, run

pytestmark = pytest.mark.browser

# Hebrew words: peace, cat, sat, house, in escapes, for an editor would turn these lines around, too.
SETUP = """import numpy as np
from types import SimpleNamespace
from minigpt import views

words = "\\u05e9\\u05dc\\u05d5\\u05dd \\u05d7\\u05ea\\u05d5\\u05dc \\u05d9\\u05e9\\u05d1 \\u05d1\\u05d9\\u05ea".split()
chances = np.exp(np.arange(16.0).reshape(4, 4) % 5) * np.tri(4)
stack = np.broadcast_to(chances / chances.sum(-1, keepdims=True), (2, 2, 4, 4))
recording = SimpleNamespace(tokens=words, attention_stack=lambda: stack)
other = SimpleNamespace(tokens=words, attention_stack=lambda: np.broadcast_to(np.eye(4), stack.shape))
pair = dict(layer=0, head=0, row=3, column=1, query=[1, -2], key=[2, 1], value=[0, 3], weights=stack[0, 0, 3])

def answer(request):
    return dict(recording=recording, pair=pair, other=other if request["other_prompt"] else None)

parts = dict.fromkeys(("encoder", "cross", "decoder"), recording)
stages = [dict(name="a", shape="(T)", explanation="Ids.", array=[1, 2, 3, 4]),
          dict(name="b", shape="(T, T)", explanation="Weights.", array=stack[0, 0])]"""
CELLS = {
    "heads": "views.heads(recording)",
    "translation": "said = views.translation(SimpleNamespace(**parts, written=words))\nsaid.target = 3\nsaid",
    "lab": "lab = views.lab(answer, 'two', other_prompt='three', layer=0, head=0)\nlab.ask(row=3, column=1)\nlab",
    "mask_painter": "painter = views.mask_painter(words, np.ones((4, 4), bool))\npainter.row = 3\npainter",
    "follow": "follow = views.follow(stages, words)\nfollow",
}
# Where the tokens and the numbers of a sentence stand, in the order in which it has them.
PLACES = r"""node => {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  const letters = [];
  while (walker.nextNode()) [...walker.currentNode.data].forEach((_, k) => letters.push([walker.currentNode, k]));
  const said = node.textContent.matchAll(/“[^”]*”|\(\d+\)|[\d.]+|[\u0590-\u05ff]+/g);
  return [...said].map(({ 0: text, index }) => {
    const range = document.createRange();
    range.setStart(...letters[index]);
    const [last, at] = letters[index + text.length - 1];
    range.setEnd(last, at + 1);
    const { left, right, top, bottom } = range.getBoundingClientRect();
    return { text, left, right, top, bottom };
  });
}"""


@pytest.fixture(scope="module")
def opened(lab):
    with page_of(lab, "right_to_left", [SETUP, *CELLS.values()]) as page:
        page.page.set_viewport_size({"width": 1600, "height": 4_000})
        for summary in page.page.locator(".minigpt summary").all():
            summary.click()
        page.page.wait_for_timeout(300)
        yield page


def stand_in_order(sentence) -> None:
    """Each token and number of a sentence stands behind the one before it, or on a later line."""
    places = sentence.evaluate(PLACES)
    assert any("\u0590" < letter < "\u05ff" for place in places for letter in place["text"]), sentence.text_content()
    assert len(places) > 1, sentence.text_content()
    for before, after in pairwise(places):
        is_behind = before["right"] <= after["left"] + 1 or before["bottom"] <= after["top"] + 1
        assert is_behind, (before, after, sentence.text_content())


@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        ("heads", ".words"),
        ("heads", "caption"),
        ("translation", ".words"),
        ("translation", "caption"),
        ("mask_painter", ".knows"),
        ("lab", ".words"),
        ("lab", "caption"),
        ("lab", ".compare tbody th"),
        ("lab", ".pair > p:nth-of-type(1)"),
    ],
)
def test_a_token_read_from_the_right_stands_before_its_own_number(opened, name: str, sentences: str) -> None:
    view = opened.page.locator(f".minigpt-{name}")
    eventually(view.locator(sentences), "\u05d1\u05d9\u05ea")
    for sentence in view.locator(sentences).all():
        stand_in_order(sentence)


def test_so_it_does_in_the_pass_followed_stage_by_stage(opened) -> None:
    view = opened.page.locator(".minigpt-follow")
    run(opened, "follow.stage = 0")
    eventually(view.locator(".items li"), "\u05d7\u05ea\u05d5\u05dc 2")
    for item in view.locator(".items li").all():
        stand_in_order(item)
    run(opened, "follow.stage = 1")
    view.get_by_role("application").press("ArrowDown")
    eventually(view.locator("[aria-live]"), "\u05d7\u05ea\u05d5\u05dc")
    stand_in_order(view.locator("[aria-live]"))
