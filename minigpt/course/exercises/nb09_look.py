"""Exercises of notebook 09: what an encoder's token gathers, and a blank filled by a decoder.

Shapes: B batch, T time, D channels per head.
"""

import torch

from minigpt.course.exercise import Exercise, Misconception

PAD = 0


def look(q, k, v, ids):
    return gathered(q, k, v, (ids != PAD)[:, None, :])


def gathered(q, k, v, mask, scale=True, axis=-1):
    scores = q @ k.transpose(1, 2) / (q.size(-1) ** 0.5 if scale else 1)
    return scores.masked_fill(~mask, -torch.inf).softmax(axis) @ v


def look_inputs():
    for B, T, D, seed in ((1, 3, 2, 0), (2, 5, 4, 1), (3, 6, 3, 2)):
        q, k, v = torch.randn(3, B, T, D, generator=torch.Generator().manual_seed(seed))
        ids = torch.arange(5, 5 + T).repeat(B, 1)
        ids[:, 1] = 3  # a mask token: it is hidden, and can be looked at
        for b in range(B):
            ids[b, T - 1 - b % 2 :] = PAD
        yield q, k, v, ids


def real(ids):
    return (ids != PAD)[:, None, :]


def past(ids):
    return torch.ones(ids.size(1), ids.size(1), dtype=torch.bool).tril()


def cut_afterwards(q, k, v, ids):
    weights = (q @ k.transpose(1, 2) / q.size(-1) ** 0.5).softmax(-1)
    return (weights * real(ids)) @ v


def scores_of_zero(q, k, v, ids):
    scores = (q @ k.transpose(1, 2) / q.size(-1) ** 0.5).masked_fill(~real(ids), 0.0)
    return scores.softmax(-1) @ v


LOOK = Exercise(
    id="09.look",
    title="What an encoder's token gathers",
    difficulty=2,
    minutes=12,
    contract="my_look(q, k, v, ids) takes queries, keys and values (B, T, D) and token ids (B, T), where 0 is padding, "
    "and returns what each token gathers, (B, T, D): the softmax of q·k / √D over all tokens of its text that are no "
    "padding, times their values.",
    returns="(B, T, D)",
    reference=look,
    inputs=look_inputs,
    misconceptions=(
        Misconception(
            "padding attended to",
            lambda q, k, v, ids: gathered(q, k, v, torch.ones_like(real(ids))),
            "Padding is looked at: what a text means would depend on how long the others of its batch are.",
        ),
        Misconception(
            "causal mask kept",
            lambda q, k, v, ids: gathered(q, k, v, real(ids) & past(ids)),
            "Tokens see the past alone: that is a decoder, an encoder looks both ways.",
        ),
        Misconception(
            "causal mask instead of the padding",
            lambda q, k, v, ids: gathered(q, k, v, past(ids).expand(len(ids), -1, -1)),
            "This is a decoder's mask: an encoder sees the future, and hides the padding.",
        ),
        Misconception(
            "padded rows zeroed",
            lambda q, k, v, ids: look(q, k, v, ids) * (ids != PAD)[:, :, None],
            "Rows of padding were set to 0: the contract says what each token gathers, and nobody reads those rows.",
        ),
        Misconception(
            "the mask token hidden from view",
            lambda q, k, v, ids: gathered(q, k, v, real(ids) & (ids != 3)[:, None, :]),
            "Token 3 cannot be looked at here: it hides a word, but it is no padding.",
        ),
        Misconception(
            "mask after the softmax",
            cut_afterwards,
            "The weights of padding were cut after the softmax, so the others no longer add up to 1.",
        ),
        Misconception(
            "score 0 instead of minus infinity",
            scores_of_zero,
            "Padding has a score of 0, and e⁰ is 1: it still gets weight.",
        ),
        Misconception(
            "not divided by the root of D",
            lambda q, k, v, ids: gathered(q, k, v, real(ids), scale=False),
            "The scores are not divided by √D.",
        ),
        Misconception(
            "only itself",
            lambda q, k, v, ids: v,
            "The values came back as they were: where do the other tokens enter?",
        ),
        Misconception(
            "True where padding",
            lambda q, k, v, ids: gathered(q, k, v, ~real(ids)),
            "The padding is what was looked at, and the words were hidden.",
        ),
    ),
)


def candidate(log_probs, place):
    return log_probs.sum(-1).argmax().item()


def candidate_inputs():
    for K, T, place, seed in ((3, 4, 1, 0), (7, 6, 2, 1), (9, 8, 3, 3), (8, 7, 4, 4), (10, 9, 3, 5), (12, 6, 1, 7)):
        rng = torch.Generator().manual_seed(seed)
        log_probs = -3 * torch.rand(K, T, generator=rng) - 0.01
        log_probs[:, :place] = log_probs[0, :place].clone()  # what comes before the blank is the same
        yield log_probs, place


CANDIDATE = Exercise(
    id="09.whole",
    title="A blank by a decoder",
    difficulty=1,
    minutes=6,
    contract="my_candidate(log_probs, place) takes log-probabilities (K, T), where row i belongs to the sentence with "
    "candidate i in its blank and holds the log-probability of each of its T words given those before it, and the "
    "place of the blank; it returns the number of the candidate that makes the whole sentence likeliest.",
    returns="a whole number",
    reference=candidate,
    inputs=candidate_inputs,
    misconceptions=(
        Misconception(
            "left context alone",
            lambda log_probs, place: log_probs[:, place].argmax().item(),
            "Only the probability of the candidate itself counts here: the words after it have no say.",
        ),
        Misconception(
            "only what comes after",
            lambda log_probs, place: log_probs[:, place + 1 :].sum(-1).argmax().item(),
            "Only the words after the blank count here: the candidate has a probability as well.",
        ),
        Misconception(
            "only the next word",
            lambda log_probs, place: log_probs[:, place : place + 2].sum(-1).argmax().item(),
            "Only the candidate and the next word count here: the whole sentence should.",
        ),
        Misconception(
            "the last word alone",
            lambda log_probs, place: log_probs[:, -1].argmax().item(),
            "Only the last word's probability counts here: a sentence's is that of all its words.",
        ),
        Misconception(
            "probabilities added instead of multiplied",
            lambda log_probs, place: log_probs.exp().sum(-1).argmax().item(),
            "Probabilities of words were added up: that of a sentence is their product.",
        ),
        Misconception(
            "logs multiplied",
            lambda log_probs, place: log_probs.prod(-1).argmax().item(),
            "Logs were multiplied: the log of a product is a sum.",
        ),
        Misconception(
            "the unlikeliest",
            lambda log_probs, place: log_probs.sum(-1).argmin().item(),
            "This is the least likely sentence: log-probabilities are negative, the largest is nearest to 0.",
        ),
        Misconception(
            "the value instead of its place",
            lambda log_probs, place: log_probs.sum(-1).max().item(),
            "This is the best sum itself: which candidate has it?",
        ),
    ),
)

EXERCISES = (LOOK, CANDIDATE)
