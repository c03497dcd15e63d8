"""The words of a query, and which words of the index stand for each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from resolvers.search.index import Index
from resolvers.search.words import glued, plain_words, singular

MOST_WORDS = 24
"""Words of a query that count."""
SHORTEST_PREFIX = 3
"""Letters from which on a word also finds those that begin with it."""
SHORTEST_MISSPELLED = 4
ONE_MISTAKE = 6
"""Below so many letters one mistake is forgiven, from there on two."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the query. Only where nothing has it, or begins with it, it is taken for misspelled."""

    exact: tuple[str, ...] = ()
    prefix: str | None = None
    corrected: tuple[str, ...] = ()

    def is_met_by(self, word: str) -> bool:
        """Whether a word of a text is what was looked for."""
        begins = self.prefix is not None and word.startswith(self.prefix)
        return begins or word in self.exact or word in self.corrected


def terms_of(query: str, index: Index) -> list[Term]:
    """What to look for."""
    words = list(dict.fromkeys(plain_words(query)))[:MOST_WORDS]
    return [_term(word, list(_neighbours(words, at)), index) for at, word in enumerate(words)]


def _term(word: str, neighbours: Sequence[str], index: Index) -> Term:
    stem = singular(word)
    exact = _known(dict.fromkeys((word, stem, f"{stem}s")), index)
    begins = len(stem) >= SHORTEST_PREFIX and not stem.isdigit() and _begins_one(stem, index.words)
    if exact or begins:
        return Term(exact, stem if begins else None)
    return Term(_known(neighbours, index)) if any(_known(neighbours, index)) else Term((), None, _nearest(word, index))


def _known(words: Sequence[str] | dict[str, None], index: Index) -> tuple[str, ...]:
    return tuple(word for word in words if index.has(word))


def _neighbours(words: Sequence[str], at: int) -> Iterator[str]:
    """The word written as one with the one before it, and with the one behind it: `sub title`, `ML flow`."""
    if at > 0:
        yield glued(words[at - 1 : at + 1])
    if at + 1 < len(words):
        yield glued(words[at : at + 2])


def _begins_one(prefix: str, words: Sequence[str]) -> bool:
    place = bisect_left(words, prefix)
    return place < len(words) and words[place].startswith(prefix)


def _nearest(word: str, index: Index) -> tuple[str, ...]:
    """The known words with the fewest letters left out, added, changed or swapped."""
    if len(word) < SHORTEST_MISSPELLED or any(char.isdigit() for char in word):
        return ()
    most = 1 if len(word) < ONE_MISTAKE else 2
    near = process.extract(word, index.words, scorer=OSA.distance, score_cutoff=most, limit=20)
    least = min((distance for _, distance, _ in near), default=0)
    return tuple(other for other, distance, _ in near if distance == least)
