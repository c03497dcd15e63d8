"""What the door to a source does while it fails, refuses, limits or hangs: how often it is asked, and by whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from random import Random

import pytest

from resolvers.credentials import Credential, Send, StaticCredential
from resolvers.errors import (
    DeadlineExceeded,
    Overloaded,
    SourceAuthFailed,
    SourceError,
    SourceRateLimited,
    SourceTimeout,
    SourceUnavailable,
)
from resolvers.http import Answer, HttpLimits, SourceClient
from resolvers.operation import recording, until
from tests.resolvers.upstream.clock import Clock
from tests.resolvers.wire import Received, Reply, Wire, always, answer, silence, wire

user: ContextVar[str] = ContextVar("user", default="")


class Users:
    """A credential that is the caller's own."""

    def scope(self) -> str:
        return user.get()

    async def headers(self, send: Send) -> Mapping[str, str]:
        return {"Authorization": user.get()}

    async def renew(self, refused: Mapping[str, str], answer: Answer, send: Send) -> bool:
        return False


@pytest.fixture
async def source() -> AsyncIterator[Wire]:
    async with wire() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(source: Wire, clock: Clock) -> AsyncIterator[SourceClient]:
    made = client_of(source, clock)
    yield made
    await made.aclose()


def client_of(source: Wire, clock: Clock, credential: Credential | None = None, **limits: float) -> SourceClient:
    return SourceClient(
        "registry",
        source.url,
        {"": credential or StaticCredential()},
        HttpLimits(**limits),  # type: ignore[arg-type] # some are whole numbers
        clock=clock,
        sleep=clock.sleep,
        random=Random(1),
    )


async def outcome(client: SourceClient, *segments: object, by_s: float | None = None) -> Answer | SourceError:
    try:
        if by_s is None:
            return await client.get([str(segment) for segment in segments] or ["things"])
        with until(asyncio.get_running_loop().time() + by_s):
            return await client.get([str(segment) for segment in segments] or ["things"])
    except SourceError as error:
        return error


def failing(share: float, reply: bytes, seed: int = 5) -> Reply:
    random = Random(seed)

    async def sometimes(_: Received) -> bytes | None:
        return reply if random.random() < share else answer()

    return sometimes


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


# ---------------------------------------------------------------- second attempts


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_where_three_of_ten_requests_fail_nine_of_ten_calls_succeed(
    source: Wire, clock: Clock, client: SourceClient, status: int
) -> None:
    source.reply = failing(0.3, answer(b"", status))
    good = 0
    for number in range(600):
        good += isinstance(await outcome(client, number), Answer)
        clock.now += 0.05
    assert good >= 540
    assert len(source.received) <= 600 * 1.35


@pytest.mark.parametrize("reply", [b"", answer(b"", 503), b"garbage\r\n\r\n"])
async def test_a_call_is_tried_twice_and_no_more(
    source: Wire, client: SourceClient, clock: Clock, reply: bytes
) -> None:
    source.reply = always(reply)
    with recording() as calls:
        assert isinstance(await outcome(client), SourceUnavailable)
    assert len(source.received) == len(calls) == 2
    (waited,) = clock.slept
    assert 0.05 <= waited <= 0.4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 418, 422, 501])
async def test_what_the_source_says_of_the_request_is_not_asked_again(
    source: Wire, client: SourceClient, status: int
) -> None:
    source.reply = always(answer(b"{}", status))
    await outcome(client)
    assert len(source.received) == 1


async def test_an_answer_that_was_broken_off_is_asked_for_once_more(source: Wire, client: SourceClient) -> None:
    async def half_first(_: Received) -> bytes | None:
        source.reply = always(answer(b'{"whole": 1}'))
        return b'HTTP/1.1 200 X\r\nContent-Length: 12\r\n\r\n{"who'

    source.reply = half_first
    got = await outcome(client)
    assert isinstance(got, Answer)
    assert got.body == b'{"whole": 1}'


async def test_one_that_hangs_is_not_asked_twice(source: Wire, clock: Clock) -> None:
    source.reply = silence
    client = client_of(source, clock, attempt_s=0.1)
    assert isinstance(await outcome(client), SourceTimeout)
    assert len(source.received) == 1
    await client.aclose()


