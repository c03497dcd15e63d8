"""Lists that page in their sources: the root lists over all of a role, and the parts of one entity."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from resolvers.errors import BadUserInput, GraphError
from resolvers.loaders import BatchMethod, Loaded
from resolvers.paging import Listing, MergedPage, merge_page, page_size
from resolvers.sources import Needs, Page, PageAsk
from resolvers.sources.experimentation import ListArgs
from resolvers.sources.orchestration import RunKey, RunsAsk, TasksAsk
from resolvers.tally import Tally
from resolvers.targets import prime
from schema.connection import Completeness, PageInfo
from schema.experiment import Experiment, ExperimentConnection, ExperimentEdge
from schema.identity import split_run_key
from schema.model import Model, ModelConnection, ModelEdge, ModelVersion, ModelVersionConnection, ModelVersionEdge
from schema.node import Entity
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
    TenArgs,
)
from schema.query import ExperimentsArgs, ModelsArgs, PipelinesArgs, Query

if TYPE_CHECKING:
    from resolvers.context import Context

T = TypeVar("T")


class _List(NamedTuple):
    """One source's list as a batch method reads it: `key` names the list, `args_of` makes the arguments of a page."""

    source: str
    method: BatchMethod[Any, Any, Any]
    key_of: Callable[[PageAsk], Any]
    args_of: Callable[[PageAsk], Any]


async def models(
    ctx: Context, roots: Sequence[Query], args: ModelsArgs, needs: Needs
) -> list[ModelConnection | GraphError]:
    """Query.models"""
    chosen = _chosen(ctx.sources.registries, args.filter.source if args.filter else None)
    lists = [_List(name, adapter.models, _ask, _none) for name, adapter in chosen.items()]
    page = await _read(ctx, lists, needs, args.first, 20, args.after, "Query.models", _name)
    connection: ModelConnection = _connection(ModelConnection, ModelEdge, page)
    return [connection for _ in roots]


async def experiments(
    ctx: Context, roots: Sequence[Query], args: ExperimentsArgs, needs: Needs
) -> list[ExperimentConnection | GraphError]:
    """Query.experiments"""
    # Not given at all, it is Strawberry's UNSET.
    statuses = args.filter.status if args.filter and isinstance(args.filter.status, Sequence) else None
    wanted = ListArgs(frozenset(statuses) if statuses is not None else None)
    chosen = _chosen(ctx.sources.platforms, args.filter.source if args.filter else None)
    lists = [_List(name, adapter.experiments, _ask, lambda _: wanted) for name, adapter in chosen.items()]
    words = sorted(status.name for status in statuses) if statuses is not None else "all"
    page = await _read(ctx, lists, needs, args.first, 20, args.after, f"Query.experiments {words}", _name)
    connection: ExperimentConnection = _connection(ExperimentConnection, ExperimentEdge, page)
    return [connection for _ in roots]


async def pipelines(
    ctx: Context, roots: Sequence[Query], args: PipelinesArgs, needs: Needs
) -> list[PipelineConnection | GraphError]:
    """Query.pipelines"""
    chosen = _chosen(ctx.sources.orchestrators, args.filter.source if args.filter else None)
    lists = [_List(name, adapter.pipelines, _ask, _none) for name, adapter in chosen.items()]
    page = await _read(ctx, lists, needs, args.first, 20, args.after, "Query.pipelines", _name)
    connection: PipelineConnection = _connection(PipelineConnection, PipelineEdge, page)
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


class _Read(NamedTuple):
    page: MergedPage[Any]
    completeness: Completeness


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

        return Listing(one.source, read, _key, sort)

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


def _chosen(adapters: dict[str, T], source: object) -> dict[str, T]:
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


def _none(ask: PageAsk) -> None:
    return None
