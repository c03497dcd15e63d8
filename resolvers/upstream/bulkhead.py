"""The places for calls in flight to one source, given to the operations that wait for them in turn.

An operation waits with any number of calls: what it asks for was bounded before. Refused is one that would be too many
in the queue, or that got no place, while no call of its own was under way, in the time a place may be waited for. So a
large query is slow at a slow source, and a queue that does not move is left.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class FullError(Exception):
    """There is no place to be had soon."""


class _Operation:
    __slots__ = ("given", "inside", "waiting")

    def __init__(self) -> None:
        self.inside, self.given = 0, 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class Bulkhead:
    """`places` in flight, `queue` operations waiting, each for `wait_s` seconds without a call of its own."""

    def __init__(self, places: int, queue: int, wait_s: float) -> None:
        self._free, self._queue, self._wait_s = places, queue, wait_s
        self._operations: dict[Hashable, _Operation] = {}
        self._turns: deque[Hashable] = deque()
        """Operations that wait, the next one first."""

    @asynccontextmanager
    async def place(self, operation: Hashable) -> AsyncIterator[None]:
        """Hold a place; raises FullError."""
        its = self._operations.get(operation)
        if its is None:
            its = self._operations[operation] = _Operation()
        try:
            if self._free and not self._turns:
                self._free -= 1
                its.inside += 1
            else:
                await self._wait(operation, its)
            try:
                yield
            finally:
                its.inside -= 1
                self._pass_on()
        finally:
            if not its.inside and not its.waiting:
                self._operations.pop(operation, None)

    async def _wait(self, operation: Hashable, its: _Operation) -> None:
        if not its.waiting:
            if len(self._turns) >= self._queue:
                raise FullError
            self._turns.append(operation)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        its.waiting.append(place)
        try:
            given = -1
            while not place.done():
                if given == its.given and not its.inside:
                    raise FullError
                given = its.given
                await asyncio.wait((place,), timeout=self._wait_s)
        except BaseException:
            if place.done():
                its.inside -= 1
                self._pass_on()
            else:
                its.waiting.remove(place)
                if not its.waiting:
                    self._turns.remove(operation)
            raise

    def _pass_on(self) -> None:
        """A place is free: it goes to the operation whose turn it is."""
        if not self._turns:
            self._free += 1
            return
        operation = self._turns.popleft()
        its = self._operations[operation]
        its.waiting.popleft().set_result(None)
        its.inside += 1
        its.given += 1
        if its.waiting:
            self._turns.append(operation)
