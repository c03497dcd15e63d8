"""When a source is left alone, and when it is asked again: in a time the test moves."""

from __future__ import annotations

from random import Random

import pytest

from resolvers.upstream.breaker import Breaker
from tests.resolvers.upstream.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock, Random(1))


def call(breaker: Breaker, succeeded: bool) -> bool:
    """One call; whether it was let through."""
    era = breaker.enter()
    if era is not None:
        breaker.tell(era, succeeded=succeeded)
    return era is not None


def fail(breaker: Breaker, times: int = 5) -> None:
    for _ in range(times):
        call(breaker, False)


def test_opens_after_five_failures_in_a_row_and_not_before(breaker: Breaker) -> None:
    fail(breaker, 4)
    assert not breaker.open
    fail(breaker, 1)
    assert breaker.open


def test_opens_within_twenty_calls_after_any_number_of_good_ones(breaker: Breaker) -> None:
    for _ in range(1000):
        call(breaker, True)
    calls = 0
    while not breaker.open:
        call(breaker, False)
        calls += 1
    assert calls == 5


def test_opens_where_half_of_ten_calls_fail_and_not_where_fewer_do(breaker: Breaker) -> None:
    for number in range(60):
        call(breaker, number % 10 > 2)
        assert not breaker.open
    for number in range(20):
        call(breaker, number % 2 == 0)
    assert breaker.open


def test_failures_that_lie_far_apart_do_not_count_together(breaker: Breaker, clock: Clock) -> None:
    for _ in range(20):
        call(breaker, False)
        clock.now += 2.6
    assert not breaker.open


def test_stays_closed_where_single_calls_fail_twice_though_a_third_of_all_requests_do(breaker: Breaker) -> None:
    """0.3 of the requests fail and each call has two: 0.09 of the calls."""
    random = Random(7)
    for _ in range(10_000):
        call(breaker, random.random() > 0.09)
        assert not breaker.open


def test_open_it_lets_nothing_through_but_one_probe_every_five_seconds(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    moments = []
    while clock.now < 1060:
        if call(breaker, False):
            moments.append(clock.now)
        clock.now += 0.01
    gaps = [later - one for one, later in zip([1000.0, *moments], moments, strict=False)]
    assert all(3.99 <= gap <= 6.02 for gap in gaps)
    assert len({round(gap, 1) for gap in gaps}) > 3
    assert 10 <= len(moments) <= 15


def test_one_probe_is_under_way_at_a_time_however_long_it_takes(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += breaker.wait_s()
    assert breaker.enter() is not None
    assert [breaker.enter() for _ in range(100)] == [None] * 100
    assert breaker.wait_s() > 3.9


def test_the_first_good_probe_opens_the_way_for_all(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += breaker.wait_s()
    assert call(breaker, True)
    assert not breaker.open
    assert breaker.wait_s() == 0
    fail(breaker, 4)
    assert not breaker.open


def test_a_probe_that_fails_or_is_never_told_of_is_followed_by_the_next(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    for told in (True, False):
        clock.now += breaker.wait_s()
        era = breaker.enter()
        assert era is not None
        if told:
            breaker.tell(era, succeeded=False)
        assert breaker.enter() is None
    clock.now += breaker.wait_s()
    assert call(breaker, True)
    assert not breaker.open


def test_what_began_before_it_opened_neither_closes_nor_opens_it(breaker: Breaker, clock: Clock) -> None:
    early = breaker.enter()
    assert early is not None
    fail(breaker)
    breaker.tell(early, succeeded=True)
    assert breaker.open
    late = [early] * 10
    clock.now += breaker.wait_s()
    assert call(breaker, True)
    for era in late:
        breaker.tell(era, succeeded=False)
    assert not breaker.open


def test_it_is_idle_when_it_knows_nothing_of_use(breaker: Breaker, clock: Clock) -> None:
    assert breaker.idle
    call(breaker, True)
    assert not breaker.idle
    clock.now += 11
    assert breaker.idle
    fail(breaker)
    clock.now += 11
    assert not breaker.idle
