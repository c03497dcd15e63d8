"""Which batch methods the answer of a link may ask of adapters, for plans that are made without asking.

The tests hold every question of theirs to it: what was asked of a source was in the plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_LISTS: Final = ("models", "experiments", "pipelines")
_DATASET: Final = ("assets_by_name", "assets_by_place", "training_runs_by_dataset", "training_runs_with_datasets")
_FEATURE: Final = ("training_runs_by_feature", "versions_by_tag")
_TAGGED: Final = ("training_runs_by_tag", "versions_by_tag", "versions_by_training_run")
_USED: Final = ("experiments_by_key", "experiments_by_model", "models_by_name", "runs_by_key", "training_runs_by_id")
_MADE: Final = ("runs_by_key", "training_runs_by_id")

READS: Final[Mapping[str, tuple[str, ...]]] = {
    "MODEL": ("models_by_name",),
    "MODEL_VERSION": ("versions_by_key",),
    "EXPERIMENT": ("experiments_by_id",),
    "PIPELINE": ("pipelines_by_name",),
    "PIPELINE_RUN": ("runs_by_key",),
    "DATASET": _DATASET,
    "FEATURE": _FEATURE,
    "OWNER": _LISTS,
    "DOMAIN": _LISTS,
    "TRAINING_RUN": (),
}
"""What reads an entity by its id, by kind."""

EVERYTHING: Final = ("models_by_name", "versions_by_key", "experiments_by_id", "pipelines_by_name", "runs_by_key")
"""What reads an entity whose kind is not known before."""

_WALK: Final = tuple(
    dict.fromkeys(
        [
            *EVERYTHING,
            *_DATASET,
            *_FEATURE,
            *_TAGGED,
            *_USED,
            "versions",
            "assets_by_pipeline",
            "assets_by_uri",
            "pipelines_by_tag",
            "upstream_runs",
            "downstream_runs",
        ]
    )
)
"""What a lineage may ask at any level."""

ASKS: Final[Mapping[str, tuple[str, ...]]] = {
    "Query.node": (*EVERYTHING, *_DATASET, *_FEATURE, *_LISTS),
    "Query.nodes": (*EVERYTHING, *_DATASET, *_FEATURE, *_LISTS),
    "RoutedQuery.routed_entities": (*EVERYTHING, *_DATASET, *_FEATURE, *_LISTS),
    "Query.model": ("models_by_name",),
    "Query.experiment": ("experiments_by_key",),
    "Query.pipeline": ("pipelines_by_name",),
    "Query.models": ("models",),
    "Query.experiments": ("experiments",),
    "Query.pipelines": ("pipelines",),
    "Query.datasets": ("assets", "training_runs_with_datasets"),
    "Query.features": ("training_runs_with_features", "versions_by_tag"),
    "Query.owner": _LISTS,
    "Query.domains": _LISTS,
    "Query.search": (
        *_LISTS,
        *("every_version", "every_training_run", "every_asset", "search", "assets", "assets_by_uri"),
        *("training_runs_by_id", *EVERYTHING),
    ),
    "Query.sources": ("version",),
    "Query.lineage": _WALK,
    "Query.impact": _WALK,
    "LineageNode.name": EVERYTHING,
    "LineageNode.owners": EVERYTHING,
    "LineageNode.state": EVERYTHING,
    "LineageNode.code": EVERYTHING,
    "LineageNode.entity": EVERYTHING,
    "Impact.owners_to_tell": EVERYTHING,
    "Query.compare_model_versions": ("versions_by_key",),
    "ModelComparison.params": ("training_runs_by_id",),
    "ModelComparison.evaluation_metrics": ("training_runs_by_id",),
    "ModelComparison.datasets": ("training_runs_by_id", *_DATASET),
    "Model.latest_version": ("versions_by_key",),
    "Model.find_version": ("versions_by_alias", "versions_by_key"),
    "Model.versions": ("versions",),
    "Model.experiments": (*_USED, "versions_by_key"),
    "Model.producers": ("assets_by_uri", "pipelines_by_name", "pipelines_by_tag", "versions", *_MADE),
    "Model.consumers": ("assets_by_uri",),
    "Model.similar": (
        *("models_by_name", "versions", "training_runs_by_id", "pipelines_by_name", "pipelines_by_tag"),
        *("assets_by_pipeline", "assets_by_uri", *_DATASET, *_FEATURE, *_TAGGED),
    ),
    "ModelVersion.model": ("models_by_name",),
    "ModelVersion.training_run": ("training_runs_by_id",),
    "ModelVersion.produced_by": _MADE,
    "ModelVersion.datasets": ("training_runs_by_id", "assets_by_name", "training_runs_by_dataset"),
    "ModelVersion.features": ("training_runs_by_id",),
    "ModelVersion.experiments": _USED,
    "ModelLink.version": ("versions_by_alias", "versions_by_key"),
    "ModelVersionLinkEdge.model": ("models_by_name",),
    "Variation.models": ("models_by_name",),
    "Experiment.results": ("results_by_id",),
    "Experiment.tested_models": ("experiments_by_id", "models_by_name", "versions_by_alias", "versions_by_tag"),
    "ExperimentModelEdge.model": ("models_by_name",),
    "Dataset.producers": _DATASET,
    "Dataset.consumers": _DATASET,
    "Dataset.model_versions": (*_DATASET, "versions_by_training_run"),
    "Feature.model_versions": (*_FEATURE, "versions_by_training_run"),
    "Owner.owns": _LISTS,
    "Domain.entities": _LISTS,
    "Pipeline.last_run": ("latest_runs",),
    "Pipeline.runs": ("runs",),
    "Pipeline.model_versions": ("assets_by_pipeline", "models_by_name", *_TAGGED),
    "Pipeline.consumes": ("assets_by_pipeline",),
    "Pipeline.produces": ("assets_by_pipeline", "assets_by_name", "training_runs_by_dataset"),
    "Pipeline.upstream": ("assets_by_pipeline", "assets_by_uri"),
    "Pipeline.downstream": ("assets_by_pipeline", "assets_by_uri"),
    "PipelineRun.pipeline": ("pipelines_by_name",),
    "PipelineRun.tasks": ("tasks",),
    "PipelineRun.model_versions": _TAGGED,
    "PipelineRun.tested_in": ("experiments_by_key",),
    "PipelineRun.upstream_runs": ("upstream_runs",),
    "PipelineRun.failed_upstream_runs": ("upstream_runs", "runs_by_key"),
}
"""By link, as its row names it. A field of every link is not among them: what it asks is said by its link's type."""
