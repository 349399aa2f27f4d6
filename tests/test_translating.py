"""Greedy and beam search: against a search through all translations, with and without the cache."""

import itertools
import math

import pytest
import torch
from small_models import randomised

from minigpt.config import TranslatorConfig
from minigpt.models.translator import Translator
from minigpt.translating import beam_choices, beam_search, beam_steps, greedy, length_penalty

PAD, BOS, EOS = 0, 1, 2
SOURCES = [[5, 6, 7, EOS], [3, EOS], [4, 4, 4, 4, 4, 8, EOS]]


@pytest.fixture
def model():
    return randomised(Translator(TranslatorConfig(n_vocab=9, n_ctx=8, n_embd=12, n_head=3, n_layer=2, dropout=0.1)))


def log_prob_of(model, source, ids):
    """log P of the target, from one pass over all of it; pad and bos cannot be written."""
    with torch.no_grad():
        logits = model(torch.tensor([source]), torch.tensor([[BOS, *ids[:-1]]]))[0]
    logits[:, [PAD, BOS]] = -math.inf
    return logits.double().log_softmax(-1)[range(len(ids)), list(ids)].sum().item()


def test_greedy_takes_the_likeliest_token_each_time(model):
    for source, translation in zip(SOURCES, greedy(model, SOURCES), strict=True):
        for t, token in enumerate(translation):
            others = {other: log_prob_of(model, source, [*translation[:t], other]) for other in range(2, 9)}
            assert token == max(others, key=others.get)
        assert translation[-1] == EOS or len(translation) == 8


def test_sentences_translated_together_are_translated_as_alone(model):
    assert greedy(model, SOURCES) == [greedy(model, [source])[0] for source in SOURCES]


def test_with_and_without_the_cache_translations_are_the_same(model):
    assert greedy(model, SOURCES) == greedy(model, SOURCES, use_cache=False)
    for source in SOURCES:
        with_cache, without = (beam_search(model, source, beam=3, use_cache=use) for use in (True, False))
        assert [one.ids for one in with_cache] == [one.ids for one in without]
        assert [one.log_prob for one in with_cache] == pytest.approx([one.log_prob for one in without], abs=1e-4)


def test_a_beam_of_one_is_greedy(model):
    for source in SOURCES:
        assert [list(one.ids) for one in beam_search(model, source, beam=1)] == greedy(model, [source])


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_a_beam_that_holds_everything_finds_the_best_of_all_translations(model, alpha):
    n = 3
    scores = {}
    for length in range(1, n + 1):
        for ids in itertools.product(range(2, 9), repeat=length):
            if EOS not in ids[:-1] and (ids[-1] == EOS or length == n):
                scores[ids] = log_prob_of(model, SOURCES[0], ids) / ((5 + length) / 6) ** alpha
    found = beam_search(model, SOURCES[0], beam=500, alpha=alpha, max_new_tokens=n)
    assert {one.ids for one in found} == set(scores)
    assert found[0].ids == max(scores, key=scores.get)
    for one in found:
        assert one.score == pytest.approx(scores[one.ids], abs=1e-4)
        assert one.finished == (one.ids[-1] == EOS)


def test_a_hypothesis_says_its_own_log_probability(model):
    for one in beam_search(model, SOURCES[2], beam=4):
        assert one.log_prob == pytest.approx(log_prob_of(model, SOURCES[2], one.ids), abs=1e-4)
        assert one.score == pytest.approx(one.log_prob / length_penalty(len(one.ids), 0.6))


def test_the_length_penalty_is_wus():
    assert length_penalty(1, 0.6) == 1
    assert length_penalty(7, 0.5) == pytest.approx(math.sqrt(2))
    assert length_penalty(100, 0) == 1


def test_a_wider_beam_is_seen_growing_and_keeps_what_is_finished(model):
    steps = list(beam_steps(model, SOURCES[0], beam=4))
    assert [max(len(one.ids) for one in step) for step in steps] == list(range(1, len(steps) + 1))
    for before, after in itertools.pairwise(steps):
        assert {one.ids for one in before if one.finished} <= {one.ids for one in after if one.finished}
        assert len(after) == 4


def test_dropout_is_off_and_the_mode_is_left_as_it_was(model):
    expected = greedy(model, SOURCES)
    model.train()
    assert greedy(model, SOURCES) == expected
    beam_search(model, SOURCES[0])
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize("beam", [0, -1, 1.5, True, None])
def test_a_beam_below_one_is_refused_at_once(model, beam):
    with pytest.raises(ValueError, match=r"must be a whole number of at least 1; 1 is greedy"):
        beam_steps(model, SOURCES[0], beam=beam)


@pytest.mark.parametrize("translate", [lambda model, ids: greedy(model, [ids]), beam_search])
@pytest.mark.parametrize(
    ("ids", "complaint"),
    [
        ([3] * 9, "sentence 0 has 9 tokens, which do not fit into n_ctx=8: translate it in parts"),
        ([], "sentence 0 is empty: give at least one token"),
        ([PAD, PAD], "sentence 0 is empty"),
        ([9, EOS], "token id 9 is outside the vocabulary, 0 to 8"),
    ],
)
def test_sentences_that_cannot_be_translated_are_refused(model, translate, ids, complaint):
    with pytest.raises(ValueError, match=complaint):
        translate(model, ids)


def test_other_requests_that_make_no_sense_are_refused(model):
    with pytest.raises(ValueError, match="there is no sentence to translate"):
        greedy(model, [])
    with pytest.raises(ValueError, match=r"max_new_tokens=9: must be 1 to n_ctx=8"):
        greedy(model, SOURCES, max_new_tokens=9)
    with pytest.raises(ValueError, match=r"alpha=-1: must be 0"):
        beam_search(model, SOURCES[0], alpha=-1)


def test_a_translation_may_fill_the_context_to_its_end(model):
    with torch.no_grad():  # without eos nothing ends
        model.wte.weight[EOS] = 0
        model.wte.weight[3:] = model.wte.weight[3]
    assert all(len(ids) <= 8 for ids in greedy(model, [[3] * 8]))
    assert len(beam_search(model, [3] * 8, beam=2)[0].ids) <= 8


def test_what_is_dropped_is_the_likeliest_of_what_the_beam_has_no_place_for(model):
    """Step by step against all continuations of the beginnings that went on; what is kept is that of `beam_steps`."""
    choices = list(beam_choices(model, SOURCES[0], beam=2, n_dropped=3))
    assert [kept for kept, _ in choices] == list(beam_steps(model, SOURCES[0], beam=2))
    alive, n_finished = [()], 0
    for kept, dropped in choices:
        ids = [(*one, token) for one in alive for token in range(2, 9)]
        likeliest = sorted(ids, key=lambda one: log_prob_of(model, SOURCES[0], one), reverse=True)
        room = 2 - n_finished
        new = {one.ids for one in kept} - {one.ids for one in kept[:n_finished]}
        assert new == set(likeliest[:room])
        assert [one.ids for one in dropped] == likeliest[room : room + 3]
        assert all(one.finished == (one.ids[-1] == EOS) for one in dropped)
        alive, n_finished = [one.ids for one in kept if not one.finished], sum(one.finished for one in kept)
    assert len(choices) > 2
    with pytest.raises(ValueError, match="n_dropped=-1: must be a whole number of at least 0"):
        beam_choices(model, SOURCES[0], n_dropped=-1)
