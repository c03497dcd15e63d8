"""The rows Airflow 3.3 answers with, made from the company's data: every field its API document requires is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from gateway.demo.company import Asset, AssetEvent, Dag, DagRun, TaskRun

JSONObject = dict[str, object]
RunKey = tuple[str, str]

TRIGGERED_BY = {"scheduled": "timetable", "manual": "rest_api", "asset_triggered": "asset"}


def moment(ms: int | None) -> str | None:
    """pydantic's form: microseconds only where there are any."""
    if ms is None:
        return None
    text = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{ms % 1000:03}000Z" if ms % 1000 else f"{text}Z"


def logical_ms(run: DagRun) -> int | None:
    """A run that assets triggered has no logical date."""
    return None if run.run_type == "asset_triggered" else run.queued


def duration_s(started: int | None, ended: int | None) -> float | None:
    return None if started is None or ended is None else (ended - started) / 1000


def dag_row(dag: Dag, by_assets: bool) -> JSONObject:
    """`timetable_summary` is null where nothing but a caller starts the DAG; without owners Airflow says "airflow"."""
    summary = dag.schedule or ("Asset" if by_assets else None)
    unscheduled = "Triggered by assets" if by_assets else "Never, external triggers only"
    return {
        "dag_id": dag.dag_id,
        "dag_display_name": dag.dag_id,
        "is_paused": dag.paused,
        "is_stale": False,
        "last_parsed_time": moment(dag.created),
        "last_parse_duration": None,
        "last_expired": None,
        "bundle_name": "dags-folder",
        "bundle_version": None,
        "relative_fileloc": "company.py",
        "fileloc": "/opt/airflow/dags/company.py",
        "description": dag.description,
        "timetable_summary": summary,
        "timetable_description": dag.schedule or unscheduled,
        "timetable_partitioned": False,
        "timetable_periodic": dag.schedule is not None,
        "tags": [{"name": tag, "dag_id": dag.dag_id, "dag_display_name": dag.dag_id} for tag in sorted(dag.tags)],
        "max_active_tasks": 16,
        "max_active_runs": 16,
        "max_consecutive_failed_dag_runs": 0,
        "has_task_concurrency_limits": False,
        "has_import_errors": False,
        "next_dagrun_logical_date": None,
        "next_dagrun_data_interval_start": None,
        "next_dagrun_data_interval_end": None,
        "next_dagrun_run_after": None,
        "allowed_run_types": None,
        "owners": list(dag.owners) or ["airflow"],
        "is_backfillable": dag.schedule is not None,
        "file_token": "ZGVtbw.c2lnbmF0dXJl",
    }


def dag_details(dag: Dag, by_assets: bool, running: int) -> JSONObject:
    return dag_row(dag, by_assets) | {
        "catchup": False,
        "dag_run_timeout": None,
        "asset_expression": None,
        "doc_md": None,
        "start_date": moment(dag.created),
        "end_date": None,
        "is_paused_upon_creation": None,
        "params": {},
        "render_template_as_native_obj": False,
        "template_search_path": None,
        "timezone": "UTC",
        "last_parsed": moment(dag.created),
        "default_args": {},
        "rerun_with_latest_version": None,
        "owner_links": {},
        "is_favorite": False,
        "active_runs_count": running,
        "concurrency": 16,
        "latest_dag_version": _dag_version(dag.dag_id, dag.created),
    }


def run_row(run: DagRun, created: int) -> JSONObject:
    """`created` is when the DAG's only version was."""
    return {
        "dag_run_id": run.run_id,
        "dag_id": run.dag_id,
        "logical_date": moment(logical_ms(run)),
        "queued_at": moment(run.queued),
        "start_date": moment(run.started),
        "end_date": moment(run.ended),
        "duration": duration_s(run.started, run.ended),
        "data_interval_start": moment(logical_ms(run)),
        "data_interval_end": moment(logical_ms(run)),
        "run_after": moment(run.queued),
        "last_scheduling_decision": moment(run.ended or run.started),
        "run_type": run.run_type,
        "state": run.state,
        "triggered_by": TRIGGERED_BY.get(run.run_type),
        "triggering_user_name": None,
        "conf": run.conf,
        "note": None,
        "dag_versions": [_dag_version(run.dag_id, created)],
        "bundle_version": None,
        "dag_display_name": run.dag_id,
        "partition_key": None,
        "partition_date": None,
    }