async def test_no_attempt_is_begun_without_time_for_it(source: Wire, client: SourceClient) -> None:
    with recording() as calls:
        assert isinstance(await outcome(client, by_s=0.09), DeadlineExceeded)
    assert calls == []
    source.reply = always(answer(b"", 503))
    assert isinstance(await outcome(client, by_s=0.14), SourceUnavailable)
    assert len(source.received) == 1


async def test_all_attempts_of_a_call_share_its_time(source: Wire, clock: Clock) -> None:
    async def long(_: Received) -> bytes | None:
        clock.now += 2.5
        return answer(b"", 503)

    source.reply = long
    client = client_of(source, clock, source_s=2.55)
    assert isinstance(await outcome(client), SourceUnavailable)
    assert len(source.received) == 1
    await client.aclose()


# ---------------------------------------------------------------- a source that is down


@pytest.mark.parametrize("reply", [b"", answer(b"", 500), answer(b"", 502), b"garbage\r\n\r\n"])
async def test_a_source_that_is_down_is_asked_no_more_than_a_probe_in_five_seconds_and_found_again(
    source: Wire, client: SourceClient, clock: Clock, reply: bytes
) -> None:
    for number in range(30):
        assert isinstance(await outcome(client, number), Answer)
        clock.now += 0.1
    source.received.clear()
    source.reply = always(reply)
    moments: list[float] = []
    calls = 0
    began = clock.now
    while clock.now < began + 60:
        before = len(source.received)
        assert isinstance(await outcome(client, calls), SourceError)
        calls += 1
        moments += [clock.now] * (len(source.received) - before)
        clock.now += 0.1
    assert len(source.received) <= calls * 1.1
    opened = moments.index(next(moment for moment in moments if moment > moments[0] + 3))
    assert opened <= 20
    probes = moments[opened:]
    assert all(later - one >= 3.9 for one, later in pairwise(probes))
    assert len(probes) >= 8
    source.reply = always(answer())
    began = clock.now
    while not isinstance(await outcome(client, calls), Answer):
        clock.now += 0.1
    assert clock.now - began <= 10
    assert all([isinstance(await outcome(client, "after", number), Answer) for number in range(50)])


async def test_what_is_not_asked_is_told_at_once_and_when_to_come_back(source: Wire, client: SourceClient) -> None:
    source.reply = always(b"")
    for number in range(5):
        await outcome(client, number)
    source.received.clear()
    started = time.perf_counter()
    errors = [await outcome(client, number) for number in range(50)]
    assert (time.perf_counter() - started) / 50 < 0.02
    assert source.received == []
    for error in errors:
        assert isinstance(error, SourceUnavailable)
        assert 0 < (error.retry_after_ms or 0) <= 6001


async def test_when_it_is_back_one_probe_goes_first_and_the_crowd_after_it(source: Wire, clock: Clock) -> None:
    client = client_of(source, clock, concurrency=32)
    source.reply = always(b"")
    for number in range(5):
        await outcome(client, number)
    source.received.clear()
    source.reply = silence
    clock.now += 6.1
    crowd = [asyncio.ensure_future(outcome(client, number)) for number in range(200)]
    while not source.received:
        await asyncio.sleep(0)
    await settle()
    assert len(source.received) == 1
    for one in crowd:
        one.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    await client.aclose()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
async def test_refusals_never_open_it(source: Wire, client: SourceClient, status: int) -> None:
    source.reply = always(answer(b"{}", status))
    for number in range(100):
        await outcome(client, number)
    assert len(source.received) == 100


async def test_a_limit_never_opens_it(source: Wire, client: SourceClient, clock: Clock) -> None:
    source.reply = always(answer(b"", 429, Retry_After="60"))
    for number in range(40):
        assert isinstance(await outcome(client, number), SourceRateLimited)
        clock.now += 61
    assert len(source.received) == 40


