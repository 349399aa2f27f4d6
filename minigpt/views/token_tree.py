"""The tree of next tokens: the likeliest as branches, and the reader picks the path."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from traitlets import Bool, Dict, Float, Int, List, TraitError, Unicode, observe, validate

from minigpt.views import plain, static
from minigpt.views.view import View

Rows = Sequence[tuple[int, str, float, float]]
"""Token, label, probability in the model, and after temperature and cuts; the likeliest first."""
Ask = Callable[[list[int], float, int | None, float | None], Mapping[str, Any]]
Answer = dict[str, Any]
LONGEST = 200  # tokens of a path: more are no tree that anyone reads
AHEAD = 2  # branches of each branch in the face


class TokenTree(View):
    """See `token_tree`. `path` has the tokens chosen after the prompt, `answers` what follows a path, by its key.

    A key is the path's tokens with commas between them. `top_k` of 0 keeps all tokens.
    """

    name = "token_tree"
    _esm = static.module("token_tree")
    _css = static.style("token_tree")
    prompt = Unicode("").tag(sync=True)
    path = List(Int()).tag(sync=True)
    answers = Dict().tag(sync=True)
    depth = Int(2).tag(sync=True)
    temperature = Float(1.0).tag(sync=True)
    top_k = Int(0).tag(sync=True)
    top_p = Float(1.0).tag(sync=True)
    version = Int(0).tag(sync=True)  # counts answers, so that a whole one is drawn once
    is_asking = Bool(False)  # holds back the questions of `show` until all is set
    _ask: Ask | None = None

    def show(self, ask: Ask, prompt: str = "") -> None:
        """Begin another tree, with an empty path. Errors as in `token_tree`; the view then stays as it was."""
        answers = grown(self._with_rule(ask), [], self.depth)
        self._ask = ask
        self.is_asking = True
        with self.hold_sync():  # one message, so that no half-changed tree is drawn
            self.path = []
            self.prompt, self.answers, self.error = prompt, answers, ""
            self.version += 1
        self.is_asking = False

    @observe("path", "temperature", "top_k", "top_p")
    def _again(self, change: Any) -> None:
        if self._ask is None or self.is_asking:
            return
        found = self.guarded(grown, self._with_rule(self._ask), self.path, self.depth)
        with self.hold_sync():
            if found is not None:
                self.answers = found
            elif change.name == "path":  # nobody knows what follows it
                self.is_asking = True
                self.path = change.old
                self.is_asking = False
            self.version += 1

    def _with_rule(self, ask: Ask) -> Callable[[list[int]], Answer]:
        rule = (self.temperature, self.top_k or None, self.top_p if self.top_p < 1 else None)
        return lambda path: _checked(ask(path, *rule), path)

    @validate("path", "temperature", "top_k", "top_p", "depth")
    def _valid(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "path":
            if len(value) > LONGEST:
                raise TraitError(f"a path of {len(value):,} tokens is too long to look at: at most {LONGEST}")
            return value
        low, high = {"temperature": (0, 2), "top_k": (0, 10**9), "top_p": (0.01, 1), "depth": (1, 4)}[name]
        if not low <= value <= high:
            raise TraitError(f"{name}={value}: it goes from {low} to {high}")
        return value

    def labels_of(self, path: Sequence[int]) -> list[str]:
        """The labels of a path's tokens."""
        return [_row(self.answers, path[:n], token)[1] for n, token in enumerate(path)]

    def log_prob(self, path: Sequence[int]) -> float:
        """log P of a path in the model, in nats, before temperature and cuts: the sum over its tokens."""
        return sum(math.log(_row(self.answers, path[:n], token)[2]) for n, token in enumerate(path))

    def describe(self) -> str:
        """The likeliest tokens at the end of the path, and how likely the path is."""
        answer = self.answers[key_of(self.path)]
        after = plain.shortened(plain.label(self.prompt + "".join(self.labels_of(self.path))), 80)
        text = f"The tree of next tokens after “{after}”: "
        text += ", ".join(f"“{label}” {p:.0%}" for _, label, p, _ in answer["rows"]) or answer["note"]
        if self.path:
            n = len(self.path)
            text += f". The path has {n} token{'s' * (n > 1)} and log-probability {self.log_prob(self.path):.2f}"
        return text.rstrip(".") + "."

    def face(self) -> str:
        """A picture of the branches and theirs, and a table of pairs of tokens."""
        from minigpt.views import figures
        from minigpt.views.tree_figures import tree

        at, names, edges, row = {-1: (0, 0.0)}, {-1: "…"}, [], 0
        widths, pairs = {}, []
        for token, label, p, _ in self.answers[key_of(self.path)]["rows"]:
            rows = self.answers.get(key_of([*self.path, token]), {"rows": []})["rows"][:AHEAD]
            place = len(at)
            at[place], names[place] = (1, row + max(len(rows) - 1, 0) / 2), f"{seen(label)} {p:.0%}"
            edges, widths[-1, place] = [*edges, (-1, place)], 0.5 + 7 * p
            for _, after, share, _ in rows:
                leaf = len(at)
                at[leaf], names[leaf] = (2, row), f"{seen(after)} {share:.0%}"
                edges, widths[place, leaf] = [*edges, (place, leaf)], 0.5 + 7 * share
                pairs.append([seen(label + after), f"{p:.1%} · {share:.1%}", f"{p * share:.1%}"])
                row += 1
            row += not rows
        at[-1] = (0, (row - 1) / 2)
        picture = static.image(figures.to_svg(tree(at, names, edges, widths=widths)), self.describe())
        pairs.sort(key=lambda pair: -float(pair[2].rstrip("%")))
        return picture + static.table(["the next two tokens", "probabilities", "product"], pairs[: 3 * AHEAD])

    def stored(self) -> dict[str, Any]:
        """A tree one level deeper, to walk over without a kernel."""
        if self._ask is None:
            return {}
        return {"answers": grown(self._with_rule(self._ask), self.path, self.depth + 1)}


