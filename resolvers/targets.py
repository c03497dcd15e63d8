"""From references to entities: which batch method reads a kind, and what a link's `state` says of the outcome."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from resolvers.errors import GraphError, NotAllowed, NotFound, SourceError, SourceForbidden, SourceUnavailable, code_of
from resolvers.loaders import BatchLoader, Loaded
from resolvers.operation import Call
from resolvers.sources import NOTHING, Found, Needs
from resolvers.sources.orchestration import RunKey
from resolvers.sources.registry import ModelRegistry, VersionKey
from resolvers.table import LinkAnswer
from schema.connection import ErrorCode, Link, LinkConnection, LinkState
from schema.derived import Dataset, DatasetLink, DatasetLinkEdge, Feature, FeatureLink
from schema.fields import NoArgs
from schema.identity import SHARED, EntityKind, Reference, split_run_key, split_version_key
from schema.lineage import LineageNode
from schema.model import TrainingRun
from schema.node import Entity

if TYPE_CHECKING:
    from resolvers.context import Context

AnyLink = Link[Any] | LineageNode


class Outcome(NamedTuple):
    """What became of a link's target; `entity` only where the state is RESOLVED."""

    state: LinkState
    code: ErrorCode | None = None
    entity: Entity | None = None
    error: GraphError | None = None


async def entities(ctx: Context, references: Sequence[Reference], needs: Needs) -> list[Loaded[Entity | None]]:
    """Read entities from their sources, one batch per source and kind; None where there is none.

    Every way to an entity by its reference comes through here: what the caller may not see is not asked for.
    """
    groups: dict[tuple[EntityKind, str], dict[Reference, None]] = {}
    for reference in references:
        groups.setdefault((reference.kind, reference.source), {})[reference] = None
    found: dict[Reference, Loaded[Entity | None]] = {}
    pending = []
    for (kind, source), wanted in groups.items():
        loader = _loader(ctx, kind, source)
        for reference in wanted:
            key = _key(kind, reference.key)
            if not ctx.sees(reference):
                found[reference] = Loaded(NotAllowed(), ())
            elif loader is None or key is None:
                found[reference] = Loaded(None, ())
            else:
                pending.append((reference, loader.load(key, None, needs)))
    for reference, future in pending:
        found[reference] = await future
    return [found[reference] for reference in references]


def prime(ctx: Context, found: Iterable[Entity], needs: Needs, calls: tuple[Call, ...]) -> None:
    """Remember entities another call brought, for the needs it covered."""
    for entity in found:
        reference = entity.reference
        loader = _loader(ctx, reference.kind, reference.source)
        key = _key(reference.kind, reference.key)
        if loader is not None and key is not None:
            loader.prime_row(key, None, entity, needs, calls)


def prime_runs(ctx: Context, registry: ModelRegistry, loaded: Loaded[Found[TrainingRun]]) -> Loaded[Found[TrainingRun]]:
    """Remember the training runs a search brought: its rows are whole, so that none is read again by its id."""
    if isinstance(loaded.value, Found):
        loader = ctx.loader(registry.training_runs_by_id)
        for run in loaded.value.items:
            loader.prime_row(run.reference.key, None, run, NOTHING, loaded.calls)
    return loaded


async def outcomes(ctx: Context, links: Sequence[AnyLink], needs: Needs) -> list[Outcome]:
    """State, code and target of each link."""
    asked = [link.target for link in links if link.verdict is None and not _mentioned(link)]
    answers = iter(await entities(ctx, asked, needs))
    return [_outcome(link, answers) for link in links]


async def states(ctx: Context, links: Sequence[AnyLink], args: NoArgs, needs: Needs) -> list[LinkAnswer[LinkState]]:
    return [LinkAnswer(found.state, _failure(link, found)) for link, found in await _paired(ctx, links, needs)]


async def codes(
    ctx: Context,
    links: Sequence[AnyLink],
    args: NoArgs,
    needs: Needs,
) -> list[LinkAnswer[ErrorCode | None]]:
    return [LinkAnswer(found.code, _failure(link, found)) for link, found in await _paired(ctx, links, needs)]


