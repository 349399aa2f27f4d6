"""The time machine: what it shows of a run's snapshots, what it says, and what is refused."""

import re
from typing import Any

import numpy as np
import pytest
from traitlets import TraitError

from minigpt import views
from minigpt.views.attention import dequantised

STEPS = (0, 5, 10)
L, H = 2, 3


def measures() -> list[dict[str, Any]]:
    """Of steps 0, 5, 7 and 10: layer 1, head 2 becomes an induction head after step 5."""
    rows = []
    for n, step in enumerate((0, 5, 7, 10)):
        scores, ablated = np.full((L, H), 0.1), np.full((L, H), 4.0 - n)
        scores[1, 2], ablated[1, 2] = (0.1, 0.15, 0.6, 0.7)[n], 4.5
        rows.append(
            {"step": step, "valid_loss": 6 - n, "early": 5.0, "late": 5 - n / 10, "first": 4.25, "repeat": 4.0 - n}
            | {"induction": scores.tolist(), "previous": np.full((L, H), 0.3).tolist(), "ablated": ablated.tolist()}
        )
    return rows


def stack(n_tokens: int, first: float) -> np.ndarray:
    """The same weights in all heads: `first` on the first token, the rest on the token itself; (L, H, T, T)."""
    weights = (1 - first) * np.eye(n_tokens)
    weights[:, 0] += first
    return np.broadcast_to(weights, (L, H, n_tokens, n_tokens)).copy()


def ask(prompt: str) -> dict[str, Any]:
    if not prompt:
        raise ValueError("nothing is typed")
    attention = np.stack([stack(len(prompt), first) for first in (0.0, 0.25, 1.0)])
    return {"tokens": list(prompt), "attention": attention, "written": [f" {prompt} {step}" for step in STEPS]}


def made(**settings: Any) -> Any:
    return views.time_machine(STEPS, measures(), ask, "abcd", **settings)


def test_curves_are_those_of_all_measures_and_scores_those_of_the_snapshots() -> None:
    view = made(levels={"a bigram": 3.5})
    assert view.curves["steps"] == [0, 5, 7, 10]
    assert view.curves["loss"] == [6, 5, 4, 3]
    assert view.curves["induction"] == [0.1, 0.15, 0.6, 0.7]
    assert view.curves["without"] == [4.5] * 4
    assert view.curves["gain"] == [0, 0.1, 0.2, 0.3]
    assert [scores[view.best] for scores in view.scores] == [0.1, 0.15, 0.7]
    assert view.best == view.head == 1 * H + 2
    assert view.levels == [["a bigram", 3.5]]


def test_the_weights_of_each_snapshot_follow_one_another() -> None:
    view = made()
    size = len(view.data) // len(STEPS)
    for k, first in enumerate((0.0, 0.25, 1.0)):
        seen = dequantised(view.data[k * size : (k + 1) * size], view.shape, True, view.best)
        np.testing.assert_allclose(seen, stack(4, first)[0, 0], atol=0.005)


def test_the_birth_lies_where_the_best_heads_score_rises_most() -> None:
    view = made()
    assert view.birth() == (5, 10)
    assert view.describe() == (
        "A model at 3 steps of its training, 0 to 10: its loss goes from 6.00 to 3.00 nats per token. The best "
        "induction score at the end is 0.70, of layer 1, head 2; it rises most between steps 5 and 10, from 0.15 to "
        "0.70."
    )


def test_the_face_has_a_picture_that_speaks_and_what_the_snapshots_write() -> None:
    view = made(levels={"<b>": 3.5})
    face = view.face()
    assert f'alt="{view.describe()}"' in face
    cells = re.findall("<td[^>]*>([^<]*)</td>", face)
    assert cells == ["0", "0.10", "abcd abcd 0", "5", "0.15", "abcd abcd 5", "10", "0.70", "abcd abcd 10"]


def test_another_prompt_is_read_by_all_snapshots_and_an_error_leaves_the_view_as_it_was() -> None:
    view = made(step=5)
    view.wish = [1, "xy"]
    assert (view.prompt, view.tokens, view.shape) == ("xy", ["x", "y"], [L, H, 2, 2])
    assert view.written[1] == " xy 5"
    assert view.at == 1
    version = view.version
    view.wish = [2, ""]
    assert view.error == "ValueError: nothing is typed"
    assert view.prompt == "xy"
    assert view.version > version  # the page stops waiting
    view.wish = [4, "I"]
    assert (view.error, view.shape) == ("", [L, H, 1, 1])


def test_snapshots_and_heads_that_are_not_there_are_refused() -> None:
    view = made()
    for name, value in (("at", 3), ("head", 6), ("at", -1)):
        with pytest.raises(TraitError, match=f"{name}={value}: it goes from 0 to"):
            setattr(view, name, value)
    with pytest.raises(ValueError, match="no snapshot of step 7: take one of 0, 5, 10"):
        view.go_to(7)


def answering(**parts: Any) -> Any:
    return lambda prompt: ask(prompt) | parts


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0], measures(), ask), "at least two snapshots, rising"),
        (([5, 0], measures(), ask), "rising"),
        (([0, 6, 10], measures(), ask), r"steps \[6\] have a snapshot and were not measured"),
        ((STEPS, [row | {"valid_loss": np.nan} for row in measures()], ask), "not finite"),
        ((STEPS, measures(), answering(written=["one"])), "3 attentions and 1 texts came for 3 snapshots"),
        ((STEPS, measures(), answering(tokens=["x"] * 65)), "has 65 tokens, and 64 can be shown"),
        ((STEPS, measures(), answering(attention=[np.full((1, 1, 4, 4), 0.25)] * 3)), "came for 6 heads: causal"),
        ((STEPS, measures(), answering(attention=[np.full((L, H, 4, 4), 0.25)] * 3)), "came for 6 heads: causal"),
    ],
)
def test_what_does_not_fit_together_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        views.time_machine(*arguments, "abcd")


def test_no_function_to_ask_is_told() -> None:
    with pytest.raises(TypeError, match="ask is a function of a prompt, not str"):
        views.time_machine(STEPS, measures(), "abc", "abcd")  # pyright: ignore[reportArgumentType]
