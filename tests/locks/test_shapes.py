"""Every shape comment of the package is true when its module runs on small examples; and the lock is seen to bite."""

import importlib
import re
import sys

import pytest
import torch

from .imports import PACKAGE, ROOT
from .shape_examples import EXAMPLES, SIZES
from .shapes import WORDS, ShapeError, checked, legend, shape_comments

SOURCES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts): file.read_text(encoding="utf-8")
    for file in sorted(PACKAGE.rglob("*.py"))
}
COMMENTED = {name: ROOT / f"{name.replace('.', '/')}.py" for name in SOURCES if shape_comments(SOURCES[name])}


@pytest.fixture(scope="module")
def log():
    """What happened when all examples ran, with the comments of all modules as checks."""
    with checked(COMMENTED, SIZES) as log:
        for name in COMMENTED:
            try:
                importlib.import_module(name)
                EXAMPLES.get(name, lambda: None)()
            except ShapeError as failure:
                log.failures.append(str(failure))
    return log


def test_every_shape_comment_is_true(log):
    assert log.failures == []
    assert log.reached, "the examples have checked nothing"


def test_every_shape_comment_is_reached_by_an_example(log):
    assert log.unreached() == []


def test_the_examples_give_different_letters_different_sizes(log):
    assert log.never_different() == []


@pytest.mark.parametrize("name", COMMENTED)
def test_a_module_with_shape_comments_explains_its_letters(name):
    letters = set(re.findall("[A-Z]", str(list(shape_comments(SOURCES[name]).values()))))
    explained = legend(SOURCES[name])
    assert letters - set(explained) == set(), "the docstring's line `Shapes: B batch, T time` has to explain these"
    assert all(text.startswith(WORDS.get(letter, text)) for letter, text in explained.items())


def test_every_model_has_a_legend():
    models = [name for name in SOURCES if name.startswith("minigpt.models.") and "import torch" in SOURCES[name]]
    assert models
    assert [name for name in models if not legend(SOURCES[name])] == []


def test_the_package_is_the_usual_one_again_afterwards(log):
    module = sys.modules.get("minigpt.models.gpt") or importlib.import_module("minigpt.models.gpt")
    assert "ShapeFrame" not in vars(module)


# The lock bites


@pytest.mark.parametrize("name", ["minigpt.models.attention", "minigpt.models.blocks", "minigpt.models.gpt"])
def test_each_comment_of_the_model_is_found_false_when_two_letters_are_swapped(name, tmp_path):
    lines = SOURCES[name].splitlines(keepends=True)
    for number, shapes in shape_comments(SOURCES[name]).items():
        code = lines[number - 1].rpartition("  # ")[0]
        *before, a, b = shapes[0]  # (B, T, C) becomes (B, C, T)
        swapped = ", ".join(str(shape).replace("'", "") for shape in [(*before, b, a), *shapes[1:]])
        file = tmp_path / "module.py"
        file.write_text("".join([*lines[: number - 1], f"{code}  # {swapped}\n", *lines[number:]]), encoding="utf-8")
        with checked({name: file}, SIZES), pytest.raises(ShapeError, match=f"module.py:{number}: "):
            EXAMPLES[name]()


def run(tmp_path, body, *args, n_calls=1):
    """Load a module `f(...)` with this body and call it; returns the log."""
    file = tmp_path / "made_up.py"
    file.write_text("import torch\n\n" + body)
    with checked({"made_up": file}) as log:
        made_up = importlib.import_module("made_up")
        for _ in range(n_calls):
            made_up.f(*args)
    return log


X = torch.zeros(2, 5, 12)


