"""Sampling: against transformers, worked by hand, and what must hold with and without cache, alone or in a batch."""

import math
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.sampling import complete, cut_at, generate, generate_batch, next_token_probs, stream, window_start
from minigpt.text.tokenizers import BPETokenizer, CharTokenizer
from minigpt.weights import save_pretrained

N_CTX = 8
some_logits = st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=12)


@pytest.fixture
def model():
    torch.manual_seed(1)
    model = GPT(GPTConfig(n_vocab=257, n_ctx=N_CTX, n_embd=12, n_head=3, n_layer=2)).eval()
    for p in model.parameters():  # larger weights make continuations that differ
        p.data.mul_(8)
    return model


# ---------------------------------------------------------------- from logits to probabilities


def test_a_hand_worked_distribution():
    """Probabilities 1/2, 1/4, 1/8, 1/8: halving the temperature squares them; top-k and top-p cut."""
    logits = torch.tensor([0.5, 0.25, 0.125, 0.125]).log()
    squared = torch.tensor([1 / 4, 1 / 16, 1 / 64, 1 / 64])
    torch.testing.assert_close(next_token_probs(logits, temperature=0.5), squared / squared.sum())
    torch.testing.assert_close(next_token_probs(logits, top_k=2), torch.tensor([2 / 3, 1 / 3, 0, 0]))
    torch.testing.assert_close(next_token_probs(logits, top_p=0.75), torch.tensor([2 / 3, 1 / 3, 0, 0]))
    torch.testing.assert_close(next_token_probs(logits, top_p=0.76), torch.tensor([4 / 7, 2 / 7, 1 / 7, 0]))
    torch.testing.assert_close(next_token_probs(logits, temperature=0), torch.tensor([1.0, 0, 0, 0]))


@pytest.mark.parametrize(
    "rule", [{"temperature": 0.7}, {"top_k": 5}, {"top_p": 0.8}, {"temperature": 1.3, "top_k": 9, "top_p": 0.6}]
)
def test_transformers_makes_the_same_distribution(rule):
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    logits = torch.randn(4, 50, generator=torch.Generator().manual_seed(0)) * 3
    expected = logits
    for name, warper in (
        ("temperature", TemperatureLogitsWarper),
        ("top_k", TopKLogitsWarper),
        ("top_p", TopPLogitsWarper),
    ):
        if name in rule:
            expected = warper(rule[name])(None, expected)
    torch.testing.assert_close(next_token_probs(logits, **rule), expected.softmax(dim=-1))


@given(some_logits, st.floats(0.1, 5), st.integers(1, 15), st.floats(0.01, 1))
@settings(max_examples=80, deadline=None)
@example([0.0, 1.3032075718220799e-43], 1.0, 2, 0.5)
def test_what_is_left_is_a_distribution_over_the_likeliest(logits, temperature, k, p):
    probs = next_token_probs(logits, temperature, k, p)
    assert float(probs.sum()) == pytest.approx(1, abs=1e-5)
    kept = torch.tensor(logits)[probs > 0]
    lost = torch.tensor(logits)[probs == 0]
    assert kept.max() >= max(logits) - 1e-4  # softmax may round what is nearly equal
    if len(lost):
        assert lost.max() <= kept.min() + 1e-4


@given(st.lists(st.integers(0, 40), min_size=2, max_size=12, unique=True), st.integers(1, 15))
@settings(max_examples=50, deadline=None)
def test_top_k_keeps_k(logits, k):
    assert int((next_token_probs(np.array(logits) / 10, top_k=k) > 0).sum()) == min(k, len(logits))


