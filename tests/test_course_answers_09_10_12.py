"""What readers answer in notebooks 09, 10 and 12: right and written in another way, or wrong and near the right one.

The known mistakes themselves are tried in test_course_exercises.py. What is here has to be told apart by the inputs.
"""

import heapq
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from minigpt import course


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))


# ---- right, and written in another way


def hide_in_loops(ids, chance, lot, other):
    inputs, targets = ids.tolist(), [[-100] * ids.size(1) for _ in ids]
    for b, t in np.ndindex(ids.shape):
        if chance[b, t].item() < 0.15 and ids[b, t].item() not in (0, 1, 2, 3):
            targets[b][t] = inputs[b][t]
            if lot[b, t].item() < 0.9:
                inputs[b][t] = 3 if lot[b, t].item() < 0.8 else other[b, t].item()
    return [inputs, targets]


def hide_in_numpy(*tensors):
    ids, chance, lot, other = (x.numpy() for x in tensors)
    asked = (chance < 0.15) & (ids >= 4)
    return np.where(asked, np.select([lot < 0.8, lot < 0.9], [3, other], ids), ids), np.where(asked, ids, -100)


def masked_loss_in_lists(logits, targets):
    losses = [
        math.log(sum(map(math.exp, row))) - row[target]
        for row, target in zip(logits.flatten(0, 1).tolist(), targets.flatten().tolist(), strict=True)
        if target != -100
    ]
    return sum(losses) / len(losses)


def look_text_by_text(q, k, v, ids):
    keep = [row.nonzero()[:, 0] for row in ids]
    return torch.stack(
        [(q[b] @ k[b, real].T / math.sqrt(q.size(2))).softmax(1) @ v[b, real] for b, real in enumerate(keep)]
    )


def look_built_in(q, k, v, ids):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=(ids > 0)[:, None, :])


def look_with_a_large_number(q, k, v, ids):
    return (q @ k.mT / q.size(-1) ** 0.5 - 1e9 * (ids == 0)[:, None].float()).softmax(-1) @ v


def smoothed_loss_by_targets(logits, y, pad, eps):
    target = torch.full_like(logits, eps / logits.size(-1))
    target.scatter_add_(-1, y[..., None], torch.full_like(logits[..., :1], 1 - eps))
    losses = F.cross_entropy(logits.flatten(0, 1), target.flatten(0, 1), reduction="none")
    return (losses * (y.flatten() != pad)).sum().item() / (y != pad).sum().item()


def smoothed_loss_built_in(logits, y, pad, eps):
    return F.cross_entropy(logits.transpose(1, 2), y, ignore_index=pad, label_smoothing=eps)


def beam_with_a_heap(table, beam, n):
    """Probabilities instead of their logs, tuples instead of lists, and it stops when nobody goes on."""
    finished, alive = [], [(1.0, ())]
    for _ in range(n):
        options = [
            (p * math.exp(logp), (*ids, i)) for p, ids in alive for i, logp in enumerate(table[ids[-1] if ids else 0])
        ]
        best = heapq.nlargest(beam - len(finished), options)
        finished += [one for one in best if one[1][-1] == 0]
        if not (alive := [one for one in best if one[1][-1] != 0]):
            break
    return max(finished + alive)[1]


def links_in_lists(weights, n_words):
    heads, T = weights.tolist(), weights.size(1)
    return [max(range(n_words), key=lambda s: sum(head[t][s] for head in heads)) for t in range(T)]


def intensity(m, k, n, bytes_each):
    return 2 / bytes_each / (1 / m + 1 / k + 1 / n)


def flops(n_layer, n_embd, n_vocab, n_ctx):
    return 72 * n_layer * n_embd**2 + 6 * n_vocab * n_embd + 12 * n_layer * n_ctx * n_embd


def mfu(tokens, seconds, per_token, recomputed, n_gpus, peak):
    return tokens / n_gpus / seconds * per_token / peak


