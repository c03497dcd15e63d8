"""Writes a registry into a real MLflow through its REST API, which gives ids and times of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.demo.company import DatasetInput, Model, Registry, TrainingRun, Version
from tests.servers.rest import Json, Rest

API = "/api/2.0/mlflow"


def seed_mlflow(
    url: str,
    registry: Registry,
    *,
    headers: Mapping[str, str] | None = None,
    pipeline_runs: Mapping[str, str] | None = None,
) -> Registry:
    """The registry as it then is there: `pipeline_runs` (old id to real id) and MLflow's own ids are put into the tags.

    Runs, groups and versions have MLflow's ids, models and versions its times. A version whose run is not in the
    registry keeps that run's id, so it dangles there as it does here.
    """
    with Rest(url, headers) as server:
        groups = {old: _group(server, name) for old, name in registry.groups.items()}
        new_ids, runs = dict(pipeline_runs or {}), []
        for run in registry.runs:
            runs.append(_run(server, run, groups[run.experiment_id], new_ids))
            new_ids[run.run_id] = runs[-1].run_id
        models = [_model(server, model, new_ids) for model in registry.models]
        names = {groups[old]: name for old, name in registry.groups.items()}
        return Registry(registry.name, names, _with_times(server, models), tuple(runs))


def _group(server: Rest, name: str) -> str:
    if name == "Default":  # MLflow makes this one itself
        return "0"
    return str(server.post(f"{API}/experiments/create", {"name": name})["experiment_id"])


def _run(server: Rest, run: TrainingRun, group: str, new_ids: Mapping[str, str]) -> TrainingRun:
    tags = _with_new_ids(run.tags, new_ids)
    body = {"experiment_id": group, "run_name": run.name, "user_id": run.user, "start_time": run.started}
    run_id = str(server.post(f"{API}/runs/create", {**body, "tags": _rows(tags)})["run"]["info"]["run_id"])
    metrics = [
        {"key": key, "value": metric.value, "timestamp": metric.at, "step": metric.step}
        for key, metric in run.metrics.items()
    ]
    server.post(f"{API}/runs/log-batch", {"run_id": run_id, "params": _rows(run.params), "metrics": metrics})
    if run.datasets:
        server.post(f"{API}/runs/log-inputs", {"run_id": run_id, "datasets": [*map(_dataset, run.datasets)]})
    end = {} if run.ended is None else {"end_time": run.ended}
    server.post(f"{API}/runs/update", {"run_id": run_id, "status": run.status, **end})
    return replace(run, run_id=run_id, experiment_id=group, tags=tags)


def _dataset(data: DatasetInput) -> Json:
    row = {"name": data.name, "digest": data.digest, "source_type": data.source_type, "source": data.source}
    context = {} if data.context is None else {"mlflow.data.context": data.context}
    return {"dataset": row if data.schema is None else {**row, "schema": data.schema}, "tags": _rows(context)}


def _model(server: Rest, model: Model, new_ids: Mapping[str, str]) -> Model:
    body = {"name": model.name, "description": model.description}
    server.post(f"{API}/registered-models/create", {**body, "tags": _rows(model.tags)})
    versions = tuple(_version(server, model.name, version, new_ids) for version in model.versions)
    for alias, number in model.aliases.items():
        server.post(f"{API}/registered-models/alias", {"name": model.name, "alias": alias, "version": str(number)})
    return replace(model, versions=versions)


def _version(server: Rest, model: str, version: Version, new_ids: Mapping[str, str]) -> Version:
    run_id = None if version.run_id is None else new_ids.get(version.run_id, version.run_id)
    tags = _with_new_ids(version.tags, new_ids)
    body = {
        "name": model,
        "source": f"s3://models/{version.version}",  # never opened; a path on the server's own disk would be refused
        "description": version.description,
        "tags": _rows(tags),
    }
    made = server.post(f"{API}/model-versions/create", body if run_id is None else {**body, "run_id": run_id})
    row = made["model_version"]
    assert row["version"] == str(version.version), f"MLflow numbers the versions of {model} 1, 2, 3, …"
    return replace(version, run_id=run_id, tags=tags, status=row["status"])


def _with_times(server: Rest, models: list[Model]) -> tuple[Model, ...]:
    rows = {
        row["name"]: row for row in server.get(f"{API}/registered-models/search", max_results=1000)["registered_models"]
    }
    times = {
        (row["name"], int(row["version"])): (row["creation_timestamp"], row["last_updated_timestamp"])
        for row in server.get(f"{API}/model-versions/search", max_results=10000)["model_versions"]
    }
    return tuple(
        replace(
            model,
            created=rows[model.name]["creation_timestamp"],
            updated=rows[model.name]["last_updated_timestamp"],
            versions=tuple(
                replace(version, created=created, updated=updated)
                for version in model.versions
                for created, updated in [times[model.name, version.version]]
            ),
        )
        for model in models
    )


def _with_new_ids(tags: Mapping[str, str], new_ids: Mapping[str, str]) -> dict[str, str]:
    return {key: new_ids.get(value, value) for key, value in tags.items()}


def _rows(pairs: Mapping[str, str]) -> list[Json]:
    return [{"key": key, "value": value} for key, value in pairs.items()]
