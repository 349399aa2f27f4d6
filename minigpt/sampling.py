"""From logits to the next token, and on to text: greedy, temperature, top-k, top-p; with a key-value cache.

Shapes: B batch, T time, C channels (n_embd), V vocabulary.
Sources: Fan et al. 2018 for top-k, which Radford et al. 2019 draw with; Holtzman et al. 2020 for top-p.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from numbers import Integral
from operator import index
from typing import Any

import torch
from torch import Tensor, nn

from minigpt.models.products import sharing_products

OVERFLOW = ("slide", "stop", "error")


@dataclass(frozen=True)
class Rule:
    """How a token is chosen from logits. `temperature=0` is greedy: always the likeliest."""

    temperature: float = 1.0
    """Logits are divided by it: below 1 the likely get likelier, above 1 all become more alike."""
    top_k: int | None = None
    """Only the k likeliest tokens, and all that tie for the last place; None: all."""
    top_p: float | None = None
    """Only the fewest likeliest tokens that have probability p together; None: all."""

    def __post_init__(self):
        if not (self.temperature >= 0 and math.isfinite(self.temperature)):
            raise ValueError(f"temperature={self.temperature}: must be 0 (always the likeliest token) or above")
        if self.top_k is not None and not (isinstance(self.top_k, Integral) and self.top_k >= 1):
            raise ValueError(f"top_k={self.top_k}: must be a whole number of at least 1; None keeps all tokens")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p={self.top_p}: must be above 0 and at most 1; None keeps all tokens")


def next_token_probs(logits, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None) -> Tensor:
    """The distribution that a token is drawn from: temperature first, then top-k, then top-p. (…, V) -> (…, V).

    Takes a tensor, an array or a list; gives float32 on the CPU. A logit of -∞ forbids its token. Among equals the
    lower id counts as likelier, for temperature 0 and for top-p; top-k keeps all that tie for its last place.
    Raises ValueError for NaN and +∞, for a row that forbids every token, and for values that make no sense.
    """
    rule = Rule(temperature, top_k, top_p)
    logits = logits.detach() if isinstance(logits, Tensor) else torch.tensor(logits)  # (..., V)
    logits = logits.float().cpu()  # (..., V)
    check_logits(logits)
    if rule.temperature == 0:
        return torch.zeros_like(logits).scatter_(-1, logits.argmax(dim=-1, keepdim=True), 1.0)  # (..., V)
    # With the largest at 0, softmax is the same, and no temperature, however low, makes a logit infinite.
    below = logits - logits.amax(dim=-1, keepdim=True)  # (..., V)
    logits = (below.double() / rule.temperature).float()  # (..., V)
    if rule.top_k is not None:
        kth = logits.topk(min(rule.top_k, logits.size(-1))).values[..., -1:]  # (..., 1)
        logits = logits.masked_fill(logits < kth, -math.inf)  # (..., V)
    probs = logits.softmax(dim=-1)  # (..., V)
    if rule.top_p is not None and rule.top_p < 1:  # at 1 the sum's rounding would cut off the least likely
        ordered, places = probs.sort(dim=-1, descending=True, stable=True)  # (..., V), (..., V)
        ordered[ordered.cumsum(dim=-1) - ordered >= rule.top_p] = 0.0  # those before it have p already
        probs = torch.zeros_like(probs).scatter_(-1, places, ordered / ordered.sum(dim=-1, keepdim=True))  # (..., V)
    return probs


def check_logits(logits: Tensor) -> None:
    """Refuse what softmax makes NaN of, and say where it stands."""
    if not logits.dim() or not logits.size(-1):
        raise ValueError(f"logits of shape {tuple(logits.shape)}: expected one for each token of the vocabulary")
    if logits.amax(dim=-1).isfinite().all():  # NaN is larger than all to amax
        return
    wrong = logits.isnan() | (logits == math.inf)
    if not wrong.any():
        raise ValueError("all logits of a row are -inf: every token is forbidden, leave at least one")
    first = wrong.nonzero()[0].tolist()
    raise ValueError(
        f"logits{first} is {'NaN' if logits[tuple(first)].isnan() else 'infinite'}, as are {int(wrong.sum()):,} of "
        f"{wrong.numel():,}: if they come from a model, its weights are damaged; load them again, or train anew with a "
        "lower learning rate"
    )


def generate(
    model: nn.Module, ids: Iterable[int], *, max_new_tokens: int, seed: int | None = None, **options
) -> Iterator[int]:
    """The tokens that follow `ids`, one at a time: `list(generate(model, ids, max_new_tokens=20))`.

    `options` are those of `generate_batch`. A token in `stop` is the last that is given.
    """
    steps = generate_batch(model, [ids], max_new_tokens=max_new_tokens, seed=seed, **options)
    return (token for (token,) in steps if token is not None)


def generate_batch(
    model: nn.Module,
    prompts: Iterable[Iterable[int]],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: int | Iterable[int] = (),
    seed: int | None = None,
    use_cache: bool = True,
    overflow: str = "slide",
) -> Iterator[list[int | None]]:
    """Continue several prompts at once; gives, step by step, a new token for each, or None where there is none.

    Prompts may differ in length: all rows start at position 0, and a row with a longer prompt still reads it while
    the others write. So nothing is padded, and each row gets what it would get alone (row i draws with seed + i;
    without a seed it is another text each time). The global random numbers are neither used nor changed.
    A row ends with a token in `stop`, or after `max_new_tokens`. With and without the cache the tokens are the same.

    `overflow` says what happens at the end of the context, n_ctx tokens: `"stop"` ends, `"error"` raises ValueError,
    `"slide"` forgets the older half and goes on. Positions are counted from the start of what is read, so the half
    that stays must be read anew: once in n_ctx/2 tokens. (Forgetting one token at a time would keep more in sight,
    but read all n_ctx again for each token.)

    The model needs `config.n_ctx` and a forward from ids (B, T) to logits (B, T, V). With
    `new_cache(batch_size, n_ctx)`, which makes room for n_ctx tokens, and `forward(ids, cache=...)` it is used with a
    cache. Between two tokens it is as it was, in training mode or not.
    Raises ValueError for a request that makes no sense, at once, and for logits that are NaN, when they come.
    """
    rule = Rule(temperature, top_k, top_p)
    prompt_ids = check_prompts(prompts, model)
    check_request(max(map(len, prompt_ids)), max_new_tokens, overflow, model)
    stop_ids = {stop} if isinstance(stop, int) else set(stop)
    rows = [Row(ids, max_new_tokens, new_generator(seed, i)) for i, ids in enumerate(prompt_ids)]
    longest = max(map(len, prompt_ids)) + max_new_tokens
    return write(Reader(model, len(rows), longest, use_cache), rows, rule, stop_ids, overflow)


@dataclass
class Row:
    """One text of a batch: what it is so far, how many tokens it may still get, and its own random numbers."""

    ids: list[int]
    n_left: int
    generator: torch.Generator


def write(reader: "Reader", rows: list[Row], rule: Rule, stop: set[int], overflow: str) -> Iterator[list[int | None]]:
    """The steps of `generate_batch`."""
    length = min(len(row.ids) for row in rows)  # tokens of each row that the next step reads
    while any(row.n_left for row in rows):
        if length > reader.n_ctx and overflow != "slide":
            if overflow == "stop":
                return
            raise ValueError(f"the context of n_ctx={reader.n_ctx} tokens is full: take overflow='slide' or 'stop'")
        logits = reader.next_logits([row.ids[:length] for row in rows])  # (B, V)
        pick = picker(logits, rule, rows)
        tokens: list[int | None] = [None] * len(rows)
        for i, row in enumerate(rows):
            if length < len(row.ids):
                continue  # this row still reads its prompt
            if row.n_left == 0:
                row.ids.append(row.ids[-1])  # ended: anything keeps the batch in step
                continue
            token = tokens[i] = pick(i)
            row.ids.append(token)
            row.n_left = 0 if token in stop else row.n_left - 1
        length += 1
        if any(token is not None for token in tokens):
            yield tokens


def picker(logits: Tensor, rule: Rule, rows: list[Row]) -> Callable[[int], int]:
    """What gives row i its next token, from logits (B, V). Greedy choice needs no distribution."""
    if rule.temperature == 0:
        check_logits(logits)
        return logits.argmax(dim=-1).tolist().__getitem__
    probs = next_token_probs(logits, *astuple(rule))  # (B, V)
    return lambda i: int(torch.multinomial(probs[i], 1, generator=rows[i].generator))


class Reader:
    """Reads rows of equal length and gives the logits of what comes next, from a cache where the model has one."""

    def __init__(self, model: nn.Module, batch_size: int, longest: int, use_cache: bool):
        self.model: Any = model
        self.modules = list(model.modules())
        self.batch_size = batch_size
        self.use_cache = use_cache and hasattr(model, "new_cache")
        self.n_ctx: int = self.model.config.n_ctx
        self.n_kept = min(longest, self.n_ctx)  # a cache is as long as the longest row will be: shorter is faster
        self.device = next((parameter.device for parameter in model.parameters()), None)
        self.cache: Any = None
        self.start, self.n_read = 0, 0  # the window that the cache holds: where it begins, how many tokens it has

    @torch.inference_mode()  # keeps nothing for gradients
    def next_logits(self, rows: list[list[int]]) -> Tensor:
        """(B, T) -> (B, V)"""
        start = window_start(len(rows[0]), self.n_ctx)
        if self.cache is None or start != self.start:  # when the window slides, positions change: read all anew
            self.cache = self.model.new_cache(self.batch_size, self.n_kept) if self.use_cache else None
            self.start, self.n_read = start, 0
        ids = torch.tensor([row[start + self.n_read :] for row in rows], device=self.device)  # (B, T)
        self.n_read += ids.size(1)
        with evaluating(self.modules), sharing_products():
            return last_logits(self.model, ids, self.cache)  # (B, V)


def last_logits(model: Any, ids: Tensor, cache=None) -> Tensor:
    """Logits after the last position only, where the model can leave out the others: (B, T) -> (B, V)."""
    options = {} if cache is None else {"cache": cache}
    if hasattr(model, "hidden") and hasattr(model, "head"):  # V is large: this saves most of its products
        x = model.hidden(ids, **options)[:, -1:]  # (B, 1, C)
        return model.head(x)[:, -1]  # (B, V)
    return model(ids, **options)[:, -1]  # (B, V)


def window_start(length: int, n_ctx: int) -> int:
    """Where the window of a text of this length begins: it moves on by half a context each time it is full."""
    half = max(1, n_ctx // 2)
    return 0 if length <= n_ctx else math.ceil((length - n_ctx) / half) * half


@contextmanager
def evaluating(modules: list[nn.Module]) -> Iterator[None]:
    """Within the block dropout and the like are off; afterwards each module is in the mode that it was in."""
    training = [module for module in modules if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def new_generator(seed: int | None, row: int) -> torch.Generator:
    """A row's own source of random numbers, so that the global one is left alone."""
    generator = torch.Generator()
    return generator.manual_seed(generator.seed() if seed is None else seed + row)


