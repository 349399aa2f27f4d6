"""Exercises of notebook 11: a step of AdamW, and the learning rate of a step; more in nb11_batches and nb11_windows."""

import math

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers
from minigpt.training.optimizers import learning_rate

BETA1, BETA2, EPS = 0.9, 0.99, 1e-7


def adamw(
    p,
    g,
    m,
    v,
    t,
    rate,
    decay,
    *,
    betas=(BETA1, BETA2),
    correcting=None,
    fresh=True,
    corrected=(True, True),
    left=lambda beta, t: beta**t,
    power=0.5,
    eps=EPS,
    eps_inside=False,
    coupled=False,
    shrink=None,
    shrink_last=False,
    squared=True,
    sign=-1,
    hats_returned=False,
):
    """One step; each keyword away from its default is a mistake."""
    if coupled:
        g = g + decay * p
    old_m, old_v = m, v
    m = betas[0] * m + (1 - betas[0]) * g
    v = betas[1] * v + (1 - betas[1]) * (g * g if squared else g.abs())
    used_m, used_v = (m, v) if fresh else (old_m, old_v)
    m_hat = used_m / (1 - left((correcting or betas)[0], t)) if corrected[0] else used_m
    v_hat = used_v / (1 - left((correcting or betas)[1], t)) if corrected[1] else used_v
    below = (v_hat + eps).sqrt() if eps_inside else v_hat**power + eps
    shrink = (0 if coupled else rate * decay) if shrink is None else shrink(rate, decay)
    step = sign * rate * m_hat / below
    p = (p + step) * (1 - shrink) if shrink_last else p * (1 - shrink) + step
    return (p, m_hat, v_hat) if hats_returned else (p, m, v)


def adam_inputs():
    for n, t, seed in ((2, 1, 0), (3, 2, 1), (4, 7, 2)):
        p, g = numbers(n, seed=seed), numbers(n, seed=seed + 10)
        g[0] = 1e-4  # so small that eps has a say, and large enough to be shown
        m, v = (
            (numbers(n, seed=20) * 0.1, numbers(n, seed=30).square() * 0.01)
            if t > 1
            else (torch.zeros(n), torch.zeros(n))
        )
        m[0], v[0] = m[0] * 1e-4, v[0] * 1e-8
        yield p, g, m, v, t, 0.1, 0.5


def mistake(name, message, **changes):
    return Misconception(name, lambda *given: adamw(*given, **changes), message)


