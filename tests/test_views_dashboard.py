"""The dashboard: records in, thinned curves out, and a face that says in words what the curves show."""

import numpy as np
import pytest

from minigpt import views
from minigpt.views import dashboard_figure
from minigpt.views.dashboard import POINTS, thinned


def records(n: int, start: int = 0, **more) -> list[dict]:
    rates = {"learning_rate": 0.1, "grad_norm": 1.0, "tokens_per_second": 50.0, "seconds": 0.5}
    return [{"step": k, "loss": 4 - k / 100, **rates, **more} for k in range(start, start + n)]


def test_records_come_in_parts_and_make_one_curve() -> None:
    view = views.dashboard(records(3), n_steps=10)
    view.append(records(2, start=3))
    (run,) = view.runs
    assert run["steps"] == [0, 1, 2, 3, 4]
    assert run["loss"] == [4, 3.99, 3.98, 3.97, 3.96]
    assert view.numbers == {"n_steps": 10, "step": 5, "tokens_per_second": 50.0, "seconds_left": 2.5}


def test_a_run_that_is_resumed_replaces_what_it_does_again() -> None:
    view = views.dashboard(records(6))
    view.append([{"step": 4, "loss": 9.0}])
    assert view.runs[0]["steps"] == [0, 1, 2, 3, 4]
    assert view.runs[0]["loss"][-1] == 9


def test_of_many_records_a_point_is_a_mean_and_the_largest_gradient_is_kept() -> None:
    many = records(2500)
    many[1000]["grad_norm"] = 77.0
    (run,) = views.dashboard(many).runs
    assert run["each"] == 3
    assert len(run["steps"]) == 834 <= POINTS
    assert run["loss"][0] == pytest.approx(np.mean([4, 3.99, 3.98]))
    assert run["loss"][-1] == pytest.approx(4 - 24.99)  # the last point stands for one step
    assert max(run["grad_norm"]) == 77


@pytest.mark.slow
def test_a_hundred_thousand_records_are_few_points() -> None:
    run = thinned("long", np.ones((100_000, 7)))
    assert run["each"] == 100
    assert len(run["loss"]) == len(run["valid"]) == 1000


def test_what_was_not_measured_is_a_gap() -> None:
    (run,) = views.dashboard([{"step": 0, "loss": 2}, {"step": 1, "loss": float("nan"), "valid_loss": 3.0}]).runs
    assert run["loss"] == [2, None]
    assert run["grad_norm"] == [None, None]
    assert run["valid"] == [[1, 3.0]]


def test_a_click_reaches_whoever_trains_and_a_failure_is_shown() -> None:
    view, heard = views.dashboard(controls=["pause", "stop"]), []
    view.on_request(heard.append)
    view.ask("pause")
    view.ask("pause")
    assert heard == ["pause", "pause"]
    view.on_request(lambda wish: 1 / 0)
    view.ask("stop")
    assert view.error == "ZeroDivisionError: division by zero"


def test_the_description_has_the_numbers_and_says_that_a_recording_is_one() -> None:
    view = views.dashboard(records(100, valid_loss=3.25), title="mine", floor=1.5, others={"theirs": records(5)})
    view.say("finished")
    assert view.describe() == (
        "A training run, mine: 100 steps, loss from 4.0 to 3.1 nats per token, 3.2 on held-out text; the floor is "
        "1.50; beside it theirs. It is finished."
    )
    assert views.dashboard(records(1), is_recording=True).describe().startswith("A recording, not a run on this")
    assert views.dashboard(title="new").describe() == "A training run, new: no step yet."


def test_the_face_has_the_picture_and_the_last_sample() -> None:
    view = views.dashboard(records(20), is_recording=True, title="$x$", band=([0, 9], [1, 1], [5, 4]))
    view.write(10, "once\nupon")
    view.write(20, "<b>")
    face = view.face()
    assert 'alt="A recording' in face
    assert "Recording: $x$" in face
    assert "&lt;b&gt;" in face
    assert "upon" not in face


def test_a_saved_view_keeps_the_error_and_has_no_buttons() -> None:
    view = views.dashboard(records(2), controls=["stop"])
    view.error = "loss nan"
    assert view.stored() == {"error": "loss nan", "controls": []}
    assert "failed: loss nan" in view.describe()


def test_the_running_mean_begins_at_the_first_value() -> None:
    assert dashboard_figure.smoothed([2.0, None, 4.0], share=0.5) == [2, 2, pytest.approx(4 / 3 * 2 + 2 / 3)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(records=[1.0]), "is no record"),
        (dict(records=[{"loss": 1.0}]), "is no record"),
        (dict(records=[{"step": 3, "loss": "low"}]), "step 3 holds what is no number"),
        (dict(controls=["rewind"]), "'rewind'"),
        (dict(n_steps=0), "at least 1"),
        (dict(floor=float("nan")), "not finite"),
        (dict(band=([0, 1], [1], [2, 2])), "2 steps, 1 low and 2 high"),
        (dict(others={"other": [{"loss": 1}]}), "is no record"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        views.dashboard(**arguments)


def test_an_unknown_state_is_refused() -> None:
    with pytest.raises(ValueError, match="waiting, running"):
        views.dashboard().say("asleep")
