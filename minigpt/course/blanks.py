"""Fill the blank: type a sentence with a blank, and see which words a masked language model puts there."""

import difflib
import html
import re
from collections.abc import Sequence
from typing import Any

import ipywidgets
from IPython.display import display

from minigpt.config import EncoderConfig
from minigpt.course.machine import is_static
from minigpt.course.show import card_html, table_html, table_text
from minigpt.models.encoder import MaskedLM
from minigpt.models.masking import fill_mask
from minigpt.text.storyland import split

BLANK = re.compile("_+")
NO_STOP = "There is no “.” at the end, so one was added: every sentence that the model knows has one."
ALONE = "Each blank is guessed by itself: no guess knows what the others became."
Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]


def fill_in(model: MaskedLM, words: Sequence[str], text: str) -> Any:
    """A box to type a sentence in, blanks written as `___`, and the likeliest words for each blank.

    `words`: the model's vocabulary, the word of each id. In a page that is only read there is one example, `text`.
    """
    if is_static():
        display({"text/plain": as_text(model, words, text), "text/html": as_html(model, words, text)}, raw=True)
        return None
    sentence = ipywidgets.Text(value=text, description="Sentence", layout=ipywidgets.Layout(width="auto"))
    answer = ipywidgets.HTML()

    def look(change: Any = None) -> None:
        try:
            answer.value = f'<div role="status">{as_html(model, words, sentence.value)}</div>'
        except ValueError as error:
            answer.value = card_html("todo", "No guess", str(error))

    sentence.observe(look, names="value")
    look()
    return ipywidgets.VBox([sentence, answer])


def as_html(model: MaskedLM, words: Sequence[str], text: str) -> str:
    """The table of guesses, and below it what the reader should be told."""
    table, notes = guessed(model, words, text)
    return table_html(*table) + "".join(f"<p>{html.escape(note)}</p>" for note in notes)


def as_text(model: MaskedLM, words: Sequence[str], text: str) -> str:
    """The same as plain text."""
    table, notes = guessed(model, words, text)
    return "\n".join([table_text(*table), *notes])


def guessed(model: MaskedLM, words: Sequence[str], text: str, n_best: int = 5) -> tuple[Table, list[str]]:
    """Caption, header and rows, a column of guesses for each blank; and notes. Raises what `read_blanks` raises."""
    ids, notes = read_blanks(text, words, model.config)
    guesses = fill_mask(model, ids, n_best)
    columns = [[f"{words[token]} {share:.0%}" for token, share in best] for best in guesses]
    header = [f"blank {n}" for n in range(1, len(columns) + 1)] if len(columns) > 1 else ["in the blank"]
    return (text.strip(), header, list(zip(*columns, strict=True))), notes


def not_among(words: Sequence[str], unknown: str) -> str:
    """What to say of a word that the model does not have, with those that are near it."""
    near = ", ".join(difflib.get_close_matches(unknown, words, n=3))
    hint = f"near it are {near}" if near else "take another word"
    return f"“{unknown}” is not among the {len(words):,} words of the model: {hint}."


def read_blanks(text: str, words: Sequence[str], config: EncoderConfig) -> tuple[list[int], list[str]]:
    """Ids of `cls … sep` with a mask for each blank, and what the reader should be told.

    Raises ValueError for a text that is empty, has no blank, is too long, or has words that the model does not know.
    """
    parts, notes = split(text), []
    if not parts:
        raise ValueError("Nothing is typed yet: write a sentence, with ___ where a word is missing.")
    n_blanks = sum(bool(BLANK.fullmatch(part)) for part in parts)
    if not n_blanks:
        raise ValueError("There is no blank in the sentence: write ___ where a word is missing.")
    number = {word: i for i, word in enumerate(words)}
    unknown = [part for part in parts if part not in number and not BLANK.fullmatch(part)]
    if unknown:
        raise ValueError(not_among(words, unknown[0]))
    if parts[-1] != ".":
        parts.append(".")
        notes.append(NO_STOP)
    if len(parts) > config.n_ctx - 2:
        raise ValueError(
            f"{len(parts)} words and signs are too many: the model reads {config.n_ctx - 2}, beside the two special "
            "tokens at the ends. Shorten the sentence."
        )
    if n_blanks > 1:
        notes.append(ALONE)
    middle = [config.mask_id if BLANK.fullmatch(part) else number[part] for part in parts]
    return [config.cls_id, *middle, config.sep_id], notes
