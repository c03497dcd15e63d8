"""Has someone solved this before: similar models of all registries, why they are similar, and what asking costs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.demo.generator import build
from gateway.demo.story import story
from tests.graph.client import Graph, graph_of
from tests.graph.test_outage import company

SIMILAR = """
query Similar($name: String!, $source: String, $first: Int, $across: Boolean! = true, $after: String) {
  model(name: $name, source: $source) { similar(first: $first, acrossDomains: $across, after: $after) {
    edges { cursor score reasons node { id name domain { name } } }
    nodes { id }
    pageInfo { hasNextPage endCursor }
    completeness { complete reasons sources { source ok code } } } }
}
"""
CONTENT_EMBEDDING = "mlg://model/studio-mlflow/content-embedding"


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    async with graph_of(story()) as graph:
        await graph.data("{ sources { name } }")
        graph.forget_calls()
        yield graph


async def similar(graph: Graph, name: str, **variables: object) -> Any:
    return (await graph.data(SIMILAR, name=name, **variables))["model"]["similar"]


def reasons(page: Any) -> dict[str, list[str]]:
    return {edge["node"]["name"]: edge["reasons"] for edge in page["edges"]}


async def test_another_teams_model_of_another_registry_is_found_first_with_the_reasons(graph: Graph) -> None:
    page = await similar(graph, "viewer-embedding")
    assert page["edges"][0]["node"]["id"] == CONTENT_EMBEDDING
    assert reasons(page) == {
        "content-embedding": [
            "same dataset studio.frames",
            "same feature scene_stats:shot_len",
            "same feature scene_stats:cut_rate",
            "name: embedding",
            "description: embedding, video, boundary, scene",
        ],
        "it's-a-ranker": ["same dataset personalization.viewing_sessions", "description: viewer"],
        "shot-boundary-detector": ["same dataset studio.frames", "description: scene"],
    }
    assert [node["id"] for node in page["nodes"]] == [edge["node"]["id"] for edge in page["edges"]]
    scores = [edge["score"] for edge in page["edges"]]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[-1] < scores[0] <= 1
    assert page["completeness"]["complete"] is True


async def test_a_tag_is_a_reason_where_few_have_it_and_never_for_owners_or_domains(graph: Graph) -> None:
    found = reasons(await similar(graph, "content-embedding"))
    assert found["shot-boundary-detector"] == [
        "same dataset studio.frames",
        "description: shot, scene",
        "tag framework: pytorch",
    ]
    told = [reason for all_of_one in found.values() for reason in all_of_one]
    assert [reason for reason in told if reason.startswith("tag ")] == ["tag framework: pytorch"]


async def test_among_1200_models_the_embedding_is_among_the_first_three() -> None:
    async with graph_of(build()) as graph:
        page = await similar(graph, "viewer-embedding", first=3)
        assert CONTENT_EMBEDDING in [node["id"] for node in page["nodes"]]
        assert page["completeness"]["complete"] is True


async def test_within_its_own_domain_only(graph: Graph) -> None:
    page = await similar(graph, "viewer-embedding", across=False)
    assert list(reasons(page)) == ["it's-a-ranker"]
    assert {edge["node"]["domain"]["name"] for edge in page["edges"]} == {"personalization"}


async def test_a_model_is_not_similar_to_itself_and_one_like_no_other_has_none(graph: Graph) -> None:
    for name in ("content-embedding", "shot-boundary-detector", "title-ranker"):
        page = await similar(graph, name, source="studio-mlflow")
        assert f"mlg://model/studio-mlflow/{name}" not in [node["id"] for node in page["nodes"]]
    assert (await similar(graph, "churn 30% uplift"))["edges"] == []


async def test_pages_together_are_the_whole_answer_once(graph: Graph) -> None:
    whole = [node["id"] for node in (await similar(graph, "viewer-embedding"))["nodes"]]
    walked, after, more = [], None, True
    while more:
        page = await similar(graph, "viewer-embedding", first=1, after=after)
        walked += [node["id"] for node in page["nodes"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert walked == whole


@pytest.mark.parametrize("first", [0, 101])
async def test_a_page_out_of_bounds_is_refused(graph: Graph, first: int) -> None:
    answer = await graph.ask(SIMILAR, name="viewer-embedding", first=first)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_the_calls_do_not_grow_with_the_catalogue(graph: Graph) -> None:
    """A registry: models, groups, runs by dataset, runs and versions by each feature and pipeline tag, the hits."""
    expected = {"studio-mlflow": 23, "personalization-mlflow": 26, "airflow": 6}
    await similar(graph, "viewer-embedding")
    assert {name: len(graph.calls(name)) for name in expected} == expected
    assert graph.calls("growthbook") == []
    async with graph_of(build()) as larger:
        await larger.data("{ sources { name } }")
        larger.forget_calls()
        await similar(larger, "viewer-embedding")
        assert {name: len(larger.calls(name)) for name in expected} == expected


async def test_models_of_a_page_are_asked_for_together(graph: Graph) -> None:
    query = """query Q($text: String!) { models(filter: {nameContains: $text}) {
      nodes { name similar(first: 1) { nodes { name } } } } }"""
    costs = []
    for text in ("content-embedding", "viewer-embedding", "embedding"):
        graph.forget_calls()
        nodes = (await graph.data(query, text=text))["models"]["nodes"]
        costs.append(len(graph.calls("studio-mlflow")))
    assert {node["name"]: node["similar"]["nodes"] for node in nodes} == {
        "content-embedding": [{"name": "viewer-embedding"}],
        "viewer-embedding": [{"name": "content-embedding"}],
    }
    lists = [call for call in graph.calls("studio-mlflow") if "max_results=1000&order_by=name" in call.target]
    assert len(lists) == 1
    assert costs[2] < costs[0] + costs[1]


async def test_with_half_the_sources_down_what_is_there_is_found_and_what_is_missing_is_said() -> None:
    async with company() as (sources, graph):
        await sources.stop("airflow")
        await sources.stop("studio-mlflow")
        page = (await graph.ask(SIMILAR, name="viewer-embedding", source="personalization-mlflow"))["data"]
        page = page["model"]["similar"]
        assert reasons(page)["it's-a-ranker"][0] == "same dataset personalization.viewing_sessions"
        assert page["completeness"]["complete"] is False
        assert "SOURCE_UNAVAILABLE" in page["completeness"]["reasons"]
        assert {item["source"]: item["code"] for item in page["completeness"]["sources"] if not item["ok"]} == {
            "airflow": "SOURCE_UNAVAILABLE",
            "studio-mlflow": "SOURCE_UNAVAILABLE",
        }
        assert page["pageInfo"]["hasNextPage"] is True
