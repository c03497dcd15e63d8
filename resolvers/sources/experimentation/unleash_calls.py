"""The four calls of Unleash that answer experiments (7.5.1), each re-checked against what was asked.

Its search is read page by page; no call says everything of a flag, so the adapter joins them by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from os.path import commonprefix
from typing import Generic, TypeVar

import msgspec

from resolvers.errors import PageLimit, SourceBadResponse, SourceError, SourceTooLarge
from resolvers.http import Answer, Query, SourceClient, query_bytes
from resolvers.sources.experimentation.unleash_rows import (
    EXPERIMENT,
    Feature,
    Named,
    Overview,
    Strategy,
    StrategyOf,
)
from schema.scalars import Timestamp

R = TypeVar("R", Feature, Overview)
T = TypeVar("T")
U = TypeVar("U")

PAGE = 100
"""Most rows of a search: 101 would silently be 50."""
QUERY_BYTES = 6000

EXPERIMENTS: Query = (("type", f"IS:{EXPERIMENT}"),)
BY_NAME: Query = (("sortBy", "name"), ("sortOrder", "asc"))
ARCHIVED: Query = (*EXPERIMENTS, ("archived", "IS:true"))


@dataclass(slots=True)
class Rows(Generic[R]):
    """Rows by name; a row that cannot be trusted is its error. `unreadable` rows did not even tell their name."""

    fetched_at: Timestamp
    by_name: dict[str, R | SourceError] = field(default_factory=dict)
    unreadable: int = 0
    cut: bool = False

    def add(self, answer: Answer, raws: Sequence[msgspec.Raw], shape: type[R], names: Collection[str] | None) -> None:
        """Take the rows with these names (None: all); one that comes twice and differs is not to be trusted."""
        kept: list[tuple[str, msgspec.Raw]] = []
        for named, raw in zip(answer.rows(raws, Named), raws, strict=True):
            if isinstance(named, SourceError):
                self.unreadable += 1
            elif names is None or named.name in names:
                kept.append((named.name, raw))
        for (name, _), row in zip(kept, answer.rows([raw for _, raw in kept], shape), strict=True):
            known = self.by_name.setdefault(name, row)
            if known != row and not isinstance(known, SourceError):
                self.by_name[name] = SourceBadResponse(answer.source, f"{answer.source} answered {name!r} twice.")


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A stretch of a search's rows, undecoded, and how many the whole search has."""

    answer: Answer
    raws: Sequence[msgspec.Raw]
    total: int


