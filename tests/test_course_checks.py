"""What a check says of answers that break the contract, fail, change their input or are wrong in a way of their own."""

import html
import math
import re

import numpy as np
import pytest
import torch
from torch import nn

from minigpt import course
from minigpt.config import SIZES
from minigpt.course.checks import Result
from minigpt.course.values import misfit, same, short
from minigpt.models import attention, blocks
from minigpt.models.attention import Attention
from minigpt.models.blocks import MLP


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))


def right(q, k):
    return (k @ q / math.sqrt(len(q))).softmax(-1)


def test_what_cannot_be_called_is_refused():
    result = course.check("05.row", torch.zeros(3))
    assert result.status == "contract"
    assert "A function is asked for" in result.message
    assert "without brackets" in result.message


def test_too_few_arguments_are_named_with_the_contract():
    result = course.check("05.row", lambda q: q)
    assert result.status == "contract"
    assert "takes (q): too many positional arguments" in result.message
    assert "my_row(q, k) takes one query" in result.message


def test_too_many_arguments_are_named():
    result = course.check("05.row", lambda q, k, v: q)
    assert "takes (q, k, v): missing a required argument: 'v'" in result.message


def test_a_wrong_type_says_what_was_asked_for():
    assert "The result is text, 'a', the contract asks for a tensor" in course.check("05.row", lambda q, k: "a").message
    result = course.check("01.draw", lambda probs, u: 0.5)
    assert result.status == "contract"
    assert "The result is a number, 0.5, the contract asks for a whole number" in result.message


def test_a_wrong_shape_is_said_in_letters_and_numbers():
    result = course.check("05.row", lambda q, k: right(q, k)[None])
    assert result.status == "contract"
    assert "has the shape (1, 2), the contract asks for (S,) = (2,)" in result.message


def test_a_mask_has_to_be_of_true_and_false():
    result = course.check("05.mask", lambda queries, keys: (queries[:, None] >= keys).float())
    assert result.message == "The result holds torch.float32, the contract asks for torch.bool."


def test_floating_numbers_are_no_whole_ones():
    ids = torch.tensor([1, 2])
    assert misfit(ids, ids.double()) == "The result holds torch.float64, the contract asks for whole numbers."
    assert misfit(ids, ids.int()) == ""
    assert misfit(ids.double(), ids) == ""  # the other way round nothing is lost


def test_nan_is_named():
    result = course.check("05.row", lambda q, k: right(q, k) * math.nan)
    assert result.status == "contract"
    assert "NaN" in result.message


def test_a_softmax_by_hand_that_overflows_is_told_where_its_nan_comes_from():
    def by_hand(logits, t):
        if t == 0:
            return torch.nn.functional.one_hot(logits.argmax(), len(logits))
        return (logits / t).exp() / (logits / t).exp().sum()  # inf / inf in the last input

    result = course.check("13.temperature", by_hand)
    assert result.status == "contract"
    assert "∞/∞ (exp of a large number is ∞)" in result.message


def test_an_error_is_shown_with_the_line_of_the_readers_code():
    def broken(q, k):
        scores = q @ k  # the line
        return scores

    result = course.check("05.row", broken)
    assert result.status == "error"
    assert result.message.startswith("RuntimeError: ")
    label, text = result.details[0]
    assert label == "In your code:"
    assert re.fullmatch(r"line \d+: scores = q @ k  # the line", text)


def test_an_operation_that_pytorch_does_not_have_is_an_error_and_no_stub():
    result = course.check("05.row", lambda q, k: torch.ones(2, 2, dtype=torch.bool) @ torch.ones(2, dtype=torch.bool))
    assert result.status == "error"  # "not implemented for 'Bool'", a NotImplementedError like that of a stub


def test_an_error_inside_a_class_is_shown_with_its_line():
    class Broken(MLP):
        def forward(self, x):
            return self.c_proj(x)  # too narrow

    assert course.check("08.mlp", Broken).details[0][1].endswith("return self.c_proj(x)  # too narrow")


