"""Starts Airflow's API server on a home that is already filled; nothing is answered without a token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import install
from tests.servers.process import answers, clean_environment, free_port, launched, wait_until
from tests.servers.rest import Rest, bearer

VIEWER = ("gateway", "gateway-of-the-live-tests")
ADMIN = ("admin", "admin-of-the-live-tests")


@dataclass(frozen=True)
class RunningAirflow:
    """`viewer` and `admin` are (name, password), to be changed for a token at /auth/token."""

    url: str
    version: str
    viewer: tuple[str, str]
    admin: tuple[str, str]


@dataclass(frozen=True)
class AirflowHome:
    """A folder with its database and DAG files, and the port that its processes find each other at."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> list[str]:
        return [str(install.airflow()), "-m", "airflow", *arguments]

    def environment(self) -> dict[str, str]:
        passwords = self.folder / "passwords.json"
        passwords.write_text(json.dumps(dict([VIEWER, ADMIN])))
        return clean_environment(
            self.folder,
            AIRFLOW_HOME=str(self.folder),
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            AIRFLOW__CORE__EXECUTOR="LocalExecutor",
            AIRFLOW__CORE__PARALLELISM="2",
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"{self.url}/execution/",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=f"{VIEWER[0]}:viewer,{ADMIN[0]}:admin",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(passwords),
            AIRFLOW__API__HOST="127.0.0.1",
            AIRFLOW__API__PORT=str(self.port),
            AIRFLOW__API__WORKERS="1",
            AIRFLOW__API__BASE_URL=self.url,
            AIRFLOW__API__SECRET_KEY="shared-by-the-processes-of-the-live-tests",
            AIRFLOW__API_AUTH__JWT_SECRET="shared-by-the-processes-of-the-live-tests-and-long-enough-for-hs512-keys",
            AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME="0.2",
            # As long may the end of a task go unnoticed; it is 5 s otherwise.
            AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL="1",
        )


def home(folder: Path) -> AirflowHome:
    return AirflowHome(folder, free_port())


@contextmanager
def airflow(at: AirflowHome) -> Iterator[RunningAirflow]:
    log = at.folder / "api-server.log"
    command = at.command("api-server")
    with launched(command, log=log, environment=at.environment(), folder=at.folder) as process:
        health = f"{at.url}/api/v2/monitor/health"
        wait_until(lambda: answers(health), what=f"Airflow {install.AIRFLOW}", process=process, log=log)
        yield RunningAirflow(at.url, install.AIRFLOW, VIEWER, ADMIN)


def signed_in(url: str, user: tuple[str, str]) -> Rest:
    with Rest(url) as server:
        token = server.post("/auth/token", {"username": user[0], "password": user[1]})["access_token"]
    return Rest(url, bearer(token))
