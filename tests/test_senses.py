"""Senses: the measure by hand, words' vectors against runs of one text, sentences against what they promise."""

from collections import Counter

import numpy as np
import pytest
import torch
from small_models import CONFIG, randomised, small_gpt

from minigpt.config import EncoderConfig
from minigpt.inspection.record import record
from minigpt.inspection.senses import separation, separation_by_layer, word_layers
from minigpt.models.encoder import Encoder
from minigpt.text.senses import Use, as_rows, natural_uses, uses
from minigpt.text.storyland import LANGUAGES, Storyland
from minigpt.text.tokenizers import BPETokenizer

LAND = Storyland(seed=3)


def test_separation_of_four_vectors_by_hand():
    """Angles 0°, 60° of one sense and 90°, 90° of the other: lengths do not matter."""
    vectors = np.array([[2, 0], [0.5, np.sqrt(3) / 2], [0, 1], [0, 7]])
    same = (0.5 + 1) / 2  # cos 60°, cos 0°
    different = (0 + 0 + np.sqrt(3) / 2 + np.sqrt(3) / 2) / 4  # cos 90° twice, cos 30° twice
    assert separation(vectors, ["a", "a", "b", "b"]) == pytest.approx(same - different)
    assert separation(vectors[[0, 2, 1, 3]], ["a", "b", "a", "b"]) == pytest.approx(same - different)


def test_separation_is_0_for_equal_vectors_and_2_for_opposite_ones():
    ones = np.ones((5, 3))
    assert separation(ones, list("aabbb")) == pytest.approx(0, abs=1e-12)
    assert separation(ones * [[1], [1], [-1], [-1], [-1]], list("aabbb")) == pytest.approx(2)
    layers = np.stack([ones, ones * [[1], [1], [-1], [-1], [-1]]])
    np.testing.assert_allclose(separation_by_layer(layers, list("aabbb")), [0, 2], atol=1e-12)


def test_pairs_of_three_senses_are_all_counted():
    vectors = np.repeat(np.eye(3), 2, axis=0)
    assert separation(vectors, list("aabbcc")) == pytest.approx(1)
    vectors[4:] = [[1, 0, 0], [1, 0, 0]]  # c lies where a does: 4 of the 12 pairs of different senses have cosine 1
    assert separation(vectors, list("aabbcc")) == pytest.approx(1 - 4 / 12)


@pytest.mark.parametrize(
    ("vectors", "senses", "said"),
    [
        (np.ones((4, 2)), "aaaa", r"\(a: 4\): give two senses or more"),
        (np.ones((4, 2)), "aaab", r"a: 3, b: 1"),
        (np.ones((0, 2)), "", r"give two senses or more"),
        (np.ones((4, 2)), "aab", r"shape \(4, 2\) and 3 senses"),
        (np.ones(4), "aabb", r"shape \(4,\)"),
        (np.array([[1, 1], [1, np.nan], [1, 1], [1, 1]]), "aabb", "vector 1 has no direction"),
        (np.array([[1, 1], [1, 1], [0, 0], [1, np.inf]]), "aabb", "vector 2 has no direction"),
    ],
)
def test_what_has_no_separation_is_refused(vectors, senses, said):
    with pytest.raises(ValueError, match=said):
        separation(vectors, list(senses))


def small_encoder():
    config = EncoderConfig(n_vocab=23, n_ctx=13, n_embd=12, n_head=3, n_layer=2, cls_id=1, sep_id=2, mask_id=3)
    return randomised(Encoder(config))


@pytest.mark.parametrize("build", [small_gpt, small_encoder])
def test_the_vectors_of_words_are_those_of_each_text_run_alone(build):
    """Padding, other texts and training mode change nothing; of a word of two pieces the mean is taken."""
    model = build().train()
    ids = torch.tensor([[5, 6, 7, 8, 9], [7, 6, 4, 0, 0], [9, 9, 7, 0, 0]])
    layers = word_layers(model, ids, [2, (0, 2), np.int64(2)])
    assert layers.shape == (3, 3, 12)
    assert model.training
    lengths, spans = (5, 3, 3), (slice(2, 3), slice(0, 2), slice(2, 3))
    for row, (length, span) in enumerate(zip(lengths, spans, strict=True)):
        alone = record(model, ids[row, :length], names=("drop", "h.*")).activations
        expected = [alone[name][span].mean(axis=0) for name in ("drop", "h.0", "h.1")]
        np.testing.assert_allclose(layers[:, row], expected, atol=1e-5)