@pytest.mark.parametrize(
    "body",
    [
        "def f(x):\n    x = x.transpose(0, 1)  # (T, B, C)\n    return x.transpose(0, 1)  # (B, T, C)",
        "def f(x):\n    q, k, v = x, x, x  # (B, T, C)",
        "def f(x):\n    q, k = x, x[0]  # (B, T, C), (T, C)\n    return q, k  # (B, T, C), (T, C)",
        "def f(x):\n    x = torch.cat([x, x, x], -1)  # (B, T, 3C)\n    x = x[..., :12]  # (B, T, C): a third",
        "def f(x):\n    L = 2\n    x = torch.stack([x] * 3)  # (L+1, B, T, C)",
        "def f(x):\n    x = x  # (..., C)\n    y = x[0, 0]  # (C)\n    z = x.sum()  # ()",
        "def f(x):\n    x = x.view(2, 5, 3, 4)  # (B, T, H, D)\n    x = x.flatten(2)  # (B, T, H·D)",
        "def f(x):\n    a = x  # (B, T, C)\n    a = torch.cat([a, a], 1)  # (B, T, C)",
        "def f(x):\n    for row in x:  # (T, C)\n        row += 1  # (T, C)",
        "def f(\n    x,  # (B, T, C)\n    mask=None,  # (B, T)\n):\n    return x  # (B, T, C)",
        "def f(x):\n    if True:\n        x = x  # (B, T, C)\n    with torch.no_grad():\n        x = x  # (B, T, C)",
        "def f(x):\n    def g(x):\n        return x  # (B, T)\n    return g(x[0])  # (T, C)",
        "class A:\n    def g(self, x):\n        'Says.'\n        return x  # (B, T, C)\ndef f(x):\n    A().g(x)",
        "def f(x):\n    y = None  # (B, T)\n    x = x  # (a word in brackets is no shape)",
    ],
)
def test_true_comments_pass(tmp_path, body):
    assert run(tmp_path, body, X).written


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("def f(x):\n    x = x  # (B, T)", r"says \(B, T\), the value is \(2, 5, 12\)"),
        ("def f(x):\n    x = x  # (B, T, C)\n    x = x.mT  # (B, T, C)", r"B=2, C=12, T=5"),
        ("def f(x):\n    B, T, C = x.shape\n    return x.transpose(0, 1)  # (B, T, C)", r"the value is \(5, 2, 12\)"),
        ("def f(x):\n    q, k = x, x.mT  # (B, T, C)", r"says \(B, T, C\)"),
        ("def f(x):\n    q, k = x, x  # (B, T, C), (B, T, C), (B, T, C)", "3 shapes for 2 values"),
        ("def f(x):\n    x = x  # (B, T, 4C)\n    x = x  # (B, T, C)", r"says \(B, T, C\)"),
        ("def f(x):\n    x = x  # (B, T, 5C)", r"says \(B, T, 5C\)"),
        ("def f(x):\n    x = x  # (B, T, H·D)", "before its letters stand alone"),
        ("def f(x):\n    a = x  # (B, T, C)\n    a = torch.cat([a[:, :1]])  # (B, T, C)", r"the value is \(2, 1, 12\)"),
        ("def f(x):\n    for row in x:  # (C, T)\n        row = row  # (T, C)", r"says \(T, C\)"),
        ("def f(\n    x,  # (B, T)\n):\n    return x", r"says \(B, T\)"),
        ("def f(x):\n    x = x.tolist()[0][0][0]  # (B)", "a float has no shape"),
        ("def f(x):\n    x.relu_()  # (B, T, C)", "nothing can check"),
        ("y = torch.zeros(2)  # (B)\ndef f(x):\n    return x", "nothing can check"),
    ],
)
def test_false_comments_are_found(tmp_path, body, complaint):
    with pytest.raises(ShapeError, match=complaint):
        run(tmp_path, body, X)


def test_a_letter_may_change_from_call_to_call(tmp_path):
    body = "def f(x):\n    return g(x), g(x.mT)\n\n\ndef g(x):\n    return x  # (B, T, C)"
    assert [call["T"] for call in run(tmp_path, body, X).calls["made_up.py", "g"]] == [5, 12]


def test_a_comment_that_no_example_reaches_is_named(tmp_path):
    log = run(tmp_path, "def f(x):\n    if x is None:\n        x = x  # (B, T)\n    return x  # (B, T, C)", X)
    assert log.unreached() == ["made_up.py:5: no example reaches (B, T)"]


def test_letters_that_always_have_the_same_size_are_named(tmp_path):
    log = run(tmp_path, "def f(x):\n    return x  # (B, T, C)", torch.zeros(3, 3, 4))
    assert log.never_different() == ["made_up.py: in `f` the examples never give B and T different sizes"]


def test_the_legend_is_read_from_the_docstring():
    source = '"""Title.\n\nShapes: B batch, T time (so far),\nC channels per head (C = H·D). More.\n"""'
    assert legend(source) == {"B": "batch", "T": "time (so far)", "C": "channels per head (C = H·D)"}
    assert legend('"""Title."""') == {}
