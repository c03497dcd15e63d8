"""GrowthBook's calls a minute, as its answers tell them."""

from __future__ import annotations

import pytest

from resolvers.errors import SourceRateLimited
from resolvers.sources.experimentation.growthbook_budget import CallBudget


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def told(remaining: object, reset: object) -> dict[str, str]:
    return {"ratelimit-remaining": str(remaining), "ratelimit-reset": str(reset)}


def test_answers_of_one_window_count_in_any_order_and_a_new_window_starts_anew() -> None:
    clock = Clock()
    budget = CallBudget("growthbook", clock)
    budget.require(1000)  # nothing is known yet

    budget.told(told(3, 30))
    budget.told(told(5, 31))
    with pytest.raises(SourceRateLimited):
        budget.require(4)
    budget.require(3)
    clock.now += 1
    budget.told(told(59, 60))
    budget.require(59)


def test_calls_in_flight_are_spent() -> None:
    budget = CallBudget("growthbook", Clock())
    budget.told(told(2, 30))

    with budget.spending(), budget.spending(), pytest.raises(SourceRateLimited):
        budget.require(1)
    budget.require(2)


def test_without_readable_headers_nothing_is_known() -> None:
    budget = CallBudget("growthbook", Clock())
    budget.told({})
    budget.told(told("none", "soon"))

    budget.require(1000)
