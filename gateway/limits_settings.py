"""What the settings say of the size of documents, of the cost of operations, and of who may ask for the schema."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

import strawberry
from pydantic import Field

from gateway.cost import Costs
from gateway.limits import Limits
from gateway.source_settings import Frozen, Word
from resolvers.estimate.house import House

CALLS = 120
CALLS_A_SOURCE = 30
"""A search asks every source: one that four may be asked together must not be refused where there are ten."""
_LIMITS = Limits()

Roles = Annotated[tuple[Word, ...], Field(strict=False, min_length=1)]
Many = Annotated[int, Field(ge=1, le=1_000_000)]


class LimitSettings(Frozen):
    """The `[limits]` table."""

    depth: Many = _LIMITS.depth
    """Levels of fields."""
    aliases: Many = _LIMITS.aliases
    root_fields: Many = _LIMITS.root_fields
    directives: Many = _LIMITS.directives
    tokens: Many = _LIMITS.tokens
    nodes: Many = 20_000
    """Rows of connections and lists that one operation may come to in the worst case."""
    calls: Many | None = None
    """Calls to sources that one operation may come to in the worst case; if not said, `CALLS`, or more for many."""
    introspection: Literal["on", "off", "development"] | Roles = "development"
    """Who may ask for the schema: everybody, nobody, everybody in the development profile, or those with a role."""

    def of_documents(self) -> Limits:
        return Limits(self.depth, self.aliases, self.root_fields, self.directives, self.tokens)

    def costs(self, schema: strawberry.Schema, house: House) -> Costs:
        return Costs(schema, house, nodes=self.nodes, calls=self.calls or max(CALLS, CALLS_A_SOURCE * house.count))

    def may_introspect(self, roles: Collection[str], *, production: bool) -> bool:
        """Whether a caller with these roles may ask for the schema."""
        if isinstance(self.introspection, tuple):
            return not set(self.introspection).isdisjoint(roles)
        return self.introspection == "on" or (self.introspection == "development" and not production)
