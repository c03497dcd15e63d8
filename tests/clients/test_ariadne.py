"""Callers in Python: a typed client generated from the committed schema, in an environment of its own.

Its generator needs graphql-core before 3.3, and the gateway 3.3 or later: they cannot share one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.demo.generator import build
from tests.clients.documents import trust
from tests.clients.node import CLIENT_SDL, HERE, run
from tests.graph.client import graph_of
from tests.servers.cache import CACHE, key, made_once

pytestmark = pytest.mark.clients


def installed() -> Path:
    """The Python that has the generator and mypy, from the lock."""
    requirements = HERE / "ariadne" / "requirements.txt"
    folder = CACHE.parent / "python" / f"ariadne-{key(requirements.read_bytes())}"
    python = folder / "bin" / "python"
    with made_once(folder) as missing:
        if missing:
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            for command in (
                [sys.executable, "-m", "venv", str(folder)],
                [*pip, "--require-hashes", "-r", str(requirements)],
            ):
                done = subprocess.run(command, capture_output=True, text=True)
                assert done.returncode == 0, done.stderr
    return python


async def test_the_generated_client_passes_mypy_strict_and_shows_the_demo(tmp_path: Path) -> None:
    python = installed()
    folder = tmp_path / "client"
    shutil.copytree(HERE / "ariadne", folder)
    shutil.copy(CLIENT_SDL, folder)
    await run(folder, str(python.with_name("ariadne-codegen")))
    await run(folder, str(python), "-m", "mypy", "caller.py", "lifecycle")
    async with graph_of(build()) as graph:
        shown = json.loads(await run(folder, str(python), "caller.py", graph.url))
        trust(graph.asked)
    assert shown == {
        "title": "content-embedding 7",
        "owners": ["maya.ortiz"],
        "madeWell": True,
        "tests": [
            {
                "name": "Match the advertisement to the scene, not to the words",
                "since": "2026-11-10T09:00:00+00:00",
                "cells": ["treatment"],
            }
        ],
        "any": "studio_content_embedding_nightly",
    }
