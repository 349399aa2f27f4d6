"""course.time_machine() on the snapshots that come with the course, and on a folder of one's own."""

import shutil

import numpy as np
import pytest

from minigpt import course
from minigpt.assets import asset
from minigpt.course.time_machine import Reader
from minigpt.inspection.record import record
from minigpt.sampling import complete
from minigpt.weights.snapshots import load_snapshots

SHORT = "One day, Ra"


def test_all_snapshots_read_the_prompt_and_go_on_writing() -> None:
    view = course.time_machine(step=1000)
    snapshots = load_snapshots()
    assert tuple(view.steps) == snapshots.steps
    assert view.steps[view.at] == 1000
    model = snapshots.model(1000)
    text = complete(model, snapshots.tokenizer, view.prompt, max_new_tokens=60, temperature=0.5, top_k=20, seed=0)
    assert view.prompt + view.written[view.at] == text
    assert [name for name, _ in view.levels] == ["unigram", "bigram", "trigram"]
    before, after = view.birth()
    assert 600 <= before < after <= 1000
    assert view.written[-1].startswith("vito")  # the name of before, said again


def test_the_attention_is_that_of_each_snapshot() -> None:
    snapshots = load_snapshots()
    answer = Reader(snapshots)(SHORT)
    ids = snapshots.tokenizer.encode(SHORT)
    assert answer["tokens"] == snapshots.tokenizer.labels(ids)
    for k in (0, 5):
        expected = record(snapshots.model(snapshots.steps[k]), ids).attention_stack()
        np.testing.assert_array_equal(answer["attention"][k], expected)


@pytest.mark.parametrize(("prompt", "message"), [("", "begin with a word"), ("a b c " * 50, "and 128 fit: shorten it")])
def test_a_prompt_that_cannot_be_read_is_told(prompt: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        course.time_machine(prompt)


def test_a_folder_without_a_run_is_told(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="has no snapshots of a run"):
        course.time_machine(folder=tmp_path)


def test_a_run_of_ones_own_is_shown_without_levels_too(tmp_path) -> None:
    theirs = asset("checkpoints/time_machine")
    for name in ("snapshot-000000.safetensors", "snapshot-003000.safetensors", "tokenizer.json", "measures.jsonl"):
        shutil.copy(theirs / name, tmp_path / name)
    view = course.time_machine(SHORT, folder=tmp_path)
    assert (view.steps, view.levels) == ([0, 3000], [])