RIGHT = [
    ("09.hide", hide_in_loops),
    ("09.hide", hide_in_numpy),
    ("09.loss", masked_loss_in_lists),
    ("09.loss", lambda logits, targets: F.cross_entropy(logits.transpose(1, 2).double(), targets)),
    ("09.look", look_text_by_text),
    ("09.look", look_built_in),
    ("09.look", look_with_a_large_number),
    ("09.whole", lambda log_probs, place: np.argmax(log_probs.numpy().mean(1))),
    ("09.whole", lambda log_probs, place: log_probs[:, place:].exp().prod(1).argmax()),
    ("10.teacher", lambda ids, bos, eos: [tuple([bos, *ids, eos][:-1]), [bos, *ids, eos][1:]]),
    ("10.loss", smoothed_loss_by_targets),
    ("10.loss", smoothed_loss_built_in),
    ("10.penalty", lambda totals, lengths, alpha: list(np.array(totals) * (6 / (5 + np.array(lengths))) ** alpha)),
    (
        "10.penalty",
        lambda totals, lengths, alpha: tuple(torch.tensor(totals) / ((5 + torch.tensor(lengths)) / 6) ** alpha),
    ),
    ("10.beam", beam_with_a_heap),
    ("10.links", links_in_lists),
    ("10.links", lambda weights, n_words: weights.double().sum(0)[:, :n_words].max(1).indices.int()),
    ("10.links", lambda weights, n_words: weights.numpy().mean(0)[:, :n_words].argmax(1)),
    ("12.intensity", intensity),
    ("12.intensity", lambda m, k, n, bytes_each: Fraction(2 * m * k * n, bytes_each * (m * k + k * n + m * n))),
    ("12.intensity", lambda *given: torch.tensor(intensity(*given))),
    ("12.flops", flops),
    ("12.flops", lambda *given: np.float32(flops(*given))),
    ("12.flops", lambda *given: torch.tensor(flops(*given))),
    ("12.mfu", mfu),
    ("12.mfu", lambda *given: torch.tensor(mfu(*given), dtype=torch.float64)),
    ("12.allreduce", lambda grads: [grads.mean(0).tolist()] * len(grads)),
    ("12.allreduce", lambda grads: np.tile(grads.numpy().mean(0), (len(grads), 1))),
    ("12.allreduce", lambda grads: torch.ones(len(grads), len(grads)) @ grads / len(grads)),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_right_answers_written_in_other_ways_pass(exercise, answer):
    assert (result := course.check(exercise, answer)).passed, result


# ---- wrong, and near the right


def hide(asked, mask_below=lambda lot: lot < 0.8, random_below=lambda lot: lot < 0.9):
    def answer(ids, chance, lot, other):
        new = torch.where(mask_below(lot), 3, torch.where(random_below(lot), other, ids))
        return torch.where(asked(ids, chance), new, ids), torch.where(asked(ids, chance), ids, -100)

    return answer


def words(ids, chance):
    return (chance < 0.15) & (ids > 3)


def skips_the_first_place(ids, chance):
    return words(ids, chance) & (torch.arange(ids.size(1)) > 0)


def look_over(shown):
    def answer(q, k, v, ids):
        scores = q @ k.mT / q.size(-1) ** 0.5
        return scores.masked_fill(~shown(ids)[:, None], -torch.inf).softmax(-1) @ v

    return answer


def smoothed_loss_where(real):
    def answer(logits, y, pad, eps):
        losses = F.cross_entropy(logits.transpose(1, 2), y, label_smoothing=eps, reduction="none")
        return losses[real(y, pad)].mean()

    return answer


WRONG = [
    ("09.hide", hide(lambda ids, chance: (chance < 0.15) & (ids > 1))),
    ("09.hide", hide(lambda ids, chance: (chance < 0.15) & (ids > 4))),
    ("09.hide", hide(words, mask_below=lambda lot: lot <= 0.8)),
    ("09.hide", hide(words, random_below=lambda lot: lot <= 0.9)),
    ("09.hide", hide(skips_the_first_place)),
    ("09.look", look_over(lambda ids: ids > 1)),
    ("09.look", look_over(lambda ids: (ids != 0) & (ids != 2))),
    ("10.loss", smoothed_loss_where(lambda y, pad: y > 0)),
    ("10.loss", smoothed_loss_where(lambda y, pad: y > pad)),
    ("10.beam", lambda table, beam, n: beam_with_a_heap(table, 3, n)),
    ("10.beam", lambda table, beam, n: beam_with_a_heap(table, beam, 3)),
    ("10.beam", lambda table, beam, n: beam_with_a_heap(table, beam - 1, n)),
]


@pytest.mark.parametrize(("exercise", "answer"), WRONG)
def test_wrong_answers_near_the_right_one_are_refused_with_a_sentence_or_both_results(exercise, answer):
    result = course.check(exercise, answer)
    assert not result.passed
    assert result.misconception or {"Got:", "Expected:"} <= {label for label, _ in result.details}, result


def test_the_first_text_of_hide_shows_each_border():
    result = course.check("09.hide", hide(words, mask_below=lambda lot: lot <= 0.8))
    shown = dict(result.details)
    assert "14" not in shown["Got:"]
    assert "14" in shown["Expected:"], "the random word of the place whose lot is 0.8"


@pytest.mark.parametrize(
    ("exercise", "answer", "wanted"),
    [
        ("10.penalty", lambda *given: torch.tensor([-1.0]), "a list"),
        ("10.beam", lambda *given: np.array([1, 0]), "a list"),
        ("09.whole", lambda log_probs, place: log_probs.sum(1).argmax()[None], "a whole number"),
        ("12.intensity", lambda *given: f"{intensity(*given):.2f}", "a number"),
        ("12.mfu", lambda *given: f"{mfu(*given):.0%}", "a number"),
        ("12.allreduce", lambda grads: grads.mean(0), "(P, D) = (2, 5)"),
    ],
)
def test_a_result_of_another_kind_is_told_which_is_asked_for(exercise, answer, wanted):
    result = course.check(exercise, answer)
    assert result.status == "contract"
    assert f"the contract asks for {wanted}" in result.message, result
