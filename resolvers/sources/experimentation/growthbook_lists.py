"""The list of a GrowthBook's experiments, narrowed by what one call can be asked for, and its search by words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from resolvers.errors import SourceError
from resolvers.http import Query
from resolvers.sources import MOST_PAGES, Capability, Found, ListArgs, ListFilter, Page, PageAsk, SourceProfile
from resolvers.sources.experimentation.growthbook_api import (
    EXPERIMENTS,
    NEWEST_FIRST,
    PAGE,
    PROJECTS,
    GrowthBookApi,
    Read,
    Unreadable,
    gathered,
)
from resolvers.sources.experimentation.growthbook_rows import ExperimentRow, statuses_query
from resolvers.sources.words import words_in
from schema.connection import IncompleteReason
from schema.filter import EntityOrder
from schema.source import CapabilityMode

Rows = Page[Read[ExperimentRow]]

MOST_WORDS = 3
_ORDERS: dict[EntityOrder, Query] = {
    EntityOrder.NAME: (("sortBy", "name"), ("sortOrder", "asc")),
    EntityOrder.UPDATED_AT: (("sortBy", "dateUpdated"), ("sortOrder", "desc")),
}
_PLAIN = re.compile(r"[A-Za-z0-9_.\-]+")

CAPABILITIES = (
    Capability("experiments.nameContains", CapabilityMode.NATIVE, "By its free text, which other texts hold too."),
    Capability("experiments.status", CapabilityMode.NATIVE, "A scan for archived ones together with some others."),
    Capability("experiments.owner", CapabilityMode.SCAN, "GrowthBook compares whole addresses; pages up to scan_rows."),
    Capability("experiments.unowned", CapabilityMode.SCAN, "Pages of 100 up to scan_rows."),
    Capability(
        "experiments.domain",
        CapabilityMode.NATIVE,
        "By tag and by project: a call for the projects and pages of each; a scan for the source's own domain.",
    ),
    Capability("experiments.tags", CapabilityMode.NATIVE, "One tag; a scan among these for more, or for a key alone."),
    Capability("experiments.UPDATED_AT", CapabilityMode.NATIVE),
    Capability("search", CapabilityMode.NATIVE, "Names, keys, descriptions, hypotheses; one call a word, at most 3."),
)


@dataclass(frozen=True, slots=True)
class _Narrowed:
    """Queries that find every wanted experiment between them, and whether nothing else."""

    queries: Sequence[Query]
    exact: bool


class Lists:
    def __init__(self, profile: SourceProfile, api: GrowthBookApi) -> None:
        self._profile, self._api = profile, api

    async def pages(self, asks: Sequence[PageAsk], args: ListArgs) -> list[Rows | SourceError]:
        narrowed = await self._narrowed(args.filter)
        order = _ORDERS[args.order]
        if len(narrowed.queries) == 1:
            (query,) = narrowed.queries
            return await gathered([self._page(ask, (*query, *order), narrowed.exact) for ask in asks])
        listed = await self._united(narrowed.queries, args.order)
        return [listed(ask) for ask in asks]

    async def search(self, text: str) -> Found[Read[ExperimentRow]]:
        """Experiments that hold any of the words, the newest hundred of each word."""
        words, whole = words_in(text, MOST_WORDS)
        reasons = set() if whole else {IncompleteReason.CALL_BUDGET}
        found: dict[str, Read[ExperimentRow]] = {}
        scanned = 0
        for page in await gathered([self._api.page(EXPERIMENTS, (("q", word), *NEWEST_FIRST)) for word in words]):
            if isinstance(page, SourceError):
                raise page
            scanned += len(page.rows)
            reasons |= {IncompleteReason.SCAN_LIMIT} if page.more else set()
            for row in page.rows:
                if isinstance(row, Unreadable):
                    reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
                else:
                    found[row.row.id] = row
        return Found(list(found.values()), scanned, frozenset(reasons))

    async def _page(self, ask: PageAsk, query: Query, exact: bool) -> Rows:
        rows: list[Read[ExperimentRow] | SourceError] = []
        more, total, pages = True, None, 0
        while more and len(rows) < ask.limit and pages < MOST_PAGES:
            pages += 1
            limit = min(PAGE, ask.limit - len(rows))
            page = await self._api.page(EXPERIMENTS, query, offset=ask.position + len(rows), limit=limit)
            more, total = page.more or page.miscounted, None if page.miscounted else page.total
            known = {row.row.id for row in rows if isinstance(row, Read)}
            if not page.rows or known.intersection(row.row.id for row in page.rows[:1] if isinstance(row, Read)):
                break  # nothing, or a list that begins anew
            rows += [row.error if isinstance(row, Unreadable) else row for row in page.rows]
        return Page(rows, more, total, exact)

    async def _united(self, queries: Sequence[Query], order: EntityOrder) -> Callable[[PageAsk], Rows]:
        """Pages of several lists together: as there is no OR of these, all are read, then put in order."""
        most = self._profile.scan_rows
        found: dict[str, Read[ExperimentRow]] = {}
        reasons: set[IncompleteReason] = set()
        for walk in await gathered([self._api.walk(EXPERIMENTS, (*q, *_ORDERS[order]), most=most) for q in queries]):
            if isinstance(walk, SourceError):
                raise walk
            reasons |= {IncompleteReason.SCAN_LIMIT} if walk.cut else set()
            for row in walk.rows:
                if isinstance(row, Unreadable):
                    reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
                else:
                    found[row.row.id] = row
        rows = sorted(found.values(), key=lambda read: (read.row.name, read.row.id))
        if order is EntityOrder.UPDATED_AT:
            rows.sort(key=lambda read: read.row.date_updated, reverse=True)

        def cut(ask: PageAsk) -> Rows:
            end = ask.position + ask.limit
            return Page(rows[ask.position : end], end < len(rows), exact=not rows, reasons=frozenset(reasons))

        return cut

    async def _narrowed(self, wanted: ListFilter) -> _Narrowed:
        """The queries for a filter; none where nothing can be wanted."""
        if wanted.statuses is not None and not wanted.statuses:
            return _Narrowed([], True)
        asked = statuses_query(wanted.statuses)
        exact = asked is not None and wanted.owner is None and wanted.unowned is None
        query = dict(asked or ())
        if wanted.name_contains is not None:
            exact = False
            # Its free text has no quotes and runs white space together, so the longest plain part is what is asked.
            plain = max(_PLAIN.findall(wanted.name_contains), key=len, default="")
            if plain:
                query["q"] = f"{query['q']} {plain}" if "q" in query else plain
        if wanted.tags:
            exact = False
            word = next((f"{key}:{value}" for key, value in wanted.tags if value and _listable(f"{key}:{value}")), None)
            if word is not None:
                query["tag"] = word
        if wanted.domain is None or wanted.domain == self._profile.labels.domain:
            # Experiments that say no domain are of the source's own too.
            return _Narrowed([tuple(query.items())], exact and wanted.domain is None)
        word = f"{self._profile.labels.domain_tag}:{wanted.domain}"
        if not _listable(word):
            return _Narrowed([tuple(query.items())], False)
        # Several tags would be alternatives: the others are left to the check of the rows.
        ways = [{"tag": word}, *({"projectId": key} for key in await self._projects(wanted.domain))]
        return _Narrowed([tuple({**query, **way}.items()) for way in ways], False)

    async def _projects(self, name: str) -> list[str]:
        """The ids of the projects with this name: `GET /api/v1/projects`."""
        walk = await self._api.walk(PROJECTS, most=self._profile.scan_rows)
        return [read.row.id for read in walk.read() if read.row.name == name]


def _listable(word: str) -> bool:
    """Whether a word stays one word in a list that is split at commas."""
    return "," not in word and word == word.strip()
