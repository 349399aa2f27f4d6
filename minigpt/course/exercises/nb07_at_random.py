"""Exercises of notebook 07: with which deviation the weights are drawn, and dropout."""

import torch
from torch import Tensor

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def deviation(name: str, n_layer: int, n_residual_of: int = 2, ends: tuple[str, ...] = ("c_proj",), power=0.5):
    layer = name.split(".")[-2]
    if name.endswith("bias") or layer.startswith("ln_"):
        return 0.0
    if not any(f".{name}".removesuffix(".weight").endswith(f".{end}") for end in ends):
        return 0.02
    return 0.02 / (n_residual_of * n_layer) ** power


def deviation_inputs():
    yield "wpe.weight", 3
    yield "wte.weight", 3
    yield "h.0.mlp.c_proj.weight", 12
    yield "h.5.attn.c_proj.weight", 8
    yield "h.0.attn.c_attn.weight", 12
    yield "h.11.mlp.c_fc.weight", 48
    yield "h.0.attn.c_proj.bias", 12
    yield "h.2.ln_1.weight", 12
    yield "h.1.ln_2.bias", 12


DEVIATION = Exercise(
    id="07.deviation",
    title="How GPT-2's weights are drawn",
    difficulty=1,
    minutes=8,
    contract="my_deviation(name, n_layer) takes the name of a parameter, such as h.3.mlp.c_fc.weight, and the number "
    "of blocks, and returns the standard deviation with which GPT-2 draws it: 0.02 for tables and matrices, 0.02/√N "
    "for the matrices that write into the stream, N of them in all, and 0.0 for what is not drawn, since biases begin "
    "as zeros and the gains of the LayerNorms (ln_1, ln_2, ln_f) as ones.",
    returns="a number",
    reference=deviation,
    inputs=deviation_inputs,
    misconceptions=(
        Misconception(
            "one write a block",
            lambda name, n_layer: deviation(name, n_layer, n_residual_of=1),
            "N was taken to be the number of blocks: how often does one block write into the stream?",
        ),
        Misconception(
            "no root",
            lambda name, n_layer: deviation(name, n_layer, power=1.0),
            "It was divided by N: variances add up to N times one, and this is a deviation.",
        ),
        Misconception(
            "multiplied by the root",
            lambda name, n_layer: deviation(name, n_layer, power=-0.5),
            "It grows with the number of blocks: more writers shall each write less.",
        ),
        Misconception(
            "the MLP alone",
            lambda name, n_layer: deviation(name, n_layer, ends=("mlp.c_proj",)),
            "The MLP's matrix is scaled, attention's is not: both write into the stream.",
        ),
        Misconception(
            "attention alone",
            lambda name, n_layer: deviation(name, n_layer, ends=("attn.c_proj",)),
            "Attention's matrix is scaled, the MLP's is not: both write into the stream.",
        ),
        Misconception(
            "all matrices of a block",
            lambda name, n_layer: deviation(name, n_layer, ends=("c_proj", "c_fc", "c_attn")),
            "Every matrix of a block was scaled: which of them read from the stream, and which write into it?",
        ),
        Misconception(
            "not scaled",
            lambda name, n_layer: deviation(name, n_layer, ends=()),
            "0.02 for every matrix: that was GPT, and GPT-2 changed it for some of them.",
        ),
        Misconception(
            "biases drawn",
            lambda name, n_layer: deviation(name.replace("bias", "weight"), n_layer),
            "A bias was drawn at random: how do biases begin?",
        ),
        Misconception(
            "gains drawn",
            lambda name, n_layer: 0.0 if name.endswith("bias") else deviation(name.replace("ln_", ""), n_layer),
            "The gain of a LayerNorm was drawn at random: how do gains begin?",
        ),
        Misconception(
            "gains and biases drawn",
            lambda name, n_layer: deviation(name.replace("ln_", "").replace("bias", "weight"), n_layer),
            "Biases and gains were drawn at random: how do they begin?",
        ),
    ),
)


def dropout(x: Tensor, u: Tensor, p: float, training: bool):
    return torch.where(u < p, 0.0, x) / (1 - p) if training else x


def dropout_inputs():
    yield torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0.1, 0.9, 0.2, 0.4]), 0.25, True
    yield torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0.1, 0.9, 0.2, 0.4]), 0.25, False
    yield numbers(3, 4), torch.rand(3, 4, generator=torch.Generator().manual_seed(1)), 0.6, True
    yield numbers(2, 3), torch.full((2, 3), 0.5), 0.0, True


def kept(x, u, p):
    return torch.where(u < p, 0.0, x)


DROPOUT = Exercise(
    id="07.dropout",
    title="Dropout",
    difficulty=2,
    minutes=8,
    contract="my_dropout(x, u, p, training) takes numbers x, as many random numbers u between 0 and 1, a probability "
    "p below 1, and whether the model is in training: if so, every x whose u is below p becomes 0, and the others are "
    "scaled such that the mean over many draws of u is x; if not, x comes back as it is. The result has x's shape.",
    returns="the shape of x",
    reference=dropout,
    inputs=dropout_inputs,
    misconceptions=(
        Misconception(
            "not rescaled",
            lambda x, u, p, training: kept(x, u, p) if training else x,
            "The right ones are gone, and the rest stayed as it was: what is the mean over many draws now?",
        ),
        Misconception(
            "in evaluation too",
            lambda x, u, p, training: dropout(x, u, p, True),
            "Numbers are dropped when the model is not in training: the same text would get another answer each time.",
        ),
        Misconception(
            "not rescaled, in evaluation too",
            lambda x, u, p, training: kept(x, u, p),
            "Numbers are dropped when the model is not in training, and nothing makes up for those that are gone.",
        ),
        Misconception(
            "scaled in evaluation",
            lambda x, u, p, training: kept(x, u, p) if training else x * (1 - p),
            "This is dropout as in 2014, scaled when the training is over: the contract has x untouched then.",
        ),
        Misconception(
            "scaled in both modes",
            lambda x, u, p, training: (kept(x, u, p) if training else x) / (1 - p),
            "x was scaled out of training too: there nothing is missing that would have to be made up for.",
        ),
        Misconception(
            "the wrong way round",
            lambda x, u, p, training: x if training else dropout(x, u, p, True),
            "It drops when the model is not in training, and only then.",
        ),
        Misconception(
            "p kept",
            lambda x, u, p, training: torch.where(u < p, x, 0.0) / (1 - p) if training else x,
            "Those that should go have stayed, and the others went: p is the share that goes.",
        ),
        Misconception(
            "p kept and scaled by p",
            lambda x, u, p, training: (torch.where(u < p, x, 0.0) / p if p else 0 * x) if training else x,
            "p was taken to be the share that stays: it is the share that goes.",
        ),
        Misconception(
            "divided by p",
            lambda x, u, p, training: (kept(x, u, p) / p if p else x) if training else x,
            "What is left was divided by the share that went: by which share must it grow?",
        ),
        Misconception(
            "multiplied",
            lambda x, u, p, training: kept(x, u, p) * (1 - p) if training else x,
            "What is left was made smaller: fewer numbers have to make up for those that are gone.",
        ),
        Misconception(
            "scaled by what happened to stay",
            lambda x, u, p, training: kept(x, u, p) / (u >= p).float().mean() if training else x,
            "It was divided by the share that happened to stay in this draw: the contract's mean is over many draws.",
        ),
    ),
)

EXERCISES = (DEVIATION, DROPOUT)
