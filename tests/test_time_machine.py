"""The recipe of the time machine at toy size, from texts to snapshots and measures."""

import json
import lzma
from dataclasses import replace

import numpy as np
import pytest

from minigpt.config import GPTConfig
from minigpt.training.loop import TrainConfig
from minigpt.training.telemetry import read_telemetry
from minigpt.training.time_machine import Settings, levels, train_snapshots
from minigpt.training.time_machine_card import card, ship
from minigpt.weights import load_pretrained
from minigpt.weights.snapshots import load_snapshots

NAMES = ("Ana", "Rui", "Mia", "Leo")


def toy(n_steps: int = 6) -> Settings:
    config = TrainConfig(n_steps=n_steps, n_warmup=2, save_every=2, eval_every=3, n_eval_batches=2)
    model = GPTConfig(n_vocab=270, n_ctx=12, n_embd=8, n_head=2, n_layer=2)
    return Settings(model, config, batch_size=3, snapshots=(0, 2, 3, 6), measure_every=4)


@pytest.fixture
def data(tmp_path):
    """A folder with stories of our own under the names of the recipe."""
    stories = [f"{a} met {b}. {b} gave {a} a ball, and {a} said: thank you, {b}!" for a in NAMES for b in NAMES * 2]
    folder = tmp_path / "data" / "train"
    folder.mkdir(parents=True)
    text = "<|endoftext|>".join(stories)
    (folder / "tinystories_train_head_4mb_recased.txt.xz").write_bytes(lzma.compress(text.encode()))
    return tmp_path / "data"


@pytest.mark.slow
def test_a_run_leaves_snapshots_and_measures(data, tmp_path):
    measures = train_snapshots(tmp_path / "run", data, settings=toy())
    assert [one["step"] for one in measures] == [0, 2, 3, 4, 6]
    snapshots = load_snapshots(tmp_path / "run")
    assert snapshots.steps == (0, 2, 3, 6)
    assert snapshots.tokenizer.n_vocab == snapshots.model(6).config.n_vocab == 270
    assert measures[-1]["valid_loss"] < measures[0]["valid_loss"]
    assert len(read_telemetry(tmp_path / "run" / "telemetry.jsonl")) == 6
    counted = json.loads((tmp_path / "run" / "levels.json").read_text())
    assert counted["bigram"] < counted["unigram"]


def test_levels_are_the_losses_of_counts() -> None:
    ids = np.array([0, 1] * 50)
    found = levels(ids, np.array([[0, 1, 0], [1, 0, 1]]), n_vocab=2)
    assert found["unigram"] == pytest.approx(np.log(2), abs=1e-3)  # both are half of all tokens
    shares = np.array([50.5 / 51, 49.5 / 50])  # all 50 or 49 that followed, and half of an imagined one
    assert found["bigram"] == pytest.approx(-np.log(shares).mean(), abs=1e-4)


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_as_one_that_was_not(data, tmp_path, monkeypatch):
    whole = train_snapshots(tmp_path / "whole", data, settings=toy())
    saved = []

    def stop(model, step, folder):
        saved.append(step)
        if saved == [0, 2, 3]:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("minigpt.training.time_machine.save_snapshot", stop)
        with pytest.raises(KeyboardInterrupt):
            train_snapshots(tmp_path / "halves", data, settings=toy())
    assert train_snapshots(tmp_path / "halves", data, settings=toy()) == whole
    assert train_snapshots(tmp_path / "halves", data, settings=toy()) == whole  # nothing is left to do
    last = "snapshot-000006.safetensors"
    one, other = (load_pretrained(tmp_path / run / last) for run in ("whole", "halves"))
    assert all((p == q).all() for p, q in zip(one.parameters(), other.parameters(), strict=True))


def test_snapshots_after_the_end_of_the_run_are_refused():
    with pytest.raises(ValueError, match=r"snapshots=\(0, 2, 3, 6\): give steps from 0 to n_steps=5"):
        toy(n_steps=5)


def test_missing_texts_are_told_before_anything_is_written(tmp_path):
    with pytest.raises(FileNotFoundError, match="tinystories_train_head"):
        train_snapshots(tmp_path / "run", tmp_path, settings=toy())
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_card_is_written_from_the_run_and_only_for_a_finished_run_of_the_recipe(data, tmp_path):
    run, out = tmp_path / "run", tmp_path / "out"
    measures = train_snapshots(run, data, settings=toy())
    text = card(run, "a machine", "A note.", toy())
    ship(run, out, tmp_path / "runs", text)
    assert len(read_telemetry(tmp_path / "runs/time_machine.jsonl")) == 6
    assert load_snapshots(out).steps == (0, 2, 3, 6)
    shipped = (out / "README.md").read_text(encoding="utf-8")
    assert "on a machine." in shipped
    assert f"| 6 | {measures[-1]['valid_loss']:.2f} |" in shipped
    assert not list(out.glob("*.npy"))  # no text of the stories
    with pytest.raises(ValueError, match=r"other settings than the recipe: .*'eval_every': 3"):
        card(run, "a machine", settings=replace(toy(), train=replace(toy().train, eval_every=2)))
    with pytest.raises(ValueError, match="is not finished"):
        card(run, "a machine", settings=toy(n_steps=9))
    with pytest.raises(ValueError, match="not those of the recipe"):
        card(run, "a machine", settings=replace(toy(), snapshots=(0, 6)))
