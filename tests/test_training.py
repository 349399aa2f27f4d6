import dataclasses
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import CONFIG, TRAIN, losses, trainer, weights

from minigpt.models.gpt import GPT
from minigpt.text.batches import Batches
from minigpt.training.checkpoints import load_latest
from minigpt.training.loop import TrainConfig, Trainer
from minigpt.training.telemetry import read_telemetry


@pytest.mark.slow
def test_a_repeating_text_is_learned():
    torch.manual_seed(0)
    ids = np.tile(np.arange(5, dtype=np.uint16), 100)
    model = GPT(dataclasses.replace(CONFIG, dropout=0.0))
    records = Trainer(model, Batches(ids, 6, 8), TrainConfig(n_steps=150, learning_rate=1e-2, n_warmup=10)).run()
    assert records[0]["loss"] == pytest.approx(np.log(11), abs=0.1)  # knows nothing: all 11 tokens alike
    assert records[-1]["loss"] < 0.05


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("stop_at", [1, 2, 5])
def test_a_resumed_run_equals_one_in_one_go_to_the_bit(tmp_path, optimizer, stop_at):
    whole = trainer(tmp_path / "whole", optimizer=optimizer)
    whole.run()
    first = trainer(tmp_path / "parts", optimizer=optimizer)
    for record in first.steps():
        if record["step"] == stop_at:
            break
    second = trainer(tmp_path / "parts", optimizer=optimizer)
    assert second.step == (stop_at + 1) // 2 * 2  # checkpoints are made after every second step
    second.run()
    assert torch.equal(weights(whole), weights(second))
    assert losses(second.records) == losses(whole.records)
    assert [record["step"] for record in read_telemetry(tmp_path / "parts" / "telemetry.jsonl")] == list(range(6))


def test_accumulation_equals_the_big_batch():
    config = dataclasses.replace(CONFIG, dropout=0.0)
    one, four = trainer(model_config=config), trainer(model_config=config, n_accumulate=4)
    one.run()
    four.run()
    torch.testing.assert_close(weights(one), weights(four), atol=1e-6, rtol=0)


def test_dropout_leaves_the_global_random_state_alone():
    run = trainer()
    before = torch.random.get_rng_state()
    run.one_step()
    assert torch.equal(before, torch.random.get_rng_state())


def test_validation_is_measured_without_dropout_and_the_same_each_time():
    run = trainer()
    assert run.evaluate() == run.evaluate()
    assert [record["step"] for record in run.run() if "valid_loss" in record] == [2, 5]


def test_batches_without_a_description_train_where_nothing_is_kept():
    class Plain:
        def batch(self, step):
            return torch.zeros(2, 6, dtype=torch.long), torch.ones(2, 6, dtype=torch.long)

    records = Trainer(GPT(CONFIG), Plain(), dataclasses.replace(TRAIN, eval_every=10)).run()
    assert losses(records)[-1] < losses(records)[0]


def test_callbacks_see_each_record():
    seen = []
    run = trainer()
    run.callbacks = (lambda trainer, record: seen.append((trainer.step, record["step"])),)
    run.run()
    assert seen == [(step + 1, step) for step in range(6)]


def test_long_gradients_are_clipped():
    run = trainer(max_grad_norm=1e-9, weight_decay=0.0)
    before = weights(run)
    record = run.one_step()
    assert record["grad_norm"] > 1e-3  # the norm before clipping is what is written down
    assert (weights(run) - before).abs().max() < 1e-3


def test_a_loss_that_is_not_a_number_stops_the_run_and_keeps_the_weights(tmp_path):
    run = trainer(tmp_path)
    next(run.steps())
    with torch.no_grad():
        run.model.wte.weight[3, 0] = float("nan")
    before = weights(run)
    with pytest.raises(FloatingPointError, match=r"step 1: loss nan.*trainer\.train\.batch\(1\)"):
        run.run()
    assert torch.equal(before.nan_to_num(9), weights(run).nan_to_num(9))
    assert run.step == 1


def test_the_last_good_state_is_kept_and_can_be_trained_on_with_a_lower_rate(tmp_path):
    run = trainer(tmp_path, save_every=100)
    bad = run.train.batch(3)
    loss = run.loss

    def overflowing(x, y):
        return loss(x, y) * (float("inf") if torch.equal(x, bad[0]) else 1)

    run.loss = overflowing
    with pytest.raises(FloatingPointError, match="step 3: loss inf"):
        run.run()
    found = load_latest(tmp_path)
    assert found is not None
    assert found[1]["step"] == 3
    again = trainer(tmp_path, save_every=100)
    assert again.step == 3
    assert torch.equal(weights(again), weights(run))


