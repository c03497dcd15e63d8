"""The walk behind lineage and impact: breadth-first over references, one batch of questions a level.

It knows nothing of sources: what a place is tied to, an expander says, for all places of a level at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple, Protocol

from resolvers.errors import GraphError
from resolvers.rules.usage import Use
from schema.connection import Evidence, IncompleteReason
from schema.derived import Dataset, Feature
from schema.identity import Reference
from schema.lineage import LineageDirection, LineageRelation


class Heading(Enum):
    """Where the walk goes on from a place."""

    UP = auto()
    DOWN = auto()
    READERS = auto()
    """From a version to its model: down to who reads the model, but not to what its other versions serve."""


class Stop(NamedTuple):
    """A place the walk came to. One place may be on several ways: up and down are followed apart."""

    reference: Reference
    heading: Heading


@dataclass(frozen=True, slots=True)
class Tie:
    """What one rule found at a stop: the neighbour, how it is related, and where the walk goes on from it."""

    target: Reference
    relation: LineageRelation
    grounds: tuple[Evidence, ...]
    heading: Heading
    verdict: GraphError | None = None
    mentioned: Dataset | Feature | None = None
    use: Use | None = None
    """Of an experiment: which variations serve the place."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a stop is tied to; not `whole` where it was not, or not fully, looked at."""

    ties: Sequence[Tie] = ()
    whole: bool = True


class Expander(Protocol):
    def leads_on(self, stop: Stop) -> bool:
        """Whether there is anything to look for, asking nobody."""

    async def expand(self, stops: Sequence[Stop]) -> Sequence[Expansion]:
        """What each stop is tied to, in order, in calls that do not grow with the number of stops."""


@dataclass(slots=True)
class Place:
    """A node: `distance` is that of the shortest way."""

    reference: Reference
    distance: int
    verdict: GraphError | None = None
    mentioned: Dataset | Feature | None = None
    expanded: bool = True


class Join(NamedTuple):
    """An edge, as its relation reads."""

    subject: Reference
    object: Reference
    relation: LineageRelation


@dataclass(slots=True)
class Walk:
    """What a walk came by; `served` are all ties to experiments, those of nodes left out too."""

    places: dict[Reference, Place]
    joins: dict[Join, tuple[Evidence, ...]] = field(default_factory=dict)
    served: list[Tie] = field(default_factory=list)
    reasons: set[IncompleteReason] = field(default_factory=set)


_FLOWS_ON = frozenset({LineageRelation.SERVED_IN, LineageRelation.PRODUCES, LineageRelation.VERSION_OF})
"""Relations whose object depends on their subject; in the others the subject depends on the object."""
_RANK = {LineageRelation.SERVED_IN: 0, LineageRelation.USES_FEATURE: 2}
_HEADINGS = {
    LineageDirection.UPSTREAM: (Heading.UP,),
    LineageDirection.DOWNSTREAM: (Heading.DOWN,),
    LineageDirection.BOTH: (Heading.UP, Heading.DOWN),
}


async def walk(root: Reference, direction: LineageDirection, depth: int, most: int, expander: Expander) -> Walk:
    """Everything within `depth` levels of the root, at most `most` nodes, nearest first."""
    found = Walk({root: Place(root, 0)})
    level = [Stop(root, heading) for heading in _HEADINGS[direction]]
    seen = set(level)
    for distance in range(1, depth + 1):
        going = [stop for stop in level if _goes_on(found, stop, expander)]
        if not going:
            return found
        level = []
        for stop, expansion in zip(going, await expander.expand(going), strict=True):
            if not expansion.whole:
                found.places[stop.reference].expanded = False
            for tie in _in_order(expansion.ties):
                if tie.use is not None:
                    found.served.append(tie)
                if not _placed(found, tie, distance, most):
                    found.places[stop.reference].expanded = False
                    found.reasons.add(IncompleteReason.NODE_LIMIT)
                    continue
                join = _join(stop, tie)
                found.joins[join] = tuple(dict.fromkeys((*found.joins.get(join, ()), *tie.grounds)))
                onward = Stop(tie.target, tie.heading)
                if onward not in seen:
                    seen.add(onward)
                    level.append(onward)
        if IncompleteReason.NODE_LIMIT in found.reasons:
            _leave(found, level, expander)
            return found
    if _leave(found, level, expander):
        found.reasons.add(IncompleteReason.DEPTH_LIMIT)
    return found


def _goes_on(found: Walk, stop: Stop, expander: Expander) -> bool:
    place = found.places[stop.reference]
    if place.verdict is not None:
        place.expanded = False
        return False
    return expander.leads_on(stop)


def _placed(found: Walk, tie: Tie, distance: int, most: int) -> bool:
    """Whether the neighbour is a node now: it was one before, or there is room for it."""
    if tie.target not in found.places:
        if len(found.places) == most:
            return False
        found.places[tie.target] = Place(tie.target, distance, tie.verdict, tie.mentioned)
    return True


def _leave(found: Walk, stops: Iterable[Stop], expander: Expander) -> bool:
    """Mark the places that are not looked behind; whether anything may lie there."""
    left = [stop for stop in stops if _goes_on(found, stop, expander)]
    for stop in left:
        found.places[stop.reference].expanded = False
    return bool(left)


def _in_order(ties: Iterable[Tie]) -> list[Tie]:
    """Experiments first and features last, as a limit leaves out what comes last; then by id."""
    return sorted(ties, key=lambda tie: (_RANK.get(tie.relation, 1), tie.target.id, tie.relation.name))


def _join(stop: Stop, tie: Tie) -> Join:
    """The edge as its relation reads: going up, the stop depends on the neighbour; going down it is depended on."""
    stop_depends = stop.heading is Heading.UP
    if stop_depends is (tie.relation not in _FLOWS_ON):
        return Join(stop.reference, tie.target, tie.relation)
    return Join(tie.target, stop.reference, tie.relation)
