"""The live lab: what is asked of the kernel, what its answer becomes, and what a saved notebook keeps."""

import json
import re
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from minigpt import views
from minigpt.views import static
from minigpt.views.attention import dequantised


@dataclass(frozen=True)
class Recording:
    """The part of a recording that the lab needs."""

    tokens: tuple[str, ...]
    stack: np.ndarray

    def attention_stack(self) -> np.ndarray:
        return self.stack


def recording(text: str, L: int = 2, H: int = 3) -> Recording:
    T = len(text)
    weights = np.tril(np.random.default_rng(0).random((L, H, T, T)) + 0.1)
    return Recording(tuple(text), (weights / weights.sum(-1, keepdims=True)).astype(np.float32))


def answer(request: dict) -> dict:
    """An answer that repeats what it was asked."""
    if not request["prompt"]:
        raise ValueError("type something")
    other = request["other_prompt"]
    places = {name: request[name] or 0 for name in ("layer", "head", "row", "column")}
    return {
        "recording": recording(request["prompt"]),
        "other": recording(other) if other else None,
        "idle": [head for head, what in request["changes"].items() if what == "patch" and not other],
        "next": {"rows": [("<b>", 0.5, 0.7), ("", 0.2, 0.1)], "kept": 2, "of": 9},
        "both": {"rows": [("<b>", 0.7, 0.3)]} if other else None,
        "lens": {"position": 1, "rows": [("block 0", "\n", 0.25)]},
        "pair": places | {"query": [1, -2], "key": [0.5, 1], "value": [3, 4], "weights": [0.25, 0.75]},
    }


def test_an_answer_becomes_what_the_page_is_told() -> None:
    view = views.lab(answer, "abc")
    assert (view.tokens, view.shape, view.causal, view.answered) == (list("abc"), [2, 3, 3, 3], True, 0)
    np.testing.assert_allclose(dequantised(view.data, view.shape, True, 4), recording("abc").stack[1, 1], atol=0.004)
    assert view.next == {"rows": [["<b>", 0.5, 0.7], ["∅", 0.2, 0.1]], "kept": 2, "of": 9}
    assert view.lens == {"position": 1, "rows": [["block 0", "⏎", 0.25]]}
    assert view.pair["query"] == [1.0, -2.0]
    assert view.other_tokens == []


def test_changed_heads_are_asked_for_by_layer_and_head() -> None:
    asked = []
    view = views.lab(lambda request: asked.append(request) or answer(request), "abc")
    view.ask(changes=[[1, 2, 0.5]], temperature=0.0)
    assert asked[-1]["changes"] == {(1, 2): 0.5}
    assert asked[-1]["temperature"] == 0.0
    assert asked[-1]["prompt"] == "abc"
    assert view.answered == 1


def test_a_second_prompt_comes_and_goes() -> None:
    view = views.lab(answer, "abc", other_prompt="xyzw")
    assert (view.other_tokens, view.other_shape) == (list("xyzw"), [2, 3, 4, 4])
    view.ask(other_prompt=None)
    assert (view.other_tokens, view.other_shape, view.other_data) == ([], [], b"")


def test_the_next_tokens_of_both_are_there_while_there_are_two() -> None:
    view = views.lab(answer, "abc", other_prompt="xyzw")
    assert view.both == {"rows": [["<b>", 0.7, 0.3]]}
    view.ask(other_prompt=None)
    assert view.both == {}


def test_a_change_that_cannot_be_made_is_told_by_its_head() -> None:
    view = views.lab(answer, "abc")
    view.ask(changes=[[1, 2, "patch"], [0, 0, "mean"]])
    assert view.idle == [[1, 2]]
    view.ask(other_prompt="xyz")
    assert view.idle == []


def test_the_exact_weights_of_the_enlarged_head_are_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = SimpleNamespace(Index=lambda labels, name: (name, labels), DataFrame=lambda x, **labels: (x, labels))
    monkeypatch.setitem(sys.modules, "pandas", frame)
    view = views.lab(answer, "abc")
    view.ask(layer=1, head=2)
    weights, labels = view.to_pandas()
    assert (weights == recording("abc").stack[1, 2]).all()
    assert labels == dict(index=("token", list("abc")), columns=("looks at", list("abc")))
    with pytest.raises(ValueError, match="no text is typed yet"):
        views.lab(answer).to_pandas()


def test_without_pandas_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        views.lab(answer, "abc").to_pandas()


def test_a_failure_is_told_answered_and_leaves_what_was_shown() -> None:
    view = views.lab(answer, "abc")
    view.ask(prompt="")
    assert (view.error, view.answered, view.tokens) == ("type something", 1, list("abc"))
    view.ask(prompt="ab")
    assert (view.error, view.answered, view.tokens) == ("", 2, list("ab"))


def test_a_mistake_in_the_callback_is_told_with_its_kind() -> None:
    view = views.lab(lambda request: {} if request["head"] else answer(request), "abc")
    view.ask(head=1)
    assert view.error.startswith("KeyError: 'answer(request) should return a dict with `recording`")


