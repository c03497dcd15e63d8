"""Hits read from their sources before they are shown: what is gone, or no longer what was asked for, is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from resolvers.conventions import model_in_uri
from resolvers.datasets import dataset_from, feature_from
from resolvers.errors import GraphError
from resolvers.loaders import Loaded
from resolvers.rules.datasets import remember
from resolvers.search.documents import Document, Mention, document_of
from resolvers.search.mentioned import features_of_version, things_of_run
from resolvers.sources import NOTHING, Needs
from resolvers.sources.registry import VersionKey
from resolvers.tally import Tally
from resolvers.targets import entities
from schema.derived import Dataset, Feature
from schema.model import ModelVersion, TrainingRun
from schema.node import Entity
from schema.pipeline import AssetMention

if TYPE_CHECKING:
    from resolvers.context import Context


async def read_live(
    ctx: Context, documents: Sequence[Document], needs: Needs, tally: Tally
) -> list[tuple[Entity, Document] | None]:
    """Each as it is now, with its text; None for what is gone or could not be read, which the tally says."""
    owned = [document for document in documents if not document.mentions]
    loaded, mentioned = await asyncio.gather(
        entities(ctx, [document.reference for document in owned], needs),
        asyncio.gather(*(_mentioned(ctx, document, tally) for document in documents if document.mentions)),
    )
    rows, things = iter(loaded), iter(mentioned)
    found: list[tuple[Entity, Document] | None] = []
    for document in documents:
        if document.mentions:
            thing = next(things)
            found.append((thing, document) if thing is not None else None)
            continue
        answer: Loaded[Entity | None] = next(rows)
        tally.note(document.reference.source, answer)
        entity = None if isinstance(answer.value, GraphError) else answer.value
        found.append(None if entity is None else (entity, document_of(entity).with_data(document.data)))
    return found


async def _mentioned(ctx: Context, document: Document, tally: Tally) -> Dataset | Feature | None:
    """It stands while one of those that mentioned it still does."""
    answers = await asyncio.gather(*(_row(ctx, mention) for mention in document.mentions))
    failures: list[tuple[str, Loaded[Any]]] = []
    for mention, loaded in zip(document.mentions, answers, strict=True):
        if isinstance(loaded.value, GraphError):
            failures.append((mention.source, loaded))
            continue
        tally.note(mention.source, loaded)
        for thing in _things(ctx, mention, loaded.value):
            if thing.reference == document.reference:
                if isinstance(thing, Dataset):
                    remember(ctx, [thing], loaded.calls)
                return thing
    for source, loaded in failures:
        tally.note(source, loaded)
    return None


async def _row(ctx: Context, mention: Mention) -> Loaded[Any]:
    sources = ctx.sources
    if mention.asset is not None:
        return await ctx.loader(sources.orchestrators[mention.source].assets_by_uri).load(mention.asset, None, NOTHING)
    registry = sources.registries[mention.source]
    if mention.run_id is not None:
        return await ctx.loader(registry.training_runs_by_id).load(mention.run_id, None, NOTHING)
    key = VersionKey(*(mention.version or ("", "")))
    return await ctx.loader(registry.versions_by_key).load(key, None, NOTHING)


def _things(ctx: Context, mention: Mention, row: object) -> list[Dataset | Feature]:
    conventions = ctx.sources.all[mention.source].profile.conventions
    if isinstance(row, AssetMention) and model_in_uri(conventions, row.uri) is None:
        return [dataset_from(row.name, row.uri, row.fetched_at)]
    if isinstance(row, TrainingRun):
        return list(things_of_run(row, conventions))
    if isinstance(row, ModelVersion):
        return [feature_from(name, row.fetched_at) for name in features_of_version(row, conventions)]
    return []
