"""Watching a run: a thread trains, the dashboard follows, pause and stop are heard, and what fails is shown."""

import asyncio
import json
import subprocess
import sys
import threading
import time

import pytest
import torch

from minigpt import course
from minigpt.course import live as module
from minigpt.training.folders import is_taken, locked
from tests.test_training import CONFIG, losses, trainer, weights


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.delenv("MINIGPT_STATIC", raising=False)
    monkeypatch.setattr(module, "PAUSE", 0.01)


def until(condition, seconds: float = 10) -> None:
    for _ in range(int(seconds * 100)):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"not so after {seconds} seconds")


def held(run):
    """The trainer waits before each step after the first until the event is set."""
    gate = threading.Event()
    run.callbacks = (lambda trainer, record: gate.wait(10) if record["step"] else None,)
    return gate


def test_a_live_run_ends_where_one_in_the_foreground_does() -> None:
    alone, watched = trainer(), trainer()
    alone.run()
    live = course.train_live(watched, sample=lambda model: f"{torch.rand(1).item()} {model.training}", floor=0.5)
    records = live.wait()
    assert losses(records) == losses(alone.records)
    assert torch.equal(weights(alone), weights(watched))
    assert live.view.state == "finished"
    assert live.view.runs[0]["steps"] == list(range(6))
    assert [step for step, _ in live.view.samples] == [1, 2, 3, 4, 5, 6]
    assert all(text.endswith("False") for _, text in live.view.samples)
    assert live.view.numbers["memory_gb"] > 0


def test_pause_holds_between_two_steps_and_resume_goes_on() -> None:
    run = trainer()
    gate = held(run)
    live = course.train_live(run)
    live.view.ask("pause")  # as a click in the page does
    gate.set()
    until(lambda: live.view.state == "paused")
    step = run.step
    time.sleep(0.05)
    assert run.step == step < 6
    live.view.ask("resume")
    assert len(live.wait()) == 6


def test_stop_keeps_a_checkpoint_and_run_goes_on_from_there(tmp_path) -> None:
    run, whole = trainer(tmp_path), trainer()
    gate = held(run)
    live = course.train_live(run)
    until(lambda: run.step == 2)
    live.view.ask("stop")
    gate.set()
    live.wait()
    assert live.view.state == "stopped"
    assert live.view.note == f"a checkpoint is in its folder: trainer.run() goes on from step {run.step}."
    assert run.step < 6
    again = trainer(tmp_path)
    assert again.step == run.step
    again.run()
    whole.run()
    assert torch.equal(weights(again), weights(whole))


def test_a_loss_that_is_not_a_number_is_shown_with_what_to_do_and_curves_stay() -> None:
    run = trainer()

    def spoil(trainer, record):
        if record["step"] == 2:
            trainer.model.wte.weight.data.fill_(float("nan"))

    run.callbacks = (spoil,)
    live = course.train_live(run)
    with pytest.raises(FloatingPointError, match="step 3"):
        live.wait()
    assert live.view.state == "failed"
    assert "trainer.train.batch(3), or lower the learning rate" in live.view.error
    assert live.view.runs[0]["steps"] == [0, 1, 2]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it stays in the notebook's log
def test_a_run_whose_curves_cannot_be_drawn_either_is_said_to_have_failed(monkeypatch) -> None:
    def broken(*args):
        raise OSError("no page")

    run = trainer()
    gate = held(run)
    live = course.train_live(run)
    monkeypatch.setattr(live.view, "append", broken)
    gate.set()
    with pytest.raises(OSError, match="no page"):
        live.wait()
    assert (live.view.state, live.view.error) == ("failed", "OSError: no page")


def test_a_second_live_run_stops_the_first() -> None:
    run = trainer()
    gate = held(run)
    first = course.train_live(run)
    threading.Timer(0.1, gate.set).start()
    second = course.train_live(trainer())
    assert not first.thread.is_alive()
    assert first.view.state == "stopped"
    assert len(second.wait()) == 6


def test_interrupting_the_kernel_stops_between_steps(monkeypatch) -> None:
    run = trainer()
    gate = held(run)
    live = course.train_live(run)
    join, calls = live.thread.join, []

    def interrupted(timeout=None):
        calls.append(timeout)
        if len(calls) == 1:
            raise KeyboardInterrupt
        gate.set()
        join(timeout)

    monkeypatch.setattr(live.thread, "join", interrupted)
    assert len(live.wait()) < 6
    assert live.view.state == "stopped"


