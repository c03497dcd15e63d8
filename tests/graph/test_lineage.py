"""Lineage over the story: where version 7 comes from, what depends on it, and what such questions cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from gateway.demo.company import Asset, Company
from gateway.demo.generator import build
from gateway.demo.server import serve
from gateway.demo.sources import ENVIRONMENT
from gateway.demo.story import story
from tests.graph.client import Graph, graph_of, graph_over
from tests.graph.lineages import LINEAGE, dataset_id, edges, failing, levels, short, states, unexpanded, version_id
from tests.graph.queries import CONTENT_EMBEDDING_7
from tests.graph.refusing import refusing
from tests.graph.test_outage import APPS, MORE, company, told

NIGHTLY = "pipeline studio_content_embedding_nightly"
GOOD = "pipeline-run studio_content_embedding_nightly/asset_triggered__2026-11-09T02:06:00+00:00_cbb0e0f6"
GOOD_FRAMES = "pipeline-run studio_frame_extraction/manual__2026-11-09T01:00:00+00:00"
GOOD_SHOTS = "pipeline-run studio_shot_boundaries/asset_triggered__2026-11-09T01:39:00+00:00_eff53ce1"
VERSION_7 = "model-version content-embedding/7"
FRAMES, SHOTS, MASTERS = (f"dataset s3://studio/{name}" for name in ("frames", "shots", "masters"))
SCENE_MATCH = "experiment exp_d329ccb3d15a9f62"
FEATURES = {
    *("boundary_strength", "cut_rate", "shot_len"),
    *("scene_stats:boundary_strength", "scene_stats:cut_rate", "scene_stats:shot_len"),
    *(f"studio.frames:{column}" for column in ("captured_at", "frame_no", "pixels", "title_id")),
    *(f"studio.shots:{column}" for column in ("boundary_strength", "shot_len", "shot_no", "title_id")),
}


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    async with graph_of(story()) as graph:
        await graph.data("{ sources { name } }")  # Airflow's token and version are asked once per process
        graph.forget_calls()
        yield graph


async def lineage_of(graph: Graph, id: str, direction: str = "BOTH", **more: object) -> dict[str, Any]:
    found: dict[str, Any] = (await graph.data(LINEAGE, id=id, direction=direction, **more))["lineage"]
    return found


def calls(graph: Graph) -> dict[str, int]:
    return {name: len(graph.calls(name)) for name in graph.served}


# ---------------------------------------------------------------- what is found


async def test_up_from_a_version_are_its_run_its_pipeline_its_data_and_what_these_come_from(graph: Graph) -> None:
    found = await lineage_of(graph, CONTENT_EMBEDDING_7, "UPSTREAM", depth=3)
    assert found["root"] == {"entityId": CONTENT_EMBEDDING_7, "kind": "MODEL_VERSION"}
    assert levels(found) == [
        {VERSION_7},
        {GOOD, NIGHTLY, FRAMES, SHOTS, *(f"feature {name}" for name in FEATURES)},
        {GOOD_FRAMES, GOOD_SHOTS, "pipeline studio_frame_extraction", "pipeline studio_shot_boundaries"},
        {MASTERS, "model shot-boundary-detector"},
    ]
    assert edges(found) == {
        f"{VERSION_7} PRODUCED_BY {GOOD}",
        f"{VERSION_7} PRODUCED_BY {NIGHTLY}",
        f"{VERSION_7} TRAINED_ON {FRAMES}",
        f"{VERSION_7} TRAINED_ON {SHOTS}",
        *(f"{VERSION_7} USES_FEATURE feature {name}" for name in FEATURES),
        f"{GOOD} TRIGGERED_BY {GOOD_FRAMES}",
        f"{GOOD} TRIGGERED_BY {GOOD_SHOTS}",
        f"{GOOD_SHOTS} TRIGGERED_BY {GOOD_FRAMES}",
        f"{NIGHTLY} CONSUMES {FRAMES}",
        f"{NIGHTLY} CONSUMES {SHOTS}",
        f"pipeline studio_frame_extraction PRODUCES {FRAMES}",
        f"pipeline studio_frame_extraction CONSUMES {MASTERS}",
        f"pipeline studio_shot_boundaries PRODUCES {SHOTS}",
        f"pipeline studio_shot_boundaries CONSUMES {FRAMES}",
        "pipeline studio_shot_boundaries CONSUMES model shot-boundary-detector",
    }
    assert states(found) == {}
    assert unexpanded(found) == {MASTERS, "model shot-boundary-detector"}
    assert found["completeness"]["reasons"] == ["DEPTH_LIMIT"]
    assert failing(found) == {}


async def test_the_whole_way_up_has_an_end_and_is_complete(graph: Graph) -> None:
    found = await lineage_of(graph, CONTENT_EMBEDDING_7, "UPSTREAM", depth=10)
    assert "pipeline studio_ingest_masters" in levels(found)[4]
    assert "model-version shot-boundary-detector/3" in levels(found)[4]
    assert found["completeness"]["complete"] is True
    assert unexpanded(found) == set()


async def test_a_node_says_its_name_and_owners_and_an_edge_what_asserted_it(graph: Graph) -> None:
    found = await lineage_of(graph, CONTENT_EMBEDDING_7, "UPSTREAM")
    nightly = next(node for node in found["nodes"] if short(node["ref"]["entityId"]) == NIGHTLY)
    assert nightly == {
        "ref": {
            "entityId": "mlg://pipeline/airflow/studio_content_embedding_nightly",
            "kind": "PIPELINE",
            "source": "airflow",
            "key": "studio_content_embedding_nightly",
        },
        "name": "studio_content_embedding_nightly",
        "distance": 1,
        "expanded": False,
        "state": "RESOLVED",
        "code": None,
        "owners": [{"handle": "maya.ortiz"}, {"handle": "tomas.lindqvist"}],
    }
    evidence = {f"{edge['relation']} {short(edge['toId'])}": edge["evidence"] for edge in found["edges"]}
    assert evidence[f"PRODUCED_BY {GOOD}"] == evidence[f"PRODUCED_BY {NIGHTLY}"]
    assert evidence[f"PRODUCED_BY {GOOD}"] == [
        {"basis": "CONVENTION", "assertedBy": "studio-mlflow: version tag lifecycle.pipeline"},
        {"basis": "CONVENTION", "assertedBy": "studio-mlflow: run tag lifecycle.pipeline"},
    ]
    assert evidence[f"TRAINED_ON {FRAMES}"] == [
        {"basis": "NATIVE", "assertedBy": "studio-mlflow: dataset input studio.frames"}
    ]


async def test_down_from_a_version_are_the_tests_that_serve_it_and_who_reads_its_model(graph: Graph) -> None:
    found = await lineage_of(graph, CONTENT_EMBEDDING_7, "DOWNSTREAM", depth=2)
    assert levels(found) == [
        {VERSION_7},
        {SCENE_MATCH, "model content-embedding"},
        {"pipeline ads_context_matching"},
    ]
    assert edges(found) == {
        f"{VERSION_7} SERVED_IN {SCENE_MATCH}",
        f"{VERSION_7} VERSION_OF model content-embedding",
        "pipeline ads_context_matching CONSUMES model content-embedding",
    }


async def test_down_from_another_version_are_no_tests_of_its_siblings(graph: Graph) -> None:
    found = await lineage_of(graph, version_id("studio-mlflow", "content-embedding", 6), "DOWNSTREAM", depth=2)
    assert levels(found)[1:] == [{"model content-embedding"}, {"pipeline ads_context_matching"}]


async def test_a_model_leads_up_to_its_makers_and_current_versions_and_down_to_readers_and_tests(graph: Graph) -> None:
    found = await lineage_of(graph, "mlg://model/studio-mlflow/content-embedding")
    assert edges(found) == {
        f"model content-embedding SERVED_IN {SCENE_MATCH}",
        "model-version content-embedding/7 VERSION_OF model content-embedding",
        "model-version content-embedding/8 VERSION_OF model content-embedding",
        "pipeline ads_context_matching CONSUMES model content-embedding",
        f"{NIGHTLY} PRODUCES model content-embedding",
    }


async def test_a_dataset_leads_down_to_its_readers_and_to_what_was_trained_on_it(graph: Graph) -> None:
    found = await lineage_of(graph, dataset_id("s3://studio/shots"))
    assert edges(found) == {
        f"pipeline studio_shot_boundaries PRODUCES {SHOTS}",
        f"{NIGHTLY} CONSUMES {SHOTS}",
        f"{VERSION_7} TRAINED_ON {SHOTS}",
    }
    assert found["nodes"][0]["name"] == "studio.shots"


async def test_a_feature_leads_down_to_the_versions_of_both_registries_that_take_it(graph: Graph) -> None:
    found = await lineage_of(graph, f"mlg://feature/-/{quote('scene_stats:shot_len', safe='')}")
    assert levels(found)[1] == {VERSION_7, "model-version viewer-embedding/1", "model-version viewer-embedding/2"}


async def test_an_experiment_comes_from_the_models_it_tests_and_one_that_is_gone_dangles(graph: Graph) -> None:
    found = await lineage_of(graph, "mlg://experiment/growthbook/exp_e95f5aac75e7dc93", "UPSTREAM")
    assert levels(found)[1] == {"model-version shot-boundary-detector/3", "model skip-intro-net"}
    assert states(found) == {"model skip-intro-net": "DANGLING NOT_FOUND"}
    gone = next(node for node in found["nodes"] if node["state"] == "DANGLING")
    assert (gone["name"], gone["owners"], gone["expanded"]) == (None, [], False)


async def test_a_pipeline_run_that_is_gone_dangles_while_its_pipeline_is_there(graph: Graph) -> None:
    """Airflow's database was cleaned of the run that made version 3."""
    found = await lineage_of(graph, version_id("studio-mlflow", "content-embedding", 3), "UPSTREAM", depth=2)
    gone = "pipeline-run studio_content_embedding_nightly/scheduled__2026-02-17T02:00:00+00:00"
    assert states(found) == {gone: "DANGLING NOT_FOUND"}
    assert NIGHTLY in levels(found)[1]
    assert f"{NIGHTLY} CONSUMES {SHOTS}" in edges(found)


