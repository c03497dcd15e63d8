"""How many there are of what no product bounds: declared here, once each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from resolvers.rules.lineage import MOST_NODES

NAMES = 3
"""Datasets of a version, or of a pipeline, that have a name only."""
DATASETS = 10
FEATURES = 50
VERSIONS_MADE = 10
"""By one pipeline run, or by one pipeline: training runs whose versions are looked up."""
VERSIONS_READ = 10
"""Of one model, or with one dataset or feature: those whose training runs are read."""
RUNNING = 100
"""Running experiments below one entity."""
WALKED = 200
"""Nodes of a lineage that are read to be shown: the walk has read most of them before."""
LEVELS = 4
"""Levels of a lineage that ask for something new: behind these most was met before."""
EXTRA_READS = 4
"""Reads of a list that find a cursor's place again."""
PARTS = 5
"""Owners, tags, variations, evidence: declared, not bounded. They only count for what is asked behind them."""


@dataclass(frozen=True, slots=True)
class Bound:
    """How many a list holds that has no page. `counted` among the nodes where its items lead on to other entities."""

    size: int
    counted: bool = True


BOUNDS: Mapping[str, Bound] = {
    "ModelVersion.datasets": Bound(DATASETS),
    "ModelVersion.features": Bound(FEATURES),
    "Variation.models": Bound(2),
    "PipelineRun.testedIn": Bound(5),
    "Impact.runningExperiments": Bound(RUNNING),
    "Impact.ownersToTell": Bound(RUNNING),
    "ModelComparison.versions": Bound(10),
    "ModelComparison.params": Bound(100, counted=False),
    "ModelComparison.evaluationMetrics": Bound(100, counted=False),
    "ModelComparison.datasets": Bound(100, counted=False),
    "Lineage.edges": Bound(MOST_NODES, counted=False),
}
"""By schema coordinate; a page has the size that is asked for. Parts of a row are `PARTS`, and not counted."""


def size_of(first: object, default: int, most: int = 100) -> int:
    """How many are asked for; where that is refused, nothing is."""
    if first is None:
        return default
    if isinstance(first, float) and first.is_integer():
        first = int(first)  # GraphQL takes 20.0 for 20
    return first if isinstance(first, int) and 1 <= first <= most else 0
