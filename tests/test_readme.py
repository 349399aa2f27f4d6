"""The README tells the truth about what there is; `python -m tests.test_readme --write` writes its notebook table."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import course

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
TABLE = re.compile(r"(<!-- notebooks: .*? -->\n).*?(<!-- end of notebooks -->)", re.DOTALL)


def notebook_table() -> str:
    """A line for each notebook: its title and how long it takes, both from its first cell."""
    lines = ["| notebook | minutes |", "|---|---|"]
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        first = nbformat.read(path, as_version=4).cells[0].source
        title = re.search(r"^#+ +(.+)$", first, re.MULTILINE)
        minutes = re.search(r"(\d+(?: ?(?:to|-|\u2013) ?\d+)?) ?min", first)
        assert title, f"{path.name}: its first cell has no title"
        assert minutes, f"{path.name}: its first cell does not say how many minutes it takes"
        lines.append(f"| [{title[1]}](notebooks/{path.name}) | {minutes[1]} |")
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    return TABLE.sub(lambda found: found[1] + notebook_table() + found[2], text)


def tree() -> list[str]:
    """Paths in the annotated tree, e.g. "minigpt/config.py"."""
    block = re.search(r"## What lies where\n\n```\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    paths, folder = [], ""
    for line in block.splitlines():
        name = line.split()[0].rstrip("/")
        if line.startswith(" "):
            paths.append(f"{folder}/{name}")
        else:
            paths.append(folder := name)
    return paths


def tracked() -> set[str]:
    """What git holds, at the top and in minigpt/; hidden files and the package's own __init__ aside."""
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    top = {file.split("/")[0] for file in files}
    inside = {"/".join(file.split("/")[:2]) for file in files if file.startswith("minigpt/")}
    return {path for path in top | inside if not path.startswith(".") and path != "minigpt/__init__.py"}


def test_the_notebook_table_is_up_to_date():
    text = README.read_text(encoding="utf-8")
    assert TABLE.search(text)
    assert text == with_table(text), "run `python -m tests.test_readme --write`"


def test_the_tree_shows_what_there_is_and_nothing_else():
    assert set(tree()) == tracked() - {"README.md"}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_commands_in_the_text_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    verbs = re.findall(r"(?:make|course\.py) ([a-z-]+)", " ".join(re.findall(r"`[^`]+`|^make .*$", text, re.MULTILINE)))
    assert verbs
    assert set(verbs) <= set(course.VERBS)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "LICENSE-text.md", "assets/README.md"])
def test_files_that_the_text_names_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    paths = re.findall(r"`((?:tests|assets|minigpt|notebooks)/[\w./]+)`|\]\(([\w./-]+)\)", text)
    for path in filter(None, sum(paths, ())):
        assert (ROOT / path).exists(), path


def test_the_cell_for_a_readers_own_model_runs(tmp_path, monkeypatch):
    transformers, tokenizers = pytest.importorskip("transformers"), pytest.importorskip("tokenizers")
    cell = re.search(
        r"## The heads of your own model\n.*?```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL
    )
    letters = tokenizers.ByteLevelBPETokenizer()
    letters.train_from_iterator(["a red ball"], vocab_size=260)
    sizes = dict(vocab_size=letters.get_vocab_size(), n_embd=8, n_head=2, n_layer=2, bos_token_id=0, eos_token_id=0)
    names = dict(
        model=transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes)),
        tokenizer=transformers.PreTrainedTokenizerFast(tokenizer_object=letters._tokenizer),
    )
    monkeypatch.chdir(tmp_path)
    exec(cell[1], names)
    assert names["view"].score == "previous token"
    assert (tmp_path / "heads.html").stat().st_size > 10_000


if __name__ == "__main__":
    assert sys.argv[1:] == ["--write"], __doc__
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
