"""Pages over lists with rows the caller may not see: these are passed over, uncounted, and no cursor knows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from resolvers.cursors import START, binding, digest, places_in
from resolvers.errors import Unseen
from resolvers.paging import Listing, MergedPage, merge_page
from resolvers.sources import Page, PageAsk
from schema.connection import IncompleteReason

BOUND = "the list"


def listing(rows: Sequence[str], hidden: Callable[[str], bool]) -> Listing[str]:
    async def read(ask: PageAsk) -> Page[str]:
        end = ask.position + ask.limit
        shown = [Unseen() if hidden(row) else row for row in rows[ask.position : end]]
        return Page(shown, end < len(rows), None, exact=False)

    return Listing("source", read, str, str)


async def walk(rows: Sequence[str], hidden: Callable[[str], bool], first: int) -> list[MergedPage[str]]:
    pages: list[MergedPage[str]] = []
    after: str | None = None
    while not pages or pages[-1].has_next_page:
        pages.append(await merge_page([listing(rows, hidden)], first=first, after=after, bound_to=BOUND))
        after = pages[-1].end_cursor
        assert len(pages) < 1000
    return pages


ROWS = [f"row-{number:04}" for number in range(400)]


@pytest.mark.parametrize("first", [1, 7, 100])
@pytest.mark.parametrize(
    "hidden",
    [
        lambda row: row.endswith(("1", "3")),
        lambda row: not row.endswith("7"),
        lambda row: "row-0050" <= row < "row-0250",
        lambda row: row < "row-0300",
        lambda row: row >= "row-0100",
    ],
    ids=["some", "most", "a stretch", "the first", "the last"],
)
async def test_a_walk_yields_what_may_be_seen_once_and_counts_nothing_else(
    hidden: Callable[[str], bool], first: int
) -> None:
    pages = await walk(ROWS, hidden, first)
    assert [row.value for page in pages for row in page.rows] == [row for row in ROWS if not hidden(row)]
    assert all(page.reasons == frozenset() for page in pages)
    assert all(page.total_count in (None, len(page.rows)) for page in pages)
    for page in pages:
        (outcome,) = page.outcomes
        assert outcome.error is None


async def test_nothing_of_what_may_not_be_seen_is_in_a_cursor_but_that_rows_were_passed() -> None:
    def hidden(row: str) -> bool:
        return not row.endswith("7")

    marks = {digest(row) for row in ROWS if hidden(row)}
    for page in await walk(ROWS, hidden, 3):
        if page.end_cursor is None:
            continue
        for place in places_in(page.end_cursor, binding("list", BOUND, "source"), 1):
            kept = {place.keys[at : at + 8] for at in range(0, len(place.keys), 8)}
            assert not kept & marks
            assert START.position <= place.position <= len(ROWS)


async def test_a_long_stretch_that_may_not_be_seen_is_gone_through_page_by_page_and_said() -> None:
    rows = [f"row-{number:05}" for number in range(6000)]
    pages = await walk(rows, lambda row: "row-00010" <= row < "row-05990", 5)
    assert [row.value for page in pages for row in page.rows] == [*rows[:10], *rows[5990:]]
    said = {reason for page in pages for reason in page.reasons}
    assert said <= {IncompleteReason.SCAN_LIMIT, IncompleteReason.POSITION_LOST}
