"""`benchmarks/time_to_quality.py` from end to end at a tiny size, and what the record that notebook 11 shows says."""

import importlib
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from minigpt.assets import asset
from minigpt.text.storyland import Storyland

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def program(monkeypatch):
    """The program, on characters of Storyland and with a model that a step takes a millisecond for."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    names = ("time_to_quality", "plain_gpt", "train")
    program = importlib.import_module(names[0])
    texts = {"train": Storyland(0).text(200), "valid": Storyland(1).text(20)}
    monkeypatch.setattr(program.corpora, "load", lambda name, split: texts[split])
    monkeypatch.setattr(program, "N_CTX", 6)
    monkeypatch.setattr(program, "SHAPE", {"n_embd": 8, "n_head": 2})
    yield program
    for name in names:
        sys.modules.pop(name, None)


def test_recipes_of_one_size_begin_with_the_same_weights_and_each_changes_something(program):
    ladder = program.recipes()
    losses = {recipe: program.valid_loss(program.Run(recipe, 0).model) for recipe in ladder}
    of_nanogpts_size = [loss for recipe, loss in losses.items() if recipe.n_layer == 4]
    assert len(of_nanogpts_size) == len(ladder) - 2
    assert of_nanogpts_size == pytest.approx([losses[ladder[0]]] * len(of_nanogpts_size), abs=1e-5)
    assert list(losses.values()) == pytest.approx([math.log(program.text()[2])] * len(ladder), abs=0.1)
    assert len({(one.n_steps, one.ours, one.batch_size, one.n_layer) for one in ladder}) == len(ladder)


def test_the_rung_of_bfloat16_is_climbed_where_there_are_units_for_it(program, monkeypatch):
    ladder = program.recipes()
    for dtype, expected in ((torch.bfloat16, ladder), (torch.float32, ladder[:-1])):
        monkeypatch.setattr(program, "choose", lambda *asked, dtype=dtype: SimpleNamespace(dtype=dtype))
        assert program.recipes_for_this_machine() == expected


@pytest.mark.slow
def test_from_beginning_to_end_all_learn_and_the_last_one_is_compared_seed_by_seed(program, capsys):
    rows = program.compare(program.recipes(100), n_seeds=2)
    names = [recipe.name for recipe in program.recipes()]
    assert [(row["name"], row["seed"]) for row in rows] == [*((name, 0) for name in names), (names[-1], 1)]
    assert [row["n_steps"] for row in rows] == [100, 20, 20, 20, 20, 18, 18, 18, 18]
    assert all(row["loss"] < math.log(program.text()[2]) - 0.1 for row in (rows[0], rows[-1]))
    assert all(row["seconds"] > 0 and row["cpu_seconds"] > 0 for row in rows)
    program.print_table(rows)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1 + 9 + 2


def test_a_last_recipe_that_falls_short_is_said_to(program, capsys):
    row = {"seed": 0, "n_steps": 9}
    first = row | {"name": "a", "seconds": 50.0, "cpu_seconds": 40.0, "loss": 1.5}
    program.print_table([first, row | {"name": "b", "seconds": 5.0, "cpu_seconds": 5.0, "loss": 1.51}])
    assert "is NOT reached, 8.0 times as fast in CPU time and 10.0 by the clock" in capsys.readouterr().out


def test_the_plain_loop_steps_with_nanogpts_rates(program):
    """Worked by hand: a hundredth of 1e-3 at first, all of it after 100 steps, 1e-4 at the end."""
    seen = []

    class Watched(torch.optim.SGD):
        def step(self, closure=None):
            seen.append(self.param_groups[0]["lr"])

    program.torch.optim.AdamW, adamw = (
        lambda groups, lr, betas: Watched([p for group in groups for p in group["params"]], lr=lr),
        torch.optim.AdamW,
    )
    try:
        run = program.Run(program.recipes(2000)[0], 0)
    finally:
        program.torch.optim.AdamW = adamw
    for step in (0, 99, 100, 2000):
        run.step(step)
    assert seen == pytest.approx([1e-5, 1e-3, 1e-3, 1e-4])


def test_the_record_holds_every_recipe_and_the_last_one_reaches_the_loss_in_a_fifth_of_the_time(program):
    record = json.loads(asset("runs/time_to_quality.json").read_text(encoding="utf-8"))
    assert {"machine", "torch", "python", "command", "date", "precision"} < record.keys()
    rows = record["rows"]
    n_rungs = len(program.recipes()) - record["precision"].startswith("float32")
    names = [recipe.name for recipe in program.recipes()[:n_rungs]]
    assert [recipe["name"] for recipe in record["recipes"]] == names
    assert [row["name"] for row in rows if row["seed"] == 0] == names
    base, *last = (row for row in rows if row["name"] in (rows[0]["name"], rows[-1]["name"]))
    assert [row["seed"] for row in last] == [0, 1, 2]
    for row in last:
        assert row["loss"] < base["loss"]
        assert 5 * row["cpu_seconds"] < base["cpu_seconds"]
