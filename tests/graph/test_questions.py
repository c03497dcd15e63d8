"""The questions this exists for, each one query: its true answer over the demo, and what it costs each source."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from gateway.demo.company import Company
from gateway.demo.generator import build
from gateway.demo.story import story
from tests.graph.client import Graph, graph_of
from tests.graph.lineages import edges, levels
from tests.graph.questions import QUESTIONS, answer_of, failed, query_of, uses, variables_of
from tests.graph.test_outage import company

SOURCES = ("studio-mlflow", "personalization-mlflow", "airflow", "growthbook")
CALLS = {
    "00-on-call": ((3, 1, 8, 2), (3, 1, 8, 3)),
    "01-where-from": ((2, 0, 8, 0), (2, 0, 8, 0)),
    "02-which-experiments": ((4, 1, 1, 4), (4, 1, 1, 15)),
    "03-what-depends-on-it": ((11, 9, 4, 2), (11, 9, 4, 3)),
    "04-who-owns-it": ((3, 2, 2, 1), (3, 2, 2, 11)),
    "05-what-failed-upstream": ((2, 0, 8, 0), (2, 0, 8, 0)),
    "06-which-data-exists": ((4, 4, 3, 0), (13, 13, 7, 0)),
    "07-solved-before": ((22, 26, 6, 0), (22, 26, 6, 0)),
    "08-what-breaks-if": ((12, 12, 9, 2), (16, 16, 9, 4)),
    "09-siblings-and-differences": ((5, 0, 0, 0), (5, 0, 0, 0)),
    "10-how-fresh": ((1, 0, 2, 0), (1, 0, 2, 0)),
    "11-what-is-missing": ((3, 1, 2, 3), (3, 1, 2, 13)),
}
"""Of each source over the story and over the 1,200 models around it; what grows is lists that have to be paged."""
VERSION_7 = "model-version content-embedding/7"
NIGHTLY = "pipeline studio_content_embedding_nightly"


@pytest.fixture(params=[story, build])
async def graph(request: pytest.FixtureRequest) -> AsyncIterator[Graph]:
    made: Callable[[], Company] = request.param
    async with graph_of(made()) as graph:
        await graph.data("{ sources { name } }")  # Airflow's token and version are asked once per process
        graph.forget_calls()
        yield graph


def test_every_question_has_a_title_and_variables_and_is_one_query() -> None:
    assert list(CALLS) == QUESTIONS
    for question in QUESTIONS:
        lines = query_of(question).splitlines()
        assert lines[0].startswith("# "), question
        assert lines[0].endswith("?"), question
        assert sum(line.startswith("query ") for line in lines) == 1, question
        assert variables_of(question), question


@pytest.mark.parametrize(("size", "made"), [(0, story), (1, build)])
async def test_what_each_question_costs_each_source(size: int, made: Callable[[], Company]) -> None:
    async with graph_of(made()) as graph:
        await graph.data("{ sources { name } }")
        cost = {}
        for question in QUESTIONS:
            graph.forget_calls()
            await answer_of(graph, question)
            cost[question] = tuple(len(graph.calls(source)) for source in SOURCES)
        assert cost == {question: calls[size] for question, calls in CALLS.items()}


async def test_who_is_told_when_a_model_goes_wrong(graph: Graph) -> None:
    model = (await answer_of(graph, "00-on-call"))["model"]
    assert model["owners"] == [{"handle": "maya.ortiz", "team": "content-understanding"}]
    version = model["findVersion"]
    assert (version["version"], version["producedBy"]["node"]["state"]) == ("7", "SUCCESS")
    assert version["producedBy"]["node"]["failedUpstreamRuns"]["nodes"] == [
        {
            "state": "FAILED",
            "startedAt": "2026-11-09T01:39:00.000Z",
            "pipeline": {"name": "studio_shot_boundaries", "owners": [{"handle": "tomas.lindqvist"}]},
        }
    ]
    seen_by = [(edge["node"]["owners"], edge["variations"]) for edge in version["experiments"]["edges"]]
    assert seen_by == [([{"handle": "priya.raman"}], [{"key": "treatment", "weight": 0.5}])]
    assert version["experiments"]["completeness"] == {"complete": True}


async def test_where_a_version_comes_from(graph: Graph) -> None:
    answer = await answer_of(graph, "01-where-from")
    assert {
        f"{VERSION_7} PRODUCED_BY {NIGHTLY}",
        f"{VERSION_7} TRAINED_ON dataset s3://studio/frames",
        f"{VERSION_7} TRAINED_ON dataset s3://studio/shots",
        f"{VERSION_7} USES_FEATURE feature scene_stats:shot_len",
        f"{NIGHTLY} CONSUMES dataset s3://studio/frames",
        f"{NIGHTLY} CONSUMES dataset s3://studio/shots",
        "pipeline studio_frame_extraction PRODUCES dataset s3://studio/frames",
        "pipeline studio_shot_boundaries PRODUCES dataset s3://studio/shots",
    } <= edges(answer["lineage"])
    assert all(node["state"] == "RESOLVED" for node in answer["lineage"]["nodes"])
    version = answer["node"]
    assert version["trainingRun"]["evaluationMetrics"] == [
        {"key": "recall_at_10", "value": 0.74},
        {"key": "loss", "value": 0.129},
    ]
    assert [link["node"] for link in version["datasets"]] == [
        {"name": "studio.frames", "uri": "s3://studio/frames"},
        {"name": "studio.shots", "uri": "s3://studio/shots"},
    ]
    assert version["producedBy"] == {
        "state": "RESOLVED",
        "evidence": [
            {"assertedBy": "studio-mlflow: version tag lifecycle.pipeline"},
            {"assertedBy": "studio-mlflow: run tag lifecycle.pipeline"},
        ],
        "node": {"state": "SUCCESS", "pipeline": {"name": "studio_content_embedding_nightly"}},
    }


async def test_which_experiments_use_a_model_now_ever_and_in_which_variation(graph: Graph) -> None:
    model = (await answer_of(graph, "02-which-experiments"))["model"]
    now = [("ads-contextual-scene-match", "RUNNING", True, ["treatment"])]
    assert uses(model["now"]) == now
    assert uses(model["ever"]) == [*now, ("scene-search-recall", "STOPPED", False, ["control", "treatment"])]
    before = model["ever"]["edges"][1]
    assert (before["since"], before["until"]) == ("2026-07-20T08:00:00.000Z", "2026-08-24T08:00:00.000Z")
    assert [(variation["weight"], variation["value"]) for variation in before["variations"]] == [
        (0.5, "models:/content-embedding/4"),
        (0.5, "models:/content-embedding/5"),
    ]
    assert model["ever"]["completeness"] == {"complete": True}


async def test_what_depends_on_a_model(graph: Graph) -> None:
    lineage = (await answer_of(graph, "03-what-depends-on-it"))["lineage"]
    assert levels(lineage) == [
        {"model content-embedding"},
        {"experiment exp_d329ccb3d15a9f62", "pipeline ads_context_matching"},
        {
            "dataset s3://ads/scene-matches",
            "model ads-context-matcher",
            *(f"model-version ads-context-matcher/{number}" for number in (1, 2, 3)),
        },
    ]
    owned = {node["ref"]["key"]: [owner["handle"] for owner in node["owners"]] for node in lineage["nodes"]}
    assert owned["ads_context_matching"] == ["priya.raman"]
    assert owned["exp_d329ccb3d15a9f62"] == ["priya.raman"]
    assert lineage["completeness"] == {"complete": False, "reasons": ["DEPTH_LIMIT"]}


async def test_who_owns_a_model_and_what_else(graph: Graph) -> None:
    answer = await answer_of(graph, "04-who-owns-it")
    maya = {"handle": "maya.ortiz", "email": "maya.ortiz@example.com", "team": "content-understanding"}
    assert answer["model"] == {"owners": [maya], "domain": {"name": "studio"}}
    owns = answer["owner"].pop("owns")
    assert answer["owner"] == maya
    assert [(node["kind"], node["name"], node["ref"]["source"]) for node in owns["nodes"]] == [
        ("EXPERIMENT", "Search inside titles", "growthbook"),
        ("MODEL", "content-embedding", "studio-mlflow"),
        ("PIPELINE", "studio_content_embedding_nightly", "airflow"),
        ("MODEL", "trailer-cutter", "studio-mlflow"),
    ]
    assert (owns["totalCount"], owns["completeness"]) == (4, {"complete": True})


async def test_what_failed_upstream(graph: Graph) -> None:
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
    assert version["producedBy"]["node"]["failedUpstreamRuns"]["completeness"] == {"complete": True, "reasons": []}


async def test_which_data_sources_and_features_exist() -> None:
    async with graph_of(story()) as graph:
        answer = await answer_of(graph, "06-which-data-exists")
    producers = {
        node["uri"]: [edge["ref"]["key"] for edge in node["producers"]["edges"]] for node in answer["datasets"]["nodes"]
    }
    assert producers == {
        "s3://ads/scene-matches": ["ads_context_matching"],
        "s3://payments/transactions": [],
        "s3://personalization/viewing-sessions": [],
        "s3://studio/frames": ["studio_frame_extraction"],
        "s3://studio/masters": ["studio_ingest_masters"],
        "s3://studio/shots": ["studio_shot_boundaries"],
    }
    types = {node["name"]: node["dataType"] for node in answer["features"]["nodes"]}
    assert len(types) == 26
    assert types["scene_stats:shot_len"] is None  # a feature store's reference: no source says its type
    assert types["studio.shots:boundary_strength"] == "double"
    for part in ("datasets", "features"):
        assert answer[part]["completeness"] == {"complete": True, "reasons": []}


async def test_in_a_large_company_the_first_fifty_of_either_are_shown() -> None:
    async with graph_of(build()) as graph:
        answer = await answer_of(graph, "06-which-data-exists")
    for part in ("datasets", "features"):
        assert len(answer[part]["nodes"]) == 50
    assert answer["datasets"]["nodes"][0]["uri"] == "s3://ads/attribution-events"


async def test_whether_someone_solved_it_before(graph: Graph) -> None:
    similar = (await answer_of(graph, "07-solved-before"))["model"]["similar"]
    first = similar["edges"][0]
    assert first["node"]["name"] == "content-embedding"
    assert first["node"]["ref"]["source"] == "studio-mlflow"
    assert first["node"]["domain"] == {"name": "studio"}
    assert first["node"]["owners"] == [{"handle": "maya.ortiz"}]
    assert first["reasons"][:4] == [
        "same dataset studio.frames",
        "same feature scene_stats:shot_len",
        "same feature scene_stats:cut_rate",
        "name: embedding",
    ]
    described = first["reasons"][4].removeprefix("description: ").split(", ")
    assert set(described) == {"scene", "boundary", "embedding", "video"}
    assert {edge["node"]["name"] for edge in similar["edges"][1:]} == {"it's-a-ranker", "shot-boundary-detector"}
    assert similar["completeness"] == {"complete": True, "reasons": []}


async def test_what_breaks_if_a_dataset_changes(graph: Graph) -> None:
    impact = (await answer_of(graph, "08-what-breaks-if"))["impact"]
    running = {
        link["node"]["key"]: [(variation["key"], variation["weight"]) for variation in link["variations"]]
        for link in impact["runningExperiments"]
    }
    assert running == {
        "two-stage-home": [("treatment", 0.5)],
        "ads-contextual-scene-match": [("treatment", 0.5)],
        "skip-intro-timing": [("control", 0.5)],
    }
    assert {item["kind"]: item["count"] for item in impact["countByKind"]} == {
        "MODEL": 3,
        "MODEL_VERSION": 12,
        "EXPERIMENT": 3,
        "PIPELINE": 5,
        "DATASET": 1,
    }
    assert [owner["handle"] for owner in impact["ownersToTell"]] == [
        "jonas.weber",
        "maya.ortiz",
        "tomas.lindqvist",
        "lena.fischer",
        "priya.raman",
    ]
    assert impact["lineage"]["completeness"]["reasons"] == ["DEPTH_LIMIT"]


async def test_which_siblings_a_version_has_and_how_they_differ(graph: Graph) -> None:
    answer = await answer_of(graph, "09-siblings-and-differences")
    versions = answer["model"]["versions"]["nodes"]
    assert [(node["version"], node["aliases"]) for node in versions[:3]] == [
        ("8", ["challenger"]),
        ("7", ["champion"]),
        ("6", []),
    ]
    assert len(versions) == 8
    compared = answer["compareModelVersions"]
    rows = {
        row["key"]: row["values"]
        for part in ("params", "evaluationMetrics", "datasets")
        for row in compared[part]
        if row["differs"]
    }
    assert rows == {
        "epochs": ["22", "24"],
        "window": ["28", "32"],
        "loss": ["0.129", "0.113"],
        "recall_at_10": ["0.74", "0.75"],
        "s3://studio/shots": ["b62e23e3", None],
    }


async def test_how_fresh_it_is(graph: Graph) -> None:
    answer = await answer_of(graph, "10-how-fresh")
    model, pipeline = answer["model"], answer["pipeline"]
    assert model["freshness"]["sourceUpdatedAt"] == "2026-11-19T16:49:00.000Z"
    assert model["latestVersion"]["version"] == "8"
    assert model["latestVersion"]["createdAt"] == "2026-11-19T16:49:00.000Z"
    run = pipeline["lastRun"]
    assert (run["state"], run["startedAt"], run["endedAt"]) == (
        "FAILED",
        "2026-11-23T01:37:00.000Z",
        "2026-11-23T02:49:00.000Z",
    )
    for read in (model, model["latestVersion"], pipeline, run):
        assert read["freshness"]["fetchedAt"].endswith("Z")


async def test_what_is_missing_while_all_sources_are_up(graph: Graph) -> None:
    """Airflow no longer has the run of version 3: that is no outage, and nothing else is missing."""
    answer = await answer_of(graph, "11-what-is-missing")
    assert [(source["name"], source["status"]) for source in answer["sources"]] == [
        ("airflow", "UP"),
        ("growthbook", "UP"),
        ("personalization-mlflow", "UP"),
        ("studio-mlflow", "UP"),
    ]
    assert answer["node"]["producedBy"] == {
        "state": "DANGLING",
        "code": "NOT_FOUND",
        "ref": {"key": "studio_content_embedding_nightly/scheduled__2026-02-17T02:00:00+00:00"},
    }
    experiments = answer["node"]["experiments"]
    assert experiments["edges"] == []
    assert (experiments["completeness"]["complete"], experiments["completeness"]["reasons"]) == (True, [])


async def test_what_is_missing_while_two_sources_are_down() -> None:
    async with company() as (sources, graph):
        await sources.stop("airflow")
        await sources.stop("growthbook")
        answer = (await graph.ask(query_of("11-what-is-missing"), **variables_of("11-what-is-missing")))["data"]
        assert {source["name"]: source["status"] for source in answer["sources"]} == {
            "airflow": "DOWN",
            "growthbook": "DOWN",
            "personalization-mlflow": "UP",
            "studio-mlflow": "UP",
        }
        assert answer["node"]["producedBy"]["state"] == "UNAVAILABLE"
        assert answer["node"]["producedBy"]["code"] == "SOURCE_UNAVAILABLE"
        completeness = answer["node"]["experiments"]["completeness"]
        assert (completeness["complete"], completeness["reasons"]) == (False, ["SOURCE_UNAVAILABLE"])
        assert {item["source"]: item["code"] for item in completeness["sources"] if not item["ok"]} == {
            "airflow": "SOURCE_UNAVAILABLE",
            "growthbook": "SOURCE_UNAVAILABLE",
        }
