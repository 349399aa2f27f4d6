"""The loss in chunks against PyTorch's in one, and that it is taken where the logits would be too many."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from minigpt.config import GPTConfig
from minigpt.models import chunked
from minigpt.models.chunked import chunked_cross_entropy
from minigpt.models.gpt import GPT

B, T, C, V = 3, 7, 5, 13


def example(dtype=torch.float32, left_out: int = 4):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(B, T, C, generator=generator, dtype=dtype, requires_grad=True)
    table = torch.randn(V, C, generator=generator, dtype=dtype, requires_grad=True)
    y = torch.randint(V, (B, T), generator=generator)
    y.view(-1)[:left_out] = -100
    return x, table, y


def in_one(x, table, y):
    return F.cross_entropy(F.linear(x, table).flatten(0, 1), y.flatten())


@pytest.mark.parametrize("n_rows", [1, 4, 7, 21, 100])
@pytest.mark.parametrize("left_out", [0, 4, 20])
def test_loss_and_gradients_are_those_of_all_logits_at_once(n_rows, left_out):
    x, table, y = example(left_out=left_out)
    expected, found = in_one(x, table, y), chunked_cross_entropy(x, table, y, n_rows)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    for ours, theirs in zip(
        torch.autograd.grad(2.5 * found, (x, table)), torch.autograd.grad(2.5 * expected, (x, table)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("multiple", "n_padded"), [(4, 16), (13, 13), (64, 64)])
def test_a_padded_vocabulary_changes_nothing_but_the_shape_of_the_products(multiple, n_padded):
    x, table, y = example()
    with torch.no_grad():
        table -= 3 * x.mean((0, 1))  # all scores far below 0, which is what an extra row of zeros would get
    expected = in_one(x, table, y)
    with Largest() as mode:
        found = chunked_cross_entropy(x, table, y, n_rows=B * T, multiple=multiple)
    assert mode.numel == B * T * n_padded
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    for ours, theirs in zip(
        torch.autograd.grad(found, (x, table)), torch.autograd.grad(expected, (x, table)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_gradients_are_those_of_small_differences():
    x, table, y = example(torch.float64)
    assert torch.autograd.gradcheck(lambda x, table: chunked_cross_entropy(x, table, y, 4), (x, table))


def test_without_gradients_only_the_loss_is_computed():
    x, table, y = example()
    with torch.no_grad():
        found = chunked_cross_entropy(x, table, y, 4)
    assert not found.requires_grad
    torch.testing.assert_close(found, in_one(x, table, y).detach(), atol=1e-6, rtol=0)


def test_in_bfloat16_products_are_rounded_and_the_sums_are_not():
    x, table, y = example()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = chunked_cross_entropy(x, table, y, 4)
        expected = in_one(x, table, y)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(expected.item(), abs=1e-6)  # the same rounded products, the same sums
    for ours, theirs in zip(
        torch.autograd.grad(found, (x, table)), torch.autograd.grad(expected, (x, table)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=2e-2)


class Largest(TorchDispatchMode):
    """The most numbers that a tensor had that was made within it."""

    numel = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.numel = max(self.numel, result.numel())
        return result


def test_a_model_takes_it_where_the_logits_are_many_and_never_has_them_all(monkeypatch):
    config = GPTConfig(n_vocab=3000, n_ctx=256, n_embd=8, n_head=2, n_layer=1)
    torch.manual_seed(0)
    model, ids = GPT(config), torch.randint(config.n_vocab, (2, 257))
    x, y = ids[:, :-1], ids[:, 1:]
    losses, gradients, largest = [], [], []
    for most in (1 << 30, 3000 * 256):
        monkeypatch.setattr(chunked, "MOST_LOGITS", most)
        model.zero_grad()
        with Largest() as mode:
            loss = model.loss(x, y)
            loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
        largest.append(mode.numel)
    assert losses[1] == pytest.approx(losses[0], abs=1e-6)
    torch.testing.assert_close(gradients[1], gradients[0], atol=1e-6, rtol=0)
    assert largest == [512 * 3000, 256 * 3000]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch about itself
def test_it_can_be_compiled():
    x, table, y = example()
    compiled = torch.compile(
        lambda x, table: chunked_cross_entropy(x, table, y, 8, 64), fullgraph=True, backend="aot_eager"
    )
    found, expected = compiled(x, table), in_one(x, table, y)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    for ours, theirs in zip(
        torch.autograd.grad(found, (x, table)), torch.autograd.grad(expected, (x, table)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
