"""Where things come from and what depends on them: lineage, impact, and versions side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import strawberry

from schema.connection import Completeness, ErrorCode, Evidence, LinkEvidence, LinkState
from schema.derived import Dataset, Feature
from schema.experiment import ExperimentLink
from schema.fields import to_many, to_one
from schema.identity import EntityKind, Reference
from schema.model import ModelVersion
from schema.node import Entity, EntityRef, Owner


@strawberry.enum(description="Which way a lineage is followed from its root.")
class LineageDirection(Enum):
    UPSTREAM = strawberry.enum_value("UPSTREAM", description="Where the root comes from.")
    DOWNSTREAM = strawberry.enum_value("DOWNSTREAM", description="What depends on the root.")
    BOTH = strawberry.enum_value("BOTH", description="Up from the root, and down from it; never up and then down.")


@strawberry.enum(description="What an edge says: `fromId` is its subject, `toId` its object.")
class LineageRelation(Enum):
    PRODUCED_BY = strawberry.enum_value(
        "PRODUCED_BY", description="A version was made by a pipeline, and by this very run of it."
    )
    TRAINED_ON = strawberry.enum_value("TRAINED_ON", description="A version was trained on a dataset.")
    USES_FEATURE = strawberry.enum_value("USES_FEATURE", description="A version takes a feature.")
    SERVED_IN = strawberry.enum_value("SERVED_IN", description="A version, or a model, is under test in an experiment.")
    CONSUMES = strawberry.enum_value("CONSUMES", description="A pipeline reads a dataset or a model.")
    PRODUCES = strawberry.enum_value("PRODUCES", description="A pipeline writes a dataset or a model.")
    VERSION_OF = strawberry.enum_value("VERSION_OF", description="A version is one of a model.")
    TRIGGERED_BY = strawberry.enum_value("TRIGGERED_BY", description="A run was triggered or fed by another run.")


@dataclass(frozen=True, slots=True)
class LineageArgs:
    id: Annotated[
        strawberry.ID, strawberry.argument(description="Id of any entity; a dataset's is mlg://dataset/-/URI-OR-NAME.")
    ]
    direction: Annotated[
        LineageDirection, strawberry.argument(description="Where it comes from, what depends on it, or both.")
    ] = LineageDirection.BOTH
    depth: Annotated[int, strawberry.argument(description="How many levels, 1 to 10.")] = 1
    max_nodes: Annotated[int, strawberry.argument(description="How many nodes at most, 1 to 1000.")] = 200


@dataclass(frozen=True, slots=True)
class ImpactArgs:
    id: Annotated[
        strawberry.ID, strawberry.argument(description="Id of a dataset, feature, pipeline, model, version or run.")
    ]
    depth: Annotated[int, strawberry.argument(description="How many levels down to look, 1 to 10.")] = 3


@dataclass(frozen=True, slots=True)
class CompareArgs:
    ids: Annotated[
        list[strawberry.ID], strawberry.argument(description="Ids of 2 to 10 model versions, of any registries.")
    ]


@strawberry.type(description="One entity in a lineage; all ways that lead to it end in this one node.")
class LineageNode:
    target: strawberry.Private[Reference]
    verdict: strawberry.Private[Exception | None] = None
    mentioned: strawberry.Private[Dataset | Feature | None] = None

    distance: int = strawberry.field(description="Levels between it and the root; 0 is the root.")
    expanded: bool = strawberry.field(
        description="Whether all its own neighbours were looked for. False at the last level, where `maxNodes` left "
        "some out, where the calls allowed were used up, and where it is not resolved."
    )
    name: str | None = to_one("Its name; null where `state` is not RESOLVED.")
    owners: list[Owner] = to_many("Who its source names as owner; empty where nobody owns it or it is not RESOLVED.")
    state: LinkState = to_one("What is known of it; asks its source.")
    code: ErrorCode | None = to_one("Why it is not resolved; null where it is.")
    entity: Entity | None = to_one("The entity itself, read from its source; null where `state` is not RESOLVED.")

    @strawberry.field(description="Which entity it is; known without asking its source.")
    def ref(self) -> EntityRef:
        return EntityRef.of(self.target)


@strawberry.type(description="One edge of a lineage, read as a sentence: `fromId` relation `toId`.")
class LineageEdge:
    grounds: strawberry.Private[tuple[Evidence, ...]] = ()

    from_id: strawberry.ID = strawberry.field(description="Id of the subject, a node of this lineage.")
    to_id: strawberry.ID = strawberry.field(description="Id of the object, a node of this lineage.")
    relation: LineageRelation = strawberry.field(description="What the subject has to do with the object.")

    @strawberry.field(description="What says that this edge exists.")
    def evidence(self) -> list[LinkEvidence]:
        return [ground.shown() for ground in self.grounds]


@strawberry.type(description="Nodes and edges, so that every path is recoverable and a front end can draw it.")
class Lineage:
    root: EntityRef = strawberry.field(description="Where it starts.")
    nodes: list[LineageNode] = strawberry.field(description="The root first, then level by level.")
    edges: list[LineageEdge] = strawberry.field(description="Every edge that was found between these nodes.")
    completeness: Completeness = strawberry.field(
        description="Whether all edges were found. With DEPTH_LIMIT or NODE_LIMIT nodes not `expanded` may lead on."
    )


@strawberry.type(description="How many entities of one kind.")
class KindCount:
    kind: EntityKind = strawberry.field(description="The kind.")
    count: int = strawberry.field(description="How many of it.")


@strawberry.type(
    description="What breaks if this changes: the live A/B tests first, then everything else, and whom to tell."
)
class Impact:
    root: EntityRef = strawberry.field(description="What would change.")
    running_experiments: list[ExperimentLink] = strawberry.field(
        description="Experiments that run now on something downstream, with the variations that serve it; one whose "
        "status cannot be told is among them. Null `variations`: the experiment names it, no variation does."
    )
    count_by_kind: list[KindCount] = strawberry.field(
        description="How many entities lie downstream, by kind, without the root."
    )
    owners_to_tell: list[Owner] = to_many(
        "The owners of the root and of everything downstream, once each, nearest first."
    )
    lineage: Lineage = strawberry.field(description="What this was read from, downstream of the root.")


@strawberry.type(description="One parameter, score or dataset, side by side.")
class ComparisonRow:
    key: str = strawberry.field(description="The parameter's or score's name; a dataset's URI, or its name.")
    values: list[str | None] = strawberry.field(
        description="Its value in each version, aligned with `versions`; of a dataset its digest, or its name where it "
        "has none. Null where the version does not have it."
    )
    differs: bool = strawberry.field(
        description="Whether the versions that could be read do not all have the same value."
    )


@strawberry.type(description="Versions side by side, across registries.")
class ModelComparison:
    asked: strawberry.Private[Sequence[ModelVersion | Exception | None]]

    versions: list[ModelVersion | None] = strawberry.field(
        description="The versions, aligned with the ids; null where there is none."
    )
    params: list[ComparisonRow] | None = to_many("The parameters their training runs logged, by name.")
    evaluation_metrics: list[ComparisonRow] | None = to_many("The scores their training runs logged, by name.")
    datasets: list[ComparisonRow] | None = to_many("The datasets their training runs read, joined by URI.")


__all__ = [
    "CompareArgs",
    "ComparisonRow",
    "Impact",
    "ImpactArgs",
    "KindCount",
    "Lineage",
    "LineageArgs",
    "LineageDirection",
    "LineageEdge",
    "LineageNode",
    "LineageRelation",
    "ModelComparison",
]
