"""Your code runs the real model: the reader's class takes the place of the trained model's own, with its weights.

If it is right, the model writes the same text and every layer computes the same numbers; if not, one sees at which
layer the two part. The model itself is never touched: the reader's class goes into a copy.
"""

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minigpt.course import show
from minigpt.course.run import Misbuilt, build, is_of_stub, name_of, where
from minigpt.inspection.record import evaluating, record
from minigpt.models.attention import causal_mask
from minigpt.models.gpt import GPT
from minigpt.sampling import generate
from minigpt.text.tokenizers import Tokenizer

TOLERANCE = 1e-4  # of the largest number in a layer: what rounding makes of another order of sums, and no more
PARTS = ("attn", "mlp", "block")


@dataclass(frozen=True)
class RealRun:
    """What both models wrote and computed. In a notebook it shows itself as a card with a table."""

    title: str
    message: str
    tone: str
    """"good", "todo" or "bad"."""
    theirs: str = ""
    """What the trained model writes by itself."""
    yours: str = ""
    """What it writes with the reader's class in it."""
    differences: tuple[tuple[str, float], ...] = ()
    """For each layer its name and the largest difference of its output, as a share of the largest number in it."""
    details: tuple[tuple[str, str], ...] = ()

    @property
    def passed(self) -> bool:
        return self.tone == "good"

    def table(self) -> tuple[str, tuple[str, str], list[tuple[str, str]]]:
        rows = [(name, rounded(difference)) for name, difference in self.differences]
        return "Output of each layer, largest difference relative to the largest number:", ("layer", "difference"), rows

    def card(self) -> tuple[str, str, str, list[tuple[str, str]]]:
        texts = [("The model as it is:", self.theirs), ("With your class in it:", self.yours)] if self.theirs else []
        return self.tone, self.title, self.message, [*self.details, *texts]

    def __repr__(self) -> str:
        return "\n".join(
            [show.card_text(*self.card()), *([show.table_text(*self.table())] if self.differences else [])]
        )

    def _repr_html_(self) -> str:
        if not self.theirs:
            return show.card_html(*self.card())
        side_by_side = show.columns_html([("The model as it is", self.theirs), ("With your class in it", self.yours)])
        card = show.card_html(self.tone, self.title, self.message)
        return card + side_by_side + show.table_html(*self.table())


def run_in_model(
    cls: Any,
    part: str = "attn",
    prompt: str | Sequence[int] = "Once upon a time",
    model: GPT | None = None,
    tokenizer: Tokenizer | None = None,
    max_new_tokens: int = 40,
) -> RealRun:
    """Put the reader's class into the trained model, let both write, and compare: `course.run_in_model(MyAttention)`.

    `part="attn"`: a class built by `cls(n_embd, n_head, dropout)` that is called with x and, if its `forward` takes
    it, `mask` (T, T). `part="mlp"`: `cls(n_embd, dropout)`, called with x. `part="block"`: `cls(config)`, called as
    attention is. `model` is the shipped one if none is given; without a `tokenizer` a prompt is a list of ids.
    """
    if part not in PARTS:
        raise ValueError(f"part={part!r}: a class can take the place of one of {', '.join(map(repr, PARTS))}")
    if model is None:
        from minigpt.weights import load_shipped

        model, tokenizer = load_shipped()
    title = f"{name_of(cls)} in the real model"
    ids = tokenizer.encode(prompt) if tokenizer and isinstance(prompt, str) else prompt
    if isinstance(ids, str) or not len(ids):
        raise ValueError("give a prompt of at least one token: a text, or ids where the model has no tokenizer")
    try:
        patched = with_class(model, cls, part)
        differences = layer_differences(model, patched, ids, part)
        if bad := [name for name, difference in differences if difference != difference]:
            return RealRun(title, f"Your class puts out NaN, not a number, at {bad[0]}.", "bad")
        yours = written(patched, ids, tokenizer, max_new_tokens)
    except Misbuilt as error:
        return RealRun(title, f"{error}.", "bad")
    except Exception as error:  # whatever the reader's code raises is shown
        if is_of_stub(error):
            return RealRun(title, f"not started: {name_of(cls)} has dots in it.", "todo")
        details = (("In your code:", where(error)),) if where(error) else ()
        return RealRun(title, f"{type(error).__name__}: {error}", "bad", details=details)
    theirs = written(model, ids, tokenizer, max_new_tokens)
    message, tone = verdict(theirs == yours, differences, model.config.n_layer)
    return RealRun(title, message, tone, theirs, yours, tuple(differences))


