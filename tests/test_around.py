"""Batches sent ahead are the same ones in the same order, and the peak of a run is measured and foretold."""

import contextlib
import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_runs import CONFIG, losses, trainer, weights

from minigpt.training.around import Ahead
from minigpt.training.costs import memory
from minigpt.training.peak import LiveTensors, Peak, foretold, in_words, resident

CPU = torch.device("cpu")


def recorder(drawn: list[int]):
    def draw(step: int):
        drawn.append(step)
        return torch.full((2, 3), step), torch.full((2, 3), -step)

    return draw


def test_a_batch_that_was_fetched_is_not_drawn_again():
    drawn: list[int] = []
    ahead = Ahead(recorder(drawn), CPU)
    ahead.is_worth_it = True
    ahead.fetch(7)
    assert drawn == [7]
    x, y = ahead.batch(7)
    assert (x[0, 0], y[0, 0]) == (7, -7)
    assert ahead.batch(3)[0][0, 0] == 3  # nothing was fetched for this one
    ahead.fetch(9)
    assert ahead.batch(4)[0][0, 0] == 4  # what was fetched is another's
    assert drawn == [7, 3, 9, 4]
    assert ahead.fetched == {}


def test_on_a_cpu_nothing_is_fetched():
    drawn: list[int] = []
    Ahead(recorder(drawn), CPU).fetch(7)
    assert drawn == []


def test_a_run_that_fetches_equals_one_that_does_not_to_the_bit_when_it_is_resumed_too(tmp_path):
    plain = trainer()
    plain.run()
    seen = []
    for stop_at in (3, None):
        ahead = trainer(tmp_path)
        ahead.ahead.is_worth_it = True
        for record in ahead.steps():
            seen.append(record["step"])
            if record["step"] == stop_at:
                break
    assert seen == list(range(6))
    assert torch.equal(weights(plain), weights(ahead))
    assert losses(ahead.records) == losses(plain.records)
    assert ahead.ahead.fetched == {}  # none for a step after the last


def test_a_run_writes_down_the_most_memory_it_took_and_what_was_foretold(tmp_path):
    run = trainer(tmp_path, model_config=dataclasses.replace(CONFIG, dropout=0.0), save_every=4)
    records = run.run()
    assert [record["step"] for record in records if "foretold_bytes" in record] == [3, 5]
    assert records[-1]["foretold_bytes"] == memory(run.model.config, 4).peak
    assert records[-1].get("peak_bytes", 1) > 0
    assert records[-1]["tensor_bytes"] > 12 * run.model.config.n_params()  # weights, two averages, and more


def test_what_cannot_be_counted_is_not_foretold():
    assert foretold(trainer()) is None  # has dropout
    run = trainer(model_config=dataclasses.replace(CONFIG, dropout=0.0), n_accumulate=3)
    expected = foretold(run)
    assert expected is not None
    assert expected.activations == memory(CONFIG, 2).activations  # a batch of 4 in three parts: 2, 1 and 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems count, and compress, in other ways")
def test_the_peak_of_a_step_on_a_cpu_is_about_what_was_foretold():
    """Here the activations of one step fill 200 MB, so that what PyTorch loads for itself is a small part. In a process
    of its own: what tests before it have left free is used again, and not seen. And with memory that goes back to the
    system when it is freed: else malloc keeps a fifth more, now more, now less."""
    code = """
import torch
from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.text.batches import Batches
from minigpt.training.loop import TrainConfig, Trainer

config = GPTConfig(n_vocab=512, n_ctx=256, n_embd=128, n_head=4, n_layer=6)
batches = Batches(torch.arange(5000).numpy() % 512, 256, 48)
Trainer(GPT(config), Batches(batches.ids, 256, 1), TrainConfig(n_steps=1)).run()  # loads what is loaded once
record = Trainer(GPT(config), batches, TrainConfig(n_steps=3, n_warmup=1)).run()[-1]
print(record["peak_bytes"], record["foretold_bytes"])
"""
    env = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    peak, expected = map(int, ran.stdout.split())
    assert expected > 4e8
    assert peak == pytest.approx(expected, rel=0.05)