async def test_a_diamond_shows_both_paths(graph: Graph) -> None:
    found = await lineage_of(graph, "mlg://pipeline/airflow/studio_content_embedding_nightly", "UPSTREAM", depth=5)
    assert {
        f"{NIGHTLY} CONSUMES {FRAMES}",
        f"{NIGHTLY} CONSUMES {SHOTS}",
        f"pipeline studio_shot_boundaries PRODUCES {SHOTS}",
        f"pipeline studio_shot_boundaries CONSUMES {FRAMES}",
        f"pipeline studio_frame_extraction PRODUCES {FRAMES}",
    } <= edges(found)
    named = [short(node["ref"]["entityId"]) for node in found["nodes"]]
    assert len(named) == len(set(named))


async def test_down_from_a_run_are_the_runs_it_fed_and_what_these_very_runs_made(graph: Graph) -> None:
    run = "mlg://pipeline-run/airflow/studio_frame_extraction%2Fmanual__2026-11-09T01%3A00%3A00%2B00%3A00"
    found = await lineage_of(graph, run, "DOWNSTREAM", depth=3)
    assert levels(found) == [
        {GOOD_FRAMES},
        {GOOD, GOOD_SHOTS},
        {VERSION_7},
        {SCENE_MATCH, "model content-embedding"},
    ]
    assert f"{GOOD} TRIGGERED_BY {GOOD_SHOTS}" in edges(found)


