"""Exercise of notebook 10: a beam.

Shapes: V vocabulary.
"""

import math

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers

END = 0


def places_left(beam, finished):
    return beam - len(finished)


def all_of(finished, alive):
    return finished + alive


def beam_search(table, beam, n, *, places=places_left, choose=all_of):
    """The ids that the beam finds; each keyword away from its default is a mistake."""
    finished, alive = [], [([END], 0.0)]
    for _ in range(n):
        best = likeliest(continued(alive, table), places(beam, finished))
        finished += [one for one in best if one[0][-1] == END]
        alive = [one for one in best if one[0][-1] != END]
    return written(choose(finished, alive))


def continued(alive, table):
    """Every beginning with every token after it, and the log-probability of both."""
    return [([*ids, i], total + p) for ids, total in alive for i, p in enumerate(table[ids[-1]])]


def likeliest(options, n):
    return sorted(options, key=lambda one: one[1], reverse=True)[: max(n, 0)]


def written(hypotheses):
    """The likeliest, without the token that it began with."""
    return likeliest(hypotheses, 1)[0][0][1:]


def finished_forgotten(table, beam, n):
    alive = [([END], 0.0)]
    for _ in range(n):
        best = likeliest(continued(alive, table), beam)
        alive = [one for one in best if one[0][-1] != END] or best
        if alive is best:
            break
    return written(alive)


def first_finished(table, beam, n):
    alive = [([END], 0.0)]
    for _ in range(n):
        alive = likeliest(continued(alive, table), beam)
        if ended := [one for one in alive if one[0][-1] == END]:
            return written(ended)
    return written(alive)


def one_each(table, beam, n):
    finished, alive = [], likeliest(continued([([END], 0.0)], table), beam)
    for _ in range(n):
        finished += [one for one in alive if one[0][-1] == END]
        alive = [likeliest(continued([one], table), 1)[0] for one in alive if one[0][-1] != END and len(one[0]) <= n]
    return written(finished + [one for one in alive if len(one[0]) > n])


def last_token_only(table, beam, n):
    finished, alive = [], [([END], 0.0)]
    for _ in range(n):
        options = [([*ids, i], p) for ids, _ in alive for i, p in enumerate(table[ids[-1]])]
        best = likeliest(options, beam - len(finished))
        finished += [one for one in best if one[0][-1] == END]
        alive = [one for one in best if one[0][-1] != END]
    return written(finished + alive)


def beam_mistake(name, message, **changes):
    return Misconception(name, lambda *given: beam_search(*given, **changes), message)


def per_token(finished, alive):
    """Each with its mean log-probability."""
    return [(ids, total / (len(ids) - 1)) for ids, total in finished + alive]


def cut_after_parting(table, beam, n):
    finished, alive = [], [([END], 0.0)]
    for _ in range(n):
        options = continued(alive, table)
        finished += [one for one in options if one[0][-1] == END]
        alive = likeliest([one for one in options if one[0][-1] != END], beam)
    return written(finished + alive)


def each_its_own(table, beam, n):
    finished, alive = [], [([END], 0.0)]
    for _ in range(n):
        best = [option for one in alive for option in likeliest(continued([one], table), beam)]
        finished += [one for one in best if one[0][-1] == END]
        alive = [one for one in best if one[0][-1] != END]
    return written(finished + alive)


def until_the_beam_is_full(table, beam, n):
    finished, alive = [], [([END], 0.0)]
    for _ in range(n):
        best = likeliest(continued(alive, table), beam)
        finished += [one for one in best if one[0][-1] == END]
        alive = [one for one in best if one[0][-1] != END]
        if len(finished) >= beam:
            break
    return written(finished + alive)


def competing(table, beam, n):
    alive = [([END], 0.0)]
    for step in range(n):
        ended = [one for one in alive if step and one[0][-1] == END]
        alive = likeliest(ended + continued([one for one in alive if one not in ended], table), beam)
    return written(alive)


def goes_on_after_the_end(table, beam, n):
    alive = [([END], 0.0)]
    for _ in range(n):
        alive = likeliest(continued(alive, table), beam)
    return written(alive)


def least_likely(table, beam, n):
    finished, alive = [], [([END], 0.0)]
    for _ in range(n):
        best = sorted(continued(alive, table), key=lambda one: one[1])[: max(beam - len(finished), 0)]
        finished += [one for one in best if one[0][-1] == END]
        alive = [one for one in best if one[0][-1] != END]
    return min(finished + alive, key=lambda one: one[1])[0][1:]


def beam_inputs():
    """Tables of log-probabilities of the next token after each; in the first, greedy is wrong."""
    first = [[0.01, 0.55, 0.44], [0.3, 0.35, 0.35], [0.9, 0.05, 0.05]]
    yield [[math.log(p) for p in row] for row in first], 2, 3
    for seed, width, n in TABLES:
        yield [[round(p, 2) for p in row] for row in numbers(4, 4, seed=seed).log_softmax(-1).tolist()], width, n


