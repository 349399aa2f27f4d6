"""Check a reader's answer to an exercise: is it started, does it keep the contract, is it right, and if not, why not.

The order is that of a patient teacher: first what cannot work at all, then whether the results are right, then whether
they are the results of a known mistake, and last the smallest input on which they differ.
"""

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from minigpt.course import show
from minigpt.course.exercise import Call, Exercise
from minigpt.course.exercises import find
from minigpt.course.misconceptions import recognise
from minigpt.course.progress import note_check
from minigpt.course.run import Misbuilt, Outcome, argument_names, drawn_state, is_placeholder, name_of, run, where
from minigpt.course.values import has_nan, misfit, short
from minigpt.course.values import same as same_value

TITLES = {
    "passed": "passed",
    "not started": "not started",
    "contract": "not what the contract asks for",
    "error": "an error in the code",
    "misconception": "a known mistake",
    "different": "not yet right",
}


@dataclass(frozen=True)
class Result:
    """What a check found. In a notebook it shows itself as a card."""

    exercise: str
    status: str
    """A key of TITLES."""
    message: str
    details: tuple[tuple[str, str], ...] = ()
    """Pairs of a label and a text that keeps its lines."""
    misconception: str = ""
    """Name of the misconception that was recognised."""

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    def card(self) -> tuple[str, str, str, tuple[tuple[str, str], ...]]:
        tone = {"passed": "good", "not started": "todo"}.get(self.status, "bad")
        return tone, f"{self.exercise}: {TITLES[self.status]}", self.message, self.details

    def __repr__(self) -> str:
        return show.card_text(*self.card())

    def _repr_html_(self) -> str:
        return show.card_html(*self.card())


class Problem(Exception):
    """Ends a check: the arguments of its Result."""

    def __init__(self, status: str, message: str, details: Sequence[tuple[str, str]] = (), misconception: str = ""):
        super().__init__(message)
        self.arguments = (status, message, tuple(details), misconception)


def check(exercise_id: str, answer: Any) -> Result:
    """Check the reader's function or class: `course.check("05.row", my_weights)`. Show it as the last line of a cell.

    A stub is "not started", so a notebook runs from top to bottom before anything is solved. Code that never ends is
    not stopped: interrupt the kernel. Raises ValueError if there is no such exercise.
    """
    exercise = find(exercise_id)
    try:
        result = Result(exercise_id, "passed", judge(exercise, answer))
    except Problem as problem:
        result = Result(exercise_id, *problem.arguments)
    if result.status != "not started":
        note_check(exercise_id, result.passed)
    return result


def judge(exercise: Exercise, answer: Any) -> str:
    """The sentence for a right answer; raises Problem for all others."""
    calls = exercise.calls()
    refuse_what_cannot_run(exercise, answer, calls)
    is_class = isinstance(exercise.reference, type)
    states = [drawn_state(exercise.reference, call.init) if is_class else None for call in calls]
    expected = run_all(exercise.reference, calls, states)
    got = run_all(answer, calls, states)
    refuse_stubs_and_side_effects(exercise, answer, got)
    wrong = [i for i in range(len(calls)) if not expected[i].equals(got[i], exercise.tolerance)]
    if not wrong:
        n_inputs = "both" if len(calls) == 2 else f"all {len(calls)}"
        return f"The same results as the reference on {n_inputs} inputs."
    if found := recognise(exercise, calls, states, expected, got):
        raise Problem("misconception", found.message, misconception=found.name)
    explain(exercise, answer, calls[wrong[0]], expected[wrong[0]], got[wrong[0]])
    raise AssertionError("explain raises")


def run_all(program: Callable[..., Any], calls: Sequence[Call], states: Sequence[dict[str, Tensor] | None]):
    return [run(program, call, state) for call, state in zip(calls, states, strict=True)]


