"""Beam search as a tree: the beginnings that it keeps and drops, word by word, and the one that wins."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from traitlets import Bool, Dict, Float, Int, List, TraitError, Unicode, observe, validate

from minigpt.views import plain, static
from minigpt.views.view import View

MOST = 1_500  # nodes: more are no tree that anyone reads
Hypothesis = tuple[Sequence[str], float, float, bool]
"""Its words, the sum of their log-probabilities, its score, and whether it is finished."""
Steps = Iterable[tuple[Iterable[Hypothesis], Iterable[Hypothesis]]]
Search = Callable[[int, float], Steps]
LARGEST = 5  # beam, and ...
HIGHEST = 2.0  # ... alpha, that the sliders offer


class BeamTree(View):
    """See `beam_tree`. `step` is how many words are written, `chosen` a node, its place in `nodes`, -1 for none.

    A node is one hypothesis: its last `word`, its `parent` (-1: the beginning), the `step` that wrote it, `row` (its
    rank there), `log_prob` of the word, `total` over all its words, `score`, and whether it is `kept` and `finished`.
    """

    name = "beam_tree"
    _esm = static.module("beam_tree")
    _css = static.style("beam_tree")
    nodes = List(Dict()).tag(sync=True)
    source = Unicode("").tag(sync=True)
    winner = Int(0).tag(sync=True)
    version = Int(0).tag(sync=True)  # counts trees, so that a new one is drawn once, and whole
    step = Int(0).tag(sync=True)
    chosen = Int(-1).tag(sync=True)
    beam = Int(4).tag(sync=True)
    alpha = Float(0.6).tag(sync=True)
    searches = Bool(False).tag(sync=True)  # do beam and alpha have sliders?
    _search: Search | None = None

    def show(self, steps: Steps | Search, *, source: str = "") -> None:
        """Show another search, from its end. Errors as in `beam_tree`; the view then stays as it was."""
        search = steps if callable(steps) else None
        nodes, winner = _read(steps(self.beam, self.alpha) if callable(steps) else steps)
        self._search = search
        with self.hold_sync():  # one message, so that no half-changed tree is drawn
            self.step, self.chosen = 0, -1
            self.nodes, self.winner, self.source = nodes, winner, plain.label(source) if source else ""
            self.step, self.searches = self.n_steps, search is not None
            self.version += 1

    @observe("beam", "alpha")
    def _again(self, change: Any) -> None:
        if self._search:
            self.guarded(lambda search: self.show(search, source=self.source), self._search)

    @property
    def n_steps(self) -> int:
        """How many steps the search took."""
        return max((node["step"] for node in self.nodes), default=0)

    @validate("step", "chosen", "beam", "alpha")
    def _valid(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        limits = {"beam": (1, LARGEST), "alpha": (0.0, HIGHEST)}
        if self.nodes:
            limits |= {"step": (0, self.n_steps), "chosen": (-1, len(self.nodes) - 1)}
        low, high = limits.get(name, (value, value))
        if not low <= value <= high:
            raise TraitError(f"{name}={value}: it goes from {low} to {high}")
        return value

    def text_of(self, place: int) -> str:
        """All words of a node, the first word first."""
        return " ".join(self.nodes[one]["word"] for one in self._way_to(place)[1:])

    def describe(self) -> str:
        """How long the search took, and what wins."""
        best, kept = self.nodes[self.winner], [node for node in self.nodes if node["kept"]]
        of = f" of “{self.source}”" if self.source else ""
        n_finished = sum(node["finished"] for node in kept)
        return (
            f"The tree of a beam search{of}: {self.n_steps} steps, {len(kept)} beginnings kept, {n_finished} of them "
            f"finished. The best score, {best['score']:.2f}, has “{self.text_of(self.winner)}”"
            f"{'' if best['finished'] else ', which is not finished'}."
        )

    def face(self) -> str:
        """The kept ones as a picture, the winner's way thick, and as a table those that were in the last beam."""
        from minigpt.views import figures
        from minigpt.views.tree_figures import tree

        kept = [place for place, node in enumerate(self.nodes) if node["kept"]]
        at = {place: (self.nodes[place]["step"], self.nodes[place]["row"]) for place in kept} | {-1: (0, 0)}
        names = {place: self.nodes[place]["word"] for place in kept} | {-1: "start"}
        edges = [(self.nodes[place]["parent"], place) for place in kept]
        picture = static.image(figures.to_svg(tree(at, names, edges, self._way_to(self.winner))), self.describe())
        last = [k for k in kept if self.nodes[k]["finished"] or self.nodes[k]["step"] == self.n_steps]
        last.sort(key=lambda place: -self.nodes[place]["score"])
        rows = [[self.text_of(k), f"{self.nodes[k]['total']:.2f}", f"{self.nodes[k]['score']:.2f}"] for k in last]
        return picture + static.table(["hypothesis", "sum of log-probabilities", "score"], rows)

    def _way_to(self, place: int) -> list[int]:
        """The nodes from the beginning, -1, to this one."""
        way = []
        while place >= 0:
            way.append(place)
            place = self.nodes[place]["parent"]
        return [-1, *reversed(way)]


