"""Work under way, by what it is for: who asks for the same meanwhile waits for it; it ends with the last of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True, eq=False)
class _Flight(Generic[V]):
    task: asyncio.Task[V]
    end: float
    waiting: int = 0
    failure: tuple[BaseException, TracebackType | None] | None = None


class Flights(Generic[K, V]):
    """Nothing is kept: what is over is forgotten at once, with its result."""

    def __init__(self) -> None:
        self._under_way: dict[K, _Flight[V]] = {}

    async def join(self, key: K, end: float, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The result of the work for `key`, begun here unless it is under way; it ends by `end` (event loop time).

        Work that has less than half the time left that is given here is left to those who wait for it, and begun anew.
        """
        now = asyncio.get_running_loop().time()
        flight = self._under_way.get(key)
        if flight is None or flight.end - now < (end - now) / 2:
            flight = self._begin(key, end, work)
        flight.waiting += 1
        try:
            # Not the task itself is awaited: who leaves would cancel it for all.
            await asyncio.wait({flight.task})
            if flight.failure is not None:
                # As it was raised: one exception raised by many would grow a traceback with each.
                raise flight.failure[0].with_traceback(flight.failure[1])
            return flight.task.result()
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._forget(key, flight)  # at once: who comes now must not wait for what is ending
                flight.task.cancel()
                await asyncio.wait({flight.task})

    def __len__(self) -> int:
        return len(self._under_way)

    def _begin(self, key: K, end: float, work: Callable[[], Coroutine[Any, Any, V]]) -> _Flight[V]:
        flight = self._under_way[key] = _Flight(asyncio.create_task(work()), end)

        def over(task: asyncio.Task[V]) -> None:
            self._forget(key, flight)
            # Read here, as the last to wait for it may just have left.
            error = None if task.cancelled() else task.exception()
            if error is not None:
                flight.failure = (error, error.__traceback__)

        flight.task.add_done_callback(over)
        return flight

    def _forget(self, key: K, flight: _Flight[V]) -> None:
        if self._under_way.get(key) is flight:
            del self._under_way[key]
