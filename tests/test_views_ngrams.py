"""The n-gram view: what is asked of the callback, and what a saved notebook keeps."""

import pytest

from minigpt import views

TRAIN, HELD_OUT = {1: 20.0, 2: 8.0, 3: 3.0}, {1: 21.0, 2: 12.0, 3: 30.0}


def compute(n: int, context: str) -> dict:
    return {"next": [("a", 0.25), ("b", 0.75)], "sample": f"{n} {context}", "used": context[1 - n :]}


def make(function=compute, **changes):
    return views.ngrams(function, **(dict(train=TRAIN, held_out=HELD_OUT, context="the", n=2) | changes))


def test_moving_n_or_the_context_asks_again() -> None:
    view = make()
    assert view.result["sample"] == "2 the"
    view.n = 3
    assert view.result["sample"] == "3 the"
    view.context = "on"
    assert (view.result["sample"], view.result["used"]) == ("3 on", "on")


def test_another_sample_is_another_call() -> None:
    calls = []
    view = make(lambda n, context: calls.append(n) or compute(n, context))
    view.draws += 1
    assert calls == [2, 2]


def test_the_likeliest_come_first_and_the_rest_is_counted() -> None:
    view = make(lambda n, context: {"next": [(str(k), k / 200) for k in range(20)]})
    assert view.result["next"][0] == ["19", 0.095]
    assert (len(view.result["next"]), view.result["more"]) == (12, 8)


def test_a_context_never_seen_may_have_no_next_token() -> None:
    assert make(lambda n, context: {"next": [], "note": "never seen"}).result["note"] == "never seen"


def test_a_callback_that_fails_later_is_told_and_the_view_stays() -> None:
    view = make(lambda n, context: compute(n, context) if context == "the" else {}["missing"])
    view.context = "x"
    assert view.error == "KeyError: 'missing'"
    assert view.result["sample"] == "2 the"


def test_a_saved_notebook_keeps_an_answer_for_every_n() -> None:
    assert {n: answer["sample"] for n, answer in make().stored()["answers"].items()} == {
        "1": "1 the",
        "2": "2 the",
        "3": "3 the",
    }


def test_the_face_has_the_curves_and_the_likeliest_tokens() -> None:
    face = make().face()
    assert 'alt="Perplexity of n-gram models. n = 1: 20 on the training text, 21 on held-out text. n = 3: 3' in face
    assert "“b” 75%, “a” 25%" in face


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(n=9), "they should agree"),
        (dict(held_out={1: 2.0}), "they should agree"),
        (dict(train=TRAIN | {1: 0.5}), "are these losses"),
        (dict(function=lambda n, context: {}), "failed"),
        (dict(function=lambda n, context: {"next": [("a", 0.9), ("b", 0.9)]}), "sum to 1.8"),
        (dict(function=lambda n, context: {"next": [("a", float("nan"))]}), "not finite"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**change)
