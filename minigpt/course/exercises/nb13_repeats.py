"""Exercises of notebook 13: no run of tokens twice, and the memory of a key-value cache."""

from minigpt.course.exercise import Exercise, Misconception


def repeats(ids, n):
    return tokens_after(ids, n, places(ids, n))


def places(ids, n):
    """Where the last n - 1 tokens stood before."""
    return [i for i in range(len(ids) - n + 1) if ids[i : i + n - 1] == ids[len(ids) - n + 1 :]]


def tokens_after(ids, n, at):
    return sorted({ids[i + n - 1] for i in at})


def as_found(ids, n):
    return list(dict.fromkeys(ids[i + n - 1] for i in places(ids, n)))


def twice_already(ids, n):
    runs = [ids[i : i + n] for i in range(len(ids) - n + 1)]
    return sorted({run[-1] for i, run in enumerate(runs) if run in runs[:i]})


def in_any_order(ids, n):
    last = sorted(ids[len(ids) - n + 1 :])
    return tokens_after(ids, n, [i for i in range(len(ids) - n + 1) if sorted(ids[i : i + n - 1]) == last])


REPEATS = Exercise(
    id="13.repeats",
    title="No run of n twice",
    difficulty=2,
    minutes=12,
    contract="my_repeats(ids, n) takes a text's token ids, a list of at least n, with n of 2 or more, and returns the "
    "tokens that may not come next if no n tokens in a row shall stand twice in the text: a sorted list, each once.",
    returns="a list of whole numbers",
    reference=repeats,
    inputs=lambda: [
        ([1, 2, 1], 2),
        ([3, 1, 9, 1, 2, 1], 2),  # the larger is found first, and both runs begin at an odd place
        ([5, 6, 5, 7, 5, 6, 5], 2),
        ([4, 9, 9], 2),
        ([1, 2, 3, 2, 1, 5, 1, 2, 6, 4, 2, 7, 1, 2], 3),
        ([1, 2, 3, 4, 1, 2, 3, 5, 2, 3, 7, 1, 2, 3], 4),
        ([1, 2, 3], 3),
    ],
    misconceptions=(
        Misconception(
            "every token that was there",
            lambda ids, n: sorted(set(ids)),
            "All tokens of the text are forbidden: only those are that would complete a run of n which was there.",
        ),
        Misconception(
            "n tokens have to agree",
            lambda ids, n: repeats(ids, n + 1),
            "You compare the last n tokens: the next one is the n-th of the run.",
        ),
        Misconception(
            "only the last token looked at",
            lambda ids, n: repeats(ids, 2),
            "You look at what followed the last token, whatever n is.",
        ),
        Misconception(
            "only the latest place",
            lambda ids, n: tokens_after(ids, n, places(ids, n)[-1:]),
            "You take what followed the last time: the same beginning may have gone on in several ways.",
        ),
        Misconception(
            "only the first place",
            lambda ids, n: tokens_after(ids, n, places(ids, n)[:1]),
            "You take what followed the first time: the same beginning may have gone on in several ways.",
        ),
        Misconception(
            "the order ignored",
            in_any_order,
            "Beginnings with the same tokens in another order were taken for the same.",
        ),
        Misconception(
            "the first of the run",
            lambda ids, n: sorted({ids[i] for i in places(ids, n)}),
            "You forbid the token with which the run begins: it is the one that completes it.",
        ),
        Misconception(
            "the last run left out",
            lambda ids, n: tokens_after(ids, n, [i for i in places(ids, n) if i < len(ids) - n]),
            "The last run of n in the text is missing: it may overlap with the one that is about to come.",
        ),
        Misconception(
            "every n-th place",
            lambda ids, n: tokens_after(ids, n, [i for i in places(ids, n) if i % n == 0]),
            "You cut the text into pieces of n: a run may begin at any place.",
        ),
        Misconception(
            "not sorted",
            as_found,
            "The right tokens, but not sorted: neither the order in the text nor that of a set is what is asked for.",
        ),
        Misconception(
            "runs that stand twice already",
            twice_already,
            "You look for runs that stand twice already: which token would make one do so?",
        ),
        Misconception(
            "tokens that stand twice",
            lambda ids, n: sorted({token for token in ids if ids.count(token) > 1}),
            "All tokens that stand twice are forbidden in yours: it is about runs of n tokens.",
        ),
        Misconception(
            "each as often as it came",
            lambda ids, n: sorted(ids[i + n - 1] for i in places(ids, n)),
            "The right tokens, some of them more than once: the contract asks for each once.",
        ),
        Misconception(
            "the whole run",
            lambda ids, n: sorted({token for i in places(ids, n) for token in ids[i : i + n]}),
            "You forbid all tokens of the run: one of them completes it.",
        ),
    ),
)


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
    ),
)

EXERCISES = (REPEATS, CACHE)
