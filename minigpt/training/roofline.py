"""What limits an operation, arithmetic or bytes: the roofline of a machine, measured, and a GPT's operations under it.

    roof = measure(torch.device("cpu"))
    points = [time_work(work) for work in gpt_work(torch.device("cpu"))]

An operation that does n operations on b bytes has the arithmetic intensity n / b. It cannot go faster than the units
that compute, nor than its bytes arrive: operations a second ≤ min(peak, intensity · bandwidth). Source: Williams,
Waterman and Patterson 2009, "Roofline: An Insightful Visual Performance Model for Multicore Architectures".

Shapes: B batch, H heads, T time, D channels per head.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from minigpt.models.attention import attend

FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
COLD = 1 << 27
"""Bytes that work is spread over, more than a cache holds: else the next run would find its numbers there."""
ELEMENTWISE = {"LayerNorm": 7, "GELU": 9, "softmax": 5}
"""Operations for each number, a root, an exponential or a tanh as one; what matters is that they are few."""
ADAMW_OPERATIONS, ADAMW_NUMBERS = 14, 7
"""For each weight: operations of a step, and numbers moved: weight, gradient, two averages in, all but one out."""


@dataclass(frozen=True)
class Roof:
    """What a machine can do at most."""

    peaks: dict[str, float]
    """Operations a second in each number format."""
    bandwidth: float
    """Bytes a second between memory and the units that compute."""

    def ridge(self, number_format: str = "float32") -> float:
        """The intensity from which on arithmetic limits: below it, bytes do."""
        return self.peaks[number_format] / self.bandwidth

    def bound(self, intensity: float, number_format: str = "float32") -> float:
        """Operations a second that are possible at this intensity (operations per byte)."""
        return min(self.peaks[number_format], intensity * self.bandwidth)


@dataclass(frozen=True)
class Work:
    """One operation of a GPT, counted. `runs` do it, each on memory of its own."""

    name: str
    kind: str
    number_format: str
    operations: int
    n_bytes: int
    """Each operand read once, each result written once."""
    runs: list[Callable[[], Any]]


@dataclass(frozen=True)
class Point:
    """A measured operation: what was counted, and the seconds that the fastest run took."""

    name: str
    kind: str
    number_format: str
    operations: int
    n_bytes: int
    seconds: float

    @property
    def intensity(self) -> float:
        """Operations per byte."""
        return self.operations / self.n_bytes

    @property
    def speed(self) -> float:
        """Operations a second."""
        return self.operations / self.seconds


def measure(device: torch.device, seconds: float = 0.3) -> Roof:
    """The roof of this machine as a program can reach it: large matrix products, and large sums and copies.

    Each product is repeated for so many seconds, and the fastest run counts: a busy machine slows the others down.
    """
    sizes = (4096, 8192) if device.type == "cuda" else (512, 1024)
    peaks = {name: max(product_speed(n, dtype, device, seconds) for n in sizes) for name, dtype in FORMATS.items()}
    return Roof(peaks, bandwidth(device, seconds))


def raised(roof: Roof, points: Iterable[Point]) -> Roof:
    """The roof, lifted where a point went through it: what was reached is possible."""
    points = list(points)
    speeds = {name: [p.speed for p in points if p.number_format == name] for name in roof.peaks}
    peaks = {name: max([peak, *speeds[name]]) for name, peak in roof.peaks.items()}
    return Roof(peaks, max([roof.bandwidth, *(p.n_bytes / p.seconds for p in points)]))


def product_speed(n: int, dtype: torch.dtype, device: torch.device, seconds: float = 0.3) -> float:
    """Operations a second of a product of two matrices of n · n numbers, laid out as a layer's: 2n³ operations."""
    a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    return 2 * n**3 / best_seconds([lambda: F.linear(a, b)], device, seconds)


