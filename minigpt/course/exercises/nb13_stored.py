"""Exercise of notebook 13: the memory of a key-value cache."""

from minigpt.course.exercise import Exercise, Misconception


def cache_bytes(n_layer, n_head, d_head, n_tokens, batch, n_bytes):
    return 2 * n_layer * n_head * d_head * n_tokens * batch * n_bytes


def wrong_by(factor):
    """The right number times a function of the arguments."""
    return lambda *numbers: int(cache_bytes(*numbers) * factor(*numbers))


CACHE = Exercise(
    id="13.cache",
    title="The memory of a cache",
    difficulty=1,
    minutes=6,
    contract="my_cache_bytes(n_layer, n_head, d_head, n_tokens, batch, n_bytes) returns the bytes of a key-value cache "
    "for batch texts of n_tokens each: in each of n_layer blocks n_head heads keep a key and a value of d_head numbers "
    "for each token, and a number takes n_bytes.",
    returns="a whole number",
    reference=cache_bytes,
    inputs=lambda: [(2, 3, 5, 7, 1, 4), (6, 6, 32, 256, 1, 4), (12, 12, 64, 1024, 3, 2), (5, 4, 11, 100, 8, 4)],
    misconceptions=(
        Misconception(
            "keys alone",
            wrong_by(lambda *numbers: 1 / 2),
            "Half of it: attention needs two vectors of each token, one to be found by and one to give.",
        ),
        Misconception(
            "queries kept, too",
            wrong_by(lambda *numbers: 3 / 2),
            "A third of it is not needed: the query of an earlier token is never asked for again.",
        ),
        Misconception(
            "one block",
            lambda n_layer, *others: cache_bytes(1, *others),
            "Each block has keys and values of its own.",
        ),
        Misconception(
            "one head",
            lambda n_layer, n_head, *others: cache_bytes(n_layer, 1, *others),
            "Each head keeps its own d_head numbers.",
        ),
        Misconception(
            "numbers, not bytes",
            wrong_by(lambda *numbers: 1 / numbers[-1]),
            "This counts numbers: how many bytes does each take?",
        ),
        Misconception(
            "always four bytes",
            wrong_by(lambda *numbers: 4 / numbers[-1]),
            "A number takes four bytes in yours whatever is asked: which argument has no say?",
        ),
        Misconception(
            "bits",
            wrong_by(lambda *numbers: 8),
            "These are bits: the contract asks for bytes.",
        ),
        Misconception(
            "one text",
            lambda n_layer, n_head, d_head, n_tokens, batch, n_bytes: cache_bytes(
                n_layer, n_head, d_head, n_tokens, 1, n_bytes
            ),
            "This is enough for one text: a batch keeps keys and values for each of its texts.",
        ),
        Misconception(
            "the square of the length",
            lambda n_layer, n_head, d_head, n_tokens, batch, n_bytes: cache_bytes(
                n_layer, n_head, d_head, n_tokens**2, batch, n_bytes
            ),
            "It grows with the square of the length in yours: the weights are not kept, only what each token has.",
        ),
        Misconception(
            "the weights kept",
            lambda n_layer, n_head, d_head, n_tokens, batch, n_bytes: n_layer * n_head * n_tokens**2 * batch * n_bytes,
            "These are the attention weights, which are made anew for each token: what of a token is used again?",
        ),
        Misconception(
            "one number a head",
            lambda n_layer, n_head, d_head, *others: cache_bytes(n_layer, n_head, 1, *others),
            "A key is a vector: it has d_head numbers.",
        ),
        Misconception(
            "four vectors a token",
            wrong_by(lambda *numbers: 2),
            "Twice too many: of the four products with a token's vector, only two are asked for again.",
        ),
        Misconception(
            "one token",
            lambda n_layer, n_head, d_head, n_tokens, *others: cache_bytes(n_layer, n_head, d_head, 1, *others),
            "This is what one token takes: each token of a text has keys and values of its own.",
        ),
        Misconception(
            "one token less",
            wrong_by(lambda *numbers: (numbers[3] - 1) / numbers[3]),
            "One token is missing: the last has its key and value kept as well.",
        ),
        Misconception(
            "one token more",
            wrong_by(lambda *numbers: (numbers[3] + 1) / numbers[3]),
            "One token too many: texts of n_tokens each are in the cache.",
        ),
        Misconception(
            "all steps added up",
            wrong_by(lambda *numbers: (numbers[3] + 1) / 2),
            "What the cache holds at each step was added up: it grows, and keeps one copy of each token.",
        ),
        Misconception(
            "the square of d_head",
            wrong_by(lambda *numbers: numbers[2]),
            "d_head squared is the size of a matrix: a key is a vector.",
        ),
        Misconception(
            "heads counted twice",
            wrong_by(lambda *numbers: numbers[1]),
            "The heads are counted twice: n_head times d_head is the whole width already.",
        ),
        Misconception(
            "d_head shared by the heads",
            lambda n_layer, n_head, d_head, *others: cache_bytes(n_layer, 1, d_head // n_head, *others),
            "d_head was shared out among the heads: it is what each of them has.",
        ),
        Misconception(
            "blocks counted twice",
            wrong_by(lambda *numbers: numbers[0]),
            "The blocks are counted twice.",
        ),
        Misconception(
            "texts counted twice",
            wrong_by(lambda *numbers: numbers[4]),
            "The texts are counted twice.",
        ),
        Misconception(
            "always two bytes",
            wrong_by(lambda *numbers: 2 / numbers[-1]),
            "A number takes two bytes in yours whatever is asked: see the last argument.",
        ),
        Misconception(
            "divided by eight",
            wrong_by(lambda *numbers: 1 / 8),
            "An eighth of it: n_bytes counts bytes, not bits.",
        ),
        Misconception(
            "divided by n_bytes",
            lambda *numbers: cache_bytes(*numbers) // numbers[-1] ** 2,
            "The numbers were divided by their bytes: each takes n_bytes of them.",
        ),
        Misconception(
            "numbers, keys alone",
            wrong_by(lambda *numbers: 1 / (2 * numbers[-1])),
            "Two factors are missing: how many vectors does a token have, and how many bytes does a number take?",
        ),
        Misconception(
            "KiB",
            lambda *numbers: cache_bytes(*numbers) // 2**10,
            "These are KiB: the contract asks for bytes.",
        ),
        Misconception(
            "MiB",
            lambda *numbers: cache_bytes(*numbers) // 2**20,
            "These are MiB: the contract asks for bytes.",
        ),
        Misconception(
            "keys, values and weights",
            lambda n_layer, n_head, d_head, n_tokens, batch, n_bytes: (
                cache_bytes(n_layer, n_head, d_head, n_tokens, batch, n_bytes)
                + n_layer * n_head * n_tokens**2 * batch * n_bytes
            ),
            "The attention weights were added: each new token makes its own, from keys and values.",
        ),
        Misconception(
            "the matrices of the model",
            lambda n_layer, n_head, d_head, n_tokens, batch, n_bytes: 2 * n_layer * (n_head * d_head) ** 2 * n_bytes,
            "These are the matrices that make keys and values, which belong to the model: count what they make.",
        ),
        Misconception(
            "a sum",
            lambda *numbers: 2 * sum(numbers),
            "The numbers were added: of each block there are n_head heads, of each of these d_head numbers, and so on.",
        ),
    ),
)

EXERCISES = (CACHE,)
