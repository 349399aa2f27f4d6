import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt.models.word2vec import (
    SkipGram,
    Word2VecConfig,
    keep_probability,
    noise_distribution,
    skip_gram_pairs,
    to_words,
    train_word2vec,
)
from minigpt.models.word_vectors import WordVectors
from minigpt.text import corpora
from minigpt.text.storyland import Storyland

# The parts of the training


def test_one_step_worked_by_hand():
    """v = (1, 0), its neighbour's vector (0, 1), noise (2, 1) and (-1, 0); s(0) = 1/2, s(2) = 0.8808, s(-1) = 0.2689.

    loss = -log s(0) - log s(-2) - log s(1)                          = 0.6931 + 2.1269 + 0.3133 = 3.1333
    d/dv = (1/2 - 1) (0, 1) + 0.8808 (2, 1) + 0.2689 (-1, 0)         = (1.4927, 0.3808)
    d/d neighbour = (1/2 - 1) v = (-0.5, 0), d/d noise = 0.8808 v and 0.2689 v
    """
    model = SkipGram(4, 2)
    model.wte.weight.data[0] = torch.tensor([1.0, 0.0])
    model.context.weight.data[1:] = torch.tensor([[0.0, 1.0], [2.0, 1.0], [-1.0, 0.0]])
    loss = model.loss(torch.tensor([0]), torch.tensor([1]), torch.tensor([[2, 3]]))
    loss.backward()
    assert loss.item() == pytest.approx(3.1333, abs=1e-4)
    close = {"rtol": 0, "atol": 1e-4}
    torch.testing.assert_close(model.wte.weight.grad[0], torch.tensor([1.4927, 0.3808]), **close)
    expected = torch.tensor([[0.0, 0.0], [-0.5, 0.0], [0.8808, 0.0], [0.2689, 0.0]])
    torch.testing.assert_close(model.context.weight.grad, expected, **close)


def test_noise_that_is_the_true_word_is_left_out():
    model = SkipGram(4, 2)
    torch.nn.init.normal_(model.context.weight)
    center, near = torch.tensor([0, 1]), torch.tensor([1, 2])
    with_it = model.loss(center, near, torch.tensor([[3, 1], [2, 0]]))
    only = [model.loss(center[i : i + 1], near[i : i + 1], torch.tensor([[n]])) for i, n in enumerate((3, 0))]
    torch.testing.assert_close(with_it, sum(only) / 2)


def test_noise_is_drawn_from_counts_to_the_power_three_quarters():
    np.testing.assert_allclose(noise_distribution(np.array([16, 1, 81])), np.array([8, 1, 27]) / 36)


def test_frequent_words_stay_as_often_as_the_paper_says():
    """√(t/f): a word that is 4 % of the text stays, with t = 0.001, in √0.025 = 15.8 % of the places; a rare one, 1."""
    np.testing.assert_allclose(keep_probability([0.04, 0.001, 0.0001], t=1e-3), [0.025**0.5, 1, 1])


