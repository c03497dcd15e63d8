"""Calls that many wait for: made once, for as long as somebody waits, and each hears of it for itself."""

from __future__ import annotations

import asyncio
import gc

import pytest

from resolvers.errors import SourceUnavailable
from resolvers.operation import Call, deadline, record, recording, shared, until
from resolvers.upstream.flights import EndedError, Flight, Flights


class Work:
    """A call the test ends; `begun` and `ended` count how often."""

    def __init__(self) -> None:
        self.begun, self.ended = 0, 0
        self.done = asyncio.Event()
        self.error: Exception | None = None
        self.flights: list[Flight] = []
        self.seen: list[object] = []

    async def __call__(self, flight: Flight) -> str:
        self.begun += 1
        self.flights.append(flight)
        self.seen.append((deadline(), shared()))
        record(Call("registry", "GET", f"/{self.begun}"))
        try:
            await self.done.wait()
        finally:
            self.ended += 1
        if self.error is not None:
            raise self.error
        return f"answer {self.begun}"


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def flights() -> Flights[str]:
    return Flights()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_equal_calls_are_made_once_and_everybody_has_the_calls_it_took(flights: Flights[str], work: Work) -> None:
    async def one() -> tuple[str, list[Call]]:
        with recording() as calls:
            answer, _ = await flights.join("key", work)
        return answer, calls

    waiting = [asyncio.ensure_future(one()) for _ in range(200)]
    await settle()
    work.done.set()
    answers = await asyncio.gather(*waiting)
    assert work.begun == 1
    assert {answer for answer, _ in answers} == {"answer 1"}
    (call,) = {call for _, calls in answers for call in calls}
    assert all(calls == [call] for _, calls in answers)
    assert "key" not in flights


async def test_nothing_is_kept_of_a_call_that_is_over(flights: Flights[str], work: Work) -> None:
    work.done.set()
    assert [(await flights.join("key", work))[0] for _ in range(2)] == ["answer 1", "answer 2"]


async def test_the_first_to_leave_takes_nobody_along_and_the_last_ends_the_call(
    flights: Flights[str], work: Work
) -> None:
    first, second, third = (asyncio.ensure_future(flights.join("key", work)) for _ in range(3))
    await settle()
    first.cancel()
    second.cancel()
    await settle()
    assert (first.cancelled(), second.cancelled(), work.ended) == (True, True, 0)
    third.cancel()
    await settle()
    assert (work.begun, work.ended) == (1, 1)
    assert "key" not in flights


async def test_who_comes_when_the_last_has_just_left_begins_anew(flights: Flights[str], work: Work) -> None:
    first = asyncio.ensure_future(flights.join("key", work))
    await settle()
    first.cancel()
    await asyncio.sleep(0)
    second = asyncio.ensure_future(flights.join("key", work))
    await settle()
    work.done.set()
    assert (await second)[0] == "answer 2"


async def test_each_has_its_own_deadline_and_the_call_goes_on_for_the_others(flights: Flights[str], work: Work) -> None:
    async def by(seconds: float) -> str:
        with until(asyncio.get_running_loop().time() + seconds):
            return (await flights.join("key", work))[0]

    patient = asyncio.ensure_future(by(60))
    await settle()
    with recording() as calls, pytest.raises(TimeoutError):
        await by(0.01)
    assert len(calls) == 1
    work.done.set()
    assert await patient == "answer 1"


async def test_a_call_belongs_to_no_operation_and_knows_the_last_deadline(flights: Flights[str], work: Work) -> None:
    async def by(moment: float) -> None:
        with until(moment):
            await flights.join("key", work)

    now = asyncio.get_running_loop().time()
    waiting = [asyncio.ensure_future(by(now + seconds)) for seconds in (20, 60, 40)]
    await settle()
    assert work.flights[0].ends == now + 60
    waiting.append(asyncio.ensure_future(flights.join("key", work)))  # type: ignore[arg-type] # whatever it answers
    await settle()
    assert work.flights[0].ends is None
    assert work.seen == [(None, None)]
    work.done.set()
    await asyncio.gather(*waiting)


async def test_everybody_hears_of_a_failure_as_an_error_of_its_own(flights: Flights[str], work: Work) -> None:
    work.error = SourceUnavailable("registry", "registry is not available.", retry_after_ms=7)
    waiting = [asyncio.ensure_future(flights.join("key", work)) for _ in range(3)]
    await settle()
    work.done.set()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(error) for error in errors} == {SourceUnavailable}
    assert len({*map(id, errors), id(work.error)}) == 4
    assert all(isinstance(error, SourceUnavailable) and error.retry_after_ms == 7 for error in errors)


async def test_a_failure_nobody_waits_for_any_more_is_nobodys(flights: Flights[str], work: Work) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    async def stubborn(flight: Flight) -> str:
        try:
            return await work(flight)
        except asyncio.CancelledError:
            raise SourceUnavailable("registry", "too late") from None

    only = asyncio.ensure_future(flights.join("key", stubborn))
    await settle()
    only.cancel()
    await settle()
    gc.collect()
    assert only.cancelled()
    assert complaints == []


async def test_all_calls_end_when_the_client_is_closed(flights: Flights[str], work: Work) -> None:
    waiting = asyncio.ensure_future(flights.join("key", work))
    await settle()
    await flights.aclose()
    assert (work.begun, work.ended) == (1, 1)
    with pytest.raises(EndedError):
        await waiting
