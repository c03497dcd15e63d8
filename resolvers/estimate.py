"""Which batch methods each link field asks, and for how many keys a parent: what an operation may cost before it runs.

The calls these take are said by the adapters' own plans. Sizes that no product bounds are declared here, once each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from resolvers.mounts import Sources
from resolvers.rules.lineage import MOST_NODES
from resolvers.rules.lists import LISTED
from resolvers.rules.runs import MOST_RUNS_ABOVE
from resolvers.search.sweep import OF_KIND, SearchLimits
from resolvers.sources import Need, Needs, SourceAdapter
from resolvers.sources.plan import EACH, UNBOUNDED, Plan, shared_out
from schema.identity import KIND_OF_TYPE, EntityKind, parse_id

Args = Mapping[str, Any]

NAMES = 3
"""Datasets of a version, or of a pipeline, that have a name only."""
DATASETS = 10
FEATURES = 50
VERSIONS_MADE = 10
"""By one pipeline run, or by one pipeline: training runs whose versions are looked up."""
VERSIONS_READ = 10
"""Of one model, or with one dataset or feature: those whose training runs are read."""
RUNNING = 100
"""Running experiments below one entity."""
WALKED = 200
"""Nodes of a lineage that are read to be shown: the walk has read most of them before."""
LEVELS = 4
"""Levels of a lineage that ask for something new: behind these most was met before."""
TOGETHER = 50
"""Parents whose questions are asked together where several methods answer: so many more, and they are asked again."""
EXTRA_READS = 4
"""Reads of a list that find a cursor's place again."""


class Role(Enum):
    REGISTRY = "registries"
    PLATFORM = "platforms"
    ORCHESTRATOR = "orchestrators"


REGISTRY, PLATFORM, ORCHESTRATOR = Role.REGISTRY, Role.PLATFORM, Role.ORCHESTRATOR
Method = tuple[Role, str]

MODELS: Method = (REGISTRY, "models_by_name")
VERSIONS: Method = (REGISTRY, "versions_by_key")
TRAINING_RUNS: Method = (REGISTRY, "training_runs_by_id")
EXPERIMENTS: Method = (PLATFORM, "experiments_by_id")
EXPERIMENTS_BY_KEY: Method = (PLATFORM, "experiments_by_key")
PIPELINES: Method = (ORCHESTRATOR, "pipelines_by_name")
RUNS: Method = (ORCHESTRATOR, "runs_by_key")
ASSETS: Method = (ORCHESTRATOR, "assets_by_pipeline")
ENTITIES = (MODELS, VERSIONS, EXPERIMENTS, PIPELINES, RUNS)

OF_TYPE: Mapping[str, tuple[Method, ...]] = {
    "Model": (MODELS,),
    "ModelVersion": (VERSIONS,),
    "Experiment": (EXPERIMENTS,),
    "Pipeline": (PIPELINES,),
    "PipelineRun": (RUNS,),
    "Dataset": (),
    "Feature": (),
    "Entity": ENTITIES,
}
"""What reads the target of a link, by its type; what no source owns is known from its mention."""


@dataclass(frozen=True, slots=True)
class Ask:
    """`keys` for each parent: of each source of the role, or, where they are `shared`, of one of them.

    An `own` question depends on the field's arguments; any other is one for all fields of a parent, and asked once.
    Where it is asked `once` the keys are the same for all parents. `times`: as often, for as many tags. `flat` calls
    are said here, as several methods make them together. `source` where only this one is asked. `most` keys.
    """

    methods: tuple[Method, ...]
    keys: int = 1
    shared: bool = True
    own: bool = False
    once: bool = False
    times: int = 1
    flat: int = 0
    source: str | None = None
    wanted: Needs = frozenset()
    most: int = UNBOUNDED