class UnleashCalls:
    """Makes the calls for one environment; `scan_rows` bounds how many rows of one search are read."""

    def __init__(self, client: SourceClient, environment: str, scan_rows: int) -> None:
        self.client, self.environment, self.scan_rows = client, environment, scan_rows

    async def features(self, names: Collection[str] | None) -> Rows[Feature]:
        """GET /api/client/features: live flags with what they serve, in one unpaged answer, for any number of names.

        `namePrefix` makes the answer shorter where the names begin alike; the tag filter is not used, as a tag's value
        with a colon breaks it (500). An admin's token is of every environment, so the environment is said and checked.
        Where the whole is more than the gateway takes, each name is asked for by itself.
        """
        try:
            return await self._features(names)
        except SourceTooLarge:
            if names is None or len(names) == 1:
                raise
        first, *others = await together(self._features([name]) for name in names)
        for rows in others:
            first.by_name |= rows.by_name
            first.unreadable += rows.unreadable
        return first

    async def _features(self, names: Collection[str] | None) -> Rows[Feature]:
        query = [("environment", self.environment)]
        if names is not None and (prefix := commonprefix(list(names))):  # noqa: RUF071 - names are no paths
            query.append(("namePrefix", prefix))
        answer = await self.client.get(("api", "client", "features"), query, credential="client")
        read = answer.read(_Features)
        if read.query is not None and read.query.environment not in (None, self.environment):
            raise SourceBadResponse(
                answer.source,
                f"{answer.source} answered for the environment {read.query.environment!r}: "
                f"is its client token one of {self.environment!r}?",
            )
        rows: Rows[Feature] = Rows(answer.fetched_at)
        rows.add(answer, read.features, Feature, names)
        return rows

    async def page(self, filters: Query, offset: int, limit: int, order: Query = BY_NAME) -> SearchPage:
        """GET /api/admin/search/features; `limit` up to 100. A page cut short is a bad answer, not the end."""
        query = [*filters, *order, ("limit", str(limit)), ("offset", str(offset))]
        answer = await self.client.get(("api", "admin", "search", "features"), query)
        read = answer.read(_Search)
        if len(read.features) < min(limit, read.total - offset):
            raise SourceBadResponse(answer.source, f"{answer.source} answered fewer rows than it was asked for.")
        return SearchPage(answer, read.features[:limit], read.total)

    async def stretch(
        self, filters: Query, offset: int, limit: int, order: Query = BY_NAME
    ) -> tuple[list[SearchPage], int]:
        """`limit` rows from `offset` on, in pages of 100, and the whole search's total.

        Past the last row 7.5.1 says that the total is 0; then the first row is asked for it.
        """
        end = offset + limit
        starts = range(offset, end, PAGE)
        pages = await together(self.page(filters, start, min(PAGE, end - start), order) for start in starts)
        total = max((page.total for page in pages), default=0)
        if total == 0 and (offset > 0 or limit == 0):
            total = (await self.page(filters, 0, 1)).total
        return pages, total

    async def walk(self, filters: Query, names: Collection[str] | None = None) -> Rows[Overview]:
        """A whole search: its first page, then the others together; past the first only while a name is missing."""
        first = await self.page(filters, 0, PAGE)
        rows: Rows[Overview] = Rows(first.answer.fetched_at)
        rows.add(first.answer, first.raws, Overview, names)
        if names is not None and rows.by_name.keys() >= set(names):
            return rows
        end = min(first.total, self.scan_rows)
        for page in await together(self.page(filters, offset, PAGE) for offset in range(PAGE, end, PAGE)):
            rows.add(page.answer, page.raws, Overview, names)
        rows.cut = first.total > max(end, PAGE)
        return rows

    async def overviews(self, names: Iterable[str], filters: Query) -> dict[str, Overview | SourceError]:
        """Overviews by name: one search for 100 names, as words that match anywhere in a name or description.

        What matched otherwise is left out, unknown names are missing. A search that fails is its names' error only.
        """
        found = await together(self._overviews(chunk, filters) for chunk in chunked(names))
        return {name: row for rows in found for name, row in rows.items()}

    async def _overviews(self, names: list[str], filters: Query) -> dict[str, Overview | SourceError]:
        try:
            rows = await self.walk([*filters, ("query", ",".join(names))], frozenset(names))
        except SourceError as error:
            return {name: error.again() for name in names}
        source = self.client.name
        for name in names:
            if name not in rows.by_name and rows.cut:
                rows.by_name[name] = PageLimit(source, f"Too much in {source} matches this name to find it.")
            elif name not in rows.by_name and rows.unreadable:
                rows.by_name[name] = SourceBadResponse(source, f"{source} answered a row that cannot be read.")
        return rows.by_name

    async def exported(self, names: Collection[str]) -> tuple[dict[str, list[Strategy]], Timestamp]:
        """POST /api/admin/features-batch/export: strategies of any number of flags, archived ones too.

        The only call that shows what an archived flag served. Each one writes an event, with all it answered, into
        Unleash's own log: so it is made for archived flags that are known to exist, and for nothing else.
        """
        body = {"environment": self.environment, "features": sorted(names)}
        answer = await self.client.post(("api", "admin", "features-batch", "export"), body)
        found: dict[str, list[Strategy]] = {}
        for row in answer.rows(answer.read(_Export).feature_strategies, StrategyOf):
            if isinstance(row, SourceError):
                raise row
            found.setdefault(row.feature_name, []).append(row)
        return found, answer.fetched_at

    async def version(self) -> str:
        """GET /api/admin/ui-config: 3 kB, and open to every user."""
        answer = await self.client.get(("api", "admin", "ui-config"))
        return answer.read(_Configuration).version


class _FeaturesQuery(msgspec.Struct):
    environment: str | None = None


class _Features(msgspec.Struct):
    features: list[msgspec.Raw]
    query: _FeaturesQuery | None = None


class _Search(msgspec.Struct):
    features: list[msgspec.Raw]
    total: int


class _Export(msgspec.Struct, rename="camel"):
    feature_strategies: list[msgspec.Raw]


class _Configuration(msgspec.Struct):
    version: str


async def together(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Await all, then raise the first failure: none is left running behind the one that failed."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    done: list[T] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        done.append(result)
    return done


async def both(first: Awaitable[T], second: Awaitable[U]) -> tuple[T, U]:
    """The same for two of different kinds."""
    one, two = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(one, BaseException):
        raise one
    if isinstance(two, BaseException):
        raise two
    return one, two


def chunked(words: Iterable[str]) -> Iterable[list[str]]:
    """Words in stretches that fit one URL: 100 at most, and 6 kB."""
    chunk: list[str] = []
    size = 0
    for word in words:
        length = query_bytes([("", word)]) + 1
        if chunk and (len(chunk) == PAGE or size + length > QUERY_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(word)
        size += length
    if chunk:
        yield chunk
