"""How fast our byte-pair encoding is, beside the tools that people use.

    python benchmarks/bpe.py

CPU time on 1.1 MB of Shakespeare (tinyshakespeare, from MINIGPT_DATA or by download). Both sides take turns in one
process, so that a busy moment of the machine hits them alike, and what counts is the ratio.
"""

import os

os.environ["RAYON_NUM_THREADS"] = "1"  # before the import: Hugging Face's trainer needs least CPU time on one thread

import json
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from minigpt.text import corpora
from minigpt.text.bpe import PRE_SPLIT, from_letters
from minigpt.text.gpt2_files import tiktoken_gpt2
from minigpt.text.tokenizers import BPETokenizer

N_ROUNDS = 9


def main() -> None:
    text = corpora.load("tinyshakespeare")
    for n_vocab, target in ((1024, 1.1), (4096, 0.85)):
        ours = compare_training(text, n_vocab, target)
        compare_with_plain_training(text, n_vocab, ours, target=100)
    compare_encoding(text, "Shakespeare", target=0.5)
    wikitext = Path(os.environ.get("MINIGPT_DATA", ""), "eval/wikitext-2-raw.test.txt")
    if wikitext.exists():  # more different words, and not all ASCII
        compare_encoding(wikitext.read_text(encoding="utf-8"), "WikiText-2 test")


def compare_training(text: str, n_vocab: int, target: float) -> float:
    """Our trainer against Hugging Face's. Returns our CPU seconds."""
    lines = text.splitlines(keepends=True)  # it is faster on lines than on one long text; its merges are the same
    ours, theirs = [], []
    for _ in range(N_ROUNDS):
        ours.append(cpu_seconds(lambda: BPETokenizer.train(text, n_vocab, [])))
        theirs.append(cpu_seconds(lambda: train_with_hugging_face(lines, n_vocab)))
    merges = BPETokenizer.train(text, n_vocab, []).merges
    same = merges == merges_of(train_with_hugging_face([text], n_vocab))
    report(f"train {n_vocab} tokens / Hugging Face, {'same' if same else 'OTHER'} merges", ours, theirs, target)
    return statistics.median(ours)


def compare_with_plain_training(text: str, n_vocab: int, ours: float, target: float) -> None:
    """All its merges take very long: one is timed at five points of the way, and the way is summed up from these."""
    merges = BPETokenizer.train(text, n_vocab, []).merges
    points = [i * (len(merges) - 1) // 4 for i in range(5)]
    seconds = []
    for n_done in points:
        tokenizer = BPETokenizer(merges[:n_done], [])
        chunks = [tokenizer.encode(chunk) for chunk in PRE_SPLIT.findall(text)]
        seconds.append(cpu_seconds(lambda chunks=chunks, new=256 + n_done: merge_plainly(chunks, new)))
    total = sum((b - a) * (x + y) / 2 for (a, b), (x, y) in zip(pairwise(points), pairwise(seconds), strict=True))
    at_points = ", ".join(f"{s:.2f}" for s in seconds)
    name = f"train {n_vocab} tokens / recounting, as minbpe does"
    print(
        f"{name:55} {total / ours:8.0f}           target {target:4}   ours {ours:.3f} s, theirs {total:.0f} s, "
        f"ESTIMATED from one merge at 0, 25, 50, 75 and 100 % of the way: {at_points} s"
    )


def compare_encoding(text: str, name: str, target: float | None = None) -> None:
    """Our encoder, with an empty cache and then again, against tiktoken; both with GPT-2's vocabulary."""
    reference, merges = tiktoken_gpt2(), BPETokenizer.gpt2().merges
    first, again, theirs = [], [], []
    for _ in range(N_ROUNDS):
        fresh = BPETokenizer(merges)
        first.append(cpu_seconds(lambda fresh=fresh: fresh.encode(text)))
        theirs.append(cpu_seconds(lambda: reference.encode_ordinary(text)))
        again.append(cpu_seconds(lambda fresh=fresh: fresh.encode(text)))
    same = "same" if BPETokenizer(merges).encode(text) == reference.encode_ordinary(text) else "OTHER"
    report(f"encode {name} / tiktoken, {same} ids, cache empty", first, theirs, target)
    report(f"encode {name} / tiktoken, {same} ids, again", again, theirs, target)


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def report(name: str, ours: list[float], theirs: list[float], target: float | None) -> None:
    """The median, and in brackets the least and the greatest, of how many times their speed ours is."""
    ratios = sorted(b / a for a, b in zip(ours, theirs, strict=True))
    print(
        f"{name:55} {statistics.median(ratios):8.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})  target {target or 'none':4}   "
        f"ours {statistics.median(ours):.3f} s, theirs {statistics.median(theirs):.3f} s"
    )


def train_with_hugging_face(texts: list[str], n_vocab: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=n_vocab, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def merges_of(trained: Tokenizer) -> list[tuple[bytes, bytes]]:
    merges = json.loads(trained.to_str())["model"]["merges"]
    return [(from_letters(left), from_letters(right)) for left, right in merges]


def merge_plainly(chunks: list[list[int]], new: int) -> list[list[int]]:
    """One merge as minbpe's RegexTokenizer goes about it: count the pairs of all chunks, then build all chunks anew."""
    counts: dict[tuple[int, int], int] = {}
    for chunk in chunks:
        for pair in pairwise(chunk):
            counts[pair] = counts.get(pair, 0) + 1
    best = max(counts, key=counts.__getitem__)
    merged_chunks = []
    for chunk in chunks:
        merged, i = [], 0
        while i < len(chunk):
            if chunk[i] == best[0] and i + 1 < len(chunk) and chunk[i + 1] == best[1]:
                merged.append(new)
                i += 2
            else:
                merged.append(chunk[i])
                i += 1
        merged_chunks.append(merged)
    return merged_chunks


if __name__ == "__main__":
    main()
