"""The ways into the graph by id, by name, and the list of sources."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from resolvers.errors import BadUserInput, CallerUnauthenticated, GraphError, NotFound, SourceError, SourceForbidden
from resolvers.rules.references import one_of
from resolvers.sources import NOTHING, Needs, SourceAdapter
from resolvers.targets import entities, prime
from schema.experiment import Experiment
from schema.fields import NoArgs
from schema.identity import EntityKind, Reference, parse_id
from schema.node import Entity, Node
from schema.query import KeyArgs, NameArgs, NodeArgs, NodesArgs, Query
from schema.source import BreakerState, Source, SourceCapability, SourceStatus

if TYPE_CHECKING:
    from resolvers.context import Context

MOST_IDS = 100


async def node(ctx: Context, roots: Sequence[Query], args: NodeArgs, needs: Needs) -> list[Node | GraphError | None]:
    """Query.node"""
    answer = (await _by_ids(ctx, [args.id], needs))[0]
    return [answer for _ in roots]


async def nodes(
    ctx: Context, roots: Sequence[Query], args: NodesArgs, needs: Needs
) -> list[list[Node | GraphError | None] | GraphError]:
    """Query.nodes"""
    if len(args.ids) > MOST_IDS:
        return [BadUserInput(f"At most {MOST_IDS} ids.") for _ in roots]
    found = await _by_ids(ctx, args.ids, needs)
    return [found for _ in roots]


async def model(ctx: Context, roots: Sequence[Query], args: NameArgs, needs: Needs) -> list[Entity | GraphError | None]:
    """Query.model"""
    methods = {name: registry.models_by_name for name, registry in ctx.sources.registries.items()}
    answer = await _by_name(ctx, EntityKind.MODEL, args.name, args.source, methods, ctx.sources.registries, needs)
    return [answer for _ in roots]


async def pipeline(
    ctx: Context, roots: Sequence[Query], args: NameArgs, needs: Needs
) -> list[Entity | GraphError | None]:
    """Query.pipeline"""
    methods = {name: adapter.pipelines_by_name for name, adapter in ctx.sources.orchestrators.items()}
    orchestrators = ctx.sources.orchestrators
    answer = await _by_name(ctx, EntityKind.PIPELINE, args.name, args.source, methods, orchestrators, needs)
    return [answer for _ in roots]


async def experiment(
    ctx: Context, roots: Sequence[Query], args: KeyArgs, needs: Needs
) -> list[Entity | GraphError | None]:
    """Query.experiment"""
    methods = {name: platform.experiments_by_key for name, platform in ctx.sources.platforms.items()}
    answer = await _by_name(ctx, EntityKind.EXPERIMENT, args.key, args.source, methods, ctx.sources.platforms, needs)
    if isinstance(answer, Experiment):
        prime(ctx, [answer], needs, ())
    return [answer for _ in roots]


async def sources(
    ctx: Context,
    roots: Sequence[Query],
    args: NoArgs,
    needs: Needs,
) -> list[list[Source]]:
    """Query.sources: each is asked for its version."""
    asked = await asyncio.gather(*(_source(adapter) for adapter in ctx.sources))
    return [list(asked) for _ in roots]


async def _source(adapter: SourceAdapter) -> Source:
    version: str | None = None
    try:
        version = await adapter.version()
        status = SourceStatus.UP
    except CallerUnauthenticated:
        status = SourceStatus.UNKNOWN  # it is not this caller who can tell
    except SourceError:
        status = SourceStatus.DOWN
    return Source(
        name=adapter.profile.name,
        role=adapter.role,
        product=adapter.product,
        version=version,
        status=status,
        breaker=BreakerState.CLOSED,
        capabilities=[
            SourceCapability(name=item.name, mode=item.mode, note=item.note) for item in adapter.capabilities
        ],
    )


async def _by_ids(ctx: Context, ids: Sequence[str], needs: Needs) -> list[Node | GraphError | None]:
    return await by_references(ctx, [parse_id(text) for text in ids], needs)


async def by_references(
    ctx: Context, references: Sequence[Reference | None], needs: Needs
) -> list[Node | GraphError | None]:
    """What references stand for, in order, one batch per source and kind; None is an id that could not be read."""
    known = [item for item in references if item and item.kind is not EntityKind.TRAINING_RUN]
    loaded = iter(await entities(ctx, known, needs))
    answers: list[Node | GraphError | None] = []
    for reference in references:
        if reference is not None and reference.kind is EntityKind.TRAINING_RUN:
            answers.append(BadUserInput("A training run is no entity: reach it from its model version."))
        elif reference is None:
            answers.append(BadUserInput("This is no id of this graph: ids look like mlg://model/SOURCE/NAME."))
        else:
            answers.append(_there(next(loaded).value))
    return answers


async def _by_name(
    ctx: Context,
    kind: EntityKind,
    name: str,
    source: str | None,
    methods: Mapping[str, Any],
    adapters: Mapping[str, SourceAdapter],
    needs: Needs,
) -> Entity | GraphError | None:
    """The one entity of this name, or the error that says why there is not one."""
    if source is not None and source not in adapters:
        return BadUserInput(f"There is no such source for this: {', '.join(adapters) or 'none is configured'}.")
    asked = {source: methods[source]} if source is not None else dict(methods)
    # The lookup in each source carries the needs, so that the row found is whole.
    waiting = [ctx.loader(method).load(name, None, needs) for method in asked.values()]
    for pending in waiting:
        await pending
    meant = (await one_of(ctx, kind, [name], asked, adapters))[0]
    if meant.verdict is not None:
        return None if isinstance(meant.verdict, NotFound) else _there(meant.verdict)
    found = await ctx.loader(asked[meant.reference.source]).load(name, None, NOTHING)
    entity: Entity | GraphError | None = _there(found.value)
    return entity


def _there(found: Any) -> Any:
    """Who asks by id or by name is not told what is kept from them from what is not there."""
    return None if isinstance(found, SourceForbidden) else found
