"""What data goes in and out: datasets and features of versions, assets of pipelines, and the runs assets connect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from resolvers.conventions import features_in_tags, model_in_uri
from resolvers.datasets import dataset_from, feature_from
from resolvers.errors import BadUserInput, GraphError
from resolvers.loaders import Loaded
from resolvers.rules.origin import load_training_runs
from resolvers.rules.rule import (
    ASSET_EVENT,
    DATASET_INPUT,
    INLET,
    LOGGED_FEATURES,
    OUTLET,
    RUN_FEATURES,
    SHARED_ASSET,
    VERSION_FEATURES,
    Rule,
)
from resolvers.rules.union import Candidate, connect, unite
from resolvers.sources import NOTHING, Needs
from resolvers.sources.orchestration import Orchestrator, PipelineAssets, RunKey
from resolvers.tally import Tally
from resolvers.targets import entities
from schema.connection import Evidence, IncompleteReason
from schema.derived import (
    Dataset,
    DatasetLink,
    DatasetLinkConnection,
    DatasetLinkEdge,
    Feature,
    FeatureLink,
)
from schema.fields import NoArgs
from schema.identity import EntityKind, Reference, pair_key, split_run_key
from schema.model import ModelVersion, TrainingRun
from schema.pipeline import (
    AssetMention,
    FailedArgs,
    Pipeline,
    PipelineLinkConnection,
    PipelineLinkEdge,
    PipelineRun,
    PipelineRunLinkConnection,
    PipelineRunLinkEdge,
    RunState,
    TenArgs,
)

if TYPE_CHECKING:
    from resolvers.context import Context

MOST_RUNS_ABOVE = 50
"""Most runs looked at for what failed above one run: each costs a call."""


async def datasets_of_versions(
    ctx: Context,
    versions: Sequence[ModelVersion],
    args: NoArgs,
    needs: Needs,
) -> list[list[DatasetLink] | GraphError]:
    """ModelVersion.datasets: the inputs its training run logged."""
    answers: list[list[DatasetLink] | GraphError] = []
    for version, loaded in zip(versions, await load_training_runs(ctx, versions), strict=True):
        run = loaded.value if loaded else None
        if isinstance(run, GraphError):
            answers.append(run)
            continue
        links: dict[Reference, DatasetLink] = {}
        for dataset in run.datasets if run else ():
            via = (run.reference,) if run else ()
            evidence = DATASET_INPUT.evidence(version.reference.source, dataset.name, via)
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
    return await _assets(ctx, pipelines, args, "consumes", INLET)


async def produces(
    ctx: Context,
    pipelines: Sequence[Pipeline],
    args: TenArgs,
    needs: Needs,
) -> list[DatasetLinkConnection]:
    """Pipeline.produces"""
    return await _assets(ctx, pipelines, args, "produces", OUTLET)


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
    rule: Rule,
) -> list[DatasetLinkConnection]:
    connections = []
    for pipeline, loaded in zip(pipelines, await load_assets(ctx, pipelines), strict=True):
        name, tally = pipeline.reference.source, Tally()
        tally.note(name, loaded)
        conventions = ctx.sources.orchestrators[name].profile.conventions
        listed: Iterable[AssetMention] = ()
        if isinstance(loaded.value, PipelineAssets):
            listed = loaded.value.consumes if side == "consumes" else loaded.value.produces
        candidates: list[Candidate[Dataset]] = []
        for asset in listed:
            if model_in_uri(conventions, asset.uri) is None:
                dataset = dataset_from(asset.name, asset.uri, pipeline.fetched_at)
                evidence = rule.evidence(name, asset.uri, (pipeline.reference,))
                candidates.append(Candidate(dataset.reference, (evidence,), dataset))
        united = unite(candidates, lambda one, other: one)
        tally.match(name, len(united))
        connections.append(
            connect(
                DatasetLinkConnection,
                united,
                lambda item, cursor: DatasetLinkEdge(
                    target=item.target, grounds=item.grounds, mentioned=item.extra, cursor=cursor
                ),
                tally,
                first=args.first,
                after=args.after,
                bound_to=f"Pipeline.{side} {pipeline.id}",
            )
        )
    return connections


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
        connections.append(pipeline_connection(united, tally, args, f"Pipeline.{side} {pipeline.id}"))
    return connections


def pipeline_connection(
    candidates: list[Candidate[None]], tally: Tally, args: TenArgs, bound_to: str
) -> PipelineLinkConnection:
    """A page of links to pipelines."""
    connection: PipelineLinkConnection = connect(
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


# ---------------------------------------------------------------- runs above runs


async def upstream_runs(
    ctx: Context,
    runs: Sequence[PipelineRun],
    args: TenArgs,
    needs: Needs,
) -> list[PipelineRunLinkConnection]:
    """PipelineRun.upstreamRuns: by the asset events that triggered or fed this run."""
    tallies = [Tally() for _ in runs]
    found = await _above(ctx, [run.reference for run in runs], tallies)
    return [
        _run_connection(candidates, tally, args.first, args.after, f"PipelineRun.upstreamRuns {run.id}")
        for run, candidates, tally in zip(runs, found, tallies, strict=True)
    ]


async def failed_upstream_runs(
    ctx: Context, runs: Sequence[PipelineRun], args: FailedArgs, needs: Needs
) -> list[PipelineRunLinkConnection | GraphError]:
    """PipelineRun.failedUpstreamRuns: breadth-first, one level of all runs at a time."""
    depth = 2 if args.depth is None else args.depth
    if not 1 <= depth <= 5:
        return [BadUserInput("`depth` is 1 to 5.") for _ in runs]
    tallies = [Tally() for _ in runs]
    found = await asyncio.gather(
        *(_failed_above(ctx, run, depth, tally, needs) for run, tally in zip(runs, tallies, strict=True))
    )
    return [
        _run_connection(failed, tally, args.first, args.after, f"PipelineRun.failedUpstreamRuns {run.id} {depth}")
        for run, failed, tally in zip(runs, found, tallies, strict=True)
    ]


async def _failed_above(
    ctx: Context, run: PipelineRun, depth: int, tally: Tally, needs: Needs
) -> list[Candidate[None]]:
    seen = {run.reference}
    level = [run.reference]
    failed: list[Candidate[None]] = []
    for step in range(depth):
        above = [item for found in await _above(ctx, level, [tally] * len(level)) for item in found]
        new = [item for item in unite(above, lambda one, other: None) if item.target not in seen]
        if len(seen) + len(new) > MOST_RUNS_ABOVE:
            del new[MOST_RUNS_ABOVE - len(seen) :]
            tally.incomplete([IncompleteReason.SCAN_LIMIT])
        seen.update(item.target for item in new)
        loaded = await entities(ctx, [item.target for item in new], needs)
        level = [item.target for item in new]
        for item, answer in zip(new, loaded, strict=True):
            tally.note(item.target.source, answer)
            if isinstance(answer.value, PipelineRun) and answer.value.state is RunState.FAILED:
                failed.append(item)
        if not level:
            break
        if step == depth - 1:
            tally.incomplete([IncompleteReason.DEPTH_LIMIT])
    return failed


async def _above(
    ctx: Context, references: Sequence[Reference], tallies: Sequence[Tally]
) -> list[list[Candidate[None]]]:
    waiting = []
    for reference in references:
        orchestrator: Orchestrator = ctx.sources.orchestrators[reference.source]
        key = RunKey(*(split_run_key(reference.key) or (reference.key, "")))
        waiting.append((orchestrator, ctx.loader(orchestrator.upstream_runs).load(key, None, NOTHING)))
    found: list[list[Candidate[None]]] = []
    for reference, tally, (orchestrator, pending) in zip(references, tallies, waiting, strict=True):
        loaded = await pending
        name = orchestrator.profile.name
        tally.note(name, loaded)
        if isinstance(loaded.value, GraphError):
            found.append([])
            continue
        tally.scanned += loaded.value.scanned
        tally.incomplete(loaded.value.reasons)
        candidates = [
            Candidate(
                Reference(EntityKind.PIPELINE_RUN, name, pair_key(*item.run), orchestrator.url),
                (ASSET_EVENT.evidence(name, item.asset_uri, (reference,)),),
                None,
            )
            for item in loaded.value.items
        ]
        united = unite(candidates, lambda one, other: None)
        tally.match(name, len(united))
        found.append(united)
    return found


def _run_connection(
    candidates: list[Candidate[None]], tally: Tally, first: int | None, after: str | None, bound_to: str
) -> PipelineRunLinkConnection:
    connection: PipelineRunLinkConnection = connect(
        PipelineRunLinkConnection,
        candidates,
        lambda item, cursor: PipelineRunLinkEdge(
            target=item.target, grounds=item.grounds, verdict=item.verdict, cursor=cursor
        ),
        tally,
        first=first,
        after=after,
        bound_to=bound_to,
    )
    return connection
