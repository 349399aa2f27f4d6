"""An exercise of notebook 04: how many steps lie between a word and the prediction, in four kinds of models."""

import math

from minigpt.course.exercise import Exercise, Misconception


def path(kind, distance, window):
    if kind in ("mlp", "cnn") and distance >= window:
        return math.inf
    steps = {"mlp": min(distance, 1), "cnn": distance.bit_count(), "rnn": distance, "gpt": min(distance, 1)}
    return float(steps[kind])


def path_inputs():
    for window, distances in ((8, (0, 1, 3, 4, 6, 7, 8, 13, 100)), (16, (7, 8, 15, 16, 100))):
        for kind in ("mlp", "cnn", "rnn", "gpt"):
            for distance in distances:
                yield kind, distance, window


def other_path(**others):
    """The path with other formulas for some kinds: each takes distance and window."""
    return lambda kind, distance, window: (
        float(others[kind](distance, window)) if kind in others else path(kind, distance, window)
    )


def halving(distance, window):
    return math.inf if distance >= window else (distance.bit_length() if distance else 0)


PATH = Exercise(
    id="04.path",
    title="How long is the way?",
    difficulty=2,
    minutes=12,
    contract="my_path(kind, distance, window) takes the kind, 'mlp', 'cnn', 'rnn' or 'gpt', how many words back a word "
    "lies (0 is the last one), and how many words the MLP and the CNN see, the last one included; it returns the "
    "fewest steps from one position to another that bring the word to the prediction, math.inf where no way leads. "
    "The CNN has dilations 1, 2, 4, …, each once; a layer steps back by its dilation or not at all.",
    returns="a number",
    reference=path,
    inputs=path_inputs,
    misconceptions=(
        Misconception(
            "one step too many in the window",
            lambda kind, distance, window: path(kind, distance, window + 1),
            "A window of 8 holds the last word and 7 before it: what about a distance of 8?",
        ),
        Misconception(
            "windows without an end",
            lambda kind, distance, window: path(kind, distance, math.inf),
            "Words outside the window got a way, too: nothing that the model computes depends on them.",
        ),
        Misconception(
            "the CNN goes word by word",
            other_path(cnn=lambda distance, window: math.inf if distance >= window else distance),
            "The CNN is counted as if all its steps had length 1: it has longer ones, too.",
        ),
        Misconception(
            "all layers of the CNN counted",
            other_path(cnn=halving),
            "The CNN is counted with every layer up to the largest that it needs: a layer may also stay where it is.",
        ),
        Misconception(
            "the CNN in one step",
            other_path(cnn=lambda distance, window: math.inf if distance >= window else min(distance, 1)),
            "The CNN gets everywhere in one step here: a layer steps back by its own dilation only.",
        ),
        Misconception(
            "attention goes word by word",
            other_path(gpt=lambda distance, window: distance),
            "A GPT is counted like an RNN: how many positions does a query pass on its way to a key?",
        ),
        Misconception(
            "the last word is a step away",
            lambda kind, distance, window: path(kind, max(distance, 1), window),
            "The last word stands where the prediction is made: from there to there it takes no step.",
        ),
        Misconception(
            "an RNN with a window",
            other_path(rnn=lambda distance, window: math.inf if distance >= window else distance),
            "The RNN got a window: its memory has none, however faint a word has become in it.",
        ),
        Misconception(
            "an RNN in one step",
            other_path(rnn=lambda distance, window: min(distance, 1)),
            "The RNN gets everywhere in one step here: its memory passes through every word between.",
        ),
        Misconception(
            "the last word is a step away from itself for the MLP and the GPT",
            other_path(mlp=lambda distance, window: math.inf if distance >= window else 1, gpt=lambda *_: 1),
            "For the MLP and the GPT the last word is a step away here: it is where the prediction is made, 0 steps.",
        ),
        Misconception(
            "a GPT with a window",
            other_path(gpt=lambda distance, window: math.inf if distance >= window else min(distance, 1)),
            "The GPT got the window of the MLP and the CNN: its attention reaches every word before.",
        ),
        Misconception(
            "the MLP goes word by word",
            other_path(mlp=lambda distance, window: math.inf if distance >= window else distance),
            "The MLP is counted like an RNN: it has all words of its window before it at once.",
        ),
        Misconception(
            "the number of layers",
            other_path(cnn=lambda distance, window: math.inf if distance >= window else window.bit_length() - 1),
            "The CNN takes all its layers here, however near the word: a layer may also stay where it is.",
        ),
        Misconception(
            "an RNN with a step too many",
            other_path(rnn=lambda distance, window: distance + 1),
            "The RNN takes a step too many: the last word, at distance 0, is in the memory already.",
        ),
        Misconception(
            "no steps where there is no way",
            lambda kind, distance, window: (
                0.0 if path(kind, distance, window) == math.inf else path(kind, distance, window)
            ),
            "Where no way leads there are 0 steps here, as if the word were the last one: no way is `math.inf`.",
        ),
    ),
)

EXERCISES = (PATH,)
