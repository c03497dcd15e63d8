"""How Airflow 3 is asked for assets: by the pipelines that use them, and by URI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from resolvers.datasets import normalised_uri
from resolvers.errors import PageLimit, SourceBadResponse, SourceError
from resolvers.http import Query, SourceClient
from resolvers.sources import Found, Page, PageAsk
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
    page,
    stretch,
    walk,
    walk_on,
)
from resolvers.sources.orchestration.airflow_rows import AssetDags, AssetRow, AssetUri, asset_of, assets_of
from schema.connection import IncompleteReason
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
        listed.counted(self.client.name)
        mentions: list[AssetMention] = []
        unreadable: dict[str, SourceBadResponse] = {}
        for read in listed.reads:
            if isinstance(read.row, SourceBadResponse):
                unreadable.update(dict.fromkeys(_dags_of(read.raw, keys), read.row))
            else:
                mentions.append(asset_of(read.row, read.fetched_at))
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
        if len(rows.found) < len(keys) and not self._is_too_long(first):
            listed.counted(self.client.name)
        return items(keys, rows, _as_asset)

    async def by_place(self, keys: Sequence[str]) -> Mapping[str, Found[AssetMention] | SourceError]:
        """What follows the scheme is looked for, as a URI may be spelled with another scheme of the same store."""
        query = [("uri_pattern", "|".join(key.partition(":")[2].lstrip("/") for key in keys)), ("order_by", "uri")]
        return await self._grouped(keys, query, lambda asset: normalised_uri(asset.uri))

    async def by_name(self, keys: Sequence[str]) -> Mapping[str, Found[AssetMention] | SourceError]:
        query = [("name_pattern", "|".join(keys)), ("order_by", "name")]
        return await self._grouped(keys, query, lambda asset: asset.name)

    async def page(self, ask: PageAsk) -> Page[AssetMention]:
        listed = await stretch(self.client, ASSETS, [("order_by", "id")], ask.position, ask.limit)
        return page(listed, ask, _as_asset)

    async def containing(self, text: str) -> Found[AssetMention]:
        """All where the text is empty. Letters that a database folds in its own way are looked for here."""
        narrowed = text.isascii() and text.isprintable() and "|" not in text and text.strip() not in ("", "~")
        query = [*([("name_pattern", text)] if narrowed else []), ("order_by", "name")]
        found = await self._found(query)
        return Found(
            [asset for asset in found.items if text.lower() in asset.name.lower()], found.scanned, found.reasons
        )

    async def _grouped(
        self, keys: Sequence[str], query: Query, key_of: Callable[[AssetMention], str | None]
    ) -> Mapping[str, Found[AssetMention] | SourceError]:
        found = await self._found(query)
        groups: dict[str, list[AssetMention]] = {key: [] for key in keys}
        for asset in found.items:
            key = key_of(asset)
            if key in groups:
                groups[key].append(asset)
        return {key: Found(assets, found.scanned, found.reasons) for key, assets in groups.items()}

    async def _found(self, query: Query) -> Found[AssetMention]:
        listed = await walk(self.client, ASSETS, query, self.scan_rows)
        reasons = set() if listed.whole else {IncompleteReason.SCAN_LIMIT}
        assets = []
        for read in listed.reads:
            if isinstance(read.row, SourceBadResponse):
                reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
            else:
                assets.append(asset_of(read.row, read.fetched_at))
        return Found(assets, len(listed.reads), frozenset(reasons))

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
    return read.row.again() if isinstance(read.row, SourceBadResponse) else asset_of(read.row, read.fetched_at)
