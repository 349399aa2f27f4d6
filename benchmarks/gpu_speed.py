"""The ladder of `benchmarks/gpu.py`: GPT-2's 124M shape on a GPU, one trick after the other, and writing text.

Each rung is one way to make the same training step. All of them are made first, then they take turns, so that a slow
moment of the machine hits them alike. Model FLOPs utilisation: operations of `costs.flops_per_token` with the true
vocabulary, a second, as a share of what the data sheet gives for dense products in bfloat16.
"""

import functools
import time
from collections.abc import Callable
from statistics import median

import torch
from gpu_rungs import BASE, TRAINER, Competitor, Nano, WithTrainer, ladder

from minigpt.config import GPTConfig
from minigpt.training import costs


def makers(config: GPTConfig, device: torch.device, small: int, large: int, backend: str) -> dict[str, Callable]:
    """All competitors by name, the most important first, in case time runs out while they are made."""
    rungs = ladder(small, large, config.n_vocab)
    base_batch = small * 3 // 2  # 12 where ours begins with 8
    made: dict[str, Callable] = {BASE: lambda: Nano(BASE, base_batch, config, device, backend)}
    order = [rungs[-1], rungs[8], *rungs[5:8], *rungs[:5], *rungs[9:-1]]
    for rung in order[:2]:
        made[rung.name] = functools.partial(Competitor, rung, config, device, backend)
    made[TRAINER] = lambda: WithTrainer(large, config, device, backend)
    made[f"{BASE}, larger batch"] = lambda: Nano(f"{BASE}, larger batch", large, config, device, backend)
    for rung in order[2:]:
        made[rung.name] = functools.partial(Competitor, rung, config, device, backend)
    return made


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(competitor: Competitor, n_steps: int, device: torch.device) -> tuple[float, float]:
    """Seconds a step, and the last loss."""
    wait(device)
    start = time.perf_counter()
    for i in range(n_steps):
        loss = competitor.step(i)
    seconds = (time.perf_counter() - start) if device.type == "cpu" else 0.0
    value = loss.item()  # waits for the GPU
    return (seconds or time.perf_counter() - start) / n_steps, value


def peak_of(competitor: Competitor, device: torch.device) -> int | None:
    """Bytes of a step with this competitor's weights and averages, and nobody else's; None without a GPU."""
    if device.type != "cuda":
        return None
    own = [*competitor.parameters, *(t for s in competitor.optimizer.state.values() for t in s.values())]
    wait(device)
    others = torch.cuda.memory_allocated(device) - sum(t.nbytes for t in own if t.is_cuda)
    torch.cuda.reset_peak_memory_stats(device)
    competitor.step(0)
    wait(device)
    return torch.cuda.max_memory_allocated(device) - others


def race(
    config: GPTConfig,
    device: torch.device,
    sizes: tuple[int, int],
    peak: float,
    write: Callable[[dict], None],
    time_left: Callable[[], float],
    n_rounds: int = 7,
    seconds_a_turn: float = 0.4,
    backend: str = "inductor",
) -> list[dict]:
    """Make all competitors, let them take turns, write a line for each turn and at the end one for each competitor.

    `peak`: operations a second of the data sheet. What cannot be made, or for which no time is left, says why.
    """
    runners: dict[str, tuple[Competitor, int, dict]] = {}
    for name, make in makers(config, device, *sizes, backend).items():
        if runners and time_left() < 80 + 8 * len(runners) * seconds_a_turn:
            write({"kind": "rung", "name": name, "skipped": "no time was left"})
            continue
        start = time.perf_counter()
        try:
            competitor = make()
            for i in range(3):
                competitor.step(i)  # compiles, and tries what is fastest
            seconds, loss = timed(competitor, 2, device)
            memory = {"peak_bytes": peak_of(competitor, device), "foretold_bytes": competitor.foretold(config)}
        except Exception as error:
            write({"kind": "rung", "name": name, "skipped": f"{type(error).__name__}: {error}"[:400]})
            competitor = None  # its memory is needed
            torch.cuda.empty_cache()
            continue
        made_in = round(time.perf_counter() - start, 1)
        runners[name] = (competitor, max(1, round(seconds_a_turn / seconds)), memory)
        write({"kind": "made", "name": name, "seconds": made_in, "seconds_a_step": seconds, "loss": loss, **memory})
    turns: dict[str, list[float]] = {name: [] for name in runners}
    names = list(runners)
    for i in range(n_rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            competitor, n_steps, _ = runners[name]
            seconds, loss = timed(competitor, n_steps, device)
            turns[name].append(competitor.rung.batch_size * config.n_ctx / seconds)
            line = {"kind": "turn", "name": name, "round": i, "n_steps": n_steps, "loss": loss}
            write(line | {"tokens_per_second": round(turns[name][-1])})
        if time_left() < 20:
            break
    order = [BASE, f"{BASE}, larger batch", *(rung.name for rung in ladder(*sizes, config.n_vocab)), TRAINER]
    lines = summary([runners[name] for name in order if name in runners], turns, config, peak)
    for line in lines:
        write(line)
    return lines


def summary(
    runners: list[tuple[Competitor, int, dict]], turns: dict[str, list[float]], config: GPTConfig, peak: float
) -> list[dict]:
    """A line for each competitor: median speed, and how many times the base's and the rung's before it that is."""
    flops, lines = costs.flops_per_token(config), []
    speeds = {name: median(all_turns) for name, all_turns in turns.items() if all_turns}
    before = None
    for competitor, _, memory in runners:
        name = competitor.rung.name
        if name not in speeds:
            continue
        line = {"kind": "rung", **competitor.settings, **memory, "tokens_per_second": round(speeds[name])}
        line |= {"utilisation": speeds[name] * flops / peak}
        line |= {"times_base": speeds[name] / speeds[BASE] if BASE in speeds else None}
        if not name.startswith((BASE, TRAINER)):
            line |= {"before": before, "times_before": speeds[name] / speeds[before] if before else None}
            before = name
        if memory["peak_bytes"] and memory["foretold_bytes"]:
            line["measured_by_foretold"] = memory["peak_bytes"] / memory["foretold_bytes"]
        lines.append(line)
    return lines
