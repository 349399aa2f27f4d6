"""Products shared out to the cores: PyTorch's own results, for any model, and PyTorch as it was afterwards."""

import threading

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import IDS, close, small_gpt
from torch import nn

from minigpt.models import products
from minigpt.models.products import LINEAR, shared_linear, sharing_products


@pytest.fixture(autouse=True)
def three_cores_and_no_matrix_too_small(monkeypatch):
    monkeypatch.setattr(products, "SMALL", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(1, 4), max_size=3).map(tuple),
    n_in=st.integers(1, 9),
    n_out=st.integers(1, 14),
    has_bias=st.booleans(),
    columns_together=st.booleans(),
)
def test_the_result_is_that_of_pytorch_for_any_shape(shape, n_in, n_out, has_bias, columns_together):
    x, weight = torch.randn(*shape, n_in), torch.randn(n_out, n_in)
    if columns_together:
        weight = weight.t().contiguous().t()
    bias = torch.randn(n_out) if has_bias else None
    close(shared_linear(x, weight, bias), LINEAR(x, weight, bias), 1e-5)


def test_gradients_are_those_of_pytorch():
    x, layer = torch.randn(2, 5, 8), nn.Linear(8, 7)
    gradients = []
    for function in (LINEAR, shared_linear):
        layer.zero_grad()
        function(x, layer.weight, layer.bias).square().sum().backward()
        gradients.append((layer.weight.grad.clone(), layer.bias.grad.clone()))
    close(*gradients, 1e-4)


def test_each_core_gets_its_share_of_the_rows(monkeypatch):
    batches, bmm = [], torch.bmm
    monkeypatch.setattr(torch, "bmm", lambda a, b: batches.append((a.shape, b.shape)) or bmm(a, b))
    shared_linear(torch.randn(2, 1, 8), torch.randn(12, 8))
    assert batches == [((3, 2, 8), (3, 8, 4))]


@pytest.mark.parametrize("why", ["one core", "small", "double precision"])
def test_where_sharing_does_not_pay_pytorch_computes_alone(monkeypatch, why):
    dtype = torch.float64 if why == "double precision" else torch.float32
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1 if why == "one core" else 3)
    monkeypatch.setattr(products, "SMALL", 12 * 8 + 1 if why == "small" else 0)
    monkeypatch.setattr(torch, "bmm", None)
    x, weight = torch.randn(2, 1, 8, dtype=dtype), torch.randn(12, 8, dtype=dtype)
    assert torch.equal(shared_linear(x, weight), LINEAR(x, weight))


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="without MKL nothing is shared out")
def test_within_the_block_a_models_products_are_shared_out_and_afterwards_pytorch_is_as_it_was(monkeypatch):
    model, calls = small_gpt(), []
    expected = model(IDS)
    monkeypatch.setattr(products, "shared_linear", lambda *args: calls.append(1) or shared_linear(*args))
    with sharing_products():
        close(model(IDS), expected, 1e-5)
    assert len(calls) == 4 * len(model.h) + 2  # the output matrix, and 21 of its 23 rows, three times 7
    with pytest.raises(ValueError, match="outside the vocabulary"), sharing_products():
        model(IDS + 100)
    assert F.linear is LINEAR


def test_blocks_in_one_another_and_in_threads_leave_pytorch_as_it_was():
    inside, leave = threading.Event(), threading.Event()

    def other():
        with sharing_products():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with sharing_products(), sharing_products():
        thread.start()
        assert inside.wait(10)
    leave.set()
    thread.join()
    assert F.linear is LINEAR


def test_somebody_elses_replacement_stays(monkeypatch):
    def theirs(*args):
        return LINEAR(*args)

    monkeypatch.setattr(F, "linear", theirs)
    with sharing_products():
        assert F.linear is theirs
    assert F.linear is theirs
