"""bfloat16 where it is fast: what is chosen, what stays in float32, and that it still learns the same."""

import dataclasses

import numpy as np
import pytest
import torch
from small_runs import CONFIG, TRAIN, losses, trainer, weights

from minigpt.models.gpt import GPT
from minigpt.text.batches import Batches
from minigpt.training import precision
from minigpt.training.loop import TrainConfig, Trainer
from minigpt.training.precision import bfloat16_units, choose

CPU = torch.device("cpu")


def test_what_is_asked_for_is_taken():
    assert choose("float32", CPU).dtype is torch.float32
    assert choose("bfloat16", CPU).dtype is torch.bfloat16
    with pytest.raises(ValueError, match="precision='fp8': take one of float32, bfloat16, auto"):
        choose("fp8", CPU)
    with pytest.raises(ValueError, match="precision='fp8'"):
        TrainConfig(precision="fp8")


@pytest.mark.parametrize(
    ("amx", "avx", "dtype", "words"),
    [
        (True, True, torch.bfloat16, "bfloat16 for products of matrices: this CPU has AMX"),
        (False, True, torch.bfloat16, "bfloat16 for products of matrices: this CPU has AVX-512 BF16"),
        (False, False, torch.float32, "float32: this CPU has no units for bfloat16"),
    ],
)
def test_by_itself_it_looks_what_the_processor_has(monkeypatch, amx, avx, dtype, words):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx, raising=False)
    assert choose("auto", CPU) == (dtype, words)


def test_without_the_functions_that_tell_it_takes_float32(monkeypatch):
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert bfloat16_units(CPU) == ""
    assert bfloat16_units(torch.device("mps")) == ""


def test_weights_averages_and_gradients_stay_in_float32(tmp_path):
    run = trainer(tmp_path, precision="bfloat16")
    run.run()
    tensors = [*run.model.parameters(), *(t for one in run.optimizers for s in one.state.values() for t in s.values())]
    assert {tensor.dtype for tensor in tensors} == {torch.float32}


def test_products_are_computed_in_bfloat16_and_the_stream_is_not():
    run = trainer(precision="bfloat16")
    seen = {}
    run.model.h[0].mlp.c_fc.register_forward_hook(lambda module, inputs, output: seen.update(product=output.dtype))
    run.model.h[0].register_forward_hook(lambda module, inputs, output: seen.update(stream=output.dtype))
    run.one_step()
    assert seen == {"product": torch.bfloat16, "stream": torch.float32}


def test_a_resumed_run_in_bfloat16_equals_one_in_one_go_to_the_bit(tmp_path):
    whole = trainer(tmp_path / "whole", precision="bfloat16")
    whole.run()
    first = trainer(tmp_path / "parts", precision="bfloat16")
    for record in first.steps():
        if record["step"] == 3:
            break
    second = trainer(tmp_path / "parts", precision="bfloat16")
    second.run()
    assert torch.equal(weights(whole), weights(second))
    assert losses(whole.records) == losses(second.records)


@pytest.mark.slow
def test_the_loss_falls_as_in_float32():
    ids = np.tile(np.arange(5, dtype=np.uint16), 100)
    ends = {}
    for name in precision.CHOICES[:2]:
        torch.manual_seed(0)
        model = GPT(dataclasses.replace(CONFIG, dropout=0.0))
        config = dataclasses.replace(TRAIN, n_steps=150, learning_rate=1e-2, n_warmup=10, precision=name)
        ends[name] = Trainer(model, Batches(ids, 6, 8), config).run()[-1]["loss"]
    assert ends["bfloat16"] == pytest.approx(ends["float32"], abs=0.02)