def test_a_wrong_value_shows_the_smallest_input_with_both_results():
    result = course.check("05.row", lambda q, k: right(q, k) + (0.25 if len(k) == 5 else 0))
    assert result.status == "different"
    labels = dict(result.details)
    assert list(labels) == ["With:", "Got:", "Expected:"]
    assert labels["With:"].count("[") == 1 + 1 + 5, "the second input, with five keys"
    assert labels["Got:"] != labels["Expected:"]


@pytest.mark.parametrize("in_place", [lambda k: k.mul_(2), lambda k: k.__setitem__(0, 0)])
def test_a_changed_argument_is_named_even_if_the_result_is_right(in_place):
    def changes(query, keys):
        result = right(query, keys)
        in_place(keys)
        return result

    result = course.check("05.row", changes)
    assert result.status == "contract"
    assert "changes changes its argument keys" in result.message


def test_a_changed_list_is_named():
    def pops(probs, u):
        return len(probs) - len(probs[:-1]) if probs.pop() else 0

    assert "pops changes its argument probs" in course.check("01.draw", pops).message


def test_a_changed_argument_of_forward_is_named():
    class Changes(MLP):
        def forward(self, x):
            y = super().forward(x)
            x.zero_()
            return y

    assert "Changes changes its argument x" in course.check("08.mlp", Changes).message


def test_lists_and_arrays_stand_for_tensors():
    assert course.check("05.row", lambda q, k: right(q, k).tolist()).passed
    assert course.check("05.row", lambda q, k: right(q, k).numpy()).passed


def test_a_mistake_that_raises_an_error_where_sizes_differ_is_recognised():
    def swapped(q, k, v, mask):
        scores = k @ q.T / math.sqrt(q.size(-1))
        return torch.where(mask, scores, torch.tensor(-math.inf)).softmax(-1) @ v  # fails where T is not S

    assert course.check("05.head", swapped).misconception == "queries and keys swapped"


def test_two_mistakes_at_once_are_shown_by_example():
    def two(q, k, v, mask):
        return (q @ k.T).masked_fill(~mask, -math.inf).softmax(0) @ v

    assert course.check("05.head", two).status == "different"


class Mine(nn.Module):
    """Right, with names of its own choice."""

    def __init__(self, n_embd, dropout=0.0):
        super().__init__()
        self.c_fc = nn.Linear(n_embd, 4 * n_embd)
        self.projection = nn.Linear(4 * n_embd, n_embd)

    def forward(self, x):
        return self.projection(self.c_fc(x))


def test_missing_and_extra_parameters_are_named():
    result = course.check("08.mlp", Mine)
    assert result.status == "contract"
    assert "missing are c_proj.weight, c_proj.bias" in result.message
    assert "not asked for are projection.weight, projection.bias" in result.message


def test_parameters_of_the_wrong_shape_are_named():
    class Narrow(MLP):
        def __init__(self, n_embd, dropout=0.0):
            super().__init__(n_embd)
            self.c_fc = nn.Linear(n_embd, 3 * n_embd)

    assert "c_fc.weight has the shape (6, 2), not (8, 2)" in course.check("08.mlp", Narrow).message


def test_an_object_in_place_of_its_class_is_refused():
    assert "give the class itself, MLP" in course.check("08.mlp", MLP(4)).message
    assert "A class is asked for" in course.check("08.mlp", lambda x: x).message


def test_a_class_without_super_init_or_without_forward_or_mask_says_so():
    class NoSuper(nn.Module):
        def __init__(self, n_embd, dropout=0.0):
            pass

        def forward(self, x):
            return x

    class NoForward(nn.Module):
        def __init__(self, n_embd, dropout=0.0):
            super().__init__()

    class NoMask(Attention):
        def forward(self, x):
            return x

    assert "super().__init__()" in course.check("08.mlp", NoSuper).message
    assert "has no method forward" in course.check("08.mlp", NoForward).message
    assert "got an unexpected keyword argument 'mask'" in course.check("05.attention", NoMask).message


def test_a_class_that_is_no_module_says_so():
    class Plain:
        def __init__(self, n_embd, dropout=0.0):
            pass

        def forward(self, x):
            return x

    assert "Plain is no nn.Module" in course.check("08.mlp", Plain).message


def test_a_forgotten_return_is_asked_about():
    assert "is `return` missing?" in course.check("05.row", lambda q, k: None).message


