"""A trained model made ready to write: its weights laid out anew, in 32, 16 or 8 bits a number.

    fast = prepared(model, "int8")
    print(fast.why)
    print(complete(fast, tokenizer, "Once upon a time"))

A new token sends one vector per text through all weights, so each weight is fetched from memory for one or a few
multiplications, and fetching takes the time. Fewer bytes are more tokens a second, at some cost in perplexity:
`minigpt.evaluation.formats` measures the cost, `benchmarks/generate.py` both.

Shapes: B batch, T time, C channels (n_embd), H heads, D channels per head (C = H·D), V vocabulary.
Sources: Dettmers et al. 2022, "LLM.int8()": its vector-wise quantization has a scale for each row on both sides of a
product, as here; Kalamkar et al. 2019 for bfloat16.
"""

import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.models.attention import Mask, attend
from minigpt.models.blocks import Block
from minigpt.models.cache import KVCache, LayerCache
from minigpt.models.gpt import GPT, check_ids
from minigpt.training.precision import bfloat16_units

FORMATS = ("float32", "bfloat16", "int8")
STEPS = (127, 63)
"""How many steps on each side of 0 the weights of an int8 layer may have; `exact_way` takes the first that comes out
right. A CPU without VNNI adds two products of bytes in 16 bits, which hold 2·255·63 and do not hold 2·255·127."""
N_ROWS = 16
"""Weights are laid out for products with so many vectors. Of the layouts for 1 to 256, those from 16 on do equally well
for any number; the one for 1 takes twice as long for 8."""


def prepared(model: GPT, precision: str = "auto") -> "PreparedGPT":
    """A GPT that writes what the model writes, faster; the model stays as it is. It is for use, not for training.

    - "float32": the same numbers up to rounding;
    - "bfloat16": half the bytes. What enters and leaves a product is rounded to it, all else is float32;
    - "int8": a quarter of the bytes. Each row of a matrix has a scale of its own, and so has each vector that comes;
      of a weight's 8 bits, 7 are used where the CPU's sums would overflow with all (`STEPS`);
    - "auto": bfloat16 where the CPU has units for it, else float32. Never int8, which costs most: ask for it.

    Where the machine cannot do well what is asked for, it does the next best: `precision` of the result says which,
    `why` says why. The result goes wherever a GPT goes: `generate`, `generate_batch`, `stream`, `complete`.
    Raises ValueError for another name, TypeError for a model that is no GPT.
    """
    if not isinstance(model, GPT):
        raise TypeError(f"{type(model).__name__} cannot be prepared, only a GPT of minigpt.models.gpt")
    return PreparedGPT(model, *choose(precision, model.wte.weight.device))


def choose(precision: str, device: torch.device) -> tuple[str, str]:
    """What is taken on this device when `precision` is asked for, and why, in words."""
    if precision not in (*FORMATS, "auto"):
        raise ValueError(f"precision={precision!r}: take one of {', '.join(FORMATS)}, auto")
    if precision == "float32":
        return "float32", "float32, as asked"
    units = bfloat16_units(device)
    instead = "bfloat16" if units else "float32"
    if precision == "int8":
        if device.type == "cpu" and (found := exact_way()):
            if found.steps == max(STEPS):
                return "int8", "int8, as asked: products of bytes are exact on this CPU"
            return "int8", "int8, as asked, with 7 bits a weight: this CPU's products of bytes are exact so"
        return instead, f"{instead}, not int8: this {device.type.upper()} has no exact products of bytes for PyTorch"
    return instead, f"{instead}: this {device.type.upper()} has {units or 'no units for bfloat16, it would be slower'}"


