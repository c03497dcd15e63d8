"""Experiments: A/B tests, their variations, phases, metrics and results."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry

from schema.connection import Connection, Edge, Link, LinkConnection, LinkEdge
from schema.fields import TenArgs, to_many, to_one
from schema.identity import EntityKind, Reference
from schema.keys import ENTITY
from schema.node import Entity
from schema.scalars import JSON, Timestamp

if TYPE_CHECKING:
    from schema.model import Model, ModelLink, ModelVersion


@strawberry.enum(description="How far an experiment is. `sourceStatus` has the platform's own word.")
class ExperimentStatus(Enum):
    DRAFT = strawberry.enum_value("DRAFT", description="Being prepared; shown to nobody yet.")
    RUNNING = strawberry.enum_value("RUNNING", description="Shown to users now.")
    STOPPED = strawberry.enum_value("STOPPED", description="Ended.")
    ARCHIVED = strawberry.enum_value("ARCHIVED", description="Put away.")
    UNKNOWN = strawberry.enum_value("UNKNOWN", description="A status this graph does not know; see `sourceStatus`.")


@strawberry.enum(description="Which experiments are meant, by where they stand in time.")
class UsageWindow(Enum):
    CURRENT = strawberry.enum_value("CURRENT", description="Running now.")
    EVER = strawberry.enum_value("EVER", description="Running now or at any time before: not the drafts.")
    DRAFT = strawberry.enum_value("DRAFT", description="Prepared, not yet started.")


@strawberry.enum(description="What a metric decides in an experiment.")
class MetricRole(Enum):
    GOAL = strawberry.enum_value("GOAL", description="The experiment is meant to move it.")
    SECONDARY = strawberry.enum_value("SECONDARY", description="Watched to learn.")
    GUARDRAIL = strawberry.enum_value("GUARDRAIL", description="Must not get worse.")


@strawberry.type(description="A cell of the test: a variant, treatment or arm, and what the serving code reads for it.")
class Variation:
    source: strawberry.Private[str]
    text: strawberry.Private[str | None] = None

    key: str = strawberry.field(description="The variation's key in its platform.")
    name: str = strawberry.field(description="The variation's name.")
    number: int = strawberry.field(description="Its position, from 1.")
    is_control: bool | None = strawberry.field(description="Whether others are compared with it; null if unsaid.")
    weight: float | None = strawberry.field(description="Share of eligible traffic in the current phase, 0 to 1.")
    value: JSON | None = strawberry.field(description="What the serving code reads; null if not known.", default=None)
    models: list[Annotated[ModelLink, strawberry.lazy("schema.model")]] | None = to_many(
        "The models its value names; one value may name several."
    )


@strawberry.type(description="A stretch of an experiment with one set of weights.")
class ExperimentPhase:
    name: str | None = strawberry.field(description="The phase's name.")
    started_at: Timestamp | None = strawberry.field(description="When the phase started.")
    ended_at: Timestamp | None = strawberry.field(description="When the phase ended; null while it runs.")
    coverage: float | None = strawberry.field(description="Share of all traffic that is eligible, 0 to 1.")
    reason_for_stopping: str | None = strawberry.field(description="Why the phase was ended.")


@strawberry.type(description="An outcome the experiment measures.")
class ExperimentMetric:
    key: str = strawberry.field(description="The metric's id in its platform.")
    name: str = strawberry.field(description="The metric's name; its key where the platform tells no name.")
    role: MetricRole = strawberry.field(description="What the metric decides here.")


@strawberry.type(description="One metric of one variation.")
class ExperimentResultRow:
    metric: str = strawberry.field(description="Key of the metric.")
    variation: str = strawberry.field(description="Key of the variation.")
    users: int | None = strawberry.field(description="Users counted in this variation.")
    mean: float | None = strawberry.field(description="Mean of the metric, in the metric's own unit.")
    relative_uplift: float | None = strawberry.field(description="Change against the control; 0.02 is +2 %.")
    ci_low: float | None = strawberry.field(description="Lower end of the interval of `relativeUplift`.")
    ci_high: float | None = strawberry.field(description="Upper end of the interval of `relativeUplift`.")
    p_value: float | None = strawberry.field(description="The p-value, where the analysis is frequentist.")
    chance_to_beat_control: float | None = strawberry.field(description="0 to 1, where the analysis is Bayesian.")


@strawberry.type(description="What an experiment found, at its latest analysis.")
class ExperimentResults:
    source_status: str | None = strawberry.field(description="The platform's own word for the outcome.")
    winner: Variation | None = strawberry.field(description="The variation declared the winner.")
    conclusions: str | None = strawberry.field(description="What its owners concluded.")
    rows: list[ExperimentResultRow] = strawberry.field(description="Metric by variation; empty before any analysis.")


@strawberry.type(
    description="An A/B test. A registry's own `experiment` is something else: a group of training runs.",
    directives=ENTITY,
)
class Experiment(Entity):
    key: str = strawberry.field(description="What code and people call it: tracking key or flag name.")
    status: ExperimentStatus = strawberry.field(description="How far it is.")
    source_status: str | None = strawberry.field(description="The platform's own word for the status.")
    hypothesis: str | None = strawberry.field(description="What its owners expect; null where the platform has none.")
    variations: list[Variation] = strawberry.field(description="Its cells, in the platform's order.")
    phases: list[ExperimentPhase] = strawberry.field(description="Its phases, oldest first.")
    metrics: list[ExperimentMetric] = strawberry.field(description="What it measures.")
    results: ExperimentResults | None = to_one("What it found; null where there are no results (yet).")
    tested_models: ExperimentModelConnection = to_many(
        "The models under test and in which variation: by variation value, by tag, and by `ab_test_cells` on versions.",
        TenArgs,
    )


@strawberry.type(description="A link to an experiment.")
class ExperimentLink(Link[Experiment]):
    variations: list[Variation] | None = strawberry.field(
        description="The variations meant; null where they are not known.", default=None
    )


@strawberry.type(description="Which experiment serves the model: in which variations, running or not, since when.")
class ModelExperimentEdge(LinkEdge[Experiment]):
    variations: list[Variation] | None = strawberry.field(
        description="The variations that serve it; null where only the experiment is named.", default=None
    )
    running: bool | None = strawberry.field(description="Whether it runs now; null where that is not known.")
    since: Timestamp | None = strawberry.field(description="When its first phase started; null where not known.")
    until: Timestamp | None = strawberry.field(description="When its last phase ended; null while it runs.")


@strawberry.type(description="Experiments linked to a model or a version; running first.")
class ModelExperimentConnection(LinkConnection[Experiment, ModelExperimentEdge]):
    pass


@strawberry.type(description="A model under test. `node` is the version; null where only the model is named.")
class ExperimentModelEdge(LinkEdge[Annotated["ModelVersion", strawberry.lazy("schema.model")]]):
    node_kind: ClassVar[EntityKind] = EntityKind.MODEL_VERSION
    model_target: strawberry.Private[Reference]
    model: Annotated[Model, strawberry.lazy("schema.model")] | None = to_one("The model, whichever version is meant.")
    variations: list[Variation] | None = strawberry.field(
        description="The variations that serve it; null where only the experiment says so.", default=None
    )


@strawberry.type(description="Models under test in one experiment.")
class ExperimentModelConnection(
    LinkConnection[Annotated["ModelVersion", strawberry.lazy("schema.model")], ExperimentModelEdge]
):
    pass


@strawberry.type(description="One experiment of a list.")
class ExperimentEdge(Edge[Experiment]):
    pass


@strawberry.type(description="Experiments of all platforms.")
class ExperimentConnection(Connection[Experiment, ExperimentEdge]):
    pass


@dataclass(frozen=True, slots=True)
class UsageArgs:
    """The arguments of the experiments of a model or version."""

    usage: Annotated[
        UsageWindow | None, strawberry.argument(description="Running now, ever shown to users, or in preparation.")
    ] = UsageWindow.CURRENT
    first: Annotated[int | None, strawberry.argument(description="How many, 1 to 100.")] = 10
    after: Annotated[str | None, strawberry.argument(description="Continue after this cursor.")] = None
