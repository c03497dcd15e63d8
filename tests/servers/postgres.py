"""Starts an empty PostgreSQL for Unleash; as it refuses to run as root, it is then run as `nobody`."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import install
from tests.servers.process import ServerFailed, clean_environment, free_port, launched, tail, wait_until

USER = "nobody"
# A test's database may be lost with the machine, and ten connections are enough.
LIGHT = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=30")


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The address of its database `postgres`, as the user `postgres` without a password; `folder` gets the log."""
    folder.mkdir(parents=True, exist_ok=True)
    log, port = folder / "postgres.log", free_port()
    with _home() as (home, binaries, user):
        data, environment = home / "data", clean_environment(home, LC_ALL="C")
        made = subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"],
            cwd=home,
            env=environment,
            user=user,
            extra_groups=[] if user else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        log.write_bytes(made.stdout)
        if made.returncode:
            raise ServerFailed(f"initdb exited with {made.returncode}\n{tail(log)}")
        settings = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", *LIGHT)
        command = [str(binaries / "postgres"), "-D", str(data), *(word for pair in settings for word in ("-c", pair))]
        # SIGINT is its fast stop; on SIGTERM it would wait for its clients to leave.
        with launched(command, log=log, environment=environment, folder=home, user=user, stop=signal.SIGINT) as process:
            wait_until(lambda: _listens(port), what="PostgreSQL", process=process, log=log)
            yield f"postgres://postgres@127.0.0.1:{port}/postgres"


@contextmanager
def _home() -> Iterator[tuple[Path, Path, str | None]]:
    """A folder for the data, the folder of the binaries, and the user to run them as (None: ourselves)."""
    binaries = install.postgres()
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        if os.geteuid() != 0:
            yield home, binaries, None
            return
        # The checkout may lie where nobody but root can look; the system's own binaries can be run from where they are.
        if binaries.parent.name == "native":
            shutil.copytree(binaries.parent, home / "native", symlinks=True)
            binaries = home / "native" / "bin"
        shutil.chown(home, USER)
        yield home, binaries, USER


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
