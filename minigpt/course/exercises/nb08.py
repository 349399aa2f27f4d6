"""Exercise of notebook 08: the number of parameters; others are in nb08_logits.py, nb08_loss.py and nb08_mlp.py.

Shapes: T time, C channels (n_embd), V vocabulary.
"""

from minigpt.config import GPTConfig
from minigpt.course.exercise import Exercise, Misconception


def n_parameters(n_vocab, n_ctx, n_embd, n_layer):
    return GPTConfig(n_vocab=n_vocab, n_ctx=n_ctx, n_embd=n_embd, n_layer=n_layer, n_head=1).n_params()


def n_parameters_inputs():
    yield 5, 3, 2, 1
    yield 50257, 1024, 768, 12
    yield 4096, 256, 192, 6


COUNT = Exercise(
    id="08.count",
    title="Count every parameter",
    difficulty=2,
    minutes=12,
    contract="my_n_parameters(n_vocab, n_ctx, n_embd, n_layer) returns how many numbers a GPT-2 of this shape "
    "stores: two tables, in each block two LayerNorms, attention and an MLP of width 4C, all with biases, and a last "
    "LayerNorm.",
    returns="a whole number",
    reference=n_parameters,
    inputs=n_parameters_inputs,
    misconceptions=(
        Misconception(
            "the output matrix twice",
            lambda V, T, C, L: n_parameters(V, T, C, L) + V * C,
            "It is V·C too many: does the model store an output matrix of its own?",
        ),
        Misconception(
            "no biases in the linear layers",
            lambda V, T, C, L: n_parameters(V, T, C, L) - L * 9 * C,
            "9C are missing in each block: the four linear layers add something to their products.",
        ),
        Misconception(
            "no bias in c_attn",
            lambda V, T, C, L: n_parameters(V, T, C, L) - L * 3 * C,
            "3C are missing in each block: queries, keys and values have biases too.",
        ),
        Misconception(
            "gains without biases",
            lambda V, T, C, L: n_parameters(V, T, C, L) - L * 2 * C - C,
            "Each LayerNorm is C short: it scales every channel, and then?",
        ),
        Misconception(
            "no LayerNorms in the blocks",
            lambda V, T, C, L: n_parameters(V, T, C, L) - L * 4 * C,
            "4C are missing in each block: two parts of it scale and shift.",
        ),
        Misconception(
            "no biases and no LayerNorms",
            lambda V, T, C, L: (V + T) * C + L * 12 * C * C,
            "The large matrices are all there: what is missing are the biases and the LayerNorms.",
        ),
        Misconception(
            "no last LayerNorm",
            lambda V, T, C, L: n_parameters(V, T, C, L) - 2 * C,
            "2C are missing: what stands between the last block and the output?",
        ),
        Misconception(
            "no positions",
            lambda V, T, C, L: n_parameters(V, T, C, L) - T * C,
            "n_ctx·C are missing: how does the model know where a token stands?",
        ),
        Misconception(
            "one block",
            lambda V, T, C, L: n_parameters(V, T, C, 1),
            "One block was counted: there are n_layer of them, each with parameters of its own.",
        ),
        Misconception(
            "no output projection",
            lambda V, T, C, L: n_parameters(V, T, C, L) - L * (C * C + C),
            "C² + C are missing in each block: attention has a second linear layer.",
        ),
        Misconception(
            "half an MLP",
            lambda V, T, C, L: n_parameters(V, T, C, L) - L * (4 * C * C + C),
            "4C² + C are missing in each block: the MLP goes up to 4C, and then?",
        ),
    ),
)


EXERCISES = (COUNT,)