def beam_tree(
    steps: Steps | Search, *, source: str = "", step: int | None = None, beam: int = 4, alpha: float = 0.6
) -> BeamTree:
    """Show how beam search went: the tree of all beginnings, step by step, forwards and back.

    `steps`: for each step two lists of hypotheses, those in the beam and the likeliest of those that found no place; a
    hypothesis is (words, log-probability, score, finished), and one that is finished stays in the beam of later steps.
    `minigpt.translating.beam_choices` gives them, with ids for words. Or `steps` is a function of (beam, alpha) that
    gives them: then there are sliders for both, beginning with `beam` and `alpha`. `source`: what is translated, for
    the title. `step` is shown first; if not given, the last. Raises ValueError for steps that do not build on each
    other, and TraitError for a beam outside 1 to 5, an alpha outside 0 to 2, and a step that there is not.
    """
    view = BeamTree(beam=beam, alpha=alpha)
    view.show(steps, source=source)
    view.step = view.n_steps if step is None else step
    return view


def _read(steps: Steps) -> tuple[list[dict[str, Any]], int]:
    """The nodes, those of a step together and the likeliest first, and which of them wins."""
    nodes: list[dict[str, Any]] = []
    places: dict[tuple[str, ...], int] = {}  # of kept hypotheses, by their words
    beam: list[tuple[str, ...]] = []
    for n, (kept, dropped) in enumerate(steps, start=1):
        inside, outside = [_checked(one) for one in kept], [_checked(one) for one in dropped]
        beam = [words for words, *_ in inside]
        new = [one for one in inside if not (one[3] and one[0] in places)]  # a finished one has its node
        if len({words for words, *_ in new + outside}) < len(new + outside):
            raise ValueError(f"step {n} has a hypothesis twice: give each once, kept or dropped")
        ranked = [*sorted(new, key=_likeliest), *sorted(outside, key=_likeliest)]
        made = [_node(one, n, row, row < len(new), nodes, places) for row, one in enumerate(ranked)]
        places |= {one[0]: len(nodes) + row for row, one in enumerate(ranked[: len(new)])}
        nodes += made
        if len(nodes) > MOST:
            raise ValueError(f"{len(nodes):,} hypotheses are too many to look at: show at most {MOST:,}")
    if not beam:
        raise ValueError("steps is empty, or the last beam is: there is nothing to show")
    return nodes, max((places[words] for words in beam), key=lambda place: nodes[place]["score"])


def _checked(one: Hypothesis) -> tuple[tuple[str, ...], float, float, bool]:
    words, total, score, finished = one
    if isinstance(words, str) or not words:
        raise TypeError(f"a hypothesis begins with its words, a list of strings that is not empty, not {words!r}")
    total, score = plain.numbers([total, score], "log-probability and score").tolist()
    return tuple(words), total, score, bool(finished)


def _likeliest(one: tuple[tuple[str, ...], float, float, bool]) -> float:
    return -one[1]


def _node(
    one: Hypothesis, n: int, row: int, kept: bool, nodes: list[dict[str, Any]], places: dict[tuple[str, ...], int]
) -> dict[str, Any]:
    words, total, score, finished = one
    parent = places.get(tuple(words[:-1]), -1)
    if len(words) != n or (n > 1 and (parent < 0 or nodes[parent]["finished"])):
        raise ValueError(
            f"step {n} has {plain.shortened(' '.join(words), 60)!r}: it should have {n} words and continue one that "
            "the step before kept and that is not finished"
        )
    word_alone = total - (nodes[parent]["total"] if parent >= 0 else 0.0)
    node = dict(word=plain.label(words[-1]), parent=parent, step=n, row=row, log_prob=round(word_alone, 6))
    return node | dict(total=round(total, 6), score=round(score, 6), kept=kept, finished=finished)
