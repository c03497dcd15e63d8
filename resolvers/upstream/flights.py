"""Equal calls at one time are made once: a call belongs to nobody, and ends when the last who waits for it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from resolvers.errors import SourceError
from resolvers.operation import Call, deadline, detached, operation, record

T = TypeVar("T")


class EndedError(Exception):
    """All calls were ended, as the client is closed."""


class Flight:
    """What a call under way knows of those who wait for it."""

    def __init__(self) -> None:
        self.operation: Hashable = operation()
        """Whose turn it takes at the source: that of the first."""
        self.ends: float | None = deadline()
        """The last of their deadlines, by the event loop's clock; None where one of them has none."""
        self.calls: list[Call] = []
        self.waiting = 0


Start = Callable[[Flight], Coroutine[Any, Any, T]]


class Flights(Generic[T]):
    """The calls under way, by what they ask."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, tuple[Flight, asyncio.Task[T | SourceError]]] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._under_way

    async def join(self, key: Hashable, start: Start[T]) -> tuple[T, tuple[Call, ...]]:
        """What the call under way answers, or the one started here, with the requests it took.

        Raises its SourceError, a fresh one for each who waits, and TimeoutError at the deadline of the operation this
        runs in; the call goes on for the others.
        """
        known = self._under_way.get(key)
        if known is None:
            flight = Flight()
            task = asyncio.get_running_loop().create_task(self._fly(key, flight, start), context=detached(flight.calls))
            self._under_way[key] = flight, task
        else:
            flight, task = known
        ends = deadline()
        flight.ends = None if ends is None or flight.ends is None else max(flight.ends, ends)
        flight.waiting += 1
        try:
            async with asyncio.timeout_at(ends):
                await asyncio.wait((task,))
            if task.cancelled():
                raise EndedError
            outcome = task.result()
            if isinstance(outcome, SourceError):
                raise outcome.again()
            return outcome, tuple(flight.calls)
        finally:
            for call in flight.calls:
                record(call)
            flight.waiting -= 1
            if not flight.waiting and not task.done():
                self._leave(key, flight)
                task.cancel()

    async def aclose(self) -> None:
        """End all."""
        tasks = [task for _, task in self._under_way.values()]
        self._under_way.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _fly(self, key: Hashable, flight: Flight, start: Start[T]) -> T | SourceError:
        try:
            return await start(flight)
        except SourceError as error:
            # A value, so that nobody is told of an exception that nobody waited for.
            return error.again()
        finally:
            # Here and not when the others are told: who comes later must not join what is over.
            self._leave(key, flight)

    def _leave(self, key: Hashable, flight: Flight) -> None:
        known = self._under_way.get(key)
        if known is not None and known[0] is flight:
            del self._under_way[key]
