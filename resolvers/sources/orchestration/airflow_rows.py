"""Airflow 3's rows as far as the graph reads them, and what they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from urllib.parse import quote

import msgspec
import strawberry
from msgspec import UNSET, UnsetType

from resolvers.sources import SourceProfile
from resolvers.sources.labels import domain_of, owners_of, parse_word
from resolvers.sources.orchestration import PipelineAssets, RunKey
from resolvers.times import from_iso
from schema.identity import EntityKind, Reference, UrlMaker, pair_key
from schema.pipeline import AssetMention, Pipeline, PipelineRun, RunState, TaskRun
from schema.scalars import Timestamp

DEFAULT_OWNER = "airflow"
"""What Airflow writes where a DAG has no owner."""

RUN_STATES = {
    "queued": RunState.QUEUED,
    "running": RunState.RUNNING,
    "success": RunState.SUCCESS,
    "failed": RunState.FAILED,
}
NO_STATE = "none"
"""How a query asks for tasks that have no state yet."""
TASK_STATES = {
    NO_STATE: RunState.QUEUED,
    "scheduled": RunState.QUEUED,
    "queued": RunState.QUEUED,
    "up_for_retry": RunState.QUEUED,
    "up_for_reschedule": RunState.QUEUED,
    "running": RunState.RUNNING,
    "restarting": RunState.RUNNING,
    "deferred": RunState.RUNNING,
    "awaiting_input": RunState.RUNNING,
    "success": RunState.SUCCESS,
    "failed": RunState.FAILED,
    "upstream_failed": RunState.FAILED,
    "skipped": RunState.SKIPPED,
    "removed": RunState.UNKNOWN,
}
TASK_STATES_SINCE_3_3 = frozenset({"awaiting_input"})
UNTIMED = frozenset({"Asset", "None"})
"""Summaries of timetables that never start a run by time."""


class ServerVersion(msgspec.Struct):
    version: str


class NamedTag(msgspec.Struct):
    name: str


class DagRow(msgspec.Struct):
    dag_id: str
    is_paused: bool | None
    owners: list[str]
    tags: list[NamedTag]
    description: str | None = None
    timetable_summary: str | None = None

    @property
    def key(self) -> str:
        return self.dag_id


class DagId(msgspec.Struct):
    dag_id: str

    @property
    def key(self) -> str:
        return self.dag_id


class RunRow(msgspec.Struct):
    """`run_after` is when the run was due: the one moment every run has."""

    dag_id: str
    dag_run_id: str
    state: str
    run_after: str
    start_date: str | None
    end_date: str | None
    queued_at: str | None = None
    note: str | None = None
    conf: dict[str, object] | None = None

    def __post_init__(self) -> None:
        self.run_after = from_iso(self.run_after)
        self.queued_at, self.start_date, self.end_date = map(_moment, (self.queued_at, self.start_date, self.end_date))

    @property
    def key(self) -> RunKey:
        return RunKey(self.dag_id, self.dag_run_id)


class RunIds(msgspec.Struct):
    dag_id: str
    dag_run_id: str

    @property
    def key(self) -> RunKey:
        return RunKey(self.dag_id, self.dag_run_id)


class TaskRow(msgspec.Struct):
    task_id: str
    dag_id: str
    dag_run_id: str
    map_index: int
    try_number: int
    state: str | None
    start_date: str | None
    end_date: str | None

    def __post_init__(self) -> None:
        self.start_date, self.end_date = map(_moment, (self.start_date, self.end_date))


class AssetRow(msgspec.Struct):
    """3.0 has `consuming_dags` where later releases have `scheduled_dags` and `consuming_tasks`."""

    name: str
    uri: str
    producing_tasks: list[DagId]
    consuming_tasks: list[DagId] = []
    scheduled_dags: list[DagId] | UnsetType = UNSET
    consuming_dags: list[DagId] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.scheduled_dags is UNSET and self.consuming_dags is UNSET:
            raise ValueError("an asset without its readers is none")

    @property
    def key(self) -> str:
        return self.uri


class AssetUri(msgspec.Struct):
    uri: str

    @property
    def key(self) -> str:
        return self.uri


class AssetDags(msgspec.Struct):
    """The DAGs of an asset, for rows of which nothing else can be read."""

    producing_tasks: list[DagId] = []
    consuming_tasks: list[DagId] = []
    scheduled_dags: list[DagId] = []
    consuming_dags: list[DagId] = []

    @property
    def names(self) -> set[str]:
        listed = (self.producing_tasks, self.consuming_tasks, self.scheduled_dags, self.consuming_dags)
        return {row.dag_id for rows in listed for row in rows}


class FedRow(msgspec.Struct):
    """A run that an event triggered or fed."""

    dag_id: str
    run_id: str


class EventRow(msgspec.Struct):
    """`source_dag_id` and `source_run_id` are null where the event came by the API and no run wrote it."""

    uri: str | None = None
    name: str | None = None
    source_dag_id: str | None = None
    source_run_id: str | None = None
    created_dagruns: tuple[FedRow, ...] = ()


def pipeline_of(row: DagRow, fetched_at: Timestamp, profile: SourceProfile, url_of: UrlMaker) -> Pipeline:
    reference = Reference(EntityKind.PIPELINE, profile.name, row.dag_id, url_of)
    labels = [parse_word(tag.name) for tag in row.tags]
    # Airflow joins the owners of a DAG's tasks in no order: 3.3.2 changes it whenever it reads the file again.
    owners = sorted(owner for owner in row.owners if owner != DEFAULT_OWNER)
    return Pipeline(
        id=strawberry.ID(reference.id),
        reference=reference,
        fetched_at=fetched_at,
        owned_by=owners_of(profile.labels, labels, owners),
        domain_name=domain_of(profile.labels, labels),
        labels=labels,
        name=row.dag_id,
        description=row.description or None,
        schedule=None if row.timetable_summary in UNTIMED else row.timetable_summary or None,
        paused=row.is_paused,
    )


def run_of(row: RunRow, fetched_at: Timestamp, profile: SourceProfile, url_of: UrlMaker) -> PipelineRun:
    """A run; its domain is its source's, as tags are kept on the DAG only."""
    reference = Reference(EntityKind.PIPELINE_RUN, profile.name, pair_key(row.dag_id, row.dag_run_id), url_of)
    return PipelineRun(
        id=strawberry.ID(reference.id),
        reference=reference,
        fetched_at=fetched_at,
        domain_name=domain_of(profile.labels, ()),
        name=row.dag_run_id,
        description=row.note or None,
        created_at=_timestamp(row.queued_at),
        pipeline_name=row.dag_id,
        parameters=row.conf or {},
        state=RUN_STATES.get(row.state, RunState.UNKNOWN),
        source_status=row.state,
        started_at=_timestamp(row.start_date),
        ended_at=_timestamp(row.end_date),
    )


