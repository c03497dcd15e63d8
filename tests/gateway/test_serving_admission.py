"""Who is let in: a place each, a short line, and a refusal at once for all others. Time is told, not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.admission import BUSY, FIRST, FREE, LATE_S, LEAST, TICKS, Admission
from gateway.request import Refused


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Work:
    """Operations that take their place, and give it back when told."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.inside: set[int] = set()
        self.refused: list[Refused] = []
        self._over: dict[int, asyncio.Event] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def start(self, *numbers: int) -> None:
        for number in numbers:
            self._over[number] = asyncio.Event()
            self._tasks[number] = asyncio.create_task(self._run(number))
        await self.settle()

    async def end(self, *numbers: int) -> None:
        for number in numbers:
            self._over[number].set()
        await self.settle()

    async def leave(self, number: int) -> None:
        self._tasks[number].cancel()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, number: int) -> None:
        try:
            async with self.admission.place():
                self.inside.add(number)
                try:
                    await self._over[number].wait()
                finally:
                    self.inside.discard(number)
        except Refused as refused:
            self.refused.append(refused)


@asynccontextmanager
async def working(admission: Admission) -> AsyncIterator[Work]:
    work = Work(admission)
    try:
        yield work
    finally:
        await work.close()


async def test_as_many_are_let_in_as_there_are_places_and_the_next_in_their_order() -> None:
    async with working(Admission(most=2)) as work:
        await work.start(1, 2, 3, 4)
        assert work.inside == {1, 2}
        await work.end(2)
        assert work.inside == {1, 3}
        await work.end(1, 3)
        assert work.inside == {4}
        assert work.refused == []


async def test_past_the_line_one_is_refused_at_once() -> None:
    async with working(Admission(most=1, line=1)) as work:
        await work.start(1, 2, 3)
        assert work.inside == {1}
        [refused] = work.refused
        assert (refused.status, refused.headers) == (503, {"Retry-After": "1"})
        assert refused.extensions == {"code": "OVERLOADED", "retryable": True, "retryAfterMs": 1000}


async def test_without_a_line_nobody_waits() -> None:
    async with working(Admission(most=1, line=0)) as work:
        await work.start(1, 2)
        assert (work.inside, len(work.refused)) == ({1}, 1)


async def test_who_would_wait_too_long_is_refused_at_once() -> None:
    """How long operations took lately says how long a wait would be: 10 s each, and 30 s may be waited."""
    clock = Clock()
    async with working(Admission(most=1, wait_s=60.0, clock=clock)) as work:
        for number in range(100):
            await work.start(number)
            clock.now += 10.0
            await work.end(number)
        await work.start(*range(100, 110))
        # The average comes close to 10 s from below.
        assert (work.inside, len(work.refused)) == ({100}, 6)
        for number in (100, 101, 102):
            await work.end(number)
        assert work.inside == {103}


async def test_who_waited_for_nothing_is_refused() -> None:
    async with working(Admission(most=1, wait_s=0.01)) as work:
        await work.start(1, 2)
        async with asyncio.timeout(5):
            while not work.refused:
                await asyncio.sleep(0.001)
        await work.end(1)
        await work.start(3)
        assert work.inside == {3}


async def test_who_leaves_the_line_takes_no_place() -> None:
    async with working(Admission(most=1, line=2)) as work:
        await work.start(1, 2, 3)
        await work.leave(2)
        await work.start(4)
        assert work.refused == []
        await work.end(1)
        assert work.inside == {3}
        await work.end(3)
        assert work.inside == {4}


async def test_who_leaves_as_a_place_becomes_free_takes_it_from_nobody() -> None:
    async with working(Admission(most=1)) as work:
        await work.start(1, 2, 3)
        work._tasks[2].cancel()
        await work.end(1)
        assert work._tasks[2].cancelled()
        assert work.inside == {3}


async def test_who_leaves_in_the_moment_it_is_let_in_gives_its_place_to_the_next() -> None:
    async with working(Admission(most=1)) as work:
        await work.start(1, 2, 3)
        work._over[1].set()
        while 1 in work.inside:
            await asyncio.sleep(0)
        work._tasks[2].cancel()
        await work.settle()
        assert work.inside == {3}


async def test_an_event_loop_that_always_computes_leaves_fewer_places_and_one_that_waits_more() -> None:
    clock, computed = Clock(), Clock()
    admission = Admission(most=64, wait_s=1e9, clock=clock, computed_s=computed)

    def pass_time(share: float) -> None:
        for _ in range(20 * TICKS):
            clock.now += 0.01
            computed.now += share * 0.01
            admission.late(0.0)

    async with working(admission) as work:
        await work.start(*range(64))
        assert len(work.inside) == FIRST
        pass_time((BUSY + FREE) / 2)
        assert len(work.inside) == FIRST
        pass_time(FREE - 0.05)
        await work.settle()
        assert len(work.inside) == 64
        pass_time(1.0)
        await work.start(*range(100, 120))
        await work.end(*range(60))
        assert len(work.inside) == LEAST


async def test_a_late_event_loop_leaves_fewer_places_and_one_in_time_more() -> None:
    admission = Admission(most=64, computed_s=lambda: 0.0)
    async with working(admission) as work:
        await work.start(*range(64))
        assert len(work.inside) == FIRST
        for _ in range(20 * TICKS):
            admission.late(0.0)
        await work.settle()
        assert len(work.inside) == 64
        for _ in range(20 * TICKS):
            admission.late(2 * LATE_S)
        await work.start(*range(100, 120))
        await work.end(*range(60))
        assert len(work.inside) == LEAST
        await work.end(*work.inside)
        assert len(work.inside) == LEAST


async def test_one_pause_of_the_event_loop_is_no_load() -> None:
    admission = Admission(most=FIRST, computed_s=lambda: 0.0)
    async with working(admission) as work:
        await work.start(1)
        for _ in range(100):
            admission.late(1.0)
            for _ in range(TICKS - 1):
                admission.late(0.0)
        await work.start(*range(2, 40))
        assert len(work.inside) == FIRST


async def test_places_nobody_wants_are_not_added() -> None:
    admission = Admission(most=64)
    async with working(admission) as work:
        await work.start(1)
        for _ in range(100):
            admission.late(0.0)
        await work.start(*range(2, 40))
        assert len(work.inside) == FIRST


async def test_many_refusals_in_a_short_time_say_that_others_should_be_asked() -> None:
    clock = Clock()
    admission = Admission(most=1, line=0, clock=clock)
    async with working(admission) as work:
        await work.start(*range(100))
        assert not admission.overloaded
        await work.start(100)
        assert admission.overloaded
        clock.now += 5.0
        assert not admission.overloaded


@pytest.mark.parametrize("times", [3, 10])
async def test_past_the_peak_as_much_is_done_as_at_the_peak(times: int) -> None:
    """A stub in which one step of an operation takes 1 of time: 4 at once, 400 steps, `times` arrivals a step."""
    done = 0
    clock = Clock()
    admission = Admission(most=4, line=8, wait_s=100.0, clock=clock)
    async with working(admission) as work:
        number = 0
        for _ in range(100):
            await work.start(*range(number, number + 4 * times))
            number += 4 * times
            done += len(work.inside)
            await work.end(*work.inside)
            clock.now += 1.0
        assert done == 400
        assert len(work.refused) >= number - 400 - 12
