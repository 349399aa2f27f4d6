import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from minigpt.config import GPTConfig
from minigpt.models.baselines import KINDS, LSTM, RNN, BaselineConfig, WindowMLP, lstm, of_equal_size
from minigpt.models.gpt import GPT
from minigpt.sampling import generate, generate_batch
from minigpt.text.batches import Batches
from minigpt.training.loop import TrainConfig, Trainer

CONFIG = BaselineConfig(n_vocab=11, n_ctx=16, n_embd=12, n_hidden=6, n_layer=3, window=5)
IDS = torch.tensor([[3, 10, 0, 7, 7, 1, 2], [1, 2, 3, 4, 5, 6, 7]])
WINDOW = {"mlp": 5, "cnn": 8}
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_a_token_cannot_see_the_future(kind):
    model = KINDS[kind](CONFIG)
    before = model(IDS)
    changed = IDS.clone()
    changed[:, 4] = 9
    after = model(changed)
    torch.testing.assert_close(after[:, :4], before[:, :4])
    assert not torch.allclose(after[:, 4:], before[:, 4:])


@every_kind
def test_a_token_reaches_as_far_as_its_path_says(kind):
    model = KINDS[kind](CONFIG)
    x = torch.randn(1, 12, CONFIG.n_embd, requires_grad=True)
    (grad,) = torch.autograd.grad(model.read(x)[0, -1].sum(), x)
    reached = [bool(norm > 0) for norm in grad[0].norm(dim=-1).flip(0)]
    assert reached == [math.isfinite(model.path_length(distance)) for distance in range(12)]
    assert sum(reached) == WINDOW.get(kind, 12)


def test_paths_have_the_lengths_that_the_architectures_are_known_for():
    distances = [0, 1, 4, 5, 7, 8, 100]
    of = {kind: [model(CONFIG).path_length(d) for d in distances] for kind, model in KINDS.items()}
    assert of["rnn"] == of["lstm"] == distances
    assert of["mlp"] == [0, 1, 1, math.inf, math.inf, math.inf, math.inf]
    assert of["cnn"] == [0, 1, 1, 2, 3, math.inf, math.inf]  # 5 = 4 + 1, 7 = 4 + 2 + 1


def test_the_window_mlp_is_bengios_formula_position_by_position():
    model = WindowMLP(CONFIG)
    padded = torch.cat([torch.zeros(4, 12), model.wte(IDS[0]) * math.sqrt(12)])
    for t in range(7):
        # `unfold` puts the window last: all first channels, then all second channels, …
        window = padded[t : t + 5].T.flatten()
        y = model.wte.weight @ model.c_proj(torch.tanh(model.c_fc(window)))
        torch.testing.assert_close(model(IDS)[0, t], y)


def test_the_cnn_layer_worked_by_hand():
    """One channel, one unit; filter = x_now - x_before, gate always 1/2, and the result is added."""
    config = BaselineConfig(n_vocab=2, n_embd=1, n_hidden=1, n_layer=2)
    layer = KINDS["cnn"](config).layers[1]
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    layer.conv.weight.data[0, 0] = torch.tensor([-1.0, 1.0])
    layer.c_proj.weight.data[:] = 1.0
    x = torch.tensor([1.0, 4.0, 2.0, 4.0]).view(1, 4, 1)
    expected = [1 + math.tanh(1) / 2, 4 + math.tanh(4) / 2, 2 + math.tanh(1) / 2, 4 + math.tanh(0) / 2]
    torch.testing.assert_close(layer(x).flatten(), torch.tensor(expected))


def test_the_rnn_is_elmans_formula_step_by_step():
    model = RNN(BaselineConfig(n_vocab=11, n_embd=12, n_hidden=6))
    r, h = model.rnn, torch.zeros(2, 6)
    for t in range(7):
        x = model.wte(IDS[:, t]) * math.sqrt(12)
        h = torch.tanh(x @ r.weight_ih_l0.T + r.bias_ih_l0 + h @ r.weight_hh_l0.T + r.bias_hh_l0)
        torch.testing.assert_close(model(IDS)[:, t], model.c_proj(h) @ model.wte.weight.T)


def test_the_lstm_from_scratch_is_torchs():
    theirs = nn.LSTM(12, 6, batch_first=True)
    x = torch.randn(2, 7, 12)
    ours = lstm(x, theirs.weight_ih_l0, theirs.weight_hh_l0, theirs.bias_ih_l0 + theirs.bias_hh_l0)
    torch.testing.assert_close(ours, theirs(x)[0], rtol=1e-6, atol=1e-6)


def test_an_lstm_keeps_what_it_holds_when_its_forget_gate_is_open_and_its_input_gate_shut():
    """Bias +20 for the forget gate, -20 for the input gate after a first step that writes: c stays for 50 steps."""
    w_ih = torch.zeros(4, 1)
    w_ih[0], w_ih[2] = 40.0, 5.0  # an input of 1 opens the input gate, and is written
    x = torch.zeros(1, 50, 1)
    x[0, 0] = 1.0
    shown = lstm(x, w_ih, torch.zeros(4, 1), torch.tensor([-20.0, 20.0, 0.0, 20.0]))[0, :, 0]
    torch.testing.assert_close(shown, torch.full((50,), math.tanh(math.tanh(5.0))), rtol=1e-5, atol=1e-5)