@given(some_logits, st.floats(0.05, 0.95))
@settings(max_examples=80, deadline=None)
def test_top_p_keeps_the_fewest_that_reach_p(logits, p):
    before, after = next_token_probs(logits), next_token_probs(logits, top_p=p)
    kept = before[after > 0]
    assert float(kept.sum()) >= p - 1e-5
    assert float(kept.sum() - kept.min()) < p + 1e-5


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"temperature": -1}, "temperature=-1"),
        ({"temperature": math.nan}, "temperature"),
        ({"top_k": 0}, "top_k=0.*None keeps all"),
        ({"top_k": 2.5}, "top_k=2.5.*whole number"),
        ({"top_p": 0}, "top_p=0"),
        ({"top_p": 1.5}, "top_p=1.5.*at most 1"),
    ],
)
def test_rules_that_make_no_sense_are_refused(rule, message):
    with pytest.raises(ValueError, match=message):
        next_token_probs(torch.zeros(3), **rule)


@pytest.mark.parametrize("rule", [{}, {"temperature": 0}, {"top_k": 3}, {"top_p": 1.0}, {"top_p": 0.01}])
def test_forbidden_tokens_stay_forbidden(rule):
    assert next_token_probs([-math.inf, 0.0, -math.inf], **rule).tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        ([[0.0, 1.0], [math.nan, 2.0]], r"logits\[1, 0\] is NaN, as are 1 of 4.*damaged"),
        ([0.0, math.inf, math.inf], r"logits\[1\] is infinite, as are 2 of 3"),
        ([[0.0, 0.0], [-math.inf, -math.inf]], "every token is forbidden"),
        ([], r"shape \(0,\)"),
        (1.0, r"shape \(\)"),
    ],
)
def test_logits_that_are_no_numbers_are_named_with_their_place(logits, message):
    for temperature in (0, 1):
        with pytest.raises(ValueError, match=message):
            next_token_probs(logits, temperature)


def test_among_equals_the_lower_id_comes_first_and_top_k_keeps_the_tie():
    logits = [1.0, 2.0, 2.0, 2.0]
    assert next_token_probs(logits, temperature=0).tolist() == [0, 1, 0, 0]
    assert (next_token_probs(logits, top_k=2) > 0).tolist() == [False, True, True, True]
    assert (next_token_probs(logits, top_p=0.5) > 0).tolist() == [False, True, True, False]


def test_a_top_p_of_1_keeps_even_the_least_likely():
    logits = torch.linspace(0, -15, 5000)
    assert torch.equal(next_token_probs(logits, top_p=1.0), next_token_probs(logits))


@pytest.mark.parametrize("temperature", [1e-10, 1e-60, 5e-324])
def test_the_lower_the_temperature_the_closer_to_greedy(temperature):
    logits = [-1000.0, 3.0, 2.0]
    assert next_token_probs(logits, temperature).tolist() == next_token_probs(logits, 0).tolist() == [0, 1, 0]


def test_logits_come_as_list_array_or_tensor_and_are_not_changed():
    array = np.array([1.0, 2.0, 3.0])
    array.flags.writeable = False
    tensor = torch.tensor([1.0, 2.0, 3.0], dtype=torch.bfloat16, requires_grad=True)
    results = [next_token_probs(logits, top_k=2, top_p=0.9) for logits in ([1.0, 2.0, 3.0], array, tensor)]
    assert all(torch.equal(probs, results[0]) and probs.dtype == torch.float32 for probs in results)
    assert tensor.tolist() == [1.0, 2.0, 3.0]


# ---------------------------------------------------------------- generation


@pytest.mark.parametrize("temperature", [0, 1.0])
@pytest.mark.parametrize("n_prompt", [1, 5, N_CTX, N_CTX + 3])
def test_the_cache_changes_no_token_even_beyond_the_context(model, temperature, n_prompt):
    options = {"max_new_tokens": 25, "temperature": temperature, "seed": 3}
    prompt = list(range(40, 40 + n_prompt))
    with_cache = list(generate(model, prompt, use_cache=True, **options))
    assert with_cache == list(generate(model, prompt, use_cache=False, **options))
    assert len(with_cache) == 25


def test_greedy_takes_the_likeliest_each_time(model):
    ids = [3, 1, 4]
    for token in generate(model, [3, 1, 4], max_new_tokens=5, temperature=0):
        assert token == int(model(torch.tensor([ids]))[0, -1].argmax())
        ids.append(token)


