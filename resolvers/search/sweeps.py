"""The sweeps under way and, where an operator allows it, the last ones: one per source, credential and lists."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextvars import Context as Variables
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from resolvers.caller import ANYONE, Caller, asked_by
from resolvers.search.documents import united
from resolvers.search.index import Index
from resolvers.search.sweep import Parts, SearchLimits, Swept, sweep
from resolvers.sources import SourceAdapter

KEPT_BYTES = 64 * 1024 * 1024
"""Most that is kept: texts and indexes together, as they count themselves. The oldest goes first."""

Key = tuple[str, str, Parts]
"""Source, credential, lists."""


class Read(NamedTuple):
    """A sweep as one search uses it; `age_s` is None where it was read for this search, or still under way."""

    swept: Swept
    age_s: float | None


@dataclass(slots=True)
class _UnderWay:
    task: asyncio.Task[Swept]
    waiting: int = 0


@dataclass(slots=True)
class KeptIndex:
    """An index that several searches ask, one at a time."""

    index: Index
    lock: Lock = field(default_factory=Lock)


class Sweeps:
    """Shared by all requests of the process. Nothing outlives its sweep unless `max_age_s` says so."""

    def __init__(self, limits: SearchLimits, kept_bytes: int = KEPT_BYTES) -> None:
        self.limits = limits
        self._kept_bytes = kept_bytes
        self._under_way: dict[Key, _UnderWay] = {}
        self._kept: OrderedDict[Key, tuple[Swept, int]] = OrderedDict()
        self._indexes: OrderedDict[tuple[int, ...], tuple[KeptIndex, Sequence[Swept], int]] = OrderedDict()

    async def read(self, adapter: SourceAdapter, parts: Parts, caller: Caller = ANYONE) -> Read:
        """What these lists of a source hold: one sweep for all who ask meanwhile with the same credential.

        That is the gateway's own, or the caller's where the source is asked with it. The sweep ends with the last who
        waits for it.
        """
        now = asyncio.get_running_loop().time()
        asking = caller if adapter.profile.forwarded else ANYONE
        key = (adapter.profile.name, asking.scope, parts)
        kept = self._fresh(key, now)
        if kept is not None:
            return Read(kept, now - kept.began)
        under_way = self._under_way.get(key)
        if under_way is None:
            # The sweep belongs to no request: it takes nothing of the one that happens to begin it.
            task = Variables().run(asyncio.ensure_future, self._swept(adapter, parts, asking))
            under_way = self._under_way[key] = _UnderWay(task)
            task.add_done_callback(lambda task: self._ended(key, task))
        under_way.waiting += 1
        try:
            return Read(await asyncio.shield(under_way.task), None)
        finally:
            under_way.waiting -= 1
            if not under_way.waiting and not under_way.task.done():
                del self._under_way[key]  # at once: who comes now must not wait for what is ending
                under_way.task.cancel()

    async def _swept(self, adapter: SourceAdapter, parts: Parts, asking: Caller) -> Swept:
        with asked_by(asking):
            return await sweep(adapter, parts, self.limits)

    async def index_of(self, reads: Sequence[Read], *, whole: bool) -> KeptIndex | None:
        """The index of sweeps that are kept, made once for all of them; None where one of them is not kept."""
        swept = [read.swept for read in reads]
        name = tuple(map(id, swept))
        if name not in self._indexes and all(map(self._is_kept, swept)):
            index = await asyncio.to_thread(
                lambda: Index(united((document for one in swept for document in one.documents), whole=whole))
            )
            self._indexes[name] = (KeptIndex(index), swept, index.size)
            self._shrink()
        known = self._indexes.get(name)
        return known[0] if known else None

    @property
    def kept_size(self) -> int:
        """Bytes of all that is kept."""
        return sum(size for _, size in self._kept.values()) + sum(size for *_, size in self._indexes.values())

    def _fresh(self, key: Key, now: float) -> Swept | None:
        """A kept sweep of the same lists, or of more."""
        for known in [known for known, (swept, _) in self._kept.items() if now - swept.began > self.limits.max_age_s]:
            self._drop(known)
        source, credential, parts = key
        return next(
            (swept for (name, whose, held), (swept, _) in self._kept.items()
             if (name, whose) == (source, credential) and parts <= held),
            None,
        )  # fmt: skip

    def _ended(self, key: Key, task: asyncio.Task[Swept]) -> None:
        if task.cancelled():
            return
        del self._under_way[key]
        if not self.limits.max_age_s or task.exception() is not None:
            return
        swept = task.result()
        # What failed is asked again by the next search; what was cut short is worth as much later as now.
        if swept.error is None:
            self._drop(key)
            self._kept[key] = (swept, sum(document.size for document in swept.documents))
            self._shrink()

    def _is_kept(self, swept: Swept) -> bool:
        return any(swept is known for known, _ in self._kept.values())

    def _shrink(self) -> None:
        while self.kept_size > self._kept_bytes and self._indexes:
            self._indexes.popitem(last=False)
        while self.kept_size > self._kept_bytes and self._kept:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        """A sweep goes, and every index made of it."""
        gone = self._kept.pop(key, None)
        if gone is not None:
            for name in [name for name, (_, swept, _) in self._indexes.items() if any(one is gone[0] for one in swept)]:
                del self._indexes[name]
