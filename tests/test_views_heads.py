"""All heads at once: what travels to the browser is what the model computed."""

import base64
import importlib
import json
import re
import sys
import warnings
import zlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from traitlets import TraitError

from minigpt import views
from minigpt.inspection import recording as inspection
from minigpt.inspection.heads import PATTERNS, head_scores
from minigpt.views.attention import dequantised, pooled
from tests.made_up import Recording, softmax


def causal_recording(L: int = 2, H: int = 3, T: int = 5) -> Recording:
    scores = np.random.default_rng(0).normal(size=(L, H, T, T)) * 3
    visible = np.tril(np.ones((T, T), dtype=bool))
    return Recording(tuple(f" t{i}" for i in range(T)), softmax(np.where(visible, scores, -np.inf)))


def recorded(recording: Recording) -> inspection.Recording:
    """The same as `inspection.record` would give it."""
    layers = {f"h.{n}.attn": layer for n, layer in enumerate(recording.stack)}
    return inspection.Recording(recording.tokens, None, layers, {}, None, "made up")


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


@pytest.mark.slow
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


# Long texts


@pytest.fixture
def long_is_four(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of more than 4 tokens are long, their thumbnails have 3 cells a side."""
    module = importlib.import_module("minigpt.views.heads")
    monkeypatch.setattr(module, "LONGEST", 4)
    monkeypatch.setattr(module, "POOL", 3)


def arrived(view, layer: int, head: int) -> np.ndarray:
    """A head of a long text, as the page has it."""
    n = view.whole_heads.index(layer * view.shape[1] + head)
    return dequantised(view.whole, view.shape, view.causal, n)


def test_a_pooled_cell_holds_the_largest_weight_that_falls_into_it() -> None:
    layer = np.arange(25.0).reshape(1, 5, 5)
    # Position i falls into cell i * 2 // 5: 0, 1 and 2 into the first, 3 and 4 into the second.
    assert pooled(layer, 2).tolist() == [[[12, 14], [22, 24]]]
    assert pooled(layer, 5).tolist() == layer.tolist()


@pytest.mark.usefixtures("long_is_four")
def test_of_a_long_text_thumbnails_are_sent_and_the_enlarged_head_alone() -> None:
    recording = causal_recording(L=2, H=3, T=5)
    view = views.heads(recording, layer=1, head=2)
    assert view.pool == [3, 3]
    assert len(view.data) == 2 * 3 * 3 * 4 // 2
    assert len(view.whole) == 5 * 6 // 2
    np.testing.assert_allclose(arrived(view, 1, 2), recording.stack[1, 2], atol=0.004)


@pytest.mark.usefixtures("long_is_four")
def test_a_head_of_a_long_text_is_sent_when_it_is_enlarged_or_drawn_with_another() -> None:
    recording = causal_recording(L=2, H=3, T=5)
    view = views.heads(recording)
    view.head = 2
    view.overlay = [(1, 1)]
    assert view.whole_heads == [2, 4]
    np.testing.assert_allclose(arrived(view, 0, 2), recording.stack[0, 2], atol=0.004)
    np.testing.assert_allclose(arrived(view, 1, 1), recording.stack[1, 1], atol=0.004)


@pytest.mark.usefixtures("long_is_four")
def test_a_view_goes_from_a_long_text_to_a_short_one_and_back() -> None:
    view = views.heads(causal_recording(T=5))
    view.show(causal_recording(T=4))
    assert (view.pool, view.whole, len(view.data)) == ([], b"", 2 * 3 * 4 * 5 // 2)
    view.show(causal_recording(T=5))
    assert (view.pool, view.whole_heads) == ([3, 3], [0])


def test_1_024_tokens_are_opened_with_less_than_a_megabyte() -> None:
    mask = np.tri(1024, dtype=np.float32)
    view = views.heads(
        Recording(tuple("abcd" * 256), np.broadcast_to(mask / mask.sum(-1, keepdims=True), (2, 2, 1024, 1024)))
    )
    assert len(view.data) + len(view.whole) < 1_000_000
    assert view.pool == [32, 32]


@pytest.mark.usefixtures("long_is_four")
def test_a_saved_long_text_has_its_enlarged_head_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    html = views.heads(causal_recording(L=2, H=3, T=5), head=1)._repr_mimebundle_()["text/html"]
    packed = re.search(r"id=&quot;packed&quot;&gt;(.*?)&lt;/script", html)
    assert packed
    unpacked = zlib.decompress(base64.b64decode(packed[1]))
    head = json.loads(unpacked[4 : 4 + int.from_bytes(unpacked[:4])])
    assert head["state"]["whole_heads"] == [1]
    assert dict(head["binary"])["whole"] == 5 * 6 // 2


# Scores


def test_scores_reach_the_page_one_for_each_head_layer_after_layer() -> None:
    scores = {"previous token": np.arange(6).reshape(2, 3)}
    view = views.heads(causal_recording(L=2, H=3), scores=scores, sort="previous token")
    assert view.scores == {"previous token": [0, 1, 2, 3, 4, 5]}
    assert view.score == "previous token"
    assert (view.layer, view.head) == (1, 2)  # the first in the order is enlarged, unless another is named
    named = views.heads(causal_recording(L=2, H=3), head=1, scores=scores, sort="previous token")
    assert (named.layer, named.head) == (0, 1)


def test_scores_of_another_model_are_dropped_with_it() -> None:
    view = views.heads(causal_recording(L=2, H=3), scores={"first": np.zeros((2, 3))}, sort="first")
    view.show(causal_recording(L=2, H=3, T=4))
    assert view.score == "first"
    view.show(causal_recording(L=3, H=2))
    assert (view.score, view.scores) == ("", {})


@pytest.mark.parametrize(
    ("tokens", "undefined"),
    [
        (["a", "cat", "on", "a", "mat"], []),
        (["a", "cat", "on", "the", "mat"], ["duplicate token", "induction"]),
        (["a"], [*PATTERNS, "spread"]),
    ],
)
def test_scores_that_a_text_does_not_define_are_left_out_and_told(tokens: list[str], undefined: list[str]) -> None:
    recording = replace(causal_recording(T=len(tokens)), tokens=tuple(tokens))
    scores = head_scores(recorded(recording))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is wrong with such a text
        view = views.heads(recording, scores=scores, sort="induction")
    assert list(view.scores) == [name for name in scores if name not in undefined]
    assert view.score == ("" if "induction" in undefined else "induction")
    assert view.warning.startswith(f"The heads cannot be sorted by {', '.join(undefined)}: NaN" if undefined else "")
    assert bool(view.warning) == bool(undefined)


def test_what_the_view_says_of_scores_stays_as_long_as_they_do() -> None:
    scores = {"first": np.full((2, 3), np.nan), "last": np.zeros((2, 3))}
    view = views.heads(causal_recording(L=2, H=3), scores=scores)
    told = view.warning
    view.show(causal_recording(L=2, H=3, T=4))
    assert view.warning == told != ""
    uneven = causal_recording(L=2, H=3)
    with pytest.warns(UserWarning, match="do not sum to 1"):
        view.show(replace(uneven, stack=uneven.stack / 2))
    assert "do not sum to 1" in view.warning
    assert view.warning.endswith(told)
    view.show(causal_recording(L=3, H=2))
    assert (view.scores, view.warning) == ({}, "")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(scores={"first": np.zeros((3, 2))}), ValueError, r"one for each head, \(2, 3\)"),
        (dict(scores={"first": np.array([[0, 0, 0], [0, 0, np.nan]])}), ValueError, r"holds 1 value\(s\) that are not"),
        (dict(scores={"first": np.full((2, 3), np.inf)}), ValueError, "not finite"),
        (dict(scores={"first": np.full((3, 2), np.nan)}), ValueError, r"one for each head, \(2, 3\)"),
        (dict(scores={"first": np.full(6, np.nan)}), ValueError, r"2 dimension\(s\)"),
        (dict(scores={"first": "abc"}), TypeError, "should be numbers"),
        (dict(scores={"first": np.zeros((2, 3))}, sort="last"), TraitError, "no score 'last': there are first"),
        (dict(padding=[True]), ValueError, "a bool for each of the 5 tokens"),
        (dict(padding=[0, 0, 0, 0, 1]), ValueError, "padding of int64"),
        (dict(mask=np.ones((2, 5), dtype=bool)), ValueError, "a bool for each cell"),
        (dict(values=np.ones((2, 3, 4))), ValueError, r"for each value, \(2, 3, 5\)"),
        (dict(values=-np.ones((2, 3, 5))), ValueError, "0 or more"),
        (dict(raw=np.zeros((2, 3, 5, 4))), ValueError, r"one for each weight, \(2, 3, 5, 5\)"),
        (dict(raw=np.full((2, 3, 5, 5), np.nan)), ValueError, "NaN"),
        (dict(raw=np.full((2, 3, 5, 5), -np.inf)), ValueError, "-inf where its weight is not 0"),
        (dict(rollout=np.ones((2, 5, 4))), ValueError, r"shares from 0 to 1, \(2, 5, 5\)"),
        (dict(rollout=-np.ones((2, 5, 5))), ValueError, "attention_rollout"),
    ],
)
def test_options_that_do_not_fit_are_refused_with_what_fits(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        views.heads(causal_recording(), **options)


def test_a_head_that_is_not_there_cannot_be_set() -> None:
    view = views.heads(causal_recording())
    with pytest.raises(TraitError, match="layers go from 0 to 1"):
        view.layer = 2
    with pytest.raises(TraitError, match="heads from 0 to 2"):
        view.overlay = [(0, 3)]


# Masks and padding


def hidden_cells(view) -> list[tuple[int, int]]:
    T, S = view.shape[2:]
    bits = np.unpackbits(np.frombuffer(view.hidden, np.uint8), count=T * S).reshape(T, S)
    return [(int(i), int(j)) for i, j in np.argwhere(bits)]


def test_padding_that_gets_no_weight_is_masked_and_what_gets_some_is_shown() -> None:
    recording = cross_recording()  # (2, 3, 4, 6)
    stack = recording.stack.copy()
    stack[..., 5] = 0
    stack /= stack.sum(-1, keepdims=True)
    view = views.heads(replace(recording, stack=stack), padding=[False] * 4 + [True] * 2)
    assert view.padding == [False] * 4 + [True] * 2
    assert hidden_cells(view) == [(i, 5) for i in range(4)]
    assert "2 of the tokens looked at are padding" in view.describe()


def test_a_causal_mask_needs_no_bits_and_a_narrower_one_sends_the_rest() -> None:
    causal = np.tri(5, dtype=bool)
    assert views.heads(causal_recording(T=5), mask=causal).hidden == b""
    window = causal & ~np.tri(5, k=-2, dtype=bool)  # itself and the one before
    scores = np.where(window, 0.0, -np.inf)
    view = views.heads(Recording(tuple("abcde"), softmax(scores)[None, None]), mask=window)
    assert hidden_cells(view) == [(2, 0), (3, 0), (3, 1), (4, 0), (4, 1), (4, 2)]


def test_a_mask_that_the_weights_deny_is_refused_with_the_cell() -> None:
    with pytest.raises(ValueError, match=r"mask\[0, 0\] is False, yet a head gives 1 there"):
        views.heads(causal_recording(), mask=~np.tri(5, dtype=bool))


# Rows, and numbers that are none


def test_rows_that_do_not_sum_to_1_are_shown_with_a_warning_that_names_the_first() -> None:
    recording = causal_recording(L=2, H=3, T=5)
    stack = recording.stack.copy()
    stack[1, 2, 3] /= 2
    with pytest.warns(UserWarning, match=r"1 of 30 rows .* layer 1, head 2, ' t3' \(position 3\), sums to 0.5"):
        view = views.heads(replace(recording, stack=stack))
    assert view.warning.startswith("1 of 30 rows of attention do not sum to 1")
    np.testing.assert_allclose(dequantised(view.data, view.shape, True, 5), stack[1, 2], atol=0.004)


def test_a_row_that_may_look_nowhere_and_half_precision_give_no_warning() -> None:
    recording = causal_recording()
    stack = recording.stack.astype(np.float16)
    stack[:, :, 2] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert views.heads(replace(recording, stack=stack)).warning == ""


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused_with_its_place(bad: float) -> None:
    recording = causal_recording()
    stack = recording.stack.copy()
    stack[1, 2, 4, 3] = bad
    with pytest.raises(ValueError, match=r"layer 1, head 2: ' t4' \(position 4\) looks at ' t3' \(position 3\)"):
        views.heads(replace(recording, stack=stack))


def test_layers_of_a_recording_are_read_without_stacking_them() -> None:
    recording = causal_recording()

    def attention_stack() -> np.ndarray:
        raise AssertionError("144 heads of 1,024 tokens would be copied")

    layers = {f"h.{n}": layer for n, layer in enumerate(recording.stack)}
    given = SimpleNamespace(tokens=recording.tokens, attention=layers, attention_stack=attention_stack)
    assert views.heads(given).data == views.heads(recording).data


# Other quantities


def raw_and_recording(T: int = 5) -> tuple[np.ndarray, Recording]:
    scores = np.random.default_rng(1).normal(size=(2, 3, T, T)).astype(np.float32) * 3
    raw = np.where(np.tri(T, dtype=bool), scores, -np.inf)
    return raw, Recording(tuple("abcdefgh"[:T]), softmax(raw))


def test_scores_before_the_softmax_arrive_head_by_head_within_half_a_step() -> None:
    raw, recording = raw_and_recording()
    view = views.heads(recording, raw=raw)
    assert view.quantities == ["weights", "scores"]
    assert view.whole == b""  # nothing travels before it is asked for
    view.quantity, view.head = "scores", 2
    [[low, high]], causal = view.whole_ranges, np.tri(5, dtype=bool)
    arrived = low + (high - low) * np.frombuffer(view.whole, np.uint8) / 255
    assert (view.whole_heads, view.whole_of) == ([2], "scores")
    np.testing.assert_allclose(arrived, raw[0, 2][causal], atol=(high - low) / 500)


def test_rollout_is_that_of_the_enlarged_layer() -> None:
    _, recording = raw_and_recording()
    rollout = np.stack([np.eye(5), np.tri(5) / np.arange(1, 6)[:, None]])
    view = views.heads(recording, layer=1, rollout=rollout)
    view.quantity = "rollout"
    np.testing.assert_allclose(dequantised(view.whole, view.shape, True, 0), rollout[1], atol=0.004)


def test_a_quantity_that_was_not_given_is_refused_with_the_option_that_gives_it() -> None:
    _, recording = raw_and_recording()
    with pytest.raises(TraitError, match=r"there are weights; views\.heads\(…, raw=…\) adds it"):
        views.heads(recording).quantity = "scores"


def test_another_recording_without_scores_shows_its_weights_again() -> None:
    raw, recording = raw_and_recording()
    view = views.heads(recording, raw=raw)
    view.quantity = "scores"
    view.show(recording)
    assert (view.quantity, view.quantities, view.whole) == ("weights", ["weights"], b"")


@pytest.mark.usefixtures("long_is_four")
def test_scores_of_a_long_text_come_and_go_with_the_choice() -> None:
    raw, recording = raw_and_recording()
    view = views.heads(recording, raw=raw)
    weights = view.whole
    view.quantity = "scores"
    assert view.whole != weights
    view.quantity = "weights"
    assert (view.whole, view.whole_of, view.whole_ranges) == (weights, "weights", [])


def test_a_score_of_minus_infinity_in_every_head_is_a_masked_cell() -> None:
    raw = np.zeros((1, 2, 3, 3), dtype=np.float32)
    raw[..., 0, 1] = -np.inf
    view = views.heads(Recording(tuple("abc"), softmax(raw)), raw=raw)
    assert hidden_cells(view) == [(0, 1)]


def test_a_saved_page_offers_the_quantities_that_it_holds() -> None:
    raw, recording = raw_and_recording()
    view = views.heads(recording, raw=raw, values=np.ones((2, 3, 5)))
    assert view.stored() == {"quantities": ["weights", "by value"]}
    view.quantity = "scores"
    assert view.stored() == {"quantities": ["weights", "scores", "by value"]}


# Out of the view


def test_pandas_gets_the_numbers_that_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = SimpleNamespace(Index=lambda labels, name: list(labels), DataFrame=lambda numbers, **labels: numbers)
    monkeypatch.setitem(sys.modules, "pandas", stand_in)
    raw, recording = raw_and_recording()
    sizes = np.arange(30, dtype=np.float32).reshape(2, 3, 5)
    view = views.heads(recording, layer=1, head=1, raw=raw, values=sizes)
    view.quantity = "scores"
    assert (view.to_pandas() == raw[1, 1]).all()
    view.quantity = "by value"
    np.testing.assert_allclose(view.to_pandas(), recording.stack[1, 1] * sizes[1, 1])


def test_pandas_gets_the_exact_weights_with_the_tokens_as_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = SimpleNamespace(Index=lambda labels, name: (name, list(labels)), DataFrame=lambda *a, **k: (a, k))
    monkeypatch.setitem(sys.modules, "pandas", stand_in)
    recording = cross_recording()
    (weights,), labels = views.heads(recording, layer=1, head=2).to_pandas()
    assert (weights == recording.stack[1, 2]).all()
    assert labels == dict(index=("token", list("abcd")), columns=("looks at", list("uvwxyz")))


def test_without_pandas_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        views.heads(causal_recording()).to_pandas()


def test_sizes_of_values_are_taken_as_an_array_or_by_the_names_of_layers() -> None:
    sizes = np.arange(30, dtype=np.float32).reshape(2, 3, 5)
    view = views.heads(causal_recording(), values=sizes)
    assert np.frombuffer(view.norms, "<f4").tolist() == list(range(30))
    assert views.heads(causal_recording(), values={"h.0": sizes[0], "h.1": sizes[1]}).norms == view.norms
