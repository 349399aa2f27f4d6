import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from minigpt.config import GPTConfig
from minigpt.evaluation.recall import Recalled, recall, recall_by_distance
from minigpt.inspection.gradients import gradient_by_distance, gradient_norms
from minigpt.models.baselines import KINDS, RNN, BaselineConfig, of_equal_size
from minigpt.models.gpt import GPT
from minigpt.models.kneser_ney import KneserNey
from minigpt.text import recall as recall_module
from minigpt.text.batches import Batches
from minigpt.text.recall import ASK, FILLERS, NAMES, NOT_COUNTED, RecallBatches, RecallTask, from_storyland
from minigpt.text.storyland import Storyland
from minigpt.training.loop import TrainConfig, Trainer

TASK = RecallTask()

# The task


@given(st.integers(0, 200), st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_a_text_names_somebody_once_says_k_words_and_asks(k, index):
    words = TASK.text(k, index).split()
    assert words[0] == words[-1]
    assert words[0] in NAMES
    assert words[-2] == ASK
    assert len(words[1:-2]) == k
    assert set(words[1:-2]) <= set(FILLERS)
    assert words == TASK.text(k, index).split()


def test_texts_differ_by_seed_and_index_and_no_word_is_there_twice():
    assert len({RecallTask(seed).text(20, index) for seed in (0, 1) for index in range(10)}) == 20
    assert len(set(TASK.words)) == len(TASK.words) == TASK.n_vocab


def test_the_example_in_the_modules_docstring_is_true():
    assert f"'{TASK.text(6)}'" in (recall_module.__doc__ or "")


def test_names_are_uniform_and_say_nothing_about_the_words_after_them():
    rows = np.array([TASK.ids(1, index) for index in range(3000)])
    counts = np.bincount(rows[:, 0], minlength=12)
    assert abs(counts - 250).max() < 5 * np.sqrt(250 * 11 / 12)
    assert abs(np.corrcoef(rows[:, 0], rows[:, 1])[0, 1]) < 0.06


def test_a_batch_counts_the_answer_alone_and_asks_other_than_the_test():
    batches = RecallBatches(TASK, ks=[3, 8], batch_size=40, seed=1)
    assert batches.meta() == {"task_seed": TASK.seed, "ks": [3, 8], "batch_size": 40, "seed": 1}
    lengths = set()
    tested = {tuple(question.ids) for k in (3, 8) for question in TASK.questions(k, 200)}
    for step in range(20):
        x, y = batches.batch(step)
        lengths.add(x.size(1))
        assert torch.equal(y[:, -1], x[:, 0])
        assert (y[:, :-1] == NOT_COUNTED).all()
        assert x.size(1) == 5 or not {tuple(row) for row in x.tolist()} & tested
    assert lengths == {5, 10}
    assert batches.n_ctx == 10
    assert torch.equal(batches.batch(4)[0], batches.batch(4)[0])


def test_storylands_own_questions_are_asked_in_the_same_way():
    land = Storyland()
    ids = {word: i for i, word in enumerate(land.vocabulary())}
    told = land.recall(50)
    question = from_storyland(told, ids)
    assert question.answer == ids[told.answer] == question.ids[-50]
    assert len(question.ids) == told.position
    assert question.chance == 1 / 12
    assert question.answer in question.candidates
    with pytest.raises(ValueError, match="no id for"):
        from_storyland(told, {"the": 0})


# The measure


class First(nn.Module):
    """Remembers all, forgets all after `limit` tokens, or always answers the same."""

    def __init__(self, limit: int):
        super().__init__()
        self.limit, self.zero = limit, nn.Parameter(torch.zeros(1))

    def forward(self, ids: Tensor) -> Tensor:
        name = ids[:, :1] if ids.size(1) <= self.limit else torch.zeros_like(ids[:, :1])
        favourite = 2.0 * nn.functional.one_hot(torch.tensor(TASK.n_vocab - 1), TASK.n_vocab)  # a word that is no name
        return (nn.functional.one_hot(name, TASK.n_vocab) + favourite).expand(-1, ids.size(1), -1)


def test_a_model_that_remembers_ten_tokens_is_found_to_remember_ten_tokens():
    found = recall_by_distance(First(10), TASK, [0, 8, 9, 200], n=150)
    assert [found[k].n_right for k in (0, 8)] == [150, 150]
    for k in (9, 200):
        assert found[k].n_right == sum(question.answer == 0 for question in TASK.questions(k, 150))
        low, high = found[k].interval()
        assert low < found[k].chance < high
        assert found[k].chance == pytest.approx(1 / 12)


def test_an_n_gram_recalls_as_far_as_it_is_long():
    model = KneserNey(5, TASK.n_vocab)
    for index in range(1000, 3000):
        model.fit(TASK.ids(1, index))
    assert recall(model, TASK.questions(1, 200)).share > 0.9
    low, high = recall(model, TASK.questions(6, 200)).interval()
    assert low < 1 / 12 < high


def test_questions_of_several_lengths_are_counted_together():
    questions = TASK.questions(2, 30) + TASK.questions(20, 30)
    assert recall(First(10), questions, batch_size=7).n_right == 30 + sum(q.answer == 0 for q in questions[30:])


def test_the_interval_is_wilsons():
    """7 of 10, z = 1.96: (0.7 + 0.1921 ± 1.96 · √(0.021 + 0.0096)) / 1.3842, which is (0.8921 ± 0.3429) / 1.3842."""
    low, high = Recalled(7, 10, 0.1).interval()
    assert low == pytest.approx(0.3968, abs=1e-4)
    assert high == pytest.approx(0.8922, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gpt", "lstm", "mlp"])
def test_a_trained_model_recalls_what_it_can_reach(kind):
    config = GPTConfig(TASK.n_vocab, n_ctx=16, n_embd=32, n_head=4, n_layer=1)
    model = GPT(config) if kind == "gpt" else KINDS[kind](of_equal_size(kind, config, window=8))
    batches = RecallBatches(TASK, ks=[0, 2, 4, 12], batch_size=32)
    Trainer(model, batches, TrainConfig(n_steps=150, learning_rate=1e-2, n_warmup=10, weight_decay=0.0)).run()
    found = recall_by_distance(model, TASK, [2, 12], n=100)
    assert found[2].share > 0.9
    if kind == "mlp":
        assert found[12].share < 0.2  # the name has left its window
    else:
        assert found[12].share > 0.5


# The gradient against the distance


class Leaky(nn.Module):
    """h = 0.5 h + x, and logits that depend on h alone: the gradient halves with each step, exactly."""

    def __init__(self, n_vocab: int = 7):
        super().__init__()
        self.wte = nn.Embedding(n_vocab, 4)
        self.out = nn.Linear(4, n_vocab)

    def forward(self, ids: Tensor) -> Tensor:
        x, h, states = self.wte(ids), 0.0, []
        for t in range(ids.size(1)):
            h = 0.5 * h + x[:, t]
            states.append(h)
        return self.out(torch.stack(states, dim=1))


class Drawn(Batches):
    """Random ids."""

    def __init__(self, n_vocab: int, n_ctx: int):
        super().__init__(np.random.default_rng(0).integers(n_vocab, size=200), n_ctx, batch_size=3)


def test_the_gradient_of_a_leaky_memory_halves_with_each_step():
    found = gradient_by_distance(Leaky(), Drawn(7, 12), n_batches=3)
    np.testing.assert_allclose(found[1:] / found[:-1], 0.5, rtol=1e-5)


def test_float64_shows_gradients_that_are_0_in_float32():
    far = gradient_by_distance(Leaky(), Drawn(7, 160), n_batches=1)[-1]
    assert far == 0.0
    assert gradient_by_distance(Leaky().double(), Drawn(7, 160), n_batches=1)[-1] == pytest.approx(0, abs=1e-45)
    assert gradient_by_distance(Leaky().double(), Drawn(7, 160), n_batches=1)[-1] > 0


def test_its_size_is_that_of_the_formula():
    """∂ loss / ∂ h is out.T (softmax - one-hot of the target), and ∂ h / ∂ x of the last token is 1."""
    model = Leaky()
    x, y = Drawn(7, 12).batch(0)
    error = model(x)[:, -1].softmax(-1) - nn.functional.one_hot(y[:, -1], 7)
    torch.testing.assert_close(gradient_norms(model, x, y)[:, -1], (error @ model.out.weight).norm(dim=-1))


def test_a_window_has_no_gradient_beyond_it():
    model = KINDS["mlp"](BaselineConfig(7, n_embd=4, n_hidden=5, window=3))
    found = gradient_by_distance(model, Drawn(7, 12))
    assert (found[:3] > 0).all()
    assert (found[3:] == 0).all()


def test_the_gradient_of_a_gpt_is_that_of_a_small_change_of_one_embedding():
    model = GPT(GPTConfig(7, 12, 8, 2, 2)).double()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    x, y = torch.tensor([[0, 1, 2, 3, 4, 5]]), torch.tensor([[1, 2, 3, 4, 5, 6]])
    slopes = []
    for channel in range(8):
        losses = []
        for sign in (1, -1):
            change = torch.zeros(1, 6, 8).double()
            change[0, 2, channel] = sign * 1e-5
            handle = model.wte.register_forward_hook(lambda module, inputs, output, change=change: output + change)
            losses.append(nn.functional.cross_entropy(model(x)[:, -1], y[:, -1]).item())
            handle.remove()
        slopes.append((losses[0] - losses[1]) / 2e-5)
    assert gradient_norms(model, x, y)[0, 2].item() == pytest.approx(np.linalg.norm(slopes), rel=1e-6)


def test_measuring_leaves_the_model_as_it_was():
    model = RNN(BaselineConfig(7, n_embd=4, n_hidden=5, dropout=0.5)).train()
    gradient_by_distance(model, Drawn(7, 12))
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.wte._forward_hooks


def test_the_memory_of_a_new_rnn_fades_faster_than_that_of_a_new_lstm_and_attention_does_not_fade():
    config = GPTConfig(11, 64, 16, 2, 2)
    models = {"gpt": GPT(config), **{kind: KINDS[kind](of_equal_size(kind, config)) for kind in ("rnn", "lstm")}}
    left = {}
    for kind, model in models.items():
        found = gradient_by_distance(model, Drawn(11, 64))
        left[kind] = found[40] / found[1]
    assert left["rnn"] < 1e-3 * left["lstm"] < 1e-3
    assert left["gpt"] > 0.3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RecallTask(seed=-1), "negative"),
        (lambda: TASK.ids(-1), "0 words or more"),
        (lambda: RecallBatches(TASK, [], 4), "at least one distance"),
        (lambda: RecallBatches(TASK, [3], 0), "at least 1"),
        (lambda: recall(First(3), []), "no questions"),
        (lambda: gradient_by_distance(nn.Linear(2, 2), Drawn(7, 12)), "no table `wte`"),
        (lambda: gradient_by_distance(Leaky(), Drawn(7, 12), n_batches=0), "at least one"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
