"""Every notebook keeps the rules of style, and each rule is seen to bite on a made-up notebook."""

import subprocess

import pytest

from . import style, tree
from .made_up import code, good_cells, markdown, printed, save, shown
from .notebooks import Cell, all_notebooks, code_lines, n_words


@pytest.mark.parametrize("path", all_notebooks(), ids=lambda path: path.name)
def test_the_notebook_keeps_the_rules(path):
    assert style.complaints(path) == []


def test_every_file_of_the_repository_keeps_the_rules():
    assert list(tree.complaints()) == []


def test_a_made_up_notebook_that_keeps_the_rules_passes(tmp_path):
    assert style.complaints(save(tmp_path, good_cells())) == []


def bad(change):
    """The good cells, changed."""
    cells = good_cells()
    change(cells)
    return cells


PNG = {"image_png": "iVBORw0KGgo="}
STARTS = "the first code cell is imports"
BREACHES = [
    ("29 cells", lambda cells: cells.__delitem__(slice(29, None))),
    ("61 cells", lambda cells: cells.extend(markdown("x") for _ in range(29))),
    ("bytes: a notebook stays under", lambda cells: cells[3].update(outputs=[printed("x" * 500_000)])),
    ("cell 4: 13 lines of code, the limit is 12", lambda cells: cells[3].update(source="x = 1\n" * 13)),
    (
        "cell 4: 26 lines of code, the limit is 25",
        lambda cells: cells[3].update(source="class A:\n" + "    x = 1\n" * 25),
    ),
    ("cell 5: code without prose", lambda cells: cells.insert(4, code("x = 1"))),
    ("cell 4: 81 words of prose", lambda cells: cells[2].update(source="word " * 81)),
    ("cell 5: 82 words", lambda cells: (cells[2].update(source="word " * 41), cells.insert(2, markdown("word " * 41)))),
    ("never say 'Simply'", lambda cells: cells[2].update(source="Simply multiply.")),
    ("never say 'just'", lambda cells: cells[2].update(source="## It is just a sum")),
    ("never say 'obviously'", lambda cells: cells[2].update(source="<details>This obviously helps.</details>")),
    (STARTS, lambda cells: cells[1].update(source='from minigpt import course\ncourse.start("06")')),
    (STARTS, lambda cells: cells[1].update(source='from minigpt import course\nx = 1\ncourse.start("05")')),
    (STARTS, lambda cells: cells[1].update(source='from minigpt import course\ncourse.start("05")\nx = 1')),
    ("`from minigpt import course`", lambda cells: cells[1].update(source='course.start("05")')),
    ("cells need ids", lambda cells: cells[3].update(id="cell-4")),
    (
        "cell 4: a warning stands in its output, 'deprecated",
        lambda cells: cells[3]["outputs"].append(printed("deprecated") | {"name": "stderr"}),
    ),
    ("cell 4: execution counts", lambda cells: cells[3].update(execution_count=7)),
    ("cell 4: times of execution", lambda cells: cells[3].update(metadata={"execution": {"iopub.busy": "now"}})),
    ("cell 4: its output is missing", lambda cells: cells[3].update(outputs=[])),
    ("cell 4: its output is missing", lambda cells: cells[3].update(source="x = 1\nx + 1", outputs=[])),
    (
        "cell 4: ended with ValueError",
        lambda cells: cells[3].update(outputs=[{"output_type": "error", "ename": "ValueError"}]),
    ),
    ("folder of this machine, /home/", lambda cells: cells[3].update(outputs=[printed("saved in /home/ana/x")])),
    ("cell 3: a picture without", lambda cells: cells[2].update(source="![](heads.svg)")),
    ("cell 3: an <img> without", lambda cells: cells[2].update(source='<img src="heads.svg">')),
    ("cell 4: a figure without", lambda cells: cells[3].update(outputs=[shown(**PNG)])),
    ("cell 4: an <img> without", lambda cells: cells[3].update(outputs=[shown(text_html='<img src="x" alt=" ">')])),
    ("cell 4: an <svg> with neither", lambda cells: cells[3].update(outputs=[shown(text_html="<svg><path/></svg>")])),
    (
        "cell 4: a live widget",
        lambda cells: cells[3].update(outputs=[shown(**{"application_vnd.jupyter.widget-view__json": ""})]),
    ),
    ("names a package registry", lambda cells: cells[2].update(source="From https://py" + "pi.org/simple")),
]


