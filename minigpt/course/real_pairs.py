"""The translator of notebook 10 on real sentences: trained on Tatoeba's pairs, measured on others.

    python -m minigpt.course.real_pairs --write     train, measure, and record it for the notebook

Needs the pairs, which are not shipped (see `minigpt.text.corpora`), and sacrebleu (extra `scores`).
"""

import argparse
import hashlib
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import torch

from minigpt.assets import ASSETS
from minigpt.config import TranslatorConfig
from minigpt.course.machine import is_fast
from minigpt.evaluation.translations import repeats, scores, words_of
from minigpt.models.translator import Translator
from minigpt.text import corpora
from minigpt.text.pieces import PieceVocabulary
from minigpt.training.loop import TrainConfig, Trainer
from minigpt.training.pairs import PairsByLength
from minigpt.translating import greedy

CORPUS = "tatoeba-en-pt-13222"
RECORDED = ASSETS / "runs" / "real_pairs.json"
N_TEST = 500
LONGEST = 60
"""Pieces of a sentence; longer pairs are left out of the training."""
OURS = (
    "I like to read at night.",
    "She doesn't want to go home.",
    "The child is sleeping.",
    "Where is the nearest bank?",
    "The river bank was covered with flowers.",
    "My old zebra plays the accordion.",
    "It's raining cats and dogs.",
    "The red house and the white horse are mine.",
    "I told her that he had told them that we would come.",
    "When I was a boy, my grandfather took me to the sea every summer, and we ate fish there with his friends.",
)
"""Sentences of our own, each hard in another way."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class Recipe:
    """What is trained, and how long: some minutes on one CPU core."""

    n_vocab: int = 3000
    n_embd: int = 128
    n_head: int = 4
    n_layer: int = 3
    dropout: float = 0.1
    n_steps: int = 3000
    batch_size: int = 64
    learning_rate: float = 2e-3


def split(pairs: Sequence[Pair], n_test: int = N_TEST) -> tuple[list[Pair], list[Pair]]:
    """Training pairs, and pairs to test with, of which no English sentence is trained on.

    Which are tested follows from the English text alone, so that every machine tests the same. Raises ValueError where
    there are not more sentences than to be tested.
    """
    by_text: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_text.setdefault(pair[0].lower(), []).append(pair)
    if len(by_text) <= n_test:
        raise ValueError(f"{len(by_text):,} different sentences: more than n_test={n_test:,} are needed")
    order = sorted(by_text, key=lambda text: hashlib.sha256(text.encode()).digest())
    test, train = order[:n_test], order[n_test:]
    return [pair for text in train for pair in by_text[text]], [by_text[text][0] for text in test]


def train(pairs: Sequence[Pair], recipe: Recipe) -> tuple[Translator, PieceVocabulary]:
    """A translator of these pairs, in evaluation mode, and its pieces."""
    words = PieceVocabulary.of(pairs, recipe.n_vocab)
    kept = [pair for pair in pairs if all(len(words.target(text)) <= LONGEST for text in pair)]
    torch.manual_seed(0)
    config = TranslatorConfig(
        words.n_vocab,
        n_ctx=2 * LONGEST,
        n_embd=recipe.n_embd,
        n_head=recipe.n_head,
        n_layer=recipe.n_layer,
        dropout=recipe.dropout,
        pad_id=words.pad_id,
        bos_id=words.bos_id,
        eos_id=words.eos_id,
    )
    model = Translator(config)
    n, peak = recipe.n_steps, recipe.learning_rate
    settings = TrainConfig(n, peak, peak / 100, n_warmup=n // 10, weight_decay=0.01)
    Trainer(model, PairsByLength(words, kept, recipe.batch_size), settings).run()
    return model.eval().requires_grad_(False), words


def translate(model: Translator, words: PieceVocabulary, texts: Sequence[str], at_once: int = 50) -> list[str]:
    """Each text's translation, greedily; texts of like length go through the model together."""
    sources = [words.source(text)[-2 * LONGEST :] for text in texts]
    order = sorted(range(len(texts)), key=lambda k: len(sources[k]))
    found = dict.fromkeys(range(len(texts)), "")
    for start in range(0, len(order), at_once):
        some = order[start : start + at_once]
        for k, ids in zip(some, greedy(model, [sources[k] for k in some], max_new_tokens=LONGEST), strict=True):
            found[k] = words.decode(ids)
    return list(found.values())


def kinds(known: set[str], texts: Sequence[str]) -> dict[str, list[int]]:
    """Which of the English texts are of which kind; `known` are the English words of the training text."""
    sizes = [len(words_of(text)) for text in texts]
    are_known = [set(words_of(text)) <= known for text in texts]
    every = range(len(texts))
    return {
        "all": list(every),
        "up to 5 words": [k for k in every if sizes[k] <= 5],
        "6 to 9 words": [k for k in every if 6 <= sizes[k] <= 9],
        "10 words or more": [k for k in every if sizes[k] >= 10],
        "all words met before": [k for k in every if are_known[k]],
        "with a word never met": [k for k in every if not are_known[k]],
    }


def measure(pairs: Sequence[Pair], recipe: Recipe | None = None, n_test: int = N_TEST) -> dict[str, Any]:
    """Train on most of the pairs, translate the others and our own sentences, and score it: what is recorded."""
    recipe = recipe or Recipe()
    seen, test = split(pairs, n_test)
    start = time.process_time()
    model, words = train(seen, recipe)
    seconds = time.process_time() - start
    english, wanted = zip(*test, strict=True)
    found = translate(model, words, english)
    known = {word for text, _ in seen for word in words_of(text)}
    groups = {kind: some for kind, some in kinds(known, english).items() if some}
    return {
        "recipe": asdict(recipe) | {"n_params": model.n_params(), "n_train": len(seen), "n_test": n_test},
        "cpu_seconds": round(seconds),
        "scores": {
            kind: asdict(scores([found[k] for k in some], [wanted[k] for k in some])) for kind, some in groups.items()
        },
        "exact": sum(a == b for a, b in zip(found, wanted, strict=True)),
        "repeating": sum(repeats(a) and not repeats(b) for a, b in zip(found, wanted, strict=True)),
        "ours": dict(zip(OURS, translate(model, words, OURS), strict=True)),
    }


def real_sentences() -> dict[str, Any]:
    """What `measure` finds, now, where the pairs and sacrebleu are at hand and time allows; else what was recorded.

    Says which. A recording has `machine`, a measurement has not.
    """
    missing = [] if find_spec("sacrebleu") else ['sacrebleu (pip install -e ".[scores]")']
    try:
        pairs = corpora.load(CORPUS)
    except FileNotFoundError:
        missing.append("the pairs of Tatoeba")
    if is_fast() or missing:
        why = "MINIGPT_FAST=1 cuts training short" if is_fast() else f"{' and '.join(missing)}: not at hand"
        print(f"A recording, not measured now ({why}).")
        return json.loads(RECORDED.read_text(encoding="utf-8"))
    print(f"Measured now, on {len(pairs):,} pairs; this takes some minutes.")
    return measure(pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=Recipe.n_steps)
    parser.add_argument("--write", action="store_true", help=f"into {RECORDED.relative_to(ASSETS.parent)}")
    arguments = parser.parse_args()
    result = measure(corpora.load(CORPUS), Recipe(n_steps=arguments.steps))
    versions = {name: version(name) for name in ("torch", "sacrebleu")}
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    text = json.dumps(result | {"machine": machine | versions}, ensure_ascii=False, indent=1) + "\n"
    print(text, end="")
    if arguments.write:
        RECORDED.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
