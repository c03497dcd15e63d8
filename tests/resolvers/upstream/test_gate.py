"""What a source said of coming back, and how fast it may then be asked: in a time the test moves."""

from __future__ import annotations

import pytest

from resolvers.upstream.gate import Gate
from tests.resolvers.upstream.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate(clock)


def test_nothing_waits_at_a_source_that_never_refused(gate: Gate) -> None:
    for _ in range(1000):
        assert gate.take() == 0
        gate.answered()
    assert gate.idle


def test_nothing_goes_before_the_time_that_was_told(gate: Gate, clock: Clock) -> None:
    gate.refused(2.0)
    assert gate.closed_s() == gate.wait_s() == 2.0
    clock.now += 1.5
    assert gate.closed_s() == pytest.approx(0.5)
    assert gate.take() == pytest.approx(0.5)


def test_of_two_times_the_later_one_counts(gate: Gate, clock: Clock) -> None:
    gate.refused(5.0)
    gate.refused(1.0)
    assert gate.closed_s() == 5.0


@pytest.mark.parametrize("in_flight", [1, 8])
def test_a_source_that_takes_five_calls_a_second_seldom_has_to_refuse(gate: Gate, clock: Clock, in_flight: int) -> None:
    """A bucket of five calls, five more each second; far more calls want to be sent, several at a time."""
    tokens, filled, sent, refused = 5.0, clock.now, 0, 0
    while clock.now < 1060:
        if not gate.closed_s():
            for _ in range(in_flight):
                if gate.wait_s():
                    break
                gate.take()
                tokens = min(5.0, tokens + (clock.now - filled) * 5)
                filled = clock.now
                sent += 1
                if tokens < 1:
                    refused += 1
                    gate.refused(1.0)
                else:
                    tokens -= 1
                    gate.answered()
        clock.now += 0.01
    assert sent > 60 * 5 * 0.6
    assert refused <= sent * 0.05


def test_turns_are_given_one_after_the_other(gate: Gate, clock: Clock) -> None:
    for _ in range(5):
        gate.answered()
    gate.refused(1.0)
    assert [round(gate.take(), 2) for _ in range(4)] == [1.0, 1.25, 1.5, 1.75]


def test_a_minute_without_a_refusal_ends_the_spacing(gate: Gate, clock: Clock) -> None:
    gate.answered()
    gate.refused(1.0)
    assert not gate.idle
    clock.now += 61.5
    gate.answered()
    assert gate.idle
    assert [gate.take() for _ in range(10)] == [0.0] * 10