async def test_two_runs_of_one_pipeline_are_two_nodes_with_their_own_causes(graph: Graph) -> None:
    """From each night's run of one pipeline the walk goes to that night's runs, never to the other's."""
    of_good, of_bad = await nights(graph)
    above_good, above_bad = [
        {short(node["ref"]["entityId"]) for node in (await lineage_of(graph, run, "UPSTREAM", depth=3))["nodes"]}
        for run in (of_good, of_bad)
    ]
    assert above_good & above_bad == set()
    assert above_good == {GOOD, GOOD_FRAMES, GOOD_SHOTS}
    assert {name.partition("/")[0] for name in above_bad} == {
        "pipeline-run studio_content_embedding_nightly",
        "pipeline-run studio_frame_extraction",
        "pipeline-run studio_shot_boundaries",
        "pipeline-run studio_ingest_masters",
    }


async def nights(graph: Graph) -> tuple[str, str]:
    """Two runs of the nightly pipeline: the one that made version 7, and last night's."""
    answer = await graph.data('{ pipeline(name: "studio_content_embedding_nightly") { runs { nodes { id } } } }')
    runs = [run["id"] for run in answer["pipeline"]["runs"]["nodes"]]
    return next(run for run in runs if short(run) == GOOD), next(run for run in runs if "triggered__2026-11-23" in run)