def check_prompts(prompts: Iterable[Iterable[int]], model: nn.Module) -> list[list[int]]:
    """The prompts as lists of ids, all of them in the model's vocabulary."""
    try:
        rows = [[index(token) for token in prompt] for prompt in prompts]
    except TypeError as error:
        advice = "for text there are stream() and complete(), for several prompts, or a tensor (B, T), generate_batch()"
        raise TypeError(f"a prompt must be a list of token ids ({error}): {advice}") from None
    if not rows or not all(rows):
        raise ValueError("a prompt is empty: give at least one token, e.g. the tokenizer's end_of_text")
    n_vocab = getattr(model.config, "n_vocab", math.inf)
    if outside := [token for row in rows for token in row if not 0 <= token < n_vocab]:
        raise ValueError(
            f"token id {outside[0]} is outside the vocabulary, 0 to {n_vocab - 1}: encode the text with the tokenizer "
            "that belongs to this model"
        )
    return rows


def check_request(longest: int, max_new_tokens: int, overflow: str, model: Any) -> None:
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens={max_new_tokens}: must be 0 or more")
    if overflow not in OVERFLOW:
        raise ValueError(f"overflow={overflow!r}: take one of {', '.join(OVERFLOW)}")
    n_ctx = model.config.n_ctx
    if longest > n_ctx and overflow != "slide":
        advice = f"keep its end, ids[-{n_ctx}:], or take overflow='slide'"
        raise ValueError(f"a prompt of {longest:,} tokens does not fit into n_ctx={n_ctx}: {advice}")


