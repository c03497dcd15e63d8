"""Pages over the live lists of several sources, merged, and pages of lists that are computed whole.

What exists and keeps its sort key throughout a walk is yielded exactly once, while sources change and fail in between,
as long as in each source one of the last five rows taken still exists (or no more than these were taken), it moved by
at most 320 rows since the cursor was made, and fewer than 20 rows came in between two of these five. Where none is
found the walk goes on at the position and says POSITION_LOST.

A source whose end was seen is not read again before all have ended: what comes into it later is not promised. With the
cursor of a walk's end all sources are read again, and give what came since behind their last rows.

A list may be longer than what is wanted of it: rows that are not kept are passed as if they were taken; those that the
caller may not see are passed as well, but no cursor remembers them. For one page a
source is looked through up to a bound; there the page says SCAN_LIMIT, and its cursor goes on behind what was seen.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

from resolvers.cursors import (
    HASH_SIZE,
    KEPT,
    MAX_ID,
    START,
    Place,
    binding,
    digest,
    pair_cursor,
    pair_in,
    places_cursor,
    places_in,
)
from resolvers.errors import (
    BadUserInput,
    DeadlineExceeded,
    PageLimit,
    SourceBadResponse,
    SourceError,
    SourceForbidden,
    Unseen,
)
from resolvers.sources import Page, PageAsk
from schema.connection import IncompleteReason

T = TypeVar("T")

MAX_FIRST = 100
WIDTHS = (KEPT, 20, 80, 320)
"""Rows looked at on both sides of the position, one read each, until a remembered row is found."""
AHEAD = 20
"""Rows to look at behind a remembered row before the newer remembered ones count as gone."""
STRIDE = 4
"""How many times the rows of a read the next one has, MAX_FIRST at least, where unwanted rows were among them."""
IDLE_READS = 2
"""Stretches without a row that did not come before, where more is said to follow: a list that goes in a circle."""
MAX_READS = 16
"""Reads of one source for one page; one more is a PageLimit of that source."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """One source's list: `read` raises a SourceError, `key` is unique in the list and stable.

    `sort` orders rows only between sources (by code point); inside a source its own order rules. `keep` says which
    rows are wanted, all where it is None; after `most` rows with unwanted ones among them a page looks no further.
    """

    source: str
    read: Callable[[PageAsk], Awaitable[Page[T]]]
    key: Callable[[T], str]
    sort: Callable[[T], str]
    keep: Callable[[T], bool] | None = None
    most: int = 1000


class Row(NamedTuple, Generic[T]):
    """A row and the cursor that continues right after it."""

    value: T
    cursor: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one source contributed: `error` is its failure, else that of its first unreadable row.

    `reads` is 0 where the source was not asked, because an earlier page of this walk saw its end.
    """

    source: str
    error: SourceError | None
    matched: int
    scanned: int
    reads: int


@dataclass(frozen=True, slots=True)
class MergedPage(Generic[T]):
    """A page over several sources. `end_cursor` moves on even where a page has unreadable rows only."""

    rows: Sequence[Row[T]]
    end_cursor: str | None
    has_next_page: bool
    total_count: int | None
    outcomes: Sequence[Outcome]
    reasons: frozenset[IncompleteReason]


@dataclass(frozen=True, slots=True)
class SlicedPage(Generic[T]):
    """A page of a list that was computed whole."""

    rows: Sequence[Row[T]]
    has_next_page: bool
    total_count: int


def page_size(first: int | None, default: int) -> int:
    """How many rows are asked for: 1 to 100, the field's default for null."""
    if first is None:
        return default
    if not 1 <= first <= MAX_FIRST:
        raise BadUserInput(f"`first` must be from 1 to {MAX_FIRST}.")
    return first


