"""What every adapter shares: its profile, its capabilities, pages, and how much of a row is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Generic, Protocol, TypeVar

from resolvers.conventions import Conventions
from resolvers.errors import SourceError
from resolvers.sources.labels import LabelRules
from schema.connection import IncompleteReason
from schema.experiment import ExperimentStatus
from schema.filter import EntityOrder
from schema.identity import EntityKind
from schema.pipeline import RunState
from schema.source import CapabilityMode, SourceRole

T = TypeVar("T")


class Need(Enum):
    """Parts of a row that cost an extra call in some product, and are read only where a query selects them."""

    ALIASES = auto()  # of a model version
    VALUES = auto()  # what the variations of an experiment serve
    TAGS = auto()  # of an experiment; its owners too, where they are tags
    DOMAIN = auto()  # of an experiment: a tag or a project's name
    DATES = auto()  # createdAt, updatedAt of an experiment
    METRICS = auto()  # names of an experiment's metrics


Needs = frozenset[Need]
NOTHING: Needs = frozenset()


@dataclass(frozen=True, slots=True)
class SourceProfile:
    """One configured source: its name in ids, where people see it, and how its labels and links are read."""

    name: str
    ui_url: str
    also_named: tuple[str, ...] = ()
    """Other names that references use for this source, e.g. `prod` in `airflow://prod/train`."""
    labels: LabelRules = field(default_factory=LabelRules)
    conventions: Conventions = field(default_factory=Conventions)
    scan_rows: int = 1000
    """Most rows a reverse look-up may read where the product has no call for it."""
    forwarded: bool = False
    """Whether it is asked with what the caller sent, so that its answers are this caller's alone."""


@dataclass(frozen=True, slots=True)
class Capability:
    """How a source answers one batch method, or a list's filter or order: `name` is the method's, or `list.filter`."""

    name: str
    mode: CapabilityMode
    note: str | None = None


@dataclass(frozen=True, slots=True)
class PageAsk:
    """A stretch of a native list: `limit` rows from row number `position`, 0 for the first."""

    position: int
    limit: int


@dataclass(frozen=True, slots=True)
class ListFilter:
    """Which rows of a root list are wanted; a part that is None or empty wants all.

    Texts are not empty and hold no control characters. An adapter narrows by what its product can be asked for, and
    may leave the rest: every row is checked again, but for `last_run_states`, which no row tells.
    """

    name_contains: str | None = None
    owner: str | None = None
    unowned: bool | None = None
    domain: str | None = None
    tags: tuple[tuple[str, str | None], ...] = ()
    statuses: frozenset[ExperimentStatus] | None = None
    last_run_states: frozenset[RunState] | None = None


EVERYTHING = ListFilter()

MOST_PAGES = 100
"""Of one list for one answer, where a source gives fewer rows a page than it is asked for: then the walk is cut."""


@dataclass(frozen=True, slots=True)
class ListArgs:
    """The arguments of a root list."""

    filter: ListFilter = EVERYTHING
    order: EntityOrder = EntityOrder.NAME


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows in the source's own order, aligned with positions: a row that cannot be read is its error in its place.

    `more` is false only when the source said that nothing follows. `total` counts the whole list, None if unknown.
    `exact` says that the source applied the whole filter, so that every row is wanted. `reasons` say what of the
    filter or the order the source could not do, or that it stopped at a bound.
    """

    rows: Sequence[T | SourceError]
    more: bool
    total: int | None = None
    exact: bool = True
    reasons: frozenset[IncompleteReason] = frozenset()


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What a reverse look-up found: `reasons` is empty only when nothing can be missing."""

    items: Sequence[T] = ()
    scanned: int = 0
    reasons: frozenset[IncompleteReason] = frozenset()


class SourceAdapter(Protocol):
    """What the adapters of every role have."""

    profile: SourceProfile
    role: SourceRole
    product: str
    capabilities: Sequence[Capability]

    def url(self, kind: EntityKind, key: str) -> str | None:
        """Deep link into the product's user interface, made without a call."""

    async def version(self) -> str | None:
        """The product's version, asked now; raises a SourceError where the source does not answer."""

    async def aclose(self) -> None:
        """Close connections."""
