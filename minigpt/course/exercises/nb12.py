"""Exercises of notebook 12: intensity, and the operations of a token; others are in nb12_run.py."""

from minigpt.course.exercise import Exercise, Misconception


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
        Misconception(
            "bytes alone",
            lambda m, k, n, bytes_each: bytes_each * (m * k + k * n + m * n),
            "These are all bytes: how many operations are there for each?",
        ),
        Misconception(
            "brackets missing",
            lambda m, k, n, bytes_each: 2 * m * k * n / bytes_each * (m * k + k * n + m * n),
            "It was divided by bytes_each and then multiplied by the numbers: what is divided by stands in brackets.",
        ),
        Misconception(
            "bytes of the first matrix alone",
            lambda m, k, n, bytes_each: 2 * m * k * n / (bytes_each * m * k + k * n + m * n),
            "bytes_each reaches the first matrix alone: the sum of all three stands in brackets.",
        ),
        Misconception(
            "times the bytes",
            lambda m, k, n, bytes_each: intensity(m, k, n, 1) * bytes_each,
            "It was multiplied by bytes_each: with larger numbers more bytes move for the same operations.",
        ),
        Misconception(
            "always 4 bytes",
            lambda m, k, n, bytes_each: intensity(m, k, n, 4),
            "This is right for numbers of 4 bytes alone: bytes_each is an argument.",
        ),
        Misconception(
            "bits",
            lambda m, k, n, bytes_each: intensity(m, k, n, 8 * bytes_each),
            "These are operations for each bit: bytes_each already counts bytes.",
        ),
        Misconception(
            "rounded down",
            lambda *given: intensity(*given) // 1,
            "It was rounded down to a whole number: // does that, / does not.",
        ),
        intensity_mistake(
            "only the result",
            "Only the numbers of the result were counted: the two matrices that go in move too.",
            moved=lambda m, k, n: m * n,
        ),
        intensity_mistake(
            "result moved twice",
            "The result was counted twice: by this contract it moves once.",
            moved=lambda m, k, n: m * k + k * n + 2 * m * n,
        ),
        intensity_mistake(
            "sizes for matrices",
            "The sizes were added up: how many numbers has a matrix of m rows and k columns?",
            moved=lambda m, k, n: m + k + n,
        ),
        intensity_mistake(
            "two for each number of the result",
            "Two operations were counted for each number of the result: it takes k products, and k additions.",
            operations=lambda m, k, n: 2 * m * n,
        ),
        intensity_mistake(
            "products without k additions",
            "For each number of the result k products and one addition were counted: each product is added.",
            operations=lambda m, k, n: m * n * (k + 1),
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
        flops_mistake(
            "forward pass recomputed",
            "Four forward passes' worth were counted: what is computed twice to save memory is no part of it.",
            passes=(4, 4),
        ),
        Misconception(
            "one block",
            lambda n_layer, *rest: flops(1, *rest),
            "There is one block here: how often does what a block does happen?",
        ),
        Misconception(
            "attention of one block",
            lambda L, d, V, T: flops(L, d, V, 0) + flops(1, d, 0, T) - flops(1, d, 0, 0),
            "Attention was counted in one block: each has its own.",
        ),
        Misconception(
            "output matrix in each block",
            lambda L, d, V, T: flops(L, d, L * V, T),
            "The output matrix was counted in every block: it stands once, after the last.",
        ),
        Misconception(
            "12 squared as well",
            lambda L, d, V, T: flops(L, d, V, T) + 6 * (12**2 - 12) * L * d**2,
            "The 12 was squared with n_embd: 12·n_embd² is 12 times a square.",
        ),
        Misconception(
            "n_embd not squared",
            lambda L, d, V, T: flops(L, d, V, T) + 6 * 12 * L * (d - d**2),
            "The blocks have 12·n_embd numbers each here: where is the square?",
        ),
        Misconception(
            "attention of all queries",
            lambda L, d, V, T: flops(L, d, V, T**2),
            "Attention was counted for all queries of the text: one token has one query.",
        ),
        Misconception(
            "a key as one number",
            lambda L, d, V, T: flops(L, d, V, T / d),
            "Each key was counted as one number: it has n_embd.",
        ),
        Misconception(
            "output matrix without n_embd",
            lambda L, d, V, T: flops(L, d, V / d, T),
            "The output matrix was counted as n_vocab numbers: each of its rows has n_embd.",
        ),
        Misconception(
            "position table",
            lambda L, d, V, T: flops(L, d, V + T, T),
            "The table of positions was counted too: a row of it is looked up and added, which is no product.",
        ),
        Misconception(
            "weights alone",
            lambda L, d, V, T: flops(L, d, V, 0) / 6,
            "These are the weights: how many operations does each take, forward and back?",
        ),
        Misconception(
            "passes of attention alone",
            lambda L, d, V, T: flops(L, d, V, T, passes=(1, 3)),
            "The backward pass was added for attention alone: does the 3 stand before a bracket?",
        ),
        Misconception(
            "output matrix forward alone",
            lambda L, d, V, T: flops(L, d, V, T) - 4 * V * d,
            "The output matrix has no backward pass here: it learns like the others.",
        ),
        Misconception(
            "text of another length",
            lambda L, d, V, T: flops(L, d, V, T - 1),
            "One key is missing: a token looks at itself as well, and masked ones count.",
        ),
    ),
)

EXERCISES = (INTENSITY, FLOPS)
