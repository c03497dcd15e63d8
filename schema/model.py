"""Registered models, their versions and training runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, ClassVar

import strawberry

from schema.connection import Connection, Edge, Link, LinkConnection, LinkEdge
from schema.derived import Dataset, DatasetLink, Feature, FeatureLink
from schema.experiment import ModelExperimentConnection, UsageArgs
from schema.fields import After, First, TenArgs, to_many, to_one
from schema.identity import EntityKind, Reference, pair_key
from schema.keys import ENTITY
from schema.node import Entity, EntityRef, Keys
from schema.pipeline import PipelineLinkConnection, PipelineRunLink
from schema.scalars import Timestamp


@strawberry.enum(description="Whether a version can be used. `sourceStatus` has the registry's own word.")
class ModelVersionStatus(Enum):
    PENDING = strawberry.enum_value("PENDING", description="Being registered.")
    READY = strawberry.enum_value("READY", description="Registered.")
    FAILED = strawberry.enum_value("FAILED", description="Registering it failed.")
    UNKNOWN = strawberry.enum_value("UNKNOWN", description="A status this graph does not know; see `sourceStatus`.")


@dataclass(frozen=True, slots=True)
class FindVersionArgs:
    version: Annotated[str | None, strawberry.argument(description="The version's number.")] = None
    alias: Annotated[str | None, strawberry.argument(description="An alias that points to it now.")] = None


@dataclass(frozen=True, slots=True)
class SimilarArgs:
    first: First = 10
    across_domains: Annotated[bool, strawberry.argument(description="False for models of its own domain only.")] = True
    after: After = None


@strawberry.type(description="A name that points to one version of a model now, such as champion.")
class ModelAlias:
    alias: str = strawberry.field(description="The alias.")
    version: str = strawberry.field(description="The version it points to.")


@strawberry.type(description="A registered model: one name, many versions.", directives=ENTITY)
class Model(Entity):
    newest: strawberry.Private[ModelVersion | None] = None

    version_aliases: list[ModelAlias] = strawberry.field(description="Its aliases and where they point now.")
    latest_version: ModelVersion | None = to_one(
        "Highest version number; null where it has no version. For champion and the like see `findVersion`."
    )
    find_version: ModelVersion | None = to_one("One version, by its number or by an alias.", FindVersionArgs)
    versions: ModelVersionConnection = to_many("Its versions, highest first.", TenArgs)
    experiments: ModelExperimentConnection = to_many(
        "Every experiment that names this model or any version of it; running first. The rule by `ab_test_cells` of "
        "pipeline runs looks at the latest and the aliased versions.",
        UsageArgs,
    )
    producers: PipelineLinkConnection = to_many(
        "Pipelines that produce it, by outlet assets, DAG tags and the training runs of its versions.", TenArgs
    )
    consumers: PipelineLinkConnection = to_many("Pipelines that read it, by inlet assets.", TenArgs)
    similar: SimilarModelConnection = to_many(
        "Has someone solved this before? Models of all registries that share words of name and description with it, "
        "the data and features of its latest version, pipelines that make it, or rare tags; most similar first.",
        SimilarArgs,
    )


@strawberry.type(description="A parameter a training run logged.")
class Param:
    key: str = strawberry.field(description="The parameter's name.")
    value: str = strawberry.field(description="Its value, as text.")


@strawberry.type(description="A score a training run logged, at its last step.")
class EvaluationMetric:
    key: str = strawberry.field(description="The metric's name.")
    value: float | None = strawberry.field(description="Its last value; null where it is not a finite number.")
    step: int | None = strawberry.field(description="The step it was logged at.")
    at: Timestamp | None = strawberry.field(description="When it was logged.")


@strawberry.type(description="The registry's own tracking run: how a version was trained.")
class TrainingRun:
    reference: strawberry.Private[Reference]
    all_params: strawberry.Private[Sequence[tuple[str, str]]]
    all_metrics: strawberry.Private[Sequence[EvaluationMetric]]
    labels: strawberry.Private[Mapping[str, str]]
    datasets: strawberry.Private[Sequence[Dataset]]
    features: strawberry.Private[Sequence[tuple[Feature, str]]]
    """Features with what mentioned them: a dataset's columns, the logged signature."""
    fetched_at: strawberry.Private[Timestamp]

    started_at: Timestamp | None = strawberry.field(description="When training started.")
    ended_at: Timestamp | None = strawberry.field(description="When training ended; null while it runs.")
    source_status: str | None = strawberry.field(description="The registry's own word for the run's state.")

    @strawberry.field(description="Its reference: run id, and a link into the registry's own user interface.")
    def ref(self) -> EntityRef:
        return EntityRef.of(self.reference)

    @strawberry.field(description="The parameters it logged.")
    def params(self, keys: Keys = strawberry.UNSET) -> list[Param]:
        return [Param(key=key, value=value) for key, value in self.all_params if _is_asked(key, keys)]

    @strawberry.field(description="The scores it logged, each at its last step.")
    def evaluation_metrics(self, keys: Keys = strawberry.UNSET) -> list[EvaluationMetric]:
        return [metric for metric in self.all_metrics if _is_asked(metric.key, keys)]


