"""Every exercise: its reference passes, its stub is not started, and each known mistake gets its own message."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from minigpt import course
from minigpt.config import GPTConfig
from minigpt.course.exercises import (
    all_exercises,
    find,
    nb01,
    nb01_measures,
    nb02,
    nb02_merges,
    nb03,
    nb03_loss,
    nb07,
    nb08,
)
from minigpt.course.run import drawn_state, run
from minigpt.models.word2vec import SkipGram, skip_gram_pairs
from minigpt.models.word_vectors import WordVectors
from minigpt.text.bpe import learn_merges
from minigpt.text.tokenizers import BPETokenizer
from minigpt.training.costs import flops_per_token
from minigpt.training.roofline import product

EXERCISES = list(all_exercises().values())
MISTAKES = [(exercise, mistake) for exercise in EXERCISES for mistake in exercise.misconceptions]
CLASSES = [exercise for exercise in EXERCISES if isinstance(exercise.reference, type)]


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_the_reference_passes(exercise):
    result = course.check(exercise.id, exercise.reference)
    assert result.passed, result
    assert result.status == "passed"


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES, ids=[f"{e.id} {m.name}" for e, m in MISTAKES])
def test_each_mistake_is_recognised_as_itself_and_as_no_other(exercise, mistake):
    result = course.check(exercise.id, mistake.wrong)
    assert not result.passed
    assert (result.status, result.misconception, result.message) == ("misconception", mistake.name, mistake.message)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_stubs_are_not_started(exercise):
    def raises(*args):
        raise NotImplementedError

    class Dots(nn.Module):
        def __init__(self, *args):
            super().__init__()
            ...

        def forward(self, x, mask=None):
            return ...

    class Raises(Dots):
        def forward(self, x, mask=None):
            raise NotImplementedError

    class Nothing(nn.Module):
        pass

    functions = [lambda *args: ..., lambda *args: None, raises]
    for stub in [..., None, *([Dots, Raises, Nothing] if exercise in CLASSES else functions)]:
        result = course.check(exercise.id, stub)
        assert result.status == "not started", (stub, result)
        assert exercise.contract in result.message


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_inputs_are_the_same_each_time_and_grow(exercise):
    first, second = exercise.calls(), exercise.calls()
    assert len(first) >= 2
    assert repr(first) == repr(second)
    assert size(first[0]) == min(map(size, first))


def size(call):
    return sum(x.numel() if isinstance(x, torch.Tensor) else len(x) if hasattr(x, "__len__") else 0 for x in call.args)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_texts_are_whole_sentences_and_never_belittle(exercise):
    texts = [exercise.contract, *(mistake.message for mistake in exercise.misconceptions)]
    for text in texts:
        assert text[-1] in ".?", text
        assert not re.search(r"\b(simply|just|obviously)\b|  ", text), text
    assert len(set(texts)) == len(texts)
    assert len({mistake.name for mistake in exercise.misconceptions}) == len(exercise.misconceptions) >= 4


def test_each_notebook_has_three_to_five_exercises_and_the_first_has_fewer():
    numbers = [exercise.id[:2] for exercise in EXERCISES]
    assert {number: numbers.count(number) for number in sorted(set(numbers))} == {
        "00": 2,
        "01": 5,
        "02": 5,
        "03": 5,
        "04": 5,
        "05": 5,
        "06": 5,
        "07": 5,
        "08": 4,
        "09": 4,
        "10": 5,
        "11": 5,
        "12": 5,
        "13": 5,
        "15": 5,
    }


def test_the_exact_gelu_is_told_from_the_tanh_by_a_small_margin_only():
    x = torch.linspace(-5, 5, 2001)
    largest = (nb07.gelu(x) - nn.functional.gelu(x)).abs().max()
    assert find("07.gelu").tolerance < largest < 5e-4, "the message says less than 0.0005"


def test_references_agree_with_the_package_on_byte_pair_encoding():
    text = "the cat sat on the other cat's mat, that other matter"
    tokenizer = BPETokenizer.train(text, 256 + 12, special_tokens=())
    byte_ids = {tokenizer.token_bytes(i): i for i in range(256)}
    merges, ids_of = {}, dict(byte_ids)
    for left, right in tokenizer.merges:
        ids_of[left + right] = len(ids_of)
        merges[ids_of[left], ids_of[right]] = ids_of[left + right]
    for word in ("the", " matter", " other", "'s", "tttt", " cathat"):
        ids = [byte_ids[bytes([byte])] for byte in nb02.utf8(word)]
        assert nb02_merges.encoded(ids, merges) == tokenizer.encode(word)
    word = "abcabxab"
    first = next(iter(learn_merges({word: 1})))
    assert nb02.top_pair(nb02.utf8(word)) == (*first.left, *first.right)


def test_references_agree_with_the_package_on_word_vectors():
    ids = np.array([3, 1, 3, 0, 2])  # with a window of 1 the package draws no reach
    packaged = skip_gram_pairs(ids, np.zeros(5), 1, np.random.default_rng(0))
    assert sorted(map(tuple, packaged.tolist())) == sorted(nb03.pairs(ids.tolist(), 1))
    model = SkipGram(9, 4)
    for table in (model.wte, model.context):
        torch.nn.init.normal_(table.weight)
    center, near, noise = torch.tensor([0, 1]), torch.tensor([2, 3]), torch.tensor([[4, 5, 6], [7, 8, 4]])
    mine = nb03_loss.loss(model.wte(center), model.context(near), model.context(noise))
    torch.testing.assert_close(mine, model.loss(center, near, noise))
    for table, a, b, c in find("03.analogy").inputs():
        words = list(map(str, range(len(table))))
        (word, _), *_ = WordVectors(words, table.numpy()).analogy(words[a], words[b], words[c])
        assert word == str(find("03.analogy").reference(table, a, b, c))


def test_references_agree_with_the_package_on_operations_and_bytes():
    assert find("12.flops").reference(24, 1024, 50257, 1024) == flops_per_token(GPTConfig.named("gpt2-medium"))
    work = product(7, 30, 20, "bfloat16", torch.device("cpu"))
    assert find("12.intensity").reference(7, 30, 20, 2) == work.operations / work.n_bytes


def test_references_agree_with_examples_worked_by_hand():
    assert nb01.pair_counts("banana") == {"ba": 1, "an": 2, "na": 2}
    assert nb01_measures.perplexity([0.5, 0.125]) == pytest.approx(4)  # (1 bit + 3 bits) / 2 = 2 bits
    assert nb01_measures.bits_per_character(
        nats_per_token=2.0794415416798357, n_tokens=2, n_characters=6
    ) == pytest.approx(1)
    assert find("13.repeats").reference([1, 2, 3, 1, 2, 4, 2, 1, 2], 3) == [3, 4]
    assert find("13.cache").reference(12, 12, 64, 1024, 1, 4) == 72 * 2**20
    assert [nb01.draw([0.25, 0.5, 0.25], u) for u in (0, 0.2, 0.25, 0.74, 0.75, 0.99)] == [0, 0, 1, 1, 2, 2]
    assert nb02_merges.merged([1, 1, 1, 2], (1, 1), 9) == [9, 1, 2]
    assert nb02.fertility(list, "two words") == 9 / 2
    assert nb03.pairs([4, 7, 4], 1) == [(4, 7), (7, 4), (7, 4), (4, 7)]
    square = torch.tensor([[1.0, 0.0], [3.0, 4.0], [0.0, 2.0]])  # cosines 0.6, 0 and 0.8
    assert find("03.gap").reference(square, torch.tensor([0, 0, 1])) == pytest.approx(0.6 - (0 + 0.8) / 2)
    assert nb08.n_parameters(50257, 1024, 768, 12) == 124_439_808
    assert find("05.mask").reference(torch.arange(2), torch.arange(2)).tolist() == [[True, False], [True, True]]
    heads = torch.tensor([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]])  # (1, 2, 2, 2)
    assert find("05.merge").reference(heads).tolist() == [[[1, 2, 5, 6], [3, 4, 7, 8]]]


@pytest.mark.parametrize("exercise", CLASSES, ids=lambda exercise: exercise.id)
def test_drawn_weights_let_every_parameter_matter(exercise):
    call = exercise.calls()[-1]
    state = drawn_state(exercise.reference, call.init)
    before = run(exercise.reference, call, state)
    for name in state:
        changed = {**state, name: state[name] + 0.1 * torch.randn(state[name].shape)}
        assert not run(exercise.reference, call, changed).equals(before, 1e-3), name


def test_an_unknown_exercise_is_refused_with_the_nearest_ones():
    with pytest.raises(ValueError, match=r"no exercise '05\.rov': near it are 05\.row"):
        course.check("05.rov", None)
