"""Where versions come from, from either end: version, training run, pipeline run, pipeline; and what pipelines made."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.client import Graph
from tests.graph.ids import version_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

NIGHTLY = "studio_content_embedding_nightly"
GOOD_NIGHT = f"{NIGHTLY}/asset_triggered__2026-11-09T02:06:00+00:00_cbb0e0f6"

MADE_BY = {
    "ads-context-matcher/1": ("run tag lifecycle.pipeline", "ads_context_matching/manual__2026-06-15T06:30:00+00:00"),
    "ads-context-matcher/2": ("run tag lifecycle.pipeline", "ads_context_matching/manual__2026-08-10T06:30:00+00:00"),
    "ads-context-matcher/3": ("run tag lifecycle.pipeline", "ads_context_matching/manual__2026-10-05T06:30:00+00:00"),
    "content-embedding/3": ("run tag lifecycle.pipeline", f"{NIGHTLY}/scheduled__2026-02-17T02:00:00+00:00"),
    "content-embedding/4": ("run tag lifecycle.pipeline", f"{NIGHTLY}/manual__2026-06-08T02:00:00+00:00"),
    "content-embedding/5": ("run tag lifecycle.pipeline", f"{NIGHTLY}/manual__2026-07-06T02:00:00+00:00"),
    "content-embedding/6": ("run tag lifecycle.pipeline", f"{NIGHTLY}/manual__2026-09-21T02:00:00+00:00"),
    "content-embedding/7": ("version tag lifecycle.pipeline", GOOD_NIGHT),
    "fraud-screen/1": ("run tag lifecycle.pipeline", "payments_fraud_screen/manual__2026-07-15T06:00:00+00:00"),
    "fraud-screen/2": ("run tag lifecycle.pipeline", "payments_fraud_screen/manual__2026-10-15T06:00:00+00:00"),
    "it's-a-ranker/1": ("run tag airflow.dag_id", "personalization_home_ranking/manual__2026-08-31T02:00:00+00:00"),
    "it's-a-ranker/2": ("run tag airflow.dag_id", "personalization_home_ranking/manual__2026-10-12T02:00:00+00:00"),
    "it's-a-ranker/3": ("run tag airflow.dag_id", "personalization_home_ranking/manual__2026-11-22T02:00:00+00:00"),
    "shot-boundary-detector/1": (
        "run tag AIRFLOW_CTX_DAG_ID",
        "studio.train-shot-detector/manual__2026-05-30T04:00:00+00:00",
    ),
    "shot-boundary-detector/2": (
        "run tag AIRFLOW_CTX_DAG_ID",
        "studio.train-shot-detector/manual__2026-08-29T04:00:00+00:00",
    ),
    "shot-boundary-detector/3": (
        "run tag AIRFLOW_CTX_DAG_ID",
        "studio.train-shot-detector/manual__2026-11-01T04:00:00+00:00",
    ),
    "viewer-embedding/1": (
        "run tag lifecycle.pipeline",
        "personalization_viewer_embedding/manual__2026-11-16T02:00:00+00:00",
    ),
    "viewer-embedding/2": (
        "run tag lifecycle.pipeline",
        "personalization_viewer_embedding/manual__2026-11-22T02:00:00+00:00",
    ),
}
"""Every version of the story that says where it came from: what says so first, and the run."""

UNTOLD = {
    'café-ranker "v2"/1',
    "churn 30% uplift/1",  # registered without a training run
    "content-embedding/1",
    "content-embedding/2",
    "content-embedding/8",  # from a notebook
    "legacy-subtitle-aligner/1",  # its training run is deleted
    "poster.art.picker/1",  # imported as a file
    'the "director\'s cut" ranker/1',
    "title-ranker/1",
    "title-ranker/2",
    "検索-ranker/1",
    "検索-ranker/2",
}


async def version(graph: Graph, id: str, fields: str) -> Any:
    return (await graph.data(f"query($id: ID!) {{ node(id: $id) {{ ... on ModelVersion {{ {fields} }} }} }}", id=id))[
        "node"
    ]


async def test_every_version_leads_to_the_run_that_made_it(told: Graph) -> None:
    answer = await told.data("""{ models(first: 100) { nodes { versions(first: 20) { nodes {
      ref { key } producedBy { state ref { kind source key } evidence { basis assertedBy }
        node { name pipeline { name } } } } } } } }""")
    versions = [row for model in answer["models"]["nodes"] for row in model["versions"]["nodes"]]
    untold = {row["ref"]["key"] for row in versions if row["producedBy"] is None}
    made_by = {row["ref"]["key"]: row["producedBy"] for row in versions if row["producedBy"] is not None}
    assert untold == UNTOLD
    assert {key: link["ref"] for key, link in made_by.items()} == {
        key: {"kind": "PIPELINE_RUN", "source": "airflow", "key": run} for key, (_, run) in MADE_BY.items()
    }
    assert {key: link["state"] for key, link in made_by.items() if link["state"] != "RESOLVED"} == {
        "content-embedding/3": "DANGLING"
    }
    for key, (says, run) in MADE_BY.items():
        first = made_by[key]["evidence"][0]
        assert first["basis"] == "CONVENTION"
        assert first["assertedBy"].partition(": ")[2] == says
        if made_by[key]["node"]:
            pipeline, _, run_id = run.partition("/")
            assert made_by[key]["node"] == {"name": run_id, "pipeline": {"name": pipeline}}


async def test_a_run_that_was_cleaned_up_is_a_dangling_link_and_no_error(told: Graph) -> None:
    link = await version(told, version_id("content-embedding/3"), "producedBy { state code ref { key } node { name } }")
    assert link["producedBy"] == {
        "state": "DANGLING",
        "code": "NOT_FOUND",
        "ref": {"key": f"{NIGHTLY}/scheduled__2026-02-17T02:00:00+00:00"},
        "node": None,
    }


async def test_a_link_said_twice_carries_both_evidences_and_what_they_are_read_from(told: Graph) -> None:
    link = await version(
        told, version_id("content-embedding/7"), "trainingRun { ref { entityId } } producedBy { evidence { basis "
        "assertedBy via { entityId } } }"
    )  # fmt: skip
    training_run = "mlg://training-run/studio-mlflow/58f84e3465c1380d9c7f6d15c0783960"
    assert link["trainingRun"] == {"ref": {"entityId": training_run}}
    assert link["producedBy"]["evidence"] == [
        {
            "basis": "CONVENTION",
            "assertedBy": "studio-mlflow: version tag lifecycle.pipeline",
            "via": [{"entityId": version_id("content-embedding/7")}],
        },
        {
            "basis": "CONVENTION",
            "assertedBy": "studio-mlflow: run tag lifecycle.pipeline",
            "via": [{"entityId": training_run}],
        },
    ]


async def test_the_training_run_says_how_a_version_was_trained(told: Graph) -> None:
    fields = """trainingRun { startedAt endedAt sourceStatus params(keys: ["epochs", "none"]) { key value }
      evaluationMetrics(keys: ["recall_at_10"]) { key value step at } }"""
    answer = await version(told, version_id("content-embedding/7"), fields)
    assert answer["trainingRun"] == {
        "startedAt": "2026-11-09T02:26:00.000Z",
        "endedAt": "2026-11-09T03:36:00.000Z",
        "sourceStatus": "FINISHED",
        "params": [{"key": "epochs", "value": "22"}],
        "evaluationMetrics": [{"key": "recall_at_10", "value": 0.74, "step": 700, "at": "2026-11-09T03:36:00.000Z"}],
    }


@pytest.mark.parametrize("key", ["poster.art.picker/1", "legacy-subtitle-aligner/1"])
async def test_a_version_without_a_training_run_has_null_and_empty_lists(told: Graph, key: str) -> None:
    fields = "trainingRun { sourceStatus } producedBy { state } datasets { state } features { state }"
    answer = await version(told, version_id(key), fields)
    assert answer == {"trainingRun": None, "producedBy": None, "datasets": [], "features": []}


# ---------------------------------------------------------------- back


async def test_every_pipeline_leads_to_the_versions_its_runs_made(told: Graph) -> None:
    answer = await told.data("""{ pipelines(first: 100) { nodes { name modelVersions(first: 20) {
      totalCount completeness { complete reasons }
      edges { state ref { key } node { version } model { name } evidence { basis assertedBy } } } } } }""")
    found = {row["name"]: row["modelVersions"] for row in answer["pipelines"]["nodes"]}
    expected: dict[str, list[str]] = {name: [] for name in found}
    for key, (_, run) in MADE_BY.items():
        pipeline = run.partition("/")[0]
        expected[pipeline].append(key)
    assert {name: [edge["ref"]["key"] for edge in page["edges"]] for name, page in found.items()} == expected
    for name, page in found.items():
        assert page["totalCount"] == len(expected[name])
        assert page["completeness"] == {"complete": True, "reasons": []}
        for edge in page["edges"]:
            model, _, number = edge["ref"]["key"].rpartition("/")
            assert (edge["state"], edge["node"], edge["model"]) == ("RESOLVED", {"version": number}, {"name": model})
    champion = next(edge for edge in found[NIGHTLY]["edges"] if edge["ref"]["key"] == "content-embedding/7")
    assert champion["evidence"] == [
        {"basis": "CONVENTION", "assertedBy": "studio-mlflow: run tag lifecycle.pipeline"},
        {"basis": "CONVENTION", "assertedBy": "studio-mlflow: version tag lifecycle.pipeline"},
    ]


async def test_every_run_leads_to_the_versions_it_made_itself(told: Graph) -> None:
    answer = await told.data("""{ pipelines(first: 100) { nodes { runs(first: 20) { nodes { ref { key }
      modelVersions { nodes { ref { key } } completeness { complete } } } } } } }""")
    runs = [run for row in answer["pipelines"]["nodes"] for run in row["runs"]["nodes"]]
    made = {run["ref"]["key"]: [node["ref"]["key"] for node in run["modelVersions"]["nodes"]] for run in runs}
    expected = {run: [key] for key, (_, run) in MADE_BY.items() if key != "content-embedding/3"}
    assert {run: keys for run, keys in made.items() if keys} == expected
    assert len(made) == 26
    assert all(run["modelVersions"]["completeness"]["complete"] for run in runs)


async def test_a_pipeline_is_found_from_the_models_it_makes(told: Graph) -> None:
    answer = await told.data("""{ models(first: 100) { nodes { name producers { completeness { complete }
      edges { state ref { key } evidence { basis assertedBy } } } } } }""")
    found = {row["name"]: row["producers"]["edges"] for row in answer["models"]["nodes"] if row["producers"]["edges"]}
    inferred = "what produced version"
    told_by = {
        name: [(edge["ref"]["key"], [item["assertedBy"] for item in edge["evidence"]]) for edge in edges]
        for name, edges in found.items()
    }
    assert told_by == {
        "ads-context-matcher": [("ads_context_matching", [f"personalization-mlflow: {inferred} 3"])],
        "content-embedding": [
            (
                NIGHTLY,
                [
                    "airflow: outlet asset mlflow://studio-mlflow/models/content-embedding",
                    f"studio-mlflow: {inferred} 7",  # the newest with an origin: 8 is from a notebook
                ],
            )
        ],
        "fraud-screen": [
            (
                "payments_fraud_screen",
                ["airflow: tag model:fraud-screen (names no registry)", f"studio-mlflow: {inferred} 2"],
            )
        ],
        "it's-a-ranker": [
            (
                "personalization_home_ranking",
                [
                    "airflow: outlet asset mlflow://personalization-mlflow/models/it%27s-a-ranker",
                    f"personalization-mlflow: {inferred} 3",
                ],
            )
        ],
        "shot-boundary-detector": [
            (
                "studio.train-shot-detector",
                ["airflow: tag model:shot-boundary-detector (names no registry)", f"studio-mlflow: {inferred} 3"],
            )
        ],
        "viewer-embedding": [("personalization_viewer_embedding", [f"personalization-mlflow: {inferred} 2"])],
    }
    bases = {item["basis"] for edges in found.values() for edge in edges for item in edge["evidence"]}
    assert bases == {"CONVENTION", "INFERRED"}
    assert {edge["state"] for edges in found.values() for edge in edges} == {"RESOLVED"}
    assert all(row["producers"]["completeness"]["complete"] for row in answer["models"]["nodes"])


async def test_what_reads_a_model_is_found_by_inlet_assets(told: Graph) -> None:
    answer = await told.data("""{ models(first: 100) { nodes { name consumers { totalCount edges { state
      ref { key } node { name } evidence { basis assertedBy } } } } } }""")
    found = {row["name"]: row["consumers"]["edges"] for row in answer["models"]["nodes"] if row["consumers"]["edges"]}
    assert found == {
        "content-embedding": [
            {
                "state": "RESOLVED",
                "ref": {"key": "ads_context_matching"},
                "node": {"name": "ads_context_matching"},
                "evidence": [
                    {
                        "basis": "CONVENTION",
                        "assertedBy": "airflow: inlet asset mlflow://studio-mlflow/models/content-embedding",
                    }
                ],
            }
        ],
        "shot-boundary-detector": [
            {
                "state": "RESOLVED",
                "ref": {"key": "studio_shot_boundaries"},
                "node": {"name": "studio_shot_boundaries"},
                "evidence": [
                    {
                        "basis": "CONVENTION",
                        "assertedBy": "airflow: inlet asset mlflow://studio-mlflow/models/shot-boundary-detector",
                    }
                ],
            }
        ],
    }
