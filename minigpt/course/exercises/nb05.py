"""Exercises of notebook 05: attention by functions; the class is in nb05_attention.py.

Shapes: B batch, T time, S source time, C channels (n_embd), H heads, D channels per head.
"""

import math

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers
from minigpt.models.attention import attention_weights, causal_mask


def row(q, k):
    return (k @ q / math.sqrt(len(q))).softmax(-1)


def row_inputs():
    yield torch.tensor([1.0, 0.0, 2.0, 1.0]), torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 2.0, 0.0, 1.0]])
    yield numbers(3), numbers(5, 3, seed=1)
    yield 10 * numbers(7), 10 * numbers(2, 7, seed=1)


def by_their_sum(q, k):
    scores = k @ q / math.sqrt(len(q))
    return scores / scores.sum()


ROW = Exercise(
    id="05.row",
    title="One row of attention weights",
    difficulty=1,
    minutes=8,
    contract="my_row(q, k) takes one query q (D,) and S keys k (S, D), and returns how much the query looks at each "
    "of the S positions, (S,): the softmax of q·k / √D.",
    returns="(S,)",
    reference=row,
    inputs=row_inputs,
    misconceptions=(
        Misconception(
            "no division by sqrt(D)",
            lambda q, k: (k @ q).softmax(-1),
            "The weights are too sharp: the scores grow with D, and nothing makes up for it.",
        ),
        Misconception(
            "divided by D",
            lambda q, k: (k @ q / len(q)).softmax(-1),
            "The weights are too even: the scores were divided by more than their spread; which power of D is it?",
        ),
        Misconception(
            "multiplied by sqrt(D)",
            lambda q, k: (k @ q * math.sqrt(len(q))).softmax(-1),
            "The weights are far too sharp: the scores went up with D where they should come down.",
        ),
        Misconception(
            "square root of the number of keys",
            lambda q, k: (k @ q / math.sqrt(len(k))).softmax(-1),
            "The scores were scaled by the number of keys: they grow with the length of the vectors.",
        ),
        Misconception(
            "divided after the softmax",
            lambda q, k: (k @ q).softmax(-1) / math.sqrt(len(q)),
            "The weights were divided instead of the scores, and no longer sum to 1: which comes first?",
        ),
        Misconception(
            "scores without softmax",
            lambda q, k: k @ q / math.sqrt(len(q)),
            "These are the scaled scores: weights are positive and sum to 1, so one step is missing.",
        ),
        Misconception(
            "divided by their sum",
            by_their_sum,
            "The scores were divided by their sum: that gives no weights when some are negative, softmax does.",
        ),
        Misconception(
            "sigmoid",
            lambda q, k: (k @ q / math.sqrt(len(q))).sigmoid(),
            "Each score was squeezed by itself, and the weights do not sum to 1: they have to compete.",
        ),
    ),
)


def head(q, k, v, mask):
    return attention_weights(q, k, mask) @ v


def scores_of(q, k):
    return q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))


def weighted(scores, mask, v, dim=-1):
    return scores.masked_fill(~mask, -math.inf).softmax(dim) @ v


def head_inputs():
    yield numbers(2, 3), numbers(2, 3, seed=1), numbers(2, 3, seed=2), torch.ones(2, 2, dtype=torch.bool)
    yield numbers(4, 2), numbers(4, 2, seed=1), numbers(4, 2, seed=2), causal_mask(4)
    yield numbers(3, 4), numbers(5, 4, seed=1), numbers(5, 4, seed=2), causal_mask(3, 5)


HEAD = Exercise(
    id="05.head",
    title="One head in matrix form",
    difficulty=2,
    minutes=12,
    contract="my_head(q, k, v, mask) takes queries (T, D), keys (S, D), values (S, D) and a mask (T, S), True where "
    "a row may look (at one key at least), and returns the weighted averages of the values, (T, D), without a loop.",
    returns="(T, D)",
    reference=head,
    inputs=head_inputs,
    misconceptions=(
        Misconception(
            "softmax over the wrong axis",
            lambda q, k, v, mask: weighted(scores_of(q, k), mask, v, dim=0),
            "The columns of your weights sum to 1: along which axis does one query share out its attention?",
        ),
        Misconception(
            "no division by sqrt(D)",
            lambda q, k, v, mask: weighted(q @ k.T, mask, v),
            "The weights are too sharp: the scores grow with D, and nothing makes up for it.",
        ),
        Misconception(
            "divided by D",
            lambda q, k, v, mask: weighted(q @ k.T / q.size(-1), mask, v),
            "The weights are too even: the scores were divided by more than their spread; which power of D is it?",
        ),
        Misconception(
            "mask after softmax",
            lambda q, k, v, mask: scores_of(q, k).softmax(-1) * mask @ v,
            "What may not be seen was taken out after the softmax, so rows no longer sum to 1: hide it before they are "
            "shared out.",
        ),
        Misconception(
            "hidden scores set to zero",
            lambda q, k, v, mask: (scores_of(q, k) * mask).softmax(-1) @ v,
            "A score of 0 still gets weight, as e to the 0 is 1: which score gets none at all?",
        ),
        Misconception(
            "mask the other way round",
            lambda q, k, v, mask: weighted(scores_of(q, k), ~mask, v),
            "What may be seen was hidden, and the rest shown: what does True mean in this mask?",
        ),
        Misconception(
            "no mask",
            lambda q, k, v, mask: scores_of(q, k).softmax(-1) @ v,
            "Every position sees all others: the mask plays no part yet.",
        ),
        Misconception(
            "queries and keys swapped",
            lambda q, k, v, mask: weighted(scores_of(k, q), mask, v),
            "Queries and keys have changed places: row t of the scores has to belong to query t.",
        ),
        Misconception(
            "keys averaged",
            lambda q, k, v, mask: weighted(scores_of(q, k), mask, k),
            "The weights are right, but the keys were averaged: keys say where to look, what is gathered is another.",
        ),
    ),
)


