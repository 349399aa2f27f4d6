"""word2vec: a vector for each word, learned by guessing which words stand near it (skip-gram, negative sampling).

    vectors = train_word2vec([to_words(line) for line in text.splitlines()])
    vectors.neighbours("dog")

Shapes: B batch, K noise words per pair, C channels (n_embd), V vocabulary.
Sources: Mikolov et al. 2013a, "Efficient Estimation of Word Representations in Vector Space" (skip-gram); 2013b,
"Distributed Representations of Words and Phrases" (negative sampling, section 2.2; subsampling, section 2.3).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.models.word_vectors import WordVectors


@dataclass(frozen=True)
class Word2VecConfig:
    """How to train. The defaults suit about a hundred thousand words, in well under a minute on a CPU."""

    n_embd: int = 64
    """Numbers that stand for a word."""
    window: int = 5
    """Each word is paired with up to this many on either side: how many is drawn anew for each, 1 to `window`, so that
    near words come up more often."""
    n_noise: int = 5
    """Drawn words for each pair that the model learns to tell from the true one: k in the paper, 5 to 20 there."""
    t: float = 1e-3
    """Words more frequent than this share of the text are thinned out. The paper has 1e-5, for a thousand million
    words; of a text as small as ours that would leave little."""
    min_count: int = 5
    """Rarer words are left out: a few sentences do not tell what a word means."""
    n_epochs: int = 10
    """Times through the text, thinned out and paired anew each time."""
    batch_size: int = 1024
    """Pairs in a step."""
    learning_rate: float = 5e-3
    """Of Adam at the start; it falls in a straight line to 0. (The paper has plain gradient descent, pair by pair.)"""
    seed: int = 0

    def __post_init__(self):
        for name in ("n_embd", "window", "n_noise", "min_count", "n_epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r}: must be at least 1")
        for name in ("t", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)!r}: must be above 0")


class SkipGram(nn.Module):
    """Two vectors for each word: `wte` for it in the middle, `context` for it nearby. The first are kept at the end."""

    def __init__(self, n_vocab: int, n_embd: int):
        super().__init__()
        self.wte = nn.Embedding(n_vocab, n_embd)
        self.context = nn.Embedding(n_vocab, n_embd)
        nn.init.uniform_(self.wte.weight, -0.5 / n_embd, 0.5 / n_embd)  # as in the authors' program
        nn.init.zeros_(self.context.weight)

    def loss(self, center: Tensor, near: Tensor, noise: Tensor) -> Tensor:
        """-log s(u_near · v) - Σ log s(-u_noise · v), s the sigmoid, mean over pairs: (B,), (B,), (B, K) -> scalar.

        Equation 4 of Mikolov 2013b. A noise word that happens to be the true one is left out.
        """
        v = self.wte(center)  # (B, C)
        true = (v * self.context(near)).sum(dim=-1)  # (B,)
        drawn = (self.context(noise) @ v[:, :, None]).squeeze(-1)  # (B, K)
        against = F.logsigmoid(-drawn).masked_fill(noise == near[:, None], 0.0)  # (B, K)
        return -(F.logsigmoid(true) + against.sum(dim=-1)).mean()


def train_word2vec(sentences: Iterable[Sequence[str]], config: Word2VecConfig | None = None) -> WordVectors:
    """Learn a vector for each word that is frequent enough. Windows do not cross from one sentence into another.

    The same config gives the same vectors on the same machine. Raises ValueError for a text too small to learn from.
    """
    config = config or Word2VecConfig()
    sentences = [list(sentence) for sentence in sentences]
    counted = Counter(word for sentence in sentences for word in sentence)
    words = sorted((w for w, n in counted.items() if n >= config.min_count), key=lambda w: (-counted[w], w))
    if len(words) < 2:
        raise ValueError(
            f"{len(words)} of {len(counted):,} words come {config.min_count} times or more: give more text, or a "
            "smaller min_count"
        )
    index = {word: i for i, word in enumerate(words)}
    rows = [[index[word] for word in sentence if word in index] for sentence in sentences]
    counts = np.array([counted[word] for word in words])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = SkipGram(len(words), config.n_embd)
        train_skip_gram(model, rows, counts, config)
    return WordVectors(words, model.wte.weight.detach().numpy().copy())


def train_skip_gram(model: SkipGram, rows: list[list[int]], counts: np.ndarray, config: Word2VecConfig) -> None:
    """Train the model on sentences of ids; draws noise from torch's own random numbers, pairs from `config.seed`."""
    ids = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
    sentence = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    noise = torch.from_numpy(noise_distribution(counts))
    kept = keep_probability(counts / counts.sum(), config.t)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    rng = np.random.default_rng(config.seed)
    for epoch in range(config.n_epochs):
        stays = rng.random(len(ids)) < kept[ids]
        pairs = torch.from_numpy(skip_gram_pairs(ids[stays], sentence[stays], config.window, rng))
        if not len(pairs):
            raise ValueError(f"no two words stand side by side after thinning out with t={config.t}: give more text")
        batches = pairs[torch.from_numpy(rng.permutation(len(pairs)))].split(config.batch_size)
        for i, batch in enumerate(batches):
            done = (epoch + i / len(batches)) / config.n_epochs
            optimizer.param_groups[0]["lr"] = config.learning_rate * (1 - done)
            drawn = torch.multinomial(noise, len(batch) * config.n_noise, replacement=True)
            loss = model.loss(batch[:, 0], batch[:, 1], drawn.view(len(batch), config.n_noise))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def skip_gram_pairs(ids: np.ndarray, sentence: np.ndarray, window: int, rng: np.random.Generator) -> np.ndarray:
    """All (word, word near it) of a text, as rows of two ids; `sentence` numbers the sentence that each word is in."""
    reach = rng.integers(1, window + 1, size=len(ids))
    return np.concatenate(list(pairs_at_each_distance(ids, sentence, reach, window)))


def pairs_at_each_distance(
    ids: np.ndarray, sentence: np.ndarray, reach: np.ndarray, window: int
) -> Iterator[np.ndarray]:
    for distance in range(1, window + 1):
        left, right = slice(None, -distance), slice(distance, None)
        same = sentence[left] == sentence[right]
        for center, near in ((left, right), (right, left)):
            use = same & (reach[center] >= distance)
            yield np.stack([ids[center][use], ids[near][use]], axis=1)


def noise_distribution(counts: np.ndarray, power: float = 0.75) -> np.ndarray:
    """What noise words are drawn from: counts to the power 3/4, which draws rare words more often than the text has."""
    weights = np.asarray(counts, dtype=np.float64) ** power
    return weights / weights.sum()


def keep_probability(frequency: np.ndarray, t: float) -> np.ndarray:
    """The chance of a word to stay when frequent words are thinned out, min(1, √(t/f)): equation 5 of Mikolov 2013b.

    The authors' released program keeps a little more, √(t/f) + t/f; ours follows the paper.
    """
    return np.minimum(1.0, np.sqrt(t / np.asarray(frequency, dtype=np.float64)))


def to_words(text: str) -> list[str]:
    """The words of a text in lower case, without numbers and punctuation; "don't" is one word."""
    return re.findall(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*", text.lower())
