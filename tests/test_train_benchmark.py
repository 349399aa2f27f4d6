"""`benchmarks/train.py` at a tiny size: all begin alike, and the band of other seeds is told from what lies outside."""

import importlib
import sys
from pathlib import Path

import pytest

from minigpt.config import GPTConfig
from minigpt.text.batches import Batches

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
CONFIG = GPTConfig(n_vocab=11, n_ctx=6, n_embd=8, n_head=2, n_layer=2)


@pytest.fixture
def program(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield importlib.import_module("train")
    for name in ("train", "plain_gpt"):
        sys.modules.pop(name, None)


def test_the_plain_loop_and_ours_begin_with_the_same_weights_and_other_seeds_do_not(program):
    batches = Batches(program.text_ids(CONFIG), CONFIG.n_ctx, 4)
    names = ("plain", "plain, seed 1", "ours, float32", "ours, auto")
    runners = {name: program.MAKERS[name](CONFIG, batches, 3) for name in names}
    seconds, losses = program.take_turns(runners, batches, 3)
    assert losses["ours, float32"] == pytest.approx(losses["plain"], abs=1e-3)
    assert losses["ours, auto"] == pytest.approx(losses["plain"], abs=2e-2)
    assert losses["plain, seed 1"] != pytest.approx(losses["plain"], abs=1e-3)
    assert all(len(some) == 3 and min(some) > 0 for some in seconds.values())


@pytest.mark.parametrize(("gap", "words"), [(0.04, "is within"), (-0.04, "is within"), (0.06, "is NOT within")])
def test_ours_is_in_the_band_if_it_stays_as_near_as_another_seed(program, capsys, gap, words):
    other = [3.0] + [2.0] * 18 + [2.1]  # of the last two steps the mean is 0.05 away; the first do not count
    program.print_band({"plain": [2.0] * 20, "plain, seed 1": other, "ours, auto": [2.0 + gap] * 20})
    assert f"ours, auto     {words} the band of ±0.050 nats" in capsys.readouterr().out


def test_without_other_seeds_there_is_no_band(program, capsys):
    program.print_band({"plain": [2.0] * 20, "ours, auto": [2.0] * 20})
    assert capsys.readouterr().out == ""
