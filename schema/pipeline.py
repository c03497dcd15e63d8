"""Pipelines, their runs and tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry

from schema.connection import After, Connection, Edge, First, Link, LinkConnection, LinkEdge
from schema.derived import DatasetLinkConnection
from schema.fields import TenArgs, to_many, to_one
from schema.keys import ENTITY
from schema.node import Entity
from schema.scalars import Timestamp

if TYPE_CHECKING:
    from schema.experiment import ExperimentLink
    from schema.model import ModelVersionLinkConnection


@strawberry.enum(description="How far a run is. `sourceStatus` has the orchestrator's own word.")
class RunState(Enum):
    QUEUED = strawberry.enum_value("QUEUED", description="Waiting to start.")
    RUNNING = strawberry.enum_value("RUNNING", description="At work.")
    SUCCESS = strawberry.enum_value("SUCCESS", description="Ended well.")
    FAILED = strawberry.enum_value("FAILED", description="Ended badly, or could not start because another failed.")
    SKIPPED = strawberry.enum_value("SKIPPED", description="Left out on purpose.")
    UNKNOWN = strawberry.enum_value("UNKNOWN", description="A state this graph does not know; see `sourceStatus`.")


States = Annotated[
    list[RunState] | None, strawberry.argument(description="Only runs in one of these states; all when null.")
]


@dataclass(frozen=True, slots=True)
class RunsArgs:
    states: States = None
    since: Annotated[
        Timestamp | None, strawberry.argument(description="Only runs whose data or start time is at or after this.")
    ] = None
    first: First = 10
    after: After = None


@dataclass(frozen=True, slots=True)
class TasksArgs:
    states: Annotated[
        list[RunState] | None, strawberry.argument(description="Only tasks in one of these states; all when null.")
    ] = None
    first: First = 10
    after: After = None


@dataclass(frozen=True, slots=True)
class FailedArgs:
    depth: Annotated[int | None, strawberry.argument(description="How many levels up to look, 1 to 5.")] = 2
    first: First = 10
    after: After = None


@strawberry.type(description="One task of a pipeline run.")
class TaskRun:
    key: str = strawberry.field(description="The task's id; with its index in brackets where it is mapped.")
    state: RunState = strawberry.field(description="How far the task is.")
    source_status: str | None = strawberry.field(description="The orchestrator's own word for the state.")
    attempt: int | None = strawberry.field(description="Which attempt this was, from 1.")
    started_at: Timestamp | None = strawberry.field(description="When the task started.")
    ended_at: Timestamp | None = strawberry.field(description="When the task ended.")
    url: str | None = strawberry.field(description="Where to see the task in the orchestrator.")


@strawberry.type(description="One task of a list.")
class TaskRunEdge(Edge[TaskRun]):
    pass


@strawberry.type(description="Tasks of one run.")
class TaskRunConnection(Connection[TaskRun, TaskRunEdge]):
    pass


@strawberry.type(description="A workflow an orchestrator runs: an Airflow DAG.", directives=ENTITY)
class Pipeline(Entity):
    schedule: str | None = strawberry.field(description="When it runs, as its source writes it; null if never by time.")
    paused: bool | None = strawberry.field(description="Whether scheduling is switched off; null if unknown.")
    last_run: PipelineRun | None = to_one("Its newest run; null where it has none. One call for a whole page.")
    runs: PipelineRunConnection = to_many("Its runs, newest first.", RunsArgs)
    model_versions: Annotated[ModelVersionLinkConnection, strawberry.lazy("schema.model")] = to_many(
        "Model versions its runs produced, found by run tags, outlet assets and DAG tags. "
        "Costs some calls per pipeline in each registry.",
        TenArgs,
    )
    consumes: DatasetLinkConnection = to_many("Datasets it reads: inlets and asset schedules.", TenArgs)
    produces: DatasetLinkConnection = to_many("Datasets it writes: outlets.", TenArgs)
    upstream: PipelineLinkConnection = to_many("Pipelines that write what this one reads.", TenArgs)
    downstream: PipelineLinkConnection = to_many("Pipelines that read what this one writes.", TenArgs)


@strawberry.type(description="One run of a pipeline. Its name is its key in the orchestrator.", directives=ENTITY)
class PipelineRun(Entity):
    pipeline_name: strawberry.Private[str]
    parameters: strawberry.Private[Mapping[str, object]]

    state: RunState = strawberry.field(description="How far the run is.")
    source_status: str | None = strawberry.field(description="The orchestrator's own word for the state.")
    started_at: Timestamp | None = strawberry.field(description="When the run started; null while it waits.")
    ended_at: Timestamp | None = strawberry.field(description="When the run ended; null while it runs.")
    pipeline: Pipeline | None = to_one("The pipeline this is a run of.")
    tasks: TaskRunConnection = to_many("Its tasks.", TasksArgs)
    model_versions: Annotated[ModelVersionLinkConnection, strawberry.lazy("schema.model")] = to_many(
        "Model versions this very run produced. One call per run in each registry.", TenArgs
    )
    tested_in: list[Annotated[ExperimentLink, strawberry.lazy("schema.experiment")]] | None = to_many(
        "A/B tests and variations named in the run's parameters (`ab_test_cells`)."
    )
    upstream_runs: PipelineRunLinkConnection = to_many(
        "The runs whose outputs triggered or fed this one. One call per run: the orchestrator has no batch for it.",
        TenArgs,
    )
    failed_upstream_runs: PipelineRunLinkConnection = to_many(
        "What failed above this run: failed runs that fed it, directly or through others. "
        "One call per run looked at, at most 50.",
        FailedArgs,
    )


@strawberry.type(description="A link to a pipeline run.")
class PipelineRunLink(Link[PipelineRun]):
    pass


@strawberry.type(description="A link to a pipeline run, in a connection.")
class PipelineRunLinkEdge(LinkEdge[PipelineRun]):
    pass


@strawberry.type(description="Pipeline runs linked to one entity.")
class PipelineRunLinkConnection(LinkConnection[PipelineRun, PipelineRunLinkEdge]):
    pass


@strawberry.type(description="A link to a pipeline, in a connection.")
class PipelineLinkEdge(LinkEdge[Pipeline]):
    pass


@strawberry.type(description="Pipelines linked to one entity.")
class PipelineLinkConnection(LinkConnection[Pipeline, PipelineLinkEdge]):
    pass


@strawberry.type(description="One run of a list.")
class PipelineRunEdge(Edge[PipelineRun]):
    pass


@strawberry.type(description="Runs of one pipeline, newest first.")
class PipelineRunConnection(Connection[PipelineRun, PipelineRunEdge]):
    pass


@strawberry.type(description="One pipeline of a list.")
class PipelineEdge(Edge[Pipeline]):
    pass


@strawberry.type(description="Pipelines of all orchestrators.")
class PipelineConnection(Connection[Pipeline, PipelineEdge]):
    pass


@dataclass(frozen=True, slots=True)
class AssetMention:
    """One asset in an orchestrator's own graph: who writes it, who reads it (pipeline names)."""

    uri: str
    name: str
    producers: Sequence[str]
    consumers: Sequence[str]
    fetched_at: Timestamp = field(compare=False)
