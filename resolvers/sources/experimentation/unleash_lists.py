"""The list of an Unleash's experiments, narrowed by what its search can say, and its search by words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from resolvers.errors import SourceError
from resolvers.http import Query
from resolvers.sources import Capability, Found, ListArgs, ListFilter, Page, PageAsk, SourceProfile
from resolvers.sources.experimentation.unleash_calls import ARCHIVED, BY_NAME, EXPERIMENTS, PAGE, UnleashCalls, together
from resolvers.sources.experimentation.unleash_flags import UnleashFlags
from resolvers.sources.experimentation.unleash_rows import EXPERIMENT, SIMPLE, Overview, nameable
from resolvers.sources.words import words_in
from schema.connection import IncompleteReason
from schema.experiment import Experiment, ExperimentStatus
from schema.filter import EntityOrder
from schema.source import CapabilityMode

MOST_WORDS = 10
_ORDERS: dict[EntityOrder, Query] = {
    EntityOrder.NAME: BY_NAME,
    EntityOrder.UPDATED_AT: (("sortBy", "createdAt"), ("sortOrder", "desc")),
}

CAPABILITIES = (
    Capability("experiments.nameContains", CapabilityMode.NATIVE, "by a search that descriptions match too"),
    Capability("experiments.status", CapabilityMode.NATIVE, "a search a status"),
    Capability("experiments.owner", CapabilityMode.SCAN, "pages of 100 up to scan_rows"),
    Capability("experiments.unowned", CapabilityMode.SCAN, "pages of 100 up to scan_rows"),
    Capability("experiments.domain", CapabilityMode.NATIVE, "by tag and by project, a search each; a scan for its own"),
    Capability(
        "experiments.tags", CapabilityMode.NATIVE, "one tag, a search a spelling; a scan where only a key is given"
    ),
    Capability("experiments.UPDATED_AT", CapabilityMode.NONE, "no last change is told: newest first by creation"),
    Capability("search", CapabilityMode.NATIVE, "names and descriptions; 2 calls, and those of a list's rows"),
)


@dataclass(frozen=True, slots=True)
class _Segment:
    """One search; `enabled` where it asks for that."""

    filters: Query
    archived: bool = False
    enabled: bool | None = None

    def holds(self, row: Overview, environment: str) -> bool:
        if row.type != EXPERIMENT or (row.archived_at is not None) != self.archived:
            return False
        return self.enabled is None or row.enabled(environment) == self.enabled


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Rows of the list before they are experiments; `total` where it is known."""

    rows: Sequence[Overview | SourceError]
    more: bool
    total: int | None = None
    exact: bool = True
    reasons: frozenset[IncompleteReason] = frozenset()


