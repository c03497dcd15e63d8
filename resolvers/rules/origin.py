"""Where a version came from: version, training run, pipeline run; and back from pipelines to versions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from resolvers.conventions import PipelineMention, model_in_uri, models_in_labels, pipeline_in_tags
from resolvers.errors import GraphError
from resolvers.loaders import Loaded
from resolvers.rules.references import (
    Meant,
    MentionedBy,
    models_meant,
    names_no_orchestrator,
    names_no_registry,
    orchestrator_meant,
    runs_meant,
)
from resolvers.rules.rule import INLET_MODEL, OUTLET_MODEL, PIPELINE_TAG, RUN_TAG, VERSION_TAG
from resolvers.rules.union import Candidate, connect, unite
from resolvers.sources import NOTHING, Found, Needs
from resolvers.sources.orchestration import PipelineAssets
from resolvers.sources.registry import ModelRegistry, TagKey
from resolvers.tally import Tally
from resolvers.targets import prime, prime_runs
from schema.connection import Evidence
from schema.fields import NoArgs, TenArgs
from schema.identity import EntityKind, Reference
from schema.model import ModelVersion, ModelVersionLinkConnection, ModelVersionLinkEdge, TrainingRun
from schema.pipeline import Pipeline, PipelineRun, PipelineRunLink

if TYPE_CHECKING:
    from resolvers.context import Context

T = TypeVar("T")


class Origin(NamedTuple):
    """The pipeline a version's tags, or its training run's, name; `mention.run_id` may be None."""

    mention: PipelineMention
    grounds: tuple[Evidence, ...]
    training_run: TrainingRun | None


class Made(NamedTuple):
    """What made a version; `run` only where the origin names one."""

    origin: Origin
    run: Meant | None


async def training_runs(
    ctx: Context,
    versions: Sequence[ModelVersion],
    args: NoArgs,
    needs: Needs,
) -> list[TrainingRun | GraphError | None]:
    """ModelVersion.trainingRun"""
    return [loaded.value if loaded else None for loaded in await load_training_runs(ctx, versions)]


async def load_training_runs(ctx: Context, versions: Sequence[ModelVersion]) -> list[Loaded[TrainingRun | None] | None]:
    """The training run of each version; None where the version records none."""
    futures = []
    for version in versions:
        registry = ctx.sources.registries[version.reference.source]
        futures.append(
            ctx.loader(registry.training_runs_by_id).load(version.run_id, None, NOTHING) if version.run_id else None
        )
    return [await future if future else None for future in futures]


async def produced_by(
    ctx: Context,
    versions: Sequence[ModelVersion],
    args: NoArgs,
    needs: Needs,
) -> list[PipelineRunLink | GraphError | None]:
    """ModelVersion.producedBy"""
    links: list[PipelineRunLink | GraphError | None] = []
    for made in await makers_of_versions(ctx, versions):
        if isinstance(made, Made):
            run, grounds = made.run, made.origin.grounds
            links.append(PipelineRunLink(target=run.reference, grounds=grounds, verdict=run.verdict) if run else None)
        else:
            links.append(made)
    return links


async def makers_of_versions(
    ctx: Context, versions: Sequence[ModelVersion], tallies: Sequence[Tally] | None = None
) -> list[Made | GraphError | None]:
    """What names the maker of each version, and the pipeline run that is meant, where one is named."""
    found = await origins(ctx, versions, tallies)
    named = [item for item in found if isinstance(item, Origin) and item.mention.run_id]
    meant = dict(zip(map(id, named), await runs_meant(ctx, [item.mention for item in named]), strict=True))
    return [Made(item, meant.get(id(item))) if isinstance(item, Origin) else item for item in found]


async def origins(
    ctx: Context, versions: Sequence[ModelVersion], tallies: Sequence[Tally] | None = None
) -> list[Origin | GraphError | None]:
    """What names the pipeline of each version: its own tags, else its training run's."""
    found: list[Origin | GraphError | None] = []
    runs = await load_training_runs(ctx, versions)
    for place, (version, loaded) in enumerate(zip(versions, runs, strict=True)):
        source = version.reference.source
        conventions = ctx.sources.registries[source].profile.conventions
        if tallies is not None and loaded is not None:
            tallies[place].note(source, loaded)
        own = pipeline_in_tags(conventions, {key: value or "" for key, value in version.labels})
        run = loaded.value if loaded else None
        trained = pipeline_in_tags(conventions, run.labels) if isinstance(run, TrainingRun) else None
        grounds = []
        if own:
            text = f"{own.tag}{names_no_orchestrator(ctx, own)}"
            grounds.append(VERSION_TAG.evidence(source, text, (version.reference,)))
        if trained and isinstance(run, TrainingRun) and (own is None or _agree(ctx, own, trained)):
            text = f"{trained.tag}{names_no_orchestrator(ctx, trained)}"
            grounds.append(RUN_TAG.evidence(source, text, (run.reference,)))
        mention = own or trained
        if mention:
            found.append(Origin(mention, tuple(grounds), run if isinstance(run, TrainingRun) else None))
        else:
            found.append(run if isinstance(run, GraphError) else None)
    return found