def bandwidth(device: torch.device | None = None, seconds: float = 0.3) -> float:
    """Bytes a second that go to or from memory: the most of a sum, a matrix times a vector, and a copy.

    Each goes through four matrices in turn: together they are larger than a cache, and one takes so little time that
    on a busy machine some run is not interrupted.
    """
    device = device or torch.device("cpu")
    n_bytes = 1 << 29 if device.type == "cuda" else 1 << 26
    matrices = [torch.ones(n_bytes // 4 // 1024, 1024, device=device) for _ in range(4)]
    vector, to = torch.ones(len(matrices[0]), device=device), torch.empty_like(matrices[0])
    ways = {
        "sum": ([matrix.sum for matrix in matrices], 1),
        "product": ([lambda matrix=matrix: matrix.t() @ vector for matrix in matrices], 1),
        "copy": ([lambda matrix=matrix: to.copy_(matrix) for matrix in matrices], 2),
    }
    return max(n_times * n_bytes / best_seconds(runs, device, seconds) for runs, n_times in ways.values())


def time_work(work: Work, device: torch.device | None = None, seconds: float = 0.3) -> Point:
    """Measure a piece of work."""
    best = best_seconds(work.runs, device or torch.device("cpu"), seconds)
    return Point(work.name, work.kind, work.number_format, work.operations, work.n_bytes, best)


def best_seconds(runs: list[Callable[[], Any]], device: torch.device, seconds: float = 0.3) -> float:
    """Seconds of the fastest run, of all that fit into the time and of three at least.

    They are taken in turn, and before the clock starts once, or as many of them as fit into the time; results are kept
    for a round, so that each has memory of its own. A GPU gets twenty in one go, as from a model, for it computes on
    while Python tells it what comes next.
    """
    together = 20 if device.type == "cuda" else 1
    results: deque[Any] = deque(maxlen=len(runs))
    end = time.perf_counter() + seconds
    for run in runs:
        results.append(run())
        if time.perf_counter() > end:
            break
    best, k, end = math.inf, 0, time.perf_counter() + seconds
    while k < 3 * together or time.perf_counter() < end:
        wait(device)
        start = time.perf_counter()
        for _ in range(together):
            results.append(runs[k % len(runs)]())
            k += 1
        wait(device)
        best = min(best, (time.perf_counter() - start) / together)
    return best


def wait(device: torch.device) -> None:
    """Until the device has done what it was told: a GPU computes on while Python goes on."""
    if device.type in ("cuda", "mps"):
        getattr(torch, device.type).synchronize()


def gpt_work(device: torch.device, n_embd: int = 768, n_head: int = 12) -> Iterator[Work]:
    """What a GPT of this width does, one piece after the other, so that each can be forgotten before the next.

    The matrix is that of the MLP's first layer. A GPU gets more tokens at once: it has more to do at a time.
    """
    on_gpu = device.type == "cuda"
    for number_format in FORMATS:
        for rows in (1, 8, 64, 512, *([8192] if on_gpu else [])):
            yield product(rows, n_embd, 4 * n_embd, number_format, device)
    for name in ELEMENTWISE:
        yield elementwise(name, 8192 if on_gpu else 1024, n_embd, device)
    for T in (1024, 4096) if on_gpu else (128, 512):
        for fused in (False, True):
            yield attention(n_head, T, n_embd // n_head, fused, device)
    yield attention_of_one(8, n_head, 1024, n_embd // n_head, device)
    yield adamw_step(1 << 23, device)


def copies(tensor: torch.Tensor, n_bytes: int) -> list[torch.Tensor]:
    """As many as it takes until work of n_bytes on each of them comes to more than a cache holds."""
    return [tensor, *(tensor.clone() for _ in range(min(63, COLD // n_bytes)))]


def product(rows: int, n_in: int, n_out: int, number_format: str, device: torch.device) -> Work:
    """Vectors of n_in numbers, one for each of so many tokens, times a weight matrix."""
    dtype = FORMATS[number_format]
    n_bytes = dtype.itemsize * (rows * n_in + n_in * n_out + rows * n_out)
    x = torch.randn(rows, n_in, device=device, dtype=dtype)
    weights = copies(torch.randn(n_out, n_in, device=device, dtype=dtype), n_bytes)
    name = f"matrix times {rows:,} token{'s' * (rows > 1)}"
    runs = [lambda w=w: F.linear(x, w) for w in weights]
    return Work(name, "matrix product", number_format, 2 * rows * n_in * n_out, n_bytes, runs)


def elementwise(name: str, rows: int, width: int, device: torch.device) -> Work:
    """LayerNorm, GELU or softmax of so many rows, in float32."""
    functions = {
        "LayerNorm": lambda x: F.layer_norm(x, (width,), gain, bias),
        "GELU": lambda x: F.gelu(x, approximate="tanh"),
        "softmax": lambda x: x.softmax(-1),
    }
    gain, bias = torch.ones(width, device=device), torch.zeros(width, device=device)
    n_bytes = 2 * 4 * rows * width
    inputs = copies(torch.randn(rows, width, device=device), n_bytes)
    runs = [lambda x=x: functions[name](x) for x in inputs]
    return Work(name, "number by number", "float32", ELEMENTWISE[name] * rows * width, n_bytes, runs)


def attention(H: int, T: int, D: int, fused: bool, device: torch.device) -> Work:
    """Attention over a text in training, in float32, all T² pairs: with the (T, T) matrix in memory, or fused, without.

    The matrix is written and read twice, as scores and as weights. Fused attention is that of Dao et al. 2022,
    "FlashAttention", or what the library has in its place.
    """
    numbers = 4 * H * T * D + (0 if fused else 4 * H * T * T)
    q = torch.randn(1, H, T, D, device=device)
    k, v = torch.randn_like(q), torch.randn_like(q)
    runs = [lambda q=q: attend(q, k, v, fused=fused) for q in copies(q, 4 * numbers)]
    name = f"attention, {T:,} tokens, {'fused' if fused else 'matrix in memory'}"
    operations = H * T * T * (4 * D + ELEMENTWISE["softmax"])
    return Work(name, "attention", "float32", operations, 4 * numbers, runs)


def attention_of_one(B: int, H: int, S: int, D: int, device: torch.device) -> Work:
    """One new token of each of B texts looks at S earlier ones in the cache: all keys and values are read."""
    q = torch.randn(B, H, 1, D, device=device)
    n_bytes = 4 * (2 * B * H * S * D + 2 * B * H * D)
    caches = copies(torch.randn(2, B, H, S, D, device=device), n_bytes)
    runs = [lambda kv=kv: attend(q, kv[0], kv[1]) for kv in caches]
    operations = B * H * S * (4 * D + ELEMENTWISE["softmax"])
    return Work(f"one token over {S:,} in the cache", "generation", "float32", operations, n_bytes, runs)


def adamw_step(n_params: int, device: torch.device) -> Work:
    """A step of AdamW, fused into one pass over memory."""
    weights = [torch.ones(n_params // 4, device=device, requires_grad=True) for _ in range(4)]
    optimizer = torch.optim.AdamW(weights, fused=True)
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    n_bytes = 4 * ADAMW_NUMBERS * n_params
    return Work("AdamW step", "optimizer", "float32", ADAMW_OPERATIONS * n_params, n_bytes, [optimizer.step])
