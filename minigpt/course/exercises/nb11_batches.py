"""Exercise of notebook 11: clipping."""

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def length(grads):
    """The norm of all of them together."""
    return torch.stack([g.norm() for g in grads]).norm()


def scaled(grads, factor):
    return [g * factor for g in grads]


def clip(grads, max_norm):
    return scaled(grads, min(1.0, max_norm / length(grads)))


def all_numbers(grads):
    return torch.cat([g.flatten() for g in grads])


def clip_inputs():
    for seed, size, max_norm in ((0, 0.01, 1.0), (1, 3.0, 1.0), (2, 1.0, 2.5)):
        yield [size * numbers(2, seed=seed), size * 2 * numbers(2 + seed, 3, seed=seed + 5)], max_norm
    yield [torch.tensor([2.0, 1.0]), torch.tensor([[2.0, 0.0]])], 4.0  # of length 3, whose square is above 4
    yield [torch.tensor([0.3, 0.6]), torch.tensor([[0.6]])], 0.5  # the first is the longest


def by_one_norm(name, norm, message):
    """Clipped by another length: norm(grads)."""
    return Misconception(
        name, lambda grads, max_norm: scaled(grads, min(1.0, max_norm / max(norm(grads), 1e-9))), message
    )


def scaled_as_measured(grads, max_norm):
    """Each tensor by the length of those up to it."""
    return [g * min(1.0, max_norm / length(grads[: i + 1])) for i, g in enumerate(grads)]


def where_squares_are_longer(grads, max_norm):
    return scaled(grads, max_norm / length(grads)) if length(grads) ** 2 > max_norm else grads


def rows_clipped(grads, max_norm):
    return [g * (max_norm / g.norm(dim=-1, keepdim=True)).clamp(max=1.0) for g in grads]


