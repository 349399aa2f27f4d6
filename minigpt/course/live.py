"""Watch a run: train with a dashboard beside it, follow a run of another program, replay one that was recorded.

    live = course.train_live(trainer)
    live                # the dashboard; the notebook answers on while a thread trains
    await live          # until it is done: the records; pause and stop are heard meanwhile

Pause and stop take effect between two steps. Interrupting the kernel stops the run, too. After a stop everything is
kept, and `trainer.run()` goes on from there. In a script, where nothing can be awaited, `live.wait()` does the same;
in a cell it would keep the page's buttons from being heard before its end.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import torch

from minigpt import views
from minigpt.assets import asset
from minigpt.course.machine import is_static
from minigpt.training.folders import is_taken
from minigpt.training.loop import Trainer
from minigpt.training.telemetry import parse, read_telemetry
from minigpt.views.dashboard import Dashboard, Records

PAUSE = 0.5
"""Seconds between two pictures: the eye is slower than the model."""
PATIENCE = 10
"""Seconds without a trainer after which a run that is followed is over: one that begins again needs some."""
N_SAMPLES = 8
"""Texts that a run writes on its way."""
Sample = Callable[[torch.nn.Module], str]


class Live:
    """A run and its dashboard. `source` yields records, or None where nothing new has come; a thread reads them."""

    def __init__(self, view: Dashboard, source: Generator[dict | None]):
        self.view, self.source = view, source
        self.fresh: list[dict] = []
        self.error: Exception | None = None
        self.stopping, self.going = threading.Event(), threading.Event()
        self.going.set()
        view.on_request(lambda wish: {"pause": self.pause, "resume": self.resume, "stop": self.stop}[wish]())
        self.thread = threading.Thread(target=self.work, daemon=True)

    def start(self) -> "Live":
        """Begin, in the foreground in a page that is only read."""
        if is_static():
            self.work()
        else:
            self.thread.start()
        return self

    def work(self) -> None:
        self.view.say("running")
        shown = time.monotonic()
        try:
            with closing(self.source) as source:  # which lets go of the run's folder
                for record in source:
                    self.fresh += [record] if record is not None else []
                    if not is_static() and time.monotonic() - shown > PAUSE:
                        self.show()
                        shown = time.monotonic()
                    self.rest()
                    if self.stopping.is_set():
                        break
            self.show()
            self.at_end()
        except Exception as error:  # it belongs in front of the reader; the curves so far stay
            self.error = error
            try:
                self.show()
            finally:  # whatever happens to the curves, the state is told
                self.view.error = f"{type(error).__name__}: {error}"
                self.view.say("failed")

    def at_end(self) -> None:
        self.view.say("stopped" if self.stopping.is_set() else "finished")

    def show(self) -> None:
        """Hand what has come on to the dashboard."""
        records, self.fresh = self.fresh, []
        self.view.append(records)

    def rest(self) -> None:
        """Wait while the run is paused."""
        if not self.going.is_set():
            self.show()
            self.view.say("paused")
            self.going.wait()
            self.view.say("running")

    def pause(self) -> None:
        """Pause after the step in hand."""
        self.going.clear()

    def resume(self) -> None:
        """Go on after a pause."""
        self.going.set()

    def stop(self) -> None:
        """Stop after the step in hand."""
        self.stopping.set()
        self.going.set()

    def wait(self) -> None:
        """Until the run is over; interrupting the kernel stops it. Raises what the run has raised."""
        try:
            while self.thread.is_alive():
                self.thread.join(0.2)
        except KeyboardInterrupt:
            self.stop()
            self.thread.join()
        if self.error is not None:
            raise self.error

    def __await__(self) -> Generator[Any, None, Any]:
        return self.waited().__await__()

    async def waited(self) -> Any:
        """What `await live` gives: as `wait`, but the kernel hears the page's buttons meanwhile."""
        try:
            while self.thread.is_alive():
                await asyncio.sleep(0.1)
        except (asyncio.CancelledError, KeyboardInterrupt):  # the kernel was interrupted
            self.stop()
        return self.wait()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.view._repr_mimebundle_(**kwargs)