FAILED_ABOVE = """
query Failed($id: ID!, $depth: Int!) { node(id: $id) { ... on PipelineRun {
  failedUpstreamRuns(depth: $depth) { nodes { state pipeline { name } } completeness { complete reasons } } } } }
"""


async def test_what_failed_above_a_run_is_of_this_run_and_of_so_many_levels(graph: Graph) -> None:
    good, bad = await nights(graph)

    async def failed(id: str, depth: int) -> list[str]:
        answer = (await graph.data(FAILED_ABOVE, id=id, depth=depth))["node"]["failedUpstreamRuns"]
        assert {node["state"] for node in answer["nodes"]} <= {"FAILED"}
        return sorted(node["pipeline"]["name"] for node in answer["nodes"])

    assert await failed(bad, 1) == ["studio_shot_boundaries"]
    assert await failed(bad, 2) == ["studio_ingest_masters", "studio_shot_boundaries"]
    assert await failed(good, 1) == ["studio_shot_boundaries"]
    assert await failed(good, 3) == ["studio_shot_boundaries"]


async def test_a_maker_that_two_orchestrators_could_be_is_shown_as_ambiguous() -> None:
    told = story()
    twice = (*told.orchestrators, replace(told.orchestrators[0], name="airflow-2"))
    async with graph_of(replace(told, orchestrators=twice)) as graph:
        found = (await graph.ask(LINEAGE, id=CONTENT_EMBEDDING_7, direction="UPSTREAM"))["data"]["lineage"]
    assert states(found) == {GOOD: "UNAVAILABLE AMBIGUOUS", NIGHTLY: "UNAVAILABLE AMBIGUOUS"}


# ---------------------------------------------------------------- how far, and how much


@pytest.mark.parametrize("depth", range(1, 6))
async def test_depth_n_gives_n_levels_exactly(graph: Graph, depth: int) -> None:
    found = await lineage_of(graph, CONTENT_EMBEDDING_7, "UPSTREAM", depth=depth)
    assert len(levels(found)) == depth + 1


async def test_past_max_nodes_nodes_are_left_out_and_it_is_said_where(graph: Graph) -> None:
    found = await lineage_of(graph, dataset_id("s3://studio/frames"), "DOWNSTREAM", maxNodes=5)
    assert len(found["nodes"]) == 5
    assert found["nodes"][0]["expanded"] is False
    assert found["completeness"]["reasons"] == ["NODE_LIMIT"]
    assert len(edges(found)) == 4


async def test_a_start_that_does_not_exist_is_answered_at_once(graph: Graph) -> None:
    found = await lineage_of(graph, "mlg://model/studio-mlflow/no-such-model", depth=10)
    assert [(node["state"], node["code"]) for node in found["nodes"]] == [("DANGLING", "NOT_FOUND")]
    assert found["edges"] == []
    assert calls(graph) == {"studio-mlflow": 1, "personalization-mlflow": 0, "airflow": 0, "growthbook": 0}


@pytest.mark.parametrize("key", ["s3://studio/nothing", "studio.nothing"])
async def test_a_dataset_that_nothing_mentions_is_no_start(graph: Graph, key: str) -> None:
    found = await lineage_of(graph, dataset_id(key), depth=10)
    assert [(node["state"], node["code"], node["expanded"]) for node in found["nodes"]] == [
        ("DANGLING", "NOT_FOUND", False)
    ]
    assert found["edges"] == []


