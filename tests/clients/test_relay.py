"""Relay: what its compiler takes and what its store holds, with the schema as it is printed."""

from __future__ import annotations

import json
import shutil

import pytest

from gateway.demo.generator import build
from tests.clients.documents import trust
from tests.clients.node import CLIENT_SDL, prepared, run
from tests.graph.client import graph_of

pytestmark = pytest.mark.clients


async def test_refetchable_connections_compile_and_the_store_has_one_record_an_id() -> None:
    """Two pages each of a list and of a connection inside an entity, and every entity met asked for again by its id."""
    folder = prepared("relay")
    shutil.copy(CLIENT_SDL, folder)
    await run(folder, "node_modules/.bin/relay-compiler", "relay.config.json")
    async with graph_of(build()) as graph:
        stored = json.loads(await run(folder, "node", "main.js", graph.url))
        trust(graph.asked)
    assert stored == {
        "complaints": [],
        "model": "mlg://model/studio-mlflow/content-embedding",
        "models": 6,
        "versions": 2,
        "strays": [],
        "ids": 19,
        "types": ["Domain", "Experiment", "Model", "ModelVersion"],
        "missing": [],
    }
