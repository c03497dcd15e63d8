"""Two orchestrators and two platforms: what only one has is found there, what both have is said to be ambiguous."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from gateway.demo.company import Asset, Company, Orchestrator, Platform
from gateway.demo.story import story
from tests.graph.client import Graph, graph_of
from tests.graph.ids import id_of, version_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOME, ADS, PERSONALIZATION = "personalization_home_ranking", "ads_context_matching", "personalization-mlflow"
HOME_RUN = f"{HOME}/manual__2026-11-22T02:00:00+00:00"
SAYS = "run tag {} (names no orchestrator)"


def two_of_each() -> Company:
    """The second orchestrator has the home ranking with its runs, and the ads pipeline without any; its home ranking
    reads what the first's ads pipeline writes. The second platform has one experiment of the first."""
    told = story()
    airflow, growthbook = told.orchestrators[0], told.platforms[0]
    both = tuple(dag for dag in airflow.dags if dag.dag_id in (HOME, ADS))
    runs = tuple(run for run in airflow.runs if run.dag_id == HOME)
    matches = Asset("s3://ads/scene-matches", "ads.scene_matches", consumers=((HOME, "features"),))
    tests = tuple(test for test in growthbook.experiments if test.key == "winback-offer")
    return replace(
        told,
        orchestrators=(airflow, Orchestrator("second-airflow", both, runs, (matches,), ())),
        platforms=(growthbook, Platform("second-growthbook", growthbook.projects, growthbook.metrics, tests)),
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two() -> AsyncIterator[Graph]:
    async with graph_of(two_of_each()) as graph:
        yield graph


async def version(graph: Graph, key: str, fields: str, source: str = PERSONALIZATION) -> Any:
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on ModelVersion {{ {fields} }} }} }}"
    return await graph.ask(query, id=version_id(key, source))


async def test_a_run_that_only_one_orchestrator_has_is_found_though_none_is_named(two: Graph) -> None:
    answer = await version(
        two, "ads-context-matcher/3", "producedBy { state ref { source } evidence { assertedBy } node { state } }"
    )
    assert answer["data"]["node"]["producedBy"] == {
        "state": "RESOLVED",
        "ref": {"source": "airflow"},
        "evidence": [{"assertedBy": f"personalization-mlflow: {SAYS.format('lifecycle.pipeline')}"}],
        "node": {"state": "SUCCESS"},
    }


async def test_a_reference_that_names_its_orchestrator_needs_no_asking_and_no_remark(two: Graph) -> None:
    two.forget_calls()
    answer = await version(two, "viewer-embedding/2", "producedBy { ref { source } evidence { assertedBy } }")
    assert answer["data"]["node"]["producedBy"] == {
        "ref": {"source": "airflow"},
        "evidence": [{"assertedBy": "personalization-mlflow: run tag lifecycle.pipeline"}],
    }
    assert two.calls("airflow") == two.calls("second-airflow") == []