class PreparedGPT(GPT):
    """A GPT with linear layers that are fast for a few vectors. Embeddings and LayerNorms are the model's own."""

    def __init__(self, model: GPT, precision: str, why: str):
        with torch.device("meta"):  # shapes without memory: the tensors come from the model
            super().__init__(model.config)
        self.load_state_dict({name: tensor.float() for name, tensor in model.state_dict().items()}, assign=True)
        self.precision, self.why = precision, why
        new_linear = Int8Linear if precision == "int8" else partial(PackedLinear, dtype=getattr(torch, precision))
        for name, module in list(self.named_modules()):
            if isinstance(module, nn.Linear):
                self.set_submodule(name, new_linear(module.weight.detach(), module.bias.detach()))
        table = self.wte.weight.detach()
        self.mean = table.mean(dim=0)  # (C,)
        self.output = new_linear(table - self.mean)  # of GPT-2's smallest, a third of all weights
        self.requires_grad_(False).eval()
        self.readers = [reader(block) for block in self.h if isinstance(block, Block)]
        self.hooks = [
            hooks for part in self.h.modules() for hooks in (part._forward_pre_hooks, part._forward_hooks)
        ]  # empty, until something looks into the model or changes it

    def hidden(self, ids: Tensor, cache: KVCache | None = None, mask: Mask = "causal") -> Tensor:
        """As of every GPT. With a cache, `reader` takes the place of the blocks' own forward, if no part has a hook."""
        if cache is None or mask != "causal" or any(self.hooks):
            return super().hidden(ids, cache, mask)
        start, end = cache.length, cache.length + ids.size(-1)
        check_ids(ids, end, self.config)
        x = self.wte(ids) + self.wpe.weight[start:end]  # (B, T, C)
        for read_on, past in zip(self.readers, cache.layers, strict=True):
            x = read_on(x, past)  # (B, T, C)
        return self.ln_f(x)  # (B, T, C)

    def head(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, V).

        The mean of a position's logits, x times the mean embedding, changes no probability, but may be far from 0:
        those of the published GPT-2 lie around -100, where numbers of bfloat16 are 0.5 apart. So the mean is left to
        float32, and the product in few bits gives what tells one token from another.
        """
        return self.output(x, (x @ self.mean).unsqueeze(-1))  # (B, T, V)

    def loss(self, x: Tensor, y: Tensor, **options) -> Tensor:
        """As of every `LanguageModel`, with the head in its format."""
        return F.cross_entropy(self(x, **options).flatten(0, 1), y.flatten())

    def n_bytes(self) -> int:
        """Bytes of weights that a step reads: all but the embeddings, of which it reads one row for each token."""
        return sum(module.n_bytes for module in self.modules() if isinstance(module, PackedLinear | Int8Linear))


def reader(block: Block) -> Callable[[Tensor, LayerCache], Tensor]:
    """What computes `block(x, cache=past)`, (B, T, C) -> (B, T, C), with all that it needs at hand.

    With one token to read, a sixth of the time goes into calls and into looking up modules in modules: all weights have
    just passed through the processor's caches and left nothing else there. So layers are called without a module's
    hooks, dropout, which does nothing here, is left out, and queries, keys and values are parted once.
    """
    attn, mlp = block.attn, block.mlp
    to_qkv, from_heads, up, down = (part.forward for part in (attn.c_attn, attn.c_proj, mlp.c_fc, mlp.c_proj))
    norm_1, norm_2 = (norm_of(norm) for norm in (block.ln_1, block.ln_2))
    n_head = attn.n_head

    def read_on(x: Tensor, past: LayerCache) -> Tensor:
        B, T, C = x.shape
        qkv = to_qkv(norm_1(x)).view(B, T, 3, n_head, C // n_head)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind()  # (B, H, T, D) each
        y = attend(q, *past.append(k, v), "causal")  # (B, H, T, D)
        x = x + from_heads(y.transpose(1, 2).reshape(B, T, C))  # (B, T, C)
        return x + down(F.gelu(up(norm_2(x)), approximate="tanh"))  # (B, T, C)

    return read_on


def norm_of(norm: nn.LayerNorm) -> Callable[[Tensor], Tensor]:
    shape, weight, bias, eps = norm.normalized_shape, norm.weight, norm.bias, norm.eps
    return lambda x: F.layer_norm(x, shape, weight, bias, eps)


class PackedLinear(nn.Module):
    """x·Wᵀ + b with W in float32 or bfloat16, in the order in which oneDNN reads it, shared out to all cores.

    x and what comes out are float32: attention, GELU and sums are faster in it, and exact. `torch.compile` makes the
    same call of a frozen linear layer; without a compiler there is no public one. Where oneDNN has none, `F.linear`.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, dtype: torch.dtype = torch.float32):
        super().__init__()
        self.dtype = dtype
        self.weight = weight.to(dtype)
        self.bias = None if bias is None else bias.to(dtype)
        self.n_bytes = self.weight.nbytes + (0 if self.bias is None else self.bias.nbytes)
        self.is_packed = False
        if weight.device.type == "cpu" and torch.backends.mkldnn.is_available():
            with suppress(RuntimeError):  # of bfloat16 on a CPU without AVX-512
                self.weight = torch.ops.mkldnn._reorder_linear_weight(self.weight.contiguous(), N_ROWS)
                self.is_packed = True

    def forward(self, x: Tensor, offset: Tensor | None = None) -> Tensor:
        """(…, n_in) -> (…, n_out); an offset, (…, 1), is added to all that comes out."""
        x = x.to(self.dtype)
        if self.is_packed:
            y = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "").float()
        else:
            y = F.linear(x, self.weight, self.bias).float()
        return y if offset is None else y + offset


