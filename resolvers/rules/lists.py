"""Lists that page in their sources: the root lists over all of a role, and the parts of one entity."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from resolvers.errors import BadUserInput, GraphError
from resolvers.loaders import BatchMethod, Loaded
from resolvers.paging import Listing, MergedPage, merge_page, page_size
from resolvers.rules.filters import last_changed_first, list_args, matches, needs_of, words_of
from resolvers.sources import EVERYTHING, ListArgs, ListFilter, Needs, Page, PageAsk, SourceAdapter
from resolvers.sources.orchestration import RunKey, RunsAsk, TasksAsk
from resolvers.tally import Tally
from resolvers.targets import prime
from schema.connection import Completeness, PageInfo
from schema.entity import EntityConnection, EntityEdge
from schema.experiment import Experiment, ExperimentConnection, ExperimentEdge
from schema.fields import TenArgs
from schema.filter import (
    EntityOrder,
    ExperimentFilter,
    ExperimentsArgs,
    ModelFilter,
    ModelsArgs,
    PipelineFilter,
    PipelinesArgs,
)
from schema.identity import EntityKind, split_run_key
from schema.model import Model, ModelConnection, ModelEdge, ModelVersion, ModelVersionConnection, ModelVersionEdge
from schema.node import Entity, KindsArgs
from schema.pipeline import (
    Pipeline,
    PipelineConnection,
    PipelineEdge,
    PipelineRun,
    PipelineRunConnection,
    PipelineRunEdge,
    RunsArgs,
    RunState,
    TaskRun,
    TaskRunConnection,
    TaskRunEdge,
    TasksArgs,
)
from schema.query import Query

if TYPE_CHECKING:
    from resolvers.context import Context

T = TypeVar("T")

LISTED = (EntityKind.MODEL, EntityKind.EXPERIMENT, EntityKind.PIPELINE)
"""The kinds that sources list."""


class _List(NamedTuple):
    """One source's list as a batch method reads it: `key` names the list, `args_of` makes the arguments of a page."""

    source: str
    method: BatchMethod[Any, Any, Any]
    key_of: Callable[[PageAsk], Any]
    args_of: Callable[[PageAsk], Any]
    keep: Callable[[Any], bool] | None = None
    most: int = 1000


async def models(
    ctx: Context, roots: Sequence[Query], args: ModelsArgs, needs: Needs
) -> list[ModelConnection | GraphError]:
    """Query.models"""
    registries = {name: (adapter, adapter.models) for name, adapter in ctx.sources.registries.items()}
    read = await _root(ctx, "Query.models", registries, args, needs)
    connection: ModelConnection = _connection(ModelConnection, ModelEdge, read)
    return [connection for _ in roots]


async def experiments(
    ctx: Context, roots: Sequence[Query], args: ExperimentsArgs, needs: Needs
) -> list[ExperimentConnection | GraphError]:
    """Query.experiments"""
    platforms = {name: (adapter, adapter.experiments) for name, adapter in ctx.sources.platforms.items()}
    read = await _root(ctx, "Query.experiments", platforms, args, needs)
    connection: ExperimentConnection = _connection(ExperimentConnection, ExperimentEdge, read)
    return [connection for _ in roots]


async def pipelines(
    ctx: Context, roots: Sequence[Query], args: PipelinesArgs, needs: Needs
) -> list[PipelineConnection | GraphError]:
    """Query.pipelines"""
    orchestrators = {name: (adapter, adapter.pipelines) for name, adapter in ctx.sources.orchestrators.items()}
    read = await _root(ctx, "Query.pipelines", orchestrators, args, needs)
    connection: PipelineConnection = _connection(PipelineConnection, PipelineEdge, read)
    return [connection for _ in roots]


async def versions(ctx: Context, parents: Sequence[Model], args: TenArgs, needs: Needs) -> list[ModelVersionConnection]:
    """Model.versions"""
    registries = ctx.sources.registries
    pages = [
        _read(
            ctx,
            [_part(model, registries[model.reference.source].versions, model.name, _ask)],
            needs,
            args.first,
            10,
            args.after,
            f"Model.versions {model.id}",
            _no_name,
        )
        for model in parents
    ]
    return [_connection(ModelVersionConnection, ModelVersionEdge, page) for page in await asyncio.gather(*pages)]


