"""The config: it counts rightly, and refuses what cannot be."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt.config import SIZES, EncoderConfig, GPTConfig, TranslatorConfig
from minigpt.models.gpt import GPT


def test_the_published_sizes_have_as_many_parameters_as_published():
    counts = {"gpt2": 124_439_808, "gpt2-medium": 354_823_168, "gpt2-large": 774_030_080, "gpt2-xl": 1_557_611_200}
    assert {name: GPTConfig.named(name).n_params() for name in counts} == counts


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 5), st.integers(1, 6), st.integers(1, 4))
def test_the_config_counts_what_the_model_has(n_vocab, n_ctx, n_head, d_head, n_layer):
    config = GPTConfig(n_vocab, n_ctx, n_head * d_head, n_head, n_layer)
    assert config.n_params() == GPT(config).n_params()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"n_vocab": 0}, "n_vocab=0: must be a whole number of at least 1"),
        ({"n_ctx": -1}, "n_ctx=-1: must be a whole number"),
        ({"n_layer": 2.0}, "n_layer=2.0: must be a whole number"),
        ({"n_layer": True}, "n_layer=True: must be a whole number"),
        ({"n_head": "12"}, "n_head='12': must be a whole number"),
        ({"n_embd": 768, "n_head": 5}, "cannot be shared out to n_head=5 heads: .* e.g. 2, 3, 4, 6"),
        ({"dropout": 1.0}, "dropout=1.0: must be at least 0 and below 1"),
        ({"dropout": -0.1}, "dropout=-0.1"),
        ({"layer_norm_epsilon": 0}, "layer_norm_epsilon=0: must be above 0"),
        ({"layer_norm_epsilon": math.nan}, "layer_norm_epsilon=nan"),
    ],
)
def test_a_config_refuses_what_cannot_be_and_says_what_can(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        GPTConfig(**changes)


def test_a_config_cannot_be_changed_afterwards():
    with pytest.raises(AttributeError):
        GPTConfig().n_layer = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", SIZES)
def test_a_named_config_survives_its_dictionary(name):
    config = GPTConfig.named(name, dropout=0.25)
    assert GPTConfig.from_dict(config.to_dict()) == config
    assert config.dropout == 0.25


def test_unknown_names_and_entries_are_named():
    with pytest.raises(ValueError, match="no size named 'gpt3': the names are gpt2, gpt2-medium"):
        GPTConfig.named("gpt3")
    with pytest.raises(ValueError, match=r"unknown entries n_layers: a config has dropout, .*n_layer"):
        GPTConfig.from_dict({"n_layers": 2})


@pytest.mark.parametrize(
    ("cls", "changes", "complaint"),
    [
        (TranslatorConfig, {"norm": "none"}, "norm='none': take 'post' or 'pre'"),
        (TranslatorConfig, {"positions": "rotary"}, "positions='rotary': take 'sinusoidal' or 'learned'"),
        (TranslatorConfig, {"label_smoothing": 1.0}, "label_smoothing=1.0: must be at least 0 and below 1"),
        (TranslatorConfig, {"eos_id": 1}, "pad_id=0, bos_id=1, eos_id=1: two are the same"),
        (TranslatorConfig, {"n_vocab": 2}, "eos_id=2: they are tokens of the vocabulary, 0 to 1"),
        (TranslatorConfig, {"n_embd": 511}, "cannot be shared out to n_head=8 heads"),
        (EncoderConfig, {"n_types": 0}, "n_types=0: must be a whole number of at least 1"),
        (EncoderConfig, {"n_vocab": 103}, "mask_id=103: they are tokens of the vocabulary, 0 to 102"),
        (EncoderConfig, {"sep_id": 101}, "two are the same, give each its own token"),
    ],
)
def test_the_other_configs_refuse_what_cannot_be_too(cls, changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        cls(**changes)


@pytest.mark.parametrize("cls", [TranslatorConfig, EncoderConfig])
def test_the_other_configs_survive_their_dictionaries(cls):
    config = cls(n_layer=3, dropout=0.25)
    assert cls.from_dict(config.to_dict()) == config
    with pytest.raises(ValueError, match="unknown entries n_layers"):
        cls.from_dict({"n_layers": 2})