# found by a search: they tell all mistakes below from each other, and are far from ties
TABLES = ((16, 2, 3), (403, 3, 3), (222, 2, 4), (68, 3, 4), (69, 3, 4), (98, 3, 4))

BEAM = Exercise(
    id="10.beam",
    title="A beam that remembers",
    difficulty=3,
    minutes=20,
    contract="my_beam(table, beam, n) takes a table of V lists, table[a][b] the log-probability that token b follows "
    "token a, and writes at most n tokens after token 0, which stands for beginning and end: it returns the ids, up to "
    "the 0 if it came, of the likeliest hypothesis that a beam finds; finished ones keep their place in it.",
    returns="a list of ids",
    reference=beam_search,
    inputs=beam_inputs,
    misconceptions=(
        Misconception(
            "greedy",
            lambda table, beam, n: beam_search(table, 1, n),
            "This is what greedy finds, a beam of 1: how many beginnings go on from one step to the next?",
        ),
        Misconception(
            "finished hypotheses forgotten",
            finished_forgotten,
            "What had ended was thrown away, and something longer and less likely won: keep it until the choice.",
        ),
        Misconception(
            "the first that ends wins",
            first_finished,
            "The search stopped when the first one ended: others in the beam could still have been likelier.",
        ),
        Misconception(
            "each beginning keeps one",
            one_each,
            "Each beginning kept its own best continuation: all continuations of all of them compete for the places.",
        ),
        Misconception(
            "the last token decides",
            last_token_only,
            "Hypotheses were compared by their last token alone: each carries the sum of all its log-probabilities.",
        ),
        Misconception(
            "goes on after the end",
            goes_on_after_the_end,
            "Hypotheses were continued after their end: who has written 0 is finished.",
        ),
        Misconception(
            "the least likely",
            least_likely,
            "The least likely were kept: a log-probability nearer to 0 is a larger probability.",
        ),
        Misconception(
            "the beginning is returned too",
            lambda *given: [END, *beam_search(*given)],
            "The 0 that everything begins with was given, not written: leave it out.",
        ),
        Misconception(
            "the end left out",
            lambda *given: [i for i in beam_search(*given) if i != END],
            "The 0 at the end is missing: it was written like the others.",
        ),
        beam_mistake(
            "finished ones take no place",
            "Finished ones left the beam, and as many as before went on: by this contract they keep their place in it.",
            places=lambda beam, finished: beam,
        ),
        Misconception(
            "until the beam is full",
            until_the_beam_is_full,
            "All places went to those that go on until as many had ended: finished ones keep their place from then on.",
        ),
        Misconception(
            "finished ones compete",
            competing,
            "A finished one was put out of the beam by others that go on: by this contract it keeps its place.",
        ),
        Misconception(
            "cut after the parting",
            cut_after_parting,
            "All that ended was kept, and the beam was filled with others: those that end compete for a place as well.",
        ),
        Misconception(
            "each beginning its own beam",
            each_its_own,
            "Each beginning kept as many as the beam is wide, so it grows at every step: all compete for its places.",
        ),
        beam_mistake(
            "everything tried",
            "Nothing was cut off: this is the likeliest of all, a beam keeps a few at each step and may miss it.",
            places=lambda beam, finished: 10**9,
        ),
        beam_mistake(
            "one place too many",
            "The beam is one wider than was asked for.",
            places=lambda beam, finished: beam + 1 - len(finished),
        ),
        Misconception(
            "a beam of 2",
            lambda table, beam, n: beam_search(table, 2, n),
            "This is right for a beam of 2 alone: beam is an argument.",
        ),
        Misconception(
            "one step too few",
            lambda table, beam, n: beam_search(table, beam, n - 1),
            "A step is missing: n tokens may be written after the first 0.",
        ),
        Misconception(
            "one step too many",
            lambda table, beam, n: beam_search(table, beam, n + 1),
            "One token more than n was allowed: the 0 that everything begins with does not count.",
        ),
        beam_mistake(
            "only finished ones chosen",
            "Only those that had ended were compared: one that has not ended after n tokens may be likelier.",
            choose=lambda finished, alive: finished or alive,
        ),
        beam_mistake(
            "only those alive chosen",
            "Only those that had not ended were compared: what is finished is likelier at times.",
            choose=lambda finished, alive: alive or finished,
        ),
        beam_mistake(
            "the mean per token decides",
            "The mean per token decided: the likeliest is the one with the largest sum.",
            choose=per_token,
        ),
        Misconception(
            "probabilities added",
            lambda table, beam, n: beam_search([[math.exp(p) for p in row] for row in table], beam, n),
            "Probabilities were added: they are multiplied, or their logs are added.",
        ),
        Misconception(
            "row and column swapped",
            lambda table, beam, n: beam_search(list(zip(*table, strict=True)), beam, n),
            "Row and column changed places: table[a] holds what may follow a.",
        ),
        Misconception(
            "always the first row",
            lambda table, beam, n: beam_search([table[END]] * len(table), beam, n),
            "Every token was taken to follow token 0: which row belongs to the last token so far?",
        ),
    ),
)

EXERCISES = (BEAM,)