class LiveTraining(Live):
    """A run of this notebook's own."""

    latest: "LiveTraining | None" = None

    def __init__(self, view: Dashboard, trainer: Trainer, sample: Sample | None):
        self.trainer, self.sample = trainer, sample
        super().__init__(view, self.records())

    def start(self) -> "LiveTraining":
        """Begin; the run that an earlier call has started is stopped first."""
        before, LiveTraining.latest = LiveTraining.latest, self
        if before is not None and before.thread.is_alive():
            before.stop()
            before.thread.join()
        super().start()
        return self

    def records(self) -> Generator[dict]:
        every = max(1, self.trainer.config.n_steps // N_SAMPLES)
        process = psutil.Process()
        for record in self.trainer.steps():
            if self.sample is not None and self.trainer.step % every == 0:
                self.view.write(self.trainer.step, self.written(self.sample))
            on_gpu = self.trainer.device.type == "cuda"
            memory = torch.cuda.max_memory_allocated() if on_gpu else process.memory_info().rss
            yield record | {"memory_gb": memory / 1e9}

    def written(self, sample: Sample) -> str:
        """What the model writes now, without a trace in the random numbers of the run."""
        self.trainer.model.eval()
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(self.trainer.step)
            return sample(self.trainer.model)

    def at_end(self) -> None:
        if not self.stopping.is_set():
            self.view.say("finished")
            return
        kept = "a checkpoint is in its folder" if self.trainer.save() else "model and optimizer are kept"
        self.view.say("stopped", f"{kept}: trainer.run() goes on from step {self.trainer.step}.")

    def wait(self) -> list[dict]:
        """The records, when the run is over; interrupting the kernel stops it. Raises what the run has raised."""
        super().wait()
        return self.trainer.records


def train_live(
    trainer: Trainer,
    sample: Sample | None = None,
    floor: float | None = None,
    *,
    title: str = "this run",
    others: Mapping[str, Records] | None = None,
    band: Any = None,
) -> LiveTraining:
    """Train in a thread, with a dashboard. `sample(model)` writes a text now and then; the rest as `views.dashboard`.

    A page that is only read shows the run when it is over. One run trains live at a time: a new one stops the last.
    Raises TypeError where no trainer is given.
    """
    if not isinstance(trainer, Trainer):
        raise TypeError(f"{type(trainer).__name__} is no trainer: give Trainer(model, batches, config) first")
    options = {"floor": floor, "title": title, "others": others, "band": band, "controls": ("pause", "stop")}
    view = views.dashboard(trainer.records, n_steps=trainer.config.n_steps, **options)
    return LiveTraining(view, trainer, sample).start()


def follow_run(folder: Path | str, *, floor: float | None = None, n_steps: int | None = None) -> Live:
    """Follow a run of another program, such as `minigpt train`, by the telemetry.jsonl in its folder.

    The run goes on whatever happens here. The watch is over after `n_steps`; where they are not given, once nobody has
    trained in the folder for ten seconds: the run is done, stopped or killed. A page that is only read shows what is
    there.
    """
    folder = Path(folder)
    view = views.dashboard(title=folder.name, floor=floor, n_steps=n_steps, controls=("stop",))
    view.note = "This only looks on: stopping here does not stop the run."
    return Live(view, followed(folder / "telemetry.jsonl", n_steps)).start()


def followed(path: Path, n_steps: int | None) -> Generator[dict | None]:
    """The records of a file as they come, None where there is nothing new; a run that is resumed begins a new file."""
    known, place, rest, alive = None, 0, "", time.monotonic()
    while True:
        if n_steps is not None or not path.exists() or is_taken(path.parent):
            alive = time.monotonic()
        if path.exists():
            with open(path, encoding="utf-8") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != known or status.st_size < place:
                    known, place, rest = status.st_ino, 0, ""
                file.seek(place)
                rest += file.read()
                place = file.tell()
            *lines, rest = rest.split("\n")
            for record in parse([*lines, ""], path):
                yield record
                if n_steps is not None and record["step"] + 1 >= n_steps:
                    return
        if is_static() or time.monotonic() - alive > PATIENCE:
            return
        time.sleep(PAUSE)
        yield None


def replay(path: Path | str, *, speed: float | None = None, floor: float | None = None, title: str = "") -> Live:
    """Replay a recorded run, `speed` times as fast as it went (in 20 seconds if None). It says that it is a recording.

    `path` is a telemetry.jsonl, or the name of a run in assets/runs, such as "story". Raises ValueError for another
    name, naming those that there are, and for a file without records.
    """
    file = recording_named(path)
    records = read_telemetry(file)
    if not records:
        raise ValueError(f"{file} holds no records: give the telemetry.jsonl of a run")
    if speed is not None and not speed > 0:
        raise ValueError(f"speed={speed!r}: above 0, e.g. 100 for a hundred times as fast as it went")
    seconds = sum(record.get("seconds", 0.0) for record in records)
    speed = speed or max(1.0, seconds / 20)
    view = views.dashboard(
        title=title or file.stem, floor=floor, n_steps=len(records), is_recording=True, controls=("pause", "stop")
    )
    view.note = f"Recorded in {seconds / 60:,.0f} minutes, shown {speed:,.0f} times as fast."
    return Live(view, replayed(records, speed)).start()


def recording_named(path: Path | str) -> Path:
    """The file of a recording: itself, or by the name of a run that comes with the course."""
    if Path(path).suffix:
        return Path(path)
    names = sorted(file.stem for file in asset("runs").glob("*.jsonl") if file.read_bytes().startswith(b'{"step"'))
    if path not in names:
        raise ValueError(f"no recording is called {path!r}: take one of {', '.join(names)}, or give a telemetry.jsonl")
    return asset(f"runs/{path}.jsonl")


def replayed(records: list[dict], speed: float) -> Generator[dict]:
    """The records, each at its time."""
    owed = 0.0
    for record in records:
        owed += record.get("seconds", 0.0) / speed
        if owed > 0.02 and not is_static():
            time.sleep(owed)
            owed = 0.0
        yield record
