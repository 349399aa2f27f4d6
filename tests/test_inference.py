"""A model made ready to write, in 32, 16 and 8 bits: what it computes, what it costs, and what it leaves alone."""

import os
import platform
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest
import torch
from small_models import CONFIG, IDS, close, small_gpt

from minigpt import inference
from minigpt.evaluation.formats import losses_in
from minigpt.inference import FORMATS, Exact, Int8Linear, PackedLinear, choose, exact_way, prepared
from minigpt.inspection.interventions import ablate_head
from minigpt.models.encoder import MaskedLM
from minigpt.sampling import complete, generate, generate_batch
from minigpt.weights import load_shipped

CPU = torch.device("cpu")
FOUND = exact_way()
needs_int8 = pytest.mark.skipif(FOUND is None, reason="this CPU has no exact products of bytes")
ROUNDING = {"float32": 1e-4, "bfloat16": 0.2, "int8": 0.5}
"""By how much a log-probability of the shipped model may differ with a cache and without."""
MOVED = {"float32": 1e-5, "bfloat16": 0.03, "int8": 0.13 if FOUND and FOUND.steps < 127 else 0.1}
"""By how much those of all tokens may move in the mean. The most that one moves is a matter of chance."""


@pytest.fixture(scope="module")
def shipped():
    model, tokenizer = load_shipped()
    ids = tokenizer.encode(
        "Once upon a time there was a small cat who lived in a big house. One day, the cat saw a bird."
    )
    return model.eval(), tokenizer, torch.tensor([ids])


def rounded(x: np.ndarray, n_steps: int = 127) -> tuple[np.ndarray, np.ndarray]:
    """Each row in so many steps of its largest, and the size of a step, by hand."""
    step = np.abs(x).max(axis=-1, keepdims=True) / n_steps
    return np.floor(x / step + 0.5), step


@pytest.fixture(params=inference.STEPS)
def n_steps(request, monkeypatch) -> int:
    """Steps for the weights, whichever this machine would take by itself."""
    monkeypatch.setattr(inference, "STEPS", (request.param,))
    if exact_way() is None:
        pytest.skip("with as many steps this CPU's products of bytes overflow")
    return request.param


@pytest.mark.parametrize("shape", [(3, 24), (2, 5, 24), (1, 1, 24)])
def test_int8_is_the_product_of_rounded_rows_worked_out_by_hand(shape, n_steps):
    torch.manual_seed(0)
    weight, bias, x = torch.randn(7, 24), torch.randn(7), torch.randn(shape)
    (w, w_step), (v, v_step) = rounded(weight.double().numpy(), n_steps), rounded(x.double().numpy())
    expected = (v @ w.T) * v_step * w_step[:, 0] + bias.numpy()
    assert (np.abs(w).max(), np.abs(v).max()) == (n_steps, 127)
    ours = Int8Linear(weight, bias)(x).numpy()
    # A tie may fall to the other side in float32: one step of one number.
    assert np.abs(ours - expected).max() < 1.5 * float(v_step.max() * np.abs(weight.numpy()).max())
    assert np.median(np.abs(ours - expected)) < 1e-5


def test_numbers_that_are_steps_already_come_out_exactly(n_steps):
    weight = torch.tensor([[n_steps, -3, 5, 0], [0, 62, n_steps, -1]]).float()
    x = torch.tensor([[-127.0, 2, 0, 1], [0, 0, 0, 127]])
    close(Int8Linear(weight)(x), x @ weight.T, 1e-6)


@pytest.mark.parametrize("n_in", [2, 63, 3072])
def test_the_largest_numbers_of_either_sign_do_not_overflow(n_in, n_steps):
    torch.manual_seed(0)
    weight, x = torch.randint(0, 2, (33, n_in)) * 2.0 - 1, torch.randint(0, 2, (9, n_in)) * 2.0 - 1
    torch.testing.assert_close(Int8Linear(weight)(x), x @ weight.T, rtol=1e-6, atol=1e-3)


