"""All heads of a 12-layer, 12-head model in JupyterLab: our view beside bertviz and CircuitsVis.

    python benchmarks/views.py --tokens 16 64

Each viewer shows the same random causal attention in a notebook of its own, in a real JupyterLab in Chromium. Both
peers get what they need from this machine: bertviz through `views.bertviz`, CircuitsVis (not installed with the course:
`pip install circuitsvis`) through the script in its own package. The rounds take turns. Printed for each viewer and
length, the median over the rounds:

- MB saved: the outputs as they stand in the saved notebook (ours in static mode, as the course commits them;
  bertviz's own HTML, which `views.bertviz` packs);
- MB sent: what the page received through its sockets while the cell ran;
- drawn: seconds from running the cell until the picture is complete: until the last stroke on a canvas and the last new
  node in an output, which the page notes itself while nobody looks;
- hover: milliseconds in which the page answers a movement of the pointer, where it does so at once (nine of ten are
  faster);
- memory: MB that the browser's page processes have grown by.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from minigpt.course.execute import KERNEL  # noqa: E402
from tests.browser.conftest import ask, started_chromium, started_lab  # noqa: E402

SETUP = """import importlib, json, os
import numpy as np
from minigpt import views
from minigpt.inspection.record import Recording
importlib.import_module("minigpt.views.bertviz").MAX_TOKENS.update(head=10**6, model=10**6)  # measured, not refused
T = {tokens}
scores = np.random.default_rng(0).normal(size=(12, 12, T, T)) + 3 * np.eye(T, k=-1)
weights = np.exp(scores) * np.tri(T)
weights = (weights / weights.sum(-1, keepdims=True)).astype(np.float32)
labels = tuple(f"tok{{t}}" for t in range(T))
recording = Recording(labels, None, {{f"h.{{i}}.attn": weights[i] for i in range(12)}}, {{}}, None, "GPT")
"""
SHOW = {
    "ours": "views.heads(recording)",
    "bertviz head": "views.bertviz(recording, view='head')",
    "bertviz model": "views.bertviz(recording, view='model')",
    "circuitsvis": "from circuitsvis.attention import attention_heads\n"
    "from IPython.display import HTML\n"
    "HTML(attention_heads(tokens=list(labels), attention=weights.reshape(144, T, T)).local_src)",
}
SAVED = {  # how large the output is, where it is not what the page holds: ours static, bertviz's as it comes
    "ours": "os.environ['MINIGPT_STATIC'] = '1'\nprint(len(json.dumps(views.heads(recording)._repr_mimebundle_())))",
    **{
        f"bertviz {kind}": "import torch\n"
        f"from bertviz import {kind}_view\n"
        "layers = [torch.from_numpy(layer[None]) for layer in weights]\n"
        f"print(len(json.dumps({kind}_view(layers, list(labels), html_action='return').data)))"
        for kind in ("head", "model")
    },
}
NOTE = """(() => {  // run in every frame: when was the last thing drawn?
  if (window.lastDrawn !== undefined) return;
  window.lastDrawn = 0;
  const note = () => { window.lastDrawn = Date.now(); };
  for (const name of ['putImageData', 'drawImage', 'fillText', 'fillRect', 'strokeRect', 'stroke', 'fill']) {
    const own = CanvasRenderingContext2D.prototype[name];
    CanvasRenderingContext2D.prototype[name] = function (...given) { note(); return own.apply(this, given); };
  }
  const inOutput = ({ target }) => !document.querySelector('.jp-Notebook') || target.closest?.('.jp-OutputArea-output');
  const watch = new MutationObserver((records) => records.some(inOutput) && note());
  watch.observe(document, { subtree: true, childList: true });
})()"""
COUNT = """() => {  // of everything that a viewer draws with; a canvas counts when it has a pixel
  const painted = canvas => canvas.width > 0 && canvas.getContext('2d')
    ?.getImageData(0, 0, canvas.width, canvas.height).data.some(value => value > 0);
  const inNotebook = document.querySelector('.jp-Notebook');
  const places = inNotebook ? [...document.querySelectorAll('.jp-OutputArea-output')] : [document.body];
  return places.map(place => place.querySelectorAll('svg *').length
    + [...place.querySelectorAll('canvas')].filter(painted).length).reduce((a, b) => a + b, 0);
}"""
RUN = """(() => { const notebook = jupyterapp.shell.currentWidget.content; notebook.activeCellIndex = %d;
  notebook.deselectAll(); return jupyterapp.commands.execute('notebook:run-cell'); })()"""
LEAST = {"ours": 145, "bertviz head": 100, "bertviz model": 144, "circuitsvis": 1}
HOVER = """([selector, kind]) => { // milliseconds of one answer to the pointer, until the page is laid out anew
  const places = [...document.querySelectorAll(selector)]; if (!places.length) return null;
  const times = [];
  for (let k = 0; k < 20; k++) {
    const place = places[(7 * k) % places.length], box = place.getBoundingClientRect();
    const at = { clientX: box.x + box.width * (0.5 + 0.02 * k), clientY: box.y + box.height * (0.5 + 0.02 * k) };
    const start = performance.now();
    place.dispatchEvent(new MouseEvent(kind, { ...at, bubbles: true })); document.body.getBoundingClientRect();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[17]; }"""
POINTED = {  # where the pointer moves, and the event that each viewer listens to; CircuitsVis redraws after the event
    "ours": (".minigpt-heads .panel canvas", "mousemove"),
    "bertviz head": ("#left > g:last-child > g", "mouseover"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--viewers", nargs="+", default=list(SHOW), choices=list(SHOW))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as home, started_chromium() as browser, started_lab(browser, Path(home)) as lab:
        for tokens in arguments.tokens:
            found = {viewer: [] for viewer in arguments.viewers}
            for _ in range(arguments.rounds):
                for viewer in arguments.viewers:
                    found[viewer].append(measure(lab, Path(home), viewer, tokens))
            rows += [summary(viewer, tokens, rounds) for viewer, rounds in found.items()]
    print_table(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def measure(lab, home: Path, viewer: str, tokens: int) -> dict:
    """One round of one viewer, or why there is none."""
    name = f"{viewer.replace(' ', '_')}_{tokens}"
    cells = [SETUP.format(tokens=tokens), SHOW[viewer], SAVED.get(viewer, "")]
    path = home / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=KERNEL), path)
    try:
        with lab.open(path) as notebook:
            return watch(notebook.page, viewer)
    except Exception as error:
        return {"failed": str(error).strip().splitlines()[-1][:100]}


def watch(page, viewer: str) -> dict:
    """Run the three cells one by one and measure the second."""
    received = [0]
    run_cell(page, 0)
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.on(
        "Network.webSocketFrameReceived",
        lambda event: received.__setitem__(0, received[0] + len(event["response"]["payloadData"])),
    )
    before = page_memory()
    page.context.add_init_script(NOTE)  # for frames to come, …
    page.evaluate(NOTE)  # … and for this one
    start = page.evaluate(f"() => {{ const start = Date.now(); {RUN % 1}; return start; }}")  # nobody waits for it
    drawn = (wait_until_drawn(page, LEAST[viewer]) - start) / 1000
    look_for_errors(page, 1)
    sent = received[0]
    grown = page_memory() - before
    hover = next((value for frame in page.frames if (value := hover_in(frame, viewer)) is not None), None)
    run_cell(page, 2)
    outputs = page.evaluate(
        "() => jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map(c => JSON.stringify(c.getOutputs()))"
    )
    saved = int(json.loads(outputs[2])[0]["text"]) if viewer in SAVED else len(outputs[1])
    return {"saved": saved / 1e6, "sent": sent / 1e6, "drawn": drawn, "hover": hover, "memory": grown}


def run_cell(page, index: int) -> None:
    """Run one cell and wait for the kernel."""
    ask(page, f"(async () => {{ await {RUN % index} }})()", seconds=120)
    look_for_errors(page, index)


def look_for_errors(page, index: int) -> None:
    """Raises RuntimeError with the first error among the cell's outputs."""
    errors = page.evaluate(
        f"""() => jupyterapp.shell.currentWidget.content.model.sharedModel.cells[{index}].getOutputs()
        .filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue)"""
    )
    if errors:
        raise RuntimeError(errors[0])


def wait_until_drawn(page, least: int, quiet: float = 1.0, seconds: float = 120) -> float:
    """The moment at which the last thing was drawn, in ms since 1970: at least so many, and no more for `quiet` s."""
    deadline = time.time() + seconds
    while time.time() < deadline:
        time.sleep(quiet / 2)
        last = max(in_frame(frame, "() => window.lastDrawn") for frame in page.frames)
        if last and time.time() - last / 1000 > quiet:
            count = sum(in_frame(frame, COUNT) for frame in page.frames)
            if count >= least:
                return last
    raise TimeoutError(f"not drawn within {seconds:g} s: at least {least} things expected")


def in_frame(frame, script: str) -> float:
    try:
        return frame.evaluate(script) or 0
    except Exception:  # a frame that is just being made or gone
        return 0


def hover_in(frame, viewer: str) -> float | None:
    try:
        return frame.evaluate(HOVER, POINTED[viewer]) if viewer in POINTED else None
    except Exception:
        return None


def page_memory() -> float:
    """MB that Chromium's page processes hold for themselves."""
    pages = [p for p in psutil.Process().children(recursive=True) if "--type=renderer" in p.cmdline()]
    return sum(p.memory_full_info().uss for p in pages) / 1e6


def summary(viewer: str, tokens: int, rounds: list[dict]) -> dict:
    row: dict = {"viewer": viewer, "tokens": tokens}
    good = [found for found in rounds if "failed" not in found]
    if not good:
        return row | {"failed": rounds[0]["failed"]}
    for key in ("saved", "sent", "drawn", "hover", "memory"):
        values = [found[key] for found in good if found[key] is not None]
        row[key] = median(values) if values else None
    return row


def print_table(rows: list[dict]) -> None:
    print(f"{'viewer':<14} tokens  MB saved  MB sent  drawn s  hover ms  memory MB   against ours: saved, drawn")
    ours = {row["tokens"]: row for row in rows if row["viewer"] == "ours" and "failed" not in row}
    for row in rows:
        if "failed" in row:
            print(f"{row['viewer']:<14} {row['tokens']:>6}  {row['failed']}")
            continue
        hover = "       -" if row["hover"] is None else f"{row['hover']:>8.1f}"
        mine = ours.get(row["tokens"])
        ratio = f"{row['saved'] / mine['saved']:>8.1f} x {row['drawn'] / mine['drawn']:>6.1f} x" if mine else ""
        print(
            f"{row['viewer']:<14} {row['tokens']:>6}  {row['saved']:>8.2f} {row['sent']:>8.2f} {row['drawn']:>8.2f}  "
            f"{hover}  {row['memory']:>9.0f}   {ratio}"
        )


if __name__ == "__main__":
    main()
