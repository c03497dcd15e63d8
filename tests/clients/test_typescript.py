"""Front ends in TypeScript: types generated from the committed schema, compiled strictly, asked of the demo."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.demo.generator import build
from tests.clients.documents import trust
from tests.clients.node import CLIENT_SDL, prepared, run
from tests.graph.client import graph_of
from tests.test_readme import block

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


async def test_what_the_readme_tells_front_ends_works(tmp_path: Path) -> None:
    """Its codegen.yml with the schema as the gateway serves it, and its program, compiled and run."""
    folder = tmp_path / "front-end"
    (folder / "source").mkdir(parents=True)
    packages = prepared("typescript")
    (folder / "node_modules").symlink_to(packages / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}', "utf-8")
    async with graph_of(build()) as graph:
        address = graph.url.removesuffix("/graphql")
        for name, language in (("codegen.yml", "yaml"), ("source/main.ts", "typescript")):
            written = block(language).replace("http://127.0.0.1:8000", address)
            (folder / name).write_text(written, "utf-8")
        await run(folder, "node_modules/.bin/graphql-codegen", "--config", "codegen.yml")
        compiler = ["--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022", "--rootDir", "."]
        await run(folder, "node_modules/.bin/tsc", *compiler, "--outDir", "built", "source/main.ts")
        assert (await run(folder, "node", "built/source/main.js")).strip() == "[ 'maya.ortiz' ]"
