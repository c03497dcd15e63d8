"""A breaker for one credential of one source: while calls fail it lets none through but a probe now and then.

It opens when the last five calls failed, or half of the last ten to twenty, none of them older than ten seconds.
Open, it lets one call through every five seconds (a fifth more or less, so that many gateways do not probe at once);
the first that succeeds closes it. What is told of a call begun before it opened changes nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from random import Random

WINDOW_CALLS = 20
WINDOW_S = 10.0
IN_A_ROW = 5
ENOUGH = 10
"""Calls of which half must have failed."""
PROBE_S = 5.0
JITTER = 0.2


class Breaker:
    """`clock` in seconds. Calls that were cancelled, refused or limited are told of to nobody: they say nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, random: Random | None = None) -> None:
        self._clock, self._random = clock, random or Random()  # noqa: S311 - a jitter
        self._calls: deque[tuple[float, bool]] = deque(maxlen=WINDOW_CALLS)
        self._probe_at: float | None = None
        """When open: from when on the next call may be a probe."""
        self._era = 0
        """Counts openings and probes: what began in an earlier one tells nothing of this one."""

    @property
    def open(self) -> bool:
        return self._probe_at is not None

    @property
    def idle(self) -> bool:
        """Whether nothing is remembered that a new breaker would not know."""
        return not self.open and (not self._calls or self._calls[-1][0] < self._clock() - WINDOW_S)

    def wait_s(self) -> float:
        """How long no call is let through; 0 for a call that may go now."""
        return 0.0 if self._probe_at is None else max(self._probe_at - self._clock(), 0.0)

    def enter(self) -> int | None:
        """Let one call through: the number to tell its outcome by, or None where it may not go."""
        if self._probe_at is not None:
            if self._clock() < self._probe_at:
                return None
            self._wait_for_probe()
        return self._era

    def tell(self, era: int, *, succeeded: bool) -> None:
        """How a call ended that `enter` let through."""
        if era != self._era:
            return
        if self._probe_at is not None:
            if succeeded:
                self._probe_at = None
                self._era += 1
                self._calls.clear()
            return
        now = self._clock()
        self._calls.append((now, succeeded))
        if not succeeded and self._broken(now):
            self._wait_for_probe()

    def _broken(self, now: float) -> bool:
        recent = [succeeded for at, succeeded in self._calls if at >= now - WINDOW_S]
        if len(recent) >= IN_A_ROW and not any(recent[-IN_A_ROW:]):
            return True
        return len(recent) >= ENOUGH and recent.count(False) * 2 >= len(recent)

    def _wait_for_probe(self) -> None:
        self._era += 1
        self._probe_at = self._clock() + PROBE_S * (1 + JITTER * (2 * self._random.random() - 1))
