"""Walks over lists that change and fail under way: what is yielded, what is said, and how many reads it takes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.cursors import KEPT
from resolvers.errors import (
    BadUserInput,
    DeadlineExceeded,
    Internal,
    PageLimit,
    SourceBadResponse,
    SourceError,
    SourceForbidden,
    SourceUnavailable,
)
from resolvers.paging import (
    AHEAD,
    MAX_READS,
    Listing,
    MergedPage,
    merge_page,
    page_size,
    reason_of,
    slice_page,
)
from resolvers.sources import Page, PageAsk
from schema.connection import IncompleteReason

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True, database=None)
LOST = frozenset({IncompleteReason.POSITION_LOST})
BOUND_TO = "Query.models"

Collation = Callable[[str], object]
# How databases order names: none of these is code point order but the first.
COLLATIONS: dict[str, Collation] = {
    "code point": lambda name: name,
    "case-insensitive": lambda name: (name.casefold(), name),
    "reversed": lambda name: [-ord(character) for character in name],
    "by length": lambda name: (len(name), name),
    "shuffled": lambda name: (sum(map(ord, name)) * 7919 % 1009, name),
}


@dataclass
class FakeSource:
    """A list in its own order, read by row numbers; `asks` are the reads it got."""

    name: str
    names: set[str]
    collation: Collation = COLLATIONS["code point"]
    unreadable: set[str] = field(default_factory=set)
    failure: SourceError | None = None
    totals: bool = True
    cap: int = 1000
    asks: list[PageAsk] = field(default_factory=list)

    @property
    def ordered(self) -> list[str]:
        return sorted(self.names, key=self.collation)  # type: ignore[arg-type] # each collation's keys compare

    async def read(self, ask: PageAsk) -> Page[str]:
        self.asks.append(ask)
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure.again()
        ordered = self.ordered
        end = ask.position + min(ask.limit, self.cap)
        rows = [self._row(name) for name in ordered[ask.position : end]]
        return Page(rows, more=end < len(ordered), total=len(ordered) if self.totals else None)

    def _row(self, name: str) -> str | SourceError:
        return SourceBadResponse(self.name, "A row cannot be read.") if name in self.unreadable else name

    @property
    def listing(self) -> Listing[str]:
        return Listing(self.name, self.read, key=lambda row: row, sort=lambda row: row)


async def page_of(sources: Iterable[FakeSource], first: int, after: str | None = None) -> MergedPage[str]:
    return await merge_page([source.listing for source in sources], first=first, after=after, bound_to=BOUND_TO)


def values(page: MergedPage[str]) -> list[str]:
    return [row.value for row in page.rows]


def names(count: int, prefix: str = "m", start: int = 0) -> set[str]:
    return {f"{prefix}{number:04}" for number in range(start, start + count)}


def merged(lists: Sequence[Sequence[str]]) -> list[str]:
    """The k-way merge by code point, told as plainly as possible."""
    left, out = [list(items) for items in lists], []
    while any(left):
        least = min((items for items in left if items), key=lambda items: items[0])
        out.append(least.pop(0))
    return out


async def walk(sources: Sequence[FakeSource], first: int) -> list[str]:
    found, after = [], None
    for _ in range(1000):
        page = await page_of(sources, first, after)
        found += values(page)
        after = page.end_cursor
        if not page.has_next_page:
            return found
    raise AssertionError("the walk does not end")


# --- strategies ---

NUMBERS = st.integers(0, 99)


def name_of(source: int, number: int) -> str:
    """Names that collations disagree about: mixed case, several lengths, an accent; unique over all sources."""
    return f"{'aBéZb'[number % 5]}{number * number}-{source}"


@st.composite
def fakes(draw: st.DrawFn, at_most: int = 3) -> list[FakeSource]:
    made = []
    for index in range(draw(st.integers(1, at_most))):
        numbers = draw(st.sets(NUMBERS, max_size=40))
        collation = COLLATIONS[draw(st.sampled_from(sorted(COLLATIONS)))]
        made.append(FakeSource(f"s{index}", {name_of(index, number) for number in numbers}, collation))
    return made


# --- an undisturbed walk ---


@EXAMPLES
@given(fakes(), st.integers(1, 30))
async def test_an_undisturbed_walk_yields_the_merged_lists_with_one_read_per_source_and_page(
    sources: list[FakeSource], first: int
) -> None:
    expected = merged([source.ordered for source in sources])
    found: list[str] = []
    after = None
    while True:
        page = await page_of(sources, first, after)
        taken_before = len(found)
        found += values(page)
        for source, outcome in zip(sources, page.outcomes, strict=True):
            asked = source.asks.copy()
            source.asks.clear()
            # A source whose end was seen is not read again.
            left = [name for name in source.ordered if name not in found[:taken_before]]
            assert len(asked) == (1 if left or after is None else 0)
            assert all(ask.limit <= KEPT + first + 1 for ask in asked)
            assert outcome.reads == len(asked)
            assert outcome.error is None
            assert outcome.matched == sum(row.value.endswith(source.name[1:]) for row in page.rows)
        assert not page.reasons
        assert page.total_count == len(expected)
        assert page.has_next_page == (len(found) < len(expected))
        if not page.has_next_page:
            break
        assert len(page.rows) == first
        after = page.end_cursor
    assert found == expected


@EXAMPLES
@given(fakes(), st.integers(1, 30), st.data())
async def test_every_row_s_cursor_continues_right_after_it(
    sources: list[FakeSource], first: int, data: st.DataObject
) -> None:
    expected = merged([source.ordered for source in sources])
    page = await page_of(sources, first)
    if not page.rows:
        assert page.end_cursor is None
        return
    index = data.draw(st.integers(0, len(page.rows) - 1))

    onward = await page_of(sources, 100, page.rows[index].cursor)

    assert values(onward) == expected[index + 1 : index + 101]
    assert page.end_cursor == page.rows[-1].cursor


async def test_the_first_page_reads_all_sources_at_once() -> None:
    reading = 0
    most = 0

    async def read(ask: PageAsk) -> Page[str]:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        await asyncio.sleep(0)
        reading -= 1
        return Page(["a"], more=False)

    listings = [Listing(f"s{index}", read, key=str, sort=str) for index in range(4)]
    page = await merge_page(listings, first=3, after=None, bound_to=BOUND_TO)

    assert most == 4
    assert page.has_next_page


async def test_rows_of_the_same_name_come_in_the_order_of_their_sources() -> None:
    sources = [FakeSource("b", {"same"}), FakeSource("a", {"same"})]
    page = await merge_page(
        [Listing(source.name, source.read, key=str, sort=str) for source in sources],
        first=1,
        after=None,
        bound_to=BOUND_TO,
    )
    assert [outcome.matched for outcome in page.outcomes] == [0, 1]


async def test_without_sources_the_page_is_empty_and_complete() -> None:
    page = await page_of([], 10)

    assert (page.rows, page.has_next_page, page.end_cursor, page.total_count) == ([], False, None, 0)


async def test_a_cursor_of_other_sources_is_refused() -> None:
    page = await page_of([FakeSource("one", names(5)), FakeSource("two", names(5, "x"))], 2)

    with pytest.raises(BadUserInput):
        await page_of([FakeSource("two", names(5, "x")), FakeSource("one", names(5))], 2, page.end_cursor)
    with pytest.raises(BadUserInput):
        await page_of([FakeSource("one", names(5))], 2, page.end_cursor)


# --- changes and failures between pages ---


@settings(EXAMPLES, max_examples=400)
@given(fakes(), st.booleans(), st.data())
async def test_what_stays_is_yielded_exactly_once_while_lists_change_and_fail(
    sources: list[FakeSource], unreadable_rows: bool, data: st.DataObject
) -> None:
    """As promised: of more than five rows taken one of the last five stays, and fewer than 20 rows come in."""
    if unreadable_rows:
        for source in sources:
            source.unreadable = set(data.draw(st.lists(st.sampled_from([*source.ordered, ""]), max_size=6)))
    staying = {name for source in sources for name in source.names - source.unreadable}
    ever = {source.name: set(source.names) for source in sources}
    arrivals = dict.fromkeys(ever, AHEAD - 1)
    found: list[str] = []
    after = None
    for number in range(1000):
        changing = number < 8
        for source in sources:
            failing = changing and data.draw(st.integers(0, 4)) == 0
            source.failure = SourceUnavailable(source.name, "down") if failing else None
        page = await page_of(sources, data.draw(st.integers(1, 12)), after)

        failed = [source.failure is not None for source in sources]
        for source, outcome in zip(sources, page.outcomes, strict=True):
            if source.failure is not None and outcome.reads:
                assert isinstance(outcome.error, SourceUnavailable)
                assert outcome.matched == 0
                assert page.has_next_page
                assert page.total_count is None
            elif outcome.error is not None:
                assert isinstance(outcome.error, SourceBadResponse)
                assert source.unreadable
        assert IncompleteReason.POSITION_LOST not in page.reasons
        assert IncompleteReason.SCAN_LIMIT not in page.reasons
        if not any(failed) and not unreadable_rows:
            assert not page.reasons

        # Sometimes the client goes on from a row in the middle.
        upto = data.draw(st.integers(1, len(page.rows))) if changing and page.rows else len(page.rows)
        found += values(page)[:upto]
        after = page.rows[upto - 1].cursor if 0 < upto < len(page.rows) else page.end_cursor
        if upto == len(page.rows) and not page.has_next_page:
            break
        if not changing:
            continue
        for index, source in enumerate(sources):
            taken = [name for name in found if name in ever[source.name]]
            leaving = set(data.draw(st.lists(st.sampled_from(sorted(source.names | {""})), max_size=8)))
            anchors = sorted(set(taken[-KEPT:]) & source.names)
            if len(taken) > KEPT and not set(anchors) - leaving:
                leaving.discard(data.draw(st.sampled_from(anchors)))
            source.names -= leaving
            staying -= leaving
            coming = {name_of(index, number) for number in data.draw(st.sets(NUMBERS, max_size=arrivals[source.name]))}
            coming -= ever[source.name]
            arrivals[source.name] -= len(coming)
            ever[source.name] |= coming
            source.names |= coming
    else:
        raise AssertionError("the walk does not end")

    counts = Counter(found)
    assert {name: counts[name] for name in staying} == dict.fromkeys(staying, 1)
    assert all(count == 1 for count in counts.values())


@EXAMPLES
@given(fakes(at_most=2), st.integers(1, 12), st.data())
async def test_where_all_remembered_rows_vanish_that_is_said_and_the_walk_ends(
    sources: list[FakeSource], first: int, data: st.DataObject
) -> None:
    page = await page_of(sources, first)
    found = values(page)
    if not page.has_next_page:
        return
    victim = data.draw(st.sampled_from(sources))
    taken = [name for name in found if name in victim.names]
    victim.names -= set(taken[-KEPT:])
    left = [source.ordered for source in sources]

    onward = await page_of(sources, first, page.end_cursor)
    ended = onward.outcomes[sources.index(victim)].reads == 0
    assert onward.reasons == (LOST if len(taken) > KEPT and not ended else frozenset())
    if len(taken) <= KEPT:
        assert values(onward) == [name for name in merged(left) if name not in found][:first]
    # The rows before the position are the ones remembered now: it is said once.
    found = values(onward)
    pages = 0
    while onward.has_next_page:
        onward = await page_of(sources, first, onward.end_cursor)
        assert not onward.reasons
        found += values(onward)
        pages += 1
    assert pages <= 100
    assert len(found) == len(set(found))


@pytest.mark.parametrize("shift", [1, 5, 6, 30, 300])
@pytest.mark.parametrize("cap", [1000, 100])
async def test_the_place_is_found_again_after_a_large_shift(shift: int, cap: int) -> None:
    source = FakeSource("one", names(800), cap=cap)
    after = None
    for _ in range(4):
        after = (await page_of([source], 100, after)).end_cursor

    source.names |= names(shift, "a")
    pushed = await page_of([source], 10, after)
    source.names -= names(shift, "a") | names(shift)
    pulled = await page_of([source], 10, after)

    assert values(pushed) == values(pulled) == sorted(names(10, start=400))
    assert not pushed.reasons | pulled.reasons


async def test_the_looking_for_a_place_is_bounded() -> None:
    source = FakeSource("one", names(3000))
    after = (await page_of([source], 10)).end_cursor
    source.names |= names(1000, "a")
    source.asks.clear()

    page = await page_of([source], 10, after)

    assert page.reasons == LOST
    assert [ask.limit for ask in source.asks] == [16, 30, 90, 330]
    assert values(page) == sorted(names(10, "a", start=10))
    source.asks.clear()
    assert not (await page_of([source], 10, page.end_cursor)).reasons
    assert len(source.asks) == 1


async def test_a_page_that_lost_the_newest_row_costs_one_more_read_at_most() -> None:
    source = FakeSource("one", names(100))
    after = (await page_of([source], 10)).end_cursor
    source.names -= {"m0009"}
    source.asks.clear()

    page = await page_of([source], 10, after)

    assert values(page) == sorted(names(10, start=10))
    assert source.asks == [PageAsk(5, 16), PageAsk(0, 30)]


@pytest.mark.parametrize(("gone", "said"), [({"b0009"}, frozenset()), (names(5, "b", start=5), LOST)])
async def test_what_is_gone_is_looked_for_once_though_no_row_is_taken(
    gone: set[str], said: frozenset[IncompleteReason]
) -> None:
    source, other = FakeSource("one", names(10, "b") | names(90, "x")), FakeSource("other", names(90, "c"))
    after = (await page_of([source, other], 12)).end_cursor
    source.names -= gone
    source.asks.clear()

    page = await page_of([source, other], 12, after)
    assert page.outcomes[0].matched == 0
    assert page.reasons == said
    assert len(source.asks) > 1

    source.asks.clear()
    page = await page_of([source, other], 12, page.end_cursor)
    assert page.outcomes[0].matched == 0
    assert not page.reasons
    assert len(source.asks) == 1


@pytest.mark.parametrize("first", [1, 17, 50])
async def test_rows_that_come_in_between_remembered_rows_do_not_make_these_come_again(first: int) -> None:
    source = FakeSource("one", {"a", "b", "c", "x", "y", "z"})
    after = (await page_of([source], 4)).end_cursor
    source.names |= {f"d{number}" for number in range(AHEAD - 1)}

    assert values(await page_of([source], first, after)) == ["y", "z"][:first]


async def test_a_list_that_shrank_below_the_position_ends() -> None:
    source = FakeSource("one", names(1000), totals=False)
    after = None
    for _ in range(6):
        after = (await page_of([source], 100, after)).end_cursor
    source.names = names(3)

    page = await page_of([source], 10, after)

    assert values(page) == []
    assert not page.has_next_page
    assert page.total_count is None
    assert page.reasons == LOST


# --- ended sources ---


async def test_a_source_that_ended_is_not_read_until_all_have() -> None:
    short, long = FakeSource("short", names(3, "a")), FakeSource("long", names(30))
    page = await page_of([short, long], 10)
    short.asks.clear()
    short.names.add("a9999")

    page = await page_of([short, long], 10, page.end_cursor)

    assert short.asks == []
    assert [outcome.reads for outcome in page.outcomes] == [0, 1]
    assert page.total_count == 33
    assert values(page) == sorted(names(10, start=7))


async def test_the_cursor_of_the_end_gives_what_came_since() -> None:
    sources = [FakeSource("one", names(3)), FakeSource("two", names(3, "x"))]
    page = await page_of(sources, 10)
    assert not page.has_next_page
    sources[0].names.add("m9999")
    sources[1].names.add("x9999")

    page = await page_of(sources, 10, page.end_cursor)

    assert values(page) == ["m9999", "x9999"]
    assert page.total_count == 8


async def test_the_total_is_known_once_every_end_was_seen() -> None:
    sources = [FakeSource("one", names(3)), FakeSource("two", names(30, "x"), totals=False)]

    page = await page_of(sources, 10)
    assert page.total_count is None

    page = await page_of(sources, 30, page.end_cursor)
    assert page.total_count == 33


# --- failures and bad answers ---


async def test_a_failed_source_keeps_its_place_and_comes_when_it_answers() -> None:
    well, ill = FakeSource("well", names(4)), FakeSource("ill", names(4, "a"))
    page = await page_of([well, ill], 2)
    assert values(page) == ["a0000", "a0001"]

    ill.failure = SourceUnavailable("ill", "down")
    page = await page_of([well, ill], 10, page.end_cursor)
    assert values(page) == sorted(names(4))
    assert page.has_next_page
    assert page.total_count is None
    assert page.reasons == {IncompleteReason.SOURCE_UNAVAILABLE}
    assert page.outcomes[0].error is None
    assert isinstance(page.outcomes[1].error, SourceUnavailable)

    page = await page_of([well, ill], 10, page.end_cursor)
    assert values(page) == []
    assert page.has_next_page

    ill.failure = None
    page = await page_of([well, ill], 10, page.end_cursor)
    assert values(page) == ["a0002", "a0003"]
    assert not page.has_next_page


async def test_a_source_down_from_the_start_leaves_a_cursor_to_go_on_with() -> None:
    source = FakeSource("one", names(3), failure=SourceUnavailable("one", "down"))
    page = await page_of([source], 10)
    assert values(page) == []
    assert page.has_next_page
    assert page.end_cursor is not None

    source.failure = None
    assert values(await page_of([source], 10, page.end_cursor)) == sorted(names(3))


async def test_a_source_that_fails_within_a_page_gives_what_it_had() -> None:
    source = FakeSource("one", names(30), cap=4)

    async def read(ask: PageAsk) -> Page[str]:
        if source.asks:
            raise SourceUnavailable("one", "down")
        return await source.read(ask)

    listing = Listing("one", read, key=str, sort=str)
    page = await merge_page([listing], first=10, after=None, bound_to=BOUND_TO)

    assert values(page) == sorted(names(4))
    assert page.has_next_page
    assert page.total_count is None
    assert values(await page_of([source], 2, page.end_cursor)) == ["m0004", "m0005"]


async def test_an_error_that_is_no_source_s_ends_the_page() -> None:
    async def read(ask: PageAsk) -> Page[str]:
        raise Internal("a fault of our own")

    with pytest.raises(Internal):
        await merge_page([Listing("one", read, key=str, sort=str)], first=1, after=None, bound_to=BOUND_TO)


async def test_an_unreadable_row_is_skipped_and_said_on_the_page_that_passes_it() -> None:
    source = FakeSource("one", names(8), unreadable={"m0002"})

    first = await page_of([source], 1)
    assert first.outcomes[0].error is None
    assert not first.reasons

    second = await page_of([source], 3, first.end_cursor)
    assert values(second) == ["m0001", "m0003", "m0004"]
    assert isinstance(second.outcomes[0].error, SourceBadResponse)
    assert second.reasons == {IncompleteReason.SOURCE_UNAVAILABLE}
    assert second.total_count == 8

    third = await page_of([source], 3, second.end_cursor)
    assert values(third) == ["m0005", "m0006", "m0007"]
    assert third.outcomes[0].error is None


@pytest.mark.parametrize("count", [3, 30, 250])
async def test_a_stretch_of_unreadable_rows_is_passed(count: int) -> None:
    bad = names(count, start=10)
    source = FakeSource("one", names(count + 20), unreadable=bad)

    found = await walk([source], 10)

    assert found == sorted(source.names - bad)


async def test_a_source_without_a_readable_row_ends() -> None:
    source = FakeSource("one", names(1000), unreadable=names(1000))

    assert await walk([source], 10) == []


async def test_short_pages_are_read_on_and_the_reads_of_a_page_are_bounded() -> None:
    source = FakeSource("one", names(100), cap=9)

    page = await page_of([source], 20)
    assert values(page) == sorted(names(20))
    assert not page.reasons

    source.cap = 6
    source.asks.clear()
    page = await page_of([source], 100)
    assert page.reasons == {IncompleteReason.SCAN_LIMIT}
    assert isinstance(page.outcomes[0].error, PageLimit)
    assert len(source.asks) == MAX_READS
    assert page.has_next_page
    assert await walk([source], 100) == source.ordered


async def test_an_empty_page_with_more_behind_it_is_a_bad_answer() -> None:
    async def read(ask: PageAsk) -> Page[str]:
        return Page([], more=True)

    page = await merge_page([Listing("one", read, key=str, sort=str)], first=1, after=None, bound_to=BOUND_TO)

    assert isinstance(page.outcomes[0].error, SourceBadResponse)
    assert page.has_next_page
    assert page.outcomes[0].reads == 1


def test_each_failure_has_its_reason() -> None:
    assert reason_of(SourceForbidden("one", "")) is IncompleteReason.FORBIDDEN
    assert reason_of(DeadlineExceeded("one", "")) is IncompleteReason.TIME_BUDGET
    assert reason_of(PageLimit("one", "")) is IncompleteReason.SCAN_LIMIT
    assert reason_of(SourceUnavailable("one", "")) is IncompleteReason.SOURCE_UNAVAILABLE


# --- lists that are computed whole ---

PAIRS = st.tuples(st.integers(-2, 2), st.text("ab", max_size=3))


@EXAMPLES
@given(st.sets(PAIRS, max_size=20), st.integers(1, 5), st.data())
def test_a_slice_goes_on_after_its_pair_whatever_comes_or_goes(
    items: set[tuple[int, str]], first: int, data: st.DataObject
) -> None:
    staying, found, after = set(items), list[tuple[int, str]](), None
    while True:
        page = slice_page(sorted(items, key=str), first=first, after=after, bound_to="x", sort_key=lambda item: item)
        found += [row.value for row in page.rows]
        assert page.total_count == len(items)
        if not page.has_next_page:
            break
        assert len(page.rows) == first
        after = page.rows[-1].cursor
        items = (items - data.draw(st.sets(PAIRS, max_size=4))) | data.draw(st.sets(PAIRS, max_size=2))
        staying &= items
    assert found == sorted(set(found))
    assert staying <= set(found)


def test_ids_longer_than_a_cursor_takes_are_told_apart() -> None:
    items = [f"{'%E4' * 800}{number}" for number in range(5)]
    found: list[str] = []
    after = None
    for _ in range(5):
        page = slice_page(items, first=1, after=after, bound_to="x", sort_key=lambda item: (0, item))
        found += [row.value for row in page.rows]
        after = page.rows[-1].cursor
    assert sorted(found) == items
    assert not page.has_next_page


def test_cursors_of_slices_and_of_lists_are_not_mixed_up() -> None:
    cursor = slice_page(["a"], first=1, after=None, bound_to="x", sort_key=lambda item: (0, item)).rows[0].cursor

    with pytest.raises(BadUserInput):
        slice_page(["a"], first=1, after=cursor, bound_to="y", sort_key=lambda item: (0, item))
    assert slice_page(["b"], first=1, after=cursor, bound_to="x", sort_key=lambda item: (0, item)).rows[0].value == "b"


# --- first ---


def test_first_is_1_to_100_and_null_is_the_default() -> None:
    assert [page_size(first, 20) for first in (None, 1, 100)] == [20, 1, 100]


@pytest.mark.parametrize("first", [0, -1, 101, 10**6, 2**31])
def test_any_other_first_is_refused(first: int) -> None:
    with pytest.raises(BadUserInput, match="from 1 to 100"):
        page_size(first, 20)
