"""Impact over the story: what breaks if a thing changes, the running tests first, and whom to tell."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.demo.story import story
from tests.graph.client import Graph, graph_of
from tests.graph.lineages import dataset_id, edges, failing, short, version_id
from tests.graph.queries import CONTENT_EMBEDDING_7
from tests.graph.test_outage import company

IMPACT = """
query Impact($id: ID!, $depth: Int! = 3) { impact(id: $id, depth: $depth) {
  root { entityId }
  runningExperiments { state evidence { basis assertedBy } variations { key weight } node { name status } }
  countByKind { kind count }
  ownersToTell { handle email team }
  lineage {
    nodes { ref { entityId } distance expanded }
    edges { fromId toId relation }
    completeness { complete reasons sources { source ok code } } } } }
"""
SCENE_MATCH = {
    "state": "RESOLVED",
    "evidence": [{"basis": "CONVENTION", "assertedBy": "growthbook: value of variation treatment (names no registry)"}],
    "variations": [{"key": "treatment", "weight": 0.5}],
    "node": {"name": "Match the advertisement to the scene, not to the words", "status": "RUNNING"},
}


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    async with graph_of(story()) as graph:
        await graph.data("{ sources { name } }")
        graph.forget_calls()
        yield graph


async def impact_of(graph: Graph, id: str, **more: object) -> dict[str, Any]:
    found: dict[str, Any] = (await graph.data(IMPACT, id=id, **more))["impact"]
    return found


def counts(impact: dict[str, Any]) -> dict[str, int]:
    return {item["kind"]: item["count"] for item in impact["countByKind"]}


def running(impact: dict[str, Any]) -> dict[str, list[str]]:
    """The running experiments, and the variations touched."""
    return {
        link["node"]["name"]: [variation["key"] for variation in link["variations"] or ()]
        for link in impact["runningExperiments"]
    }


async def test_a_version_touches_the_variation_that_serves_it_and_its_readers_owners_are_told(graph: Graph) -> None:
    found = await impact_of(graph, CONTENT_EMBEDDING_7, depth=2)
    assert found["root"] == {"entityId": CONTENT_EMBEDDING_7}
    assert found["runningExperiments"] == [SCENE_MATCH]
    assert counts(found) == {"MODEL": 1, "EXPERIMENT": 1, "PIPELINE": 1}
    assert found["ownersToTell"] == [
        {"handle": "maya.ortiz", "email": "maya.ortiz@example.com", "team": "content-understanding"},
        {"handle": "priya.raman", "email": "priya.raman@example.com", "team": None},
    ]
    assert found["lineage"]["completeness"]["reasons"] == ["DEPTH_LIMIT"]


async def test_a_dataset_touches_every_test_of_what_is_trained_on_it_whoever_runs_it(graph: Graph) -> None:
    """Studio's frames: read by Studio's own pipelines, and by a team of another domain that Studio never met."""
    found = await impact_of(graph, dataset_id("s3://studio/frames"))
    assert running(found) == {
        "Match the advertisement to the scene, not to the words": ["treatment"],
        "Retrieve with one model, rank with another": ["treatment"],
        "Show the skip button when the intro really starts": ["control"],
    }
    assert counts(found) == {"MODEL": 3, "MODEL_VERSION": 12, "EXPERIMENT": 3, "PIPELINE": 5, "DATASET": 1}
    assert [owner["handle"] for owner in found["ownersToTell"]] == [
        "jonas.weber",
        "maya.ortiz",
        "tomas.lindqvist",
        "lena.fischer",
        "priya.raman",
    ]
    assert "pipeline personalization_viewer_embedding CONSUMES dataset s3://studio/frames" in edges(found["lineage"])


async def test_a_pipeline_touches_what_it_makes_and_what_serves_that(graph: Graph) -> None:
    found = await impact_of(graph, "mlg://pipeline/airflow/studio_shot_boundaries", depth=4)
    assert running(found) == {"Match the advertisement to the scene, not to the words": ["treatment"]}
    assert "pipeline studio_shot_boundaries PRODUCES dataset s3://studio/shots" in edges(found["lineage"])
    assert found["ownersToTell"][0]["handle"] == "tomas.lindqvist"  # the pipeline's own owner is the nearest


async def test_a_model_touches_the_tests_of_all_its_versions(graph: Graph) -> None:
    found = await impact_of(graph, "mlg://model/studio-mlflow/content-embedding", depth=1)
    assert found["runningExperiments"] == [SCENE_MATCH]
    assert counts(found) == {"EXPERIMENT": 1, "PIPELINE": 1}
    assert {"handle": "priya.raman", "email": "priya.raman@example.com", "team": None} in found["ownersToTell"]


async def test_a_test_that_a_pipeline_runs_parameters_name_is_touched_by_that_runs_version(graph: Graph) -> None:
    found = await impact_of(graph, version_id("personalization-mlflow", "it's-a-ranker", 3))
    assert running(found) == {"Train the home ranker on yesterday instead of last month": ["treatment"]}


async def test_nothing_breaks_where_nothing_depends_on_it(graph: Graph) -> None:
    found = await impact_of(graph, "mlg://model/studio-mlflow/trailer-cutter")
    assert (found["runningExperiments"], found["countByKind"]) == ([], [])
    assert [owner["handle"] for owner in found["ownersToTell"]] == ["maya.ortiz"]
    assert found["lineage"]["completeness"]["complete"] is True


async def test_what_does_not_exist_breaks_nothing_at_once(graph: Graph) -> None:
    found = await impact_of(graph, "mlg://model/studio-mlflow/no-such-model")
    assert (found["runningExperiments"], found["countByKind"], found["ownersToTell"]) == ([], [], [])
    assert sum(len(graph.calls(name)) for name in graph.served) == 1


@pytest.mark.parametrize("depth", [0, 11])
async def test_a_depth_out_of_bounds_is_refused(graph: Graph, depth: int) -> None:
    answer = await graph.ask(IMPACT, id=CONTENT_EMBEDDING_7, depth=depth)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_what_an_impact_costs(graph: Graph) -> None:
    """The owners of the nodes at the last level are read for `ownersToTell`; the rest is the walk's own."""
    await impact_of(graph, CONTENT_EMBEDDING_7, depth=2)
    assert {name: len(graph.calls(name)) for name in graph.served} == {
        "studio-mlflow": 3,
        "personalization-mlflow": 0,
        "airflow": 3,
        "growthbook": 2,
    }


