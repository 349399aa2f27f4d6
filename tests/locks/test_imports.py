"""The import table holds, and is seen to bite on made-up packages."""

import subprocess
import sys

import pytest

from .imports import DISPLAY, HEAVY, MAY_IMPORT, PACKAGE, PARTS, ROOT, violations


def test_the_package_imports_only_backwards_along_the_way_of_the_text():
    assert violations() == []


def test_every_part_of_the_package_is_in_the_table():
    parts = {file.stem for file in PACKAGE.iterdir() if file.suffix == ".py" or (file / "__init__.py").exists()}
    assert parts <= set(MAY_IMPORT)


@pytest.mark.parametrize(
    ("file", "code", "complaint"),
    [
        ("config.py", "import minigpt.models.gpt", "`config` may not import `models`"),
        ("text/a.py", "from minigpt.config import GPTConfig", "`text` may not import `config`"),
        ("text/a.py", "from ..models import gpt", "`text` may not import `models`"),
        ("text/a.py", "from minigpt import models", "`text` may not import `models`"),
        ("text/deep/a.py", "from ... import models", "`text` may not import `models`"),
        ("models/a.py", "def f():\n    from minigpt.weights import load", "`models` may not import `weights`"),
        ("views/a.py", "def f():\n    import torch.nn as nn", "`views` never imports torch"),
        ("views/a.py", "class A:\n    def f(self):\n        import minigpt.models", "`views` may not import `models`"),
        ("views/a.py", "import importlib\nimportlib.import_module('minigpt.models')", "`views` may not import"),
        ("views/a.py", "if TYPE_CHECKING:\n    from minigpt.models import gpt", "`views` may not import `models`"),
        ("views/a.py", "import minigpt", "import the part that is needed"),
        ("sampling.py", "from minigpt.weights import load", "`sampling` may not import `weights`"),
        ("training/a.py", "from minigpt.evaluation import tasks", "`training` may not import `evaluation`"),
        ("training/a.py", "from minigpt.course import checks", "`training` may not import `course`"),
        ("weights.py", "from transformers import GPT2Model", "transformers is heavy or optional"),
        ("weights.py", "try:\n    import huggingface_hub\nexcept ImportError:\n    pass", "huggingface_hub is heavy"),
        ("views/a.py", "import bertviz.util", "bertviz is heavy or optional"),
        ("course/a.py", "import nbgrader", "nbgrader is heavy or optional"),
        ("inspection/a.py", "import matplotlib.pyplot as plt", "matplotlib is heavy or optional"),
        ("novelty/a.py", "", "does not know the part `novelty`"),
    ],
)
def test_the_table_bites(tmp_path, file, code, complaint):
    assert [line for line in violations(package_with(tmp_path, file, code)) if complaint in line]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("text/a.py", "from minigpt.text import b\nfrom minigpt.assets import asset\nfrom .b import c\nimport json"),
        ("weights.py", "def f():\n    import transformers\n    return transformers"),
        ("weights.py", "if TYPE_CHECKING:\n    import transformers"),
        ("views/a.py", "import anywidget\nimport numpy\nimport matplotlib\nfrom minigpt.views import b"),
        ("course/a.py", "import torch\nfrom minigpt import views\nfrom minigpt.training.loop import train"),
        ("cli.py", "from minigpt import course"),
    ],
)
def test_the_table_lets_through_what_it_allows(tmp_path, file, code):
    assert violations(package_with(tmp_path, file, code)) == []


def package_with(folder, file, code):
    package = folder / "minigpt"
    (package / file).parent.mkdir(parents=True, exist_ok=True)
    (package / file).write_text(code)
    return package


@pytest.mark.slow
def test_importing_the_core_does_not_import_what_is_heavy():
    """All modules from text to evaluation, in a process of their own, after torch."""
    files = [file for part in PARTS for file in [PACKAGE / f"{part}.py", *(PACKAGE / part).rglob("*.py")]]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files if file.exists()]
    modules = [name.removesuffix(".__init__") for name in names]
    code = (
        f"import torch, sys; before = set(sys.modules); import {', '.join(modules)}; print(*set(sys.modules) - before)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert "minigpt" in loaded, "the list of loaded modules was read wrongly"
    assert loaded & (HEAVY | DISPLAY | {"tokenizers", "tiktoken", "jupyterlab", "pandas", "scipy", "mpld3"}) == set()
