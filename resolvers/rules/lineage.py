"""Lineage and impact: what the walk came by, shown as nodes and edges, and what it means for those who depend on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import strawberry

from resolvers.errors import BadUserInput, GraphError, NotAllowed, SourceError
from resolvers.lineage import Place, Tie, Walk, walk
from resolvers.loaders import Loaded
from resolvers.masks import is_kept_back
from resolvers.rules.steps import MENTIONED, Steps
from resolvers.rules.union import Candidate, unite
from resolvers.rules.usage import merge_uses
from resolvers.sources import Need, Needs
from resolvers.table import LinkAnswer
from resolvers.tally import Tally
from resolvers.targets import entities, outcomes
from schema.derived import Dataset, Feature
from schema.experiment import ExperimentLink
from schema.fields import NoArgs
from schema.identity import SHARED, EntityKind, Reference, parse_id
from schema.lineage import (
    Impact,
    ImpactArgs,
    KindCount,
    Lineage,
    LineageArgs,
    LineageDirection,
    LineageEdge,
    LineageNode,
)
from schema.node import EntityRef, Owner
from schema.query import Query

if TYPE_CHECKING:
    from resolvers.context import Context

MOST_LEVELS = 10
MOST_NODES = 1000
_NO_ENTITIES = frozenset({EntityKind.TRAINING_RUN, EntityKind.OWNER, EntityKind.DOMAIN})


async def lineage(ctx: Context, roots: Sequence[Query], args: LineageArgs, needs: Needs) -> list[Lineage | GraphError]:
    """Query.lineage"""
    if not 1 <= args.max_nodes <= MOST_NODES:
        return [BadUserInput(f"`maxNodes` is 1 to {MOST_NODES}.") for _ in roots]
    found = await _walk(ctx, args.id, args.direction, args.depth, args.max_nodes, needs)
    answer = found if isinstance(found, GraphError) else _shown(*found)
    return [answer for _ in roots]


async def impact(ctx: Context, roots: Sequence[Query], args: ImpactArgs, needs: Needs) -> list[Impact | GraphError]:
    """Query.impact"""
    found = await _walk(ctx, args.id, LineageDirection.DOWNSTREAM, args.depth, MOST_NODES, needs)
    if isinstance(found, GraphError):
        return [found for _ in roots]
    way, tally = found
    below = _shown(way, tally)
    counts = Counter(node.target.kind for node in below.nodes[1:] if not is_kept_back(ctx.sight, node))
    answer = Impact(
        root=below.root,
        running_experiments=_running(way.served),
        count_by_kind=[KindCount(kind=kind, count=counts[kind]) for kind in EntityKind if counts[kind]],
        lineage=below,
    )
    return [answer for _ in roots]


async def owners_to_tell(
    ctx: Context, impacts: Sequence[Impact], args: NoArgs, needs: Needs
) -> list[LinkAnswer[list[Owner]]]:
    """Impact.ownersToTell: of nodes that cannot be read nobody is known, which is said as for any link."""
    answers = []
    for item in impacts:
        known: dict[str, Owner] = {}
        told = await owners(ctx, item.lineage.nodes, args, needs)
        for owner in (owner for answer in told for owner in answer.value):
            before = known.setdefault(owner.handle, owner)
            before.email, before.team = before.email or owner.email, before.team or owner.team
        answers.append(
            LinkAnswer(list(known.values()), tuple(failure for answer in told for failure in answer.failures))
        )
    return answers


async def names(ctx: Context, nodes: Sequence[LineageNode], args: NoArgs, needs: Needs) -> list[LinkAnswer[str | None]]:
    """LineageNode.name"""
    found = await outcomes(ctx, nodes, needs)
    return [
        LinkAnswer(item.entity.name if item.entity else None, _failure(node, item.error))
        for node, item in zip(nodes, found, strict=True)
    ]


async def owners(
    ctx: Context, nodes: Sequence[LineageNode], args: NoArgs, needs: Needs
) -> list[LinkAnswer[list[Owner]]]:
    """LineageNode.owners"""
    found = await outcomes(ctx, nodes, needs | {Need.TAGS})
    return [
        LinkAnswer([Owner.of(name) for name in item.entity.owned_by] if item.entity else [], _failure(node, item.error))
        for node, item in zip(nodes, found, strict=True)
    ]


def _failure(node: LineageNode, error: GraphError | None) -> tuple[tuple[object, GraphError], ...]:
    return ((node, error),) if error is not None else ()


async def _walk(
    ctx: Context, id: str, direction: LineageDirection, depth: int, most: int, needs: Needs
) -> tuple[Walk, Tally] | GraphError:
    root = _start(ctx, id)
    if isinstance(root, GraphError):
        return root
    if not 1 <= depth <= MOST_LEVELS:
        return BadUserInput(f"`depth` is 1 to {MOST_LEVELS}.")
    steps = Steps(ctx, needs, Tally())
    mentioned: Dataset | Feature | None = None
    if root.kind in MENTIONED:
        # What no source owns is there only as long as something mentions it.
        (loaded,) = await entities(ctx, [root], needs)
        if loaded.value is None:
            return Walk({root: Place(root, 0, expanded=False)}), steps.tally
        if isinstance(loaded.value, Dataset | Feature):
            mentioned, root = loaded.value, loaded.value.reference
    found = await walk(root, direction, depth, most, steps)
    found.places[root].mentioned = mentioned
    steps.tally.incomplete(found.reasons)
    for place in found.places.values():
        if isinstance(place.verdict, SourceError) or not ctx.sees(place.reference):
            # What lies behind it was not looked for.
            verdict = place.verdict if isinstance(place.verdict, SourceError) else NotAllowed()
            steps.tally.note(verdict.source, Loaded(verdict, ()))
    return found, steps.tally


def _start(ctx: Context, id: str) -> Reference | BadUserInput:
    reference = parse_id(id)
    if reference is None:
        return BadUserInput("This is no id of this graph: ids look like mlg://model/SOURCE/NAME.")
    if reference.kind in _NO_ENTITIES or (reference.source == SHARED) is not (reference.kind in MENTIONED):
        return BadUserInput("This has no lineage: start from a model, version, experiment, pipeline, run or dataset.")
    adapter = ctx.sources.all.get(reference.source)
    return Reference(reference.kind, reference.source, reference.key, adapter.url if adapter else None)


def _shown(found: Walk, tally: Tally) -> Lineage:
    places = list(found.places.values())
    return Lineage(
        root=EntityRef.of(places[0].reference),
        nodes=[
            LineageNode(
                target=place.reference,
                verdict=place.verdict,
                mentioned=place.mentioned,
                distance=place.distance,
                expanded=place.expanded,
            )
            for place in places
        ],
        edges=[
            LineageEdge(
                from_id=strawberry.ID(join.subject.id),
                to_id=strawberry.ID(join.object.id),
                relation=join.relation,
                grounds=grounds,
            )
            for join, grounds in found.joins.items()
        ],
        completeness=tally.completeness(),
    )


def _running(served: Sequence[Tie]) -> list[ExperimentLink]:
    """Once each, with the variations of all places they serve; those that are known to run first."""
    uses = [Candidate(tie.target, tie.grounds, tie.use, tie.verdict) for tie in served if tie.use is not None]
    united = unite(uses, merge_uses)
    return [
        ExperimentLink(target=item.target, grounds=item.grounds, verdict=item.verdict, variations=item.extra.variations)
        for item in sorted(united, key=lambda item: (not item.extra.running, item.target.id))
        if item.extra.running is not False
    ]
