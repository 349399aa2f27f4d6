"""Exercises of notebook 12: intensity, the operations of a token, utilisation, and the gradients of many processes.

Shapes: P processes, D numbers of a gradient.
"""

from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.exercises.inputs import numbers


def intensity(m, k, n, bytes_each, *, operations=lambda m, k, n: 2 * m * k * n, moved=None):
    """Operations per byte of a product; each keyword away from its default is a mistake."""
    n_numbers = m * k + k * n + m * n if moved is None else moved(m, k, n)
    return operations(m, k, n) / (bytes_each * n_numbers)


def intensity_mistake(name, message, **changes):
    return Misconception(name, lambda *given: intensity(*given, **changes), message)


INTENSITY = Exercise(
    id="12.intensity",
    title="Operations per byte",
    difficulty=1,
    minutes=8,
    contract="my_intensity(m, k, n, bytes_each) returns the operations per byte of a product of matrices (m, k) and "
    "(k, n), whose numbers take bytes_each bytes: additions count as multiplications do, k of each for a number of the "
    "result, and each of the three matrices moves once.",
    returns="a number",
    reference=intensity,
    inputs=lambda: ((1, 3, 5, 4), (2, 7, 4, 2), (512, 768, 3072, 4), (64, 100, 30, 1)),
    misconceptions=(
        intensity_mistake(
            "additions forgotten",
            "Half of the operations are there: each product of two numbers is also added to a sum.",
            operations=lambda m, k, n: m * k * n,
        ),
        intensity_mistake(
            "one addition fewer",
            "One addition of each number of the result is missing: by this contract there are k, the first one to 0.",
            operations=lambda m, k, n: m * n * (2 * k - 1),
        ),
        intensity_mistake(
            "result not written",
            "The two matrices that go in were counted, the one that comes out was not.",
            moved=lambda m, k, n: m * k + k * n,
        ),
        intensity_mistake(
            "only the second matrix",
            "Only the numbers of the second matrix were counted: two more matrices move.",
            moved=lambda m, k, n: k * n,
        ),
        intensity_mistake(
            "only the first matrix",
            "Only the numbers of the first matrix were counted: two more matrices move.",
            moved=lambda m, k, n: m * k,
        ),
        intensity_mistake(
            "fetched for every product",
            "Each number was fetched again for every product that it is in: it moves once.",
            moved=lambda m, k, n: 2 * m * k * n + m * n,
        ),
        Misconception(
            "numbers for bytes",
            lambda m, k, n, bytes_each: intensity(m, k, n, 1),
            "These are operations for each number: a number takes bytes_each bytes.",
        ),
        Misconception(
            "bytes per operation",
            lambda *given: 1 / intensity(*given),
            "This is upside down: bytes for each operation.",
        ),
        Misconception(
            "operations alone",
            lambda m, k, n, bytes_each: float(2 * m * k * n),
            "These are all operations: how many are there for each byte?",
        ),
    ),
)


def flops(n_layer, n_embd, n_vocab, n_ctx, *, each=2, passes=(3, 3), table=1, attention=4, texts=1):
    """Operations of training for one token; each keyword away from its default is a mistake."""
    matrices = 12 * n_layer * n_embd**2 + table * n_vocab * n_embd
    looks = n_layer * n_ctx * n_embd
    return texts * (passes[0] * each * matrices + passes[1] * each / 2 * attention * looks)


def flops_mistake(name, message, **changes):
    return Misconception(name, lambda *given: flops(*given, **changes), message)


FLOPS = Exercise(
    id="12.flops",
    title="The operations of a token",
    difficulty=2,
    minutes=12,
    contract="my_flops(n_layer, n_embd, n_vocab, n_ctx) returns the operations of training a GPT-2 for one token of a "
    "text of n_ctx tokens: two for each number of the 12·n_embd² of a block and of the output matrix, and in each "
    "block two for each of the n_embd numbers of each of the n_ctx keys, and of the values, masked or not; the "
    "backward pass costs twice the forward pass.",
    returns="a number",
    reference=flops,
    inputs=lambda: ((1, 2, 5, 3), (2, 8, 30, 7), (12, 768, 50257, 1024), (3, 10, 11, 100)),
    misconceptions=(
        flops_mistake(
            "forward pass only", "This is the forward pass: training has a backward pass as well.", passes=(1, 1)
        ),
        flops_mistake(
            "backward like forward",
            "The backward pass was taken to cost as much as the forward pass: it has two products for each one.",
            passes=(2, 2),
        ),
        flops_mistake(
            "attention once",
            "Attention was counted in the forward pass alone: its gradients have to be computed as well.",
            passes=(3, 1),
        ),
        flops_mistake(
            "additions forgotten", "Half is missing: a multiplication comes with an addition, two operations.", each=1
        ),
        flops_mistake(
            "attention forgotten", "The scores and the weighted sums are missing: they have no weights.", attention=0
        ),
        flops_mistake(
            "half of attention",
            "Half of attention is missing: both the keys and the values are gone through, and masked ones count.",
            attention=2,
        ),
        flops_mistake("output matrix forgotten", "The scores of all words are missing: a product, too.", table=0),
        flops_mistake(
            "table counted twice", "The table was counted twice: to look up a row costs no product.", table=2
        ),
        Misconception(
            "the whole text",
            lambda *given: flops(*given, texts=given[3]),
            "These are the operations of the whole text: how many are there for one token?",
        ),
    ),
)


