"""The on-call question: one request says where a version came from, what failed above it, and who is exposed to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.demo.story import story
from tests.graph.client import Graph, graph_of
from tests.graph.queries import CONTENT_EMBEDDING_7, ON_CALL


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    async with graph_of(story()) as graph:
        yield graph


async def test_the_on_call_question_is_answered_completely_in_one_request(graph: Graph) -> None:
    version = (await graph.data(ON_CALL, v=CONTENT_EMBEDDING_7))["node"]
    assert (version["name"], version["version"]) == ("content-embedding", "7")
    assert version["owners"] == [{"handle": "maya.ortiz", "team": "content-understanding"}]
    assert [link["node"]["name"] for link in version["datasets"]] == ["studio.frames", "studio.shots"]
    assert {"ref": {"key": "scene_stats:shot_len"}} in version["features"]
    assert version["trainingRun"]["evaluationMetrics"] == [
        {"key": "recall_at_10", "value": 0.74},
        {"key": "loss", "value": 0.129},
    ]

    made_by = version["producedBy"]
    assert made_by["state"] == "RESOLVED"
    assert made_by["evidence"] == [
        {"basis": "CONVENTION", "assertedBy": "studio-mlflow: version tag lifecycle.pipeline"},
        {"basis": "CONVENTION", "assertedBy": "studio-mlflow: run tag lifecycle.pipeline"},
    ]
    assert made_by["node"]["state"] == "SUCCESS"
    assert made_by["node"]["startedAt"] == "2026-11-09T02:06:00.000Z"
    assert made_by["node"]["pipeline"] == {
        "name": "studio_content_embedding_nightly",
        "owners": [{"handle": "maya.ortiz"}, {"handle": "tomas.lindqvist"}],
        "lastRun": {"state": "FAILED"},
    }
    assert made_by["node"]["upstreamRuns"]["edges"] == [
        {"state": "RESOLVED", "node": {"state": "SUCCESS", "pipeline": {"name": "studio_frame_extraction"}}},
        {"state": "RESOLVED", "node": {"state": "FAILED", "pipeline": {"name": "studio_shot_boundaries"}}},
    ]

    experiments = version["experiments"]
    assert experiments["edges"] == [
        {
            "running": True,
            "since": "2026-11-10T09:00:00.000Z",
            "evidence": [
                {
                    "basis": "CONVENTION",
                    "assertedBy": "growthbook: value of variation treatment (names no registry)",
                }
            ],
            "variations": [{"key": "treatment", "name": "Treatment", "weight": 0.5, "isControl": False}],
            "node": {
                "name": "Match the advertisement to the scene, not to the words",
                "status": "RUNNING",
                "hypothesis": "An advertisement that fits the scene before the break is skipped less often.",
                "ref": {"url": None},
            },
        }
    ]
    assert experiments["completeness"]["complete"] is True
    assert [
        (outcome["source"], outcome["ok"], outcome["code"]) for outcome in experiments["completeness"]["sources"]
    ] == [("airflow", True, None), ("growthbook", True, None), ("studio-mlflow", True, None)]


async def test_the_on_call_question_costs_a_few_calls(graph: Graph) -> None:
    await graph.data("{ sources { name } }")
    graph.forget_calls()
    await graph.data(ON_CALL, v=CONTENT_EMBEDDING_7)
    calls = {name: len(graph.calls(name)) for name in graph.served}
    assert calls == {"studio-mlflow": 2, "personalization-mlflow": 0, "airflow": 6, "growthbook": 2}
