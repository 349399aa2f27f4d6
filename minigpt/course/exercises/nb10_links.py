"""Exercise of notebook 10: links between words, from the weights of cross-attention.

Shapes: T time (target), S source time, H heads.
"""

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def links(weights, n_words):
    return weights.mean(0)[:, :n_words].argmax(-1)


def links_inputs():
    def rows(H, T, S, seed):
        return (2 * numbers(H, T, S, seed=seed)).softmax(-1)

    yield rows(2, 2, 3, 0), 2
    yield rows(3, 6, 7, 1), 4
    yield rows(4, 6, 9, 2), 6
    yield rows(4, 7, 9, 3), 7


LINKS = Exercise(
    id="10.links",
    title="Links from weights",
    difficulty=2,
    minutes=8,
    contract="my_links(weights, n_words) takes the weights (H, T, S) of one layer of cross-attention, of whose S "
    "columns the first n_words are words and the others end and padding, and returns for each of the T rows the word "
    "with the largest weight, the mean over the heads: (T,), whole numbers.",
    returns="(T,)",
    reference=links,
    inputs=links_inputs,
    misconceptions=(
        Misconception(
            "argmax over the wrong axis",
            lambda weights, n_words: weights.mean(0)[:, :n_words].argmax(0),
            "You chose a row for each column: the contract asks for a source word for each of the T.",
        ),
        Misconception(
            "padding attended to",
            lambda weights, n_words: weights.mean(0).argmax(-1),
            "Some rows are linked to the end or to padding: which columns are words?",
        ),
        Misconception(
            "the first head alone",
            lambda weights, n_words: weights[0, :, :n_words].argmax(-1),
            "These are the links of head 0: the contract asks for the mean over all heads.",
        ),
        Misconception(
            "the last head alone",
            lambda weights, n_words: weights[-1, :, :n_words].argmax(-1),
            "These are the links of the last head: the contract asks for the mean over all heads.",
        ),
        Misconception(
            "the largest of all heads",
            lambda weights, n_words: weights.amax(0)[:, :n_words].argmax(-1),
            "One head that is sure of itself decides here: take the mean over the heads before you compare.",
        ),
        Misconception(
            "the smallest weight",
            lambda weights, n_words: weights.mean(0)[:, :n_words].argmin(-1),
            "Each row is linked to the word that it looks at least.",
        ),
        Misconception(
            "rows left out instead of columns",
            lambda weights, n_words: weights.mean(0)[:n_words].argmax(-1),
            "n_words cut off rows, which are the translation's: source words are columns.",
        ),
        Misconception(
            "the last word left out",
            lambda weights, n_words: weights.mean(0)[:, : n_words - 1].argmax(-1),
            "The last word is linked to nobody: a slice already stops before its end.",
        ),
        Misconception(
            "one column too many",
            lambda weights, n_words: weights.mean(0)[:, : n_words + 1].argmax(-1),
            "One column after the words was kept: columns are counted from 0.",
        ),
        Misconception(
            "the first word left out",
            lambda weights, n_words: weights.mean(0)[:, 1:n_words].argmax(-1) + 1,
            "The first word is linked to nobody: column 0 is a word.",
        ),
        Misconception(
            "counted from the second word",
            lambda weights, n_words: weights.mean(0)[:, 1:n_words].argmax(-1),
            "Column 0 was cut off, so the first word is missing, and the numbers count from the second.",
        ),
        Misconception(
            "counted from 1",
            lambda weights, n_words: links(weights, n_words) + 1,
            "Each number is one too large: words are counted from 0.",
        ),
        Misconception(
            "cut after the choice",
            lambda weights, n_words: weights.mean(0).argmax(-1).clamp(max=n_words - 1),
            "Rows that look most at the end or at padding got the last word: cut the columns first, and then choose.",
        ),
        Misconception(
            "what is no word",
            lambda weights, n_words: weights.mean(0)[:, n_words:].argmax(-1),
            "The words were cut off, and the end and the padding were kept: on which side of n_words are the words?",
        ),
        Misconception(
            "the heads vote",
            lambda weights, n_words: weights[:, :, :n_words].argmax(-1).mode(0).values,
            "Each head chose, and then they voted: the contract takes the mean of their weights, and then chooses.",
        ),
        Misconception(
            "the mean of the heads' links",
            lambda weights, n_words: weights[:, :, :n_words].argmax(-1).double().mean(0).round().long(),
            "Numbers of words were averaged: between word 1 and word 5 does not lie word 3, average the weights.",
        ),
        Misconception(
            "each head scaled first",
            lambda weights, n_words: links(weights / weights[:, :, :n_words].sum(-1, keepdim=True), n_words),
            "Each head's words were scaled to a sum of 1 before the mean: a head that looks at the end then says more.",
        ),
        Misconception(
            "weights multiplied",
            lambda weights, n_words: weights.log().mean(0)[:, :n_words].argmax(-1),
            "The heads' weights were multiplied, or their logs averaged: the contract has the mean of the weights.",
        ),
        Misconception(
            "the weights themselves",
            lambda weights, n_words: weights.mean(0)[:, :n_words].amax(-1),
            "These are the largest weights: the contract asks which words have them.",
        ),
    ),
)

EXERCISES = (LINKS,)