@dataclass(frozen=True, slots=True)
class House:
    """What of the settings decides how much is asked."""

    sources: Sources
    search_calls: int = SearchLimits().calls

    @property
    def pipeline_tags(self) -> int:
        return max((len(one.profile.conventions.pipeline_tags) for one in self.sources.registries.values()), default=0)

    @property
    def feature_tags(self) -> int:
        return max((len(one.profile.conventions.feature_tags) for one in self.sources.registries.values()), default=0)

    @property
    def model_uris(self) -> int:
        return 2 + 2 * max((len(one.profile.also_named) for one in self.sources.registries.values()), default=0)

    def several(self, role: Role) -> bool:
        """Whether a name alone does not say which source is meant."""
        return len(self.adapters(role)) > 1

    def adapters(self, role: Role) -> Mapping[str, SourceAdapter]:
        found: Mapping[str, SourceAdapter] = getattr(self.sources, role.value)
        return found

    def calls(self, ask: Ask, parents: int, needs: Needs) -> int:
        """The most calls an ask takes for so many parents."""
        keys, wanted = min(ask.keys * (1 if ask.once else parents), ask.most), needs | ask.wanted
        plans = [
            _plan(adapter, method)
            for role, method in ask.methods
            for name, adapter in self.adapters(role).items()
            if ask.source in (None, name)
        ]
        if ask.flat:
            return ask.flat * (1 + parents // TOGETHER) * len(plans)
        if ask.shared:
            return ask.times * shared_out(plans, keys, wanted)
        return ask.times * sum(plan.calls(keys, wanted) for plan in plans)


def _plan(adapter: SourceAdapter, method: str) -> Plan:
    plans: Mapping[str, Plan] = getattr(adapter, "plans", {})
    # A filtered list of an adapter that says nothing of it is read like any other.
    return plans.get(method) or plans.get(method.partition(".")[0], EACH)


Asks = Callable[[House, Args], Iterable[Ask]]


def one(*methods: Method, keys: int = 1) -> Ask:
    """Keys of one source each."""
    return Ask(methods, keys)


def every(role: Role, method: str, keys: int = 1) -> Ask:
    """Every source of the role is asked for the keys."""
    return Ask(((role, method),), keys, shared=False)


def tagged(method: str, tags: int) -> Ask:
    """Every registry is asked for a text in each of some tags."""
    return Ask(((REGISTRY, method),), shared=False, times=tags)


def own(role: Role, method: str, keys: int = 1, source: str | None = None) -> Ask:
    return Ask(((role, method),), keys, shared=False, own=True, source=source)


def asks(*fixed: Ask) -> Asks:
    return lambda _house, _args: fixed


# ---------------------------------------------------------------- ways in


def _by_id(house: House, args: Args) -> Iterable[Ask]:
    ids = args.get("ids") if isinstance(args.get("ids"), list) else [args.get("id")]
    found = (parse_id(text) for text in ids or () if isinstance(text, str))
    yield from _read(house, Counter(reference.kind for reference in found if reference is not None))


def _routed(house: House, args: Args) -> Iterable[Ask]:
    """What a router wants of one kind may be spelled by id or by its key; the kind is said in either."""
    given = args.get("representations")
    names = [item.get("__typename") for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    # Longest first, as one name may end another; what stands before it is the prefix of the settings.
    kinds = sorted(KIND_OF_TYPE, key=len, reverse=True)
    ends = (next((end for end in kinds if str(name).endswith(end)), None) for name in names)
    yield from _read(house, Counter(KIND_OF_TYPE[end] for end in ends if end))


def _read(house: House, counts: Mapping[EntityKind, int]) -> Iterable[Ask]:
    for kind, keys in counts.items():
        for ask in _of_kind(house, kind):
            yield replace(ask, keys=ask.keys * keys, own=True)


def _of_kind(house: House, kind: EntityKind) -> Iterable[Ask]:
    owned = {
        EntityKind.MODEL: MODELS,
        EntityKind.MODEL_VERSION: VERSIONS,
        EntityKind.EXPERIMENT: EXPERIMENTS,
        EntityKind.PIPELINE: PIPELINES,
        EntityKind.PIPELINE_RUN: RUNS,
    }
    if kind in owned:
        return [one(owned[kind])]
    if kind is EntityKind.DATASET:
        return [*_data(2), every(REGISTRY, "training_runs_with_datasets")]
    if kind is EntityKind.FEATURE:
        return [every(REGISTRY, "training_runs_by_feature"), tagged("versions_by_tag", house.feature_tags)]
    if kind is EntityKind.OWNER:
        return list(_lists_of(LISTED, "owner"))
    return list(_lists_of(LISTED, "scan")) if kind is EntityKind.DOMAIN else []


def _by_name(method: Method) -> Asks:
    return lambda _house, args: [own(*method, source=_text(args.get("source")))]


_LISTS = {
    EntityKind.MODEL: (REGISTRY, "models"),
    EntityKind.EXPERIMENT: (PLATFORM, "experiments"),
    EntityKind.PIPELINE: (ORCHESTRATOR, "pipelines"),
}


def _lists_of(kinds: Iterable[EntityKind], way: str) -> Iterable[Ask]:
    for kind in kinds:
        role, method = _LISTS[kind]
        yield own(role, f"{method}.{way}")


def _root_list(kind: EntityKind) -> Asks:
    role, method = _LISTS[kind]

    def listed(_house: House, args: Args) -> Iterable[Ask]:
        given = args.get("filter")
        wanted = {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else {}
        source = _text(wanted.pop("source", None))
        if not wanted:
            yield own(role, method, _pages(args), source)
        else:
            way = "owner" if wanted.keys() == {"owner"} else "scan"
            yield own(role, f"{method}.{way}", 1, source)
            if args.get("after") is not None:
                yield own(role, method, EXTRA_READS + _pages(args), source)

    return listed


def _pages(args: Args) -> int:
    """Pages of 100 rows: one row more is read than is shown, and with a cursor those before it."""
    pages = -(-(size_of(args.get("first"), 20) + 1) // 100)
    return pages + EXTRA_READS if args.get("after") is not None else pages


def size_of(first: object, default: int, most: int = 100) -> int:
    """How many are asked for; where that is refused, nothing is."""
    if first is None:
        return default
    if isinstance(first, float) and first.is_integer():
        first = int(first)  # GraphQL takes 20.0 for 20
    return first if isinstance(first, int) and 1 <= first <= most else 0


def _part(role: Role, method: str) -> Asks:
    """A list inside one entity: a call a page, and those that find a cursor's place."""

    def part(_house: House, args: Args) -> Iterable[Ask]:
        reads = 1 + (EXTRA_READS if args.get("after") is not None else 0)
        return [Ask(((role, method),), reads, own=True)]

    return part


def _search(house: House, args: Args) -> Iterable[Ask]:
    given = args.get("kinds")
    kinds = [kind for kind in OF_KIND if not isinstance(given, list) or kind.name in given]
    roles = {
        REGISTRY: set(kinds) - {EntityKind.EXPERIMENT, EntityKind.PIPELINE},
        PLATFORM: set(kinds) & {EntityKind.EXPERIMENT},
        ORCHESTRATOR: set(kinds) & {EntityKind.PIPELINE, EntityKind.DATASET},
    }
    hits = size_of(args.get("first"), 20)
    for role in (role for role, found in roles.items() if found):
        yield Ask(((role, "search"),), own=True, shared=False, flat=house.search_calls)
        yield own(role, "search")
    yield Ask(ENTITIES, hits, own=True)
    if {EntityKind.DATASET, EntityKind.FEATURE} & set(kinds):
        yield Ask((TRAINING_RUNS, (ORCHESTRATOR, "assets_by_uri")), hits, own=True)


def _owned(way: str) -> Asks:
    def listed(_house: House, args: Args) -> Iterable[Ask]:
        given = args.get("kinds")
        kinds = [kind for kind in LISTED if not isinstance(given, list) or kind.name in given]
        after = [own(*_LISTS[kind], EXTRA_READS) for kind in kinds] if args.get("after") is not None else []
        return [*_lists_of(kinds, way), *after]

    return listed


# ---------------------------------------------------------------- lineage


def _lineage(_house: House, args: Args) -> Iterable[Ask]:
    """Its calls grow with levels and sources, not with nodes; which rules apply depends on what is met."""
    levels = min(size_of(args.get("depth"), 1, 10), LEVELS)
    if not levels:
        return []
    return [
        Ask(((REGISTRY, "models"),), own=True, shared=False, flat=9 + 5 * levels),
        Ask(((ORCHESTRATOR, "pipelines"),), own=True, shared=False, flat=4 + 2 * levels),
        Ask(((PLATFORM, "experiments"),), own=True, shared=False, flat=6 + levels),
    ]


def _similar(house: House, args: Args) -> Iterable[Ask]:
    """A sweep of the registries' models, then those made of the same data, features and pipelines."""
    return [
        Ask(((REGISTRY, "models"),), own=True, shared=False, flat=house.search_calls + 24),
        Ask(((ORCHESTRATOR, "pipelines"),), own=True, shared=False, flat=14),
        Ask((MODELS,), size_of(args.get("first"), 10), own=True),
    ]


# ---------------------------------------------------------------- rules


def _data(names: int = NAMES) -> list[Ask]:
    """Who mentions data of some names, or at some places."""
    return [
        every(ORCHESTRATOR, "assets_by_place"),
        every(ORCHESTRATOR, "assets_by_name", names),
        every(REGISTRY, "training_runs_by_dataset", names),
    ]


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


def _by_uri(house: House, _args: Args) -> Iterable[Ask]:
    yield every(ORCHESTRATOR, "assets_by_uri", house.model_uris)


def _produced_by(house: House, _args: Args) -> Iterable[Ask]:
    yield one(TRAINING_RUNS)
    if house.several(ORCHESTRATOR):
        yield every(*RUNS)


def _named_models(house: House, _args: Args) -> Iterable[Ask]:
    return [every(*MODELS, 1)] if house.several(REGISTRY) else []


def _tested(house: House, args: Args) -> Iterable[Ask]:
    yield every(REGISTRY, "versions_by_tag", 2)
    yield one((REGISTRY, "versions_by_alias"), keys=2)
    yield from _named_models(house, args)


def _failed_above(_house: House, args: Args) -> Iterable[Ask]:
    levels = size_of(args.get("depth"), 2, 5)
    if levels:
        yield Ask(((ORCHESTRATOR, "upstream_runs"),), 1 if levels == 1 else MOST_RUNS_ABOVE, own=True)
        yield Ask((RUNS,), MOST_RUNS_ABOVE, own=True)


def _found_version(_house: House, args: Args) -> Iterable[Ask]:
    method = VERSIONS if args.get("version") is not None else (REGISTRY, "versions_by_alias")
    return [Ask((method,), own=True)]


def _features(house: House, _args: Args) -> Iterable[Ask]:
    yield every(REGISTRY, "training_runs_with_features")
    yield tagged("versions_by_tag", house.feature_tags)


def _with_feature(house: House, _args: Args) -> Iterable[Ask]:
    yield every(REGISTRY, "training_runs_by_feature")
    yield tagged("versions_by_tag", house.feature_tags)
    yield one((REGISTRY, "versions_by_training_run"), keys=VERSIONS_READ)


def _domains(_house: House, _args: Args) -> Iterable[Ask]:
    for role, method in _LISTS.values():
        yield Ask(((role, method),), 10, shared=False, own=True, wanted=frozenset({Need.DOMAIN}))


def _sources(_house: House, _args: Args) -> Iterable[Ask]:
    return [every(role, "version") for role in Role]


def _compared(_house: House, args: Args) -> Iterable[Ask]:
    ids = args.get("ids")
    return [Ask((VERSIONS,), len(ids) if isinstance(ids, list) else 0, own=True)]


_READ = Ask(ENTITIES, most=WALKED)
"""Places of a lineage, of any kind."""

FIELDS: Mapping[str, Asks] = {
    "Query.node": _by_id,
    "Query.nodes": _by_id,
    "Query._entities": _routed,
    "Query.model": _by_name(MODELS),
    "Query.experiment": _by_name(EXPERIMENTS_BY_KEY),
    "Query.pipeline": _by_name(PIPELINES),
    "Query.models": _root_list(EntityKind.MODEL),
    "Query.experiments": _root_list(EntityKind.EXPERIMENT),
    "Query.pipelines": _root_list(EntityKind.PIPELINE),
    "Query.datasets": asks(every(ORCHESTRATOR, "assets"), every(REGISTRY, "training_runs_with_datasets")),
    "Query.features": _features,
    "Query.owner": lambda _house, _args: _lists_of(LISTED, "owner"),
    "Query.domains": _domains,
    "Query.search": _search,
    "Query.sources": _sources,
    "Query.lineage": _lineage,
    "Query.impact": _lineage,
    "Query.compareModelVersions": _compared,
    "LineageNode.name": asks(_READ),
    "LineageNode.owners": asks(_READ),
    "LineageNode.state": asks(_READ),
    "LineageNode.code": asks(_READ),
    "LineageNode.entity": asks(_READ),
    "Impact.ownersToTell": asks(Ask(ENTITIES, WALKED)),
    "ModelComparison.params": asks(one(TRAINING_RUNS, keys=DATASETS)),
    "ModelComparison.evaluationMetrics": asks(one(TRAINING_RUNS, keys=DATASETS)),
    "ModelComparison.datasets": asks(one(TRAINING_RUNS, keys=DATASETS)),
    "Model.latestVersion": asks(),
    "Model.findVersion": _found_version,
    "Model.versions": _part(REGISTRY, "versions"),
    "Model.experiments": _uses(of_model=True),
    "Model.producers": _producers,
    "Model.consumers": _by_uri,
    "Model.similar": _similar,
    "ModelVersion.model": asks(one(MODELS)),
    "ModelVersion.trainingRun": asks(one(TRAINING_RUNS)),
    "ModelVersion.producedBy": _produced_by,
    "ModelVersion.datasets": asks(one(TRAINING_RUNS), *_data()),
    "ModelVersion.features": asks(one(TRAINING_RUNS)),
    "ModelVersion.experiments": _uses(of_model=False),
    "ModelLink.version": asks(one(VERSIONS, (REGISTRY, "versions_by_alias"))),
    "ModelVersionLinkEdge.model": asks(one(MODELS)),
    "ExperimentModelEdge.model": asks(one(MODELS)),
    "Variation.models": _named_models,
    "Experiment.results": asks(one((PLATFORM, "results_by_id")), one(EXPERIMENTS)),
    "Experiment.testedModels": _tested,
    "Dataset.producers": asks(*_data()),
    "Dataset.consumers": asks(*_data()),
    "Dataset.modelVersions": asks(
        *_data(),
        Ask(((REGISTRY, "training_runs_with_datasets"),), shared=False, once=True),
        one((REGISTRY, "versions_by_training_run"), keys=VERSIONS_READ),
    ),
    "Feature.modelVersions": _with_feature,
    "Owner.owns": _owned("owner"),
    "Domain.entities": _owned("scan"),
    "Pipeline.lastRun": asks(one((ORCHESTRATOR, "latest_runs"))),
    "Pipeline.runs": _part(ORCHESTRATOR, "runs"),
    "Pipeline.modelVersions": _made_by_pipelines,
    "Pipeline.consumes": asks(one(ASSETS), *_data()),
    "Pipeline.produces": asks(one(ASSETS), *_data()),
    "Pipeline.upstream": asks(one(ASSETS), every(ORCHESTRATOR, "assets_by_uri", 2)),
    "Pipeline.downstream": asks(one(ASSETS), every(ORCHESTRATOR, "assets_by_uri", 2)),
    "PipelineRun.pipeline": asks(one(PIPELINES)),
    "PipelineRun.tasks": _part(ORCHESTRATOR, "tasks"),
    "PipelineRun.modelVersions": _made,
    "PipelineRun.testedIn": asks(Ask((EXPERIMENTS_BY_KEY,), shared=False)),
    "PipelineRun.upstreamRuns": asks(one((ORCHESTRATOR, "upstream_runs"))),
    "PipelineRun.failedUpstreamRuns": _failed_above,
}
"""By schema coordinate. The generic fields of links are not here: `state`, `code`, `node` and `nodes` read a target."""


@dataclass(frozen=True, slots=True)
class Bound:
    """How many a list holds that has no page. `counted` among the nodes where its items lead on to other entities."""

    size: int
    counted: bool = True


BOUNDS: Mapping[str, Bound] = {
    "ModelVersion.datasets": Bound(DATASETS),
    "ModelVersion.features": Bound(FEATURES),
    "Variation.models": Bound(2),
    "PipelineRun.testedIn": Bound(5),
    "Impact.runningExperiments": Bound(RUNNING),
    "Impact.ownersToTell": Bound(RUNNING),
    "ModelComparison.versions": Bound(10),
    "ModelComparison.params": Bound(100, counted=False),
    "ModelComparison.evaluationMetrics": Bound(100, counted=False),
    "ModelComparison.datasets": Bound(100, counted=False),
    "Lineage.edges": Bound(MOST_NODES, counted=False),
}
"""By schema coordinate; a page has the size that is asked for. Parts of a row are `PARTS`, and not counted."""
PARTS = 5
"""Owners, tags, variations, evidence: declared, not bounded. They only count for what is asked behind them."""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
