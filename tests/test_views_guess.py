"""Guess first: what is asked, stored and compared."""

import pytest

from minigpt import views


def make(**changes):
    arguments = dict(key="05.g1", question="Which?", options=["a", "b", "c"], answer=1) | changes
    return views.guess(**arguments)


def test_a_stored_guess_is_handed_on_with_its_key() -> None:
    kept = []
    view = make(on_guess=lambda key, guess: kept.append((key, guess)))
    view.guess = 2.0  # the browser sends numbers
    assert kept == [("05.g1", 2)]
    assert isinstance(kept[0][1], int)


def test_a_number_is_handed_on_as_it_is() -> None:
    kept = []
    view = views.guess_number("08.g1", "How many?", 124e6, on_guess=lambda key, guess: kept.append(guess))
    view.guess = 1.5e6
    assert kept == [1.5e6]


def test_a_guess_of_an_earlier_session_is_shown_and_not_stored_again() -> None:
    kept = []
    view = make(stored=2, on_guess=lambda *a: kept.append(a))
    assert view.guess == 2
    assert kept == []


def test_a_stored_guess_that_no_longer_fits_is_forgotten() -> None:
    assert make(stored=7).guess is None


def test_a_disk_that_is_full_is_told_to_the_reader() -> None:
    def fail(key: str, guess: int) -> None:
        raise OSError("No space left on device")

    view = make(on_guess=fail)
    view.guess = 0.0
    assert view.error == "OSError: No space left on device"


def test_an_answer_can_come_with_the_experiment() -> None:
    view = make(answer=None)
    assert "<details>" not in view.face()
    view.answer = 1
    assert "<details>" in view.face()


def test_the_face_folds_the_answer_away_and_shows_markup_as_text() -> None:
    face = make(question="<i>?", why="<b>").face()
    assert face.index("<details>") < face.index("b. &lt;b&gt;")
    assert "<i>" not in face


def test_the_face_of_a_number_has_its_unit() -> None:
    assert "124,439,808 weights" in views.guess_number("02.g1", "How many?", 124439808, unit="weights").face()


def test_a_saved_notebook_does_not_tell_what_its_author_guessed() -> None:
    view = make(stored=2)
    view.revealed = True
    assert view.stored() == {"guess": None, "revealed": False}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(options=["a"]), "at least two"),
        (dict(options=["a", "a"]), "different"),
        (dict(answer=3), "count from 0"),
        (dict(question=" "), "question"),
        (dict(key=""), "key"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**change)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(answer=float("nan")), "not finite"),
        (dict(answer=-1.0, factor=2), "positive"),
        (dict(answer=1.0, factor=1), "above 1"),
        (dict(answer=1.0, within=0), "above 0"),
    ],
)
def test_a_number_that_cannot_be_compared_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        views.guess_number("k", "How many?", **arguments)
