"""The common ground of all views: live in a kernel, or a static face in a saved notebook."""

import html
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
from traitlets import Bool, Unicode

from minigpt.views import static


class View(anywidget.AnyWidget):
    """A widget with a static face.

    A subclass gives `name` (of its .js and .css), `describe()` (one sentence, the alt text), `face()` (HTML without
    scripts) and, where its controls ask the kernel, `stored()` (traits that answer in its place).
    """

    name = ""
    live = Bool(True).tag(sync=True)  # is a kernel there to answer?
    error = Unicode("").tag(sync=True)  # what went wrong in a callback, shown in the view

    def __init__(self, **traits: Any) -> None:
        super().__init__(live=not static.is_static(), **traits)

    def open(self) -> None:
        """Tell the page of this widget; a static one has no page to tell."""
        if not static.is_static():
            super().open()

    def describe(self) -> str:
        """What the view shows, in words."""
        raise NotImplementedError

    def face(self) -> str:
        """What a reader sees where no script runs: an image with alt text, or a table."""
        raise NotImplementedError

    def stored(self) -> dict[str, Any]:
        """Further traits for the static view."""
        return {}

    def static_html(self) -> str:
        """The face, and over it the view in a frame, on its state as it is now."""
        names = [name for name in self.trait_names(sync=True) if name not in anywidget.AnyWidget.class_trait_names()]
        state = {name: getattr(self, name) for name in names if not name.startswith("_")}
        state |= {"live": False, "error": ""} | self.stored()
        return static.embed(self.name, self.describe(), self.face(), state)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a page (.html) that any browser opens, without a kernel or a network: the view as it is now."""
        head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(self.describe())}</title>'
        Path(path).write_text(f"{head}<body>{self.static_html()}</body></html>", encoding="utf-8")

    def guarded(self, callback: Callable[..., Any], *arguments: Any) -> Any:
        """The callback's result; None when it fails, and the view then says why instead of standing still."""
        try:
            result = callback(*arguments)
        except Exception as error:  # whatever a notebook's function raises belongs in front of its reader
            self.error = f"{type(error).__name__}: {error}"
            return None
        self.error = ""
        return result

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        if static.is_static():
            return {"text/html": self.static_html(), "text/plain": self.describe()}
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        again = "The view itself comes back when this cell is run; its save('page.html') writes a page that keeps it."
        return data | {"text/plain": f"{self.describe()} {again}"}, metadata
