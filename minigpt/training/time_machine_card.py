"""Ship a run of the time machine: snapshots, tokenizer, measures, and a card whose numbers come from the run itself.

python -m minigpt.training.time_machine_card --run runs/time_machine --out assets/checkpoints/time_machine --machine "…"
"""

import argparse
import json
import platform
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from minigpt.inspection.heads import head_scores, repeated_tokens, uniform_score
from minigpt.inspection.record import record
from minigpt.models.gpt import GPT
from minigpt.sampling import complete
from minigpt.training.checkpoints import load_latest
from minigpt.training.telemetry import read_telemetry
from minigpt.training.time_machine import HELD_OUT, LEVELS, MEASURES, TEXT, Settings
from minigpt.weights.shipped import CARD, TOKENIZER
from minigpt.weights.snapshots import Snapshots, load_snapshots, snapshot_file

PROMPT = "There was a boy named Bovito. Bovito had a friend named Tumela. One day, Bo"
SAMPLING = {"max_new_tokens": 40, "temperature": 0.5, "top_k": 20, "seed": 0}


def card(run: Path, machine: str, note: str = "", settings: Settings | None = None) -> str:
    """The card, in Markdown. Raises ValueError for a run that is not finished or has other settings."""
    settings = settings or Settings()
    snapshots, measures = check(run, settings), read_telemetry(run / MEASURES)
    config, train, last = settings.model, settings.train, measures[-1]
    layer, head = best_head(last)
    telemetry = read_telemetry(run / "telemetry.jsonl")
    model = snapshots.model(snapshots.steps[-1])
    used = ("optimizer", "learning_rate", "min_learning_rate", "muon_learning_rate", "n_warmup", "weight_decay")
    score, alike = score_on_any(model, layer, head)
    counted = json.loads((run / LEVELS).read_text(encoding="utf-8"))
    return f"""\
# time_machine

One small GPT-2 at {len(snapshots.steps)} steps of its training, in half precision. `course.time_machine()` puts
them under a slider; `minigpt.weights.snapshots.load_snapshots()` reads them. In it an induction head is born.

## Training
`python -m minigpt.training.time_machine --data DATA --folder runs/time_machine`
on {machine}.
Python {platform.python_version()}, PyTorch {torch.__version__}, NumPy {np.__version__}.{note and " " + note}

Text: {TEXT.what}, {len(np.load(run / "train.npy")):,} tokens of it. The people of
its stories have made-up names, others in each story, which can be copied and cannot be known. One story in
{HELD_OUT} is held out. No text is in this folder. The tokenizer, byte-level BPE with {config.n_vocab:,} tokens, was
trained on the same stories.

{telemetry[-1]["n_tokens"]:,} tokens read in {sum(one["seconds"] for one in telemetry) / 60:.0f} minutes of steps:
n_steps {train.n_steps}, batch {settings.batch_size} of {config.n_ctx} tokens,
{", ".join(f"{name} {asdict(train)[name]}" for name in used)}.

A GPT-2 of {model.n_params():,} parameters: {config.n_layer} blocks, {config.n_head} heads, width {config.n_embd}.

## What was measured
`{MEASURES}` has it for every {settings.measure_every} steps. Losses are in nats per token, lower is better.
Counting reaches, on the same held-out windows (`{LEVELS}`):
{", ".join(f"{name} {loss:.2f}" for name, loss in counted.items())}.

- names first, again: the loss over lists of made-up names that are said twice
- off: the loss over the names said again, with layer {layer}, head {head} switched off (counted from 0)
- score: the induction score of that head on these lists; it is the best at the end (step 0: what looking alike has)
- previous: the best score of a head for looking at the token before

{table(measures, snapshots.steps)}

## Samples
After "{PROMPT}", temperature {SAMPLING["temperature"]}, top-k {SAMPLING["top_k"]},
seed {SAMPLING["seed"]}, first try.

{samples(snapshots)}

## Limits
It knows the manner of such stories and nothing else, and many of its words are none. The head that is born copies
names: on lists of any tokens, said twice, its induction score is {score:.2f}, where looking everywhere alike has
{alike:.2f}. This is one run of one small model: another seed gives other steps and other heads.
"""


