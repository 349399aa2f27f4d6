"""All heads at once: what travels to the browser is what the model computed."""

import importlib
import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from minigpt import views
from minigpt.views.attention import dequantised


@dataclass(frozen=True)
class Recording:
    """The part of a recording that heads() needs."""

    tokens: tuple[str, ...]
    stack: np.ndarray
    source_tokens: tuple[str, ...] | None = None

    def attention_stack(self) -> np.ndarray:
        return self.stack


def softmax(scores: np.ndarray) -> np.ndarray:
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype(np.float32)


def causal_recording(L: int = 2, H: int = 3, T: int = 5) -> Recording:
    scores = np.random.default_rng(0).normal(size=(L, H, T, T)) * 3
    visible = np.tril(np.ones((T, T), dtype=bool))
    return Recording(tuple(f" t{i}" for i in range(T)), softmax(np.where(visible, scores, -np.inf)))


def cross_recording(L: int = 2, H: int = 3, T: int = 4, S: int = 6) -> Recording:
    scores = np.random.default_rng(0).normal(size=(L, H, T, S))
    return Recording(("a", "b", "c", "d"), softmax(scores), tuple("uvwxyz"))


@pytest.mark.parametrize("recording", [causal_recording(), cross_recording()], ids=["causal", "cross"])
def test_every_weight_arrives_within_0_004(recording: Recording) -> None:
    view = views.heads(recording)
    heads = recording.stack.reshape(-1, *recording.stack.shape[2:])
    for n, head in enumerate(heads):
        arrived = dequantised(view.data, view.shape, view.causal, n)
        np.testing.assert_allclose(arrived, head, atol=0.004)


def test_a_causal_recording_sends_its_lower_triangle_only() -> None:
    view = views.heads(causal_recording(L=2, H=3, T=5))
    assert view.causal
    assert len(view.data) == 2 * 3 * 5 * 6 // 2


def test_cross_attention_sends_every_weight_and_both_kinds_of_labels() -> None:
    view = views.heads(cross_recording())
    assert not view.causal
    assert len(view.data) == 2 * 3 * 4 * 6
    assert (view.tokens, view.source_tokens) == (list("abcd"), list("uvwxyz"))


def test_showing_the_same_recording_again_still_tells_the_page() -> None:
    view = views.heads(causal_recording())
    data = view.data
    view.show(causal_recording())
    assert (view.data, view.version) == (data, 1)


def test_a_smaller_model_takes_over_the_view_with_a_head_that_it_has() -> None:
    view = views.heads(causal_recording(L=4, H=4), layer=3, head=2)
    view.show(causal_recording(L=1, H=2, T=3))
    assert (view.layer, view.head, view.shape) == (0, 1, [1, 2, 3, 3])


def test_labels_that_look_like_markup_stay_text() -> None:
    recording = causal_recording(T=2)
    view = views.heads(replace(recording, tokens=("<script>alert(1)</script>", "\u202e")))
    assert view.tokens == ["<script>alert(1)</script>", "\\u{202e}"]
    assert "<script>alert" not in view.face()


def test_144_heads_of_64_tokens_stay_under_0_45_mb_in_a_saved_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    bundle = views.heads(causal_recording(12, 12, 64))._repr_mimebundle_()  # random weights pack worse than a model's
    assert len(json.dumps(bundle)) < 450_000


def test_the_description_names_the_head_and_counts_right() -> None:
    first_only = np.zeros((1, 1, 3, 3), dtype=np.float32)
    first_only[..., 0] = 1
    view = views.heads(Recording(("a", "b", "c"), first_only))
    assert "1 layers with 1 heads each over 3 tokens" in view.describe()
    assert "whose last token, 'c', looks most at 'a', position 0: 100%." in view.describe()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(tokens=("a",)), r"does not fit 1 tokens that look at 1"),
        (dict(tokens=()), "tokens is empty"),
        (dict(stack=np.full((2, 3, 5, 5), np.nan)), "not finite"),
        (dict(stack=np.full((2, 3, 5, 5), -3.0)), "before the softmax"),
        (dict(stack=np.ones((3, 5, 5))), r"4 dimension\(s\)"),
    ],
)
def test_a_recording_that_does_not_fit_is_refused_with_the_reason(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        views.heads(replace(causal_recording(), **change))


def test_what_is_no_recording_is_refused_with_the_way_to_make_one() -> None:
    with pytest.raises(TypeError, match=r"inspection\.record"):
        views.heads([1, 2, 3])  # type: ignore[arg-type]


def test_a_head_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="layers go from 0 to 1, heads from 0 to 2"):
        views.heads(causal_recording(), layer=2)


def test_a_text_too_long_to_show_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("minigpt.views.attention"), "MAX_BYTES", 80)
    with pytest.raises(ValueError, match="shorten the text"):
        views.heads(causal_recording())
