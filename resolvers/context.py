"""One request: its loaders, its tasks, and what its links could not say."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from graphql import GraphQLResolveInfo
from graphql.pyutils import Path

from resolvers.access import EVERYTHING, Access
from resolvers.caller import ANYONE, Caller
from resolvers.errors import GraphError
from resolvers.loaders import BatchLoader, BatchMethod, Loaded
from resolvers.mounts import Sources
from resolvers.needs import Selections
from resolvers.search.sweeps import Sweeps
from resolvers.sources import NOTHING, Needs
from resolvers.table import LinkAnswer, LinkTable, Parent, Row
from schema.identity import EntityKind, Reference

K = TypeVar("K", bound=Hashable)
A = TypeVar("A", bound=Hashable)
V = TypeVar("V")


class LinkError(NamedTuple):
    """One summary of a source's failing links: at the path of the first, with their number."""

    message: str
    path: list[str | int]
    extensions: dict[str, object]


@dataclass(slots=True)
class _Failing:
    error: GraphError
    paths: dict[int, list[str | int]]


class Context:
    """What the resolvers of one operation share. Nothing in it outlives the request."""

    def __init__(
        self,
        sources: Sources,
        table: LinkTable,
        sweeps: Sweeps,
        caller: Caller = ANYONE,
        access: Access = EVERYTHING,
    ) -> None:
        self.sight = access.sight(caller)
        """What the caller may see; None for everything."""
        self.sources = sources if self.sight is None else sources.seen(self.sight, self.load)
        self.sweeps = sweeps
        self.caller = caller
        self._table = table
        self._selections = Selections()
        self._loaders: dict[Hashable, BatchLoader[Any, Any, Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failing: dict[tuple[object, object], _Failing] = {}
        self._closed = False
        self.dataset_names: dict[str, dict[str, None]] = {}
        """By dataset key, the names this request met it under: what registries can be asked for."""

    async def resolve(self, field: str, parent: object, args: object, info: GraphQLResolveInfo[Any]) -> object:
        """Answer one link field; called by the fields that schema.fields declares."""
        row = self._table.row(type(parent), field)
        loaded = await self._row_loader(row).load(Parent(parent), args, self._selections.needs(info))
        value = loaded.get()
        if isinstance(value, LinkAnswer):
            for link, error in value.failures:
                self._note(link, error, info.path)
            return value.value
        return value

    def loader(self, method: BatchMethod[K, A, V]) -> BatchLoader[K, A, V]:
        """The request's loader of one batch method of one adapter."""
        loader = self._loaders.get(method)
        if loader is None:
            loader = self._loaders[method] = BatchLoader(method, self._spawn)
        return loader

    def shared_loader(self, kind: EntityKind) -> BatchLoader[str, None, Any] | None:
        """The request's loader of what no source owns, by key."""
        answer = self._table.shared.get(kind)
        if answer is None:
            return None
        loader = self._loaders.get(kind)
        if loader is None:

            async def batch(keys: Sequence[str], args: None, needs: Needs) -> Sequence[object]:
                return await answer(self, keys, args, needs)

            loader = self._loaders[kind] = BatchLoader(batch, self._spawn)
        return loader

    def sees(self, reference: Reference) -> bool:
        """Whether the caller may ask for this, as far as the reference alone tells."""
        return self.sight is None or self.sight.allows(reference)

    async def load(
        self, method: BatchMethod[K, A, V], keys: Iterable[K], args: A, needs: Needs = NOTHING
    ) -> list[Loaded[V]]:
        """Rows for many keys of one source, in order."""
        return await self.loader(method).many(keys, args, needs)

    def link_errors(self) -> list[LinkError]:
        """One error per source and code for all links that could not be resolved."""
        errors = []
        for failing in self._failing.values():
            path = min(failing.paths.values(), key=_path_order)
            errors.append(
                LinkError(failing.error.message, path, {**failing.error.extensions, "count": len(failing.paths)})
            )
        return errors

    async def aclose(self) -> None:
        """End everything this request started; nobody waits for it any more."""
        self._closed = True
        for loader in self._loaders.values():
            loader.end()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._loaders.clear()

    def _row_loader(self, row: Row) -> BatchLoader[Parent, object, object]:
        loader = self._loaders.get(row)
        if loader is None:
            loader = self._loaders[row] = BatchLoader(row.bound_to(self), self._spawn)
        return loader

    def _spawn(self, batch: Coroutine[Any, Any, None]) -> None:
        if self._closed:
            batch.close()
            return
        task = asyncio.ensure_future(batch)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _note(self, link: object, error: GraphError, path: Path) -> None:
        kind = (error.extensions.get("source"), error.extensions["code"])
        failing = self._failing.setdefault(kind, _Failing(error, {}))
        place = path.as_list()
        known = failing.paths.get(id(link))
        if known is None or _path_order(place) < _path_order(known):
            failing.paths[id(link)] = place


def _path_order(path: list[str | int]) -> list[tuple[int, str | int]]:
    """The order of paths; of the fields of one link `node` comes first, as it is the one that is null."""
    return [
        (0, part) if isinstance(part, int) else (1, "") if part in ("node", "nodes") else (2, part) for part in path
    ]
