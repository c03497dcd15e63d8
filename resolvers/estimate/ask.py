"""What may be asked of sources: batch methods by role, for so many keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from resolvers.sources import Needs
from resolvers.sources.plan import UNBOUNDED


class Role(Enum):
    REGISTRY = "registries"
    PLATFORM = "platforms"
    ORCHESTRATOR = "orchestrators"


REGISTRY, PLATFORM, ORCHESTRATOR = Role.REGISTRY, Role.PLATFORM, Role.ORCHESTRATOR
Method = tuple[Role, str]
"""A batch method of a role. What follows a dot says which of its plans is meant: `models.scan` is `models`."""

MODELS: Method = (REGISTRY, "models_by_name")
VERSIONS: Method = (REGISTRY, "versions_by_key")
TRAINING_RUNS: Method = (REGISTRY, "training_runs_by_id")
EXPERIMENTS: Method = (PLATFORM, "experiments_by_id")
EXPERIMENTS_BY_KEY: Method = (PLATFORM, "experiments_by_key")
PIPELINES: Method = (ORCHESTRATOR, "pipelines_by_name")
RUNS: Method = (ORCHESTRATOR, "runs_by_key")
ASSETS: Method = (ORCHESTRATOR, "assets_by_pipeline")
ENTITIES = (MODELS, VERSIONS, EXPERIMENTS, PIPELINES, RUNS)


@dataclass(frozen=True, slots=True)
class Ask:
    """`keys` for each parent: of each source of the role, or, where they are `shared`, of one of them.

    An `own` question depends on the field's arguments; any other is one for all fields of a parent, and asked once.
    Where it is asked `once` the keys are the same for all parents. `times`: as often, for as many tags. `flat` calls
    are said here, of each source, as several methods make them together. `source` where only this one is asked.
    `most` keys.
    """

    methods: tuple[Method, ...]
    keys: int = 1
    shared: bool = True
    own: bool = False
    once: bool = False
    times: int = 1
    flat: int = 0
    source: str | None = None
    wanted: Needs = frozenset()
    most: int = UNBOUNDED


def one(*methods: Method, keys: int = 1) -> Ask:
    """Keys of one source each."""
    return Ask(methods, keys)


def every(role: Role, method: str, keys: int = 1) -> Ask:
    """Every source of the role is asked for the keys."""
    return Ask(((role, method),), keys, shared=False)


def tagged(method: str, tags: int) -> Ask:
    """Every registry is asked for a text in each of some tags."""
    return Ask(((REGISTRY, method),), shared=False, times=tags)


def own(role: Role, method: str, keys: int = 1, source: str | None = None) -> Ask:
    return Ask(((role, method),), keys, shared=False, own=True, source=source)
