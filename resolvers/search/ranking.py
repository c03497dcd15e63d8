"""Which documents answer a query, best first: BM25 word by word, for how much of the query is there, names first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from resolvers.search.documents import Document, Field
from resolvers.search.index import Index
from resolvers.search.terms import Term, terms_of
from resolvers.search.words import glued, plain_words
from schema.identity import EntityKind

PREFIX, CORRECTED, BY_DATA = 0.6, 0.7, 0.5
"""What a word counts that was met only as a beginning, only as a likely misspelling, or only in what was trained on."""
EXACT_NAME = 3.0
"""How many times its score one has whose whole name is the query."""
KINDS = {EntityKind.MODEL_VERSION: 0.6, EntityKind.FEATURE: 0.9}
"""Of things that share their words, those of these kinds are meant less often."""
LEAST_COVERAGE = 0.3
"""A hit holds at least this part of what the best one holds of the query, by what its words tell."""

Wanted = Callable[[Document], bool]


class Hit(NamedTuple):
    document: Document
    score: float


class Scorer(Protocol):
    """One way to find: the wanted documents that answer a query, by number, each with a score above 0.

    Words are one. An encoder, which would know paraphrases, is another one to add.
    """

    def scores(self, query: str, index: Index, wanted: Wanted) -> Mapping[int, float]: ...


def rank(query: str, index: Index, wanted: Wanted, scorers: Sequence[Scorer]) -> list[Hit]:
    """The hits of all scorers, best first, those of one score by id. The best hit of each scorer counts 1 there."""
    totals: dict[int, float] = {}
    for scorer in scorers:
        found = scorer.scores(query, index, wanted)
        best = max(found.values(), default=1.0)
        for number, score in found.items():
            totals[number] = totals.get(number, 0.0) + score / best
    hits = [Hit(index.documents[number], score) for number, score in totals.items()]
    return sorted(hits, key=lambda hit: (-hit.score, hit.document.reference.id))


class ByWords:
    """By the words that query and document share."""

    def scores(self, query: str, index: Index, wanted: Wanted) -> Mapping[int, float]:
        totals: dict[int, float] = {}
        told: dict[int, float] = {}
        for term in terms_of(query, index):
            found = _matches(term, index)
            rarity = index.rarity(len(found))
            for number, score in found.items():
                totals[number] = totals.get(number, 0.0) + score
                told[number] = told.get(number, 0.0) + rarity
        hits = {number: part for number, part in told.items() if wanted(index.documents[number])}
        most = max(hits.values(), default=0.0)
        asked = glued(plain_words(query))
        return {
            number: totals[number] * (part / most) * _worth(index.documents[number], asked)
            for number, part in hits.items()
            if part >= LEAST_COVERAGE * most
        }


def _worth(document: Document, asked: str) -> float:
    named = EXACT_NAME if asked in _whole_names(document) else 1.0
    return named * KINDS.get(document.reference.kind, 1.0)


def _whole_names(document: Document) -> Iterator[str]:
    """The ways its whole name is written, without separators."""
    name, key, model = (glued(plain_words(document.texts[field])) for field in (Field.NAME, Field.KEY, Field.MODEL))
    if model:
        yield from (f"{model}{name}", f"{model}v{name}", f"{model}version{name}")
    else:
        yield from (part for part in (name, key) if part)


def _matches(term: Term, index: Index) -> dict[int, float]:
    """The documents a word finds, and what it counts in each."""
    found: dict[int, float] = {}
    for weight, expression in _expressions(term):
        for number, score in index.scores(expression).items():
            found[number] = max(found.get(number, 0.0), weight * score)
        for number, score in index.scores_by_data(expression).items():
            found[number] = max(found.get(number, 0.0), weight * BY_DATA * score)
    return found


def _expressions(term: Term) -> Iterator[tuple[float, str]]:
    """In FTS5's language; words are letters and digits only, so that nothing in them means anything else."""
    if term.exact:
        yield 1.0, " OR ".join(f'"{word}"' for word in term.exact)
    if term.prefix is not None:
        yield PREFIX, f'"{term.prefix}"*'
    if term.corrected:
        yield CORRECTED, " OR ".join(f'"{word}"' for word in term.corrected)
