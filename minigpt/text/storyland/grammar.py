"""The mechanism: a probabilistic grammar that writes each sentence in two languages at once.

Every rule has an English and a Portuguese right-hand side over the same non-terminals, perhaps in another order (a
*synchronous* context-free grammar: Aho and Ullman's syntax-directed translation). One derivation therefore gives both
sentences, and the words that a rule puts down on its two sides are each other's translation. In text:

    NP 3 -> the ADJ N | a N ADJ          weight 3; ADJ and N change places
    ADJ  -> red       | vermelha
    IN   -> in^1 the^1 N | na^1 N        both English words belong to the one Portuguese word

A symbol that stands left of an arrow somewhere is a non-terminal, every other one is a word. `^` labels link words:
those that share a letter or digit are linked. A rule without labels and with as many words on one side as on the other
links them in order. `#` marks the place where a symbol begins with a name that the reading reports. A non-terminal
that occurs twice in a rule is numbered, `N:1` and `N:2`.

The grammar must not be recursive, so its language is finite and every expectation is a plain recursion.
"""

import math
import random
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, product
from typing import NamedTuple

LANGUAGES = ("en", "pt")
SYMBOL = re.compile(r"(?P<text>[^#^]+)(#(?P<mark>[^#^]+))?(\^(?P<labels>\w+))?")


class Symbol(NamedTuple):
    """One place in a right-hand side: a word (`child` is -1), or the rule's child of that number."""

    text: str
    child: int
    labels: str
    mark: str


@dataclass(frozen=True)
class Rule:
    """`left` may become `sides[0]` in English and `sides[1]` in Portuguese, with probability `prob`."""

    left: str
    sides: tuple[tuple[Symbol, ...], tuple[Symbol, ...]]
    children: tuple[str, ...]  # non-terminals in English order
    prob: float
    log_prob: float  # nats

    def words(self, language: str) -> list[str]:
        """The words that the rule itself puts down, without those of its children."""
        return [symbol.text for symbol in self.sides[LANGUAGES.index(language)] if symbol.child < 0]


Derivation = tuple[Rule, list["Derivation"]]  # a rule, and one derivation for each of its children


@dataclass
class Reading:
    """What a derivation says: its words, which of them belong together, and its marks with their positions."""

    en: list[str] = field(default_factory=list)
    pt: list[str] = field(default_factory=list)
    alignment: list[tuple[int, int]] = field(default_factory=list)
    marks: tuple[list[tuple[str, int]], list[tuple[str, int]]] = field(default_factory=lambda: ([], []))
    log_prob: float = 0.0


class Grammar:
    """Rules by left-hand side. Raises ValueError for a rule whose two sides do not fit, and for recursion."""

    def __init__(self, rules: Iterable[tuple[str, int, str, str]]):
        """`rules`: (left-hand side, weight, English side, Portuguese side); weights are positive whole numbers."""
        grouped: dict[str, list[tuple[int, str, str]]] = {}
        for left, weight, en, pt in rules:
            if weight != int(weight) or weight < 1:
                raise ValueError(f"weight {weight} of a rule for {left}: give a whole number from 1 up")
            grouped.setdefault(left, []).append((weight, en, pt))
        self.rules: dict[str, tuple[Rule, ...]] = {}
        self._choices: dict[str, tuple[tuple[Rule, ...], list[int]]] = {}
        for left, group in grouped.items():
            bounds = list(accumulate(weight for weight, *_ in group))  # whole numbers: exact on every machine
            self.rules[left] = tuple(
                make_rule(left, en, pt, weight / bounds[-1], grouped.keys()) for weight, en, pt in group
            )
            self._choices[left] = self.rules[left], bounds
        self.order = self._children_first()

    @classmethod
    def parse(cls, text: str) -> "Grammar":
        """A grammar from lines `LEFT [weight] -> english | portuguese`; empty lines do not count."""
        rules = []
        for line in filter(str.strip, text.splitlines()):
            match = re.fullmatch(r"\s*(\S+)(?:\s+(\d+))?\s*->([^|]+)\|([^|]+)", line)
            if not match:
                raise ValueError(f"{line.strip()!r} is no rule: write 'LEFT [weight] -> english | portuguese'")
            left, weight, en, pt = match.groups()
            rules.append((left, int(weight or 1), en, pt))
        return cls(rules)

    def _children_first(self) -> list[str]:
        """The non-terminals, each after all that its rules need."""
        order: list[str] = []
        done, open_ = set(), set()

        def visit(left: str) -> None:
            if left in open_:
                raise ValueError(f"{left} can contain itself: this grammar must not be recursive, so unroll the rule")
            if left not in done:
                open_.add(left)
                for rule in self.rules[left]:
                    for child in rule.children:
                        visit(child)
                open_.remove(left)
                done.add(left)
                order.append(left)

        for left in self.rules:
            visit(left)
        return order

    def reachable(self, starts: Iterable[str]) -> list[str]:
        """The non-terminals that derivations from `starts` can use, each after all that its rules need."""
        found, todo = set(), list(starts)
        while todo:
            left = todo.pop()
            if left not in found:
                found.add(left)
                todo += [child for rule in self.rules[left] for child in rule.children]
        return [left for left in self.order if left in found]

    # Sampling and reading

    def sample(self, left: str, rng: random.Random) -> Derivation:
        """One derivation of a non-terminal, each rule drawn with its probability."""
        rules, bounds = self._choices[left]
        rule = rules[bisect_right(bounds, rng.random() * bounds[-1])] if len(bounds) > 1 else rules[0]
        return rule, [self.sample(child, rng) for child in rule.children]

    def derivations(self, left: str) -> Iterator[Derivation]:
        """All derivations of a non-terminal: for small grammars."""
        for rule in self.rules[left]:
            for children in product(*map(self.derivations, rule.children)):
                yield rule, list(children)

    def read(self, derivation: Derivation) -> Reading:
        """The words of a derivation in both languages, with links and marks."""
        reading = Reading()
        places: dict[tuple[int, str], list[int]] = {}
        _write_english(derivation, reading, places)
        _write_portuguese(derivation, reading, places)
        reading.alignment.sort()
        return reading

    def words(self, derivation: Derivation, language: str) -> list[str]:
        """The words of a derivation in one language: the same as `read` finds, and sooner."""
        rule, children = derivation
        found: list[str] = []
        for text, child, _, _ in rule.sides[LANGUAGES.index(language)]:
            if child >= 0:
                found += self.words(children[child], language)
            else:
                found.append(text)
        return found

    # Exact expectations

    def expected(self, value: Callable[[Rule], float]) -> dict[str, float]:
        """For each non-terminal X, the expected sum of `value` over all rules of a derivation, E(X):

        E(X) = Σ_r p_r · (value(r) + Σ_Y E(Y)), over the rules r of X and the children Y of r.
        """
        result: dict[str, float] = {}
        for left in self.order:
            result[left] = math.fsum(
                rule.prob * (value(rule) + math.fsum(result[child] for child in rule.children))
                for rule in self.rules[left]
            )
        return result

    def entropy(self) -> dict[str, float]:
        """For each non-terminal, the entropy of its derivations in bits."""
        return self.expected(lambda rule: -rule.log_prob / math.log(2))

    def n_derivations(self) -> dict[str, int]:
        """For each non-terminal, how many derivations it has."""
        result: dict[str, int] = {}
        for left in self.order:
            result[left] = sum(math.prod(result[child] for child in rule.children) for rule in self.rules[left])
        return result


