"""The map of word vectors: its numbers against PCA by eigenvectors and WordVectors, its checks, its face."""

import re
from typing import Any

import numpy as np
import pytest
from traitlets import TraitError

from minigpt import views
from minigpt.models.word_vectors import WordVectors
from minigpt.views import plane
from tests.made_up import Tags

N, C, K = 12, 5, 3
WORDS = [f"w{n}" for n in range(N)]


def made_up(n: int = N, channels: int = C, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, channels)) * np.arange(1, channels + 1)


def positions(view: Any) -> np.ndarray:
    return np.frombuffer(view.positions, "<f4").reshape(-1, 2)


def test_the_axes_are_the_eigenvectors_of_the_covariance_with_the_largest_eigenvalues() -> None:
    x = made_up()
    values, vectors = np.linalg.eigh(np.cov(x.T))
    points, shares = plane.to_plane(x)
    expected = (x - x.mean(0)) @ vectors[:, [-1, -2]]
    np.testing.assert_allclose(np.abs(points), np.abs(expected))
    np.testing.assert_allclose(shares, values[[-1, -2]] / values.sum())


def test_the_axes_point_one_way_however_the_decomposition_turns_them() -> None:
    x = made_up()
    points, _ = plane.to_plane(x)
    np.testing.assert_allclose(plane.to_plane(x[::-1])[0][::-1], points)
    for axis in range(2):
        direction = (x - x.mean(0)).T @ points[:, axis]  # the axis, up to its length
        assert direction[np.abs(direction).argmax()] > 0


@pytest.mark.parametrize("shape", [(1, 5), (2, 5), (3, 1), (2, 1)])
def test_few_vectors_or_dimensions_have_a_place_in_the_plane(shape: tuple[int, int]) -> None:
    points, shares = plane.to_plane(made_up(*shape))
    assert points.shape == (shape[0], 2)
    assert shares.sum() == pytest.approx(float(shape[0] > 1))
    assert np.isfinite(points).all()


def test_vectors_that_are_all_the_same_lie_on_one_point_also_after_rounding() -> None:
    same = np.tile(np.float32([0.1, 300.7]), (4, 1))
    for x in (same, same * (1 + 1e-8 * np.arange(4)[:, None]), np.zeros((4, 2))):
        points, shares = plane.to_plane(x)
        assert not points.any()
        assert not shares.any()


def test_the_nearest_by_cosine_are_those_of_word_vectors() -> None:
    x = made_up()
    view, reference = views.embedding_map(WORDS, x, k=K), WordVectors(WORDS, x)
    near = np.frombuffer(view.near, "<u2").reshape(N, K)
    cosines = np.frombuffer(view.near_cosines, np.int8).reshape(N, K) / 100
    for n, word in enumerate(WORDS):
        expected = reference.neighbours(word, K)
        assert [WORDS[other] for other in near[n]] == [name for name, _ in expected]
        np.testing.assert_allclose(cosines[n], [cosine for _, cosine in expected], atol=0.00501)


def test_those_that_look_nearest_are_the_nearest_points_and_agreement_is_counted() -> None:
    view = views.embedding_map(WORDS, made_up(), k=K)
    points = positions(view).astype(float)
    near, seen = (np.frombuffer(data, "<u2").reshape(N, K).tolist() for data in (view.near, view.seen))
    for n in range(N):
        away = np.linalg.norm(points - points[n], axis=1)
        away[n] = np.inf
        assert seen[n] == np.argsort(away).tolist()[:K]
    assert view.agreeing == pytest.approx(np.mean([len({*a} & {*b}) for a, b in zip(near, seen, strict=True)]))


def test_in_two_dimensions_nothing_is_lost_and_neighbours_on_a_circle_agree() -> None:
    turn = np.linspace(0, 2 * np.pi, 13)[:-1] ** 1.02
    view = views.embedding_map(WORDS, np.stack([np.cos(turn), np.sin(turn)], axis=1), k=2)
    assert sum(view.shares) == pytest.approx(1)
    assert view.agreeing == 2


def test_more_rows_than_fit_into_one_piece_of_work_give_the_same() -> None:
    n = 2 * plane.CHUNK + 3
    x = made_up(n)
    found = plane.neighbours(x, x[:, :2], 4)
    cosines = plane.directions(x) @ plane.directions(x).T
    np.fill_diagonal(cosines, -2)
    assert (found.near == np.argsort(-cosines, axis=1)[:, :4]).all()
    assert found.seen.shape == (n, 4)


def test_a_zero_vector_has_the_cosine_0_to_all() -> None:
    view = views.embedding_map(list("abc"), [[0, 0], [1, 0], [1, 0.1]], k=2)
    assert np.frombuffer(view.near_cosines, np.int8)[:2].tolist() == [0, 0]