@given(st.lists(st.lists(st.integers(0, 9), max_size=8), min_size=1, max_size=5), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_pairs_are_the_words_within_reach_in_the_same_sentence(sentences, window):
    ids = np.array([i for s in sentences for i in s], dtype=np.int64)
    numbers = np.repeat(np.arange(len(sentences)), [len(s) for s in sentences])
    found = skip_gram_pairs(ids, numbers, window, np.random.default_rng(3))
    reach = iter(np.random.default_rng(3).integers(1, window + 1, size=len(ids)))
    expected = [
        (word, other)
        for s in sentences
        for i, (word, r) in enumerate(zip(s, [next(reach) for _ in s], strict=True))
        for j, other in enumerate(s)
        if 0 < abs(i - j) <= r
    ]
    assert sorted(map(tuple, found.tolist())) == sorted(expected)


def test_text_becomes_words():
    assert to_words("The dog's 2 bones - don't! Ação.") == ["the", "dog's", "bones", "don't", "ação"]


# Training


def test_the_same_seed_gives_the_same_vectors_and_leaves_the_global_random_numbers_alone():
    sentences = [sentence.words() for sentence in Storyland().sentences(60)]
    state = torch.get_rng_state()
    one, same, other = (
        train_word2vec(sentences, Word2VecConfig(n_embd=8, n_epochs=1, seed=seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert one.words == same.words == other.words
    np.testing.assert_array_equal(one.vectors, same.vectors)
    assert not np.allclose(one.vectors, other.vectors)


def test_rare_words_get_no_vector():
    vectors = train_word2vec([["a", "b", "c"]] * 5 + [["a", "b", "d"]] * 4, Word2VecConfig(n_embd=4, t=1.0))
    assert set(vectors.words) == {"a", "b", "c"}


@pytest.mark.slow
def test_planted_synonyms_become_neighbours():
    """20 things have two names each, which never meet in a sentence and are used with the same words."""
    rng = np.random.default_rng(0)
    sentences = []
    for _ in range(6000):
        thing, name = rng.integers(20), rng.choice(["one", "two"])
        around = [f"with-{thing}-{i}" for i in rng.integers(8, size=4)]
        sentences.append([*around[:2], f"{thing}-{name}", *around[2:]])
    vectors = train_word2vec(sentences, Word2VecConfig(n_embd=32, n_epochs=3, t=1.0))
    for thing in range(20):
        near = [word for word, _ in vectors.neighbours(f"{thing}-one", 200) if not word.startswith("with")]
        assert near[0] == f"{thing}-two"
    apart = np.mean([vectors.similarity(f"{i}-one", f"{(i + 1) % 20}-two") for i in range(20)])
    together = np.mean([vectors.similarity(f"{i}-one", f"{i}-two") for i in range(20)])
    assert together > apart + 0.5


@pytest.mark.slow
def test_neighbours_in_storyland_are_words_of_the_same_kind():
    sentences = [[w for w in s.words() if w not in ".,"] for s in Storyland().sentences(8000)]
    vectors = train_word2vec(sentences)
    colours = {"red", "blue", "green", "yellow", "white", "black", "purple"}
    assert len(colours & {word for word, _ in vectors.neighbours("red", 7)}) >= 4
    names = {word for word in vectors.words if word.istitle()}
    assert {word for word, _ in vectors.neighbours("Nina", 5)} <= names


@pytest.mark.slow
def test_neighbours_in_pythons_own_documentation_make_sense():
    sentences = [to_words(paragraph) for paragraph in corpora.load("python-docs").split("\n\n")]
    vectors = train_word2vec(sentences)
    assert {"false", "boolean"} & {word for word, _ in vectors.neighbours("true", 8)}
    assert vectors.similarity("float", "integer") > vectors.similarity("float", "import") + 0.2


# What can be asked

ROYAL = WordVectors(
    ["man", "woman", "king", "queen", "apple"],
    np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1], [-1, -1, 0.1]]) * [[1], [2], [3], [4], [5]],
)


def test_similarity_is_the_cosine():
    assert ROYAL.similarity("man", "king") == pytest.approx(0.5**0.5)
    assert ROYAL.similarity("man", "woman") == pytest.approx(0)
    assert ROYAL.similarity("queen", "queen") == pytest.approx(1)
    assert ROYAL.similarity("man", "apple") < -0.6


def test_neighbours_are_the_nearest_others():
    assert [word for word, _ in ROYAL.neighbours("king", 2)] == ["man", "queen"]
    assert ROYAL.neighbours("king", 2)[0][1] == pytest.approx(ROYAL.similarity("king", "man"))
    assert len(ROYAL.neighbours("king", 99)) == 4


def test_an_analogy_is_the_nearest_to_b_minus_a_plus_c():
    """woman - man + king, as directions: (-1, 1, 0) + (0.71, 0, 0.71) = (-0.29, 1, 0.71), 0.95 along queen."""
    (word, cosine), *_ = ROYAL.analogy("man", "woman", "king")
    assert word == "queen"
    target = np.array([0.5**0.5 - 1, 1, 0.5**0.5])
    assert cosine == pytest.approx(target @ [0, 1, 1] / 2**0.5 / np.linalg.norm(target))


def test_the_words_that_were_given_are_left_out_unless_asked_for():
    vectors = WordVectors(["a", "b", "c", "d"], np.array([[1, 0.1], [1, 0], [0, 1], [-1, 1]]))
    assert {"a", "b", "c"}.isdisjoint(word for word, _ in vectors.analogy("a", "b", "c"))
    assert vectors.analogy("a", "b", "c", of_all=True)[0][0] == "c"
    score = vectors.analogy_score([("a", "b", "c", "d"), ("a", "b", "c", "nobody")])
    assert (score.n_right, score.n_right_of_all, score.n, score.n_left_out) == (1, 0, 1, 1)


def test_an_unknown_word_is_answered_with_near_spellings():
    with pytest.raises(ValueError, match="'quen' is not among the 5 words that have a vector: did you mean 'queen'"):
        ROYAL.neighbours("quen")
    with pytest.raises(ValueError, match="did you mean 'king'"):
        ROYAL.similarity("KING", "man")
    with pytest.raises(ValueError, match="no word is spelt like it"):
        ROYAL.analogy("man", "woman", "zzz")
    assert "quen" not in ROYAL
    assert "queen" in ROYAL


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Word2VecConfig(window=0), "window=0"),
        (lambda: Word2VecConfig(t=0), "t=0"),
        (lambda: train_word2vec([]), "give more text"),
        (lambda: train_word2vec([["a"] * 5, ["b"] * 4]), "1 of 2 words come 5 times or more"),
        (lambda: train_word2vec([["a"], ["b"]], Word2VecConfig(min_count=1, t=1.0)), "side by side"),
        (lambda: WordVectors(["a"], np.zeros((2, 3))), "a row for each word"),
        (lambda: WordVectors(["a", "a"], np.zeros((2, 3))), "twice"),
        (lambda: ROYAL.neighbours("king", 0), "k=0"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
