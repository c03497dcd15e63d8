"""What data goes in and out: datasets and features of versions, assets of pipelines, and the pipelines assets join."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from resolvers.conventions import features_in_tags, model_in_uri
from resolvers.datasets import dataset_from, feature_from
from resolvers.errors import GraphError
from resolvers.loaders import Loaded
from resolvers.rules.datasets import joined
from resolvers.rules.origin import load_training_runs
from resolvers.rules.rule import (
    DATASET_INPUT,
    INLET,
    LOGGED_FEATURES,
    OUTLET,
    RUN_FEATURES,
    SHARED_ASSET,
    VERSION_FEATURES,
)
from resolvers.rules.union import Candidate, connect, unite
from resolvers.sources import NOTHING, Needs
from resolvers.sources.orchestration import Orchestrator, PipelineAssets
from resolvers.tally import Tally
from schema.connection import Evidence
from schema.derived import (
    Dataset,
    DatasetLink,
    DatasetLinkConnection,
    DatasetLinkEdge,
    Feature,
    FeatureLink,
)
from schema.fields import NoArgs, TenArgs
from schema.identity import EntityKind, Reference
from schema.model import ModelVersion, TrainingRun
from schema.pipeline import (
    AssetMention,
    Pipeline,
    PipelineLinkConnection,
    PipelineLinkEdge,
)

if TYPE_CHECKING:
    from resolvers.context import Context


async def datasets_of_versions(
    ctx: Context,
    versions: Sequence[ModelVersion],
    args: NoArgs,
    needs: Needs,
) -> list[list[DatasetLink] | GraphError]:
    """ModelVersion.datasets: the inputs its training run logged."""
    runs = [loaded.value if loaded else None for loaded in await load_training_runs(ctx, versions)]
    logged = [dataset for run in runs if isinstance(run, TrainingRun) for dataset in run.datasets]
    meant = iter(await joined(ctx, logged))
    answers: list[list[DatasetLink] | GraphError] = []
    for version, run in zip(versions, runs, strict=True):
        if isinstance(run, GraphError):
            answers.append(run)
            continue
        links: dict[Reference, DatasetLink] = {}
        for mention in run.datasets if run else ():
            dataset = next(meant)
            evidence = DATASET_INPUT.evidence(version.reference.source, mention.name, (run.reference,) if run else ())
            links.setdefault(
                dataset.reference, DatasetLink(target=dataset.reference, grounds=(evidence,), mentioned=dataset)
            )
        answers.append(list(links.values()))
    return answers


async def features_of_versions(
    ctx: Context,
    versions: Sequence[ModelVersion],
    args: NoArgs,
    needs: Needs,
) -> list[list[FeatureLink] | GraphError]:
    """ModelVersion.features: tags of the version and its run, then columns and signature of the run."""
    answers: list[list[FeatureLink] | GraphError] = []
    for version, loaded in zip(versions, await load_training_runs(ctx, versions), strict=True):
        run = loaded.value if loaded else None
        answers.append(run if isinstance(run, GraphError) else _features(ctx, version, run))
    return answers


def _features(ctx: Context, version: ModelVersion, run: TrainingRun | None) -> list[FeatureLink]:
    source = version.reference.source
    conventions = ctx.sources.registries[source].profile.conventions
    own = features_in_tags(conventions, {key: value or "" for key, value in version.labels})
    mentions: list[tuple[Feature, Evidence]] = [
        (
            feature_from(name, version.fetched_at),
            VERSION_FEATURES.evidence(source, tag, (version.reference,)),
        )
        for name, tag in own
    ]
    if run is not None:
        via = (run.reference,)
        mentions.extend(
            (feature_from(name, run.fetched_at), RUN_FEATURES.evidence(source, tag, via))
            for name, tag in features_in_tags(conventions, run.labels)
        )
        mentions.extend(
            (feature, LOGGED_FEATURES.evidence(source, mentioned_by, via)) for feature, mentioned_by in run.features
        )
    links: dict[Reference, FeatureLink] = {}
    for feature, evidence in mentions:
        known = links.get(feature.reference)
        if known is None:
            links[feature.reference] = FeatureLink(target=feature.reference, grounds=(evidence,), mentioned=feature)
        else:
            known.grounds = tuple(dict.fromkeys((*known.grounds, evidence)))
            known.mentioned.data_type = known.mentioned.data_type or feature.data_type
    return list(links.values())


# ---------------------------------------------------------------- pipelines and their assets


async def consumes(
    ctx: Context,
    pipelines: Sequence[Pipeline],
    args: TenArgs,
    needs: Needs,
) -> list[DatasetLinkConnection]:
    """Pipeline.consumes"""
    return await _assets(ctx, pipelines, args, "consumes")


async def produces(
    ctx: Context,
    pipelines: Sequence[Pipeline],
    args: TenArgs,
    needs: Needs,
) -> list[DatasetLinkConnection]:
    """Pipeline.produces"""
    return await _assets(ctx, pipelines, args, "produces")


async def upstream(
    ctx: Context,
    pipelines: Sequence[Pipeline],
    args: TenArgs,
    needs: Needs,
) -> list[PipelineLinkConnection]:
    """Pipeline.upstream: who writes what it reads."""
    return await _neighbours(ctx, pipelines, args, "upstream")


async def downstream(
    ctx: Context,
    pipelines: Sequence[Pipeline],
    args: TenArgs,
    needs: Needs,
) -> list[PipelineLinkConnection]:
    """Pipeline.downstream: who reads what it writes."""
    return await _neighbours(ctx, pipelines, args, "downstream")


async def load_assets(ctx: Context, pipelines: Sequence[Pipeline]) -> list[Loaded[PipelineAssets]]:
    """The assets of each pipeline, one batch per orchestrator."""
    futures = []
    for pipeline in pipelines:
        orchestrator = ctx.sources.orchestrators[pipeline.reference.source]
        futures.append(ctx.loader(orchestrator.assets_by_pipeline).load(pipeline.reference.key, None, NOTHING))
    return [await future for future in futures]


async def _assets(
    ctx: Context,
    pipelines: Sequence[Pipeline],
    args: TenArgs,
    side: Literal["consumes", "produces"],
) -> list[DatasetLinkConnection]:
    tallies = [Tally() for _ in pipelines]
    found = await datasets_of_pipelines(ctx, pipelines, tallies, side)
    return [
        connect(
            ctx,
            DatasetLinkConnection,
            candidates,
            lambda item, cursor: DatasetLinkEdge(
                target=item.target, grounds=item.grounds, mentioned=item.extra, cursor=cursor
            ),
            tally,
            first=args.first,
            after=args.after,
            bound_to=f"Pipeline.{side} {pipeline.id}",
        )
        for pipeline, candidates, tally in zip(pipelines, found, tallies, strict=True)
    ]


async def datasets_of_pipelines(
    ctx: Context, pipelines: Sequence[Pipeline], tallies: Sequence[Tally], side: Literal["consumes", "produces"]
) -> list[list[Candidate[Dataset]]]:
    """The assets each pipeline reads, or writes, that are no models."""
    rule = INLET if side == "consumes" else OUTLET
    mentions: list[tuple[int, AssetMention]] = []
    for place, (pipeline, loaded) in enumerate(zip(pipelines, await load_assets(ctx, pipelines), strict=True)):
        name = pipeline.reference.source
        tallies[place].note(name, loaded)
        conventions = ctx.sources.orchestrators[name].profile.conventions
        if isinstance(loaded.value, PipelineAssets):
            listed = loaded.value.consumes if side == "consumes" else loaded.value.produces
            mentions.extend((place, asset) for asset in listed if model_in_uri(conventions, asset.uri) is None)
    datasets = [dataset_from(asset.name, asset.uri, asset.fetched_at) for _, asset in mentions]
    candidates: list[list[Candidate[Dataset]]] = [[] for _ in pipelines]
    for (place, asset), dataset in zip(mentions, await joined(ctx, datasets), strict=True):
        pipeline = pipelines[place]
        evidence = rule.evidence(pipeline.reference.source, asset.uri, (pipeline.reference,))
        candidates[place].append(Candidate(dataset.reference, (evidence,), dataset))
    found = [unite(own, lambda one, other: one) for own in candidates]
    for pipeline, tally, united in zip(pipelines, tallies, found, strict=True):
        tally.match(pipeline.reference.source, len(united))
    return found


async def _neighbours(
    ctx: Context, pipelines: Sequence[Pipeline], args: TenArgs, side: Literal["upstream", "downstream"]
) -> list[PipelineLinkConnection]:
    tallies = [Tally() for _ in pipelines]
    found: list[list[Candidate[None]]] = [[] for _ in pipelines]

    def note(place: int, orchestrator: Orchestrator, asset: AssetMention) -> None:
        name, own = orchestrator.profile.name, pipelines[place].reference
        evidence = SHARED_ASSET.evidence(name, asset.uri, (own,))
        for other in asset.producers if side == "upstream" else asset.consumers:
            target = Reference(EntityKind.PIPELINE, name, other, orchestrator.url)
            if target != own:
                found[place].append(Candidate(target, (evidence,), None))

    elsewhere: list[tuple[int, Orchestrator, asyncio.Future[Loaded[AssetMention | None]]]] = []
    for place, (pipeline, loaded) in enumerate(zip(pipelines, await load_assets(ctx, pipelines), strict=True)):
        own = ctx.sources.orchestrators[pipeline.reference.source]
        tallies[place].note(own.profile.name, loaded)
        if isinstance(loaded.value, PipelineAssets):
            for asset in loaded.value.consumes if side == "upstream" else loaded.value.produces:
                note(place, own, asset)
                elsewhere.extend(
                    (place, other, ctx.loader(other.assets_by_uri).load(asset.uri, None, NOTHING))
                    for other in ctx.sources.orchestrators.values()
                    if other is not own
                )
    for place, other, pending in elsewhere:
        answer = await pending
        tallies[place].note(other.profile.name, answer)
        if isinstance(answer.value, AssetMention):
            note(place, other, answer.value)
    connections = []
    for pipeline, candidates, tally in zip(pipelines, found, tallies, strict=True):
        united = unite(candidates, lambda one, other: None)
        for item in united:
            tally.match(item.target.source)
        connections.append(pipeline_connection(ctx, united, tally, args, f"Pipeline.{side} {pipeline.id}"))
    return connections


def pipeline_connection(
    ctx: Context, candidates: list[Candidate[None]], tally: Tally, args: TenArgs, bound_to: str
) -> PipelineLinkConnection:
    """A page of links to pipelines."""
    connection: PipelineLinkConnection = connect(
        ctx,
        PipelineLinkConnection,
        candidates,
        lambda item, cursor: PipelineLinkEdge(
            target=item.target, grounds=item.grounds, verdict=item.verdict, cursor=cursor
        ),
        tally,
        first=args.first,
        after=args.after,
        bound_to=bound_to,
    )
    return connection
