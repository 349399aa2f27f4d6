"""Exercise of notebook 05: attention as a class, which then runs in the real model.

Shapes: B batch, T time, C channels (n_embd), H heads, D channels per head.
"""

import math

import torch
from torch import nn

from minigpt.course.exercise import Call, Exercise, Misconception
from minigpt.course.exercises.inputs import numbers
from minigpt.course.exercises.nb05 import merge_heads, scores_of
from minigpt.models.attention import Attention, causal_mask


class Wrong(nn.Module):
    """Attention in small steps, for subclasses that get one of them wrong."""

    def __init__(self, n_embd, n_head, dropout=0.0):
        super().__init__()
        self.n_head = n_head
        self.c_attn = nn.Linear(n_embd, 3 * n_embd)
        self.c_proj = nn.Linear(n_embd, n_embd)

    def forward(self, x, mask=None):
        q, k, v = (self.split(part) for part in self.c_attn(x).chunk(3, dim=-1))
        scores = self.scores(q, k)
        seen = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask
        return self.c_proj(self.merge(self.weights(scores, seen) @ v))

    def split(self, x):
        B, T, C = x.shape
        return x.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)

    def merge(self, y):
        return merge_heads(y)

    def scores(self, q, k):
        return scores_of(q, k)

    def weights(self, scores, seen):
        return scores.masked_fill(~seen, -math.inf).softmax(-1)


class NoScale(Wrong):
    def scores(self, q, k):
        return q @ k.transpose(-2, -1)


class ByD(Wrong):
    def scores(self, q, k):
        return q @ k.transpose(-2, -1) / q.size(-1)


class ByRootC(Wrong):
    def scores(self, q, k):
        return q @ k.transpose(-2, -1) / math.sqrt(self.n_head * q.size(-1))


class Swapped(Wrong):
    def scores(self, q, k):
        return scores_of(k, q)


class WrongAxis(Wrong):
    def weights(self, scores, seen):
        return scores.masked_fill(~seen, -math.inf).softmax(-2)


class MaskAfter(Wrong):
    def weights(self, scores, seen):
        return scores.softmax(-1) * seen


class NoMask(Wrong):
    def weights(self, scores, seen):
        return scores.softmax(-1)


class MaskInverted(Wrong):
    def weights(self, scores, seen):
        return super().weights(scores, seen if seen.all() else ~seen)


class MaskMultiplied(Wrong):
    def weights(self, scores, seen):
        return (scores * seen).softmax(-1)


class AlwaysCausal(Wrong):
    def weights(self, scores, seen):
        return super().weights(scores, seen & torch.ones_like(seen).tril())


class OverHeads(Wrong):
    def split(self, x):
        B, T, C = x.shape
        return x.view(B, T, self.n_head, C // self.n_head)

    def merge(self, y):
        return y.flatten(2)


class SplitByView(Wrong):
    def split(self, x):
        B, T, C = x.shape
        return x.reshape(B, self.n_head, T, C // self.n_head)


class MergeByView(Wrong):
    def merge(self, y):
        B, H, T, D = y.shape
        return y.reshape(B, T, H * D)


class Interleaved(Wrong):
    def split(self, x):
        B, T, C = x.shape
        return x.view(B, T, C // self.n_head, self.n_head).permute(0, 3, 1, 2)


class OneHead(Wrong):
    def split(self, x):
        return x.unsqueeze(1)


class NoProjection(Wrong):
    def forward(self, x, mask=None):
        self.c_proj = nn.Identity()
        return super().forward(x, mask)


def attention_inputs():
    yield Call((4, 2), (numbers(1, 2, 4),))
    yield Call((6, 3), (numbers(2, 4, 6),), {"mask": causal_mask(4)})
    yield Call((12, 3, 0.0), (numbers(2, 5, 12),))


ATTENTION = Exercise(
    id="05.attention",
    title="Attention as a class",
    difficulty=3,
    minutes=20,
    contract="MyAttention(n_embd, n_head, dropout=0.0) has the layers c_attn: nn.Linear(C, 3C), queries, keys and "
    "values in this order, and c_proj: nn.Linear(C, C), both with bias; forward(x, mask=None) takes (B, T, C) and a "
    "mask (T, T), True where a row may look, or None where all may be seen, and returns (B, T, C). Dropout is not "
    "used yet.",
    returns="(B, T, C)",
    reference=Attention,
    inputs=attention_inputs,
    misconceptions=(
        Misconception(
            "no division by sqrt(D)",
            NoScale,
            "The weights are too sharp: the scores grow with D, and nothing makes up for it.",
        ),
        Misconception(
            "divided by D",
            ByD,
            "The weights are too even: the scores were divided by more than their spread; which power of D is it?",
        ),
        Misconception(
            "divided by sqrt(C)",
            ByRootC,
            "The scores were scaled by the width of the whole stream: how long are the vectors that one head compares?",
        ),
        Misconception(
            "queries and keys swapped",
            Swapped,
            "Queries and keys have changed places: compare the order of the three parts of c_attn, and of the product.",
        ),
        Misconception(
            "softmax over the wrong axis",
            WrongAxis,
            "The columns of your weights sum to 1: along which axis does one query share out its attention?",
        ),
        Misconception(
            "mask after softmax",
            MaskAfter,
            "What may not be seen was taken out after the softmax, so rows no longer sum to 1: hide it before they are "
            "shared out.",
        ),
        Misconception("no mask", NoMask, "Without a mask all is right, with one nothing changes: where does it enter?"),
        Misconception(
            "mask the other way round",
            MaskInverted,
            "What may be seen was hidden, and a row with nothing left is 0/0: what does True mean in this mask?",
        ),
        Misconception(
            "hidden scores set to zero",
            MaskMultiplied,
            "A score of 0 still gets weight, as e to the 0 is 1: which score gets none at all?",
        ),
        Misconception(
            "always causal",
            AlwaysCausal,
            "The future is hidden even where no mask was given: hide what the mask hides, and nothing without one.",
        ),
        Misconception(
            "attention among the heads",
            OverHeads,
            "At each position the heads attended to one another: time has to be the last axis but one of q and k.",
        ),
        Misconception(
            "split without moving an axis",
            SplitByView,
            "A head got numbers of several positions: a reshape moves nothing, so heads need an axis of their own "
            "behind time first.",
        ),
        Misconception(
            "merged without moving an axis",
            MergeByView,
            "The heads' results were cut anew instead of put side by side: which axis has to stand before H when "
            "they are merged?",
        ),
        Misconception(
            "heads interleaved",
            Interleaved,
            "Each head took every H-th channel: a head owns D channels that stand next to one another.",
        ),
        Misconception(
            "one large head",
            OneHead,
            "The result is that of a single head: where are the C channels shared out to n_head?",
        ),
        Misconception(
            "no output projection",
            NoProjection,
            "What the heads found is returned as it is: c_proj has not mixed it yet.",
        ),
    ),
)

EXERCISES = (ATTENTION,)