def test_the_word_and_k_are_set_from_python_and_checked() -> None:
    view = views.embedding_map(["cat", "cats", "a\n"], made_up(3), k=8)
    assert view.k == 2
    view.word = "a\n"
    assert view.word == "a⏎"
    view.k = 1
    assert len(view.near) == 3 * 1 * 2
    with pytest.raises(TraitError, match="'catz' is not on the map of 3 words: did you mean 'cat"):
        view.word = "catz"
    with pytest.raises(TraitError, match="at least one"):
        view.k = 0
    view.word = ""


def test_groups_are_given_for_each_word_or_as_lists_of_words() -> None:
    words = ["cat", "dog", "big", "the"]
    each = views.embedding_map(words, made_up(4), groups=["animal", "animal", "size", None])
    lists = views.embedding_map(words, made_up(4), groups={"size": ["big"], "animal": ["cat", "dog"]})
    assert (each.groups, each.group_of) == (["animal", "size"], [0, 0, 1, -1])
    assert (lists.groups, lists.group_of) == (["size", "animal"], [1, 1, 0, -1])
    assert views.embedding_map(words, made_up(4)).group_of == [-1] * 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(words=[]), "words is empty"),
        (dict(words=WORDS[:-1]), r"11 words and vectors of shape \(12, 5\): give one row"),
        (dict(words=["a", *WORDS[:-2], "a"]), r"1 word\(s\) are there twice, 'a' the first"),
        (dict(vectors=np.full((N, C), np.nan)), "not finite"),
        (dict(vectors=np.ones(N)), r"2 dimension\(s\)"),
        (dict(vectors=np.ones((N, 0))), "vectors is empty"),
        (dict(k=0), "k=0: ask for at least one"),
        (dict(groups=["a"]), "12 words and 1 groups"),
        (dict(groups=WORDS), "12 different names: at most 8"),
        (dict(groups={"g": ["zebra"]}), r"groups\['g'\] has 'zebra', and it is none of the 12 words"),
        (dict(groups={"g": ["w1"], "h": ["w1"]}), "'w1' is in the groups 'g' and 'h'"),
        (dict(words=[str(n) for n in range(3_001)], vectors=np.ones((3_001, 1))), "3,001 words are too many"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict, message: str) -> None:
    given = {"words": WORDS, "vectors": made_up(), **change}
    with pytest.raises(ValueError, match=message):
        views.embedding_map(given.pop("words"), given.pop("vectors"), **given)


def test_one_string_and_groups_as_strings_are_refused() -> None:
    with pytest.raises(TypeError, match="list of strings"):
        views.embedding_map("abc", made_up(3))
    with pytest.raises(TypeError, match="a list of words, not one string"):
        views.embedding_map(list("abc"), made_up(3), groups={"g": "abc"})


def test_one_word_and_vectors_all_the_same_are_shown_and_said() -> None:
    assert "one word, “I”" in views.embedding_map(["I"], [[1, 2]]).describe()
    same = views.embedding_map(list("abc"), np.ones((3, 4)))
    assert "all the same" in same.describe()
    same.word = "b"
    assert Tags(same.face()).found


def test_the_face_is_a_picture_the_loss_in_words_and_the_neighbours_in_a_table() -> None:
    view = views.embedding_map(WORDS, made_up(), k=K, groups=["g"] * 6 + [None] * 6)
    assert [tag for tag, _ in Tags(view.face()).found] == ["img", "p"]
    share, agreeing = sum(view.shares), view.agreeing
    assert f"keep {share:.0%} of the variance of 5 dimensions. On average {agreeing:.1f}" in view.describe()
    assert "chance alone would give 0.82" in view.describe()  # 3 · 3 / 11
    view.word = "w4"
    face = view.face()
    first = np.frombuffer(view.near, "<u2").reshape(N, K)[4, 0]
    assert re.search(rf"<td[^>]*>1</td><td[^>]*>w{first}</td>", face)
    assert re.search(r"Chosen is “w4”, with \d of 3\.", face)


def test_every_script_may_stand_in_the_picture_and_its_legend() -> None:
    words = ["👩\u200d🚀", " שלום", "$x$", "x" * 10_000]
    view = views.embedding_map(words, made_up(4), groups=words)
    view.word = words[0]
    assert "👩" in view.face()


@pytest.mark.slow
def test_a_map_of_two_thousand_words_fits_into_a_notebook() -> None:
    n = 2_000
    view = views.embedding_map([f"word{k}" for k in range(n)], made_up(n, 8))
    assert len(view.static_html()) < 300_000
