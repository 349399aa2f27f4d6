"""Exercise of notebook 10: the length penalty."""

import math

from minigpt.course.exercise import Exercise, Misconception


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
    inputs=lambda: [([-1.0], [3], 0.6), ([-5.0, -4.0], [6, 10], 0.6), ([-2.0, -2.5, -9.0], [2, 7, 25], 1.5)],
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
        Misconception(
            "6 below the length alone",
            divided_by(lambda n, alpha: (5 + n / 6) ** alpha),
            "Only the length was divided by 6: 5 + length stands in a bracket of its own.",
        ),
        Misconception(
            "alpha over the denominator alone",
            divided_by(lambda n, alpha: (5 + n) / 6**alpha),
            "Only the 6 was raised to alpha: the 5 + length stands inside the brackets too.",
        ),
        Misconception(
            "6 left out",
            divided_by(lambda n, alpha: (5 + n) ** alpha),
            "The 6 is missing: a translation of one token should keep its log-probability.",
        ),
        Misconception(
            "5 left out",
            divided_by(lambda n, alpha: (n / 6) ** alpha),
            "The 5 is missing: a translation of one token should keep its log-probability.",
        ),
        Misconception(
            "1 / alpha",
            divided_by(lambda n, alpha: ((5 + n) / 6) ** (1 / alpha)),
            "The alpha-th root was taken: the bracket is raised to alpha, and an alpha of 0 means no penalty.",
        ),
        Misconception(
            "alpha taken to be 0.6",
            divided_by(lambda n, alpha: ((5 + n) / 6) ** 0.6),
            "This is right for an alpha of 0.6 alone: alpha is an argument.",
        ),
        Misconception(
            "rounded down",
            divided_by(lambda n, alpha: ((5 + n) // 6) ** alpha),
            "The bracket was rounded down to a whole number: // does that, / does not.",
        ),
        Misconception(
            "one token more",
            divided_by(lambda n, alpha: ((6 + n) / 6) ** alpha),
            "Each translation counts as one token longer than it is: its length is given.",
        ),
        Misconception(
            "the length of the list",
            lambda log_probs, lengths, alpha: scores(log_probs, [len(lengths)] * len(lengths), alpha),
            "The number of translations was taken for their length: each has its own in lengths.",
        ),
        Misconception(
            "the first length for all",
            lambda log_probs, lengths, alpha: scores(log_probs, lengths[:1] * len(lengths), alpha),
            "The first length was taken for all translations: go through both lists together.",
        ),
        Misconception(
            "the penalty alone",
            lambda log_probs, lengths, alpha: [((5 + n) / 6) ** alpha for n in lengths],
            "These are the penalties: each log-probability is to be divided by its own.",
        ),
        Misconception(
            "probabilities",
            lambda log_probs, lengths, alpha: scores([math.exp(total) for total in log_probs], lengths, alpha),
            "Probabilities were divided: the contract divides their logs.",
        ),
        Misconception(
            "sorted",
            lambda log_probs, lengths, alpha: sorted(scores(log_probs, lengths, alpha), reverse=True),
            "The scores were sorted, so nobody knows whose they are: keep the order of the translations.",
        ),
        Misconception(
            "the sign lost",
            lambda log_probs, lengths, alpha: [-score for score in scores(log_probs, lengths, alpha)],
            "The scores are positive: a log-probability is negative, and so is what comes of it.",
        ),
    ),
)

EXERCISES = (SCORES,)
