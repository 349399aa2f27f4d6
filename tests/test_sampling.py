import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
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
def test_what_is_left_is_a_distribution_over_the_likeliest(logits, temperature, k, p):
    probs = next_token_probs(logits, temperature, k, p)
    assert float(probs.sum()) == pytest.approx(1, abs=1e-5)
    assert probs[int(np.argmax(logits))] > 0
    kept = torch.tensor(logits)[probs > 0]
    lost = torch.tensor(logits)[probs == 0]
    if len(lost) and len(kept):
        assert lost.max() <= kept.min() + 1e-4  # softmax may round what is nearly equal


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
        ({"top_p": 0}, "top_p=0"),
        ({"top_p": 1.5}, "top_p=1.5.*at most 1"),
    ],
)
def test_rules_that_make_no_sense_are_refused(rule, message):
    with pytest.raises(ValueError, match=message):
        next_token_probs(torch.zeros(3), **rule)


def test_forbidden_tokens_stay_forbidden_and_nan_is_named():
    assert next_token_probs([0.0, -math.inf]).tolist() == [1.0, 0.0]
    with pytest.raises(ValueError, match="NaN"):
        next_token_probs([0.0, math.nan])


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
        ({"ids": [1, 257]}, "outside the vocabulary"),
        ({"max_new_tokens": -1}, "max_new_tokens=-1"),
        ({"overflow": "wrap"}, "slide, stop, error"),
        ({"top_k": 0}, "top_k"),
    ],
)
def test_what_cannot_be_generated_is_refused(model, change, message):
    request = {"ids": [1], "max_new_tokens": 3, **change}
    with pytest.raises(ValueError, match=message):
        list(generate(model, request.pop("ids"), **request))


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


def test_an_empty_prompt_begins_a_new_text_where_the_tokenizer_can(model):
    assert complete(model, BPETokenizer([]), "", max_new_tokens=3, seed=0)
    with pytest.raises(ValueError, match="no end-of-text token"):
        complete(model, CharTokenizer("abc"), "", max_new_tokens=3)


def test_unknown_characters_are_named(model):
    with pytest.raises(ValueError, match="'z'"):
        complete(model, CharTokenizer("abc"), "abz", max_new_tokens=3)


@given(st.lists(st.text("ab.", max_size=3), max_size=8), st.sampled_from([".", "ab", "..", "aba"]))
@settings(max_examples=200, deadline=None)
def test_text_ends_before_a_stop_text_wherever_the_pieces_are_cut(pieces, stop):
    assert "".join(cut_at(iter(pieces), (stop,))) == "".join(pieces).split(stop)[0]
