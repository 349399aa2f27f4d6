"""Shape comments that run: `# (B, H, T, D)` at the end of a line becomes a check of the value on that line.

A letter means one size within one call of a function; a local variable of that name, as after `B, T, C = x.shape`,
fixes it. `4C`, `C//H`, `L+1` and `...` for any dimensions are understood. Several shapes belong to several targets or
returned values, `q, k, v = ...  # (B, H, T, D)` gives all three the same. Where the line calls `cat` or `append`, a
letter may grow. A comment behind a parameter is checked when the function is called.
"""

import ast
import importlib.abc
import importlib.util
import io
import re
import sys
import tokenize
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
SHAPE = r"\(\s*(?:[A-Z0-9+\-*/· ]+|\.\.\.)?(?:,\s*(?:[A-Z0-9+\-*/· ]+|\.\.\.))*,?\s*\)"
COMMENT = re.compile(rf"#\s*({SHAPE}(?:,\s*{SHAPE})*)\s*(?:[:;].*)?$")
WORDS = {"B": "batch", "T": "time", "S": "source", "C": "channels", "H": "heads", "D": "channels", "V": "vocabulary"}
"""What the letters of the design mean, by the first word of their explanation: the same in every module."""

Shape = tuple[str, ...]
Node = TypeVar("Node", bound=ast.AST)


class ShapeError(AssertionError):
    """A shape comment that is not true, or that nothing can check."""


@dataclass
class Log:
    """What the comments of the checked modules said while examples ran."""

    written: dict[tuple[str, int], str] = field(default_factory=dict)
    """Each comment by file and line."""
    reached: set[tuple[str, int]] = field(default_factory=set)
    calls: dict[tuple[str, str], list[dict[str, int]]] = field(default_factory=dict)
    """The sizes of the letters in each call, by file and function."""
    failures: list[str] = field(default_factory=list)
    sizes: dict[str, set[int]] = field(default_factory=dict)
    """The sizes that the examples give a letter, under "T", or "function.T" where a function differs: another one
    means that the comment has its letters mixed up."""

    def unreached(self) -> list[str]:
        """Comments that no example has checked."""
        missing = sorted(set(self.written) - self.reached)
        return [f"{file}:{line}: no example reaches {self.written[file, line]}" for file, line in missing]

    def never_different(self) -> list[str]:
        """Letters of a function that had the same size in each call: there a swap would go unnoticed."""
        lines = []
        for (file, function), calls in sorted(self.calls.items()):
            letters = sorted(set().union(*calls))
            for a, b in combinations(letters, 2):
                both = [call for call in calls if a in call and b in call]
                if both and all(call[a] == call[b] for call in both):
                    lines.append(f"{file}: in `{function}` the examples never give {a} and {b} different sizes")
        return lines


