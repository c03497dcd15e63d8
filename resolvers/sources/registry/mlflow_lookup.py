"""Reads MLflow's rows by their keys in the fewest calls: lists where the server takes them, single reads elsewhere."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from resolvers.errors import SourceError, SourceTooLarge
from resolvers.sources.registry import AliasKey, VersionKey
from resolvers.sources.registry.mlflow_api import FilterRefused, Listed, ListsRefused, MlflowApi
from resolvers.sources.registry.mlflow_filter import chunks, equals, is_name, one_of, quoted
from resolvers.sources.registry.mlflow_rows import ModelRow, Read, RunRow, VersionRow

K = TypeVar("K", bound=Hashable)
R = TypeVar("R", bound=msgspec.Struct)
T = TypeVar("T")

Outcome = Read[R] | SourceError | None
"""A row, why it could not be read, or None: the server said that there is none."""

ROWS_A_PAGE = 1000  # about 0.7 MB of versions
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_ALIAS = re.compile(r"[\w-]{1,250}")
_RUN_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,255}")


def is_run_id(text: str) -> bool:
    return _RUN_ID.fullmatch(text) is not None


class Lookup:
    """Keeps one thing for the life of the process: whether the server takes lists of names (since 3.17.0)."""

    def __init__(self, api: MlflowApi) -> None:
        self._api = api
        # Taken for granted until a search is refused: to ask the version first would cost every process a call.
        self.lists_names = True

    async def models(self, names: Iterable[str]) -> dict[str, Outcome[ModelRow]]:
        asked = [name for name in dict.fromkeys(names) if is_name(name)]
        together = self.listable(asked)

        async def search(chunk: list[str]) -> Listed[str, ModelRow]:
            return await self._api.models(one_of("name", chunk), len(chunk))

        found = await self._in_lists(together, search, self._api.model)
        return found | await each([name for name in asked if name not in found], self._api.model)

    async def versions(
        self, keys: Iterable[VersionKey], *, aliases: bool, models: Mapping[str, Outcome[ModelRow]] | None = None
    ) -> dict[VersionKey, Outcome[VersionRow]]:
        """`models` are rows that were read already: they have their highest versions, and all aliases."""
        asked = [key for key in dict.fromkeys(keys) if is_name(key.name) and _VERSION.fullmatch(key.version)]
        found = _newest(asked, models or {})
        names: dict[str, list[VersionKey]] = {}
        for key in asked:
            if key not in found:
                names.setdefault(key.name, []).append(key)
        together = self.listable(names)
        groups = [[key for name in chunk for key in names.pop(name)] for chunk in chunks(together)]
        groups += [names.pop(name) for name, several in list(names.items()) if len(several) > 1]
        for part in await asyncio.gather(*(self._of_models(group, aliases, models) for group in groups)):
            found |= part
        return found | await each([key for several in names.values() for key in several], self._api.model_version)

    async def versions_by_alias(self, keys: Sequence[AliasKey]) -> dict[AliasKey, Outcome[VersionRow]]:
        asked = [key for key in dict.fromkeys(keys) if is_name(key.name) and _ALIAS.fullmatch(key.alias)]
        together = dict.fromkeys(self.listable(dict.fromkeys(key.name for key in asked)))
        found = await each([key for key in asked if key.name not in together], self._by_alias)
        if not together:
            return found
        models = await self.models(together)
        pointed: dict[AliasKey, VersionKey] = {}
        for key in asked:
            model = models.get(key.name)
            if isinstance(model, SourceError):
                found[key] = model
            elif model is not None and (version := model.row.version_of(key.alias)):
                pointed[key] = VersionKey(key.name, version)
        versions = await self.versions(pointed.values(), aliases=True, models=models)
        return found | {key: versions.get(version) for key, version in pointed.items()}

    async def runs(self, ids: Iterable[str]) -> dict[str, Outcome[RunRow]]:
        """A run the search did not find is asked for once more alone: its experiment may be new, or not be listed."""
        asked = [run_id for run_id in dict.fromkeys(ids) if is_run_id(run_id)]
        if len(asked) <= 2:
            return await each(asked, self._api.run)
        groups = await self._api.groups()

        async def search(chunk: list[str]) -> Listed[str, RunRow]:
            return await self._api.runs(groups, one_of("attributes.run_id", chunk), len(chunk))

        return await self._in_lists(asked, search, self._api.run, once_more=True)

    def listable(self, names: Iterable[str]) -> list[str]:
        """Those names that go together in one list; none where it would be a list of one."""
        together = [name for name in names if self.lists_names and quoted(name)]
        return together if len(together) > 1 else []

    def refused(self, error: FilterRefused) -> None:
        """Note that a search was refused."""
        if isinstance(error, ListsRefused):
            self.lists_names = False

    async def _by_alias(self, key: AliasKey) -> Read[VersionRow] | None:
        if key.alias.lower() != "latest":
            return await self._api.version_by_alias(key.name, key.alias)
        # Up to 3.16 MLflow answers `latest` with the newest version of some stage, not with the highest.
        model = await self._api.model(key.name)
        newest = model.row.newest() if model else None
        return Read(newest, model.at, model.source) if model and newest else None

    async def _of_models(
        self, keys: list[VersionKey], aliases: bool, models: Mapping[str, Outcome[ModelRow]] | None
    ) -> dict[VersionKey, Outcome[VersionRow]]:
        """Versions of one model, or of many whose names go in a list, by one search between their numbers."""
        names = list(dict.fromkeys(key.name for key in keys))
        if models is None:
            models = await self.models(names) if aliases else {}
        found = _newest(keys, models)
        rest = [key for key in keys if key not in found]
        if not rest:
            return found
        names = list(dict.fromkeys(key.name for key in rest))
        numbers = sorted(int(key.version) for key in rest)
        clauses = [
            equals("name", names[0]) if len(names) == 1 else one_of("name", names),
            f"version_number >= {numbers[0]}",
            f"version_number <= {numbers[-1]}",
        ]
        try:
            page = await self._api.versions(" AND ".join(clauses), ROWS_A_PAGE)
        except (FilterRefused, SourceTooLarge) as error:
            if isinstance(error, FilterRefused):
                self.refused(error)
            return found | await each(rest, self._api.model_version)
        except SourceError as error:
            return found | dict.fromkeys(rest, error)
        rows = page.by_key()
        missing = [key for key in rest if key not in rows]
        if page.more:
            return found | _named(rows, rest, models) | await each(missing, self._api.model_version)
        return found | _named(rows, rest, models) | dict.fromkeys(missing, page.unknown())

    async def _in_lists(
        self,
        keys: Sequence[str],
        search: Callable[[list[str]], Awaitable[Listed[str, R]]],
        single: Callable[[str], Awaitable[Read[R] | None]],
        *,
        once_more: bool = False,
    ) -> dict[str, Outcome[R]]:
        async def of(chunk: list[str]) -> dict[str, Outcome[R]]:
            try:
                page = await search(chunk)
            except FilterRefused as error:
                self.refused(error)
                return await each(chunk, single)
            except SourceTooLarge as error:
                if len(chunk) == 1:
                    return {chunk[0]: error}
                half = len(chunk) // 2
                return await of(chunk[:half]) | await of(chunk[half:])
            except SourceError as error:
                return dict.fromkeys(chunk, error)
            rows: dict[str, Outcome[R]] = {key: row for key, row in page.by_key().items() if key in chunk}
            missing = [key for key in chunk if key not in rows]
            if page.more or once_more:
                return rows | await each(missing, single)
            return rows | dict.fromkeys(missing, page.unknown())

        found: dict[str, Outcome[R]] = {}
        for part in await asyncio.gather(*(of(chunk) for chunk in chunks(keys))):
            found |= part
        return found


async def each(keys: Sequence[K], single: Callable[[K], Awaitable[Read[R] | None]]) -> dict[K, Outcome[R]]:
    """One call a key, side by side; a key's error is its own."""

    async def outcome(key: K) -> Outcome[R]:
        try:
            return await single(key)
        except SourceError as error:
            return error

    return dict(zip(keys, await asyncio.gather(*(outcome(key) for key in keys)), strict=True))


