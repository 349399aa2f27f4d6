"""Exercise of notebook 11: a step of AdamW; the others are in nb11_annealing, nb11_batches and nb11_windows."""

import torch

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers

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
    taken=None,
    correcting=(BETA1, BETA2),
    correction=lambda beta, t: 1 - beta**t,
    corrected=(True, True),
    corrected_first=False,
    into_v=lambda g, m: g * g,
    direction=lambda m, old_m, g: m,
    used_v=lambda v, old_v: v,
    power=0.5,
    root_first=False,
    eps=EPS,
    eps_inside=False,
    coupled=False,
    beside_m=False,
    shrink=lambda rate, decay: rate * decay,
    subtracted=False,
    shrink_last=False,
    along=lambda rate: -rate,
    returned=lambda p, m, v, **others: (p, m, v),
):
    """One step; each keyword away from its default is a mistake."""
    if coupled:
        g = g + decay * p
    by = [correction(beta, t) if wanted else 1.0 for beta, wanted in zip(correcting, corrected, strict=True)]
    old_m, old_v = (m / by[0], v / by[1]) if corrected_first else (m, v)
    taken = taken or [1 - beta for beta in betas]
    m = betas[0] * old_m + taken[0] * g
    v = betas[1] * old_v + taken[1] * into_v(g, m)
    if corrected_first:
        by = [1.0, 1.0]
    m_hat, v_hat = direction(m, old_m, g) / by[0], used_v(v, old_v) / by[1]
    below = (v_hat + eps).sqrt() if eps_inside else v_hat**power + eps
    if root_first:
        below = used_v(v, old_v).sqrt() / by[1] + eps
    step = along(rate) * (m_hat + decay * p if beside_m else m_hat) / below
    share = shrink(rate, decay)
    kept = p - share if subtracted else p * (1 - share)
    new = (p + step) * (1 - share) if shrink_last else kept + step
    return returned(p=new, m=m, v=v, m_hat=m_hat, v_hat=v_hat, old_m=old_m, old_v=old_v, step=step)


