"""Exercise of notebook 09: hide words; others are in nb09_hidden.py, nb09_look.py and nb09_whole.py.

Shapes: B batch, T time.
"""

import torch

from minigpt.course.exercise import Exercise, Misconception

MASK, NOT_ASKED = 3, -100


def hide(ids, chance, lot, other):
    return hidden(ids, (chance < 0.15) & (ids > MASK), lot, other)


def hidden(ids, asked, lot, other):
    return torch.where(asked, replaced(ids, lot, other), ids), torch.where(asked, ids, NOT_ASKED)


def replaced(ids, lot, other):
    return torch.where(lot < 0.8, MASK, torch.where(lot < 0.9, other, ids))


def hide_inputs():
    yield every_case()
    for B, T, seed in ((3, 40, 1), (4, 60, 2)):
        rng = torch.Generator().manual_seed(seed)
        ids = torch.randint(4, 30, (B, T), generator=rng)
        ids[:-1, 0], ids[:, -3], ids[:, -2:] = 1, 2, 0  # <cls>, <sep>, padding; the last text has no <cls>
        chance, lot = torch.rand(2, B, T, generator=rng, dtype=torch.float64)
        chance[:, 0], chance[:, 2], chance[:, -1] = 0.1, 0.05, 0.01
        yield ids, chance, lot, torch.randint(4, 30, (B, T), generator=rng)


def every_case():
    """One text with each kind of token and each border; 64 bits, so that 0.15, 0.8 and 0.9 are the same everywhere."""
    ids = [1, 5, 9, 3, 4, 7, 8, 6, 11, 2, 0]
    chance = [0.1, 0.15, 0.02, 0.05, 0.07, 0.6, 0.01, 0.14, 0.9, 0.08, 0.03]
    lot = [0.3, 0.5, 0.8, 0.2, 0.35, 0.3, 0.9, 0.85, 0.85, 0.4, 0.1]
    other = [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22]
    whole, dice = torch.tensor([[ids], [other]]), torch.tensor([[chance], [lot]], dtype=torch.float64)
    return whole[0], *dice, whole[1]


def over_the_whole_text(ids, chance, lot, other):
    asked = ids > MASK
    what = replaced(ids, lot, other)
    return torch.where(asked, what, ids), torch.where(asked & (chance < 0.15), ids, NOT_ASKED)


def one_die(ids, chance, lot, other):
    return hidden(ids, (chance < 0.15) & (ids > MASK), chance / 0.15, other)


def target_after_hiding(ids, chance, lot, other):
    asked = (chance < 0.15) & (ids > MASK)
    inputs = torch.where(asked, replaced(ids, lot, other), ids)
    return inputs, torch.where(asked, inputs, NOT_ASKED)


def targets_where_changed(ids, chance, lot, other):
    inputs, targets = hide(ids, chance, lot, other)
    return inputs, targets.masked_fill(inputs == ids, NOT_ASKED)


def targets_where_masked(ids, chance, lot, other):
    inputs, _ = hide(ids, chance, lot, other)
    return inputs, ids.where(inputs == MASK, NOT_ASKED)


def or_equal(ids, chance, lot, other):
    what = torch.where(lot <= 0.8, MASK, torch.where(lot <= 0.9, other, ids))
    asked = (chance < 0.15) & (ids > MASK)
    return torch.where(asked, what, ids), torch.where(asked, ids, NOT_ASKED)


def with_lots(change):
    """Hide with other lots than those that came."""

    def wrong(ids, chance, lot, other):
        return hidden(ids, (chance < 0.15) & (ids > MASK), change(lot), other)

    return wrong


def with_results(change):
    """Hide, and then change the inputs or the targets."""

    def wrong(ids, chance, lot, other):
        return change(ids, chance, *hide(ids, chance, lot, other))

    return wrong