def _is_asked(key: str, keys: Keys) -> bool:
    # Left out it is UNSET: a default of null would be printed, and says nothing.
    return keys is None or keys is strawberry.UNSET or key in keys


@strawberry.type(description="One version of a registered model.", directives=ENTITY)
class ModelVersion(Entity):
    model_name: strawberry.Private[str]
    run_id: strawberry.Private[str | None] = None

    version: str = strawberry.field(description="The version's number, as text.")
    aliases: list[str] = strawberry.field(description="Aliases that point to this version now.")
    registration_status: ModelVersionStatus = strawberry.field(description="Whether it can be used.")
    source_status: str | None = strawberry.field(description="The registry's own word for the status.")
    model: Model | None = to_one("The model this is a version of.")
    training_run: TrainingRun | None = to_one("How it was trained; null where the registry records no run.")
    produced_by: PipelineRunLink | None = to_one(
        "Where it came from: the pipeline run that made it, named by tags of its training run or of the version. "
        "Null where nothing records one."
    )
    datasets: list[DatasetLink] | None = to_many("What it was trained on: the inputs its training run logged.")
    features: list[FeatureLink] | None = to_many(
        "The features it takes: columns of its datasets, its signature, and configured tags such as feast.feature_refs."
    )
    experiments: ModelExperimentConnection = to_many(
        "Experiments that name this version, or an alias that points to it now. Those that name only the model are on "
        "`model { experiments }`.",
        UsageArgs,
    )


@strawberry.type(description="A link to a model. It may name no version; then `version` and `alias` are null.")
class ModelLink(Link[Model]):
    version_key: strawberry.Private[str | None] = None
    alias: str | None = strawberry.field(description="The alias the reference names, if any.", default=None)
    version: ModelVersion | None = to_one(
        "The version the reference names, or its alias points to now; null where it names none, and where what it "
        "names is gone: see `versionRef` and `alias`."
    )

    @strawberry.field(description="The version the reference names, known without asking; null where it names none.")
    def version_ref(self) -> EntityRef | None:
        if self.version_key is None:
            return None
        target = self.target
        key = pair_key(target.key, self.version_key)
        return EntityRef.of(Reference(EntityKind.MODEL_VERSION, target.source, key, target.url_of))


@strawberry.type(description="A link to a model version. `node` is null where only the model is named.")
class ModelVersionLinkEdge(LinkEdge[ModelVersion]):
    node_kind: ClassVar[EntityKind] = EntityKind.MODEL_VERSION
    model_target: strawberry.Private[Reference]
    model: Model | None = to_one("The model, whichever version is meant.")


@strawberry.type(description="Model versions linked to one entity.")
class ModelVersionLinkConnection(LinkConnection[ModelVersion, ModelVersionLinkEdge]):
    pass


@strawberry.type(description="One model of a list.")
class ModelEdge(Edge[Model]):
    pass


@strawberry.type(description="Models of all registries.")
class ModelConnection(Connection[Model, ModelEdge]):
    pass


@strawberry.type(description="One version of a list.")
class ModelVersionEdge(Edge[ModelVersion]):
    pass


@strawberry.type(description="Versions of one model, highest first.")
class ModelVersionConnection(Connection[ModelVersion, ModelVersionEdge]):
    pass


@strawberry.type(description="A model that may have solved the same before.")
class SimilarModelEdge(Edge[Model]):
    score: float = strawberry.field(
        description="How much of what is known of the one is shared by the other, above 0 and at most 1. To be "
        "compared within one answer only."
    )
    reasons: list[str] = strawberry.field(
        description="What both share, for people to read, such as `same dataset studio.frames` or `description: scene, "
        "boundary`."
    )


@strawberry.type(
    description="Similar models, most similar first, each read from its registry just now. They are looked for by a "
    "live sweep of the registries' models, within the budget of a search, and among those that are made of the same."
)
class SimilarModelConnection(Connection[Model, SimilarModelEdge]):
    pass
