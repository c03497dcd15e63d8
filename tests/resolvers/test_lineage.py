"""The walk over a small world of its own: an expander that knows its ties, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from resolvers.errors import GraphError, NotFound, SourceForbidden, SourceUnavailable
from resolvers.lineage import Expansion, Heading, Join, Stop, Tie, Walk, walk
from resolvers.rules.usage import Use
from schema.connection import Evidence, IncompleteReason, LinkBasis
from schema.identity import EntityKind, Reference
from schema.lineage import LineageDirection, LineageRelation

UP, DOWN = LineageDirection.UPSTREAM, LineageDirection.DOWNSTREAM


def at(name: str, kind: EntityKind = EntityKind.PIPELINE) -> Reference:
    return Reference(kind, "here", name)


def tie(
    name: str,
    heading: Heading = Heading.UP,
    relation: LineageRelation = LineageRelation.CONSUMES,
    *,
    verdict: GraphError | None = None,
    says: str = "here: so",
) -> Tie:
    return Tie(at(name), relation, (Evidence(LinkBasis.NATIVE, says),), heading, verdict)


class World:
    """`ties` lead from a name, and a heading where it is said, to neighbours; `ends` lead nowhere, `gone` are not."""

    def __init__(
        self,
        ties: Mapping[Any, Sequence[Tie]],
        *,
        ends: Sequence[str] = (),
        gone: Sequence[str] = (),
    ) -> None:
        self.ties, self.ends, self.gone = ties, ends, gone
        self.asked: list[list[str]] = []

    def leads_on(self, stop: Stop) -> bool:
        return stop.reference.key not in self.ends

    async def expand(self, stops: Sequence[Stop]) -> list[Expansion]:
        self.asked.append([stop.reference.key for stop in stops])
        return [self._of(stop) for stop in stops]

    def _of(self, stop: Stop) -> Expansion:
        name = stop.reference.key
        if name in self.gone:
            return Expansion(whole=False)
        return Expansion(self.ties.get((name, stop.heading), self.ties.get(name, ())))


async def walked(
    world: World, direction: LineageDirection = UP, *, depth: int = 10, most: int = 200, root: str = "root"
) -> Walk:
    return await walk(at(root), direction, depth, most, world)


def levels(found: Walk) -> dict[str, int]:
    return {place.reference.key: place.distance for place in found.places.values()}


def unexpanded(found: Walk) -> set[str]:
    return {place.reference.key for place in found.places.values() if not place.expanded}


def joins(found: Walk) -> set[tuple[str, str]]:
    return {(join.subject.key, join.object.key) for join in found.joins}


DIAMOND = {
    "root": [tie("left"), tie("right")],
    "left": [tie("end")],
    "right": [tie("end")],
}


async def test_a_diamond_is_one_node_with_both_paths_to_it() -> None:
    world = World(DIAMOND)
    found = await walked(world)
    assert levels(found) == {"root": 0, "left": 1, "right": 1, "end": 2}
    assert joins(found) == {("root", "left"), ("root", "right"), ("left", "end"), ("right", "end")}
    assert world.asked == [["root"], ["left", "right"], ["end"]]
    assert found.reasons == set()
    assert unexpanded(found) == set()


async def test_a_node_has_the_distance_of_its_shortest_way_and_all_its_edges() -> None:
    found = await walked(World({"root": [tie("near"), tie("far")], "near": [tie("far")]}))
    assert levels(found) == {"root": 0, "far": 1, "near": 1}
    assert joins(found) == {("root", "near"), ("root", "far"), ("near", "far")}


async def test_a_cycle_ends_and_each_of_its_nodes_is_looked_behind_once() -> None:
    world = World({"root": [tie("a")], "a": [tie("b")], "b": [tie("root"), tie("b")]})
    found = await walked(world)
    assert world.asked == [["root"], ["a"], ["b"]]
    assert joins(found) == {("root", "a"), ("a", "b"), ("b", "root"), ("b", "b")}
    assert found.reasons == set()


CHAIN = {str(number): [tie(str(number + 1))] for number in range(20)}


@pytest.mark.parametrize("depth", range(1, 11))
async def test_depth_n_gives_n_levels_exactly(depth: int) -> None:
    world = World(CHAIN)
    found = await walked(world, root="0", depth=depth)
    assert levels(found) == {str(number): number for number in range(depth + 1)}
    assert len(world.asked) == depth
    assert unexpanded(found) == {str(depth)}
    assert found.reasons == {IncompleteReason.DEPTH_LIMIT}


async def test_a_level_is_asked_for_all_at_once() -> None:
    wide = [tie(f"leaf {number}") for number in range(100)]
    world = World({"root": wide})
    await walked(world, depth=2)
    assert [len(asked) for asked in world.asked] == [1, 100]


async def test_the_last_level_is_no_limit_where_nothing_can_lie_behind_it() -> None:
    found = await walked(World({"root": [tie("end")]}, ends=["end"]), depth=1)
    assert found.reasons == set()
    assert unexpanded(found) == set()


async def test_nodes_past_the_limit_are_left_out_and_their_neighbours_marked() -> None:
    world = World({"root": [tie("a"), tie("b")], "a": [tie("c"), tie("d")], "b": [tie("a")]})
    found = await walked(world, most=4)
    assert set(levels(found)) == {"root", "a", "b", "c"}
    assert joins(found) == {("root", "a"), ("root", "b"), ("a", "c"), ("b", "a")}
    assert found.reasons == {IncompleteReason.NODE_LIMIT}
    assert unexpanded(found) == {"a", "c"}  # c was never looked behind


async def test_exactly_as_many_nodes_as_are_allowed_is_no_limit() -> None:
    found = await walked(World(DIAMOND), most=4)
    assert found.reasons == set()
    assert unexpanded(found) == set()


async def test_a_limit_leaves_out_experiments_last_and_forgets_none_that_is_served() -> None:
    served = tie("z test", Heading.DOWN, LineageRelation.SERVED_IN)
    found = await walked(World({"root": [tie("a", Heading.DOWN), served]}, ends=["z test"]), DOWN, most=2)
    assert set(levels(found)) == {"root", "z test"}
    alone = World({"root": [Tie(served.target, served.relation, (), Heading.DOWN, use=Use(None, None))]})
    assert [item.target.key for item in (await walked(alone, DOWN, most=1)).served] == ["z test"]


async def test_a_start_that_does_not_exist_is_answered_at_once() -> None:
    world = World({}, gone=["root"])
    found = await walked(world, LineageDirection.BOTH)
    assert levels(found) == {"root": 0}
    assert found.joins == {}
    assert world.asked == [["root", "root"]]
    assert unexpanded(found) == {"root"}
    assert found.reasons == set()


async def test_a_start_without_edges_is_answered_at_once() -> None:
    world = World({})
    found = await walked(world)
    assert (levels(found), found.joins, world.asked) == ({"root": 0}, {}, [["root"]])
    assert unexpanded(found) == set()
    nowhere = World({}, ends=["root"])
    assert levels(await walked(nowhere)) == {"root": 0}
    assert nowhere.asked == []


@pytest.mark.parametrize(
    "verdict", [NotFound("gone"), SourceUnavailable("there", "down"), SourceForbidden("there", "no")]
)
async def test_a_node_that_is_known_to_be_unresolved_is_shown_and_not_looked_behind(verdict: GraphError) -> None:
    world = World({"root": [tie("a", verdict=verdict), tie("b")]})
    found = await walked(world)
    assert found.places[at("a")].verdict is verdict
    assert unexpanded(found) == {"a"}
    assert world.asked == [["root"], ["b"]]
    assert joins(found) == {("root", "a"), ("root", "b")}


async def test_two_runs_of_one_pipeline_are_two_nodes() -> None:
    world = World({"root": [tie("nightly/monday"), tie("nightly/tuesday")], "nightly/monday": [tie("frames/monday")]})
    found = await walked(world)
    assert set(levels(found)) == {"root", "nightly/monday", "nightly/tuesday", "frames/monday"}
    assert ("nightly/tuesday", "frames/monday") not in joins(found)


async def test_an_edge_found_from_both_ends_is_one_with_the_evidence_of_both() -> None:
    world = World(
        {
            ("root", Heading.UP): [tie("a", Heading.UP, LineageRelation.CONSUMES, says="here: read")],
            ("root", Heading.DOWN): [tie("b", Heading.DOWN)],
            ("b", Heading.DOWN): [tie("a", Heading.DOWN)],
            ("a", Heading.DOWN): [tie("root", Heading.DOWN, LineageRelation.CONSUMES, says="here: seen from above")],
        }
    )
    found = await walked(world, LineageDirection.BOTH)
    grounds = found.joins[Join(at("root"), at("a"), LineageRelation.CONSUMES)]
    assert [ground.asserted_by for ground in grounds] == ["here: read", "here: seen from above"]
    assert len(found.joins) == 3


async def test_both_goes_up_and_down_from_the_root_but_never_down_from_what_lies_above() -> None:
    world = World(
        {
            ("root", Heading.UP): [tie("above")],
            ("root", Heading.DOWN): [tie("below", Heading.DOWN)],
            ("above", Heading.DOWN): [tie("beside", Heading.DOWN)],
            ("below", Heading.UP): [tie("beside")],
        }
    )
    assert set(levels(await walked(world, LineageDirection.BOTH))) == {"root", "above", "below"}


@pytest.mark.parametrize(
    ("relation", "heading", "subject"),
    [
        (LineageRelation.CONSUMES, Heading.UP, "root"),
        (LineageRelation.CONSUMES, Heading.DOWN, "other"),
        (LineageRelation.PRODUCES, Heading.UP, "other"),
        (LineageRelation.PRODUCES, Heading.DOWN, "root"),
        (LineageRelation.SERVED_IN, Heading.UP, "other"),
        (LineageRelation.VERSION_OF, Heading.DOWN, "root"),
        (LineageRelation.TRIGGERED_BY, Heading.DOWN, "other"),
    ],
)
async def test_an_edge_reads_the_same_whichever_way_it_was_found(
    relation: LineageRelation, heading: Heading, subject: str
) -> None:
    world = World({"root": [tie("other", heading, relation)]}, ends=["other"])
    found = await walked(world, UP if heading is Heading.UP else DOWN)
    ((join),) = found.joins
    assert join.subject.key == subject
