"""What a router of a company's supergraph asks for: entities by representation, and the text of this subgraph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast

import strawberry
from strawberry.federation.schema import FederationAny
from strawberry.types import Info
from strawberry.types.scalar import ScalarDefinition

from schema.derived import Dataset, Feature
from schema.experiment import Experiment
from schema.fields import to_many
from schema.identity import KIND_OF_TYPE, EntityKind
from schema.model import Model, ModelVersion
from schema.node import Domain, Owner
from schema.pipeline import Pipeline, PipelineRun
from schema.query import Query

VERSION: Final = "2.9"
"""Of the specification: the newest that every composer takes."""


@dataclass(frozen=True, slots=True)
class Representation:
    """An entity as another subgraph names it, with no more than its keys; what is wrong with it is for its resolver."""

    typename: str
    kind: EntityKind | None = None
    id: str | None = None
    source: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class EntitiesArgs:
    representations: Annotated[
        list[FederationAny], strawberry.argument(description="`__typename` and one key of each entity.")
    ]

    def parsed(self) -> Sequence[Representation]:
        """What the scalar made of them."""
        return cast("Sequence[Representation]", self.representations)


@strawberry.type(name="_Service", description="This graph as a part of a supergraph.")
class Service:
    sdl: str = strawberry.field(description="Its schema with the directives of Apollo Federation.")


RoutedEntity = Annotated[
    Model | ModelVersion | Experiment | Pipeline | PipelineRun | Dataset | Feature | Owner | Domain,
    strawberry.union(name="_Entity", description="Everything that other subgraphs can add fields to."),
]


@strawberry.type(
    name="Query", description="Everything that can be asked. Answers are read from the sources when asked."
)
class RoutedQuery(Query):
    """The root as a router sees it."""

    routed_entities: list[RoutedEntity | None] = to_many(
        "For routers of a supergraph: entities by their keys, in order; null where there is none.",
        EntitiesArgs,
        name="_entities",
    )

    @strawberry.field(name="_service", description="For routers of a supergraph: what this graph is.")
    def routed_service(self, info: Info[Any, Any]) -> Service:
        return Service(sdl=info.schema.as_str())


def representations(prefix: str) -> ScalarDefinition:
    """The scalar of representations, in a schema whose type names have this prefix."""
    return strawberry.scalar(
        name="_Any",
        description="For routers of a supergraph: a type's name and one of its keys.",
        parse_value=lambda given: representation(given, prefix),
    )


def representation(given: object, prefix: str) -> Representation:
    """What a router sent, whatever it is."""
    named = given if isinstance(given, Mapping) else {}
    typename = _text(named.get("__typename")) or ""
    kind = KIND_OF_TYPE.get(typename.removeprefix(prefix)) if typename.startswith(prefix) else None
    ref = named.get("ref")
    inner = ref if isinstance(ref, Mapping) else {}
    return Representation(typename, kind, _text(named.get("id")), _text(inner.get("source")), _text(inner.get("key")))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
