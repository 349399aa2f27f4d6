"""Type a beginning, see what the model makes of it: its heads while you type, its text when you ask for it."""

import html
from typing import Any

import ipywidgets

from minigpt import views
from minigpt.course.machine import is_static
from minigpt.inspection.record import record
from minigpt.sampling import complete, stream

SAMPLING = {"max_new_tokens": 60, "temperature": 0.8, "top_k": 40}


def try_model(model, tokenizer, prompt: str) -> Any:
    """A box to type in, the model's continuation, and all heads over the typed text.

    In a page that is only read there is one example: the continuation of `prompt` is printed, its heads are returned.
    """
    if is_static():
        print(complete(model, tokenizer, prompt, seed=0, **SAMPLING))
        return views.heads(recorded(model, tokenizer, prompt))
    return Playground(model, tokenizer, prompt).box


class Playground:
    """The controls and what they show; what cannot be shown is said in words and leaves the rest as it was."""

    def __init__(self, model, tokenizer, prompt: str):
        self.model, self.tokenizer = model, tokenizer
        wide = ipywidgets.Layout(width="auto")
        self.prompt = ipywidgets.Text(value=prompt, description="Beginning", layout=wide)
        self.write = ipywidgets.Button(description="Write on", tooltip="Let the model continue the text")
        self.output = ipywidgets.HTML()
        self.heads = views.heads(recorded(model, tokenizer, prompt))
        self.prompt.observe(self.look, names="value")
        self.write.on_click(self.continue_text)
        self.box = ipywidgets.VBox([self.prompt, self.write, self.output, self.heads])

    def look(self, change) -> None:
        """Show the heads over the text as it is now."""
        try:
            self.heads.show(recorded(self.model, self.tokenizer, self.prompt.value))
            self.say("")
        except ValueError as error:
            self.say(str(error))

    def continue_text(self, button) -> None:
        """Write on from the text, piece by piece."""
        text = self.prompt.value
        try:
            for piece in stream(self.model, self.tokenizer, text, **SAMPLING):
                text += piece
                self.say(text)
        except ValueError as error:
            self.say(str(error))

    def say(self, text: str) -> None:
        self.output.value = f'<p role="status" style="white-space: pre-wrap">{html.escape(text)}</p>'


def recorded(model, tokenizer, text: str):
    ids = tokenizer.encode(text)
    if not ids:
        raise ValueError("Nothing is typed yet: begin with a word.")
    return record(model, ids, tokenizer.labels(ids))