def stream(
    model: nn.Module, tokenizer, prompt: str, *, max_new_tokens: int = 200, stop: str | Iterable[str] = (), **options
) -> Iterator[str]:
    """The text that follows the prompt, piece by piece, never half a character; ends before any text in `stop`.

    It ends at an end-of-text token too. `options` are those of `generate_batch`. An empty prompt begins a new text,
    after an end-of-text token; a tokenizer without one needs a prompt.
    """
    stops = [stop] if isinstance(stop, str) else list(stop)
    if "" in stops:
        raise ValueError("a text in `stop` is empty: every text has that in it; leave it out")
    end = tokenizer.end_of_text
    ids = tokenizer.encode(prompt) or ([] if end is None else [end])
    if not ids:
        raise ValueError("the prompt is empty and the tokenizer has no end-of-text token to begin with: type something")
    tokens = generate(model, ids, max_new_tokens=max_new_tokens, stop=() if end is None else end, **options)
    return cut_at(tokenizer.decode_stream(token for token in tokens if token != end), stops)


def cut_at(pieces: Iterable[str], stops: Sequence[str]) -> Iterator[str]:
    """The pieces up to the first text in `stops`; what could be the beginning of one is held back until it is clear."""
    held = ""
    for piece in pieces:
        held += piece
        if found := [held.index(text) for text in stops if text in held]:
            held = held[: min(found)]
            break
        n_kept = max((n for text in stops for n in range(1, len(text)) if held.endswith(text[:n])), default=0)
        if ready := held[: len(held) - n_kept]:
            yield ready
        held = held[len(held) - n_kept :]
    if held:
        yield held


def complete(model: nn.Module, tokenizer, prompt: str, **options) -> str:
    """The prompt and what follows it, as one text; `options` are those of `stream`."""
    return prompt + "".join(stream(model, tokenizer, prompt, **options))