class Frame:
    """The letters of one call."""

    def __init__(self, log: Log, file: str, function: str):
        self.log, self.file, self.function = log, file, function
        self.letters: dict[str, int] = {}
        log.calls.setdefault((file, function), []).append(self.letters)

    def check(self, line: int, shapes: list[Shape], grows: bool, names: Mapping[str, Any], value: Any) -> Any:
        """Compare the value, or each of several, with the comment; return it."""
        if value is None:  # an optional tensor that is not there
            return value
        known = {name: size for name, size in names.items() if re.fullmatch("[A-Z]", name) and type(size) is int}
        values = value if isinstance(value, tuple | list) else [value]
        if len(shapes) == 1:
            shapes = shapes * len(values)
        if len(shapes) != len(values):
            raise ShapeError(f"{self.file}:{line}: {len(shapes)} shapes for {len(values)} values")
        for shape, one in zip(shapes, values, strict=True):
            if one is None:
                continue
            if not hasattr(one, "shape"):
                raise ShapeError(f"{self.file}:{line}: a {type(one).__name__} has no shape")
            if not self.fits(shape, tuple(one.shape), known, grows):
                sizes = ", ".join(f"{letter}={size}" for letter, size in sorted((self.letters | known).items()))
                raise ShapeError(
                    f"{self.file}:{line}: `{self.function}` says ({', '.join(shape)}), "
                    f"the value is {tuple(one.shape)}; in this call {sizes}"
                )
        self.log.reached.add((self.file, line))
        return value

    def fits(self, shape: Shape, sizes: tuple[int, ...], known: dict[str, int], grows: bool) -> bool:
        """True if the sizes are those of the comment; letters not met yet in this call take their size from here."""
        if "..." in shape:
            i = shape.index("...")
            n_after = len(shape) - i - 1
            if len(sizes) < len(shape) - 1:
                return False
            shape = shape[:i] + shape[i + 1 :]
            sizes = sizes[:i] + sizes[len(sizes) - n_after :]
        return len(shape) == len(sizes) and all(
            self.dimension_fits(dimension, size, known, grows) for dimension, size in zip(shape, sizes, strict=True)
        )

    def dimension_fits(self, dimension: str, size: int, known: dict[str, int], grows: bool) -> bool:
        expression = re.sub(r"(\d)([A-Z])", r"\1*\2", dimension.replace("·", "*"))
        letters = set(re.findall("[A-Z]", expression))
        for letter in letters & known.keys():
            self.letters[letter] = known[letter]
        free = letters - self.letters.keys()
        if grows and dimension in self.letters and dimension not in known and size >= self.letters[dimension]:
            free = {dimension}
        if len(free) > 1:
            raise ShapeError(
                f"{self.file}: `{self.function}` uses {dimension} before its letters stand alone somewhere"
            )
        for letter in free:
            candidates = [n for n in range(size + 1) if evaluate(expression, self.letters | {letter: n}) == size]
            if len(candidates) != 1:
                return False
            self.letters[letter] = candidates[0]
        return all(map(self.is_foreseen, letters)) and evaluate(expression, self.letters) == size

    def is_foreseen(self, letter: str) -> bool:
        """True if the examples give the letter this size, in general or in this function."""
        sizes = self.log.sizes.get(f"{self.function}.{letter}") or self.log.sizes.get(letter)
        return sizes is None or self.letters[letter] in sizes


def evaluate(expression: str, letters: dict[str, int]) -> int | None:
    """The value of `4*C` or `L+1`; None where it is not defined."""
    try:
        return eval(expression, {"__builtins__": {}}, letters)
    except ZeroDivisionError:
        return None


def shape_comments(source: str) -> dict[int, list[Shape]]:
    """Line number -> shapes, for the comments that are nothing but shapes (an explanation may follow a colon)."""
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        match = COMMENT.fullmatch(token.string) if token.type == tokenize.COMMENT else None
        if match:
            shapes = [tuple(re.findall(r"[^,\s][^,]*", one[1:-1])) for one in re.findall(SHAPE, match[1])]
            found[token.start[0]] = [tuple(dimension.strip() for dimension in shape) for shape in shapes]
    return found


