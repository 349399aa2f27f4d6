"""Translations against references: BLEU and chrF, as everybody computes them, and what no score says.

Sources: Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation"; Popović 2015, "chrF:
character n-gram F-score for automatic MT evaluation"; Post 2018, "A Call for Clarity in Reporting BLEU Scores", for
why one program computes them for all and its settings belong beside each score.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scores:
    """How near n translations come to their references, from 0 to 100."""

    n: int
    bleu: float
    """Shared runs of 1 to 4 words, geometric mean of their shares, lowered for translations that are too short."""
    chrf: float
    """Shared runs of 1 to 6 characters, recall counted twice as much as precision: half a word right counts, too."""
    settings: tuple[str, str]
    """sacrebleu's signatures of both: tokenizer, smoothing, version."""


def scores(found: Sequence[str], wanted: Sequence[str]) -> Scores:
    """Score translations against one reference each.

    Raises ValueError where there are none or not as many references, ModuleNotFoundError where sacrebleu is not there.
    """
    if not found or len(found) != len(wanted):
        raise ValueError(f"{len(found)} translations and {len(wanted)} references: give one for each, at least one")
    try:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError('BLEU and chrF are computed by sacrebleu: pip install -e ".[scores]"') from error
    bleu, chrf = BLEU(), CHRF()
    by_words, by_characters = (metric.corpus_score(list(found), [list(wanted)]).score for metric in (bleu, chrf))
    return Scores(len(found), by_words, by_characters, (str(bleu.get_signature()), str(chrf.get_signature())))


def words_of(text: str) -> list[str]:
    """Words in lower case, without punctuation."""
    return re.findall(r"\w+", text.lower())


def repeats(text: str) -> bool:
    """Do two words come a second time in the same order?"""
    words = words_of(text)
    pairs = list(itertools.pairwise(words))
    return len(set(pairs)) < len(pairs)