def adam_inputs():
    for n, t, seed, rate, decay in ((2, 1, 0, 0.1, 0.3), (3, 2, 1, 0.02, 0.5), (4, 7, 2, 0.3, 0.1)):
        p, g = numbers(n, seed=seed), numbers(n, seed=seed + 10)
        g[0] = 1e-4  # so small that eps has a say, and large enough to be shown
        m, v = (
            (numbers(n, seed=20) * 0.1, numbers(n, seed=30).square() * 0.01)
            if t > 1
            else (torch.zeros(n), torch.zeros(n))
        )
        m[0], v[0] = m[0] * 1e-4, v[0] * 1e-8
        yield p, g, m, v, t, rate, decay


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
            correction=lambda beta, t: 1 - beta ** (t + 1),
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
            shrink=lambda rate, decay: 0.0,
        ),
        mistake("no decay", "The weights were not decayed.", shrink=lambda rate, decay: 0.0),
        mistake("decay without the rate", "The decay is a share of the weight, times the rate.", shrink=lambda r, d: d),
        mistake(
            "v without the square",
            "v is the mean of the gradient's squares, not of its size.",
            into_v=lambda g, m: g.abs(),
        ),
        mistake(
            "the means from before",
            "The step used m and v as they came in: first they take this gradient in, then they are used.",
            direction=lambda m, old_m, g: old_m,
            used_v=lambda v, old_v: old_v,
        ),
        mistake(
            "betas swapped",
            "The two betas changed places: m forgets faster, v slower.",
            betas=(BETA2, BETA1),
            correcting=(BETA2, BETA1),
        ),
        mistake(
            "the corrected means returned",
            "The corrected means were returned: the next step corrects what it gets, and would do so twice.",
            returned=lambda p, m_hat, v_hat, **others: (p, m_hat, v_hat),
        ),
        mistake(
            "beta times t",
            "Beta was multiplied by t: each step leaves a share of the beginning, so two leave a share of a share.",
            correction=lambda beta, t: 1 - beta * t,
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
        ),
        mistake(
            "v with 0.95",
            "Your v forgets too fast, with a beta of 0.95: see the contract.",
            betas=(BETA1, 0.95),
            correcting=(BETA1, 0.95),
        ),
        mistake(
            "v with 0.999",
            "The beta of your v is 0.999, a common default: the contract has another.",
            betas=(BETA1, 0.999),
            correcting=(BETA1, 0.999),
        ),
        mistake("no epsilon", "Where a gradient is near 0, you divide by next to nothing: see epsilon.", eps=0.0),
        mistake("uphill", "The weights went along the gradient: it points uphill.", along=lambda rate: rate),
        mistake(
            "1 - beta to the power t",
            "The power took hold of the whole bracket, (1 - beta) to the t: only beta is raised, then taken from 1.",
            correction=lambda beta, t: (1 - beta) ** t,
        ),
        mistake(
            "multiplied by the correction",
            "The means were multiplied by 1 minus beta to the t, which makes the small ones smaller still.",
            correction=lambda beta, t: 1 / (1 - beta**t),
        ),
        mistake(
            "divided by beta to the t",
            "You divide by what is left of the beginning, beta to the t: what share of the mean is real gradient?",
            correction=lambda beta, t: beta**t,
        ),
        mistake(
            "t one too low",
            "The correction is that of the step before: at t = 1 it divides by 1 - beta to the 0, which is 0.",
            correction=lambda beta, t: 1 - beta ** (t - 1),
        ),
        mistake(
            "both corrected with 0.9", "v is corrected with the beta of m: each has its own.", correcting=(0.9, 0.9)
        ),
        mistake(
            "corrections swapped",
            "The two corrections changed places: m is divided by that of v, and v by that of m.",
            correcting=(BETA2, BETA1),
        ),
        mistake(
            "corrected before the gradient",
            "m and v were corrected before they took this gradient in, and the corrected ones went into the means.",
            corrected_first=True,
        ),
        mistake(
            "root before the correction",
            "The root of v was taken first, and the correction divided that: it belongs to v, below the root.",
            root_first=True,
        ),
        mistake(
            "v with the gradient's sign",
            "v took the gradient in as it is, and a mean below 0 has no root: it is the mean of the squares.",
            into_v=lambda g, m: g,
        ),
        mistake(
            "v of m", "v took in the square of m: it is the mean of the gradient's own.", into_v=lambda g, m: m * m
        ),
        mistake(
            "v around m",
            "v took in the square of what lies between gradient and m, a variance: Adam's v has no mean taken off.",
            into_v=lambda g, m: (g - m) ** 2,
        ),
        mistake(
            "one sum for all weights",
            "The squares of all gradients were added: each weight has a v of its own.",
            into_v=lambda g, m: (g * g).sum(),
        ),
        mistake(
            "one mean for all weights",
            "The mean ran over the weights: v is a mean over the steps, one for each weight.",
            into_v=lambda g, m: (g * g).mean(),
        ),
        mistake("sums, not means", "m and v take the gradient in whole: what is its share in a mean?", taken=(1, 1)),
        mistake("m a sum", "m takes the gradient in whole, as momentum does: here it is a mean.", taken=(1, 1 - BETA2)),
        mistake(
            "beta and 1 - beta exchanged in m",
            "Your m holds little of the past and much of this gradient: which of the two does its beta belong to?",
            betas=(1 - BETA1, BETA2),
        ),
        mistake(
            "beta and 1 - beta exchanged in v",
            "Your v holds little of the past and much of this gradient: which of the two does its beta belong to?",
            betas=(BETA1, 1 - BETA2),
        ),
        mistake("both 0.9", "v forgets as fast as m: its beta is the second.", betas=(0.9, 0.9), correcting=(0.9, 0.9)),
        mistake("both 0.99", "m forgets as slowly as v: see its beta.", betas=(0.99, 0.99), correcting=(0.99, 0.99)),
        mistake(
            "the gradient in place of m",
            "The step goes along this gradient alone: m was computed and not used.",
            direction=lambda m, old_m, g: g,
            corrected=(False, True),
        ),
        mistake(
            "decay in the numerator",
            "The decay was added to m and divided by the root of v with it: the W says that it is kept apart.",
            beside_m=True,
            shrink=lambda rate, decay: 0.0,
        ),
        mistake(
            "decayed twice",
            "The decay went into the gradient and shrank the weights as well: once is enough, and apart.",
            coupled=True,
        ),
        mistake("growing weights", "The decay made the weights larger: see its sign.", shrink=lambda r, d: -r * d),
        mistake(
            "the same taken from all",
            "Rate times decay was taken from each weight: it is a share of the weight, so small ones lose less.",
            subtracted=True,
        ),
        mistake(
            "times the decay",
            "The weights were multiplied by the decay: it says what they lose, times the rate, not what they keep.",
            shrink=lambda rate, decay: 1 - decay,
        ),
        mistake("no rate", "The step lacks the learning rate: the weights move by about 1.", along=lambda rate: -1),
        mistake(
            "the step returned",
            "The step itself was returned first: the contract asks for the weights after it.",
            returned=lambda step, m, v, **others: (-step, m, v),
        ),
        mistake(
            "the means returned as they came",
            "p is right, and m and v were returned as they came in: the next step needs the new ones.",
            returned=lambda p, old_m, old_v, **others: (p, old_m, old_v),
        ),
        mistake(
            "m and v exchanged",
            "m and v are right, and in each other's place: the contract asks for p, m and v.",
            returned=lambda p, m, v, **others: (p, v, m),
        ),
        mistake(
            "p last",
            "The three are right, and p comes last: the contract asks for p, m and v.",
            returned=lambda p, m, v, **others: (m, v, p),
        ),
    ),
)

EXERCISES = (ADAM,)
