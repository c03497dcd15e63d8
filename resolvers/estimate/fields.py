"""Which batch methods each link field asks, and for how many keys a parent."""

from __future__ import annotations

from collections.abc import Mapping

from resolvers.estimate.ask import (
    ENTITIES,
    EXPERIMENTS_BY_KEY,
    MODELS,
    ORCHESTRATOR,
    PIPELINES,
    REGISTRY,
    TRAINING_RUNS,
    Ask,
    every,
    one,
)
from resolvers.estimate.entities import REFERENCES, compared, read_named
from resolvers.estimate.house import Asks, asks
from resolvers.estimate.links import LINKS
from resolvers.estimate.sizes import DATASETS, WALKED
from resolvers.estimate.walks import lineage, similar
from resolvers.estimate.ways_in import by_name, domains, features, owner, root_list, search, sources
from schema.identity import EntityKind

_READ = Ask(ENTITIES, most=WALKED)
"""Places of a lineage, of any kind."""

FIELDS: Mapping[str, Asks] = {
    **{coordinate: read_named(coordinate) for coordinate in REFERENCES},
    "Query.model": by_name(MODELS),
    "Query.experiment": by_name(EXPERIMENTS_BY_KEY),
    "Query.pipeline": by_name(PIPELINES),
    "Query.models": root_list(EntityKind.MODEL),
    "Query.experiments": root_list(EntityKind.EXPERIMENT),
    "Query.pipelines": root_list(EntityKind.PIPELINE),
    "Query.datasets": asks(every(ORCHESTRATOR, "assets"), every(REGISTRY, "training_runs_with_datasets")),
    "Query.features": features,
    "Query.owner": owner,
    "Query.domains": domains,
    "Query.search": search,
    "Query.sources": sources,
    "Query.lineage": lineage,
    "Query.impact": lineage,
    "Query.compareModelVersions": compared,
    "LineageNode.name": asks(_READ),
    "LineageNode.owners": asks(_READ),
    "LineageNode.state": asks(_READ),
    "LineageNode.code": asks(_READ),
    "LineageNode.entity": asks(_READ),
    "Impact.ownersToTell": asks(Ask(ENTITIES, WALKED)),
    "ModelComparison.params": asks(one(TRAINING_RUNS, keys=DATASETS)),
    "ModelComparison.evaluationMetrics": asks(one(TRAINING_RUNS, keys=DATASETS)),
    "ModelComparison.datasets": asks(one(TRAINING_RUNS, keys=DATASETS)),
    "Model.similar": similar,
    **LINKS,
}
"""By schema coordinate; what `resolvers.estimate.entities.target_of` tells is not here."""
