"""What an exercise is: a contract, a reference, inputs to compare on, and the mistakes that people make."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Misconception:
    """A classic mistake, as the program that makes it: who returns what it returns has made it."""

    name: str
    """What it is called, e.g. "softmax over the wrong axis"."""
    wrong: Callable[..., Any]
    """The reference with this one mistake."""
    message: str
    """One sentence: what happened and where to look. It does not give the answer."""


@dataclass(frozen=True)
class Call:
    """One comparison of a class: `cls(*init)` gets the reference's weights, then `module(*args, **kwargs)`."""

    init: tuple[Any, ...]
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Exercise:
    """One exercise. Its stub, hints and solution stand in the notebook."""

    id: str
    """Notebook and name: "05.row"."""
    title: str
    difficulty: int
    """1 to 3."""
    minutes: int
    contract: str
    """One sentence: what goes in, what comes out."""
    returns: str
    """The result in the letters of the contract: "(T, S)" where it is a tensor, else words."""
    reference: Callable[..., Any]
    """A function, or an `nn.Module` class whose parameter names the reader's class must have."""
    inputs: Callable[[], Iterable[tuple[Any, ...] | Call]]
    """Arguments for each comparison, the smallest first; for classes a `Call` each. Always the same ones."""
    misconceptions: tuple[Misconception, ...]
    tolerance: float = 1e-5
    """Largest difference that is rounding, relative and absolute."""

    def __post_init__(self):
        if self.difficulty not in (1, 2, 3):
            raise ValueError(f"{self.id}: difficulty {self.difficulty}: 1, 2 or 3")

    def calls(self) -> list[Call]:
        """The inputs, each as a `Call`."""
        return [given if isinstance(given, Call) else Call((), given) for given in self.inputs()]
