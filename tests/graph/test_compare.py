"""Versions side by side: of one model, of two registries, and with one that cannot be read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.demo.parts import hex_id
from gateway.demo.server import serve
from gateway.demo.story import story
from tests.graph.client import Graph, graph_of, graph_over
from tests.graph.lineages import version_id
from tests.graph.refusing import refusing
from tests.graph.test_outage import APPS, company

COMPARE = """
query Compare($ids: [ID!]!) { compareModelVersions(ids: $ids) {
  versions { name version }
  params { key values differs }
  evaluationMetrics { key values differs }
  datasets { key values differs } } }
"""
STUDIO_6, STUDIO_7, STUDIO_8 = (version_id("studio-mlflow", "content-embedding", number) for number in (6, 7, 8))
VIEWER_2 = version_id("personalization-mlflow", "viewer-embedding", 2)
GONE = version_id("studio-mlflow", "content-embedding", 99)
UNTRAINED = version_id("studio-mlflow", "poster.art.picker", 1)


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    async with graph_of(story()) as graph:
        yield graph


async def compared(graph: Graph, *ids: str) -> dict[str, Any]:
    found: dict[str, Any] = (await graph.data(COMPARE, ids=ids))["compareModelVersions"]
    return found


def values(rows: list[dict[str, Any]]) -> dict[str, tuple[bool, list[str | None]]]:
    return {row["key"]: (row["differs"], row["values"]) for row in rows}


async def test_two_versions_of_one_model_and_where_they_differ(graph: Graph) -> None:
    found = await compared(graph, STUDIO_7, STUDIO_8)
    assert found["versions"] == [
        {"name": "content-embedding", "version": "7"},
        {"name": "content-embedding", "version": "8"},
    ]
    assert values(found["params"]) == {
        "epochs": (True, ["22", "24"]),
        "learning_rate": (False, ["0.0003", "0.0003"]),
        "seed": (False, ["17", "17"]),
        "window": (True, ["28", "32"]),
    }
    assert values(found["evaluationMetrics"]) == {
        "loss": (True, ["0.129", "0.113"]),
        "recall_at_10": (True, ["0.74", "0.75"]),
    }
    # Both were trained on the same state of the frames; only version 7 saw shots.
    frames, shots = found["datasets"]
    assert (frames["key"], frames["differs"], len(set(frames["values"]))) == ("s3://studio/frames", False, 1)
    assert (shots["key"], shots["differs"], shots["values"][1]) == ("s3://studio/shots", True, None)


async def test_versions_of_two_registries_are_aligned_with_the_ids(graph: Graph) -> None:
    found = await compared(graph, VIEWER_2, STUDIO_7, STUDIO_6)
    assert [item["name"] for item in found["versions"]] == [
        "viewer-embedding",
        "content-embedding",
        "content-embedding",
    ]
    assert values(found["evaluationMetrics"])["recall_at_10"] == (True, ["0.57", "0.74", "0.69"])
    datasets = {row["key"]: [value is not None for value in row["values"]] for row in found["datasets"]}
    assert datasets == {
        "s3://personalization/viewing-sessions": [True, False, False],
        "s3://studio/frames": [True, True, True],
        "s3://studio/shots": [False, True, False],
    }


async def test_a_version_that_does_not_exist_is_null_without_an_error_and_does_not_compare(graph: Graph) -> None:
    found = await compared(graph, STUDIO_7, GONE, STUDIO_8)
    assert [item and item["version"] for item in found["versions"]] == ["7", None, "8"]
    assert values(found["params"])["seed"] == (False, ["17", None, "17"])


async def test_a_version_without_a_training_run_has_no_values_and_so_differs(graph: Graph) -> None:
    found = await compared(graph, STUDIO_7, UNTRAINED)
    assert values(found["params"])["seed"] == (True, ["17", None])
    assert found["versions"][1] == {"name": "poster.art.picker", "version": "1"}


async def test_only_versions_are_read_where_only_versions_are_selected(graph: Graph) -> None:
    await graph.data(
        "query($ids: [ID!]!) { compareModelVersions(ids: $ids) { versions { version } } }", ids=[STUDIO_7, STUDIO_8]
    )
    assert [call.target.partition("?")[0] for call in graph.calls("studio-mlflow")] == [
        "/api/2.0/mlflow/model-versions/search"
    ]


async def test_ten_versions_cost_a_few_calls(graph: Graph) -> None:
    ids = [version_id("studio-mlflow", "content-embedding", number) for number in range(1, 9)]
    await compared(graph, *ids, VIEWER_2, version_id("personalization-mlflow", "title-ranker", 1))
    assert len(graph.calls("studio-mlflow")) == 3
    assert len(graph.calls("personalization-mlflow")) <= 4


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        ([STUDIO_7], "Give 2 to 10 ids."),
        ([STUDIO_7] * 11, "Give 2 to 10 ids."),
        ([STUDIO_7, "mlg://model/studio-mlflow/content-embedding"], "Give ids of model versions"),
        ([STUDIO_7, "content-embedding/8"], "Give ids of model versions"),
    ],
)
async def test_what_cannot_be_compared_is_refused(graph: Graph, ids: list[str], says: str) -> None:
    answer = await graph.ask(COMPARE, ids=ids)
    assert answer["data"] == {"compareModelVersions": None}
    ((error),) = answer["errors"]
    assert error["message"].startswith(says)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_version_whose_registry_is_down_is_null_with_an_error_and_the_others_compare() -> None:
    async with company() as (sources, graph):
        await sources.stop("personalization-mlflow")
        answer = await graph.ask(COMPARE, ids=[STUDIO_7, VIEWER_2, STUDIO_8])
        found = answer["data"]["compareModelVersions"]
        assert [item and item["version"] for item in found["versions"]] == ["7", None, "8"]
        assert values(found["params"])["seed"] == (False, ["17", None, "17"])
        ((error),) = answer["errors"]
        assert error["path"] == ["compareModelVersions", "versions", 1]
        assert error["extensions"]["code"] == "SOURCE_UNAVAILABLE"


async def test_a_training_run_that_cannot_be_read_is_an_error_in_each_row_and_does_not_compare() -> None:
    run = hex_id("run", "studio-mlflow", "content-embedding", 8)
    async with serve(refusing(APPS["studio-mlflow"], run.encode(), 500)) as registry:
        settings = f'[[sources]]\nname = "studio-mlflow"\nurl = "{registry.url}"\nproduct = "mlflow"'
        async with graph_over(settings, {}, {}) as graph:
            answer = await graph.ask(COMPARE, ids=[STUDIO_7, STUDIO_8])
            alone = await graph.ask(COMPARE, ids=[STUDIO_8, STUDIO_8])
    found = answer["data"]["compareModelVersions"]
    assert values(found["params"])["epochs"] == (False, ["22", None])
    assert ["compareModelVersions", "params", 0, "values", 1] in [error["path"] for error in answer["errors"]]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"SOURCE_ERROR"}
    assert alone["data"]["compareModelVersions"]["versions"][0]["version"] == "8"
    assert alone["data"]["compareModelVersions"]["params"] is None
