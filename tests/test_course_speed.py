"""What notebook 12 shows of this machine and of a run's costs."""

import pytest

from minigpt import course
from minigpt.course import speed
from minigpt.training.roofline import Point, Roof


def test_the_roofline_is_that_of_what_was_measured_with_data_sheets_beside_it(monkeypatch):
    point = Point("LayerNorm", "number by number", "float32", operations=70, n_bytes=80, seconds=7.0)
    roof = Roof({"float32": 100.0, "bfloat16": 300.0}, 20.0)
    monkeypatch.setattr(speed, "measured", lambda: (roof, [point]))
    view = course.show_roofline()
    assert (view.peaks, view.bandwidth, view.machine) == (roof.peaks, [20.0], "this CPU")
    assert [(one["name"], one["speed"]) for one in view.points] == [("LayerNorm", 10.0)]
    assert {"H100", "T4"} <= {other["name"] for other in view.others}


@pytest.mark.slow
def test_measuring_takes_every_kind_of_work_and_stays_under_the_roof(monkeypatch):
    monkeypatch.setenv("MINIGPT_FAST", "1")
    speed.measured.cache_clear()
    roof, points = speed.measured()
    assert {point.kind for point in points} == {
        "matrix product",
        "number by number",
        "attention",
        "generation",
        "optimizer",
    }
    assert all(point.speed <= 1.0001 * roof.bound(point.intensity, point.number_format) for point in points)
    assert speed.measured() is speed.measured()
