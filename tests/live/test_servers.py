"""The real servers are the versions that were asked for, and have what was seeded."""

from __future__ import annotations

import pytest

from tests.servers import install
from tests.servers.airflow import signed_in
from tests.servers.real_company import RealCompany, SeededMlflow
from tests.servers.rest import Refused, Rest, basic

pytestmark = pytest.mark.live

MLFLOW = "/api/2.0/mlflow"
AIRFLOW = "/api/v2"
BY_NAME = "name IN ('content-embedding','title-ranker')"


def test_every_registry_has_its_models_versions_and_aliases(real_company: RealCompany) -> None:
    for registry in real_company.company.registries:
        with Rest(real_company.mlflows[registry.name].url) as server:
            assert server.get("/version") == {"text": install.MLFLOW}
            rows = server.get(f"{MLFLOW}/registered-models/search", max_results=1000)["registered_models"]
        found = {
            row["name"]: {alias["alias"]: int(alias["version"]) for alias in row.get("aliases", [])} for row in rows
        }
        assert found == {model.name: model.aliases for model in registry.models}


def test_a_training_run_names_the_airflow_run_that_an_asset_really_triggered(real_company: RealCompany) -> None:
    training = {run.run_id: run for registry in real_company.company.registries for run in registry.runs}
    (studio, *_) = real_company.company.registries
    champion = next(model for model in studio.models if model.name == "content-embedding")
    made_by = champion.versions[champion.aliases["champion"] - 1].run_id
    assert made_by is not None
    tags = training[made_by].tags
    with signed_in(real_company.airflow.url, real_company.airflow.viewer) as server:
        path = f"{AIRFLOW}/dags/{tags['lifecycle.pipeline']}/dagRuns/{tags['lifecycle.pipeline_run']}"
        run, fed_by = server.get(path), server.get(f"{path}/upstreamAssetEvents")
    assert (run["run_type"], run["state"]) == ("asset_triggered", "success")
    assert {event["source_dag_id"] for event in fed_by["asset_events"]} == {
        "studio_frame_extraction",
        "studio_shot_boundaries",
    }


def test_the_pipelines_ended_as_planned_and_failed_where_planned(real_company: RealCompany) -> None:
    (pipelines,) = real_company.company.orchestrators
    newest = max(
        (run for run in pipelines.runs if run.dag_id == "studio_content_embedding_nightly"), key=lambda run: run.queued
    )
    assert [(task.task_id, task.state, task.attempt) for task in newest.tasks] == [
        ("collect_frames", "success", 1),
        ("embed_scenes", "success", 1),
        ("evaluate", "failed", 2),
        ("register", "upstream_failed", 0),
    ]
    with signed_in(real_company.airflow.url, real_company.airflow.viewer) as server:
        assert server.get(f"{AIRFLOW}/version")["version"] == install.AIRFLOW
        assert server.get(f"{AIRFLOW}/dags/~/dagRuns", limit=1)["total_entries"] == len(pipelines.runs)


def test_airflow_answers_nobody_without_a_token(real_company: RealCompany) -> None:
    with Rest(real_company.airflow.url) as server, pytest.raises(Refused) as refused:
        server.get(f"{AIRFLOW}/dags")
    assert refused.value.status == 401


def test_unleash_has_a_flag_for_every_experiment_and_its_viewer_may_only_look(real_company: RealCompany) -> None:
    (platform,) = real_company.company.platforms
    running = real_company.unleash
    with Rest(running.url, {"Authorization": running.viewer_token}) as viewer:
        everything = {"environment": running.environment, "features": []}
        flags = viewer.post("/api/admin/features-batch/export", everything)["features"]
        with pytest.raises(Refused) as refused:
            viewer.post("/api/admin/tag-types", {"name": "owner"})
    with Rest(running.url, {"Authorization": running.client_token}) as client:
        live = client.get("/api/client/features")["features"]
    assert refused.value.status == 403
    assert {flag["name"] for flag in flags} | {e.key for e in platform.experiments if e.archived} == {
        experiment.key for experiment in platform.experiments
    }
    assert {flag["name"] for flag in live if flag["enabled"]} == {
        experiment.key for experiment in platform.experiments if experiment.status == "running"
    }


def test_mlflow_3_16_refuses_a_list_of_names(mlflow_316: SeededMlflow) -> None:
    with Rest(mlflow_316.server.url) as server:
        assert server.get("/version") == {"text": install.MLFLOW_WITHOUT_NAME_IN}
        with pytest.raises(Refused) as refused:
            server.get(f"{MLFLOW}/registered-models/search", filter=BY_NAME)
    assert refused.value.status == 400


def test_mlflow_with_users_answers_its_reader_and_nobody_else(mlflow_basic: SeededMlflow) -> None:
    assert mlflow_basic.server.reader is not None
    with Rest(mlflow_basic.server.url, basic(*mlflow_basic.server.reader)) as reader:
        rows = reader.get(f"{MLFLOW}/registered-models/search", filter=BY_NAME)["registered_models"]
    with Rest(mlflow_basic.server.url) as nobody, pytest.raises(Refused) as refused:
        nobody.get(f"{MLFLOW}/registered-models/search")
    assert {row["name"] for row in rows} == {"content-embedding", "title-ranker"}
    assert refused.value.status == 401
