"""Follow a text through a GPT: every stage of one forward pass, from bytes to the next token's probability.

Shapes: T time, C channels (n_embd), H heads, V vocabulary.
"""

from dataclasses import dataclass

import numpy as np

from minigpt.inspection.record import record
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

    `model` is a `GPT` or anything with its module names, so a learner's parts can be followed too.
    """
    ids = tokenizer.encode(text)
    if not ids:
        raise ValueError("the text is empty: give at least one token to follow")
    names = ("wte", "h.*.ln_1", "h.*.attn", "h.*.ln_2", "h.*.mlp.gelu", "h.*.mlp", "h.*", "ln_f")
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
        stages += block_stages(i, stream, recording)
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


def block_stages(i: int, stream: np.ndarray, recording) -> list[Stage]:
    """What block i does to the stream that comes in, (T, C)."""
    seen, block = recording.activations, f"h.{i}"
    after_attention = stream + seen[f"{block}.attn"]
    return [
        Stage(
            f"block {i}: normalised",
            "(T, C)",
            "A copy of the stream at mean 0, variance 1, then scaled and shifted by learned numbers.",
            seen[f"{block}.ln_1"],
        ),
        Stage(
            f"block {i}: attention weights",
            "(H, T, T)",
            "How much each position takes from itself and each earlier one, in every head.",
            recording.attention[f"{block}.attn"],
        ),
        Stage(
            f"block {i}: attention adds", "(T, C)", "What the heads gathered, mixed by c_proj.", seen[f"{block}.attn"]
        ),
        Stage(f"block {i}: after attention", "(T, C)", "The stream with it.", after_attention),
        Stage(
            f"block {i}: normalised again",
            "(T, C)",
            "A copy once more, with gains and biases of its own.",
            seen[f"{block}.ln_2"],
        ),
        Stage(
            f"block {i}: inside the MLP",
            "(T, 4C)",
            "Four times as many numbers, after GELU: few are large.",
            seen[f"{block}.mlp.gelu"],
        ),
        Stage(f"block {i}: the MLP adds", "(T, C)", "What each position made of itself.", seen[f"{block}.mlp"]),
        Stage(f"block {i}: after the MLP", "(T, C)", "The stream as it leaves the block.", seen[block]),
    ]
