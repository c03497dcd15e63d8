"""The story on real servers: two MLflows, an Airflow whose scheduler ran the pipelines, and an Unleash.

Airflow is first, because it chooses the ids of runs that assets trigger, and MLflow's tags name these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from gateway.demo.company import Company, Registry
from tests.servers import install
from tests.servers.airflow import RunningAirflow, airflow
from tests.servers.airflow_seed import seeded_home
from tests.servers.cache import new_run_folder
from tests.servers.mlflow import RunningMlflow, mlflow, mlflow_with_users
from tests.servers.mlflow_seed import seed_mlflow
from tests.servers.rest import basic
from tests.servers.unleash import RunningUnleash, unleash
from tests.servers.unleash_seed import seed_unleash


@dataclass(frozen=True)
class SeededMlflow:
    """`registry` is what the server has: its own ids and times."""

    server: RunningMlflow
    registry: Registry


@dataclass(frozen=True)
class RealCompany:
    """`company` is what the servers have: their own ids, states and times; `mlflows` is by the registry's name."""

    company: Company
    mlflows: Mapping[str, RunningMlflow]
    airflow: RunningAirflow
    unleash: RunningUnleash


@contextmanager
def real_company(planned: Company) -> Iterator[RealCompany]:
    """A company with one orchestrator, and one platform, which becomes `unleash` whatever it was written for."""
    (orchestrator,), (platform,) = planned.orchestrators, planned.platforms
    for needed in (install.mlflow, install.airflow, install.postgres):
        needed()  # all of them before the first is started: better no server than half of them
    folder = new_run_folder()
    with ExitStack() as stack:
        home, pipelines = seeded_home(orchestrator, folder / "airflow")
        running_airflow = stack.enter_context(airflow(home))
        mlflows, registries = {}, []
        for registry in planned.registries:
            server = stack.enter_context(mlflow(folder / registry.name))
            mlflows[registry.name] = server
            registries.append(seed_mlflow(server.url, registry, pipeline_runs=pipelines.new_ids))
        running_unleash = stack.enter_context(unleash(folder / "unleash"))
        flags = seed_unleash(running_unleash.url, running_unleash.admin_token, replace(platform, name="unleash"))
        company = Company(tuple(registries), (pipelines.orchestrator,), (flags,))
        yield RealCompany(company, mlflows, running_airflow, running_unleash)


@contextmanager
def mlflow_without_name_in(registry: Registry) -> Iterator[SeededMlflow]:
    """The newest MLflow whose filters refuse `name IN (...)`."""
    with mlflow(new_run_folder() / "mlflow", install.MLFLOW_WITHOUT_NAME_IN) as server:
        yield SeededMlflow(server, seed_mlflow(server.url, registry))


@contextmanager
def mlflow_behind_basic_auth(registry: Registry) -> Iterator[SeededMlflow]:
    with mlflow_with_users(new_run_folder() / "mlflow") as server:
        assert server.admin is not None
        yield SeededMlflow(server, seed_mlflow(server.url, registry, headers=basic(*server.admin)))
