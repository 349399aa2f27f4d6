"""The ideal reader: knows the grammar, and so the exact probability of each next word; and a proof by exhaustion.

While it reads from left to right, several derivations may still fit. What each of them has yet to write is a *stack* of
symbols, the next one first. The reader keeps all stacks with their probabilities: reading a word replaces each stack
by those that remain after this word, and Bayes' rule is the division by their sum. The probability of a prefix is
the product of those sums (Stolcke 1995, *An efficient probabilistic context-free parsing algorithm that computes
prefix probabilities*, has the general algorithm; a grammar without recursion needs no more than this).
"""

import math
from collections import defaultdict
from collections.abc import Iterable

from minigpt.text.storyland.grammar import LANGUAGES, Grammar

Stack = tuple[str, ...]
Stacks = dict[Stack, float]
Path = tuple["Path", str] | tuple[()]
Moves = dict[tuple[Stack, Stack, bool], str]


class Expansions:
    """For each symbol and each word it can begin with: how likely, and which stacks remain after that word."""

    def __init__(self, grammar: Grammar, language: str, starts: Iterable[str]):
        side = LANGUAGES.index(language)
        self.after: dict[str, dict[str, list[tuple[float, Stack]]]] = {}
        self.words: set[str] = set()  # all that can be reached from `starts`
        for left in grammar.reachable(starts):
            table: dict[str, list[tuple[float, Stack]]] = defaultdict(list)
            for rule in grammar.rules[left]:
                self.words.update(rule.words(language))
                first, *rest = (symbol.text for symbol in rule.sides[side])
                for word, options in self[first].items():
                    table[word] += [(rule.prob * prob, (*stack, *rest)) for prob, stack in options]
            self.after[left] = dict(table)
        self.first = {
            left: {word: math.fsum(prob for prob, _ in options) for word, options in table.items()}
            for left, table in self.after.items()
        }

    def __getitem__(self, symbol: str) -> dict[str, list[tuple[float, Stack]]]:
        return self.after.get(symbol) or {symbol: [(1.0, ())]}

    def first_words(self, symbol: str) -> dict[str, float]:
        """With which probability a symbol begins with which word."""
        return self.first.get(symbol) or {symbol: 1.0}


class Reader:
    """Reads a stream of texts, each drawn from `start` (stacks with probabilities that sum to 1)."""

    def __init__(self, expansions: Expansions, start: Stacks):
        self.expansions, self.start = expansions, start
        self.stacks = dict(start)

    def next_words(self) -> dict[str, float]:
        """The probability of every word that may come next; they sum to 1."""
        result: dict[str, float] = defaultdict(float)
        for stack, prob in self.stacks.items():
            for word, share in self.expansions.first_words(stack[0]).items():
                result[word] += prob * share
        return dict(result)

    def read(self, word: str) -> float:
        """Read one more word; its probability after all that was read. 0.0: impossible, and nothing was read.

        Raises ValueError for a word that is in no text at all.
        """
        if word not in self.expansions.words:
            raise ValueError(
                f"{word!r} is no word of Storyland: see vocabulary(); names are capitalised, '.' and ',' are words"
            )
        after: Stacks = defaultdict(float)
        for stack, prob in self.stacks.items():
            for share, rest in self.expansions[stack[0]].get(word, ()):
                after[rest + stack[1:]] += prob * share
        total = math.fsum(after.values())
        if total == 0.0:
            return 0.0
        ended = after.pop((), 0.0)  # a text may be over: then the next one begins
        if ended:
            for stack, prob in self.start.items():
                after[stack] += ended * prob
        self.stacks = {stack: prob / total for stack, prob in after.items()}
        return total


def two_derivations(grammar: Grammar, language: str, left: str) -> tuple[str, ...] | None:
    """The beginning of a text that has two derivations from `left`; None proves that every text has only one.

    Follows all pairs of derivations that have written the same words, as pairs of stacks, until they end; a pair is
    *apart* once they have used different rules. If a pair that is apart has the same stack twice, or ends together,
    one text has two derivations. There are finitely many pairs, as the grammar is not recursive.
    """
    expansions = Expansions(grammar, language, [left])
    moves: dict[tuple[str, str], Moves] = {}
    todo: list[tuple[Stack, Stack, bool, Path]] = [((left,), (left,), False, ())]
    seen = set()
    while todo:
        one, two, apart, path = todo.pop()
        if apart and one == two:
            return words_of(path)
        if not one or not two:
            continue
        tops = one[0], two[0]
        if tops not in moves:
            moves[tops] = common_moves(expansions, *tops)
        for (rest_one, rest_two, differ), word in moves[tops].items():
            stacks = rest_one + one[1:], rest_two + two[1:]
            pair = min(stacks), max(stacks), apart or differ
            if pair not in seen:
                seen.add(pair)
                todo.append((*pair, (path, word)))
    return None


def common_moves(expansions: Expansions, one: str, two: str) -> Moves:
    """What two symbols leave after the same word, and whether by different options; one such word stands for all."""
    tops = expansions[one], expansions[two]
    return {
        (rest_one, rest_two, i != j): word
        for word in tops[0].keys() & tops[1].keys()
        for i, (_, rest_one) in enumerate(tops[0][word])
        for j, (_, rest_two) in enumerate(tops[1][word])
    }


def words_of(path: Path) -> tuple[str, ...]:
    """The words along a path, which grows at its end: (((), "the"), "dog")."""
    return (*words_of(path[0]), path[1]) if path else ()
