"""All heads of any model that reads one text, live: type, and `views.heads` follows with all that it can show."""

import inspect
import warnings
from time import perf_counter
from typing import Any

import ipywidgets
import numpy as np
from torch import nn

from minigpt import views
from minigpt.course.machine import is_static
from minigpt.course.reading import Read, reader
from minigpt.course.translate import said
from minigpt.inspection.heads import head_scores
from minigpt.inspection.record import Recording, record
from minigpt.inspection.rollout import attention_rollout
from minigpt.inspection.scores import attention_scores
from minigpt.views import head_options
from minigpt.views.heads import Heads
from minigpt.weights.shipped import load_shipped

TEXT = "Once upon a time there was a little girl named Lily. She had a red ball, and Lily"
KINDS = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def live_heads(
    model: nn.Module | None = None,
    tokenizer: Any = None,
    text: str = TEXT,
    *,
    layer: int | None = None,
    head: int | None = None,
    scores: bool = True,
    sort: str = "",
) -> Any:
    """A field to type in, and all heads over what stands there: weights, raw scores, weights by value, rollout.

    `model`: any that `inspection.record` records from the ids of one text, such as a GPT, also with the reader's own
    attention in it, a module of the reader's, an `Encoder` or `MaskedLM`, a model of transformers; without one, that of
    the course. `tokenizer`: the model's own, with `encode(text)`; a list, the word of each id; or a function from a
    text to (ids, labels). `layer`, `head`: which is enlarged at first; without them the first in the order. `scores`:
    are the heads scored at each key, so that they can be sorted? `sort`: by which of `inspection.heads.head_scores` at
    first.

    What cannot be shown is said above the heads, and the last picture stays. In a page that is only read there is one
    picture, of `text`. Raises TypeError for an encoder-decoder, and what the first text raises, if it cannot be shown.
    """
    if (model is None) != (tokenizer is None):
        raise ValueError("give a model together with its tokenizer, or neither for the model of the course")
    if model is None:
        model, tokenizer = load_shipped()
    check_model(model)
    read = reader(model, tokenizer)
    started = perf_counter()
    recording, options = pictured(model, read, text)
    sorting = dict(scores=sortable(recording) if scores else None, sort=sort)
    view = views.heads(recording, layer=layer, head=head, **sorting, **options)
    return view if is_static() else LiveHeads(model, read, text, view, scores, perf_counter() - started).box


class LiveHeads:
    """The field and the heads; what cannot be shown is said in words and leaves the rest as it was.

    `seconds`: how long the last text took, which is said where it was long enough to wonder.
    """

    def __init__(self, model: nn.Module, read: Read, text: str, view: Heads, scores: bool, seconds: float = 0):
        self.model, self.read, self.view, self.scores, self.seconds = model, read, view, scores, seconds
        field = ipywidgets.Textarea if "\n" in text else ipywidgets.Text
        self.text = field(value=text, description="Text", layout=ipywidgets.Layout(width="auto"))
        self.output = ipywidgets.HTML(said(counted(view.tokens)))
        self.text.observe(self.look, names="value")  # of keys that come while the model runs, the page sends the last
        self.box = ipywidgets.VBox([self.text, self.output, view])

    def look(self, change: Any = None) -> None:
        """Show the heads over the text as it is now."""
        if self.seconds > 1:
            self.output.value = said(f"Reading; the text before took {self.seconds:.0f} s.")
        started = perf_counter()
        try:
            recording, options = pictured(self.model, self.read, self.text.value)
            with self.view.hold_sync(), warnings.catch_warnings(action="ignore"):  # the view says itself what is odd
                self.view.show(recording, **options)
                if self.scores:
                    self.view.scores = head_options.head_scores(sortable(recording), self.view.shape)
            self.output.value = said(counted(self.view.tokens) + self.unsorted())
        except Exception as error:  # whatever the reader's model raises belongs in front of the reader
            self.output.value = said(f"{reason(error)} The heads are still those of the text before.")
        self.seconds = perf_counter() - started

    def unsorted(self) -> str:
        """Why the order that was chosen is not there; it comes back with a text that has what it counts."""
        name = self.view.score
        return "" if not name or name in self.view.scores else f" Nothing in this text to sort by “{name}”."


def pictured(model: nn.Module, read: Read, text: str) -> tuple[Recording, dict[str, Any]]:
    """What goes on in the model over a text, and what `views.heads` shows besides the weights, where it is seen."""
    ids, labels = read(text)
    recording, scores = record(model, ids, labels), attention_scores(model, ids)
    sizes = {name: (len(weights), weights.shape[-1]) for name, weights in recording.attention.items()}
    values = scores.values if {name: norms.shape for name, norms in scores.values.items()} == sizes else None
    return recording, dict(raw=scores.raw, values=values, rollout=rollout(recording))


def rollout(recording: Recording) -> np.ndarray | None:
    """None where rows do not sum to 1: there are no shares to follow."""
    try:
        return attention_rollout(recording)
    except ValueError:
        return None


def sortable(recording: Recording) -> dict[str, np.ndarray]:
    """The head scores that this text has: one without repeats says nothing about induction."""
    return {name: values for name, values in head_scores(recording).items() if np.isfinite(values).all()}


def check_model(model: Any) -> None:
    """Raises TypeError for what is no model, and for one that needs more than the ids of one text."""
    name = type(model).__name__
    if not isinstance(model, nn.Module):
        raise TypeError(f"live_heads runs a torch.nn.Module, not {name}: views.heads shows any recording")
    parameters = inspect.signature(model.forward).parameters.values()
    needed = [one.name for one in parameters if one.kind in KINDS and one.default is one.empty]
    if len(needed) > 1 or getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        needs = " and ".join(needed) if len(needed) > 1 else "a second text, which it writes"
        raise TypeError(
            f"{name} needs {needs}, and live_heads gives a model the ids of one text. views.translation shows the "
            "three attentions of an encoder-decoder, recorded by from_transformers of "
            "minigpt.inspection.adapters; for a Translator of the course course.try_translator has a field to type in"
        )


def counted(tokens: list[str]) -> str:
    return f"{len(tokens):,} token{'s' if len(tokens) > 1 else ''}."


def reason(error: Exception) -> str:
    """An error in words, as a sentence."""
    text = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    if isinstance(error, IndexError):
        text += ". Is the text too long for the model, or the tokenizer another model's?"
    return text if text.endswith((".", "?", "!")) else f"{text}."
