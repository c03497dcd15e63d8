"""Builds the GraphQL schema once, prints it for clients, and lists its links."""

from __future__ import annotations

from dataclasses import dataclass

import strawberry
from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    print_schema,
    specified_directives,
)
from strawberry import federation
from strawberry.federation.schema import FederationAny
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.enum import StrawberryEnumDefinition

from schema.derived import Dataset, Feature
from schema.experiment import Experiment
from schema.federation import VERSION, RoutedQuery, representations
from schema.fields import LinkMarker, marker_of
from schema.model import Model, ModelVersion
from schema.node import Domain, Owner
from schema.pipeline import Pipeline, PipelineRun
from schema.scalars import SCALARS

_SHARED_NAMES = frozenset({"Query", "Node", "PageInfo"})
_COMPOSERS_OWN = ("_FieldSet", "link__Import", "link__Purpose")


@dataclass(frozen=True, slots=True)
class DeclaredLink:
    """A link field as the schema has it: the Python class, the Python and the GraphQL name, the printed type."""

    owner: type
    field: str
    coordinate: str
    type: GraphQLOutputType
    marker: LinkMarker


def build_schema(type_prefix: str = "") -> strawberry.Schema:
    """The executable schema, its link markers bound to their field names.

    It is a subgraph of Apollo Federation. `type_prefix` goes before the names of types that others may have as well.
    """
    schema = federation.Schema(
        query=RoutedQuery,
        types=[Model, ModelVersion, Experiment, Pipeline, PipelineRun, Dataset, Feature, Owner, Domain],
        config=StrawberryConfig(scalar_map=SCALARS, name_converter=_Prefixed(type_prefix)),
        scalar_overrides={FederationAny: representations(type_prefix)},
        federation_version=VERSION,
    )
    for link in declared_links(schema):
        link.marker.field = link.field
    _hide_directives(schema._schema)
    return schema


def client_sdl(schema: strawberry.Schema) -> str:
    """The schema as clients and their tools need it: complete in itself, without what only routers ask for."""
    graph = schema._schema
    routed = graph.query_type
    assert routed is not None  # noqa: S101 - build_schema gave it one
    query = GraphQLObjectType(
        routed.name,
        {name: field for name, field in routed.fields.items() if not name.startswith("_")},
        description=routed.description,
    )
    others = [named for name, named in graph.type_map.items() if named is not routed and not name.startswith("_")]
    complete = GraphQLSchema(query, types=others)
    complete.type_map = dict(sorted(complete.type_map.items()))
    return print_schema(complete)


def own_name(named: GraphQLNamedType) -> str:
    """The name of a type without the prefix that the settings may give it."""
    definition = named.extensions.get("strawberry-definition")
    return str(getattr(definition, "name", named.name))


class _Prefixed(NameConverter):
    """Everyday names, prefixed; the root, and what the subgraphs of a company share on purpose, stay as they are."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def from_object(self, object_type: StrawberryObjectDefinition) -> str:
        name = super().from_object(object_type)
        return name if name in _SHARED_NAMES or name.startswith("_") else self._prefix + name

    def from_enum(self, enum: StrawberryEnumDefinition) -> str:
        name = super().from_enum(enum)
        return name if name in _COMPOSERS_OWN else self._prefix + name


def _hide_directives(graph: GraphQLSchema) -> None:
    """Keep what only composers read, from the printed schema, out of introspection."""
    graph.directives = specified_directives
    for name in _COMPOSERS_OWN:
        graph.type_map.pop(name, None)


def declared_links(schema: strawberry.Schema) -> list[DeclaredLink]:
    """Every field made with to_one() or to_many(), in every object type that has it."""
    found: list[DeclaredLink] = []
    for name, concrete in schema.schema_converter.type_map.items():
        definition = concrete.definition
        graphql_type = schema._schema.type_map.get(name)
        if not isinstance(definition, StrawberryObjectDefinition) or not isinstance(graphql_type, GraphQLObjectType):
            continue
        for field in definition.fields:
            marker = marker_of(field)
            if marker is None:
                continue
            graphql_name = schema.config.name_converter.from_field(field)
            found.append(
                DeclaredLink(
                    owner=definition.origin,
                    field=field.python_name,
                    coordinate=f"{name}.{graphql_name}",
                    type=graphql_type.fields[graphql_name].type,
                    marker=marker,
                )
            )
    return found
