"""How many operations are let in: as many as the event loop bears, some more in a short line, and no others."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.codes import RequestCode
from gateway.request import Refused

LEAST = 8
"""Places there always are."""
FIRST = 32
"""Places a gateway begins with; it has more as soon as somebody waits and there is time left to compute in."""
BUSY, FREE = 0.95, 0.85
"""The share of its time the event loop's thread computes: from the first on, more at once is only slower for all."""
LATE_S = 0.006
"""How late the event loop usually is where others take the processor from it, so that its share looks small."""
TICKS = 10
"""Its delay is measured so often before it is judged, by the middle: one pause is no load."""
RETRY_AFTER_S = 1
_TICK_S = 0.01
_FIRST_GUESS_S = 0.1
_MANY, _LATELY_S = 100, 5.0


class Admission:
    """Places for operations, at most `most` and fewer while the event loop computes all the time.

    One that finds no place waits in a line of `line` at most, for `wait_s` at most. What waits for sources costs
    nothing, so places are added while somebody waits and there is time left to compute in; once there is none, each
    operation more makes all of them slower, and costs more itself (half as much again with 32 at once as with 8), so a
    third of the places is taken away. `computed_s` is the processor time that this thread has had.
    """

    def __init__(
        self,
        most: int = 64,
        line: int = 256,
        wait_s: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
        computed_s: Callable[[], float] = time.thread_time,
    ) -> None:
        self._most, self._longest, self._wait_s, self._clock = most, line, wait_s, clock
        self._computed_s = computed_s
        self._allowed = min(FIRST, most)
        self._running = 0
        self._line: deque[asyncio.Future[None]] = deque()
        self._refused: deque[float] = deque(maxlen=_MANY)
        self._ticking = False
        self._delays: list[float] = []
        self._measured_from = (0.0, 0.0)
        self._took_s = _FIRST_GUESS_S

    def check(self) -> None:
        """Raise Refused if one that came now would be refused at once: before it is even read, that costs least."""
        if not self._free and self._hopeless:
            raise self._refusal()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place for one operation; raises Refused (503) where there is none, nor will be soon."""
        if self._free:
            self._running += 1
        else:
            await self._wait()
        self._tick()
        began = self._clock()
        try:
            yield
        finally:
            self._took_s += (self._clock() - began - self._took_s) / 10
            self._running -= 1
            self._admit()

    @property
    def overloaded(self) -> bool:
        """Whether so many were refused lately that others should be asked instead."""
        return len(self._refused) == _MANY and self._clock() - self._refused[0] < _LATELY_S

    def late(self, seconds: float) -> None:
        """The event loop was late by so much: now and then, have fewer places, or more where they are wanted."""
        self._delays.append(seconds)
        if len(self._delays) < TICKS:
            return
        since, computed_s = self._measured_from
        busy = (self._computed_s() - computed_s) / max(self._clock() - since, _TICK_S)
        middle = sorted(self._delays)[TICKS // 2]
        self._begin_to_measure()
        if middle > LATE_S or busy > BUSY:
            self._allowed = max(min(LEAST, self._most), self._allowed * 2 // 3)
        elif busy < FREE and self._line and self._running >= self._allowed:
            self._allowed = min(self._most, self._allowed + max(1, self._allowed // 2))
            self._admit()

    @property
    def _free(self) -> bool:
        return not self._line and self._running < self._allowed

    @property
    def _hopeless(self) -> bool:
        """Whether the line is full, or so long that who joined it might well be refused in the end."""
        expected_s = (len(self._line) + 1) * self._took_s / self._allowed
        return len(self._line) >= self._longest or expected_s > self._wait_s / 2

    async def _wait(self) -> None:
        if self._hopeless:
            raise self._refusal()
        place = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            async with asyncio.timeout(self._wait_s):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                # It was given the place in the moment it left.
                self._running -= 1
                self._admit()
            elif place in self._line:
                self._line.remove(place)
            if isinstance(error, TimeoutError):
                raise self._refusal() from None
            raise

    def _admit(self) -> None:
        while self._line and self._running < self._allowed:
            place = self._line.popleft()
            if not place.done():
                self._running += 1
                place.set_result(None)

    def _refusal(self) -> Refused:
        self._refused.append(self._clock())
        return overloaded("The gateway has more to do than it can.")

    def _begin_to_measure(self) -> None:
        self._delays.clear()
        self._measured_from = (self._clock(), self._computed_s())

    def _tick(self) -> None:
        """Watch the event loop for as long as anything runs."""
        if self._ticking:
            return
        self._ticking = True
        self._begin_to_measure()
        loop = asyncio.get_running_loop()

        def tick(asked: float) -> None:
            self.late(self._clock() - asked - _TICK_S)
            if self._running or self._line:
                loop.call_later(_TICK_S, tick, self._clock())
            else:
                self._ticking = False

        loop.call_later(_TICK_S, tick, self._clock())


def overloaded(message: str) -> Refused:
    """What is answered to those that are not let in, by now."""
    return Refused(
        503,
        message,
        {"Retry-After": str(RETRY_AFTER_S)},
        code=RequestCode.OVERLOADED,
        more={"retryable": True, "retryAfterMs": RETRY_AFTER_S * 1000},
    )
