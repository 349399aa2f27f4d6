"""Made-up recordings for tests of views, and a reader of the HTML that comes of them."""

from dataclasses import dataclass
from html.parser import HTMLParser

import numpy as np


@dataclass(frozen=True)
class Recording:
    """The part of a recording that views of attention need."""

    tokens: tuple[str, ...]
    stack: np.ndarray
    source_tokens: tuple[str, ...] | None = None

    def attention_stack(self) -> np.ndarray:
        return self.stack


def softmax(scores: np.ndarray) -> np.ndarray:
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype(np.float32)


class Tags(HTMLParser):
    """All start tags with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