CLIP = Exercise(
    id="11.clip",
    title="Clip the gradient",
    difficulty=2,
    minutes=10,
    contract="my_clip(grads, max_norm) takes the gradients of all parameters, a list of tensors of any shapes, and"
    " returns a list of the same: if they are, taken together as one long vector, longer than max_norm, "
    "all are scaled by the same factor so that it has this length; else they stay.",
    returns="a list of tensors",
    reference=clip,
    inputs=clip_inputs,
    misconceptions=(
        Misconception(
            "each tensor by its own norm",
            lambda grads, max_norm: [g * min(1.0, max_norm / g.norm()) for g in grads],
            "Each tensor was clipped by itself, which turns the step: there is one length, of all together.",
        ),
        Misconception(
            "short gradients scaled up",
            lambda grads, max_norm: scaled(grads, max_norm / length(grads)),
            "Short gradients were made longer: they should stay as they are.",
        ),
        Misconception(
            "each number cut off",
            lambda grads, max_norm: [g.clamp(-max_norm, max_norm) for g in grads],
            "Each number was cut off by itself, which turns the step: the whole vector is scaled.",
        ),
        Misconception(
            "length one",
            lambda grads, max_norm: scaled(grads, 1 / length(grads)) if length(grads) > max_norm else grads,
            "Long gradients come out with length 1: it should be max_norm.",
        ),
        Misconception(
            "root forgotten",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / length(grads) ** 2)),
            "The sum of squares was taken for the length: its root is missing.",
        ),
        Misconception(
            "norms added up",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / sum(g.norm() for g in grads))),
            "The norms of the tensors were added: lengths at right angles add by their squares.",
        ),
        Misconception(
            "mean of the norms",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / torch.stack([g.norm() for g in grads]).mean())),
            "The mean of the tensors' norms was compared: it is the length of all of them in one vector that counts.",
        ),
        Misconception(
            "sizes added up",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / sum(g.abs().sum() for g in grads))),
            "The sizes of the numbers were added, the 1-norm: length is the root of the sum of squares.",
        ),
        Misconception(
            "max in place of min",
            lambda grads, max_norm: scaled(grads, max(1.0, max_norm / length(grads))),
            "Short gradients were made longer and long ones left: of 1 and the ratio, which should win?",
        ),
        Misconception(
            "ratio upside down",
            lambda grads, max_norm: scaled(grads, min(1.0, length(grads) / max_norm)),
            "Short gradients were made shorter and long ones left: the ratio stands on its head.",
        ),
        Misconception(
            "long gradients made longer",
            lambda grads, max_norm: scaled(grads, max(1.0, length(grads) / max_norm)),
            "Long gradients came out longer still: which of the two lengths belongs below the line?",
        ),
        Misconception(
            "mean of the squares",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / all_numbers(grads).square().mean().sqrt())),
            "The root of the squares' mean was compared: a vector of more numbers is longer.",
        ),
        Misconception(
            "the longest tensor's norm",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / max(g.norm() for g in grads))),
            "Only the longest of the tensors was measured: the others make the whole vector longer.",
        ),
        Misconception(
            "the largest number",
            lambda grads, max_norm: scaled(grads, min(1.0, max_norm / all_numbers(grads).abs().max())),
            "The largest number was taken for the length: all of them have a part in it.",
        ),
        Misconception(
            "long gradients set to 0",
            lambda grads, max_norm: scaled(grads, 0.0) if length(grads) > max_norm else grads,
            "Long gradients were thrown away: their direction is still wanted.",
        ),
        Misconception(
            "squares compared",
            where_squares_are_longer,
            "The sum of squares was compared with max_norm: they differ wherever max_norm is not 1.",
        ),
        Misconception(
            "ratio of squares",
            lambda grads, max_norm: scaled(grads, min(1.0, (max_norm / length(grads)) ** 2)),
            "The ratio is one of squares, so long gradients come out too short: the factor is its root.",
        ),
        Misconception(
            "multiplied by max_norm",
            lambda grads, max_norm: scaled(grads, max_norm) if length(grads) > max_norm else grads,
            "Long gradients were multiplied by max_norm, whatever their own length: that belongs below the line.",
        ),
        Misconception(
            "divided by max_norm",
            lambda grads, max_norm: scaled(grads, 1 / max_norm) if length(grads) > max_norm else grads,
            "Long gradients were divided by max_norm: which of the two lengths belongs above the line?",
        ),
        Misconception(
            "always length one",
            lambda grads, max_norm: scaled(grads, 1 / length(grads)),
            "All gradients come out with length 1: max_norm has no say, and short ones should stay.",
        ),
        Misconception(
            "each tensor made max_norm long",
            lambda grads, max_norm: [g * max_norm / g.norm() for g in grads],
            "Each tensor was made max_norm long, the short ones too: there is one length, of all together.",
        ),
        Misconception(
            "the largest number made max_norm",
            lambda grads, max_norm: scaled(grads, max_norm / all_numbers(grads).abs().max()),
            "The largest number was made max_norm, in short gradients too: it is their length that counts.",
        ),
        Misconception(
            "each row by its own norm",
            rows_clipped,
            "Each row was clipped by itself, which turns the step: one length counts, that of all tensors together.",
        ),
        Misconception(
            "cut off above alone",
            lambda grads, max_norm: [g.clamp(max=max_norm) for g in grads],
            "Numbers above max_norm were cut off, those below -max_norm not: no number is cut, the vector is scaled.",
        ),
        Misconception(
            "taken off",
            lambda grads, max_norm: [g - max(0.0, length(grads) - max_norm) for g in grads],
            "What is too long was taken from each number, which turns the step: scaling multiplies.",
        ),
        Misconception(
            "measured while scaling",
            scaled_as_measured,
            "The sum of squares grew while the tensors were scaled: measure all of them first, then scale.",
        ),
        Misconception(
            "flattened",
            lambda grads, max_norm: [g.flatten() for g in clip(grads, max_norm)],
            "The numbers are right, and the matrices came back flat: each tensor keeps its shape.",
        ),
        Misconception(
            "the norm returned, too",
            lambda grads, max_norm: (clip(grads, max_norm), length(grads)),
            "The list is right, and the norm came with it: return the list alone.",
        ),
        by_one_norm(
            "the first tensor's norm",
            lambda grads: grads[0].norm(),
            "Only the first of the tensors was measured: all of them in one vector count.",
        ),
        by_one_norm(
            "the last tensor's norm",
            lambda grads: grads[-1].norm(),
            "Only the last of the tensors was measured: a loop has to add up, not to write over what it had.",
        ),
        by_one_norm(
            "squares forgotten",
            lambda grads: all_numbers(grads).sum().abs(),
            "The numbers were added as they are, and those below 0 took from the length: their squares are wanted.",
        ),
    ),
)


EXERCISES = (CLIP,)
