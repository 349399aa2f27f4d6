"""The mask painter: what is painted can be read, what is read was checked, and what a token knows is a matrix power."""

import json

import numpy as np
import pytest

from minigpt import views
from minigpt.views.mask_painter import reachable

TOKENS = ["The", "cat", "sat", "on"]
CAUSAL = np.tril(np.ones((4, 4), dtype=bool))
WINDOW = CAUSAL & ~np.tril(CAUSAL, -2)  # itself and one before it


def test_the_mask_is_read_as_it_was_given_and_set_from_python() -> None:
    view = views.mask_painter(TOKENS, CAUSAL)
    assert view.mask.dtype == bool
    np.testing.assert_array_equal(view.mask, CAUSAL)
    view.mask = WINDOW
    np.testing.assert_array_equal(view.mask, WINDOW)


def test_what_the_reader_painted_is_read() -> None:
    view = views.mask_painter(["a", "b"], [[True, False], [True, True]])
    view.set_state({"cells": [[True, True], [False, True]]})  # as it comes from the page
    assert view.mask.tolist() == [[True, True], [False, True]]


def test_the_mask_is_a_copy_so_that_a_slip_of_the_hand_changes_nothing_on_the_page() -> None:
    view = views.mask_painter(TOKENS, CAUSAL)
    view.mask[:] = False
    np.testing.assert_array_equal(view.mask, CAUSAL)


def test_through_a_window_of_two_each_layer_brings_one_more_token_of_the_past() -> None:
    for n in (1, 2, 3, 50):
        np.testing.assert_array_equal(reachable(WINDOW, n), CAUSAL & ~np.tril(CAUSAL, -n - 1))


def test_known_is_what_a_walk_of_at_most_n_looks_finds() -> None:
    mask = np.random.default_rng(0).random((7, 7)) < 0.2
    for start in range(7):
        known = {start}
        for n in range(6):
            assert set(np.flatnonzero(reachable(mask, n)[start])) == known
            known |= {int(j) for i in known for j in np.flatnonzero(mask[i])}


def test_the_description_counts_and_says_what_the_last_token_knows() -> None:
    view = views.mask_painter(TOKENS, WINDOW, n_layer=3)
    view.depth = 2
    assert view.describe() == (
        "Attention mask, 4 tokens that look at 4: 7 of 16 pairs are allowed. "
        "After 2 layers “on” can know of “cat”, “sat”, itself."
    )


def test_the_face_tells_each_row_and_what_it_knows_at_the_end() -> None:
    face = views.mask_painter(["The", "<b>", "sat"], WINDOW[:3, :3], n_layer=2).face()
    assert 'alt="Attention mask, 3 tokens' in face
    assert "can know of after 2 layers" in face
    assert "“&lt;b&gt;”, “sat”</td>" in face
    assert "“The”, “&lt;b&gt;”, itself</td>" in face


def test_a_cross_mask_is_one_step_and_an_empty_row_knows_nothing() -> None:
    view = views.mask_painter(["O", "gato"], [[True, False, True], [False] * 3], sources=["the", "cat", "the"])
    assert "In one step “gato” can know of nothing." in view.describe()
    assert "“the” (0), “the” (2)</td>" in view.face()


def test_a_name_from_right_to_left_does_not_turn_the_sentence_around_it() -> None:
    view = views.mask_painter(["ab\u05d0", "a"], np.ones((2, 2), dtype=bool))
    assert view.describe().endswith("“a” can know of “\u2068ab\u05d0\u2069”, itself.")


@pytest.mark.slow
def test_a_saved_view_of_the_largest_mask_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    tokens, mask = [f"token {n}" for n in range(32)], np.random.default_rng(0).random((32, 32)) < 0.5
    bundle = views.mask_painter(tokens, mask, n_layer=3)._repr_mimebundle_()
    assert len(json.dumps(bundle)) < 150_000


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(tokens=[]), ValueError, "tokens is empty"),
        (dict(tokens="The cat"), TypeError, "list of strings"),
        (dict(mask=CAUSAL[:3]), ValueError, r"\(3, 4\) should be \(looking, looked at\) = \(4, 4\); .* sources="),
        (dict(mask=True), ValueError, r"shape \(\)"),
        (dict(mask=CAUSAL[None]), ValueError, r"shape \(1, 4, 4\)"),
        (dict(mask=CAUSAL.astype(int)), TypeError, r"not int\d+: compare, as in mask == 1"),
        (dict(mask=np.where(CAUSAL, 0, -np.inf)), TypeError, "not float64"),
        (dict(sources=[]), ValueError, "sources is empty"),
        (dict(sources=["a"]), ValueError, r"= \(4, 1\)$"),
        (dict(tokens=list("x" * 33)), ValueError, "33 tokens are too many"),
        (dict(n_layer=0), ValueError, "at least 1"),
        (dict(sources=TOKENS, n_layer=2), ValueError, "one step"),
        (dict(padding=[0, 0, 0, 1]), ValueError, "4 bools, True = padding, not int"),
        (dict(padding=[True]), ValueError, r"of shape \(1,\)"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(change: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        views.mask_painter(**{"tokens": TOKENS, "mask": CAUSAL, **change})


def test_a_mask_that_does_not_fit_leaves_the_painted_one() -> None:
    view = views.mask_painter(TOKENS, CAUSAL)
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        view.mask = np.eye(2, dtype=bool)
    np.testing.assert_array_equal(view.mask, CAUSAL)
