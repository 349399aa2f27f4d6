"""Exercise of notebook 09: what an encoder's token gathers.

Shapes: B batch, T time, D channels per head.
"""

import torch

from minigpt.course.exercise import Exercise, Misconception

PAD = 0


def look(q, k, v, ids):
    return gathered(q, k, v, (ids != PAD)[:, None, :])


def gathered(q, k, v, mask, scale=True, axis=-1):
    scores = q @ k.transpose(1, 2) / (q.size(-1) ** 0.5 if scale else 1)
    return scores.masked_fill(~mask, -torch.inf).softmax(axis) @ v


def look_inputs():
    for B, T, D, seed in ((1, 4, 2, 0), (2, 6, 4, 1), (3, 7, 3, 2)):
        q, k, v = torch.randn(3, B, T, D, generator=torch.Generator().manual_seed(seed))
        ids = torch.arange(5, 5 + T).repeat(B, 1)
        ids[:, 0], ids[:, 1] = 1, 3  # <cls>, and a mask token: it is hidden, and can be looked at
        for b in range(B):
            n = T - 1 - b % 2
            ids[b, n - 1], ids[b, n:] = 2, PAD  # <sep>, padding
        yield q, k, v, ids


def real(ids):
    return (ids != PAD)[:, None, :]


def past(ids):
    return torch.ones(ids.size(1), ids.size(1), dtype=torch.bool).tril()


def cut_afterwards(q, k, v, ids):
    weights = (q @ k.transpose(1, 2) / q.size(-1) ** 0.5).softmax(-1)
    return (weights * real(ids)) @ v


def scores_of_zero(q, k, v, ids):
    scores = (q @ k.transpose(1, 2) / q.size(-1) ** 0.5).masked_fill(~real(ids), 0.0)
    return scores.softmax(-1) @ v


def hidden_rows(q, k, v, ids, far):
    """The mask (B, T, 1) in place of (B, 1, T)."""
    scores = q @ k.transpose(1, 2) / q.size(-1) ** 0.5
    return scores.masked_fill((ids == PAD)[:, :, None], far).softmax(-1) @ v


def without_axis(q, k, v, ids):
    scores = q @ k.transpose(1, 2) / q.size(-1) ** 0.5
    return scores.masked_fill(ids == PAD, -torch.inf).softmax(-1) @ v


