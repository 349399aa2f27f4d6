"""A notebook as the locks read it: cells with their tags, code as a syntax tree, prose without code and markup."""

import ast
import io
import json
import re
import tokenize
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"


@dataclass(frozen=True)
class Cell:
    """One cell; `number` counts all cells from 1, as a reader does."""

    number: int
    raw: dict[str, Any]

    @property
    def is_code(self) -> bool:
        return self.raw["cell_type"] == "code"

    @property
    def is_markdown(self) -> bool:
        return self.raw["cell_type"] == "markdown"

    @property
    def tags(self) -> list[str]:
        return self.raw.get("metadata", {}).get("tags", [])

    @property
    def source(self) -> str:
        return text(self.raw["source"])

    @property
    def outputs(self) -> list[dict[str, Any]]:
        return self.raw.get("outputs", [])

    @cached_property
    def tree(self) -> ast.Module:
        """The code as a syntax tree, without lines that are for IPython; empty for a cell that is no Python at all."""
        if self.source.startswith("%%"):
            return ast.Module([], [])
        return ast.parse(re.sub(r"^\s*[%!].*$", "pass", self.source, flags=re.MULTILINE))

    @property
    def claims(self) -> list[str]:
        """Dotted names of what the cell says it equals."""
        return [tag.removeprefix("package:") for tag in self.tags if tag.startswith("package:")]


class Notebook:
    """A saved notebook."""

    def __init__(self, path: Path):
        self.path = path
        self.raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        self.cells = [Cell(i + 1, raw) for i, raw in enumerate(self.raw["cells"])]

    @property
    def code_cells(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.is_code]

    def write(self) -> None:
        """Save it as Jupyter does, with keys in the order in which they came."""
        self.path.write_text(json.dumps(self.raw, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def all_notebooks() -> list[Path]:
    """The notebooks of the course, in order."""
    return sorted(FOLDER.glob("*.ipynb"))


def text(source: str | list[str]) -> str:
    """Notebooks keep long strings as lists of lines."""
    return source if isinstance(source, str) else "".join(source)


def code_lines(cell: Cell) -> int:
    """Lines that hold code: neither blank nor only a comment nor part of a docstring."""
    if cell.source.startswith("%%"):
        return sum(bool(line.strip()) for line in cell.source.splitlines())
    source = re.sub(r"^(\s*)[%!].*$", r"\1pass", cell.source, flags=re.MULTILINE)
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in silent:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if is_string_statement(node):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))  # type: ignore[attr-defined]
    return len(lines)


def is_string_statement(node: ast.AST) -> bool:
    """True for a docstring, and for a string that explains the line above it."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def prose(markdown: str, folded: bool = False) -> str:
    """What is read as sentences: no code, formulas, tables, headings, pictures, markup; `<details>` only if asked."""
    if not folded:
        markdown = re.sub(r"<details.*?</details>", " ", markdown, flags=re.DOTALL)
    markdown = re.sub(r"^( *)(```|~~~).*?^\1\2", " ", markdown, flags=re.DOTALL | re.MULTILINE)
    markdown = re.sub(r"\$\$.*?\$\$", " ", markdown, flags=re.DOTALL)
    markdown = re.sub(r"^\s*(#+ |\|).*$", " ", markdown, flags=re.MULTILINE)
    markdown = re.sub(r"!\[[^]]*\]\([^)]*\)", " ", markdown)
    markdown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown)
    markdown = re.sub(r"`[^`]+`|\$[^$]+\$", " x ", markdown)
    return re.sub(r"<[^>]+>", " ", markdown)


def n_words(markdown: str) -> int:
    """Words of prose; a piece of code or a formula within a line is one word."""
    return len(re.findall(r"\S*\w\S*", prose(markdown)))
