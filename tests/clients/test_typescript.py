"""Front ends in TypeScript: types generated from the committed schema, compiled strictly, asked of the demo."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256

import pytest

from gateway.demo.generator import build
from tests.clients.documents import trust
from tests.clients.node import CLIENT_SDL, prepared, run
from tests.graph.client import graph_of

pytestmark = pytest.mark.clients

SHOWN = {
    "card": {
        "title": "content-embedding 7",
        "owners": ["maya.ortiz"],
        "madeBy": "SUCCESS",
        "tests": [
            {
                "name": "Match the advertisement to the scene, not to the words",
                "since": "2026-11-10T09:00:00.000Z",
                "cells": ["treatment"],
            }
        ],
    },
    "any": "Pipeline studio_content_embedding_nightly",
}


async def test_generated_types_compile_strictly_and_apollo_client_and_urql_show_the_same() -> None:
    folder = prepared("typescript")
    shutil.copy(CLIENT_SDL, folder)
    await run(folder, "node_modules/.bin/graphql-codegen", "--config", "codegen.yml")
    await run(folder, "node_modules/.bin/tsc", "--project", ".")
    async with graph_of(build()) as graph:
        shown = json.loads(await run(folder, "node", "built/source/main.js", graph.url))
        persisted: dict[str, str] = json.loads((folder / "generated/persisted-documents.json").read_text("utf-8"))
        trust(graph.asked, persisted.values())
    assert shown == {"Apollo Client": SHOWN, "urql": SHOWN}
    assert list(persisted) == [f"sha256:{sha256(text.encode()).hexdigest()}" for text in persisted.values()]
    assert len(persisted) == 2