def refuse_what_cannot_run(exercise: Exercise, answer: Any, calls: Sequence[Call]) -> None:
    if is_placeholder(answer):
        raise Problem("not started", not_started(exercise))
    is_class = isinstance(exercise.reference, type)
    asked = "class" if is_class else "function"
    if is_class and isinstance(answer, nn.Module):
        raise Problem("contract", f"This is an object of the class: give the class itself, {name_of(answer)}.")
    if not callable(answer) or (is_class and not isinstance(answer, type)):
        raise Problem(
            "contract", f"A {asked} is asked for, and {short(answer, 60)} came: give its name, without brackets."
        )
    if is_class and getattr(answer, "forward", nn.Module.forward) is nn.Module.forward:
        if "__init__" not in vars(answer):
            raise Problem("not started", not_started(exercise))
        raise Problem("contract", f"{name_of(answer)} has no method forward of its own. {exercise.contract}")
    for program, args, kwargs in signatures(answer, is_class, calls):
        try:
            inspect.signature(program).bind(*args, **kwargs)
        except TypeError as error:
            names = ", ".join(name for name in inspect.signature(program).parameters if name != "self")
            message = f"{name_of(program)} takes ({names}): {error}. {exercise.contract}"
            raise Problem("contract", message) from None
        except ValueError:  # a built-in function that has no signature
            return


def signatures(answer: Any, is_class: bool, calls: Sequence[Call]):
    """What will be called, and with which arguments."""
    for call in calls:
        if is_class:
            yield answer.__init__, (None, *call.init), {}
            yield answer.forward, (None, *call.args), call.kwargs
        else:
            yield answer, call.args, call.kwargs


def refuse_stubs_and_side_effects(exercise: Exercise, answer: Any, got: Sequence[Outcome]) -> None:
    if all(outcome.is_not_started for outcome in got):
        returns_none = got[0].error is None and got[0].value is None
        raise Problem("not started", not_started(exercise, returns_none))
    for outcome in got:
        if isinstance(outcome.error, Misbuilt):
            raise Problem("contract", f"{outcome.error}.")
        if outcome.changed:
            raise Problem(
                "contract",
                f"{name_of(answer)} changes its argument {outcome.changed}, which belongs to the caller: compute a new "
                "value in its place (operations such as x += 1, x[0] = 1, list.sort and those ending in _ change x).",
            )


def not_started(exercise: Exercise, returns_none: bool = False) -> str:
    hint = " (It returns nothing yet: is `return` missing?)" if returns_none else ""
    return f"Write code in place of the dots. {exercise.contract}{hint}"


def explain(exercise: Exercise, answer: Any, call: Call, expected: Outcome, got: Outcome) -> None:
    """Raise the Problem that the first wrong result shows."""
    names = argument_names(answer.forward if isinstance(answer, type) else answer, len(call.args))
    inputs = [*zip(names, call.args, strict=True), *call.kwargs.items()]
    given = ("With:", "\n".join(named(name, value) for name, value in inputs))
    if got.error is not None:
        place = where(got.error)
        details = [("In your code:", place)] if place else []
        raise Problem("error", f"{type(got.error).__name__}: {got.error}", [*details, given])
    details = [given, ("Got:", short(got.value)), ("Expected:", short(expected.value))]
    if wrong_kind := misfit(expected.value, got.value, exercise.returns):
        raise Problem("contract", wrong_kind, details)
    if has_nan(got.value) and not has_nan(expected.value):
        message = (
            "The result holds NaN, not a number: 0/0, ∞/∞ (exp of a large number is ∞), ∞ - ∞, or the root or the "
            "logarithm of a negative number makes it."
        )
        raise Problem("contract", message, details)
    raise Problem("different", "The results differ from the reference; the smallest case:", details)


def named(name: str, value: Any) -> str:
    """The argument with its name; a matrix begins on a line of its own."""
    text = short(value)
    return f"{name} =\n{text}" if "\n" in text else f"{name} = {text}"


def same(mine: Any, theirs: Any, *args: Any, tolerance: float = 1e-5, **kwargs: Any) -> Result:
    """Compare the reader's object with the package's, on the same arguments and, for modules, with the same weights.

    `course.same(attend, attention.attend, q, k, v)` for functions, `course.same(MLP(8), blocks.MLP(8), x)` for modules,
    `course.same(SIZES, config.SIZES)` for values.
    """
    call = Call((), args, kwargs)
    if isinstance(theirs, nn.Module):
        mine, theirs = copy.deepcopy(mine).eval(), copy.deepcopy(theirs).eval()
        theirs.load_state_dict(mine.state_dict())
    compared = [run(program, call) if callable(theirs) else Outcome(program) for program in (mine, theirs)]
    for outcome in compared:
        if outcome.error is not None:
            raise outcome.error
    ours, package = (outcome.value for outcome in compared)
    if same_value(package, ours, tolerance):
        return Result(name_of(mine), "passed", "The same as the package's.")
    details = (("Yours:", short(ours)), ("The package's:", short(package)))
    return Result(name_of(mine), "different", "Not the same as the package's.", details)