@pytest.mark.parametrize(("complaint", "change"), BREACHES, ids=[complaint for complaint, _ in BREACHES])
def test_a_rule_bites(complaint, change, tmp_path):
    found = style.complaints(save(tmp_path, bad(change)))
    assert len(found) == 1
    assert complaint in found[0]


ALLOWED = {
    "a class of 25 lines": lambda cells: cells[3].update(source="class A:\n" + "    x = 1\n" * 24),
    "comments, blank lines and docstrings are no code": lambda cells: cells[3].update(
        source='def f():\n    """Says\n    much."""\n' + "    # why\n\n    x = 1\n" * 11
    ),
    "exercises explain at length": lambda cells: cells[2].update(source="word " * 200, metadata={"tags": ["exercise"]}),
    "what is folded is not counted": lambda cells: cells[2].update(
        source="Why.\n<details><summary>Hint</summary>\n" + "word " * 200 + "</details>"
    ),
    "code and adjustment may hold the words": lambda cells: cells[2].update(
        source="Call `just()` or\n\n```python\nsimply = 1\n```\n\nafter the adjustment."
    ),
    "a described figure": lambda cells: cells[3].update(
        outputs=[{**shown(**PNG), "metadata": {"image/png": {"alt": "the weights of four tokens"}}}]
    ),
    "a picture with its description beside it": lambda cells: cells[3].update(
        outputs=[shown(**PNG, text_html='<img src="data:image/png;base64,/tmp/" alt="the weights">')]
    ),
    "an svg with a name": lambda cells: cells[3].update(
        outputs=[shown(text_html='<svg role="img" aria-label="weights"></svg><svg><title>weights</title></svg>')]
    ),
    "lines for IPython": lambda cells: cells[3].update(source="%matplotlib inline\nx = 1"),
    "a value ended by a semicolon": lambda cells: cells[3].update(source="x = 1\nx;", outputs=[]),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_what_is_allowed_passes(case, tmp_path):
    assert style.complaints(save(tmp_path, bad(ALLOWED[case]))) == []


def test_words_are_counted_as_a_reader_counts_them():
    assert n_words("# Title\n\nThe *query* `q @ k.T` meets\n\n| a | b |\n|---|---|\n\n![alt text](x.svg) $a + b$.") == 5
    assert n_words("[The paper](https://example.org/a-b) says:\n\n```\nno words here\n```\n\n$$x = 1$$") == 3


def test_lines_of_code_are_counted_by_what_they_hold():
    cell = Cell(1, code('x = [\n    1,\n\n    # two\n    2,\n]\n"""A\ntext."""\ny = """a\nb"""'))
    assert code_lines(cell) == 6


def test_the_tree_lock_bites(tmp_path):
    (tmp_path / "a.md").write_text("see files.python" + "hosted.org")
    (tmp_path / "b.txt").write_text("see pypi dot org, mypypi.organic")
    with open(tmp_path / "c.bin", "wb") as file:
        file.truncate(30_000_001)
    (tmp_path / "d.txt").symlink_to("b.txt")
    found = sorted(tree.complaints(tmp_path))
    assert [line.split(":")[0] for line in found] == ["a.md", "c.bin", "d.txt"]


def test_the_tree_lock_looks_at_what_git_would_keep(tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True, timeout=30)
    (tmp_path / ".gitignore").write_text("ignored.txt\n")
    for name in ("ignored.txt", "kept.txt"):
        (tmp_path / name).write_text("npm" + "js.org")
    assert [line.split(":")[0] for line in tree.complaints(tmp_path)] == ["kept.txt"]
