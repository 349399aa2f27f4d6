"""Exercises of notebook 12: utilisation, and the gradients of many processes.

Shapes: P processes, D numbers of a gradient.
"""

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def mfu(tokens, seconds, per_token, recomputed, n_gpus, peak):
    """The recomputed operations are no progress, and do not count."""
    return tokens * per_token / (seconds * n_gpus * peak)


MFU = Exercise(
    id="12.mfu",
    title="Model FLOPs utilisation",
    difficulty=1,
    minutes=8,
    contract="my_mfu(tokens, seconds, per_token, recomputed, n_gpus, peak) returns the model FLOPs utilisation, a "
    "share, of a run that takes so many seconds for so many tokens on n_gpus GPUs together; the model needs per_token "
    "operations for a token, both passes included, the program does recomputed more to save memory, and one GPU can do "
    "peak operations a second.",
    returns="a number",
    reference=mfu,
    inputs=lambda: (
        (100, 2.0, 30.0, 7.0, 2, 1000.0),
        (900, 5.0, 40.0, 13.0, 8, 3000.0),
        (64, 0.5, 11.0, 2.0, 3, 900.0),
    ),
    misconceptions=(
        Misconception(
            "recomputed operations count",
            lambda tokens, seconds, per_token, recomputed, *machine: mfu(
                tokens, seconds, per_token + recomputed, 0, *machine
            ),
            "What is computed twice was counted: that is how busy the hardware is, and not what the model needs.",
        ),
        Misconception(
            "recomputed operations taken away",
            lambda tokens, seconds, per_token, recomputed, *machine: mfu(
                tokens, seconds, per_token - recomputed, 0, *machine
            ),
            "The recomputed operations were taken away from the model's: they were never among them.",
        ),
        Misconception(
            "peak of one GPU",
            lambda *given: mfu(*given) * given[4],
            "The tokens of all GPUs were compared with the peak of one.",
        ),
        Misconception(
            "number of GPUs twice",
            lambda *given: mfu(*given) / given[4],
            "The number of GPUs went in twice: the tokens are those of all of them already.",
        ),
        Misconception(
            "backward pass twice",
            lambda *given: 3 * mfu(*given),
            "The backward pass was added once more: per_token has both passes.",
        ),
        Misconception("percent", lambda *given: 100 * mfu(*given), "This is in percent: a share lies between 0 and 1."),
        Misconception("upside down", lambda *given: 1 / mfu(*given), "This is upside down: possible by done."),
        Misconception(
            "seconds forgotten",
            lambda *given: mfu(*given) * given[1],
            "The seconds are missing: the peak is operations of one second.",
        ),
        Misconception(
            "times the seconds",
            lambda *given: mfu(*given) * given[1] ** 2,
            "It was multiplied by the seconds: who takes longer for the same tokens uses less of the machine.",
        ),
        Misconception(
            "recomputed added once",
            lambda tokens, seconds, per_token, recomputed, *machine: mfu(
                1, seconds, tokens * per_token + recomputed, 0, *machine
            ),
            "The recomputed operations were added, once for all tokens: they do not count at all.",
        ),
        Misconception(
            "the share of what is not recomputed",
            lambda tokens, seconds, per_token, recomputed, *machine: per_token / (per_token + recomputed),
            "This is which share of the program's operations the model needs: how much could the machine have done?",
        ),
        Misconception(
            "less for the recomputed",
            lambda tokens, seconds, per_token, recomputed, *machine: (
                mfu(tokens, seconds, per_token, 0, *machine) * per_token / (per_token + recomputed)
            ),
            "The recomputed operations were taken into account, and made the share smaller: they took time already.",
        ),
        Misconception(
            "operations a second",
            lambda tokens, seconds, per_token, *rest: tokens * per_token / seconds,
            "These are the operations of a second: what share is that of what all GPUs could do?",
        ),
        Misconception(
            "operations of a GPU in a second",
            lambda tokens, seconds, per_token, recomputed, n_gpus, peak: tokens * per_token / seconds / n_gpus,
            "These are the operations of one GPU in a second: what share of its peak is that?",
        ),
        Misconception(
            "tokens a second",
            lambda tokens, seconds, *rest: tokens / seconds,
            "These are the tokens of a second: how many operations does each need, and how many are possible?",
        ),
        Misconception(
            "operations of a token forgotten",
            lambda *given: mfu(*given) / given[2],
            "Tokens were compared with operations: each token needs per_token of them.",
        ),
        Misconception(
            "tokens forgotten",
            lambda *given: mfu(*given) / given[0],
            "The operations of one token were compared with all that was possible: how many tokens were there?",
        ),
        Misconception(
            "brackets missing",
            lambda *given: mfu(*given) * (given[4] * given[5]) ** 2,
            "It was divided by the seconds, and multiplied by GPUs and peak: what is divided by stands in brackets.",
        ),
        Misconception(
            "peak multiplied",
            lambda *given: mfu(*given) * given[5] ** 2,
            "It was multiplied by the peak: a faster machine, doing the same in the same time, is used less.",
        ),
        Misconception(
            "times 6",
            lambda *given: 6 * mfu(*given),
            "It was multiplied by 6, which makes operations of parameters: per_token has the operations already.",
        ),
        Misconception(
            "what was left unused",
            lambda *given: 1 - mfu(*given),
            "This is the share that was not used.",
        ),
    ),
)


