"""What the questions to Airflow ask for, made of what it has, and its answers in brief."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.demo.company import Orchestrator
from gateway.demo.story.places import NIGHTLY
from resolvers.sources import PageAsk
from resolvers.sources.orchestration import PipelineAssets, RunKey, RunsAsk, UpstreamRun
from schema.pipeline import AssetMention, Pipeline, PipelineRun, RunState, TaskRun
from schema.scalars import Timestamp

BOUNDARIES, EXTRACTION, INGEST = "studio_shot_boundaries", "studio_frame_extraction", "studio_ingest_masters"
ADS, FRAUD, HOME = "ads_context_matching", "payments_fraud_screen", "personalization_home_ranking"
VIEWER, DETECTOR = "personalization_viewer_embedding", "studio.train-shot-detector"
EMBEDDING = "mlflow://studio-mlflow/models/content-embedding"
ALL = [ADS, FRAUD, HOME, VIEWER, DETECTOR, NIGHTLY, EXTRACTION, INGEST, BOUNDARIES]
PIPELINES = [
    f"{ADS} at 30 6 * * *",
    f"{FRAUD} at 0 6 15 */3 *, paused",
    f"{HOME} at 0 2 * * *",
    f"{VIEWER} at 0 2 * * *",
    DETECTOR,
    NIGHTLY,
    EXTRACTION,
    f"{INGEST} at 0 0 * * *",
    BOUNDARIES,
]
RUNS_OF_NIGHTLY = [
    f"{NIGHTLY} by assets FAILED",
    f"{NIGHTLY} 2026-11-22 SUCCESS",
    f"{NIGHTLY} by assets SUCCESS",
    f"{NIGHTLY} 2026-09-21 SUCCESS",
    f"{NIGHTLY} 2026-07-06 SUCCESS",
    f"{NIGHTLY} 2026-06-08 SUCCESS",
]
FIRST = PageAsk(0, 10)
GOOD, BAD = 0, 1
"""The two nights, in the order of the runs that assets triggered."""

Keys = Callable[[Orchestrator], Sequence[RunKey]]


def entity(value: Pipeline | PipelineRun | TaskRun | AssetMention | PipelineAssets | UpstreamRun) -> object:
    """A pipeline with its schedule; a run with its day, or that assets started it, and its state; names of the rest."""
    if isinstance(value, Pipeline):
        return value.name + (f" at {value.schedule}" if value.schedule else "") + (", paused" if value.paused else "")
    if isinstance(value, PipelineRun):
        day = value.name[8:18] if value.name.startswith("manual__") else "by assets"
        return f"{value.pipeline_name} {day} {value.state.name}"
    if isinstance(value, TaskRun):
        return f"{value.key} {value.state.name}"
    if isinstance(value, PipelineAssets):
        return sorted(asset.name for asset in value.consumes), sorted(asset.name for asset in value.produces)
    if isinstance(value, UpstreamRun):
        return f"{value.run.pipeline} by {value.asset_uri}"
    return value.name, value.producers, value.consumers


def named(*names: str) -> Callable[[Orchestrator], Sequence[str]]:
    return lambda _: names


def pages(*asks: tuple[int, int]) -> Callable[[Orchestrator], Sequence[PageAsk]]:
    return lambda _: [PageAsk(*ask) for ask in asks]


def runs(*keys: tuple[str, str | int]) -> Keys:
    """Runs by pipeline and run id, or by which of the runs that assets triggered it is: those ids Airflow chooses."""

    def of(orchestrator: Orchestrator) -> Sequence[RunKey]:
        triggered: dict[str, list[str]] = {}
        for run in sorted(orchestrator.runs, key=lambda run: run.queued):
            if run.run_type == "asset_triggered":
                triggered.setdefault(run.dag_id, []).append(run.run_id)
        return [RunKey(dag, triggered[dag][which] if isinstance(which, int) else which) for dag, which in keys]

    return of


def every_run_by_hand(orchestrator: Orchestrator) -> Sequence[RunKey]:
    return [RunKey(run.dag_id, run.run_id) for run in orchestrator.runs if run.run_type == "manual"]


def on(day: str, time: str = "02:00:00") -> str:
    return f"manual__{day}T{time}+00:00"


def asking(page: PageAsk, *states: RunState, since: Timestamp | None = None) -> RunsAsk:
    return RunsAsk(page, frozenset(states) if states else None, since)
