"""Work under way: shared by who asks for the same meanwhile, ended by the last who leaves."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Hashable

import pytest

from gateway.flights import Flights


class Work:
    """Work that says how often it was begun, and is over when told."""

    def __init__(self) -> None:
        self.begun = self.ended = 0
        self.over = asyncio.Event()
        self.failure: Exception | None = None
        self.flights = Flights[Hashable, int]()

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        try:
            await self.over.wait()
            if self.failure is not None:
                raise self.failure
            return number
        finally:
            # What ends takes its time.
            await asyncio.sleep(0)
            self.ended += 1

    def join(self, key: Hashable = "key", seconds: float = 10.0) -> asyncio.Task[int]:
        end = asyncio.get_running_loop().time() + seconds
        return asyncio.create_task(self.flights.join(key, end, self))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_asks_for_the_same_meanwhile_waits_for_it_too() -> None:
    work = Work()
    waiting = [work.join() for _ in range(200)]
    await settle()
    work.over.set()
    assert await asyncio.gather(*waiting) == [1] * 200


async def test_what_is_over_is_forgotten() -> None:
    work = Work()
    work.over.set()
    assert [await work.join(), await work.join()] == [1, 2]
    assert len(work.flights) == 0


async def test_other_work_is_done_by_itself() -> None:
    work = Work()
    waiting = [work.join(key) for key in ("a", "b", "a")]
    await settle()
    work.over.set()
    assert await asyncio.gather(*waiting) == [1, 2, 1]


async def test_who_leaves_ends_it_for_nobody_else() -> None:
    work = Work()
    first, second = work.join(), work.join()
    await settle()
    first.cancel()
    await settle()
    assert (first.cancelled(), work.ended) == (True, 0)
    work.over.set()
    assert await second == 1


async def test_the_last_who_leaves_ends_it_and_waits_for_its_end() -> None:
    work = Work()
    waiting = [work.join() for _ in range(3)]
    await settle()
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert (work.begun, work.ended, len(work.flights)) == (1, 1, 0)


async def test_who_comes_while_it_is_ending_begins_anew() -> None:
    work = Work()
    first = work.join()
    await settle()
    first.cancel()
    await asyncio.sleep(0)
    second = work.join()
    await settle()
    work.over.set()
    assert await second == 2


async def test_who_has_more_time_than_is_left_begins_anew() -> None:
    work = Work()
    waiting = [work.join(seconds=seconds) for seconds in (4.0, 7.0, 9.0, 9.0)]
    await settle()
    work.over.set()
    assert await asyncio.gather(*waiting) == [1, 1, 2, 2]
    assert len(work.flights) == 0


async def test_a_failure_is_told_to_all_each_with_the_place_it_happened_at() -> None:
    work = Work()
    work.failure = ValueError("wrong")
    waiting = [work.join() for _ in range(100)]
    await settle()
    work.over.set()
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, ValueError)
        assert len(traceback.extract_tb(result.__traceback__)) < 10


async def test_a_failure_nobody_waits_for_is_nobodys_concern(caplog: pytest.LogCaptureFixture) -> None:
    work = Work()
    work.failure = ValueError("wrong")
    waiting = work.join()
    await settle()
    work.over.set()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert caplog.text == ""
