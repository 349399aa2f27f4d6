"""Exercise of notebook 09: a blank filled by a decoder.

Shapes: K candidates, T time.
"""

import torch

from minigpt.course.exercise import Exercise, Misconception


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
        Misconception(
            "summed over the candidates",
            lambda log_probs, place: log_probs.sum(0).argmax().item(),
            "The sum went over the candidates, which leaves one number for each word: it goes over the words.",
        ),
        Misconception(
            "the place in the flattened table",
            lambda log_probs, place: log_probs.argmax().item(),
            "This is the place of the largest single number, counted through all rows: first add up each row.",
        ),
        Misconception(
            "counted from 1",
            lambda log_probs, place: candidate(log_probs, place) + 1,
            "The number is one too large: row 0 belongs to candidate 0.",
        ),
        Misconception(
            "the last word missing",
            lambda log_probs, place: log_probs[:, :-1].sum(-1).argmax().item(),
            "The last word is missing from the sum: a slice to -1 stops before it.",
        ),
        Misconception(
            "the best word decides",
            lambda log_probs, place: log_probs.amax(-1).argmax().item(),
            "One likely word decides here: a sentence's probability is that of all its words.",
        ),
        Misconception(
            "the worst word decides",
            lambda log_probs, place: log_probs.amin(-1).argmax().item(),
            "The least likely word decides alone here: how likely are the others?",
        ),
        Misconception(
            "only what comes before",
            lambda log_probs, place: log_probs[:, :place].sum(-1).argmax().item(),
            "This is candidate 0 each time, as where only the words before the blank count: they are the same for all.",
        ),
    ),
)

EXERCISES = (CANDIDATE,)
