"""The graph as a subgraph: composed by every composer, and asked through gateways in front of it and another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.generator import build
from schema.build import build_schema
from tests.clients.node import SUBGRAPH_SDL, prepared, run
from tests.graph.client import graph_of

pytestmark = pytest.mark.clients

COMPOSERS = ("@apollo/composition", "@theguild/federation-composition", "@wundergraph/composition")
NO_ERRORS: dict[str, list[str]] = {composer: [] for composer in COMPOSERS}
GATEWAYS = ("@apollo/gateway", "hive gateway")

FROM_ANOTHER_SUBGRAPH = """{ products { name model { name costCenter latestVersion { version } }
  pipeline { agreedBy ref { key } lastRun { state } }
  madeFrom { keptFor uri } soldBy { desk handle team } } }"""
FROM_OURS = """{
  models(first: 2) { nodes { name costCenter } pageInfo { hasNextPage } }
  pipelines(first: 2) { nodes { name agreedBy } }
  experiments(first: 2) { nodes { name label } }
}"""
BY_ID = '{ node(id: "mlg://domain/-/ads") { id } }'


async def composed(subgraph: Path, company: str = "company.graphql") -> dict[str, list[str]]:
    printed = await run(prepared("federation"), "node", "compose.mjs", str(subgraph), company)
    errors: dict[str, list[str]] = json.loads(printed)
    assert tuple(errors) == COMPOSERS
    return errors


async def test_every_composer_takes_it_beside_a_subgraph_that_extends_its_entities() -> None:
    assert await composed(SUBGRAPH_SDL) == NO_ERRORS


async def test_types_of_the_same_name_collide_unless_ours_are_prefixed(tmp_path: Path) -> None:
    company = tmp_path / "company.graphql"
    company.write_text("type Query { models: [Model!] } type Model { name: Int! } enum RunState { GOING }", "utf-8")
    prefixed = tmp_path / "prefixed.graphql"
    prefixed.write_text(build_schema("Lifecycle").as_str().replace("  models(", "  lifecycleModels("), "utf-8")
    plain = tmp_path / "plain.graphql"
    plain.write_text(build_schema().as_str().replace("  models(", "  lifecycleModels("), "utf-8")
    assert all((await composed(plain, str(company))).values())
    assert await composed(prefixed, str(company)) == NO_ERRORS


async def test_real_gateways_answer_from_both_subgraphs_in_both_directions() -> None:
    async with graph_of(build()) as graph:
        questions = json.dumps([FROM_ANOTHER_SUBGRAPH, FROM_OURS, BY_ID])
        folder = prepared("federation")
        printed = await run(
            folder, "node", "gateways.mjs", graph.url, str(SUBGRAPH_SDL), "company.graphql", given=questions
        )
    answers: dict[str, list[dict[str, Any]]] = json.loads(printed)
    assert tuple(answers) == GATEWAYS
    for from_another, from_ours, by_id in answers.values():
        assert from_another["data"]["products"] == [
            {
                "name": "Scene-matched advertising",
                "model": {
                    "name": "content-embedding",
                    "costCenter": "cost of mlg://model/studio-mlflow/content-embedding",
                    "latestVersion": {"version": "8"},
                },
                "pipeline": {
                    "agreedBy": "airflow for studio_content_embedding_nightly",
                    "ref": {"key": "studio_content_embedding_nightly"},
                    "lastRun": {"state": "FAILED"},
                },
                "madeFrom": {"keptFor": "a year", "uri": "s3://studio/frames"},
                "soldBy": {"desk": "desk of mlg://owner/-/priya.raman", "handle": "priya.raman", "team": "relevance"},
            },
            {"name": "A product that never was", "model": None, "pipeline": None, "madeFrom": None, "soldBy": None},
        ]
        assert "errors" not in from_ours
        assert from_ours["data"] == {
            "models": {
                "nodes": [
                    {
                        "name": name,
                        "costCenter": f"cost of mlg://model/personalization-mlflow/{name}",
                    }
                    for name in ("ads-context-matcher", "anime-artwork-forecaster")
                ],
                "pageInfo": {"hasNextPage": True},
            },
            "pipelines": {
                "nodes": [
                    {"name": name, "agreedBy": f"airflow for {name}"}
                    for name in ("ads_context_matching", "ads_ingest_attribution")
                ]
            },
            "experiments": {
                "nodes": [
                    {"name": name, "label": f"Test: {name}"}
                    for name in (
                        "A moving hero image from the scene the viewer would like",
                        "A new order of things for advertisement breaks",
                    )
                ]
            },
        }
        (error,) = by_id["errors"]
        assert error["message"].startswith('Cannot query field "node" on type "Query".')


async def test_a_router_that_asks_is_told_how_long_each_field_took() -> None:
    """Read back by Apollo's own library; whoever does not ask gets no trace."""
    query = '{ page: models(first: 2) { nodes { name } } node(id: "x") { id } }'
    async with graph_of(build()) as graph:
        headers = {"apollo-federation-include-trace": "ftv1"}
        async with graph.session.post(graph.url, json={"query": query}, headers=headers) as response:
            answer = await response.json()
        assert "extensions" not in await graph.ask(query)
    encoded = answer["extensions"]["ftv1"]
    trace = json.loads(await run(prepared("federation"), "node", "trace.mjs", given=encoded))
    page, node = trace["root"]["child"]
    assert (page["responseName"], page["originalFieldName"]) == ("page", "models")
    assert (page["parentType"], page["type"]) == ("Query", "ModelConnection!")
    assert 0 < page["startTime"] < page["endTime"] <= trace["durationNs"]
    (nodes,) = page["child"]
    assert [item["index"] for item in nodes["child"]] == [0, 1]
    assert [field["type"] for item in nodes["child"] for field in item["child"]] == ["String!", "String!"]
    assert [error["message"] for error in node["error"]] == [error["message"] for error in answer["errors"]]
    assert trace["startTime"]["seconds"] <= trace["endTime"]["seconds"]
