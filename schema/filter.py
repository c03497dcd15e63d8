"""Which rows of a root list are wanted, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import strawberry

from schema.connection import After, First
from schema.experiment import ExperimentStatus
from schema.fields import hash_of_fields
from schema.pipeline import RunState

NAME_CONTAINS = "Only with this text in the name, letter case aside; it is no pattern."
OWNER = (
    "Only owned by this person or team: a handle, an e-mail address or a team's name, as `owners` shows it. What "
    "nobody owns is found by `unowned`."
)
UNOWNED = "True: only what nobody owns. False: only what somebody owns."
DOMAIN = "Only of this domain, exactly as `domain` shows it."
TAGS = "Only with all of these tags."
SOURCE = "Only of this configured source."


@strawberry.enum(description="The order of a root list.")
class EntityOrder(Enum):
    NAME = strawberry.enum_value("NAME", description="By name; within a source in the source's own order.")
    UPDATED_AT = strawberry.enum_value(
        "UPDATED_AT",
        description="Last changed first; what tells no change by its creation. A thing touched while you page may be "
        "missed or repeated. A source that cannot be asked for it is listed in an order of its own and says "
        "NOT_SUPPORTED_BY_SOURCE.",
    )


@strawberry.input(description="A tag to have.")
class TagFilter:
    key: str = strawberry.field(description="The tag's key, or the whole tag where it is a bare word.")
    value: str | None = strawberry.field(
        description="Its value, exactly; any or none when null.", default=strawberry.UNSET
    )

    __hash__ = hash_of_fields


@strawberry.input(description="Which models to list. All conditions must hold.")
class ModelFilter:
    name_contains: str | None = strawberry.field(description=NAME_CONTAINS, default=strawberry.UNSET)
    owner: str | None = strawberry.field(description=OWNER, default=strawberry.UNSET)
    unowned: bool | None = strawberry.field(description=UNOWNED, default=strawberry.UNSET)
    domain: str | None = strawberry.field(description=DOMAIN, default=strawberry.UNSET)
    tags: list[TagFilter] | None = strawberry.field(description=TAGS, default=strawberry.UNSET)
    source: str | None = strawberry.field(description=SOURCE, default=strawberry.UNSET)

    __hash__ = hash_of_fields


@strawberry.input(description="Which experiments to list. All conditions must hold.")
class ExperimentFilter:
    name_contains: str | None = strawberry.field(
        description="Only with this text in the name or the key, letter case aside; it is no pattern.",
        default=strawberry.UNSET,
    )
    status: list[ExperimentStatus] | None = strawberry.field(
        description="Only in one of these states.", default=strawberry.UNSET
    )
    owner: str | None = strawberry.field(description=OWNER, default=strawberry.UNSET)
    unowned: bool | None = strawberry.field(description=UNOWNED, default=strawberry.UNSET)
    domain: str | None = strawberry.field(description=DOMAIN, default=strawberry.UNSET)
    tags: list[TagFilter] | None = strawberry.field(description=TAGS, default=strawberry.UNSET)
    source: str | None = strawberry.field(description=SOURCE, default=strawberry.UNSET)

    __hash__ = hash_of_fields


@strawberry.input(description="Which pipelines to list. All conditions must hold.")
class PipelineFilter:
    name_contains: str | None = strawberry.field(description=NAME_CONTAINS, default=strawberry.UNSET)
    owner: str | None = strawberry.field(description=OWNER, default=strawberry.UNSET)
    unowned: bool | None = strawberry.field(description=UNOWNED, default=strawberry.UNSET)
    domain: str | None = strawberry.field(description=DOMAIN, default=strawberry.UNSET)
    tags: list[TagFilter] | None = strawberry.field(description=TAGS, default=strawberry.UNSET)
    last_run_state: list[RunState] | None = strawberry.field(
        description="Only those whose last run is in one of these states. The orchestrator's own last run counts: in "
        "Airflow the one created last, which is `lastRun` unless an older period was run again since.",
        default=strawberry.UNSET,
    )
    source: str | None = strawberry.field(description=SOURCE, default=strawberry.UNSET)

    __hash__ = hash_of_fields


OrderBy = Annotated[EntityOrder | None, strawberry.argument(description="In which order; by name when null.")]


@dataclass(frozen=True, slots=True)
class ModelsArgs:
    filter: Annotated[ModelFilter | None, strawberry.argument(description="Which models; all when null.")] = None
    order_by: OrderBy = EntityOrder.NAME
    first: First = 20
    after: After = None


@dataclass(frozen=True, slots=True)
class ExperimentsArgs:
    filter: Annotated[ExperimentFilter | None, strawberry.argument(description="Which experiments; all when null.")] = (
        None
    )
    order_by: OrderBy = EntityOrder.NAME
    first: First = 20
    after: After = None


@dataclass(frozen=True, slots=True)
class PipelinesArgs:
    filter: Annotated[PipelineFilter | None, strawberry.argument(description="Which pipelines; all when null.")] = None
    order_by: OrderBy = EntityOrder.NAME
    first: First = 20
    after: After = None
