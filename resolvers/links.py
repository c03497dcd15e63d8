"""The link table: every field that leaves its system, what answers it, and by which rules in the order of reading."""

from __future__ import annotations

from typing import Any

from strawberry import Schema

from resolvers import targets
from resolvers.rules import (
    cells,
    comparison,
    data,
    derived,
    features,
    lineage,
    lists,
    makers,
    origin,
    owners,
    parts,
    roots,
    routed,
    runs,
    search,
    similar,
    tested,
    usage,
)
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
)
from resolvers.table import Answerer, LinkTable, Row
from schema.build import declared_links
from schema.connection import ErrorCode, Link, LinkConnection, LinkState
from schema.derived import (
    Dataset,
    DatasetConnection,
    DatasetLink,
    DatasetLinkConnection,
    Feature,
    FeatureConnection,
    FeatureLink,
)
from schema.entity import DomainConnection, EntityConnection
from schema.experiment import (
    Experiment,
    ExperimentConnection,
    ExperimentLink,
    ExperimentModelConnection,
    ExperimentModelEdge,
    ExperimentResults,
    ModelExperimentConnection,
    Variation,
)
from schema.federation import RoutedQuery
from schema.identity import EntityKind
from schema.lineage import ComparisonRow, Impact, Lineage, LineageNode, ModelComparison
from schema.model import (
    Model,
    ModelConnection,
    ModelLink,
    ModelVersion,
    ModelVersionConnection,
    ModelVersionLinkConnection,
    ModelVersionLinkEdge,
    SimilarModelConnection,
    TrainingRun,
)
from schema.node import Domain, Entity, Node, Owner
from schema.pipeline import (
    Pipeline,
    PipelineConnection,
    PipelineLinkConnection,
    PipelineRun,
    PipelineRunConnection,
    PipelineRunLink,
    PipelineRunLinkConnection,
    TaskRunConnection,
)
from schema.query import Query
from schema.search import SearchConnection
from schema.source import Source

VERSION_USES = (VARIATION_VALUE, VERSION_CELLS, PRODUCING_RUN_CELLS)
MODEL_USES = (VARIATION_VALUE, EXPERIMENT_TAG, VERSION_CELLS, PRODUCING_RUN_CELLS)

