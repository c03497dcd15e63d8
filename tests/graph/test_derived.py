"""Datasets and features are entities though no source owns them: found by their mentions, joined, and not invented."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from gateway.demo.company import Asset
from gateway.demo.story import story
from tests.graph.client import Graph
from tests.graph.derived import asked, calls, mention, with_assets, with_inputs

FRAMES, SHOTS, TRANSACTIONS = "s3://studio/frames", "s3://studio/shots", "s3://payments/transactions"
COMPLETENESS = "completeness { complete reasons sources { source ok code } }"


def dataset_id(key: str) -> str:
    return f"mlg://dataset/-/{quote(key, safe='')}"


def feature_id(key: str) -> str:
    return f"mlg://feature/-/{quote(key, safe='')}"


async def dataset(graph: Graph, key: str) -> Any:
    """One dataset with everything that leads to and from it."""
    query = """query($id: ID!) { node(id: $id) { id ... on Dataset { name uri
      producers { nodes { name } completeness { complete } } consumers { nodes { name } completeness { complete } }
      modelVersions(first: 100) { nodes { name version } completeness { complete } } } } }"""
    node = (await graph.data(query, id=dataset_id(key)))["node"]
    if node is None:
        return None
    assert all(node[link]["completeness"]["complete"] for link in ("producers", "consumers", "modelVersions"))
    return {
        "id": node["id"],
        "name": node["name"],
        "uri": node["uri"],
        "producers": [item["name"] for item in node["producers"]["nodes"]],
        "consumers": [item["name"] for item in node["consumers"]["nodes"]],
        "versions": [f"{item['name']} {item['version']}" for item in node["modelVersions"]["nodes"]],
    }


# ---------------------------------------------------------------- lists


async def test_datasets_are_gathered_from_registries_and_orchestrators_and_are_one_where_they_have_one_uri() -> None:
    async with asked() as graph:
        found = (await graph.data(f"{{ datasets {{ nodes {{ name uri }} totalCount {COMPLETENESS} }} }}"))["datasets"]
        assert [(item["name"], item["uri"]) for item in found["nodes"]] == [
            ("ads.scene_matches", "s3://ads/scene-matches"),
            ("payments.transactions", "s3://payments/transactions"),
            ("personalization.viewing_sessions", "s3://personalization/viewing-sessions"),
            ("studio.frames", "s3://studio/frames"),
            ("studio.masters", "s3://studio/masters"),
            ("studio.shots", "s3://studio/shots"),
        ]
        assert found["totalCount"] == 6
        assert (found["completeness"]["complete"], found["completeness"]["reasons"]) == (True, [])
        assert calls(graph) == {"studio-mlflow": 2, "personalization-mlflow": 2, "airflow": 1, "growthbook": 0}


async def test_a_name_is_asked_of_the_products_that_can_be_asked_for_it() -> None:
    async with asked() as graph:
        found = await graph.data('{ datasets(nameContains: "SHOTS") { nodes { name } totalCount } }')
        assert found["datasets"] == {"nodes": [{"name": "studio.shots"}], "totalCount": 1}
        (assets,) = graph.calls("airflow")
        assert assets.target == "/api/v2/assets?name_pattern=SHOTS&order_by=name&limit=100&offset=0"
        search = graph.calls("studio-mlflow")[-1]
        assert json.loads(search.body)["filter"] == "dataset.name ILIKE '%SHOTS%'"


async def test_a_walk_in_pages_yields_every_dataset_once() -> None:
    query = """query($after: String) { datasets(first: 4, after: $after) { nodes { name }
      pageInfo { hasNextPage endCursor } } }"""
    async with asked() as graph:
        first = (await graph.data(query))["datasets"]
        second = (await graph.data(query, after=first["pageInfo"]["endCursor"]))["datasets"]
        assert [item["name"] for item in (*first["nodes"], *second["nodes"])] == [
            "ads.scene_matches",
            "payments.transactions",
            "personalization.viewing_sessions",
            "studio.frames",
            "studio.masters",
            "studio.shots",
        ]
        assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)


async def test_features_are_gathered_from_tags_columns_and_signatures() -> None:
    async with asked() as graph:
        query = f'{{ features(nameContains: "shot") {{ nodes {{ name dataType }} totalCount {COMPLETENESS} }} }}'
        found = (await graph.data(query))["features"]
        assert [(item["name"], item["dataType"]) for item in found["nodes"]] == [
            ("scene_stats:shot_len", None),
            ("shot_len", "double"),
            ("studio.shots:boundary_strength", "double"),
            ("studio.shots:shot_len", "double"),
            ("studio.shots:shot_no", "long"),
            ("studio.shots:title_id", "string"),
        ]
        assert found["totalCount"] == 6
        assert found["completeness"]["complete"] is True
        # The ids of the groups of runs, the tag of versions, and the runs by feature tag, by signature, and with data.
        assert calls(graph) == {"studio-mlflow": 5, "personalization-mlflow": 5, "airflow": 0, "growthbook": 0}


async def test_a_list_whose_source_was_not_read_to_its_end_says_so() -> None:
    async with asked(more="scan_rows = 3") as graph:
        found = (await graph.data(f"{{ datasets {{ nodes {{ name }} totalCount {COMPLETENESS} }} }}"))["datasets"]
        assert found["totalCount"] is None
        assert found["completeness"]["reasons"] == ["SCAN_LIMIT"]
        # The newest three runs do not mention these; the calls for names that were not met do.
        assert {"payments.transactions", "studio.shots"} <= {item["name"] for item in found["nodes"]}


async def test_with_the_orchestrator_down_what_the_registries_mention_is_listed_and_the_rest_is_said() -> None:
    async with asked(down="airflow") as graph:
        found = await graph.ask(f"{{ datasets {{ nodes {{ name }} pageInfo {{ hasNextPage }} {COMPLETENESS} }} }}")
        assert "errors" not in found
        assert [item["name"] for item in found["data"]["datasets"]["nodes"]] == [
            "payments.transactions",
            "personalization.viewing_sessions",
            "studio.frames",
            "studio.shots",
        ]
        assert found["data"]["datasets"]["pageInfo"]["hasNextPage"] is True
        assert found["data"]["datasets"]["completeness"]["reasons"] == ["SOURCE_UNAVAILABLE"]


# ---------------------------------------------------------------- one dataset


async def test_a_dataset_leads_to_who_writes_it_who_reads_it_and_what_was_trained_on_it() -> None:
    async with asked() as graph:
        assert await dataset(graph, FRAMES) == {
            "id": "mlg://dataset/-/s3%3A%2F%2Fstudio%2Fframes",
            "name": "studio.frames",
            "uri": "s3://studio/frames",
            "producers": ["studio_frame_extraction"],
            "consumers": [
                "personalization_viewer_embedding",
                "studio.train-shot-detector",
                "studio_content_embedding_nightly",
                "studio_shot_boundaries",
            ],
            "versions": [
                "viewer-embedding 1",
                "viewer-embedding 2",
                "content-embedding 2",
                "content-embedding 3",
                "content-embedding 4",
                "content-embedding 5",
                "content-embedding 6",
                "content-embedding 7",
                "content-embedding 8",
                "shot-boundary-detector 1",
                "shot-boundary-detector 2",
                "shot-boundary-detector 3",
            ],
        }
        # Of Airflow: the assets of the place and of the name, and the DAGs. Of each registry: groups, runs, versions.
        assert calls(graph) == {"studio-mlflow": 3, "personalization-mlflow": 3, "airflow": 3, "growthbook": 0}


async def test_many_datasets_cost_the_calls_of_one() -> None:
    query = """{ datasets { nodes { producers { totalCount } consumers { totalCount }
      modelVersions { totalCount } } } }"""
    async with asked() as graph:
        found = (await graph.data(query))["datasets"]["nodes"]
        assert [item["modelVersions"]["totalCount"] for item in found] == [0, 2, 5, 12, 0, 1]
        # The list itself costs 2, 2 and 1.
        assert calls(graph) == {"studio-mlflow": 4, "personalization-mlflow": 4, "airflow": 3, "growthbook": 0}


async def test_evidence_says_which_asset_and_which_input() -> None:
    query = """query($id: ID!) { node(id: $id) { ... on Dataset {
      producers { edges { evidence { basis assertedBy } } }
      modelVersions(first: 1) { edges { evidence { basis assertedBy via { kind } } model { name } } } } } }"""
    async with asked() as graph:
        node = (await graph.data(query, id=dataset_id(SHOTS)))["node"]
        assert node["producers"]["edges"] == [
            {"evidence": [{"basis": "NATIVE", "assertedBy": "airflow: outlet asset s3://studio/shots"}]}
        ]
        assert node["modelVersions"]["edges"] == [
            {
                "evidence": [
                    {
                        "basis": "NATIVE",
                        "assertedBy": "studio-mlflow: dataset input studio.shots",
                        "via": [{"kind": "TRAINING_RUN"}],
                    }
                ],
                "model": {"name": "content-embedding"},
            }
        ]


async def test_a_dataset_that_a_link_leads_to_is_known_from_its_mention_without_a_call() -> None:
    query = '{ model(name: "content-embedding") { latestVersion { datasets { state node { name } } } } }'
    async with asked() as graph:
        found = await graph.data(query)
        assert found["model"]["latestVersion"]["datasets"] == [{"state": "RESOLVED", "node": {"name": "studio.frames"}}]
        assert calls(graph)["airflow"] == 0


# ---------------------------------------------------------------- ids


async def test_an_id_that_nobody_mentions_is_null_and_not_invented() -> None:
    ids = [dataset_id("s3://studio/frame"), dataset_id("studio.nothing"), feature_id("no:feature"), feature_id("nö")]
    async with asked() as graph:
        found = await graph.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
        assert found == {"data": {"nodes": [None, None, None, None]}}


async def test_an_id_that_a_source_which_is_down_could_mention_is_an_error_with_its_code() -> None:
    query = "query($id: ID!) { node(id: $id) { id } }"
    for down, id in (
        ("airflow", dataset_id("s3://nobody/knows")),
        ("studio-mlflow", dataset_id("s3://nobody/knows")),
        ("studio-mlflow", dataset_id("nobody.knows")),
        ("studio-mlflow", feature_id("nobody:knows")),
    ):
        async with asked(down=down) as graph:
            found = await graph.ask(query, id=id)
            assert found["data"] == {"node": None}
            (error,) = found["errors"]
            assert (error["path"], error["extensions"]["code"]) == (["node"], "SOURCE_UNAVAILABLE")
            assert error["extensions"]["source"] == down


async def test_what_one_source_mentions_is_there_whatever_else_is_down() -> None:
    query = "query($id: ID!) { node(id: $id) { ... on Dataset { name } } }"
    async with asked(down="airflow") as graph:
        assert await graph.ask(query, id=dataset_id(FRAMES)) == {"data": {"node": {"name": "studio.frames"}}}
    async with asked(down="studio-mlflow") as graph:
        assert await graph.ask(query, id=dataset_id(FRAMES)) == {"data": {"node": {"name": "studio.frames"}}}
        assert calls(graph)["personalization-mlflow"] == 0


async def test_an_id_that_was_not_found_because_not_all_was_read_is_an_error_and_not_null() -> None:
    async with asked(more="scan_rows = 3") as graph:
        found = await graph.ask("query($id: ID!) { node(id: $id) { id } }", id=dataset_id("s3://nobody/knows"))
        assert found["data"] == {"node": None}
        assert found["errors"][0]["extensions"]["code"] == "PAGE_LIMIT"


async def test_a_place_that_only_training_runs_mention_is_found_by_reading_the_newest_of_them() -> None:
    company = with_inputs(story(), {("title-ranker", 1): (mention("clicks", "s3://web/clicks"),)})
    async with asked(company) as graph:
        found = await dataset(graph, "s3://web/clicks")
        assert (found["name"], found["versions"]) == ("clicks", ["title-ranker 1", "title-ranker 1"])
        assert (found["producers"], found["consumers"]) == ([], [])


# ---------------------------------------------------------------- the join


async def test_spellings_of_one_place_are_one_dataset() -> None:
    company = with_inputs(story(), {("title-ranker", 2): (mention("frames of masters", "s3a://Studio/frames/"),)})
    async with asked(company) as graph:
        names = (await graph.data('{ datasets(nameContains: "frames") { nodes { id name } } }'))["datasets"]["nodes"]
        assert names == [{"id": dataset_id(FRAMES), "name": "studio.frames"}]
        version = """{ model(name: "title-ranker", source: "studio-mlflow") {
          latestVersion { datasets { ref { entityId } } } } }"""
        (link,) = (await graph.data(version))["model"]["latestVersion"]["datasets"]
        assert link["ref"]["entityId"] == dataset_id(FRAMES)


async def test_a_mention_by_name_is_the_dataset_of_the_one_place_that_has_this_name() -> None:
    company = with_inputs(story(), {("fraud-screen", 2): (mention("payments.transactions", None),)})
    version = """{ model(name: "fraud-screen") { latestVersion { datasets { ref { entityId }
      evidence { assertedBy } node { uri } } } } }"""
    async with asked(company) as graph:
        assert (await graph.data(version))["model"]["latestVersion"]["datasets"] == [
            {
                "ref": {"entityId": dataset_id(TRANSACTIONS)},
                "evidence": [{"assertedBy": "studio-mlflow: dataset input payments.transactions"}],
                "node": {"uri": TRANSACTIONS},
            }
        ]
        by_place = await dataset(graph, TRANSACTIONS)
        assert by_place["versions"] == ["fraud-screen 1", "fraud-screen 2"]
        # The id by name, which may have been given while Airflow was down, leads to the same dataset.
        assert await dataset(graph, "payments.transactions") == by_place
        listed = (await graph.data('{ datasets(nameContains: "transactions") { nodes { id } } }'))["datasets"]["nodes"]
        assert listed == [{"id": dataset_id(TRANSACTIONS)}]


async def test_an_asset_with_a_name_only_is_the_dataset_of_the_place_that_training_runs_name() -> None:
    company = with_assets(
        with_inputs(story(), {("title-ranker", 1): (mention("web.clicks", "s3://web/clicks"),)}),
        Asset("web.clicks", "web.clicks", producers=(("ads_context_matching", "match_breaks"),)),
    )
    async with asked(company) as graph:
        found = await dataset(graph, "s3://web/clicks")
        assert found["producers"] == ["ads_context_matching"]
        links = """{ pipeline(name: "ads_context_matching") { produces { edges { ref { key } } } } }"""
        edges = (await graph.data(links))["pipeline"]["produces"]["edges"]
        assert {edge["ref"]["key"] for edge in edges} == {"s3://web/clicks", "s3://ads/scene-matches"}


async def test_a_name_that_two_places_have_joins_nothing() -> None:
    company = with_inputs(
        story(),
        {
            ("title-ranker", 1): (mention("payments.transactions", "s3://payments-staging/transactions"),),
            ("fraud-screen", 2): (mention("payments.transactions", None),),
        },
    )
    async with asked(company) as graph:
        listed = (await graph.data('{ datasets(nameContains: "transactions") { nodes { ref { key } } } }'))["datasets"]
        assert [item["ref"]["key"] for item in listed["nodes"]] == [
            "payments.transactions",
            "s3://payments/transactions",
            "s3://payments-staging/transactions",
        ]
        assert (await dataset(graph, "payments.transactions"))["versions"] == ["fraud-screen 2"]
        assert (await dataset(graph, TRANSACTIONS))["versions"] == ["fraud-screen 1"]


async def test_nothing_is_joined_by_name_while_a_source_that_could_know_another_place_is_down() -> None:
    company = with_inputs(story(), {("fraud-screen", 2): (mention("payments.transactions", None),)})
    async with asked(company, down="airflow") as graph:
        found = await graph.data('{ model(name: "fraud-screen") { latestVersion { datasets { ref { key } } } } }')
        assert found["model"]["latestVersion"]["datasets"] == [{"ref": {"key": "payments.transactions"}}]


async def test_data_that_nobody_named_is_told_apart_by_its_digest_and_never_joined_by_name() -> None:
    """MLflow calls every input that was logged without a name `dataset`."""
    company = with_inputs(
        story(),
        {
            ("title-ranker", 1): (mention("dataset", "s3://web/clicks"),),
            ("fraud-screen", 1): (mention("dataset", None, "aaa"),),
            ("fraud-screen", 2): (mention("dataset", None, "bbb"),),
        },
    )
    async with asked(company) as graph:
        listed = (await graph.data('{ datasets(nameContains: "dataset") { nodes { ref { key } } } }'))["datasets"]
        assert [item["ref"]["key"] for item in listed["nodes"]] == ["dataset@aaa", "dataset@bbb", "s3://web/clicks"]
        found = await dataset(graph, "dataset@bbb")
        assert (found["name"], found["versions"]) == ("dataset", ["fraud-screen 2"])


# ---------------------------------------------------------------- features


async def test_a_feature_leads_to_the_versions_that_take_it_in_every_registry() -> None:
    query = """query($id: ID!) { node(id: $id) { ... on Feature { name dataType modelVersions {
      edges { evidence { assertedBy } node { name version } } completeness { complete } } } } }"""
    async with asked() as graph:
        tagged = (await graph.data(query, id=feature_id("scene_stats:shot_len")))["node"]
        assert tagged["modelVersions"] == {
            "edges": [
                {
                    "evidence": [{"assertedBy": "personalization-mlflow: run tag feast.feature_refs"}],
                    "node": {"name": "viewer-embedding", "version": "1"},
                },
                {
                    "evidence": [{"assertedBy": "personalization-mlflow: run tag feast.feature_refs"}],
                    "node": {"name": "viewer-embedding", "version": "2"},
                },
                {
                    "evidence": [{"assertedBy": "studio-mlflow: run tag feast.feature_refs"}],
                    "node": {"name": "content-embedding", "version": "7"},
                },
            ],
            "completeness": {"complete": True},
        }
        # Groups, versions by tag, runs by tag, by signature and by the dataset `scene_stats`, versions of the runs.
        assert calls(graph)["studio-mlflow"] == 6
        column = (await graph.data(query, id=feature_id("studio.shots:shot_no")))["node"]
        assert column["dataType"] == "long"
        assert [edge["node"]["version"] for edge in column["modelVersions"]["edges"]] == ["7"]
        logged = (await graph.data(query, id=feature_id("cut_rate")))["node"]
        assert [edge["evidence"][0]["assertedBy"] for edge in logged["modelVersions"]["edges"]] == [
            "studio-mlflow: signature"
        ]


async def test_many_features_cost_the_calls_of_a_few() -> None:
    query = """{ model(name: "content-embedding") { findVersion(version: "7") { features { ref { key }
      node { modelVersions { totalCount } } } } } }"""
    async with asked() as graph:
        found = (await graph.data(query))["model"]["findVersion"]["features"]
        assert len(found) == 14
        by_key = {item["ref"]["key"]: item["node"]["modelVersions"]["totalCount"] for item in found}
        assert (by_key["scene_stats:cut_rate"], by_key["studio.frames:pixels"]) == (3, 12)
        assert calls(graph)["personalization-mlflow"] <= 7


@pytest.mark.parametrize("text", ["検索", 'say "x"', "back\\slash", "a'b", "ü"])
async def test_a_feature_is_found_whatever_its_name_holds(text: str) -> None:
    company = story()
    studio, *others = company.registries
    first, *rest = studio.runs
    tagged = replace(first, tags={**first.tags, "feast.feature_refs": json.dumps([f"view:{text}"])})
    company = replace(company, registries=(replace(studio, runs=(tagged, *rest)), *others))
    async with asked(company) as graph:
        query = "query($id: ID!) { node(id: $id) { ... on Feature { modelVersions { nodes { name version } } } } }"
        node = (await graph.data(query, id=feature_id(f"view:{text}")))["node"]
        assert node["modelVersions"]["nodes"] == [{"name": "content-embedding", "version": "1"}]
