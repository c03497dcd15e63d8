"""One source down costs only its own fields: the rest of the answer is unchanged, and what is missing is said."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.demo import airflow, growthbook, mlflow
from gateway.demo.server import ServedApp, serve
from gateway.demo.sources import CALLS_PER_MINUTE, CLIENT_KEY, ENVIRONMENT
from gateway.demo.story import story
from tests.graph.client import Graph, graph_over
from tests.graph.queries import CONTENT_EMBEDDING_7, ON_CALL

APPS = {
    **{registry.name: mlflow.app(registry) for registry in story().registries},
    "airflow": airflow.app(story().orchestrators[0], users={"gateway": ENVIRONMENT["DEMO_AIRFLOW_PASSWORD"]}),
    "growthbook": growthbook.app(
        story().platforms[0],
        secret=ENVIRONMENT["DEMO_GROWTHBOOK_TOKEN"],
        client_key=CLIENT_KEY,
        calls_per_minute=CALLS_PER_MINUTE,
    ),
}
MORE = {
    "airflow": 'product = "airflow"\nusername = "gateway"\npassword_env = "DEMO_AIRFLOW_PASSWORD"',
    "growthbook": f'product = "growthbook"\ntoken_env = "DEMO_GROWTHBOOK_TOKEN"\nclient_key = "{CLIENT_KEY}"',
}


class Stoppable:
    """Each source behind a door of its own that can be closed: connections to it are then refused."""

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self.stops: dict[str, Any] = {}

    async def start(self, name: str) -> None:
        server = serve(APPS[name], self.ports.get(name, 0))
        served: ServedApp = await server.__aenter__()
        self.ports[name] = int(served.url.rpartition(":")[2])
        self.stops[name] = server

    async def stop(self, name: str) -> None:
        await self.stops.pop(name).__aexit__(None, None, None)

    def settings(self) -> str:
        return "\n".join(
            f'[[sources]]\nname = "{name}"\nurl = "http://127.0.0.1:{port}"\n' + MORE.get(name, 'product = "mlflow"')
            for name, port in self.ports.items()
        )


@asynccontextmanager
async def company() -> AsyncIterator[tuple[Stoppable, Graph]]:
    sources = Stoppable()
    for name in APPS:
        await sources.start(name)
    try:
        async with graph_over(sources.settings(), ENVIRONMENT, {}) as graph:
            await graph.data("{ sources { name } }")  # Airflow's token and version are asked once per process
            yield sources, graph
    finally:
        for name in list(sources.stops):
            await sources.stop(name)


def without(answer: Any, *paths: tuple[str | int, ...]) -> str:
    """The data as text, with what lies at these paths taken out."""
    data = json.loads(json.dumps(answer["data"]))
    for path in paths:
        place = data
        for part in path[:-1]:
            place = place[part]
        del place[path[-1]]
    return json.dumps(data)


def told(answer: dict[str, Any]) -> list[tuple[str, list[str | int], int | None]]:
    """Of each error its code and source, its path, and the number of links it stands for."""
    return [
        (f"{item['extensions']['code']} {item['extensions']['source']}", item["path"], item["extensions"].get("count"))
        for item in answer.get("errors", [])
    ]


@pytest.fixture(autouse=True)
def _no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.WARNING):
        yield
    assert [record.message for record in caplog.records if record.exc_info] == []


NODE = ("node",)


async def test_with_airflow_down_links_say_so_and_the_rest_is_unchanged() -> None:
    async with company() as (sources, graph):
        whole = await graph.ask(ON_CALL, v=CONTENT_EMBEDDING_7)
        await sources.stop("airflow")
        answer = await graph.ask(ON_CALL, v=CONTENT_EMBEDDING_7)
        parts = [
            ("node", "producedBy", "state"),
            ("node", "producedBy", "node"),
            ("node", "experiments", "completeness"),
        ]
        assert without(answer, *parts) == without(whole, *parts)
        assert answer["data"]["node"]["producedBy"]["state"] == "UNAVAILABLE"
        assert answer["data"]["node"]["producedBy"]["node"] is None
        completeness = answer["data"]["node"]["experiments"]["completeness"]
        assert completeness["complete"] is False
        assert {item["source"]: (item["ok"], item["code"]) for item in completeness["sources"]} == {
            "airflow": (False, "SOURCE_UNAVAILABLE"),
            "growthbook": (True, None),
            "studio-mlflow": (True, None),
        }
        assert told(answer) == [("SOURCE_UNAVAILABLE airflow", ["node", "producedBy", "node"], 1)]

        await sources.start("airflow")
        assert without(await graph.ask(ON_CALL, v=CONTENT_EMBEDDING_7)) == without(whole)


async def test_with_the_platform_down_only_experiments_are_missing_and_it_is_said() -> None:
    async with company() as (sources, graph):
        whole = await graph.ask(ON_CALL, v=CONTENT_EMBEDDING_7)
        await sources.stop("growthbook")
        answer = await graph.ask(ON_CALL, v=CONTENT_EMBEDDING_7)
        assert without(answer, ("node", "experiments")) == without(whole, ("node", "experiments"))
        experiments = answer["data"]["node"]["experiments"]
        assert experiments["edges"] == []
        assert experiments["completeness"]["complete"] is False
        assert ("growthbook", False, "SOURCE_UNAVAILABLE") in [
            (item["source"], item["ok"], item["code"]) for item in experiments["completeness"]["sources"]
        ]
        assert told(answer) == []
        await sources.start("growthbook")
        assert without(await graph.ask(ON_CALL, v=CONTENT_EMBEDDING_7)) == without(whole)


async def test_with_the_registry_down_its_root_is_null_with_an_error_at_its_path() -> None:
    async with company() as (sources, graph):
        other = '{ pipeline(name: "studio_frame_extraction") { name lastRun { state } } }'
        whole = await graph.ask(other)
        await sources.stop("studio-mlflow")
        answer = await graph.ask(ON_CALL, v=CONTENT_EMBEDDING_7)
        assert answer["data"] == {"node": None}
        assert told(answer) == [("SOURCE_UNAVAILABLE studio-mlflow", ["node"], None)]
        assert await graph.ask(other) == whole
        await sources.start("studio-mlflow")
        assert (await graph.ask(ON_CALL, v=CONTENT_EMBEDDING_7))["data"]["node"]["name"] == "content-embedding"


async def test_a_field_of_a_source_that_is_down_is_null_with_its_error_and_its_siblings_stand() -> None:
    query = """{ experiment(key: "ads-contextual-scene-match") { name variations { key models { state code
      evidence { assertedBy } node { name } version { version } } } } }"""
    async with company() as (sources, graph):
        await sources.stop("studio-mlflow")
        answer = await graph.ask(query)
        (link,) = answer["data"]["experiment"]["variations"][1]["models"]
        assert (link["state"], link["code"]) == ("UNAVAILABLE", "SOURCE_UNAVAILABLE")
        assert link["node"] is None
        assert link["evidence"] == [{"assertedBy": "growthbook: value of variation treatment (names no registry)"}]
        # Of the control's model only one registry answers: the other could have it too.
        control = answer["data"]["experiment"]["variations"][0]["models"][0]
        assert (control["state"], control["code"]) == ("UNAVAILABLE", "SOURCE_UNAVAILABLE")
        ((code, _, count),) = told(answer)
        assert (code, count) == ("SOURCE_UNAVAILABLE studio-mlflow", 2)


async def test_a_list_over_two_registries_goes_on_with_one_and_says_what_is_missing() -> None:
    query = """{ models(first: 100) { nodes { name } totalCount pageInfo { hasNextPage }
      completeness { complete reasons } } }"""
    async with company() as (sources, graph):
        whole = (await graph.data(query))["models"]
        await sources.stop("studio-mlflow")
        part = (await graph.data(query))["models"]
        assert whole["completeness"] == {"complete": True, "reasons": []}
        assert whole["totalCount"] in (None, len(whole["nodes"]))
        assert {node["name"] for node in part["nodes"]} < {node["name"] for node in whole["nodes"]}
        assert part["totalCount"] is None
        assert part["pageInfo"]["hasNextPage"] is True
        assert part["completeness"] == {"complete": False, "reasons": ["SOURCE_UNAVAILABLE"]}


async def test_the_gateway_starts_with_every_source_down_and_says_so() -> None:
    sources = Stoppable()
    for name in APPS:
        await sources.start(name)
        await sources.stop(name)
    async with graph_over(sources.settings(), ENVIRONMENT, {}) as graph:
        listed = (await graph.data("{ sources { name status version } }"))["sources"]
        assert {item["name"]: item["status"] for item in listed} == dict.fromkeys(APPS, "DOWN")
        answer = await graph.ask('{ model(name: "content-embedding") { name } pipelines { nodes { name } } }')
        assert answer["data"] == {"model": None, "pipelines": {"nodes": []}}
        assert [code for code, _, _ in told(answer)] == ["SOURCE_UNAVAILABLE personalization-mlflow"]


async def test_many_links_of_one_source_that_is_down_are_one_error_with_their_number() -> None:
    query = "{ models(first: 100) { nodes { name latestVersion { producedBy { state } } } } }"
    async with company() as (sources, graph):
        await sources.stop("airflow")
        answer = await graph.ask(query)
        links = [
            node["latestVersion"]["producedBy"]
            for node in answer["data"]["models"]["nodes"]
            if node["latestVersion"] and node["latestVersion"]["producedBy"]
        ]
        assert len(links) > 3
        assert {link["state"] for link in links} == {"UNAVAILABLE"}
        ((code, _, count),) = told(answer)
        assert (code, count) == ("SOURCE_UNAVAILABLE airflow", len(links))