def test_a_page_that_is_read_trains_in_the_foreground(monkeypatch) -> None:
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    live = course.train_live(trainer(), title="mine")
    assert live.view.state == "finished"
    html = live._repr_mimebundle_()["text/html"]
    assert 'alt="A training run, mine: 6 steps, loss from 2.4 to ' in html


def test_a_run_of_another_program_is_followed_even_when_it_begins_again(tmp_path) -> None:
    live = course.follow_run(tmp_path, n_steps=6)
    try:
        assert live.view.state in ("waiting", "running")
        first = trainer(tmp_path)
        steps = first.steps()
        for _ in range(4):
            next(steps)
        until(lambda: live.view.runs[0]["steps"] == [0, 1, 2, 3])
        with open(tmp_path / "telemetry.jsonl", "a") as file:
            file.write('{"step": 4, "lo')  # killed in the middle of a line
        steps.close()
        second = trainer(tmp_path)
        second.run()
        live.wait()
        assert live.view.state == "finished"
        assert live.view.runs[0]["steps"] == list(range(6))
    finally:
        live.stop()


def test_the_end_of_a_followed_run_is_noticed_when_nobody_trains_there_any_more(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    run = trainer(tmp_path)
    gate = held(run)
    watched = course.train_live(run)
    live = course.follow_run(tmp_path)
    until(lambda: live.view.runs[0]["steps"])
    time.sleep(0.3)
    assert live.view.state == "running"  # slow, but there is a trainer
    gate.set()
    watched.wait()
    live.wait()
    assert live.view.state == "finished"
    assert live.view.runs[0]["steps"] == list(range(6))


def test_a_folder_is_taken_while_a_run_of_any_process_writes_to_it(tmp_path) -> None:
    assert not is_taken(tmp_path)
    assert list(tmp_path.iterdir()) == []  # asking leaves nothing
    with locked(tmp_path):
        assert is_taken(tmp_path)
        code = f"import pathlib, minigpt.training.folders as f; print(f.is_taken(pathlib.Path({str(tmp_path)!r})))"
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"
    assert not is_taken(tmp_path)


def test_what_is_awaited_gives_the_records_and_leaves_the_loop_free() -> None:
    async def cell():
        run = trainer()
        gate = held(run)
        live = course.train_live(run)
        asyncio.get_running_loop().call_later(0.05, gate.set)  # never, if waiting kept the loop
        return await live

    assert len(asyncio.run(cell())) == 6


def test_a_foreign_file_is_told_in_the_view(tmp_path) -> None:
    (tmp_path / "telemetry.jsonl").write_text('{"loss": 1}\n')
    live = course.follow_run(tmp_path)
    with pytest.raises(ValueError, match="has no step"):
        live.wait()
    assert "no telemetry of a run" in live.view.error


def test_a_replay_says_that_it_is_one_and_shows_all(tmp_path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_text("".join(json.dumps({"step": k, "loss": 2.0, "seconds": 60.0}) + "\n" for k in range(5)))
    live = course.replay(path, speed=60_000)
    live.wait()
    assert live.view.is_recording
    assert live.view.runs[0]["steps"] == list(range(5))
    assert live.view.note == "Recorded in 5 minutes, shown 60,000 times as fast."
    assert live.view.describe().startswith("A recording, not a run on this machine, old")
    assert "seconds_left" not in live.view.numbers


def test_the_shipped_run_is_found_by_its_name(monkeypatch) -> None:
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    view = course.replay("story").view
    assert view.state == "finished"
    assert view.numbers["step"] == 2000


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_is_none_is_refused(speed) -> None:
    with pytest.raises(ValueError, match="above 0"):
        course.replay("story", speed=speed)


def test_an_empty_recording_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="no records"):
        course.replay(tmp_path / "none.jsonl")


def test_a_recording_that_is_none_is_answered_with_those_that_there_are() -> None:
    for name in ("nix", "before_transformers"):  # the second is a table, not a run
        with pytest.raises(
            ValueError, match=f"no recording is called '{name}': take one of story, story-finish, time_machine, or"
        ):
            course.replay(name)


def test_a_model_without_its_trainer_is_refused() -> None:
    with pytest.raises(TypeError, match=r"int is no trainer: give Trainer\(model, batches, config\)"):
        course.train_live(3)  # pyright: ignore[reportArgumentType]


def test_the_configuration_of_these_tests_has_dropout() -> None:
    assert CONFIG.dropout > 0  # or a sample that draws random numbers could not disturb the run