async def test_clients_that_leave_and_deadlines_of_ours_never_open_it(source: Wire, clock: Clock) -> None:
    client = client_of(source, clock, concurrency=32, queue=1000)
    source.reply = silence
    leaving = [asyncio.ensure_future(outcome(client, number)) for number in range(200)]
    while len(source.received) < 32:
        await asyncio.sleep(0)
    for one in leaving:
        one.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    late = await asyncio.gather(*(outcome(client, "late", number, by_s=0.15) for number in range(20)))
    assert {type(one) for one in late} == {DeadlineExceeded}
    source.reply = always(answer())
    assert isinstance(await outcome(client), Answer)
    await client.aclose()


async def test_one_callers_bad_token_is_nobody_elses_trouble(source: Wire, clock: Clock) -> None:
    async def by_token(received: Received) -> bytes | None:
        return answer(b"", 500) if received.headers["authorization"] == "bad" else answer()

    source.reply = by_token
    client = client_of(source, clock, Users())
    user.set("bad")
    for number in range(30):
        assert not isinstance(await outcome(client, number), Answer)
    asked = len(source.received)
    assert asked < 15
    user.set("good")
    for number in range(30):
        assert isinstance(await outcome(client, number), Answer)
    assert len(source.received) == asked + 30
    await client.aclose()


# ---------------------------------------------------------------- a source that says when


@pytest.mark.parametrize(
    ("header", "seconds"),
    [({"Retry_After": "2"}, 2), ({"Retry_After": "soon"}, 1), ({}, 1), ({"Retry_After": "date"}, 2)],
)
async def test_nothing_is_sent_before_the_time_and_then_the_call_goes_on(
    source: Wire, client: SourceClient, clock: Clock, header: dict[str, str], seconds: int
) -> None:
    if header.get("Retry_After") == "date":
        header = {"Retry_After": format_datetime(datetime.now(UTC) + timedelta(seconds=2.9), usegmt=True)}
    sent: list[float] = []

    async def limited(_: Received) -> bytes | None:
        sent.append(clock.now)
        return answer(b"", 429, **header) if len(sent) == 1 else answer()

    source.reply = limited
    first = asyncio.ensure_future(outcome(client, "one", by_s=30))
    while not sent:
        await asyncio.sleep(0)
    second = await outcome(client, "two", by_s=30)
    assert isinstance(await first, Answer)
    assert isinstance(second, Answer)
    assert sent[1] - sent[0] >= seconds - 0.2
    assert len(sent) == 3


async def test_a_source_that_is_away_for_a_while_says_so_too(source: Wire, client: SourceClient, clock: Clock) -> None:
    source.reply = always(answer(b"", 503, Retry_After="20"))
    error = await outcome(client, "one", by_s=10)
    assert isinstance(error, SourceUnavailable)
    assert error.retry_after_ms == 20_000
    assert isinstance(await outcome(client, "two", by_s=10), SourceRateLimited)
    assert len(source.received) == 1
    clock.now += 20
    source.reply = always(answer())
    assert isinstance(await outcome(client, "two", by_s=10), Answer)


async def test_who_cannot_wait_so_long_is_told_at_once(source: Wire, client: SourceClient, clock: Clock) -> None:
    source.reply = always(answer(b"", 429, Retry_After="5"))
    error = await outcome(client, "one", by_s=2)
    assert isinstance(error, SourceRateLimited)
    assert error.retry_after_ms == 5000
    clock.now += 1
    for number in range(10):
        error = await outcome(client, number, by_s=2)
        assert isinstance(error, SourceRateLimited)
        assert error.retry_after_ms == 4001
    assert len(source.received) == 1
    assert clock.slept == []


async def test_a_time_past_a_minute_is_a_minute(source: Wire, client: SourceClient, clock: Clock) -> None:
    source.reply = always(answer(b"", 429, Retry_After="86400"))
    await outcome(client)
    clock.now += 60.1
    source.reply = always(answer())
    assert isinstance(await outcome(client), Answer)


async def test_the_limit_of_one_caller_does_not_hold_another(source: Wire, clock: Clock) -> None:
    async def by_token(received: Received) -> bytes | None:
        return answer(b"", 429, Retry_After="60") if received.headers["authorization"] == "a" else answer()

    source.reply = by_token
    client = client_of(source, clock, Users())
    for name, expected in (("a", SourceRateLimited), ("b", Answer), ("a", SourceRateLimited), ("b", Answer)):
        user.set(name)
        assert isinstance(await outcome(client, by_s=5), expected)
    assert len(source.received) == 3
    await client.aclose()


