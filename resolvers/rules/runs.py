"""Which runs fed which, by asset events: one level up or down, and what failed above a run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from resolvers.errors import BadUserInput, GraphError
from resolvers.loaders import Loaded
from resolvers.rules.rule import ASSET_EVENT
from resolvers.rules.union import Candidate, connect, unite
from resolvers.sources import NOTHING, Found, Needs
from resolvers.sources.orchestration import Orchestrator, RunKey
from resolvers.tally import Tally
from resolvers.targets import entities
from schema.connection import IncompleteReason
from schema.fields import TenArgs
from schema.identity import EntityKind, Reference, pair_key, split_run_key
from schema.pipeline import FailedArgs, PipelineRun, PipelineRunLinkConnection, PipelineRunLinkEdge, RunState

if TYPE_CHECKING:
    from resolvers.context import Context

MOST_RUNS_ABOVE = 50
"""Most runs looked at for what failed above one run: each costs a call."""


async def upstream_runs(
    ctx: Context,
    runs: Sequence[PipelineRun],
    args: TenArgs,
    needs: Needs,
) -> list[PipelineRunLinkConnection]:
    """PipelineRun.upstreamRuns: by the asset events that triggered or fed this run."""
    tallies = [Tally() for _ in runs]
    found = await runs_above(ctx, [run.reference for run in runs], tallies)
    return [
        _run_connection(ctx, candidates, tally, args.first, args.after, f"PipelineRun.upstreamRuns {run.id}")
        for run, candidates, tally in zip(runs, found, tallies, strict=True)
    ]


async def failed_upstream_runs(
    ctx: Context, runs: Sequence[PipelineRun], args: FailedArgs, needs: Needs
) -> list[PipelineRunLinkConnection | GraphError]:
    """PipelineRun.failedUpstreamRuns: breadth-first, one level of all runs at a time."""
    depth = 2 if args.depth is None else args.depth
    if not 1 <= depth <= 5:
        return [BadUserInput("`depth` is 1 to 5.") for _ in runs]
    tallies = [Tally() for _ in runs]
    found = await asyncio.gather(
        *(_failed_above(ctx, run, depth, tally, needs) for run, tally in zip(runs, tallies, strict=True))
    )
    return [
        _run_connection(ctx, failed, tally, args.first, args.after, f"PipelineRun.failedUpstreamRuns {run.id} {depth}")
        for run, failed, tally in zip(runs, found, tallies, strict=True)
    ]


async def _failed_above(
    ctx: Context, run: PipelineRun, depth: int, tally: Tally, needs: Needs
) -> list[Candidate[None]]:
    seen = {run.reference}
    level = [run.reference]
    failed: list[Candidate[None]] = []
    for step in range(depth):
        above = [item for found in await runs_above(ctx, level, [tally] * len(level)) for item in found]
        new = [item for item in unite(above, lambda one, other: None) if item.target not in seen]
        if len(seen) + len(new) > MOST_RUNS_ABOVE:
            del new[MOST_RUNS_ABOVE - len(seen) :]
            tally.incomplete([IncompleteReason.SCAN_LIMIT])
        seen.update(item.target for item in new)
        loaded = await entities(ctx, [item.target for item in new], needs)
        level = [item.target for item in new]
        for item, answer in zip(new, loaded, strict=True):
            tally.note(item.target.source, answer)
            if isinstance(answer.value, PipelineRun) and answer.value.state is RunState.FAILED:
                failed.append(item)
        if not level:
            break
        if step == depth - 1:
            tally.incomplete([IncompleteReason.DEPTH_LIMIT])
    return failed


async def runs_above(
    ctx: Context, references: Sequence[Reference], tallies: Sequence[Tally]
) -> list[list[Candidate[None]]]:
    """The runs that fed each run, by asset events."""
    return await _runs_beside(ctx, references, tallies, "upstream")


async def runs_below(
    ctx: Context, references: Sequence[Reference], tallies: Sequence[Tally]
) -> list[list[Candidate[None]]]:
    """The runs that each run fed, by asset events."""
    return await _runs_beside(ctx, references, tallies, "downstream")


async def _runs_beside(
    ctx: Context, references: Sequence[Reference], tallies: Sequence[Tally], side: Literal["upstream", "downstream"]
) -> list[list[Candidate[None]]]:
    waiting: list[tuple[Orchestrator, asyncio.Future[Loaded[Found[Any]]]]] = []
    for reference in references:
        orchestrator: Orchestrator = ctx.sources.orchestrators[reference.source]
        key = RunKey(*(split_run_key(reference.key) or (reference.key, "")))
        if side == "upstream":
            waiting.append((orchestrator, ctx.loader(orchestrator.upstream_runs).load(key, None, NOTHING)))
        else:
            waiting.append((orchestrator, ctx.loader(orchestrator.downstream_runs).load(key, None, NOTHING)))
    found: list[list[Candidate[None]]] = []
    for reference, tally, (orchestrator, pending) in zip(references, tallies, waiting, strict=True):
        loaded = await pending
        name = orchestrator.profile.name
        tally.note(name, loaded)
        if isinstance(loaded.value, GraphError):
            found.append([])
            continue
        tally.scanned += loaded.value.scanned
        tally.incomplete(loaded.value.reasons)
        candidates = []
        for item in loaded.value.items:
            other = Reference(EntityKind.PIPELINE_RUN, name, pair_key(*item.run), orchestrator.url)
            fed = reference if side == "upstream" else other
            candidates.append(Candidate(other, (ASSET_EVENT.evidence(name, item.asset_uri, (fed,)),), None))
        united = unite(candidates, lambda one, other: None)
        tally.match(name, len(united))
        found.append(united)
    return found


def _run_connection(
    ctx: Context, candidates: list[Candidate[None]], tally: Tally, first: int | None, after: str | None, bound_to: str
) -> PipelineRunLinkConnection:
    connection: PipelineRunLinkConnection = connect(
        ctx,
        PipelineRunLinkConnection,
        candidates,
        lambda item, cursor: PipelineRunLinkEdge(
            target=item.target, grounds=item.grounds, verdict=item.verdict, cursor=cursor
        ),
        tally,
        first=first,
        after=after,
        bound_to=bound_to,
    )
    return connection