class Lists:
    def __init__(self, profile: SourceProfile, calls: UnleashCalls, flags: UnleashFlags) -> None:
        self._profile, self._calls, self._flags = profile, calls, flags

    async def pages(self, asks: Sequence[PageAsk], args: ListArgs) -> list[Page[Experiment] | SourceError]:
        wanted, order = args.filter, args.order
        unordered = order is EntityOrder.UPDATED_AT
        reasons = frozenset({IncompleteReason.NOT_SUPPORTED_BY_SOURCE} if unordered else ())
        segments = _segments(wanted.statuses, self._calls.environment)
        ways = self._ways(wanted)
        stretches: list[_Stretch | SourceError]
        if len(ways) == 1:
            exact = not ways[0] and not (wanted.owner or wanted.domain or wanted.tags) and wanted.unowned is None
            listed = [_Segment((*item.filters, *ways[0]), item.archived, item.enabled) for item in segments]
            read = await asyncio.gather(
                *(self._stretch(ask, listed, order, exact, reasons) for ask in asks), return_exceptions=True
            )
            stretches = []
            for stretch in read:
                if isinstance(stretch, BaseException) and not isinstance(stretch, SourceError):
                    raise stretch
                stretches.append(stretch)
        else:
            cut = await self._united([(*item.filters, *way) for way in ways for item in segments], order, reasons)
            stretches = [cut(ask) for ask in asks]
        overviews = [row for stretch in stretches if isinstance(stretch, _Stretch) for row in stretch.rows]
        experiments = await self._flags.listed([row for row in overviews if isinstance(row, Overview)])

        def made(stretch: _Stretch) -> Page[Experiment]:
            rows = [experiments[row.name] if isinstance(row, Overview) else row for row in stretch.rows]
            return Page(rows, stretch.more, stretch.total, stretch.exact, stretch.reasons)

        return [stretch if isinstance(stretch, SourceError) else made(stretch) for stretch in stretches]

    async def search(self, text: str) -> Found[Experiment]:
        """Experiments that hold any of the words in name or description: a hundred live ones, a hundred archived."""
        words, whole = words_in(text, MOST_WORDS)
        if not words:
            return Found()
        asked = ("query", ",".join(words))
        pages = await together(self._calls.page((*filters, asked), 0, PAGE) for filters in (EXPERIMENTS, ARCHIVED))
        rows = [row for page in pages for row in page.answer.rows(page.raws, Overview)]
        made = await self._flags.listed([row for row in rows if isinstance(row, Overview)])
        found = [item for item in made.values() if not isinstance(item, SourceError)]
        reasons = set() if whole else {IncompleteReason.CALL_BUDGET}
        if any(page.total > len(page.raws) for page in pages):
            reasons.add(IncompleteReason.SCAN_LIMIT)
        if len(found) < len(rows):
            reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
        return Found(found, len(rows), frozenset(reasons))

    async def _stretch(
        self,
        ask: PageAsk,
        segments: Sequence[_Segment],
        order: EntityOrder,
        exact: bool,
        reasons: frozenset[IncompleteReason],
    ) -> _Stretch:
        """Rows of several searches, one after the other as if they were one list."""
        rows: list[Overview | SourceError] = []
        total = 0
        for segment in segments:
            offset = max(ask.position - total, 0)
            pages, count = await self._calls.stretch(segment.filters, offset, ask.limit - len(rows), _ORDERS[order])
            for page in pages:
                for row in page.answer.rows(page.raws, Overview):
                    asked_for = isinstance(row, SourceError) or segment.holds(row, self._calls.environment)
                    rows.append(row if asked_for else self._flags.bad("a row that it was not asked for"))
            total += count
        return _Stretch(rows, ask.position + len(rows) < total, total, exact, reasons)

    async def _united(
        self, searches: Sequence[Query], order: EntityOrder, reasons: frozenset[IncompleteReason]
    ) -> Callable[[PageAsk], _Stretch]:
        """Pages of several searches together: as there is no OR of these, all are read, then put in order."""
        found: dict[str, Overview | SourceError] = {}
        for rows in await together(self._calls.walk(filters) for filters in searches):
            found |= rows.by_name
            reasons |= {IncompleteReason.SCAN_LIMIT} if rows.cut else frozenset()
            reasons |= {IncompleteReason.SOURCE_UNAVAILABLE} if rows.unreadable else frozenset()
        listed = [found[name] for name in sorted(found)]
        if order is EntityOrder.UPDATED_AT:
            listed.sort(key=lambda row: row.created_at if isinstance(row, Overview) else "", reverse=True)

        def cut(ask: PageAsk) -> _Stretch:
            end = ask.position + ask.limit
            return _Stretch(listed[ask.position : end], end < len(listed), None, not listed, reasons)

        return cut

    def _ways(self, wanted: ListFilter) -> list[Query]:
        """What to add to the searches: between them they find every wanted flag; none where there can be none."""
        named: Query = ()
        if wanted.name_contains is not None:
            if not nameable(wanted.name_contains) and wanted.name_contains not in (".", ".."):
                return []  # no flag may be called so
            named = (("query", wanted.name_contains),)
        rules = self._profile.labels
        if wanted.domain is not None and wanted.domain != rules.domain and _listable(rules.domain_tag, wanted.domain):
            tagged = [(*named, carrying) for carrying in _carrying(rules.domain_tag, wanted.domain)]
            return [*tagged, (*named, ("project", f"IS:{wanted.domain}"))]
        if wanted.domain is None:
            # One of the tags is enough to narrow by: for each further one the searches would double.
            for key, value in wanted.tags:
                if value and _listable(key, value):
                    return [(*named, carrying) for carrying in _carrying(key, value)]
        return [named]


def _carrying(key: str, value: str) -> Query:
    """The spellings of a tag: its key as the tag's type, or both in a word. This operator leaves the other tags in."""
    typed = [] if key == SIMPLE else [("tag", f"INCLUDE_ALL_OF:{key}:{value}")]
    return [*typed, ("tag", f"INCLUDE_ALL_OF:{SIMPLE}:{key}:{value}")]


def _listable(key: str, value: str) -> bool:
    """Whether a tag can be written in a search, which splits at commas and colons and cuts off white space."""
    return bool(key) and not {":", ","} & set(key) and "," not in value and (key, value) == (key.strip(), value.strip())


def _segments(statuses: frozenset[ExperimentStatus] | None, environment: str) -> list[_Segment]:
    """The searches that list these statuses; no search can say two of them at once, but one says all live ones."""
    on, off = ("status[]", f"{environment}:enabled"), ("status[]", f"{environment}:disabled")
    live = {
        ExperimentStatus.RUNNING: _Segment([*EXPERIMENTS, on], enabled=True),
        ExperimentStatus.STOPPED: _Segment([*EXPERIMENTS, off, ("lifecycle", "IS:completed")], enabled=False),
        ExperimentStatus.DRAFT: _Segment([*EXPERIMENTS, off, ("lifecycle", "IS_NOT:completed")], enabled=False),
    }
    if statuses is None or statuses >= live.keys():
        segments = [_Segment(EXPERIMENTS)]
    else:
        segments = [segment for status, segment in live.items() if status in statuses]
    if statuses is None or ExperimentStatus.ARCHIVED in statuses:
        segments.append(_Segment(ARCHIVED, archived=True))
    return segments