async def test_calls_waiting_for_a_place_hear_of_a_limit_before_they_are_sent(source: Wire, clock: Clock) -> None:
    client = client_of(source, clock, concurrency=2)
    source.reply = always(answer(b"", 429, Retry_After="60"))
    errors = await asyncio.gather(*(outcome(client, number, by_s=5) for number in range(20)))
    assert {type(error) for error in errors} == {SourceRateLimited}
    assert len(source.received) == 2
    await client.aclose()


# ---------------------------------------------------------------- many at once


async def test_equal_questions_of_one_caller_are_asked_once_and_those_of_two_callers_twice(
    source: Wire, clock: Clock
) -> None:
    client = client_of(source, clock, Users())

    async def ask(name: str) -> Answer | SourceError:
        user.set(name)
        return await outcome(client, "things", by_s=5)

    answers = await asyncio.gather(*(ask("ab"[number % 2]) for number in range(200)))
    assert all(isinstance(one, Answer) for one in answers)
    assert sorted(received.headers["authorization"] for received in source.received) == ["a", "b"]
    await client.aclose()


async def test_the_first_to_leave_fails_nobody(source: Wire, client: SourceClient) -> None:
    go = asyncio.Event()

    async def held(_: Received) -> bytes | None:
        await go.wait()
        return answer()

    source.reply = held
    first, *others = (asyncio.ensure_future(outcome(client, by_s=5)) for _ in range(10))
    while not source.received:
        await asyncio.sleep(0)
    first.cancel()
    await settle()
    go.set()
    assert all([isinstance(await one, Answer) for one in others])
    assert len(source.received) == 1


async def test_when_all_have_left_no_call_is_left(source: Wire, clock: Clock) -> None:
    client = client_of(source, clock, concurrency=32, queue=1000)
    inside = 0

    async def counted(_: Received) -> bytes | None:
        nonlocal inside
        inside += 1
        try:
            await asyncio.Event().wait()
        finally:
            inside -= 1
        return None

    source.reply = counted
    crowd = [asyncio.ensure_future(outcome(client, number % 50, by_s=10)) for number in range(200)]
    while inside < 32:
        await asyncio.sleep(0)
    started = time.perf_counter()
    for one in crowd:
        one.cancel()
    while inside:
        await asyncio.sleep(0)
    assert time.perf_counter() - started < 0.25
    await asyncio.gather(*crowd, return_exceptions=True)
    await client.aclose()


async def test_of_a_herd_no_more_are_in_flight_than_allowed_and_the_rest_waits_or_is_told_so(
    source: Wire, clock: Clock
) -> None:
    inside, peak = 0, 0

    async def slow(_: Received) -> bytes | None:
        nonlocal inside, peak
        inside += 1
        peak = max(peak, inside)
        await asyncio.sleep(0.01)
        inside -= 1
        return answer()

    source.reply = slow
    client = client_of(source, clock, concurrency=32)
    outcomes = await asyncio.gather(*(outcome(client, number, by_s=10) for number in range(500)))
    assert peak == 32
    assert sum(isinstance(one, Answer) for one in outcomes) == 32 + 64
    assert {type(one) for one in outcomes} == {Answer, Overloaded}
    await client.aclose()


async def test_an_operation_of_a_hundred_calls_waits_for_them_all(source: Wire, clock: Clock) -> None:
    async def slow(_: Received) -> bytes | None:
        await asyncio.sleep(0.01)
        return answer()

    source.reply = slow
    client = client_of(source, clock, concurrency=4, queue=1, queue_s=0.05)
    with until(asyncio.get_running_loop().time() + 10):
        answers = await asyncio.gather(*(client.get([str(number)]) for number in range(100)))
    assert len(answers) == 100
    await client.aclose()


async def test_a_refused_token_is_told_as_it_is(source: Wire, client: SourceClient) -> None:
    source.reply = always(answer(b"", 401))
    errors = await asyncio.gather(*(outcome(client, by_s=5) for _ in range(10)))
    assert {type(error) for error in errors} == {SourceAuthFailed}
    assert len(source.received) == 1
