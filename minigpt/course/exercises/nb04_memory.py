"""Exercises of notebook 04: one step after the other in an RNN, and the cell of an LSTM.

Shapes: B batch, T time, C channels, N units of the memory.
"""

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def rnn(x, W, U, b):
    return steps(x, W, U, b)


def steps(x, W, U, b, squash=torch.tanh, start=0.0):
    """All memories, one a row: (T, N)."""
    h, shown = torch.full_like(b, start), []
    for x_t in x:
        h = squash(W @ x_t + U @ h + b)
        shown.append(h)
    return torch.stack(shown)


def rnn_inputs():
    for T, C, N, seed in ((2, 2, 3, 0), (4, 3, 2, 1), (6, 2, 5, 2)):
        W, U, b = numbers(N, C, seed=10 + seed), numbers(N, N, seed=20 + seed), numbers(N, seed=30 + seed)
        yield numbers(T, C, seed=seed), W, U, b


def shown_before(x, W, U, b):
    return torch.cat([torch.zeros_like(b)[None], rnn(x, W, U, b)[:-1]])


def memory_outside(x, W, U, b):
    h, shown = torch.zeros_like(b), []
    for x_t in x:
        h = torch.tanh(W @ x_t + b) + U @ h
        shown.append(h)
    return torch.stack(shown)


def bias_outside(x, W, U, b):
    h, shown = torch.zeros_like(b), []
    for x_t in x:
        h = torch.tanh(W @ x_t + U @ h) + b
        shown.append(h)
    return torch.stack(shown)


def squashed_when_shown(x, W, U, b):
    return torch.tanh(steps(x, W, U, b, squash=lambda h: h))


def input_remembered(x, W, U, b):
    now = x @ W.T + b
    before = torch.cat([torch.zeros_like(b)[None], now[:-1]])
    return torch.tanh(now + before @ U.T)


RNN = Exercise(
    id="04.rnn",
    title="A memory, word by word",
    difficulty=1,
    minutes=10,
    contract="my_rnn(x, W, U, b) takes T words as vectors x (T, C), matrices W (N, C) and U (N, N), and b (N,); the "
    "memory begins as N zeros, and each word makes a new one of the old: h = tanh(W x + U h + b). It returns all T "
    "memories, one a row.",
    returns="(T, N)",
    reference=rnn,
    inputs=rnn_inputs,
    misconceptions=(
        Misconception(
            "the memory is never passed on",
            lambda x, W, U, b: torch.tanh(x @ W.T + b),
            "Each word meets an empty memory: the new h has to be there when the next word comes.",
        ),
        Misconception(
            "no tanh",
            lambda x, W, U, b: steps(x, W, U, b, squash=lambda h: h),
            "The tanh is missing: nothing keeps the memory between -1 and 1.",
        ),
        Misconception(
            "U turned over",
            lambda x, W, U, b: steps(x, W, U.T, b),
            "The memory met U's columns instead of its rows: U h is `U @ h`, or `h @ U.T`.",
        ),
        Misconception(
            "memory added outside the tanh",
            memory_outside,
            "U h was added after the tanh: it belongs inside, with the word.",
        ),
        Misconception(
            "only the last word's input remembered",
            input_remembered,
            "What U meets is made of the word before alone: it should be the memory, which is made of all before.",
        ),
        Misconception(
            "memories before the words",
            shown_before,
            "The first row is the empty memory and the last one is missing: row t is the memory that has read word t.",
        ),
        Misconception(
            "the last memory alone",
            lambda x, W, U, b: rnn(x, W, U, b)[-1],
            "This is the last memory alone: the contract asks for one after each word.",
        ),
        Misconception(
            "read from the end",
            lambda x, W, U, b: rnn(x.flip(0), W, U, b).flip(0),
            "The text was read from its end: each memory knows the future.",
        ),
        Misconception(
            "b forgotten",
            lambda x, W, U, b: rnn(x, W, U, torch.zeros_like(b)),
            "The bias b is missing.",
        ),
        Misconception(
            "sigmoid instead of tanh",
            lambda x, W, U, b: steps(x, W, U, b, squash=torch.sigmoid),
            "All numbers lie between 0 and 1: that is a sigmoid (Elman's units were of this kind), here it is tanh.",
        ),
        Misconception(
            "b outside the tanh",
            bias_outside,
            "b was added after the tanh: it belongs inside, with W x and U h.",
        ),
        Misconception(
            "squashed only when shown",
            squashed_when_shown,
            "The memory that is passed on has not been through tanh: the new h is what U meets at the next word.",
        ),
        Misconception(
            "one row, T times",
            lambda x, W, U, b: rnn(x, W, U, b)[-1:].repeat(len(x), 1),
            "All rows are the last memory: one tensor was changed in place and kept T times. Each word makes a new h.",
        ),
        Misconception(
            "a memory of ones",
            lambda x, W, U, b: steps(x, W, U, b, start=1.0),
            "The memory began as ones: before the first word it has read nothing, N zeros.",
        ),
    ),
)


def cell(parts, c):
    i, f, g, o = parts.chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def reordered(*order):
    """The cell that takes its parts in another order."""
    return lambda parts, c: cell(torch.cat([parts.chunk(4, dim=-1)[n] for n in order], dim=-1), c)


