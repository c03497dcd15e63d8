"""Lists of entities of any kind, and of the domains they belong to."""

from __future__ import annotations

import strawberry

from schema.connection import Connection, Edge
from schema.node import Domain, Entity


@strawberry.type(description="One entity of a list.")
class EntityEdge(Edge[Entity]):
    pass


@strawberry.type(description="Entities of several kinds and sources.")
class EntityConnection(Connection[Entity, EntityEdge]):
    pass


@strawberry.type(description="One domain of a list.")
class DomainEdge(Edge[Domain]):
    pass


@strawberry.type(description="Domains that settings, labels and projects name, by name.")
class DomainConnection(Connection[Domain, DomainEdge]):
    pass