async def test_with_half_the_sources_down_the_tests_are_still_told_and_what_is_missing_is_said() -> None:
    async with company() as (sources, graph):
        await sources.stop("airflow")
        await sources.stop("personalization-mlflow")
        answer = await graph.ask(IMPACT, id=CONTENT_EMBEDDING_7)
        found = answer["data"]["impact"]
        assert running(found) == {"Match the advertisement to the scene, not to the words": ["treatment"]}
        assert failing(found["lineage"])["airflow"] == "SOURCE_UNAVAILABLE"
        assert found["lineage"]["completeness"]["complete"] is False
        assert [owner["handle"] for owner in found["ownersToTell"]] == ["maya.ortiz", "priya.raman"]


async def test_with_the_platform_down_the_rest_is_told_and_that_tests_are_missing_is_said() -> None:
    async with company() as (sources, graph):
        await sources.stop("growthbook")
        await sources.stop("personalization-mlflow")
        found = (await graph.ask(IMPACT, id=dataset_id("s3://studio/frames"), depth=2))["data"]["impact"]
        assert found["runningExperiments"] == []
        missing = failing(found["lineage"])
        assert {name: missing.get(name) for name in ("growthbook", "personalization-mlflow")} == {
            "growthbook": "SOURCE_UNAVAILABLE",
            "personalization-mlflow": "SOURCE_UNAVAILABLE",
        }
        named = {short(node["ref"]["entityId"]) for node in found["lineage"]["nodes"]}
        assert {"pipeline personalization_viewer_embedding", "model-version content-embedding/7"} <= named