def test_a_new_lstm_remembers():
    rnn = LSTM(CONFIG).rnn
    for layer in range(3):
        assert (getattr(rnn, f"bias_ih_l{layer}")[6:12] == 1).all()


@every_kind
@pytest.mark.parametrize("size", ["tiny", "story"])
def test_a_baseline_of_equal_size_is_of_equal_size(kind, size):
    config = GPTConfig.named(size, n_ctx=128)
    baseline = KINDS[kind](of_equal_size(kind, config))
    assert baseline.n_params() == pytest.approx(GPT(config).n_params(), rel=0.01)
    assert baseline.config.n_embd == config.n_embd
    assert kind != "cnn" or math.isfinite(baseline.path_length(127))


def test_equal_size_is_the_nearest_there_is():
    config = GPTConfig.named("tiny")
    found = of_equal_size("lstm", config, n_layer=2)
    sizes = {n: LSTM(BaselineConfig(512, 64, 64, n, n_layer=2)).n_params() for n in range(1, 100)}
    assert found.n_layer == 2
    assert found.n_hidden == min(sizes, key=lambda n: abs(sizes[n] - config.n_params()))


@every_kind
def test_parameters_are_counted_once_and_by_hand(kind):
    V, C, N, W = 11, 12, 6, 5
    recurrent = (C * N + N * N + 2 * N) + 2 * (N * N + N * N + 2 * N)
    by_hand = {
        "mlp": W * C * N + N + N * C + C,
        "cnn": 3 * (2 * C * 2 * N + 2 * N + N * C + C),
        "rnn": recurrent + N * C + C,
        "lstm": 4 * recurrent + N * C + C,
    }
    assert KINDS[kind](CONFIG).n_params() == V * C + by_hand[kind]


@every_kind
def test_the_same_trainer_trains_them_all(kind):
    ids = np.tile(np.array([3, 1, 4, 1, 5, 9, 2, 6], dtype=np.uint16), 30)  # what follows 1 depends on what was before
    batches = Batches(ids, n_ctx=16, batch_size=8)
    model = KINDS[kind](replace(CONFIG, n_layer=3 if kind == "cnn" else 1, n_hidden=16))
    config = TrainConfig(n_steps=150, learning_rate=1e-2, n_warmup=10, weight_decay=0.0)
    records = Trainer(model, batches, config).run()
    assert records[-1]["loss"] < 0.35 < 1.5 < records[0]["loss"]  # the first tokens of a window stay unsure
    assert list(generate(model, [5, 9], max_new_tokens=8, temperature=0)) == [2, 6, 3, 1, 4, 1, 5, 9]


@every_kind
@pytest.mark.parametrize("n", [5, 40])
def test_generation_is_the_same_with_and_without_a_memory(kind, n):
    """Also beyond n_ctx, where the window slides, and for a batch of prompts that differ in length."""
    model = KINDS[kind](CONFIG)
    options = {"max_new_tokens": n, "seed": 3}
    prompts = [[1, 2, 3], [4]]
    with_memory = list(generate_batch(model, prompts, **options))
    assert with_memory == list(generate_batch(model, prompts, use_cache=False, **options))
    alone = list(generate(model, prompts[0], **options))
    assert [row[0] for row in with_memory if row[0] is not None] == alone
    assert len(alone) == n


def test_a_memory_goes_on_where_it_stopped():
    for kind in (RNN, LSTM):
        model = kind(CONFIG)
        memory = model.new_cache(2)
        parts = [model(IDS[:, :3], memory), model(IDS[:, 3:], memory)]
        torch.testing.assert_close(torch.cat(parts, dim=1), model(IDS))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BaselineConfig(0), "n_vocab=0"),
        (lambda: BaselineConfig(5, window=0), "window=0"),
        (lambda: BaselineConfig(5, dropout=1.0), "dropout=1.0"),
        (lambda: of_equal_size("gru", GPTConfig.named("tiny")), "mlp, cnn, rnn, lstm"),
        (lambda: of_equal_size("rnn", GPTConfig.named("tiny"), n_hidden=4), "leave it out"),
        (lambda: of_equal_size("mlp", GPTConfig(11, 4, 4, 1, 1), window=500), "smaller window"),
        (lambda: KINDS["rnn"](CONFIG)(torch.tensor([[11]])), "outside the vocabulary"),
        (lambda: KINDS["rnn"](CONFIG)(torch.tensor([1])), "expected"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@every_kind
def test_what_comes_in_has_the_size_1_and_what_comes_out_is_moderate(kind):
    """With the table alone, of deviation 1/√C, the hidden layers would hear next to nothing."""
    model = KINDS[kind](BaselineConfig(n_vocab=200, n_embd=64))
    heard = []
    read = model.read
    model.read = lambda x: read(heard.append(x) or x)
    assert model(torch.arange(200)[None]).std() < 2
    assert heard[0].std().item() == pytest.approx(1, rel=0.03)