def test_what_the_program_took_before_is_forgotten():
    filled = torch.ones(30_000_000)
    del filled
    assert (Peak(torch.nn.Linear(2, 2)).bytes() or 0) < 5e7  # 120 MB were taken and given back


def test_the_peak_counts_the_weights():
    model = torch.nn.Linear(1000, 3)
    peak = Peak(model)
    assert peak.weights == 4 * 3003
    if resident()[0]:
        assert peak.bytes() >= peak.weights


def test_the_peak_in_words():
    record = {"peak_bytes": 2_345_600_000, "tensor_bytes": 2_100_000_000, "foretold_bytes": 2e9}
    assert in_words(record) == "peak of memory 2,346 MB, tensors 2,100 MB (foretold 2,000 MB)"
    del record["tensor_bytes"]
    assert in_words(record) == "peak of memory 2,346 MB (foretold 2,000 MB of tensors)"
    assert in_words({"foretold_bytes": 2e9}) == "peak of memory unknown (foretold 2,000 MB of tensors)"
    assert in_words({"peak_bytes": 2e9}) == "peak of memory 2,000 MB"
    assert in_words({"loss": 1.0}) == ""


def test_live_tensors_are_counted_while_they_live_and_views_once():
    held = torch.zeros(1000)
    with LiveTensors([held, held[:10]]) as live:
        assert live.most == live.now == 4000
        x = held + 1
        y = x.view(10, 100).T
        assert live.now == 8000
        del x
        assert live.now == 8000  # y still needs it
        del y
        assert live.now == 4000
        held.add_(1)
        assert live.now == 4000
        (torch.rand(500, requires_grad=True) * 2).exp().sum().backward()  # leaves nothing behind
        assert live.now == 4000
    assert 12_000 > live.most > 8000
    held.exp()  # after it nothing is counted
    assert live.now == 4000


def test_counting_the_tensors_of_a_step_changes_nothing_and_is_done_once(monkeypatch):
    config = dataclasses.replace(CONFIG, dropout=0.0)
    counted = trainer(model_config=config)
    seen = []
    for _ in counted.steps():
        seen.append(counted.peak.counted)
    assert seen[0] is None  # the averages come with the first step
    assert len(set(seen[1:])) == 1
    monkeypatch.setattr(Peak, "counting", lambda *_: contextlib.nullcontext())
    plain = trainer(model_config=config)
    plain.run()
    assert plain.peak.counted is None
    assert torch.equal(weights(plain), weights(counted))
    assert losses(plain.records) == losses(counted.records)


def test_a_step_that_fails_while_it_is_counted_is_counted_later():
    run = trainer(model_config=dataclasses.replace(CONFIG, dropout=0.0))
    steps = run.steps()
    next(steps)
    draw, run.ahead.draw = run.ahead.draw, lambda step: 1 / 0
    run.ahead.fetched.clear()
    with pytest.raises(ZeroDivisionError):
        next(steps)
    assert run.peak.counted is None
    run.ahead.draw = draw
    run.run()
    assert run.peak.counted


def test_training_on_tokens_needs_little_beside_torch(tmp_path):
    """On a machine with a GPU and little else the recipes run from the source tree."""
    program = """
import sys
for name in ("psutil", "regex", "IPython", "anywidget", "ipywidgets", "jupyterlab", "matplotlib"):
    sys.modules[name] = None  # importing it fails
from small_runs import trainer
from minigpt.training import story, time_machine
print(len(trainer(sys.argv[1]).run()))
"""
    search = [str(Path(__file__).parents[1]), str(Path(__file__).parent / "support")]
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {search}\n{program}", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.strip() == "6", done.stderr
