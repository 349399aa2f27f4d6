"""Run a reader's code on the inputs of an exercise, and keep what happened: a value, an error, a changed argument."""

import copy
import inspect
import linecache
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from minigpt.course.exercise import Call
from minigpt.course.values import same

NOT_STARTED = (..., None, NotImplemented)
PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Outcome:
    """What a call brought: a value, or an error; and which argument it changed in place, if any."""

    value: Any = None
    error: Exception | None = None
    changed: str = ""

    @property
    def is_not_started(self) -> bool:
        """True for what a stub does."""
        return is_of_stub(self.error) or (self.error is None and is_placeholder(self.value))

    def equals(self, other: "Outcome", tolerance: float) -> bool:
        """The same value; or an error in both, whose text depends on how it was written."""
        if self.error is not None or other.error is not None:
            return self.error is not None and other.error is not None
        return same(self.value, other.value, tolerance)


class Misbuilt(Exception):
    """A reader's class that cannot take the reference's weights; the message says which."""


def is_of_stub(error: Exception | None) -> bool:
    """True for the NotImplementedError of a stub; PyTorch raises it too, for numbers that an operation cannot take."""
    return isinstance(error, NotImplementedError) and not re.search("not implemented for '|aten::", str(error))


def is_placeholder(value: Any) -> bool:
    """True for `...` and None, also within a list or a tuple."""
    if isinstance(value, list | tuple) and value:
        return all(map(is_placeholder, value))
    return any(value is placeholder for placeholder in NOT_STARTED)


def run(program: Callable[..., Any], call: Call, state: dict[str, Tensor] | None = None) -> Outcome:
    """Call the program once on copies of the arguments; a class is built first and gets `state` as its weights.

    The same random numbers each time, and none taken from the reader. A loop without an end is not noticed: the
    reader interrupts the kernel, as always.
    """
    args, kwargs = copy.deepcopy((call.args, call.kwargs))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # torch.manual_seed asks all kinds of devices, a hundred times as long
        try:
            if state is not None:
                module = build(program, call.init, state)
                value = module(*args, **kwargs)
            else:
                value = program(*args, **kwargs)
        except Exception as error:  # whatever the reader's code raises is the result
            return Outcome(error=error)
    names = argument_names(program.forward if isinstance(program, type) else program, len(args))  # type: ignore[attr-defined]
    before = [*zip(names, call.args, args, strict=True), *((k, v, kwargs[k]) for k, v in call.kwargs.items())]
    changed = next((name for name, given, now in before if not callable(given) and not same(given, now, 0.0)), "")
    return Outcome(value=value, changed=changed)


def build(cls: Callable[..., Any], init: tuple[Any, ...], state: dict[str, Tensor]) -> nn.Module:
    """An object of the class, in evaluation mode, with these weights. Raises Misbuilt where names or shapes differ."""
    module = cls(*init)
    if not isinstance(module, nn.Module):
        raise Misbuilt(f"{name_of(cls)} is no nn.Module: write class {name_of(cls)}(nn.Module)")
    try:
        own = module.state_dict()
    except AttributeError:  # nn.Module's own message does not say why
        raise Misbuilt("__init__ does not call super().__init__() first") from None
    if not own and is_stub(module):
        raise NotImplementedError
    problems = []
    if missing := [name for name in state if name not in own]:
        problems.append(f"missing are {', '.join(missing)}")
    if extra := [name for name in own if name not in state]:
        problems.append(f"not asked for are {', '.join(extra)}")
    for name in state:
        if name in own and own[name].shape != state[name].shape:
            problems.append(f"{name} has the shape {tuple(own[name].shape)}, not {tuple(state[name].shape)}")
    if problems:
        raise Misbuilt("Its parameters do not fit those of the reference: " + "; ".join(problems))
    module.load_state_dict(state)
    return module.eval()


def is_stub(module: nn.Module) -> bool:
    """True where a class without parameters has a `forward` of no more than `...`, `pass` or NotImplementedError."""
    try:
        return is_placeholder(module(None))
    except Exception as error:
        return is_of_stub(error)


def drawn_state(cls: Callable[..., Any], init: tuple[Any, ...]) -> dict[str, Tensor]:
    """Weights for a class: large enough that every part of it matters, and always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        return {name: 0.4 * torch.randn_like(value) for name, value in cls(*init).state_dict().items()}


def argument_names(program: Callable[..., Any], n: int) -> list[str]:
    """What the program calls its first n arguments."""
    try:
        names = [name for name in inspect.signature(program).parameters if name != "self"]
    except (TypeError, ValueError):
        names = []
    return [names[i] if i < len(names) else f"argument {i + 1}" for i in range(n)]


def name_of(program: Any) -> str:
    return getattr(program, "__name__", type(program).__name__)


def where(error: BaseException) -> str:
    """The reader's line in which an error arose: "line 3: `scores = q @ k`"; "" if it is nowhere in their code.

    The reader's code is what lies neither in this package nor among the installed ones.
    """
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(PACKAGE) or is_installed(path) or frame.filename.startswith(("<frozen", "<__")):
            continue
        line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
        return f"line {frame.lineno}: {line}" if line else f"line {frame.lineno}"
    return ""


def is_installed(path: Path) -> bool:
    """True for the standard library and for packages."""
    roots = {Path(torch.__file__).parents[1], Path(inspect.__file__).parent, *map(Path, {sys.prefix, sys.base_prefix})}
    return any(path.is_relative_to(root) for root in roots)