def make_rule(left: str, en: str, pt: str, prob: float, non_terminals: Iterable[str]) -> Rule:
    """A rule from its two sides in text; see the module for the notation."""
    names = [item.partition("#")[0].partition("^")[0] for item in en.split()]
    slots = [name for name in names if name.partition(":")[0] in non_terminals]
    if len(set(slots)) < len(slots):
        raise ValueError(f"{left} -> {en}: number the non-terminals that occur twice, N:1 and N:2")
    sides = [[parse_symbol(item, slots, non_terminals) for item in side.split()] for side in (en, pt)]
    if sorted(symbol.child for symbol in sides[1] if symbol.child >= 0) != list(range(len(slots))):
        raise ValueError(f"{left} -> {en} | {pt}: both sides need the same non-terminals")
    if not all(sides):
        raise ValueError(f"{left} -> {en} | {pt}: a side must not be empty")
    words = [[symbol for symbol in side if symbol.child < 0] for side in sides]
    labels = ["".join(symbol.labels for symbol in side) for side in words]
    if not any(labels) and len(words[0]) == len(words[1]):
        sides = [number_words(side) for side in sides]
    elif set(labels[0]) != set(labels[1]):
        raise ValueError(f"{left} -> {en} | {pt}: a label stands on one side only")
    children = tuple(slot.partition(":")[0] for slot in slots)
    return Rule(left, (tuple(sides[0]), tuple(sides[1])), children, prob, math.log(prob))


def parse_symbol(item: str, slots: list[str], non_terminals: Iterable[str]) -> Symbol:
    """One symbol of a right-hand side, `text#mark^labels`."""
    match = SYMBOL.fullmatch(item)
    if not match:
        raise ValueError(f"{item!r} is no symbol: write word#mark^labels")
    text, mark, labels = match["text"], match["mark"] or "", match["labels"] or ""
    if text.partition(":")[0] not in non_terminals:
        return Symbol(text, -1, labels, mark)
    return Symbol(text.partition(":")[0], slots.index(text) if text in slots else len(slots), labels, mark)


def number_words(side: list[Symbol]) -> list[Symbol]:
    """Labels for the words in their order, so that the i-th word of one side is linked to the i-th of the other."""
    counter = iter(range(ord("a"), ord("a") + len(side)))
    return [symbol._replace(labels=chr(next(counter))) if symbol.child < 0 else symbol for symbol in side]


# The two halves of `Grammar.read`. `places` remembers where a rule's labelled English words went.


def _write_english(derivation: Derivation, reading: Reading, places: dict[tuple[int, str], list[int]]) -> None:
    rule, children = derivation
    words = reading.en
    reading.log_prob += rule.log_prob
    for text, child, labels, mark in rule.sides[0]:
        if mark:
            reading.marks[0].append((mark, len(words)))
        if child >= 0:
            _write_english(children[child], reading, places)
        else:
            for label in labels:
                places.setdefault((id(derivation), label), []).append(len(words))
            words.append(text)


def _write_portuguese(derivation: Derivation, reading: Reading, places: dict[tuple[int, str], list[int]]) -> None:
    rule, children = derivation
    words = reading.pt
    for text, child, labels, mark in rule.sides[1]:
        if mark:
            reading.marks[1].append((mark, len(words)))
        if child >= 0:
            _write_portuguese(children[child], reading, places)
        else:
            linked = {i for label in labels for i in places[id(derivation), label]}
            reading.alignment += [(i, len(words)) for i in linked]
            words.append(text)
