"""The questions of the README over real MLflow, Airflow and Unleash: the same queries, the same true answers.

Unleash keeps no hypothesis, no phases and no history of owners: what it cannot know is null.
"""

from __future__ import annotations

import pytest

from tests.graph.lineages import edges, levels, short
from tests.graph.questions import answer_of, failed, uses
from tests.live.graph import graph_of_real
from tests.servers.real_company import RealCompany

pytestmark = pytest.mark.live

VERSION_7 = "model-version content-embedding/7"
NIGHTLY = "pipeline studio_content_embedding_nightly"


async def test_who_is_told_when_a_model_goes_wrong(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        model = (await answer_of(graph, "00-on-call"))["model"]
    assert model["owners"] == [{"handle": "maya.ortiz", "team": "content-understanding"}]
    version = model["findVersion"]
    made_by = version["producedBy"]["node"]
    assert (version["version"], made_by["state"]) == ("7", "SUCCESS")
    above = [
        (run["pipeline"]["name"], run["state"], run["pipeline"]["owners"])
        for run in made_by["failedUpstreamRuns"]["nodes"]
    ]
    assert above == [("studio_shot_boundaries", "FAILED", [{"handle": "tomas.lindqvist"}])]
    assert [(edge["node"]["name"], edge["variations"]) for edge in version["experiments"]["edges"]] == [
        ("ads-contextual-scene-match", [{"key": "treatment", "weight": 0.5}])
    ]


async def test_where_a_version_comes_from(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        answer = await answer_of(graph, "01-where-from")
    assert {
        f"{VERSION_7} PRODUCED_BY {NIGHTLY}",
        f"{VERSION_7} TRAINED_ON dataset s3://studio/frames",
        f"{VERSION_7} USES_FEATURE feature scene_stats:shot_len",
        f"{NIGHTLY} CONSUMES dataset s3://studio/shots",
        "pipeline studio_shot_boundaries PRODUCES dataset s3://studio/shots",
    } <= edges(answer["lineage"])
    version = answer["node"]
    assert {"key": "recall_at_10", "value": 0.74} in version["trainingRun"]["evaluationMetrics"]
    assert sorted(link["node"]["uri"] for link in version["datasets"]) == ["s3://studio/frames", "s3://studio/shots"]
    assert version["producedBy"]["state"] == "RESOLVED"
    assert version["producedBy"]["node"] == {
        "state": "SUCCESS",
        "pipeline": {"name": "studio_content_embedding_nightly"},
    }


async def test_which_experiments_use_a_model_now_ever_and_in_which_variation(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        model = (await answer_of(graph, "02-which-experiments"))["model"]
    assert uses(model["now"]) == [("ads-contextual-scene-match", "RUNNING", True, ["treatment"])]
    assert ("ads-contextual-scene-match", "RUNNING", True, ["treatment"]) in uses(model["ever"])
    assert [(edge["since"], edge["until"]) for edge in model["now"]["edges"]] == [(None, None)]
    assert model["now"]["completeness"] == {"complete": True}


async def test_what_depends_on_a_model(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        lineage = (await answer_of(graph, "03-what-depends-on-it"))["lineage"]
    assert levels(lineage) == [
        {"model content-embedding"},
        {"experiment ads-contextual-scene-match", "pipeline ads_context_matching"},
        {
            "dataset s3://ads/scene-matches",
            "model ads-context-matcher",
            *(f"model-version ads-context-matcher/{number}" for number in (1, 2, 3)),
        },
    ]
    assert all(node["state"] == "RESOLVED" for node in lineage["nodes"])


async def test_who_owns_a_model_and_what_else(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        answer = await answer_of(graph, "04-who-owns-it")
    assert answer["model"] == {
        "owners": [{"handle": "maya.ortiz", "email": "maya.ortiz@example.com", "team": "content-understanding"}],
        "domain": {"name": "studio"},
    }
    owned = [(node["kind"], node["name"], node["ref"]["source"]) for node in answer["owner"]["owns"]["nodes"]]
    assert owned == [
        ("MODEL", "content-embedding", "studio-mlflow"),
        ("PIPELINE", "studio_content_embedding_nightly", "airflow"),
        ("MODEL", "trailer-cutter", "studio-mlflow"),
    ]


async def test_what_failed_upstream(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        version = (await answer_of(graph, "05-what-failed-upstream"))["node"]
    assert version["producedBy"]["node"]["state"] == "SUCCESS"
    assert failed(version) == [
        (
            "studio_shot_boundaries",
            "FAILED",
            ["tomas.lindqvist"],
            {"detect_shots": "SUCCESS", "quality_report": "FAILED"},
        )
    ]


async def test_which_data_sources_and_features_exist(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        answer = await answer_of(graph, "06-which-data-exists")
    assert {
        node["uri"]: [edge["ref"]["key"] for edge in node["producers"]["edges"]] for node in answer["datasets"]["nodes"]
    } == {
        "s3://ads/scene-matches": ["ads_context_matching"],
        "s3://payments/transactions": [],
        "s3://personalization/viewing-sessions": [],
        "s3://studio/frames": ["studio_frame_extraction"],
        "s3://studio/masters": ["studio_ingest_masters"],
        "s3://studio/shots": ["studio_shot_boundaries"],
    }
    types = {node["name"]: node["dataType"] for node in answer["features"]["nodes"]}
    assert types["scene_stats:shot_len"] is None
    assert types["studio.shots:boundary_strength"] == "double"
    assert answer["datasets"]["completeness"] == {"complete": True, "reasons": []}


async def test_whether_someone_solved_it_before(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        similar = (await answer_of(graph, "07-solved-before"))["model"]["similar"]
    first = similar["edges"][0]
    assert (first["node"]["name"], first["node"]["ref"]["source"]) == ("content-embedding", "studio-mlflow")
    assert {"same dataset studio.frames", "same feature scene_stats:shot_len", "name: embedding"} <= set(
        first["reasons"]
    )
    described = first["reasons"][-1].removeprefix("description: ").split(", ")
    assert set(described) == {"scene", "boundary", "embedding", "video"}
    assert similar["completeness"] == {"complete": True, "reasons": []}


async def test_what_breaks_if_a_dataset_changes(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        impact = (await answer_of(graph, "08-what-breaks-if"))["impact"]
    running = {
        link["node"]["key"]: [(variation["key"], variation["weight"]) for variation in link["variations"] or ()]
        for link in impact["runningExperiments"]
    }
    assert running == {
        "two-stage-home": [("treatment", 0.5)],
        "ads-contextual-scene-match": [("treatment", 0.5)],
        "skip-intro-timing": [("control", 0.5)],
    }
    assert {item["kind"]: item["count"] for item in impact["countByKind"]}["MODEL_VERSION"] == 12
    assert {"maya.ortiz", "jonas.weber", "tomas.lindqvist", "priya.raman"} <= {
        owner["handle"] for owner in impact["ownersToTell"]
    }


async def test_which_siblings_a_version_has_and_how_they_differ(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        answer = await answer_of(graph, "09-siblings-and-differences")
    versions = {node["version"]: node["aliases"] for node in answer["model"]["versions"]["nodes"]}
    assert list(versions) == ["8", "7", "6", "5", "4", "3", "2", "1"]
    assert (versions["8"], versions["7"]) == (["challenger"], ["champion"])
    compared = answer["compareModelVersions"]
    rows = {
        row["key"]: row["values"]
        for part in ("params", "evaluationMetrics")
        for row in compared[part]
        if row["differs"]
    }
    assert rows == {
        "epochs": ["22", "24"],
        "window": ["28", "32"],
        "loss": ["0.129", "0.113"],
        "recall_at_10": ["0.74", "0.75"],
    }
    assert {row["key"]: row["differs"] for row in compared["datasets"]} == {
        "s3://studio/frames": False,
        "s3://studio/shots": True,
    }


async def test_how_fresh_it_is(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        answer = await answer_of(graph, "10-how-fresh")
    assert answer["model"]["latestVersion"]["version"] == "8"
    assert answer["pipeline"]["lastRun"]["state"] == "FAILED"
    for read in (answer["model"], answer["model"]["latestVersion"], answer["pipeline"], answer["pipeline"]["lastRun"]):
        assert read["freshness"]["fetchedAt"].endswith("Z")
    model = answer["model"]["freshness"]
    assert model["sourceUpdatedAt"] <= model["fetchedAt"]


async def test_what_is_missing_from_an_answer(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        answer = await answer_of(graph, "11-what-is-missing")
    assert [(source["name"], source["status"]) for source in answer["sources"]] == [
        ("airflow", "UP"),
        ("personalization-mlflow", "UP"),
        ("studio-mlflow", "UP"),
        ("unleash", "UP"),
    ]
    made_by = answer["node"]["producedBy"]
    assert (made_by["state"], made_by["code"]) == ("DANGLING", "NOT_FOUND")
    assert short(f"mlg://pipeline-run/airflow/{made_by['ref']['key'].partition('/')[0]}") == (
        "pipeline-run studio_content_embedding_nightly"
    )
    assert answer["node"]["experiments"]["edges"] == []
