"""GrowthBook's REST API: single reads, pages and walks of them, and which of these costs the fewest calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import msgspec

from resolvers.errors import SourceBadResponse, SourceError, SourceFault
from resolvers.http import Answer, Query, SourceClient, unusable_as_segment
from resolvers.sources.experimentation.growthbook_budget import Budgets
from resolvers.sources.experimentation.growthbook_rows import ExperimentRow, NamedRow, ResultRow, Row
from resolvers.sources.experimentation.growthbook_values import FeatureRow
from schema.scalars import Timestamp

T = TypeVar("T")
R = TypeVar("R", bound=Row)

NEWEST_FIRST: Query = (("sortBy", "dateCreated"), ("sortOrder", "desc"))
PAGE = 100
"""Most rows a page may have; 101 is refused with 400 (5.0.1)."""
FEW = 2
"""So many keys are read one by one; for more the first page tells whether pages are cheaper."""


class _Paging(msgspec.Struct, rename="camel"):
    total: int
    offset: int
    has_more: bool


class _Experiments(_Paging, rename="camel"):
    rows: list[msgspec.Raw] = msgspec.field(name="experiments")


class _Features(_Paging, rename="camel"):
    rows: list[msgspec.Raw] = msgspec.field(name="features")


class _Results(_Paging, rename="camel"):
    rows: list[msgspec.Raw] = msgspec.field(name="experimentResults")


class _Metrics(_Paging, rename="camel"):
    rows: list[msgspec.Raw] = msgspec.field(name="metrics")


class _FactMetrics(_Paging, rename="camel"):
    rows: list[msgspec.Raw] = msgspec.field(name="factMetrics")


class _Projects(_Paging, rename="camel"):
    rows: list[msgspec.Raw] = msgspec.field(name="projects")


_Page = _Experiments | _Features | _Results | _Metrics | _FactMetrics | _Projects


class _OneExperiment(msgspec.Struct):
    row: ExperimentRow = msgspec.field(name="experiment")


class _OneFeature(msgspec.Struct):
    row: FeatureRow = msgspec.field(name="feature")


class _Refusal(msgspec.Struct):
    message: str


class _Names(msgspec.Struct, rename="camel"):
    """What is left of a row that cannot be read: whose row it is."""

    id: str
    tracking_key: str = ""
    experiment_id: str = ""


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """A paged endpoint: its path, the shape of its pages and of its rows."""

    segments: tuple[str, ...]
    page: type[_Page]
    row: type[R]


EXPERIMENTS = Listing(("v1", "experiments"), _Experiments, ExperimentRow)
RESULTS = Listing(("v1", "experiments", "results"), _Results, ResultRow)
FEATURES = Listing(("v2", "features"), _Features, FeatureRow)
METRICS = Listing(("v1", "metrics"), _Metrics, NamedRow)
FACT_METRICS = Listing(("v1", "fact-metrics"), _FactMetrics, NamedRow)
PROJECTS = Listing(("v1", "projects"), _Projects, NamedRow)


class Read(NamedTuple, Generic[R]):
    """A row, and when its answer was made."""

    row: R
    at: Timestamp


class Unreadable(NamedTuple):
    """A row that could not be read, and by which names it would have been found, if these could be."""

    names: tuple[str, ...]
    error: SourceBadResponse


@dataclass(frozen=True, slots=True)
class RowPage(Generic[R]):
    """`miscounted` says that the list counts fewer rows than it answered: nobody knows then how many follow."""

    rows: Sequence[Read[R] | Unreadable]
    total: int
    more: bool
    miscounted: bool = False


@dataclass(frozen=True, slots=True)
class Walk(Generic[R]):
    """All rows of a list, or the first of them where `cut` says so."""

    rows: Sequence[Read[R] | Unreadable]
    cut: bool

    def read(self) -> list[Read[R]]:
        return [row for row in self.rows if isinstance(row, Read)]


class GrowthBookApi:
    """Calls below `/api` with the secret key, within its budget."""

    def __init__(self, client: SourceClient, budgets: Budgets) -> None:
        self._client = client
        self._budgets = budgets

    async def get(self, segments: Sequence[str], query: Query = ()) -> Answer | None:
        """GET; None where GrowthBook says that there is no such thing, which it does by 400 and a text."""
        path, accepted, budget = ("api", *segments), (400, 429), self._budgets.mine()
        if self._client.remembers(path, query):
            answer = await self._client.get(path, query, also=accepted)
        else:
            with budget.spending():
                answer = await self._client.get(path, query, also=accepted)
                budget.told(answer.headers)
        if answer.status == 429:
            raise budget.refusal(answer)
        if answer.status == 400:
            message = answer.read(_Refusal).message
            if message.startswith(("Could not find ", "No results found ")):
                return None
            raise SourceFault(answer.source, f"{answer.source} refused the question (400).")
        return answer

    async def page(self, listing: Listing[R], query: Query = (), *, offset: int = 0, limit: int = PAGE) -> RowPage[R]:
        """Up to 100 rows from `offset` on."""
        answer = await self.get(listing.segments, _paged(query, offset, limit))
        if answer is None:
            raise SourceBadResponse(self._client.name, f"{self._client.name} does not know one of its own lists.")
        page = answer.read(listing.page)
        if page.offset != offset or len(page.rows) > limit:
            raise SourceBadResponse(answer.source, f"{answer.source} answered another page than the one asked for.")
        if page.has_more != (offset + limit < page.total):
            raise SourceBadResponse(answer.source, f"{answer.source} contradicts itself on whether more rows follow.")
        rows: list[Read[R] | Unreadable] = []
        for raw, row in zip(page.rows, answer.rows(page.rows, listing.row), strict=True):
            rows.append(Unreadable(_names(raw), row) if isinstance(row, SourceError) else Read(row, answer.fetched_at))
        return RowPage(rows, page.total, page.has_more, len(rows) > max(page.total - offset, 0))

    async def walk(self, listing: Listing[R], query: Query = (), *, most: int) -> Walk[R]:
        """A whole list, up to `most` rows: its first page, then the others together."""
        first = await self.page(listing, query, limit=min(PAGE, most))
        rest = await self._rest(listing, query, first, most)
        return Walk([row for page in (first, *rest) for row in page.rows], first.total > most)

    async def pick(
        self,
        listing: Listing[R],
        wanted: Collection[str],
        names: Callable[[R], Sequence[str]],
        single: Callable[[str], Awaitable[Read[R] | None]],
        *,
        query: Query = (),
        most: int,
    ) -> dict[str, Read[R] | SourceError | None]:
        """The rows that have the wanted names, as GrowthBook can list no rows by name.

        Up to two are read one by one; for more the first page tells the length of the list, and then whichever is
        fewer: the other pages, or the missing rows one by one. Pages this operation has read already are none at all.
        The first row of a name counts.
        """
        found: dict[str, Read[R] | SourceError | None] = {}
        missing = set(wanted)
        if len(missing) > FEW or self._asked_before(listing, query, [0]):
            first = await self.page(listing, query)
            nameless = _collect(first, names, missing, found)
            free = self._asked_before(listing, query, range(PAGE, first.total, PAGE))
            fewer = free or len(missing) > pages(first.total) - 1
            if fewer and first.total <= most and not first.miscounted:
                try:
                    for page in await self._rest(listing, query, first, most):
                        nameless = _collect(page, names, missing, found) or nameless
                except SourceError as error:
                    return found | {name: error.again() for name in missing}
                return found | {name: nameless.error.again() if nameless else None for name in missing}
        asked = sorted(missing)
        found.update(zip(asked, await gathered([single(name) for name in asked]), strict=True))
        return found

    async def get_of(self, key: str, *segments: str) -> Answer | None:
        """GET a path that holds a key; a key that can be no path segment is absent, and not sent."""
        return None if unusable_as_segment(key) else await self.get(segments)

    async def experiment(self, key: str) -> Read[ExperimentRow] | None:
        """`GET /api/v1/experiments/{id}`; None for an unknown id."""
        answer = await self.get_of(key, "v1", "experiments", key)
        return None if answer is None else _asked(key, answer, answer.read(_OneExperiment).row)

    async def feature(self, key: str) -> Read[FeatureRow] | None:
        """`GET /api/v2/features/{id}`; None for an unknown id."""
        answer = await self.get_of(key, "v2", "features", key)
        return None if answer is None else _asked(key, answer, answer.read(_OneFeature).row)

    async def experiments_of_key(self, key: str, query: Query) -> list[Read[ExperimentRow]]:
        """`GET /api/v1/experiments?trackingKey=`: several experiments may have one key. An unreadable one is raised."""
        page = await self.page(EXPERIMENTS, (("trackingKey", key), *query))
        reads = []
        for row in page.rows:
            if isinstance(row, Unreadable):
                raise row.error
            if row.row.tracking_key == key:
                reads.append(row)
        return reads

    async def _rest(self, listing: Listing[R], query: Query, first: RowPage[R], most: int) -> list[RowPage[R]]:
        """The pages after the first, together."""
        if first.miscounted:
            raise self._changed()
        offsets = range(PAGE, min(first.total, most), PAGE)
        if not offsets:
            return []
        self._budgets.mine().require(sum(not self._asked_before(listing, query, [offset]) for offset in offsets))
        calls = [self.page(listing, query, offset=offset, limit=min(PAGE, most - offset)) for offset in offsets]
        rest = []
        for page in await gathered(calls):
            if isinstance(page, SourceError):
                raise page
            if page.total != first.total:
                # A row that left the list moved later rows to pages already read: one of them would be lost.
                raise self._changed()
            rest.append(page)
        return rest

    def _changed(self) -> SourceFault:
        return SourceFault(self._client.name, f"{self._client.name} changed while it was read: ask again.")

    def _asked_before(self, listing: Listing[R], query: Query, offsets: Iterable[int]) -> bool:
        """Whether this operation has these pages."""
        return all(
            self._client.remembers(("api", *listing.segments), _paged(query, offset, PAGE)) for offset in offsets
        )


def _paged(query: Query, offset: int, limit: int) -> Query:
    return (*query, ("limit", str(limit)), ("offset", str(offset)))


async def gathered(calls: Sequence[Awaitable[T]]) -> list[T | SourceError]:
    """Await all; a SourceError is the item of its own call, every other exception is raised."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    items: list[T | SourceError] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, SourceError):
            raise outcome
        items.append(outcome)
    return items


def pages(rows: int) -> int:
    """How many pages hold so many rows."""
    return -(-rows // PAGE)


def _asked(key: str, answer: Answer, row: R) -> Read[R]:
    if row.id != key:
        raise SourceBadResponse(answer.source, f"{answer.source} answered another row than the one asked for.")
    return Read(row, answer.fetched_at)


def _collect(
    page: RowPage[R],
    names: Callable[[R], Sequence[str]],
    missing: set[str],
    found: dict[str, Read[R] | SourceError | None],
) -> Unreadable | None:
    """Move what the page holds from `missing` to `found`; a row nobody can name is returned."""
    nameless = None
    for row in page.rows:
        if isinstance(row, Unreadable):
            nameless = nameless if row.names else row
        for name in row.names if isinstance(row, Unreadable) else names(row.row):
            if name in missing:
                missing.discard(name)
                found[name] = row.error.again() if isinstance(row, Unreadable) else row
    return nameless


def _names(raw: msgspec.Raw) -> tuple[str, ...]:
    try:
        row = msgspec.json.decode(raw, type=_Names)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ()
    return tuple(name for name in (row.tracking_key, row.experiment_id, row.id) if name)