async def merge_page(sources: Sequence[Listing[T]], *, first: int, after: str | None, bound_to: str) -> MergedPage[T]:
    """The next rows of all sources. `bound_to` names field, parent, filter and order; the sources are added here.

    Costs one read per source, all at once, where nothing changed since the cursor was made and every row is wanted. A
    source that fails keeps its place: its rows come when it answers again, and until then there is a next page.
    """
    bound = binding("list", bound_to, *(listing.source for listing in sources))
    places = [START] * len(sources) if after is None else places_in(after, bound, len(sources))
    if all(place.length is not None for place in places):
        places = [Place(place.position, place.keys, place.complete) for place in places]
    walks = [_Walk(listing, place) for listing, place in zip(sources, places, strict=True)]

    rows: list[Row[T]] = []
    while len(rows) < first:
        hungry = [walk.fill(first - len(rows) + 1) for walk in walks if walk.hungry]
        if hungry:
            await asyncio.gather(*hungry)
        waiting = [walk for walk in walks if walk.waiting]
        if not waiting:
            break
        value = min(waiting, key=_Walk.turn).take()
        rows.append(Row(value, places_cursor(bound, [walk.place for walk in walks])))

    more = any(walk.waiting or walk.more for walk in walks)
    lengths = [walk.length for walk in walks if walk.length is not None and walk.counted]
    reasons: frozenset[IncompleteReason] = frozenset().union(*(walk.reasons for walk in walks))
    total = sum(lengths) if len(lengths) == len(walks) else None
    if total is None and after is None and not more and not reasons:
        total = len(rows)  # this page is the whole walk
    return MergedPage(
        rows=rows,
        end_cursor=places_cursor(bound, [walk.place for walk in walks]) if rows or more else None,
        has_next_page=more,
        total_count=total,
        outcomes=[walk.outcome for walk in walks],
        reasons=reasons,
    )


def slice_page(
    items: Sequence[T], *, first: int, after: str | None, bound_to: str, sort_key: Callable[[T], tuple[int, str]]
) -> SlicedPage[T]:
    """The items after a cursor, in the order of their (rank, id), which is unique.

    The cursor is the pair itself: it holds whatever else comes or goes, its own row included.
    """
    bound = binding("slice", bound_to)
    pairs = sorted(((_pair(*sort_key(item)), item) for item in items), key=lambda entry: entry[0])
    total = len(pairs)
    if after is not None:
        taken = pair_in(after, bound)
        pairs = [entry for entry in pairs if entry[0] > taken]
    rows = [Row(item, pair_cursor(bound, *pair)) for pair, item in pairs[:first]]
    return SlicedPage(rows=rows, has_next_page=len(pairs) > first, total_count=total)


def reason_of(error: SourceError) -> IncompleteReason:
    """Why an answer without this source's part is not complete."""
    if isinstance(error, SourceForbidden):
        return IncompleteReason.FORBIDDEN
    if isinstance(error, DeadlineExceeded):
        return IncompleteReason.TIME_BUDGET
    if isinstance(error, PageLimit):
        return IncompleteReason.SCAN_LIMIT
    return IncompleteReason.SOURCE_UNAVAILABLE


def _pair(rank: int, id: str) -> tuple[int, str]:
    """The pair with an id short enough for a cursor; the same everywhere, so that order and cursors agree."""
    return (rank, id) if len(id) <= MAX_ID else (rank, id[: MAX_ID - 16] + digest(id).hex())


class _Waiting(NamedTuple, Generic[T]):
    """A row read but not taken; `unreadable` is the first of the unreadable rows right before it.

    `keys` are those of the unwanted rows right before it, and its own.
    """

    row: T
    keys: Sequence[bytes]
    position: int
    unreadable: SourceError | None


