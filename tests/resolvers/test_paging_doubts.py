"""Lists that contradict themselves: rows that come twice, pages in a circle, counts that are none."""

from __future__ import annotations

from collections.abc import Callable

from resolvers.errors import SourceBadResponse
from resolvers.paging import Listing, MergedPage, merge_page
from resolvers.sources import Page, PageAsk
from schema.connection import IncompleteReason

Answer = Callable[[PageAsk], Page[tuple[str, int]]]


async def page_of(answer: Answer, first: int = 5) -> tuple[MergedPage[tuple[str, int]], int]:
    """A page of pairs of a key and what else a row says, and how many reads it took."""
    reads = 0

    async def read(ask: PageAsk) -> Page[tuple[str, int]]:
        nonlocal reads
        reads += 1
        return answer(ask)

    listing = Listing("one", read, key=lambda row: row[0], sort=lambda row: row[0])
    return await merge_page([listing], first=first, after=None, bound_to="x"), reads


def _rows(count: int) -> list[tuple[str, int]]:
    return [(f"m{number}", number) for number in range(count)]


async def test_two_different_rows_of_one_key_are_neither_of_them_believed() -> None:
    page, _ = await page_of(lambda ask: Page([("a", 1), ("b", 1), ("b", 2), ("c", 1)], more=False))
    assert [row.value[0] for row in page.rows] == ["a", "c"]
    assert isinstance(page.outcomes[0].error, SourceBadResponse)
    assert page.reasons == {IncompleteReason.SOURCE_UNAVAILABLE}
    assert page.total_count is None


async def test_the_same_row_twice_is_given_and_counted_once() -> None:
    page, _ = await page_of(lambda ask: Page([("a", 1), ("b", 1), ("b", 1)], more=False, total=3))
    assert [row.value[0] for row in page.rows] == ["a", "b"]
    assert page.total_count == 2


async def test_a_list_that_begins_anew_is_broken_and_what_came_stands() -> None:
    page, reads = await page_of(lambda ask: Page(_rows(3), more=True, total=1000))
    assert [row.value[0] for row in page.rows] == ["m0", "m1", "m2"]
    assert isinstance(page.outcomes[0].error, SourceBadResponse)
    assert page.has_next_page
    assert page.total_count is None
    assert reads <= 4


async def test_a_count_below_the_rows_there_are_is_not_believed() -> None:
    def answer(ask: PageAsk) -> Page[tuple[str, int]]:
        rows = _rows(4)[ask.position : ask.position + ask.limit]
        return Page(rows, more=bool(rows), total=None if rows else 1)

    page, _ = await page_of(answer)
    assert len(page.rows) == 4
    assert page.total_count == 4