def test_ctrl_c_stops_between_steps_and_keeps_everything(tmp_path):
    run = trainer(tmp_path)
    run.callbacks = (lambda trainer, record: record["step"] == 2 and signal.raise_signal(signal.SIGINT),)
    handler = signal.getsignal(signal.SIGINT)
    records = run.run()
    assert len(records) == run.step == 3
    assert signal.getsignal(signal.SIGINT) is handler
    found = load_latest(tmp_path)
    assert found is not None
    assert found[1]["step"] == 3
    again = trainer(tmp_path)
    again.run()
    whole = trainer()
    whole.run()
    assert torch.equal(weights(again), weights(whole))


def test_a_folder_with_another_run_is_refused(tmp_path):
    trainer(tmp_path).run()
    other = Batches(np.zeros(99, dtype=np.uint16), 6, 4)
    with pytest.raises(ValueError, match="choose another folder"):
        Trainer(GPT(CONFIG), other, TRAIN, folder=tmp_path)


SUPPORT = Path(__file__).parent / "support"
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
KILLED = """
    import os, sys
    sys.path.insert(0, {support!r})
    from small_runs import torch, trainer
    torch.set_num_threads(1)  # a child of a process with several would hang
    for _ in range(50):
        if (child := os.fork()) == 0:
            run = trainer({folder!r}, **{lengths!r})
            next(run.steps())
            print(os.getpid(), flush=True)
            run.run()
        os.waitpid(child, 0)
"""
PAUSED = """
    import sys
    sys.path.insert(0, {support!r})
    from small_runs import trainer
    run = trainer({folder!r})
    steps = run.steps()
    next(steps)
    print("ready", flush=True)
    sys.stdin.readline()
    list(steps)
"""


@pytest.mark.slow
def test_a_folder_in_which_another_process_trains_is_refused_until_that_is_done(tmp_path):
    program = textwrap.dedent(PAUSED.format(support=str(SUPPORT), folder=str(tmp_path)))
    with subprocess.Popen([sys.executable, "-c", program], text=True, **PIPES) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(ValueError, match=r"another process is training in .*choose another folder"):
            trainer(tmp_path)
        assert len(read_telemetry(tmp_path / "telemetry.jsonl")) == 1, "what the other wrote is untouched"
        process.communicate("go on\n")
    assert trainer(tmp_path).step == TRAIN.n_steps


def test_of_two_trainers_in_one_program_the_newer_has_the_folder(tmp_path):
    older = trainer(tmp_path)
    paused = older.steps()
    next(paused)
    newer = trainer(tmp_path)  # a cell was run again, and the old run is still somewhere in memory
    for what in (lambda: next(paused), older.run, older.save):
        with pytest.raises(ValueError, match=r"a newer trainer of this program writes to .*this one is behind"):
            what()
    newer.run()
    assert [record["step"] for record in read_telemetry(tmp_path / "telemetry.jsonl")] == list(range(6))


@pytest.mark.parametrize(
    "wrong",
    [{"n_steps": 0}, {"optimizer": "sgd"}, {"learning_rate": 0.0}, {"n_accumulate": -1}, {"max_grad_norm": -1.0}],
)
def test_a_config_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainConfig(**wrong)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_run_killed_fifty_times_loses_nothing(tmp_path):
    """Kill the process at random moments, writing of checkpoints included: the end is that of an undisturbed run."""
    moments = random.Random(0)
    folder, lengths = tmp_path / "killed", {"n_steps": 600, "save_every": 1, "eval_every": 7}
    program = textwrap.dedent(KILLED.format(support=str(SUPPORT), folder=str(folder), lengths=lengths))
    with subprocess.Popen([sys.executable, "-c", program], text=True, **PIPES) as process:
        for _ in range(50):
            child = int(process.stdout.readline())  # it has made its first step
            time.sleep(moments.uniform(0.0, 0.05))
            os.kill(child, signal.SIGKILL)
    last = trainer(folder, **lengths)
    assert 50 <= last.step < 600, "every kill hit a run that was under way"
    last.run()
    whole = trainer(**lengths)
    whole.run()
    assert torch.equal(weights(last), weights(whole))
    records = read_telemetry(folder / "telemetry.jsonl")
    assert [record["step"] for record in records] == list(range(600))
    assert losses(records) == losses(whole.records)
