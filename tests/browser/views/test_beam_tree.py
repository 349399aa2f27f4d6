"""The tree of beam search in JupyterLab: by pointer and by keys, in light and dark, narrow and wide."""

import pytest
from page import eventually, page_of, prints, run, wear

pytestmark = pytest.mark.browser

SETUP = """import torch
from minigpt import course, views
from minigpt.config import TranslatorConfig
from minigpt.models.translator import Translator
from minigpt.text.pairs import WordVocabulary

def made_up(words, n, end="<eos>"):
    # A beam of 2 that writes the words in turn; the second is always a word behind, and ends at step n - 1.
    steps, first, second = [], [], []
    for k in range(1, n + 1):
        before, first = first, [*first, end if k == n else words[k % len(words)]]
        second = second if k == n else [*second, end if k == n - 1 else words[(k + 1) % len(words)]]
        beam = [(first, -0.3 * k, -0.3 * k / (k + 5), k == n), (second, -0.5 * len(second), -0.2, second[-1] == end)]
        steps.append((beam, [([*before, "other"], -0.3 * k - 4, -0.9, False)]))
    return steps

pairs = [(["the", "dog", "sleeps", "."], ["o", "cachorro", "dorme", "."])]
vocabulary = WordVocabulary.of(pairs)
torch.manual_seed(3)
translator = Translator(TranslatorConfig(vocabulary.n_vocab, n_ctx=9, n_embd=8, n_head=2, n_layer=1)).eval()
mean = ["<script>window.ran = 1</script>", " שלום", "\\u202eabc", "😀" * 40, "x" * 10_000, "$x$"]"""
CELLS = {
    "own": "own = views.beam_tree(made_up('um dois três quatro cachorro'.split(), 12), source='One two three.')\nown",
    "odd": "views.beam_tree(made_up(mean, 6, mean[0]), source=mean[0])",
    "single": "views.beam_tree([([(['a'], -0.5, -0.5, False)], [])])",
    "box": "course.try_beam(translator, vocabulary, 'The dog sleeps.', beam=2)",
}
VIEW = {name: n for n, name in enumerate(CELLS)}


@pytest.fixture(scope="module")
def opened(lab):
    """One page for all tests here, and one kernel."""
    with page_of(lab, "beam_tree", [SETUP, *CELLS.values()]) as page:
        yield page


@pytest.fixture
def view(opened):
    return lambda name: opened.page.locator(".minigpt-beam_tree").nth(VIEW[name])


@pytest.fixture(autouse=True)
def as_at_first(opened):
    run(opened, "own.step, own.chosen = 12, -1")
    opened.page.wait_for_timeout(200)


def test_the_end_is_shown_first_with_the_way_that_wins(view) -> None:
    own = view("own")
    eventually(own.locator(".words"), "In the beam 2: 2 finished, the search is over.")
    assert own.locator(".node.won").count() == 11  # the second had ended with the better score
    assert own.locator(".edge.won").count() == 11
    assert own.locator(".node.dropped").count() == 12
    assert own.locator(".node.finished .inner").count() == 2
    eventually(own.locator(".source"), "Source: One two three.")


def test_steps_go_forwards_and_back_and_play_by_buttons(view, opened) -> None:
    own = view("own")
    own.get_by_role("button", name="Back").press("Enter")
    prints(opened, "print(own.step)", "11")
    assert own.locator(".node.won").count() == 0, "nobody has won while one may still be better"
    run(opened, "own.step = 0")
    assert own.locator(".node").count() == 1
    own.get_by_role("button", name="Forward").press("Enter")
    eventually(own.locator("output"), "1 of 12")
    run(opened, "own.step = 10")
    own.get_by_role("button", name="Play").press("Enter")
    eventually(own.locator("output"), "12 of 12")
    eventually(own.get_by_role("button"), "Play")  # it stops by itself


def test_by_keys_alone_the_tree_is_walked_and_stepped(view, opened) -> None:
    own, keys = view("own"), opened.page.keyboard
    own.get_by_role("application").focus()
    for key in ("Home", "PageDown", "PageDown", "ArrowRight", "ArrowRight", "ArrowDown"):
        keys.press(key)
        opened.page.wait_for_timeout(60)
    eventually(own.locator(".words"), "“três quatro”: log-probability")
    keys.press("ArrowDown")
    eventually(own.locator(".words"), "Dropped at step 2: it found no place in the beam.")
    keys.press("Escape")
    eventually(own.locator(".words"), "In the beam 2: 0 finished, 2 go on.")
    prints(opened, "print(own.step, own.chosen)", "2 -1")


def test_a_click_chooses_a_box_and_a_second_one_frees_it(view, opened) -> None:
    own = view("own")
    box = own.locator(".node.finished").last
    box.click()
    eventually(own.locator(".words"), "It is")
    box.click()
    prints(opened, "print(own.chosen)", "-1")


def test_the_table_has_the_hypotheses_of_the_step(view) -> None:
    own = view("own")
    own.locator("summary").click()
    eventually(own.locator(".numbers"), "hypothesis")
    rows = own.locator(".numbers tr").all_inner_texts()
    assert len(rows) == 1 + 2 + 1
    assert rows[1].endswith("wins")
    assert rows[-1].endswith("dropped")
    own.locator("summary").click()


def test_mean_words_stay_text(view, opened) -> None:
    assert view("odd").locator("script").count() == 0
    assert opened.page.evaluate("() => window.ran") is None
    assert view("single").locator(".node").count() == 2


def test_sliders_of_the_box_search_anew_and_what_is_unknown_is_said(view, opened) -> None:
    page = opened.page
    before = view("box").locator(".node.kept, .node.finished, .node.lost").count()
    view("box").get_by_role("slider", name="Beam").press("ArrowRight")
    view("box").get_by_role("slider", name="Length penalty").press("ArrowLeft")
    page.wait_for_timeout(1_000)
    assert view("box").locator(".node.kept, .node.finished, .node.lost").count() > before
    assert view("own").get_by_role("slider").count() == 1, "nothing can search anew there"
    box = page.get_by_label("English")
    box.fill("The cat sleeps.")
    box.press("Enter")
    eventually(page.get_by_role("status"), "'cat': not in the vocabulary")


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_fits_into_any_width_in_light_and_dark(view, opened, theme, width) -> None:
    wear(opened.page, theme)
    run(opened, "own.chosen = 4")
    opened.page.set_viewport_size({"width": width, "height": 3_000})
    opened.page.wait_for_timeout(700)
    for name in VIEW:
        right = view(name).evaluate("node => node.closest('.jp-OutputArea-output').getBoundingClientRect().right")
        assert view(name).evaluate("node => node.getBoundingClientRect().right") <= right + 1, name
    opened.screenshot(f"-beam-tree-{theme}-{width}")
    wear(opened.page, "Light")
