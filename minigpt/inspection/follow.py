"""Follow a text through a GPT: every stage of one forward pass, from bytes to the next token's probability.

Shapes: T time, C channels (n_embd), H heads, V vocabulary.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
from torch import nn

from minigpt.inspection.record import matches_parts, record, to_numpy
from minigpt.inspection.recording import Recording
from minigpt.models.gpt import GPT


@dataclass(frozen=True, eq=False)
class Stage:
    """One step of the way: what is there then, in numbers."""

    name: str
    """Short, e.g. `block 2: after attention`."""
    shape: str
    """The shape in letters, e.g. `(T, C)`."""
    explanation: str
    """One sentence on what happened."""
    array: np.ndarray
    """The numbers, of that shape."""


def follow(model: GPT, tokenizer, text: str) -> list[Stage]:
    """All stages of one forward pass over the text, in order; the last is the probability of each next token.

    `model` is a `GPT` or anything with its module names, so a learner's parts can be followed too. A stage that they do
    not show, such as attention whose softmax is written out, is left out. Raises ValueError for a text without tokens.
    """
    ids = tokenizer.encode(text)
    if not ids:
        raise ValueError("the text is empty: give at least one token to follow")
    names = ("wte", "h.*.ln_1", "h.*.attn", "h.*.ln_2", "h.*.mlp", "h.*", "ln_f")
    with inputs_kept(model, "h.*.mlp.c_proj", len(ids)) as inside:
        recording = record(model, ids, tokenizer.labels(ids), names=names)
    seen = recording.activations
    positions = model.wpe.weight[: len(ids)].detach().cpu().float().numpy()
    stages = [
        Stage("bytes", "(bytes)", "The text as the computer stores it: UTF-8.", np.array(list(text.encode()))),
        Stage("token ids", "(T)", "Bytes that often stand together are one token; each has a number.", np.array(ids)),
        Stage("token vectors", "(T, C)", "Each id picks its row of the token table wte.", seen["wte"]),
        Stage("position vectors", "(T, C)", "Each place in the text has a row of the table wpe.", positions),
        Stage(
            "residual stream", "(T, C)", "The two are added: what all blocks read and add to.", seen["wte"] + positions
        ),
    ]
    stream = stages[-1].array
    for i in range(len(model.h)):
        stages += block_stages(i, stream, recording, inside)
        stream = seen[f"h.{i}"]
    assert recording.logits is not None
    logits = recording.logits[-1]
    powers = np.exp(logits - logits.max())
    return [
        *stages,
        Stage(
            "last LayerNorm", "(T, C)", "Each position is brought to mean 0 and variance 1, then scaled.", seen["ln_f"]
        ),
        Stage("logits", "(V)", "The last position's dot product with every row of the token table.", logits),
        Stage(
            "probabilities", "(V)", "Softmax of the logits: how likely each token comes next.", powers / powers.sum()
        ),
    ]


@contextmanager
def inputs_kept(model: nn.Module, pattern: str, n_tokens: int) -> Iterator[dict[str, np.ndarray]]:
    """For a while, keep what goes into the modules that the pattern means, by their names: of one text, (T, C)."""
    seen: dict[str, np.ndarray] = {}

    def keeper(name: str):
        def keep(module, args):
            if args and args[0].shape[:-1] == (1, n_tokens):  # not a position at a time
                seen[name] = to_numpy(args[0][0])

        return keep

    with ExitStack() as hooks:
        for name, module in model.named_modules():
            if matches_parts(name, pattern):
                hooks.enter_context(module.register_forward_pre_hook(keeper(name)))
        yield seen


def block_stages(i: int, stream: np.ndarray, recording: Recording, inside: dict[str, np.ndarray]) -> list[Stage]:
    """What block i does to the stream that comes in, (T, C). `inside`: what goes into the second layer of each MLP."""
    seen, block = recording.activations, f"h.{i}"
    added = seen.get(f"{block}.attn")
    found = [
        (
            "normalised",
            "(T, C)",
            "A copy of the stream at mean 0, variance 1, then scaled and shifted by learned numbers.",
            seen.get(f"{block}.ln_1"),
        ),
        (
            "attention weights",
            "(H, T, T)",
            "How much each position takes from itself and each earlier one, in every head.",
            recording.attention.get(f"{block}.attn"),
        ),
        ("attention adds", "(T, C)", "What the heads gathered, mixed by c_proj.", added),
        ("after attention", "(T, C)", "The stream with it.", None if added is None else stream + added),
        (
            "normalised again",
            "(T, C)",
            "A copy once more, with gains and biases of its own.",
            seen.get(f"{block}.ln_2"),
        ),
        (
            "inside the MLP",
            "(T, 4C)",
            "Four times as many numbers, after GELU: few are large.",
            inside.get(f"{block}.mlp.c_proj"),
        ),
        ("the MLP adds", "(T, C)", "What each position made of itself.", seen.get(f"{block}.mlp")),
        ("after the MLP", "(T, C)", "The stream as it leaves the block.", seen[block]),
    ]
    return [
        Stage(f"block {i}: {name}", shape, explanation, array)
        for name, shape, explanation, array in found
        if array is not None
    ]
