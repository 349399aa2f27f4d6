"""What every notebook of the course looks like. Each rule is a function that yields complaints.

Exempt from the word limit: the title cell (the first), cells tagged `exercise`, `hints` or `solution`, and what is
folded into `<details>`. Headings, tables, code and formulas are no prose. All other rules know no exception.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

from .notebooks import Cell, Notebook, code_lines, n_words, prose, text
from .tree import REGISTRY

N_CELLS = range(30, 61)
MAX_CODE, MAX_CODE_OF_A_CLASS = 12, 25
MAX_WORDS = 80
MAX_BYTES = 500_000
FORBIDDEN = re.compile(r"\b(simply|just|obviously)\b", re.IGNORECASE)
EXEMPT = {"exercise", "hints", "solution"}
MACHINE_PATH = re.compile(r"(?<![\w.])(/home/|/root/|/Users/|/work/|/tmp/|[A-Z]:\\\\?Users)")

Rule = Callable[[Notebook], Iterator[str]]


def complaints(path: Path) -> list[str]:
    """One sentence for each rule that the notebook breaks, with the cell."""
    notebook = Notebook(path)
    return [f"{path.name}: {complaint}" for rule in RULES for complaint in rule(notebook)]


def length(notebook: Notebook) -> Iterator[str]:
    """30 to 60 cells without those of the exercises, which are not read through but worked on; under 500 KB."""
    n = sum(not (EXEMPT | {"stub"}) & set(cell.tags) for cell in notebook.cells)
    if n not in N_CELLS:
        yield f"{n} cells without exercises: a notebook has {N_CELLS[0]} to {N_CELLS[-1]}"
    if (size := notebook.path.stat().st_size) >= MAX_BYTES:
        yield f"{size:,} bytes: a notebook stays under {MAX_BYTES:,}; draw small figures as SVG, others coarser"


def code(notebook: Notebook) -> Iterator[str]:
    """At most 12 lines of code in a cell, 25 where it defines a class; the imports of the first cell do not count."""
    for cell in notebook.code_cells[1:]:
        is_class = any(isinstance(node, ast.ClassDef) for node in cell.tree.body)
        limit = MAX_CODE_OF_A_CLASS if is_class else MAX_CODE
        if (n := code_lines(cell)) > limit:
            yield f"cell {cell.number}: {n} lines of code, the limit is {limit}"


def words(notebook: Notebook) -> Iterator[str]:
    """Prose before each code cell, at most 80 words of it, none of the words that make a reader feel slow."""
    n, before = 0, None
    for cell in notebook.cells:
        if cell.is_code:
            if before is None or not before.is_markdown:
                yield f"cell {cell.number}: code without prose before it"
            if n > MAX_WORDS:
                yield f"cell {cell.number}: {n} words of prose before this code, the limit is {MAX_WORDS}"
            n = 0
        elif cell.is_markdown:
            if cell.number > 1 and not EXEMPT & set(cell.tags):
                n += n_words(cell.source)
            for found in FORBIDDEN.findall(prose(cell.source, folded=True) + headings(cell)):
                yield f"cell {cell.number}: never say {found!r} to somebody who learns"
        before = cell


def headings(cell: Cell) -> str:
    """Headings and table rows, which `prose` leaves out."""
    return "\n".join(re.findall(r"^\s*(?:#+ |\|).*$", re.sub(r"```.*?```", "", cell.source, flags=re.S), re.M))


def start(notebook: Notebook) -> Iterator[str]:
    """The first code cell: imports, maybe a seed, and `course.start("05")` with the notebook's number."""
    number = notebook.path.name[:2]
    body = notebook.code_cells[0].tree.body if notebook.code_cells else []
    rest = [ast.unparse(node) for node in body if not isinstance(node, ast.Import | ast.ImportFrom)]
    seeds = [line for line in rest[:-1] if re.fullmatch(r"torch\.manual_seed\(\d+\)", line)]
    if not rest or rest[-1] != f"course.start('{number}')" or rest[:-1] != seeds:
        yield f'the first code cell is imports, maybe torch.manual_seed(0), and at its end course.start("{number}")'
    froms = [node for node in body if isinstance(node, ast.ImportFrom) and node.module == "minigpt"]
    if not any(name.name == "course" and name.asname is None for node in froms for name in node.names):
        yield "the first code cell imports with `from minigpt import course`"


