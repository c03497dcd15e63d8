"""Runs what a client of ours in JavaScript is: a folder here, with its packages from a lock of its own."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from os import environ
from pathlib import Path

from tests.npm import installed

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SUBGRAPH_SDL = ROOT / "schema" / "schema.graphql"
CLIENT_SDL = ROOT / "schema" / "schema.client.graphql"
LIMIT_S = 120


def prepared(client: str) -> Path:
    """A folder with this client's files beside its installed packages, where Node finds both."""
    target = installed(HERE / client)
    left_out = shutil.ignore_patterns("node_modules", "package-lock.json")
    shutil.copytree(HERE / client, target, ignore=left_out, dirs_exist_ok=True)
    return target


async def run(folder: Path, *command: str, given: str = "", more: Mapping[str, str] | None = None) -> str:
    """What a command prints; its own complaint is the failure."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**environ, "NO_COLOR": "1", **(more or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            printed, complaint = await process.communicate(given.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"{' '.join(command)}\n{printed.decode()}\n{complaint.decode()}"
    return printed.decode()
