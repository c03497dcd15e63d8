"""How to declare a link so that a rule finds it: one line a rule, in the names the configured sources read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from gateway.check_links import TRAINED_BY
from resolvers.conventions import Conventions
from resolvers.mounts import Sources
from resolvers.rules.rule import (
    ASSET_EVENT,
    DATASET_INPUT,
    EXPERIMENT_TAG,
    INLET,
    INLET_MODEL,
    LOGGED_FEATURES,
    OUTLET,
    OUTLET_MODEL,
    PIPELINE_TAG,
    PRODUCED_VERSION,
    PRODUCING_RUN_CELLS,
    RUN_CELLS,
    RUN_FEATURES,
    RUN_TAG,
    SHARED_ASSET,
    VARIATION_VALUE,
    VERSION_CELLS,
    VERSION_FEATURES,
    VERSION_TAG,
    Rule,
)
from resolvers.sources import SourceAdapter
from schema.source import SourceRole

_REGISTRY, _PLATFORM, _ORCHESTRATOR = (
    SourceRole.MODEL_REGISTRY,
    SourceRole.EXPERIMENT_PLATFORM,
    SourceRole.ORCHESTRATOR,
)


class Hint(NamedTuple):
    """What to do, and the roles without which a rule has nothing to match."""

    needs: tuple[SourceRole, ...]
    text: str


def hints(sources: Sources) -> dict[Rule, Hint]:
    """A hint for every rule; where sources of a role read different names, those of the first."""
    registry, written = _first(sources.registries)
    orchestrator, run = _first(sources.orchestrators)
    _, served = _first(sources.platforms)
    pipeline_tag, run_tag = written.pipeline_tags[0] if written.pipeline_tags else ("", "")
    names = {pipeline_tag: f"airflow://{orchestrator}/PIPELINE", run_tag: "RUN ID"}
    uri = f"{run.model_uri_scheme}://{registry}/models/NAME"
    value = {word: example for (word, *_), example in ((served.model_keys, "NAME"), (served.version_keys, 3))}
    cells = '[{"test_id": "EXPERIMENT", "cell_number": 2}]'
    features = written.feature_tags[0] if written.feature_tags else "(none: set links.feature_tags)"
    columns = "log a model's signature, or a dataset with its schema by mlflow.log_input"
    return {
        TRAINED_BY: Hint((_REGISTRY,), "register models from within an MLflow run"),
        VERSION_TAG: Hint(
            (_REGISTRY, _ORCHESTRATOR),
            f"tag a model version `{pipeline_tag}` (airflow://{orchestrator}/PIPELINE) and `{run_tag}` (the run's id)",
        ),
        RUN_TAG: Hint(
            (_REGISTRY, _ORCHESTRATOR),
            f"in the task that trains, set MLFLOW_RUN_CONTEXT='{json.dumps(names)}' in the environment",
        ),
        OUTLET_MODEL: Hint(
            (_REGISTRY, _ORCHESTRATOR), f'give the task that registers a model outlets=[Asset("{uri}")]'
        ),
        INLET_MODEL: Hint((_REGISTRY, _ORCHESTRATOR), f'give a task that uses a model inlets=[Asset("{uri}")]'),
        PIPELINE_TAG: Hint((_REGISTRY, _ORCHESTRATOR), _tag(run, "pipeline")),
        PRODUCED_VERSION: Hint(
            (_REGISTRY, _ORCHESTRATOR), f"comes with the tags of versions or training runs: see `{pipeline_tag}`"
        ),
        VARIATION_VALUE: Hint(
            (_PLATFORM, _REGISTRY),
            f"let a variation's value be JSON like {json.dumps(value)}, or a text like models:/NAME/3",
        ),
        EXPERIMENT_TAG: Hint((_PLATFORM, _REGISTRY), _tag(served, "experiment")),
        VERSION_CELLS: Hint((_REGISTRY, _PLATFORM), f"tag a model version `{written.cells}` with {cells}"),
        RUN_CELLS: Hint(
            (_ORCHESTRATOR, _PLATFORM), f"start a pipeline with the parameter (conf) `{run.cells}`: {cells}"
        ),
        PRODUCING_RUN_CELLS: Hint(
            (_REGISTRY, _ORCHESTRATOR, _PLATFORM),
            f"give the run that makes a version the parameter (conf) `{run.cells}`: {cells}; "
            f"the version must name that run, see `{run_tag}`",
        ),
        DATASET_INPUT: Hint((_REGISTRY,), "call mlflow.log_input(dataset) where a model is trained"),
        VERSION_FEATURES: Hint((_REGISTRY,), f"tag a model version `{features}` with its features: a,b or a JSON list"),
        RUN_FEATURES: Hint((_REGISTRY,), f"tag a training run `{features}` with its features: a,b or a JSON list"),
        LOGGED_FEATURES: Hint((_REGISTRY,), columns),
        INLET: Hint((_ORCHESTRATOR,), 'give a task inlets=[Asset("s3://bucket/data")], or schedule a pipeline by one'),
        OUTLET: Hint((_ORCHESTRATOR,), 'give a task that writes data outlets=[Asset("s3://bucket/data")]'),
        SHARED_ASSET: Hint((_ORCHESTRATOR,), "name the same asset as outlet of one pipeline and inlet of another"),
        ASSET_EVENT: Hint((_ORCHESTRATOR,), "schedule a pipeline by an asset that another one writes"),
    }


def _first(adapters: Mapping[str, SourceAdapter]) -> tuple[str, Conventions]:
    """Name and conventions of the first source of a role."""
    for name, adapter in adapters.items():
        return name, adapter.profile.conventions
    return "SOURCE", Conventions()


def _tag(conventions: Conventions, what: str) -> str:
    if conventions.model_tag is None:
        return "no tags are read: set links.model_tag of the source"
    return f"tag the {what} `{conventions.model_tag}:NAME`"
