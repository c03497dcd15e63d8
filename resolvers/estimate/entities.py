"""What reads entities that are named: by ids, by the representations of a router, and at the ends of links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from graphql import GraphQLObjectType, get_named_type

from resolvers.estimate.ask import (
    EXPERIMENTS,
    MODELS,
    ORCHESTRATOR,
    PIPELINES,
    PLATFORM,
    REGISTRY,
    RUNS,
    VERSIONS,
    Ask,
    Method,
    every,
    one,
    own,
    tagged,
)
from resolvers.estimate.house import Args, House
from resolvers.rules.lists import LISTED
from resolvers.rules.routed import reference_meant
from schema.build import own_name
from schema.federation import representation
from schema.identity import SHARED, EntityKind, Reference, parse_id

LISTS: Mapping[EntityKind, Method] = {
    EntityKind.MODEL: (REGISTRY, "models"),
    EntityKind.EXPERIMENT: (PLATFORM, "experiments"),
    EntityKind.PIPELINE: (ORCHESTRATOR, "pipelines"),
}

NEWEST_RUNS = Ask(((REGISTRY, "training_runs_with_datasets"),), shared=False, once=True)
"""Read for data that nobody can be asked for by a name."""

OF_TYPE: Mapping[str, tuple[Method, ...]] = {
    "Model": (MODELS,),
    # A link to a version may know only the model: that is read then.
    "ModelVersion": (VERSIONS, MODELS),
    "Experiment": (EXPERIMENTS,),
    "Pipeline": (PIPELINES,),
    "PipelineRun": (RUNS,),
    "Dataset": (),
    "Feature": (),
}
"""What reads the target of a link, by its type; what no source owns is known from its mention."""
_OF_LINKS = frozenset({"state", "code", "node"})

_OWNED: Mapping[EntityKind, Method] = {
    EntityKind.MODEL: MODELS,
    EntityKind.MODEL_VERSION: VERSIONS,
    EntityKind.EXPERIMENT: EXPERIMENTS,
    EntityKind.PIPELINE: PIPELINES,
    EntityKind.PIPELINE_RUN: RUNS,
}


def target_of(owner: GraphQLObjectType, name: str) -> Ask | None:
    """What reads the target of a link for one of its generic fields, or those of a page of links."""
    if name == "nodes" and "edges" in owner.fields:
        edge = get_named_type(owner.fields["edges"].type)
        if isinstance(edge, GraphQLObjectType) and _is_link(edge):
            return Ask(OF_TYPE[own_name(get_named_type(owner.fields[name].type))])
    elif name in _OF_LINKS and _is_link(owner):
        return Ask(OF_TYPE[own_name(get_named_type(owner.fields["node"].type))])
    return None


def _is_link(owner: GraphQLObjectType) -> bool:
    return all(name in owner.fields for name in _OF_LINKS)


# ---------------------------------------------------------------- by reference


def _of_id(_house: House, args: Args) -> list[Reference | None]:
    return [_parsed(args.get("id"))]


def _of_ids(_house: House, args: Args) -> list[Reference | None]:
    return [_parsed(text) for text in listed(args.get("ids"))]


def _of_representations(house: House, args: Args) -> list[Reference | None]:
    meant = (reference_meant(representation(item, house.type_prefix)) for item in listed(args.get("representations")))
    return [item if isinstance(item, Reference) else None for item in meant]


def _parsed(text: object) -> Reference | None:
    reference = parse_id(text) if isinstance(text, str) else None
    return None if reference is None or reference.kind is EntityKind.TRAINING_RUN else reference


def listed(value: object) -> Sequence[object]:
    """GraphQL takes one item for a list of it."""
    return value if isinstance(value, list) else [] if value is None else [value]


def kinds_of(args: Args, known: Iterable[EntityKind]) -> list[EntityKind]:
    """Those that `kinds` names, or every one."""
    names = None if args.get("kinds") is None else listed(args["kinds"])
    return [kind for kind in known if names is None or kind.name in names]


REFERENCES: Mapping[str, Callable[[House, Args], Sequence[Reference | None]]] = {
    "Query.node": _of_id,
    "Query.nodes": _of_ids,
    "Query._entities": _of_representations,
}
"""By schema coordinate, what is named in the arguments, in order; None is nothing that could be read."""


def read_named(coordinate: str) -> Callable[[House, Args], Iterable[Ask]]:
    return lambda house, args: read(house, REFERENCES[coordinate](house, args))


def compared(house: House, args: Args) -> Iterable[Ask]:
    """Query.compareModelVersions takes versions only."""
    return read(house, [item for item in _of_ids(house, args) if item and item.kind is EntityKind.MODEL_VERSION])


def read(house: House, references: Iterable[Reference | None]) -> Iterable[Ask]:
    """An entity is read in the source it names; where that has no such thing, or is none, nobody is asked."""
    counts = Counter((item.kind, item.source) for item in references if item is not None)
    for (kind, source), keys in counts.items():
        owned = kind in _OWNED
        if owned is not (source == SHARED):
            for ask in of_kind(house, kind):
                each = ask.keys * (1 if ask.once else keys)
                yield replace(ask, keys=each, own=True, source=source if owned else None)


def of_kind(house: House, kind: EntityKind) -> Iterable[Ask]:
    """What reads one entity of a kind."""
    if kind in _OWNED:
        return [one(_OWNED[kind])]
    if kind is EntityKind.DATASET:
        return [*data(2), NEWEST_RUNS]
    if kind is EntityKind.FEATURE:
        return [every(REGISTRY, "training_runs_by_feature"), tagged("versions_by_tag", house.feature_tags)]
    if kind is EntityKind.OWNER:
        return list(lists_of(LISTED, "owner"))
    return list(lists_of(LISTED, "scan")) if kind is EntityKind.DOMAIN else []


def lists_of(kinds: Iterable[EntityKind], way: str) -> Iterable[Ask]:
    """The filtered lists of all sources."""
    for kind in kinds:
        role, method = LISTS[kind]
        yield own(role, f"{method}.{way}")


def data(names: int) -> list[Ask]:
    """Who mentions data of some names, or at some places."""
    return [every(ORCHESTRATOR, "assets_by_place"), *data_named(names)]


def data_named(names: int) -> list[Ask]:
    """Who mentions data of some names."""
    return [
        every(ORCHESTRATOR, "assets_by_name", names),
        every(REGISTRY, "training_runs_by_dataset", names),
    ]
