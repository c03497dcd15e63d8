"""How operations are executed: one protocol, one module per way. Documents are parsed and validated here, once each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from graphql import DocumentNode, GraphQLError

from gateway.federated_trace import Trace
from resolvers.context import LinkError
from schema.fields import LinkContext


class OperationContext(LinkContext, Protocol):
    """What the resolvers of one operation share, made for it and closed with it."""

    def link_errors(self) -> Sequence[LinkError]:
        """What its links could not say, once it is executed."""

    async def aclose(self) -> None:
        """End whatever it started."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A valid document, and which of its operations to execute with which values."""

    document: DocumentNode
    name: str | None = None
    variables: dict[str, object] = field(default_factory=dict)
    trace: Trace | None = None
    """Where a router asked for one: the way of executing must then go through its middleware."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What executing brought. Not `executed` where the values given were refused before anything was asked."""

    data: dict[str, object] | None
    errors: Sequence[GraphQLError] = ()
    executed: bool = True


class Executor(Protocol):
    """One way of executing."""

    async def execute(self, operation: Operation, context: OperationContext) -> Outcome: ...
