"""Answers to the exercises of notebooks 11 and 13, as readers write them: right ones pass, wrong ones are named."""

import math

import numpy as np
import pytest
import torch

from minigpt import course


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))


# ---- right, in other ways


def adamw_of_arrays(p, g, m, v, t, rate, decay):
    p, g, m, v = (x.numpy().astype(np.float64) for x in (p, g, m, v))
    m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
    step = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.99**t)) + 1e-7)
    return [p - rate * (step + decay * p), m, v]


def adamw_of_torch(p, g, m, v, t, rate, decay):
    weights = torch.nn.Parameter(p.clone())
    weights.grad = g.clone()
    optimizer = torch.optim.AdamW([weights], lr=rate, betas=(0.9, 0.99), eps=1e-7, weight_decay=decay)
    optimizer.state[weights] = {"step": torch.tensor(t - 1.0), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    optimizer.step()
    return weights, optimizer.state[weights]["exp_avg"], optimizer.state[weights]["exp_avg_sq"]


def rate_in_a_tensor(step, n_steps, peak, n_warmup, floor):
    if step < n_warmup:
        return torch.tensor(peak / n_warmup * (step + 1))
    share = torch.tensor((step - n_warmup) / (n_steps - n_warmup)).clamp(max=1)
    return floor + (peak - floor) * torch.cos(share * math.pi / 2) ** 2


def clipped_of_torch(grads, max_norm):
    weights = [torch.nn.Parameter(torch.zeros_like(g)) for g in grads]
    for one, g in zip(weights, grads, strict=True):
        one.grad = g.clone()
    torch.nn.utils.clip_grad_norm_(weights, max_norm)
    return tuple(one.grad for one in weights)


def clipped_as_one(grads, max_norm):
    flat = np.concatenate([g.numpy().ravel() for g in grads])
    flat = flat / max(1.0, np.linalg.norm(flat) / max_norm)
    ends = np.cumsum([g.numel() for g in grads])[:-1]
    return [part.reshape(g.shape) for part, g in zip(np.split(flat, ends), grads, strict=True)]


def mean_so_far(grads, sizes):
    mean, n = torch.zeros(grads.shape[1], dtype=torch.float64), 0
    for g, size in zip(grads, sizes, strict=True):
        n += size
        mean = mean + (g - mean) * size / n
    return mean


def batch_by_index(ids, n_ctx, n_rows, seed, step):
    starts = np.random.default_rng([seed, step]).integers(0, len(ids) - n_ctx, n_rows)
    x = starts[:, None] + np.arange(n_ctx)
    return [ids[x].tolist(), ids[x + 1].astype(np.int32)]


def one_hot_or_softmax(logits, t):
    if not t:
        return torch.nn.functional.one_hot(logits.argmax(), len(logits))
    return tuple(torch.distributions.Categorical(logits=logits.double() / t).probs)


def by_rank(logits, k):
    keep = (logits[None, :] > logits[:, None]).sum(1) < k
    probs = torch.where(keep, logits.softmax(-1), 0)
    return (probs / probs.sum()).tolist()


def one_by_one(logits, t, p):
    probs = (logits / t).softmax(-1).tolist()
    left = [0.0] * len(probs)
    for token in sorted(range(len(probs)), key=probs.__getitem__, reverse=True):
        left[token] = probs[token]
        if sum(left) >= p:
            break
    return np.array(left) / sum(left)


def from_the_least_likely(logits, t, p):
    ordered, places = (logits / t).sort()
    gone = ordered.softmax(-1).cumsum(-1) <= 1 - p
    gone[-1] = False
    return (logits / t).masked_fill(gone.scatter(0, places, gone), -1e9).softmax(-1)


def by_dictionary(ids, n):
    after = {}
    for *begin, end in zip(*(ids[i:] for i in range(n)), strict=False):
        after.setdefault(tuple(begin), set()).add(end)
    return tuple(sorted(after.get(tuple(ids[1 - n :]), ())))


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        ("11.adam", adamw_of_arrays),
        ("11.adam", adamw_of_torch),
        ("11.cosine", rate_in_a_tensor),
        ("11.clip", clipped_of_torch),
        ("11.clip", clipped_as_one),
        ("11.accumulate", mean_so_far),
        ("11.accumulate", lambda grads, sizes: np.average(grads.tolist(), axis=0, weights=sizes.tolist())),
        ("11.batch", batch_by_index),
        ("13.temperature", one_hot_or_softmax),
        ("13.topk", by_rank),
        ("13.topp", one_by_one),
        ("13.topp", from_the_least_likely),
        ("13.repeats", by_dictionary),
        ("13.cache", lambda *numbers: 2 * torch.tensor(numbers).prod()),
        ("13.cache", lambda *numbers: 2 * np.prod(numbers)),
    ],
)
def test_right_answers_pass_however_they_are_written(exercise, answer):
    result = course.check(exercise, answer)
    assert result.passed, result