def test_a_message_may_come_with_an_answer() -> None:
    view = views.lab(lambda request: answer(request) | {"error": "too long" if request["head"] else ""}, "abc")
    view.ask(head=1, prompt="ab")
    assert (view.error, view.tokens) == ("too long", list("ab"))
    view.ask(head=0)
    assert view.error == ""


def test_panels_without_an_answer_are_empty() -> None:
    view = views.lab(lambda request: {"recording": recording("ab")}, "ab")
    assert (view.next, view.lens, view.pair) == ({}, {}, {})


def test_rows_that_do_not_sum_to_1_are_shown_with_a_warning_that_goes_with_them() -> None:
    def halved(request: dict) -> dict:
        found = answer(request)
        for side in ("recording", "other"):
            if found[side] and "h" in request["prompt"]:
                found[side] = Recording(found[side].tokens, found[side].stack / 2)
        return found

    with pytest.warns(UserWarning, match="18 of 18 rows of attention do not sum to 1"):
        view = views.lab(halved, "hhh")
    assert "the first, layer 0, head 0, 'h' (position 0), sums to 0.5" in view.warning
    assert dequantised(view.data, view.shape, True, 0)[0, 0] == pytest.approx(0.5, abs=0.004)
    view.ask(other_prompt="xy")
    assert "In the second: 12 of 12 rows" in view.warning
    view.ask(prompt="abc")
    assert view.warning == ""


def test_an_empty_prompt_waits_for_a_text() -> None:
    view = views.lab(answer)
    assert view.error == "type something"
    assert "before a text is typed" in view.describe()
    assert view.face().startswith("<p>No text is typed yet")


def test_the_page_hears_of_an_answer_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    view = views.lab(answer, "abc")
    sent = []
    monkeypatch.setattr(view, "send_state", lambda key=None: sent.append(set(key)))
    view.set_state({"request": {**view.request, "id": 1, "prompt": "abd", "other_prompt": "x"}})
    (message,) = [keys for keys in sent if "answered" in keys]
    assert {"tokens", "other_tokens", "other_data", "answered"} <= message
    assert "shape" not in message, "what has not changed is not sent again"


def test_a_cell_and_the_page_that_ask_at_once_are_both_answered() -> None:
    view = views.lab(answer, "abc")
    view.ask(prompt="cell")
    view.set_state({"request": {**view.request, "prompt": "page"}})  # it took the same number
    assert (view.answered, view.tokens) == (2, list("page"))


def test_the_head_to_begin_with_has_to_be_there() -> None:
    assert views.lab(answer, "abc", layer=1, head=2).pair["head"] == 2
    with pytest.raises(ValueError, match="no layer 1, head 3: layers go from 0 to 1, heads from 0 to 2"):
        views.lab(answer, "abc", layer=1, head=3)


def test_a_field_that_no_request_has_is_refused() -> None:
    with pytest.raises(ValueError, match="a request has no promt: it has id, prompt"):
        views.lab(answer, "abc").ask(promt="x")


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda request: {"recording": None}, ValueError, "TypeError"),
        (lambda request: {"recording": Recording(("a",), np.full((1, 1, 1, 1), np.nan))}, ValueError, "not finite"),
        (
            lambda request: {"recording": Recording(("a",), np.full((1, 1, 1, 1), -3.0))},
            ValueError,
            "before the softmax",
        ),
        (lambda request: answer(request) | {"lens": {"position": 0, "rows": [("x", "y", np.nan)]}}, ValueError, "lens"),
        ("no function", TypeError, "not str"),
    ],
)
def test_a_first_answer_that_does_not_fit_is_refused(function, error, message) -> None:
    with pytest.raises(error, match=message):
        views.lab(function, "a")


def test_cross_attention_is_sent_elsewhere() -> None:
    class Cross(Recording):
        source_tokens = ("x", "y")

    with pytest.raises(ValueError, match=r"views\.heads"):
        views.lab(lambda request: {"recording": Cross(("a",), np.full((1, 1, 1, 2), 0.5))}, "a")


def test_the_face_has_a_picture_and_two_tables_and_runs_nothing() -> None:
    view = views.lab(answer, "abc")
    face = view.face()
    assert '<img alt="The live attention lab: 2 layers with 3 heads each over 3 tokens.' in face
    assert "“&lt;b&gt;”" in face
    assert "likeliest token after position 1" in face
    assert "<b>" not in face


def test_a_saved_lab_keeps_its_state_and_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    bundle = views.lab(answer, "abc")._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert len(json.dumps(bundle)) < 100_000


def test_the_files_of_the_page_stand_together_without_taking_each_others_names() -> None:
    names = re.findall(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", static.module("lab"), flags=re.M)
    assert len(names) > 100
    assert {name for name in names if names.count(name) > 1} == set()
