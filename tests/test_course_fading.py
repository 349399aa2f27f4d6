"""The slider of notebook 04: what is left of a change is a product of slopes, and the page says so in words."""

import ipywidgets
import numpy as np
import pytest
import torch

from minigpt.course.fading import said, slopes, try_weight


def test_without_tanh_a_change_is_multiplied_by_the_weight_at_each_step():
    left = slopes(0.5, 3)["without tanh"]
    assert left.tolist() == [1, 0.5, 0.25, 0.125]


@pytest.mark.parametrize("weight", [0.5, 1.0, 1.5])
def test_with_tanh_it_is_the_gradient_of_the_whole_chain(weight):
    start = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    h, left = start, slopes(weight, 12)["with tanh"]
    for k in range(1, 13):
        h = torch.tanh(weight * h)
        (grad,) = torch.autograd.grad(h, start, retain_graph=True)
        assert left[k] == pytest.approx(grad.item())


def test_a_weight_above_1_explodes_without_tanh_and_vanishes_with_it():
    left = slopes(1.5, 50)
    assert left["without tanh"][50] > 1e8
    assert left["with tanh"][50] < 1e-15


def test_a_page_has_the_picture_in_words(monkeypatch):
    shown = []
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    monkeypatch.setattr("minigpt.course.fading.display", lambda data, raw: shown.append(data))
    assert try_weight(0.5, 20) is None
    assert (
        shown[0]["text/plain"]
        == "Weight 0.5, 20 steps back: a small change arrives times 9.5e-07 without tanh, times 7e-07 with tanh."
    )
    assert f'alt="Two curves over 20 steps, logarithmic. {shown[0]["text/plain"]}"' in shown[0]["text/html"]


def test_the_sliders_draw_anew_also_at_their_ends(monkeypatch):
    monkeypatch.delenv("MINIGPT_STATIC", raising=False)
    weight, back, answer = try_weight(0.5, 20).children
    assert isinstance(weight, ipywidgets.FloatSlider)
    before = answer.value
    weight.value = 1.5
    assert said(1.5, 20) in answer.value != before
    for u, k in ((weight.min, back.min), (weight.max, back.max)):
        weight.value, back.value = u, k
        assert said(u, k) in answer.value
    assert np.isfinite(slopes(weight.max)["without tanh"]).all()
