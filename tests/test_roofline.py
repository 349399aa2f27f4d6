"""The roofline: what is counted, what a roof allows, and that measuring gives numbers that can be."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from minigpt.training.roofline import (
    FORMATS,
    Point,
    Roof,
    Work,
    attention,
    attention_of_one,
    bandwidth,
    best_seconds,
    elementwise,
    gpt_work,
    product,
    product_speed,
    raised,
    time_work,
)

CPU = torch.device("cpu")
ROOF = Roof({"float32": 100.0, "bfloat16": 400.0}, bandwidth=20.0)


def point(operations: int, n_bytes: int, seconds: float, number_format: str = "float32") -> Point:
    return Point("p", "k", number_format, operations, n_bytes, seconds)


def test_under_the_ridge_bytes_limit_and_over_it_arithmetic():
    assert (ROOF.ridge(), ROOF.ridge("bfloat16")) == (5, 20)
    assert [ROOF.bound(intensity) for intensity in (1, 5, 50)] == [20, 100, 100]
    assert ROOF.bound(50, "bfloat16") == 400


def test_a_point_has_intensity_and_speed():
    one = point(operations=12, n_bytes=3, seconds=0.5)
    assert (one.intensity, one.speed) == (4, 24)


def test_what_was_reached_lifts_the_roof_and_what_was_not_leaves_it():
    slow, fast = point(1, 1, 1.0), point(300, 2, 2.0)
    assert raised(ROOF, [slow]) == ROOF
    assert raised(ROOF, [slow, fast]) == Roof({"float32": 150.0, "bfloat16": 400.0}, 20.0)
    assert raised(ROOF, [point(1, 90, 1.0, "bfloat16")]).bandwidth == 90


def test_a_product_counts_two_operations_for_each_pair_and_each_number_once():
    work = product(3, 5, 7, "bfloat16", CPU)
    assert work.operations == 2 * 3 * 5 * 7
    assert work.n_bytes == 2 * (3 * 5 + 5 * 7 + 3 * 7)
    assert work.runs[0]().shape == (3, 7)
    with FlopCounterMode(display=False) as counter:
        work.runs[0]()
    assert counter.get_total_flops() == work.operations


def test_attention_computes_the_same_either_way_and_moves_the_matrix_only_in_one():
    torch.manual_seed(0)
    apart = attention(2, 6, 4, False, CPU)
    torch.manual_seed(0)
    fused = attention(2, 6, 4, True, CPU)
    torch.testing.assert_close(apart.runs[0](), fused.runs[0]())
    assert apart.operations == fused.operations == 2 * 36 * (4 * 4 + 5)
    assert fused.n_bytes == 4 * 4 * 2 * 6 * 4
    assert apart.n_bytes - fused.n_bytes == 4 * 4 * 2 * 36


def test_one_token_reads_the_cache_once():
    work = attention_of_one(3, 2, 9, 4, CPU)
    assert work.runs[0]().shape == (3, 2, 1, 4)
    assert work.n_bytes == 4 * (2 * 3 * 2 * 9 * 4 + 2 * 3 * 2 * 4)
    assert work.operations == 3 * 2 * 9 * (4 * 4 + 5)


@pytest.mark.parametrize("name", ["LayerNorm", "GELU", "softmax"])
def test_number_by_number_reads_and_writes_each_once(name):
    work = elementwise(name, 3, 8, CPU)
    assert work.runs[0]().shape == (3, 8)
    assert work.n_bytes == 2 * 4 * 3 * 8


def test_runs_are_taken_in_turn_and_the_fastest_counts():
    done = []
    runs = [lambda k=k: done.append(k) for k in range(3)]
    seconds = best_seconds(runs, CPU, seconds=0.01)
    assert done[:6] == [0, 1, 2] * 2  # a round before the clock starts, and three runs at least
    assert 0 <= seconds < 0.1
    assert time_work(Work("w", "k", "float32", 1, 1, runs), CPU, 0).operations == 1


def test_slow_runs_are_not_all_made_once_before_the_clock_starts():
    done = []
    best_seconds([lambda k=k: done.append(k) for k in range(9)], CPU, seconds=0)
    assert done == [0, 0, 1, 2]


@pytest.mark.slow
def test_what_is_measured_can_be():
    peaks = {name: product_speed(128, dtype, CPU, 0.01) for name, dtype in FORMATS.items()}
    speed = bandwidth(CPU, 0)
    assert all(1e7 < peak < 1e14 for peak in peaks.values())
    assert 1e8 < speed < 1e13


@pytest.mark.slow
def test_all_work_of_a_gpt_can_be_done():
    points = [time_work(work, CPU, 0) for work in gpt_work(CPU, n_embd=24, n_head=3)]
    assert len({(p.name, p.number_format) for p in points}) == len(points)
    assert all(p.speed > 0 for p in points)
    one, many = points[0], points[3]
    assert one.intensity < 0.5 < many.intensity
