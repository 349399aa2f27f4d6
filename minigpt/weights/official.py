"""GPT-2 as it was published: the names of its tensors, which way its matrices lie, and its config.json.

Our modules bear the published names, so that little is left to translate. OpenAI wrote linear layers as convolutions
of width 1, with weights (in, out); transformers calls that Conv1D and keeps it. PyTorch's `nn.Linear` has (out, in).
"""

import re
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from minigpt.config import SIZES, GPTConfig
from minigpt.models.gpt import GPT

PREFIX = "transformer."
"""`GPT2LMHeadModel` of transformers writes this before each name, OpenAI's own file does not."""

CONV1D = re.compile(r"h\.\d+\.(attn\.c_attn|attn\.c_proj|mlp\.c_fc|mlp\.c_proj)\.weight")
BUFFERS = re.compile(r"h\.\d+\.attn\.(masked_)?bias")  # older files store the causal mask: nothing learned

COUNTS = {"n_vocab": "vocab_size", "n_ctx": "n_positions", "n_embd": "n_embd", "n_head": "n_head", "n_layer": "n_layer"}
DROPOUTS = ("resid_pdrop", "embd_pdrop", "attn_pdrop")
FIXED = {
    "model_type": "gpt2",
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "reorder_and_upcast_attn": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}
"""Switches of transformers' GPT-2, each as the published models have it, which is the only way that ours works."""

TANH_GELU = ("gelu_new", "gelu_pytorch_tanh")  # two names of one function


def is_conv1d(name: str) -> bool:
    """True for the matrices that the official files store as (in, out), our `nn.Linear` as (out, in)."""
    return CONV1D.fullmatch(name) is not None


def to_official(model: GPT, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """The model's tensors under OpenAI's names, lying their way, in main memory; `dtype` None keeps the model's."""
    return {
        name: (p.t() if is_conv1d(name) else p).detach().to("cpu", dtype).contiguous()
        for name, p in model.named_parameters()
    }


def official_shapes(config: GPTConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of each tensor that a file for this config holds."""
    parameters = empty_model(config).named_parameters()
    return {name: tuple(p.t().shape if is_conv1d(name) else p.shape) for name, p in parameters}


def empty_model(config: GPTConfig) -> GPT:
    """A model on PyTorch's meta device: all shapes, no memory, nothing drawn at random."""
    with torch.device("meta"), NothingDrawn():
        return GPT(config)


class NothingDrawn(TorchFunctionMode):
    """Leaves out the drawing of random weights, which on the meta device loads 800 modules first (two seconds)."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def to_official_config(config: GPTConfig, dtype: torch.dtype, end_of_text: int | None = None) -> dict[str, Any]:
    """What stands in config.json: transformers' entries, written out where its defaults are another model's."""
    if end_of_text is None and config.n_vocab == GPTConfig().n_vocab:
        end_of_text = config.n_vocab - 1
    return {
        **FIXED,
        "architectures": ["GPT2LMHeadModel"],
        "activation_function": TANH_GELU[0],
        **{theirs: getattr(config, ours) for ours, theirs in COUNTS.items()},
        "n_inner": None,
        "layer_norm_epsilon": config.layer_norm_epsilon,
        **dict.fromkeys(DROPOUTS, config.dropout),
        "initializer_range": 0.02,
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
        "torch_dtype": str(dtype).removeprefix("torch."),
    }


def from_official_config(values: dict[str, Any], where: object = "config.json") -> GPTConfig:
    """Our config for a config.json of transformers. Raises ValueError that names every entry our GPT has no place for.

    Entries that do not change the logits (summary_*, task_specific_params, token ids) are passed over.
    """
    problems = [
        f"{key}={values[key]!r}, our GPT has {key}={fixed!r} only"
        for key, fixed in FIXED.items()
        if values.get(key, fixed) != fixed
    ]
    values = {"n_positions": values.get("n_ctx"), **values}  # OpenAI's own name, which old files have beside the other
    problems += [f"{theirs} is missing" for theirs in COUNTS.values() if values.get(theirs) is None]
    if values.get("n_ctx") not in (None, values["n_positions"]):
        problems.append(f"n_ctx={values['n_ctx']!r} is not n_positions={values['n_positions']!r}")
    if (activation := values.get("activation_function", TANH_GELU[0])) not in TANH_GELU:
        problems.append(f"activation_function={activation!r}, our GPT has {TANH_GELU[0]!r} only")
    n_inner, n_embd = values.get("n_inner"), values.get("n_embd")
    if n_inner is not None and isinstance(n_embd, int) and n_inner != 4 * n_embd:
        problems.append(f"n_inner={n_inner!r}, our MLP is 4 times as wide as the stream: {4 * n_embd}")
    dropouts = {key: values.get(key, 0.1) for key in DROPOUTS}
    if any(value != dropouts["resid_pdrop"] for value in dropouts.values()):
        given = ", ".join(f"{key}={value!r}" for key, value in dropouts.items())
        problems.append(f"{given}: our GPT has one dropout, make them equal (they count in training only)")
    if not problems:
        counts = {ours: values[theirs] for ours, theirs in COUNTS.items()}
        epsilon = values.get("layer_norm_epsilon", 1e-5)
        try:
            return GPTConfig(**counts, dropout=dropouts["resid_pdrop"], layer_norm_epsilon=epsilon)
        except (ValueError, TypeError) as error:
            problems = [str(error)]
    raise ValueError(listing(f"{where} describes no GPT-2 that our GPT can be", problems))


def guess_config(shapes: dict[str, tuple[int, ...]], where: object) -> GPTConfig:
    """The config of bare tensors, for the four published sizes: shapes tell all but the number of heads."""
    blocks = {int(match[1]) for name in shapes if (match := re.match(r"h\.(\d+)\.", name))}
    wte, wpe = shapes.get("wte.weight", ()), shapes.get("wpe.weight", ())
    if len(wte) != 2 or len(wpe) != 2 or not blocks:
        some = ", ".join(list(shapes)[:5]) or "nothing"
        raise ValueError(f"{where} is no GPT-2: it needs wte.weight, wpe.weight and h.0.*, and holds {some}")
    n_embd, n_layer = wte[1], max(blocks) + 1
    for size in ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"):
        if (n_embd, n_layer) == (SIZES[size]["n_embd"], SIZES[size]["n_layer"]):
            return GPTConfig.named(size, n_vocab=wte[0], n_ctx=wpe[0])
    raise ValueError(
        f"{where} has n_embd={n_embd} and n_layer={n_layer}, which is no published size, and tensors do not tell how "
        "many heads there are: put its config.json beside it, or give load_pretrained(..., config=GPTConfig(...))"
    )


def listing(title: str, problems: list[str], advice: str = "") -> str:
    """Up to ten problems, one a line."""
    lines = [f"{title}: {len(problems)} problem{'s' * (len(problems) > 1)}", *(f"- {one}" for one in problems[:10])]
    if len(problems) > 10:
        lines.append(f"- and {len(problems) - 10} more")
    return "\n".join([*lines, advice]).rstrip()
