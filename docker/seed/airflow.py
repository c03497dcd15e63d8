"""Writes the DAG files for containers that share a volume, and has Airflow's own scheduler run the pipelines."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from gateway.demo.company import Company, Orchestrator
from tests.servers.airflow import signed_in
from tests.servers.airflow_seed import API, ids_chosen, plan_of, run_all
from tests.servers.cache import HERE
from tests.servers.rest import Rest, segment

USER = "seed"
PARSE_DEADLINE_S = 300.0
POLL_S = 1.0


def write_dags(planned: Company, folder: Path) -> None:
    """What is written already stays: its start date is part of what Airflow has made of it."""
    (orchestrator,) = planned.orchestrators
    written = folder / "company.json"
    if written.exists():
        return
    identities = folder / "identities"
    identities.mkdir(exist_ok=True)
    identities.chmod(0o777)
    shutil.copy(HERE / "dags" / "company.py", folder)
    half = folder / "company.json.half"
    half.write_text(json.dumps(plan_of(orchestrator)))
    half.replace(written)


def run_pipelines(url: str, password: str, orchestrator: Orchestrator, folder: Path) -> dict[str, str]:
    """Runs what the story says ran, unless it did; the ids that Airflow chose instead of the planned ones."""
    identities = folder / "identities"
    with signed_in(url, (USER, password)) as admin:
        _wait_for_dags(admin, orchestrator)
        if not admin.get(f"{API}/dags/~/dagRuns", run_type="manual", limit=1)["total_entries"]:
            run_all(admin, orchestrator, identities)
            for dag in orchestrator.dags:
                if dag.paused:  # only now: a paused DAG runs nothing
                    admin.call("PATCH", f"{API}/dags/{segment(dag.dag_id)}", {"is_paused": True})
    return ids_chosen(identities)


def _wait_for_dags(admin: Rest, orchestrator: Orchestrator) -> None:
    until = time.monotonic() + PARSE_DEADLINE_S
    while admin.get(f"{API}/dags", limit=1)["total_entries"] < len(orchestrator.dags):
        if time.monotonic() > until:
            raise TimeoutError(f"Airflow's DAG processor did not read the DAG files within {PARSE_DEADLINE_S:g} s")
        time.sleep(POLL_S)
