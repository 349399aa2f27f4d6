"""The tree of next tokens: what is asked, what is refused, and what the face and the description say."""

import math
from typing import Any

import pytest
from made_up import Tags
from traitlets import TraitError

from minigpt import views
from minigpt.views.token_tree import TokenTree

P = {3: ("a", 0.5), 4: (" b", 0.25), 5: ("\n", 0.125)}


def ask(path: list[int], temperature: float, top_k: int | None, top_p: float | None) -> dict[str, Any]:
    """The same three tokens each time, until 5 ends the text; top-k cuts."""
    if path[-1:] == [5]:
        return {"rows": [], "note": "ended"}
    kept = list(P)[: top_k or 3]
    total = sum(P[token][1] for token in kept)
    rows = [(token, label, p, p / total if token in kept else 0.0) for token, (label, p) in P.items()]
    return {"rows": rows, "kept": len(kept), "of": 9, "held": total}


@pytest.fixture
def view() -> TokenTree:
    return views.token_tree(ask, "Once")


def test_two_levels_are_asked_and_labels_are_shown(view: TokenTree) -> None:
    assert sorted(view.answers) == ["", "3", "4", "5"]
    assert [row[1] for row in view.answers[""]["rows"]] == ["a", " b", "⏎"]
    assert view.answers["5"] == {"rows": [], "kept": 0, "of": 0, "held": 1.0, "note": "ended"}
    assert sorted(views.token_tree(ask, depth=1).answers) == [""]


def test_a_path_asks_along_it_along_the_greedy_one_and_ahead(view: TokenTree) -> None:
    view.path = [4, 4]
    along, greedy, ahead = {"", "4", "4,4"}, {"3"}, {"4,4,3", "4,4,4", "4,4,5"}
    assert set(view.answers) == along | greedy | ahead
    assert view.log_prob([4, 4]) == pytest.approx(2 * math.log(0.25))
    assert view.labels_of([4, 4]) == [" b", " b"]
    assert "“Once b b”: “a” 50%, “ b” 25%, “⏎” 12%. The path has 2 tokens and log-probability -2.77." in view.describe()


def test_the_rule_is_asked_anew_and_none_stands_for_what_keeps_all(view: TokenTree) -> None:
    asked = []
    view.show(lambda path, *rule: asked.append(rule) or ask(path, *rule), "x")
    view.top_k = 2
    assert set(asked) == {(1.0, None, None), (1.0, 2, None)}
    assert [row[3] for row in view.answers[""]["rows"]] == pytest.approx([2 / 3, 1 / 3, 0], abs=1e-5)
    view.top_p, view.temperature = 0.5, 0.3
    assert asked[-1] == (0.3, 2, 0.5)


def test_the_end_is_said_and_an_unknown_branch_is_refused_with_those_there_are(view: TokenTree) -> None:
    view.path = [5]
    assert (
        view.describe()
        == "The tree of next tokens after “Once⏎”: ended. The path has 1 token and log-probability -2.08."
    )
    view.path = [5, 3]
    assert view.error.endswith("token 3 is no branch after the path [5]: the branches there are none")
    assert view.path == [5], "the view stays as it was"
    view.path = [9]
    assert "the branches there are 3, 4, 5" in view.error
    view.path = []
    assert view.error == ""


def test_an_error_of_the_function_is_shown_and_leaves_the_tree(view: TokenTree) -> None:
    def fails(path: list[int], temperature: float, *rule: Any) -> dict[str, Any]:
        if temperature > 1:
            raise RuntimeError("too hot")
        return ask(path, temperature, *rule)

    view.show(fails, "x")
    before, version = view.answers, view.version
    view.temperature = 1.5
    assert (view.error, view.answers) == ("RuntimeError: too hot", before)
    assert view.version == version + 1, "the page draws the message"
    view.temperature = 1.0
    assert view.error == ""


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "there are no rows"),
        ([(1, "a", math.nan, 0.5)], "not finite"),
        ([(1, "a", 0.5, math.inf)], "not finite"),
        ([(1, "a", -0.5, 0.5)], "each row's first is above 0"),
        ([(1, "a", 0.0, 0.5)], "each row's first is above 0"),
        ([(1, "a", 0.9, 0.5), (2, "b", 0.2, 0.5)], "a column has at most 1 in all"),
    ],
)
def test_what_are_no_probabilities_is_refused(view: TokenTree, rows: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        views.token_tree(lambda path, *rule: {"rows": rows})
    before = view.answers
    with pytest.raises(ValueError, match=said):
        view.show(lambda path, *rule: {"rows": rows}, "other")
    assert (view.answers, view.prompt) == (before, "Once")


def test_values_outside_the_sliders_and_what_is_no_function_are_refused() -> None:
    for name, value in {"temperature": 2.5, "top_p": 0.0, "depth": 0}.items():
        with pytest.raises(TraitError, match=f"{name}={value}: it goes from"):
            views.token_tree(ask, **{name: value})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="top_k=0: at least 1"):
        views.token_tree(ask, top_k=0)
    with pytest.raises(TypeError, match="ask is a function"):
        views.token_tree([("a", 1)])  # type: ignore[arg-type]
    with pytest.raises(TraitError, match="a path of 201 tokens"):
        views.token_tree(ask).path = [3] * 201
    with pytest.raises(TypeError, match="a label is a string"):
        views.token_tree(lambda path, *rule: {"rows": [(1, 7, 0.5, 0.5)]})


def test_the_face_is_a_picture_and_the_likeliest_pairs(view: TokenTree) -> None:
    (_, attributes), *others = Tags(view.face()).found
    assert attributes["alt"] == view.describe()
    assert {tag for tag, _ in others} == {"table", "thead", "tbody", "tr", "th", "td"}
    rows = view.face().split("<tr>")[2:]
    assert ["aa" in rows[0], "25.0%" in rows[0]] == [True, True]
    assert ["a␣b" in rows[1], "12.5%" in rows[1]] == [True, True]


def test_a_saved_view_holds_one_level_more(view: TokenTree) -> None:
    assert {len(key.split(",")) for key in view.stored()["answers"] if key} == {1, 2}
    assert len(view.stored()["answers"]) == 1 + 3 + 2 * 3


def test_mean_labels_stay_labels_and_small_probabilities_stay_above_0() -> None:
    mean = ["\u202eabc", "x" * 10_000, "", "$x$", "<b>"]
    rows = [(k, label, 1e-12, 0.0) for k, label in enumerate(mean)]
    view = views.token_tree(lambda path, *rule: {"rows": rows if len(path) < 2 else []}, "<i>")
    assert [row[1][:10] for row in view.answers[""]["rows"]] == ["\\u{202e}ab", "x" * 10, "∅", "$x$", "<b>"]
    assert view.log_prob([0]) == pytest.approx(math.log(1e-12))
    assert "<b>" not in view.face()