def _newest(
    keys: Iterable[VersionKey], models: Mapping[str, Outcome[ModelRow]]
) -> dict[VersionKey, Outcome[VersionRow]]:
    """What the models' rows tell: their highest versions, and that a model is not there or cannot be read."""
    found: dict[VersionKey, Outcome[VersionRow]] = {}
    for key in keys:
        if key.name not in models:
            continue
        model = models[key.name]
        if not isinstance(model, Read):
            found[key] = model
        elif (newest := model.row.newest()) and newest.version == key.version:
            found[key] = Read(newest, model.at, model.source)
    return found


def _named(
    rows: Mapping[VersionKey, Read[VersionRow] | SourceError],
    keys: Iterable[VersionKey],
    models: Mapping[str, Outcome[ModelRow]],
) -> dict[VersionKey, Outcome[VersionRow]]:
    return {key: with_aliases(rows[key], models.get(key.name)) for key in keys if key in rows}


def with_aliases(row: Read[VersionRow] | SourceError, model: Outcome[ModelRow]) -> Read[VersionRow] | SourceError:
    """A version with the aliases its model's row tells; None for a model that was not read, or is gone since."""
    if isinstance(row, SourceError) or model is None:
        return row
    return model if isinstance(model, SourceError) else Read(model.row.named(row.row), row.at, row.source)
