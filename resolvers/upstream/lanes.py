"""What is known of a source by the credential it is asked with: one caller's troubles are not another's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from random import Random
from typing import NamedTuple, TypeVar

from resolvers.upstream.breaker import Breaker
from resolvers.upstream.gate import Gate

V = TypeVar("V", Breaker, Gate)

MOST = 1000
"""Credentials of callers that are kept in mind."""


class Lane(NamedTuple):
    breaker: Breaker
    gate: Gate


class Lanes:
    """A breaker for each scope, all of the gateway's own credentials together; a gate for each credential of each."""

    def __init__(self, clock: Callable[[], float], random: Random) -> None:
        self._clock, self._random = clock, random
        self._breakers: OrderedDict[Hashable, Breaker] = OrderedDict()
        self._gates: OrderedDict[Hashable, Gate] = OrderedDict()

    def of(self, credential: str, scope: str) -> Lane:
        breaker = _kept(self._breakers, scope, lambda: Breaker(self._clock, self._random))
        return Lane(breaker, _kept(self._gates, (credential, scope), lambda: Gate(self._clock)))


def _kept(known: OrderedDict[Hashable, V], key: Hashable, make: Callable[[], V]) -> V:
    """The one of this key; past the bound those that remember nothing go first, then the one not used longest."""
    found = known.get(key)
    if found is None:
        found = known[key] = make()
        if len(known) > MOST:
            for other in [name for name, one in known.items() if name != key and one.idle] or [next(iter(known))]:
                del known[other]
    known.move_to_end(key)
    return found