def _agree(ctx: Context, one: PipelineMention, other: PipelineMention) -> bool:
    """Whether two mentions mean the same run, whichever way they spell its source."""
    return (one.pipeline, one.run_id) == (other.pipeline, other.run_id) and orchestrator_meant(
        ctx, one
    ) == orchestrator_meant(ctx, other)


# ---------------------------------------------------------------- back: pipelines and runs to versions


@dataclass(slots=True)
class Produced:
    """What an edge to a version shows: the model, whichever version is meant."""

    model: Reference


async def versions_of_runs(
    ctx: Context, runs: Sequence[PipelineRun], args: TenArgs, needs: Needs
) -> list[ModelVersionLinkConnection]:
    """PipelineRun.modelVersions: training runs and versions whose tags name this very run."""
    tallies = [Tally() for _ in runs]
    found = await made_by_runs(ctx, runs, tallies, needs)
    return [
        version_connection(ctx, candidates, tally, args, f"PipelineRun.modelVersions {run.id}")
        for run, candidates, tally in zip(runs, found, tallies, strict=True)
    ]


async def versions_of_pipelines(
    ctx: Context, pipelines: Sequence[Pipeline], args: TenArgs, needs: Needs
) -> list[ModelVersionLinkConnection]:
    """Pipeline.modelVersions: by tags of training runs and versions, by outlet assets, by the pipeline's own tags."""
    tallies = [Tally() for _ in pipelines]
    tagged, named = await asyncio.gather(
        made_by_pipelines(ctx, pipelines, tallies, needs), models_of_pipelines(ctx, pipelines, tallies, "produces")
    )
    return [
        version_connection(ctx, [*by_tag, *by_name], tally, args, f"Pipeline.modelVersions {pipeline.id}")
        for pipeline, by_tag, by_name, tally in zip(pipelines, tagged, named, tallies, strict=True)
    ]


async def made_by_runs(
    ctx: Context, runs: Sequence[PipelineRun], tallies: Sequence[Tally], needs: Needs
) -> list[list[Candidate[Produced]]]:
    """The versions whose tags, or whose training runs', name each run."""
    return await _tagged(
        ctx, [_Ask(run.reference.source, run.pipeline_name, _run_id(run)) for run in runs], tallies, needs
    )


async def made_by_pipelines(
    ctx: Context, pipelines: Sequence[Pipeline], tallies: Sequence[Tally], needs: Needs
) -> list[list[Candidate[Produced]]]:
    """The versions whose tags, or whose training runs', name each pipeline."""
    return await _tagged(
        ctx, [_Ask(pipeline.reference.source, pipeline.reference.key, None) for pipeline in pipelines], tallies, needs
    )