ADAM = Exercise(
    id="11.adam",
    title="One step of AdamW",
    difficulty=2,
    minutes=15,
    contract="my_adamw(p, g, m, v, t, rate, decay) takes weights p, their gradient g, the running means m of the "
    "gradient and v of its square as they were before this step, all of shape (n,), the number t of this "
    "step, 1 the first, the learning rate and the weight decay. With betas of 0.9 and 0.99 and an epsilon"
    " of 1e-7 it returns the new p, m and v, m and v without the correction of their beginning at 0.",
    returns="three tensors",
    reference=adamw,
    inputs=adam_inputs,
    misconceptions=(
        mistake(
            "no bias correction",
            "m and v begin at 0 and are too small at first: each has to be divided by 1 minus its beta to the power t.",
            corrected=(False, False),
        ),
        mistake("only m corrected", "m is corrected for its beginning at 0, v is not.", corrected=(True, False)),
        mistake("only v corrected", "v is corrected for its beginning at 0, m is not.", corrected=(False, True)),
        mistake(
            "t counted from 0",
            "The correction is that of the next step: here t is 1 at the first.",
            left=lambda beta, t: beta ** (t + 1),
        ),
        mistake("root missing", "The step was divided by v itself: the mean of squares needs a root first.", power=1.0),
        mistake(
            "epsilon inside the root",
            "Epsilon stands under the root, where a tiny gradient turns it into a wall: it is added after the root.",
            eps_inside=True,
        ),
        mistake(
            "decay coupled into the gradient",
            "The decay went through m and v with the gradient: that is Adam with L2; the W says that it is kept apart.",
            coupled=True,
        ),
        mistake("no decay", "The weights were not decayed.", shrink=lambda rate, decay: 0.0),
        mistake("decay without the rate", "The decay is a share of the weight, times the rate.", shrink=lambda r, d: d),
        mistake("v without the square", "v is the mean of the gradient's squares, not of its size.", squared=False),
        mistake(
            "the means from before",
            "The step used m and v as they came in: first they take this gradient in, then they are used.",
            fresh=False,
        ),
        mistake("betas swapped", "The two betas changed places: m forgets faster, v slower.", betas=(BETA2, BETA1)),
        mistake(
            "the corrected means returned",
            "The corrected means were returned: the next step corrects what it gets, and would do so twice.",
            hats_returned=True,
        ),
        mistake(
            "beta times t",
            "Beta was multiplied by t: each step leaves a share of the beginning, so two leave a share of a share.",
            left=lambda beta, t: beta * t,
        ),
        mistake(
            "decay after the step",
            "The decay shrank the new weights, this step with them: it is a share of those that came in.",
            shrink_last=True,
        ),
        mistake(
            "beta and 1 - beta exchanged",
            "Your means hold little of the past and much of this gradient: which of the two does beta belong to?",
            betas=(1 - BETA1, 1 - BETA2),
            correcting=(BETA1, BETA2),
        ),
        mistake("v with 0.95", "Your v forgets too fast, with a beta of 0.95: see the contract.", betas=(BETA1, 0.95)),
        mistake(
            "v with 0.999",
            "The beta of your v is 0.999, a common default: the contract has another.",
            betas=(BETA1, 0.999),
        ),
        mistake("no epsilon", "Where a gradient is near 0, you divide by next to nothing: see epsilon.", eps=0.0),
        mistake("uphill", "The weights went along the gradient: it points uphill.", sign=1),
    ),
)


def rate_inputs():
    for step in (0, 1, 3, 4, 5, 7, 12, 19, 20, 26):
        yield step, 20, 0.8, 4, 0.2


def after_warmup(given, curve):
    """The reference with another curve behind the warm-up: curve(progress) of 0 to 1."""
    step, n_steps, _, n_warmup, _ = given
    if step < n_warmup:
        return learning_rate(*given)
    return curve(min(1.0, (step - n_warmup) / (n_steps - n_warmup)))


def half_cosine(progress):
    return (1 + math.cos(math.pi * progress)) / 2


def mixed(peak, floor, progress):
    return floor + (peak - floor) * half_cosine(progress)


def warming(step, n_steps, peak, n_warmup, floor, warm):
    """The reference with another warm-up: warm(step)."""
    return warm(step) if step < n_warmup else learning_rate(step, n_steps, peak, n_warmup, floor)


