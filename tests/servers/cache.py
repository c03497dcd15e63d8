"""Where the real servers are kept between test runs: `.cache/servers` of the checkout, guarded by file locks."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "servers"
RUNS = CACHE / "run"
RUNS_KEPT = 12


def key(*parts: str | bytes) -> str:
    """A short name for all that decides a cached folder's content; the interpreter is part of it."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {sys.platform}".encode())
    for part in parts:
        digest.update(b"\0" + (part.encode() if isinstance(part, str) else part))
    return digest.hexdigest()[:12]


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time makes the folder `name`; the others wait and then find it made."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def made_once(folder: Path) -> Iterator[bool]:
    """Yields whether `folder` is still to be made (then it is there and empty); a half-made one is made again."""
    finished = folder / ".finished"
    with locked(folder.name):
        if finished.exists():
            yield False
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        yield True
        finished.touch()


def new_run_folder() -> Path:
    """For the databases and logs of what is started together; the newest few are kept, to read after a failure."""
    RUNS.mkdir(parents=True, exist_ok=True)
    for old in sorted(RUNS.iterdir())[: 1 - RUNS_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    folder = RUNS / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{os.getpid()}"
    folder.mkdir()
    return folder