async def test_a_run_that_two_orchestrators_have_is_ambiguous_with_both_ids(two: Graph) -> None:
    answer = await version(two, "it's-a-ranker/3", "producedBy { state code ref { source key } node { id } }")
    assert answer["data"]["node"]["producedBy"] == {
        "state": "UNAVAILABLE",
        "code": "AMBIGUOUS",
        "ref": {"source": "-", "key": HOME_RUN},
        "node": None,
    }
    (error,) = answer["errors"]
    ids = error["extensions"]["ids"]
    assert ids == [id_of("pipeline-run", source, HOME_RUN) for source in ("airflow", "second-airflow")]
    found = await two.data("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert found["nodes"] == [{"id": id} for id in ids]


async def test_cells_behind_an_ambiguous_run_are_not_guessed_and_the_answer_says_it_is_not_whole(two: Graph) -> None:
    answer = await version(
        two, "it's-a-ranker/3", "experiments { totalCount edges { state } completeness { complete "
        "sources { source ok code } } }"
    )  # fmt: skip
    page = answer["data"]["node"]["experiments"]
    assert (page["totalCount"], page["edges"], page["completeness"]["complete"]) == (None, [], False)
    assert {item["source"]: item["code"] for item in page["completeness"]["sources"]} == {
        "growthbook": None,
        "second-growthbook": None,
        "personalization-mlflow": "AMBIGUOUS",  # whose tag does not say which it means
    }


async def test_the_pipeline_that_made_a_version_is_settled_by_the_run_where_its_name_is_not_enough(two: Graph) -> None:
    query = "query($name: String!) { model(name: $name) { producers { edges { state code ref { source key } } } } }"
    answer = await two.data(query, name="ads-context-matcher")
    assert answer["model"]["producers"]["edges"] == [
        {"state": "RESOLVED", "code": None, "ref": {"source": "airflow", "key": ADS}}
    ]
    told = await two.ask(query, name="it's-a-ranker")
    assert told["data"]["model"]["producers"]["edges"] == [
        {"state": "UNAVAILABLE", "code": "AMBIGUOUS", "ref": {"source": "-", "key": HOME}},
        {"state": "RESOLVED", "code": None, "ref": {"source": "airflow", "key": HOME}},  # by its outlet asset
    ]


async def test_a_pipeline_claims_the_versions_that_may_mean_it_with_the_remark(two: Graph) -> None:
    query = """query($source: String!) { pipeline(name: "personalization_home_ranking", source: $source) {
      modelVersions { edges { ref { key } evidence { assertedBy } } completeness { sources { source matched } } } } }"""
    for source in ("airflow", "second-airflow"):
        page = (await two.data(query, source=source))["pipeline"]["modelVersions"]
        assert page["edges"] == [
            {
                "ref": {"key": f"it's-a-ranker/{number}"},
                "evidence": [{"assertedBy": f"personalization-mlflow: {SAYS.format('airflow.dag_id')}"}],
            }
            for number in (1, 2, 3)
        ]
        matched = {item["source"]: item["matched"] for item in page["completeness"]["sources"]}
        assert (matched["personalization-mlflow"], matched["studio-mlflow"]) == (3, 0)


async def test_pipelines_of_two_orchestrators_are_joined_by_an_asset(two: Graph) -> None:
    """One writes it and the other reads it: the same URI is the same place."""
    shows = """{ edges { state ref { source key } evidence { assertedBy via { source key } } }
      completeness { complete sources { source matched } } }"""
    answer = await two.data(f"""{{ a: pipeline(name: "{ADS}", source: "airflow") {{ downstream {shows} }}
      b: pipeline(name: "{HOME}", source: "second-airflow") {{ upstream {shows} }} }}""")
    assert answer["a"]["downstream"] == {
        "edges": [
            {
                "state": "RESOLVED",
                "ref": {"source": "second-airflow", "key": HOME},
                "evidence": [
                    {
                        "assertedBy": "second-airflow: asset s3://ads/scene-matches",
                        "via": [{"source": "airflow", "key": ADS}],
                    }
                ],
            }
        ],
        "completeness": {
            "complete": True,
            "sources": [{"source": "airflow", "matched": 0}, {"source": "second-airflow", "matched": 1}],
        },
    }
    assert answer["b"]["upstream"]["edges"] == [
        {
            "state": "RESOLVED",
            "ref": {"source": "airflow", "key": ADS},
            "evidence": [
                {
                    "assertedBy": "airflow: asset s3://ads/scene-matches",
                    "via": [{"source": "second-airflow", "key": HOME}],
                }
            ],
        }
    ]


async def test_a_pipeline_of_two_orchestrators_is_asked_for_by_source(two: Graph) -> None:
    answer = await two.ask('{ pipeline(name: "ads_context_matching") { id } }')
    assert answer["data"] == {"pipeline": None}
    assert answer["errors"][0]["extensions"]["ids"] == [
        "mlg://pipeline/airflow/ads_context_matching",
        "mlg://pipeline/second-airflow/ads_context_matching",
    ]
    settled = await two.data('{ pipeline(name: "ads_context_matching", source: "second-airflow") { lastRun { id } } }')
    assert settled == {"pipeline": {"lastRun": None}}


async def test_an_experiment_of_two_platforms_is_ambiguous_with_ids_that_lead_to_both(two: Graph) -> None:
    answer = await two.ask('{ experiment(key: "winback-offer") { id } }')
    assert answer["data"] == {"experiment": None}
    ids = answer["errors"][0]["extensions"]["ids"]
    assert ids == [
        "mlg://experiment/growthbook/exp_e20161499a9451c0",
        "mlg://experiment/second-growthbook/exp_e20161499a9451c0",
    ]
    found = await two.data("query($ids: [ID!]!) { nodes(ids: $ids) { ... on Experiment { key } } }", ids=ids)
    assert found["nodes"] == [{"key": "winback-offer"}] * 2


async def test_a_cell_of_a_test_that_two_platforms_have_is_an_ambiguous_edge_of_no_source(two: Graph) -> None:
    answer = await two.ask("""{ model(name: "churn 30% uplift") { experiments { totalCount
      edges { state code running since variations { key } ref { source key } node { id } }
      completeness { complete sources { source ok matched } } } } }""")
    page = answer["data"]["model"]["experiments"]
    assert page["edges"] == [
        {
            "state": "UNAVAILABLE",
            "code": "AMBIGUOUS",
            "running": None,
            "since": None,
            "variations": None,
            "ref": {"source": "-", "key": "winback-offer"},
            "node": None,
        }
    ]
    assert page["completeness"] == {
        "complete": True,
        "sources": [
            {"source": "growthbook", "ok": True, "matched": 0},
            {"source": "second-growthbook", "ok": True, "matched": 0},
        ],
    }
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "AMBIGUOUS"


async def test_an_experiment_that_only_one_platform_has_is_found_in_it(two: Graph) -> None:
    answer = await two.data("""{ experiment(key: "home-ranking-freshness") { ref { source } }
      run: pipeline(name: "personalization_home_ranking", source: "second-airflow") { lastRun { testedIn {
      state ref { source } node { key } variations { key } } } } }""")
    assert answer["experiment"] == {"ref": {"source": "growthbook"}}
    assert answer["run"]["lastRun"]["testedIn"] == [
        {
            "state": "RESOLVED",
            "ref": {"source": "growthbook"},
            "node": {"key": "home-ranking-freshness"},
            "variations": [{"key": "treatment"}],
        }
    ]


async def test_lists_of_two_sources_show_what_both_have_twice(two: Graph) -> None:
    answer = await two.data("""{ pipelines(first: 100) { nodes { name ref { source } } }
      experiments(first: 100) { nodes { key ref { source } } } }""")
    pipelines = [(row["name"], row["ref"]["source"]) for row in answer["pipelines"]["nodes"]]
    assert pipelines[:2] == [(ADS, "airflow"), (ADS, "second-airflow")]
    assert len(pipelines) == 11
    tests = [row["ref"]["source"] for row in answer["experiments"]["nodes"] if row["key"] == "winback-offer"]
    assert tests == ["growthbook", "second-growthbook"]
    assert len(answer["experiments"]["nodes"]) == 13
