"""A company with canaries, and which of its things each domain has: told from the company alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from hashlib import blake2b
from typing import TypeVar

from gateway.demo.company import Company, Dag, Experiment, Model, Registry, TrainingRun
from tests.graph.ids import id_of

T = TypeVar("T", Dag, Experiment)


@dataclass(frozen=True, slots=True)
class Thing:
    """One entity: its id, and texts that nobody but who may see it may read."""

    id: str
    source: str
    domain: str
    secrets: tuple[str, ...]


def canary(*words: object) -> str:
    return f"canary{blake2b(repr(words).encode(), digest_size=6).hexdigest()}"


def with_canaries(company: Company) -> Company:
    """The same company, each thing with a word of its own in its description, or its parameters."""
    return replace(
        company,
        registries=tuple(_registry(one) for one in company.registries),
        orchestrators=tuple(
            replace(one, dags=tuple(_said(dag, one.name, dag.dag_id) for dag in one.dags))
            for one in company.orchestrators
        ),
        platforms=tuple(
            replace(one, experiments=tuple(_said(test, one.name, test.id) for test in one.experiments))
            for one in company.platforms
        ),
    )


def things(company: Company) -> Iterator[Thing]:
    """Models, versions, training runs, pipelines, runs and experiments."""
    for registry in company.registries:
        of_run: dict[str, str] = {}
        for model in registry.models:
            domain = model.tags.get("domain", registry.name.removesuffix("-mlflow"))
            source = registry.name
            own = (model.name, canary(source, model.name))
            yield Thing(id_of("model", source, model.name), source, domain, own)
            for version in model.versions:
                key = f"{model.name}/{version.version}"
                yield Thing(id_of("model-version", source, key), source, domain, (canary(source, key),))
                if version.run_id:
                    of_run[version.run_id] = domain
        for run in registry.runs:
            domain = of_run.get(run.run_id, registry.name.removesuffix("-mlflow"))
            of_it = (run.run_id, canary(registry.name, run.run_id))
            yield Thing(id_of("training-run", registry.name, run.run_id), registry.name, domain, of_it)
    for airflow in company.orchestrators:
        domains = {dag.dag_id: _tagged(dag.tags) for dag in airflow.dags}
        for dag in airflow.dags:
            said = (dag.dag_id, canary(airflow.name, dag.dag_id))
            yield Thing(id_of("pipeline", airflow.name, dag.dag_id), airflow.name, domains[dag.dag_id], said)
        for dag_run in airflow.runs:
            key = f"{dag_run.dag_id}/{dag_run.run_id}"
            yield Thing(id_of("pipeline-run", airflow.name, key), airflow.name, domains[dag_run.dag_id], (key,))
    for platform in company.platforms:
        for test in platform.experiments:
            domain = _tagged(test.tags) or platform.projects[test.project]
            words = (test.key, test.id, test.name, canary(platform.name, test.id))
            yield Thing(id_of("experiment", platform.name, test.id), platform.name, domain, words)


def spoken(company: Company, seen: Callable[[str, str], bool]) -> str:
    """All texts of what may be seen: whatever a thing itself says of others is said to who may see the thing."""
    told: list[object] = []
    by_id = {thing.id: thing for thing in things(company)}

    def sees(id: str) -> bool:
        return seen(by_id[id].source, by_id[id].domain)

    for registry in company.registries:
        for model in registry.models:
            if sees(id_of("model", registry.name, model.name)):
                told.append(model)
        told += [run for run in registry.runs if sees(id_of("training-run", registry.name, run.run_id))]
    for airflow in company.orchestrators:
        mine = {dag.dag_id for dag in airflow.dags if sees(id_of("pipeline", airflow.name, dag.dag_id))}
        told += [dag for dag in airflow.dags if dag.dag_id in mine]
        told += [run for run in airflow.runs if run.dag_id in mine]
        for asset in airflow.assets:
            ends = {dag for dag, _ in (*asset.producers, *asset.consumers)} | set(asset.scheduled)
            if ends & mine:
                told.append((asset.uri, asset.name))
    for platform in company.platforms:
        told += [test for test in platform.experiments if sees(id_of("experiment", platform.name, test.id))]
    return "\n".join(_texts(told))


def data_of(company: Company) -> set[str]:
    """Names and addresses of data, and of features."""
    found: set[str] = set()
    for registry in company.registries:
        for run in registry.runs:
            for item in run.datasets:
                found |= {item.name, item.source}
    for airflow in company.orchestrators:
        for asset in airflow.assets:
            found |= {asset.uri, asset.name}
    return {text for text in found if len(text) > 3}


def _registry(registry: Registry) -> Registry:
    return replace(
        registry,
        models=tuple(_model(model, registry.name) for model in registry.models),
        runs=tuple(_run(run, registry.name) for run in registry.runs),
    )


def _model(model: Model, source: str) -> Model:
    versions = tuple(
        replace(version, description=f"{version.description} {canary(source, f'{model.name}/{version.version}')}")
        for version in model.versions
    )
    return replace(model, description=f"{model.description} {canary(source, model.name)}", versions=versions)


def _run(run: TrainingRun, source: str) -> TrainingRun:
    return replace(run, params={**run.params, "word": canary(source, run.run_id)})


def _said(thing: T, source: str, key: str) -> T:
    return replace(thing, description=f"{thing.description or ''} {canary(source, key)}")


def _texts(value: object) -> Iterator[str]:
    """Every text in plain data, as it is, and those in JSON that is a text itself."""
    if isinstance(value, str):
        yield value
        with suppress(ValueError):
            inner = json.loads(value)
            yield from () if isinstance(inner, str) else _texts(inner)
    elif isinstance(value, Mapping):
        yield from (text for pair in value.items() for text in _texts(pair))
    elif isinstance(value, list | tuple):
        yield from (text for item in value for text in _texts(item))
    elif is_dataclass(value):
        yield from (text for part in fields(value) for text in _texts(getattr(value, part.name)))


def _tagged(tags: Sequence[str] | Iterable[str]) -> str:
    return next((tag.removeprefix("domain:") for tag in tags if tag.startswith("domain:")), "")
