"""Bad input, the same for every view of attention and its neighbours: tokens stay text, numbers say what is wrong."""

import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minigpt import views
from tests.made_up import Recording, Tags

MEAN = {
    "markup": "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "right to left": " שלום",
    "turned": "\u202eabc",
    "combining": "\u0301",
    "emoji": "👩\u200d🚀😀",
    "long": "x" * 10_000,
    "nothing": "",
    "formula": "$x$",
}
SEEN = {"turned": "\\u{202e}abc", "combining": "◌\u0301", "nothing": "∅"}
ATTENTION = ("heads", "bertviz", "lab")


def recording(tokens: Sequence[str], stack: Any = None) -> Recording:
    n = len(tokens)
    return Recording(tuple(tokens), np.full((2, 1, n, n), 1 / max(n, 1), np.float32) if stack is None else stack)


def stages(tokens: Sequence[str], array: Any) -> list[dict[str, Any]]:
    return [
        {"name": "tokens", "shape": "(T)", "explanation": "Words.", "array": list(tokens)},
        {"name": "vectors", "shape": "(T, C)", "explanation": "Numbers.", "array": array},
    ]


def translated(part: Recording) -> Any:
    return views.translation(SimpleNamespace(encoder=part, cross=part, decoder=part, written=part.tokens))


def look(answer_with: Recording) -> Any:
    return views.lab(lambda request: {"recording": answer_with}, "a prompt")


# For each view: labels, and one array of numbers that fits n of them.
VIEWS: dict[str, Callable[[Sequence[str], Any], Any]] = {
    "heads": lambda tokens, x: views.heads(recording(tokens, x)),
    "bertviz": lambda tokens, x: views.bertviz(recording(tokens, x)),
    "translation": lambda tokens, x: translated(recording(tokens, x)),
    "lab": lambda tokens, x: look(recording(tokens, x)),
    "mask_painter": lambda tokens, x: views.mask_painter(tokens, x),
    "query_key": lambda tokens, x: views.query_key((1, 0), x, x, tokens),
    "next_tokens": lambda tokens, x: views.next_tokens(x, tokens, text="".join(tokens)[:20]),
    "follow": lambda tokens, x: views.follow(stages(tokens, x), tokens),
    "embedding_map": lambda tokens, x: views.embedding_map(tokens, x),
}
FITTING: dict[str, Callable[[int], Any]] = {
    **dict.fromkeys((*ATTENTION, "translation"), lambda n: np.full((2, 1, n, n), 1 / max(n, 1), np.float32)),
    "mask_painter": lambda n: np.tri(n, dtype=bool),
    "query_key": lambda n: np.ones((n, 2)),
    "next_tokens": lambda n: np.arange(float(n)),
    "follow": lambda n: np.ones((n, 3)),
    "embedding_map": lambda n: np.ones((n, 4)),
}
every_view = pytest.mark.parametrize("name", VIEWS)


@every_view
def test_mean_tokens_stay_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    view = VIEWS[name](list(MEAN.values()), FITTING[name](len(MEAN)))
    html = view._repr_mimebundle_()["text/html"]
    tags = Tags(html).found
    assert {tag for tag, _ in tags} <= {"div", "img", "iframe", "table", "thead", "tbody", "tr", "th", "td", "p"}
    assert not any("same-origin" in (attributes["sandbox"] or "") for tag, attributes in tags if tag == "iframe")
    handlers = {key for tag, attributes in tags for key in attributes if key.startswith("on") and tag != "iframe"}
    assert not handlers
    page = next(attributes["srcdoc"] or "" for tag, attributes in tags if tag == "iframe")
    assert "alert(1)" not in page  # packed: what could end a script of the frame is not in its text
    assert len(html) < 400_000
    kept = next((value for name in ("tokens", "labels", "words") if (value := getattr(view, name, None))), None)
    if kept:
        assert set(kept) == {SEEN.get(kind, token) for kind, token in MEAN.items()}


@every_view
def test_one_token_is_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    view = VIEWS[name](["I"], FITTING[name](1))
    assert Tags(view._repr_mimebundle_()["text/html"]).found


@every_view
def test_without_a_token_the_message_says_that_there_is_nothing_to_show(name: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        VIEWS[name]([], FITTING[name](0))


@every_view
def test_counts_that_differ_are_told_with_the_shapes(name: str) -> None:
    if name == "follow":
        pytest.skip("a stage may have other rows than tokens: it numbers them")
    with pytest.raises(ValueError, match=r"\b3\b.*\b4\b|\b4\b.*\b3\b|\(4, 4\).*\(3, 3\)"):
        VIEWS[name](list("abc"), FITTING[name](4))


@every_view
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_told(name: str, bad: float) -> None:
    if name == "mask_painter":
        pytest.skip("a mask of numbers is refused whatever they are")
    array = np.array(FITTING[name](3), dtype=np.float32)
    array.reshape(-1)[1] = bad
    with pytest.raises(ValueError, match="not finite"):
        VIEWS[name](list("abc"), array)


@pytest.mark.parametrize("name", ATTENTION)
def test_negative_weights_are_told_and_rows_that_do_not_sum_to_1_are_shown(name: str) -> None:
    array = FITTING[name](3).copy()
    array[0, 0, 1, 1] = -0.5
    with pytest.raises(ValueError, match=re.escape("between 0 and 1, these between -0.5")):
        VIEWS[name](list("abc"), array)
    array[0, 0, 1, 1] = 0.9
    with pytest.warns(UserWarning, match="1 of 6 rows of attention do not sum to 1; the first, layer 0, head 0, 'b'"):
        assert VIEWS[name](list("abc"), array) is not None


def test_a_mask_of_numbers_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(TypeError, match="mask == 1"):
        views.mask_painter(list("abc"), np.full((3, 3), np.nan))


@pytest.mark.parametrize("name", ATTENTION)
def test_what_is_no_recording_is_refused_with_the_way_to_one(name: str) -> None:
    show = {"heads": views.heads, "bertviz": views.bertviz, "lab": look}[name]
    with pytest.raises((TypeError, ValueError), match=r"inspection\.record"):
        show([[1.0]])
