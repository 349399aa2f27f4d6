"""Type a sentence, and watch its translation come: word by word with the lines of attention, or as a tree of a beam."""

import html
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets

from minigpt import views
from minigpt.course.machine import is_static
from minigpt.inspection.translation import TranslationRecording, record_translation
from minigpt.models.translator import Translator
from minigpt.text.pairs import WordVocabulary
from minigpt.translating import Hypothesis, beam_choices, beam_steps
from minigpt.views.beam_tree import Steps

PAUSE = 0.4
"""Seconds between two words: the model is faster than the eye."""


def try_translator(model: Translator, words: WordVocabulary, sentence: str, **heads: tuple[int, int]) -> Any:
    """A box to type in, the translation word by word, and the attention behind it.

    `heads` are `cross_head` and the others of `views.translation`. In a page that is only read there is one example:
    what is written after each word is printed, and the attention of the whole translation is returned.
    """
    if not is_static():
        return TranslationBox(model, words, sentence, heads).box
    beginnings = list(written(model, words, sentence))
    for ids in beginnings:
        print(" ".join(words.labels(ids)))
    return views.translation(recorded(model, words, sentence, beginnings[-1]), **heads)


def try_beam(model: Translator, words: WordVocabulary, sentence: str, beam: int = 4, alpha: float = 0.6) -> Any:
    """The tree of beam search for one sentence, with sliders for the beam's size and for the length penalty's alpha.

    In a page that is only read there is the tree of this sentence, beam and alpha.
    """
    if not is_static():
        return BeamBox(model, words, sentence, beam=beam, alpha=alpha).box
    return views.beam_tree(searched(model, words, sentence, beam, alpha), source=sentence)


def searched(model: Translator, words: WordVocabulary, sentence: str, beam: int, alpha: float) -> Steps:
    """What `views.beam_tree` shows: for each step the hypotheses that are kept and dropped, in words."""

    def named(group: list[Hypothesis]) -> list[tuple]:
        return [(words.labels(one.ids), one.log_prob, one.score, one.finished) for one in group]

    steps = beam_choices(model, source_of(words, sentence), beam=beam, alpha=alpha)
    return [(named(kept), named(dropped)) for kept, dropped in steps]


def written(model: Translator, words: WordVocabulary, sentence: str) -> Iterator[tuple[int, ...]]:
    """What greedy has written after each token."""
    for (hypothesis,) in beam_steps(model, source_of(words, sentence), beam=1):
        yield hypothesis.ids


def source_of(words: WordVocabulary, sentence: str) -> list[int]:
    """What the encoder reads. Raises ValueError for nothing, and for words that the vocabulary does not know."""
    if not sentence.strip():
        raise ValueError("Nothing is typed yet: write a sentence of Storyland, such as The small king sleeps.")
    return words.source(sentence)


def recorded(model: Translator, words: WordVocabulary, sentence: str, ids: tuple[int, ...]) -> TranslationRecording:
    """The attention behind a translation, or behind its beginning."""
    source, target = words.source(sentence), [words.bos_id, *ids]
    return record_translation(model, source, target, words.labels(source), words.labels(target))


class TranslationBox:
    """The controls and what they show; what cannot be shown is said in words and leaves the rest as it was."""

    def __init__(self, model: Translator, words: WordVocabulary, sentence: str, heads: dict[str, tuple[int, int]]):
        self.model, self.words = model, words
        wide = ipywidgets.Layout(width="auto")
        self.sentence = ipywidgets.Text(value=sentence, description="English", layout=wide)
        self.button = ipywidgets.Button(description="Translate", tooltip="Write the translation word by word")
        self.output = ipywidgets.HTML()
        *_, ids = written(model, words, sentence)
        self.view = views.translation(recorded(model, words, sentence, ids), **heads)
        self.say(words.decode(ids))
        self.button.on_click(self.translate)
        self.box = ipywidgets.VBox([self.sentence, self.button, self.output, self.view])

    def translate(self, button: Any = None) -> None:
        """Write the translation of what is typed; the lines are those of the word that came last."""
        sentence = self.sentence.value
        try:
            for ids in written(self.model, self.words, sentence):
                self.view.show(recorded(self.model, self.words, sentence, ids))
                self.view.target = len(ids) - 1
                self.say(self.words.decode(ids))
                time.sleep(PAUSE)
        except ValueError as error:
            self.say(str(error))

    def say(self, text: str) -> None:
        self.output.value = said(text)


class BeamBox:
    """A sentence and the tree of its search; what cannot be searched is said in words."""

    def __init__(self, model: Translator, words: WordVocabulary, sentence: str, **options: Any):
        self.model, self.words = model, words
        wide = ipywidgets.Layout(width="auto")
        self.sentence = ipywidgets.Text(value=sentence, description="English", layout=wide, continuous_update=False)
        self.output = ipywidgets.HTML()
        self.view = views.beam_tree(partial(searched, model, words, sentence), source=sentence, **options)
        self.sentence.observe(self.search, names="value")
        self.box = ipywidgets.VBox([self.sentence, self.output, self.view])

    def search(self, change: Any = None) -> None:
        """Search for the translation of what is typed."""
        sentence = self.sentence.value
        try:
            self.view.show(partial(searched, self.model, self.words, sentence), source=sentence)
            self.output.value = ""
        except ValueError as error:
            self.output.value = said(str(error))


def said(text: str) -> str:
    return f'<p role="status">{html.escape(text)}</p>'
