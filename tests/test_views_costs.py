"""The calculator of costs: what it asks, what it says, what it refuses; the course's own, against the formulas."""

import pytest

from minigpt import course, views
from minigpt.config import SIZES, GPTConfig
from minigpt.course.speed import RUN
from minigpt.training import costs
from tests.made_up import Tags

SMALL = {"n_layer": 2, "n_head": 3, "n_embd": 6, "n_ctx": 5, "n_vocab": 11}
OTHER = {"n_layer": 4, "n_head": 1, "n_embd": 7, "n_ctx": 8, "n_vocab": 12}


def ask(settings):
    """Made up: the operations grow with the blocks."""
    n = settings["n_layer"]
    parts = {"weights": 3e9 * n, "</script><script>alert(1)</script>": 1e9}
    return {"n_params": 1000 * n, "per_token": 6e6, "in_all": 6e15, "hours": 72.0, "parts": parts, "later": 2e6}


def make(function=ask, **changes):
    return views.costs(function, {**RUN, **SMALL} | changes, {"small": SMALL, "other": OTHER}, "small")


def test_the_answer_is_said_in_words():
    view = make()
    assert view.result["words"] == (
        "2,000 parameters; 6 MFLOP for each token of training. At most 7 GB of memory in each process. "
        "All tokens: 6 · 10¹⁵ operations, 3.0 days."
    )
    assert view.result["parts"][0] == ["weights", 6e9, "6 GB"]
    assert view.result["later"] == "2 MB"


def test_another_number_asks_again():
    view = make()
    view.settings = {**view.settings, "n_layer": 5}
    assert view.result["words"].startswith("5,000 parameters")
    assert view.error == ""


BAD = [
    ({"n_layer": 0}, "blocks: a whole number from 1 to 1,000,000,000, not 0"),
    ({"n_layer": 2.5}, "not 2.5"),
    ({"n_embd": None}, "width: a whole number from 1 to 1,000,000,000, not None"),
    ({"utilisation": 1.5}, "a number above 0 and at most 1, not 1.5"),
    ({"teraflops": -1}, "not -1"),
    ({"precision": "int3"}, "take float32 or bfloat16"),
    ({"more": 1}, "settings are"),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[message for _, message in BAD])
def test_a_number_that_cannot_be_is_told_and_the_last_answer_stays(changes, message):
    view = make()
    before = view.result
    view.settings = {**view.settings, **changes}
    assert message in view.error
    assert view.result == before
    view.settings = {**RUN, **SMALL}
    assert view.error == ""


def test_a_mistake_in_the_first_numbers_belongs_to_the_caller():
    with pytest.raises(ValueError, match="not 0"):
        views.costs(ask, {**RUN, **SMALL, "n_head": 0}, {})
    with pytest.raises(ValueError, match="no preset 'large'"):
        views.costs(ask, {**RUN, **SMALL}, {"small": SMALL}, "large")
    with pytest.raises(ValueError, match="preset 'x' has n_layer: it needs"):
        views.costs(ask, {**RUN, **SMALL}, {"x": {"n_layer": 1}})


def test_a_saved_notebook_answers_for_every_preset_and_its_face_has_them_in_a_table(monkeypatch):
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    view = make()
    answers = view.stored()["answers"]
    assert {name: answer["words"].split(" ")[0] for name, answer in answers.items()} == {
        "small": "2,000",
        "other": "4,000",
    }
    tags = [tag for tag, _ in Tags(view._repr_mimebundle_()["text/html"]).found]
    assert tags.count("tr") == 3
    assert "script" not in tags


def test_the_courses_calculator_says_what_the_formulas_say():
    view = course.cost_calculator("gpt2-medium")
    config = GPTConfig.named("gpt2-medium")
    need = costs.memory(config, RUN["batch_size"])
    assert view.result["words"].startswith(f"{config.n_params():,} parameters; ")
    assert sum(n_bytes for _, n_bytes, _ in view.result["parts"]) == need.peak
    assert set(view.presets) == set(SIZES)


def test_the_parts_are_the_peak_also_where_gradients_are_more_than_what_was_kept():
    view = course.cost_calculator()
    tiny = {"n_layer": 3, "n_head": 2, "n_embd": 64, "n_ctx": 1, "n_vocab": 2, "batch_size": 1}
    view.settings = {**view.settings, **tiny}
    config = GPTConfig(**{name: tiny[name] for name in SMALL})
    assert sum(n_bytes for _, n_bytes, _ in view.result["parts"]) == costs.memory(config, 1).peak
    assert "gradients" in [name for name, *_ in view.result["parts"]]
    assert view.result["later"] == ""


def test_twice_the_processes_take_half_the_time_and_under_fsdp_hold_half():
    view = course.cost_calculator()
    one = view.result["parts"][0][1]
    view.settings = {**view.settings, "n_processes": 2, "batch_size": 16, "parallel": "fsdp", "billion_tokens": 20}
    assert view.result["parts"][0][1] == one // 2
    assert view.result["words"].endswith("2.5 days.")  # as one process with half the tokens


def test_the_courses_calculator_tells_in_the_view_what_no_model_can_be():
    view = course.cost_calculator()
    view.settings = {**view.settings, "n_head": 7}
    assert "n_embd=768 cannot be shared out to n_head=7 heads" in view.error
    view.settings = {**view.settings, "n_head": 12, "n_processes": 3}
    assert "batch_size=8, n_processes=3" in view.error
