"""The list of an Airflow's DAGs, narrowed by what `/dags` can be asked for, and its search by words."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from resolvers.errors import SourceBadResponse, SourceError
from resolvers.http import Query, SourceClient
from resolvers.sources import Capability, Found, ListArgs, ListFilter, Page, PageAsk, SourceProfile
from resolvers.sources.labels import parse_word
from resolvers.sources.orchestration.airflow_lists import (
    API,
    PAGE_ROWS,
    DagList,
    Kind,
    Read,
    calls,
    page,
    singly,
    stretch,
    walk,
)
from resolvers.sources.orchestration.airflow_rows import RUN_STATES, DagRow
from resolvers.sources.words import words_in
from schema.connection import IncompleteReason
from schema.filter import EntityOrder
from schema.pipeline import Pipeline
from schema.source import CapabilityMode

DAGS = Kind((*API, "dags"), DagList, DagRow)
MOST_TAGS = 50
MOST_WORDS = 5
BY_NAME = ("order_by", "dag_id")

CAPABILITIES = (
    Capability("pipelines.nameContains", CapabilityMode.NATIVE),
    Capability("pipelines.owner", CapabilityMode.NATIVE, "a call for owners, one for tags that name it, one for these"),
    Capability("pipelines.unowned", CapabilityMode.SCAN, "pages of 100 up to scan_rows"),
    Capability("pipelines.domain", CapabilityMode.NATIVE, "by tag; a scan for the domain that is the source's own"),
    Capability("pipelines.tags", CapabilityMode.NATIVE, "a scan where only the key is given"),
    Capability("pipelines.lastRunState", CapabilityMode.NATIVE, "the run created last; a call a state"),
    Capability("pipelines.UPDATED_AT", CapabilityMode.NONE, "Airflow does not tell when a DAG was changed: by name"),
    Capability("search", CapabilityMode.NATIVE, "names only; one call from 3.2 on, one a word before, 100 rows each"),
)


class _TagList(msgspec.Struct):
    rows: list[msgspec.Raw] = msgspec.field(name="tags")
    total_entries: int | None = None


_TAGS = Kind((*API, "dagTags"), _TagList, str)
_NAME = re.compile(r"[\w.\-]+")


@dataclass(frozen=True, slots=True)
class _Narrowed:
    """Queries that find every wanted DAG between them, and whether nothing else."""

    queries: Sequence[Query]
    exact: bool
    reasons: frozenset[IncompleteReason] = frozenset()


class Pipelines:
    """Lists DAGs; `make` makes a row the graph's pipeline."""

    def __init__(
        self, profile: SourceProfile, client: SourceClient, make: Callable[[Read[DagRow]], Pipeline | SourceError]
    ) -> None:
        self._profile, self._client, self._make = profile, client, make

    async def pages(self, asks: Sequence[PageAsk], args: ListArgs) -> dict[PageAsk, Page[Pipeline] | SourceError]:
        unordered = args.order is EntityOrder.UPDATED_AT
        reasons = frozenset({IncompleteReason.NOT_SUPPORTED_BY_SOURCE} if unordered else ())
        narrowed = await self._narrowed(args.filter)
        if len(narrowed.queries) != 1:
            listed = await self._united(narrowed, narrowed.reasons | reasons)
            return {ask: listed(ask) for ask in asks}

        async def read(ask: PageAsk) -> Page[Pipeline]:
            query = (*narrowed.queries[0], BY_NAME)
            rows = await stretch(self._client, DAGS, query, ask.position, ask.limit)
            return replace(page(rows, ask, self._make), exact=narrowed.exact, reasons=narrowed.reasons | reasons)

        return await singly(read, asks)

    async def search(self, text: str, joined: bool) -> Found[Pipeline]:
        """DAGs whose ids hold any of the words; `joined` where `|` means OR."""
        words, whole = words_in(text, MOST_WORDS)
        patterns = ["|".join(words)] if joined and words else words
        queries = [(("dag_id_pattern", pattern), BY_NAME) for pattern in patterns]
        lists = await asyncio.gather(*(stretch(self._client, DAGS, query, 0, PAGE_ROWS) for query in queries))
        reasons = set() if whole else {IncompleteReason.CALL_BUDGET}
        found: dict[str, Pipeline] = {}
        for listed in lists:
            reasons |= set() if listed.whole else {IncompleteReason.SCAN_LIMIT}
            for made in map(self._make, listed.reads):
                if isinstance(made, SourceError):
                    reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
                else:
                    found[made.name] = made
        return Found(list(found.values()), sum(len(listed.reads) for listed in lists), frozenset(reasons))

    async def _united(
        self, narrowed: _Narrowed, reasons: frozenset[IncompleteReason]
    ) -> Callable[[PageAsk], Page[Pipeline]]:
        """Pages of several lists together: as Airflow knows no OR of these, all are read, then put in order."""
        most = self._profile.scan_rows
        lists = await asyncio.gather(*(walk(self._client, DAGS, (*q, BY_NAME), most) for q in narrowed.queries))
        found: dict[str, Read[DagRow]] = {}
        for listed in lists:
            if not listed.whole:
                reasons |= {IncompleteReason.SCAN_LIMIT}
            for read in listed.reads:
                if isinstance(read.row, SourceBadResponse):
                    reasons |= {IncompleteReason.SOURCE_UNAVAILABLE}
                else:
                    found[read.row.dag_id] = read
        rows = [self._make(found[name]) for name in sorted(found)]
        whole = not reasons - {IncompleteReason.NOT_SUPPORTED_BY_SOURCE}

        def cut(ask: PageAsk) -> Page[Pipeline]:
            end = ask.position + ask.limit
            total = len(rows) if whole else None
            return Page(rows[ask.position : end], end < len(rows), total, narrowed.exact and whole, reasons)

        return cut

    async def _narrowed(self, wanted: ListFilter) -> _Narrowed:
        """The queries for a filter; none where no DAG can be wanted."""
        query: list[tuple[str, str]] = []
        tags: list[str] = []
        rules, exact = self._profile.labels, wanted.unowned is None
        if wanted.name_contains is not None:
            if not _NAME.fullmatch(wanted.name_contains):
                return _Narrowed([], True)  # no DAG may be called so
            query.append(("dag_id_pattern", _pattern(wanted.name_contains)))
            exact = exact and wanted.name_contains.isascii() and "_" not in wanted.name_contains
        for key, value in wanted.tags:
            if value and key and ":" not in key and len(tags) < MOST_TAGS:
                tags.append(f"{key}:{value}")
            else:
                exact = False
        if wanted.domain is not None:
            if wanted.domain == rules.domain:
                exact = False  # DAGs without the tag are of it too
            else:
                tags.append(f"{rules.domain_tag}:{wanted.domain}")
        carrying = [*(("tags", tag) for tag in tags), ("tags_match_mode", "all")] if tags else []
        states: list[Query] = [()]
        if wanted.last_run_states is not None:
            words = [word for word, state in RUN_STATES.items() if state in wanted.last_run_states]
            states = [(("last_dag_run_state", word),) for word in words]
        if wanted.owner is None:
            return _Narrowed([(*query, *carrying, *state) for state in states], exact)
        texts = rules.spellings(wanted.owner)
        owners: list[Query] = [(*carrying, *(("owners", text) for text in texts))]
        # Tags in two modes cannot be asked for at once: those of the filter are left to the check of the rows.
        naming, whole = await self._owner_tags(dict.fromkeys((*texts, *rules.team_spellings(wanted.owner))))
        for part in calls(naming, lambda tag: [tag], MOST_TAGS):
            owners.append((*(("tags", tag) for tag in part), ("tags_match_mode", "any")))
        cut = frozenset() if whole else frozenset({IncompleteReason.SCAN_LIMIT})
        return _Narrowed([(*query, *owner, *state) for owner in owners for state in states], False, cut)

    async def _owner_tags(self, texts: Iterable[str]) -> tuple[list[str], bool]:
        """The tags that may name an owner or a team by one of its spellings, and whether these are all: one tag may
        hold several owners.
        """
        rules = self._profile.labels
        queries = [(("tag_name_pattern", _pattern(text)), ("order_by", "name")) for text in texts]
        lists = await asyncio.gather(*(walk(self._client, _TAGS, query, self._profile.scan_rows) for query in queries))
        words = dict.fromkeys(read.row for listed in lists for read in listed.reads if isinstance(read.row, str))
        named = [(word, *parse_word(word)) for word in words]
        naming = [word for word, key, value in named if value and key in (*rules.owner_tags, rules.team_tag)]
        return naming, all(listed.whole for listed in lists)


def _pattern(text: str) -> str:
    """A pattern that finds at least what holds this text: databases fold letters that are not ASCII differently."""
    return "".join("_" if char in "|\\" else char if char.isascii() else "%" for char in text)
