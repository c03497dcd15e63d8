"""The ways into the graph: by id, by name, by key; odd names, names that two sources have, and what is not there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.client import Graph
from tests.graph.ids import id_of, version_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

STUDIO, PERSONALIZATION = "studio-mlflow", "personalization-mlflow"
ODD = [
    (STUDIO, 'café-ranker "v2"'),
    (STUDIO, "poster.art.picker"),
    (PERSONALIZATION, "it's-a-ranker"),
    (PERSONALIZATION, 'the "director\'s cut" ranker'),
    (PERSONALIZATION, "churn 30% uplift"),
    (PERSONALIZATION, "検索-ranker"),
]
RUN = "studio.train-shot-detector/manual__2026-11-01T04:00:00+00:00"


def codes(answer: Any) -> list[tuple[str, list[str | int]]]:
    return [(error["extensions"]["code"], error["path"]) for error in answer.get("errors", [])]


# ---------------------------------------------------------------- by id


@pytest.mark.parametrize(
    ("id", "type", "name"),
    [
        (id_of("model", STUDIO, "content-embedding"), "Model", "content-embedding"),
        (version_id("content-embedding/7"), "ModelVersion", "content-embedding"),
        (
            id_of("experiment", "growthbook", "exp_d329ccb3d15a9f62"),
            "Experiment",
            "Match the advertisement to the scene, not to the words",
        ),
        (id_of("pipeline", "airflow", "studio.train-shot-detector"), "Pipeline", "studio.train-shot-detector"),
        (id_of("pipeline-run", "airflow", RUN), "PipelineRun", "manual__2026-11-01T04:00:00+00:00"),
    ],
)
async def test_every_entity_is_read_again_by_its_id(told: Graph, id: str, type: str, name: str) -> None:
    query = "query($id: ID!) { node(id: $id) { __typename id ... on Entity { name ref { entityId } } } }"
    node = (await told.data(query, id=id))["node"]
    assert node == {"__typename": type, "id": id, "name": name, "ref": {"entityId": id}}


@pytest.mark.parametrize(
    "id",
    [
        "mlg://model/studio-mlflow/nobody",
        "mlg://model-version/studio-mlflow/content-embedding%2F99",
        "mlg://model-version/studio-mlflow/content-embedding",
        "mlg://model-version/studio-mlflow/content-embedding%2Fnine",
        "mlg://model-version/studio-mlflow/content-embedding%2F07",
        "mlg://experiment/growthbook/exp_nobody",
        "mlg://experiment/growthbook/ads-contextual-scene-match",  # a key, not the platform's own id
        "mlg://pipeline/airflow/nobody",
        "mlg://pipeline-run/airflow/studio.train-shot-detector%2Fnobody",
        "mlg://pipeline-run/airflow/studio.train-shot-detector",
        "mlg://model/nowhere/content-embedding",
        "mlg://model/personalization-mlflow/content-embedding",
        "mlg://model/airflow/content-embedding",
        "mlg://pipeline/studio-mlflow/studio.train-shot-detector",
    ],
)
async def test_what_is_not_there_is_null_without_an_error(told: Graph, id: str) -> None:
    assert await told.ask("query($id: ID!) { node(id: $id) { id } }", id=id) == {"data": {"node": None}}


@pytest.mark.parametrize(
    "id",
    [
        "",
        "content-embedding",
        "mlg://model/studio-mlflow/it's",
        "mlg://model/studio-mlflow/a%2fb",
        "mlg://Model/studio-mlflow/content-embedding",
        "mlg://model/studio-mlflow/content-embedding/",
    ],
)
async def test_what_is_no_id_is_refused_and_costs_no_call(told: Graph, id: str) -> None:
    told.forget_calls()
    answer = await told.ask("query($id: ID!) { node(id: $id) { id } }", id=id)
    assert answer["data"] == {"node": None}
    assert codes(answer) == [("BAD_USER_INPUT", ["node"])]
    assert [call for name in told.served for call in told.calls(name)] == []


async def test_a_training_run_cannot_be_read_by_id_and_that_is_said(told: Graph) -> None:
    """It exists, so null without an error would be a lie."""
    answer = await told.ask(
        "query($id: ID!) { node(id: $id) { id } }",
        id="mlg://training-run/studio-mlflow/58f84e3465c1380d9c7f6d15c0783960",
    )
    assert answer["data"] == {"node": None}
    assert codes(answer) == [("BAD_USER_INPUT", ["node"])]


async def test_nodes_answers_in_order_with_an_error_at_each_bad_id(told: Graph) -> None:
    ids = [
        version_id("content-embedding/7"),
        "garbage",
        id_of("model", STUDIO, "nobody"),
        id_of("pipeline", "airflow", "studio_frame_extraction"),
        version_id("content-embedding/7"),
    ]
    answer = await told.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert answer["data"]["nodes"] == [{"id": ids[0]}, None, None, {"id": ids[3]}, {"id": ids[0]}]
    assert codes(answer) == [("BAD_USER_INPUT", ["nodes", 1])]


async def test_nodes_of_one_source_cost_one_call_a_kind(told: Graph) -> None:
    ids = [id_of("model", STUDIO, name) for name in ("content-embedding", "fraud-screen", "trailer-cutter", "nobody")]
    ids += [version_id(f"content-embedding/{number}") for number in range(1, 9)]
    told.forget_calls()
    answer = await told.data("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert [node and node["id"] for node in answer["nodes"]] == [*ids[:3], None, *ids[4:]]
    assert len(told.calls(STUDIO)) == 2
    assert len(told.calls(PERSONALIZATION)) == 0


async def test_nodes_takes_none_and_at_most_a_hundred(told: Graph) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert (await told.data(query, ids=[]))["nodes"] == []
    answer = await told.ask(query, ids=[id_of("model", STUDIO, str(number)) for number in range(101)])
    assert answer["data"] is None
    assert codes(answer) == [("BAD_USER_INPUT", ["nodes"])]


# ---------------------------------------------------------------- by name


@pytest.mark.parametrize(("source", "name"), ODD)
async def test_odd_names_are_found_by_name_by_source_and_by_id(told: Graph, source: str, name: str) -> None:
    query = """query($name: String!, $source: String!, $id: ID!, $version: ID!) {
      a: model(name: $name) { id name } b: model(name: $name, source: $source) { id name }
      c: node(id: $id) { id ... on Model { name latestVersion { version model { name } } } }
      d: node(id: $version) { ... on ModelVersion { name version model { id } } } }"""
    id = id_of("model", source, name)
    answer = await told.data(query, name=name, source=source, id=id, version=version_id(f"{name}/1", source))
    assert answer["a"] == answer["b"] == {"id": id, "name": name}
    assert (answer["c"]["id"], answer["c"]["name"]) == (id, name)
    assert answer["c"]["latestVersion"]["model"] == {"name": name}
    assert answer["d"] == {"name": name, "version": "1", "model": {"id": id}}


@pytest.mark.parametrize(
    "name",
    [
        "nobody",
        "",
        " content-embedding",
        "Content-Embedding",
        "content-embedding'",
        "content_embedding",
        "%",
        "' OR name LIKE '%",
        '"',
        "a/b",
        "..",
        "\0",
        "a" * 5000,
    ],
)
@pytest.mark.parametrize("field", ["model(name: $name)", "pipeline(name: $name)", "experiment(key: $name)"])
async def test_a_name_nobody_has_is_null_without_an_error(told: Graph, field: str, name: str) -> None:
    answer = await told.ask(f"query($name: String!) {{ found: {field} {{ id }} }}", name=name)
    assert answer == {"data": {"found": None}}


async def test_a_name_of_two_registries_is_an_error_with_both_ids_and_source_settles_it(told: Graph) -> None:
    answer = await told.ask('{ model(name: "title-ranker") { id } }')
    assert answer["data"] == {"model": None}
    (error,) = answer["errors"]
    assert error["path"] == ["model"]
    assert error["extensions"]["code"] == "AMBIGUOUS"
    assert error["extensions"]["ids"] == [
        "mlg://model/personalization-mlflow/title-ranker",
        "mlg://model/studio-mlflow/title-ranker",
    ]
    settled = await told.data("""{
      a: model(name: "title-ranker", source: "studio-mlflow") { domain { name }
        findVersion(alias: "champion") { version } }
      b: model(name: "title-ranker", source: "personalization-mlflow") { domain { name }
        findVersion(alias: "champion") { version } } }""")
    assert settled == {
        "a": {"domain": {"name": "studio"}, "findVersion": {"version": "2"}},
        "b": {"domain": {"name": "personalization"}, "findVersion": {"version": "1"}},
    }


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ('model(name: "x", source: "airflow")', "personalization-mlflow, studio-mlflow"),
        ('model(name: "x", source: "")', "personalization-mlflow, studio-mlflow"),
        ('pipeline(name: "x", source: "growthbook")', "airflow"),
        ('experiment(key: "x", source: "nowhere")', "growthbook"),
    ],
)
async def test_a_source_of_another_role_is_refused_with_those_there_are(told: Graph, field: str, names: str) -> None:
    answer = await told.ask(f"{{ found: {field} {{ id }} }}")
    assert codes(answer) == [("BAD_USER_INPUT", ["found"])]
    assert answer["errors"][0]["message"].endswith(f": {names}.")


async def test_an_experiment_is_found_by_key_and_by_the_platforms_id(told: Graph) -> None:
    answer = await told.data("""{ a: experiment(key: "winback-offer") { id key }
      b: experiment(key: "exp_e20161499a9451c0") { id key }
      c: experiment(key: "directors-cut-first", source: "growthbook") { status sourceStatus } }""")
    assert (
        answer["a"] == answer["b"] == {"id": "mlg://experiment/growthbook/exp_e20161499a9451c0", "key": "winback-offer"}
    )
    assert answer["c"] == {"status": "ARCHIVED", "sourceStatus": "stopped"}


# ---------------------------------------------------------------- versions of a model


async def test_a_version_is_found_by_number_and_by_alias(told: Graph) -> None:
    answer = await told.ask("""{ model(name: "content-embedding") {
      number: findVersion(version: "7") { version aliases }
      alias: findVersion(alias: "challenger") { version aliases }
      latestVersion { version aliases }
      gone: findVersion(version: "99") { version } nobody: findVersion(alias: "nobody") { version }
      text: findVersion(version: "seven") { version } zero: findVersion(version: "07") { version }
      empty: findVersion(alias: "") { version }
      neither: findVersion { version } both: findVersion(version: "7", alias: "champion") { version } } }""")
    assert answer["data"]["model"] == {
        "number": {"version": "7", "aliases": ["champion"]},
        "alias": {"version": "8", "aliases": ["challenger"]},
        "latestVersion": {"version": "8", "aliases": ["challenger"]},
        "gone": None,
        "nobody": None,
        "text": None,
        "zero": None,
        "empty": None,
        "neither": None,
        "both": None,
    }
    assert codes(answer) == [("BAD_USER_INPUT", ["model", "both"]), ("BAD_USER_INPUT", ["model", "neither"])]


async def test_a_model_without_versions_has_none(told: Graph) -> None:
    answer = await told.data("""{ model(name: "trailer-cutter") { latestVersion { version } versionAliases { alias }
      versions { totalCount nodes { version } pageInfo { hasNextPage endCursor } } experiments { totalCount }
      producers { totalCount } findVersion(version: "1") { version } } }""")
    assert answer["model"] == {
        "latestVersion": None,
        "versionAliases": [],
        "versions": {"totalCount": 0, "nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}},
        "experiments": {"totalCount": 0},
        "producers": {"totalCount": 0},
        "findVersion": None,
    }


# ---------------------------------------------------------------- what an entity says of itself


async def test_owners_and_domain_come_from_tags_and_a_model_nobody_owns_has_none(told: Graph) -> None:
    answer = await told.data("""{ owned: model(name: "content-embedding") { owners { id handle email team }
      domain { id name } tags { key value } }
      orphan: model(name: "legacy-subtitle-aligner") { owners { handle } domain { name }
        latestVersion { owners { handle } } }
      guest: model(name: "fraud-screen") { owners { handle } domain { name } } }""")
    assert answer["owned"] == {
        "owners": [
            {
                "id": "mlg://owner/-/maya.ortiz",
                "handle": "maya.ortiz",
                "email": "maya.ortiz@example.com",
                "team": "content-understanding",
            }
        ],
        "domain": {"id": "mlg://domain/-/studio", "name": "studio"},
        "tags": [
            {"key": "domain", "value": "studio"},
            {"key": "owner", "value": "maya.ortiz@example.com"},
            {"key": "team", "value": "content-understanding"},
            {"key": "framework", "value": "pytorch"},
            {"key": "tier", "value": "1"},
        ],
    }
    assert answer["orphan"] == {"owners": [], "domain": {"name": "studio"}, "latestVersion": {"owners": []}}
    assert answer["guest"] == {"owners": [{"handle": "idris.bello"}], "domain": {"name": "payments"}}


async def test_a_pipeline_and_its_runs_say_how_they_are(told: Graph) -> None:
    answer = await told.data("""{ a: pipeline(name: "payments_fraud_screen") { schedule paused owners { handle }
      domain { name } lastRun { name state } description }
      b: pipeline(name: "studio_content_embedding_nightly") { schedule paused owners { handle } tags { key value }
      lastRun { state sourceStatus startedAt endedAt ref { key } pipeline { name } } } }""")
    assert answer["a"] == {
        "schedule": "0 6 15 */3 *",
        "paused": True,
        "owners": [],  # Airflow's own default owner is nobody
        "domain": {"name": "payments"},
        "lastRun": {"name": "manual__2026-10-15T06:00:00+00:00", "state": "SUCCESS"},
        "description": "Trained the fraud screen each quarter. Paused while the new card scheme is tested.",
    }
    assert answer["b"] == {
        "schedule": None,
        "paused": False,
        "owners": [{"handle": "maya.ortiz"}, {"handle": "tomas.lindqvist"}],
        "tags": [{"key": "domain", "value": "studio"}, {"key": "tier", "value": "1"}],
        "lastRun": {
            "state": "FAILED",
            "sourceStatus": "failed",
            "startedAt": "2026-11-23T01:37:00.000Z",
            "endedAt": "2026-11-23T02:49:00.000Z",
            "ref": {"key": "studio_content_embedding_nightly/asset_triggered__2026-11-23T01:37:00+00:00_d1762a92"},
            "pipeline": {"name": "studio_content_embedding_nightly"},
        },
    }


async def test_an_experiment_says_what_it_measures_and_found(told: Graph) -> None:
    answer = await told.data("""{ experiment(key: "scene-search-recall") { name status hypothesis owners { handle }
      domain { name } createdAt updatedAt phases { name startedAt endedAt coverage reasonForStopping }
      metrics { key name role } variations { key name number isControl weight }
      results { sourceStatus winner { key } conclusions rows { metric variation users mean relativeUplift ciLow ciHigh
        chanceToBeatControl } } } }""")
    assert answer["experiment"] == {
        "name": "Search inside titles",
        "status": "STOPPED",
        "hypothesis": "Dialogue pauses help to find the scene somebody describes.",
        "owners": [{"handle": "maya.ortiz"}],
        "domain": {"name": "studio"},
        "createdAt": "2026-07-19T08:00:00.000Z",
        "updatedAt": "2026-08-24T08:00:00.000Z",
        "phases": [
            {
                "name": "Editors",
                "startedAt": "2026-07-20T08:00:00.000Z",
                "endedAt": "2026-07-27T08:00:00.000Z",
                "coverage": 0.1,
                "reasonForStopping": "Widened.",
            },
            {
                "name": "Everyone",
                "startedAt": "2026-07-27T08:00:00.000Z",
                "endedAt": "2026-08-24T08:00:00.000Z",
                "coverage": 1.0,
                "reasonForStopping": "Enough users.",
            },
        ],
        "metrics": [
            {"key": "met_search_success", "name": "Searches that end in a start", "role": "GOAL"},
            {"key": "met_search_latency", "name": "Search latency, 95th percentile", "role": "GUARDRAIL"},
        ],
        "variations": [
            {"key": "control", "name": "Control", "number": 1, "isControl": True, "weight": 0.5},
            {"key": "treatment", "name": "Treatment", "number": 2, "isControl": False, "weight": 0.5},
        ],
        "results": {
            "sourceStatus": "won",
            "winner": {"key": "treatment"},
            "conclusions": "Version 5 finds the scene one time in two. Shipped to all editors.",
            "rows": [
                {
                    "metric": "met_search_success",
                    "variation": "control",
                    "users": 9640,
                    "mean": 0.438,
                    "relativeUplift": None,
                    "ciLow": None,
                    "ciHigh": None,
                    "chanceToBeatControl": None,
                },
                {
                    "metric": "met_search_success",
                    "variation": "treatment",
                    "users": 9603,
                    "mean": 0.47615,
                    "relativeUplift": 0.0871,
                    "ciLow": 0.041,
                    "ciHigh": 0.134,
                    "chanceToBeatControl": 0.999,
                },
            ],
        },
    }


async def test_the_sources_are_listed_with_what_they_are(told: Graph) -> None:
    answer = await told.data("{ sources { name role product version status breaker capabilities { name mode } } }")
    assert [
        (item["name"], item["role"], item["product"], item["status"], item["breaker"]) for item in answer["sources"]
    ] == [
        ("airflow", "ORCHESTRATOR", "airflow", "UP", "CLOSED"),
        ("growthbook", "EXPERIMENT_PLATFORM", "growthbook", "UP", "CLOSED"),
        ("personalization-mlflow", "MODEL_REGISTRY", "mlflow", "UP", "CLOSED"),
        ("studio-mlflow", "MODEL_REGISTRY", "mlflow", "UP", "CLOSED"),
    ]
    for item in answer["sources"]:
        assert item["version"]
        assert {capability["mode"] for capability in item["capabilities"]} <= {"NATIVE", "SCAN", "NONE"}
