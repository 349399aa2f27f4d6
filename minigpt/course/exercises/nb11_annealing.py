"""Exercise of notebook 11: the learning rate of a step, a warm-up and half a cosine."""

import math

from minigpt.course.exercise import Exercise, Misconception
from minigpt.training.optimizers import learning_rate


def rate_inputs():
    for step in (0, 1, 3, 4, 5, 7, 12, 19, 20, 26):
        yield step, 20, 0.8, 4, 0.3
    for step in (1, 2, 6, 11, 12):
        yield step, 11, 0.5, 2, 0.1


def share_of(step, n_steps, n_warmup):
    """How much of the way down is done, 0 to 1."""
    return min(1.0, (step - n_warmup) / (n_steps - n_warmup))


def half_cosine(progress):
    return (1 + math.cos(math.pi * progress)) / 2


def mixed(peak, floor, progress):
    return floor + (peak - floor) * half_cosine(progress)


def climbing(name, warm, message):
    """The reference with another warm-up: warm(step, n_steps, peak, n_warmup, floor)."""
    return Misconception(name, lambda *given: (warm if given[0] < given[3] else learning_rate)(*given), message)


def falling(name, curve, message):
    """The reference with another curve behind the warm-up: curve(share, peak, floor)."""

    def wrong(step, n_steps, peak, n_warmup, floor):
        if step < n_warmup:
            return learning_rate(step, n_steps, peak, n_warmup, floor)
        return curve(share_of(step, n_steps, n_warmup), peak, floor)

    return Misconception(name, wrong, message)


def with_progress(progress, hold):
    def rate(step, n_steps, peak, n_warmup, floor):
        if step < n_warmup:
            return learning_rate(step, n_steps, peak, n_warmup, floor)
        return mixed(peak, floor, hold(progress(step, n_steps, n_warmup)))

    return rate


def reaching(name, progress, message):
    """The reference with another progress(step, n_steps, n_warmup): held at its ends, and going on behind the last."""
    held = Misconception(name, with_progress(progress, lambda share: max(0.0, min(1.0, share))), message)
    on = f"{message} And after n_steps the rate should stay at the floor."
    return held, Misconception(f"{name}, going on behind the end", with_progress(progress, lambda share: share), on)


def one_step_too_long(step, n, peak, warm, floor):
    return peak * (step + 1) / warm if step <= warm else learning_rate(step, n, peak, warm, floor)


def one_step_too_short(step, n, peak, warm, floor):
    """The last step of the warm-up, at the peak too, is the first of the cosine."""
    return peak * (step + 1) / warm if step < warm else mixed(peak, floor, share_of(step, n, warm - 1))