class _Walk(Generic[T]):
    """One source's part in a page: its place, and the rows that wait for their turn."""

    def __init__(self, listing: Listing[T], place: Place) -> None:
        self.listing = listing
        self.waiting: deque[_Waiting[T]] = deque()
        self.more = place.length is None
        """Whether the source may have rows behind those waiting."""
        self.length = place.length
        self.failure: SourceError | None = None
        self._position = place.position
        self._keys = [place.keys[at : at + HASH_SIZE] for at in range(0, len(place.keys), HASH_SIZE)]
        self._complete = place.complete
        self._end = place.position
        """Row number behind the last stretch read."""
        self._unreadable_at_end: SourceError | None = None
        self._unreadable: SourceError | None = None
        self._unwanted_at_end: list[bytes] = []
        self._inexact = self._unwanted = self._stopped = False
        """Whether the list may have unwanted rows, had some here, and was left because of them."""
        self._stride = 0
        """How many rows to read at least, as not all of those before were wanted."""
        self._come: set[bytes] = set()
        """Keys of all rows that came for this page: no row comes twice."""
        self._idle = self._known = 0
        """Stretches that brought nothing new, and rows the list has at least."""
        self._lost = False
        self._said: frozenset[IncompleteReason] = frozenset()
        self._matched = self._scanned = self._unseen = self._reads = 0

    @property
    def hungry(self) -> bool:
        return not self.waiting and self.more and self.failure is None and not self._stopped

    @property
    def counted(self) -> bool:
        """Whether `length` is known to count wanted rows only."""
        return self.failure is None and not self._inexact and (self.listing.keep is None or self._reads > 0)

    async def fill(self, want: int) -> None:
        """Read on until a row waits, unless the source ends or fails, or enough of it was looked through in vain."""
        while self.hungry:
            if self._unwanted and self._scanned >= self.listing.most:
                self._stopped = True
                break
            try:
                await self._read_on(max(want, self._stride))
            except SourceError as error:
                self.failure = error

    def turn(self) -> tuple[str, str]:
        return self.listing.sort(self.waiting[0].row), self.listing.source

    def take(self) -> T:
        row, keys, position, unreadable = self.waiting.popleft()
        self._remember(keys)
        self._position = position + 1
        self._unreadable = self._unreadable or unreadable
        self._matched += 1
        self._pass_end()
        return row

    @property
    def place(self) -> Place:
        ended = not self.waiting and not self.more
        return Place(self._position, b"".join(self._keys), self._complete, self.length if ended else None)

    @property
    def outcome(self) -> Outcome:
        error = self.failure or self._unreadable
        return Outcome(self.listing.source, error, self._matched, self._scanned - self._unseen, self._reads)

    @property
    def reasons(self) -> frozenset[IncompleteReason]:
        reasons = set(self._said)
        reasons |= {reason_of(error) for error in (self.failure, self._unreadable) if error is not None}
        if self._lost:
            reasons.add(IncompleteReason.POSITION_LOST)
        if self._stopped:
            reasons.add(IncompleteReason.SCAN_LIMIT)
        return frozenset(reasons)

    async def _read_on(self, want: int) -> None:
        """Read a stretch with `want` rows behind the place, and find the place again in it."""
        start, page, keys = await self._stretch(want)
        known = set(self._keys)
        found = [at for at, key in enumerate(keys) if key in known]
        if found:
            at = found[-1] + 1
            # What was found is the newest now: keys that are gone are forgotten first and never waited for again.
            seen = [keys[index] for index in found]
            self._keys = [*(key for key in self._keys if key not in seen), *seen]
        elif self._complete and start == 0:
            at, self._keys = 0, []  # nothing that was taken is left, so nothing here was taken
        else:
            self._lost, self._complete = True, False
            at = min(self._position - start, len(keys))
            self._keys = [key for key in keys[:at] if key][-KEPT:]

        keep = self.listing.keep
        fresh = any(not key or key not in self._come for key in keys[at:])
        self._unreadable_at_end, self._unwanted_at_end = None, []
        for index in range(at, len(keys)):
            row = page.rows[index]
            again = keys[index] in self._come
            if keys[index]:
                self._come.add(keys[index])
            if again:
                self._inexact = True
            elif isinstance(row, Unseen):
                self._unwanted = True
            elif isinstance(row, SourceError):
                self._unreadable_at_end = self._unreadable_at_end or row
            elif keep is not None and not keep(row):
                self._unwanted_at_end.append(keys[index])
                self._unwanted = True
            else:
                passed = [*self._unwanted_at_end, keys[index]]
                self.waiting.append(_Waiting(row, passed, start + index, self._unreadable_at_end))
                self._unreadable_at_end, self._unwanted_at_end = None, []
        self._position, self._end = start + at, start + len(keys)
        self.more = page.more
        self._idle = self._idle + 1 if self.more and not fresh else 0
        if self._idle >= IDLE_READS:
            raise self._circle()
        self._inexact = self._inexact or self._unwanted or not page.exact
        if self._unwanted:
            self._stride = min(max(STRIDE * want, MAX_FIRST), max(self.listing.most - self._scanned, 0))
        self._pass_end()

    async def _stretch(self, want: int) -> tuple[int, Page[T], list[bytes]]:
        """Where the stretch starts, its rows, and their keys (empty for the unreadable)."""
        if not self._keys:
            return await self._around(WIDTHS[-1], want)
        start, page, keys = await self._around(WIDTHS[0], want)
        for width in WIDTHS[1:]:
            if self._settled(keys, page.more) or (start == 0 and not page.more):
                break
            start, page, keys = await self._around(width, max(want, width), whole=True)
        return start, page, keys

    async def _around(self, before: int, behind: int, *, whole: bool = False) -> tuple[int, Page[T], list[bytes]]:
        """Rows before and behind the position: at least one behind, or the whole stretch, where pages are short."""
        start = max(0, self._position - before)
        limit = self._position - start + behind
        page = await self._read(PageAsk(start, limit))
        while page.more and len(page.rows) < (limit if whole else limit - behind + 1):
            onward = await self._read(PageAsk(start + len(page.rows), limit - len(page.rows)))
            if any(self._keys_of(onward.rows[:1])) and self._keys_of(onward.rows[:1]) == self._keys_of(page.rows[:1]):
                raise self._circle()
            page = Page([*page.rows, *onward.rows], onward.more, exact=page.exact and onward.exact)
        return start, page, self._keys_of(page.rows)

    def _keys_of(self, rows: Sequence[T | SourceError]) -> list[bytes]:
        return [b"" if isinstance(row, SourceError) else digest(self.listing.key(row)) for row in rows]

    def _circle(self) -> SourceBadResponse:
        source = self.listing.source
        return SourceBadResponse(source, f"{source} answered the same rows again and said that more follow.")

    def _settled(self, keys: Sequence[bytes], more: bool) -> bool:
        """Whether a remembered row is here, and no newer one can follow: else rows taken already come again."""
        for behind, key in enumerate(reversed(keys)):
            if key in self._keys:
                return key == self._keys[-1] or not more or behind >= AHEAD
        return False

    async def _read(self, ask: PageAsk) -> Page[T]:
        source = self.listing.source
        if self._reads >= MAX_READS:
            raise PageLimit(source, f"{source} needs more reads than one page may take.")
        self._reads += 1
        page = await self.listing.read(ask)
        self._scanned += len(page.rows)
        if not page.exact:
            self._unseen += sum(isinstance(row, Unseen) for row in page.rows)
        self._said |= page.reasons
        if page.more and not page.rows:
            raise SourceBadResponse(source, f"{source} answered an empty page and said that more follows.")
        page = replace(page, rows=self._believed(page.rows))
        if page.rows:
            self._known = max(self._known, ask.position + len(page.rows))
        if page.total is not None:
            self.length = page.total
            # It counts fewer rows than it answered: nobody knows how many there are.
            self._inexact = self._inexact or page.total < self._known
        elif not page.more and (page.rows or ask.position == 0):
            self.length = ask.position + len(page.rows)
        return page

    def _believed(self, rows: Sequence[T | SourceError]) -> Sequence[T | SourceError]:
        """The rows; of several different ones with one key nobody can tell which is right, so none is."""
        first: dict[str, T] = {}
        doubted: set[str] = set()
        for row in rows:
            if not isinstance(row, SourceError) and first.setdefault(key := self.listing.key(row), row) != row:
                doubted.add(key)
        if not doubted:
            return rows
        self._inexact = True
        source = self.listing.source
        twice = SourceBadResponse(source, f"{source} answered two different rows for one key.")
        return [twice if not isinstance(row, SourceError) and self.listing.key(row) in doubted else row for row in rows]

    def _pass_end(self) -> None:
        """Where no row waits, unreadable and unwanted rows at the end of the stretch are passed too."""
        if not self.waiting:
            self._position = self._end
            self._unreadable = self._unreadable or self._unreadable_at_end
            self._remember(self._unwanted_at_end)
            self._unwanted_at_end = []

    def _remember(self, keys: Sequence[bytes]) -> None:
        self._complete = self._complete and len(self._keys) + len(keys) <= KEPT
        self._keys = [*self._keys, *keys][-KEPT:]
