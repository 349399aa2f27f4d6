"""The roofline: what is computed of each point, what is said of it, and what is refused."""

import numpy as np
import pytest

from minigpt import views
from minigpt.views.roofline import share, si
from tests.made_up import Tags

PEAKS, BANDWIDTH = {"float32": 100e9, "bfloat16": 400e9}, 10e9
MEAN = "</script><script>alert(1)</script>"


def point(operations=2e9, n_bytes=1e8, seconds=0.04, name="product", number_format="float32", kind="matrix product"):
    numbers = {"operations": operations, "n_bytes": n_bytes, "seconds": seconds}
    return {"name": name, "kind": kind, "number_format": number_format, **numbers}


def test_a_point_under_the_peak_is_limited_by_arithmetic():
    (one,) = views.roofline([point()], PEAKS, BANDWIDTH).points
    assert (one["intensity"], one["speed"], one["bound"]) == (20, 50e9, 100e9)
    assert one["is_under_peak"]
    assert share(one) == 0.5
    assert (
        "20 operations a byte. There arithmetic sets the limit, 100 GFLOP/s; measured 50 GFLOP/s, 50% of it"
        in (one["words"])
    )


def test_the_same_point_in_a_format_with_a_higher_peak_is_limited_by_bytes():
    (one,) = views.roofline([point(number_format="bfloat16")], PEAKS, BANDWIDTH).points
    assert (one["bound"], one["is_under_peak"]) == (200e9, False)
    assert "bytes set the limit, 200 GFLOP/s" in one["words"]


@pytest.mark.parametrize(("seconds", "said"), [(0.1, "Something else slows it"), (0.01, "More than the roof")])
def test_far_from_the_roof_and_over_it_a_reason_is_given(seconds, said):
    assert said in views.roofline([point(seconds=seconds)], PEAKS, BANDWIDTH).points[0]["words"]
    assert said not in views.roofline([point(seconds=0.03)], PEAKS, BANDWIDTH).points[0]["words"]


def test_numbers_are_said_with_three_digits_and_a_letter():
    assert [si(x) for x in (989e12, 1.234e9, 12.0)] == ["989 TFLOP/s", "1.23 GFLOP/s", "12 FLOP/s"]
    assert si(2e15, "B") == "2 PB"


def test_the_description_names_the_best_and_the_worst():
    points = [point(name="slow", seconds=0.2), point(name="fast", seconds=0.025)]
    text = views.roofline(points, PEAKS, BANDWIDTH, machine="this CPU").describe()
    assert "Roofline of this CPU: at most 100 GFLOP/s in float32 and 400 GFLOP/s in bfloat16, 10 GB/s" in text
    assert "2 operations, from 10% of what is possible (slow) to 80% (fast)" in text


def test_a_roof_without_points_is_shown(monkeypatch):
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    view = views.roofline([], PEAKS, BANDWIDTH)
    assert "100 GFLOP/s" in view.describe()
    assert "<img" in view.face()


def test_names_stay_text_and_the_face_has_a_picture_and_a_row_for_each_point(monkeypatch):
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    other = {"name": MEAN, "peaks": PEAKS, "bandwidth": 1e9, "source": MEAN}
    points = [point(name=MEAN, kind="$x$"), point(name="\u202eabc", number_format="bfloat16", kind="b")]
    html = views.roofline(points, PEAKS, BANDWIDTH, machine=MEAN, others=[other])._repr_mimebundle_()["text/html"]
    tags = [tag for tag, _ in Tags(html).found]
    assert "script" not in tags
    assert (tags.count("img"), tags.count("tr")) == (1, 3)


BAD = [
    ({"points": [{"name": "x"}]}, "lacks kind, n_bytes, number_format, operations, seconds"),
    ({"points": [point(number_format="int8")]}, "'int8', and there is a peak for float32, bfloat16"),
    ({"points": [point(seconds=0)]}, "all above 0"),
    ({"points": [point(operations=np.nan)]}, "not finite"),
    ({"points": [point(kind=str(k)) for k in range(7)]}, "7 kinds of operations"),
    ({"bandwidth": 0}, "all above 0"),
    ({"peaks": {"float32": np.inf}}, "not finite"),
    ({"peaks": {}}, "in 0 number formats"),
    ({"others": [{"name": "x", "peaks": PEAKS, "bandwidth": 1}]}, "lacks source: say where its numbers come from"),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[message for _, message in BAD])
def test_what_cannot_be_is_refused_with_the_reason(changes, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        views.roofline(**({"points": [point()], "peaks": PEAKS, "bandwidth": BANDWIDTH} | changes))


def test_only_a_point_that_is_there_can_be_chosen():
    view = views.roofline([point()], PEAKS, BANDWIDTH)
    view.chosen = 0
    with pytest.raises(ValueError, match="0 to 0 is a point, -1 is none"):
        view.chosen = 1