async def runs(ctx: Context, parents: Sequence[Pipeline], args: RunsArgs, needs: Needs) -> list[PipelineRunConnection]:
    """Pipeline.runs"""
    states, words = _states(args.states)
    pages = [
        _read(
            ctx,
            [
                _part(
                    pipeline,
                    ctx.sources.orchestrators[pipeline.reference.source].runs,
                    pipeline.reference.key,
                    lambda ask: RunsAsk(ask, states, args.since),
                )
            ],
            needs,
            args.first,
            10,
            args.after,
            f"Pipeline.runs {pipeline.id} {words} {args.since}",
            _no_name,
        )
        for pipeline in parents
    ]
    return [_connection(PipelineRunConnection, PipelineRunEdge, page) for page in await asyncio.gather(*pages)]


async def tasks(ctx: Context, parents: Sequence[PipelineRun], args: TasksArgs, needs: Needs) -> list[TaskRunConnection]:
    """PipelineRun.tasks"""
    states, words = _states(args.states)
    pages = [
        _read(
            ctx,
            [
                _part(
                    run,
                    ctx.sources.orchestrators[run.reference.source].tasks,
                    RunKey(*(split_run_key(run.reference.key) or (run.pipeline_name, ""))),
                    lambda ask: TasksAsk(ask, states),
                )
            ],
            needs,
            args.first,
            10,
            args.after,
            f"PipelineRun.tasks {run.id} {words}",
            _no_name,
        )
        for run in parents
    ]
    return [_connection(TaskRunConnection, TaskRunEdge, page) for page in await asyncio.gather(*pages)]


async def of_kinds(
    ctx: Context, kinds: Collection[EntityKind], wanted: ListFilter, args: KindsArgs, needs: Needs, bound_to: str
) -> EntityConnection:
    """The models, experiments and pipelines of all sources that a filter wants, as one list by name."""
    listed = ListArgs(wanted)
    read = await _read(
        ctx,
        _lists_of_kinds(ctx, kinds, listed),
        needs | needs_of(listed),
        args.first,
        20,
        args.after,
        f"{bound_to} {sorted(kind.name for kind in kinds)} {words_of(listed)}",
        _name,
    )
    connection: EntityConnection = _connection(EntityConnection, EntityEdge, read)
    return connection


async def first_of_each(ctx: Context, wanted: ListFilter) -> list[MergedPage[Entity]]:
    """The first things of each source that a filter wants: as many as a page has, so that its calls are shared."""
    listed = ListArgs(wanted)
    lists = _lists_of_kinds(ctx, LISTED, listed)
    reads = [_read(ctx, [one], needs_of(listed), None, 20, None, "first", _name) for one in lists]
    return [read.page for read in await asyncio.gather(*reads)]


def _lists_of_kinds(ctx: Context, kinds: Collection[EntityKind], wanted: ListArgs) -> list[_List]:
    def of(adapter: SourceAdapter, method: BatchMethod[PageAsk, ListArgs, Any]) -> _List:
        name, most = adapter.profile.name, adapter.profile.scan_rows
        return _List(name, method, _ask, lambda _: wanted, lambda row: matches(row, wanted.filter), most)

    sources = ctx.sources
    return [
        *(of(one, one.models) for one in sources.registries.values() if EntityKind.MODEL in kinds),
        *(of(one, one.experiments) for one in sources.platforms.values() if EntityKind.EXPERIMENT in kinds),
        *(of(one, one.pipelines) for one in sources.orchestrators.values() if EntityKind.PIPELINE in kinds),
    ]


class _Read(NamedTuple):
    page: MergedPage[Any]
    completeness: Completeness


