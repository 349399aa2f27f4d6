"""Exercise of notebook 13: no run of tokens twice."""

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


def as_text(ids, n):
    """Searched for in a line of text, where 1 stands within 11."""
    text, last = " ".join(map(str, ids)), " ".join(map(str, ids[len(ids) - n + 1 :]))
    found = [i for i in range(len(text)) if text.startswith(last, i) and text[i + len(last) :].split()]
    return sorted({int(text[i + len(last) :].split()[0]) for i in found})


def jumping(ids, n):
    """Behind each place that was found the search goes on n tokens later."""
    at, i = places(ids, n), 0
    left = []
    while i < len(ids):
        left += [i] if i in at else []
        i += n if i in at else 1
    return tokens_after(ids, n, left)


def where_first(ids, n):
    return [i for i in range(len(ids) - n + 1) if ids[i] == ids[len(ids) - n + 1]]


def where_any(ids, n):
    last = ids[len(ids) - n + 1 :]
    return [i for i in range(len(ids) - n + 1) if any(a == b for a, b in zip(ids[i:], last, strict=False))]


def after_the_beginning(ids, n):
    return tokens_after(ids, n, [i for i in range(len(ids) - n + 1) if ids[i : i + n - 1] == ids[: n - 1]])


def two_later(ids, n):
    return sorted({ids[i + n] for i in places(ids, n) if i + n < len(ids)})


def before_each(ids, n):
    return sorted({ids[i] for i in range(len(ids) - n + 1) if ids[i + 1 : i + n] == ids[len(ids) - n + 1 :]})


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
        ([11, 2, 5, 1, 2], 3),  # as text, 1 2 stands in 11 2
        ([5, 10, 5, 9, 5], 2),  # as text, 10 comes before 9
        ([1, 9, 4, 3, 2, 8, 1, 2], 3),  # the first of the last two agrees, then the second, never both
        ([7, 7, 7, 8, 7, 7], 3),  # the two places overlap
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
        Misconception(
            "searched for in text",
            as_text,
            "You search in a text of digits, where 1 2 stands in 11 2, too: compare lists of numbers.",
        ),
        Misconception(
            "sorted as text",
            lambda ids, n: sorted(repeats(ids, n), key=str),
            "The right tokens, sorted as text, where 10 comes before 9: they are numbers.",
        ),
        Misconception(
            "sorted downwards",
            lambda ids, n: repeats(ids, n)[::-1],
            "The right tokens, the largest first: a sorted list begins with the smallest.",
        ),
        Misconception(
            "overlapping places skipped",
            jumping,
            "Behind a place that it found your search goes on n tokens later: the next place may overlap with it.",
        ),
        Misconception(
            "one token too few compared",
            lambda ids, n: repeats(ids, n - 1),
            "You compare the last n - 2 tokens: with the next one a run then has n - 1.",
        ),
        Misconception(
            "the next but one",
            two_later,
            "You forbid the token after the one that completes the run: count its place again.",
        ),
        Misconception(
            "the last that agrees",
            lambda ids, n: sorted({ids[i + n - 2] for i in places(ids, n)}),
            "You forbid the last token that agrees, which stands there already: the next one completes the run.",
        ),
        Misconception(
            "the token before",
            before_each,
            "You forbid what came before the last n - 1 tokens: the next one comes behind them.",
        ),
        Misconception(
            "only the first token compared",
            lambda ids, n: tokens_after(ids, n, where_first(ids, n)),
            "You compare the first of the last n - 1 tokens alone: the others have a say, too.",
        ),
        Misconception(
            "one that agrees is enough",
            lambda ids, n: tokens_after(ids, n, where_any(ids, n)),
            "One of the last n - 1 tokens is enough for you: all of them have to agree.",
        ),
        Misconception(
            "the text's beginning",
            after_the_beginning,
            "You compare with how the text begins: what comes next follows its last n - 1 tokens.",
        ),
        Misconception(
            "the place at 0 left out",
            lambda ids, n: tokens_after(ids, n, [i for i in places(ids, n) if i > 0]),
            "A run at the very beginning of the text is missing: the first place is 0.",
        ),
        Misconception(
            "places, not tokens",
            places,
            "These are the places where the beginning stands: which tokens come behind them?",
        ),
        Misconception(
            "places of the tokens",
            lambda ids, n: [i + n - 1 for i in places(ids, n)],
            "These are the places of the tokens: which tokens stand there?",
        ),
        Misconception(
            "those that are allowed",
            lambda ids, n: sorted(set(ids) - set(repeats(ids, n))),
            "These tokens of the text are allowed: the contract asks for those that are not.",
        ),
        Misconception(
            "all ends of runs",
            lambda ids, n: sorted(set(ids[n - 1 :])),
            "The ends of all runs are forbidden: compare how each begins with the last n - 1 tokens.",
        ),
        Misconception(
            "nothing forbidden",
            lambda ids, n: [],
            "Nothing is ever forbidden: a tuple never equals a list, nor do n - 1 tokens ever equal n.",
        ),
    ),
)


EXERCISES = (REPEATS,)