def with_class(model: GPT, cls: Any, part: str) -> GPT:
    """A copy of the model in which every block, or that part of each, is an object of the class with the same weights.

    All other weights are shared with the model, so that this costs little memory.
    """
    if not isinstance(cls, type):
        raise Misbuilt(f"Give the class itself, {name_of(cls)}, and not an object of it")
    config = model.config
    inits = {
        "attn": (config.n_embd, config.n_head, config.dropout),
        "mlp": (config.n_embd, config.dropout),
        "block": (config,),
    }
    patched = copy.deepcopy(model, {id(parameter): parameter for parameter in model.parameters()})
    fitted = called_like_ours(cls)
    for i, block in enumerate(patched.h):
        own = block if part == "block" else getattr(block, part)
        new = build(fitted, inits[part], own.state_dict()).to(next(own.parameters()).device)
        if part == "block":
            patched.h[i] = new
        else:
            setattr(block, part, new)
    return patched


def called_like_ours(cls: Any) -> Any:
    """The class with a `forward` that our blocks can call: it passes on what the reader's own takes, a mask at most."""
    takes_mask = "mask" in inspect.signature(cls.forward).parameters

    class Fitted(cls):
        def forward(self, x: Tensor, mask: Any = None, cache: None = None) -> Tensor:
            mask = causal_mask(x.size(1), device=x.device) if isinstance(mask, str) else mask
            y = super().forward(x, mask=mask) if takes_mask else super().forward(x)
            if y is None or y is ...:
                raise NotImplementedError
            return y

    Fitted.__name__ = Fitted.__qualname__ = cls.__name__
    return Fitted


def written(model: nn.Module, ids: Sequence[int], tokenizer: Tokenizer | None, max_new_tokens: int) -> str:
    """The prompt and its greedy continuation; without a cache, as the reader's class has none."""
    with evaluating(model):
        new = list(generate(model, ids, max_new_tokens=max_new_tokens, temperature=0, use_cache=False))
    return tokenizer.decode([*ids, *new]) if tokenizer else " ".join(map(str, [*ids, *new]))


def layer_differences(model: GPT, patched: GPT, ids: Sequence[int], part: str) -> list[tuple[str, float]]:
    """For each part that was replaced and each block, how far its outputs on the prompt are apart."""
    names = ("h.*",) if part == "block" else (f"h.*.{part}", "h.*")
    ours, yours = (record(m, torch.tensor(ids), names=names).activations for m in (model, patched))
    differences = []
    for name, a in ours.items():
        b = yours[name]
        if a.shape != b.shape:
            raise ValueError(f"{name} put out the shape {b.shape}, the model's own {a.shape}")
        differences.append((name, float(np.abs(a - b).max() / np.abs(a).max())))
    return differences


def verdict(same_text: bool, differences: list[tuple[str, float]], n_layer: int) -> tuple[str, str]:
    """One sentence, and its tone."""
    apart = next((name for name, difference in differences if not difference <= TOLERANCE), None)
    if apart is None and same_text:
        return f"Your class writes the same text, and all {n_layer} layers compute the same numbers.", "good"
    if apart is None:
        return "All layers agree on the prompt, and yet the texts part later: try a longer prompt.", "bad"
    if same_text:
        most = max(difference for _, difference in differences)
        found = f"The same text, but not the same numbers: from {apart} on they differ by more than rounding"
        return f"{found}, at most by {most:.1g} of the largest. What is nearly right, and not quite?", "bad"
    return (
        f"The texts differ: the two models part at {apart}, where the numbers first differ by more than rounding.",
        "bad",
    )


def rounded(difference: float) -> str:
    """As text that is the same on all machines where the difference is rounding."""
    return f"below {TOLERANCE:g}" if difference <= TOLERANCE else f"{difference:.2g}"
