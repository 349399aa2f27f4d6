"""The package is the source of truth: a cell tagged `package:minigpt.models.attention.attend` holds that definition.

    python -m tests.locks.claims            what differs, as a diff
    python -m tests.locks.claims --write    put the package's definition into the cells that differ

Cell and package are compared as syntax trees without comments and docstrings. `--write` copies the package's lines,
comments included, docstrings left out: the notebook's prose says what they say.
"""

import argparse
import ast
import copy
import difflib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from .imports import PACKAGE, PARTS
from .notebooks import Cell, Notebook, all_notebooks, is_string_statement

NOT_TAUGHT = {"assets", "text.corpora", "text.corpus_table", "text.download"}
"""Modules that no notebook builds up: their helpers have everyday names, which a notebook may use for its own."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def complaints(paths: Iterable[Path], package: Path = PACKAGE) -> list[str]:
    """One text for each broken promise in these notebooks, which are read in their order."""
    return list(find(paths, package))


def find(paths: Iterable[Path], package: Path) -> Iterator[str]:
    public = public_names(package)
    claimed_in: dict[str, str] = {}
    for path in paths:
        cells = Notebook(path).code_cells
        for cell, following in zip(cells, [*cells[1:], None], strict=True):
            where = f"{path.name}, cell {cell.number}"
            for name in cell.claims:
                if name in claimed_in:
                    yield f"{where}: {name} was built in {claimed_in[name]}: import it"
                claimed_in.setdefault(name, where)
                if following is None or not is_checked(following, name.rpartition(".")[2]):
                    yield (
                        f"{where}: the next code cell has to compare {name} with the package's, by course.check, "
                        "course.same, or an assert that names both"
                    )
            if cell.claims:
                yield from (f"{where}: {difference}" for difference in differences(cell, package))
            names = {claim.rpartition(".")[2] for claim in cell.claims}
            for name in sorted(defined(cell) & public.keys() - names):
                yield (
                    f"{where}: `{name}` is the name of {public[name]}: tag the cell package:{public[name]} if this is "
                    "the final version, give an early version another name, or import it"
                )


def differences(cell: Cell, package: Path) -> Iterator[str]:
    """Diffs between the cell and the definitions that it claims."""
    try:
        ours = [definition(name, package)[0] for name in cell.claims]
    except LookupError as error:
        yield str(error)
        return
    theirs = cell.tree.body
    if [ast.dump(bare(node)) for node in ours] == [ast.dump(bare(node)) for node in theirs]:
        return
    a, b = ["\n".join(ast.unparse(bare(node)) for node in nodes) for nodes in (theirs, ours)]
    diff = difflib.unified_diff(a.splitlines(), b.splitlines(), "cell", "package", lineterm="")
    yield "\n".join(
        [f"differs from {', '.join(cell.claims)}; `python -m tests.locks.claims --write` repairs it", *diff]
    )


def definition(name: str, package: Path = PACKAGE) -> tuple[ast.stmt, str]:
    """Syntax tree and lines of what the dotted name means; LookupError if there is nothing of that name."""
    parts = name.split(".")
    for n in range(len(parts) - 1, 0, -1):
        stem = package.parent.joinpath(*parts[:n])
        file = next((file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.exists()), None)
        if file and file.is_relative_to(package):
            source, tree = parsed(file)
            node: ast.AST = tree
            for part in parts[n:]:
                node = next((child for child in getattr(node, "body", []) if part in names_of(child)), ast.Pass())
            if isinstance(node, ast.Pass):
                break
            assert isinstance(node, ast.stmt)
            return node, without_docstrings(node, source)
    raise LookupError(f"the package has no {name}: correct the cell's tag")


@cache
def parsed(file: Path) -> tuple[str, ast.Module]:
    source = file.read_text(encoding="utf-8")
    return source, ast.parse(source)


def names_of(node: ast.AST) -> set[str]:
    """The names that a statement defines."""
    if isinstance(node, Definition):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def bare(node: ast.stmt) -> ast.stmt:
    """A copy of the tree without docstrings."""
    node = copy.deepcopy(node)
    for inner in ast.walk(node):
        if isinstance(inner, Definition):
            inner.body = [child for child in inner.body if not is_string_statement(child)] or [ast.Pass()]
    return node


def without_docstrings(node: ast.stmt, source: str) -> str:
    """The lines of a definition, comments included, docstrings and the blank lines after them left out."""
    lines = source.splitlines()
    decorators = getattr(node, "decorator_list", [])
    first, last = min([node.lineno, *(decorator.lineno for decorator in decorators)]), node.end_lineno or node.lineno
    kept = {number: lines[number - 1] for number in range(first, last + 1)}
    for inner in ast.walk(node):
        if not isinstance(inner, Definition):
            continue
        for child in filter(is_string_statement, inner.body):
            end = child.end_lineno or child.lineno
            for number in range(child.lineno, end + 1):
                del kept[number]
            if len(inner.body) == 1:
                kept[child.lineno] = " " * child.col_offset + "pass"
            elif child is inner.body[0] and not kept.get(end + 1, "code").strip():
                del kept[end + 1]
    return "\n".join(kept[number].removeprefix(" " * node.col_offset) for number in sorted(kept))


def is_checked(cell: Cell, name: str) -> bool:
    """True if the cell holds `course.check(…, name)`, `course.same(…)`, or an assert and both mine and the package's.

    The package's is known by how it is reached: `attention.attend`, or an import of it under another name.
    """
    mine = theirs = asserts = False
    for node in ast.walk(cell.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("course.check", "course.same"):
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(name in ast.unparse(argument) for argument in arguments):
                return True
        mine |= isinstance(node, ast.Name) and node.id == name
        theirs |= isinstance(node, ast.Attribute) and node.attr == name
        theirs |= isinstance(node, ast.alias) and node.name == name and node.asname is not None
        asserts |= isinstance(node, ast.Assert)
    return mine and theirs and asserts


def defined(cell: Cell) -> set[str]:
    """Functions and classes that the cell defines for the cells after it."""
    return {node.name for node in cell.tree.body if isinstance(node, Definition)}


@cache
def public_names(package: Path = PACKAGE) -> dict[str, str]:
    """Name -> dotted name of the functions and classes that notebooks build up or import."""
    found = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package).with_suffix("").parts
        if parts[0] not in PARTS or ".".join(parts) in NOT_TAUGHT:
            continue
        for node in parsed(file)[1].body:
            if isinstance(node, Definition) and not node.name.startswith("_"):
                found[node.name] = ".".join((package.name, *parts, node.name))
    return found


def repair(path: Path, package: Path = PACKAGE) -> list[int]:
    """Write the package's definitions into the cells that differ; returns the numbers of these cells."""
    notebook = Notebook(path)
    repaired = []
    for cell in notebook.code_cells:
        if cell.claims and any(True for _ in differences(cell, package)):
            source = "\n\n\n".join(definition(name, package)[1] for name in cell.claims)
            cell.raw["source"] = source.splitlines(keepends=True)
            repaired.append(cell.number)
    if repaired:
        notebook.write()
    return repaired


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare cells tagged `package:` with the package.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of the course if none is named")
    parser.add_argument("--write", action="store_true", help="repair the cells that differ")
    options = parser.parse_args(arguments)
    paths = options.notebooks or all_notebooks()
    for path in paths if options.write else []:
        for number in repair(path):
            print(f"{path.name}, cell {number}: now as in the package; run the notebook again for its outputs")
    found = complaints(paths)
    print("\n".join(found) or f"{len(paths)} notebooks hold what they claim")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