def test_transformers_generates_the_same_greedy_tokens(model, tmp_path):
    from transformers import GPT2LMHeadModel

    save_pretrained(model, tmp_path / "model")
    reference = GPT2LMHeadModel.from_pretrained(tmp_path / "model")
    prompt = torch.tensor([[3, 1, 4]])
    expected = reference.generate(prompt, max_new_tokens=5, do_sample=False, pad_token_id=0, eos_token_id=None)
    assert list(generate(model, [3, 1, 4], max_new_tokens=5, temperature=0)) == expected[0, 3:].tolist()


@pytest.mark.parametrize("use_cache", [True, False])
def test_in_a_batch_each_row_gets_what_it_would_get_alone(model, use_cache):
    prompts = [[3], [1, 4, 1, 5], [9, 2]]
    options = {"max_new_tokens": 12, "use_cache": use_cache}
    columns = list(zip(*generate_batch(model, prompts, seed=5, **options), strict=True))
    for i, prompt in enumerate(prompts):
        alone = list(generate(model, prompt, seed=5 + i, **options))
        assert [token for token in columns[i] if token is not None] == alone
        assert len(alone) == 12


def test_a_seed_gives_the_same_tokens_and_leaves_the_global_state_alone(model):
    before = torch.random.get_rng_state()
    first = list(generate(model, [1], max_new_tokens=10, seed=7))
    assert list(generate(model, [1], max_new_tokens=10)) != list(generate(model, [1], max_new_tokens=10))  # no seed
    assert first == list(generate(model, [1], max_new_tokens=10, seed=7))
    assert first != list(generate(model, [1], max_new_tokens=10, seed=8))
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_stop_token_ends_its_row_only(model):
    free = list(generate(model, [5], max_new_tokens=6, temperature=0))
    stopped = list(generate(model, [5], max_new_tokens=6, temperature=0, stop=(free[2],)))
    assert stopped == free[: free.index(free[2]) + 1]
    columns = list(
        zip(*generate_batch(model, [[5], [6]], max_new_tokens=6, temperature=0, stop=(free[2],)), strict=True)
    )
    alone = list(generate(model, [6], max_new_tokens=6, temperature=0, stop=(free[2],)))
    assert [token for token in columns[1] if token is not None] == alone


def test_the_end_of_the_context_is_a_choice(model):
    prompt = [1, 2, 3]
    assert len(list(generate(model, prompt, max_new_tokens=20))) == 20
    stopped = list(generate(model, prompt, max_new_tokens=20, overflow="stop"))
    assert len(stopped) == N_CTX - len(prompt) + 1  # the last token is written, but never read
    with pytest.raises(ValueError, match="n_ctx=8 tokens is full"):
        list(generate(model, prompt, max_new_tokens=20, overflow="error"))


@pytest.mark.parametrize("n_ctx", [1, 2, 7, 8])
def test_the_window_ends_with_the_text_and_never_exceeds_the_context(n_ctx):
    for length in range(1, 40):
        assert 1 <= length - window_start(length, n_ctx) <= n_ctx


def test_dropout_is_off_and_training_mode_comes_back(model):
    config = GPTConfig(n_vocab=257, n_ctx=N_CTX, n_embd=12, n_head=3, n_layer=2, dropout=0.5)
    dropping = GPT(config)
    dropping.load_state_dict(model.state_dict())
    dropping.train()
    tokens = generate(dropping, [1], max_new_tokens=5, temperature=0)
    first = next(tokens)
    assert dropping.training  # also while the reader takes a break
    assert [first, *tokens] == list(generate(model, [1], max_new_tokens=5, temperature=0))


def test_gradients_can_be_taken_between_two_tokens(model):
    tokens = generate(model, [1], max_new_tokens=3, temperature=0)
    next(tokens)
    model.loss(torch.tensor([[1, 2]]), torch.tensor([[2, 3]])).backward()
    assert model.wte.weight.grad is not None
    next(tokens)


