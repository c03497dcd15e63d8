"""What the links between entities ask, each for one parent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from resolvers.estimate.ask import (
    ASSETS,
    EXPERIMENTS,
    EXPERIMENTS_BY_KEY,
    MODELS,
    ORCHESTRATOR,
    PIPELINES,
    PLATFORM,
    REGISTRY,
    RUNS,
    TRAINING_RUNS,
    VERSIONS,
    Ask,
    Role,
    every,
    one,
    own,
    tagged,
)
from resolvers.estimate.entities import LISTS, NEWEST_RUNS, data, data_named, kinds_of, lists_of
from resolvers.estimate.house import Args, Asks, House, asks
from resolvers.estimate.sizes import EXTRA_READS, NAMES, VERSIONS_MADE, VERSIONS_READ, size_of
from resolvers.rules.lists import LISTED
from resolvers.rules.runs import MOST_RUNS_ABOVE
from resolvers.sources import Need


def _part(role: Role, method: str) -> Asks:
    """A list inside one entity: a call a page, and those that find a cursor's place."""

    def part(_house: House, args: Args) -> Iterable[Ask]:
        reads = 1 + (EXTRA_READS if args.get("after") is not None else 0)
        return [Ask(((role, method),), reads, own=True)]

    return part


def _owned(way: str) -> Asks:
    def listed(_house: House, args: Args) -> Iterable[Ask]:
        kinds = kinds_of(args, LISTED)
        after = [own(*LISTS[kind], EXTRA_READS) for kind in kinds] if args.get("after") is not None else []
        return [*lists_of(kinds, way), *after]

    return listed


# ---------------------------------------------------------------- models and experiments


def _cells(house: House, versions: int) -> list[Ask]:
    """The pipeline runs that made some versions; their cells' tests."""
    runs = Ask((RUNS,), versions, shared=not house.several(ORCHESTRATOR))
    return [one(TRAINING_RUNS, keys=versions), runs, Ask((EXPERIMENTS_BY_KEY,), versions, shared=False)]


def _uses(of_model: bool) -> Asks:
    def uses(house: House, args: Args) -> Iterable[Ask]:
        ever = args.get("usage") not in (None, "CURRENT")
        yield own(PLATFORM, "experiments_by_model.ever" if ever else "experiments_by_model")
        if of_model:
            yield one(VERSIONS)
        else:
            yield one(MODELS)
        yield from _cells(house, 2 if of_model else 1)

    return uses


def _found_version(_house: House, args: Args) -> Iterable[Ask]:
    method = VERSIONS if args.get("version") is not None else (REGISTRY, "versions_by_alias")
    return [Ask((method,), own=True)]


def _named_models(house: House, _args: Args) -> Iterable[Ask]:
    return [every(*MODELS, 1)] if house.several(REGISTRY) else []


def _tested(house: House, args: Args) -> Iterable[Ask]:
    # The experiment's row may not tell all: another field may have read it before, for less.
    yield Ask((EXPERIMENTS,), wanted=frozenset({Need.VALUES, Need.TAGS}))
    yield every(REGISTRY, "versions_by_tag", 2)
    yield one((REGISTRY, "versions_by_alias"), keys=2)
    yield from _named_models(house, args)


# ---------------------------------------------------------------- pipelines and runs


def _made(house: House, _args: Args) -> Iterable[Ask]:
    """Training runs and versions by their tags."""
    yield tagged("training_runs_by_tag", house.pipeline_tags)
    yield tagged("versions_by_tag", house.pipeline_tags)
    yield one((REGISTRY, "versions_by_training_run"), keys=VERSIONS_MADE)


def _made_by_pipelines(house: House, args: Args) -> Iterable[Ask]:
    yield from _made(house, args)
    yield one(ASSETS)
    if house.several(REGISTRY):
        yield every(*MODELS, 2)


def _producers(house: House, args: Args) -> Iterable[Ask]:
    yield from _by_uri(house, args)
    yield every(ORCHESTRATOR, "pipelines_by_tag")
    yield one((REGISTRY, "versions"))
    yield one(TRAINING_RUNS, keys=VERSIONS_READ)
    if house.several(ORCHESTRATOR):
        yield every(*PIPELINES, 2)
        # Of pipelines that several orchestrators have, the one is meant that has the run.
        yield every(*RUNS, VERSIONS_READ)


