"""How many second attempts a source gets: while most first ones succeed, and while none does."""

from __future__ import annotations

from random import Random

import pytest

from resolvers.upstream.retries import RetryBudget
from tests.resolvers.upstream.clock import Clock


def asked(budget: RetryBudget, *, fails: bool) -> bool:
    """One call; whether it was tried again."""
    budget.began()
    budget.ended(succeeded=not fails)
    return fails and budget.take()


def test_every_failed_call_is_tried_again_while_most_succeed() -> None:
    clock, random = Clock(), Random(3)
    budget = RetryBudget(clock, Random(1))
    wanted = given = 0
    for _ in range(2000):
        fails = random.random() < 0.3
        wanted += fails
        given += asked(budget, fails=fails)
        clock.now += 0.005
    assert given > 0.99 * wanted


@pytest.mark.parametrize(("successes", "tried_again"), [(5, 100), (4, 3)])
def test_a_quarter_of_the_last_twenty_calls_is_enough_to_try_every_failed_one_again(
    successes: int, tried_again: int
) -> None:
    """A fifth is not: then three in ten seconds are left."""
    budget = RetryBudget(Clock(), Random(1))
    for _ in range(20):
        budget.began()
    given = 0
    for _ in range(100):
        for number in range(20):
            budget.ended(succeeded=number < successes)
        given += budget.take()
    assert given == tried_again


def test_in_an_outage_a_tenth_of_the_calls_is_tried_again() -> None:
    clock = Clock()
    budget = RetryBudget(clock, Random(1))
    for _ in range(100):
        asked(budget, fails=False)
    retries = calls = 0
    while clock.now < 1060:
        retries += asked(budget, fails=True)
        calls += 1
        clock.now += 0.05
    assert calls > 1000
    assert retries <= calls * 0.11 + 15  # so many before the outage is noticed


def test_where_little_is_asked_three_retries_in_ten_seconds_are_left() -> None:
    clock = Clock()
    budget = RetryBudget(clock, Random(1))
    assert [asked(budget, fails=True) for _ in range(6)] == [True] * 3 + [False] * 3
    clock.now += 10.1
    assert [asked(budget, fails=True) for _ in range(4)] == [True] * 3 + [False]


def test_those_who_failed_together_do_not_come_back_together() -> None:
    budget = RetryBudget(Clock(), Random(1))
    waits = [budget.wait_s() for _ in range(1000)]
    assert min(waits) >= 0.05
    assert max(waits) <= 0.4
    assert len({round(wait, 2) for wait in waits}) > 30


def test_nothing_is_remembered_for_longer_than_it_counts() -> None:
    clock = Clock()
    budget = RetryBudget(clock, Random(1))
    for _ in range(5000):
        asked(budget, fails=False)
        clock.now += 0.1
    assert len(budget._calls) <= 101
