"""The signs of an induction head's birth: on models that are made by hand, where each number is known."""

import numpy as np
import pytest
import torch

from minigpt.config import GPTConfig
from minigpt.inspection.birth import Probe, make_probe, measure, position_losses
from minigpt.models.gpt import GPT

CONFIG = GPTConfig(n_vocab=128, n_ctx=16, n_embd=6, n_head=3, n_layer=2)


class Letters:
    """A token for each letter."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) for letter in text]


class Copies(torch.nn.Module):
    """Says with certainty the token that came after the same token before; where none did, knows nothing."""

    def __init__(self, n_vocab: int):
        super().__init__()
        self.wte = torch.nn.Embedding(n_vocab, 1)

    def forward(self, ids):
        logits = torch.zeros(*ids.shape, self.wte.num_embeddings)
        for b, row in enumerate(ids.tolist()):
            for t, token in enumerate(row):
                if token in row[:t]:
                    logits[b, t, row[row.index(token) + 1]] = 100.0
        return logits


def untrained() -> GPT:
    torch.manual_seed(0)
    return GPT(CONFIG)


def test_the_probe_has_whole_windows_and_lists_of_names_that_are_said_twice():
    ids = np.tile(np.arange(3, 12, dtype=np.uint16), 40)
    probe = make_probe(ids, 8, Letters(), n_windows=5, n_texts=4, n_tokens=25)
    assert probe.windows.shape == (5, 9)
    assert probe.repeats.shape == (4, 8)  # as many as half a context holds
    assert make_probe(ids, 70, Letters(), n_tokens=25).repeats.shape[1] == 50
    first, again = probe.repeats.chunk(2, dim=1)
    assert torch.equal(first, again)
    assert {row[0] for row in first.tolist()} == {ord(" ")}  # a name, as in a sentence
    assert len({tuple(row) for row in first.tolist()}) == 4
    assert torch.equal(make_probe(ids, 8, Letters(), n_texts=4).repeats, probe.repeats)  # the same for all models


def test_too_short_a_text_is_refused():
    with pytest.raises(ValueError, match=r"8 held-out tokens are no window of n_ctx \+ 1 = 9"):
        make_probe(np.arange(8), 8, Letters())


def test_losses_are_those_of_the_model_at_each_position():
    model, rows = untrained(), torch.randint(19, (3, 12), generator=torch.Generator().manual_seed(1))
    losses = position_losses(model, rows)
    assert losses.shape == (11,)
    assert losses.mean() == pytest.approx(model.loss(rows[:, :-1], rows[:, 1:]).item(), abs=1e-5)


def test_who_copies_pays_for_the_first_time_and_not_for_the_repeat():
    rows = torch.tensor([[4, 9, 1, 7, 4, 9, 1, 7], [0, 3, 18, 2, 0, 3, 18, 2]])
    losses = position_losses(Copies(19), rows)
    np.testing.assert_allclose(losses, [np.log(19)] * 4 + [0] * 3, atol=1e-5)


def test_all_signs_are_measured_and_an_untrained_model_shows_none():
    model = untrained()
    probe = make_probe(np.random.default_rng(0).integers(128, size=900), CONFIG.n_ctx, Letters(), n_windows=6)
    found = measure(model, probe)
    assert np.shape(found["induction"]) == np.shape(found["previous"]) == np.shape(found["ablated"]) == (2, 3)
    assert found["in_context"] == pytest.approx(found["late"] - found["early"], abs=2e-4)
    assert found["valid_loss"] == pytest.approx(np.log(128), abs=0.2)
    assert found["repeat"] == pytest.approx(found["first"], abs=0.3)
    np.testing.assert_allclose(found["ablated"], found["repeat"], atol=0.1)


def test_a_head_without_which_nothing_changes_is_told_from_one_that_matters():
    model = untrained()
    with torch.no_grad():
        model.h[1].attn.c_proj.weight[:, 2:4] = 0  # nobody hears what head 1 of layer 1 says
        model.h[1].attn.c_proj.weight[:, 4:6] *= 60
    repeats = torch.stack([torch.randperm(19)[:5].repeat(2) for _ in range(4)])
    found = measure(model, Probe(torch.randint(19, (2, 17)), repeats))
    assert found["ablated"][1][1] == found["repeat"]
    assert found["ablated"][1][2] != pytest.approx(found["repeat"], abs=1e-3)