@dataclass(frozen=True, slots=True)
class _Ask:
    orchestrator: str
    pipeline: str
    run_id: str | None

    def keys(self, registry: ModelRegistry) -> list[TagKey]:
        pairs = registry.profile.conventions.pipeline_tags
        if self.run_id is not None:
            return [TagKey(run_tag, self.run_id) for _, run_tag in pairs]
        return [TagKey(pipeline_tag, self.pipeline, contains=True) for pipeline_tag, _ in pairs]


async def _tagged(
    ctx: Context, asks: Sequence[_Ask], tallies: Sequence[Tally], needs: Needs
) -> list[list[Candidate[Produced]]]:
    """Versions by the tags of their training runs and by their own."""
    found: list[list[Candidate[Produced]]] = [[] for _ in asks]
    steps = [_tagged_in(ctx, registry, asks, tallies, found, needs) for registry in ctx.sources.registries.values()]
    await asyncio.gather(*steps)
    return found


async def _tagged_in(
    ctx: Context,
    registry: ModelRegistry,
    asks: Sequence[_Ask],
    tallies: Sequence[Tally],
    found: Sequence[list[Candidate[Produced]]],
    needs: Needs,
) -> None:
    name, conventions = registry.profile.name, registry.profile.conventions
    by_run = [
        (place, ctx.loader(registry.training_runs_by_tag).load(key, None, NOTHING))
        for place, ask in enumerate(asks)
        for key in ask.keys(registry)
    ]
    by_version = [
        (place, ctx.loader(registry.versions_by_tag).load(key, None, needs))
        for place, ask in enumerate(asks)
        for key in ask.keys(registry)
    ]
    named: list[tuple[int, TrainingRun, Evidence]] = []
    for place, waiting in by_run:
        for run in items_of(prime_runs(ctx, registry, await waiting), name, tallies[place]):
            mention = pipeline_in_tags(conventions, run.labels)
            if mention and _means(ctx, mention, asks[place]):
                text = f"{mention.tag}{names_no_orchestrator(ctx, mention)}"
                named.append((place, run, RUN_TAG.evidence(name, text, (run.reference,))))
    registered = [
        (place, evidence, ctx.loader(registry.versions_by_training_run).load(run.reference.key, None, needs))
        for place, run, evidence in named
    ]
    for place, evidence, pending in registered:
        loaded = await pending
        versions = items_of(loaded, name, tallies[place])
        prime(ctx, versions, needs, loaded.calls)
        found[place].extend(version_candidate(registry, version, evidence) for version in versions)
    for place, following in by_version:
        loaded = await following
        for version in items_of(loaded, name, tallies[place]):
            mention = pipeline_in_tags(conventions, {key: value or "" for key, value in version.labels})
            if mention and _means(ctx, mention, asks[place]):
                text = f"{mention.tag}{names_no_orchestrator(ctx, mention)}"
                evidence = VERSION_TAG.evidence(name, text, (version.reference,))
                prime(ctx, [version], needs, loaded.calls)
                found[place].append(version_candidate(registry, version, evidence))
    for candidates, tally in zip(found, tallies, strict=True):
        tally.match(name, len({item.target for item in candidates if item.target.source == name}))


