"""The root of the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import strawberry

from schema.connection import After, First
from schema.experiment import Experiment, ExperimentConnection, ExperimentStatus
from schema.fields import hash_of_fields, to_many, to_one
from schema.keys import ROUTERS_OWN
from schema.model import Model, ModelConnection
from schema.node import Node
from schema.pipeline import Pipeline, PipelineConnection
from schema.source import Source

SourceName = Annotated[
    str | None, strawberry.argument(description="Only this configured source; all of its role when null.")
]


@dataclass(frozen=True, slots=True)
class NodeArgs:
    id: Annotated[strawberry.ID, strawberry.argument(description="An id such as mlg://model/studio-mlflow/ranker.")]


@dataclass(frozen=True, slots=True)
class NodesArgs:
    ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 100 ids.")]


@dataclass(frozen=True, slots=True)
class NameArgs:
    name: Annotated[str, strawberry.argument(description="The exact name.")]
    source: SourceName = None


@dataclass(frozen=True, slots=True)
class KeyArgs:
    key: Annotated[str, strawberry.argument(description="The exact tracking key or flag name.")]
    source: SourceName = None


@strawberry.input(description="Which models to list.")
class ModelFilter:
    source: str | None = strawberry.field(description="Only of this configured source.", default=strawberry.UNSET)

    __hash__ = hash_of_fields


@strawberry.input(description="Which experiments to list.")
class ExperimentFilter:
    source: str | None = strawberry.field(description="Only of this configured source.", default=strawberry.UNSET)
    status: list[ExperimentStatus] | None = strawberry.field(
        description="Only in one of these states.", default=strawberry.UNSET
    )

    __hash__ = hash_of_fields


@strawberry.input(description="Which pipelines to list.")
class PipelineFilter:
    source: str | None = strawberry.field(description="Only of this configured source.", default=strawberry.UNSET)

    __hash__ = hash_of_fields


@dataclass(frozen=True, slots=True)
class ModelsArgs:
    filter: Annotated[ModelFilter | None, strawberry.argument(description="Which models; all when null.")] = None
    first: First = 20
    after: After = None


@dataclass(frozen=True, slots=True)
class ExperimentsArgs:
    filter: Annotated[ExperimentFilter | None, strawberry.argument(description="Which experiments; all when null.")] = (
        None
    )
    first: First = 20
    after: After = None


@dataclass(frozen=True, slots=True)
class PipelinesArgs:
    filter: Annotated[PipelineFilter | None, strawberry.argument(description="Which pipelines; all when null.")] = None
    first: First = 20
    after: After = None


@strawberry.type(description="Everything that can be asked. Answers are read from the sources when asked.")
class Query:
    node: Node | None = to_one(
        "One entity by its id; null where it does not exist or may not be seen.", NodeArgs, directives=ROUTERS_OWN
    )
    nodes: list[Node | None] = to_many(
        "Entities by their ids, in order; null where there is none.", NodesArgs, directives=ROUTERS_OWN
    )
    model: Model | None = to_one(
        "One registered model by its exact name. Where several registries have it that is an error, AMBIGUOUS: say "
        "`source`.",
        NameArgs,
    )
    experiment: Experiment | None = to_one("One experiment by its exact tracking key or flag name.", KeyArgs)
    pipeline: Pipeline | None = to_one("One pipeline by its exact name.", NameArgs)
    models: ModelConnection = to_many("Registered models of all registries, by name.", ModelsArgs)
    experiments: ExperimentConnection = to_many("Experiments of all platforms, by name.", ExperimentsArgs)
    pipelines: PipelineConnection = to_many("Pipelines of all orchestrators, by name.", PipelinesArgs)
    sources: list[Source] = to_many("The systems behind the graph, asked how they are. One call each.")
