"""What the questions to MLflow ask for, made of what it has, and its answers in brief."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.demo.company import Registry
from resolvers.sources import Need, PageAsk
from resolvers.sources.registry import AliasKey, TagKey, VersionKey
from schema.model import Model, ModelVersion, TrainingRun

ALIASES = frozenset({Need.ALIASES})
EMBEDDING, CAFE = "content-embedding", 'café-ranker "v2"'
BOTH_QUOTES = 'the "director\'s cut" ranker'
ABSENT = "0123456789abcdef0123456789abcdef"
STUDIO = [
    'café-ranker "v2" #1 production=1',
    "content-embedding #8 challenger=8 champion=7",
    "fraud-screen #2 production=2",
    "legacy-subtitle-aligner #1",
    "poster.art.picker #1 champion=1",
    "shot-boundary-detector #3 champion=3",
    "title-ranker #2 champion=2",
    "trailer-cutter",
]
PERSONALIZATION = [
    "ads-context-matcher #3 production=3",
    "churn 30% uplift #1",
    "it's-a-ranker #3 champion=3 fallback=1",
    'the "director\'s cut" ranker #1',
    "title-ranker #2 champion=1",
    "viewer-embedding #2 candidate=2",
    "検索-ranker #2 champion=2",
]


def entity(value: Model | ModelVersion | TrainingRun) -> str:
    """A model with its newest version and aliases, a version with its aliases, a run by the name people gave it."""
    if isinstance(value, TrainingRun):
        return value.labels["mlflow.runName"]
    if isinstance(value, ModelVersion):
        return " ".join([f"{value.name}/{value.version}", *sorted(value.aliases)])
    newest = [] if value.newest is None else [f"#{value.newest.version}"]
    return " ".join([value.name, *newest, *sorted(f"{pair.alias}={pair.version}" for pair in value.version_aliases)])


def named(*names: str) -> Callable[[Registry], Sequence[str]]:
    return lambda _: names


def versions(*keys: tuple[str, str]) -> Callable[[Registry], Sequence[VersionKey]]:
    return lambda _: [VersionKey(*key) for key in keys]


def aliases(*keys: tuple[str, str]) -> Callable[[Registry], Sequence[AliasKey]]:
    return lambda _: [AliasKey(*key) for key in keys]


def tags(*keys: tuple[str, str] | tuple[str, str, bool]) -> Callable[[Registry], Sequence[TagKey]]:
    return lambda _: [TagKey(*key) for key in keys]


def pages(*asks: tuple[int, int]) -> Callable[[Registry], Sequence[PageAsk]]:
    return lambda _: [PageAsk(*ask) for ask in asks]


def runs(*names: str) -> Callable[[Registry], Sequence[str]]:
    """Run ids by the runs' names; a name that no run has stays as it is."""

    def ids(registry: Registry) -> Sequence[str]:
        known = {run.name: run.run_id for run in registry.runs}
        return [known.get(name, name) for name in names]

    return ids


def dangling(registry: Registry) -> Sequence[str]:
    """The run that a version names and the registry no longer has."""
    known = {run.run_id for run in registry.runs}
    made_by = [version.run_id for model in registry.models for version in model.versions]
    return [run_id for run_id in made_by if run_id is not None and run_id not in known]


def every_run(registry: Registry) -> Sequence[str]:
    return [run.run_id for run in registry.runs]


def night_run(registry: Registry) -> Sequence[TagKey]:
    """The tag that names the Airflow run which made the champion."""
    run = next(run for run in registry.runs if run.name == "content-embedding 7")
    return [TagKey("lifecycle.pipeline_run", run.tags["lifecycle.pipeline_run"])]
