"""Figures: plain numbers in, small deterministic SVG out, readable by everyone."""

import re

import numpy as np
import pytest

from minigpt.views import figures, matrix_figures

EVERY_KIND = {
    "stacked": lambda: figures.stacked(["a", "b"], {"one": [1, 2], "other": [3, 0]}, xlabel="GB"),
    "bars": lambda: figures.bars(["a", "b"], [0.25, 0.75], highlight=[1]),
    "matrix": lambda: figures.matrix([[1.0, 0.0], [0.5, 0.5]], [" a", " b"], mask=np.tril(np.ones((2, 2)))),
    "matrices": lambda: figures.matrices({"full": (np.ones((2, 2), bool), ["a", "b"]), "one": ([[0.2]], ["a"], ["b"])}),
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
    assert "$y$" in figures.to_svg(figures.matrices({"$y$": (np.eye(1), ["a"])}))


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


def test_matrices_side_by_side_share_one_scale_of_colours() -> None:
    small, large = figures.matrices({"small": ([[0.2]], ["a"]), "large": ([[0.4, 0.2]], ["a"], ["b", "c"])}).axes
    one, two = (axes.images[0].get_array()[0] for axes in (small, large))
    assert np.array_equal(one[0], two[1])
    assert not np.array_equal(one[0], two[0])


def test_a_matrix_of_bool_is_a_mask_and_any_other_may_have_one() -> None:
    mask = np.tri(3, dtype=bool)
    named = {"mask": (mask, list("abc")), "weights": (np.full((3, 3), 0.5), list("abc"))}
    own, given = figures.matrices(named, masks={"weights": mask}).axes
    strokes = [len(axes.lines[0].get_xdata()) // 3 for axes in (own, given)]
    assert strokes == [3, 3]


def test_more_than_four_matrices_stand_in_rows_of_equal_length() -> None:
    figure = figures.matrices({str(k): (np.eye(2), ["a", "b"]) for k in range(5)}, numbers=True)
    places = [axes.get_subplotspec() for axes in figure.axes]
    assert {(place.rowspan.start, place.colspan.start) for place in places} == {
        (i, j) for i in (0, 1) for j in (0, 1, 2)
    }
    assert [axes.axison for axes in figure.axes] == [True] * 5 + [False]
    assert [text.get_text() for text in figure.axes[0].texts] == ["1.00", "0.00", "0.00", "1.00"]


def test_a_thumbnail_keeps_the_largest_weight() -> None:
    head = np.zeros((60, 60))
    head[59, 58] = 0.9
    assert np.nanmax(matrix_figures._thumbnail(head)) == 0.9


def test_names_at_the_ends_of_lines_do_not_overlap_and_stand_where_a_line_leaves_the_picture() -> None:
    x = np.arange(1, 101)
    lines = {"flat": np.ones(100), "close": 0.99 * np.ones(100), "falling": 0.5**x, "window": np.where(x < 8, 1.0, 0)}
    axes = figures.curves(x, lines, xlabel="", ylabel="", log_y=True, lowest=1e-9, direct=True).axes[0]
    assert axes.get_legend() is None
    place = {text.get_text(): text.get_position() for text in axes.texts}
    assert set(place) == set(lines)
    assert abs(place["flat"][1] - place["close"][1]) > 0.99 * figures.NAME_HEIGHT
    assert place["window"][0] < place["falling"][0] < 0.5 < place["flat"][0]
    assert place["falling"][1] < 0.1  # 0.5**29 is the last of its values above 1e-9
    assert np.isnan(axes.lines[3].get_ydata()[7:]).all()
    assert axes.lines[3].get_zorder() > axes.lines[0].get_zorder()  # or "flat" would hide all of it


def test_an_axis_over_many_decades_has_ticks_that_are_powers_of_ten() -> None:
    axes = figures.curves([1, 2], {"a": [1, 1e-50]}, xlabel="", ylabel="", log_y=True).axes[0]
    ticks = np.log10(axes.get_yticks())
    np.testing.assert_allclose(ticks, ticks.round(), atol=1e-9)
    assert 3 < len(ticks) < 15


def test_a_level_has_its_name_at_the_right_side_too() -> None:
    lines, labels = {"a": [0.9, 0.8]}, {"xlabel": "", "ylabel": ""}
    axes = figures.curves([1, 2], lines, **labels, floor=0.1, floor_label="chance", lowest=0, direct=True).axes[0]
    place = {text.get_text(): text.get_position() for text in axes.texts}
    assert set(place) == {"a", "chance (0.1)"}
    assert 1 < place["a"][0] == place["chance (0.1)"][0]
    assert place["chance (0.1)"][1] < 0.2


def test_ticks_that_would_touch_give_way_to_the_one_on_their_right() -> None:
    at = [1, 2, 4, 100, 150, 200]
    axes = figures.curves(at, {"a": at}, xlabel="", ylabel="", log_x=True).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "4", "100", "", "200"]
    axes = figures.curves(at, {"a": at}, xlabel="", ylabel="").axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["", "", "4", "100", "150", "200"]


def test_an_interval_is_drawn_at_each_point_of_its_line_alone() -> None:
    lines, between = {"a": [0.5, 0.4], "b": [0.2, 0.1]}, {"a": [(0.4, 0.6), (0.3, 0.5)]}
    axes = figures.curves([1, 2], lines, xlabel="", ylabel="", between=between).axes[0]
    (bars,) = axes.collections
    assert [segment.tolist() for segment in bars.get_segments()] == [[[1, 0.4], [1, 0.6]], [[2, 0.3], [2, 0.5]]]


def test_values_beside_bars_are_written_with_three_digits_or_as_asked() -> None:
    values = [0.2, 0.01234, 12345.6]
    for form, texts in (("", ["0.2", "0.0123", "12,346"]), (".2f", ["0.20", "0.01", "12345.60"])):
        (axes,) = figures.bars(list("abc"), values, form=form).axes
        assert [text.get_text() for text in axes.texts] == texts


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: figures.bars(["a"], [1, 2]), "go in pairs"),
        (lambda: figures.stacked(["a"], {"one": [1, 2]}), "go in pairs"),
        (lambda: figures.stacked(["a"], {}), "parts is empty"),
        (lambda: figures.stacked(["a"], {"one": [-1]}), "0 or more"),
        (lambda: figures.bars([], []), "labels is empty"),
        (lambda: figures.bars(["a"], [np.nan]), "not finite"),
        (lambda: figures.matrix(np.eye(3), ["a", "b"]), "do not fit 2 rows, 2 columns"),
        (lambda: figures.matrices({}), "named is empty"),
        (lambda: figures.matrices({"a": (np.eye(2), ["x"])}), r"a of shape \(2, 2\) do not fit 1 rows, 1 columns"),
        (lambda: figures.matrices({"a": (np.eye(1), ["x"])}, masks={"b": [[1]]}), r"masks has \['b'\].*\['a'\]"),
        (lambda: figures.curves([1, 2], {"a": [1]}, xlabel="", ylabel=""), "go in pairs"),
        (lambda: figures.curves([1, 2], {}, xlabel="", ylabel=""), "lines is empty"),
        (lambda: figures.curves([1], {"a": [1]}, xlabel="", ylabel="", between={"a": [[0, 1]] * 2}), "go in pairs"),
        (lambda: figures.vectors({"q": (1, 2, 3)}), "in a plane has two"),
        (lambda: figures.vectors({}), "named is empty"),
    ],
)
def test_numbers_that_do_not_fit_are_refused_with_the_reason(draw, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw()
