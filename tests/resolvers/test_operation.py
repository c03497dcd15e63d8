"""One operation is one deadline, one record of calls and one set of shared answers, whatever runs beside it."""

from __future__ import annotations

import asyncio

import pytest

from resolvers.operation import Call, deadline, record, recording, shared, until


def call(path: str) -> Call:
    return Call("source", "GET", path)


def fail() -> None:
    raise KeyError


def send_and_fail() -> None:
    record(call("/"))
    raise KeyError


def test_outside_of_an_operation_there_is_no_deadline_and_nothing_is_shared() -> None:
    assert deadline() is None
    assert shared() is None
    record(call("/"))  # counted nowhere


def test_an_operation_ends_with_its_block_even_if_that_fails() -> None:
    with pytest.raises(KeyError), until(5.0):
        fail()
    assert deadline() is None
    assert shared() is None


def test_an_operation_inside_another_shares_nothing_with_it() -> None:
    with until(5.0):
        outer = shared()
        with until(3.0):
            assert deadline() == 3.0
            assert shared() is not outer
        assert deadline() == 5.0
        assert shared() is outer


def test_an_inner_record_has_its_own_calls_and_an_outer_one_has_them_too() -> None:
    one, two, three = call("/1"), call("/2"), call("/3")
    with recording() as outer:
        record(one)
        with recording() as inner:
            record(two)
        record(three)
    assert inner == [two]
    assert outer == [one, two, three]


def test_a_record_that_ends_with_an_error_still_reaches_the_outer_one() -> None:
    with recording() as outer:
        with pytest.raises(KeyError), recording():
            send_and_fail()
        assert len(outer) == 1


def test_two_calls_of_one_address_are_two() -> None:
    assert call("/") != call("/")
    assert len({call("/"), call("/")}) == 2


async def test_tasks_belong_to_the_operation_that_started_them() -> None:
    async def inside() -> tuple[float | None, int | None]:
        record(call("/"))
        return deadline(), id(shared())

    async def operation(moment: float) -> tuple[tuple[float | None, int | None], int]:
        with until(moment), recording() as calls:
            answer = await asyncio.create_task(inside())
            return answer, len(calls)

    (one, one_calls), (two, two_calls) = await asyncio.gather(operation(1.0), operation(2.0))
    assert (one[0], two[0]) == (1.0, 2.0)
    assert one[1] != two[1]
    assert (one_calls, two_calls) == (1, 1)