async def models_of_pipelines(
    ctx: Context, pipelines: Sequence[Pipeline], tallies: Sequence[Tally], side: Literal["consumes", "produces"]
) -> list[list[Candidate[Produced]]]:
    """Models that the pipelines' inlet, or outlet, assets name, mostly without a version; tags say what is made."""
    waiting = []
    for pipeline in pipelines:
        orchestrator = ctx.sources.orchestrators[pipeline.reference.source]
        waiting.append(
            (orchestrator, ctx.loader(orchestrator.assets_by_pipeline).load(pipeline.reference.key, None, NOTHING))
        )
    mentions: list[tuple[int, MentionedBy, Evidence]] = []
    for place, (pipeline, (orchestrator, pending)) in enumerate(zip(pipelines, waiting, strict=True)):
        name, conventions = orchestrator.profile.name, orchestrator.profile.conventions
        loaded = await pending
        tallies[place].note(name, loaded)
        via = (pipeline.reference,)
        if isinstance(loaded.value, PipelineAssets):
            rule, assets = (
                (OUTLET_MODEL, loaded.value.produces) if side == "produces" else (INLET_MODEL, loaded.value.consumes)
            )
            for asset in assets:
                mention = model_in_uri(conventions, asset.uri)
                if mention:
                    mentions.append((place, MentionedBy(mention, orchestrator), rule.evidence(name, asset.uri, via)))
        for mention in models_in_labels(conventions, pipeline.labels) if side == "produces" else ():
            mentioned = MentionedBy(mention, orchestrator)
            text = f"{conventions.model_tag}:{mention.name}{names_no_registry(ctx, mentioned)}"
            mentions.append((place, mentioned, PIPELINE_TAG.evidence(name, text, via)))
    found: list[list[Candidate[Produced]]] = [[] for _ in pipelines]
    meant = await models_meant(ctx, [mentioned for _, mentioned, _ in mentions])
    for (place, mentioned, evidence), model in zip(mentions, meant, strict=True):
        tallies[place].match(mentioned.by.profile.name)
        found[place].append(_model_candidate(model, mentioned, evidence, ctx))
    return found


def _model_candidate(model: Meant, mentioned: MentionedBy, evidence: Evidence, ctx: Context) -> Candidate[Produced]:
    target = model.reference
    if mentioned.mention.version and model.verdict is None:
        registry = ctx.sources.registries[target.source]
        key = f"{target.key}/{mentioned.mention.version}"
        target = Reference(EntityKind.MODEL_VERSION, target.source, key, registry.url)
    return Candidate(target, (evidence,), Produced(model.reference), model.verdict)


def version_candidate(registry: ModelRegistry, version: ModelVersion, evidence: Evidence) -> Candidate[Produced]:
    model = Reference(EntityKind.MODEL, version.reference.source, version.model_name, registry.url)
    return Candidate(version.reference, (evidence,), Produced(model))


def version_connection(
    ctx: Context, candidates: list[Candidate[Produced]], tally: Tally, args: TenArgs, bound_to: str
) -> ModelVersionLinkConnection:
    united = unite(candidates, lambda one, other: one)
    known = {candidate.extra.model for candidate in united if candidate.target.kind is EntityKind.MODEL_VERSION}
    # A rule that names only the model adds nothing where another rule names its version.
    whole = [item for item in united if item.target.kind is EntityKind.MODEL_VERSION or item.extra.model not in known]
    connection: ModelVersionLinkConnection = connect(
        ctx,
        ModelVersionLinkConnection,
        whole,
        lambda item, cursor: ModelVersionLinkEdge(
            target=item.target,
            grounds=item.grounds,
            verdict=item.verdict,
            model_target=item.extra.model,
            cursor=cursor,
        ),
        tally,
        first=args.first,
        after=args.after,
        bound_to=bound_to,
        rank=lambda item: 0 if item.target.kind is EntityKind.MODEL_VERSION else 1,
    )
    return connection


def items_of(loaded: Loaded[Found[T]], source: str, tally: Tally) -> Sequence[T]:
    """The rows of a reverse look-up, its bounds and failures noted."""
    tally.note(source, loaded)
    if isinstance(loaded.value, GraphError):
        return ()
    tally.scanned += loaded.value.scanned
    tally.incomplete(loaded.value.reasons)
    return loaded.value.items


def _means(ctx: Context, mention: PipelineMention, ask: _Ask) -> bool:
    if mention.pipeline != ask.pipeline or (ask.run_id is not None and mention.run_id != ask.run_id):
        return False
    if mention.source is None:
        return True
    adapter = ctx.sources.meant(ctx.sources.orchestrators, mention.source)
    return adapter is not None and adapter.profile.name == ask.orchestrator


def _run_id(run: PipelineRun) -> str:
    return run.reference.key[len(run.pipeline_name) + 1 :]
