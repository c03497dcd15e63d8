"""Starts MLflow as one uvicorn process on SQLite, without job runners: 6 s, where its own command takes 26 s."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import install
from tests.servers.process import answers, clean_environment, free_port, launched, wait_until
from tests.servers.rest import Rest, basic

ADMIN = "admin"
READER = "gateway"


@dataclass(frozen=True)
class RunningMlflow:
    """`reader` and `admin` are (name, password) where the server asks for one."""

    url: str
    version: str
    reader: tuple[str, str] | None = None
    admin: tuple[str, str] | None = None


@contextmanager
def mlflow(folder: Path, version: str = install.MLFLOW) -> Iterator[RunningMlflow]:
    """An empty MLflow that anybody may use."""
    with _started(folder, version, ["mlflow.server.fastapi_app:app"], {}) as url:
        yield RunningMlflow(url, version)


@contextmanager
def mlflow_with_users(folder: Path) -> Iterator[RunningMlflow]:
    """An empty MLflow with basic auth, one admin and one user who may read all (and, such is MLflow, create)."""
    admin, reader = (ADMIN, secrets.token_urlsafe(12)), (READER, secrets.token_urlsafe(12))
    folder.mkdir(parents=True)
    settings = folder / "basic_auth.ini"
    # Without the cache every request costs some 0.2 s of password hashing, and seeding makes hundreds.
    settings.write_text(
        "[mlflow]\n"
        "default_permission = READ\n"
        f"database_uri = sqlite:///{folder / 'users.db'}\n"
        f"admin_username = {admin[0]}\n"
        f"admin_password = {admin[1]}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 60\n"
    )
    own = {"MLFLOW_AUTH_CONFIG_PATH": str(settings), "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32)}
    with _started(folder, install.MLFLOW, ["--factory", "mlflow.server.auth:create_app"], own) as url:
        with Rest(url, basic(*admin)) as server:
            server.post("/api/2.0/mlflow/users/create", {"username": reader[0], "password": reader[1]})
        yield RunningMlflow(url, install.MLFLOW, reader, admin)


@contextmanager
def _started(folder: Path, version: str, app: list[str], own: dict[str, str]) -> Iterator[str]:
    python = install.mlflow(version)
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "mlflow.log"
    environment = clean_environment(
        folder,
        MLFLOW_DISABLE_TELEMETRY="true",
        MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
        _MLFLOW_SGI_NAME="uvicorn",  # or the app with users comes as WSGI
        # What `mlflow server` itself hands to uvicorn for --backend-store-uri, --serve-artifacts and the rest.
        _MLFLOW_SERVER_FILE_STORE=f"sqlite:///{folder / 'mlflow.db'}",
        _MLFLOW_SERVER_ARTIFACT_ROOT="mlflow-artifacts:/",
        _MLFLOW_SERVER_SERVE_ARTIFACTS="true",
        _MLFLOW_SERVER_ARTIFACT_DESTINATION=str(folder / "artifacts"),
        **own,
    )
    command = [str(python), "-m", "uvicorn", *app, "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    url = f"http://127.0.0.1:{port}"
    with launched(command, log=log, environment=environment, folder=folder) as process:
        wait_until(lambda: answers(f"{url}/health"), what=f"MLflow {version}", process=process, log=log)
        yield url
