"""Builds the GraphQL schema once, and lists its links."""

from __future__ import annotations

from dataclasses import dataclass

import strawberry
from graphql import GraphQLObjectType, GraphQLOutputType
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition

from schema.derived import Dataset, Feature
from schema.experiment import Experiment
from schema.fields import LinkMarker, marker_of
from schema.model import Model, ModelVersion
from schema.node import Domain, Owner
from schema.pipeline import Pipeline, PipelineRun
from schema.query import Query
from schema.scalars import SCALARS


@dataclass(frozen=True, slots=True)
class DeclaredLink:
    """A link field as the schema has it: the Python class, the Python and the GraphQL name, the printed type."""

    owner: type
    field: str
    coordinate: str
    type: GraphQLOutputType
    marker: LinkMarker


def build_schema() -> strawberry.Schema:
    """The executable schema, its link markers bound to their field names."""
    schema = strawberry.Schema(
        query=Query,
        types=[Model, ModelVersion, Experiment, Pipeline, PipelineRun, Dataset, Feature, Owner, Domain],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    for link in declared_links(schema):
        link.marker.field = link.field
    return schema


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
