"""Bad input in the page, the same for every view: nothing is executed, nothing breaks, also when the kernel dies."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from page import eventually, prints, run, wear

from minigpt.course.execute import KERNEL

pytestmark = pytest.mark.browser

SETUP = """import warnings
import numpy as np
from types import SimpleNamespace
from minigpt import course, views

warnings.simplefilter("ignore")  # rows that do not sum to 1 are meant

def stack(n, share=1.0):
    return np.full((2, 2, n, n), share / n, np.float32)

def recording(tokens, share=1.0):
    return SimpleNamespace(tokens=tokens, attention_stack=lambda: stack(len(tokens), share))

def translated(tokens):
    part = recording(tokens, share=0.5)
    return SimpleNamespace(encoder=part, cross=part, decoder=part, written=tokens)

def stages(tokens):
    n = len(tokens)
    words = dict(name=tokens[0], shape="(T)", explanation=tokens[0], array=list(tokens))
    return [words, dict(name="vectors", shape="(T, C)", explanation="Numbers.", array=np.ones((n, 3)))]

def board(tokens):
    view = views.dashboard([dict(step=0, loss=1)], title=tokens[0], others={tokens[0]: []}, controls=["pause", "stop"])
    view.write(1, " ".join(tokens))
    return view

def roof(tokens):
    sold = dict(name=tokens[0], peaks={"x": 9}, bandwidth=9, source=tokens[-1])
    counted = dict(kind=tokens[0], number_format="float32", operations=9, seconds=1)
    points = [dict(name=token, n_bytes=k + 1, **counted) for k, token in enumerate(tokens)]
    return views.roofline(points, {"float32": 20}, 4, machine=tokens[0], others=[sold])

def calculator(tokens):
    from minigpt.course.speed import RUN, run_costs
    ask = lambda settings: run_costs(settings) | {"parts": {token: 9 for token in tokens}}
    model = dict(n_layer=1, n_head=1, n_embd=2, n_ctx=3, n_vocab=4)
    return views.costs(ask, RUN, {tokens[0]: model}, tokens[0])

def machine(tokens):
    heads = dict.fromkeys(("induction", "previous", "ablated"), np.ones((2, 2)))
    losses = dict.fromkeys(("valid_loss", "early", "late", "first", "repeat"), 1)
    found = [losses | heads | dict(step=step) for step in (0, 9)]
    written = [tokens[0], tokens[-1]]
    ask = lambda prompt: dict(tokens=tokens, attention=[stack(len(tokens)) * np.tri(len(tokens))] * 2, written=written)
    return views.time_machine([0, 9], found, ask, "".join(tokens), levels={tokens[0]: 2})

