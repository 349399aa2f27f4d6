"""How fast a GPU writes with GPT-2's 124M shape, a text at a time: as a share of how fast it can read the weights.

Each new token needs every weight once. Our generator starts some two hundred small pieces of work a token from Python,
and the GPU waits for them; a step that is recorded once and replayed as a CUDA graph has them all started at once. For
that all shapes have to stay: keys and values lie in a cache of full length, and a mask says which are there.
"""

import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor

from minigpt.models.attention import project, split_heads
from minigpt.models.gpt import GPT
from minigpt.sampling import generate


class StaticWriter:
    """Greedy continuation of one text with tensors that never change their shapes or places."""

    def __init__(self, model: GPT):
        config, weight = model.config, model.wte.weight
        self.model, self.graph = model, None
        places = (config.n_layer, 1, config.n_head, config.n_ctx, config.n_embd // config.n_head)
        self.k, self.v = (torch.zeros(places, dtype=weight.dtype, device=weight.device) for _ in range(2))
        self.ids = torch.zeros(1, 1, dtype=torch.long, device=weight.device)
        self.at = torch.zeros(1, dtype=torch.long, device=weight.device)
        self.places = torch.arange(config.n_ctx, device=weight.device)

    def step(self) -> None:
        """Read the token in `ids` at the place `at`, and leave the likeliest next one and the next place there."""
        model = self.model
        x = model.wte(self.ids) + model.wpe(self.at)
        mask = (self.places <= self.at).view(1, 1, 1, -1)
        for block, k, v in zip(model.h, self.k, self.v, strict=True):
            q, new_k, new_v = (split_heads(t, block.attn.n_head) for t in project(block.attn.c_attn, block.ln_1(x)))
            k.index_copy_(2, self.at, new_k)
            v.index_copy_(2, self.at, new_v)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            x = x + block.attn.c_proj(y.transpose(1, 2).reshape(x.shape))
            x = x + block.mlp(block.ln_2(x))
        self.ids.copy_(model.head(model.ln_f(x)).argmax(-1))
        self.at.add_(1)

    def record(self) -> None:
        """Record the step as a CUDA graph; `write` replays it from then on."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            self.step()  # libraries take their memory before the recording
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        self.at.zero_()
        with torch.cuda.graph(graph):
            self.step()
        self.graph = graph

    def write(self, prompt: list[int], n_new: int) -> list[int]:
        """The prompt's continuation. The prompt is read token by token, too."""
        step: Callable[[], None] = self.step if self.graph is None else self.graph.replay
        self.at.zero_()
        written: list[Tensor] = []
        for i in range(len(prompt) + n_new - 1):
            if i < len(prompt):
                self.ids.fill_(prompt[i])
            step()
            if i >= len(prompt) - 1:
                written.append(self.ids.clone())
        return torch.cat(written).flatten().tolist()


@torch.inference_mode()
def writing(
    model: GPT, bandwidth: float, write: Callable[[dict], None], n_new: int = 128, n_rounds: int = 5, ours: bool = True
) -> list[dict]:
    """A line for each number format and each way to write. `bandwidth`: bytes a second of the data sheet."""
    device, prompt, lines = model.wte.weight.device, [11, 7, 23, 5], []
    for dtype in (torch.float32, torch.bfloat16):
        model = model.to(dtype).eval()
        n_bytes = sum(p.nbytes for p in model.parameters()) - model.wpe.weight.nbytes
        static = StaticWriter(model)
        if device.type == "cuda":
            static.record()
        ways: dict[str, Callable[[], list[int]]] = {
            "generate": lambda model=model: list(generate(model, prompt, max_new_tokens=n_new, temperature=0)),
            "static step" if static.graph is None else "CUDA graph": lambda s=static: s.write(prompt, n_new),
        }
        texts, turns = {}, {name: [] for name in ways}
        for _ in range(n_rounds + 1):  # the first is not counted
            for name, way in ways.items():
                start = time.perf_counter()
                texts[name] = way()  # gives Python numbers, so the GPU is done
                turns[name].append(time.perf_counter() - start)
        first, *rest = texts.values()
        for name in ways:
            speed = (n_new + (0 if name == "generate" else len(prompt) - 1)) / median(turns[name][1:])
            line = {"kind": "writing", "name": name, "format": str(dtype).removeprefix("torch."), "batch_size": 1}
            line |= {"tokens_per_second": round(speed, 1), "bytes_of_weights": n_bytes}
            line |= {"share_of_bandwidth": speed * n_bytes / bandwidth, "same_tokens": all(t == first for t in rest)}
            lines.append(line)
            write(line)
    return lines


def copy_bandwidth(device: torch.device, n_bytes: int) -> float:
    """Bytes a second that a copy inside the device's memory reads and writes: the best of ten."""
    source = torch.empty(n_bytes, dtype=torch.uint8, device=device).random_()
    target, best = torch.empty_like(source), 0.0
    for _ in range(10):
        if device.type == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        target.copy_(source)
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = max(best, 2 * n_bytes / (time.perf_counter() - start))
    return best
