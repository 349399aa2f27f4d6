"""The snapshots that come with the course do what their card says: an induction head is born among them."""

import json

import numpy as np
import pytest

from minigpt.assets import asset
from minigpt.inspection.birth import Probe, make_probe, measure
from minigpt.training.telemetry import read_telemetry
from minigpt.training.time_machine import LEVELS, MEASURES, Settings
from minigpt.training.time_machine_card import best_head, table
from minigpt.weights.snapshots import load_snapshots

FOLDER = asset("checkpoints/time_machine")
BEFORE, AFTER = 600, 1000
"""Snapshots between which the head is born."""


@pytest.fixture(scope="module")
def measures() -> dict[int, dict]:
    return {found["step"]: found for found in read_telemetry(FOLDER / MEASURES)}


@pytest.fixture(scope="module")
def probe() -> Probe:
    """The lists of names of the run, and windows of made-up text: the held-out stories do not come along."""
    snapshots = load_snapshots()
    n_ctx = snapshots.model(0).config.n_ctx
    return make_probe(np.arange(400) % 300, n_ctx, snapshots.tokenizer, n_windows=1)


def test_the_snapshots_are_those_of_the_recipe_and_all_were_measured(measures) -> None:
    settings, snapshots = Settings(), load_snapshots()
    assert snapshots.steps == settings.snapshots
    assert snapshots.model(0).config == settings.model
    every = range(0, settings.train.n_steps + 1, settings.measure_every)
    assert list(measures) == sorted({*every, *settings.snapshots})


def test_the_loss_falls_from_snapshot_to_snapshot_below_what_counting_reaches(measures) -> None:
    losses = [measures[step]["valid_loss"] for step in load_snapshots().steps]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == pytest.approx(np.log(Settings().model.n_vocab), abs=0.05)
    levels = json.loads((FOLDER / LEVELS).read_text())
    assert losses[-1] < levels["trigram"] < levels["bigram"] < levels["unigram"]


@pytest.mark.parametrize("step", [BEFORE, AFTER])
def test_a_snapshot_shows_what_was_measured_when_it_was_kept(step, measures, probe) -> None:
    found = measure(load_snapshots().model(step), probe)
    for name in ("first", "repeat", "induction", "previous", "ablated"):
        np.testing.assert_allclose(found[name], measures[step][name], atol=0.02)  # they are kept in half precision


def test_one_head_is_born_and_what_is_said_again_hangs_on_it(measures) -> None:
    head = best_head(measures[Settings().train.n_steps])
    before, after = measures[BEFORE], measures[AFTER]
    scores = [np.array(found["induction"])[head] for found in (measures[0], before, after)]
    assert scores[1] < scores[0] + 0.05
    assert scores[2] > 4 * scores[1]
    assert before["first"] - before["repeat"] < 0.1
    assert after["first"] - after["repeat"] > 1
    off = np.array(after["ablated"])
    assert off[head] > after["repeat"] + 1
    assert np.delete(off.ravel(), off.argmax()).max() < off[head] - 0.4  # no other head matters so much
    previous = [np.max(measures[step]["previous"]) for step in (0, 400)]
    assert previous[1] > 3 * previous[0]  # a head that looks one back is there earlier


def test_the_card_has_the_table_of_what_was_measured(measures) -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert table(list(measures.values()), load_snapshots().steps) in text
    assert f"layer {best_head(measures[3000])[0]}, head {best_head(measures[3000])[1]} switched off" in text


def test_the_files_are_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 13_000_000
