"""Change what goes on inside a model while it runs, and see what becomes of its predictions.

Each intervention is a context manager: it holds inside its `with` and is undone at the end, after an error too.

    with ablate_head(model, layer=1, head=0), patch(model, "h.0.mlp", other.activations["h.0.mlp"], positions=[3]):
        changed = record(model, ids)

They nest; of two at the same place the inner one comes last. No weight and no module is touched: hooks stand before
and behind the modules, and a `TorchFunctionMode` watches softmax, as in `record`. So this works for the package's
models, a learner's and GPT-2 of transformers. Heads are `(layer, head)`, counted from 0; a layer is a module with a
`c_proj`, which mixes the heads, and with their number in `n_head` or `num_heads`. A translator has three kinds of
layers: `inspection.translation.heads_of(model, "cross")` stands for the model where a head is named.

Shapes: B batch, T time, S source time, C channels (n_embd), H heads, D channels per head, L layers.
Sources: Michel et al. 2019, "Are Sixteen Heads Really Better than One?", for heads switched off; Vig et al. 2020,
"Causal Mediation Analysis for Interpreting Neural NLP", for values from another run.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from minigpt.inspection.record import SOFTMAX, evaluating, find_modules, one_text, to_numpy

Values = np.ndarray | Tensor
Positions = int | slice | Sequence[int] | np.ndarray
Edit = Callable[[Tensor], Tensor]


@contextmanager
def scale_heads(model: nn.Module, factors: Mapping[tuple[int, int], float]) -> Iterator[None]:
    """Multiply what heads put out by a factor each: `{(layer, head): factor}`; 0 switches off, 1 changes no bit.

    It costs one product per layer that is named, and works with a cache. Raises ValueError for heads not there.
    """
    layers = attention_layers(model)
    scales: dict[int, Tensor] = {}
    for key, factor in factors.items():
        layer, head = check_head(model, layers, key)
        scales.setdefault(layer, torch.ones(n_heads(layers[layer]), 1))[head] = factor

    def scaled(scale: Tensor, x: Tensor) -> Tensor:
        return (x.unflatten(-1, (len(scale), -1)) * scale.to(x)).flatten(-2)

    with ExitStack() as hooks:
        for layer, scale in scales.items():
            hooks.enter_context(before(layers[layer].c_proj, partial(scaled, scale)))
        yield


def scale_head(model: nn.Module, layer: int, head: int, factor: float) -> AbstractContextManager[None]:
    """Multiply what one head puts out, as `scale_heads` does for many."""
    return scale_heads(model, {(layer, head): factor})


def ablate_head(model: nn.Module, layer: int, head: int, to: str | Values = "zero") -> AbstractContextManager[None]:
    """Take from a head what it has to say: it puts out the same at all positions.

    `to`: `"zero"`; `"mean"`, its own output averaged over this text's positions, which a cache does not give (each
    position then hears a little of later ones); or an array (D,), such as the mean over other texts. Raises ValueError
    for another `to`, for a head not there and for an array that does not fit.
    """
    if isinstance(to, str):
        edits: dict[str, Edit] = {"zero": torch.zeros_like, "mean": lambda x: x.mean(dim=-2, keepdim=True)}
        if to not in edits:
            raise ValueError(f"to={to!r}: give 'zero', 'mean' or an array (D,)")
        return edit_head(model, layer, head, edits[to], with_cache=to == "zero")
    constant = to_tensor(to)

    def replace(x: Tensor) -> Tensor:
        if constant.shape != x.shape[-1:]:
            raise ValueError(
                f"an array {tuple(constant.shape)} for head ({layer}, {head}), which puts out {x.size(-1)} numbers: "
                f"give ({x.size(-1)},), for all positions the same; patch_head takes (T, {x.size(-1)})"
            )
        return constant.to(x)

    return edit_head(model, layer, head, replace, with_cache=True)


def patch_head(
    model: nn.Module, layer: int, head: int, values: Values, positions: Positions | None = None
) -> AbstractContextManager[None]:
    """`patch` for what one head puts out: values (T, D), such as `head_outputs(model, other_ids)[layer, head]`."""
    return edit_head(model, layer, head, replacing(values, positions, f"what head ({layer}, {head}) puts out"))


@contextmanager
def patch(model: nn.Module, name: str, values: Values, positions: Positions | None = None) -> Iterator[None]:
    """Put values from another run, (T, C) as in a recording's activations, in place of what a module puts out.

    `positions`: where, counted as in the values, negative ones from their end; without it everywhere, and then both
    runs need the same length. A batch gets them in each row. Raises ValueError for a module that is unknown, puts out
    another shape, or never ran, and for a run that continues a cache, where positions are not those of the text.
    """
    edit = replacing(values, positions, f"what {name} puts out")
    outputs = []

    def after(module, args, output):
        outputs.append(type(output))
        first, *others = output if isinstance(output, tuple) else (output,)  # attention of transformers gives a tuple
        if not isinstance(first, Tensor):
            raise ValueError(f"module {name!r} put out {type(first).__name__}, no tensor: choose another one")
        return (edit(first), *others) if isinstance(output, tuple) else edit(first)

    with find_module(model, name).register_forward_hook(after), without_cache(model):
        yield
    if not outputs:
        raise ValueError(f"{name} did not run, so nothing was patched: run the model inside, or choose another module")


@contextmanager
def freeze_attention(model: nn.Module, attention: Mapping[str, Values]) -> Iterator[None]:
    """Let modules attend as in another run, module name -> (H, T, S) as in a recording, whatever they would choose.

    A run's own attention changes nothing but the rounding; `record` shows what is frozen. Raises ValueError for unknown
    modules, for weights of another shape than the run's (so also with a cache), and where nothing was frozen.
    """
    frozen = FrozenAttention({name: to_tensor(weights) for name, weights in attention.items()})
    modules = {name: find_module(model, name) for name in attention}
    with ExitStack() as hooks:
        for name, module in modules.items():
            hooks.enter_context(module.register_forward_pre_hook(partial(frozen.enter, name)))
            hooks.enter_context(module.register_forward_hook(frozen.leave, always_call=True))
        hooks.enter_context(frozen)
        yield
    if unused := [name for name in attention if name not in frozen.used]:
        raise ValueError(
            f"nothing was frozen in {', '.join(unused)}: the model has to run inside, and these modules to call "
            "scaled_dot_product_attention, or softmax over the scores of all heads at once, (H, T, S)"
        )


class FrozenAttention(TorchFunctionMode):
    """Puts given weights in place of those that the running module computes."""

    def __init__(self, attention: dict[str, Tensor]):
        super().__init__()
        self.attention = attention
        self.used: set[str] = set()
        self.running: str | None = None

    def enter(self, name, module, args):
        self.running = name

    def leave(self, module, args, output):
        self.running = None

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)  # what is replaced is called too, so that each of two freezes, nested, is used
        if self.running and func is F.scaled_dot_product_attention:
            return self.attend(self.running, *args, **kwargs)
        if self.running and func in SOFTMAX and result.ndim > 2:
            return self.weights(self.running, result.shape).to(result).expand_as(result)
        return result

    def attend(self, name: str, query: Tensor, key: Tensor, value: Tensor, *_, **__) -> Tensor:
        return self.weights(name, (*query.shape[:-1], key.size(-2))).to(value) @ value

    def weights(self, name: str, shape: Sequence[int]) -> Tensor:
        """The weights (H, T, S) to freeze, where (..., H, T, S) are computed."""
        weights, needed = self.attention[name], tuple(shape[-3:])
        if weights.shape != needed:
            raise ValueError(
                f"the attention to freeze in {name} is {tuple(weights.shape)}, this run has (H, T, S) = {needed}: "
                "take it from a run over as many tokens, and run without a cache"
            )
        self.used.add(name)
        return weights


def head_outputs(model: nn.Module, ids: Tensor | Sequence[int], **inputs: Any) -> np.ndarray:
    """What each head puts into c_proj when the model runs once over one text: (L, H, T, D), float32.

    What head (l, h) adds to the stream is `outputs[l, h] @ W.T`, where W are its D columns of layer l's c_proj.weight.
    `ids` and `inputs` as for `record`. Interventions that hold are seen.
    """
    layers = attention_layers(model)
    check_head(model, layers, (0, 0))
    outputs: dict[int, np.ndarray] = {}

    def keep(layer: int, x: Tensor) -> Tensor:
        outputs[layer] = to_numpy(x[0].unflatten(-1, (n_heads(layers[layer]), -1)).transpose(0, 1))
        return x

    with torch.no_grad(), evaluating(model), ExitStack() as hooks:
        for i, layer in enumerate(layers):
            hooks.enter_context(before(layer.c_proj, partial(keep, i)))
        model(one_text(model, ids), **inputs)
    return np.stack([outputs[i] for i in range(len(layers))])


@contextmanager
def edit_head(model: nn.Module, layer: int, head: int, edit: Edit, with_cache: bool = False) -> Iterator[None]:
    """Let `edit` change what one head puts out, (B, T, D), on its way into c_proj."""
    layers = attention_layers(model)
    check_head(model, layers, (layer, head))

    def edit_one(x: Tensor) -> Tensor:
        heads = x.unflatten(-1, (n_heads(layers[layer]), -1))
        changed = heads.clone()
        changed[..., head, :] = edit(heads[..., head, :])
        return changed.flatten(-2)

    with before(layers[layer].c_proj, edit_one), nullcontext() if with_cache else without_cache(model):
        yield


def before(module: nn.Module, edit: Edit):
    """A hook that lets a module work on edit(x) instead of x."""
    return module.register_forward_pre_hook(lambda module, args: (edit(args[0]), *args[1:]))


def replacing(values: Values, positions: Positions | None, what: str) -> Edit:
    """The edit that puts values, (T, C), into x, (B, T, C), at these positions."""
    new = to_tensor(values)
    if new.ndim != 2:
        raise ValueError(f"values {tuple(new.shape)} for {what}: give a row for each position of one text, e.g. x[0]")
    wanted = slice(None) if positions is None else list(positions) if isinstance(positions, tuple) else positions
    try:
        index = torch.from_numpy(np.atleast_1d(np.arange(len(new))[wanted]))
    except IndexError:
        raise ValueError(f"positions {positions!r}: the values have positions 0 to {len(new) - 1}") from None

    def edit(x: Tensor) -> Tensor:
        T, C = x.shape[-2:] if x.ndim > 1 else (0, 0)
        if new.size(-1) != C or (positions is None and len(new) != T) or index.ge(T).any():
            raise ValueError(
                f"values {tuple(new.shape)} do not fit {what}, {tuple(x.shape)}: take them from the same place of "
                "another run, over a text of the same length, or name positions that both have"
            )
        changed = x.clone()
        changed[..., index, :] = new[index].to(x)
        return changed

    return edit


@contextmanager
def without_cache(model: nn.Module) -> Iterator[None]:
    """Refuse a run that continues a cache: its first position is not that of the text."""

    def refuse(module, args, kwargs):
        cache = kwargs.get("cache", kwargs.get("past_key_values"))  # ours, or that of transformers
        if cache is not None and (cache.length if hasattr(cache, "length") else cache.get_seq_length(module.layer_idx)):
            raise ValueError("this intervention needs the whole text in one run, without a cache: use_cache=False")

    with ExitStack() as hooks:
        for layer in attention_layers(model):
            hooks.enter_context(layer.register_forward_pre_hook(refuse, with_kwargs=True))
        yield


def attention_layers(model: nn.Module) -> list[Any]:
    """The modules whose heads can be told apart, in the model's order."""
    return [module for module in model.modules() if hasattr(module, "c_proj") and n_heads(module)]