HIDE = Exercise(
    id="09.hide",
    title="Hide words, keep the answers",
    difficulty=2,
    minutes=15,
    contract="my_hide(ids, chance, lot, other) takes token ids (B, T), two dice (B, T) of numbers from 0 to 1, and "
    "random words (B, T); ids 0 to 3 are special, 3 is the mask. It returns inputs and targets, both (B, T): a word "
    "whose chance is below 0.15 is asked for, and its target is its id; its lot decides what stands in inputs: below "
    "0.8 the mask, from there to below 0.9 the random word, else the word. All other targets are -100.",
    returns="two tensors",
    reference=hide,
    inputs=hide_inputs,
    misconceptions=(
        Misconception(
            "special tokens hidden too",
            lambda ids, chance, lot, other: hidden(ids, chance < 0.15, lot, other),
            "Special tokens were chosen as well: ids 0 to 3 are no words, there is nothing to learn from them.",
        ),
        Misconception(
            "only padding spared",
            lambda ids, chance, lot, other: hidden(ids, (chance < 0.15) & (ids > 0), lot, other),
            "Padding is left alone, other special tokens are not: which ids are words?",
        ),
        Misconception(
            "80/10/10 over the whole text",
            over_the_whole_text,
            "Words that nobody asks for were changed: 80, 10 and 10 % are shares of the 15 %, not of the text.",
        ),
        Misconception(
            "one die for both questions",
            one_die,
            "The shares are right, but chance decided both: in this contract the lot decides what becomes of a word.",
        ),
        Misconception(
            "always the mask",
            with_lots(torch.zeros_like),
            "All chosen words became masks: their lot decides, and a chance below 0.15 is no lot.",
        ),
        Misconception(
            "80/20: none stays",
            with_lots(lambda lot: torch.where(lot < 0.8, lot, 0.85)),
            "No chosen word stays as it was: what happens to a lot of 0.95?",
        ),
        Misconception(
            "80/20: none random",
            with_lots(lambda lot: torch.where(lot < 0.8, lot, 0.95)),
            "No chosen word became a random one: what happens to a lot of 0.85?",
        ),
        Misconception(
            "target taken after hiding",
            target_after_hiding,
            "The targets are what stands in the inputs, the mask itself among them: the answer is what was hidden.",
        ),
        Misconception(
            "targets everywhere",
            with_results(lambda ids, chance, inputs, targets: (inputs, ids)),
            "Every place has a target: where nothing is asked it should be -100, or the model is paid for copying.",
        ),
        Misconception(
            "words that stay are not asked for",
            targets_where_changed,
            "A chosen word that stays has no target: it is asked for like the others, that is why it was chosen.",
        ),
        Misconception(
            "only masks are asked for",
            targets_where_masked,
            "Only masks have a target: the random words and those that stay are asked for too.",
        ),
        Misconception(
            "85 % chosen",
            lambda ids, chance, lot, other: hidden(ids, (chance > 0.15) & (ids > MASK), lot, other),
            "The other 85 % were chosen: which side of 0.15 is asked for?",
        ),
        Misconception(
            "targets and inputs swapped",
            with_results(lambda ids, chance, inputs, targets: (targets, inputs)),
            "The two results stand in the other order: first the inputs, then the targets.",
        ),
        Misconception(
            "the mask token asked for",
            lambda ids, chance, lot, other: hidden(ids, (chance < 0.15) & (ids >= MASK), lot, other),
            "Token 3 was chosen like a word: it is the mask, and special as 0, 1 and 2 are.",
        ),
        Misconception(
            "0.15 itself asked for",
            lambda ids, chance, lot, other: hidden(ids, (chance <= 0.15) & (ids > MASK), lot, other),
            "A word whose chance is 0.15 was chosen: that is not below 0.15.",
        ),
        Misconception(
            "borders of the lot on the other side",
            or_equal,
            "A lot of 0.8 or 0.9 was taken for one below it: on which side of < does the border itself lie?",
        ),
        Misconception(
            "random and kept words swapped",
            with_lots(lambda lot: torch.where(lot < 0.8, lot, torch.where(lot < 0.9, 0.95, 0.85))),
            "Words stay where a random one should stand, and the other way round: what does a lot of 0.85 say?",
        ),
        Misconception(
            "masks overwritten",
            with_lots(lambda lot: torch.where(lot < 0.9, 0.85, lot)),
            "There is no mask left: what is below 0.8 is below 0.9 as well, and the second line wrote over the first.",
        ),
        Misconception(
            "masks and random words swapped",
            with_lots(lambda lot: torch.where(lot < 0.8, 0.85, torch.where(lot < 0.9, 0.0, lot))),
            "Most chosen words became random ones, and few became masks: which of the two is the 80 %?",
        ),
        Misconception(
            "the dice swapped",
            lambda ids, chance, lot, other: hide(ids, lot, chance, other),
            "The two dice changed places: chance says who is asked for, and lot what becomes of it.",
        ),
        Misconception(
            "nothing hidden",
            with_results(lambda ids, chance, inputs, targets: (ids, targets)),
            "The targets are right, and the inputs still show every answer.",
        ),
        Misconception(
            "-100 in the inputs",
            with_results(lambda ids, chance, inputs, targets: (inputs.where(targets != NOT_ASKED, NOT_ASKED), targets)),
            "The inputs hold -100, which is no token: words that nobody asks for stay there to be read.",
        ),
        Misconception(
            "0 where nothing is asked",
            with_results(lambda ids, chance, inputs, targets: (inputs, targets.where(targets != NOT_ASKED, 0))),
            "Where nothing is asked the target is 0 here, the id of a token: the contract has a number that is no id.",
        ),
        Misconception(
            "answers where nothing is asked",
            with_results(lambda ids, chance, inputs, targets: (inputs, ids.where(targets == NOT_ASKED, NOT_ASKED))),
            "The answers stand where nothing is asked, and -100 where something is: torch.where takes its second "
            "argument where the mask is True.",
        ),
        Misconception(
            "special tokens as answers",
            with_results(lambda ids, chance, inputs, targets: (inputs, ids.where(chance < 0.15, NOT_ASKED))),
            "The inputs are right, but special tokens have targets: they are not asked for.",
        ),
    ),
)

EXERCISES = (HIDE,)
