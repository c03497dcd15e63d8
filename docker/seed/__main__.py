"""`python -m docker.seed dags FOLDER` before Airflow starts, `… products --config FILE --dags FOLDER` when all run."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from docker.seed.airflow import run_pipelines, write_dags
from docker.seed.company import company
from docker.seed.growthbook import seed_growthbook
from gateway.demo.company import Company, Registry
from gateway.settings import load
from gateway.source_settings import AirflowSource, GrowthBookSource, MlflowSource, SourceSettings, UnleashSource
from tests.servers.mlflow_seed import API as MLFLOW_API
from tests.servers.mlflow_seed import seed_mlflow
from tests.servers.process import answers
from tests.servers.rest import Rest
from tests.servers.unleash_seed import seed_unleash

HEALTH = {
    "mlflow": "/health",
    "airflow": "/api/v2/monitor/health",
    "growthbook": "/healthcheck",
    "unleash": "/health",
}
DEADLINE_S = 600.0
POLL_S = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    if asked.step == "dags":
        write_dags(company(), asked.folder)
    else:
        fill(company(), load(asked.config).sources, asked.dags, os.environ)
    return 0


def fill(planned: Company, sources: Iterable[SourceSettings], dags: Path, environment: Mapping[str, str]) -> None:
    """Airflow first, because it chooses the ids of runs that assets trigger, and MLflow's tags name these."""
    known = {source.name: source for source in sources}
    for source in known.values():
        _wait_for(source)
    new_ids: dict[str, str] = {}
    for orchestrator in planned.orchestrators:
        source = known[orchestrator.name]
        if isinstance(source, AirflowSource):
            new_ids |= run_pipelines(source.url, environment["AIRFLOW_SEED_PASSWORD"], orchestrator, dags)
            _say(f"{source.name} has {len(orchestrator.runs)} runs")
    for registry in planned.registries:
        source = known[registry.name]
        if isinstance(source, MlflowSource):
            _mlflow(source.url, registry, new_ids)
            _say(f"{source.name} has {len(registry.models)} models")
    for platform in planned.platforms:
        source = known[platform.name]
        if isinstance(source, GrowthBookSource):
            secret = source.token.get_secret_value() if source.token else ""
            seed_growthbook(source.url, secret, environment["GROWTHBOOK_PASSWORD"], platform)
        elif isinstance(source, UnleashSource):
            admin = source.admin_token.get_secret_value()
            with Rest(source.url, {"Authorization": admin}) as server:
                filled = server.get("/api/admin/search/features", limit=1)["total"]
            if not filled:
                seed_unleash(source.url, admin, platform)
        _say(f"{source.name} has {len(platform.experiments)} experiments")


def _mlflow(url: str, registry: Registry, new_ids: Mapping[str, str]) -> None:
    with Rest(url) as server:
        filled = server.get(f"{MLFLOW_API}/registered-models/search", max_results=1)
    if not filled:  # not even the key of an empty list is there
        seed_mlflow(url, registry, pipeline_runs=new_ids)


def _wait_for(source: SourceSettings) -> None:
    until = time.monotonic() + DEADLINE_S
    while not answers(source.url + HEALTH[source.product]):
        if time.monotonic() > until:
            raise TimeoutError(f"{source.name} did not answer within {DEADLINE_S:g} s")
        time.sleep(POLL_S)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m docker.seed", description="Fill the products of compose.yaml.")
    steps = parser.add_subparsers(required=True, dest="step", metavar="STEP")
    dags = steps.add_parser("dags", help="write the DAG files, once")
    dags.add_argument("folder", type=Path, metavar="FOLDER")
    products = steps.add_parser("products", help="wait for the products, then fill those that are empty")
    products.add_argument("--config", type=Path, required=True, metavar="FILE", help="the gateway's settings file")
    products.add_argument("--dags", type=Path, required=True, metavar="FOLDER", help="where the DAG files are")
    return parser


if __name__ == "__main__":
    sys.exit(main())
