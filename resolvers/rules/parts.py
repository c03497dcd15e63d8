"""Plain steps between rows of one source: a version's model, a run's pipeline, the latest version, results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from resolvers.errors import BadUserInput, GraphError
from resolvers.loaders import Loaded
from resolvers.sources import NOTHING, Need, Needs
from resolvers.sources.registry import AliasKey, VersionKey
from resolvers.tally import Tally
from resolvers.targets import entities, prime
from schema.experiment import Experiment, ExperimentModelEdge, ExperimentResults
from schema.fields import NoArgs
from schema.identity import EntityKind, Reference
from schema.model import FindVersionArgs, Model, ModelVersion, ModelVersionLinkEdge
from schema.node import Entity
from schema.pipeline import Pipeline, PipelineRun

if TYPE_CHECKING:
    from resolvers.context import Context


async def models_of_versions(
    ctx: Context,
    versions: Sequence[ModelVersion],
    args: NoArgs,
    needs: Needs,
) -> list[Entity | GraphError | None]:
    """ModelVersion.model"""
    targets = [_beside(version, EntityKind.MODEL, version.model_name) for version in versions]
    return [loaded.value for loaded in await entities(ctx, targets, needs)]


async def models_of_edges(
    ctx: Context,
    edges: Sequence[ExperimentModelEdge | ModelVersionLinkEdge],
    args: NoArgs,
    needs: Needs,
) -> list[Entity | GraphError | None]:
    """The model of an edge that may know no version; null where the edge's own `state` says why."""
    known = [edge for edge in edges if edge.verdict is None]
    loaded = dict(zip(map(id, known), await entities(ctx, [edge.model_target for edge in known], needs), strict=True))
    return [loaded[id(edge)].value if id(edge) in loaded else None for edge in edges]


async def pipelines_of_runs(
    ctx: Context,
    runs: Sequence[PipelineRun],
    args: NoArgs,
    needs: Needs,
) -> list[Entity | GraphError | None]:
    """PipelineRun.pipeline"""
    targets = [_beside(run, EntityKind.PIPELINE, run.pipeline_name) for run in runs]
    return [loaded.value for loaded in await entities(ctx, targets, needs)]


async def latest_versions(
    ctx: Context,
    models: Sequence[Model],
    args: NoArgs,
    needs: Needs,
) -> list[ModelVersion | None]:
    """Model.latestVersion: it came with the model's row."""
    newest = [model.newest for model in models]
    prime(ctx, [version for version in newest if version], frozenset({Need.ALIASES}), ())
    return newest


async def current_versions(ctx: Context, models: Sequence[Model], tallies: Sequence[Tally]) -> list[list[ModelVersion]]:
    """The latest version of each model, which is in its row, and the aliased ones, which are read where they differ."""
    found = [[model.newest] if model.newest else [] for model in models]
    waiting = []
    for place, model in enumerate(models):
        registry = ctx.sources.registries[model.reference.source]
        aliased = dict.fromkeys(alias.version for alias in model.version_aliases)
        for version in aliased:
            if model.newest is None or version != model.newest.version:
                key = VersionKey(model.name, version)
                waiting.append((place, ctx.loader(registry.versions_by_key).load(key, None, NOTHING)))
    for place, pending in waiting:
        loaded = await pending
        tallies[place].note(models[place].reference.source, loaded)
        if isinstance(loaded.value, ModelVersion):
            found[place].append(loaded.value)
    return found


async def find_versions(
    ctx: Context, models: Sequence[Model], args: FindVersionArgs, needs: Needs
) -> list[ModelVersion | GraphError | None]:
    """Model.findVersion"""
    if (args.version is None) == (args.alias is None):
        return [BadUserInput("Say either `version` or `alias`.") for _ in models]
    futures = []
    for model in models:
        registry = ctx.sources.registries[model.reference.source]
        if args.version is not None:
            key = VersionKey(model.name, args.version)
            futures.append(ctx.loader(registry.versions_by_key).load(key, None, needs))
        else:
            alias = AliasKey(model.name, args.alias or "")
            futures.append(ctx.loader(registry.versions_by_alias).load(alias, None, needs))
    return [(await future).value for future in futures]


async def last_runs(
    ctx: Context,
    pipelines: Sequence[Pipeline],
    args: NoArgs,
    needs: Needs,
) -> list[PipelineRun | GraphError | None]:
    """Pipeline.lastRun"""
    futures = []
    for pipeline in pipelines:
        orchestrator = ctx.sources.orchestrators[pipeline.reference.source]
        futures.append(ctx.loader(orchestrator.latest_runs).load(pipeline.reference.key, None, needs))
    answers: list[Loaded[PipelineRun | None]] = [await future for future in futures]
    for loaded in answers:
        if isinstance(loaded.value, PipelineRun):
            prime(ctx, [loaded.value], needs, loaded.calls)
    return [loaded.value for loaded in answers]


async def results_of_experiments(
    ctx: Context,
    experiments: Sequence[Experiment],
    args: NoArgs,
    needs: Needs,
) -> list[ExperimentResults | GraphError | None]:
    """Experiment.results. The winner is the experiment's own variation, so that it has what is asked of it."""
    futures = []
    for experiment in experiments:
        platform = ctx.sources.platforms[experiment.reference.source]
        futures.append(ctx.loader(platform.results_by_id).load(experiment.reference.key, None, NOTHING))
    whole = await entities(ctx, [experiment.reference for experiment in experiments], needs) if needs else []
    answers = [(await future).value for future in futures]
    for results, loaded in zip(answers, whole, strict=False):
        if isinstance(results, ExperimentResults) and results.winner and isinstance(loaded.value, Experiment):
            won = results.winner.key
            results.winner = next((item for item in loaded.value.variations if item.key == won), results.winner)
    return answers


def _beside(entity: Entity, kind: EntityKind, key: str) -> Reference:
    """Another entity of the same source."""
    return Reference(kind, entity.reference.source, key, entity.reference.url_of)