async def test_a_start_without_edges_is_answered_at_once(graph: Graph) -> None:
    found = await lineage_of(graph, "mlg://pipeline/airflow/payments_fraud_screen", "DOWNSTREAM", depth=1)
    assert len(found["nodes"]) == 4  # two versions and their model
    alone = await lineage_of(graph, "mlg://model/studio-mlflow/trailer-cutter", depth=10)
    assert ([short(node["ref"]["entityId"]) for node in alone["nodes"]], alone["edges"]) == (
        ["model trailer-cutter"],
        [],
    )
    assert alone["completeness"]["complete"] is True


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"id": "content-embedding"}, "This is no id of this graph"),
        ({"id": "mlg://owner/-/maya.ortiz"}, "This has no lineage"),
        ({"id": "mlg://training-run/studio-mlflow/abc"}, "This has no lineage"),
        ({"id": "mlg://model/-/content-embedding"}, "This has no lineage"),
        ({"id": CONTENT_EMBEDDING_7, "depth": 0}, "`depth` is 1 to 10."),
        ({"id": CONTENT_EMBEDDING_7, "depth": 11}, "`depth` is 1 to 10."),
        ({"id": CONTENT_EMBEDDING_7, "maxNodes": 0}, "`maxNodes` is 1 to 1000."),
        ({"id": CONTENT_EMBEDDING_7, "maxNodes": 1001}, "`maxNodes` is 1 to 1000."),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_any_call(
    graph: Graph, asked: dict[str, object], says: str
) -> None:
    answer = await graph.ask(LINEAGE, **asked)
    ((error),) = answer["errors"]
    assert error["message"].startswith(says)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert set(calls(graph).values()) == {0}


# ---------------------------------------------------------------- what it costs


async def test_what_is_not_selected_is_not_fetched(graph: Graph) -> None:
    bare = "query($id: ID!) { lineage(id: $id, direction: UPSTREAM) { nodes { ref { entityId } } edges { toId } } }"
    await graph.data(bare, id=CONTENT_EMBEDDING_7)
    assert calls(graph) == {"studio-mlflow": 2, "personalization-mlflow": 0, "airflow": 0, "growthbook": 0}
    graph.forget_calls()
    await lineage_of(graph, CONTENT_EMBEDDING_7, "UPSTREAM")
    assert calls(graph) == {"studio-mlflow": 2, "personalization-mlflow": 0, "airflow": 2, "growthbook": 0}


@pytest.fixture(scope="module")
def whole() -> Company:
    return build()


def _widest(company: Company, readers: int) -> str:
    """A dataset with so many readers, or the widest there is."""
    found = [asset for asset in company.orchestrators[0].assets if not asset.uri.startswith("mlflow")]
    return min(found, key=lambda asset: (abs(len(asset.consumers) - readers), asset.uri)).uri


async def test_calls_grow_with_levels_and_sources_not_with_nodes(whole: Company) -> None:
    """Downward is the dear way: the registries are searched for what pipelines made, by three pairs of tags."""
    async with graph_of(whole) as graph:
        await graph.data("{ sources { name } }")
        sizes: dict[tuple[int, int], int] = {}
        for readers in (1, 7):
            for depth in (1, 2, 3, 5):
                graph.forget_calls()
                found = await lineage_of(
                    graph, dataset_id(_widest(whole, readers)), "DOWNSTREAM", depth=depth, maxNodes=1000
                )
                assert failing(found) == {}
                sizes[readers, depth] = len(found["nodes"])
                spent = calls(graph)
                assert spent["studio-mlflow"] <= 12 * depth
                assert spent["personalization-mlflow"] <= 12 * depth
                assert spent["airflow"] <= 6 * depth
                assert spent["growthbook"] <= 3 * depth
        assert sizes[7, 3] > 5 * sizes[1, 1]
        assert sizes[7, 5] > 100


