"""Exercises of notebook 15: switch a head off, and read the stream with the logit lens.

Shapes: B batch, T time, C channels (n_embd), L layers, V vocabulary.
"""

import torch
import torch.nn.functional as F

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def channels(y, head, n_head):
    D = y.size(-1) // n_head
    return slice(head * D, (head + 1) * D)


def ablated(y, head, n_head):
    y = y.clone()
    y[..., channels(y, head, n_head)] = 0
    return y


def ablated_inputs():
    yield numbers(1, 2, 4), 1, 2
    yield numbers(2, 3, 12, seed=1), 2, 3
    yield numbers(1, 4, 8, seed=2), 0, 4


def interleaved(y, head, n_head):
    y = y.clone()
    y[..., head::n_head] = 0
    return y


def n_head_channels(y, head, n_head):
    y, start = y.clone(), channels(y, head, n_head).start
    y[..., start : start + n_head] = 0
    return y


def counted_from_1(y, head, n_head):
    y = y.clone()
    part = channels(y, head - 1, n_head)  # for head 0 from -D to 0: no channel
    y[..., part] = 0
    return y


def everything_after(y, head, n_head):
    y = y.clone()
    y[..., channels(y, head, n_head).start :] = 0
    return y


def others_off(y, head, n_head):
    kept = torch.zeros_like(y)
    kept[..., channels(y, head, n_head)] = y[..., channels(y, head, n_head)]
    return kept


def one_channel(y, head, n_head):
    y = y.clone()
    y[..., head] = 0
    return y


def time_off(y, head, n_head):
    y = y.clone()
    y[:, head % y.size(1)] = 0
    return y


def mean_instead(y, head, n_head):
    y = y.clone()
    part = channels(y, head, n_head)
    y[..., part] = y[..., part].mean(1, keepdim=True)
    return y


ABLATE = Exercise(
    id="15.ablate",
    title="Switch a head off",
    difficulty=1,
    minutes=6,
    contract="my_ablated(y, head, n_head) takes what n_head heads found, (B, T, C), head 0 in the first C / n_head "
    "channels, head 1 in the next, and so on, and returns the same with zeros in the channels of one head.",
    returns="(B, T, C)",
    reference=ablated,
    inputs=ablated_inputs,
    misconceptions=(
        Misconception(
            "every n-th channel",
            interleaved,
            "Zeros stand in every n_head-th channel: the channels of a head lie next to one another.",
        ),
        Misconception(
            "n_head channels",
            n_head_channels,
            "As many channels as there are heads were set to zero: how many channels has each head?",
        ),
        Misconception(
            "one channel only",
            one_channel,
            "One channel is zero: a head has C / n_head of them.",
        ),
        Misconception(
            "counted from 1",
            counted_from_1,
            "The head before it was switched off: heads are counted from 0.",
        ),
        Misconception(
            "to the end",
            everything_after,
            "The heads behind it were switched off, too: where do its channels end?",
        ),
        Misconception(
            "all the others off",
            others_off,
            "All other heads were switched off, and this one stayed.",
        ),
        Misconception(
            "a position instead of a head",
            time_off,
            "All channels of one position are zero: which axis do the heads share?",
        ),
        Misconception(
            "mean instead of zero",
            mean_instead,
            "The head was set to its mean over the positions, a milder way to switch it off: the contract asks for 0.",
        ),
        Misconception(
            "made up for",
            lambda y, head, n_head: ablated(y, head, n_head) * n_head / (n_head - 1),
            "The other heads were made larger, as dropout does in training: here they should stay as they are.",
        ),
    ),
)


def normed(stream, weight, bias):
    return F.layer_norm(stream, stream.shape[-1:], weight, bias, 1e-5)


def lens(stream, weight, bias, wte):
    return (normed(stream, weight, bias) @ wte.T).argmax(-1)


def rms_lens(stream, weight, bias, wte):
    return ((F.rms_norm(stream, stream.shape[-1:], weight, 1e-5) + bias) @ wte.T).argmax(-1)


def lens_inputs():
    for seed, (L, T, C, V) in enumerate([(2, 2, 3, 5), (3, 4, 6, 11), (4, 5, 8, 17)]):
        gain = 1 + 2 * numbers(C, seed=seed + 20).abs()
        yield 2 + 3 * numbers(L, T, C, seed=seed), gain, numbers(C, seed=seed + 30), numbers(V, C, seed=seed + 40)


LENS = Exercise(
    id="15.lens",
    title="The logit lens",
    difficulty=2,
    minutes=10,
    contract="my_lens(stream, weight, bias, wte) takes the stream after L layers, (L, T, C), the last LayerNorm's "
    "weight and bias, (C,) each (its eps is 1e-5), and the token table (V, C), and returns for each layer and position "
    "the id of the token that the model would find likeliest if it stopped there, (L, T).",
    returns="(L, T)",
    reference=lens,
    inputs=lens_inputs,
    misconceptions=(
        Misconception(
            "no LayerNorm",
            lambda stream, weight, bias, wte: (stream @ wte.T).argmax(-1),
            "The stream was read as it is: what stands between the last block and the logits?",
        ),
        Misconception(
            "normalised, not scaled",
            lambda stream, weight, bias, wte: (normed(stream, None, None) @ wte.T).argmax(-1),
            "Mean and variance are right, but the LayerNorm's weight and bias play no part.",
        ),
        Misconception(
            "no bias",
            lambda stream, weight, bias, wte: (normed(stream, weight, None) @ wte.T).argmax(-1),
            "The LayerNorm's bias plays no part yet.",
        ),
        Misconception(
            "the mean stays",
            rms_lens,
            "The mean was not taken away: a LayerNorm subtracts it before it divides.",
        ),
        Misconception(
            "logits instead of ids",
            lambda stream, weight, bias, wte: (normed(stream, weight, bias) @ wte.T).amax(-1),
            "These are the largest logits: the contract asks for the token that has it, a place among the V.",
        ),
        Misconception(
            "the least likely",
            lambda stream, weight, bias, wte: (normed(stream, weight, bias) @ wte.T).argmin(-1),
            "These are the tokens that the model expects least: look at which end of the logits you take.",
        ),
        Misconception(
            "the nearest row",
            lambda stream, weight, bias, wte: torch.cdist(normed(stream, weight, bias), wte[None]).argmin(-1),
            "This is the row of the table that lies nearest: logits are dot products, in which long rows count more.",
        ),
    ),
)

EXERCISES = (ABLATE, LENS)
