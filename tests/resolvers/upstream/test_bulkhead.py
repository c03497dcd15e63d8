"""Places for calls, and the operations that wait for them: in turn, not for ever, never refused while served."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

import pytest

from resolvers.upstream.bulkhead import Bulkhead, FullError


class Source:
    """Calls are inside until the test lets them out; `order` is that of going in."""

    def __init__(self, places: int = 2, queue: int = 64, wait_s: float = 5.0) -> None:
        self.bulkhead = Bulkhead(places, queue, wait_s)
        self.order: list[Hashable] = []
        self.inside: list[asyncio.Event] = []
        self.peak = 0

    async def call(self, operation: Hashable) -> None:
        async with self.bulkhead.place(operation):
            leave = asyncio.Event()
            self.order.append(operation)
            self.inside.append(leave)
            self.peak = max(self.peak, len(self.inside))
            try:
                await leave.wait()
            finally:
                self.inside.remove(leave)

    async def let_out(self, number: int = 1) -> None:
        for _ in range(number):
            self.inside[0].set()
            await settle()


async def settle() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


async def started(source: Source, *operations: Hashable) -> list[asyncio.Task[None]]:
    tasks = [asyncio.ensure_future(source.call(operation)) for operation in operations]
    await settle()
    return tasks


async def test_so_many_calls_are_inside_as_there_are_places() -> None:
    source = Source(places=3)
    tasks = await started(source, *"aaaaaaaaaa")
    assert len(source.inside) == 3
    await source.let_out(10)
    await asyncio.gather(*tasks)
    assert source.peak == 3
    assert source.bulkhead._operations == {}
    assert source.bulkhead._free == 3


async def test_a_small_operation_does_not_wait_for_all_of_a_large_one() -> None:
    source = Source(places=2)
    tasks = await started(source, *"aaaaaaaaaaaa", "b", "c")
    await source.let_out(14)
    await asyncio.gather(*tasks)
    assert source.order[:6] == ["a", "a", "a", "b", "c", "a"]


async def test_an_operation_with_many_calls_at_a_slow_source_is_never_refused() -> None:
    """Each call takes longer than a place may be waited for; one of its own is always under way."""
    source = Source(places=1, wait_s=0.01)
    tasks = await started(source, *"aaaaa")
    for _ in range(5):
        await asyncio.sleep(0.05)
        await source.let_out()
    await asyncio.gather(*tasks)


async def test_an_operation_of_which_nothing_is_under_way_is_refused_after_a_while() -> None:
    source = Source(places=1, wait_s=0.02)
    first, second, third = await started(source, "a", "b", "c")
    for refused in (second, third):
        with pytest.raises(FullError):
            await refused
    await source.let_out()
    await first
    assert source.bulkhead._operations == {}
    assert not source.bulkhead._turns


async def test_an_operation_too_many_in_the_queue_is_refused_at_once_and_others_may_still_queue_calls() -> None:
    source = Source(places=1, queue=2)
    tasks = await started(source, "a", "b", "c")
    with pytest.raises(FullError):
        await source.call("d")
    tasks += await started(source, "b", "c")
    await source.let_out(5)
    await asyncio.gather(*tasks)
    assert source.order == ["a", "b", "c", "b", "c"]


async def test_those_who_leave_the_queue_leave_no_place_behind() -> None:
    source = Source(places=1)
    held, *waiting = await started(source, *"abcabc")
    for task in waiting[::2]:
        task.cancel()
    await source.let_out()
    inside = source.order[-1]
    for task in waiting:
        if not task.done() and inside is not None:
            task.cancel()
    await asyncio.gather(held, *waiting, return_exceptions=True)
    assert source.bulkhead._free == 1
    assert source.bulkhead._operations == {}
    assert not source.bulkhead._turns


async def test_a_place_given_to_one_who_leaves_at_that_moment_is_passed_on() -> None:
    source = Source(places=1)
    held, leaving, last = await started(source, "a", "b", "c")
    source.inside[0].set()
    while not source.bulkhead._operations["b"].inside:
        await asyncio.sleep(0)
    leaving.cancel()
    await settle()
    assert source.order[-1] == "c"
    await source.let_out()
    await asyncio.gather(held, last)
    assert leaving.cancelled()
    assert source.bulkhead._free == 1