def mfu(tokens, seconds, per_token, recomputed, n_gpus, peak):
    """The recomputed operations are no progress, and do not count."""
    return tokens * per_token / (seconds * n_gpus * peak)


MFU = Exercise(
    id="12.mfu",
    title="Model FLOPs utilisation",
    difficulty=1,
    minutes=8,
    contract="my_mfu(tokens, seconds, per_token, recomputed, n_gpus, peak) returns the model FLOPs utilisation, a "
    "share, of a run that takes so many seconds for so many tokens on n_gpus GPUs together; the model needs per_token "
    "operations for a token, both passes included, the program does recomputed more to save memory, and one GPU can do "
    "peak operations a second.",
    returns="a number",
    reference=mfu,
    inputs=lambda: (
        (100, 2.0, 30.0, 7.0, 2, 1000.0),
        (900, 5.0, 40.0, 13.0, 8, 3000.0),
        (64, 0.5, 11.0, 2.0, 3, 900.0),
    ),
    misconceptions=(
        Misconception(
            "recomputed operations count",
            lambda tokens, seconds, per_token, recomputed, *machine: mfu(
                tokens, seconds, per_token + recomputed, 0, *machine
            ),
            "What is computed twice was counted: that is how busy the hardware is, and not what the model needs.",
        ),
        Misconception(
            "recomputed operations taken away",
            lambda tokens, seconds, per_token, recomputed, *machine: mfu(
                tokens, seconds, per_token - recomputed, 0, *machine
            ),
            "The recomputed operations were taken away from the model's: they were never among them.",
        ),
        Misconception(
            "peak of one GPU",
            lambda *given: mfu(*given) * given[4],
            "The tokens of all GPUs were compared with the peak of one.",
        ),
        Misconception(
            "number of GPUs twice",
            lambda *given: mfu(*given) / given[4],
            "The number of GPUs went in twice: the tokens are those of all of them already.",
        ),
        Misconception(
            "backward pass twice",
            lambda *given: 3 * mfu(*given),
            "The backward pass was added once more: per_token has both passes.",
        ),
        Misconception("percent", lambda *given: 100 * mfu(*given), "This is in percent: a share lies between 0 and 1."),
        Misconception("upside down", lambda *given: 1 / mfu(*given), "This is upside down: possible by done."),
        Misconception(
            "seconds forgotten",
            lambda *given: mfu(*given) * given[1],
            "The seconds are missing: the peak is operations of one second.",
        ),
        Misconception(
            "times the seconds",
            lambda *given: mfu(*given) * given[1] ** 2,
            "It was multiplied by the seconds: who takes longer for the same tokens uses less of the machine.",
        ),
    ),
)


def allreduce(grads):
    """The mean of all, for everyone."""
    return grads.mean(0).expand_as(grads)


def only_first(grads):
    out = grads.clone()
    out[0] = grads.mean(0)
    return out


ALLREDUCE = Exercise(
    id="12.allreduce",
    title="Everyone gets the mean",
    difficulty=1,
    minutes=6,
    contract="my_allreduce(grads) takes the gradients (P, D) of P processes, each of the mean loss of its equal share "
    "of the batch, and returns what each of them holds afterwards, (P, D): the gradient of the mean loss of the batch.",
    returns="(P, D)",
    reference=allreduce,
    inputs=lambda: ((numbers(2, 5, seed=1),), (numbers(3, 4, seed=2),), (numbers(4, 7, seed=3),)),
    misconceptions=(
        Misconception(
            "sum for mean",
            lambda grads: grads.sum(0).expand_as(grads),
            "The gradients were added: with twice the processes the step would be twice as long.",
        ),
        Misconception(
            "mean over the numbers",
            lambda grads: grads.mean(1, keepdim=True).expand_as(grads),
            "The mean went over the numbers of one gradient: it goes over the processes.",
        ),
        Misconception(
            "only the first has it",
            only_first,
            "Process 0 has the mean, and the others still hold their own: they would walk apart.",
        ),
        Misconception(
            "divided twice",
            lambda grads: allreduce(grads) / len(grads),
            "It was divided by the number of processes twice.",
        ),
        Misconception(
            "own one left out",
            lambda grads: (grads.sum(0) - grads) / (len(grads) - 1),
            "Each has the mean of the others: its own gradient belongs to it.",
        ),
        Misconception(
            "own one twice",
            lambda grads: (grads.sum(0) + grads) / (len(grads) + 1),
            "Each counted its own gradient twice, so that all have different ones.",
        ),
        Misconception(
            "the first one's for all",
            lambda grads: grads[0].expand_as(grads),
            "All have the gradient of process 0: what the others computed is lost.",
        ),
        Misconception(
            "mean with a neighbour",
            lambda grads: (grads + grads.roll(1, 0)) / 2,
            "Each has the mean of two: it should be that of all.",
        ),
        Misconception(
            "left as they were",
            lambda grads: grads,
            "Each still holds its own gradient.",
        ),
    ),
)

EXERCISES = (INTENSITY, FLOPS, MFU, ALLREDUCE)
