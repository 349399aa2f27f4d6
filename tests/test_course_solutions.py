"""Each exercise stands in its notebook: a stub that is not started, three hints, and a solution that passes its check.

A cell that calls `course.check("05.row", my_row)` begins an exercise; hints and solution are `<details>` in the
Markdown below it, up to the next such cell. The solution is one block of Python, run with the imports of the notebook.
"""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from minigpt import course
from minigpt.course.exercises import all_exercises

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
DETAILS = re.compile(r"<details[^>]*>\s*<summary>(.*?)</summary>(.*?)</details>", re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass
class Written:
    """An exercise as its notebook has it."""

    id: str
    stub: str
    answer: str
    """What is given to the check, an expression."""
    folded: dict[str, str] = field(default_factory=dict)
    """Summary -> Markdown."""

    @property
    def solution(self) -> str:
        blocks = PYTHON.findall(self.folded["Solution"])
        assert len(blocks) == 1, f"{self.id}: a solution is one block of Python, not {len(blocks)}"
        return blocks[0]


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))


def exercises_in(notebook) -> dict[str, Written]:
    """Id -> exercise; the first check of an exercise is its stub's."""
    found: dict[str, Written] = {}
    current = None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(re.sub(r"^\s*[%!].*$", "pass", cell.source, flags=re.MULTILINE))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "course.check":
                    id, answer = ast.literal_eval(node.args[0]), ast.unparse(node.args[1])
                    current = found.setdefault(id, Written(id, cell.source, answer))
        elif current is not None:
            current.folded |= {title.strip(): text for title, text in DETAILS.findall(cell.source)}
    return found


def imports_of(notebook) -> str:
    """All import statements of the notebook."""
    trees = [
        ast.parse(re.sub(r"^\s*[%!].*$", "pass", c.source, flags=re.M)) for c in notebook.cells if c.cell_type == "code"
    ]
    nodes = [node for tree in trees for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(ast.unparse(node) for node in nodes)


def checked(imports: str, code: str, written: Written):
    """Run the code as a notebook would, and check what it defines."""
    names: dict[str, object] = {}
    exec(imports, names)
    names["course"] = course
    exec(code, names)
    return course.check(written.id, eval(written.answer, names))


def complaints(notebook, number: str) -> list[str]:
    """What is wrong with the exercises of a notebook."""
    written, imports = exercises_in(notebook), imports_of(notebook)
    wanted = [id for id in all_exercises() if id.startswith(number)]
    problems = [f"{id}: no cell checks it" for id in wanted if id not in written]
    problems += [f"{id}: there is no such exercise in nb{number}.py" for id in written if id not in wanted]
    for one in (written[id] for id in wanted if id in written):
        missing = [title for title in ("Hint 1", "Hint 2", "Hint 3", "Solution") if title not in one.folded]
        if missing:
            problems.append(f"{one.id}: below its check there is no {', '.join(missing)}")
        if (result := checked(imports, one.stub, one)).status != "not started":
            problems.append(f"{one.id}: its stub is {result.status}")
        if "Solution" in one.folded and not (result := checked(imports, one.solution, one)).passed:
            problems.append(f"{one.id}: its solution does not pass: {result.message}")
    return problems


@pytest.mark.parametrize("number", sorted({id[:2] for id in all_exercises()}))
def test_every_exercise_has_a_stub_three_hints_and_a_solution_that_passes(number):
    files = list(NOTEBOOKS.glob(f"{number}_*.ipynb"))
    if not files:
        pytest.skip(f"notebook {number} is not written yet")
    assert complaints(nbformat.read(files[0], as_version=4), number) == []


# ---- the test is seen to bite


HINTS = "".join(f"<details><summary>Hint {n}</summary>\n\nLook.\n\n</details>\n" for n in (1, 2, 3))
SOLVED = {
    "00.likeliest": ("likeliest", "def likeliest(probs, tokens):\n    return tokens[np.argmax(probs)]"),
    "00.looks": ("looks_at", "def looks_at(weights, tokens, t):\n    return tokens[weights[t].argmax()]"),
}


def made_up(changes=lambda cells: None):
    cells = [new_code_cell("import numpy as np\nfrom minigpt import course\n%matplotlib inline")]
    for id, (name, solution) in SOLVED.items():
        stub = solution.partition("\n")[0] + "\n    return ..."
        cells += [
            new_code_cell(f'{stub}\n\n\ncourse.check("{id}", {name})'),
            new_markdown_cell(HINTS),
            new_markdown_cell(f"<details><summary>Solution</summary>\n\n```python\n{solution}\n```\n\n</details>"),
        ]
    changes(cells)
    return new_notebook(cells=cells)


def test_a_made_up_notebook_that_has_everything_passes():
    assert complaints(made_up(), "00") == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda cells: cells.pop(1), "00.likeliest: no cell checks it"),
        (lambda cells: cells.pop(2), "00.likeliest: below its check there is no Hint 1, Hint 2, Hint 3"),
        (lambda cells: cells.pop(6), "00.looks: below its check there is no Solution"),
        (lambda cells: edit(cells[3], "argmax", "argmin"), "00.likeliest: its solution does not pass"),
        (lambda cells: edit(cells[4], "return ...", "return 3"), "00.looks: its stub is contract"),
        (
            lambda cells: cells.append(new_code_cell('course.check("05.row", None)')),
            "05.row: there is no such exercise in nb00.py",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_named(change, complaint):
    found = complaints(made_up(change), "00")
    assert [line for line in found if line.startswith(complaint)], found


def edit(cell, old, new):
    cell.source = cell.source.replace(old, new)