class Int8Linear(nn.Module):
    """x·Wᵀ + b with 8 bits a number: W's rows are rounded once, to 127 steps of their largest; x's when they come.

    Each vector has its own scale: what a text gets does not depend on the texts beside it, or on how much is read at
    once. The product itself is exact; all error is from rounding before it. Raises RuntimeError where it is not exact.
    Where a bit must go (`STEPS`), it is W's: vectors have single numbers far above the rest, which have few steps
    already, and with a bit less for x the shipped model's distributions moved twice as far.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None):
        super().__init__()
        found = exact_way()
        if found is None:
            raise RuntimeError("PyTorch has no exact products of bytes on this CPU: take bfloat16 or float32")
        scale = weight.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny) / found.steps  # (n_out,)
        levels = (weight / scale.unsqueeze(-1)).round().to(torch.int8)  # (n_out, n_in)
        self.n_bytes = levels.nbytes + scale.nbytes + (0 if bias is None else bias.nbytes)
        self.product, self.bias = found.way(levels, scale), torch.zeros(1) if bias is None else bias

    def forward(self, x: Tensor, offset: Tensor | None = None) -> Tensor:
        """(…, n_in) -> (…, n_out); an offset, (…, 1), is added to all that comes out."""
        largest = x.abs().amax(dim=-1, keepdim=True)  # (..., 1)
        y = self.product(x / largest)  # (..., n_out); of nothing but zeros come numbers, and no matter which
        return torch.addcmul(self.bias if offset is None else self.bias + offset, y, largest)  # (..., n_out)


Product = Callable[[Tensor], Tensor]
"""From vectors between -1 and 1, (…, n_in), which it rounds to steps of 1/127, to x·Wᵀ in float32, (…, n_out)."""


def by_fbgemm(levels: Tensor, scale: Tensor) -> Product:
    """W = levels·scale. FBGEMM takes vectors as they come, and reads a matrix that is in no cache a sixth faster.

    PyTorch says that tensors with their scale inside, such as this packs, are to go: then `by_onednn` stays.
    """
    before, zeros = torch.backends.quantized.engine, torch.zeros(len(levels), dtype=torch.long)
    quantized = torch._make_per_channel_quantized_tensor  # pyright: ignore[reportPrivateImportUsage]
    torch.backends.quantized.engine = "fbgemm"
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            rows = quantized(levels, scale.double(), zeros, 0)
        packed = torch.ops.quantized.linear_prepack(rows, None)
    finally:
        torch.backends.quantized.engine = before
    call = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
    return lambda x: call(x, 1 / 127, 128, packed)


def by_onednn(levels: Tensor, scale: Tensor) -> Product:
    """W = levels·scale, as plain int8 tensors. `torch._int_mm` takes twice as long for 8 vectors; torchao's int8 layers
    take several times as long for one: they are made for `torch.compile`.
    """
    packed = torch.ops.onednn.qlinear_prepack(levels, [N_ROWS, levels.size(1)])
    zeros, middle = torch.zeros(len(levels), dtype=torch.long), torch.tensor(128.5)
    call = torch.ops.onednn.qlinear_pointwise

    def product(x: Tensor) -> Tensor:
        # The units multiply an unsigned byte with a signed one: -127 … 127 becomes 1 … 255; .5 makes cutting rounding.
        whole = torch.add(middle, x, alpha=127).to(torch.uint8)  # (..., n_in)
        return call(whole, 1 / 127, 128, packed, scale, zeros, None, 1.0, 0, torch.float32, "none", [], "")

    return product


WAYS = (by_fbgemm, by_onednn)  # the fastest first


class Exact(NamedTuple):
    """How this machine multiplies bytes so that it comes out right."""

    way: Callable[[Tensor, Tensor], Product]
    steps: int
    """The largest byte of the matrix."""


def exact_way() -> Exact | None:
    """The first of `WAYS` that is right here, with the finest of `STEPS`: sums in 16 bits overflow with the largest."""
    for steps in STEPS:
        levels, ones = torch.full((32, 64), steps, dtype=torch.int8), torch.ones(1, 64)
        for way in WAYS:
            with suppress(AttributeError, RuntimeError):  # this build of PyTorch has no such call
                product = way(levels, torch.ones(32))
                if all((product(sign * ones).round() == sign * 64 * steps).all() for sign in (1, -1)):
                    return Exact(way, steps)
    return None
