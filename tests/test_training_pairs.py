"""Batches of pairs of like length: little padding, drawn from (seed, step) alone; and pairs as one sequence."""

import pytest
import torch

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.text.pairs import PairBatches, WordVocabulary
from minigpt.text.storyland import Storyland
from minigpt.training.pairs import LEFT_OUT, OneSequence, PairsByLength

PAIRS = [(sentence.en, sentence.pt) for sentence in Storyland(0).pairs(400)]
WORDS = WordVocabulary.of(PAIRS)


def share_of_padding(batches):
    drawn = [part for step in range(20) for part in batches.batch(step)]
    return sum((part == WORDS.pad_id).sum().item() for part in drawn) / sum(part.numel() for part in drawn)


def test_pairs_of_like_length_are_padded_much_less():
    assert share_of_padding(PairBatches(WORDS, PAIRS, 32)) > 0.4
    assert share_of_padding(PairsByLength(WORDS, PAIRS, 32)) < 0.1


def test_a_batch_by_length_holds_true_pairs_and_depends_on_seed_and_step_alone():
    x, y = PairsByLength(WORDS, PAIRS, 8, seed=3).batch(5)
    again, other = PairsByLength(WORDS, PAIRS, 8, seed=3), PairsByLength(WORDS, PAIRS, 8, seed=4)
    assert torch.equal(x, again.batch(5)[0])
    assert not torch.equal(x, again.batch(6)[0]) or not torch.equal(x, other.batch(5)[0])
    known = {(WORDS.decode(WORDS.source(en)), WORDS.decode(WORDS.target(pt))) for en, pt in PAIRS}
    assert {(WORDS.decode(a), WORDS.decode(b)) for a, b in zip(x.tolist(), y.tolist(), strict=True)} <= known


def test_every_pair_can_be_drawn_the_first_and_the_last_too():
    batches = PairsByLength(WORDS, PAIRS[:5], 2)
    seen = {row for step in range(60) for row in range(*batches.rows(step).indices(5))}
    assert seen == set(range(5))
    assert PairsByLength(WORDS, PAIRS[:5], 64).batch(0)[0].size(0) == 5


def test_one_sequence_reads_the_source_and_is_to_write_the_target_alone():
    pairs = [(("Rita", "."), ("a", "Rita", ".")), (("the", "dog", "sleeps", "."), ("o", "cachorro", "dorme", "."))]
    words = WordVocabulary.of(pairs)
    x, y = OneSequence(words, pairs, 2).batch(0)
    assert words.labels(x[0].tolist()) == ["Rita", ".", "<eos>", "a", "Rita", ".", "<eos>", "<pad>", "<pad>"]
    wanted = words.target(pairs[0][1])[1:]
    assert y[0].tolist() == [LEFT_OUT, LEFT_OUT, *wanted, LEFT_OUT, LEFT_OUT, LEFT_OUT]
    assert words.labels(x[1].tolist()) == ["the", "dog", "sleeps", ".", "<eos>", "o", "cachorro", "dorme", "."]
    assert y[1].tolist() == [LEFT_OUT] * 4 + words.target(pairs[1][1])[1:]


def test_a_decoders_loss_counts_the_targets_words_and_nothing_else():
    x, y = OneSequence(WORDS, PAIRS, 4).batch(0)
    model = GPT(GPTConfig(WORDS.n_vocab, n_ctx=64, n_embd=8, n_head=2, n_layer=1))
    counted = y != LEFT_OUT
    by_hand = -model(x).log_softmax(-1)[counted].gather(1, y[counted][:, None]).mean()
    assert model.loss(x, y).item() == pytest.approx(by_hand.item(), rel=1e-5)