async def _root(
    ctx: Context,
    field: str,
    adapters: Mapping[str, tuple[SourceAdapter, BatchMethod[PageAsk, ListArgs, Any]]],
    args: ModelsArgs | ExperimentsArgs | PipelinesArgs,
    needs: Needs,
) -> _Read:
    """A page over all sources of a role, or over the one that is asked for."""
    wanted = _known_owner(ctx, list_args(args.filter, args.order_by))
    keep = None if wanted.filter == EVERYTHING else lambda row: matches(row, wanted.filter)
    lists = [
        _List(name, method, _ask, lambda _: wanted, keep, adapter.profile.scan_rows)
        for name, (adapter, method) in _chosen(adapters, args.filter).items()
    ]
    sort = _name if wanted.order is EntityOrder.NAME else last_changed_first
    bound_to = f"{field} {words_of(wanted)}"
    return await _read(ctx, lists, needs | needs_of(wanted), args.first, 20, args.after, bound_to, sort)


async def _read(
    ctx: Context,
    lists: Sequence[_List],
    needs: Needs,
    first: int | None,
    default: int,
    after: str | None,
    bound_to: str,
    sort: Callable[[Any], str],
) -> _Read:
    tally = Tally()

    def listing(one: _List) -> Listing[Any]:
        async def read(ask: PageAsk) -> Page[Any]:
            loaded: Loaded[Page[Any]] = await ctx.loader(one.method).load(one.key_of(ask), one.args_of(ask), needs)
            tally.note(one.source, loaded)
            if isinstance(loaded.value, GraphError):
                raise loaded.value.again() from None
            prime(ctx, [row for row in loaded.value.rows if isinstance(row, Entity)], needs, loaded.calls)
            return loaded.value

        return Listing(one.source, read, _key, sort, one.keep, one.most)

    page = await merge_page(
        [listing(one) for one in lists], first=page_size(first, default), after=after, bound_to=bound_to
    )
    for outcome in page.outcomes:
        tally.scanned += outcome.scanned
        tally.match(outcome.source, outcome.matched)
        if outcome.error is not None:
            tally.note(outcome.source, Loaded(outcome.error, ()))
    tally.incomplete(page.reasons)
    return _Read(page, tally.completeness())


def _connection(connection: Callable[..., Any], edge: Callable[..., Any], read: _Read) -> Any:
    page = read.page
    return connection(
        edges=[edge(node=row.value, cursor=row.cursor) for row in page.rows],
        nodes=[row.value for row in page.rows],
        page_info=PageInfo(
            has_next_page=page.has_next_page,
            start_cursor=page.rows[0].cursor if page.rows else None,
            end_cursor=page.end_cursor,
        ),
        total_count=page.total_count,
        completeness=read.completeness,
    )


def _known_owner(ctx: Context, wanted: ListArgs) -> ListArgs:
    """Asked for under another spelling, somebody the directory knows is meant by their handle."""
    known = ctx.sources.directory.owner(wanted.filter.owner) if wanted.filter.owner is not None else None
    return replace(wanted, filter=replace(wanted.filter, owner=known.handle)) if known else wanted


def _chosen(
    adapters: Mapping[str, T], given: ModelFilter | ExperimentFilter | PipelineFilter | None
) -> Mapping[str, T]:
    source = given.source if given else None
    if not isinstance(source, str):  # null, or not given at all
        return adapters
    if source not in adapters:
        raise BadUserInput(f"There is no such source for this: {', '.join(adapters) or 'none is configured'}.")
    return {source: adapters[source]}


def _part(parent: Entity, method: BatchMethod[Any, Any, Any], key: object, args_of: Callable[[PageAsk], Any]) -> _List:
    return _List(parent.reference.source, method, lambda _: key, args_of)


def _states(states: Sequence[RunState] | None) -> tuple[frozenset[RunState] | None, str]:
    return (None, "all") if states is None else (frozenset(states), " ".join(sorted(state.name for state in states)))


def _key(row: Model | ModelVersion | Experiment | Pipeline | PipelineRun | TaskRun) -> str:
    return row.key if isinstance(row, TaskRun) else row.reference.key


def _name(row: Entity) -> str:
    return row.name


def _no_name(row: object) -> str:
    return ""


def _ask(ask: PageAsk) -> PageAsk:
    return ask
