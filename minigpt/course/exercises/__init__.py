"""The exercises of the course, nb05.py and nb05_attention.py hold those of notebook 05."""

import difflib
import importlib
import pkgutil
from functools import cache

from minigpt.course.exercise import Exercise


@cache
def all_exercises() -> dict[str, Exercise]:
    """Id -> exercise, in the order of the notebooks."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith("nb"))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    exercises = [exercise for module in modules for exercise in module.EXERCISES]
    assert len({exercise.id for exercise in exercises}) == len(exercises), "two exercises have the same id"
    return {exercise.id: exercise for exercise in exercises}


def find(exercise_id: str) -> Exercise:
    """The exercise of this id. Raises ValueError, with the nearest ones, where there is none."""
    known = all_exercises()
    if exercise_id not in known:
        near = difflib.get_close_matches(str(exercise_id), known, n=3, cutoff=0.4) or list(known)
        raise ValueError(f"there is no exercise {exercise_id!r}: near it are {', '.join(near)}")
    return known[exercise_id]