@needs_int8
def test_a_vector_or_a_row_of_zeros_gives_the_bias():
    weight, bias = torch.randn(3, 8), torch.tensor([1.0, -2.0, 3.0])
    close(Int8Linear(weight, bias)(torch.zeros(1, 2, 8)), bias.expand(1, 2, 3))
    close(Int8Linear(torch.zeros(3, 8), bias)(torch.randn(1, 8)), bias.expand(1, 3))


@pytest.mark.parametrize("layer", [PackedLinear, pytest.param(Int8Linear, marks=needs_int8)])
def test_an_offset_is_added_to_all_beside_the_bias(layer):
    weight, bias, x = torch.randn(7, 24), torch.randn(7), torch.randn(2, 5, 24)
    offset = torch.randn(2, 5, 1)
    close(layer(weight, bias)(x, offset), layer(weight, bias)(x) + offset, 1e-5)
    close(layer(weight)(x, offset), layer(weight)(x) + offset, 1e-5)


@needs_int8
def test_in_int8_a_text_gets_the_same_beside_a_much_larger_one():
    layer = Int8Linear(torch.randn(7, 24))
    x = torch.randn(1, 24)
    assert torch.equal(layer(torch.cat([x, 1000 * torch.randn(3, 24)]))[:1], layer(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("n_rows", [1, 8, 50])
def test_a_matrix_in_another_order_is_the_same_matrix(dtype, n_rows):
    torch.manual_seed(0)
    weight, bias, x = torch.randn(7, 24), torch.randn(7), torch.randn(n_rows, 24)
    if dtype is torch.bfloat16:
        weight, bias, x = (tensor.bfloat16().float() for tensor in (weight, bias, x))
    y = PackedLinear(weight, bias, dtype)(x)
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, x @ weight.T + bias, rtol=2**-8 if dtype is torch.bfloat16 else 1e-5, atol=1e-2)


@pytest.mark.parametrize("precision", FORMATS)
def test_the_model_itself_is_left_as_it_was(precision):
    model = small_gpt().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    list(generate(prepared(model, precision), [1, 2, 3], max_new_tokens=4))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert type(model.h[0].mlp.c_fc) is torch.nn.Linear


@pytest.mark.parametrize("precision", FORMATS)
def test_on_the_shipped_model_every_log_probability_stays_within_its_band(shipped, precision):
    model, _, ids = shipped
    with torch.inference_mode():
        moved = prepared(model, precision)(ids).log_softmax(-1) - model(ids).log_softmax(-1)
    assert 0 < moved.abs().mean() < MOVED[precision]


@pytest.mark.parametrize("precision", FORMATS)
def test_with_and_without_the_cache_the_model_says_the_same(shipped, precision):
    model, _, ids = shipped
    ready = prepared(model, precision)
    with torch.inference_mode():
        cache = ready.new_cache(1)
        parts = [
            ready(ids[:, :5], cache=cache),
            *(ready(ids[:, i : i + 1], cache=cache) for i in range(5, ids.size(1))),
        ]
        difference = (torch.cat(parts, dim=1) - ready(ids)).abs().max()
    # In few bits a difference in the seventh digit may round to another neighbour, and from there on spread.
    assert difference < ROUNDING[precision]


def test_a_block_reads_on_as_its_own_forward_does():
    ready = prepared(small_gpt(), "float32")
    with torch.inference_mode():
        x = torch.randn(2, 3, CONFIG.n_embd)
        for block, read_on in zip(ready.h, ready.readers, strict=True):
            ours, theirs = ready.new_cache(2).layers[0], ready.new_cache(2).layers[0]
            for part in (x[:, :2], x[:, 2:]):
                close(read_on(part, ours), block(part, cache=theirs), 1e-6)
            assert ours.length == theirs.length == 3
            close(ours.k[:, :, :3], theirs.k[:, :, :3], 1e-6)


def test_a_head_that_is_switched_off_stays_off_with_a_cache():
    ready = prepared(small_gpt(), "float32")
    with torch.inference_mode():
        before = ready(IDS, cache=ready.new_cache(len(IDS)))
        with ablate_head(ready, layer=0, head=1):
            off, with_cache = ready(IDS), ready(IDS, cache=ready.new_cache(len(IDS)))
        close(with_cache, off, 1e-5)
        assert (off - before).abs().max() > 1e-4
        close(ready(IDS, cache=ready.new_cache(len(IDS))), before, 1e-6)


@pytest.mark.parametrize("precision", FORMATS)
def test_all_ways_to_write_take_it(shipped, precision):
    model, tokenizer, _ = shipped
    ready = prepared(model, precision)
    assert complete(ready, tokenizer, "One day", max_new_tokens=5, temperature=0).startswith("One day")
    prompts = [[5, 6, 7], [8, 9]]
    steps = list(generate_batch(ready, prompts, max_new_tokens=4, temperature=0))
    together = [[step[i] for step in steps if step[i] is not None] for i in range(2)]
    assert [len(tokens) for tokens in together] == [4, 4]
    if ready.precision == "float32":
        alone = [list(generate(ready, prompt, max_new_tokens=4, temperature=0)) for prompt in prompts]
        assert together == alone


def test_in_float32_the_tokens_are_the_same(shipped):
    model, tokenizer, _ = shipped
    ids = tokenizer.encode("One day, Tom")
    ours, theirs = (
        list(generate(m, ids, max_new_tokens=40, temperature=0)) for m in (prepared(model, "float32"), model)
    )
    assert ours == theirs


def test_fewer_bits_are_fewer_bytes():
    model = small_gpt()
    n_bytes = {name: prepared(model, name).n_bytes() for name in FORMATS if choose(name, CPU)[0] == name}
    layers = [*(p for n, p in model.h.named_parameters() if "ln_" not in n), model.wte.weight]
    assert n_bytes["float32"] == sum(p.nbytes for p in layers)
    if "bfloat16" in n_bytes:
        assert n_bytes["bfloat16"] * 2 == n_bytes["float32"]
    if "int8" in n_bytes:
        n_weights = sum(p.numel() for p in layers if p.dim() == 2)
        assert n_bytes["int8"] == n_weights + 4 * sum(len(p) for p in layers if p.dim() == 2) + 4 * sum(
            p.numel() for p in layers if p.dim() == 1
        )


def test_logits_far_from_zero_lose_nothing_in_few_bits():
    model = small_gpt()
    with torch.no_grad():
        model.wte.weight += 30  # all logits of a position move together, as those of the published GPT-2 do
        ready = prepared(model, inference.choose("bfloat16", CPU)[0])
        x = ready.hidden(IDS)
        reference = model.head(x)
        error = (ready.head(x) - reference).abs().max()
        plain = (reference.bfloat16() - reference).abs().max()
    assert reference.mean(dim=-1).abs().max() > 30 > 3 * reference.std(dim=-1).max()
    assert error < plain / 3


def test_an_unknown_format_and_another_model_are_refused():
    with pytest.raises(ValueError, match="precision='int4': take one of float32, bfloat16, int8, auto"):
        prepared(small_gpt(), "int4")
    with pytest.raises(TypeError, match="MaskedLM cannot be prepared, only a GPT"):
        prepared(MaskedLM.__new__(MaskedLM))


@pytest.mark.parametrize(
    ("asked", "units", "steps", "taken", "why"),
    [
        ("float32", "AMX", 127, "float32", "float32, as asked"),
        ("bfloat16", "AMX", 0, "bfloat16", "bfloat16: this CPU has AMX"),
        ("bfloat16", "", 127, "float32", "float32: this CPU has no units for bfloat16, it would be slower"),
        ("auto", "AMX", 127, "bfloat16", "bfloat16: this CPU has AMX"),
        ("auto", "", 63, "float32", "float32: this CPU has no units for bfloat16, it would be slower"),
        ("int8", "", 127, "int8", "int8, as asked: products of bytes are exact on this CPU"),
        ("int8", "", 63, "int8", "int8, as asked, with 7 bits a weight: this CPU's products of bytes are exact so"),
        ("int8", "AMX", 0, "bfloat16", "bfloat16, not int8: this CPU has no exact products of bytes for PyTorch"),
        ("int8", "", 0, "float32", "float32, not int8: this CPU has no exact products of bytes for PyTorch"),
    ],
)
def test_a_machine_without_the_units_does_the_next_best_and_says_so(monkeypatch, asked, units, steps, taken, why):
    monkeypatch.setattr(inference, "bfloat16_units", lambda device: units)
    monkeypatch.setattr(inference, "exact_way", lambda: Exact(inference.by_onednn, steps) if steps else None)
    assert choose(asked, CPU) == (taken, why)


def test_on_a_gpu_int8_is_not_taken(monkeypatch):
    monkeypatch.setattr(inference, "bfloat16_units", lambda device: "bfloat16 tensor cores")
    assert choose("int8", torch.device("cuda"))[0] == "bfloat16"


def test_a_pytorch_without_the_call_has_no_int8(monkeypatch):
    def missing(*arguments):
        raise AttributeError("no such operator")

    monkeypatch.setattr(inference, "WAYS", (missing,))
    assert exact_way() is None
    with pytest.raises(RuntimeError, match="no exact products of bytes on this CPU: take bfloat16 or float32"):
        Int8Linear(torch.ones(2, 2))


def available() -> list:
    """The ways to multiply bytes that this machine has, each alone."""
    found = []
    for way in inference.WAYS:
        with suppress(AttributeError, RuntimeError):
            way(torch.ones(2, 2, dtype=torch.int8), torch.ones(2))
            found.append(way)
    return found


@pytest.mark.parametrize("way", available())
def test_each_way_to_multiply_bytes_gives_the_same(monkeypatch, way):
    torch.manual_seed(0)
    weight, bias, x = torch.randn(40, 24), torch.randn(40), torch.randn(2, 5, 24)
    engine = torch.backends.quantized.engine
    monkeypatch.setattr(inference, "WAYS", (way,))
    if (found := exact_way()) is None:
        pytest.skip("this CPU has no exact products of bytes by it")
    (w, w_step), (v, v_step) = rounded(weight.double().numpy(), found.steps), rounded(x.double().numpy())
    expected = (v @ w.T) * v_step * w_step[:, 0] + bias.numpy()
    assert np.abs(Int8Linear(weight, bias)(x).numpy() - expected).max() < 1e-4
    assert torch.backends.quantized.engine == engine


@needs_int8
def test_nothing_is_written_beside_the_text():
    code = "import torch; from minigpt.inference import Int8Linear; Int8Linear(torch.ones(2, 2))(torch.ones(1, 2))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN's instruction sets of x86")
