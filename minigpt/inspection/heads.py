"""Head scores: what each head does, in numbers. They find the heads that are worth looking at, and prove nothing.

Most scores are one idea: a pattern says where a head of some kind would look, and the score is the weight that the head
puts there, averaged over the rows in which the pattern has anything. A raw number misleads: in a text of five tokens a
head that looks everywhere alike puts 0.32 on the token before. So `uniform_score` says what each score would be under
uniform attention, and a head is of a kind where its score is far above that.

Shapes: T time, H heads, L layers, V vocabulary. Arrays come as (L, H), heads and layers counted from 0.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from torch import nn

from minigpt.inspection.record import Recording, record

Tokens = Sequence[str] | Sequence[int]
"""A label or an id for each position: only which of them are equal matters."""


def previous_token_pattern(tokens: Tokens) -> np.ndarray:
    """The token before, (T, T). The first position has none.

    Source: the "previous token" evaluator of Olsson et al. 2022, the average weight from token i to token i - 1.
    """
    return np.eye(len(tokens), k=-1, dtype=bool)


def first_token_pattern(tokens: Tokens) -> np.ndarray:
    """The first token, (T, T), without the row of the first token itself, which in GPT-2 can look nowhere else.

    Source: Vig and Belinkov 2019 read such weight in GPT-2 as attention to nothing; Xiao et al. 2023 call the token an
    attention sink.
    """
    pattern = np.zeros((len(tokens), len(tokens)), dtype=bool)
    pattern[1:, 0] = True
    return pattern


def current_token_pattern(tokens: Tokens) -> np.ndarray:
    """The position itself, (T, T), without the first, which in GPT-2 can look nowhere else.

    Source: Clark et al. 2019, who average the weight that BERT's heads put on the token itself and its neighbours.
    """
    pattern = np.eye(len(tokens), dtype=bool)
    pattern[:1] = False
    return pattern


def duplicate_token_pattern(tokens: Tokens) -> np.ndarray:
    """All earlier places of the same token, (T, T). Rows only for tokens that came before.

    Source: the duplicate token heads of Wang et al. 2022 (indirect object identification).
    """
    ids = np.unique(np.asarray(tokens), return_inverse=True)[1]
    return np.tril(ids[:, None] == ids[None, :], k=-1)


def induction_pattern(tokens: Tokens) -> np.ndarray:
    """The tokens that came right after earlier places of the same token, (T, T). Rows only for tokens that came before.

    Source: the "prefix matching" evaluator of Olsson et al. 2022. Its sentence says "the tokens that preceded the same
    token"; what their [A][B] … [A] → [B] needs, and TransformerLens measures, is the token that followed it.
    """
    after = np.roll(duplicate_token_pattern(tokens), 1, axis=-1)  # the last column, which comes to the front, is empty
    return np.tril(
        after, k=-1
    )  # without the diagonal: in "A A" what followed the earlier A is the current token itself


PATTERNS: dict[str, Callable[[Tokens], np.ndarray]] = {
    "previous token": previous_token_pattern,
    "first token": first_token_pattern,
    "current token": current_token_pattern,
    "duplicate token": duplicate_token_pattern,
    "induction": induction_pattern,
}


def pattern_score(attention: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """The mean weight on the pattern, over the rows that have it: (..., T, T), (T, T) -> (...). 0 to 1.

    NaN where no row has it: a text without repeats says nothing about induction.
    """
    shares = pattern / (pattern.any(axis=-1).sum() or np.nan)
    return attention.reshape(*attention.shape[:-2], -1) @ shares.ravel()


def entropy_bits(attention: np.ndarray) -> np.ndarray:
    """How spread out a row's weights are, in bits: (..., T, T) -> (..., T). 0 for one position, log2(n) for n alike.

    Source: Clark et al. 2019, on focused and broad attention.
    """
    logs = np.log2(attention, out=np.zeros_like(attention), where=attention > 0)
    return np.abs((attention * logs).sum(axis=-1))  # all are 0 or less; abs and not minus, as -0.0 looks odd


def head_scores(recording: Recording, padding: Any = None) -> dict[str, np.ndarray]:
    """What one text says about each head: name -> (L, H).

    `padding`: (T,) of bool, True for a token that only fills the row; such tokens are left out, as if never there.
    Every name in `PATTERNS`: the mean weight on that pattern, 0 to 1, NaN where the text has no such place.
    "entropy": the mean over positions, in bits. "spread": entropy as a share of what looking everywhere alike would
    have, 0 to 1, the mean over the positions that have a choice.
    Compare with `uniform_score`. Raises ValueError for cross-attention, and where layers cannot be stacked.
    """
    attention, tokens = self_attention(recording), recording.tokens
    if padding is not None:
        attention, tokens = without(padding, attention, tokens)
    scores = {name: pattern_score(attention, pattern(tokens)) for name, pattern in PATTERNS.items()}
    entropy = entropy_bits(attention)  # of each layer, head and position
    causal = not np.triu(attention, k=1).any()
    most = entropy_bits(uniform_attention(len(tokens), causal))  # of each position
    choice = most > 0
    scores["entropy"] = entropy.mean(axis=-1)
    scores["spread"] = (entropy[..., choice] / most[choice]).sum(axis=-1) / (choice.sum() or np.nan)
    return scores


def without(padding: Any, attention: np.ndarray, tokens: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Attention and labels of the tokens that are no padding. Raises ValueError for another array, or if all are."""
    fills = np.asarray(padding)
    if fills.dtype != bool or fills.shape != (len(tokens),) or fills.all():
        raise ValueError(
            f"padding of {fills.dtype} and shape {fills.shape}: give a bool for each of the {len(tokens)} tokens, True "
            "where it is padding, as in attention_mask[0] == 0, and not all of them"
        )
    kept = ~fills
    return attention[..., kept, :][..., kept], [token for token, one in zip(tokens, kept, strict=True) if one]


