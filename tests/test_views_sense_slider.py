"""Senses by layer: the gap by hand, pictures that are turned and never stretched, sentences with their word marked."""

from typing import Any

import numpy as np
import pytest
from traitlets import TraitError

from minigpt import views
from minigpt.inspection import senses as inspected
from minigpt.views import plane, scatter_figures
from minigpt.views.sense_slider import aligned, separation
from tests.made_up import Tags

L, N, C = 3, 7, 5  # blocks, sentences, channels
SENTENCES = [f"{n} at the bank." for n in range(N)]
SENSES = ["money", "river", "money", "river", "money", "river", "money"]


def made_up(seed: int = 0) -> np.ndarray:
    layers = np.random.default_rng(seed).normal(size=(L + 1, N, C))
    layers[0] = layers[0, 0]  # a static table
    return layers


def shown(**changes: Any) -> Any:
    given = {"layers": made_up(), "sentences": SENTENCES, "senses": SENSES, "word": "bank", **changes}
    return views.sense_slider(given.pop("layers"), given.pop("sentences"), given.pop("senses"), **given)


def test_the_gap_of_four_vectors_by_hand() -> None:
    vectors = np.array([[1, 0], [2, 0], [0, 3], [0, -1.0]])
    # same: cos(a, b) = 1 and cos(c, d) = -1; different: four right angles
    assert separation(vectors, list("xxyy")) == pytest.approx(0)
    # same: cos(a, c) = 0 and cos(b, d) = 0; different: 1, -1, 0 and 0
    assert separation(vectors, list("xyxy")) == pytest.approx(0)
    # same: cos(a, b) = 1; different: all others, of which only cos(c, d) = -1 is not 0
    assert separation(vectors, list("xxyz")) == pytest.approx(1 - (-1 / 5))


def test_the_gap_is_that_of_inspection() -> None:
    for vectors in made_up(1)[1:]:
        assert separation(vectors, SENSES) == pytest.approx(inspected.separation(vectors, SENSES))
    np.testing.assert_allclose(shown().gaps, inspected.separation_by_layer(made_up(), SENSES), atol=1e-12)


def test_where_all_vectors_are_the_same_there_is_no_picture_and_no_gap() -> None:
    view = shown()
    assert view.one_point == [True, False, False, False]
    assert view.shares[0] == 0
    assert view.gaps[0] == pytest.approx(0, abs=1e-12)
    assert "At the embedding all vectors are the same" in view.describe()


def test_each_picture_is_the_one_of_pca_turned_or_mirrored_to_lie_nearest_to_the_one_before() -> None:
    layers = made_up()
    pictures, shares = aligned(layers)
    for layer in range(1, L + 1):
        plain, kept = plane.to_plane(layers[layer])
        assert shares[layer] == pytest.approx(kept.sum())
        plain /= np.sqrt(np.square(plain).sum(1).mean())
        np.testing.assert_allclose(pictures[layer] @ pictures[layer].T, plain @ plain.T, atol=1e-12)
        if layer == 1:
            continue
        before = pictures[layer - 1]
        moved = np.square(pictures[layer] - before).sum()
        for turn in np.linspace(0, 2 * np.pi, 100):
            c, s = np.cos(turn), np.sin(turn)
            for orthogonal in ([[c, -s], [s, c]], [[c, s], [s, -c]]):
                assert np.square(plain @ np.array(orthogonal) - before).sum() >= moved - 1e-9


def test_points_of_one_spot_are_found_those_of_one_sense_side_by_side() -> None:
    points = np.array([[0.5, 1], [-1, 0], [0.5, 1], [0.5, 1.00001], [0.5, 1.001]])
    assert plane.spots(points, [0, 0, 1, 0, 1]) == [[0, 3, 2], [1], [4]]
    assert plane.spots(points[:0], []) == []


def test_shared_spots_are_told_and_drawn_as_rings_of_as_many_points() -> None:
    layers = made_up()
    layers[1, [2, 4]], layers[1, 1] = layers[1, 0], layers[1, 0]  # 0, 2 and 4 are money, 1 is a river
    view = shown(layers=layers[1:3], names=list("ab"))
    assert "There the 7 sentences lie on 4 spots; 1 of them holds more than one sense." in view.describe()
    assert view.describe().count("spots") == 1  # not after b, where each has its own
    shown_points = [(name, points) for name, points in zip("ab", view._points, strict=True)]
    figure = scatter_figures.layers(shown_points, view.senses, view.sense_of, view.names, view.gaps)
    figure.draw_without_rendering()
    ringed, apart = (list(axes.collections) for axes in figure.axes[:2])
    circle = ringed[-1]
    middle = figure.axes[0].transData.transform(view._points[0][0])
    spots = [c.get_offset_transform().transform(c.get_offsets())[0] for c in ringed[-5:-1]]
    assert len(apart) == 2  # a collection for each sense
    assert sum(len(c.get_offsets()) for c in ringed[:-1]) == N
    np.testing.assert_allclose(np.mean(spots, axis=0), middle, atol=1e-6)
    assert len({tuple(spot.round(3)) for spot in spots}) == 4
    reach = np.sqrt(circle.get_sizes()[0]) / 2 * figure.dpi / 72
    assert all(np.hypot(*(spot - middle)) < reach for spot in spots)


