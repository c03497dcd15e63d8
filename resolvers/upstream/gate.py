"""When a source may be asked again that said "not now": nothing is sent before, and then no faster than it took before.

After a 429 calls are spaced at four fifths of what was answered in the second before it, a hundredth faster with each
answer, until a minute has passed without another one. So a source with a steady limit seldom says no.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_SPACED_S = 60.0
_SHARE, _FASTER = 0.8, 1.01


class Gate:
    """Of one credential of one source. `clock` in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._opens = 0.0
        self._answered: deque[float] = deque(maxlen=256)
        self._rate: float | None = None
        """Calls a second."""
        self._spaced_until = 0.0
        self._next = 0.0

    @property
    def idle(self) -> bool:
        return self._rate is None and self.closed_s() == 0.0

    def closed_s(self) -> float:
        """How long nothing may be sent at all."""
        return max(self._opens - self._clock(), 0.0)

    def wait_s(self) -> float:
        """How long a call would wait for its turn; 0 where nothing is known of a limit."""
        now = self._clock()
        return max(self._opens - now, 0.0 if self._rate is None else self._next - now, 0.0)

    def take(self) -> float:
        """A turn, and the seconds to wait for it."""
        wait_s = self.wait_s()
        if self._rate is not None:
            self._next = self._clock() + wait_s + 1 / self._rate
        return wait_s

    def refused(self, wait_s: float) -> None:
        """The source said to come back after so long."""
        now = self._clock()
        self._opens = max(self._opens, now + wait_s)
        recent = sum(at >= now - 1 for at in self._answered)
        # Calls that were in flight together are refused together: the first of them said how fast is too fast.
        if self._rate is None or recent:
            self._rate = max(recent, 1) * _SHARE
        self._answered.clear()
        self._spaced_until = self._opens + _SPACED_S

    def answered(self) -> None:
        """A call was not refused."""
        now = self._clock()
        self._answered.append(now)
        if self._rate is not None:
            self._rate = self._rate * _FASTER if now < self._spaced_until else None