def cell_of(new_memory, show=lambda o, c: torch.sigmoid(o) * torch.tanh(c)):
    """A cell with another formula for c or for what is shown."""

    def wrong(parts, c):
        i, f, g, o = parts.chunk(4, dim=-1)
        c = new_memory(i, f, g, c)
        return show(o, c), c

    return wrong


def right_memory(i, f, g, c):
    return torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)


def old_memory_shown(parts, c):
    o = parts.chunk(4, dim=-1)[3]
    return torch.sigmoid(o) * torch.tanh(c), cell(parts, c)[1]


def cell_inputs():
    for B, N, seed in ((1, 2, 0), (2, 3, 1), (4, 5, 2)):
        yield numbers(B, 4 * N, seed=seed), 2 * numbers(B, N, seed=10 + seed)


LSTM = Exercise(
    id="04.lstm",
    title="The cell of an LSTM",
    difficulty=3,
    minutes=15,
    contract="my_cell(parts, c) takes the four parts of a step side by side, (B, 4N), in the order i, f, g, o, and the "
    "old memory c (B, N); it returns h and the new c, both (B, N): c is the old c times sigmoid(f), plus sigmoid(i) "
    "times tanh(g), and h is sigmoid(o) times the tanh of the new c.",
    returns="two tensors",
    reference=cell,
    inputs=cell_inputs,
    misconceptions=(
        Misconception(
            "input and forget gate swapped",
            reordered(1, 0, 2, 3),
            "The gates are swapped: f keeps the old memory, i lets the new one in; first comes i.",
        ),
        Misconception(
            "g and o swapped",
            reordered(0, 1, 3, 2),
            "The last two parts are swapped: g is what is written, o is what is shown; the order is i, f, g, o.",
        ),
        Misconception(
            "no tanh around the memory",
            cell_of(right_memory, lambda o, c: torch.sigmoid(o) * c),
            "The memory is shown as it is: on its way out it passes a tanh.",
        ),
        Misconception(
            "sigmoid for what is written",
            cell_of(lambda i, f, g, c: torch.sigmoid(f) * c + torch.sigmoid(i) * torch.sigmoid(g)),
            "What is written passed a sigmoid, so nothing could ever be taken from c: g is no gate.",
        ),
        Misconception(
            "what is written as it is",
            cell_of(lambda i, f, g, c: torch.sigmoid(f) * c + torch.sigmoid(i) * g),
            "What is written is not squashed: a single word could write any number.",
        ),
        Misconception(
            "gates without a sigmoid",
            cell_of(lambda i, f, g, c: f * c + i * torch.tanh(g), lambda o, c: o * torch.tanh(c)),
            "The gates are no shares between 0 and 1: they have to pass a sigmoid.",
        ),
        Misconception(
            "nothing is forgotten",
            cell_of(lambda i, f, g, c: c + torch.sigmoid(i) * torch.tanh(g)),
            "The old memory is kept whole: that is the LSTM of 1997. The forget gate came in 2000.",
        ),
        Misconception(
            "the forget gate the wrong way",
            cell_of(lambda i, f, g, c: (1 - torch.sigmoid(f)) * c + torch.sigmoid(i) * torch.tanh(g)),
            "An open forget gate forgets here: despite its name, sigmoid(f) is the share that is kept.",
        ),
        Misconception(
            "one gate for both",
            cell_of(lambda i, f, g, c: torch.sigmoid(f) * c + (1 - torch.sigmoid(f)) * torch.tanh(g)),
            "What is let in is what was not kept: other cells do that, this one has a gate of its own for it.",
        ),
        Misconception(
            "the old memory shown",
            old_memory_shown,
            "What is shown is the memory before this step: h comes from the new c.",
        ),
        Misconception(
            "everything is shown",
            cell_of(right_memory, lambda o, c: torch.tanh(c)),
            "The memory is shown whole: where does o have its say?",
        ),
        Misconception(
            "c and h swapped",
            lambda parts, c: cell(parts, c)[::-1],
            "The two results stand in the other order: first h, then c.",
        ),
        Misconception(
            "all is let in",
            cell_of(lambda i, f, g, c: torch.sigmoid(f) * c + torch.tanh(g)),
            "All of g is written: sigmoid(i) decides how much of it comes in.",
        ),
        Misconception(
            "o without a sigmoid",
            cell_of(right_memory, lambda o, c: o * torch.tanh(c)),
            "The gate o has not been through a sigmoid, i and f have: it is a share as well, between 0 and 1.",
        ),
        Misconception(
            "gates through tanh",
            cell_of(
                lambda i, f, g, c: torch.tanh(f) * c + torch.tanh(i) * torch.tanh(g),
                lambda o, c: torch.tanh(o) * torch.tanh(c),
            ),
            "The gates passed a tanh, so they may be negative: shares between 0 and 1 come from a sigmoid.",
        ),
        Misconception(
            "the memory itself squashed",
            lambda parts, c: (cell(parts, c)[0], torch.tanh(cell(parts, c)[1])),
            "The c that is passed on was squashed: only what is shown passes a tanh, or c would fade at each step.",
        ),
        Misconception(
            "the old memory passed on",
            lambda parts, c: (cell(parts, c)[0], c),
            "h is right, but the old c was returned: what was written is lost at the next step.",
        ),
    ),
)


EXERCISES = (RNN, LSTM)
