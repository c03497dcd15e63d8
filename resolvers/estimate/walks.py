"""What fields ask that go through many links at once: their calls are said whole, and who is asked by those links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from resolvers.estimate.ask import ENTITIES, MODELS, ORCHESTRATOR, PIPELINES, PLATFORM, REGISTRY, Ask, Method, Role
from resolvers.estimate.house import Args, House
from resolvers.estimate.links import LINKS
from resolvers.estimate.sizes import LEVELS, size_of

_OF_LINEAGE = (
    "Model.experiments",
    "Model.producers",
    "Model.consumers",
    "ModelVersion.producedBy",
    "ModelVersion.datasets",
    "ModelVersion.features",
    "ModelVersion.experiments",
    "Experiment.testedModels",
    "Dataset.producers",
    "Dataset.consumers",
    "Dataset.modelVersions",
    "Feature.modelVersions",
    "Pipeline.consumes",
    "Pipeline.modelVersions",
    "PipelineRun.upstreamRuns",
    "PipelineRun.modelVersions",
)
"""The links whose rules a lineage takes its steps by."""
_DOWNSTREAM: Method = (ORCHESTRATOR, "downstream_runs")
"""The one step that is no link."""

_OF_SIMILAR = (
    "Model.producers",
    "ModelVersion.datasets",
    "ModelVersion.features",
    "Dataset.modelVersions",
    "Feature.modelVersions",
    "Pipeline.modelVersions",
)
_SWEPT: tuple[Method, ...] = ((REGISTRY, "models"), (REGISTRY, "search"))


def lineage(house: House, args: Args) -> Iterable[Ask]:
    """Its calls grow with levels and sources, not with nodes; which rules apply depends on what is met."""
    levels = min(size_of(args.get("depth"), 1, 10), LEVELS)
    if not levels:
        return []
    methods = [*ENTITIES, _DOWNSTREAM, *_methods(house, _OF_LINEAGE)]
    return [
        _flat(REGISTRY, methods, 10 + 5 * levels),
        _flat(ORCHESTRATOR, methods, 4 + 2 * levels),
        _flat(PLATFORM, methods, 6 + levels),
    ]


def similar(house: House, args: Args) -> Iterable[Ask]:
    """A sweep of the registries' models, then those made of the same data, features and pipelines."""
    methods = [*_SWEPT, PIPELINES, *_methods(house, _OF_SIMILAR)]
    return [
        _flat(REGISTRY, methods, house.search_calls + 24),
        _flat(ORCHESTRATOR, methods, 14),
        Ask((MODELS,), size_of(args.get("first"), 10), own=True),
    ]


def _methods(house: House, coordinates: Iterable[str]) -> list[Method]:
    return [method for name in coordinates for ask in LINKS[name](house, {}) for method in ask.methods]


def _flat(role: Role, methods: Sequence[Method], calls: int) -> Ask:
    own = tuple(dict.fromkeys(method for method in methods if method[0] is role))
    return Ask(own, own=True, shared=False, flat=calls)
