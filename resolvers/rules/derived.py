"""Datasets, which no source owns: where they are mentioned, and what leads to and from them; features are beside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from resolvers.datasets import UNNAMED, is_place, name_in
from resolvers.errors import GraphError
from resolvers.loaders import Loaded
from resolvers.rules.data import pipeline_connection
from resolvers.rules.datasets import (
    Known,
    Mentions,
    add_assets,
    add_inputs,
    join,
    known,
    remember,
    said_of_names,
    said_of_places,
    shown,
)
from resolvers.rules.features import versions_of_features
from resolvers.rules.filters import plain_text
from resolvers.rules.mentions import Answers, holds, page_of, registered
from resolvers.rules.origin import Produced, version_connection
from resolvers.rules.rule import (
    DATASET_INPUT,
    INLET,
    OUTLET,
)
from resolvers.rules.union import Candidate, unite
from resolvers.sources import NOTHING, Found, Needs
from resolvers.sources.registry import ModelRegistry
from resolvers.tally import Tally
from schema.connection import Evidence
from schema.derived import (
    Dataset,
    DatasetConnection,
    DatasetEdge,
)
from schema.fields import TenArgs
from schema.identity import EntityKind, Reference
from schema.model import ModelVersionLinkConnection, TrainingRun
from schema.pipeline import PipelineLinkConnection
from schema.query import MentionsArgs, Query

if TYPE_CHECKING:
    from resolvers.context import Context

__all__ = ["consumers_of_datasets", "producers_of_datasets", "versions_of_datasets", "versions_of_features"]

# ---------------------------------------------------------------- lists


async def datasets(
    ctx: Context, roots: Sequence[Query], args: MentionsArgs, needs: Needs
) -> list[DatasetConnection | GraphError]:
    """Query.datasets"""
    tally = Tally()
    text = plain_text("nameContains", args.name_contains) or ""
    found, bound_to = await datasets_mentioned(ctx, text, tally), f"Query.datasets {text}"
    connection: DatasetConnection = page_of(DatasetConnection, DatasetEdge, found, args, bound_to, tally)
    return [connection for _ in roots]


async def datasets_mentioned(ctx: Context, text: str, tally: Tally) -> list[Dataset]:
    """All datasets with the text in a name they go by: assets, and what the training runs that were read logged."""
    assets = {
        orchestrator.profile.name: ctx.loader(orchestrator.assets).load(text, None, NOTHING)
        for orchestrator in ctx.sources.orchestrators.values()
    }
    runs = {
        registry.profile.name: ctx.loader(registry.training_runs_with_datasets).load(text, None, NOTHING)
        for registry in ctx.sources.registries.values()
    }
    mentions = Mentions()
    for source, pending in assets.items():
        add_assets(ctx, ctx.sources.orchestrators[source], await pending, mentions)
    for source, due in runs.items():
        add_inputs(ctx, ctx.sources.registries[source], await due, mentions)
    mentions.note(tally)
    groups = join([item for item in mentions if holds(item.name, text)], whole=mentions.whole)
    found = [item for target, group in groups.items() if (item := shown(target.key, group)) is not None]
    remember(ctx, (item for group in groups.values() for item in group), ())
    keys = {target.key for target in groups}
    for source in (*assets, *runs):
        tally.match(source, len(keys & {item.dataset.reference.key for item in _of_source(mentions, source)}))
    return sorted(found, key=lambda item: (item.name, item.id))


# ---------------------------------------------------------------- by key


async def datasets_by_key(
    ctx: Context, keys: Sequence[str], args: None, needs: Needs
) -> list[Dataset | GraphError | None]:
    """Datasets that some source mentions: an id that nobody mentions is null, and not invented.

    A URI is asked of the orchestrators; then the registries are asked for the names this request met it under, and
    where it met none, their newest runs are read.
    """
    at_place, of_name = await asyncio.gather(
        said_of_places(ctx, [key for key in keys if is_place(key)]),
        said_of_names(ctx, [key for key in keys if not is_place(key) and name_in(key) != UNNAMED]),
    )
    missing = [key for key in keys if is_place(key) and shown(key, at_place[key]) is None]
    names = {key: list(ctx.dataset_names.get(key, ())) for key in missing}
    named = await said_of_names(ctx, [name for listed in names.values() for name in listed])
    for key in missing:
        for name in names[key]:
            at_place[key].inputs.extend(named[name].inputs)
    scanned = await _scanned(ctx, [key for key in missing if shown(key, at_place[key]) is None])
    unnamed = await _unnamed(ctx, [key for key in keys if name_in(key) == UNNAMED])
    return [_looked_up(key, (at_place | of_name | unnamed).get(key, Mentions()), scanned.get(key)) for key in keys]


# ---------------------------------------------------------------- links


async def producers(
    ctx: Context, parents: Sequence[Dataset], args: TenArgs, needs: Needs
) -> list[PipelineLinkConnection]:
    """Dataset.producers"""
    return await _pipelines(ctx, parents, args, needs, "producers")


async def consumers(
    ctx: Context, parents: Sequence[Dataset], args: TenArgs, needs: Needs
) -> list[PipelineLinkConnection]:
    """Dataset.consumers"""
    return await _pipelines(ctx, parents, args, needs, "consumers")


async def versions_with_dataset(
    ctx: Context, parents: Sequence[Dataset], args: TenArgs, needs: Needs
) -> list[ModelVersionLinkConnection]:
    """Dataset.modelVersions"""
    remember(ctx, parents, ())
    tallies = [Tally() for _ in parents]
    found = await versions_of_datasets(ctx, [item.reference for item in parents], tallies, needs)
    return [
        version_connection(ctx, candidates, tally, args, f"Dataset.modelVersions {item.id}")
        for item, candidates, tally in zip(parents, found, tallies, strict=True)
    ]


async def producers_of_datasets(
    ctx: Context, references: Sequence[Reference], tallies: Sequence[Tally], needs: Needs = NOTHING
) -> list[list[Candidate[None]]]:
    """The pipelines that write each dataset."""
    return _ends(await known(ctx, references, tallies), tallies, "producers")


async def consumers_of_datasets(
    ctx: Context, references: Sequence[Reference], tallies: Sequence[Tally], needs: Needs = NOTHING
) -> list[list[Candidate[None]]]:
    """The pipelines that read each dataset."""
    return _ends(await known(ctx, references, tallies), tallies, "consumers")


async def versions_of_datasets(
    ctx: Context, references: Sequence[Reference], tallies: Sequence[Tally], needs: Needs = NOTHING
) -> list[list[Candidate[Produced]]]:
    """The versions whose training runs logged each dataset, under the names it is known by."""
    items = await known(ctx, references, tallies)
    mentions = await _inputs(ctx, items, tallies)
    # An input may have a name only: whether it is this dataset takes asking everybody for that name.
    bare = [
        {item.dataset.name for item in said.inputs if item.dataset.uri is None} - {UNNAMED, *asked.of_name}
        for asked, said in zip(items, mentions, strict=True)
    ]
    of_name = await said_of_names(ctx, [name for names in bare for name in names])
    runs: list[tuple[int, ModelRegistry, TrainingRun, Evidence]] = []
    for place, (asked, said, names) in enumerate(zip(items, mentions, bare, strict=True)):
        for name in names:
            asked.of_name[name] = of_name[name]
            of_name[name].note(tallies[place])
        for item in said.inputs:
            if asked.is_it(item.dataset):
                evidence = DATASET_INPUT.evidence(item.registry.profile.name, item.dataset.name, (item.run.reference,))
                runs.append((place, item.registry, item.run, evidence))
    return await registered(ctx, runs, tallies, needs)


# ---------------------------------------------------------------- datasets


async def _pipelines(
    ctx: Context, parents: Sequence[Dataset], args: TenArgs, needs: Needs, side: Literal["producers", "consumers"]
) -> list[PipelineLinkConnection]:
    remember(ctx, parents, ())
    tallies = [Tally() for _ in parents]
    ends = producers_of_datasets if side == "producers" else consumers_of_datasets
    found = await ends(ctx, [item.reference for item in parents], tallies, needs)
    return [
        pipeline_connection(ctx, candidates, tally, args, f"Dataset.{side} {item.id}")
        for item, candidates, tally in zip(parents, found, tallies, strict=True)
    ]


def _ends(
    items: Sequence[Known], tallies: Sequence[Tally], side: Literal["producers", "consumers"]
) -> list[list[Candidate[None]]]:
    rule = OUTLET if side == "producers" else INLET
    found: list[list[Candidate[None]]] = []
    for item, tally in zip(items, tallies, strict=True):
        candidates: list[Candidate[None]] = []
        for asset in item.assets:
            source, mention = asset.orchestrator.profile.name, asset.mention
            evidence = rule.evidence(source, mention.uri)
            names = mention.producers if side == "producers" else mention.consumers
            candidates.extend(
                Candidate(Reference(EntityKind.PIPELINE, source, name, asset.orchestrator.url), (evidence,), None)
                for name in names
            )
            tally.match(source, len(names))
        found.append(unite(candidates, lambda one, other: None))
    return found


async def _inputs(ctx: Context, items: Sequence[Known], tallies: Sequence[Tally]) -> list[Mentions]:
    """The training runs that logged each dataset's names; where it has no name, the newest runs with any dataset."""
    waiting: list[list[tuple[ModelRegistry, str | None, asyncio.Future[Loaded[Found[TrainingRun]]]]]] = []
    for item in items:
        for registry in ctx.sources.registries.values():
            if item.names:
                loader = ctx.loader(registry.training_runs_by_dataset)
                waiting.append([(registry, name, loader.load(name, None, NOTHING)) for name in item.names])
            else:
                scan = ctx.loader(registry.training_runs_with_datasets)
                waiting.append([(registry, None, scan.load("", None, NOTHING))])
    rest = iter(waiting)
    found = []
    for tally in tallies:
        mentions = Mentions()
        for _ in ctx.sources.registries:
            for registry, name, pending in next(rest):
                add_inputs(ctx, registry, await pending, mentions, name)
        mentions.note(tally)
        found.append(mentions)
    return found


