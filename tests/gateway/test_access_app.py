"""Rules of access over HTTP: the roles an identity says are those that rules judge by."""

from __future__ import annotations

import aiohttp
import pytest

from gateway.app import create_app
from gateway.demo.server import serve
from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.demo.story import story
from gateway.settings import read

SETTINGS = """
[server]
trusted_proxies = ["127.0.0.1"]
[identity]
kind = "proxy"
subject_header = "X-User-Id"
roles_header = "X-User-Roles"
[[access]]
roles = ["ranking"]
sources = ["personalization-mlflow"]
"""


@pytest.mark.parametrize(("roles", "sources"), [
    ("ranking", ["personalization-mlflow"]), ("ranking,other", ["personalization-mlflow"]), ("other", []), ("", []),
])  # fmt: skip
async def test_a_caller_sees_what_the_roles_its_proxy_says_let_it_see(roles: str, sources: list[str]) -> None:
    async with serve_company(story()) as running:
        app = create_app(read(f"{SETTINGS}\n{running.settings}", ENVIRONMENT))
        async with serve(app) as gateway, aiohttp.ClientSession() as session:
            headers = {"X-User-Id": "maya", **({"X-User-Roles": roles} if roles else {})}
            query = {"query": "{ sources { name } models(first: 100) { nodes { ref { source } } } }"}
            async with session.post(f"{gateway.url}/graphql", json=query, headers=headers) as response:
                answer = await response.json()
    assert [source["name"] for source in answer["data"]["sources"]] == sources
    assert {node["ref"]["source"] for node in answer["data"]["models"]["nodes"]} == set(sources)
