"""Exercises of notebook 10: the length penalty, and a beam.

Shapes: V vocabulary.
"""

import math

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def scores(log_probs, lengths, alpha):
    return [total / ((5 + n) / 6) ** alpha for total, n in zip(log_probs, lengths, strict=True)]


def divided_by(penalty):
    """Scores with another penalty than Wu's, a function of length and alpha."""

    def wrong(log_probs, lengths, alpha):
        return [total / penalty(n, alpha) for total, n in zip(log_probs, lengths, strict=True)]

    return wrong


SCORES = Exercise(
    id="10.penalty",
    title="The length penalty",
    difficulty=1,
    minutes=6,
    contract="my_scores(log_probs, lengths, alpha) takes the log-probabilities of translations and their lengths in "
    "tokens, two lists, and returns the list of their scores: each log-probability divided by "
    "((5 + length) / 6)^alpha.",
    returns="a list of numbers",
    reference=scores,
    inputs=lambda: [([-1.0], [3], 0.6), ([-4.0, -5.0], [6, 10], 0.6), ([-2.0, -2.5, -9.0], [2, 7, 25], 1.5)],
    misconceptions=(
        Misconception(
            "the wrong way round",
            divided_by(lambda n, alpha: ((5 + n) / 6) ** -alpha),
            "Log-probabilities are negative, and yours grow more negative with the length: long ones pay twice.",
        ),
        Misconception(
            "no penalty",
            divided_by(lambda n, alpha: 1.0),
            "These are the log-probabilities as they came: short translations win, as each token costs.",
        ),
        Misconception(
            "divided by the length",
            divided_by(lambda n, alpha: n),
            "This is the mean per token, which favours long ones more than the contract does.",
        ),
        Misconception(
            "length to the alpha",
            divided_by(lambda n, alpha: n**alpha),
            "The length alone was raised to alpha: what else stands inside the brackets?",
        ),
        Misconception(
            "times alpha",
            divided_by(lambda n, alpha: (5 + n) / 6 * alpha),
            "The penalty was multiplied by alpha: it is raised to it.",
        ),
        Misconception(
            "alpha over the numerator alone",
            divided_by(lambda n, alpha: (5 + n) ** alpha / 6),
            "Only the 5 + length was raised to alpha: the 6 stands inside the brackets.",
        ),
        Misconception(
            "alpha left out",
            divided_by(lambda n, alpha: (5 + n) / 6),
            "The penalty takes no notice of alpha.",
        ),
        Misconception(
            "penalty subtracted",
            lambda log_probs, lengths, alpha: [
                total - ((5 + n) / 6) ** alpha for total, n in zip(log_probs, lengths, strict=True)
            ],
            "The penalty was subtracted: the log-probability is divided by it.",
        ),
    ),
)

END = 0


def beam_search(table, beam, n):
    finished, alive = [], [([END], 0.0)]
    for _ in range(n):
        best = likeliest(continued(alive, table), beam - len(finished))
        finished += [one for one in best if one[0][-1] == END]
        alive = [one for one in best if one[0][-1] != END]
    return written(finished + alive)


def continued(alive, table):
    """Every beginning with every token after it, and the log-probability of both."""
    return [([*ids, i], total + p) for ids, total in alive for i, p in enumerate(table[ids[-1]])]


def likeliest(options, n):
    return sorted(options, key=lambda one: one[1], reverse=True)[: max(n, 0)]


def written(hypotheses):
    """The likeliest, without the token that it began with."""
    return likeliest(hypotheses, 1)[0][0][1:]


def greedy(table, beam, n):
    return beam_search(table, 1, n)


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


def with_the_beginning(table, beam, n):
    return [END, *beam_search(table, beam, n)]


def beam_inputs():
    """Tables of log-probabilities of the next token after each; in the first, greedy is wrong."""
    first = [[0.01, 0.55, 0.44], [0.3, 0.35, 0.35], [0.9, 0.05, 0.05]]
    yield [[math.log(p) for p in row] for row in first], 2, 3
    for seed in SEEDS:
        yield (2 * numbers(5, 5, seed=seed)).log_softmax(-1).double().tolist(), 3, 5


SEEDS = (1, 2, 3, 4, 5, 6)

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
            greedy,
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
            with_the_beginning,
            "The 0 that everything begins with was given, not written: leave it out.",
        ),
    ),
)

EXERCISES = (SCORES, BEAM)
