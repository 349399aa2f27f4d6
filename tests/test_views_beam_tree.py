"""The tree of beam search: what Python checks, and what the face and the description say."""

import math
from typing import Any

import pytest
from made_up import Tags
from traitlets import TraitError

from minigpt import views
from minigpt.views.beam_tree import BeamTree

A, D, END = "a", "d", "<eos>"
# A beam of 2: "a" goes on to "a b .", "d" ends at once, which has the better score.
STEPS: list[Any] = [
    ([([A], -0.5, -0.5, False), ([D], -1.0, -1.0, False)], [(["e"], -3.0, -3.0, False)]),
    ([([D, END], -1.0, -0.25, True), ([A, "b"], -0.75, -0.6, False)], [([A, "c"], -2.5, -2.0, False)]),
    ([([D, END], -1.0, -0.25, True), ([A, "b", END], -0.875, -0.5, True)], []),
]


def words_of(view: BeamTree, **wanted: Any) -> list[str]:
    return [node["word"] for node in view.nodes if all(node[name] == value for name, value in wanted.items())]


def test_each_hypothesis_is_one_node_the_likeliest_of_a_step_first() -> None:
    view = views.beam_tree(STEPS)
    assert words_of(view, step=1) == [A, D, "e"]
    assert words_of(view, step=2) == ["b", END, "c"]
    assert words_of(view, step=3) == [END], "what had finished before has its node"
    assert [node["row"] for node in view.nodes] == [0, 1, 2, 0, 1, 2, 0]
    assert [node["parent"] for node in view.nodes] == [-1, -1, -1, 0, 1, 0, 3]
    assert words_of(view, kept=False) == ["e", "c"]
    assert [node["log_prob"] for node in view.nodes] == pytest.approx([-0.5, -1, -3, -0.25, 0, -2, -0.125])


def test_the_best_score_of_the_last_beam_wins_not_the_best_log_probability() -> None:
    view = views.beam_tree(STEPS)
    assert view.text_of(view.winner) == "d <eos>"
    assert "3 steps, 5 beginnings kept, 2 of them finished. The best score, -0.25, has “d <eos>”." in view.describe()
    assert "“a”, which is not finished" in views.beam_tree(STEPS[:1]).describe()


def test_the_end_is_shown_first_or_the_step_that_is_asked_for() -> None:
    assert views.beam_tree(STEPS).step == 3
    view = views.beam_tree(STEPS, step=1)
    assert (view.step, view.chosen) == (1, -1)
    for name, value in {"step": 4, "chosen": 7, "beam": 6, "alpha": -0.1}.items():
        with pytest.raises(TraitError, match=f"{name}={value}: it goes from"):
            setattr(view, name, value)


def test_the_face_is_a_picture_and_the_last_beam_as_a_table() -> None:
    view = views.beam_tree(STEPS, source="<b>x</b>")
    face = view.face()
    (_, attributes), *others = Tags(face).found
    assert attributes["alt"] == view.describe()
    assert "“<b>x</b>”" in str(attributes["alt"])
    assert {tag for tag, _ in others} == {"table", "thead", "tbody", "tr", "th", "td"}
    rows = face.split("<tr>")[2:]
    assert ["d &lt;eos&gt;" in rows[0], "-0.25" in rows[0]] == [True, True], "the winner comes first"
    assert len(rows) == 2


def test_another_search_takes_the_place_of_the_first() -> None:
    view = views.beam_tree(STEPS)
    view.chosen = 6
    view.show(STEPS[:1], source="x")
    assert (view.step, view.chosen, len(view.nodes), view.source, view.version) == (1, -1, 3, "x", 2)
    with pytest.raises(ValueError, match="there is nothing to show"):
        view.show([])
    assert len(view.nodes) == 3, "the view stays as it was"


def test_a_function_is_asked_for_each_beam_and_alpha_and_its_error_is_shown() -> None:
    asked = []

    def search(beam: int, alpha: float) -> Any:
        asked.append((beam, alpha))
        if beam == 5:
            raise ValueError("too wide")
        return STEPS[:beam]

    view = views.beam_tree(search, beam=2, alpha=0.2)
    assert (view.searches, view.step) == (True, 2)
    view.beam = 3
    view.alpha = 1.0
    assert asked == [(2, 0.2), (3, 0.2), (3, 1.0)]
    assert view.step == 3
    view.beam = 5
    assert view.error == "ValueError: too wide"
    assert view.step == 3
    view.show(STEPS)
    view.beam = 1
    assert (view.searches, asked[-1]) == (False, (5, 1.0)), "no function is left to ask"


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([], "there is nothing to show"),
        ([([], [])], "there is nothing to show"),
        ([([(["x", "y"], -1, -1, False)], [])], "step 1 has 'x y': it should have 1 words"),
        (
            [STEPS[0], ([(["e", "f"], -4, -4, False)], [])],
            "step 2 has 'e f': .* continue one that the step before kept",
        ),
        ([STEPS[0], STEPS[1], ([([D, END, A], -4, -4, False)], [])], "step 3 has .* not finished"),
        ([([([A], -1, -1, False)], [([A], -1, -1, False)])], "step 1 has a hypothesis twice"),
        ([([([A], -math.inf, -1, False)], [])], "not finite"),
        ([([([str(n)], -1, -1, False) for n in range(1501)], [])], "1,501 hypotheses are too many"),
    ],
)
def test_steps_that_do_not_build_on_each_other_are_refused(steps: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        views.beam_tree(steps)


def test_words_are_a_list_of_strings() -> None:
    for words in ("ab", []):
        with pytest.raises(TypeError, match="begins with its words, a list of strings"):
            views.beam_tree([([(words, -1, -1, False)], [])])
    with pytest.raises(TypeError, match="a label is a string"):
        views.beam_tree([([([7], -1, -1, False)], [])])  # type: ignore[list-item]


def test_mean_words_become_labels_and_long_ones_fit_the_picture() -> None:
    mean = ["\u202eabc", "x" * 10_000, "", "$x$"]
    view = views.beam_tree([([([word], -1.0 - k, -1.0, False) for k, word in enumerate(mean)], [])])
    assert words_of(view)[0] == "\\u{202e}abc"
    assert words_of(view)[2] == "∅"
    assert len(view.face()) < 60_000