def saved(notebook: Notebook) -> Iterator[str]:
    """Cell ids, outputs, and nothing that changes from run to run or from machine to machine."""
    ids = [cell.raw.get("id") for cell in notebook.cells]
    if None in ids or len(set(ids)) < len(ids) or notebook.raw.get("nbformat_minor", 0) < 5:
        yield "cells need ids of their own: save it with nbformat 4.5 or later"
    for cell in notebook.code_cells:
        if cell.raw.get("execution_count") or any(output.get("execution_count") for output in cell.outputs):
            yield f"cell {cell.number}: execution counts are not committed, the pre-commit hook strips them"
        if "execution" in cell.raw.get("metadata", {}):
            yield f"cell {cell.number}: times of execution are not committed"
        if shows_something(cell) and not cell.outputs:
            yield f"cell {cell.number}: its output is missing, execute the notebook before committing it"
        for output in cell.outputs:
            if output["output_type"] == "error":
                yield f"cell {cell.number}: ended with {output.get('ename')}"
            if output.get("name") == "stderr":
                yield f"cell {cell.number}: a warning stands in its output, {''.join(output['text'])[:60]!r}…"
            if match := MACHINE_PATH.search(without_data_uris(output)):
                yield f"cell {cell.number}: its output names a folder of this machine, {match[0]}…"


def shows_something(cell: Cell) -> bool:
    """True if the cell prints outside functions, or ends with a value."""
    body = cell.tree.body
    if not body or cell.source.rstrip().endswith(";"):
        return False
    values = ast.Name | ast.Attribute | ast.Subscript | ast.BinOp | ast.Compare | ast.Tuple | ast.List | ast.JoinedStr
    if isinstance(body[-1], ast.Expr) and isinstance(body[-1].value, values):
        return True
    calls = [node.value for node in body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    return any(ast.unparse(call.func) in ("print", "display") for call in calls)


def widgets(notebook: Notebook) -> Iterator[str]:
    """A saved notebook holds the static face of a widget: its live one is dead without a kernel."""
    if "widgets" in notebook.raw.get("metadata", {}):
        yield "the state of widgets is saved: execute it with MINIGPT_STATIC=1"
    for cell in notebook.code_cells:
        for output in cell.outputs:
            if any("jupyter.widget" in mime for mime in output.get("data", {})):
                yield f"cell {cell.number}: a live widget is saved, execute the notebook with MINIGPT_STATIC=1"


def pictures(notebook: Notebook) -> Iterator[str]:
    """Each picture says in words what it shows."""
    for cell in notebook.cells:
        if cell.is_markdown:
            if re.search(r"!\[\s*\]\(", cell.source):
                yield f"cell {cell.number}: a picture without alternative text, ![say what it shows](…)"
            yield from (f"cell {cell.number}: {problem}" for problem in html_problems(cell.source))
        for output in cell.outputs:
            data, metadata = output.get("data", {}), output.get("metadata", {})
            yield from (f"cell {cell.number}: {problem}" for problem in html_problems(text(data.get("text/html", ""))))
            for mime in data:
                described = metadata.get("alt") or metadata.get(mime, {}).get("alt") or "text/html" in data
                if mime.startswith("image/") and not described:
                    yield f"cell {cell.number}: a figure without alternative text, show it through minigpt.views"


class Pictures(HTMLParser):
    """Counts pictures in HTML that say nothing to those who cannot see them."""

    def __init__(self):
        super().__init__()
        self.problems: list[str] = []
        self.nameless_svg = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "img" and not (given.get("alt") or "").strip():
            self.problems.append("an <img> without alternative text")
        if tag == "svg":
            named = given.get("aria-label") or given.get("aria-labelledby") or given.get("aria-hidden") == "true"
            self.nameless_svg += not named
        if tag == "title" and self.nameless_svg:
            self.nameless_svg -= 1


def html_problems(html: str) -> list[str]:
    """What is wrong with the pictures in a piece of HTML or Markdown."""
    parser = Pictures()
    parser.feed(html)
    parser.close()
    return parser.problems + ["an <svg> with neither aria-label nor title"] * parser.nameless_svg


def hosts(notebook: Notebook) -> Iterator[str]:
    """No notebook names a package registry."""
    if match := REGISTRY.search(notebook.path.read_bytes()):
        yield f"names a package registry, {match[0].decode()}"


def without_data_uris(output: dict) -> str:
    """The output as JSON, pictures left out."""
    data = {mime: value for mime, value in output.get("data", {}).items() if not mime.startswith("image/")}
    return re.sub(r"data:[\w/+;-]+,[\w/+=%-]*", "", json.dumps(output | {"data": data}))


RULES: list[Rule] = [length, code, words, start, saved, widgets, pictures, hosts]