LOOK = Exercise(
    id="09.look",
    title="What an encoder's token gathers",
    difficulty=2,
    minutes=12,
    contract="my_look(q, k, v, ids) takes queries, keys and values (B, T, D) and token ids (B, T), where 0 is padding, "
    "and returns what each token gathers, (B, T, D): the softmax of q·k / √D over all tokens of its text that are no "
    "padding, times their values.",
    returns="(B, T, D)",
    reference=look,
    inputs=look_inputs,
    misconceptions=(
        Misconception(
            "padding attended to",
            lambda q, k, v, ids: gathered(q, k, v, torch.ones_like(real(ids))),
            "Padding is looked at: what a text means would depend on how long the others of its batch are.",
        ),
        Misconception(
            "causal mask kept",
            lambda q, k, v, ids: gathered(q, k, v, real(ids) & past(ids)),
            "Tokens see the past alone: that is a decoder, an encoder looks both ways.",
        ),
        Misconception(
            "causal mask instead of the padding",
            lambda q, k, v, ids: gathered(q, k, v, past(ids).expand(len(ids), -1, -1)),
            "This is a decoder's mask: an encoder sees the future, and hides the padding.",
        ),
        Misconception(
            "padded rows zeroed",
            lambda q, k, v, ids: look(q, k, v, ids) * (ids != PAD)[:, :, None],
            "Rows of padding were set to 0: the contract says what each token gathers, and nobody reads those rows.",
        ),
        Misconception(
            "the mask token hidden from view",
            lambda q, k, v, ids: gathered(q, k, v, real(ids) & (ids != 3)[:, None, :]),
            "Token 3 cannot be looked at here: it hides a word, but it is no padding.",
        ),
        Misconception(
            "mask after the softmax",
            cut_afterwards,
            "The weights of padding were cut after the softmax, so the others no longer add up to 1.",
        ),
        Misconception(
            "score 0 instead of minus infinity",
            scores_of_zero,
            "Padding has a score of 0, and e⁰ is 1: it still gets weight.",
        ),
        Misconception(
            "not divided by the root of D",
            lambda q, k, v, ids: gathered(q, k, v, real(ids), scale=False),
            "The scores are not divided by √D.",
        ),
        Misconception(
            "only itself",
            lambda q, k, v, ids: v,
            "The values came back as they were: where do the other tokens enter?",
        ),
        Misconception(
            "True where padding",
            lambda q, k, v, ids: gathered(q, k, v, ~real(ids)),
            "The padding is what was looked at, and the words were hidden.",
        ),
        Misconception(
            "rows hidden, not columns",
            lambda q, k, v, ids: hidden_rows(q, k, v, ids, -torch.inf),
            "Rows of padding were masked: who is looked at stands on the last axis, so its columns have to be.",
        ),
        Misconception(
            "rows hidden by a large number",
            lambda q, k, v, ids: hidden_rows(q, k, v, ids, -1e9),
            "Rows of padding were masked, and the padding is still looked at: its columns are on the last axis.",
        ),
        Misconception(
            "rows hidden as well",
            lambda q, k, v, ids: gathered(q, k, v, real(ids) & (ids != PAD)[:, :, None]),
            "Rows of padding were masked as well, and a softmax of nothing is 0/0: only the columns are hidden.",
        ),
        Misconception(
            "rows hidden by a large number as well",
            lambda q, k, v, ids: torch.where((ids == PAD)[:, :, None], v.mean(1, keepdim=True), look(q, k, v, ids)),
            "Rows of padding were masked as well, and a large number everywhere is none: they look at all alike.",
        ),
        Misconception(
            "mask without its axis",
            without_axis,
            "The mask is (B, T) and the scores are (B, T, T): it needs an axis of length 1 where the rows are.",
        ),
        Misconception(
            "all special tokens hidden from view",
            lambda q, k, v, ids: gathered(q, k, v, (ids > 3)[:, None, :]),
            "Tokens 1 to 3 cannot be looked at here: they are special, but only 0 is padding.",
        ),
        Misconception(
            "not itself",
            lambda q, k, v, ids: gathered(q, k, v, real(ids) & ~torch.eye(ids.size(1), dtype=torch.bool)),
            "No token looks at itself here: it is one of the tokens of its text.",
        ),
        Misconception(
            "divided by D",
            lambda q, k, v, ids: look(q / q.size(-1) ** 0.5, k, v, ids),
            "The scores are divided by D: the contract has its root.",
        ),
        Misconception(
            "divided by the root of T",
            lambda q, k, v, ids: gathered(q / ids.size(1) ** 0.5, k, v, real(ids), scale=False),
            "The scores are divided by √T: how many numbers has a query?",
        ),
        Misconception(
            "divided after the softmax",
            lambda q, k, v, ids: gathered(q, k, v, real(ids), scale=False) / q.size(-1) ** 0.5,
            "The weights were divided, so they no longer add up to 1: the scores are divided, before the softmax.",
        ),
        Misconception(
            "an axis of minus infinity",
            lambda q, k, v, ids: gathered(q, k, v, real(ids), axis=1),
            "All results are NaN, as where a softmax goes over an axis on which one line is minus infinity throughout: "
            "on which axis stands who is looked at?",
        ),
        Misconception(
            "queries and keys swapped",
            lambda q, k, v, ids: look(k, q, v, ids),
            "Queries and keys changed places: a row of the scores belongs to the token that looks, the query.",
        ),
        Misconception(
            "keys gathered",
            lambda q, k, v, ids: look(q, k, k, ids),
            "The keys were gathered: they decide the weights, and the values are what is mixed.",
        ),
        Misconception(
            "no softmax",
            lambda q, k, v, ids: (q @ k.transpose(1, 2) / q.size(-1) ** 0.5 * real(ids)) @ v,
            "The scores themselves were the weights: a softmax makes them positive, with a sum of 1.",
        ),
    ),
)

EXERCISES = (LOOK,)
