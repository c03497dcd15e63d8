"""The root of the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import strawberry

from schema.derived import DatasetConnection, FeatureConnection
from schema.entity import DomainConnection
from schema.experiment import Experiment, ExperimentConnection
from schema.fields import After, First, to_many, to_one
from schema.filter import ExperimentsArgs, ModelsArgs, PipelinesArgs
from schema.keys import ROUTERS_OWN
from schema.lineage import CompareArgs, Impact, ImpactArgs, Lineage, LineageArgs, ModelComparison
from schema.model import Model, ModelConnection
from schema.node import Node, Owner
from schema.pipeline import Pipeline, PipelineConnection
from schema.search import SearchArgs, SearchConnection
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


@dataclass(frozen=True, slots=True)
class MentionsArgs:
    name_contains: Annotated[
        str | None,
        strawberry.argument(description="Only with this text in the name, letter case aside; it is no pattern."),
    ] = None
    first: First = 20
    after: After = None


@dataclass(frozen=True, slots=True)
class HandleArgs:
    handle: Annotated[str, strawberry.argument(description="A handle, an e-mail address, or a team's name.")]


@dataclass(frozen=True, slots=True)
class TwentyArgs:
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
    models: ModelConnection = to_many("Registered models of all registries.", ModelsArgs)
    experiments: ExperimentConnection = to_many("Experiments of all platforms.", ExperimentsArgs)
    pipelines: PipelineConnection = to_many("Pipelines of all orchestrators.", PipelinesArgs)
    datasets: DatasetConnection = to_many(
        "Datasets that training runs and pipelines mention, by name; what nothing mentions is unknown. Registries have "
        "no list of them: their newest runs are read up to a bound, which is said.",
        MentionsArgs,
    )
    features: FeatureConnection = to_many(
        "Features that training runs and versions mention, by name; what nothing mentions is unknown. Bounded as "
        "`datasets` is.",
        MentionsArgs,
    )
    owner: Owner | None = to_one(
        "A person or team, by handle, e-mail address or another spelling that the owners file has; null where neither "
        "it nor any source names them.",
        HandleArgs,
    )
    domains: DomainConnection = to_many(
        "The parts of the company that settings, labels and projects name, by name. Sources are read up to a bound, "
        "which is said.",
        TwentyArgs,
    )
    lineage: Lineage = to_one(
        "Where an entity comes from and what depends on it, level by level; rather expand from a node than ask for "
        "many levels. Experiments are those that run now; a model leads up to its latest and aliased versions.",
        LineageArgs,
    )
    impact: Impact = to_one("What breaks if this changes, and whom to tell.", ImpactArgs)
    compare_model_versions: ModelComparison | None = to_one("Versions side by side, across registries.", CompareArgs)
    search: SearchConnection = to_many(
        "Everything that answers some words, highest score first: models, versions, experiments, pipelines, datasets, "
        "features.",
        SearchArgs,
    )
    sources: list[Source] = to_many("The systems behind the graph, asked how they are. One call each.")
