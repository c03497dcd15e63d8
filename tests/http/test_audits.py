"""GraphQL over HTTP as others read its specification: every audit of graphql-http, against the whole application."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from gateway.app import create_app
from gateway.demo.server import serve
from gateway.settings import read
from tests.npm import installed

HERE = Path(__file__).parent
AUDITS = 61
NO_SOURCE_NEEDED = '[[sources]]\nname = "studio"\nproduct = "mlflow"\nurl = "http://127.0.0.1:1"\n'


@pytest.mark.clients
async def test_every_must_should_and_may_of_graphql_over_http_holds() -> None:
    packages = await asyncio.to_thread(installed, HERE)
    async with serve(create_app(read(NO_SOURCE_NEEDED, {})), remember=False) as gateway:
        # From the standard input a module finds its packages beside the working directory.
        node = await asyncio.create_subprocess_exec(
            *("node", "--input-type=module", "-", f"{gateway.url}/graphql"),
            cwd=packages,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await node.communicate((HERE / "audit.mjs").read_bytes())
    assert node.returncode == 0
    audits = msgspec.json.decode(printed, type=list[dict[str, str | None]])
    assert len(audits) == AUDITS
    assert {audit["name"]: audit["reason"] for audit in audits if audit["status"] != "ok"} == {}
