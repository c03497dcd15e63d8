"""Points by the minute: when a client has none left, when it has again, and that counting stays small."""

from __future__ import annotations

import pytest

from gateway.rate_limit import Buckets, charge
from gateway.request import Refused
from tests.gateway.served_keys import Clock


async def test_points_come_back_as_time_goes_by() -> None:
    clock = Clock()
    buckets = Buckets(60, 3, clock=clock)
    assert [await buckets.take("a", 1) for _ in range(4)] == [0, 0, 0, 1]
    clock.now += 0.5
    assert await buckets.take("a", 1) == 0.5
    clock.now += 0.5
    assert [await buckets.take("a", 1), await buckets.take("a", 1)] == [0, 1]
    clock.now += 3600
    assert [await buckets.take("a", 1) for _ in range(4)] == [0, 0, 0, 1]


async def test_clients_have_a_bucket_each() -> None:
    buckets = Buckets(60, 1, clock=Clock())
    assert [await buckets.take(client, 1) for client in "abca"] == [0, 0, 0, 1]


async def test_who_waits_as_told_is_let_in() -> None:
    clock = Clock()
    buckets = Buckets(10, 20, clock=clock)
    for points in (20, 7, 1, 13):
        clock.now += await buckets.take("a", points)
        if points != 20:
            assert await buckets.take("a", points) == 0


async def test_what_costs_more_than_a_bucket_holds_needs_a_full_one_and_leaves_a_debt() -> None:
    clock = Clock()
    buckets = Buckets(60, 10, clock=clock)
    assert await buckets.take("a", 1) == 0
    assert await buckets.take("a", 100) == 1
    clock.now += 1
    assert await buckets.take("a", 100) == 0
    assert await buckets.take("a", 1) == 91


@pytest.mark.parametrize("burst", [1, 10, 41, 100])
async def test_an_operation_and_its_calls_are_let_in_who_waits_as_told(burst: int) -> None:
    """Each time it is asked it takes its own point first, also where its calls are then refused: told once for want of
    that point, and once for want of the others. A full bucket lets in what costs more than it holds.
    """
    clock = Clock()
    buckets = Buckets(60, burst, clock=clock)

    async def asked() -> float:
        return await buckets.take("a", 1) or await buckets.take("a", 40, paid=1)

    assert await asked() == 0
    for _ in range(5):
        waits = []
        while wait_s := await asked():
            waits.append(wait_s)
            clock.now += wait_s
            assert len(waits) <= 2
        if burst < 41:
            assert sum(waits) >= 40


async def test_however_many_clients_there_are_the_memory_is_bounded() -> None:
    buckets = Buckets(60, 10, clock=Clock(), most=100)
    await buckets.take("kept", 10)
    for number in range(1000):
        await buckets.take(str(number), 1)
        await buckets.take("kept", 1)
    assert len(buckets) == 100
    assert await buckets.take("kept", 1) > 0


async def test_a_refusal_says_when_to_ask_again() -> None:
    buckets = Buckets(40, 1, clock=Clock())
    await charge(buckets, "a", 1)
    with pytest.raises(Refused) as refused:
        await charge(buckets, "a", 1)
    assert refused.value.status == 429
    assert refused.value.headers == {"Retry-After": "2"}
    assert refused.value.extensions == {"code": "RATE_LIMITED", "retryable": True, "retryAfterMs": 1500}
    await charge(None, "a", 10**9)