sets = {
    "markup": ["</script><script>window.ran = 1</script>", "<img src=x onerror='window.ran = 1'>", "$x$", '"\\'&amp;'],
    "scripts": [" שלום", "العربية", "\\u202eabc", "e\\u0301", "\\u0301", "👩\\u200d🚀😀"],
    "long": ["x" * 10_000, "ש" * 10_000, "😀" * 2_000],
    "one": ["I"],
}"""
SETS = ("markup", "scripts", "long", "one")
VIEWS = {
    "heads": "views.heads(recording(t, share=0.5))",
    "translation": "views.translation(translated(t), padding=np.ones(len(t), dtype=bool))",
    "lab": "views.lab(lambda request: {'recording': recording(t, share=0.5)}, ''.join(t))",
    "mask_painter": "views.mask_painter(t, np.tri(len(t), dtype=bool))",
    "query_key": "views.query_key((1, 1), np.ones((len(t), 2)), np.ones((len(t), 2)), t)",
    "tokens": "views.tokens(lambda text: [(token, 0, text.encode()) for token in t])",
    "ngrams": "views.ngrams(lambda n, context: {'next': [(t[0], 1.0)], 'used': t[0]}, {1: 2, 2: 2}, {1: 2, 2: 2})",
    "guess": "views.guess('g', t[0], [*t, 'none'], 0)",
    "next_tokens": "views.next_tokens(np.arange(len(t)), t, text=''.join(t))",
    "follow": "views.follow(stages(t), t)",
    "embedding_map": "views.embedding_map(t, np.ones((len(t), 2)), groups={t[0]: t[:1]})",
    "sense_slider": "views.sense_slider(np.eye(4)[None], [(t, 0)] * 4, [t[0], 'b'] * 2, word=t[0], names=t[:1])",
    "beam_tree": "views.beam_tree([([([one], -1, -1, False) for one in t], [])], source=t[0])",
    "token_tree": "views.token_tree(lambda p, *r: {'rows': [(k, a, 0.1, 0.1) for k, a in enumerate(t)]}, ''.join(t))",
    "dashboard": "board(t)",
    "roofline": "roof(t)",
    "costs": "calculator(t)",
    "time_machine": "machine(t)",
    "bertviz": "views.bertviz(recording(t))",
}
# And the lab.
ASKING = (
    "heads",
    "translation",
    "mask_painter",
    "query_key",
    "tokens",
    "ngrams",
    "guess",
    "token_tree",
    "dashboard",
    "costs",
    "time_machine",
)
WIDGETS = [name for name in VIEWS if name != "bertviz"]
# Pictures walked through, sliders moved, boxes ticked, each view's first buttons pressed: all at once, in one call.
USE = """() => {
  const keys = ['Home', 'ArrowDown', 'ArrowRight', 'Enter', 'End'];
  const all = (view, what) => [...view.querySelectorAll(what)].filter(one => one.checkVisibility() && !one.disabled);
  for (const view of document.querySelectorAll('.minigpt')) {
    for (const picture of all(view, '[role=application], .thumb')) {
      for (const key of keys) picture.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
      picture.dispatchEvent(new MouseEvent('mousemove', { clientX: 300, clientY: 300, bubbles: true }));
    }
    for (const slider of all(view, 'input[type=range]')) {
      slider.value = slider.max;
      for (const kind of ['input', 'change']) slider.dispatchEvent(new Event(kind, { bubbles: true }));
    }
    all(view, '.thumb, summary, input[type=checkbox]').slice(0, 6).forEach(one => one.click());
  }
  return document.querySelectorAll('.minigpt').length;
}"""
LOST = "run this cell again, with the cells above it"
SPILLS = """(view) => {
  const right = view.closest('.jp-OutputArea-output').getBoundingClientRect().right;
  return view.getBoundingClientRect().right > right + 1;
}"""


@pytest.fixture(scope="module")
def opened(lab, tmp_path_factory):
    """One page with each view on each set of tokens."""
    path = tmp_path_factory.mktemp("bad_input") / "bad_input.ipynb"
    shown = "\n".join(f"display({code})" for code in VIEWS.values())
    sources = [SETUP, *(f"t = sets[{kind!r}]\n{shown}" for kind in SETS), "course.show_map()"]
    cells = [new_code_cell(source) for source in sources]
    nbformat.write(new_notebook(cells=cells, metadata=KERNEL), path)
    with lab.open(path) as page:
        page.page.on("dialog", lambda dialog: page.problems.append(f"dialog: {dialog.message}"))
        page.run_all()
        yield page


def check(opened) -> None:
    page = opened.page
    for kind in WIDGETS:
        assert page.locator(f".minigpt-{kind}").count() == len(SETS), kind
        assert page.locator(f".minigpt-{kind} :is(script, img)").count() == 0
        assert not any(view.evaluate(SPILLS) for view in page.locator(f".minigpt-{kind}").all()), kind
    assert page.locator("iframe[srcdoc]").count() == len(SETS)  # bertviz
    assert page.evaluate("() => window.ran") is None
    for frame in page.frames:
        assert frame.evaluate("() => window.ran") is None
    assert opened.problems == []


def test_mean_tokens_stay_text_in_every_view_and_no_view_breaks(opened) -> None:
    check(opened)
    opened.page.evaluate(USE)
    check(opened)
    for kind in ("heads", "translation", "lab"):
        warned = opened.page.locator(f".minigpt-{kind} .error").filter(has_text="do not sum to 1", visible=True)
        assert warned.count() == len(SETS), kind
    assert opened.page.locator("img[alt*='notebook']").count() == 1


def test_what_cannot_be_shown_leaves_the_view_as_it_was_and_says_why(opened) -> None:
    run(opened, "kept = views.heads(recording(list('abc')))")
    said = run(opened, "kept.show(SimpleNamespace(tokens=list('abc'), attention_stack=lambda: np.nan * stack(3)))")
    assert "not finite" in said
    prints(opened, "print(kept.tokens)", "['a', 'b', 'c']")


def test_views_stay_in_the_page_when_the_kernel_dies_and_live_again_with_the_next(opened) -> None:
    page = opened.page
    kernel = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    page.evaluate(f"() => {kernel}.requestExecute({{ code: 'import os; os._exit(1)' }}).done.catch(() => {{}})")
    eventually(page.locator(".minigpt-lab .state").first, LOST)
    page.locator(".jp-Dialog button").first.click()  # what JupyterLab says; until then it takes the focus from views
    page.evaluate(USE)
    for theme in ("Dark", "Light"):
        wear(page, theme)
        for kind in ASKING:
            told = page.locator(f".minigpt-{kind} .state").filter(has_text=LOST, visible=True)
            assert told.count() == len(SETS), kind
    assert page.locator(".minigpt-guess").first.get_by_role("button", name="Store").is_disabled()  # it would be lost
    assert page.locator(".minigpt-ngrams").first.get_by_role("slider").is_disabled()
    page.wait_for_function(f"() => {kernel}.status === 'idle'", timeout=30_000)
    page.evaluate(USE)
    check(opened)
    opened.run_all()
    check(opened)
    eventually(page.locator(".minigpt-heads").nth(3), "looks at")
    assert page.get_by_text(LOST).count() == 0
    page.locator(".minigpt-tokens").first.get_by_label("Text").fill("é")
    eventually(page.locator(".minigpt-tokens").first, "1 token for 1 character, 2 bytes")