def task_of(row: TaskRow, run_url: str | None) -> TaskRun:
    """One task instance; `attempt` is null until the first try."""
    mapped = row.map_index >= 0
    url = f"{run_url}/tasks/{quote(row.task_id, safe='')}" if run_url else None
    return TaskRun(
        key=f"{row.task_id}[{row.map_index}]" if mapped else row.task_id,
        state=TASK_STATES.get(row.state or NO_STATE, RunState.UNKNOWN),
        source_status=row.state,
        attempt=row.try_number if row.try_number > 0 else None,
        started_at=_timestamp(row.start_date),
        ended_at=_timestamp(row.end_date),
        url=f"{url}/mapped/{row.map_index}" if url and mapped else url,
    )


def asset_of(row: AssetRow, fetched_at: Timestamp) -> AssetMention:
    """Readers are the DAGs an asset triggers and those whose tasks name it as an inlet."""
    readers = [*row.consuming_tasks]
    for listed in (row.scheduled_dags, row.consuming_dags):
        readers += [] if isinstance(listed, UnsetType) else listed
    return AssetMention(
        uri=row.uri,
        name=row.name,
        producers=sorted({task.dag_id for task in row.producing_tasks}),
        consumers=sorted({reader.dag_id for reader in readers}),
        fetched_at=fetched_at,
    )


def assets_of(name: str, mentions: Sequence[AssetMention]) -> PipelineAssets:
    """What one pipeline reads and writes among these assets."""
    return PipelineAssets(
        consumes=[mention for mention in mentions if name in mention.consumers],
        produces=[mention for mention in mentions if name in mention.producers],
    )


def states_asked(
    known: Mapping[str, RunState], states: Set[RunState] | None, without: Set[str] = frozenset()
) -> list[str] | None:
    """Airflow's words for these states, empty where it has none; None for no filter at all."""
    if states is None or states >= set(known.values()):
        return None
    return [word for word, state in known.items() if state in states and word not in without]


def _moment(text: str | None) -> str | None:
    return None if text is None else from_iso(text)


def _timestamp(text: str | None) -> Timestamp | None:
    return None if text is None else Timestamp(text)
