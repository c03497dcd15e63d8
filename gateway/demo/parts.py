"""The small pieces story and generator are both made of: the fixed clock, ids, and the JSON texts products keep.

Everything is a pure function of its arguments, so a company is the same on every machine and every day.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from urllib.parse import quote

from gateway.demo.company import DagRun, DatasetInput, Task, TaskRun

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def at(text: str) -> int:
    """Epoch milliseconds of an ISO time; UTC where it says no zone."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


NOW = at("2026-11-23T06:00:00Z")


def iso(moment: int) -> str:
    """The form Airflow writes into its run ids."""
    return datetime.fromtimestamp(moment / 1000, UTC).isoformat()


def hex_id(*words: object, length: int = 32) -> str:
    return blake2b("\0".join(map(str, words)).encode(), digest_size=16).hexdigest()[:length]


def scheduled_id(moment: int) -> str:
    return f"scheduled__{iso(moment)}"


def manual_id(moment: int) -> str:
    return f"manual__{iso(moment)}"


def asset_triggered_id(dag_id: str, moment: int) -> str:
    """Airflow 3 appends eight random characters where a run has no logical date; here they follow from the DAG."""
    return f"asset_triggered__{iso(moment)}_{hex_id(dag_id, moment, length=8)}"


def model_uri(registry: str, model: str) -> str:
    """The asset that stands for a registered model; quoted, because an Airflow asset URI is ASCII."""
    return f"mlflow://{registry}/models/{quote(model, safe='')}"


# ---------------------------------------------------------------- links, in the forms companies write them


def lifecycle_tags(dag_id: str, run_id: str) -> dict[str, str]:
    return {"lifecycle.pipeline": dag_id, "lifecycle.pipeline_run": run_id}


def lifecycle_uri_tags(dag_id: str, run_id: str) -> dict[str, str]:
    return {"lifecycle.pipeline": f"airflow://airflow/{dag_id}", "lifecycle.pipeline_run": run_id}


def airflow_tags(dag_id: str, run_id: str) -> dict[str, str]:
    return {"airflow.dag_id": dag_id, "airflow.dag_run_id": run_id}


def airflow_context_tags(dag_id: str, run_id: str) -> dict[str, str]:
    """The task's own environment, copied onto the training run as it is."""
    return {"AIRFLOW_CTX_DAG_ID": dag_id, "AIRFLOW_CTX_DAG_RUN_ID": run_id}


RUN_LINKS: tuple[Callable[[str, str], dict[str, str]], ...] = (
    lifecycle_tags,
    lifecycle_uri_tags,
    airflow_tags,
    airflow_context_tags,
)


def as_json(value: object) -> str:
    """JSON as people paste it: letters stay letters."""
    return json.dumps(value, ensure_ascii=False)


def serves(model: str, **which: object) -> str:
    """A variation's value that names a model, with `version=` or `alias=` or neither."""
    return as_json({"model": model, **which})


def cells(test_id: str, number: int, name: str) -> list[dict[str, object]]:
    """Netflix's `ab_test_cells`: which cell of which test a run, or a version, was made for."""
    return [{"test_id": test_id, "cell_number": number, "cell_name": name}]


def feature_refs(*refs: str) -> dict[str, str]:
    return {"feast.feature_refs": as_json(refs)}


def signature(columns: Mapping[str, str]) -> dict[str, str]:
    """The tag MLflow's own `log_model` leaves on a run; the inputs are JSON inside JSON."""
    inputs = json.dumps([{"name": name, "type": kind, "required": True} for name, kind in columns.items()])
    return {"mlflow.log-model.history": json.dumps([{"signature": {"inputs": inputs}}])}


def dataset(name: str, uri: str, columns: Mapping[str, str], edition: object = "") -> DatasetInput:
    """A dataset as a training run logs it; `edition` tells one state of the data from the next."""
    schema = {"mlflow_colspec": [{"type": kind, "name": column, "required": True} for column, kind in columns.items()]}
    return DatasetInput(
        name=name,
        digest=hex_id(uri, edition, length=8),
        source_type=uri.partition("://")[0],
        source=json.dumps({"uri": uri}),
        schema=json.dumps(schema),
    )


# ---------------------------------------------------------------- pipelines


def chain(*task_ids: str) -> tuple[Task, ...]:
    """Tasks one after another."""
    return tuple(
        Task(task, (after,) if after else ()) for task, after in zip(task_ids, (*task_ids[1:], ""), strict=True)
    )


def dag_run(
    dag_id: str,
    run_id: str,
    tasks: Sequence[Task],
    started: int,
    *,
    minutes: int = 40,
    failed: str | None = None,
    running: str | None = None,
    skipped: Iterable[str] = (),
    conf: dict[str, object] | None = None,
) -> DagRun:
    """A run through a chain of tasks that succeeded, or that stopped at the task named `failed` or `running`."""
    share = minutes * MINUTE // len(tasks)
    halted = failed or running
    now, reached, rows = started, True, []
    for task in tasks:
        if not reached:
            rows.append(TaskRun(task.task_id, "upstream_failed" if failed else None, None, None))
        elif task.task_id == halted:
            reached = False
            rows.append(TaskRun(task.task_id, "failed", now, now + share, 2) if failed else _now_running(task, now))
            now += share
        elif task.task_id in skipped:
            rows.append(TaskRun(task.task_id, "skipped", now, now))
        else:
            rows.append(TaskRun(task.task_id, "success", now, now + share))
            now += share
    return DagRun(
        dag_id=dag_id,
        run_id=run_id,
        state="failed" if failed else "running" if running else "success",
        run_type=run_id.partition("__")[0],
        queued=started - 5_000,
        started=started,
        ended=None if running else now,
        conf={} if conf is None else conf,
        tasks=tuple(rows),
    )


def _now_running(task: Task, now: int) -> TaskRun:
    return TaskRun(task.task_id, "running", now, None)