def look_back(queries, keys):
    return queries[:, None] >= keys


def look_back_inputs():
    yield torch.tensor([0, 1]), torch.tensor([0, 1])
    yield torch.tensor([3, 1, 2]), torch.tensor([2, 0, 3])
    yield torch.tensor([4, 5]), torch.arange(6)


def no_positions(queries, keys):
    return torch.ones(len(queries), len(keys), dtype=torch.bool)


MASK = Exercise(
    id="05.mask",
    title="Who may see whom",
    difficulty=1,
    minutes=6,
    contract="my_look_back(queries, keys) takes the positions of T queries and of S keys, whole numbers, (T,) and "
    "(S,), and returns a (T, S) tensor of True and False: True where the key's position is not after the query's.",
    returns="(T, S)",
    reference=look_back,
    inputs=look_back_inputs,
    misconceptions=(
        Misconception(
            "off by one: not itself",
            lambda queries, keys: queries[:, None] > keys,
            "No position sees itself, and the first sees nothing: look at the diagonal.",
        ),
        Misconception(
            "off by one: one of the future",
            lambda queries, keys: queries[:, None] >= keys - 1,
            "Each position sees the next one, which it is asked to predict: look at where the True end.",
        ),
        Misconception(
            "the future instead of the past",
            lambda queries, keys: queries[:, None] <= keys,
            "Rows look forward: position 0 may see itself and nothing else.",
        ),
        Misconception(
            "True where hidden",
            lambda queries, keys: queries[:, None] < keys,
            "The right cells are marked, but as hidden: in this contract True means “may look”.",
        ),
        Misconception("no mask", no_positions, "Everything may be seen: where is the future hidden?"),
        Misconception(
            "only itself",
            lambda queries, keys: queries[:, None] == keys,
            "Each position sees itself alone: what came before it may be seen too.",
        ),
        Misconception(
            "rows and columns swapped",
            lambda queries, keys: queries >= keys[:, None],
            "A row belongs to a key here: rows are queries, columns are keys.",
        ),
        Misconception(
            "the triangle, whatever the positions",
            lambda queries, keys: no_positions(queries, keys).tril(),
            "This is the triangle of positions 0, 1, 2, …: here the positions are given, and may begin elsewhere.",
        ),
    ),
)


def merge_heads(y):
    B, H, T, D = y.shape
    return y.transpose(1, 2).reshape(B, T, H * D)


def merge_heads_inputs():
    yield (torch.arange(8.0).view(1, 2, 2, 2),)
    yield (numbers(2, 3, 4, 5),)


MERGE = Exercise(
    id="05.merge",
    title="Put the heads together again",
    difficulty=2,
    minutes=8,
    contract="my_merge_heads(y) takes what H heads found, (B, H, T, D), and returns it side by side for each position, "
    "(B, T, H·D): first all of head 0, then all of head 1, and so on.",
    returns="(B, T, H·D)",
    reference=merge_heads,
    inputs=merge_heads_inputs,
    misconceptions=(
        Misconception(
            "reshaped without moving an axis",
            lambda y: y.reshape(y.size(0), y.size(2), -1),
            "The shape is right, but numbers of different positions stand in one row: a reshape moves nothing, it cuts "
            "the numbers anew in the order in which they lie.",
        ),
        Misconception(
            "heads interleaved",
            lambda y: y.permute(0, 2, 3, 1).flatten(2),
            "Channels of different heads alternate: which of the two axes should vary faster, H or D?",
        ),
        Misconception(
            "mean of the heads",
            lambda y: y.mean(1),
            "The heads were averaged into one: each should keep its own D channels.",
        ),
        Misconception(
            "one after the other in time",
            lambda y: y.flatten(1, 2),
            "The heads follow one another in time: they belong side by side at each position.",
        ),
        Misconception(
            "channels moved instead of time",
            lambda y: y.transpose(2, 3).reshape(y.size(0), y.size(2), -1),
            "T and D changed places, which leaves H where it was: which axis stands between H and D?",
        ),
        Misconception(
            "time and channels swapped",
            lambda y: y.transpose(1, 2).flatten(2).transpose(1, 2),
            "The last two axes have changed places: each position should be a row.",
        ),
    ),
)


EXERCISES = (ROW, HEAD, MASK, MERGE)
