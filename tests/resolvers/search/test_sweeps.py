"""Sweeps: their budgets, who shares them, and what of them is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar, cast

import strawberry

from resolvers.caller import ANYONE, Caller, caller
from resolvers.errors import SourceUnavailable
from resolvers.operation import Call, deadline, record, until
from resolvers.search.documents import united
from resolvers.search.sweep import Part, SearchLimits, sweep
from resolvers.search.sweeps import Sweeps
from resolvers.sources import ListArgs, Needs, Page, PageAsk, SourceAdapter, SourceProfile
from resolvers.sources.orchestration import Orchestrator
from schema.connection import IncompleteReason
from schema.identity import EntityKind, Reference
from schema.pipeline import AssetMention, Pipeline
from schema.scalars import Timestamp
from schema.source import SourceRole

T = TypeVar("T")

NOW = Timestamp("2026-11-22T02:00:00.000Z")
PIPELINES = frozenset({Part.PIPELINES})
BOTH = frozenset({Part.PIPELINES, Part.ASSETS})


class Shelf:
    """An orchestrator with so many pipelines and assets; `open` lets its answers go, `counts` says that it counts."""

    role = SourceRole.ORCHESTRATOR

    def __init__(self, pipelines: int, assets: int = 0, *, counts: bool = True, name: str = "shelf") -> None:
        self.profile = SourceProfile(name, "")
        self.calls: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self.ended = False
        self.error: SourceUnavailable | None = None
        self.deadlines: list[float | None] = []
        self.askers: list[Caller] = []
        self._rows = [_pipeline(name, number) for number in range(pipelines)]
        self._assets = [
            AssetMention(f"s3://bucket/{number}", f"bucket-{number}", (), (), NOW) for number in range(assets)
        ]
        self._counts = counts

    async def pipelines(self, keys: Sequence[PageAsk], args: ListArgs, needs: Needs) -> Sequence[Page[Pipeline]]:
        return [await self._page("pipelines", self._rows, ask) for ask in keys]

    async def every_asset(self, keys: Sequence[PageAsk], args: None, needs: Needs) -> Sequence[Page[AssetMention]]:
        return [await self._page("assets", self._assets, ask) for ask in keys]

    async def _page(self, name: str, rows: Sequence[T], ask: PageAsk) -> Page[T]:
        self.calls.append(name)
        record(Call(self.profile.name, "GET", name))
        self.deadlines.append(deadline())
        self.askers.append(caller())
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.ended = True
            raise
        if self.error is not None:
            raise self.error
        end = ask.position + ask.limit
        return Page(rows[ask.position : end], end < len(rows), len(rows) if self._counts else None)

    @property
    def adapter(self) -> SourceAdapter:
        return cast("Orchestrator", self)


def _pipeline(source: str, number: int) -> Pipeline:
    reference = Reference(EntityKind.PIPELINE, source, f"train_{number}")
    return Pipeline(
        id=strawberry.ID(reference.id),
        reference=reference,
        fetched_at=NOW,
        name=f"train_{number}",
        schedule=None,
        paused=None,
    )


# ---------------------------------------------------------------- budgets


async def test_a_list_that_is_counted_is_read_to_its_end_in_one_go() -> None:
    shelf = Shelf(250, 120)
    swept = await sweep(shelf.adapter, BOTH, SearchLimits())
    assert sorted(shelf.calls) == ["assets"] * 2 + ["pipelines"] * 3
    assert (len(swept.documents), swept.scanned, len(swept.calls)) == (370, 370, 5)
    assert (swept.unfinished, swept.reasons, swept.error) == (frozenset(), frozenset(), None)


async def test_a_list_that_is_counted_and_too_long_is_left_after_its_first_page() -> None:
    """The calls that would not be enough are not spent; those of the other list are."""
    shelf = Shelf(5000, 250)
    swept = await sweep(shelf.adapter, BOTH, SearchLimits(calls=10))
    assert sorted(shelf.calls) == ["assets"] * 3 + ["pipelines"]
    assert swept.unfinished == PIPELINES
    assert swept.reasons == {IncompleteReason.CALL_BUDGET}
    assert len(swept.documents) == 100 + 250


async def test_a_list_that_is_not_counted_is_read_as_far_as_the_calls_last() -> None:
    shelf = Shelf(5000, counts=False)
    swept = await sweep(shelf.adapter, PIPELINES, SearchLimits(calls=4))
    assert len(shelf.calls) == 4
    assert len(swept.documents) == 400
    assert swept.reasons == {IncompleteReason.CALL_BUDGET}


async def test_what_was_read_until_the_time_ended_counts() -> None:
    shelf = Shelf(250)
    limits = SearchLimits(time_s=0.05)

    async def close_after_the_first() -> None:
        while not shelf.calls:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        shelf.open.clear()

    closing = asyncio.create_task(close_after_the_first())
    swept = await sweep(shelf.adapter, PIPELINES, limits)
    await closing
    assert (len(swept.documents), swept.unfinished) == (100, PIPELINES)
    assert swept.reasons == {IncompleteReason.TIME_BUDGET}
    assert shelf.ended


async def test_a_source_that_fails_is_told_with_what_it_gave_before() -> None:
    shelf = Shelf(10)
    shelf.error = SourceUnavailable("shelf", "shelf cannot be reached.")
    swept = await sweep(shelf.adapter, BOTH, SearchLimits())
    assert swept.error is shelf.error
    assert (swept.documents, swept.unfinished) == ([], BOTH)


# ---------------------------------------------------------------- sharing


async def test_all_who_ask_meanwhile_share_one_sweep_and_nothing_is_kept() -> None:
    shelf, sweeps = Shelf(50), Sweeps(SearchLimits())
    reads = await asyncio.gather(*(sweeps.read(shelf.adapter, PIPELINES) for _ in range(5)))
    assert len(shelf.calls) == 1
    assert all(read.swept is reads[0].swept and read.age_s is None for read in reads)
    assert sweeps.kept_size == 0
    await sweeps.read(shelf.adapter, PIPELINES)
    assert len(shelf.calls) == 2


async def test_callers_share_no_sweep_of_a_source_that_is_asked_with_their_own_tokens() -> None:
    shelf, sweeps = Shelf(50), Sweeps(SearchLimits(max_age_s=60))
    shelf.profile = replace(shelf.profile, forwarded=True)
    one, other = Caller("one", token="token-1"), Caller("other", token="token-2")
    await asyncio.gather(*(sweeps.read(shelf.adapter, PIPELINES, asking) for asking in (one, other, one)))
    assert len(shelf.calls) == 2
    assert set(shelf.askers) == {one, other}
    await sweeps.read(shelf.adapter, PIPELINES)
    assert len(shelf.calls) == 3
    assert (await sweeps.read(shelf.adapter, PIPELINES, other)).age_s is not None


async def test_callers_share_the_sweep_of_a_source_that_is_asked_with_the_gateways_own_credential() -> None:
    shelf, sweeps = Shelf(50), Sweeps(SearchLimits())
    callers = [Caller("one", token="token-1"), Caller("other", token="token-2")]
    await asyncio.gather(*(sweeps.read(shelf.adapter, PIPELINES, asking) for asking in callers))
    assert len(shelf.calls) == 1
    assert shelf.askers == [ANYONE]


async def test_a_sweep_ends_with_the_last_who_waits_for_it() -> None:
    shelf, sweeps = Shelf(50), Sweeps(SearchLimits(time_s=60))
    shelf.open.clear()
    one, other = (asyncio.create_task(sweeps.read(shelf.adapter, PIPELINES)) for _ in range(2))
    while not shelf.calls:
        await asyncio.sleep(0)
    one.cancel()
    await asyncio.wait([one])
    assert not shelf.ended
    other.cancel()
    await asyncio.wait([other])
    shelf.open.set()
    after = await sweeps.read(shelf.adapter, PIPELINES)  # does not wait for what is ending
    assert shelf.ended
    assert len(after.swept.documents) == 50


async def test_a_sweep_has_its_own_deadline_not_that_of_who_began_it() -> None:
    shelf, sweeps = Shelf(50), Sweeps(SearchLimits(time_s=60))
    now = asyncio.get_running_loop().time()
    with until(now + 1):
        await sweeps.read(shelf.adapter, PIPELINES)
    (end,) = shelf.deadlines
    assert end is not None
    assert end >= now + 60


# ---------------------------------------------------------------- keeping


async def test_a_kept_sweep_serves_who_asks_for_the_same_lists_or_fewer_and_tells_its_age() -> None:
    shelf, sweeps = Shelf(50, 20), Sweeps(SearchLimits(max_age_s=60))
    fresh = await sweeps.read(shelf.adapter, BOTH)
    again, fewer = await sweeps.read(shelf.adapter, BOTH), await sweeps.read(shelf.adapter, PIPELINES)
    assert fresh.age_s is None
    assert again.swept is fewer.swept is fresh.swept
    assert again.age_s is not None
    assert again.age_s >= 0
    assert len(shelf.calls) == 2


async def test_a_kept_sweep_is_not_used_past_its_age() -> None:
    shelf, sweeps = Shelf(50), Sweeps(SearchLimits(max_age_s=1e-9))
    await sweeps.read(shelf.adapter, PIPELINES)
    assert (await sweeps.read(shelf.adapter, PIPELINES)).age_s is None
    assert len(shelf.calls) == 2


async def test_what_failed_is_not_kept() -> None:
    shelf, sweeps = Shelf(50), Sweeps(SearchLimits(max_age_s=60))
    shelf.error = SourceUnavailable("shelf", "shelf cannot be reached.")
    assert (await sweeps.read(shelf.adapter, PIPELINES)).swept.error is not None
    shelf.error = None
    assert (await sweeps.read(shelf.adapter, PIPELINES)).swept.error is None


async def test_the_index_of_kept_sweeps_is_made_once_and_goes_with_them() -> None:
    shelf, sweeps = Shelf(50), Sweeps(SearchLimits(max_age_s=60))
    read = await sweeps.read(shelf.adapter, PIPELINES)
    index = await sweeps.index_of([read], whole=True)
    assert index is not None
    assert await sweeps.index_of([read], whole=True) is index
    assert sweeps.kept_size > index.index.size > 0


async def test_there_is_no_index_of_what_is_not_kept() -> None:
    shelf, sweeps = Shelf(50), Sweeps(SearchLimits())
    assert await sweeps.index_of([await sweeps.read(shelf.adapter, PIPELINES)], whole=True) is None


async def test_what_is_kept_never_takes_more_than_its_bound() -> None:
    """Ten sources of the same size: the oldest goes first, and an index before any text."""
    one = Shelf(200)
    size = sum(document.size for document in (await sweep(one.adapter, PIPELINES, SearchLimits())).documents)
    sweeps = Sweeps(SearchLimits(max_age_s=60), kept_bytes=3 * size + size // 2)
    shelves = [Shelf(200, name=f"shelf-{number}") for number in range(10)]
    for shelf in shelves:
        read = await sweeps.read(shelf.adapter, PIPELINES)
        await sweeps.index_of([read], whole=True)
        assert sweeps.kept_size <= 3 * size + size // 2
    ages = [(await sweeps.read(shelf.adapter, PIPELINES)).age_s for shelf in reversed(shelves)]
    assert ages[0] is not None
    assert ages[-1] is None


async def test_a_sweep_larger_than_the_bound_is_not_kept() -> None:
    shelf, sweeps = Shelf(200), Sweeps(SearchLimits(max_age_s=60), kept_bytes=1000)
    await sweeps.read(shelf.adapter, PIPELINES)
    assert sweeps.kept_size == 0


# ---------------------------------------------------------------- data of several systems


async def test_data_that_two_systems_mention_is_one_hit() -> None:
    swept = [await sweep(Shelf(0, 3, name=name).adapter, BOTH, SearchLimits()) for name in ("one", "other")]
    documents = united((document for part in swept for document in part.documents), whole=True)
    assert [document.sources for document in documents] == [("one", "other")] * 3
    assert [len(document.mentions) for document in documents] == [2] * 3