def allreduce(grads):
    """The mean of all, for everyone."""
    return grads.mean(0).expand_as(grads)


def only_first(grads):
    out = grads.clone()
    out[0] = grads.mean(0)
    return out


ALLREDUCE = Exercise(
    id="12.allreduce",
    title="Everyone gets the mean",
    difficulty=1,
    minutes=6,
    contract="my_allreduce(grads) takes the gradients (P, D) of P processes, each of the mean loss of its equal share "
    "of the batch, and returns what each of them holds afterwards, (P, D): the gradient of the mean loss of the batch.",
    returns="(P, D)",
    reference=allreduce,
    inputs=lambda: ((numbers(2, 5, seed=1),), (numbers(3, 4, seed=2),), (numbers(4, 7, seed=3),)),
    misconceptions=(
        Misconception(
            "sum for mean",
            lambda grads: grads.sum(0).expand_as(grads),
            "The gradients were added: with twice the processes the step would be twice as long.",
        ),
        Misconception(
            "mean over the numbers",
            lambda grads: grads.mean(1, keepdim=True).expand_as(grads),
            "The mean went over the numbers of one gradient: it goes over the processes.",
        ),
        Misconception(
            "only the first has it",
            only_first,
            "Process 0 has the mean, and the others still hold their own: they would walk apart.",
        ),
        Misconception(
            "divided twice",
            lambda grads: allreduce(grads) / len(grads),
            "It was divided by the number of processes twice.",
        ),
        Misconception(
            "own one left out",
            lambda grads: (grads.sum(0) - grads) / (len(grads) - 1),
            "Each has the mean of the others: its own gradient belongs to it.",
        ),
        Misconception(
            "own one twice",
            lambda grads: (grads.sum(0) + grads) / (len(grads) + 1),
            "Each counted its own gradient twice, so that all have different ones.",
        ),
        Misconception(
            "the first one's for all",
            lambda grads: grads[0].expand_as(grads),
            "All have the gradient of process 0: what the others computed is lost.",
        ),
        Misconception(
            "mean with a neighbour",
            lambda grads: (grads + grads.roll(1, 0)) / 2,
            "Each has the mean of two: it should be that of all.",
        ),
        Misconception(
            "left as they were",
            lambda grads: grads,
            "Each still holds its own gradient.",
        ),
        Misconception(
            "own share alone",
            lambda grads: grads / len(grads),
            "Each divided its own gradient by the number of processes, and they were not added up.",
        ),
        Misconception(
            "divided by the numbers",
            lambda grads: grads.sum(0).expand_as(grads) / grads.size(1),
            "The sum was divided by how many numbers a gradient has: how many gradients were added?",
        ),
        Misconception(
            "one process fewer",
            lambda grads: grads.sum(0).expand_as(grads) / (len(grads) - 1),
            "The sum was divided by one less than the number of processes: one's own counts.",
        ),
        Misconception(
            "one mean for all numbers",
            lambda grads: grads.mean().expand_as(grads),
            "All numbers became one: each number of the gradient has its own mean over the processes.",
        ),
        Misconception(
            "the others have nothing",
            lambda grads: torch.cat([grads.mean(0, keepdim=True), torch.zeros_like(grads[1:])]),
            "Process 0 has the mean, and the others have zeros: it still has to be sent to them.",
        ),
        Misconception(
            "half of the ring",
            lambda grads: grads.cumsum(0) / len(grads),
            "Each has the sum of those before it and its own: the last has all, and the others still wait for it.",
        ),
        Misconception(
            "the last one's for all",
            lambda grads: grads[-1].expand_as(grads),
            "All have the gradient of the last process: what the others computed is lost.",
        ),
        Misconception(
            "mean with the next",
            lambda grads: (grads + grads.roll(-1, 0)) / 2,
            "Each has the mean of its own and the next one's: it should be that of all.",
        ),
        Misconception(
            "median",
            lambda grads: grads.median(0).values.expand_as(grads),
            "The middle one of the numbers was taken: the gradient of a mean is a mean.",
        ),
        Misconception(
            "always two processes",
            lambda grads: grads.sum(0).expand_as(grads) / 2,
            "This is right for two processes alone: how many are there?",
        ),
    ),
)

EXERCISES = (MFU, ALLREDUCE)
