"""Makes an Airflow in which the company's pipelines really ran: its scheduler executes every task, once, then stops.

The filled home is kept, named after all that decides what is in it; later sessions copy it and start the API server.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import msgspec

from gateway.demo.company import AssetEvent, Dag, DagRun, Orchestrator, TaskRun
from tests.servers import install
from tests.servers.airflow import AirflowHome, airflow, home, signed_in
from tests.servers.cache import CACHE, HERE, key, made_once
from tests.servers.process import POLL_S, ServerFailed, finished, launched, tail
from tests.servers.rest import Json, Rest, segment

API = "/api/v2"
RUN_DEADLINE_S = 180.0


@dataclass(frozen=True)
class SeededAirflow:
    """`orchestrator` is what the server has; `new_ids` maps the planned run ids that Airflow replaced by its own."""

    orchestrator: Orchestrator
    new_ids: dict[str, str]


def seeded_home(orchestrator: Orchestrator, folder: Path) -> tuple[AirflowHome, SeededAirflow]:
    """A copy, in `folder`, of the home in which these pipelines ran; they run now if they never did on this machine."""
    decides = [
        HERE / "dags" / "company.py",
        HERE / "airflow.py",
        Path(__file__),
        *HERE.glob("requirements/airflow*.txt"),
    ]
    made_of = key(json.dumps(asdict(orchestrator)), *(file.read_bytes() for file in decides))
    kept = CACHE / f"airflow-home-{made_of}"
    install.airflow()
    with made_once(kept) as missing:
        if missing:
            seeded = seed_airflow(home(kept / "home"), orchestrator)
            (kept / "seeded.json").write_bytes(msgspec.json.encode(seeded))
    shutil.copytree(kept / "home", folder)
    return home(folder), msgspec.json.decode((kept / "seeded.json").read_bytes(), type=SeededAirflow)


def seed_airflow(at: AirflowHome, orchestrator: Orchestrator) -> SeededAirflow:
    """Migrates, parses, starts API server and scheduler, triggers the manual runs in order, waits, reads all back."""
    dags = at.folder / "dags"
    (dags / "identities").mkdir(parents=True)
    shutil.copy(HERE / "dags" / "company.py", dags)
    (dags / "company.json").write_text(json.dumps(plan_of(orchestrator)))
    log, environment = at.folder / "seed.log", at.environment()
    for command in ("db", "migrate"), ("dags", "reserialize"):
        finished(at.command(*command), log=log, environment=environment, folder=at.folder)
    scheduler = at.folder / "scheduler.log"
    with (
        airflow(at) as server,
        launched(at.command("scheduler"), log=scheduler, environment=environment, folder=at.folder),
        signed_in(server.url, server.admin) as admin,
    ):
        try:
            run_all(admin, orchestrator, dags / "identities")
        except TimeoutError as error:
            raise ServerFailed(f"Airflow's scheduler: {error}\n{tail(scheduler)}") from error
        for dag in orchestrator.dags:
            if dag.paused:  # only now: a paused DAG runs nothing
                admin.call("PATCH", f"{API}/dags/{segment(dag.dag_id)}", {"is_paused": True})
        return SeededAirflow(_read_back(admin, orchestrator), ids_chosen(dags / "identities"))


def plan_of(orchestrator: Orchestrator) -> Json:
    """What the DAG file reads. A run is named `DAG_ID RUN_ID`, because DAGs share run ids."""
    events: dict[str, list[AssetEvent]] = {}
    for event in orchestrator.events:
        events.setdefault(f"{event.dag_id} {event.run_id}", []).append(event)
    return {
        # Not earlier: Airflow would add a run for the last date of every cron schedule that lies after the start.
        "start": datetime.now(UTC).isoformat(),
        "assets": [{"uri": asset.uri, "name": asset.name, "group": asset.group} for asset in orchestrator.assets],
        "dags": [_dag(dag, orchestrator) for dag in orchestrator.dags],
        "plan": {f"{run.dag_id} {run.run_id}": _plan(run, events) for run in orchestrator.runs},
        "fed": {
            name: sorted({f"{dag_id} {run_id}" for event in made for dag_id, run_id in event.triggered})
            for name, made in events.items()
        },
    }


def _dag(dag: Dag, orchestrator: Orchestrator) -> Json:
    return {
        "dag_id": dag.dag_id,
        "description": dag.description,
        "tags": dag.tags,
        "schedule": dag.schedule,
        "scheduled_by": [asset.uri for asset in orchestrator.assets if dag.dag_id in asset.scheduled],
        "tasks": [
            {
                "task_id": task.task_id,
                "downstream": task.downstream,
                # A DAG's owners are those of its tasks.
                "owner": dag.owners[index % len(dag.owners)] if dag.owners else "airflow",
                "inlets": [a.uri for a in orchestrator.assets if (dag.dag_id, task.task_id) in a.consumers],
                "outlets": [a.uri for a in orchestrator.assets if (dag.dag_id, task.task_id) in a.producers],
                "retries": max(_attempts(dag.dag_id, task.task_id, orchestrator)) - 1,
            }
            for index, task in enumerate(dag.tasks)
        ],
    }


def _attempts(dag_id: str, task_id: str, orchestrator: Orchestrator) -> list[int]:
    runs = [run for run in orchestrator.runs if run.dag_id == dag_id]
    return [1, *(task.attempt for run in runs for task in run.tasks if task.task_id == task_id)]


def _plan(run: DagRun, events: Mapping[str, list[AssetEvent]]) -> Json:
    if run.run_type not in ("manual", "asset_triggered") or run.state not in ("success", "failed"):
        raise ValueError(f"Airflow cannot be made to have a {run.run_type} run that is {run.state}: {run.run_id}")
    written: dict[str, dict[str, dict[str, str]]] = {}
    for event in events.get(f"{run.dag_id} {run.run_id}", ()):
        written.setdefault(event.task_id, {})[event.asset_uri] = event.extra
    return {
        "failed": [task.task_id for task in run.tasks if task.state == "failed"],
        "skipped": [task.task_id for task in run.tasks if task.state == "skipped"],
        "written": written,
    }


def run_all(admin: Rest, orchestrator: Orchestrator, identities: Path) -> None:
    """One after another where a run leads to others: two at once could feed one run together."""
    led_to: dict[str, set[str]] = {}
    for event in orchestrator.events:
        fed = {f"{dag_id} {run_id}" for dag_id, run_id in event.triggered}
        led_to.setdefault(f"{event.dag_id} {event.run_id}", set()).update(fed)
    for run in sorted(orchestrator.runs, key=lambda run: run.queued):
        if run.run_type != "manual":
            continue
        body = {"dag_run_id": run.run_id, "logical_date": None, "conf": run.conf}
        admin.post(f"{API}/dags/{segment(run.dag_id)}/dagRuns", body)
        if expected := _descendants(f"{run.dag_id} {run.run_id}", led_to):
            _settled(admin, expected, identities)
    _settled(admin, set(), identities)


def _descendants(name: str, led_to: Mapping[str, set[str]]) -> set[str]:
    children = led_to.get(name, set())
    return children.union(*(_descendants(child, led_to) for child in children))


def _settled(admin: Rest, expected: set[str], identities: Path) -> None:
    """Waits until the expected runs are known and nothing runs any more."""
    until = time.monotonic() + RUN_DEADLINE_S
    while True:
        active = admin.get(f"{API}/dags/~/dagRuns", state=["queued", "running"], limit=1)["total_entries"]
        waiting = expected - {file.read_text() for file in identities.iterdir()}
        if not active and not waiting:
            return
        if time.monotonic() > until:
            raise TimeoutError(f"{active} runs are active and {sorted(waiting)} never began")
        time.sleep(5 * POLL_S)


def ids_chosen(identities: Path) -> dict[str, str]:
    new = {}
    for file in identities.iterdir():
        planned, real = file.read_text(), unquote(file.name)
        if planned != real:
            new[planned.split(" ", 1)[1]] = real.split(" ", 1)[1]
    return new


def _read_back(admin: Rest, orchestrator: Orchestrator) -> Orchestrator:
    tasks: dict[tuple[str, str], list[TaskRun]] = {}
    order = {(dag.dag_id, task.task_id): index for dag in orchestrator.dags for index, task in enumerate(dag.tasks)}
    rows = [*_listed(admin, f"{API}/dags/~/dagRuns/~/taskInstances", "task_instances")]
    for row in sorted(rows, key=lambda row: order[row["dag_id"], row["task_id"]]):
        tasks.setdefault((row["dag_id"], row["dag_run_id"]), []).append(
            TaskRun(row["task_id"], row["state"], _ms(row["start_date"]), _ms(row["end_date"]), row["try_number"])
        )
    runs = tuple(
        DagRun(
            dag_id=row["dag_id"],
            run_id=row["dag_run_id"],
            state=row["state"],
            run_type=row["run_type"],
            queued=_ms(row["queued_at"]) or 0,
            started=_ms(row["start_date"]),
            ended=_ms(row["end_date"]),
            conf=row["conf"] or {},
            tasks=tuple(tasks[row["dag_id"], row["dag_run_id"]]),
        )
        for row in _listed(admin, f"{API}/dags/~/dagRuns", "dag_runs")
    )
    events = tuple(
        AssetEvent(
            asset_uri=row["uri"],
            at=_ms(row["timestamp"]) or 0,
            dag_id=row["source_dag_id"],
            task_id=row["source_task_id"],
            run_id=row["source_run_id"],
            extra=row["extra"],
            triggered=tuple((run["dag_id"], run["run_id"]) for run in row["created_dagruns"]),
        )
        for row in _listed(admin, f"{API}/assets/events", "asset_events", "timestamp")
    )
    return replace(orchestrator, runs=runs, events=events)


def _listed(admin: Rest, path: str, name: str, order: str = "id") -> Iterator[Json]:
    """Every row; Airflow silently caps a page at 100."""
    seen, total = 0, 1
    while seen < total:
        page = admin.get(path, limit=100, offset=seen, order_by=order)
        yield from page[name]
        seen, total = seen + len(page[name]), page["total_entries"]


def _ms(time_text: str | None) -> int | None:
    return None if time_text is None else int(datetime.fromisoformat(time_text).timestamp() * 1000)
