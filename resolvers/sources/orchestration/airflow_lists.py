"""Reads Airflow's lists: pages, walks over all pages, rows matched with the keys asked for, and keys cut into calls.

Airflow 3 cuts `limit` to its `maximum_page_limit` (100 unless configured) without a word, so a page is believed to be
the last one only by `total_entries`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import quote

import msgspec

from resolvers.errors import SourceBadResponse, SourceError
from resolvers.http import Answer, Query, SourceClient
from resolvers.sources import MOST_PAGES, Page, PageAsk
from schema.scalars import Timestamp

T = TypeVar("T")
Row = TypeVar("Row")
Key = TypeVar("Key")
KeyOut = TypeVar("KeyOut", covariant=True)

API = ("api", "v2")
PAGE_ROWS = 100
QUERY_BYTES = 6000
"""Proxies commonly stop at 8 kB of URL."""

_DAG_ID = re.compile(r"[\w.\-]{1,250}")
_PLAIN = re.compile(r"[A-Za-z0-9_.:~+\-]*[A-Za-z0-9][A-Za-z0-9_.:~+\-]*")


class Listed(Protocol):
    """The envelope of a list; `rows` has the product's own name for it."""

    rows: list[msgspec.Raw]
    total_entries: int | None


class DagList(msgspec.Struct):
    rows: list[msgspec.Raw] = msgspec.field(name="dags")
    total_entries: int | None = None


class RunList(msgspec.Struct):
    rows: list[msgspec.Raw] = msgspec.field(name="dag_runs")
    total_entries: int | None = None


class TaskList(msgspec.Struct):
    rows: list[msgspec.Raw] = msgspec.field(name="task_instances")
    total_entries: int | None = None


class AssetList(msgspec.Struct):
    rows: list[msgspec.Raw] = msgspec.field(name="assets")
    total_entries: int | None = None


class EventList(msgspec.Struct):
    rows: list[msgspec.Raw] = msgspec.field(name="asset_events")
    total_entries: int | None = None


class _NotFound(msgspec.Struct):
    detail: str


class Keyed(Protocol[KeyOut]):
    @property
    def key(self) -> KeyOut: ...


class Read(NamedTuple, Generic[Row]):
    """One row of a list as it was read, with its own bytes and the time its answer was made."""

    row: Row | SourceBadResponse
    raw: msgspec.Raw
    fetched_at: Timestamp


@dataclass(frozen=True, slots=True)
class Stretch(Generic[Row]):
    """Rows of a list in its order; `total` is the length of the whole list, None where Airflow did not count.

    `miscounted` says that it counted fewer than it answered: nobody knows then how many follow.
    """

    reads: Sequence[Read[Row]]
    total: int | None
    miscounted: bool = False

    def counted(self, source: str) -> None:
        """Raise where Airflow counted other rows than it answered: some may be missing."""
        if self.miscounted or (self.total is not None and len(self.reads) < self.total):
            raise SourceBadResponse(source, f"{source} answered other rows than it counted.")

    @property
    def whole(self) -> bool:
        """Whether a stretch from the first row on is the whole list; a row that came twice is one."""
        if self.total is None or len(self.reads) < self.total:
            return False
        return len({bytes(read.raw) for read in self.reads}) >= self.total


@dataclass(frozen=True, slots=True)
class Matched(Generic[Key, Row]):
    """The rows of the asked keys; `unnamed` is the fault of a row that did not even tell its key."""

    found: Mapping[Key, Read[Row]]
    unnamed: SourceBadResponse | None


@dataclass(frozen=True, slots=True)
class Kind(Generic[Row]):
    """One kind of list: where it is, its envelope and its rows."""

    segments: Sequence[str]
    envelope: type[Listed]
    row: type[Row]


def is_absent(answer: Answer) -> bool:
    """Whether Airflow itself says that there is no such thing; a 404 that is not its own raises SourceBadResponse.

    Of a DAG or run it says `{"detail": "The Dag …"}`, of an address it does not have `{"error": …}`; a bare
    `{"detail": "Not Found"}` is what another server of the same framework says.
    """
    if answer.status != 404:
        return False
    try:
        own = msgspec.json.decode(answer.body, type=_NotFound).detail != "Not Found"
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        own = False
    if not own:
        raise SourceBadResponse(answer.source, f"{answer.source} has no such address: is its url right?")
    return True


async def stretch(client: SourceClient, kind: Kind[Row], query: Query, position: int, limit: int) -> Stretch[Row]:
    """`limit` rows from `position` on, in as many calls as the server's maximum makes of it.

    The list of a thing that does not exist is empty.
    """
    reads: list[Read[Row]] = []
    total: int | None = None
    pages = 0
    while len(reads) < limit and pages < MOST_PAGES:
        pages += 1
        asked = min(limit - len(reads), PAGE_ROWS)
        place = (("limit", str(asked)), ("offset", str(position + len(reads))))
        answer = await client.get(kind.segments, (*query, *place), also=(404,))
        if is_absent(answer):
            return Stretch([], 0)
        rows, total = _read(answer, kind)
        if _again(reads, rows):
            break
        reads += rows[:asked]
        if total is not None and rows and position + len(reads) > total:
            return Stretch(reads, None, miscounted=True)
        if not rows or (len(rows) < asked if total is None else position + len(reads) >= total):
            break
    return Stretch(reads, total)


async def walk(client: SourceClient, kind: Kind[Row], query: Query, most: int) -> Stretch[Row]:
    """A list from its first row on: one page, then the others at once, `most` rows at most."""
    first = await stretch(client, kind, query, 0, min(PAGE_ROWS, most))
    return await walk_on(client, kind, query, first, most)


