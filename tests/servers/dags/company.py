"""The company's pipelines as Airflow DAGs, made from `company.json` beside this file; read by Airflow's own Python.

What happens in a run is planned there too: which tasks fail or are skipped, which assets are written and with what.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Asset
from airflow.sdk.exceptions import AirflowSkipException

HERE = Path(__file__).parent
COMPANY = json.loads((HERE / "company.json").read_text())
IDENTITIES = HERE / "identities"

ASSETS = {row["uri"]: Asset(uri=row["uri"], name=row["name"], group=row["group"]) for row in COMPANY["assets"]}


def work(**context):
    """Does as planned for this run; a run that nobody planned succeeds and writes all its outputs."""
    task, run = context["task"], context["dag_run"]
    planned = COMPANY["plan"].get(identity(run, context["triggering_asset_events"]))
    if planned is None:
        return
    if task.task_id in planned["skipped"]:
        raise AirflowSkipException
    if task.task_id in planned["failed"]:
        raise RuntimeError("as planned")
    written = planned["written"].get(task.task_id, {})
    # Airflow records an event for every outlet of a task that succeeds: what is not to be written must go.
    task.outlets[:] = [asset for asset in task.outlets if asset.uri in written]
    for asset in task.outlets:
        context["outlet_events"][asset].extra = written[asset.uri]


def identity(run, events):
    """Which planned run this is: one started by hand has the plan's id, another is what the run that fed it led to.

    Airflow chooses the ids of the latter, so the first of its tasks leaves the answer in a file named after the run.
    """
    name = f"{run.dag_id} {run.run_id}"
    file = IDENTITIES / quote(name, safe=" ")
    if file.exists():
        return file.read_text()
    found = name
    for event in (event for events_of_asset in events.values() for event in events_of_asset):
        source = IDENTITIES / quote(f"{event.source_dag_id} {event.source_run_id}", safe=" ")
        found = next(
            (fed for fed in COMPANY["fed"].get(source.read_text(), ()) if fed.split(" ")[0] == run.dag_id), found
        )
    file.write_text(found)
    return found


def make(row):
    with DAG(
        row["dag_id"],
        description=row["description"],
        schedule=row["schedule"] or [ASSETS[uri] for uri in row["scheduled_by"]] or None,
        start_date=datetime.fromisoformat(COMPANY["start"]),
        catchup=False,
        tags=row["tags"],
        is_paused_upon_creation=False,
    ) as dag:
        tasks = {
            task["task_id"]: PythonOperator(
                task_id=task["task_id"],
                python_callable=work,
                owner=task["owner"],
                inlets=[ASSETS[uri] for uri in task["inlets"]],
                outlets=[ASSETS[uri] for uri in task["outlets"]],
                retries=task["retries"],
                retry_delay=timedelta(0),
            )
            for task in row["tasks"]
        }
        for task in row["tasks"]:
            for after in task["downstream"]:
                tasks[task["task_id"]] >> tasks[after]
    return dag


for row in COMPANY["dags"]:
    globals()[row["dag_id"]] = make(row)
