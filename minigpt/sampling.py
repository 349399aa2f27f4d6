"""From logits to the next token, and on to text: greedy, temperature, top-k, top-p; with a key-value cache.

Shapes: B batch, T time, C channels (n_embd), V vocabulary.
Sources: Fan et al. 2018 for top-k, which Radford et al. 2019 draw with; Holtzman et al. 2020 for top-p.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

OVERFLOW = ("slide", "stop", "error")


@dataclass(frozen=True)
class Rule:
    """How a token is chosen from logits. `temperature=0` is greedy: always the likeliest."""

    temperature: float = 1.0
    """Logits are divided by it: below 1 the likely get likelier, above 1 all become more alike."""
    top_k: int | None = None
    """Only the k likeliest tokens (more if there is a tie for the last place); None: all."""
    top_p: float | None = None
    """Only the fewest likeliest tokens that have probability p together; None: all."""

    def __post_init__(self):
        if not (self.temperature >= 0 and math.isfinite(self.temperature)):
            raise ValueError(f"temperature={self.temperature}: must be 0 (always the likeliest token) or above")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k={self.top_k}: must be at least 1; None keeps all tokens")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p={self.top_p}: must be above 0 and at most 1; None keeps all tokens")


def next_token_probs(logits, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None) -> Tensor:
    """The distribution that a token is drawn from: temperature first, then top-k, then top-p. (…, V) -> (…, V).

    Takes a tensor or an array; gives float32 on the CPU. Raises ValueError for NaN, and for values that make no sense.
    """
    rule = Rule(temperature, top_k, top_p)
    logits = logits.detach() if isinstance(logits, Tensor) else torch.tensor(logits)  # (..., V)
    logits = logits.float().cpu()  # (..., V)
    if logits.isnan().any():
        raise ValueError("the logits hold NaN: the model's weights are damaged, load or train it anew")
    if rule.temperature == 0:
        return torch.zeros_like(logits).scatter_(-1, logits.argmax(dim=-1, keepdim=True), 1.0)  # (..., V)
    logits = logits / rule.temperature  # (..., V)
    if rule.top_k is not None:
        kth = logits.topk(min(rule.top_k, logits.size(-1))).values[..., -1:]  # (..., 1)
        logits = logits.masked_fill(logits < kth, -math.inf)  # (..., V)
    probs = logits.softmax(dim=-1)  # (..., V)
    if rule.top_p is not None:
        ordered, places = probs.sort(dim=-1, descending=True, stable=True)  # (..., V), (..., V)
        enough = ordered.cumsum(dim=-1) - ordered >= rule.top_p  # those before it have p already
        probs = probs.masked_fill(enough.gather(-1, places.argsort(dim=-1)), 0.0)  # (..., V)
        probs = probs / probs.sum(dim=-1, keepdim=True)  # (..., V)
    return probs


def generate(model: nn.Module, ids: Sequence[int], *, seed: int | None = None, **options) -> Iterator[int]:
    """The tokens that follow `ids`, one at a time: `list(generate(model, ids, max_new_tokens=20))`.

    `options` are those of `generate_batch`. A `stop` token is the last that is given.
    """
    for tokens in generate_batch(model, [ids], seed=seed, **options):
        assert tokens[0] is not None
        yield tokens[0]


def generate_batch(
    model: nn.Module,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: Sequence[int] = (),
    seed: int | None = None,
    use_cache: bool = True,
    overflow: str = "slide",
) -> Iterator[list[int | None]]:
    """Continue several prompts at once; gives, step by step, a new token for each, or None where there is none.

    Prompts may differ in length: all rows start at position 0, and a row with a longer prompt still reads it while
    the others write. So nothing is padded, and each row gets what it would get alone (row i draws with seed + i).
    A row ends with a token in `stop`, or after `max_new_tokens`. With and without the cache the tokens are the same.

    `overflow` says what happens at the end of the context, n_ctx tokens: `"slide"` forgets the older half and reads
    the rest again, since positions are counted from the start; `"stop"` ends; `"error"` raises ValueError.
    """
    rule = Rule(temperature, top_k, top_p)
    rows = [[int(token) for token in prompt] for prompt in prompts]
    check_request(rows, max_new_tokens, overflow)
    n_prompt = [len(row) for row in rows]
    generators = [new_generator(None if seed is None else seed + i) for i in range(len(rows))]
    left = [max_new_tokens] * len(rows)
    reader = Reader(model, len(rows), use_cache)
    length = min(n_prompt)  # tokens of each row that the next step reads
    while any(left):
        if length > reader.n_ctx and overflow != "slide":
            if overflow == "stop":
                return
            raise ValueError(f"the context of n_ctx={reader.n_ctx} tokens is full: take overflow='slide' or 'stop'")
        logits = reader.next_logits([row[:length] for row in rows])  # (B, V)
        tokens: list[int | None] = [None] * len(rows)
        for i, row in enumerate(rows):
            if length < n_prompt[i]:
                continue  # this row still reads
            if left[i] == 0:
                row.append(row[-1])  # ended: anything keeps the batch in step
                continue
            token = tokens[i] = choose(logits[i], rule, generators[i])
            row.append(token)
            left[i] = 0 if token in stop else left[i] - 1
        length += 1
        if any(token is not None for token in tokens):
            yield tokens


class Reader:
    """Reads rows of equal length and gives the logits of what comes next, from a cache where the model has one."""

    def __init__(self, model: nn.Module, batch_size: int, use_cache: bool):
        self.model: Any = model
        self.batch_size = batch_size
        self.use_cache = use_cache and hasattr(model, "new_cache")
        self.n_ctx: int = self.model.config.n_ctx
        self.device = next(model.parameters()).device
        self.cache: Any = None
        self.start = -1  # of the window that the cache holds

    @torch.inference_mode()
    def next_logits(self, rows: list[list[int]]) -> Tensor:
        """(B, T) -> (B, V)"""
        start = window_start(len(rows[0]), self.n_ctx)
        n_read = 0
        if self.use_cache:
            if start != self.start:  # the first call, or the window has slid: positions change, so read all again
                self.cache, self.start = self.model.new_cache(self.batch_size), start
            n_read = self.cache.length
        ids = torch.tensor([row[start + n_read :] for row in rows], device=self.device)  # (B, T)
        training = self.model.training
        if training:
            self.model.eval()
        try:
            return last_logits(self.model, ids, self.cache)  # (B, V)
        finally:
            if training:
                self.model.train()


def last_logits(model: Any, ids: Tensor, cache=None) -> Tensor:
    """Logits after the last position only, where the model can leave out the others: (B, T) -> (B, V)."""
    options = {} if cache is None else {"cache": cache}
    if hasattr(model, "hidden") and hasattr(model, "head"):
        x = model.hidden(ids, **options)[:, -1:]  # (B, 1, C)
        return model.head(x)[:, -1]  # (B, V)
    return model(ids, **options)[:, -1]  # (B, V)


def window_start(length: int, n_ctx: int) -> int:
    """Where the window of a text of this length begins: it moves on by half a context each time it is full."""
    half = max(1, n_ctx // 2)
    return 0 if length <= n_ctx else math.ceil((length - n_ctx) / half) * half


def choose(logits: Tensor, rule: Rule, generator: torch.Generator) -> int:
    """One token from the logits of one row: (V,) -> its id."""
    probs = next_token_probs(logits, rule.temperature, rule.top_k, rule.top_p)  # (V,)
    if rule.temperature == 0:
        return int(probs.argmax())
    return int(torch.multinomial(probs, 1, generator=generator))


def new_generator(seed: int | None) -> torch.Generator:
    """A source of random numbers of its own, so that the global one is left alone."""
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator


def check_request(rows: list[list[int]], max_new_tokens: int, overflow: str) -> None:
    if not rows or not all(rows):
        raise ValueError("a prompt is empty: give at least one token, e.g. the tokenizer's end_of_text")
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens={max_new_tokens}: must be 0 or more")
    if overflow not in OVERFLOW:
        raise ValueError(f"overflow={overflow!r}: take one of {', '.join(OVERFLOW)}")


def stream(
    model: nn.Module, tokenizer, prompt: str, *, max_new_tokens: int = 200, stop: Sequence[str] = (), **options
) -> Iterator[str]:
    """The text that follows the prompt, piece by piece, never half a character; ends before any text in `stop`.

    It ends at an end-of-text token too. `options` are those of `generate_batch`. An empty prompt begins a new text,
    after an end-of-text token; a tokenizer without one needs a prompt.
    """
    end = tokenizer.end_of_text
    ids = tokenizer.encode(prompt) or ([] if end is None else [end])
    if not ids:
        raise ValueError(
            "the prompt is empty and this tokenizer has no end-of-text token to begin with: type something"
        )
    tokens = generate(model, ids, max_new_tokens=max_new_tokens, stop=() if end is None else (end,), **options)
    pieces = tokenizer.decode_stream(token for token in tokens if token != end)
    yield from cut_at(pieces, stop)


def cut_at(pieces: Iterator[str], stop: Sequence[str]) -> Iterator[str]:
    """The pieces up to the first text in `stop`; what could be the beginning of one is held back until it is clear."""
    held = ""
    for piece in pieces:
        held += piece
        if found := [held.index(text) for text in stop if text in held]:
            yield held[: min(found)]
            return
        n_kept = max((n for text in stop for n in range(1, len(text)) if held.endswith(text[:n])), default=0)
        if ready := held[: len(held) - n_kept]:
            yield ready
        held = held[len(held) - n_kept :]
    if held:
        yield held


def complete(model: nn.Module, tokenizer, prompt: str, **options) -> str:
    """The prompt and what follows it, as one text; `options` are those of `stream`."""
    return prompt + "".join(stream(model, tokenizer, prompt, **options))
