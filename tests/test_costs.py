"""The calculators against what PyTorch counts: operations, what is kept for the backward pass, the peak of a step."""

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from minigpt.config import GPTConfig
from minigpt.models import chunked
from minigpt.models.gpt import GPT
from minigpt.text.batches import Batches
from minigpt.training import costs
from minigpt.training.costs import Memory, activations_of_a_block, flops_per_token, hours, memory
from minigpt.training.loop import TrainConfig, Trainer, make_optimizers

CONFIGS = [
    GPTConfig(n_vocab=50, n_ctx=16, n_embd=24, n_head=3, n_layer=1),
    GPTConfig(n_vocab=70, n_ctx=12, n_embd=32, n_head=4, n_layer=5),
]


def batch(config: GPTConfig, batch_size: int):
    torch.manual_seed(0)
    return torch.randint(config.n_vocab, (2, batch_size, config.n_ctx))


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("training", [True, False])
def test_operations_are_those_that_pytorch_counts(config, training):
    x, y = batch(config, 3)
    model = GPT(config)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # fused attention is not counted
        loss = model.loss(x, y)
        if training:
            loss.backward()
    assert counter.get_total_flops() == x.numel() * flops_per_token(config, training=training)


def bytes_kept(model: GPT, x: torch.Tensor, y: torch.Tensor, dtype: torch.dtype = torch.float32) -> int:
    """Bytes of all tensors that the forward pass keeps, those of the weights aside; shared memory counts once."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept, alive = {}, []

    def keep(tensor):
        alive.append(tensor)
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype is torch.bfloat16)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), autocast:
        loss = model.loss(x, y)
    assert loss.requires_grad
    return sum(kept.values())


@pytest.mark.parametrize("config", CONFIGS)
def test_activations_are_counted_to_the_byte(config):
    x, y = batch(config, 4)
    found = bytes_kept(GPT(config), x, y)
    assert found - 4 == memory(config, batch_size=4).activations  # and one number, how many targets there are


@pytest.mark.parametrize("config", CONFIGS)
def test_activations_in_bfloat16_are_counted_to_the_byte(config):
    x, y = batch(config, 4)
    found = bytes_kept(GPT(config), x, y, torch.bfloat16)
    assert found - 4 == memory(config, batch_size=4, activation_bytes=2).activations


@pytest.mark.parametrize(("dtype", "activation_bytes"), [(torch.float32, 4), (torch.bfloat16, 2)])
def test_activations_beside_a_loss_in_chunks_are_counted_to_the_byte(monkeypatch, dtype, activation_bytes):
    config = CONFIGS[1]
    for module in (chunked, costs):
        monkeypatch.setattr(module, "MOST_LOGITS", 1000)
    x, y = batch(config, 4)
    table_gradient = 4 * config.n_vocab * config.n_embd  # is counted as passing
    found = bytes_kept(GPT(config), x, y, dtype) - table_gradient
    copy = 2 * config.n_vocab * config.n_embd * (activation_bytes == 2)  # of the table: gone when the loss is there
    assert found == memory(config, batch_size=4, activation_bytes=activation_bytes).activations - copy


def test_a_block_keeps_sixteen_times_its_width():
    config = CONFIGS[1]
    assert sum(activations_of_a_block(config).values()) == 4 * (16 * 32 + 4 + 4)
    assert sum(activations_of_a_block(config, 2).values()) == 2 * 14 * 32 + 4 * (2 * 32 + 4 + 4)


def peak_of_a_step(config: GPTConfig, batch_size: int, optimizer: str) -> int:
    """The most bytes that a step allocates at one time, over weights and averages, from the profiler's record."""
    model = GPT(config)
    optimizers = make_optimizers(model, TrainConfig(optimizer=optimizer))
    x, y = batch(config, batch_size)

    def step():
        model.loss(x, y).backward()
        for one in optimizers:
            one.step()
            one.zero_grad()

    step()  # the averages are there from now on
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step()
    events = [e for e in profiled.profiler.kineto_results.events() if e.name() == "[memory]"]
    most = now = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    resting = [*model.parameters(), *(t for one in optimizers for s in one.state.values() for t in s.values())]
    return most + sum(tensor.nbytes for tensor in resting)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "batch_size", "optimizer"),
    [
        (GPTConfig(n_vocab=300, n_ctx=64, n_embd=96, n_head=4, n_layer=4), 1, "adamw"),  # weights take the most
        (GPTConfig(n_vocab=300, n_ctx=128, n_embd=96, n_head=4, n_layer=4), 16, "adamw"),  # activations do
        (GPTConfig(n_vocab=5000, n_ctx=64, n_embd=64, n_head=2, n_layer=2), 8, "adamw"),  # logits do
        (GPTConfig(n_vocab=20000, n_ctx=32, n_embd=64, n_head=2, n_layer=2), 1, "adamw"),  # the table's gradients do
        (GPTConfig(n_vocab=300, n_ctx=128, n_embd=96, n_head=4, n_layer=4), 8, "muon"),
    ],
)
def test_the_peak_is_foretold_within_5_percent_and_counted_by_the_trainer_as_by_pytorch(config, batch_size, optimizer):
    found = peak_of_a_step(config, batch_size, optimizer)
    assert memory(config, batch_size, optimizer=optimizer).peak == pytest.approx(found, rel=0.05)
    assert trained(config, batch_size, optimizer=optimizer)["tensor_bytes"] == pytest.approx(found, rel=0.01)


