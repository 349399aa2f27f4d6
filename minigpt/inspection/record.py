"""Record what went on inside a model during one forward pass, without the model knowing.

Two observers watch from outside. Forward hooks tell which module is running. A `TorchFunctionMode` sees every call of a
PyTorch function: where a module calls `scaled_dot_product_attention`, whose weights are never stored, they are computed
a second time from its arguments; where it calls a softmax over a matrix of scores, they are its result. So this works
for the package's models, for a learner's own class and for those of transformers, and changes no bit of what they
compute.

Not seen: softmax written out as exp and sum or taken row by row, a mask that is applied after the softmax, and
`nn.MultiheadAttention`, whose calls PyTorch hides.

Shapes: T time, S source time, C channels (n_embd), D channels per head, H heads, L layers, V vocabulary; no B, as a
recording is of one text.
"""

import difflib
import fnmatch
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeGuard

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from minigpt.inspection.recording import Recording

SOFTMAX = {F.softmax, torch.softmax, Tensor.softmax, torch.special.softmax}


def record(
    model: nn.Module,
    ids: Tensor | Sequence[int],
    tokens: Iterable[str] | None = None,
    names: str | Iterable[str] = (),
    source_tokens: Iterable[str] | None = None,
    **inputs: Any,
) -> Recording:
    """Run a model once over one text and keep what went on inside.

    `ids`: token ids, (T,) or (1, T); for a part of a model what goes into it, (T, C) or (1, T, C).
    `tokens`: a label for each position, e.g. `tokenizer.labels(ids)`; without it the ids themselves.
    `names`: modules whose outputs to keep, e.g. `"h.3.mlp"`; `*` stands for one part of a name, so `"h.*"` are the
    hidden states after each block. `source_tokens`: labels of what cross-attention looks at.
    `inputs`: more arguments for the model, e.g. `mask=None`.

    A module that runs a second time counts as `name@2`. The model runs in evaluation mode, without gradients, and is
    left as it was. Raises ValueError for more than one text, for labels that do not fit, and for unknown names.
    """
    x = one_text(model, ids)
    T = x.size(1)
    labels = tuple(str(i) for i in (x[0].tolist() if x.ndim == 2 else range(T))) if tokens is None else tuple(tokens)
    if len(labels) != T:
        raise ValueError(f"{len(labels)} labels for {T} positions: give one for each, e.g. tokenizer.labels(ids)")
    source = None if source_tokens is None else tuple(source_tokens)
    keep = find_modules(model, (names,) if isinstance(names, str) else names)
    watch = Watch(keep, {T} if source is None else {T, len(source)})
    with torch.no_grad(), evaluating(model), watch.modules(model), watch:
        output = model(x, **inputs)
    logits = getattr(output, "logits", output if x.ndim == 2 else None)
    n_vocab = getattr(getattr(model, "config", None), "n_vocab", None)
    return Recording(
        tokens=labels,
        source_tokens=source,
        attention={name: np.concatenate(heads) for name, heads in watch.attention.items()},
        activations=watch.activations,
        logits=to_numpy(logits[0]) if is_logits(logits, n_vocab) else None,
        model=type(model).__name__,
    )


def is_logits(output: Any, n_vocab: int | None) -> TypeGuard[Tensor]:
    """Whether the last dimension is the vocabulary's; an encoder without a head puts out hidden states instead."""
    return isinstance(output, Tensor) and output.ndim == 3 and output.size(-1) == (n_vocab or output.size(-1))


