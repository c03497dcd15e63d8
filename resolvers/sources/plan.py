"""How many calls a batch method may make for some keys: each adapter says it of its own methods, beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from resolvers.sources import Need, Needs

UNBOUNDED = 10**9


@dataclass(frozen=True, slots=True)
class Plan:
    """`alone` calls for one key, `first` for the first `together` keys, `each` for as many more; at most `most`.

    `needs`: what parts of a row cost besides. Lists are counted in pages of 100 rows.
    """

    alone: int = 1
    first: int = 1
    together: int = 1
    each: int = 1
    most: int = UNBOUNDED
    needs: Mapping[Need, Plan] = field(default_factory=dict)

    def calls(self, keys: int, needs: Needs = frozenset()) -> int:
        if keys <= 0:
            return 0
        own = self.alone if keys == 1 else min(self.first + self.each * self.rounds(keys), self.most)
        return own + sum(self.needs[need].calls(keys) for need in needs if need in self.needs)

    def start(self, needs: Needs) -> int:
        """Calls for the first keys that go together, where there is more than one."""
        return self.first + sum(self.needs[need].start(frozenset()) for need in needs if need in self.needs)

    def rate(self, needs: Needs) -> float:
        """Calls for each further key, whatever the most is."""
        own = self.each / self.together
        return own + sum(self.needs[need].rate(frozenset()) for need in needs if need in self.needs)

    def rounds(self, keys: int) -> int:
        """How often it asks again, as the keys are more than go together."""
        return max(0, -(-keys // self.together) - 1)


def singly(calls: int = 1, needs: Mapping[Need, Plan] | None = None) -> Plan:
    """So many calls for every key."""
    return Plan(calls, calls, 1, calls, needs=needs or {})


EACH = singly()
"""One call a key: what a method is taken for that says nothing."""

Plans = Mapping[str, Plan]
"""By batch method; a list's filter adds `.owner` or `.scan`, experiments that ended `.ever`."""


def shared_out(plans: Sequence[Plan], keys: int, needs: Needs = frozenset()) -> int:
    """The calls for keys that are shared out among several methods, nobody knows how."""
    if keys <= 0 or not plans:
        return 0
    alone = [plan.calls(keys, needs) for plan in plans]
    if keys == 1 or len(plans) == 1:
        return max(alone)
    # Each asks for its first keys; all others go where they take the most calls, until there it takes no more.
    first = [plan.start(needs) for plan in plans]
    left, onward = float(keys), 0.0
    for rate, room in sorted(
        ((plan.rate(needs), whole - part) for plan, whole, part in zip(plans, alone, first, strict=True)), reverse=True
    ):
        if rate > 0:
            taken = min(float(room), rate * left)
            left, onward = left - taken / rate, onward + taken
    return min(sum(alone), sum(sorted(first)[-keys:]) + math.ceil(onward))