async def test_past_the_calls_allowed_what_is_named_is_shown_and_what_takes_a_search_is_said_to_be_missing() -> None:
    """MLflow takes one value of a tag a call: versions are searched for of 25 pipelines, the rest is by assets."""
    told = story()
    orchestrator = told.orchestrators[0]
    names = [f"reader_{number:02}" for number in range(30)]
    dags = [replace(orchestrator.dags[0], dag_id=name, tags=()) for name in names]
    read = Asset("s3://lake/read", "read", consumers=tuple((name, "task") for name in names))
    written = [Asset(f"s3://lake/{name}", name, producers=((name, "task"),)) for name in names]
    wide = replace(orchestrator, dags=(*orchestrator.dags, *dags), assets=(*orchestrator.assets, read, *written))
    async with graph_of(replace(told, orchestrators=(wide,))) as graph:
        await graph.data("{ sources { name } }")
        graph.forget_calls()
        found = await lineage_of(graph, dataset_id("s3://lake/read"), "DOWNSTREAM", depth=2)
        spent = calls(graph)
    assert len(levels(found)[2]) == 30
    assert [name for name in sorted(unexpanded(found)) if name.startswith("pipeline")] == [
        f"pipeline reader_{number}" for number in range(25, 30)
    ]
    assert found["completeness"]["reasons"] == ["CALL_BUDGET", "DEPTH_LIMIT"]
    assert spent["studio-mlflow"] <= 8
    assert spent["airflow"] <= 7


# ---------------------------------------------------------------- sources that do not answer


async def test_with_half_the_sources_down_the_rest_is_there_and_what_is_missing_is_said() -> None:
    async with company() as (sources, graph):
        whole = await lineage_of(graph, CONTENT_EMBEDDING_7, depth=2)
        await sources.stop("airflow")
        await sources.stop("growthbook")
        answer = await graph.ask(LINEAGE, id=CONTENT_EMBEDDING_7, depth=2)
        found = answer["data"]["lineage"]
        assert edges(found) <= edges(whole)
        assert {f"{VERSION_7} TRAINED_ON {FRAMES}", f"{VERSION_7} PRODUCED_BY {GOOD}"} <= edges(found)
        assert states(found) == {
            GOOD: "UNAVAILABLE SOURCE_UNAVAILABLE",
            NIGHTLY: "UNAVAILABLE SOURCE_UNAVAILABLE",
        }
        assert found["completeness"]["complete"] is False
        assert "SOURCE_UNAVAILABLE" in found["completeness"]["reasons"]
        assert failing(found) == {"airflow": "SOURCE_UNAVAILABLE", "growthbook": "SOURCE_UNAVAILABLE"}
        assert {GOOD, NIGHTLY} <= unexpanded(found)
        ((code, _, count),) = told(answer)
        assert (code, count) == ("SOURCE_UNAVAILABLE airflow", 2)


async def test_a_start_whose_source_is_down_is_shown_so() -> None:
    async with company() as (sources, graph):
        await sources.stop("studio-mlflow")
        found = (await graph.ask(LINEAGE, id=CONTENT_EMBEDDING_7))["data"]["lineage"]
        assert states(found) == {VERSION_7: "UNAVAILABLE SOURCE_UNAVAILABLE"}
        assert failing(found) == {"studio-mlflow": "SOURCE_UNAVAILABLE"}
        assert found["edges"] == []


async def test_a_node_that_may_not_be_seen_is_shown_so_and_not_looked_behind() -> None:
    forbidden = refusing(APPS["airflow"], b"/dags/studio_content_embedding_nightly")
    async with serve(APPS["studio-mlflow"]) as registry, serve(forbidden) as orchestrator:
        settings = (
            f'[[sources]]\nname = "studio-mlflow"\nurl = "{registry.url}"\nproduct = "mlflow"\n'
            f'[[sources]]\nname = "airflow"\nurl = "{orchestrator.url}"\n{MORE["airflow"]}'
        )
        async with graph_over(settings, ENVIRONMENT, {}) as graph:
            found = (await graph.ask(LINEAGE, id=CONTENT_EMBEDDING_7, depth=2, direction="UPSTREAM"))["data"]["lineage"]
    assert states(found) == {GOOD: "FORBIDDEN FORBIDDEN", NIGHTLY: "FORBIDDEN FORBIDDEN"}
    assert {GOOD, NIGHTLY} <= unexpanded(found)
    assert "FORBIDDEN" in found["completeness"]["reasons"]
    assert f"pipeline studio_frame_extraction PRODUCES {FRAMES}" in edges(found)