async def nodes_of_links(
    ctx: Context,
    links: Sequence[AnyLink],
    args: NoArgs,
    needs: Needs,
) -> list[LinkAnswer[Entity | None]]:
    return [LinkAnswer(_node(link, found), _failure(link, found)) for link, found in await _paired(ctx, links, needs)]


async def nodes_of_connections(
    ctx: Context,
    connections: Sequence[LinkConnection[Any, Any]],
    args: NoArgs,
    needs: Needs,
) -> list[LinkAnswer[list[Entity | None]]]:
    flat = await nodes_of_links(ctx, [edge for page in connections for edge in page.edges], args, needs)
    rest = iter(flat)
    answers = []
    for page in connections:
        own = [next(rest) for _ in page.edges]
        failures = tuple(failure for answer in own for failure in answer.failures)
        answers.append(LinkAnswer([answer.value for answer in own], failures))
    return answers


async def _paired(ctx: Context, links: Sequence[AnyLink], needs: Needs) -> list[tuple[AnyLink, Outcome]]:
    return list(zip(links, await outcomes(ctx, links, needs), strict=True))


def _outcome(link: AnyLink, answers: Any) -> Outcome:
    if link.verdict is not None:
        return _failed(cast("GraphError", link.verdict))
    mentioned = _mentioned(link)
    if mentioned is not None:
        return Outcome(LinkState.RESOLVED, None, mentioned)
    answer: Loaded[Entity | None] = next(answers)
    if isinstance(answer.value, GraphError):
        return _failed(answer.value)
    if answer.value is None:
        return Outcome(LinkState.DANGLING, ErrorCode.NOT_FOUND)
    return Outcome(LinkState.RESOLVED, None, answer.value)


def _failed(error: GraphError) -> Outcome:
    if isinstance(error, NotFound):
        return Outcome(LinkState.DANGLING, ErrorCode.NOT_FOUND)
    state = LinkState.FORBIDDEN if isinstance(error, SourceForbidden) else LinkState.UNAVAILABLE
    return Outcome(state, code_of(error), None, error)


def _failure(link: AnyLink, found: Outcome) -> tuple[tuple[object, GraphError], ...]:
    return ((link, found.error),) if found.error is not None else ()


def _node(link: AnyLink, found: Outcome) -> Entity | None:
    """The target where it is what `node` is declared as: a link to a version may know only the model."""
    wanted = getattr(link, "node_kind", None)
    return found.entity if wanted is None or link.target.kind is wanted else None


def _mentioned(link: AnyLink) -> Dataset | Feature | None:
    """What no source owns is known from its mention alone."""
    return link.mentioned if isinstance(link, DatasetLink | DatasetLinkEdge | FeatureLink | LineageNode) else None


def unknown_source(ctx: Context, name: str) -> SourceError:
    """The error of a reference to a system that is not configured here, or that this caller may not ask."""
    if ctx.sight is not None and not ctx.sight.has(name):
        return NotAllowed()
    return SourceUnavailable(name, f"{name} is not a configured source.")


def _key(kind: EntityKind, key: str) -> Any:
    if kind is EntityKind.MODEL_VERSION:
        version = split_version_key(key)
        return VersionKey(*version) if version else None
    if kind is EntityKind.PIPELINE_RUN:
        run = split_run_key(key)
        return RunKey(*run) if run else None
    return key


def _loader(ctx: Context, kind: EntityKind, source: str) -> BatchLoader[Any, Any, Any] | None:
    if source == SHARED:
        return ctx.shared_loader(kind)
    method = _method(ctx, kind, source)
    return None if method is None else ctx.loader(method)


def _method(ctx: Context, kind: EntityKind, source: str) -> Any:
    registry = ctx.sources.registries.get(source)
    platform = ctx.sources.platforms.get(source)
    orchestrator = ctx.sources.orchestrators.get(source)
    if registry is not None:
        return {
            EntityKind.MODEL: registry.models_by_name,
            EntityKind.MODEL_VERSION: registry.versions_by_key,
        }.get(kind)
    if platform is not None:
        return platform.experiments_by_id if kind is EntityKind.EXPERIMENT else None
    if orchestrator is not None:
        return {
            EntityKind.PIPELINE: orchestrator.pipelines_by_name,
            EntityKind.PIPELINE_RUN: orchestrator.runs_by_key,
        }.get(kind)
    return None