def token_tree(
    ask: Ask,
    prompt: str = "",
    *,
    depth: int = 2,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> TokenTree:
    """Show what may come next as a tree, and let the reader pick a path through it.

    `ask(path, temperature, top_k, top_p)` says what follows the prompt and the tokens of `path`: a dict with `rows` of
    (token, label, probability in the model, probability after temperature and cuts), the likeliest first; `kept`, how
    many tokens can be drawn at all, of `of`; `held`, their probability before the cut; and `note`, why there are no
    rows where nothing can follow. `depth`: how many tokens ahead are asked for, 1 to 4. The rule is that of
    `minigpt.sampling`. Raises ValueError for answers that are no probabilities, and whatever `ask` raises at first.
    """
    if not callable(ask):
        raise TypeError(f"ask is a function of (path, temperature, top_k, top_p), not {type(ask).__name__}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k={top_k}: at least 1; None keeps all tokens")
    rule = dict(temperature=float(temperature), top_k=top_k or 0, top_p=1.0 if top_p is None else float(top_p))
    view = TokenTree(depth=depth, **rule)
    view.show(ask, prompt)
    return view


def key_of(path: Sequence[int]) -> str:
    return ",".join(map(str, path))


def short(share: float) -> float:
    """Six digits tell probabilities apart, and never make 0 of a small one."""
    return float(f"{share:.6g}")


def seen(label: str) -> str:
    """A label whose spaces are seen: they tell “ a” from “a”."""
    return label.replace(" ", "␣")


def grown(ask: Callable[[list[int]], Answer], path: Sequence[int], depth: int) -> dict[str, Answer]:
    """All answers along the path, along the greedy one of its length, and `depth` levels on from its end.

    Raises ValueError for a path with a token that is not among the rows.
    """
    answers: dict[str, Answer] = {}

    def answer(to: Sequence[int]) -> Answer:
        key = key_of(to)
        if key not in answers:
            answers[key] = ask(list(to))
        return answers[key]

    for n, token in enumerate(path):
        answer(path[:n])
        _row(answers, path[:n], token)
    greedy: list[int] = []
    while len(greedy) < len(path) and answer(greedy)["rows"]:
        greedy.append(answer(greedy)["rows"][0][0])
    level = [list(path)]
    for _ in range(depth):
        level = [[*to, token] for to in level for token, *_ in answer(to)["rows"]]
    return answers


def _row(answers: Mapping[str, Answer], path: Sequence[int], token: int) -> list[Any]:
    rows = answers[key_of(path)]["rows"]
    for row in rows:
        if row[0] == token:
            return row
    known = ", ".join(str(row[0]) for row in rows) or "none"
    raise ValueError(f"token {token} is no branch after the path {list(path)}: the branches there are {known}")


def _checked(found: Mapping[str, Any], path: Sequence[int]) -> Answer:
    """An answer whose numbers are probabilities and whose labels can be shown."""
    rows = [(int(token), plain.label(label), p, q) for token, label, p, q in found["rows"]]
    if rows:
        shares = plain.numbers([[p, q] for *_, p, q in rows], f"probabilities after the path {list(path)}", ndim=2)
        if (shares < 0).any() or (shares[:, 0] == 0).any() or (shares.sum(axis=0) > 1.001).any():
            raise ValueError(
                f"after the path {list(path)} the probabilities are {shares.tolist()}: each row's first is above 0, "
                "none is below, and a column has at most 1 in all"
            )
        rows = [(token, label, *pair) for (token, label, *_), pair in zip(rows, shares.tolist(), strict=True)]
    elif not path:
        raise ValueError(str(found.get("note") or "there are no rows: give at least one next token"))
    answer: Answer = {"rows": [[token, label, short(p), short(q)] for token, label, p, q in rows]}
    kept, of, held = int(found.get("kept", len(rows))), int(found.get("of", len(rows))), float(found.get("held", 1))
    return answer | {"kept": kept, "of": of, "held": round(held, 6), "note": str(found.get("note", ""))}