def test_a_processor_that_overflows_is_found_out_and_gets_smaller_weights():
    code = "from minigpt import inference as i; i.WAYS = (i.by_onednn,); print(i.exact_way().steps)"
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}, capture_output=True, text=True)
    assert (found.stdout, found.stderr) == ("63\n", "")


def test_without_onednn_the_matrix_is_used_as_it_is(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    model = small_gpt()
    with torch.inference_mode():
        close(prepared(model, "float32")(IDS), model(IDS), 1e-5)


def test_the_cost_in_loss_is_measured_token_by_token_on_the_same_text(shipped):
    model, _, ids = shipped
    rows = {row.precision: row for row in losses_in(model, [ids[0].tolist()] * 2)}
    with torch.inference_mode():
        assert rows["float32"].loss == pytest.approx(float(model.loss(ids[:, :-1], ids[:, 1:])), abs=1e-4)
    assert rows["float32"].more == 0
    assert rows["float32"].perplexity == pytest.approx(np.exp(rows["float32"].loss))
    for row in rows.values():
        assert row.more == pytest.approx(row.loss - rows["float32"].loss, abs=1e-9)
        assert abs(row.more) < 0.05
        assert row.error < 0.02


def test_a_text_longer_than_the_context_is_cut_and_one_of_a_token_left_out():
    model = small_gpt()
    long = [i % CONFIG.n_vocab for i in range(50)]
    assert losses_in(model, [long, [3]], ["float32"]) == losses_in(model, [long[: CONFIG.n_ctx + 1]], ["float32"])
    with pytest.raises(ValueError, match="nothing to foretell"):
        losses_in(model, [[3], [4]])
