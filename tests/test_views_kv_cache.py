"""Writing with and without a key-value cache: positions, memory and seconds, and what is refused."""

import re

import pytest
from small_runs import CONFIG
from traitlets import TraitError

from minigpt import course, views
from minigpt.models.gpt import GPT


def test_positions_and_memory_are_those_counted_by_hand() -> None:
    view = views.kv_cache(3, 4, 10)
    assert [view.positions(step, cached=False) for step in (1, 2, 3, 4)] == [3, 4, 5, 6]
    assert [view.positions(step, cached=True) for step in (1, 2, 3, 4)] == [3, 1, 1, 1]
    assert (view.total(4, cached=False), view.total(4, cached=True)) == (18, 6)
    assert [view.n_bytes(step) for step in (0, 1, 4)] == [0, 30, 60]
    assert view.step == 4
    assert view.describe() == (
        "Writing 4 tokens after a prompt of 3: without a cache 18 positions are computed, with a cache 6, and it then "
        "holds 60 bytes."
    )


def test_the_face_has_a_picture_that_speaks_and_a_table_with_the_measured_times() -> None:
    view = views.kv_cache(3, 40, 1024, seconds=([0.5] * 40, [0.125] * 40))
    face = view.face()
    assert view.describe().endswith("Measured: 20.00 s without, 5.00 s with.")
    assert f'alt="{view.describe()}"' in face
    assert face.count("<tr>") == 9
    last = re.findall("<t[dh][^>]*>([^<]*)</t", face)[-6:]
    assert last == ["40", "42, 900", "1, 42", "42.0 KiB", "20.00 s", "5.00 s"]


def test_measured_times_and_the_memory_are_those_of_the_model() -> None:
    model = GPT(CONFIG).eval()
    view = course.measure_cache(model, [1, 2, 3], 3)
    assert (view.n_prompt, view.n_new) == (3, 3)
    assert view.bytes_per_token == 2 * CONFIG.n_layer * CONFIG.n_embd * 4
    assert [len(way) for way in view.seconds] == [3, 3]
    assert all(value > 0 for way in view.seconds for value in way)
    assert not model.training


def test_more_tokens_than_fit_are_refused_before_anything_is_written() -> None:
    model = GPT(CONFIG).eval()
    with pytest.raises(ValueError, match=f"n_ctx={CONFIG.n_ctx} fit: write at most {CONFIG.n_ctx - 2} tokens"):
        course.measure_cache(model, [1, 2, 3], CONFIG.n_ctx)
    with pytest.raises(ValueError, match="the prompt has no token"):
        course.measure_cache(model, [], 3)
    with pytest.raises(ValueError, match="n_new=-1: write one token at least"):
        course.measure_cache(model, [1], -1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 4, 8), "n_prompt=0: a whole number, 1 to 100,000"),
        ((3, 2.5, 8), "n_new=2.5: a whole number"),
        ((3, 5_000, 8), "write fewer, rows of more are too thin to see"),
        ((3, 4, True), "bytes_per_token=True"),
        ((3, 4, 8, ([1.0] * 4,)), "seconds has 1 entries"),
        ((3, 4, 8, ([1.0] * 4, [1.0] * 3)), "3 numbers for n_new=4 steps"),
        ((3, 4, 8, ([1.0] * 4, [1.0, 1.0, 0.0, 1.0])), "0 is no duration"),
    ],
)
def test_numbers_that_make_no_picture_are_refused(arguments, message) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        views.kv_cache(*arguments)


def test_a_step_that_there_is_not_is_refused_and_the_old_one_stays() -> None:
    view = views.kv_cache(3, 4, 8, step=2)
    with pytest.raises(TraitError, match="step=5: it goes from 0"):
        view.step = 5
    assert view.step == 2
