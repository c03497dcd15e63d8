"""The demo MLflow's rows: as its answers write them, and as its filters and orders see them."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2s

from gateway.demo.company import DatasetInput, Metric, Model, TrainingRun, Version
from gateway.demo.mlflow_filter import Grammar, Scalar

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Listed:
    """A version together with the model it is of."""

    model: Model
    version: Version


@dataclass(frozen=True, slots=True)
class Group:
    """MLflow's experiment. Ours have no time of their own: the first run's start stands for it."""

    id: str
    name: str
    created: int


def model_row(model: Model) -> Row:
    row: Row = {
        "name": model.name,
        "creation_timestamp": model.created,
        "last_updated_timestamp": model.updated,
        "description": model.description,
        # One per stage; ours have no stages, so it is the highest one.
        "latest_versions": [version_row(model, max(model.versions, key=lambda version: version.version))]
        if model.versions
        else [],
        "tags": _pairs(model.tags),
        "aliases": [{"alias": alias, "version": str(model.aliases[alias])} for alias in sorted(model.aliases)],
    }
    return {key: value for key, value in row.items() if value not in ("", [])}


def version_row(model: Model, version: Version) -> Row:
    row: Row = {
        "name": model.name,
        "version": str(version.version),
        "creation_timestamp": version.created,
        "last_updated_timestamp": version.updated,
        "current_stage": "None",
        "description": version.description,
        "source": _source(model.name, version.version),
        "run_id": version.run_id or "",
        "status": version.status,
        "run_link": "",
    }
    return row | {"tags": _pairs(version.tags)} if version.tags else row


def run_row(run: TrainingRun) -> Row:
    info: Row = {
        "run_uuid": run.run_id,
        "experiment_id": run.experiment_id,
        "run_name": run.name,
        "user_id": run.user,
        "status": run.status,
        "start_time": run.started,
        "artifact_uri": _artifacts(run),
        "lifecycle_stage": "active",
        "run_id": run.run_id,
    }
    if run.ended is not None:
        info["end_time"] = run.ended
    metrics = [_metric(key, metric) for key, metric in run.metrics.items()]
    data = {"metrics": metrics, "params": _pairs(run.params), "tags": _pairs(_run_tags(run))}
    inputs = [_input(item) for item in run.datasets]
    return {
        "info": info,
        "data": {key: value for key, value in data.items() if value},
        "inputs": {"dataset_inputs": inputs} if inputs else {},
        "outputs": {},
    }


def _input(item: DatasetInput) -> Row:
    dataset: Row = {"name": item.name, "digest": item.digest, "source_type": item.source_type, "source": item.source}
    if item.schema is not None:
        dataset["schema"] = item.schema
    if item.context is None:
        return {"dataset": dataset}
    return {"tags": [{"key": "mlflow.data.context", "value": item.context}], "dataset": dataset}


def group_row(group: Group) -> Row:
    return {
        "experiment_id": group.id,
        "name": group.name,
        "artifact_location": f"mlflow-artifacts:/{group.id}",
        "lifecycle_stage": "active",
        "last_update_time": group.created,
        "creation_time": group.created,
        "workspace": "default",
    }


def _metric(key: str, metric: Metric) -> Row:
    """MLflow writes not-a-number as text and an infinity as the largest number there is."""
    value: float | str = metric.value
    if math.isnan(metric.value):
        value = "NaN"
    elif math.isinf(metric.value):
        value = math.copysign(sys.float_info.max, metric.value)
    return {"key": key, "value": value, "timestamp": metric.at, "step": metric.step}


def _run_tags(run: TrainingRun) -> Mapping[str, str]:
    return run.tags if "mlflow.runName" in run.tags else {**run.tags, "mlflow.runName": run.name}


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _artifacts(run: TrainingRun) -> str:
    return f"mlflow-artifacts:/{run.experiment_id}/{run.run_id}/artifacts"


def _source(name: str, number: int) -> str:
    return f"models:/m-{blake2s(f'{name}/{number}'.encode(), digest_size=16).hexdigest()}"


# ---------------------------------------------------------------- what a filter sees of a row


def run_grammar(lists_names: bool) -> Grammar:
    return replace(_RUNS, only_lower=not lists_names)


def registry_grammars(lists_names: bool) -> tuple[Grammar, Grammar]:
    entities = {"attribute": "attribute", "tag": "tag", "tags": "tag"}
    before = "Only the 'run_id' attribute supports comparison with a list of quoted string values."
    since = "Only {} attributes support comparison with a list of quoted string values."
    models = Grammar(
        entities,
        attributes=frozenset({"name"}),
        lists=frozenset({"name"} if lists_names else {"run_id"}),
        lists_refusal=since.format(["name"]) if lists_names else before,
        orders=frozenset({"name", "timestamp", "last_updated_timestamp"}),
    )
    versions = Grammar(
        entities,
        attributes=frozenset({"name", "version_number", "run_id", "source_path"}),
        lists=frozenset({"name", "run_id"} if lists_names else {"run_id"}),
        lists_refusal=since.format(["name", "run_id"]) if lists_names else before,
        orders=frozenset({"name", "version_number", "creation_timestamp", "last_updated_timestamp"}),
        only_lower=not lists_names,
        numbers=frozenset({"version_number"}),
    )
    return models, versions


_RUN_ATTRIBUTES = frozenset({"run_id", "run_name", "status", "user_id", "artifact_uri", "start_time", "end_time"})
_RUNS = Grammar(
    {
        "metric": "metric",
        "metrics": "metric",
        "parameter": "parameter",
        "parameters": "parameter",
        "param": "parameter",
        "params": "parameter",
        "tag": "tag",
        "tags": "tag",
        "attribute": "attribute",
        "attributes": "attribute",
        "attr": "attribute",
        "run": "attribute",
        "dataset": "dataset",
        "datasets": "dataset",
    },
    attributes=_RUN_ATTRIBUTES,
    lists=frozenset({"run_id"}),
    lists_refusal="Only ['run_id'] attributes support comparison with a list of quoted string values.",
    orders=_RUN_ATTRIBUTES,
    numbers=frozenset({"start_time", "end_time"}),
    nullable=frozenset({"tag", "parameter"}),
)
GROUPS = Grammar(
    {"attribute": "attribute", "tag": "tag", "tags": "tag"},
    attributes=frozenset({"name", "experiment_id", "creation_time", "last_update_time"}),
    lists=frozenset({"name", "experiment_id"}),
    lists_refusal="Only ['experiment_id', 'name'] attributes support comparison with a list of quoted string values.",
    orders=frozenset({"name", "experiment_id", "creation_time", "last_update_time"}),
    numbers=frozenset({"creation_time", "last_update_time"}),
)


def model_values(model: Model, kind: str, key: str) -> Sequence[Scalar]:
    if kind == "tag":
        return _present(model.tags, key)
    return (model.name if key == "name" else model.updated,)


def version_values(row: Listed, kind: str, key: str) -> Sequence[Scalar]:
    if kind == "tag":
        return _present(row.version.tags, key)
    if key == "name":
        return (row.model.name,)
    if key == "version_number":
        return (row.version.version,)
    if key == "run_id":
        return (row.version.run_id or "",)
    if key == "source_path":
        return (_source(row.model.name, row.version.version),)
    return (row.version.created if key == "creation_timestamp" else row.version.updated,)


def run_values(run: TrainingRun, kind: str, key: str) -> Sequence[Scalar]:
    if kind == "metric":
        return (run.metrics[key].value,) if key in run.metrics else ()
    if kind == "parameter":
        return _present(run.params, key)
    if kind == "tag":
        return (run.name,) if key == "mlflow.runName" and key not in run.tags else _present(run.tags, key)
    if kind == "dataset":
        seen = {
            "name": lambda item: item.name,
            "digest": lambda item: item.digest,
            "context": lambda item: item.context,
        }
        return [value for item in run.datasets if (value := seen[key](item)) is not None]
    if key == "end_time":
        return () if run.ended is None else (run.ended,)
    if key == "start_time":
        return (run.started,)
    if key == "artifact_uri":
        return (_artifacts(run),)
    return ({"run_id": run.run_id, "run_name": run.name, "status": run.status, "user_id": run.user}[key],)


def _dataset_value(item: DatasetInput, key: str) -> str | None:
    return {"name": item.name, "digest": item.digest, "context": item.context}[key]


def group_values(group: Group, kind: str, key: str) -> Sequence[Scalar]:
    if kind == "tag":
        return ()
    return (group.name if key == "name" else group.id if key == "experiment_id" else group.created,)


def _present(pairs: Mapping[str, str], key: str) -> Sequence[str]:
    return (pairs[key],) if key in pairs else ()


# A prompt is a registered model with this tag; searches leave prompts out unless the filter asks for them.
PROMPT = "mlflow.prompt.is_prompt"


def is_prompt(model: Model) -> bool:
    return model.tags.get(PROMPT) == "true"
