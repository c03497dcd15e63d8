"""Second attempts: how many a source gets, and how long each waits.

A retry helps where some calls fail and harms where all do. So every failed call may be tried once more while at least
a quarter of the last twenty first attempts succeeded; otherwise retries are at most a tenth of the calls of the last
ten seconds, or three.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from random import Random

ATTEMPTS = 2
WINDOW_S = 10.0
SHARE = 0.1
LEAST = 3
WINDOW_CALLS = 20
"""First attempts that tell whether enough succeed: the last of them, so that an outage is known of soon."""
ENOUGH = 0.25
WAIT_S = (0.05, 0.4)


class RetryBudget:
    """The retries of one source, over all that asks it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, random: Random | None = None) -> None:
        self._clock, self._random = clock, random or Random()  # noqa: S311 - a jitter
        self._calls: deque[float] = deque()
        self._retries: deque[float] = deque()
        self._outcomes: deque[bool] = deque(maxlen=WINDOW_CALLS)

    def began(self) -> None:
        """Count a call."""
        now = self._clock()
        self._forget(now)
        self._calls.append(now)

    def ended(self, *, succeeded: bool) -> None:
        """How the first attempt of a call ended."""
        self._outcomes.append(succeeded)

    def take(self) -> bool:
        """Whether a failed call may be tried once more; if so, it is counted."""
        now = self._clock()
        self._forget(now)
        healthy = self._outcomes.count(True) >= ENOUGH * max(len(self._outcomes), 1)
        if not healthy and len(self._retries) >= max(LEAST, int(SHARE * len(self._calls))):
            return False
        self._retries.append(now)
        return True

    def wait_s(self) -> float:
        """Full jitter: those who failed together do not come back together."""
        return self._random.uniform(*WAIT_S)

    def _forget(self, now: float) -> None:
        for moments in (self._calls, self._retries):
            while moments and moments[0] < now - WINDOW_S:
                moments.popleft()
