"""The systems behind the graph, and what each can answer."""

from __future__ import annotations

from enum import Enum

import strawberry


@strawberry.enum(description="What kind of system a source is.")
class SourceRole(Enum):
    MODEL_REGISTRY = strawberry.enum_value("MODEL_REGISTRY", description="Keeps models and versions.")
    EXPERIMENT_PLATFORM = strawberry.enum_value("EXPERIMENT_PLATFORM", description="Runs A/B tests.")
    ORCHESTRATOR = strawberry.enum_value("ORCHESTRATOR", description="Runs pipelines.")


@strawberry.enum(description="How a source is doing.")
class SourceStatus(Enum):
    UP = strawberry.enum_value("UP", description="It answered just now.")
    DEGRADED = strawberry.enum_value("DEGRADED", description="It answers some calls only.")
    DOWN = strawberry.enum_value("DOWN", description="It did not answer.")
    UNKNOWN = strawberry.enum_value("UNKNOWN", description="It was not asked.")


@strawberry.enum(description="Whether calls to a source are held back after failures.")
class BreakerState(Enum):
    CLOSED = strawberry.enum_value("CLOSED", description="Calls go through.")
    HALF_OPEN = strawberry.enum_value("HALF_OPEN", description="One call is let through to see.")
    OPEN = strawberry.enum_value("OPEN", description="Calls are held back.")


@strawberry.enum(description="How a source answers a kind of question.")
class CapabilityMode(Enum):
    NATIVE = strawberry.enum_value("NATIVE", description="It has a call for it.")
    SCAN = strawberry.enum_value("SCAN", description="The gateway reads pages and looks, within a bound.")
    NONE = strawberry.enum_value("NONE", description="It cannot be answered from this source.")


@strawberry.type(description="One kind of question, and how a source answers it.")
class SourceCapability:
    name: str = strawberry.field(description="The question, e.g. `experiments_by_model`.")
    mode: CapabilityMode = strawberry.field(description="How it is answered.")
    note: str | None = strawberry.field(description="Bounds and costs.", default=None)


@strawberry.type(description="A system the graph reads from.")
class Source:
    name: str = strawberry.field(description="Its configured name, part of every id from it.")
    role: SourceRole = strawberry.field(description="What kind of system it is.")
    product: str = strawberry.field(description="The product behind it, e.g. mlflow.")
    version: str | None = strawberry.field(description="The product's version; null where it does not tell.")
    status: SourceStatus = strawberry.field(description="How it is doing; asked now.")
    breaker: BreakerState = strawberry.field(description="Whether calls are held back after failures.")
    capabilities: list[SourceCapability] = strawberry.field(description="What can be asked of it, and how.")
