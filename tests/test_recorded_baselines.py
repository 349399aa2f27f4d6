"""The record behind notebook 04 holds what its prose says of it."""

import json

import pytest

from minigpt.assets import asset
from minigpt.config import GPTConfig
from minigpt.models.baselines import KINDS, of_equal_size
from minigpt.models.gpt import GPT

KINDS_AND_GPT = [*KINDS, "gpt"]


@pytest.fixture(scope="module")
def record():
    about, *rows = map(json.loads, asset("runs/before_transformers.jsonl").read_text(encoding="utf-8").splitlines())
    assert {"machine", "python", "torch", "command"} < about.keys()
    return rows


def nats(record, **what):
    return [row["nats"] for row in record if all(row.get(key) == value for key, value in what.items())]


@pytest.mark.parametrize("kind", KINDS_AND_GPT)
def test_the_rate_that_all_get_is_the_best_of_three_or_within_a_hundredth_of_it(record, kind):
    (chosen,) = nats(record, model=kind, n_steps=600, seed=0, rate=0.01)
    others = [*nats(record, model=kind, n_steps=600, rate=0.003), *nats(record, model=kind, n_steps=600, rate=0.03)]
    assert len(others) == 2
    assert chosen < min(others) + 0.01


def test_after_600_steps_the_gpt_and_the_mlp_are_last_and_after_2000_the_gpt_is_narrowly_first(record):
    short = {kind: nats(record, model=kind, n_steps=600, rate=0.01) for kind in KINDS_AND_GPT}
    long = {kind: nats(record, model=kind, n_steps=2000, rate=0.01) for kind in KINDS_AND_GPT}
    assert {kind: len(runs) for kind, runs in short.items()} == dict.fromkeys(KINDS_AND_GPT, 3)
    assert min(short["gpt"] + short["mlp"]) > max(short["cnn"] + short["rnn"] + short["lstm"])
    others = [loss for kind in KINDS for loss in long[kind]]
    assert max(long["gpt"]) < min(others) < max(long["gpt"]) + 0.05


def test_every_model_has_the_size_that_the_notebook_gives_it(record):
    storyland, recall = GPTConfig(532, 64, 64, n_head=4, n_layer=2), GPTConfig(61, 202, 32, n_head=4, n_layer=2)
    for row in record:
        if row["model"] in KINDS_AND_GPT:
            config = storyland if row["task"] == "storyland" else recall
            model = GPT(config) if row["model"] == "gpt" else KINDS[row["model"]](of_equal_size(row["model"], config))
            assert row["n_params"] == model.n_params()


def test_near_and_far_texts_teach_memories_and_far_ones_only_the_gpt(record):
    found = {}
    for row in record:
        if row["task"] == "recall":
            found.setdefault((row["model"], len(row["taught"]) == 3), []).append(row["right"]["200"] / row["n"])
    assert min(found["gpt", True]) > 0.95
    assert max(share for kind in KINDS for share in found[kind, True]) < 0.2
    assert min(found["lstm", False]) > 0.95
    assert max(found["mlp", False]) < 0.2


def test_a_memory_that_was_taught_near_and_far_has_a_slope_where_it_had_none(record):
    for kind in ("rnn", "lstm"):
        (row,) = [
            r
            for r in record
            if r["model"] == kind and r["task"] == "recall" and r["seed"] == 0 and len(r["taught"]) > 3
        ]
        new, trained = (row[when][200] / row[when][1] for when in ("new", "trained"))
        assert len(row["new"]) == len(row["trained"]) == 202
        assert trained > 1e6 * new