def test_layers_that_differ_only_by_turning_and_size_do_not_move() -> None:
    layer = made_up()[1]
    turn, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(C, C)))
    pictures, _ = aligned(np.stack([layer, 3 * layer @ turn, layer @ turn.T + 7]))
    np.testing.assert_allclose(pictures[1], pictures[0], atol=1e-9)
    np.testing.assert_allclose(pictures[2], pictures[0], atol=1e-9)


def test_a_layer_without_a_picture_in_between_does_not_break_the_line() -> None:
    layers = made_up()
    pictures, _ = aligned(np.stack([layers[1], layers[0], -layers[1]]))
    assert not pictures[1].any()
    np.testing.assert_allclose(pictures[2], pictures[0], atol=1e-9)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("At the bank, he sat.", ["At the ", "bank", ", he sat."]),
        ("Bank on it; the embankment", ["", "Bank", " on it; the embankment"]),
        ((["the", "bank", "of", "the", "river", "."], 1), ["the ", "bank", " of the river."]),
        (([" the", " bank", "s", "\n"], 1), [" the ", "bank", "s⏎"]),
        ((["bank"], 0), ["", "bank", ""]),
    ],
)
def test_the_word_is_marked_in_its_sentence(sentence: Any, parts: list[str]) -> None:
    assert shown(sentences=[sentence, *SENTENCES[1:]]).sentences[0] == parts


def test_the_layer_is_set_from_python_and_checked() -> None:
    view = shown()
    assert view.names == ["the embedding", "block 0", "block 1", "block 2"]
    view.layer = 3
    with pytest.raises(TraitError, match="layer=4: layers go from 0, the embedding, to 3, block 2"):
        view.layer = 4


def test_gaps_and_names_may_be_given() -> None:
    view = shown(gaps=[0, 0.5, 0.25, 0.125], names=list("abcd"))
    assert view.gaps == [0, 0.5, 0.25, 0.125]
    assert "0.00 at a, 0.12 at d, and largest, 0.50, at b" in view.describe()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(layers=made_up()[0]), r"3 dimension\(s\)"),
        (dict(layers=np.full((2, N, C), np.nan)), "not finite"),
        (dict(sentences=[]), r"0 sentences, 7 senses and layers of shape \(4, 7, 5\)"),
        (dict(senses=SENSES[1:]), "7 sentences, 6 senses"),
        (dict(senses=[]), "senses is empty"),
        (dict(senses=["money"] * N), r"7 sentences of 1 sense\(s\)"),
        (dict(senses=list("abcdefg")), r"7 sentences of 7 sense\(s\)"),
        (dict(word="tree"), "sentence 0 holds 'tree' 0 times"),
        (dict(sentences=["bank to bank", *SENTENCES[1:]]), "sentence 0 holds 'bank' 2 times, not once"),
        (dict(sentences=[(["a"], 1), *SENTENCES[1:]]), "sentence 0 has 1 tokens, and no position 1"),
        (dict(names=["a"]), "1 names for 4 layers"),
        (dict(gaps=[0.5]), "1 gaps for 4 layers"),
        (dict(gaps=[0, 0, 0, np.nan]), "not finite"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shown(**change)


def test_too_many_sentences_and_senses_are_refused() -> None:
    n = 1_002
    with pytest.raises(ValueError, match="1,002 sentences are too many"):
        shown(layers=np.ones((1, n, 1)), sentences=[(["a"], 0)] * n, senses=list("ab") * (n // 2))
    with pytest.raises(ValueError, match="9 different names: at most 8"):
        shown(layers=np.ones((1, 9, 1)), sentences=[(["a"], 0)] * 9, senses=list("abcdefghi"))


def test_the_face_has_pictures_words_and_all_numbers_and_markup_stays_text() -> None:
    mean = "<script>alert(1)</script>"
    view = shown(
        sentences=[([mean, "bank"], 1)] * N, senses=[mean, " שלום"] * 3 + [mean], names=[mean, "👩\u200d🚀", *"bc"]
    )
    html = view.static_html()
    tags = [tag for tag, _ in Tags(html).found]
    assert set(tags) == {"div", "img", "p", "table", "thead", "tbody", "tr", "th", "td", "iframe"}
    assert tags.count("tr") == 1 + L + 1
    assert "all the same" in view.face()
    assert len(html) < 100_000