def test_the_same_word_at_the_same_place_is_the_same_before_the_first_block_only():
    ids = torch.randint(4, CONFIG.n_vocab, (6, 5))
    ids[:, 3] = 7
    layers = word_layers(small_gpt(), ids, [3] * 6)
    first, *others = separation_by_layer(layers, list("aaabbb"))
    assert first == pytest.approx(0, abs=1e-9)
    assert all(abs(other) > 1e-4 for other in others)


def test_places_outside_the_text_are_refused():
    with pytest.raises(ValueError, match=r"row 1: the word at 5 to 6 is empty or outside the 5 tokens"):
        word_layers(small_gpt(), torch.ones(2, 5, dtype=torch.long), [0, 5])
    with pytest.raises(ValueError, match=r"row 0: the word at 3 to 3 is empty"):
        word_layers(small_gpt(), torch.ones(1, 5, dtype=torch.long), [(3, 3)])
    with pytest.raises(ValueError, match=r"shape \(2, 5\) and 1 places"):
        word_layers(small_gpt(), torch.ones(2, 5, dtype=torch.long), [0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_uses_are_sentences_of_storyland_with_the_sense_that_its_grammar_knows(language):
    found, senses = uses(LAND, language, m=4, n_sentences=1500), LAND.ambiguous(language)
    assert len(found) >= 10
    known = {s.words(language): s.senses for s in LAND.sentences(1500)}
    for word, group in found.items():
        counts = Counter(use.sense for use in group)
        assert set(counts) == set(senses[word])
        assert all(2 <= n <= 4 for n in counts.values())
        assert len({use.text for use in group}) == len(group), "no sentence comes twice"
        for use in group:
            assert use.word == word
            assert (language, use.position, word, use.sense) in known[use.words]


def test_uses_are_the_same_each_time_and_more_contain_fewer():
    few, more = uses(LAND, m=2, n_sentences=1500), uses(LAND, m=3, n_sentences=1500)
    assert few == uses(LAND, m=2, n_sentences=1500)
    assert all(set(few[word]) <= set(more[word]) for word in few)
    with pytest.raises(ValueError, match="m=1 sentences of each sense"):
        uses(LAND, m=1)
    with pytest.raises(ValueError, match="unknown language 'de'"):
        uses(LAND, "de")


@pytest.mark.parametrize("language", LANGUAGES)
def test_natural_sentences_are_8_of_each_of_2_senses_of_8_words(language):
    found = natural_uses(language)
    assert len(found) == 8
    for word, group in found.items():
        assert sorted(Counter(use.sense for use in group).values()) == [8, 8], word
        for use in group:
            assert use.words.count(word) == 1, use.text
            assert use.position > 0, use.text
            assert use.text.endswith("."), use.text
    texts = [use.text for group in found.values() for use in group]
    assert len(set(texts)) == len(texts)
    with pytest.raises(ValueError, match="unknown language 'de'"):
        natural_uses("de")


def test_rows_say_where_all_pieces_of_the_word_are():
    group = [Use(("we", "saw", "a", "bat", "."), 3, "animal"), Use(("she", "swung", "her", "bat"), 3, "club")]
    ids, places = as_rows(group, lambda text: list(text.encode()), before=[1], after=[2, 3])
    assert ids.tolist()[0] == [1, *b"We saw a bat.", 2, 3, *[0] * 4]
    assert [bytes(row[start:stop].tolist()) for row, (start, stop) in zip(ids, places, strict=True)] == [b" bat"] * 2


def test_rows_of_gpt2s_tokenizer_hold_the_word_with_its_space():
    tokenizer = BPETokenizer.train(LAND.text(200), 300)
    group = natural_uses()["spring"]
    ids, places = as_rows(group, tokenizer.encode, before=[tokenizer.end_of_text])
    for use, row, (start, stop) in zip(group, ids, places, strict=True):
        assert tokenizer.decode(row[start:stop].tolist()) == " spring"
        assert row[0] == tokenizer.end_of_text
        assert use.text in tokenizer.decode(row.tolist())


def test_a_piece_that_holds_a_part_of_a_neighbour_is_refused():
    def threes(text):
        return [sum(text[i : i + 3].encode()) for i in range(0, len(text), 3)]

    with pytest.raises(ValueError, match=r"the pieces of 'bat' in 'We saw a bat.' cannot be told"):
        as_rows([Use(("we", "saw", "a", "bat", "."), 3, "animal")], threes)
