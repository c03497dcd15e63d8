"""One child process of a server: started in a group of its own, waited for until it answers, stopped by its pid."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

POLL_S = 0.1
STOP_S = 15.0

Process = subprocess.Popen[bytes]


class ServerFailed(Exception):
    """A server that is installed but did not do as asked; the text ends with the last lines of its log."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment(home: Path, **own: str) -> dict[str, str]:
    """What a server needs of ours and nothing else, so that no setting of this machine's user reaches it."""
    kept = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"HOME": str(home), "TZ": "UTC"} | own


@contextmanager
def launched(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    folder: Path,
    user: str | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[Process]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            extra_groups=[] if user else None,
        )
    try:
        yield process
    finally:
        process.send_signal(stop)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the group of what it left behind, and itself if it hangs
        process.wait()


def finished(command: Sequence[str], *, log: Path, environment: Mapping[str, str], folder: Path) -> None:
    """Runs a command to its end; its output goes to the log."""
    with log.open("ab") as output:
        done = subprocess.run(command, cwd=folder, env=dict(environment), stdout=output, stderr=subprocess.STDOUT)
    if done.returncode:
        raise ServerFailed(f"{Path(command[0]).name} exited with {done.returncode}\n{tail(log)}")


def wait_until(ready: Callable[[], bool], *, what: str, process: Process, log: Path, deadline_s: float = 120) -> None:
    until = time.monotonic() + deadline_s
    while not ready():
        if process.poll() is not None:
            raise ServerFailed(f"{what} ended with {process.returncode} before it was ready\n{tail(log)}")
        if time.monotonic() > until:
            raise ServerFailed(f"{what} was not ready within {deadline_s:g} s\n{tail(log)}")
        time.sleep(POLL_S)


def answers(url: str) -> bool:
    """Whether a GET of this health address is answered with 200 now."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def tail(log: Path, lines: int = 15) -> str:
    return "\n".join([f"({log})", *log.read_text(errors="replace").splitlines()[-lines:]])
