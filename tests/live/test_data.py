"""Datasets, features and owners over real MLflow, Airflow and Unleash: what the fakes say of them is true."""

from __future__ import annotations

import pytest

from tests.live.graph import graph_of_real
from tests.servers.real_company import RealCompany

pytestmark = pytest.mark.live

FRAMES = "mlg://dataset/-/s3%3A%2F%2Fstudio%2Fframes"
SHOT_LEN = "mlg://feature/-/scene_stats%3Ashot_len"


async def test_datasets_are_joined_over_the_real_servers(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        listed = (await graph.data("{ datasets { nodes { name uri } completeness { complete } } }"))["datasets"]
        shots = (await graph.data('{ datasets(nameContains: "SHOTS") { nodes { name } } }'))["datasets"]["nodes"]
        query = """query($id: ID!) { node(id: $id) { ... on Dataset { name producers { nodes { name } }
          consumers { nodes { name } } modelVersions(first: 50) { nodes { name version }
          completeness { complete } } } } }"""
        frames = (await graph.data(query, id=FRAMES))["node"]
        nobody = await graph.data(query, id="mlg://dataset/-/s3%3A%2F%2Fnobody%2Fknows")
    assert {(item["name"], item["uri"]) for item in listed["nodes"]} >= {
        ("studio.frames", "s3://studio/frames"),
        ("studio.shots", "s3://studio/shots"),
        ("ads.scene_matches", "s3://ads/scene-matches"),
    }
    assert listed["completeness"]["complete"] is True
    assert [item["name"] for item in shots] == ["studio.shots"]
    assert frames["name"] == "studio.frames"
    assert [item["name"] for item in frames["producers"]["nodes"]] == ["studio_frame_extraction"]
    assert "personalization_viewer_embedding" in {item["name"] for item in frames["consumers"]["nodes"]}
    assert len(frames["modelVersions"]["nodes"]) == 12
    assert frames["modelVersions"]["completeness"]["complete"] is True
    assert nobody == {"node": None}


async def test_features_lead_to_their_versions_over_the_real_registries(real_company: RealCompany) -> None:
    query = """query($id: ID!) { node(id: $id) { ... on Feature {
      modelVersions { nodes { name version } completeness { complete } } } } }"""
    async with graph_of_real(real_company) as graph:
        found = (await graph.data(query, id=SHOT_LEN))["node"]["modelVersions"]
    assert sorted((item["name"], item["version"]) for item in found["nodes"]) == [
        ("content-embedding", "7"),
        ("viewer-embedding", "1"),
        ("viewer-embedding", "2"),
    ]
    assert found["completeness"]["complete"] is True


async def test_owners_and_domains_are_found_over_the_real_servers(real_company: RealCompany) -> None:
    query = '{ owner(handle: "maya.ortiz") { email team owns { nodes { kind name } completeness { complete } } } }'
    async with graph_of_real(real_company) as graph:
        maya = (await graph.data(query))["owner"]
        domains = (await graph.data("{ domains { nodes { name } } }"))["domains"]["nodes"]
    assert (maya["email"], maya["team"]) == ("maya.ortiz@example.com", "content-understanding")
    assert {(item["kind"], item["name"]) for item in maya["owns"]["nodes"]} >= {
        ("MODEL", "content-embedding"),
        ("MODEL", "trailer-cutter"),
        ("PIPELINE", "studio_content_embedding_nightly"),
    }
    assert maya["owns"]["completeness"]["complete"] is True
    assert {item["name"] for item in domains} >= {"ads", "payments", "personalization", "studio"}
