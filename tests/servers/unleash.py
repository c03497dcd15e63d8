"""Starts Unleash on a PostgreSQL of its own, with a token for each right: to administer, to evaluate, to look."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import install
from tests.servers.postgres import postgres
from tests.servers.process import answers, clean_environment, free_port, launched, wait_until
from tests.servers.rest import Rest

ENVIRONMENT = "development"


@dataclass(frozen=True)
class RunningUnleash:
    """The tokens are values of the header `Authorization`; `viewer_token` is of a user who may only read."""

    url: str
    version: str
    environment: str
    admin_token: str
    client_token: str
    viewer_token: str


@contextmanager
def unleash(folder: Path) -> Iterator[RunningUnleash]:
    modules, node = install.unleash(), shutil.which("node") or "node"
    folder.mkdir(parents=True, exist_ok=True)
    log, port = folder / "unleash.log", free_port()
    url = f"http://127.0.0.1:{port}"
    admin, client = f"*:*.{secrets.token_hex(24)}", f"default:{ENVIRONMENT}.{secrets.token_hex(24)}"
    with postgres(folder) as database:
        environment = clean_environment(
            folder,
            NODE_ENV="production",
            HTTP_HOST="127.0.0.1",
            HTTP_PORT=str(port),
            UNLEASH_URL=url,
            DATABASE_URL=database,
            DATABASE_SSL="false",
            LOG_LEVEL="warn",
            CHECK_VERSION="false",
            SEND_TELEMETRY="false",
            INIT_ADMIN_API_TOKENS=admin,
            INIT_BACKEND_API_TOKENS=client,
        )
        command = [node, str(modules / "unleash-server" / "dist" / "server.js")]
        with launched(command, log=log, environment=environment, folder=folder) as process:
            wait_until(lambda: answers(f"{url}/health"), what="Unleash", process=process, log=log)
            yield RunningUnleash(url, install.UNLEASH, ENVIRONMENT, admin, client, _viewer_token(url, admin))


def _viewer_token(url: str, admin: str) -> str:
    """Only the user can make a personal access token, so the user signs in once."""
    name, password = "gateway", f"{secrets.token_urlsafe(18)}-Aa1!"
    with Rest(url, {"Authorization": admin}) as server:
        user = {"username": name, "password": password, "rootRole": "Viewer", "sendEmail": False}
        server.post("/api/admin/user-admin", user)
    with Rest(url) as server:
        server.post("/auth/simple/login", {"username": name, "password": password})
        token = {"description": "reads for the gateway", "expiresAt": "2100-01-01T00:00:00.000Z"}
        return str(server.post("/api/admin/user/tokens", token)["secret"])