def _by_uri(house: House, _args: Args) -> Iterable[Ask]:
    yield every(ORCHESTRATOR, "assets_by_uri", house.model_uris)


def _produced_by(house: House, _args: Args) -> Iterable[Ask]:
    yield one(TRAINING_RUNS)
    if house.several(ORCHESTRATOR):
        yield every(*RUNS)


def _beside(house: House, _args: Args) -> Iterable[Ask]:
    """An asset's own orchestrator tells of its writers and readers; others are asked whether they know it."""
    yield one(ASSETS)
    if house.several(ORCHESTRATOR):
        yield every(ORCHESTRATOR, "assets_by_uri", 2)


def _failed_above(_house: House, args: Args) -> Iterable[Ask]:
    levels = size_of(args.get("depth"), 2, 5)
    if levels:
        yield Ask(((ORCHESTRATOR, "upstream_runs"),), 1 if levels == 1 else MOST_RUNS_ABOVE, own=True)
        yield Ask((RUNS,), MOST_RUNS_ABOVE, own=True)


# ---------------------------------------------------------------- what no source owns


def _with_feature(house: House, _args: Args) -> Iterable[Ask]:
    yield every(REGISTRY, "training_runs_by_feature")
    yield tagged("versions_by_tag", house.feature_tags)
    yield one((REGISTRY, "versions_by_training_run"), keys=VERSIONS_READ)


LINKS: Mapping[str, Asks] = {
    "Model.latestVersion": asks(),
    "Model.findVersion": _found_version,
    "Model.versions": _part(REGISTRY, "versions"),
    "Model.experiments": _uses(of_model=True),
    "Model.producers": _producers,
    "Model.consumers": _by_uri,
    "ModelVersion.model": asks(one(MODELS)),
    "ModelVersion.trainingRun": asks(one(TRAINING_RUNS)),
    "ModelVersion.producedBy": _produced_by,
    "ModelVersion.datasets": asks(one(TRAINING_RUNS), *data_named(NAMES)),
    "ModelVersion.features": asks(one(TRAINING_RUNS)),
    "ModelVersion.experiments": _uses(of_model=False),
    "ModelLink.version": asks(one(VERSIONS, (REGISTRY, "versions_by_alias"))),
    "ModelVersionLinkEdge.model": asks(one(MODELS)),
    "ExperimentModelEdge.model": asks(one(MODELS)),
    "Variation.models": _named_models,
    "Experiment.results": asks(one((PLATFORM, "results_by_id")), one(EXPERIMENTS)),
    "Experiment.testedModels": _tested,
    "Dataset.producers": asks(*data(NAMES)),
    "Dataset.consumers": asks(*data(NAMES)),
    "Dataset.modelVersions": asks(
        *data(NAMES),
        NEWEST_RUNS,
        one((REGISTRY, "versions_by_training_run"), keys=VERSIONS_READ),
    ),
    "Feature.modelVersions": _with_feature,
    "Owner.owns": _owned("owner"),
    "Domain.entities": _owned("scan"),
    "Pipeline.lastRun": asks(one((ORCHESTRATOR, "latest_runs"))),
    "Pipeline.runs": _part(ORCHESTRATOR, "runs"),
    "Pipeline.modelVersions": _made_by_pipelines,
    "Pipeline.consumes": asks(one(ASSETS), *data_named(NAMES)),
    "Pipeline.produces": asks(one(ASSETS), *data_named(NAMES)),
    "Pipeline.upstream": _beside,
    "Pipeline.downstream": _beside,
    "PipelineRun.pipeline": asks(one(PIPELINES)),
    "PipelineRun.tasks": _part(ORCHESTRATOR, "tasks"),
    "PipelineRun.modelVersions": _made,
    "PipelineRun.testedIn": asks(Ask((EXPERIMENTS_BY_KEY,), shared=False)),
    "PipelineRun.upstreamRuns": asks(one((ORCHESTRATOR, "upstream_runs"))),
    "PipelineRun.failedUpstreamRuns": _failed_above,
}
"""By schema coordinate. The generic fields of links are not here: `state`, `code`, `node` and `nodes` read a target."""
