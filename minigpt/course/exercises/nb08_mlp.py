"""Exercise of notebook 08: the MLP as a class, which then runs in the real model.

Shapes: B batch, T time, C channels (n_embd).
"""

import torch.nn.functional as F
from torch import nn

from minigpt.course.exercise import Call, Exercise, Misconception
from minigpt.course.exercises.inputs import numbers
from minigpt.course.exercises.nb07 import gelu
from minigpt.models.blocks import MLP


class Wrong(nn.Module):
    """An MLP whose steps subclasses get wrong."""

    def __init__(self, n_embd, dropout=0.0):
        super().__init__()
        self.c_fc = nn.Linear(n_embd, 4 * n_embd)
        self.c_proj = nn.Linear(4 * n_embd, n_embd)

    def forward(self, x):
        return self.c_proj(self.activation(self.c_fc(x)))

    def activation(self, x):
        return gelu(x)


class ExactGELU(Wrong):
    def activation(self, x):
        return F.gelu(x)


class ReLU(Wrong):
    def activation(self, x):
        return x.relu()


class NoActivation(Wrong):
    def activation(self, x):
        return x


class ActivationLast(Wrong):
    def forward(self, x):
        return gelu(self.c_proj(self.c_fc(x)))


class ActivationTwice(Wrong):
    def forward(self, x):
        return gelu(super().forward(x))


class Residual(Wrong):
    def forward(self, x):
        return x + super().forward(x)


def mlp_inputs():
    yield Call((2,), (numbers(1, 1, 2),))
    yield Call((6, 0.0), (2 * numbers(2, 3, 6),))


MLP_CLASS = Exercise(
    id="08.mlp",
    title="The MLP as a class",
    difficulty=2,
    minutes=10,
    contract="MyMLP(n_embd, dropout=0.0) has the layers c_fc: nn.Linear(C, 4C) and c_proj: nn.Linear(4C, C), with "
    "GPT-2's GELU between them; forward(x) takes (B, T, C) and returns (B, T, C). The block adds the result to the "
    "stream. Dropout is passed in, and not used yet.",
    returns="(B, T, C)",
    reference=MLP,
    inputs=mlp_inputs,
    misconceptions=(
        Misconception(
            "exact GELU",
            ExactGELU,
            "This is the exact GELU: they differ by less than 0.0005, but GPT-2 was trained with the tanh "
            "approximation.",
        ),
        Misconception("ReLU", ReLU, "There is a ReLU between the layers: GPT-2 has another activation."),
        Misconception(
            "no activation",
            NoActivation,
            "Nothing stands between the two layers, so they are no more than one: what makes them worth two?",
        ),
        Misconception(
            "activation at the end",
            ActivationLast,
            "The activation came after the second layer: it belongs where the vector is widest.",
        ),
        Misconception(
            "activation twice",
            ActivationTwice,
            "There is an activation after the second layer too: what goes into the stream is not bent.",
        ),
        Misconception(
            "residual inside",
            Residual,
            "x was added inside: the block does that, so it would be added twice.",
        ),
    ),
)

EXERCISES = (MLP_CLASS,)
