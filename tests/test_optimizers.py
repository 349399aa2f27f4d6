import itertools
import math

import pytest
import torch

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.training import optimizers
from minigpt.training.optimizers import (
    Muon,
    adamw,
    decay_groups,
    is_hidden_matrix,
    learning_rate,
    orthogonalise,
    orthogonalise_all,
)


def test_the_rate_climbs_in_a_line_and_falls_by_half_a_cosine():
    rates = [learning_rate(step, n_steps=110, peak=1.0, n_warmup=10, floor=0.1) for step in range(111)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == pytest.approx(1.0)
    assert rates[60] == pytest.approx(0.55)  # half-way: the mean of peak and floor
    assert rates[110] == pytest.approx(0.1)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))


def test_without_warm_up_the_first_step_has_the_peak():
    assert learning_rate(0, n_steps=10, peak=0.5, n_warmup=0) == 0.5


def test_gains_and_biases_are_not_decayed_and_each_parameter_is_in_one_group():
    model = GPT(GPTConfig.named("tiny"))
    decayed, others = decay_groups(list(model.named_parameters()), 0.1)
    assert decayed["weight_decay"] == 0.1
    assert others["weight_decay"] == 0.0
    assert all(name.endswith(("ln_1.weight", "ln_2.weight", "ln_f.weight", ".bias")) for name in others["names"])
    assert sorted(decayed["names"] + others["names"]) == sorted(name for name, _ in model.named_parameters())


def test_adamw_equals_the_algorithm_worked_by_hand():
    p = torch.nn.Parameter(torch.tensor([[1.0, -2.0]]))
    optimizer = adamw([("p", p)], weight_decay=0.1, betas=(0.9, 0.95))
    optimizer.param_groups[0]["lr"] = 0.01
    w, m, v = p.detach().clone(), 0.0, 0.0
    for t, gradient in enumerate((torch.tensor([[0.5, 1.0]]), torch.tensor([[-1.0, 2.0]])), start=1):
        p.grad = gradient.clone()
        optimizer.step()
        m, v = 0.9 * m + 0.1 * gradient, 0.95 * v + 0.05 * gradient**2
        w = w * (1 - 0.01 * 0.1) - 0.01 * (m / (1 - 0.9**t)) / ((v / (1 - 0.95**t)).sqrt() + 1e-8)
        torch.testing.assert_close(p.detach(), w)


def test_a_large_model_takes_the_fused_step_which_is_the_same_up_to_rounding(monkeypatch):
    found = []
    for many in (1, 10**9):
        monkeypatch.setattr(optimizers, "MANY", many)
        torch.manual_seed(0)
        parameters = [("h.0.weight", torch.nn.Parameter(torch.randn(5, 7))), ("b", torch.nn.Parameter(torch.randn(7)))]
        optimizer = adamw(parameters)
        assert bool(optimizer.defaults["fused"]) == (many == 1)
        for group in optimizer.param_groups:
            group["lr"] = 0.01
        for _ in range(3):
            for _, p in parameters:
                p.grad = torch.randn_like(p)
            optimizer.step()
        found.append([p.detach() for _, p in parameters])
    for fused, plain in zip(*found, strict=True):
        torch.testing.assert_close(fused, plain, atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", [(8, 8), (24, 8), (8, 24)])
def test_orthogonalise_keeps_singular_vectors_and_brings_singular_values_near_one(shape):
    torch.manual_seed(0)
    u, _, vt = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    values = torch.linspace(1.0, 0.2, u.size(1))
    result = orthogonalise(u @ torch.diag(values) @ vt)
    inner = u.T @ result @ vt.T
    assert (inner - torch.diag(inner.diagonal())).abs().max() < 1e-4
    assert inner.diagonal().min() > 0.65
    assert inner.diagonal().max() < 1.25


def test_muon_treats_the_three_parts_of_c_attn_apart():
    torch.manual_seed(0)
    gradient = torch.randn(12, 4)
    whole = torch.nn.Parameter(torch.zeros(12, 4))
    optimizer = Muon([("h.0.attn.c_attn.weight", whole)])
    optimizer.param_groups[0]["lr"] = 1.0
    whole.grad = gradient.clone()
    optimizer.step()
    for part, part_gradient in zip(whole.detach().chunk(3), gradient.chunk(3), strict=True):
        torch.testing.assert_close(part, -orthogonalise(part_gradient))


def test_matrices_of_one_shape_go_through_together_and_come_back_in_their_places():
    torch.manual_seed(0)
    matrices = [torch.randn(shape) * (i + 1) for i, shape in enumerate([(8, 8), (24, 8), (8, 8), (8, 24), (24, 8)])]
    for matrix, found in zip(matrices, orthogonalise_all(matrices), strict=True):
        torch.testing.assert_close(found, orthogonalise(matrix), atol=1e-5, rtol=0)


def test_bfloat16_brings_singular_values_near_one_too_and_leaves_the_format_of_the_weights():
    torch.manual_seed(0)
    matrices = [torch.randn(shape) for shape in [(16, 16), (64, 16), (16, 64)]]
    rough = orthogonalise_all(matrices, torch.bfloat16)
    for found, exact in zip(rough, orthogonalise_all(matrices), strict=True):
        assert found.dtype == torch.float32
        assert (found - exact).norm() < 0.06 * exact.norm()
    assert any(not torch.equal(found, exact) for found, exact in zip(rough, orthogonalise_all(matrices), strict=True))


def test_momentum_is_the_share_of_the_mean_that_a_step_keeps():
    torch.manual_seed(0)
    p, gradients = torch.nn.Parameter(torch.zeros(4, 4)), torch.randn(2, 4, 4)
    optimizer = Muon([("h.0.attn.c_proj.weight", p)], momentum=0.6)
    optimizer.param_groups[0]["lr"] = 1.0
    mean, expected = torch.zeros(4, 4), torch.zeros(4, 4)
    for gradient in gradients:
        p.grad = gradient.clone()
        optimizer.step()
        mean = 0.6 * mean + 0.4 * gradient
        expected -= orthogonalise(0.4 * gradient + 0.6 * mean)
    torch.testing.assert_close(p.detach(), expected, atol=1e-5, rtol=0)


def test_muon_steps_are_of_one_size_however_large_the_gradient():
    sizes = []
    for scale in (1e-3, 1e3):
        torch.manual_seed(0)
        p = torch.nn.Parameter(torch.zeros(6, 6))
        optimizer = Muon([("h.0.mlp.c_fc.weight", p)])
        optimizer.param_groups[0]["lr"] = 0.1
        p.grad = torch.randn(6, 6) * scale
        optimizer.step()
        sizes.append(float(p.norm().detach()))
    assert math.isclose(*sizes, rel_tol=1e-3)


def test_muon_is_for_matrices_inside_the_blocks_only():
    names = [name for name, p in GPT(GPTConfig.named("tiny")).named_parameters() if is_hidden_matrix(name, p)]
    assert len(names) == 2 * 4
    assert all(name.startswith("h.") and name.endswith(".weight") and "ln_" not in name for name in names)
    matrix = torch.nn.Parameter(torch.zeros(2, 2))
    assert is_hidden_matrix("encoder.h.0.attn.c_attn.weight", matrix), "a stack inside a larger model"
    assert not is_hidden_matrix("encoder.wte.weight", matrix)
