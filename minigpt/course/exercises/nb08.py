"""Exercises of notebook 08: GELU, LayerNorm, the parameters and the loss; the MLP is in nb08_mlp.py.

Shapes: T time, C channels (n_embd), V vocabulary.
"""

import math

import torch
import torch.nn.functional as F

from minigpt.config import GPTConfig
from minigpt.course.exercise import Exercise, Misconception


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


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


def layer_norm(x, weight, bias, eps):
    return F.layer_norm(x, x.shape[-1:], weight, bias, eps)


def normed(x, weight, bias, eps, dim: int | tuple[int, ...] = -1, unbiased=False):
    mean, var = x.mean(dim, keepdim=True), x.var(dim, unbiased=unbiased, keepdim=True)
    return weight * (x - mean) / (var + eps).sqrt() + bias


def layer_norm_inputs():
    yield torch.tensor([[1.0, 3.0], [2.0, 8.0]]), torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.5]), 0.25
    yield 3 + 2 * numbers(4, 3), numbers(3, seed=1), numbers(3, seed=2), 0.1
    yield numbers(3, 5), torch.ones(5), torch.zeros(5), 1e-5


NORM = Exercise(
    id="08.norm",
    title="LayerNorm",
    difficulty=2,
    minutes=10,
    contract="my_layer_norm(x, weight, bias, eps) takes x (T, C), weight (C,), bias (C,) and a small number; it "
    "gives each position mean 0 and variance 1 over its channels (the variance divides by C; eps is added to it), "
    "then scales by weight and shifts by bias: (T, C).",
    returns="(T, C)",
    reference=layer_norm,
    inputs=layer_norm_inputs,
    misconceptions=(
        Misconception(
            "over the batch",
            lambda x, w, b, eps: normed(x, w, b, eps, dim=0),
            "Each channel was normalised over the positions, as BatchNorm does: a position must not depend on the "
            "others.",
        ),
        Misconception(
            "over everything",
            lambda x, w, b, eps: normed(x, w, b, eps, dim=(0, 1)),
            "One mean was taken of all positions together: each position has its own.",
        ),
        Misconception(
            "unbiased variance",
            lambda x, w, b, eps: normed(x, w, b, eps, unbiased=True),
            "The variance divides by C - 1, as torch's does if nothing is said: the contract divides by C.",
        ),
        Misconception(
            "eps outside the root",
            lambda x, w, b, eps: (
                w * (x - x.mean(-1, keepdim=True)) / (x.std(-1, unbiased=False, keepdim=True) + eps) + b
            ),
            "eps was added to the standard deviation: it belongs to the variance, under the root.",
        ),
        Misconception(
            "unbiased, eps outside the root",
            lambda x, w, b, eps: w * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + eps) + b,
            "This is `std` as torch has it, plus eps: look at what it divides by, and at where eps belongs.",
        ),
        Misconception(
            "no eps",
            lambda x, w, b, eps: normed(x, w, b, 0.0),
            "eps plays no part yet: without it, a position whose channels are all equal would divide by zero.",
        ),
        Misconception(
            "mean not subtracted",
            lambda x, w, b, eps: w * x / ((x**2).mean(-1, keepdim=True) + eps).sqrt() + b,
            "The mean is still there: this is RMSNorm, which later models use.",
        ),
        Misconception(
            "divided by the variance",
            lambda x, w, b, eps: (
                w * (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + eps) + b
            ),
            "It was divided by the variance: which power of it has the units of x?",
        ),
        Misconception(
            "no weight and bias",
            lambda x, w, b, eps: normed(x, 1, 0, eps),
            "Mean and variance are right, but weight and bias play no part yet.",
        ),
        Misconception(
            "bias before weight",
            lambda x, w, b, eps: w * (normed(x, 1, 0, eps) + b),
            "The bias was scaled by the weight too: in which order do they come?",
        ),
    ),
)


def next_token_loss(logits, ids):
    return F.cross_entropy(logits[:-1], ids[1:])


def picked(logits, targets):
    return logits.softmax(-1)[torch.arange(len(targets)), targets]


def next_token_loss_inputs():
    yield 2 * numbers(2, 3), torch.tensor([2, 0])
    yield 2 * numbers(5, 7), torch.tensor([3, 1, 6, 1, 0])
    yield 2 * numbers(4, 5, seed=1), torch.tensor([4, 4, 2, 0])


LOSS = Exercise(
    id="08.loss",
    title="The loss of the next token",
    difficulty=2,
    minutes=10,
    contract="my_next_token_loss(logits, ids) takes a model's logits (T, V) for the text ids (T,), and returns the "
    "mean cross-entropy, in nats, of the T - 1 predictions that the text itself can answer.",
    returns="a number in a tensor",
    reference=next_token_loss,
    inputs=next_token_loss_inputs,
    misconceptions=(
        Misconception(
            "targets not shifted",
            lambda logits, ids: F.cross_entropy(logits, ids),
            "Each position was asked for its own token, which it has seen: what should it predict?",
        ),
        Misconception(
            "shifted the wrong way",
            lambda logits, ids: F.cross_entropy(logits[1:], ids[:-1]),
            "Each position was asked for the token before it: look at which of the two loses its first element.",
        ),
        Misconception(
            "around the end",
            lambda logits, ids: F.cross_entropy(logits, ids.roll(-1)),
            "The last position was asked for the first token: nothing in the text says what follows the last one.",
        ),
        Misconception(
            "sum instead of mean",
            lambda logits, ids: F.cross_entropy(logits[:-1], ids[1:], reduction="sum"),
            "It grows with the length of the text: the contract asks for a mean.",
        ),
        Misconception(
            "divided by T",
            lambda logits, ids: F.cross_entropy(logits[:-1], ids[1:], reduction="sum") / len(ids),
            "The sum was divided by T: how many predictions does a text of T tokens answer?",
        ),
        Misconception(
            "mean of the probabilities",
            lambda logits, ids: -picked(logits[:-1], ids[1:]).mean().log(),
            "The probabilities were averaged before the logarithm: the mean is taken of the logarithms.",
        ),
        Misconception(
            "bits",
            lambda logits, ids: F.cross_entropy(logits[:-1], ids[1:]) / math.log(2),
            "These are bits: the contract asks for nats, with the natural logarithm.",
        ),
        Misconception(
            "softmax twice",
            lambda logits, ids: F.cross_entropy(logits[:-1].softmax(-1), ids[1:]),
            "`cross_entropy` takes logits and does the softmax itself: here it was done twice.",
        ),
        Misconception(
            "the sign",
            lambda logits, ids: -F.cross_entropy(logits[:-1], ids[1:]),
            "A cross-entropy is never negative: look at the sign.",
        ),
    ),
)

EXERCISES = (COUNT, GELU, NORM, LOSS)
