"""Reads the demo company's references as plainly as possible, so that a mistake of an adapter cannot hide in here."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from gateway.demo.company import Company, DagRun, Experiment, Model, TrainingRun, Version

LINK_TAGS = (
    ("lifecycle.pipeline", "lifecycle.pipeline_run"),
    ("airflow.dag_id", "airflow.dag_run_id"),
    ("AIRFLOW_CTX_DAG_ID", "AIRFLOW_CTX_DAG_RUN_ID"),
)


def pipeline_links(tags: dict[str, str]) -> list[tuple[str, str]]:
    return [(tags[dag].removeprefix("airflow://airflow/"), tags[run]) for dag, run in LINK_TAGS if dag in tags]


def versions(told: Company) -> Iterator[tuple[Model, Version]]:
    for registry in told.registries:
        for model in registry.models:
            for version in model.versions:
                yield model, version


def model_named(told: Company, name: str) -> Model:
    return next(model for registry in told.registries for model in registry.models if model.name == name)


def training_run(told: Company, version: Version) -> TrainingRun:
    return next(run for registry in told.registries for run in registry.runs if run.run_id == version.run_id)


@dataclass(frozen=True)
class Named:
    """A model as a variation's value names it; version and alias are empty where they are not said."""

    name: str
    version: str
    alias: str


def named_models(experiment: Experiment) -> Iterator[Named]:
    for variation in experiment.variations:
        value = variation.value or ""
        if uri := re.fullmatch(r"models:/(.+?)(?:/(\d+)|@(\w+))", value):
            yield Named(uri[1], uri[2] or "", uri[3] or "")
        if not value.startswith("{"):
            continue
        try:
            read = json.loads(value)
        except json.JSONDecodeError:
            continue
        for row in (read, *(inner for inner in read.values() if isinstance(inner, dict))):
            if name := row.get("model", row.get("model_name")):
                yield Named(name, str(row.get("version", row.get("model_version", ""))), row.get("alias", ""))


def dangling(told: Company) -> Iterator[str]:
    yield from _dangling_in_registries(told)
    yield from _dangling_in_orchestrator(told)
    yield from _dangling_in_experiments(told)


def _dangling_in_registries(told: Company) -> Iterator[str]:
    runs = {(run.dag_id, run.run_id) for run in told.orchestrators[0].runs}
    tests = {row.key for row in told.platforms[0].experiments} | {row.id for row in told.platforms[0].experiments}
    for registry in told.registries:
        training = {run.run_id: run for run in registry.runs}
        named = Counter(version.run_id for model in registry.models for version in model.versions)
        for model in registry.models:
            for alias, number in model.aliases.items():
                if not 1 <= number <= len(model.versions):
                    yield f"{model.name}@{alias}: no version {number}"
            for version in model.versions:
                where = f"{model.name}/{version.version}"
                run = training.get(version.run_id or "")
                if version.run_id and not run:
                    yield f"{where}: no training run"
                links = [*pipeline_links(version.tags), *(pipeline_links(run.tags) if run else ())]
                for dag_id, run_id in links:
                    if (dag_id, run_id) not in runs:
                        yield f"{where}: no run {run_id} of {dag_id}"
                for cell in json.loads(version.tags.get("ab_test_cells", "[]")):
                    if cell["test_id"] not in tests:
                        yield f"{where}: no experiment {cell['test_id']}"
        for run_id in training:
            if named[run_id] != 1:
                yield f"{run_id}: of {named[run_id]} versions"


def _dangling_in_orchestrator(told: Company) -> Iterator[str]:
    orchestrator = told.orchestrators[0]
    tasks = {dag.dag_id: {task.task_id for task in dag.tasks} for dag in orchestrator.dags}
    runs: dict[tuple[str, str], DagRun] = {(run.dag_id, run.run_id): run for run in orchestrator.runs}
    tests = {key for row in told.platforms[0].experiments for key in (row.key, row.id)}
    models = {(registry.name, model.name): model for registry in told.registries for model in registry.models}
    names = {name for _, name in models}
    assets = {asset.uri: asset for asset in orchestrator.assets}
    for dag in orchestrator.dags:
        for tag in dag.tags:
            if tag.startswith("model:") and tag.removeprefix("model:") not in names:
                yield f"{dag.dag_id}: no model {tag}"
    for asset in orchestrator.assets:
        for dag_id, task_id in (*asset.producers, *asset.consumers):
            if task_id not in tasks.get(dag_id, ()):
                yield f"{asset.uri}: no task {dag_id}.{task_id}"
        for dag_id in asset.scheduled:
            if dag_id not in tasks:
                yield f"{asset.uri}: no pipeline {dag_id}"
        registry, _, quoted = asset.uri.removeprefix("mlflow://").partition("/models/")
        if quoted and (registry, unquote(quoted)) not in models:
            yield f"{asset.uri}: no model"
    for event in orchestrator.events:
        if (event.dag_id, event.task_id) not in assets[event.asset_uri].producers:
            yield f"{event.asset_uri}: not written by {event.dag_id}"
        for key in ((event.dag_id, event.run_id), *event.triggered):
            if key not in runs:
                yield f"{event.asset_uri}: no run {key}"
        if event.extra:
            registry, _, quoted = event.asset_uri.removeprefix("mlflow://").partition("/models/")
            version = models[registry, unquote(quoted)].versions[int(event.extra["model_version"]) - 1]
            if version.run_id != event.extra["mlflow_run_id"]:
                yield f"{event.asset_uri}: not that training run"
    fed = {key for event in orchestrator.events for key in event.triggered}
    for run in runs.values():
        if {task.task_id for task in run.tasks} != tasks[run.dag_id]:
            yield f"{run.dag_id}/{run.run_id}: other tasks"
        cells = run.conf.get("ab_test_cells", [])
        assert isinstance(cells, list)
        for cell in cells:
            if cell["test_id"] not in tests:
                yield f"{run.dag_id}/{run.run_id}: no experiment {cell['test_id']}"
        if run.run_type == "asset_triggered" and (run.dag_id, run.run_id) not in fed:
            yield f"{run.dag_id}/{run.run_id}: triggered by nothing"


def _dangling_in_experiments(told: Company) -> Iterator[str]:
    platform = told.platforms[0]
    models: dict[str, list[Model]] = {}
    for registry in told.registries:
        for model in registry.models:
            models.setdefault(model.name, []).append(model)
    for experiment in platform.experiments:
        if experiment.project not in platform.projects:
            yield f"{experiment.key}: no project {experiment.project}"
        for metric in (*experiment.goals, *experiment.secondary, *experiment.guardrails):
            if metric not in platform.metrics:
                yield f"{experiment.key}: no metric {metric}"
        for tag in experiment.tags:
            if tag.startswith("model:") and tag.removeprefix("model:") not in models:
                yield f"{experiment.key}: no model {tag}"
        for said in named_models(experiment):
            if said.name not in models:
                yield f"{experiment.key}: no model {said.name}"
            for model in models.get(said.name, ()):
                if said.version and not 1 <= int(said.version) <= len(model.versions):
                    yield f"{experiment.key}: no version {said.version} of {said.name}"
                if said.alias and said.alias not in model.aliases:
                    yield f"{experiment.key}: no alias {said.alias} of {said.name}"