def check(run: Path, settings: Settings) -> Snapshots:
    """The snapshots of the run, if it is the whole recipe."""
    found = load_latest(run)
    if found is None or found[1]["step"] < settings.train.n_steps:
        raise ValueError(f"the run in {run} is not finished: run minigpt.training.time_machine with the same folder")
    theirs, ours = found[1]["train_config"], json.loads(json.dumps(asdict(settings.train)))
    if other := {name: value for name, value in theirs.items() if ours.get(name) != value}:
        raise ValueError(f"the run in {run} has other settings than the recipe: {other}")
    snapshots = load_snapshots(run)
    if snapshots.steps != settings.snapshots or snapshots.model(snapshots.steps[-1]).config != settings.model:
        raise ValueError(f"the snapshots in {run} are not those of the recipe: {snapshots.steps}")
    return snapshots


def best_head(found: dict) -> tuple[int, int]:
    """Layer and head of the best induction score of a measurement."""
    scores = np.array(found["induction"])
    layer, head = np.unravel_index(scores.argmax(), scores.shape)
    return int(layer), int(head)


def table(measures: list[dict], steps: tuple[int, ...]) -> str:
    """A row for each snapshot."""
    layer, head = best_head(measures[-1])
    rows = ["| step | held-out loss | names first | again | off | score | previous |", "|---:" * 7 + "|"]
    for found in measures:
        if found["step"] in steps:
            losses = [found[name] for name in ("valid_loss", "first", "repeat")] + [found["ablated"][layer][head]]
            scores = [found["induction"][layer][head], np.max(found["previous"])]
            rows.append(f"| {found['step']:,} | " + " | ".join(f"{value:.2f}" for value in losses + scores) + " |")
    return "\n".join(rows)


def samples(snapshots: Snapshots) -> str:
    """What some of the snapshots write, a line each."""
    steps = snapshots.steps[::-1][:: max(1, len(snapshots.steps) // 4)][::-1]  # the last one among them
    texts = [complete(snapshots.model(step), snapshots.tokenizer, PROMPT, **SAMPLING) for step in steps]
    told = [" ".join(text[len(PROMPT) :].split()) for text in texts]
    return "\n".join(f"- step {step:,}: `{text}`" for step, text in zip(steps, told, strict=True))


def score_on_any(model: GPT, layer: int, head: int, n_texts: int = 32) -> tuple[float, float]:
    """A head's induction score on repeats of tokens of the whole vocabulary, and that of looking everywhere alike."""
    n = min(25, model.config.n_ctx // 2)
    texts = [repeated_tokens(model.config.n_vocab, n, seed=seed) for seed in range(n_texts)]
    scores = [head_scores(record(model, text))["induction"][layer, head] for text in texts]
    return float(np.mean(scores)), uniform_score("induction", texts[0])


def ship(run: Path, out: Path, runs: Path, text: str) -> None:
    """Put what belongs to the course, and the card, into `out`, and the run's telemetry into `runs`."""
    out.mkdir(parents=True, exist_ok=True)
    runs.mkdir(parents=True, exist_ok=True)
    shutil.copy(run / "telemetry.jsonl", runs / "time_machine.jsonl")
    files = [snapshot_file(run, step) for step in load_snapshots(run).steps]
    for file in (*files, *(run / name for name in (TOKENIZER, MEASURES, LEVELS))):
        shutil.copy(file, out / file.name)
    (out / CARD).write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--machine", required=True, help="what it was trained on, in words, for the card")
    parser.add_argument("--note", default="", help="what else a reader of the card should know about the run")
    arguments = parser.parse_args()
    text = card(arguments.run, arguments.machine, arguments.note)
    ship(arguments.run, arguments.out, arguments.out.parents[1] / "runs", text)


if __name__ == "__main__":
    main()
