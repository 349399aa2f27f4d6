"""The live lab in JupyterLab: how long from a key in the prompt to the redrawn view, with the shipped model on CPU.

    python benchmarks/lab.py --tokens 8 32 128

A real JupyterLab in Chromium shows `course.lab()` with a prompt of so many tokens. Each key adds a letter at its end
that was not there before, so that every answer is a new run of the model; the letter is then taken away again. Printed
for each length, in milliseconds:

- redrawn: from the key until the view has drawn the answer and the browser has painted it; the median, the span in
  which the middle half lies, and the slowest;
- kernel: the median of what finding the answer takes in the kernel, of these. The rest is the wait for more keys
  (16 ms, so that a fast typist does not ask for every letter), the way to the kernel and back, and drawing.
"""

import argparse
import json
import string
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser" / "views")]

from page import run  # noqa: E402

from minigpt.course.execute import KERNEL  # noqa: E402
from minigpt.weights.shipped import load_shipped  # noqa: E402
from tests.browser.conftest import started_chromium, started_lab  # noqa: E402

STORY = (
    "Once upon a time there was a little girl named Lily. She had a red ball, and she liked to play with it in the "
    "park with her friends. One day the ball rolled away, and Lily ran after it as fast as she could. "
)
CELL = """import time
from minigpt import course
view = course.lab(prompt={prompt!r})
spent, answer = [], view._answer_to
def timed(request):
    start = time.perf_counter()
    found = answer(request)
    spent.append(1000 * (time.perf_counter() - start))
    return found
view._answer_to = timed
view"""
WATCH = """() => {  // each key: milliseconds until its answer is painted
  window.timings = [];
  const view = document.querySelector('.minigpt-lab');
  let pressed = 0;
  view.querySelector('textarea').addEventListener('keydown', () => { pressed = performance.now(); }, true);
  new MutationObserver(() => {
    if (view.getAttribute('aria-busy') !== 'false') return;
    requestAnimationFrame(() => setTimeout(() => timings.push(performance.now() - pressed)));
  }).observe(view, { attributeFilter: ['aria-busy'] });
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, nargs="+", default=[8, 32, 128])
    parser.add_argument("--keys", type=int, default=30, help="keys for each length, at most 52")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, started_chromium() as browser, started_lab(browser, Path(home)) as lab:
        rows = [measure(lab, Path(home), tokens, min(arguments.keys, 52)) for tokens in arguments.tokens]
    print(f"{'tokens':>6}  {'redrawn ms':>10}  {'middle half':>13}  {'slowest':>7}  {'kernel ms':>9}")
    for row in rows:
        span = "{:.0f} to {:.0f}".format(*row["middle half"])
        print(f"{row['tokens']:>6}  {row['redrawn']:>10.0f}  {span:>13}  {row['slowest']:>7.0f}  {row['kernel']:>9.0f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def measure(lab, home: Path, tokens: int, keys: int) -> dict:
    """One length in a notebook of its own."""
    path = home / f"lab_{tokens}.ipynb"
    cells = [new_code_cell(CELL.format(prompt=prompt_of(tokens)))]
    nbformat.write(new_notebook(cells=cells, metadata=KERNEL), path)
    with lab.open(path) as notebook:
        notebook.run_all()
        page = notebook.page
        ready = page.locator(".minigpt-lab[aria-busy=false]")
        page.locator(".minigpt-lab").get_by_label("Prompt", exact=True).focus()
        page.keyboard.press("Control+End")
        page.evaluate(WATCH)
        for letter in string.ascii_letters[:keys]:
            for key in (letter, "Backspace"):  # what is there again is answered from memory: not counted
                page.keyboard.press(key)
                ready.wait_for()
                page.wait_for_timeout(80)
        redrawn = page.evaluate("() => timings")[::2]
        kernel = json.loads(run(notebook, f"print(spent[:{2 * keys}:2])"))
    assert len(redrawn) == len(kernel) == keys, f"{len(redrawn)} pictures and {len(kernel)} answers for {keys} keys"
    low, _, high = quantiles(redrawn, n=4)
    return {
        "tokens": tokens,
        "redrawn": median(redrawn),
        "middle half": [low, high],
        "slowest": max(redrawn),
        "kernel": median(kernel),
    }


def prompt_of(tokens: int) -> str:
    """The beginning of a story that has, with a letter more, so many tokens."""
    _, tokenizer = load_shipped()
    ids = tokenizer.encode(STORY * (1 + tokens // 40))
    return tokenizer.decode(ids[: tokens - 1]) + " "


if __name__ == "__main__":
    main()
