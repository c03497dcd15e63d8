"""The on-call question over real MLflow, real Airflow and real Unleash: the same gateway, the same answer."""

from __future__ import annotations

import pytest

from tests.graph.queries import CONTENT_EMBEDDING_7, ON_CALL
from tests.live.graph import graph_of_real, settings_of
from tests.servers.real_company import RealCompany

pytestmark = pytest.mark.live


async def test_the_on_call_question_is_answered_by_the_real_servers(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        version = (await graph.data(ON_CALL, v=CONTENT_EMBEDDING_7))["node"]
    assert (version["name"], version["version"]) == ("content-embedding", "7")
    assert version["owners"] == [{"handle": "maya.ortiz", "team": "content-understanding"}]
    assert sorted(link["node"]["name"] for link in version["datasets"]) == ["studio.frames", "studio.shots"]
    assert {"ref": {"key": "scene_stats:shot_len"}} in version["features"]
    assert {"key": "recall_at_10", "value": 0.74} in version["trainingRun"]["evaluationMetrics"]

    made_by = version["producedBy"]
    assert made_by["state"] == "RESOLVED"
    assert {item["assertedBy"] for item in made_by["evidence"]} == {
        "studio-mlflow: version tag lifecycle.pipeline",
        "studio-mlflow: run tag lifecycle.pipeline",
    }
    assert made_by["node"]["state"] == "SUCCESS"
    assert made_by["node"]["pipeline"]["name"] == "studio_content_embedding_nightly"
    assert {owner["handle"] for owner in made_by["node"]["pipeline"]["owners"]} == {"maya.ortiz", "tomas.lindqvist"}
    assert made_by["node"]["pipeline"]["lastRun"] == {"state": "FAILED"}
    above = [
        (edge["node"]["pipeline"]["name"], edge["node"]["state"]) for edge in made_by["node"]["upstreamRuns"]["edges"]
    ]
    assert sorted(above) == [("studio_frame_extraction", "SUCCESS"), ("studio_shot_boundaries", "FAILED")]

    (edge,) = version["experiments"]["edges"]
    assert edge["running"] is True
    assert edge["evidence"] == [
        {"basis": "CONVENTION", "assertedBy": "unleash: value of variation treatment (names no registry)"}
    ]
    assert [(item["key"], item["weight"], item["isControl"]) for item in edge["variations"]] == [
        ("treatment", 0.5, None)
    ]
    assert edge["node"]["name"] == "ads-contextual-scene-match"
    assert edge["node"]["status"] == "RUNNING"
    assert edge["node"]["ref"]["url"] == (
        f"{real_company.unleash.url}/projects/default/features/ads-contextual-scene-match"
    )
    # What Unleash has no place for is null, not made up.
    assert edge["node"]["hypothesis"] is None
    assert edge["since"] is None
    assert version["experiments"]["completeness"]["complete"] is True


async def test_every_source_is_up_and_tells_its_version(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        listed = (await graph.data("{ sources { name role product version status } }"))["sources"]
    assert [(item["name"], item["product"], item["status"]) for item in listed] == [
        ("airflow", "airflow", "UP"),
        ("personalization-mlflow", "mlflow", "UP"),
        ("studio-mlflow", "mlflow", "UP"),
        ("unleash", "unleash", "UP"),
    ]
    assert all(item["version"] for item in listed)


async def test_names_in_any_script_and_with_any_quote_are_found_by_name(real_company: RealCompany) -> None:
    names = [(registry.name, model.name) for registry in real_company.company.registries for model in registry.models]
    query = "query Q($n: String!, $s: String!) { model(name: $n, source: $s) { name } }"
    async with graph_of_real(real_company) as graph:
        for source, name in names:
            assert (await graph.data(query, n=name, s=source))["model"] == {"name": name}


def test_the_secrets_of_the_servers_are_not_in_the_settings_file(real_company: RealCompany) -> None:
    settings, environment = settings_of(real_company)
    assert not any(secret in settings for secret in environment.values())
