import dataclasses
import subprocess
import sys

import pytest

from minigpt import cli
from minigpt.training.loop import TrainConfig

SHORT = [
    "--size",
    "tiny",
    "--n-steps",
    "4",
    "--batch-size",
    "2",
    "--n-warmup",
    "1",
    "--eval-every",
    "2",
    "--save-every",
    "2",
]


def test_a_model_is_trained_on_a_file_and_then_writes(tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat, and the dog sat on the cat. " * 200, encoding="utf-8")
    assert cli.main(["train", str(text), "--folder", str(tmp_path / "run"), *SHORT]) == 0
    shown = capsys.readouterr().out
    assert "step      2" in shown
    assert "step      4" in shown
    assert "nats per token" in shown
    assert " MB (foretold " in shown
    model = str(tmp_path / "run" / "model")
    texts, words = [], ["sample", "the cat", "--model", model, "--tokens", "5", "--seed", "1"]
    for _ in range(2):
        assert cli.main(words) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0].startswith("the cat")
    assert texts[0] == texts[1]
    assert cli.main([*words, "--precision", "float32"]) == 0
    assert capsys.readouterr() == (texts[0], "float32, as asked\n")


def test_training_has_an_option_for_each_setting_and_its_default():
    parsed = cli.parser(with_training=True).parse_args(["train", "storyland", "--folder", "x"])
    assert {f.name: getattr(parsed, f.name) for f in dataclasses.fields(TrainConfig)} == dataclasses.asdict(
        TrainConfig()
    )
    parsed = cli.parser().parse_args(["train", "storyland", "--folder", "x", "--learning-rate", "0.5", "--compile"])
    assert (parsed.learning_rate, parsed.compile) == (0.5, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sample", "x", "--model", "no/such/folder"], "there is no file or folder"),
        (["sample", "x", "--precision", "int4"], "precision='int4': take one of float32, bfloat16, int8, auto"),
        (["train", "nonsense", "--folder", "x"], "nonsense"),
        (["train", "storyland", "--folder", "x", "--size", "huge"], "there is no size named 'huge'"),
        (["train", "storyland", "--folder", "x", "--n-steps", "0"], "n_steps=0: must be at least 1"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_no_traceback(capsys, words, message):
    assert cli.main(words) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith(f"minigpt {words[0]}: ")
    assert error.count("\n") == 1


def test_words_that_nobody_asked_for_are_refused_except_for_jupyterlab(monkeypatch):
    with pytest.raises(SystemExit):
        cli.main(["doctor", "--nonsense"])
    called = []
    monkeypatch.setattr(subprocess, "call", lambda command, cwd: called.append(command) or 0)
    assert cli.main(["lab", "--no-browser"]) == 0
    assert called[0][1:] == [str(cli.ROOT / "course.py"), "lab", "--no-browser"]


def test_help_and_doctor_come_up_without_torch():
    """Where torch is what is broken, the doctor must still speak."""
    program = "import sys; sys.modules['torch'] = None; from minigpt import cli; sys.exit(cli.main(['doctor']))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 1
    assert "FAIL  PyTorch" in result.stdout


def test_progress_is_shown(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    assert cli.main(["course"]) == 0
    assert "exercises passed" in capsys.readouterr().out