def trained(config: GPTConfig, batch_size: int, **settings) -> dict:
    """The last record of a run of two steps."""
    batches = Batches(np.arange(5000) % config.n_vocab, config.n_ctx, batch_size)
    return Trainer(GPT(config), batches, TrainConfig(n_steps=2, n_warmup=1, **settings)).run()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("n_accumulate", [1, 2])
@pytest.mark.parametrize("n_vocab", [200, 20000])
def test_the_tensors_of_a_run_are_those_foretold(precision, n_accumulate, n_vocab):
    config = GPTConfig(n_vocab=n_vocab, n_ctx=64, n_embd=64, n_head=2, n_layer=4)
    record = trained(config, 2, precision=precision, n_accumulate=n_accumulate)
    assert record["tensor_bytes"] == pytest.approx(record["foretold_bytes"], rel=0.05)


@pytest.mark.slow
def test_the_peak_with_a_loss_in_chunks_is_foretold_and_lower(monkeypatch):
    config = GPTConfig(n_vocab=3000, n_ctx=128, n_embd=64, n_head=2, n_layer=2)
    whole = memory(config, 16).peak
    for module in (chunked, costs):
        monkeypatch.setattr(module, "MOST_LOGITS", 3000 * 256)
    found = peak_of_a_step(config, 16, "adamw")
    assert memory(config, 16).peak == pytest.approx(found, rel=0.15)
    assert found < 0.6 * whole


def test_a_batch_in_parts_keeps_less_and_carries_the_gradients():
    whole, parts = memory(CONFIGS[1], 64), memory(CONFIGS[1], 64, n_accumulate=4)
    assert (whole.carried, parts.carried) == (0, parts.gradients)
    assert parts.activations == memory(CONFIGS[1], 16).activations
    assert parts.peak - memory(CONFIGS[1], 16).peak == parts.gradients


def test_sharding_divides_what_is_held_and_data_parallel_only_what_is_kept():
    config = CONFIGS[1]
    alone, ddp, fsdp = (
        memory(config, 8, n_processes=n, parallel=way) for n, way in ((1, "ddp"), (4, "ddp"), (4, "fsdp"))
    )
    assert ddp.weights == alone.weights == 4 * config.n_params()
    assert alone.optimizer == 2 * alone.weights
    assert ddp.activations == fsdp.activations == alone.activations / 4
    assert fsdp.weights + fsdp.gradients + fsdp.optimizer == alone.weights  # a quarter of four times as much


def test_the_peak_is_the_larger_of_two_moments():
    early = Memory(weights=1, gradients=5, optimizer=2, activations=7, passing=1)
    late = Memory(weights=1, gradients=9, optimizer=2, activations=7, passing=1)
    with_the_table = Memory(weights=1, gradients=5, optimizer=2, activations=7, passing=1, beside=4)
    assert (early.peak, late.peak, with_the_table.peak) == (11, 12, 12)
    assert (early.is_most_at_first, late.is_most_at_first, with_the_table.is_most_at_first) == (True, False, False)


def test_hours_are_operations_by_speed():
    config = GPTConfig.named("gpt2")
    assert flops_per_token(config) == 3 * (2 * (12 * 12 * 768**2 + 50257 * 768) + 4 * 12 * 1024 * 768)
    assert hours(config, 3600e9, flops_per_token(config) * 1e9, utilisation=0.5) == pytest.approx(2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 6, "n_processes": 4}, "one divides the other"),
        ({"batch_size": 0}, "at least 1"),
        ({"batch_size": 1, "n_ctx": 99}, "n_ctx=99 is more than the model's 16"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        memory(CONFIGS[0], **options)
    with pytest.raises(ValueError, match="utilisation=0: a share"):
        hours(CONFIGS[0], 1, 1, utilisation=0)
