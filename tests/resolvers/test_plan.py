"""What is said of the cost of keys before anybody knows which source has which."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolvers.sources import Need
from resolvers.sources.plan import EACH, Plan, shared_out, singly

numbers = st.integers(1, 30)


def plans(needs: bool = True) -> st.SearchStrategy[Plan]:
    first = st.integers(1, 12)
    behind = plans(needs=False).map(lambda plan: {Need.VALUES: plan}) if needs else st.just({})
    return st.builds(
        lambda first, less, together, each, most, needs: Plan(
            max(1, first - less), first, together, each, first + most, needs
        ),
        first,
        st.integers(0, 5),
        numbers,
        st.integers(0, 5),
        st.integers(0, 40),
        behind,
    )


@given(st.lists(st.tuples(plans(), st.integers(0, 120)), min_size=1, max_size=4))
def test_no_way_to_share_keys_out_costs_more_than_was_said(shares: list[tuple[Plan, int]]) -> None:
    needs = frozenset({Need.VALUES, Need.TAGS})
    said = shared_out([plan for plan, _ in shares], sum(keys for _, keys in shares), needs)
    assert sum(plan.calls(keys, needs) for plan, keys in shares) <= said


@given(plans(), st.integers(0, 300))
def test_more_keys_never_cost_less(plan: Plan, keys: int) -> None:
    assert plan.calls(keys) <= plan.calls(keys + 1)


def test_an_adapter_that_says_nothing_is_taken_for_one_call_a_key() -> None:
    assert [EACH.calls(keys) for keys in (0, 1, 7)] == [0, 1, 7]
    assert singly(3).calls(4) == 12
    assert shared_out([EACH, EACH], 1) == 1
    assert shared_out([], 5) == 0
