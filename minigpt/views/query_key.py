"""Attention in a plane: drag a query and keys, see scores, weights and the output move."""

from collections.abc import Sequence

import numpy as np
from traitlets import Bool, Float, List, Unicode

from minigpt.views import plain, static
from minigpt.views.view import View

MOST = 8  # more arrows than these cannot be told apart


class QueryKey(View):
    """See `query_key`. The traits hold the vectors as the reader left them."""

    name = "query_key"
    _esm = static.module("query_key")
    _css = static.style("query_key")
    query = List(Float()).tag(sync=True)
    key_vectors = List(List(Float())).tag(sync=True)  # `keys` means something else to a widget
    value_vectors = List(List(Float())).tag(sync=True)
    labels = List(Unicode()).tag(sync=True)
    scaled = Bool(True).tag(sync=True)
    reach = Float(3.0).tag(sync=True)  # the planes go from -reach to reach

    def describe(self) -> str:
        """How many keys there are, and which one gets most of the attention."""
        weights = _weights(np.array(self.query), np.array(self.key_vectors), self.scaled)
        best = int(weights.argmax())
        return (
            f"A query and {len(self.key_vectors)} keys in a plane: the query gives most weight, {weights[best]:.2f}, "
            f"to “{self.labels[best]}”; the output is the weighted sum of the values."
        )

    def face(self) -> str:
        """The vectors, and the numbers in a table."""
        from minigpt.views import figures

        query, keys, values = np.array(self.query), np.array(self.key_vectors), np.array(self.value_vectors)
        weights = _weights(query, keys, self.scaled)
        arrows = {"query": query} | {f"key of {name}": key for name, key in zip(self.labels, keys, strict=True)}
        picture = static.image(figures.to_svg(figures.vectors(arrows)), self.describe())
        rows = [
            [name, _pair(key), f"{query @ key:.2f}", f"{weight:.2f}", _pair(value)]
            for name, key, weight, value in zip(self.labels, keys, weights, values, strict=True)
        ]
        table = static.table(["token", "key", "score q·k", "weight", "value"], rows)
        return f"{picture}{table}<p>Query {_pair(query)}, output {_pair(weights @ values)}</p>"


def query_key(
    query: Sequence[float] = (2.0, 1.0),
    keys: Sequence[Sequence[float]] = ((1.5, 1.5), (-1.0, 2.0), (0.5, -2.0)),
    values: Sequence[Sequence[float]] = ((2.0, 0.0), (-1.0, 2.0), (-1.0, -2.0)),
    labels: Sequence[str] = ("cat", "sat", "mat"),
    *,
    scaled: bool = True,
    reach: float = 3.0,
) -> QueryKey:
    """One query and some keys and values, all in two dimensions (D = 2), to drag with the mouse or the arrow keys.

    Shown are the scores q·k, the weights softmax(scores / sqrt(D)), or without the division when `scaled` is off, and
    the output, the sum of weight times value. `query` is (x, y), `keys` and `values` are (S, 2), with a label each.
    """
    arrays = {
        "query": plain.numbers(query, "query", ndim=1),
        "keys": plain.numbers(keys, "keys", ndim=2),
        "values": plain.numbers(values, "values", ndim=2),
    }
    names = plain.labels(labels, "labels")
    for what, array in arrays.items():
        if array.shape[-1] != 2:
            raise ValueError(f"{what} of shape {array.shape} should have 2 numbers a vector: this view is a plane")
        if np.abs(array).max() > reach:
            raise ValueError(f"{what} go beyond reach={reach}: shorten the vectors, or give a larger reach")
    counts = len(arrays["keys"]), len(arrays["values"]), len(names)
    if len(set(counts)) > 1:
        raise ValueError("{} keys, {} values and {} labels: each token has one of each".format(*counts))
    if len(names) > MOST:
        raise ValueError(f"{len(names)} keys are too many to tell apart: at most {MOST}")
    vectors = dict(zip(("query", "key_vectors", "value_vectors"), (a.tolist() for a in arrays.values()), strict=True))
    return QueryKey(labels=names, scaled=scaled, reach=reach, **vectors)


def _weights(query: np.ndarray, keys: np.ndarray, scaled: bool) -> np.ndarray:
    scores = keys @ query / (np.sqrt(len(query)) if scaled else 1.0)
    e = np.exp(scores - scores.max())
    return e / e.sum()


def _pair(point: np.ndarray) -> str:
    return f"({point[0]:.2f}, {point[1]:.2f})"
