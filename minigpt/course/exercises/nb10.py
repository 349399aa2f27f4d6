"""Exercise of notebook 10: what the decoder reads and is to write; others are in nb10_loss.py and its neighbours."""

from minigpt.course.exercise import Exercise, Misconception


def teacher_forcing(ids, bos, eos):
    return [bos, *ids], [*ids, eos]


TEACHER = Exercise(
    id="10.teacher",
    title="What is read, what is to be written",
    difficulty=1,
    minutes=6,
    contract="my_teacher_forcing(ids, bos, eos) takes the tokens of a translation, a list without special tokens, and "
    "returns two lists of one length: what the decoder reads, and what it is to write at each place.",
    returns="two lists",
    reference=teacher_forcing,
    inputs=lambda: [([7], 1, 2), ([7, 8, 9], 1, 2), ([5, 5, 4, 6], 1, 2)],
    misconceptions=(
        Misconception(
            "targets not shifted",
            lambda ids, bos, eos: ([*ids, eos], [*ids, eos]),
            "Each place is to write the token that it reads: copying is all that can be learned from that.",
        ),
        Misconception(
            "targets not shifted, bos in both",
            lambda ids, bos, eos: ([bos, *ids], [bos, *ids]),
            "Each place is to write what it reads, the beginning included: which token follows the beginning?",
        ),
        Misconception(
            "shifted the wrong way",
            lambda ids, bos, eos: ([*ids, eos], [bos, *ids]),
            "Each place is to write the token before the one that it reads: which of the two runs ahead?",
        ),
        Misconception(
            "no beginning",
            lambda ids, bos, eos: (ids, [*ids[1:], eos]),
            "The first token of the translation is read, and nobody was asked to write it: what stands before it?",
        ),
        Misconception(
            "no end",
            lambda ids, bos, eos: ([bos, *ids[:-1]], ids),
            "Nothing tells the model when to stop: what is to be written after the last word?",
        ),
        Misconception(
            "the end is read",
            lambda ids, bos, eos: ([bos, *ids, eos], [*ids, eos, eos]),
            "The decoder reads the end and is to write something after it: its work is done there.",
        ),
        Misconception(
            "both whole",
            lambda ids, bos, eos: ([bos, *ids, eos], [bos, *ids, eos]),
            "Both lists are the whole text, so each place writes what it reads: one begins later, one ends sooner.",
        ),
        Misconception(
            "beginning and end swapped",
            lambda ids, bos, eos: ([eos, *ids], [*ids, bos]),
            "Beginning and end changed places: the reading begins with bos.",
        ),
        Misconception(
            "the end for the beginning",
            lambda ids, bos, eos: ([eos, *ids], [*ids, eos]),
            "The reading begins with the end: some models have one token for both, here bos is given.",
        ),
        Misconception(
            "no special tokens",
            lambda ids, bos, eos: (ids[:-1], ids[1:]),
            "Neither bos nor eos is there: nobody is asked for the first word, nor for the end.",
        ),
        Misconception(
            "the end not written",
            lambda ids, bos, eos: ([bos, *ids], ids),
            "One place has nothing to write: what comes after the last word?",
        ),
        Misconception(
            "the beginning not read",
            lambda ids, bos, eos: (ids, [*ids, eos]),
            "There is a target more than places that read: what is read before the first word is written?",
        ),
        Misconception(
            "the end read, with nothing to write",
            lambda ids, bos, eos: ([bos, *ids, eos], [*ids, eos]),
            "The decoder reads the end too, and that place has nothing to write: the two lists have one length.",
        ),
        Misconception(
            "the beginning is to be written",
            lambda ids, bos, eos: ([bos, *ids], [bos, *ids, eos]),
            "The beginning is to be written as well: it is given, and the first thing to write is the first word.",
        ),
        Misconception(
            "lists within lists",
            lambda ids, bos, eos: ([bos, ids], [ids, eos]),
            "The list stands as one element in another: put its elements in, with a star or with +.",
        ),
        Misconception(
            "pairs",
            lambda ids, bos, eos: list(zip([bos, *ids], [*ids, eos], strict=True)),
            "These are pairs, one for each place: the contract asks for all that is read, and all that is written.",
        ),
    ),
)

EXERCISES = (TEACHER,)
