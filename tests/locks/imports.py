"""Who may import whom: the table of the design, and a reader of import statements that holds it against the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "minigpt"

PARTS = {
    "assets",
    "config",
    "text",
    "models",
    "weights",
    "sampling",
    "translating",
    "inspection",
    "training",
    "inference",
    "evaluation",
}
MAY_IMPORT: dict[str, set[str]] = {
    "assets": set(),
    "config": set(),
    "text": set(),
    "models": {"config"},
    "weights": {"config", "text", "models"},
    "sampling": {"config", "text", "models"},
    "translating": {"config", "text", "models", "sampling"},
    "inspection": {"config", "text", "models"},
    "training": {"config", "text", "models", "weights", "sampling", "translating", "inspection"},
    "inference": {"config", "models", "training"},
    "evaluation": {"config", "text", "models", "weights", "sampling", "translating", "inspection", "inference"},
    "views": set(),
    "doctor": PARTS,
    "course": PARTS | {"views", "doctor"},
    "cli": PARTS | {"views", "doctor", "course"},
    "__main__": {"cli"},
    "__init__": PARTS,
}
"""For each part of the package the parts that it may import, besides itself and `assets`, which everybody may."""

NEVER = {"views": {"torch"}}
"""Packages of others that a part never imports, not even inside a function."""

HEAVY = {"transformers", "bertviz", "huggingface_hub", "nbgrader", "datasets"}
"""Heavy or optional: imported only inside functions, so that whoever imports the module neither pays nor needs them."""

DISPLAY = {"matplotlib", "IPython", "ipywidgets", "anywidget"}
"""For the reader's eyes: outside `views`, `course` and the command line imported only inside functions."""


def violations(package: Path = PACKAGE) -> list[str]:
    """One sentence for each import under `package` that the tables forbid."""
    return [f"{file.relative_to(package.parent)}:{line}: {what}" for file, line, what in find(package)]


def find(package: Path) -> Iterator[tuple[Path, int, str]]:
    for file in sorted(package.rglob("*.py")):
        part = file.relative_to(package).parts[0].removesuffix(".py")
        if part not in MAY_IMPORT:
            yield file, 1, f"the table in tests/locks/imports.py does not know the part `{part}` yet: add it there"
            continue
        for node, in_function in imports(ast.parse(file.read_text(encoding="utf-8"))):
            for name in imported_names(node, file, package):
                if complaint := judge(part, name, in_function, package):
                    yield file, node.lineno, complaint


def judge(part: str, name: str, in_function: bool, package: Path) -> str | None:
    """What is wrong with importing the dotted `name` in `part`, if anything is."""
    top, _, rest = name.partition(".")
    if top != package.name:
        if top in NEVER.get(part, set()):
            return f"`{part}` never imports {top}"
        if not in_function and (top in HEAVY or (top in DISPLAY and part in PARTS)):
            return f"{top} is heavy or optional here: import it inside the function that needs it"
        return None
    target = rest.partition(".")[0]
    if not target:
        return f"import the part that is needed, not `{top}` as a whole: the table could not be held against that"
    if target not in MAY_IMPORT[part] | {part, "assets"}:
        allowed = ", ".join(sorted(MAY_IMPORT[part] | {"assets"}))
        return f"`{part}` may not import `{target}`, only {allowed}"
    return None


def imports(tree: ast.AST, in_function: bool = False) -> Iterator[tuple[ast.stmt | ast.Call, bool]]:
    """All import statements and `import_module("…")` calls, with whether they run only when something is called.

    What stands under `if TYPE_CHECKING:` is never run, so it counts like the inside of a function.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) or is_import_call(node):
            yield node, in_function  # type: ignore[misc]
        lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing_only = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        yield from imports(node, in_function or lazy or typing_only)


def is_import_call(node: ast.AST) -> bool:
    """True for `importlib.import_module("x")`, `import_module("x")` and `__import__("x")`."""
    if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
        return False
    return ast.unparse(node.func) in ("importlib.import_module", "import_module", "__import__")


def imported_names(node: ast.stmt | ast.Call, file: Path, package: Path) -> list[str]:
    """Dotted names that the statement imports, relative ones made absolute."""
    if isinstance(node, ast.Call):
        return [str(node.args[0].value)]  # type: ignore[attr-defined]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert isinstance(node, ast.ImportFrom)
    base = node.module or ""
    if node.level:
        folder = file.parents[node.level - 1].relative_to(package.parent)
        base = ".".join([*folder.parts, *([base] if base else [])])
    if base != package.name:
        return [base]
    return [f"{base}.{alias.name}" for alias in node.names]  # `from minigpt import models`
