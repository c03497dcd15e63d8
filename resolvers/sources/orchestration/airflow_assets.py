"""How Airflow 3 is asked for assets: by the pipelines that use them, and by URI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from resolvers.errors import PageLimit, SourceBadResponse, SourceError
from resolvers.http import SourceClient
from resolvers.sources.orchestration import PipelineAssets
from resolvers.sources.orchestration.airflow_lists import (
    API,
    PAGE_ROWS,
    AssetList,
    Kind,
    Read,
    Stretch,
    in_parts,
    items,
    matched,
    stretch,
    walk_on,
)
from resolvers.sources.orchestration.airflow_rows import AssetDags, AssetRow, AssetUri, asset_of, assets_of
from schema.pipeline import AssetMention

T = TypeVar("T")

ASSETS = Kind((*API, "assets"), AssetList, AssetRow)


@dataclass(frozen=True, slots=True)
class Assets:
    """The assets of one Airflow; no answer is made of more than `scan_rows` of them."""

    client: SourceClient
    scan_rows: int

    async def by_pipeline(self, keys: Sequence[str]) -> Mapping[str, PipelineAssets | SourceError]:
        query = [*(("dag_ids", key) for key in keys), ("order_by", "id")]
        first = await stretch(self.client, ASSETS, query, 0, PAGE_ROWS)
        if self._is_too_long(first):
            return await self._narrowed(keys, self.by_pipeline)
        listed = await walk_on(self.client, ASSETS, query, first, self.scan_rows)
        mentions: list[AssetMention] = []
        unreadable: dict[str, SourceBadResponse] = {}
        for read in listed.reads:
            if isinstance(read.row, SourceBadResponse):
                unreadable.update(dict.fromkeys(_dags_of(read.raw, keys), read.row))
            else:
                mentions.append(asset_of(read.row))
        return {key: unreadable[key].again() if key in unreadable else assets_of(key, mentions) for key in keys}

    async def by_uri(self, keys: Sequence[str]) -> Mapping[str, AssetMention | SourceError | None]:
        query = [("uri_pattern", "|".join(keys)), ("order_by", "uri")]
        first = await stretch(self.client, ASSETS, query, 0, PAGE_ROWS)
        if self._is_too_long(first) and len(keys) > 1:
            return await self._narrowed(keys, self.by_uri)
        listed = await walk_on(self.client, ASSETS, query, first, self.scan_rows)
        rows = matched(self.client.name, listed.reads, set(keys), lambda row: row.uri, AssetUri)
        if self._is_too_long(first) and not rows.found:
            raise self._page_limit()
        return items(keys, rows, _as_asset)

    def _is_too_long(self, first: Stretch[AssetRow]) -> bool:
        return first.total is not None and first.total > self.scan_rows

    async def _narrowed(
        self, keys: Sequence[str], ask: Callable[[Sequence[str]], Awaitable[Mapping[str, T | SourceError]]]
    ) -> Mapping[str, T | SourceError]:
        """Keys whose list is too long to read as a whole, asked again in halves; one key alone is a PageLimit."""
        if len(keys) == 1:
            raise self._page_limit()
        half = len(keys) // 2
        return await in_parts(ask, (keys[:half], keys[half:]))

    def _page_limit(self) -> PageLimit:
        return PageLimit(self.client.name, f"{self.client.name} has more than {self.scan_rows} assets for one key.")


def _dags_of(raw: msgspec.Raw, keys: Sequence[str]) -> Sequence[str]:
    """The keys an unreadable asset belongs to: all of them where not even its DAGs can be read."""
    try:
        names = msgspec.json.decode(raw, type=AssetDags).names
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return keys
    return [key for key in keys if key in names] or keys


def _as_asset(read: Read[AssetRow]) -> AssetMention | SourceError:
    return read.row.again() if isinstance(read.row, SourceBadResponse) else asset_of(read.row)