def n_heads(module: Any) -> int:
    """H, or 0 where there are no heads; transformers calls it `num_heads`."""
    return getattr(module, "n_head", getattr(module, "num_heads", 0))


def check_head(model: nn.Module, layers: list[Any], key: tuple[int, int]) -> tuple[int, int]:
    """The head (layer, head), if the model has it."""
    if not layers:
        raise ValueError(f"{type(model).__name__} has no heads: a layer is a module with a c_proj and an n_head")
    if not (isinstance(key, tuple) and len(key) == 2):
        raise ValueError(f"{key!r} is no head: name it (layer, head), e.g. (0, 0)")
    layer, head = key
    if layer not in range(len(layers)):
        raise ValueError(f"{type(model).__name__} has no layer {layer}: its layers are 0 to {len(layers) - 1}")
    if head not in range(n_heads(layers[layer])):
        raise ValueError(f"layer {layer} has no head {head}: its heads are 0 to {n_heads(layers[layer]) - 1}")
    return layer, head


def find_module(model: nn.Module, name: str) -> nn.Module:
    """The module that a recording knows under this name."""
    if name == type(model).__name__:
        return model
    found = find_modules(model, (name,))
    if found != {name}:
        raise ValueError(f"{name!r} means {len(found)} modules: choose one, e.g. {min(found)!r}")
    return model.get_submodule(name)


def to_tensor(values: Values) -> Tensor:
    """Numbers as a tensor; recordings cannot be written to, so theirs are copied."""
    return values if isinstance(values, Tensor) else torch.from_numpy(np.array(values, dtype=np.float32))
