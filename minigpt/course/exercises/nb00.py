"""Exercises of notebook 00: two small ones, to learn how exercises work."""

import numpy as np

from minigpt.course.exercise import Exercise, Misconception


def likeliest(probs, tokens):
    return tokens[max(range(len(probs)), key=lambda i: probs[i])]


def likeliest_inputs():
    yield [0.2, 0.7, 0.1], ["cat", " dog", "!"]
    yield [0.05, 0.1, 0.5, 0.05, 0.3], [" of", " zoo", " a", " the", " an"]


LIKELIEST = Exercise(
    id="00.likeliest",
    title="The likeliest next token",
    difficulty=1,
    minutes=3,
    contract="my_likeliest(probs, tokens) takes a list of probabilities and the list of their tokens, and returns "
    "the token with the largest probability.",
    returns="text",
    reference=likeliest,
    inputs=likeliest_inputs,
    misconceptions=(
        Misconception(
            "position instead of token",
            lambda probs, tokens: max(range(len(probs)), key=lambda i: probs[i]),
            "This is the position of the right token: what stands in `tokens` at that position?",
        ),
        Misconception(
            "probability instead of token",
            lambda probs, tokens: max(probs),
            "This is the largest probability itself: which token does it belong to?",
        ),
        Misconception(
            "the least likely",
            lambda probs, tokens: tokens[probs.index(min(probs))],
            "This is the token that the model expects least: look at which end of the order you take.",
        ),
        Misconception(
            "last in the alphabet",
            lambda probs, tokens: max(tokens),
            "The tokens were compared with one another, by the alphabet: their probabilities play no part yet.",
        ),
    ),
)


def looks_at(weights, tokens, t):
    return tokens[int(np.argmax(weights[t]))]


def looks_at_inputs():
    small = np.array([[1.0, 0.0, 0.0], [0.8, 0.2, 0.0], [0.3, 0.45, 0.25]])
    yield small, ["Once", " upon", " a"], 2
    yield small, ["Once", " upon", " a"], 1
    tokens = ["The", " cat", " sat", " down", "."]
    weights = np.array(
        [
            [1.0, 0.0, 0.0, 0.0, 0.0],
            [0.4, 0.6, 0.0, 0.0, 0.0],
            [0.2, 0.5, 0.3, 0.0, 0.0],
            [0.1, 0.1, 0.3, 0.5, 0.0],
            [0.1, 0.2, 0.35, 0.3, 0.05],
        ]
    )
    yield from ((weights, tokens, t) for t in (3, 4))


def not_itself(weights, tokens, t):
    return max((weights[t][s], token) for s, token in enumerate(tokens) if s != t)[1]


LOOKS_AT = Exercise(
    id="00.looks",
    title="Where does a token look?",
    difficulty=1,
    minutes=4,
    contract="my_looks_at(weights, tokens, t) takes one head's attention weights for T tokens, a NumPy array of T rows "
    "and T columns whose row t (from 0) holds how much position t looks at each position, and returns the token that "
    "position t looks at most.",
    returns="text",
    reference=looks_at,
    inputs=looks_at_inputs,
    misconceptions=(
        Misconception(
            "column instead of row",
            lambda weights, tokens, t: tokens[int(np.argmax(weights[:, t]))],
            "This token looks at position t most: who looks and who is looked at have changed places, so compare rows "
            "with columns.",
        ),
        Misconception(
            "position instead of token",
            lambda weights, tokens, t: int(np.argmax(weights[t])),
            "This is the position that is looked at: the contract asks for the token that stands there.",
        ),
        Misconception(
            "never itself",
            not_itself,
            "A token may look at itself too, and this leaves position t out: which positions are compared?",
        ),
        Misconception(
            "the token itself",
            lambda weights, tokens, t: tokens[t],
            "This is the token that looks: the weights in its row say where it looks.",
        ),
        Misconception(
            "weight instead of token",
            lambda weights, tokens, t: weights[t].max(),
            "This is the largest weight itself: at which token does it stand?",
        ),
        Misconception(
            "the least weight",
            lambda weights, tokens, t: tokens[int(np.argmin(weights[t]))],
            "This is the token that position t looks at least: look at which end of the order you take.",
        ),
        Misconception(
            "one place for all rows",
            lambda weights, tokens, t: tokens[int(np.argmax(weights)) % len(tokens)],
            "The same token comes for every t, as if one row were enough for all: which row belongs to position t?",
        ),
        Misconception(
            "the whole row",
            lambda weights, tokens, t: weights[t],
            "This is the whole row of position t: which of its numbers is the largest, and at which token?",
        ),
    ),
)

EXERCISES = (LIKELIEST, LOOKS_AT)