def test_each_module_returns_to_the_mode_that_it_was_in_even_after_an_error(model):
    model.train()
    model.h[0].eval()  # frozen, say
    modes = [module.training for module in model.modules()]
    next(generate(model, [1], max_new_tokens=5))
    assert [module.training for module in model.modules()] == modes
    model.wte.weight.data[5] = math.nan
    with pytest.raises(ValueError, match="NaN"):
        next(generate(model, [5], max_new_tokens=1))
    assert [module.training for module in model.modules()] == modes


def test_the_cache_reads_each_token_once_and_half_a_context_when_the_window_slides(model):
    read = []
    model.wte.register_forward_hook(lambda module, inputs, output: read.append(inputs[0].size(1)))
    list(generate(model, [1, 2, 3], max_new_tokens=11, temperature=0))
    assert read == [3, 1, 1, 1, 1, 1, 5, 1, 1, 1, 5]  # 8 are read; of 9, and later of 13, the last 5
    read.clear()
    list(generate(model, [1, 2, 3], max_new_tokens=7, temperature=0, use_cache=False))
    assert read == [3, 4, 5, 6, 7, 8, 5]


def test_a_cache_is_no_longer_than_the_text_will_be_or_than_the_context(model, monkeypatch):
    sizes, new_cache = [], model.new_cache
    monkeypatch.setattr(model, "new_cache", lambda *sizes_: sizes.append(sizes_) or new_cache(*sizes_))
    list(generate_batch(model, [[1, 2, 3], [4]], max_new_tokens=2))
    list(generate(model, [1, 2, 3], max_new_tokens=7))
    assert sizes == [(2, 5), (1, 8), (1, 8)]  # n_ctx is 8; the last, for 10 tokens, begins anew when its window slides


def test_only_the_last_position_meets_the_output_matrix(model, monkeypatch):
    shapes, head = [], model.head
    monkeypatch.setattr(model, "head", lambda x: shapes.append(x.shape) or head(x))
    list(generate_batch(model, [[1, 2, 3], [4, 5, 6]], max_new_tokens=2))
    assert shapes == [(2, 1, 12), (2, 1, 12)]


def test_a_table_of_bigrams_without_parameters_generates_too():
    class Next(torch.nn.Module):
        config = SimpleNamespace(n_ctx=4)

        def forward(self, ids):
            return torch.nn.functional.one_hot((ids + 1) % 10, 10).float()

    assert list(generate(Next(), [7], max_new_tokens=6, temperature=0)) == [8, 9, 0, 1, 2, 3]


def test_a_model_without_a_cache_generates_too(model):
    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inside, self.config = model, model.config

        def forward(self, ids):
            return self.inside(ids)

    options = {"max_new_tokens": 12, "temperature": 0}
    assert list(generate(Plain(), [1], **options)) == list(generate(model, [1], **options))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": []}, "a prompt is empty"),
        ({"ids": [1, 257]}, "token id 257 is outside the vocabulary, 0 to 256"),
        ({"ids": [-1]}, "token id -1 is outside"),
        ({"ids": [1] * 9, "overflow": "stop"}, r"9 tokens does not fit into n_ctx=8.*ids\[-8:\]"),
        ({"ids": [1] * 9, "overflow": "error"}, "9 tokens does not fit"),
        ({"max_new_tokens": -1}, "max_new_tokens=-1"),
        ({"overflow": "wrap"}, "slide, stop, error"),
        ({"top_k": 0}, "top_k"),
    ],
)
def test_what_cannot_be_generated_is_refused(model, change, message):
    request = {"ids": [1], "max_new_tokens": 3, **change}
    with pytest.raises(ValueError, match=message):
        generate(model, request.pop("ids"), **request)  # at once, not only when the first token is asked for


@pytest.mark.parametrize("prompt", ["text", [1.5], torch.ones(1, 3, dtype=torch.long), 5])
def test_what_is_no_list_of_ids_is_refused_with_the_function_that_fits(model, prompt):
    with pytest.raises(TypeError, match=r"list of token ids.*stream\(\).*generate_batch\(\)"):
        generate(model, prompt, max_new_tokens=3)


