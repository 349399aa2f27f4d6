"""The strip of stages: what is listed, what is pictured, and how much of it."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from minigpt import views


def stage(array, **changes):
    return {"name": "ids", "shape": "(T)", "explanation": "Numbers.", "array": array} | changes


def test_a_short_row_is_listed_with_the_tokens_it_belongs_to() -> None:
    (shown,) = views.follow([stage([464, 3797])], ["The", " cat"]).stages
    assert shown["items"] == [["The", "464"], [" cat", "3797"]]
    assert shown["sizes"] == "(2)"


def test_of_a_long_row_the_largest_are_listed_by_name() -> None:
    logits = np.zeros(1000)
    logits[[7, 8]] = 2.5, 1.5
    (shown,) = views.follow([stage(logits)], labels=lambda ids: [f"token {k}" for k in ids]).stages
    assert shown["items"][:2] == [["token 7", "2.5"], ["token 8", "1.5"]]
    assert "largest of 1,000" in shown["note"]


def test_strings_are_listed_as_labels() -> None:
    (shown,) = views.follow([stage(["<b>", "a\n"])]).stages
    assert shown["items"] == [["<b>", ""], ["a⏎", ""]]


def test_matrices_travel_one_after_the_other_within_a_thousandth() -> None:
    first, second = np.array([[1.0, -2.0]]), np.arange(8.0).reshape(2, 2, 2)
    view = views.follow([stage(first), stage(second)])
    cells = np.frombuffer(view.data, "<i2") / 32767
    np.testing.assert_allclose(cells[:2] * 2, first.ravel(), atol=2e-3)
    np.testing.assert_allclose(cells[2:] * 7, second.ravel(), atol=7e-3)
    assert [one["dims"] for one in view.stages] == [[1, 1, 2], [2, 2, 2]]


def test_a_large_matrix_is_shown_from_its_beginning_and_says_so() -> None:
    (shown,) = views.follow([stage(np.ones((100, 768)))]).stages
    assert shown["dims"] == [1, 24, 64]
    assert shown["note"] == "Shown is the beginning: (24, 64) of (100, 768)."


def test_a_matrix_of_zeros_is_drawn() -> None:
    assert views.follow([stage(np.zeros((2, 2)))]).stages[0]["top"] == 1.0


def test_stages_may_be_objects() -> None:
    assert views.follow([SimpleNamespace(**stage([1, 2]))]).stages[0]["name"] == "ids"


def test_the_face_is_a_table_of_the_stages() -> None:
    face = views.follow([stage([1], name="<i>")]).face()
    cells = re.findall(r"<td[^>]*>(.*?)</td>", face)
    assert cells[-4:] == ["&lt;i&gt;", "(T)", "(1)", "Numbers."]


@pytest.mark.parametrize(
    ("stages", "error", "message"),
    [
        ([], ValueError, "stages is empty"),
        ([{"name": "x"}], TypeError, "shape is missing"),
        ([stage([np.nan])], ValueError, "array of “ids” holds 1"),
        ([stage(np.zeros((1, 2, 3, 4)))], ValueError, r"array\[0\]"),
        ([stage([])], ValueError, "empty"),
    ],
)
def test_stages_that_cannot_be_shown_are_refused(stages, error, message) -> None:
    with pytest.raises(error, match=message):
        views.follow(stages)
