"""Walks over lists of which not every row is wanted: what is yielded, how far a page looks, and what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.cursors import HASH_SIZE, KEPT, START, Place, binding, digest, places_in
from resolvers.errors import SourceBadResponse, SourceUnavailable
from resolvers.paging import AHEAD, Listing, MergedPage, merge_page
from resolvers.sources import Page, PageAsk
from schema.connection import IncompleteReason
from tests.resolvers.test_paging import BOUND_TO, COLLATIONS, EXAMPLES, NUMBERS, FakeSource, name_of, names, values

SCAN_LIMIT = frozenset({IncompleteReason.SCAN_LIMIT})
Wanted = Callable[[str], bool]


@dataclass
class Sieved:
    """A source whose list has unwanted rows, or not: `native` where it applies the filter itself."""

    source: FakeSource
    wanted: Wanted
    native: bool = False
    most: int = 1000

    async def read(self, ask: PageAsk) -> Page[str]:
        if not self.native:
            return replace(await self.source.read(ask), exact=False)
        every = self.source.names
        self.source.names = {name for name in every if self.wanted(name)}
        try:
            return await self.source.read(ask)
        finally:
            self.source.names = every

    @property
    def listing(self) -> Listing[str]:
        return Listing(self.source.name, self.read, key=str, sort=str, keep=self.wanted, most=self.most)


async def page_of(*sources: Sieved, first: int, after: str | None = None) -> MergedPage[str]:
    return await merge_page([source.listing for source in sources], first=first, after=after, bound_to=BOUND_TO)


async def walk(*sources: Sieved, first: int) -> tuple[list[str], int]:
    """All values, and how many pages it took."""
    found: list[str] = []
    after = None
    for number in range(1, 1000):
        page = await page_of(*sources, first=first, after=after)
        found += values(page)
        after = page.end_cursor
        if not page.has_next_page:
            return found, number
    raise AssertionError("the walk does not end")


def every(step: int) -> Wanted:
    """One of so many rows, by the last four digits of its name."""
    return lambda name: int(name[-4:]) % step == 0


@settings(EXAMPLES, max_examples=300)
@given(st.integers(1, 3), st.integers(1, 7), st.booleans(), st.data())
async def test_what_stays_and_is_wanted_is_yielded_exactly_once_while_lists_change_and_fail(
    count: int, step: int, native: bool, data: st.DataObject
) -> None:
    """As promised of unfiltered lists; the rows remembered are those passed, wanted or not."""

    def wanted(name: str) -> bool:
        return sum(map(ord, name)) % step == 0

    sources = [
        Sieved(
            FakeSource(
                f"s{index}",
                {name_of(index, number) for number in data.draw(st.sets(NUMBERS, max_size=40))},
                COLLATIONS[data.draw(st.sampled_from(sorted(COLLATIONS)))],
            ),
            wanted,
            native=native and index == 0,
            most=data.draw(st.sampled_from([1, 12, 1000])),
        )
        for index in range(count)
    ]
    staying = {name for item in sources for name in item.source.names if wanted(name)}
    ever = {item.source.name: set(item.source.names) for item in sources}
    arrivals = dict.fromkeys(ever, AHEAD - 1)
    found: list[str] = []
    after = None
    for number in range(1000):
        changing = number < 8
        for item in sources:
            failing = changing and data.draw(st.integers(0, 4)) == 0
            item.source.failure = SourceUnavailable(item.source.name, "down") if failing else None
        page = await page_of(*sources, first=data.draw(st.integers(1, 12)), after=after)
        assert all(map(wanted, values(page)))
        assert IncompleteReason.POSITION_LOST not in page.reasons
        upto = data.draw(st.integers(1, len(page.rows))) if changing and page.rows else len(page.rows)
        found += values(page)[:upto]
        after = page.rows[upto - 1].cursor if 0 < upto < len(page.rows) else page.end_cursor
        if upto == len(page.rows) and not page.has_next_page:
            break
        if not changing:
            continue
        bound = binding("list", BOUND_TO, *ever)
        places = places_in(after, bound, len(sources)) if after else [START] * len(sources)
        for index, (item, place) in enumerate(zip(sources, places, strict=True)):
            leaving = set(data.draw(st.lists(st.sampled_from(sorted(item.source.names | {""})), max_size=8)))
            passed = sorted(name for name in item.source.names if digest(name) in _remembered(place))
            if not place.complete and passed and not set(passed) - leaving:
                leaving.discard(data.draw(st.sampled_from(passed)))
            item.source.names -= leaving
            staying -= leaving
            coming = {
                name_of(index, number) for number in data.draw(st.sets(NUMBERS, max_size=arrivals[item.source.name]))
            } - ever[item.source.name]
            arrivals[item.source.name] -= len(coming)
            ever[item.source.name] |= coming
            item.source.names |= coming
    else:
        raise AssertionError("the walk does not end")

    counts = Counter(found)
    assert {name: counts[name] for name in staying} == dict.fromkeys(staying, 1)
    assert all(number == 1 for number in counts.values())


def _remembered(place: Place) -> list[bytes]:
    return [place.keys[at : at + HASH_SIZE] for at in range(0, len(place.keys), HASH_SIZE)]


@EXAMPLES
@given(st.integers(1, 9), st.integers(1, 30), st.sampled_from([1, 40, 1000]))
async def test_an_undisturbed_walk_yields_what_is_wanted_in_order(step: int, first: int, most: int) -> None:
    source = Sieved(FakeSource("one", names(120)), every(step), most=most)

    found, _ = await walk(source, first=first)

    assert found == sorted(filter(every(step), names(120)))


async def test_where_the_source_filters_itself_a_page_is_one_read_and_the_total_is_known() -> None:
    source = Sieved(FakeSource("one", names(300)), every(10), native=True)

    page = await page_of(source, first=20)

    assert len(page.rows) == 20
    assert source.source.asks == [PageAsk(0, 21)]
    assert (page.total_count, page.has_next_page, page.reasons) == (30, True, frozenset())


async def test_where_rows_are_left_out_more_are_read_at_once_and_no_total_is_made_up() -> None:
    source = Sieved(FakeSource("one", names(900)), every(100))

    page = await page_of(source, first=5)

    assert values(page) == [f"m{number:04}" for number in range(0, 500, 100)]
    assert [ask.limit for ask in source.source.asks] == [6, 105, 405]
    assert (page.total_count, page.has_next_page, page.reasons) == (None, True, frozenset())


async def test_a_page_that_is_the_whole_walk_knows_its_total() -> None:
    source = Sieved(FakeSource("one", names(90)), every(10))

    assert (await page_of(source, first=100)).total_count == 9
    assert (await page_of(source, first=5)).total_count is None


async def test_a_page_looks_through_so_many_rows_then_says_so_and_its_cursor_goes_on() -> None:
    source = Sieved(FakeSource("one", names(2000)), every(1900), most=500)

    first = await page_of(source, first=10)
    assert values(first) == ["m0000"]
    assert first.reasons == SCAN_LIMIT
    assert first.has_next_page
    assert first.outcomes[0].scanned <= 500 + 2 * KEPT + 1

    found, pages = await walk(source, first=10)
    assert found == ["m0000", "m1900"]
    assert pages == 5


async def test_a_page_without_a_row_still_moves_on() -> None:
    source = Sieved(FakeSource("one", names(800, start=1)), every(800), most=300)

    page = await page_of(source, first=10)
    assert (values(page), page.has_next_page, page.reasons) == ([], True, SCAN_LIMIT)
    assert page.end_cursor is not None

    onward = await page_of(source, first=10, after=page.end_cursor)
    assert onward.outcomes[0].scanned >= 300
    assert source.source.asks[-1].position > 300


async def test_a_full_page_says_nothing_of_a_bound_it_did_not_need() -> None:
    source = Sieved(FakeSource("one", names(2000)), every(2), most=20)

    page = await page_of(source, first=10)

    assert len(page.rows) == 10
    assert not page.reasons


async def test_what_a_source_says_of_its_page_is_said_of_the_whole() -> None:
    async def read(ask: PageAsk) -> Page[str]:
        return Page(["a"], more=False, exact=False, reasons=frozenset({IncompleteReason.NOT_SUPPORTED_BY_SOURCE}))

    listing = Listing("one", read, key=str, sort=str, keep=lambda _: True)
    page = await merge_page([listing], first=5, after=None, bound_to=BOUND_TO)

    assert page.reasons == {IncompleteReason.NOT_SUPPORTED_BY_SOURCE}
    assert page.total_count is None


@pytest.mark.parametrize("gone", [1, 4])
async def test_unwanted_rows_are_remembered_as_passed(gone: int) -> None:
    """Of rows that are not wanted many may lie between two that are: the last row yielded is no place to look for."""
    source = Sieved(FakeSource("one", names(500)), every(50))
    page = await page_of(source, first=2)
    source.source.names -= {name for name in names(100) if name in sorted(names(100))[-gone:]}
    source.source.asks.clear()

    onward = await page_of(source, first=2, after=page.end_cursor)

    assert values(onward) == ["m0100", "m0150"]
    assert not onward.reasons


async def test_unreadable_rows_among_unwanted_ones_are_said_once() -> None:
    source = Sieved(FakeSource("one", names(60), unreadable={"m0005"}), every(20))

    first = await page_of(source, first=1)
    second = await page_of(source, first=1, after=first.end_cursor)
    third = await page_of(source, first=1, after=second.end_cursor)

    assert [values(page) for page in (first, second, third)] == [["m0000"], ["m0020"], ["m0040"]]
    assert [type(page.outcomes[0].error) for page in (first, second, third)] == [
        type(None),
        SourceBadResponse,
        type(None),
    ]