async def _scanned(ctx: Context, keys: Sequence[str]) -> dict[str, Mentions]:
    """What the newest runs of all registries say, for datasets that nothing else tells of."""
    if not keys:
        return {}
    mentions = Mentions()
    waiting = [
        (registry, ctx.loader(registry.training_runs_with_datasets).load("", None, NOTHING))
        for registry in ctx.sources.registries.values()
    ]
    for registry, pending in waiting:
        add_inputs(ctx, registry, await pending, mentions)
    return dict.fromkeys(keys, mentions)


async def _unnamed(ctx: Context, keys: Sequence[str]) -> dict[str, Mentions]:
    """What registries say of data that nobody named: runs by MLflow's own name for it."""
    if not keys:
        return {}
    mentions = Mentions()
    waiting = [
        (registry, ctx.loader(registry.training_runs_by_dataset).load(UNNAMED, None, NOTHING))
        for registry in ctx.sources.registries.values()
    ]
    for registry, pending in waiting:
        add_inputs(ctx, registry, await pending, mentions, UNNAMED)
    return dict.fromkeys(keys, mentions)


def _looked_up(key: str, mentions: Mentions, scanned: Mentions | None) -> Dataset | GraphError | None:
    found = shown(key, mentions) or (shown(key, scanned) if scanned else None)
    if found is None:
        answers = Answers()
        answers.add([*mentions.answers, *(scanned.answers if scanned else ())])
        return answers.verdict()
    if found.uri is None:
        groups = join(mentions, whole=mentions.whole)
        target = next(target for target, group in groups.items() if any(item.reference.key == key for item in group))
        return shown(target.key, groups[target])
    return found


def _of_source(mentions: Mentions, source: str) -> Iterable[Any]:
    yield from (asset for asset in mentions.assets if asset.orchestrator.profile.name == source)
    yield from (logged for logged in mentions.inputs if logged.registry.profile.name == source)
