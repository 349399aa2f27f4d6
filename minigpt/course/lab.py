"""The live lab over a model: what `views.lab` asks, answered by forward passes, with heads scaled where asked."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch

from minigpt import views
from minigpt.inspection.interventions import scale_heads
from minigpt.inspection.lens import STREAM, logit_lens
from minigpt.inspection.record import Recording, evaluating, record
from minigpt.models.gpt import GPT
from minigpt.sampling import last_logits, next_token_probs
from minigpt.weights.shipped import load_shipped

PROMPT = "Once upon a time there was a little girl named Lily. She had a red ball, and Lily"
SHOWN = 12  # next tokens
KEPT = 6  # runs in memory: moving a slider or a cursor runs no model again
Factors = Mapping[tuple[int, int], float]


def lab(
    model: GPT | None = None,
    tokenizer: Any = None,
    prompt: str = PROMPT,
    *,
    other: GPT | None = None,
    other_prompt: str | None = None,
) -> Any:
    """The attention lab, live: type, switch heads off, and watch all heads, the next token and the logit lens follow.

    `model` and `tokenizer` are a GPT and its own; without them the model that comes with the course. `other`, a
    second GPT with the same tokenizer, or `other_prompt`, a second text, is shown beside the first, with their
    difference; switched heads act on the first alone. Raises TypeError for another kind of model, and ValueError for
    a prompt that does not fit.
    """
    if (model is None) != (tokenizer is None):
        raise ValueError("give a model together with its tokenizer, or neither for the model of the course")
    if model is None:
        model, tokenizer = load_shipped()
    bench = Bench(model, tokenizer, other)
    if other is not None and other_prompt is None:
        other_prompt = prompt
    return views.lab(bench.answer, prompt, other_prompt=other_prompt, two_models=other is not None)


class Bench:
    """A model on the bench: `answer` is what `views.lab` calls."""

    def __init__(self, model: GPT, tokenizer: Any, other: GPT | None = None):
        for one in (model, other):
            if one is not None and not isinstance(one, GPT):
                raise TypeError(
                    f"the lab takes a minigpt GPT, not {type(one).__name__}: views.heads shows any recording"
                )
        self.model, self.tokenizer, self.other = model, tokenizer, other
        self.recorded = lru_cache(KEPT)(self._recorded)
        self.untouched = lru_cache(KEPT)(self._untouched)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Everything that the lab shows for one request."""
        ids = self.encode(self.model, request["prompt"])
        factors = {head: factor for head, factor in request["factors"].items() if factor != 1}
        run = self.run(self.model, ids, factors)
        other, error = None, ""
        try:
            if request["other_prompt"] is not None:
                second = self.other or self.model
                other = self.run(second, self.encode(second, request["other_prompt"]), {})
        except ValueError as reason:
            error = f"The second prompt: {reason}"
        return {
            "recording": run,
            "other": other,
            "error": error,
            "next": self.next_tokens(run, self.untouched(ids, changes(self.model)) if factors else None, request),
            "lens": self.lens(run, request["position"]),
            "pair": pair(run, self.model.config.n_head, request),
        }

    def encode(self, model: GPT, text: str) -> tuple[int, ...]:
        """The text's ids. Raises ValueError for a text that is empty or does not fit into the model."""
        ids = tuple(self.tokenizer.encode(text))
        n_ctx = model.config.n_ctx
        if not ids:
            raise ValueError("Nothing is typed yet: begin with a word.")
        if len(ids) > n_ctx:
            raise ValueError(
                f"This text has {len(ids):,} tokens, and {n_ctx:,} fit (n_ctx={n_ctx}): take away {len(ids) - n_ctx:,}."
            )
        return ids

    def run(self, model: GPT, ids: tuple[int, ...], factors: Factors) -> Recording:
        """What goes on in the model over a text, from memory where it went on before."""
        return self.recorded(model, ids, tuple(sorted(factors.items())), changes(model))

    def _recorded(self, model: GPT, ids: tuple[int, ...], factors: tuple, steps: int) -> Recording:
        with scale_heads(model, dict(factors)):
            return record(model, ids, self.tokenizer.labels(list(ids)), names=(*STREAM, "h.*.attn.c_attn"))

    def _untouched(self, ids: tuple[int, ...], steps: int) -> torch.Tensor:
        with torch.no_grad(), evaluating(self.model):
            return last_logits(self.model, torch.tensor([ids], device=self.model.wte.weight.device))[0]

    def next_tokens(self, run: Recording, untouched: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """The likeliest next tokens, by what they are or were, with both probabilities; None: they were the same."""
        rule = {name: request[name] for name in ("temperature", "top_k", "top_p")}
        assert run.logits is not None
        now = next_token_probs(run.logits[-1], **rule)
        before = now if untouched is None else next_token_probs(untouched, **rule)
        shown = torch.maximum(before, now).topk(min(SHOWN, len(now))).indices
        shown = shown[now[shown].argsort(descending=True, stable=True)].tolist()
        rows = zip(self.tokenizer.labels(shown), before[shown].tolist(), now[shown].tolist(), strict=True)
        return {"rows": list(rows), "kept": int((now > 0).sum()), "of": len(now)}

    def lens(self, run: Recording, position: int | None) -> dict[str, Any]:
        """The likeliest next token after each part, as the logit lens reads it, at one position."""
        last = len(run.tokens) - 1
        position = last if position is None else min(position, last)
        here = {name: x[position : position + 1] for name, x in run.activations.items()}
        logits = torch.from_numpy(logit_lens(self.model, replace(run, activations=here))[:, 0])  # a row for each part
        share, best = logits.softmax(dim=-1).max(dim=-1)
        after = ["the embedding", *(f"block {n}" for n in range(self.model.config.n_layer))]
        rows = zip(after, self.tokenizer.labels(best.tolist()), share.tolist(), strict=True)
        return {"position": position, "rows": list(rows)}


def changes(model: GPT) -> int:
    """Grows with each step of training: what was recorded before is then of another model."""
    return sum(parameter._version for parameter in model.parameters())


def pair(run: Recording, n_head: int, request: Mapping[str, Any]) -> dict[str, Any]:
    """Query, key and value of one head for two tokens, where the text and the model have them."""
    layer, head = min(request["layer"], len(run.attention) - 1), min(request["head"], n_head - 1)
    weights = run.attention[f"h.{layer}.attn"][head]
    last = len(run.tokens) - 1
    row = last if request["row"] is None else min(request["row"], last)
    column = int(weights[row].argmax()) if request["column"] is None else min(request["column"], last)
    qkv = run.activations[f"h.{layer}.attn.c_attn"]
    q, k, v = qkv.reshape(len(run.tokens), 3, n_head, -1)[[row, column, column], [0, 1, 2], head]
    places = {"layer": layer, "head": head, "row": row, "column": column}
    return places | {"query": q, "key": k, "value": v, "weights": weights[row]}