def test_a_check_takes_no_random_numbers_from_the_reader():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    course.check("05.attention", Attention)
    assert torch.equal(torch.rand(1), expected)


def test_a_result_reads_as_text_and_as_html_that_screen_readers_announce():
    result = course.check("05.row", lambda q, k: "<script>alert(1)</script>")
    page, text = result._repr_html_(), repr(result)
    assert 'role="status"' in page
    assert "<script" not in page
    assert html.escape("<script>alert(1)</script>") in page
    assert text.startswith("✗ 05.row: not what the contract asks for\n")
    assert "var(--jp-" in page


@pytest.mark.parametrize(
    ("status", "sign"), [("passed", "✓"), ("not started", "○"), ("error", "✗"), ("misconception", "✗")]
)
def test_signs_and_words_say_what_colours_say(status, sign):
    result = Result("05.row", status, "message")
    assert repr(result).startswith(f"{sign} 05.row: ")
    assert f"{sign} 05.row: " in result._repr_html_()


# ---- course.same


def test_functions_modules_and_values_are_compared_with_the_packages():
    q, k, v = torch.randn(3, 1, 2, 4, 3)
    assert course.same(attention.attend, attention.attend, q, k, v, mask="causal").passed
    assert course.same(blocks.MLP(8), blocks.MLP(8), torch.randn(1, 3, 8)).passed
    assert course.same(dict(SIZES), SIZES).passed


def test_a_difference_from_the_package_is_shown():
    result = course.same(lambda x: x + 1, lambda x: x, torch.zeros(2))
    assert not result.passed
    assert dict(result.details) == {"Yours:": "[1. 1.]", "The package's:": "[0. 0.]"}


def test_same_leaves_the_readers_module_as_it_was():
    mine = blocks.MLP(8, dropout=0.5).train()
    before = {name: value.clone() for name, value in mine.state_dict().items()}
    assert course.same(mine, blocks.MLP(8, dropout=0.5), torch.randn(2, 3, 8)).passed
    assert mine.training
    assert all(torch.equal(before[name], value) for name, value in mine.state_dict().items())


def test_same_raises_the_readers_error():
    with pytest.raises(ZeroDivisionError):
        course.same(lambda x: x / 0, lambda x: x, 1)


# ---- comparing values


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (torch.tensor([1.0, 2.0]), [1, 2]),
        (torch.tensor(1.5), 1.5),
        (2, torch.tensor(2)),
        (0.5, 0.5 + 1e-9),
        (1.0, 1),
        ([1, (2, 3)], ((1, [2, 3]))),
        ({"a": 1.0}, {"a": 1.0 + 1e-9}),
        (float("nan"), float("nan")),
        (torch.tensor([math.inf]), torch.tensor([math.inf])),
    ],
)
def test_values_that_mean_the_same_are_the_same(expected, got):
    assert same(expected, got, 1e-6)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (torch.tensor([1.0, 2.0]), [1.0, 2.1]),
        (torch.tensor([True]), torch.tensor([1])),
        (torch.zeros(2), torch.zeros(1, 2)),
        (torch.zeros(2), "00"),
        (torch.zeros(2), [[1], [2, 3]]),
        (2, 2.0),
        (2, "2"),
        ("a", "b"),
        (True, 1),
        ([1, 2], [1, 2, 3]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1}, [1]),
        (1.0, 1.0 + 1e-3),
    ],
)
def test_values_that_differ_are_not_the_same(expected, got):
    assert not same(expected, got, 1e-6)


def test_lists_of_another_length_say_so():
    assert misfit([1, 2], [1]) == "The result has 1 element, 2 were expected."
    assert misfit(([1], [2]), ([1], np.array([2]))) == (
        "Element 1 of the result is a NumPy array of shape (1,), the contract asks for a list."
    )
    assert misfit(2.0, np.array(2.0)) == ""
    assert misfit(torch.zeros(2), torch.zeros(2).bfloat16()).startswith(
        "The result holds torch.bfloat16, which has too"
    )
    assert misfit(torch.zeros(()), torch.zeros(2)).endswith("the contract asks for a single number.")


def test_long_values_are_shortened():
    assert len(short(torch.randn(100, 100))) < 900
    assert len(short("x" * 10_000)) < 500
    assert short(right) == "right"
