"""Figures: plain numbers in, small deterministic SVG out, readable by everyone."""

import re

import numpy as np
import pytest

from minigpt.views import figures

EVERY_KIND = {
    "bars": lambda: figures.bars(["a", "b"], [0.25, 0.75], highlight=[1]),
    "matrix": lambda: figures.matrix([[1.0, 0.0], [0.5, 0.5]], [" a", " b"], mask=np.tril(np.ones((2, 2)))),
    "curves": lambda: figures.curves([1, 2, 3], {"train": [3, 2, 1]}, xlabel="n", ylabel="loss", floor=0.5),
    "vectors": lambda: figures.vectors({"query": (1, 2), "key": (-1, 0)}),
}


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_same_numbers_give_the_same_bytes(kind: str) -> None:
    assert figures.to_svg(EVERY_KIND[kind]()) == figures.to_svg(EVERY_KIND[kind]())


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_figure_has_no_ground_of_its_own_and_no_black_ink(kind: str) -> None:
    svg = figures.to_svg(EVERY_KIND[kind]())
    assert not re.search(r"(fill|stroke): #000000", svg)
    assert not re.search(r"<path[^>]*style=\"[^\"]*fill: #ffffff", svg)
    assert len(svg) < 25_000


def test_show_emits_one_image_with_its_description(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(figures, "display", lambda data, raw: shown.append(data))
    figures.show(EVERY_KIND["bars"](), alt="Two bars")
    (bundle,) = shown
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/html"].startswith('<img alt="Two bars" src="data:image/svg+xml,')
    assert bundle["text/plain"] == "Two bars"


def test_a_token_of_dollar_signs_is_no_formula() -> None:
    svg = figures.to_svg(figures.matrix(np.eye(2), ["$x$", "$"]))
    assert svg.count("$x$") == 2  # a row and a column


def test_labels_of_any_script_are_left_to_the_browser_without_a_warning() -> None:
    svg = figures.to_svg(figures.bars(["שלום", "日本", "👩‍👩‍👧", "<b>"], [1, 2, 3, 4]))
    for label in ("שלום", "日本", "&lt;b&gt;"):
        assert label in svg


def test_masked_cells_are_struck_out_and_carry_no_number() -> None:
    scores = [[0.5, -np.inf], [0.25, 0.75]]
    axes = figures.matrix(scores, ["a", "b"]).axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["0.25", "0.50", "0.75"]
    assert len(axes.lines) == 1


def test_a_mask_says_true_where_a_token_may_look() -> None:
    axes = figures.matrix(np.full((2, 2), 0.5), ["a", "b"], mask=[[True, False], [True, True]]).axes[0]
    assert len(axes.texts) == 3


def test_numbers_on_a_matrix_stand_out_from_their_cells() -> None:
    axes = figures.matrix([[0.0, 1.0]], ["a"], ["b", "c"]).axes[0]
    assert [text.get_color() for text in axes.texts] == ["#111111", "white"]


def test_a_thumbnail_keeps_the_largest_weight() -> None:
    head = np.zeros((60, 60))
    head[59, 58] = 0.9
    assert np.nanmax(figures._thumbnail(head)) == 0.9


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: figures.bars(["a"], [1, 2]), "go in pairs"),
        (lambda: figures.bars([], []), "labels is empty"),
        (lambda: figures.bars(["a"], [np.nan]), "not finite"),
        (lambda: figures.matrix(np.eye(3), ["a", "b"]), "do not fit 2 rows, 2 columns"),
        (lambda: figures.curves([1, 2], {"a": [1]}, xlabel="", ylabel=""), "go in pairs"),
        (lambda: figures.curves([1, 2], {}, xlabel="", ylabel=""), "lines is empty"),
        (lambda: figures.vectors({"q": (1, 2, 3)}), "in a plane has two"),
        (lambda: figures.vectors({}), "named is empty"),
    ],
)
def test_numbers_that_do_not_fit_are_refused_with_the_reason(draw, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw()
