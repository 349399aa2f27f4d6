"""What notebooks call: `from minigpt import course`, then `course.start("05")`, `course.check("05.row", my_row)`, …"""

from minigpt.course.blanks import fill_in
from minigpt.course.checks import check, same
from minigpt.course.guesses import guess, guess_number
from minigpt.course.kv_cache import measure_cache
from minigpt.course.lab import lab
from minigpt.course.live import follow_run, replay, train_live
from minigpt.course.live_heads import live_heads
from minigpt.course.machine import budget, device, on_gpu, start
from minigpt.course.playground import try_model
from minigpt.course.progress import progress
from minigpt.course.real_model import run_in_model
from minigpt.course.real_pairs import real_sentences
from minigpt.course.speed import cost_calculator, show_roofline
from minigpt.course.time_machine import time_machine
from minigpt.course.translate import try_beam, try_translator
from minigpt.course.writing import write_tree


def show_map() -> None:
    """Put the map of the course into the notebook."""
    from minigpt.course.map import show  # brings matplotlib

    show()


__all__ = [
    "budget",
    "check",
    "cost_calculator",
    "device",
    "fill_in",
    "follow_run",
    "guess",
    "guess_number",
    "lab",
    "live_heads",
    "measure_cache",
    "on_gpu",
    "progress",
    "real_sentences",
    "replay",
    "run_in_model",
    "same",
    "show_map",
    "show_roofline",
    "start",
    "time_machine",
    "train_live",
    "try_beam",
    "try_model",
    "try_translator",
    "write_tree",
]