COSINE = Exercise(
    id="11.cosine",
    title="Warm-up and cosine",
    difficulty=2,
    minutes=12,
    contract="my_rate(step, n_steps, peak, n_warmup, floor) returns the learning rate of a step, 0 the first: it "
    "climbs in equal parts, so that step n_warmup - 1 has the peak, then from step n_warmup, still at the"
    " peak, it follows half a cosine down to floor at step n_steps, and stays there.",
    returns="a number",
    reference=learning_rate,
    inputs=rate_inputs,
    misconceptions=(
        Misconception(
            "warm-up begins at 0",
            lambda step, n, peak, warm, floor: warming(step, n, peak, warm, floor, lambda s: peak * s / warm),
            "The first step has rate 0 and is wasted: the peak belongs to step n_warmup - 1, not to the one after.",
        ),
        Misconception(
            "warm-up from the floor",
            lambda step, n, peak, warm, floor: warming(
                step, n, peak, warm, floor, lambda s: floor + (peak - floor) * (s + 1) / warm
            ),
            "The climb begins at the floor: in this contract it begins at 0, the floor is where the run ends.",
        ),
        Misconception(
            "no warm-up",
            lambda step, n, peak, warm, floor: warming(step, n, peak, warm, floor, lambda s: peak),
            "The first steps have the whole peak: what about the climb?",
        ),
        Misconception(
            "floor ignored",
            lambda *given: after_warmup(given, lambda progress: given[2] * half_cosine(progress)),
            "The curve falls to 0: it ends at floor.",
        ),
        Misconception(
            "floor on top",
            lambda *given: after_warmup(given, lambda progress: given[4] + given[2] * half_cosine(progress)),
            "The floor was added to the whole curve, which now begins above the peak: what is left between the two?",
        ),
        Misconception(
            "cut off at the floor",
            lambda *given: after_warmup(given, lambda progress: max(given[4], given[2] * half_cosine(progress))),
            "The curve runs to 0 and is cut off at the floor: half a cosine lies between peak and floor.",
        ),
        Misconception(
            "cosine begun at step 0",
            lambda step, n, peak, warm, floor: (
                peak * (step + 1) / warm if step < warm else floor + (peak - floor) * half_cosine(min(1, step / n))
            ),
            "Behind the warm-up the rate leaps down: the cosine begins at step n_warmup, so progress is 0 there.",
        ),
        Misconception(
            "divided by all steps",
            lambda step, n, peak, warm, floor: after_warmup(
                (step, n, peak, warm, floor), lambda _: mixed(peak, floor, min(1.0, (step - warm) / n))
            ),
            "Your progress is a share of all steps, so it is not 1 at the last: how many are there behind the warm-up?",
        ),
        Misconception(
            "one step too few",
            lambda step, n, peak, warm, floor: after_warmup(
                (step, n - 1, peak, warm, floor), lambda progress: mixed(peak, floor, progress)
            ),
            "The floor comes one step early: at which step is the progress 1?",
        ),
        Misconception(
            "warm-up one step too long",
            lambda step, n, peak, warm, floor: (
                peak * (step + 1) / warm if step <= warm else learning_rate(step, n, peak, warm, floor)
            ),
            "At step n_warmup yours still climbs, above the peak: the first step behind the warm-up is that one.",
        ),
        Misconception(
            "half forgotten",
            lambda *given: after_warmup(
                given, lambda progress: given[4] + (given[2] - given[4]) * 2 * half_cosine(progress)
            ),
            "The curve begins above the peak: 1 + cos goes from 2 to 0.",
        ),
        Misconception(
            "degrees",
            lambda *given: after_warmup(given, lambda progress: mixed(given[2], given[4], progress * 180 / math.pi)),
            "The cosine got 180 for half a turn: it takes its angle in radians.",
        ),
        Misconception(
            "not lifted",
            lambda *given: after_warmup(
                given, lambda progress: given[4] + (given[2] - given[4]) * math.cos(math.pi * progress)
            ),
            "The curve falls below the floor: a cosine goes from 1 to -1, and a share from 1 to 0.",
        ),
        Misconception(
            "a straight line",
            lambda *given: after_warmup(given, lambda progress: given[2] + (given[4] - given[2]) * progress),
            "The way down is a straight line: a cosine is flat at both ends.",
        ),
        Misconception(
            "a quarter of a cosine",
            lambda *given: after_warmup(
                given, lambda progress: given[4] + (given[2] - given[4]) * math.cos(math.pi / 2 * progress)
            ),
            "This is a quarter of the cosine, from 1 to 0: half of it goes from 1 to -1, and has to be lifted.",
        ),
        Misconception(
            "a whole cosine",
            lambda *given: after_warmup(
                given, lambda progress: given[4] + (given[2] - given[4]) * half_cosine(2 * progress)
            ),
            "The rate falls and rises again: half a cosine ends at pi.",
        ),
        Misconception(
            "rising again after the end",
            lambda step, n, peak, warm, floor: (
                peak * (step + 1) / warm
                if step < warm
                else floor + (peak - floor) * half_cosine((step - warm) / (n - warm))
            ),
            "After n_steps the rate rises again: it should stay at the floor.",
        ),
    ),
)

EXERCISES = (ADAM, COSINE)