def test_ids_come_as_list_array_or_tensor(model):
    prompts = ([1, 2], np.array([1, 2], dtype=np.uint16), torch.tensor([1, 2]), (np.int64(1), 2))
    assert len({tuple(generate(model, ids, max_new_tokens=4, temperature=0)) for ids in prompts}) == 1
    both = list(generate_batch(model, torch.tensor([[1, 2], [3, 4]]), max_new_tokens=4, temperature=0))
    assert [row[0] for row in both] == list(generate(model, [1, 2], max_new_tokens=4, temperature=0))


def test_nothing_is_generated_when_nothing_is_asked_for(model):
    assert list(generate(model, [1], max_new_tokens=0)) == []


def test_damaged_weights_are_named(model):
    model.wte.weight.data[5] = math.nan
    with pytest.raises(ValueError, match="weights are damaged"):
        list(generate(model, [5], max_new_tokens=1))


# ---------------------------------------------------------------- text


def test_text_streams_in_whole_characters_and_equals_the_decoded_tokens(model):
    tokenizer = BPETokenizer([])
    pieces = list(stream(model, tokenizer, "é", max_new_tokens=40, seed=0))
    tokens = [t for t in generate(model, tokenizer.encode("é"), max_new_tokens=40, seed=0, stop=(256,)) if t != 256]
    assert "".join(pieces) == tokenizer.decode(tokens)
    assert complete(model, tokenizer, "é", max_new_tokens=40, seed=0) == "é" + "".join(pieces)


def test_a_character_waits_for_its_last_byte():
    tokenizer, text = BPETokenizer([]), "aé€😀!"
    writes = dict(pairwise(tokenizer.encode(" " + text)))  # each byte of it once: after it comes the next

    class Script(torch.nn.Module):
        config = SimpleNamespace(n_ctx=4)

        def forward(self, ids):
            following = torch.tensor([[writes[int(token)] for token in row] for row in ids])
            return torch.nn.functional.one_hot(following, 257).float()

    assert list(stream(Script(), tokenizer, " ", max_new_tokens=11, temperature=0)) == list(text)


def test_an_empty_prompt_begins_a_new_text_where_the_tokenizer_can(model):
    assert complete(model, BPETokenizer([]), "", max_new_tokens=3, seed=0)
    with pytest.raises(ValueError, match="no end-of-text token"):
        complete(model, CharTokenizer("abc"), "", max_new_tokens=3)


def test_a_text_ends_at_the_end_of_text_token_which_is_no_text(model):
    free = [t for t in generate(model, [3], max_new_tokens=40, seed=0) if t != 256]
    tokenizer = SimpleNamespace(end_of_text=free[4], encode=lambda text: [3], decode_stream=lambda ids: map(str, ids))
    pieces = list(stream(model, tokenizer, "x", max_new_tokens=40, seed=0))
    assert pieces == [str(token) for token in free[: free.index(free[4])]]


def test_a_stop_text_may_be_one_or_several_but_not_empty(model):
    tokenizer = BPETokenizer([])
    text = "".join(stream(model, tokenizer, "a", max_new_tokens=40, seed=0))
    stop = text[5:7]
    for stops in (stop, [stop], ["never in there", stop]):
        assert "".join(stream(model, tokenizer, "a", max_new_tokens=40, seed=0, stop=stops)) == text.split(stop)[0]
    with pytest.raises(ValueError, match="is empty"):
        stream(model, tokenizer, "a", stop="")


def test_unknown_characters_are_named(model):
    with pytest.raises(ValueError, match="'z'"):
        complete(model, CharTokenizer("abc"), "abz", max_new_tokens=3)


@given(st.lists(st.text("ab.", max_size=3), max_size=8), st.sampled_from([".", "ab", "..", "aba"]))
@settings(max_examples=200, deadline=None)
def test_text_ends_before_a_stop_text_wherever_the_pieces_are_cut(pieces, stop):
    assert "".join(cut_at(iter(pieces), (stop,))) == "".join(pieces).split(stop)[0]