async def walk_on(client: SourceClient, kind: Kind[Row], query: Query, first: Stretch[Row], most: int) -> Stretch[Row]:
    """The rest of a list whose first rows are known; nothing more where Airflow did not count them."""
    start = len(first.reads)
    stop = min(first.total if first.total is not None else start, most)
    rest = await asyncio.gather(
        *(
            stretch(client, kind, query, position, min(PAGE_ROWS, stop - position))
            for position in range(start, stop, PAGE_ROWS)
        )
    )
    if any(_again(first.reads, part.reads) for part in rest):
        raise SourceBadResponse(client.name, f"{client.name} answered the same rows again and said that more follow.")
    return Stretch([*first.reads, *(read for part in rest for read in part.reads)], first.total, first.miscounted)


async def posted(client: SourceClient, kind: Kind[Row], body: Mapping[str, object]) -> Stretch[Row]:
    """One page of a list that is asked for with a body."""
    rows, total = _read(await client.post(kind.segments, body), kind)
    return Stretch(rows, None, miscounted=True) if total is not None and len(rows) > total else Stretch(rows, total)


def one(answer: Answer, shape: type[Row]) -> Read[Row]:
    """An answer that is one row."""
    raw = msgspec.Raw(answer.body)
    return Read(answer.rows([raw], shape)[0], raw, answer.fetched_at)


def matched(
    source: str,
    reads: Iterable[Read[Row]],
    asked: Collection[Key],
    key_of: Callable[[Row], Key],
    named: type[Keyed[Key]],
) -> Matched[Key, Row]:
    """Rows by key. Those not asked for are dropped, and two differing rows of one key are a fault of that key.

    `named` reads the key alone out of a row that cannot be read as a whole.
    """
    found: dict[Key, Read[Row]] = {}
    unnamed: SourceBadResponse | None = None
    for read in reads:
        if isinstance(read.row, SourceBadResponse):
            try:
                key = msgspec.json.decode(read.raw, type=named).key
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                unnamed = read.row
                continue
        else:
            key = key_of(read.row)
        if key in asked:
            before = found.get(key)
            differs = before is not None and before.row != read.row
            twice = SourceBadResponse(source, f"{source} answered two rows for one key.")
            found[key] = read._replace(row=twice) if differs else read
    return Matched(found, unnamed)


def items(
    keys: Iterable[Key], rows: Matched[Key, Row], make: Callable[[Read[Row]], T | SourceError]
) -> dict[Key, T | SourceError | None]:
    """One item per key. Where a row did not tell its key, it may be that of any key that was not found."""
    unnamed = rows.unnamed
    return {key: make(read) if (read := rows.found.get(key)) else unnamed.again() if unnamed else None for key in keys}


def page(listed: Stretch[Row], ask: PageAsk, make: Callable[[Read[Row]], T | SourceError]) -> Page[T]:
    rows = [make(read) for read in listed.reads]
    if listed.total is None:
        return Page(rows, listed.miscounted or len(rows) == ask.limit)
    return Page(rows, ask.position + len(rows) < listed.total, listed.total)


async def singly(ask: Callable[[Key], Awaitable[T | SourceError]], keys: Iterable[Key]) -> dict[Key, T | SourceError]:
    """Each key asked by itself, all at once; a failed call is its key's error."""

    async def item(key: Key) -> tuple[Key, T | SourceError]:
        try:
            return key, await ask(key)
        except SourceError as error:
            return key, error

    return dict(await asyncio.gather(*map(item, keys)))


async def in_parts(
    ask: Callable[[Sequence[Key]], Awaitable[Mapping[Key, T | SourceError]]], parts: Iterable[Sequence[Key]]
) -> dict[Key, T | SourceError]:
    """Each part of the keys asked by itself, all at once; a failed call is one fresh error for each of its keys."""

    async def answered(part: Sequence[Key]) -> Mapping[Key, T | SourceError]:
        try:
            return dict(await ask(part))
        except SourceError as error:
            return {key: error.again() for key in part}

    return {key: item for part in await asyncio.gather(*map(answered, parts)) for key, item in part.items()}


def is_dag_id(text: str) -> bool:
    """Whether Airflow would let a DAG be called this; `~`, which means all DAGs, is none."""
    return _DAG_ID.fullmatch(text) is not None and text not in (".", "..")


def is_plain(text: str) -> bool:
    """Whether a prefix pattern finds this very text under any database's collation, and no bar cuts it in two."""
    return _PLAIN.fullmatch(text) is not None and text != "~"


def calls(keys: Iterable[Key], parts: Callable[[Key], Collection[str]], most: int) -> list[list[Key]]:
    """Keys cut into calls of at most `most` keys and QUERY_BYTES; a part that two keys share is sent once."""
    cut: list[list[Key]] = []
    sent: set[str] = set()
    size = 0
    for key in keys:
        added = sum(_bytes(part) for part in set(parts(key)) - sent)
        if not cut or len(cut[-1]) == most or size + added > QUERY_BYTES:
            cut.append([])
            sent, size, added = set(), 0, sum(_bytes(part) for part in set(parts(key)))
        cut[-1].append(key)
        sent.update(parts(key))
        size += added
    return cut


def _again(before: Sequence[Read[Row]], rows: Sequence[Read[Row]]) -> bool:
    """Whether a list that is read on begins anew: its pages go in a circle."""
    return bool(before and rows and before[0].raw == rows[0].raw)


def _bytes(part: str) -> int:
    return len(quote(part, safe="")) + len("&dag_ids=")


def _read(answer: Answer, kind: Kind[Row]) -> tuple[list[Read[Row]], int | None]:
    envelope = answer.read(kind.envelope)
    rows = zip(answer.rows(envelope.rows, kind.row), envelope.rows, strict=True)
    return [Read(row, raw, answer.fetched_at) for row, raw in rows], envelope.total_entries
