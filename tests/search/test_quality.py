"""How good search is, measured: asked through the whole gateway, beside a substring match and a bare BM25."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import pytest

from gateway.demo.generator import build
from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.settings import read
from gateway.sources import close_sources, open_sources
from resolvers.search.documents import Document, united
from resolvers.search.sweep import OF_ROLE, SearchLimits, sweep
from tests.graph.client import graph_over
from tests.search.questions import DEVELOPMENT, HELD_OUT, Question, read_questions

ENOUGH = (
    "\n[server]\ndeadline_s = 120.0\n[search]\ntime_s = 120.0\ncalls = 100\nmax_age = 3600.0\n[limits]\ncalls = 1000\n"
)
"""A slow machine must not change what is ranked; and what was swept is kept, as 130 questions are asked of it."""

ASK = """query Ask($text: String!, $kinds: [EntityKind!]) {
  search(query: $text, kinds: $kinds, first: 10) { nodes { id } completeness { complete } } }"""

Found = Mapping[str, Sequence[str]]
"""Of each query the ids of its first ten hits."""


class Quality(NamedTuple):
    mrr: float
    recall: float


class Half(NamedTuple):
    """How each way of searching answers one half of the questions."""

    questions: Sequence[Question]
    search: Found
    substring: Found
    bm25: Found


@pytest.fixture(scope="module")
def halves() -> Mapping[Path, Half]:
    """Both halves, asked once."""
    return asyncio.run(_asked())


async def _asked() -> Mapping[Path, Half]:
    async with serve_company(build(1200)) as running:
        settings = running.settings + ENOUGH
        sources = open_sources(read(settings, ENVIRONMENT))
        try:
            limits = SearchLimits(time_s=120, calls=100)
            swept = await asyncio.gather(*(sweep(source, OF_ROLE[source.role], limits) for source in sources))
        finally:
            await close_sources(sources)
        documents = united((document for one in swept for document in one.documents), whole=True)
        substring, bm25 = Substring(documents), Bm25(documents)
        async with graph_over(settings, ENVIRONMENT, {}) as graph:

            async def ask(row: Question) -> Sequence[str]:
                answer = (await graph.data(ASK, text=row.query, kinds=row.kinds or None))["search"]
                assert answer["completeness"]["complete"] is True
                return [node["id"] for node in answer["nodes"]]

            return {
                path: Half(
                    read_questions(path),
                    {row.query: await ask(row) for row in read_questions(path)},
                    {row.query: substring.find(row) for row in read_questions(path)},
                    {row.query: bm25.find(row) for row in read_questions(path)},
                )
                for path in (DEVELOPMENT, HELD_OUT)
            }


class Substring:
    """What has the whole query in one of its texts, letter case aside, by id."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = [(document, "\n".join(document.texts).casefold()) for document in documents]

    def find(self, row: Question) -> Sequence[str]:
        found = (document for document, text in self._documents if row.query.casefold() in text)
        return sorted(document.reference.id for document in found if _is_of(document, row))[:10]


class Bm25:
    """Any of the words, by SQLite's BM25 over all text in one column, as its own tokenizer cuts it."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._database = sqlite3.connect(":memory:")
        self._database.execute("CREATE VIRTUAL TABLE texts USING fts5(text)")
        rows = ((number, "\n".join(document.texts)) for number, document in enumerate(documents))
        self._database.executemany("INSERT INTO texts(rowid, text) VALUES (?, ?)", rows)

    def find(self, row: Question) -> Sequence[str]:
        words = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", row.query))
        rows = self._database.execute("SELECT rowid FROM texts WHERE text MATCH ? ORDER BY rank, rowid", (words,))
        found = [self._documents[number] for (number,) in rows]
        return [document.reference.id for document in found if _is_of(document, row)][:10]


def _is_of(document: Document, row: Question) -> bool:
    return not row.kinds or document.reference.kind.name in row.kinds


def quality(questions: Sequence[Question], found: Found) -> Quality:
    ranks = [
        next((1 / place for place, id in enumerate(found[row.query], 1) if id in row.relevant), 0.0)
        for row in questions
    ]
    recalls = [len(set(row.relevant) & set(found[row.query])) / len(row.relevant) for row in questions]
    return Quality(fmean(ranks), fmean(recalls))


def by_group(questions: Sequence[Question]) -> Mapping[str, Sequence[Question]]:
    groups: dict[str, list[Question]] = defaultdict(list)
    for row in questions:
        groups[row.group].append(row)
    return groups


HALVES = pytest.mark.parametrize("path", [DEVELOPMENT, HELD_OUT], ids=["development", "held out"])


@HALVES
def test_search_finds_what_is_meant_at_the_top(halves: Mapping[Path, Half], path: Path) -> None:
    half = halves[path]
    print(report(half))
    reached = quality(half.questions, half.search)
    assert reached.mrr >= 0.85, report(half)
    assert reached.recall >= 0.95, report(half)


@HALVES
@pytest.mark.parametrize("group", ["typo", "part of a word"])
def test_search_is_clearly_past_bm25_where_words_are_not_whole(
    halves: Mapping[Path, Half], path: Path, group: str
) -> None:
    half = halves[path]
    questions = by_group(half.questions)[group]
    ours, bare = quality(questions, half.search), quality(questions, half.bm25)
    assert ours.mrr >= bare.mrr + 0.2, report(half)
    assert ours.recall >= bare.recall + 0.2, report(half)


@HALVES
def test_tolerance_costs_no_group_its_precision(halves: Mapping[Path, Half], path: Path) -> None:
    """Of no group of questions is a bare BM25, or a substring match, better at the top."""
    half = halves[path]
    for questions in by_group(half.questions).values():
        ours = quality(questions, half.search).mrr
        assert ours >= quality(questions, half.bm25).mrr, report(half)
        assert ours >= quality(questions, half.substring).mrr, report(half)


def report(half: Half) -> str:
    """The table of the README: MRR and recall@10 of each way, over all and by group."""
    rows = [("all", half.questions), *sorted(by_group(half.questions).items())]
    ways = {"search": half.search, "BM25": half.bm25, "substring": half.substring}
    lines = [f"{'MRR / recall@10':20}" + "".join(f"{way:>14}" for way in ways)]
    for name, questions in rows:
        reached = [quality(questions, found) for found in ways.values()]
        cells = "".join(f"   {each.mrr:.2f} / {each.recall:.2f}" for each in reached)
        lines.append(f"{name:16}{len(questions):4}{cells}")
    return "\n" + "\n".join(lines)
