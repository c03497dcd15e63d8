"""Entities for the router of a supergraph: by representations, through the same loaders as `node` and `nodes`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from resolvers.errors import BadUserInput, GraphError
from resolvers.rules.roots import by_references
from resolvers.sources import Needs
from schema.federation import EntitiesArgs, Representation, RoutedQuery
from schema.identity import EntityKind, Reference, parse_id
from schema.node import Node

if TYPE_CHECKING:
    from resolvers.context import Context

MOST_REPRESENTATIONS = 1000
"""A router asks for a whole page of another subgraph at once, and cannot page what it asks."""


async def entities(
    ctx: Context, roots: Sequence[RoutedQuery], args: EntitiesArgs, needs: Needs
) -> list[list[Node | GraphError | None] | GraphError]:
    """Query._entities"""
    if len(args.representations) > MOST_REPRESENTATIONS:
        return [BadUserInput(f"At most {MOST_REPRESENTATIONS} representations.") for _ in roots]
    meant = [reference_meant(item) for item in args.parsed()]
    references = [item for item in meant if isinstance(item, Reference)]
    found = iter(await by_references(ctx, references, needs))
    answer = [next(found) if isinstance(item, Reference) else item for item in meant]
    return [answer for _ in roots]


def reference_meant(item: Representation) -> Reference | GraphError:
    """The reference a representation spells; the error takes only its own place."""
    if item.kind is None or item.kind is EntityKind.TRAINING_RUN:
        return BadUserInput("A representation needs `__typename`, of an entity of this graph.")
    if item.id is not None:
        reference = parse_id(item.id)
        if reference is None or reference.kind is not item.kind:
            return BadUserInput("The id of a representation must be one of this graph, and of its `__typename`.")
        return reference
    if item.source and item.key:
        return Reference(item.kind, item.source, item.key)
    return BadUserInput("A representation needs a key: `id`, or `ref { source key }`.")