def both_at_once(step, n, peak, warm, floor):
    return min(1.0, (step + 1) / warm) * mixed(peak, floor, share_of(step, n, 0))


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
        climbing(
            "warm-up begins at 0",
            lambda step, n, peak, warm, floor: peak * step / warm,
            "The first step has rate 0 and is wasted: the peak belongs to step n_warmup - 1, not to the one after.",
        ),
        climbing(
            "warm-up from the floor",
            lambda step, n, peak, warm, floor: floor + (peak - floor) * (step + 1) / warm,
            "The climb begins at the floor: in this contract it begins at 0, the floor is where the run ends.",
        ),
        climbing(
            "warm-up with the floor first",
            lambda step, n, peak, warm, floor: floor + (peak - floor) * step / warm,
            "The first step has the floor: the climb has its equal parts from 0, and step 0 has the first of them.",
        ),
        climbing(
            "no warm-up",
            lambda step, n, peak, warm, floor: peak,
            "The first steps have the whole peak: what about the climb?",
        ),
        climbing(
            "warm-up at the floor",
            lambda step, n, peak, warm, floor: floor,
            "The first steps all have the floor: they should climb.",
        ),
        climbing(
            "warm-up at 0",
            lambda step, n, peak, warm, floor: 0.0,
            "The first steps all have 0 and change nothing: they should climb.",
        ),
        climbing(
            "warm-up held above the floor",
            lambda step, n, peak, warm, floor: max(floor, peak * (step + 1) / warm),
            "The floor lifts the first steps, too: it is where the run ends, and the climb begins below it.",
        ),
        climbing(
            "warm-up without the peak",
            lambda step, n, peak, warm, floor: (step + 1) / warm,
            "The climb ends at 1, whatever the peak: a share of it is meant.",
        ),
        climbing(
            "warm-up as a share of all steps",
            lambda step, n, peak, warm, floor: peak * (step + 1) / n,
            "The climb is a share of all steps, and does not reach the peak: how many steps does it have?",
        ),
        climbing(
            "the peak one step late",
            lambda step, n, peak, warm, floor: peak * (step + 1) / (warm + 1),
            "The climb has one part too many: step n_warmup - 1 should have the whole peak.",
        ),
        climbing(
            "warm-up in whole numbers",
            lambda step, n, peak, warm, floor: peak * ((step + 1) // warm),
            "The first steps have 0, as // cuts a share below 1 to 0: which division keeps what is behind the point?",
        ),
        falling(
            "floor ignored",
            lambda share, peak, floor: peak * half_cosine(share),
            "The curve falls to 0: it ends at floor.",
        ),
        falling(
            "floor on top",
            lambda share, peak, floor: floor + peak * half_cosine(share),
            "The floor was added to the whole curve, which now begins above the peak: what is left between the two?",
        ),
        falling(
            "floor as a share",
            lambda share, peak, floor: peak * (floor + (1 - floor) * half_cosine(share)),
            "The curve ends at floor times peak: in this contract the floor is a rate, no share of the peak.",
        ),
        falling(
            "peak and floor added",
            lambda share, peak, floor: (peak + floor) * half_cosine(share),
            "The curve spans the sum of peak and floor: what lies between them, and where does it end?",
        ),
        falling(
            "cut off at the floor",
            lambda share, peak, floor: max(floor, peak * half_cosine(share)),
            "The curve runs to 0 and is cut off at the floor: half a cosine lies between peak and floor.",
        ),
        *reaching(
            "cosine begun at step 0",
            lambda step, n, warm: step / n,
            "Behind the warm-up the rate leaps down: the cosine begins at step n_warmup, so progress is 0 there.",
        ),
        *reaching(
            "divided by all steps",
            lambda step, n, warm: (step - warm) / n,
            "Your progress is a share of all steps, so it is not 1 at the last: how many are there behind the warm-up?",
        ),
        *reaching(
            "one step too few",
            lambda step, n, warm: (step - warm) / (n - 1 - warm),
            "The floor comes one step early: at which step is the progress 1?",
        ),
        *reaching(
            "one step too many",
            lambda step, n, warm: (step - warm) / (n + 1 - warm),
            "The floor comes one step late: how many steps lie between n_warmup and n_steps?",
        ),
        *reaching(
            "one step ahead",
            lambda step, n, warm: (step + 1 - warm) / (n - warm),
            "The whole curve comes one step early: at step n_warmup the progress is still 0.",
        ),
        Misconception(
            "what is left in place of what is done",
            with_progress(lambda step, n, warm: (n - step) / (n - warm), lambda share: min(1.0, share)),
            "Your progress is what is left of the steps, so the rate climbs: it is 0 at n_warmup and 1 at n_steps.",
        ),
        Misconception(
            "warm-up one step too long",
            one_step_too_long,
            "At step n_warmup yours still climbs, above the peak: the first step behind the warm-up is that one.",
        ),
        Misconception(
            "warm-up one step too short",
            one_step_too_short,
            "At step n_warmup yours has begun to fall: it is the second with the whole peak.",
        ),
        Misconception(
            "both at once",
            both_at_once,
            "The cosine runs during the warm-up, and the climb was multiplied by it: one comes behind the other.",
        ),
        Misconception(
            "0 behind the end",
            lambda *given: 0.0 if given[0] > given[1] else learning_rate(*given),
            "After n_steps the rate is 0: it should stay at the floor.",
        ),
        Misconception(
            "0 from the end on",
            lambda *given: 0.0 if given[0] >= given[1] else learning_rate(*given),
            "From n_steps on the rate is 0: it has the floor there, and stays.",
        ),
        falling(
            "half forgotten",
            lambda share, peak, floor: floor + (peak - floor) * 2 * half_cosine(share),
            "The curve begins above the peak: 1 + cos goes from 2 to 0.",
        ),
        falling(
            "only the cosine halved",
            lambda share, peak, floor: floor + (peak - floor) * (1 + math.cos(math.pi * share) / 2),
            "The half belongs to 1 + cos as a whole, and yours halves the cosine alone: see the brackets.",
        ),
        falling(
            "degrees",
            lambda share, peak, floor: mixed(peak, floor, share * 180 / math.pi),
            "The cosine got 180 for half a turn: it takes its angle in radians.",
        ),
        falling(
            "no pi",
            lambda share, peak, floor: mixed(peak, floor, share / math.pi),
            "The cosine got an angle of 1 at the end, and stays far above the floor: half a turn is pi.",
        ),
        falling(
            "a sine",
            lambda share, peak, floor: floor + (peak - floor) * (1 + math.sin(math.pi * share)) / 2,
            "This is a sine, which begins in the middle: a cosine begins at the top.",
        ),
        falling(
            "the cosine's sign",
            lambda share, peak, floor: mixed(peak, floor, 1 - share),
            "The rate leaps to the floor and climbs to the peak: which sign has the cosine, and which the gap?",
        ),
        falling(
            "not lifted",
            lambda share, peak, floor: floor + (peak - floor) * math.cos(math.pi * share),
            "The curve falls below the floor: a cosine goes from 1 to -1, and a share from 1 to 0.",
        ),
        falling(
            "halved, not lifted",
            lambda share, peak, floor: floor + (peak - floor) / 2 * math.cos(math.pi * share),
            "The curve swings about the floor: half a cosine from 1 to -1 needs a lift, and then the half.",
        ),
        falling(
            "a straight line",
            lambda share, peak, floor: peak + (floor - peak) * share,
            "The way down is a straight line: a cosine is flat at both ends.",
        ),
        falling("never falling", lambda share, peak, floor: peak, "Behind the warm-up the rate stays at the peak."),
        falling(
            "at the floor at once",
            lambda share, peak, floor: floor,
            "Behind the warm-up the rate is at the floor at once: half a cosine leads there.",
        ),
        falling(
            "progress in whole numbers",
            lambda share, peak, floor: mixed(peak, floor, int(share)),
            "The progress is 0 up to the last step, as // cuts it down: which division keeps what is behind the point?",
        ),
        falling(
            "a quarter of a cosine",
            lambda share, peak, floor: floor + (peak - floor) * math.cos(math.pi / 2 * share),
            "This is a quarter of the cosine, from 1 to 0: half of it goes from 1 to -1, and has to be lifted.",
        ),
        falling(
            "a whole cosine",
            lambda share, peak, floor: mixed(peak, floor, 2 * share),
            "The rate falls and rises again: half a cosine ends at pi.",
        ),
        Misconception(
            "a factor in place of a rate",
            lambda *given: learning_rate(*given) / given[2],
            "These are shares of the peak: the contract asks for the rate itself.",
        ),
        Misconception(
            "rising again after the end",
            with_progress(lambda step, n, warm: (step - warm) / (n - warm), lambda share: share),
            "After n_steps the rate rises again: it should stay at the floor.",
        ),
    ),
)

EXERCISES = (COSINE,)
