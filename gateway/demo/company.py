"""What the demo company has, in the words of nobody's product: plain data the fakes serve and the seeders write.

Times are epoch milliseconds (int). Nothing here reads a clock or a random source of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# ---------------------------------------------------------------- model registries (MLflow's objects)


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """One input of a training run, as MLflow records it: `source` and `schema` are JSON text."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    context: str | None = "training"


@dataclass(frozen=True, slots=True)
class Metric:
    value: float
    step: int
    at: int


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A tracking run; `experiment_id` names the group of runs it lies in."""

    run_id: str
    experiment_id: str
    name: str
    user: str
    status: str  # RUNNING SCHEDULED FINISHED FAILED KILLED
    started: int
    ended: int | None
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    datasets: tuple[DatasetInput, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    version: int
    created: int
    updated: int
    run_id: str | None = None
    description: str = ""
    status: str = "READY"  # READY PENDING_REGISTRATION FAILED_REGISTRATION
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    created: int
    updated: int
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    versions: tuple[Version, ...] = ()


@dataclass(frozen=True, slots=True)
class Registry:
    """One MLflow: `groups` maps experiment_id to the name of the group of runs."""

    name: str
    groups: dict[str, str]
    models: tuple[Model, ...]
    runs: tuple[TrainingRun, ...]


# ---------------------------------------------------------------- orchestrators (Airflow's objects)


@dataclass(frozen=True, slots=True)
class Asset:
    uri: str
    name: str
    group: str = "asset"
    producers: tuple[tuple[str, str], ...] = ()  # (dag_id, task_id)
    consumers: tuple[tuple[str, str], ...] = ()  # (dag_id, task_id): inlets of a task
    scheduled: tuple[str, ...] = ()  # dag ids whose schedule is this asset


@dataclass(frozen=True, slots=True)
class Task:
    task_id: str
    downstream: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dag:
    dag_id: str
    created: int
    description: str | None = None
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    schedule: str | None = None  # cron text, or None where assets (or nothing) trigger it
    paused: bool = False
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskRun:
    task_id: str
    state: str | None  # Airflow's own words: success failed running queued skipped upstream_failed …
    started: int | None
    ended: int | None
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class DagRun:
    dag_id: str
    run_id: str
    state: str  # queued running success failed
    run_type: str  # scheduled manual asset_triggered
    queued: int
    started: int | None
    ended: int | None
    conf: dict[str, object] = field(default_factory=dict)
    tasks: tuple[TaskRun, ...] = ()


@dataclass(frozen=True, slots=True)
class AssetEvent:
    """An output that was written: `triggered` are the runs (dag_id, run_id) it started or fed."""

    asset_uri: str
    at: int
    dag_id: str
    task_id: str
    run_id: str
    extra: dict[str, str] = field(default_factory=dict)
    triggered: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Orchestrator:
    name: str
    dags: tuple[Dag, ...]
    runs: tuple[DagRun, ...]
    assets: tuple[Asset, ...]
    events: tuple[AssetEvent, ...]


# ---------------------------------------------------------------- experiment platforms (GrowthBook, Unleash)


@dataclass(frozen=True, slots=True)
class Variation:
    """`value` is what the serving code reads, as text (JSON or a bare string); weight is a share, 0 to 1."""

    key: str
    name: str
    weight: float
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    name: str
    started: int
    ended: int | None = None
    coverage: float = 1.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ResultRow:
    metric: str
    variation: int  # index
    users: int
    mean: float
    uplift: float
    ci_low: float
    ci_high: float
    p_value: float
    chance_to_win: float


@dataclass(frozen=True, slots=True)
class Experiment:
    """`id` is the platform's internal id, `key` what code and people call it; the first variation is the control."""

    id: str
    key: str
    name: str
    status: str  # draft running stopped
    created: int
    updated: int
    hypothesis: str = ""
    description: str = ""
    owner: str = ""
    project: str = ""
    tags: tuple[str, ...] = ()
    archived: bool = False
    variations: tuple[Variation, ...] = ()
    phases: tuple[Phase, ...] = ()
    goals: tuple[str, ...] = ()
    secondary: tuple[str, ...] = ()
    guardrails: tuple[str, ...] = ()
    results: tuple[ResultRow, ...] = ()
    result_status: str = ""  # won lost inconclusive dnf
    winner: int | None = None
    conclusions: str = ""


@dataclass(frozen=True, slots=True)
class Platform:
    """`projects` maps project id to name; `metrics` metric id to name."""

    name: str
    projects: dict[str, str]
    metrics: dict[str, str]
    experiments: tuple[Experiment, ...]


@dataclass(frozen=True, slots=True)
class Company:
    registries: tuple[Registry, ...]
    orchestrators: tuple[Orchestrator, ...]
    platforms: tuple[Platform, ...]