def task_row(run: DagRun, task: TaskRun, number: int, created: int) -> JSONObject:
    """`number` is the task instance's place among all of them: its id is made of it."""
    return {
        "id": f"01a00000-0000-7000-8000-{number:012x}",
        "task_id": task.task_id,
        "dag_id": run.dag_id,
        "dag_run_id": run.run_id,
        "map_index": -1,
        "logical_date": moment(logical_ms(run)),
        "run_after": moment(run.queued),
        "start_date": moment(task.started),
        "end_date": moment(task.ended),
        "duration": duration_s(task.started, task.ended),
        "state": task.state,
        "try_number": task.attempt,
        "max_tries": max(task.attempt - 1, 0),
        "task_display_name": task.task_id,
        "dag_display_name": run.dag_id,
        "hostname": "worker",
        "unixname": "airflow",
        "pool": "default_pool",
        "pool_slots": 1,
        "queue": "default",
        "priority_weight": 1,
        "operator": "_PythonDecoratedOperator",
        "operator_name": "@task",
        "queued_when": moment(task.started),
        "scheduled_when": moment(task.started),
        "pid": None,
        "executor": None,
        "executor_config": "{}",
        "note": None,
        "rendered_map_index": None,
        "rendered_fields": {},
        "trigger": None,
        "triggerer_job": None,
        "dag_version": _dag_version(run.dag_id, created),
    }


def asset_row(number: int, asset: Asset, created: int, last: tuple[int, AssetEvent] | None) -> JSONObject:
    """An asset with all its DAGs, both directions; `last` is its newest event and that event's id."""
    dated = {"created_at": moment(created), "updated_at": moment(created)}
    return {
        "id": number,
        "name": asset.name,
        "uri": asset.uri,
        "group": asset.group,
        "extra": {},
        **dated,
        "scheduled_dags": [{"dag_id": dag_id, **dated} for dag_id in sorted(asset.scheduled)],
        "producing_tasks": [{"dag_id": dag, "task_id": task, **dated} for dag, task in sorted(asset.producers)],
        "consuming_tasks": [{"dag_id": dag, "task_id": task, **dated} for dag, task in sorted(asset.consumers)],
        "aliases": [],
        "watchers": [],
        "last_asset_event": {"id": last[0], "timestamp": moment(last[1].at)}
        if last
        else {"id": None, "timestamp": None},
    }


def event_row(
    number: int, event: AssetEvent, asset: tuple[int, Asset], runs: Iterable[DagRun], triggering: Mapping[RunKey, int]
) -> JSONObject:
    """`runs` are those the event fed; `triggering` names, by run, the one event that started it."""
    return {
        "id": number,
        "asset_id": asset[0],
        "uri": asset[1].uri,
        "name": asset[1].name,
        "group": asset[1].group,
        "extra": event.extra,
        "source_task_id": event.task_id,
        "source_dag_id": event.dag_id,
        "source_run_id": event.run_id,
        "source_map_index": -1,
        "created_dagruns": [
            {
                "run_id": run.run_id,
                "dag_id": run.dag_id,
                "logical_date": moment(logical_ms(run)),
                "start_date": moment(run.started),
                "end_date": moment(run.ended),
                "state": run.state,
                "data_interval_start": moment(logical_ms(run)),
                "data_interval_end": moment(logical_ms(run)),
                "partition_key": None,
                "triggering": triggering.get((run.dag_id, run.run_id)) == number,
            }
            for run in runs
        ],
        "timestamp": moment(event.at),
        "partition_key": None,
    }


def _dag_version(dag_id: str, created: int) -> JSONObject:
    return {
        "id": "01a00000-0000-7000-9000-000000000001",
        "version_number": 1,
        "dag_id": dag_id,
        "bundle_name": "dags-folder",
        "bundle_version": None,
        "created_at": moment(created),
        "dag_display_name": dag_id,
        "bundle_url": None,
    }
