"""One loader per batch method and request: collects keys, asks once, remembers rows and failures until it ends.

A small subclass of aiodataloader's loader; each difference closes a gap that tests/resolvers/test_loaders.py shows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, cast

from aiodataloader import DataLoader

from resolvers.errors import GraphError, Internal
from resolvers.operation import Call, recording
from resolvers.sources import NOTHING, Needs
from resolvers.trace import batched

K = TypeVar("K", bound=Hashable)
A = TypeVar("A", bound=Hashable)
V = TypeVar("V")

BatchMethod = Callable[[Sequence[K], A, Needs], Awaitable[Sequence[V | GraphError]]]
Spawn = Callable[[Coroutine[Any, Any, None]], None]

log = logging.getLogger(__name__)


class Loaded(NamedTuple, Generic[V]):
    """One answer and the upstream calls it took. A failure is a value here, so that no future holds an exception."""

    value: V | GraphError
    calls: tuple[Call, ...]

    def get(self) -> V:
        """The row; raises the failure as a fresh exception, as many may ask."""
        if isinstance(self.value, GraphError):
            raise self.value.again() from None
        return self.value


async def _ended(queued: list[Any]) -> list[Any]:
    return [None] * len(queued)


class _Asked(NamedTuple, Generic[K, A]):
    key: K
    args: A


@dataclass(slots=True)
class _Entry(Generic[V]):
    future: asyncio.Future[Loaded[V]]
    needs: Needs


class BatchLoader(DataLoader[Any, Any], Generic[K, A, V]):
    """Loads rows by key, arguments and needs through one batch method.

    `spawn` starts a task that the request owns: a leaving client ends the batches with it.
    """

    def __init__(self, method: BatchMethod[K, A, V], spawn: Spawn) -> None:
        super().__init__(self._start_batches)
        self._method, self._spawn = method, spawn
        self._entries: dict[_Asked[K, A], _Entry[V]] = {}
        self._waiting: dict[_Asked[K, A], _Entry[V]] = {}

    def load(  # type: ignore[override] # the key alone does not say which row is wanted
        self, key: K, args: A, needs: Needs = NOTHING
    ) -> asyncio.Future[Loaded[V]]:
        """One row. The future is the caller's own: cancelling it cancels nobody else's."""
        return asyncio.shield(self._entry(_Asked(key, args), needs).future)

    async def many(self, keys: Iterable[K], args: A, needs: Needs = NOTHING) -> list[Loaded[V]]:
        """Rows for many keys, in order, awaited together."""
        entries = [self._entry(_Asked(key, args), needs) for key in keys]
        pending = {entry.future for entry in entries if not entry.future.done()}
        if pending:
            await asyncio.wait(pending)
        return [entry.future.result() for entry in entries]

    def prime_row(self, key: K, args: A, value: V, needs: Needs, calls: tuple[Call, ...]) -> None:
        """Remember a row another call brought, for the needs that call covered; what was asked already stays."""
        asked = _Asked(key, args)
        if asked not in self._entries:
            future: asyncio.Future[Loaded[V]] = self.loop.create_future()
            future.set_result(Loaded(value, calls))
            self._entries[asked] = _Entry(future, needs)

    def end(self) -> None:
        """Cancel whatever is still awaited, and let go of all rows: the request is over."""
        for entry in self._entries.values():
            entry.future.cancel()
        self._entries.clear()
        # aiodataloader's holds this loader by its own method, so that only a search for garbage would find its end.
        self.batch_load_fn = _ended

    def _entry(self, asked: _Asked[K, A], needs: Needs) -> _Entry[V]:
        waiting = self._waiting.get(asked)
        if waiting is not None:
            waiting.needs |= needs
            return waiting
        known = self._entries.get(asked)
        if known is not None:
            if needs <= known.needs:
                return known
            needs |= known.needs
        entry = _Entry(self.loop.create_future(), needs)
        self._entries[asked] = self._waiting[asked] = entry
        # aiodataloader's queue only says when to dispatch; it settles a future of its own that nobody awaits.
        self.do_resolve_reject(asked, self.loop.create_future())
        return entry

    async def _start_batches(self, queued: list[Any]) -> list[Any]:
        waiting, self._waiting = self._waiting, {}
        groups: dict[A, dict[K, _Entry[V]]] = {}
        for asked, entry in waiting.items():
            groups.setdefault(asked.args, {})[asked.key] = entry
        for args, entries in groups.items():
            self._spawn(self._batch(args, entries))
        return [None] * len(queued)

    async def _batch(self, args: A, entries: dict[K, _Entry[V]]) -> None:
        needs: Needs = frozenset().union(*(entry.needs for entry in entries.values()))
        rows: Sequence[V | GraphError]
        with recording() as calls:
            try:
                with batched(self._method, list(entries), calls):
                    rows = await self._method(list(entries), args, needs)
            except GraphError as error:
                rows = [error] * len(entries)
            except Exception:
                log.exception("a batch failed")
                rows = [Internal("The gateway could not answer this.")] * len(entries)
        made = tuple(calls)
        if len(rows) != len(entries):
            log.error("a batch method answered %d items for %d keys", len(rows), len(entries))
            rows = [Internal("The gateway could not answer this.")] * len(entries)
        for entry, row in zip(entries.values(), rows, strict=True):
            entry.needs = needs
            if not entry.future.done():
                entry.future.set_result(Loaded(cast("V", row), made))