ROWS = (
    # ways in
    Row(Query, "node", Node, roots.node),
    Row(Query, "nodes", Node, roots.nodes),
    Row(Query, "model", Model, roots.model),
    Row(Query, "experiment", Experiment, roots.experiment),
    Row(Query, "pipeline", Pipeline, roots.pipeline),
    Row(Query, "models", ModelConnection, lists.models),
    Row(Query, "experiments", ExperimentConnection, lists.experiments),
    Row(Query, "pipelines", PipelineConnection, lists.pipelines),
    Row(Query, "datasets", DatasetConnection, derived.datasets),
    Row(Query, "features", FeatureConnection, features.features),
    Row(Query, "owner", Owner, owners.owner),
    Row(Query, "domains", DomainConnection, owners.domains),
    Row(Query, "search", SearchConnection, search.search),
    Row(Query, "sources", Source, roots.sources),
    Row(RoutedQuery, "routed_entities", None, routed.entities),
    # lineage
    Row(Query, "lineage", Lineage, lineage.lineage),
    Row(Query, "impact", Impact, lineage.impact),
    Row(LineageNode, "name", None, lineage.names),
    Row(LineageNode, "owners", Owner, lineage.owners),
    Row(LineageNode, "state", LinkState, targets.states),
    Row(LineageNode, "code", ErrorCode, targets.codes),
    Row(LineageNode, "entity", Entity, targets.nodes_of_links),
    Row(Impact, "owners_to_tell", Owner, lineage.owners_to_tell),
    # versions side by side
    Row(Query, "compare_model_versions", ModelComparison, comparison.compare_model_versions),
    Row(ModelComparison, "params", ComparisonRow, comparison.params),
    Row(ModelComparison, "evaluation_metrics", ComparisonRow, comparison.evaluation_metrics),
    Row(ModelComparison, "datasets", ComparisonRow, comparison.datasets),
    # every link and every page of links
    Row(Link, "state", LinkState, targets.states),
    Row(Link, "code", ErrorCode, targets.codes),
    Row(Link, "node", None, targets.nodes_of_links),
    Row(LinkConnection, "nodes", None, targets.nodes_of_connections),
    # models
    Row(Model, "latest_version", ModelVersion, parts.latest_versions),
    Row(Model, "find_version", ModelVersion, parts.find_versions),
    Row(Model, "versions", ModelVersionConnection, lists.versions),
    Row(Model, "experiments", ModelExperimentConnection, usage.experiments_of_models, MODEL_USES),
    Row(Model, "producers", PipelineLinkConnection, makers.producers, (OUTLET_MODEL, PIPELINE_TAG, PRODUCED_VERSION)),
    Row(Model, "consumers", PipelineLinkConnection, makers.consumers, (INLET_MODEL,)),
    Row(Model, "similar", SimilarModelConnection, similar.similar),
    Row(ModelVersion, "model", Model, parts.models_of_versions),
    Row(ModelVersion, "training_run", TrainingRun, origin.training_runs),
    Row(ModelVersion, "produced_by", PipelineRunLink, origin.produced_by, (VERSION_TAG, RUN_TAG)),
    Row(ModelVersion, "datasets", DatasetLink, data.datasets_of_versions, (DATASET_INPUT,)),
    Row(
        ModelVersion,
        "features",
        FeatureLink,
        data.features_of_versions,
        (VERSION_FEATURES, RUN_FEATURES, LOGGED_FEATURES),
    ),
    Row(ModelVersion, "experiments", ModelExperimentConnection, usage.experiments_of_versions, VERSION_USES),
    Row(ModelLink, "version", ModelVersion, tested.versions_of_links),
    Row(ModelVersionLinkEdge, "model", Model, parts.models_of_edges),
    # experiments
    Row(Variation, "models", ModelLink, tested.models_of_variations, (VARIATION_VALUE,)),
    Row(Experiment, "results", ExperimentResults, parts.results_of_experiments),
    Row(
        Experiment,
        "tested_models",
        ExperimentModelConnection,
        tested.tested_models,
        (VARIATION_VALUE, EXPERIMENT_TAG, VERSION_CELLS),
    ),
    Row(ExperimentModelEdge, "model", Model, parts.models_of_edges),
    # what no source owns
    Row(Dataset, "producers", PipelineLinkConnection, derived.producers, (OUTLET,)),
    Row(Dataset, "consumers", PipelineLinkConnection, derived.consumers, (INLET,)),
    Row(Dataset, "model_versions", ModelVersionLinkConnection, derived.versions_with_dataset, (DATASET_INPUT,)),
    Row(
        Feature,
        "model_versions",
        ModelVersionLinkConnection,
        features.versions_with_feature,
        (VERSION_FEATURES, RUN_FEATURES, LOGGED_FEATURES),
    ),
    Row(Owner, "owns", EntityConnection, owners.owned),
    Row(Domain, "entities", EntityConnection, owners.belonging),
    # pipelines
    Row(Pipeline, "last_run", PipelineRun, parts.last_runs),
    Row(Pipeline, "runs", PipelineRunConnection, lists.runs),
    Row(
        Pipeline,
        "model_versions",
        ModelVersionLinkConnection,
        origin.versions_of_pipelines,
        (RUN_TAG, VERSION_TAG, OUTLET_MODEL, PIPELINE_TAG),
    ),
    Row(Pipeline, "consumes", DatasetLinkConnection, data.consumes, (INLET,)),
    Row(Pipeline, "produces", DatasetLinkConnection, data.produces, (OUTLET,)),
    Row(Pipeline, "upstream", PipelineLinkConnection, data.upstream, (SHARED_ASSET,)),
    Row(Pipeline, "downstream", PipelineLinkConnection, data.downstream, (SHARED_ASSET,)),
    Row(PipelineRun, "pipeline", Pipeline, parts.pipelines_of_runs),
    Row(PipelineRun, "tasks", TaskRunConnection, lists.tasks),
    Row(PipelineRun, "model_versions", ModelVersionLinkConnection, origin.versions_of_runs, (RUN_TAG, VERSION_TAG)),
    Row(PipelineRun, "tested_in", ExperimentLink, cells.tested_in, (RUN_CELLS,)),
    Row(PipelineRun, "upstream_runs", PipelineRunLinkConnection, runs.upstream_runs, (ASSET_EVENT,)),
    Row(PipelineRun, "failed_upstream_runs", PipelineRunLinkConnection, runs.failed_upstream_runs, (ASSET_EVENT,)),
)

SHARED_ENTITIES: dict[EntityKind, Answerer[Any, Any, Any]] = {
    EntityKind.DATASET: derived.datasets_by_key,
    EntityKind.FEATURE: features.features_by_key,
    EntityKind.OWNER: owners.owners_by_handle,
    EntityKind.DOMAIN: owners.domains_by_name,
}
"""What no source owns, looked for in all of them by its key."""


def link_table(schema: Schema) -> LinkTable:
    """The table for a schema. Raises ValueError that lists every link without a row, and the other way round."""
    return LinkTable(ROWS, declared_links(schema), SHARED_ENTITIES)
