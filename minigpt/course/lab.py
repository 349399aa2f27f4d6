"""The live lab over a model: what `views.lab` asks, answered by forward passes, with heads changed where asked."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from minigpt import views
from minigpt.course.reading import coders
from minigpt.inspection.interventions import ablate_head, head_outputs, patch_head, scale_heads
from minigpt.inspection.lens import STREAM, logit_lens
from minigpt.inspection.record import Recording, evaluating, record
from minigpt.models.gpt import GPT
from minigpt.sampling import last_logits, next_token_probs
from minigpt.views.attention import check_head
from minigpt.weights.shipped import load_shipped

PROMPT = "Once upon a time there was a little girl named Lily. She had a red ball, and Lily"
SHOWN = 12  # next tokens
KEPT = 6  # runs in memory: moving a slider or a cursor runs no model again
Ids = tuple[int, ...]
Changes = Mapping[tuple[int, int], float | str]  # head (layer, head) -> a factor, "mean" or "patch"


def lab(
    model: GPT | None = None,
    tokenizer: Any = None,
    prompt: str = PROMPT,
    *,
    layer: int = 0,
    head: int = 0,
    other: GPT | None = None,
    other_prompt: str | None = None,
) -> Any:
    """The attention lab, live: type, change heads, and watch all heads, the next token and the logit lens follow.

    `model` and `tokenizer` are a GPT and its own, ours or that of transformers; without them the model that comes with
    the course. `layer`, `head`: which head is enlarged at first. `other`, a second GPT with the same tokenizer, or
    `other_prompt`, a second text, is shown beside the first, with their difference. A head is switched off, set to its
    mean over the text, scaled, or patched with what the same head does in the second; changed heads act on the first
    alone. Raises TypeError for another kind of model, and ValueError for a prompt that does not fit or a head that the
    model does not have.
    """
    if (model is None) != (tokenizer is None):
        raise ValueError("give a model together with its tokenizer, or neither for the model of the course")
    if model is None:
        model, tokenizer = load_shipped()
    bench = Bench(model, tokenizer, other)
    check_head([model.config.n_layer, model.config.n_head], layer, head)
    if other is not None and other_prompt is None:
        other_prompt = prompt
    two_models = other is not None
    return views.lab(bench.answer, prompt, layer=layer, head=head, other_prompt=other_prompt, two_models=two_models)


class Bench:
    """A model on the bench: `answer` is what `views.lab` calls."""

    def __init__(self, model: GPT, tokenizer: Any, other: GPT | None = None):
        for one in (model, other):
            if one is not None and not isinstance(one, GPT):
                raise TypeError(
                    f"the lab takes a minigpt GPT, not {type(one).__name__}. A GPT-2 of transformers becomes one: "
                    "model.save_pretrained(folder), then minigpt.weights.load_pretrained(folder). course.live_heads "
                    "shows the heads of any model as you type, views.heads those of any recording"
                )
        self.model, self.other = model, other
        self.ids_of, self.labels = coders(tokenizer)
        self.recorded = lru_cache(KEPT)(self._recorded)
        self.outputs = lru_cache(KEPT)(self._outputs)
        self.untouched = lru_cache(KEPT)(self._untouched)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Everything that the lab shows for one request."""
        ids = self.encode(self.model, request["prompt"])
        second = self.other or self.model
        other_ids, error = None, ""
        try:
            if request["other_prompt"] is not None:
                other_ids = self.encode(second, request["other_prompt"])
        except ValueError as reason:
            error = f"The second prompt: {reason}"
        wanted = {head: what for head, what in request["changes"].items() if what != 1}
        idle, why = self.not_patched(wanted, ids, other_ids)
        changes = {head: what for head, what in wanted.items() if head not in idle}
        run = self.run(self.model, ids, changes, other_ids)
        other = self.run(second, other_ids) if other_ids else None
        return {
            "recording": run,
            "other": other,
            "error": error or why,
            "idle": idle,
            "next": self.next_tokens(run, self.untouched(ids, steps_of(self.model)) if changes else None, request),
            "both": self.next_tokens_of_both(run, other, request) if other else None,
            "lens": self.lens(run, request["position"]),
            "pair": pair(run, self.model.config.n_head, request),
        }

    def encode(self, model: GPT, text: str) -> Ids:
        """The text's ids. Raises ValueError for a text that is empty or does not fit into the model."""
        ids = tuple(self.ids_of(text)) if text else ()
        n_ctx = model.config.n_ctx
        if not ids:
            raise ValueError("Nothing is typed yet: begin with a word.")
        if len(ids) > n_ctx:
            raise ValueError(
                f"This text has {len(ids):,} tokens, and {n_ctx:,} fit (n_ctx={n_ctx}): take away {len(ids) - n_ctx:,}."
            )
        return ids

    def not_patched(self, changes: Changes, ids: Ids, other_ids: Ids | None) -> tuple[list[tuple[int, int]], str]:
        """The heads to be patched that cannot be, and why."""
        patched = [head for head, what in changes.items() if what == "patch"]
        if not patched:
            return [], ""
        if other_ids is None:
            return patched, "Patching takes what the head does in a second prompt: compare with one, and type it."
        if len(ids) != len(other_ids):
            return patched, (
                f"Nothing is patched: what the head does in the second prompt, {len(other_ids):,} tokens, takes the "
                f"place of what it does in the first, {len(ids):,} tokens, position by position: make them as long."
            )
        mine, theirs = self.model.config, (self.other or self.model).config
        lacking = [(n, h) for n, h in patched if n >= theirs.n_layer or h >= theirs.n_head]
        if mine.n_embd // mine.n_head != theirs.n_embd // theirs.n_head:
            return patched, "Nothing is patched: the heads of the two models put out different numbers of values."
        return lacking, "The second model lacks a head that is to be patched." if lacking else ""

    def run(self, model: GPT, ids: Ids, changes: Changes | None = None, other_ids: Ids | None = None) -> Recording:
        """What goes on in the model over a text, from memory where it went on before."""
        changed = tuple(sorted((changes or {}).items()))
        source = other_ids if any(what == "patch" for _, what in changed) else None
        return self.recorded(model, ids, changed, source, steps_of(model) + steps_of(self.other or model))

    def _recorded(self, model: GPT, ids: Ids, changed: tuple, source: Ids | None, steps: int) -> Recording:
        with changed_heads(model, dict(changed), self.outputs(source, steps) if source else None):
            return record(model, ids, self.labels(list(ids)), names=(*STREAM, "h.*.attn.c_attn"))

    def _outputs(self, ids: Ids, steps: int) -> np.ndarray:
        """What each head of the second puts out, (L, H, T, D)."""
        return head_outputs(self.other or self.model, ids)

    def _untouched(self, ids: Ids, steps: int) -> torch.Tensor:
        with torch.no_grad(), evaluating(self.model):
            return last_logits(self.model, torch.tensor([ids], device=self.model.wte.weight.device))[0]

    def next_tokens(self, run: Recording, untouched: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """The likeliest next tokens, by what they are or were, with both probabilities; None: they were the same."""
        now = drawn_from(run, request)
        before = now if untouched is None else next_token_probs(untouched, **rule_of(request))
        return {"rows": self.likeliest(before, now), "kept": int((now > 0).sum()), "of": len(now)}

    def next_tokens_of_both(self, run: Recording, other: Recording, request: Mapping[str, Any]) -> dict[str, Any]:
        """The likeliest next tokens of either side, with the probability in each."""
        first, second = drawn_from(run, request), drawn_from(other, request)
        n = min(len(first), len(second))  # models with one tokenizer may fill up their vocabularies differently
        return {"rows": [(label, a, b) for label, b, a in self.likeliest(second[:n], first[:n])]}

    def likeliest(self, before: torch.Tensor, now: torch.Tensor) -> list[tuple[str, float, float]]:
        """Tokens that are among the likeliest in one of the two, the likeliest now first, with both probabilities."""
        shown = torch.maximum(before, now).topk(min(SHOWN, len(now))).indices
        shown = shown[now[shown].argsort(descending=True, stable=True)].tolist()
        return list(zip(self.labels(shown), before[shown].tolist(), now[shown].tolist(), strict=True))

    def lens(self, run: Recording, position: int | None) -> dict[str, Any]:
        """The likeliest next token after each part, as the logit lens reads it, at one position."""
        last = len(run.tokens) - 1
        position = last if position is None else min(position, last)
        here = {name: x[position : position + 1] for name, x in run.activations.items()}
        logits = torch.from_numpy(logit_lens(self.model, replace(run, activations=here))[:, 0])  # a row for each part
        share, best = logits.softmax(dim=-1).max(dim=-1)
        after = ["the embedding", *(f"block {n}" for n in range(self.model.config.n_layer))]
        rows = zip(after, self.labels(best.tolist()), share.tolist(), strict=True)
        return {"position": position, "rows": list(rows)}


@contextmanager
def changed_heads(model: GPT, changes: Changes, outputs: np.ndarray | None) -> Iterator[None]:
    """Heads changed for a while; `outputs`, (L, H, T, D), is what the patched ones put out instead."""
    factors = {head: float(what) for head, what in changes.items() if not isinstance(what, str)}
    with ExitStack() as held:
        held.enter_context(scale_heads(model, factors))
        for (layer, head), what in changes.items():
            if what == "mean":
                held.enter_context(ablate_head(model, layer, head, to="mean"))
            elif what == "patch":
                assert outputs is not None
                held.enter_context(patch_head(model, layer, head, outputs[layer, head]))
            elif isinstance(what, str):
                raise ValueError(f"head ({layer}, {head}) cannot be changed to {what!r}: a factor, 'mean' or 'patch'")
        yield


def rule_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """By which a token is drawn."""
    return {name: request[name] for name in ("temperature", "top_k", "top_p")}


def drawn_from(run: Recording, request: Mapping[str, Any]) -> torch.Tensor:
    """Probabilities of the token after the text, (V,)."""
    assert run.logits is not None
    return next_token_probs(torch.from_numpy(run.logits[-1].copy()), **rule_of(request))


def steps_of(model: GPT) -> int:
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
