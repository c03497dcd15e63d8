"""Scalars of our own: one form of time, taken back as it was given, and a specification behind each."""

from __future__ import annotations

import pytest
from graphql import GraphQLScalarType, StringValueNode, is_specified_scalar_type, parse, validate

from schema.build import build_schema

GRAPH = build_schema()._schema
# Federation's own scalar stands only in what routers ask.
OWN = [
    kind
    for kind in GRAPH.type_map.values()
    if isinstance(kind, GraphQLScalarType) and not is_specified_scalar_type(kind) and kind.name != "_Any"
]


@pytest.fixture
def date_time() -> GraphQLScalarType:
    scalar = GRAPH.type_map["DateTime"]
    assert isinstance(scalar, GraphQLScalarType)
    return scalar


def test_a_time_is_taken_back_exactly_as_it_was_given(date_time: GraphQLScalarType) -> None:
    written = "2026-11-22T02:00:00.000Z"
    assert date_time.parse_value(written) == written
    assert date_time.parse_literal(StringValueNode(value=written)) == written
    assert date_time.serialize(written) == written


@pytest.mark.parametrize(
    "other",
    [
        "2026-11-22",
        "2026-11-22T02:00:00Z",
        "2026-11-22T02:00:00.00Z",
        "2026-11-22T02:00:00.000000Z",
        "2026-11-22T02:00:00.000+00:00",
        "2026-11-22T02:00:00.000z",
        "2026-11-22 02:00:00.000Z",
        " 2026-11-22T02:00:00.000Z",
        "2026-11-22T02:00:00.000Z\n",
        "2026-13-22T02:00:00.000Z",
        "2026-02-30T02:00:00.000Z",
        "2026-11-22T25:00:00.000Z",
        "\uff12\uff10\uff12\uff16-11-22T02:00:00.000Z",
        "",
        "now",
        1_795_312_800_000,
        1_795_312_800.0,
        True,
    ],
    ids=repr,
)
def test_a_time_in_any_other_form_is_refused(date_time: GraphQLScalarType, other: object) -> None:
    """So text order is time order, for whatever was sent as well as for what is answered."""
    with pytest.raises(ValueError, match=r"written like 2026-11-22T02:00:00\.000Z"):
        date_time.parse_value(other)


def test_a_time_of_another_form_is_refused_before_anything_is_asked() -> None:
    document = parse('{ pipeline(name: "x") { runs(since: "2026-11-22") { totalCount } } }')
    (error,) = validate(GRAPH, document)
    assert "2026-11-22T02:00:00.000Z" in error.message


@pytest.mark.parametrize("scalar", OWN, ids=str)
def test_every_scalar_of_our_own_says_where_it_is_specified(scalar: GraphQLScalarType) -> None:
    assert (scalar.specified_by_url or "").startswith("https://")