def legend(source: str) -> dict[str, str]:
    """Letter -> explanation, from the line `Shapes: B batch, T time` of the module's docstring."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    match = re.search(r"^Shapes: (.*?)(?:\.\s|\.$|\n\n|\Z)", docstring, re.DOTALL | re.MULTILINE)
    return dict(re.findall(r"(?:^|,\s+)([A-Z]) ([^,]+)", match[1])) if match else {}


class Rewriter(ast.NodeTransformer):
    """Puts a check behind each statement that ends with a shape comment."""

    def __init__(self, file: str, comments: dict[int, list[Shape]]):
        self.file, self.comments = file, comments
        self.functions: list[str] = []
        self.used: set[int] = set()

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.functions.append(node.name)
        self.generic_visit(node)
        self.functions.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.functions.append(node.name)
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        checks = [self.check(a.lineno, ast.Name(a.arg, ast.Load())) for a in arguments if self.claim(a.lineno)]
        node.body = [new for statement in node.body for new in self.rewrite(statement)]
        enter = ast.parse(f"shape_frame = ShapeFrame({self.file!r}, {'.'.join(self.functions)!r})").body[0]
        start = 0 if ast.get_docstring(node) is None else 1
        node.body[start:start] = [at(node.lineno, enter), *(ast.Expr(check) for check in checks)]
        self.functions.pop()
        return node

    def rewrite(self, node: ast.stmt) -> list[ast.stmt]:
        """The statement, with its check, and with those of the statements in it."""
        last = node.end_lineno or node.lineno
        if isinstance(node, ast.Return) and node.value and self.claim(last):
            node.value = self.check(last, node.value)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield) and node.value.value and self.claim(last):
            node.value.value = self.check(last, node.value.value)
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and self.claim(last):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            grows = any(call in ast.unparse(node.value or node) for call in ("cat(", ".append("))
            loaded = ast.parse(ast.unparse(target), mode="eval").body
            return [node, ast.Expr(self.check(last, loaded, grows))]
        elif isinstance(node, ast.For) and self.claim(node.lineno):
            check = ast.Expr(self.check(node.lineno, ast.parse(ast.unparse(node.target), mode="eval").body))
            self.rewrite_blocks(node)
            node.body.insert(0, check)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            return [self.visit(node)]
        else:
            self.rewrite_blocks(node)
        return [node]

    def rewrite_blocks(self, node: Any) -> None:
        for name in ("body", "orelse", "finalbody"):
            if isinstance(block := getattr(node, name, None), list):
                setattr(node, name, [new for statement in block for new in self.rewrite(statement)])
        for handler in [*getattr(node, "handlers", ()), *getattr(node, "cases", ())]:
            self.rewrite_blocks(handler)

    def claim(self, line: int) -> bool:
        """True if the line has a shape comment; it is noted as one that is checked."""
        if line in self.comments:
            self.used.add(line)
        return line in self.comments

    def check(self, line: int, value: ast.expr, grows: bool = False) -> ast.expr:
        call = ast.parse(f"shape_frame.check({line}, {self.comments[line]!r}, {grows}, locals())", mode="eval").body
        assert isinstance(call, ast.Call)
        call.args.append(value)
        return at(line, call)


def at(line: int, tree: Node) -> Node:
    """The tree, said to stand on this line, so that a traceback shows the comment."""
    for node in ast.walk(tree):
        if "lineno" in node._attributes:
            node.lineno = node.end_lineno = line  # type: ignore[attr-defined]
    return tree


def rewrite(source: str, file: str) -> ast.Module:
    """The module with its shape comments turned into checks. Raises ShapeError for one that no statement can carry."""
    comments = shape_comments(source)
    rewriter = Rewriter(file, comments)
    tree = rewriter.visit(ast.parse(source))
    if unused := sorted(set(comments) - rewriter.used):
        raise ShapeError(
            f"{file}:{unused[0]}: nothing can check this shape comment: put it behind an assignment, return, yield, "
            "for or parameter inside a function, or say it in a docstring"
        )
    return ast.fix_missing_locations(tree)


class Loader(importlib.abc.Loader):
    """Loads a module rewritten; nothing is cached on disk."""

    def __init__(self, file: Path, log: Log):
        self.file, self.log = file, log

    def exec_module(self, module: Any) -> None:
        name = self.file.relative_to(ROOT).as_posix() if self.file.is_relative_to(ROOT) else self.file.name
        source = self.file.read_text(encoding="utf-8")
        for line, shapes in shape_comments(source).items():
            self.log.written[name, line] = ", ".join(f"({', '.join(shape)})" for shape in shapes)
        module.__dict__["ShapeFrame"] = lambda file, function: Frame(self.log, file, function)
        exec(compile(rewrite(source, name), str(self.file), "exec"), module.__dict__)


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules that are to be rewritten."""

    def __init__(self, files: dict[str, Path], log: Log):
        self.files, self.log = files, log

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname not in self.files:
            return None
        file = self.files[fullname]
        folders = [str(file.parent)] if file.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            fullname, file, loader=Loader(file, self.log), submodule_search_locations=folders
        )


@contextmanager
def checked(files: dict[str, Path], sizes: dict[str, set[int]] | None = None) -> Iterator[Log]:
    """Within this block `import` gives the named modules with their comments running; others see the usual ones.

    `sizes` says which sizes a letter may have at all in what runs here.
    """
    packages = {name.partition(".")[0] for name in files}
    ours = {name for name in sys.modules if name.partition(".")[0] in packages}
    before = {name: sys.modules.pop(name) for name in ours}
    log = Log(sizes=sizes or {})
    finder = Finder(files, log)
    sys.meta_path.insert(0, finder)
    try:
        yield log
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
            del sys.modules[name]
        sys.modules.update(before)
