"""Which pipelines make a model and which read it: outlet and inlet assets, DAG tags, the runs of its versions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from resolvers.errors import GraphError
from resolvers.loaders import Loaded
from resolvers.rules.data import pipeline_connection
from resolvers.rules.origin import Origin, origins
from resolvers.rules.references import names_no_orchestrator, pipelines_meant
from resolvers.rules.rule import INLET_MODEL, OUTLET_MODEL, PIPELINE_TAG, PRODUCED_VERSION
from resolvers.rules.union import Candidate, unite
from resolvers.sources import NOTHING, Needs, PageAsk, SourceProfile
from resolvers.sources.orchestration import Orchestrator
from resolvers.tally import Tally
from resolvers.targets import prime
from schema.connection import Evidence, IncompleteReason
from schema.fields import TenArgs
from schema.identity import EntityKind, Reference
from schema.model import Model, ModelVersion
from schema.pipeline import AssetMention, PipelineLinkConnection

if TYPE_CHECKING:
    from resolvers.context import Context

VERSIONS_LOOKED_AT = 50
"""Newest versions of a model whose training runs are asked for their pipeline; more is SCAN_LIMIT."""


async def producers(ctx: Context, models: Sequence[Model], args: TenArgs, needs: Needs) -> list[PipelineLinkConnection]:
    """Model.producers"""
    tallies = [Tally() for _ in models]
    found = await producers_of_models(ctx, models, tallies, needs)
    return _connections(ctx, models, tallies, found, args, "producers")


async def consumers(
    ctx: Context,
    models: Sequence[Model],
    args: TenArgs,
    needs: Needs,
) -> list[PipelineLinkConnection]:
    """Model.consumers"""
    tallies = [Tally() for _ in models]
    return _connections(ctx, models, tallies, await consumers_of_models(ctx, models, tallies), args, "consumers")


async def producers_of_models(
    ctx: Context, models: Sequence[Model], tallies: Sequence[Tally], needs: Needs
) -> list[list[Candidate[None]]]:
    """The pipelines that make each model."""
    parts = await asyncio.gather(
        _by_asset(ctx, models, tallies, "producers"),
        _by_tag(ctx, models, tallies, needs),
        _by_versions(ctx, models, tallies),
    )
    return [
        unite((item for part in mine for item in part), lambda one, other: None) for mine in zip(*parts, strict=True)
    ]


async def consumers_of_models(
    ctx: Context, models: Sequence[Model], tallies: Sequence[Tally]
) -> list[list[Candidate[None]]]:
    """The pipelines that read each model."""
    found = await _by_asset(ctx, models, tallies, "consumers")
    return [unite(candidates, lambda one, other: None) for candidates in found]


def model_uris(profile: SourceProfile, name: str, scheme: str) -> list[str]:
    """The asset URIs that mean a model: by the registry's names, the model's name encoded or bare."""
    spellings = dict.fromkeys((quote(name, safe=""), name))
    return [
        f"{scheme}://{source}/models/{text}" for source in (profile.name, *profile.also_named) for text in spellings
    ]


def _connections(
    ctx: Context,
    models: Sequence[Model],
    tallies: Sequence[Tally],
    found: Sequence[list[Candidate[None]]],
    args: TenArgs,
    side: str,
) -> list[PipelineLinkConnection]:
    return [
        pipeline_connection(ctx, candidates, tally, args, f"Model.{side} {model.id}")
        for model, candidates, tally in zip(models, found, tallies, strict=True)
    ]


async def _by_asset(
    ctx: Context, models: Sequence[Model], tallies: Sequence[Tally], side: Literal["producers", "consumers"]
) -> list[list[Candidate[None]]]:
    waiting: list[tuple[int, Orchestrator, asyncio.Future[Loaded[AssetMention | None]]]] = []
    for place, model in enumerate(models):
        profile = ctx.sources.registries[model.reference.source].profile
        for orchestrator in ctx.sources.orchestrators.values():
            loader = ctx.loader(orchestrator.assets_by_uri)
            waiting.extend(
                (place, orchestrator, loader.load(uri, None, NOTHING))
                for uri in model_uris(profile, model.name, orchestrator.profile.conventions.model_uri_scheme)
            )
    found: list[list[Candidate[None]]] = [[] for _ in models]
    for place, orchestrator, pending in waiting:
        loaded = await pending
        name = orchestrator.profile.name
        tallies[place].note(name, loaded)
        if isinstance(loaded.value, AssetMention):
            rule = OUTLET_MODEL if side == "producers" else INLET_MODEL
            evidence = rule.evidence(name, loaded.value.uri)
            pipelines = loaded.value.producers if side == "producers" else loaded.value.consumers
            found[place].extend(_candidate(orchestrator, pipeline, evidence) for pipeline in pipelines)
            tallies[place].match(name, len(pipelines))
    return found


async def _by_tag(
    ctx: Context, models: Sequence[Model], tallies: Sequence[Tally], needs: Needs
) -> list[list[Candidate[None]]]:
    waiting = []
    for place, model in enumerate(models):
        for orchestrator in ctx.sources.orchestrators.values():
            conventions = orchestrator.profile.conventions
            if conventions.model_tag and conventions.registry in (None, model.reference.source):
                tag = f"{conventions.model_tag}:{model.name}"
                pending = ctx.loader(orchestrator.pipelines_by_tag).load(tag, None, needs)
                waiting.append((place, orchestrator, tag, pending))
    found: list[list[Candidate[None]]] = [[] for _ in models]
    for place, orchestrator, tag, pending in waiting:
        loaded = await pending
        name = orchestrator.profile.name
        tallies[place].note(name, loaded)
        if isinstance(loaded.value, GraphError):
            continue
        tallies[place].incomplete(loaded.value.reasons)
        prime(ctx, loaded.value.items, needs, loaded.calls)
        several = (
            ""
            if orchestrator.profile.conventions.registry or len(ctx.sources.registries) < 2
            else (" (names no registry)")
        )
        evidence = PIPELINE_TAG.evidence(name, f"{tag}{several}")
        found[place].extend(_candidate(orchestrator, item.reference.key, evidence) for item in loaded.value.items)
        tallies[place].match(name, len(loaded.value.items))
    return found


async def _by_versions(ctx: Context, models: Sequence[Model], tallies: Sequence[Tally]) -> list[list[Candidate[None]]]:
    ask = PageAsk(0, VERSIONS_LOOKED_AT)
    waiting = []
    for model in models:
        registry = ctx.sources.registries[model.reference.source]
        waiting.append((registry, ctx.loader(registry.versions).load(model.name, ask, NOTHING)))
    versions: list[tuple[int, ModelVersion]] = []
    for place, (registry, pending) in enumerate(waiting):
        loaded = await pending
        tallies[place].note(registry.profile.name, loaded)
        if isinstance(loaded.value, GraphError):
            continue
        versions.extend((place, row) for row in loaded.value.rows if isinstance(row, ModelVersion))
        if loaded.value.more:
            tallies[place].incomplete([IncompleteReason.SCAN_LIMIT])
    found: list[list[Candidate[None]]] = [[] for _ in models]
    named = await origins(ctx, [version for _, version in versions], [tallies[place] for place, _ in versions])
    told = [(*asked, origin) for asked, origin in zip(versions, named, strict=True) if isinstance(origin, Origin)]
    meant = await pipelines_meant(ctx, [origin.mention for _, _, origin in told])
    for (place, version, origin), pipeline in zip(told, meant, strict=True):
        if any(candidate.target == pipeline.reference for candidate in found[place]):
            continue  # the newest version it produced is evidence enough
        via = (version.reference, *(ground for item in origin.grounds for ground in item.via))
        text = f"{version.version}{names_no_orchestrator(ctx, origin.mention)}"
        evidence = PRODUCED_VERSION.evidence(version.reference.source, text, tuple(dict.fromkeys(via)))
        found[place].append(Candidate(pipeline.reference, (evidence,), None, pipeline.verdict))
        tallies[place].match(version.reference.source)
    return found


def _candidate(orchestrator: Orchestrator, pipeline: str, evidence: Evidence) -> Candidate[None]:
    return Candidate(
        Reference(EntityKind.PIPELINE, orchestrator.profile.name, pipeline, orchestrator.url), (evidence,), None
    )