# ---- wrong


def squared_length(grads, max_norm):
    """Right where max_norm is 1."""
    squares = torch.cat([g.flatten() for g in grads]).square().sum()
    return [g * max_norm / squares.sqrt() for g in grads] if squares > max_norm else grads


def never_below_the_floor(step, n_steps, peak, n_warmup, floor):
    rate = peak * (step + 1) / n_warmup
    if step >= n_warmup:
        share = min(1, (step - n_warmup) / (n_steps - n_warmup))
        rate = floor + (peak - floor) * (1 + math.cos(math.pi * share)) / 2
    return max(floor, rate)


def constants_of_the_first_run(step, n_steps, peak, n_warmup, floor):
    if step < 4:
        return peak * (step + 1) / 4
    return floor + (peak - floor) * (1 + math.cos(math.pi * min(1, (step - 4) / 16))) / 2


def found_in_text(ids, n):
    text, last = " ".join(map(str, ids)), " ".join(map(str, ids[1 - n :])) + " "
    pieces = text.split(last)[1:]
    return sorted({int(piece.split()[0]) for piece in pieces})


def found_and_passed(ids, n):
    found, i = set(), 0
    while i <= len(ids) - n:
        if ids[i : i + n - 1] == ids[1 - n :]:
            found.add(ids[i + n - 1])
            i += n - 1
        i += 1
    return sorted(found)


def returned_too_soon(grads, sizes):
    total = torch.zeros(grads.shape[1])
    for g, size in zip(grads, sizes, strict=True):
        total = total + g * size / sizes.sum()
        return total
    return total


def topk_written_down(logits, k):
    values, places = logits.softmax(-1).topk(k)
    return torch.zeros_like(logits).scatter(0, places, values / values.sum())


def moved_on(logits, t, p):
    ordered, places = (logits / t).sort(descending=True)
    gone = ordered.softmax(-1).cumsum(-1) > p
    gone[1:] = gone[:-1].clone()
    return (logits / t).masked_fill(gone.scatter(0, places, gone), -math.inf).softmax(-1)


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        ("11.clip", squared_length, "squares compared"),
        ("11.cosine", never_below_the_floor, "warm-up held above the floor"),
        ("11.cosine", constants_of_the_first_run, ""),
        ("11.accumulate", returned_too_soon, "returned within the loop"),
        ("13.topk", topk_written_down, "k indices, and no more than V"),
        ("13.topp", moved_on, "the first not freed"),
        ("13.repeats", found_in_text, ""),
        ("13.repeats", found_and_passed, "overlapping places skipped"),
        ("13.repeats", lambda ids, n: sorted(by_dictionary(ids, n), key=str), "sorted as text"),
        ("13.repeats", lambda ids, n: [x for x in ids if tuple(ids[1 - n :]) == ids[:n]], "nothing forbidden"),
        ("13.cache", lambda n_layer, n_head, d_head, *others: 2 * math.prod(others) * n_layer * d_head, "one head"),
    ],
)
def test_wrong_answers_are_refused_and_named_where_it_is_a_known_slip(exercise, answer, name):
    result = course.check(exercise, answer)
    assert not result.passed
    assert result.misconception == name


@pytest.mark.parametrize(
    ("exercise", "answer", "argument"),
    [
        ("11.adam", lambda p, g, m, v, t, rate, decay: (p, m.mul_(0.9).add_(0.1 * g), v), "m"),
        ("11.clip", lambda grads, max_norm: [g.mul_(0.5) for g in grads], "grads"),
        ("11.accumulate", lambda grads, sizes: grads.mul_(sizes[:, None]).sum(0) / sizes.sum(), "grads"),
        ("13.temperature", lambda logits, t: logits.div_(t or 1).softmax(-1), "logits"),
        ("13.repeats", lambda ids, n: [ids.pop()], "ids"),
    ],
)
def test_an_answer_that_changes_its_input_is_told_which(exercise, answer, argument):
    result = course.check(exercise, answer)
    assert result.status == "contract"
    assert f"changes its argument {argument}," in result.message
