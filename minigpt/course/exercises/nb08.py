"""Exercises of notebook 08: the parameters and GELU; others are in nb08_norm_loss.py and nb08_mlp.py.

Shapes: T time, C channels (n_embd), V vocabulary.
"""

import math

import torch
import torch.nn.functional as F

from minigpt.config import GPTConfig
from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def n_parameters(n_vocab, n_ctx, n_embd, n_layer):
    return GPTConfig(n_vocab=n_vocab, n_ctx=n_ctx, n_embd=n_embd, n_layer=n_layer, n_head=1).n_params()


def n_parameters_inputs():
    yield 5, 3, 2, 1
    yield 50257, 1024, 768, 12
    yield 4096, 256, 192, 6


COUNT = Exercise(
    id="08.count",
    title="Count every parameter",
    difficulty=2,
    minutes=12,
    contract="my_n_parameters(n_vocab, n_ctx, n_embd, n_layer) returns how many numbers a GPT-2 of this shape "
    "stores: two tables, in each block two LayerNorms, attention and an MLP of width 4C, all with biases, and a last "
    "LayerNorm.",
    returns="a whole number",
    reference=n_parameters,
    inputs=n_parameters_inputs,
    misconceptions=(
        Misconception(
            "the output matrix twice",
            lambda V, T, C, L: n_parameters(V, T, C, L) + V * C,
            "It is V·C too many: does the model store an output matrix of its own?",
        ),
        Misconception(
            "no biases in the linear layers",
            lambda V, T, C, L: n_parameters(V, T, C, L) - L * 9 * C,
            "9C are missing in each block: the four linear layers add something to their products.",
        ),
        Misconception(
            "no bias in c_attn",
            lambda V, T, C, L: n_parameters(V, T, C, L) - L * 3 * C,
            "3C are missing in each block: queries, keys and values have biases too.",
        ),
        Misconception(
            "gains without biases",
            lambda V, T, C, L: n_parameters(V, T, C, L) - L * 2 * C - C,
            "Each LayerNorm is C short: it scales every channel, and then?",
        ),
        Misconception(
            "no LayerNorms in the blocks",
            lambda V, T, C, L: n_parameters(V, T, C, L) - L * 4 * C,
            "4C are missing in each block: two parts of it scale and shift.",
        ),
        Misconception(
            "no biases and no LayerNorms",
            lambda V, T, C, L: (V + T) * C + L * 12 * C * C,
            "The large matrices are all there: what is missing are the biases and the LayerNorms.",
        ),
        Misconception(
            "no last LayerNorm",
            lambda V, T, C, L: n_parameters(V, T, C, L) - 2 * C,
            "2C are missing: what stands between the last block and the output?",
        ),
        Misconception(
            "no positions",
            lambda V, T, C, L: n_parameters(V, T, C, L) - T * C,
            "n_ctx·C are missing: how does the model know where a token stands?",
        ),
        Misconception(
            "one block",
            lambda V, T, C, L: n_parameters(V, T, C, 1),
            "One block was counted: there are n_layer of them, each with parameters of its own.",
        ),
        Misconception(
            "no output projection",
            lambda V, T, C, L: n_parameters(V, T, C, L) - L * (C * C + C),
            "C² + C are missing in each block: attention has a second linear layer.",
        ),
        Misconception(
            "half an MLP",
            lambda V, T, C, L: n_parameters(V, T, C, L) - L * (4 * C * C + C),
            "4C² + C are missing in each block: the MLP goes up to 4C, and then?",
        ),
    ),
)


def gelu(x):
    return F.gelu(x, approximate="tanh")


def inner(x):
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


def gelu_inputs():
    yield (torch.tensor([2.0]),)
    yield (torch.tensor([[-2.0, -1.0], [0.5, 3.0]]),)
    yield (numbers(3, 4),)


GELU = Exercise(
    id="08.gelu",
    title="GPT-2's GELU",
    difficulty=1,
    minutes=6,
    contract="my_gelu(x) takes a tensor of any shape and returns, in the same shape, the tanh approximation of GELU: "
    "x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).",
    returns="the shape of x",
    reference=gelu,
    inputs=gelu_inputs,
    misconceptions=(
        Misconception(
            "exact GELU",
            lambda x: F.gelu(x),
            "This is the exact GELU, with the error function: they differ by less than 0.0005, but GPT-2 was trained "
            "with the other one.",
        ),
        Misconception(
            "sigmoid approximation",
            lambda x: x * torch.sigmoid(1.702 * x),
            "This is another approximation, with a sigmoid: GPT-2 has the one with tanh.",
        ),
        Misconception("ReLU", lambda x: x.relu(), "This is ReLU: GELU has no corner at zero, and dips below it."),
        Misconception("SiLU", lambda x: F.silu(x), "This is SiLU, x·sigmoid(x), which is a relative of GELU's."),
        Misconception(
            "not halved",
            lambda x: 2 * gelu(x),
            "Everything is twice too large: 1 + tanh goes up to 2.",
        ),
        Misconception(
            "no cube",
            lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x))),
            "The second term is not the cube of x: look at its power.",
        ),
        Misconception(
            "the root on x alone",
            lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * x + 0.044715 * x**3)),
            "The root was multiplied with x alone: look at where its bracket closes.",
        ),
        Misconception(
            "the root of 2 alone",
            lambda x: 0.5 * x * (1 + torch.tanh(inner(x) / math.sqrt(math.pi))),
            "The factor in front is √2/π: the root is over the whole fraction.",
        ),
        Misconception(
            "tanh without 1",
            lambda x: 0.5 * x * torch.tanh(inner(x)),
            "Negative and positive x come out alike: what is added to the tanh?",
        ),
        Misconception(
            "square root of 2π",
            lambda x: 0.5 * x * (1 + torch.tanh(inner(x) * math.pi)),
            "The factor in front is too large by π: is it the root of 2/π or of 2π?",
        ),
        Misconception(
            "no root",
            lambda x: 0.5 * x * (1 + torch.tanh(inner(x) * math.sqrt(2 / math.pi))),
            "The factor in front is 2/π: a square root is missing.",
        ),
        Misconception(
            "1 + tanh without x",
            lambda x: 0.5 * (1 + torch.tanh(inner(x))),
            "This is the gate alone, between 0 and 1: GELU multiplies x by it.",
        ),
    ),
)


EXERCISES = (COUNT, GELU)
