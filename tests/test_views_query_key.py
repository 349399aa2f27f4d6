"""The query-key playground: its Python side checks, its face shows the same numbers as attention itself."""

import numpy as np
import pytest

from minigpt import views


def test_the_face_shows_the_weights_of_scaled_dot_product_attention() -> None:
    query, keys, values = (1.0, 0.0), [(np.sqrt(2) * np.log(3), 0), (0, 1)], [(2, 0), (-2, 1)]
    face = views.query_key(query, keys, values, ["a", "b"]).face()
    assert ">0.75</td>" in face  # 3 / (3 + 1)
    assert "output (1.00, 0.25)" in face


def test_without_scaling_the_weights_are_sharper() -> None:
    scaled, sharp = (views.query_key(scaled=flag).describe() for flag in (True, False))
    weight = [float(text.split("weight, ")[1].split(",")[0]) for text in (scaled, sharp)]
    assert weight[1] > weight[0] > 1 / 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(query=(1, 2, 3)), "this view is a plane"),
        (dict(query=(9, 0)), "beyond reach"),
        (dict(labels=["a"]), "3 keys, 3 values and 1 labels"),
        (dict(query=(np.nan, 0)), "not finite"),
        (dict(keys=np.zeros((9, 2)), values=np.zeros((9, 2)), labels=list("abcdefghi")), "at most 8"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        views.query_key(**change)