class Watch(TorchFunctionMode):
    """Keeps attention weights and module outputs as they come by. `lengths`: sizes that a row of weights may have."""

    def __init__(self, keep: set[str], lengths: set[int]):
        super().__init__()
        self.keep, self.lengths = keep, lengths
        self.attention: dict[str, list[np.ndarray]] = {}
        self.activations: dict[str, np.ndarray] = {}
        self.running: list[str] = []  # modules that are running, the innermost last
        self.n_runs: Counter[str] = Counter()

    @contextmanager
    def modules(self, model: nn.Module) -> Iterator[None]:
        """Notice each module that starts and ends."""
        with ExitStack() as hooks:
            for name, module in model.named_modules():
                if isinstance(module, nn.Softmax):  # what it computes belongs to the module that uses it
                    continue
                enter, leave = self.hooks_for(name or type(model).__name__, name in self.keep)
                hooks.enter_context(module.register_forward_pre_hook(enter))
                hooks.enter_context(module.register_forward_hook(leave, always_call=True))
            yield

    def hooks_for(self, name: str, keep: bool):
        def enter(module, args):
            self.n_runs[name] += 1
            self.running.append(name if self.n_runs[name] == 1 else f"{name}@{self.n_runs[name]}")

        def leave(module, args, output):
            label = self.running.pop()
            if keep and output is not None:  # None: the module failed, and its error is on its way
                x = first_tensor(output, label)
                self.activations[label] = to_numpy(x[0] if x.ndim > 2 and x.size(0) == 1 else x)

        return enter, leave

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self.running:
            if func is F.scaled_dot_product_attention:
                self.see_attention(*args, **kwargs)
            elif func in SOFTMAX and self.is_attention(result):
                self.see_softmax(args[0] if args else kwargs["input"], result)
        return result

    def see_attention(self, *args: Any, **kwargs: Any) -> None:
        """Called with the arguments of each `F.scaled_dot_product_attention`."""
        self.keep_heads(self.attention, weights_of(*args, **kwargs))

    def see_softmax(self, scores: Tensor, att: Tensor) -> None:
        """Called with each softmax over a matrix of scores, and with what it gave."""
        self.keep_heads(self.attention, att)

    def is_attention(self, att: Tensor) -> bool:
        """A matrix for each head; without heads, only rows of the text's length tell attention from other softmaxes."""
        T, S = att.shape[-2:] if att.ndim > 1 else (0, 0)
        return att.ndim == 4 or (att.ndim in (2, 3) and {T, S} <= self.lengths)

    def keep_heads(self, kept: dict[str, list[np.ndarray]], heads: Tensor, n_dims: int = 2) -> None:
        """With one text, all dimensions before the last `n_dims` are heads; a loop over heads brings them in turn."""
        kept.setdefault(self.running[-1], []).append(to_numpy(heads.reshape(-1, *heads.shape[-n_dims:])))


def weights_of(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The weights behind `F.scaled_dot_product_attention`, from its arguments: (…, T, D), (…, S, D) -> (…, T, S)."""
    scores = scores_of(query, key, attn_mask, is_causal, scale, enable_gqa)
    nowhere = (scores == -math.inf).all(dim=-1, keepdim=True)
    return scores.softmax(dim=-1).masked_fill(nowhere, 0.0)  # PyTorch too gives zeros where a row may look nowhere


def scores_of(
    query: Tensor,
    key: Tensor,
    attn_mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The scores before their softmax, q·k/√D and -inf where masked: (…, T, D), (…, S, D) -> (…, T, S)."""
    if enable_gqa:  # several heads of queries share one of keys
        key = key.repeat_interleave(query.size(-3) // key.size(-3), dim=-3)
    scale = 1 / math.sqrt(query.size(-1)) if scale is None else scale
    scores = query.float() @ key.float().transpose(-2, -1) * scale
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, -math.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return scores


def one_text(model: nn.Module, ids: Tensor | Sequence[int]) -> Tensor:
    """The input as a batch of one, where the model is: (1, T) ids or (1, T, C) numbers."""
    if isinstance(ids, str | Mapping):
        raise TypeError(
            f"{type(ids).__name__} came, and record takes the ids of a text, e.g. tokenizer.encode(text); a text, and "
            "what a tokenizer of transformers made of it, are for from_transformers of minigpt.inspection.adapters"
        )
    x = torch.as_tensor(ids)
    if x.ndim == (2 if x.is_floating_point() else 1):
        x = x.unsqueeze(0)
    wanted = 3 if x.is_floating_point() else 2
    if x.ndim != wanted or not x.numel():
        raise ValueError(f"an input of shape {tuple(x.shape)}: give the ids of one text, (T,) or (1, T), at least one")
    if x.size(0) > 1:
        raise ValueError(f"{x.size(0)} texts came, a recording is of one: choose a row, e.g. ids[:1]")
    parameter = next(model.parameters(), None)
    return x if parameter is None else x.to(parameter.device)


def find_modules(model: nn.Module, patterns: Iterable[str]) -> set[str]:
    """Names of the modules that the patterns mean; `*` stands for one part between dots, or within one."""
    known = [name for name, _ in model.named_modules() if name]
    found: set[str] = set()
    for pattern in patterns:
        matches = {name for name in known if matches_parts(name, pattern)}
        if not matches:
            near = difflib.get_close_matches(pattern, known, n=4, cutoff=0.3) or known[:4]
            raise ValueError(
                f"{type(model).__name__} has no module {pattern!r}: near it are {', '.join(near) or 'none'}"
            )
        found |= matches
    return found


def matches_parts(name: str, pattern: str) -> bool:
    parts, wanted = name.split("."), pattern.split(".")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; afterwards each module is again in the mode in which it was."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def first_tensor(output: Any, name: str) -> Tensor:
    """What a module put out; of several things, the first tensor, as transformers' blocks give a tuple."""
    candidates = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple) else (output,)
    for candidate in candidates:
        if isinstance(candidate, Tensor):
            return candidate
    raise ValueError(f"module {name!r} put out {type(output).__name__}, no tensor: choose another one")


def to_numpy(x: Tensor) -> np.ndarray:
    """A copy, so that what the model overwrites later stays as it was."""
    return x.detach().to("cpu", torch.float32, copy=True).numpy()
