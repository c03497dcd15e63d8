"""Which models an experiment tests, in which variation; what a value that names none, one or several leads to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.client import Graph
from tests.graph.ids import id_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTROL, TREATMENT = ["control"], ["treatment"]
STUDIO, PERSONALIZATION = "studio-mlflow", "personalization-mlflow"

TESTED: dict[str, list[tuple[str, str, list[str] | None]]] = {
    "ads-contextual-scene-match": [
        (PERSONALIZATION, "ads-context-matcher/3", CONTROL),
        (STUDIO, "content-embedding/7", TREATMENT),
    ],
    "directors-cut-first": [
        (PERSONALIZATION, 'the "director\'s cut" ranker/1', CONTROL),
        ("-", "title-ranker", TREATMENT),  # two registries have it
    ],
    "fraud-screen-threshold": [(STUDIO, "fraud-screen/1", CONTROL)],
    "hero-image-motion": [
        (STUDIO, "content-embedding/7", TREATMENT),  # the champion
        (STUDIO, "poster.art.picker", CONTROL),  # no version is named, so none is claimed
    ],
    "home-ranking-freshness": [],  # only the run that trained it says so: see PipelineRun.testedIn
    "location-scout-cafes": [(STUDIO, 'café-ranker "v2"', None)],
    "scene-search-recall": [
        (STUDIO, "content-embedding/4", CONTROL),
        (STUDIO, "content-embedding/5", TREATMENT),
    ],
    "search-rerank-japanese": [
        (PERSONALIZATION, "検索-ranker/1", CONTROL),
        (PERSONALIZATION, "検索-ranker/2", TREATMENT),
    ],
    "skip-intro-timing": [
        (STUDIO, "shot-boundary-detector/3", CONTROL),
        ("-", "skip-intro-net", TREATMENT),  # deleted
    ],
    "trailer-moments": [(STUDIO, "shot-boundary-detector/2", TREATMENT)],
    "two-stage-home": [
        (PERSONALIZATION, "it's-a-ranker/2", TREATMENT),
        (PERSONALIZATION, "viewer-embedding/1", TREATMENT),
        ("-", "title-ranker", CONTROL),
        (PERSONALIZATION, "viewer-embedding", None),  # the experiment's own tag names no version and no variation
    ],
    "winback-offer": [(PERSONALIZATION, "churn 30% uplift/1", ["offer"])],
}
VERSION_EDGES = """edges { state code ref { source key } node { name version } model { name } variations { key }
  evidence { basis assertedBy } } totalCount completeness { complete reasons }"""


async def test_every_experiment_leads_to_the_models_it_tests(told: Graph) -> None:
    answer = await told.ask(f"{{ experiments(first: 100) {{ nodes {{ key testedModels {{ {VERSION_EDGES} }} }} }} }}")
    found = {row["key"]: row["testedModels"] for row in answer["data"]["experiments"]["nodes"]}
    tested = {
        key: {
            (edge["ref"]["source"], edge["ref"]["key"], _keys(edge["variations"]))
            for edge in page["edges"]
        }
        for key, page in found.items()
    }  # fmt: skip
    assert tested == {
        key: {(source, name, variations and tuple(variations)) for source, name, variations in rows}
        for key, rows in TESTED.items()
    }
    for page in found.values():
        assert page["totalCount"] == len(page["edges"])
        assert page["completeness"] == {"complete": True, "reasons": []}
        for edge in page["edges"]:
            name, _, version = edge["ref"]["key"].partition("/")
            if edge["ref"]["source"] == "-":
                assert (edge["node"], edge["model"]) == (None, None)
            else:
                assert (edge["state"], edge["code"]) == ("RESOLVED", None)
                assert edge["node"] == ({"name": name, "version": version} if version else None)
                assert edge["model"] == {"name": name}
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "AMBIGUOUS"
    assert error["extensions"]["count"] == 2


def _keys(variations: Any) -> tuple[str, ...] | None:
    return tuple(item["key"] for item in variations) if variations is not None else None


async def test_a_model_that_is_gone_is_a_dangling_link(told: Graph) -> None:
    answer = await told.data("""{ experiment(key: "skip-intro-timing") { testedModels {
      nodes { version } edges { state code ref { kind source key } node { id } model { id }
      evidence { basis assertedBy } } } } }""")
    tested = answer["experiment"]["testedModels"]
    assert tested["nodes"] == [{"version": "3"}, None]
    assert tested["edges"][1] == {
        "state": "DANGLING",
        "code": "NOT_FOUND",
        "ref": {"kind": "MODEL", "source": "-", "key": "skip-intro-net"},
        "node": None,
        "model": None,
        "evidence": [
            {"basis": "CONVENTION", "assertedBy": "growthbook: value of variation treatment (names no registry)"}
        ],
    }


async def test_a_name_of_two_registries_is_said_to_be_ambiguous_with_both_ids(told: Graph) -> None:
    answer = await told.ask("""{ experiment(key: "directors-cut-first") { testedModels { edges {
      ref { source key } state code model { name } } } } }""")
    edge = answer["data"]["experiment"]["testedModels"]["edges"][1]
    assert edge == {
        "ref": {"source": "-", "key": "title-ranker"},
        "state": "UNAVAILABLE",
        "code": "AMBIGUOUS",
        "model": None,
    }
    (error,) = answer["errors"]
    assert error["path"] == ["experiment", "testedModels", "edges", 1, "code"]
    assert error["extensions"] | {"requestId": ""} == {
        "code": "AMBIGUOUS",
        "ids": ["mlg://model/personalization-mlflow/title-ranker", "mlg://model/studio-mlflow/title-ranker"],
        "count": 1,
        "requestId": "",
    }


async def test_a_version_that_carries_the_cell_is_found_from_the_experiment(told: Graph) -> None:
    answer = await told.data("""{ experiment(key: "winback-offer") { testedModels { edges { node { name version }
      variations { key number } evidence { basis assertedBy via { entityId } } } } } }""")
    id = id_of("model-version", PERSONALIZATION, "churn 30% uplift/1")
    assert answer["experiment"]["testedModels"]["edges"] == [
        {
            "node": {"name": "churn 30% uplift", "version": "1"},
            "variations": [{"key": "offer", "number": 2}],
            "evidence": [
                {
                    "basis": "CONVENTION",
                    "assertedBy": "personalization-mlflow: version tag ab_test_cells",
                    "via": [{"entityId": id}],
                }
            ],
        }
    ]


async def test_tested_models_page(told: Graph) -> None:
    query = """query($after: String) { experiment(key: "two-stage-home") { testedModels(first: 2, after: $after) {
      edges { ref { key } } pageInfo { hasNextPage endCursor } totalCount } } }"""
    first = (await told.data(query))["experiment"]["testedModels"]
    second = (await told.data(query, after=first["pageInfo"]["endCursor"]))["experiment"]["testedModels"]
    assert [edge["ref"]["key"] for edge in first["edges"]] == ["it's-a-ranker/2", "viewer-embedding/1"]
    assert [edge["ref"]["key"] for edge in second["edges"]] == ["title-ranker", "viewer-embedding"]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    assert (first["totalCount"], second["totalCount"]) == (4, 4)


# ---------------------------------------------------------------- values of variations

MODELS = """variations { key value models { state ref { source key } alias version { version } node { name }
  evidence { basis assertedBy } } }"""


async def models_of(graph: Graph, experiment: str) -> dict[str, Any]:
    answer = await graph.ask(f"query($key: String!) {{ experiment(key: $key) {{ {MODELS} }} }}", key=experiment)
    return {
        item["key"]: [
            (link["state"], link["ref"]["key"], link["version"] and link["version"]["version"], link["alias"])
            for link in item["models"]
        ]
        for item in answer["data"]["experiment"]["variations"]
    }


@pytest.mark.parametrize(
    ("experiment", "control", "treatment"),
    [
        (
            "ads-contextual-scene-match",
            [("RESOLVED", "ads-context-matcher", "3", None)],
            [("RESOLVED", "content-embedding", "7", None)],
        ),
        (
            "hero-image-motion",
            [("RESOLVED", "poster.art.picker", None, None)],
            [("RESOLVED", "content-embedding", "7", "champion")],
        ),
        (
            "scene-search-recall",
            [("RESOLVED", "content-embedding", "4", None)],
            [("RESOLVED", "content-embedding", "5", None)],
        ),
        (
            "search-rerank-japanese",
            [("RESOLVED", "検索-ranker", "1", None)],
            [("RESOLVED", "検索-ranker", "2", "champion")],
        ),
        (
            "two-stage-home",
            [("UNAVAILABLE", "title-ranker", None, None)],
            [("RESOLVED", "viewer-embedding", "1", None), ("RESOLVED", "it's-a-ranker", "2", None)],
        ),
        ("trailer-moments", [], [("RESOLVED", "shot-boundary-detector", "2", None)]),
        (
            "skip-intro-timing",
            [("RESOLVED", "shot-boundary-detector", "3", None)],
            [("DANGLING", "skip-intro-net", None, None)],
        ),
        (
            "directors-cut-first",
            [("RESOLVED", 'the "director\'s cut" ranker', "1", None)],
            [("UNAVAILABLE", "title-ranker", None, "champion")],
        ),
        ("fraud-screen-threshold", [("RESOLVED", "fraud-screen", "1", None)], []),  # the second is no JSON
        ("location-scout-cafes", [], []),
        ("home-ranking-freshness", [], []),
    ],
)
async def test_a_variation_leads_to_the_models_its_value_names(
    told: Graph, experiment: str, control: Any, treatment: Any
) -> None:
    assert await models_of(told, experiment) == {"control": control, "treatment": treatment}


async def test_a_value_that_is_no_json_is_shown_as_it_is_and_links_nothing(told: Graph) -> None:
    answer = await told.data(
        '{ experiment(key: "fraud-screen-threshold") { variations { value models { state } } testedModels '
        "{ totalCount } } }"
    )
    assert answer["experiment"]["variations"][1] == {"value": '{"model": "fraud-screen", "version": 2', "models": []}
    assert answer["experiment"]["testedModels"]["totalCount"] == 1


# ---------------------------------------------------------------- runs


async def test_a_run_leads_to_the_tests_its_parameters_name(told: Graph) -> None:
    answer = await told.data("""{ pipelines(first: 100) { nodes { runs(first: 20) { nodes { ref { key } testedIn {
      state code ref { key } node { key name } variations { key number name } evidence { basis assertedBy
      via { key } } } } } } } }""")
    runs = {run["ref"]["key"]: run["testedIn"] for row in answer["pipelines"]["nodes"] for run in row["runs"]["nodes"]}
    home = "personalization_home_ranking/manual__2026-11-22T02:00:00+00:00"
    assert {key: links for key, links in runs.items() if links} == {
        home: [
            {
                "state": "RESOLVED",
                "code": None,
                "ref": {"key": "exp_49876bda6cc65fcf"},
                "node": {
                    "key": "home-ranking-freshness",
                    "name": "Train the home ranker on yesterday instead of last month",
                },
                "variations": [{"key": "treatment", "number": 2, "name": "Treatment"}],
                "evidence": [
                    {
                        "basis": "CONVENTION",
                        "assertedBy": "airflow: run parameter ab_test_cells",
                        "via": [{"key": home}],
                    }
                ],
            }
        ]
    }
    assert len(runs) == 26
