"""Which experiments use a model or a version: now, ever or in preparation, in which variations, and what says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.client import Graph
from tests.graph.ids import id_of, version_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTROL, TREATMENT = ["control"], ["treatment"]
VALUE = "growthbook: value of variation {} (names no registry)"
OF_CONTROL, OF_TREATMENT = VALUE.format("control"), VALUE.format("treatment")
RUN_CELLS, VERSION_CELLS = "airflow: run parameter ab_test_cells", "personalization-mlflow: version tag ab_test_cells"
TAG = "growthbook: tag model:{} (names no registry)"

NOW = {
    "ads-context-matcher": [("ads-contextual-scene-match", CONTROL, [OF_CONTROL])],
    "churn 30% uplift": [("winback-offer", ["offer"], [VERSION_CELLS])],
    "content-embedding": [("ads-contextual-scene-match", TREATMENT, [OF_TREATMENT])],
    "it's-a-ranker": [
        ("two-stage-home", TREATMENT, [OF_TREATMENT]),
        ("home-ranking-freshness", TREATMENT, [RUN_CELLS]),
    ],
    "shot-boundary-detector": [("skip-intro-timing", CONTROL, [OF_CONTROL])],
    "title-ranker": [("two-stage-home", CONTROL, [OF_CONTROL])],  # of both registries: no value says which
    "viewer-embedding": [("two-stage-home", TREATMENT, [OF_TREATMENT, TAG.format("viewer-embedding")])],
    "検索-ranker": [("search-rerank-japanese", ["control", "treatment"], [OF_CONTROL, OF_TREATMENT])],
}
BEFORE = {
    "content-embedding": [("scene-search-recall", ["control", "treatment"], [OF_CONTROL, OF_TREATMENT])],
    "fraud-screen": [("fraud-screen-threshold", CONTROL, [OF_CONTROL])],
    "shot-boundary-detector": [("trailer-moments", TREATMENT, [OF_TREATMENT])],
    'the "director\'s cut" ranker': [("directors-cut-first", CONTROL, [OF_CONTROL])],
    "title-ranker": [("directors-cut-first", TREATMENT, [OF_TREATMENT])],
}
DRAFT = {
    'café-ranker "v2"': [("location-scout-cafes", None, [TAG.format('café-ranker "v2"')])],
    "content-embedding": [("hero-image-motion", TREATMENT, [OF_TREATMENT])],
    "poster.art.picker": [("hero-image-motion", CONTROL, [OF_CONTROL])],
}
EVER = {name: NOW.get(name, []) + BEFORE.get(name, []) for name in NOW.keys() | BEFORE.keys()}

VERSIONS_NOW = {
    "ads-context-matcher/3": [("ads-contextual-scene-match", CONTROL, [OF_CONTROL])],
    "churn 30% uplift/1": [("winback-offer", ["offer"], [VERSION_CELLS])],
    "content-embedding/7": [("ads-contextual-scene-match", TREATMENT, [OF_TREATMENT])],
    "it's-a-ranker/2": [("two-stage-home", TREATMENT, [OF_TREATMENT])],
    "it's-a-ranker/3": [("home-ranking-freshness", TREATMENT, [RUN_CELLS])],
    "shot-boundary-detector/3": [("skip-intro-timing", CONTROL, [OF_CONTROL])],
    "personalization-mlflow title-ranker/2": [("two-stage-home", CONTROL, [OF_CONTROL])],
    "studio-mlflow title-ranker/2": [("two-stage-home", CONTROL, [OF_CONTROL])],
    "viewer-embedding/1": [("two-stage-home", TREATMENT, [OF_TREATMENT])],
    "検索-ranker/1": [("search-rerank-japanese", CONTROL, [OF_CONTROL])],
    "検索-ranker/2": [("search-rerank-japanese", TREATMENT, [OF_TREATMENT])],  # by the alias champion
}
VERSIONS_BEFORE = {
    "content-embedding/4": [("scene-search-recall", CONTROL, [OF_CONTROL])],
    "content-embedding/5": [("scene-search-recall", TREATMENT, [OF_TREATMENT])],
    "fraud-screen/1": [("fraud-screen-threshold", CONTROL, [OF_CONTROL])],  # the other value is no JSON
    "shot-boundary-detector/2": [("trailer-moments", TREATMENT, [OF_TREATMENT])],
    'the "director\'s cut" ranker/1': [("directors-cut-first", CONTROL, [OF_CONTROL])],
    # the champion of one registry is version 1, of the other 2: what the alias means differs with the registry
    "personalization-mlflow title-ranker/1": [("directors-cut-first", TREATMENT, [OF_TREATMENT])],
    "studio-mlflow title-ranker/2": [("directors-cut-first", TREATMENT, [OF_TREATMENT])],
}
VERSIONS_DRAFT = {"content-embedding/7": [("hero-image-motion", TREATMENT, [OF_TREATMENT])]}
VERSIONS_EVER = {
    key: VERSIONS_NOW.get(key, []) + VERSIONS_BEFORE.get(key, [])
    for key in VERSIONS_NOW.keys() | VERSIONS_BEFORE.keys()
}

EDGES = "edges { state running variations { key } node { key status } evidence { basis assertedBy } }"
COMPLETE = "completeness { complete reasons }"


def uses(page: Any) -> list[tuple[str, list[str] | None, list[str]]]:
    return [
        (
            edge["node"]["key"],
            edge["variations"] and [item["key"] for item in edge["variations"]],
            [item["assertedBy"] for item in edge["evidence"]],
        )
        for edge in page["edges"]
    ]


@pytest.mark.parametrize(("usage", "expected"), [("CURRENT", NOW), ("EVER", EVER), ("DRAFT", DRAFT)])
async def test_every_model_leads_to_the_experiments_of_a_window(told: Graph, usage: str, expected: Any) -> None:
    answer = await told.data(
        f"query($usage: UsageWindow) {{ models(first: 100) {{ nodes {{ id name "
        f"experiments(usage: $usage) {{ totalCount {EDGES} {COMPLETE} }} }} }} }}",
        usage=usage,
    )
    models = answer["models"]["nodes"]
    assert len(models) == 15
    for model in models:
        page = model["experiments"]
        assert (model["id"], uses(page)) == (model["id"], expected.get(model["name"], []))
        assert page["totalCount"] == len(page["edges"])
        assert page["completeness"] == {"complete": True, "reasons": []}


@pytest.mark.parametrize(
    ("usage", "expected"), [("CURRENT", VERSIONS_NOW), ("EVER", VERSIONS_EVER), ("DRAFT", VERSIONS_DRAFT)]
)
async def test_every_version_leads_to_the_experiments_that_mean_it(told: Graph, usage: str, expected: Any) -> None:
    answer = await told.data(
        f"query($usage: UsageWindow) {{ models(first: 100) {{ nodes {{ versions(first: 20) {{ nodes {{ "
        f"ref {{ source key }} experiments(usage: $usage) {{ {EDGES} {COMPLETE} }} }} }} }} }} }}",
        usage=usage,
    )
    versions = [row for model in answer["models"]["nodes"] for row in model["versions"]["nodes"]]
    found = {}
    for row in versions:
        twice = "title-ranker/" in row["ref"]["key"]
        found[f"{row['ref']['source']} {row['ref']['key']}" if twice else row["ref"]["key"]] = row["experiments"]
    assert {key: uses(page) for key, page in found.items() if page["edges"]} == expected
    assert len(found) == 32
    assert all(page["completeness"] == {"complete": True, "reasons": []} for page in found.values())


async def test_an_edge_says_whether_the_experiment_runs_and_since_when(told: Graph) -> None:
    query = """query($id: ID!, $usage: UsageWindow) { node(id: $id) { ... on Model {
      experiments(usage: $usage) { edges { running since until node { key status } } } } } }"""

    async def edges(usage: str) -> Any:
        answer = await told.data(query, id=id_of("model", "studio-mlflow", "content-embedding"), usage=usage)
        return answer["node"]["experiments"]["edges"]

    running = {
        "running": True,
        "since": "2026-11-10T09:00:00.000Z",  # the ramp: users saw it from then on
        "until": None,
        "node": {"key": "ads-contextual-scene-match", "status": "RUNNING"},
    }
    stopped = {
        "running": False,
        "since": "2026-07-20T08:00:00.000Z",
        "until": "2026-08-24T08:00:00.000Z",
        "node": {"key": "scene-search-recall", "status": "STOPPED"},
    }
    assert await edges("CURRENT") == [running]
    assert await edges("EVER") == [running, stopped]
    assert await edges("DRAFT") == [
        {"running": False, "since": None, "until": None, "node": {"key": "hero-image-motion", "status": "DRAFT"}}
    ]


async def test_the_window_is_current_unless_another_is_asked_for(told: Graph) -> None:
    query = """{ model(name: "content-embedding") { a: experiments { totalCount }
      b: experiments(usage: null) { totalCount } c: experiments(usage: EVER) { totalCount } } }"""
    assert (await told.data(query))["model"] == {"a": {"totalCount": 1}, "b": {"totalCount": 1}, "c": {"totalCount": 2}}


async def test_the_three_hops_from_a_version_to_its_test_are_inferred_and_say_their_way(told: Graph) -> None:
    """Version, training run, pipeline run, and the cell in its parameters: no value and no tag names the model."""
    id = version_id("it's-a-ranker/3", "personalization-mlflow")
    answer = await told.data(
        """query($id: ID!) { node(id: $id) { ... on ModelVersion { experiments { edges { state running
          node { key } variations { key number weight }
          evidence { basis assertedBy via { kind source key } } } } } } }""",
        id=id,
    )
    assert answer["node"]["experiments"]["edges"] == [
        {
            "state": "RESOLVED",
            "running": True,
            "node": {"key": "home-ranking-freshness"},
            "variations": [{"key": "treatment", "number": 2, "weight": 0.5}],
            "evidence": [
                {
                    "basis": "INFERRED",
                    "assertedBy": "airflow: run parameter ab_test_cells",
                    "via": [
                        {
                            "kind": "TRAINING_RUN",
                            "source": "personalization-mlflow",
                            "key": "2a35f692fd9c5ec62f87396e27574fe9",
                        },
                        {
                            "kind": "PIPELINE_RUN",
                            "source": "airflow",
                            "key": "personalization_home_ranking/manual__2026-11-22T02:00:00+00:00",
                        },
                    ],
                }
            ],
        }
    ]


async def test_the_sources_that_were_asked_are_told_with_what_they_contributed(told: Graph) -> None:
    answer = await told.data("""{ model(name: "it's-a-ranker") { experiments { completeness {
      complete reasons sources { source ok code matched } } } } }""")
    assert answer["model"]["experiments"]["completeness"] == {
        "complete": True,
        "reasons": [],
        "sources": [
            {"source": "airflow", "ok": True, "code": None, "matched": 0},
            {"source": "growthbook", "ok": True, "code": None, "matched": 2},
            {"source": "personalization-mlflow", "ok": True, "code": None, "matched": 0},
        ],
    }


async def test_experiments_page_one_by_one_running_first(told: Graph) -> None:
    query = """query($after: String) { model(name: "shot-boundary-detector") { experiments(usage: EVER, first: 1,
      after: $after) { edges { cursor node { key } } nodes { key } totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""
    first = (await told.data(query))["model"]["experiments"]
    assert first["nodes"] == [{"key": "skip-intro-timing"}]
    assert first["totalCount"] == 2
    cursor = first["edges"][0]["cursor"]
    assert first["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": cursor,
        "endCursor": cursor,
    }
    second = (await told.data(query, after=cursor))["model"]["experiments"]
    assert second["nodes"] == [{"key": "trailer-moments"}]
    assert second["totalCount"] == 2
    assert second["pageInfo"]["hasNextPage"] is False
    last = (await told.data(query, after=second["pageInfo"]["endCursor"]))["model"]["experiments"]
    assert (last["nodes"], last["pageInfo"]["hasNextPage"], last["pageInfo"]["endCursor"]) == ([], False, None)


async def test_a_cursor_is_of_no_use_with_another_window_or_model(told: Graph) -> None:
    query = """query($name: String!, $usage: UsageWindow, $after: String) { model(name: $name) {
      experiments(usage: $usage, first: 1, after: $after) { edges { cursor } } } }"""
    answer = await told.data(query, name="content-embedding", usage="EVER")
    cursor = answer["model"]["experiments"]["edges"][0]["cursor"]
    for name, usage in (("content-embedding", "CURRENT"), ("fraud-screen", "EVER")):
        refused = await told.ask(query, name=name, usage=usage, after=cursor)
        (error,) = refused["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["path"] == ["model", "experiments"]


@pytest.mark.parametrize("first", [0, -1, 101])
async def test_a_page_has_one_to_a_hundred_edges(told: Graph, first: int) -> None:
    query = 'query($first: Int) { model(name: "content-embedding") { experiments(first: $first) { totalCount } } }'
    (error,) = (await told.ask(query, first=first))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == "`first` must be from 1 to 100."
