"""Exercises of notebook 06: masks from lengths, and for a decoder; others are in nb06_cross.py and nb06_reach.py.

Shapes: B batch, T time, S places in a row.
"""

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.models.attention import causal_mask


def padding(lengths, S):
    return torch.arange(S) < lengths[:, None]


def padding_inputs():
    yield torch.tensor([2, 1]), 2
    yield torch.tensor([3, 1, 2]), 4
    yield torch.tensor([2, 5, 3, 1, 4]), 6


PADDING = Exercise(
    id="06.padding",
    title="A mask from lengths",
    difficulty=1,
    minutes=6,
    contract="my_padding_mask(lengths, S) takes how many real tokens each of B texts has, whole numbers (B,), and the "
    "S places to which all were filled up at their end, and returns a (B, S) tensor of True and False: True where a "
    "real token stands.",
    returns="(B, S)",
    reference=padding,
    inputs=padding_inputs,
    misconceptions=(
        Misconception(
            "padding attended to: one place too many",
            lambda lengths, S: torch.arange(S) <= lengths[:, None],
            "The first place behind each text counts as real: the last token of 3 stands at place 2.",
        ),
        Misconception(
            "one token too few",
            lambda lengths, S: torch.arange(S) < lengths[:, None] - 1,
            "The last token of each text is hidden: places are counted from 0, lengths from 1.",
        ),
        Misconception(
            "True where padding",
            lambda lengths, S: ~padding(lengths, S),
            "The right places are marked, but as padding: in this contract True means “real”.",
        ),
        Misconception(
            "filled up in front",
            lambda lengths, S: torch.arange(S) >= S - lengths[:, None],
            "The texts stand at the end of their rows here: in this contract the padding comes after the text.",
        ),
        Misconception(
            "rows and columns swapped",
            lambda lengths, S: padding(lengths, S).T,
            "A row belongs to a place here: rows are texts, columns are places.",
        ),
        Misconception(
            "no padding at all",
            lambda lengths, S: torch.ones(len(lengths), S, dtype=torch.bool),
            "Every place counts as real: the lengths play no part yet.",
        ),
        Misconception(
            "all as long as the longest",
            lambda lengths, S: (torch.arange(S) < lengths.max()).expand(len(lengths), S),
            "All texts got the length of the longest: each row has a length of its own.",
        ),
        Misconception(
            "numbers instead of True and False",
            lambda lengths, S: padding(lengths, S).long(),
            "These are numbers, 1 and 0: a mask is of True and False, or ~ and & would not mean “not” and “and”.",
        ),
    ),
)


def decoder(real):
    return causal_mask(real.size(1)) & real[:, None, None, :]


def decoder_inputs():
    yield (torch.tensor([[True, True], [True, False]]),)
    yield (torch.arange(4) < torch.tensor([[4], [2], [3]]),)
    yield (torch.arange(5) >= torch.tensor([[2], [0], [1]]),)  # padding in front


def everywhere(real):
    B, T = real.shape
    return torch.ones(B, 1, T, T, dtype=torch.bool)


DECODER = Exercise(
    id="06.decoder",
    title="Causal and padding in one mask",
    difficulty=2,
    minutes=10,
    contract="my_decoder_mask(real) takes a (B, T) tensor that is True at real tokens and False at padding, wherever "
    "it stands, and returns the mask (B, 1, T, T) for all heads: True where column s is real and not after row t, in "
    "every row.",
    returns="(B, 1, T, T)",
    reference=decoder,
    inputs=decoder_inputs,
    misconceptions=(
        Misconception(
            "combined with or",
            lambda real: causal_mask(real.size(1)) | real[:, None, None, :],
            "One permission was enough: a token has to be real, and it must not be of the future.",
        ),
        Misconception(
            "mask of queries instead of keys",
            lambda real: causal_mask(real.size(1)) & real[:, None, :, None],
            "Padding may not look, but may be looked at: which axis of the mask are those who are looked at?",
        ),
        Misconception(
            "padded rows hidden too",
            lambda real: decoder(real) & real[:, None, :, None],
            "Rows of padding were hidden as well: nobody reads what they find, and `real` is about columns.",
        ),
        Misconception(
            "padding only",
            lambda real: everywhere(real) & real[:, None, None, :],
            "The padding is hidden, and the future is not: a decoder needs both.",
        ),
        Misconception(
            "causal only",
            lambda real: everywhere(real).tril(),
            "The future is hidden, and the padding is not: where does `real` enter?",
        ),
        Misconception(
            "padding taken to stand at the end",
            lambda real: causal_mask(real.size(1)) & padding(real.sum(-1), real.size(1))[:, None, None, :],
            "The real tokens were counted, and taken to come first: `real` says where they stand.",
        ),
        Misconception(
            "off by one: not itself",
            lambda real: decoder(real).tril(-1),
            "No token sees itself, and the first sees nothing: look at the diagonal.",
        ),
        Misconception(
            "off by one: one of the future",
            lambda real: everywhere(real).tril(1) & real[:, None, None, :],
            "Each token sees the next one, which it is asked to predict: look at where the True end.",
        ),
        Misconception(
            "the future instead of the past",
            lambda real: everywhere(real).triu() & real[:, None, None, :],
            "Rows look forward: position 0 may see itself and nothing else.",
        ),
        Misconception(
            "True where hidden",
            lambda real: ~decoder(real),
            "The right cells are marked, but as hidden: in this contract True means “may look”.",
        ),
        Misconception(
            "padding shown, text hidden",
            lambda real: causal_mask(real.size(1)) & ~real[:, None, None, :],
            "The padding is what can be seen, and the text is hidden: what does True mean in `real`?",
        ),
        Misconception(
            "no axis for the heads",
            lambda real: decoder(real).squeeze(1),
            "The axis of the heads is missing: beside scores (B, H, T, T), PyTorch would take your texts for heads.",
        ),
    ),
)


EXERCISES = (PADDING, DECODER)