def uniform_score(name: str, tokens: Tokens, causal: bool = True) -> float:
    """What a score of this name would be for a head that looks alike at all that it may see in this text.

    Names are those of `head_scores`, and "positional"; another raises ValueError. `causal=False` for an encoder.
    """
    labels = tuple(map(str, tokens))
    uniform = Recording(labels, None, {"uniform": uniform_attention(len(labels), causal)[None]}, {}, None, "uniform")
    scores = head_scores(uniform)
    if name == "positional":
        return positional_scores(uniform).item()
    if name not in scores:
        raise ValueError(f"no score is called {name!r}: choose one of {', '.join(scores)}, positional")
    return scores[name].item()


def induction_scores(
    model: nn.Module,
    n_tokens: int = 25,
    n_repeats: int = 2,
    n_texts: int = 4,
    seed: int = 0,
    start: int | None = None,
    n_vocab: int | None = None,
) -> np.ndarray:
    """The induction score of each head on random tokens that are repeated, mean over `n_texts` such texts: (L, H).

    `model`: any that `record` records from ids. `n_vocab`: how many ids it knows, where its config does not say it.

    Random, so that nothing but the repetition tells what comes next. After Olsson et al. 2022, who repeat 25 tokens
    four times behind a start token (`start`), and leave out the most and the least common, which this does not.
    Baseline: `uniform_score("induction", repeated_tokens(...))`.
    """
    V = vocabulary(model) if n_vocab is None else n_vocab
    texts = [repeated_tokens(V, n_tokens, n_repeats, seed + i, start) for i in range(n_texts)]
    return np.mean([head_scores(record(model, ids))["induction"] for ids in texts], axis=0)


def vocabulary(model: nn.Module) -> int:
    """V, as the model's config says it, in our words or in those of transformers. Raises ValueError where none does."""
    config = getattr(model, "config", None)
    found = (getattr(config, name, None) for name in ("n_vocab", "vocab_size"))
    V = next((n for n in found if isinstance(n, int)), None)
    if V is None:
        raise ValueError(f"{type(model).__name__} does not say how many tokens it knows: give n_vocab")
    return V


def repeated_tokens(
    n_vocab: int, n_tokens: int = 25, n_repeats: int = 2, seed: int = 0, start: int | None = None
) -> list[int]:
    """`n_tokens` different random ids, repeated: `n_tokens · n_repeats` ids, with `start` one more in front.

    Raises ValueError if there are not so many ids, or nothing is repeated.
    """
    choices = np.delete(np.arange(n_vocab), [] if start is None else start)
    if not 2 <= n_tokens <= len(choices) or n_repeats < 2:
        raise ValueError(f"n_tokens={n_tokens}, n_repeats={n_repeats}: take 2 to {len(choices)} tokens, at least twice")
    ids = np.random.default_rng(seed).choice(choices, n_tokens, replace=False).tolist() * n_repeats
    return ids if start is None else [start, *ids]


def positional_scores(recordings: Recording | Iterable[Recording]) -> np.ndarray:
    """How much of a head is explained by the distance alone, over one or more texts: (L, H), 0 to 1.

    The mean weight at each distance, over all texts and rows, is a profile; scaled to sum to 1 over what a row sees, it
    predicts that row. The score is the weight that row and prediction have in common, mean over rows; the first row has
    no choice and is left out. Take several texts: with one, the profile is fitted to what it explains. Uniform
    attention is positional too, as it does not depend on the words either.

    Source: after the positional heads of Voita et al. 2019, whose largest weight is mostly at one distance.
    """
    texts = [recordings] if isinstance(recordings, Recording) else list(recordings)
    stacks = [self_attention(text)[:, :, 1:] for text in texts if len(text.tokens) > 1]  # without the first rows
    if not stacks:
        raise ValueError("no text with a distance in it: give at least one recording of two tokens or more")
    n = max(stack.shape[-1] for stack in stacks)
    nearest = 2 - n  # the second row looking at the last column, where the future may be seen
    profile, shared = np.zeros((*stacks[0].shape[:2], n - nearest)), []  # a mean weight for each head and distance
    for distance in range(nearest, n):
        weights = [np.diagonal(stack, 1 - distance, axis1=-2, axis2=-1) for stack in stacks]
        profile[..., distance - nearest] = np.concatenate(weights, axis=-1).mean(axis=-1)
    for stack in stacks:
        columns = np.arange(stack.shape[-1])
        predicted = profile[..., columns[1:, None] - columns - nearest]
        predicted /= predicted.sum(axis=-1, keepdims=True)
        shared.append(np.minimum(stack, predicted).sum(axis=-1))
    return np.concatenate(shared, axis=-1).mean(axis=-1)


def self_attention(recording: Recording) -> np.ndarray:
    """The attention of all layers, (L, H, T, T). Raises TypeError for the recording of a translation, which has three,
    and ValueError for attention to another text."""
    if not hasattr(recording, "attention_stack"):
        name = type(recording).__name__
        raise TypeError(f"head scores need a Recording, not {name}: of a translation take its encoder or its decoder")
    attention = recording.attention_stack()
    if recording.source_tokens is not None or attention.shape[-2] != attention.shape[-1]:
        raise ValueError(f"attention of shape {attention.shape} looks at another text: head scores need self-attention")
    return attention


def uniform_attention(n: int, causal: bool = True) -> np.ndarray:
    """Attention that looks at all that it may see alike, (n, n)."""
    seen = np.tri(n) if causal else np.ones((n, n))
    return seen / seen.sum(axis=-1, keepdims=True)
